// Ce qui anime un diaporama : reveal.js réglé et traduit, le thème, l'aide, les notes de l'orateur.
(() => {
  const root = document.documentElement, body = document.body;
  const query = new URLSearchParams(location.search), printing = query.has("print-pdf");
  const one = (selector, node = document) => node.querySelector(selector);
  const make = (tag, properties = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  };

  // ---------- clair ou sombre : le choix du système, sinon celui de la touche T

  const stored = (value) => {
    try {
      if (value) localStorage.setItem("diaporama-theme", value);
      return localStorage.getItem("diaporama-theme");
    } catch {
      return null; // un navigateur qui refuse de retenir quoi que ce soit
    }
  };
  const system = matchMedia("(prefers-color-scheme: dark)");
  const dress = (theme) => {
    root.dataset.theme = printing ? "light" : theme;
    if (speaker.alive()) speaker.window.document.documentElement.dataset.theme = root.dataset.theme;
  };
  const speaker = { window: null, alive: () => Boolean(speaker.window && !speaker.window.closed) };
  dress(stored() ?? (system.matches ? "dark" : "light"));
  system.addEventListener("change", () => stored() || dress(system.matches ? "dark" : "light"));

  // ---------- l'aide et les notes sous la diapositive

  const help = one("dialog.aide"), panel = one(".panneau"), notice = one(".annonce");
  one(".ouvrir-aide").addEventListener("click", () => help.showModal());
  const slide = () => Reveal.getCurrentSlide();
  const notes = (node) => [...(one("aside.notes", node)?.cloneNode(true).childNodes ?? [])];
  const showNotes = (shown) => {
    panel.hidden = !shown;
    body.classList.toggle("avec-notes", shown);
    panel.replaceChildren(...notes(slide()));
    Reveal.layout();
    fit();
  };
  const announce = (text) => {
    notice.textContent = text;
    notice.hidden = false;
    setTimeout(() => { notice.hidden = true; }, 8000);
  };

  // ---------- la fenêtre de l'orateur : la diapositive, la suivante, les notes, l'heure

  const two = (n) => String(n).padStart(2, "0");
  const lasting = (seconds) => `${Math.floor(seconds / 60)}:${two(seconds % 60)}`;
  const preview = (node) => {
    const copy = node.cloneNode(true);
    copy.className = copy.className.replace(/\b(past|future|present)\b/g, "");
    copy.removeAttribute("hidden");
    copy.removeAttribute("aria-hidden");
    copy.removeAttribute("style");
    copy.inert = true;
    one("aside.notes", copy)?.remove();
    return make("div", { className: "reveal" }, make("div", { className: "slides" }, copy));
  };
  const planned = () => {
    const all = Reveal.getSlides(), here = all.indexOf(slide());
    return all.slice(0, here + 1).reduce((sum, node) => sum + Number(node.dataset.minutes), 0);
  };
  speaker.update = () => {
    if (!speaker.alive()) return;
    const page = speaker.window.document, all = Reveal.getSlides(), here = all.indexOf(slide());
    const put = (selector, node) => one(selector, page).replaceChildren(...(node ? [page.adoptNode(preview(node))] : []));
    put(".apercu.ici", slide());
    put(".apercu.apres", all[here + 1]);
    one(".fin", page).hidden = here + 1 < all.length;
    one(".notes", page).replaceChildren(...notes(slide()).map((node) => page.adoptNode(node)));
    one(".notes", page).scrollTop = 0;
    one(".place", page).textContent = `${here + 1} / ${all.length}`;
    one(".prevu", page).textContent = `${planned()} min`;
    speaker.resize();
  };
  speaker.resize = () => {
    if (!speaker.alive()) return;
    for (const box of speaker.window.document.querySelectorAll(".apercu")) {
      const inner = one(".reveal", box);
      if (inner) inner.style.transform = `scale(${box.clientWidth / 1280})`;
    }
  };
  speaker.open = () => {
    if (speaker.alive()) return speaker.window.focus();
    speaker.window = window.open("", "", "popup,width=1180,height=760");
    if (!speaker.window) {
      announce("Le navigateur a bloqué la fenêtre de l’orateur : voici les notes sous la diapositive.");
      showNotes(true);
      return;
    }
    const page = speaker.window.document;
    page.title = `Orateur – ${document.title}`;
    page.documentElement.lang = "fr";
    page.documentElement.dataset.theme = root.dataset.theme;
    document.querySelectorAll("style").forEach((style) => page.head.append(page.importNode(style, true)));
    const button = (text, onclick) => make("button", { type: "button", textContent: text, onclick });
    let start = Date.now();
    const layout = make("main", { className: "orateur" },
      make("header", {},
        make("span", {}, "Diapositive ", make("b", { className: "place" })),
        make("span", {}, "Écoulé ", make("b", { className: "ecoule" })),
        make("span", {}, "Prévu ", make("b", { className: "prevu" })),
        make("span", {}, "Il est ", make("b", { className: "heure" })),
        make("span", { className: "espace" }),
        button("Précédente", () => Reveal.prev()), button("Suivante", () => Reveal.next()),
        button("Remettre le chronomètre à zéro", () => { start = Date.now(); tick(); })),
      make("div", { className: "colonne" },
        make("div", {}, make("h2", { textContent: "À l’écran" }), make("div", { className: "apercu ici" })),
        make("div", {}, make("h2", { textContent: "Ensuite" }), make("div", { className: "apercu apres" }),
          make("p", { className: "fin", textContent: "C’est la dernière diapositive.", hidden: true }))),
      make("div", { className: "colonne" }, make("h2", { textContent: "Notes" }),
        make("div", { className: "notes", tabIndex: 0 })));
    page.body.replaceChildren(page.adoptNode(layout));
    const tick = () => {
      if (!speaker.alive()) return clearInterval(timer);
      const now = new Date();
      one(".heure", page).textContent = `${now.getHours()} h ${two(now.getMinutes())}`;
      one(".ecoule", page).textContent = lasting(Math.floor((now - start) / 1000));
    };
    const timer = setInterval(tick, 1000);
    page.addEventListener("keydown", (event) => {
      const back = ["ArrowLeft", "ArrowUp", "PageUp", "Backspace"].includes(event.key);
      const ahead = ["ArrowRight", "ArrowDown", "PageDown", " ", "Enter"].includes(event.key);
      if (event.target.tagName === "BUTTON" && [" ", "Enter"].includes(event.key)) return;
      if (!back && !ahead) return shortcut(event);
      event.preventDefault();
      if (back) Reveal.prev();
      else Reveal.next();
    });
    speaker.window.addEventListener("resize", speaker.resize);
    speaker.update();
    tick();
  };
  window.addEventListener("pagehide", () => speaker.alive() && speaker.window.close());

  // ---------- le clavier : nos touches d'abord, puis celles de reveal.js

  const shortcut = (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return false;
    const keys = {
      s: speaker.open,
      n: () => showNotes(panel.hidden),
      t: () => {
        const theme = root.dataset.theme === "dark" ? "light" : "dark";
        stored(theme);
        dress(theme);
      },
      "?": () => help.showModal(),
      F1: () => help.showModal(),
    };
    const action = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return false;
    event.preventDefault();
    action();
    return true;
  };
  const typing = (node) => node.matches?.("textarea, input:not([type=range], [type=checkbox], [type=radio])");
  document.addEventListener("keydown", (event) => {
    if (help.open) return event.stopImmediatePropagation();
    const figure = event.target.closest?.(".d2l-fig");
    if (figure) {
      // Une figure a le clavier : seules la télécommande et Échap le lui reprennent.
      const way = { PageDown: "next", PageUp: "prev" }[event.key];
      if (way) Reveal[way]();
      if (event.key === "Escape") event.target.blur();
      if (way || event.key === "Escape") event.preventDefault();
      if (way || event.key === "Escape" || typing(event.target)) return event.stopImmediatePropagation();
    }
    if (!figure && shortcut(event)) event.stopImmediatePropagation();
  }, true);

  // ---------- les figures vivantes : aussi grandes que la diapositive le permet

  const fit = async () => {
    const box = one(".figure-vivante", slide());
    if (!box || printing) return;
    await d2lFigures.ready(box);
    const figure = one(".d2l-fig", box);
    if (figure && !document.fullscreenElement?.matches(".d2l-fig")) figure.d2l.fit(box.clientHeight);
    speaker.update();
  };

  // ---------- reveal.js

  const translate = () => {
    const names = { "navigate-left": "Diapositive précédente", "navigate-right": "Diapositive suivante" };
    for (const [name, label] of Object.entries(names)) one(`.controls .${name}`)?.setAttribute("aria-label", label);
    document.querySelectorAll(".controls :is(.navigate-up, .navigate-down)").forEach((node) => node.remove());
    const resume = one(".resume-button");
    if (resume) resume.textContent = "Reprendre";
    one(".reveal").removeAttribute("role");
  };
  document.querySelectorAll(".figure-vivante").forEach((box) => box.setAttribute("data-prevent-swipe", ""));
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  Reveal.initialize({
    width: 1280, height: 720, margin: 0, minScale: 0.1, maxScale: 5, center: false, display: "flex",
    hash: true, help: false, jumpToSlide: false, slideNumber: "c/t", transition: calm ? "none" : "fade",
    transitionSpeed: "fast", backgroundTransition: "none", scrollActivationWidth: null, viewDistance: 2,
    pdfSeparateFragments: false, pdfMaxPagesPerSlide: 1, showNotes: printing && query.has("notes") ? "separate-page" : false,
    keyboardCondition: (event) => !event.target?.closest?.(".d2l-fig"),
  }).then(() => {
    translate();
    fit();
  });
  const moved = () => {
    if (!panel.hidden) panel.replaceChildren(...notes(slide()));
    fit();
    speaker.update();
  };
  Reveal.on("slidechanged", moved);
  for (const event of ["fragmentshown", "fragmenthidden"]) Reveal.on(event, speaker.update);
  for (const event of ["resize", "overviewhidden"]) Reveal.on(event, () => fit());
  document.addEventListener("fullscreenchange", () => fit());
  document.addEventListener("change", speaker.update);
})();
