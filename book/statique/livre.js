// Le script de toutes les pages. Sans lui, tout reste lisible : il ajoute du confort, et ne garde
// ses souvenirs (couleurs, place, réponses) que dans ce navigateur.
(() => {
  const root = document.documentElement, page = location.pathname.split("/").pop() || "index.html";
  const $ = (selector, from = document) => from.querySelector(selector);
  const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
  const base = new URL(root.dataset.racine || "./", location.href);

  // Un navigateur peut refuser qu'on se souvienne : on s'en passe.
  const memory = {
    get(key) { try { return JSON.parse(localStorage.getItem(key)); } catch { return null; } },
    set(key, value) { try { localStorage.setItem(key, JSON.stringify(value)); } catch { /* refusé */ } },
    forget(prefix) {
      try { Object.keys(localStorage).filter((key) => key.startsWith(prefix)).forEach((key) => localStorage.removeItem(key)); } catch { /* refusé */ }
    },
  };

  // ---------- menu des petits écrans
  const menuButton = $(".bouton-menu"), menu = $("#menu");
  const showMenu = (open) => {
    root.classList.toggle("menu-ouvert", open);
    menuButton.setAttribute("aria-expanded", String(open));
    if (open) $("a[aria-current]", menu)?.scrollIntoView({ block: "center" });
  };
  menuButton.addEventListener("click", () => {
    const open = !root.classList.contains("menu-ouvert");
    showMenu(open);
    if (open) $("a", menu).focus({ preventScroll: true });
  });
  menu.addEventListener("click", (event) => event.target.closest("a") && showMenu(false));
  addEventListener("click", (event) => {
    if (root.classList.contains("menu-ouvert") && !event.target.closest("#menu, .bouton-menu")) showMenu(false);
    $$("details.volet[open]").forEach((box) => box.contains(event.target) || (box.open = false));
  });
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    if (root.classList.contains("menu-ouvert")) { showMenu(false); menuButton.focus(); }
    $$("details.volet[open]").forEach((box) => {
      if (box.contains(document.activeElement)) $("summary", box).focus();
      box.open = false;
    });
  });

  // ---------- couleurs
  for (const radio of $$("input[name=couleurs]")) {
    radio.checked = radio.value === root.dataset.couleurs;
    radio.addEventListener("change", () => {
      try { localStorage.setItem("couleurs", radio.value); } catch { /* refusé */ }
      const dark = matchMedia("(prefers-color-scheme: dark)").matches;
      root.dataset.couleurs = radio.value;
      root.dataset.theme = radio.value === "auto" ? (dark ? "dark" : "light") : radio.value;
    });
  }

  // ---------- recherche
  let searching;
  const search = () => {
    searching ??= new Promise((resolve, reject) => {
      if (window.d2lRecherche) return resolve();
      const script = document.createElement("script");
      script.src = new URL("_static/recherche.js", base).href;
      script.onload = resolve;
      script.onerror = reject;
      document.head.append(script);
    });
    return searching.then(() => window.d2lRecherche.ouvrir());
  };
  for (const link of $$("a.ouvrir-recherche")) {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      search().catch(() => { location.href = link.href; });
    });
  }
  addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select, [contenteditable], .vive");
    const slash = event.key === "/" && !typing && !event.ctrlKey && !event.altKey && !event.metaKey;
    const control = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey;
    if (!slash && !control) return;
    event.preventDefault();
    search().catch(() => { location.href = new URL("search.html", base).href; });
  });

  // ---------- code à copier
  // D'une session, on ne recopie que ce qui s'y tape : ni invites, ni résultats.
  const typed = (text) => (text.startsWith(">>> ")
    ? text.match(/^(?:>>>|\.\.\.)(?: .*)?$/gm).map((line) => line.slice(4)).join("\n")
    : text.replace(/\n$/, ""));
  const addCopy = (code) => {
    const block = code.parentElement, button = document.createElement("button");
    if (!block.matches("div.highlight") || $(".copier", block) || block.closest(".cell_output")) return;
    Object.assign(button, { type: "button", className: "copier", textContent: "Copier" });
    button.setAttribute("aria-label", "Copier le code");
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(typed(code.textContent));
        button.textContent = "Copié";
      } catch {
        getSelection().selectAllChildren(code); // sans presse-papiers : Ctrl-C fera le reste
        button.textContent = "Sélectionné";
      }
      setTimeout(() => { button.textContent = "Copier"; }, 1800);
    });
    block.append(button);
  };

  // ---------- ce qui déborde défile, au clavier aussi
  // D'abord près de l'écran. Le reste, mise en page comprise, attend le premier geste du lecteur
  // (« .haut », dans livre.css), puis se fait au repos : d'un coup, un téléphone se figerait.
  const makeReachable = (box) => {
    if (box.matches("pre")) addCopy(box);
    if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  };
  const near = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) makeReachable(entry.target);
  }, { rootMargin: "300px" });
  const idle = window.requestIdleCallback ?? ((work) => setTimeout(() => work({ timeRemaining: () => 8 }), 50));
  const part = "article > section > section", wide = ".figure-svg, div.math, div.highlight pre, .tableau, .cell_output pre";
  const boxes = $$(`${part}, ${wide}`);
  const anchors = CSS.supports("overflow-anchor", "auto");
  const layOut = (section) => {
    const before = section.getBoundingClientRect();
    // Celle qu'on lit l'est déjà ; y toucher suspendrait l'ancrage du défilement.
    if (before.bottom > 0 && before.top < innerHeight) return;
    section.style.contentVisibility = "visible";
    // Ce qui change de taille au-dessus de l'écran ne doit pas déplacer ce qu'on lit.
    if (!anchors && before.bottom < 0) scrollBy(0, section.getBoundingClientRect().height - before.height);
  };
  const layOutAll = () => root.classList.remove("haut");
  let left = [];
  const sweep = (deadline) => {
    while (left.length && deadline.timeRemaining() > 4) {
      const box = left.shift();
      if (!box.matches(part)) makeReachable(box);
      else if (root.classList.contains("haut")) layOut(box);
    }
    if (left.length) return idle(sweep);
    layOutAll();
    root.dataset.pret = "";
  };
  const measureAll = () => {
    const waits = left.length;
    left = [...boxes];
    if (!waits) idle(sweep);
  };
  const watch = () => boxes.filter((box) => box.matches(wide)).forEach((box) => { near.unobserve(box); near.observe(box); });
  addEventListener("load", watch);
  const first = new AbortController();
  const begin = () => {
    first.abort();
    if (scrollY > 2 * innerHeight) { // un bond : il tombe où rien n'a sa hauteur
      const read = $$(part).find((section) => section.getBoundingClientRect().bottom > 0), top = () => read?.getBoundingClientRect().top ?? 0;
      const before = top();
      layOutAll();
      scrollBy(0, top() - before);
    }
    measureAll();
  };
  const gestures = root.classList.contains("haut") ? ["scroll", "pointerdown", "pointermove", "keydown"] : ["load"];
  gestures.forEach((name) => addEventListener(name, begin, { signal: first.signal, passive: true }));
  addEventListener("resize", () => { watch(); if (first.signal.aborted) measureAll(); });
  // Un lien dans la page, la touche Fin : il y faut tout de suite les vraies hauteurs.
  addEventListener("keydown", ({ key }) => key === "End" && layOutAll());
  addEventListener("click", (event) => event.target.closest?.('a[href*="#"]') && layOutAll(), true);

  // ---------- replis : la cible d'un lien s'ouvre ; le papier montre tout
  const target = () => { try { return document.getElementById(decodeURIComponent(location.hash.slice(1))); } catch { return null; } };
  const openAround = () => {
    const found = target();
    for (let box = found?.closest("details"); box; box = box.parentElement?.closest("details")) box.open = true;
    if (found?.closest("details")) found.scrollIntoView();
  };
  addEventListener("hashchange", openAround);
  const printed = new Set();
  addEventListener("beforeprint", () => $$("article details:not([open])").forEach((box) => {
    printed.add(box);
    box.open = true;
  }));
  addEventListener("afterprint", () => { printed.forEach((box) => { box.open = false; }); printed.clear(); });

  // ---------- réponses aux questions : celles qu'on a ouvertes le restent
  const answers = $$("article details.choix"), answersKey = `reponses:${page}`;
  for (const index of memory.get(answersKey) ?? []) if (answers[index]) answers[index].open = true;
  answers.forEach((box) => box.addEventListener("toggle", () => {
    if (printed.size) return;
    memory.set(answersKey, answers.flatMap((other, i) => (other.open ? [i] : [])));
  }));
  openAround();

  // ---------- sommaire : la rubrique qu'on lit
  const links = new Map($$(".sommaire a, #menu li ul a").map((link) => [link, document.getElementById(decodeURIComponent(link.hash.slice(1)))]));
  const listed = new Set(links.values()), sections = $$("article section[id]").filter((section) => listed.has(section));
  let here = null;
  const follow = () => {
    const edge = innerHeight * 0.3;
    let found = null;
    for (const section of sections) {
      if (section.getBoundingClientRect().top > edge) break;
      found = section;
    }
    if (found === here) return;
    here = found;
    for (const [link, section] of links) {
      if (section === here && here) link.setAttribute("aria-current", "location");
      else link.removeAttribute("aria-current");
    }
    const shown = $(".sommaire a[aria-current]"), column = $(".sommaire");
    if (shown && column) {
      const box = shown.getBoundingClientRect(), frame = column.getBoundingClientRect();
      if (box.top < frame.top + 40 || box.bottom > frame.bottom - 40) column.scrollTop += box.top - frame.top - frame.height / 2;
    }
  };

  // ---------- place de lecture : gardée page par page, proposée au retour, jamais imposée
  const article = $("main article"), placeKey = `place:${page}`;
  const heading = (section) => [...$("h1, h2, h3", section).childNodes]
    .filter((node) => !node.classList?.contains("headerlink")).map((node) => node.textContent).join("").trim();
  const keepPlace = () => {
    if (!article || !sections.length) return;
    const end = article.getBoundingClientRect().bottom < innerHeight * 1.2;
    if (!here || end) memory.forget(placeKey);
    else memory.set(placeKey, { id: here.id, titre: heading(here) });
    memory.set("lecture", { page, titre: heading(article), id: end ? "" : here?.id ?? "" });
  };
  // Posée au-dessus de la page, elle ne déplace rien ; elle s'efface dès qu'on lit.
  const offer = (text, label, href) => {
    const note = document.createElement("aside"), link = document.createElement("a"), close = document.createElement("button");
    note.className = "reprendre";
    note.setAttribute("aria-label", "Reprendre la lecture");
    Object.assign(link, { href, textContent: label });
    Object.assign(close, { type: "button", textContent: "Fermer" });
    close.addEventListener("click", () => note.remove());
    link.addEventListener("click", () => note.remove());
    note.append(`${text} `, link, close);
    document.body.append(note);
    addEventListener("scroll", () => scrollY > 400 && note.remove(), { passive: true });
  };
  if (article && !location.hash) {
    const place = memory.get(placeKey), last = memory.get("lecture");
    if (place?.id && document.getElementById(place.id)) offer("Vous en étiez à\u00a0:", place.titre, `#${place.id}`);
    else if (page === "index.html" && last?.page && last.page !== page && /^[\w-]+\.html$/.test(last.page)) {
      offer("Votre dernière lecture\u00a0:", last.titre, last.page + (last.id ? `#${last.id}` : ""));
    }
  }
  let waiting = 0;
  addEventListener("scroll", () => {
    if (waiting) return;
    waiting = setTimeout(() => { waiting = 0; follow(); keepPlace(); }, 150);
  }, { passive: true });
  addEventListener("load", follow);
  $(".oublier")?.addEventListener("click", (event) => {
    memory.forget("place:");
    memory.forget("reponses:");
    memory.forget("lecture");
    $$(".reprendre").forEach((note) => note.remove());
    answers.forEach((box) => { box.open = false; });
    event.target.textContent = "C’est oublié";
  });

  // ---------- définitions : le glossaire vient au mot, à la souris, au clavier, au doigt
  const terms = $$('article a[href*="glossaire.html#term-"]');
  let definitions, bubble, owner = null, timer = 0;
  const loadDefinitions = () => {
    definitions ??= new Promise((resolve, reject) => {
      window.d2lDefinitions = resolve;
      const script = document.createElement("script");
      script.src = new URL("_static/definitions.js", base).href;
      script.onerror = reject;
      document.head.append(script);
    });
    return definitions;
  };
  const hide = () => {
    clearTimeout(timer);
    if (!owner) return;
    owner.removeAttribute("aria-describedby");
    owner = null;
    bubble.hidden = true;
  };
  const show = async (link) => {
    const all = await loadDefinitions(), text = all[decodeURIComponent(link.hash.slice(1))];
    if (!text || !link.isConnected) return;
    if (!bubble) {
      bubble = document.createElement("div");
      Object.assign(bubble, { id: "definition", className: "definition", hidden: true });
      bubble.setAttribute("role", "tooltip");
      bubble.addEventListener("pointerenter", () => clearTimeout(timer));
      bubble.addEventListener("pointerleave", () => { timer = setTimeout(hide, 200); });
      document.body.append(bubble);
    }
    hide();
    owner = link;
    bubble.innerHTML = text; // écrit par la construction, depuis le glossaire
    bubble.hidden = false;
    const line = link.getClientRects()[0], box = bubble.getBoundingClientRect();
    const above = line.top > box.height + 12;
    bubble.style.left = `${Math.max(8, Math.min(line.left, innerWidth - box.width - 8)) + scrollX}px`;
    bubble.style.top = `${(above ? line.top - box.height - 6 : line.bottom + 6) + scrollY}px`;
    link.setAttribute("aria-describedby", "definition");
  };
  let touched = null;
  for (const link of terms) {
    link.addEventListener("pointerenter", (event) => {
      if (event.pointerType !== "mouse") return;
      clearTimeout(timer);
      timer = setTimeout(() => show(link).catch(() => {}), 250);
    });
    link.addEventListener("pointerleave", (event) => {
      if (event.pointerType !== "mouse") return;
      clearTimeout(timer);
      timer = setTimeout(hide, 250);
    });
    link.addEventListener("focus", () => link.matches(":focus-visible") && show(link).catch(() => {}));
    link.addEventListener("blur", hide);
    // Au doigt : un toucher montre, un second suit le lien.
    link.addEventListener("pointerdown", (event) => { touched = event.pointerType === "mouse" ? null : link; });
    link.addEventListener("click", (event) => {
      if (touched !== link || owner === link) return;
      event.preventDefault();
      show(link).catch(() => { location.href = link.href; });
    });
  }
  addEventListener("keydown", (event) => event.key === "Escape" && hide());
  addEventListener("pointerdown", (event) => owner && !event.target.closest?.(".definition") && event.target.closest?.("a") !== owner && hide());

  // ---------- hors ligne : hors-ligne.js garde le livre entier, une fois la page lue et l'appareil au repos
  const workers = location.protocol.startsWith("http") && root.dataset.hors === "1" && navigator.serviceWorker;
  if (location.protocol === "file:") $("link[rel=manifest]")?.remove(); // le navigateur s'en plaindrait
  if (workers) {
    const register = () => workers.register(new URL("hors-ligne.js", base).href).catch(() => {});
    addEventListener("load", () => {
      if (!navigator.connection?.saveData) (window.requestIdleCallback ?? setTimeout)(register);
    });
    workers.ready.then(() => {
      const line = $("p.hors-ligne");
      if (line) Object.assign(line, { textContent: "Lisible hors ligne", hidden: false });
    });
  }
})();
