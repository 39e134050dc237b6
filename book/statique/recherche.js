// La recherche : une boîte de dialogue, ou la page search.html. Ce script charge l'index et le
// moteur à la première recherche, et le texte d'une page quand un extrait en est demandé.
(() => {
  if (window.d2lRecherche) return;
  const api = window.d2lRecherche = {};
  const base = new URL("./", document.currentScript.src);
  const root = new URL(document.documentElement.dataset.racine || "./", location.href);
  const loaded = new Map();

  const load = (name) => {
    if (!loaded.has(name)) {
      loaded.set(name, new Promise((resolve, reject) => {
        const script = document.createElement("script");
        Object.assign(script, { src: new URL(name, base), async: false, onload: resolve, onerror: reject });
        document.head.append(script);
      }).catch((error) => { loaded.delete(name); throw error; }));
    }
    return loaded.get(name);
  };
  const ready = () => Promise.all(
    ["racines", "lexique", "moteur", "index"].map((name) => load(`recherche-${name}.js`)),
  ).then(() => api.preparer());
  const element = (tag, properties = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  };
  const marked = (parts) => parts.map(([text, hit]) => (hit ? element("mark", {}, text) : text));

  // ---------- les résultats, dans une boîte, avec leur champ et leur annonce

  const message = (query, { total, results, fixed, missing }) => {
    if (!total) return `Rien dans le livre pour « ${query} ».`;
    const corrected = fixed.map(([word, form]) => `« ${word} » n’est pas dans le livre, « ${form} » si. `).join("");
    const absent = missing.length ? `Introuvable : ${missing.map((word) => `« ${word} »`).join(", ")}. ` : "";
    const count = total === 1 ? "1 passage." : total > results.length
      ? `${total} passages ; voici les ${results.length} plus proches.` : `${total} passages.`;
    return corrected + absent + count;
  };
  const pageTitle = (passage, all) => {
    const [, , number] = passage.page;
    return (number ? `${number}. ` : "") + all(passage.first).title;
  };
  const item = (passage, marks) => {
    const link = element("a", { href: new URL(`${passage.page[0]}.html#${passage.anchor}`, root).href },
      ...marked(api.marquer(passage.title, marks)));
    const page = element("span", { className: "recherche-page-nom" }, pageTitle(passage, api.passage));
    const excerpt = element("p", { className: "recherche-extrait" });
    load(`recherche/${passage.page[0].replaceAll("/", "-")}.js`).then(
      () => excerpt.replaceChildren(...marked(api.extrait(passage, marks) ?? [])),
      () => {},
    );
    return element("li", {}, element("p", { className: "recherche-titre" }, link, page), excerpt);
  };
  const advice = () => element("p", { className: "recherche-conseil" },
    "Vérifiez l’orthographe, essayez un seul mot, ou un mot plus courant. Le ",
    element("a", { href: new URL("glossaire.html", root).href }, "glossaire"),
    " donne les mots du livre et leurs noms anglais.");

  const attach = (input, results, status, opening) => {
    let asked = 0;
    const show = async (typing = true) => {
      const query = input.value.trim(), mine = asked += 1;
      if (!query) {
        results.replaceChildren();
        status.textContent = "";
        return;
      }
      try {
        await ready();
      } catch {
        status.textContent = "La recherche n’a pas pu se charger. Rechargez la page pour réessayer.";
        return;
      }
      if (mine !== asked) return;
      const found = api.chercher(input.value, typing);
      status.textContent = message(query, found);
      results.replaceChildren(found.total
        ? element("ol", { className: "recherche-liste" }, ...found.results.map((one) => item(one, found.marks)))
        : advice());
      results.scrollTop = 0;
    };
    const links = () => [...results.querySelectorAll("a")];
    const move = (event) => {
      const all = links(), at = all.indexOf(document.activeElement);
      if (opening && event.key === "Enter" && at < 0 && !event.isComposing) {
        results.querySelector("li a")?.click();
      }
      if (!["ArrowDown", "ArrowUp"].includes(event.key) || !all.length) return;
      event.preventDefault();
      const next = at + (event.key === "ArrowDown" ? 1 : -1);
      (next < 0 ? input : all[Math.min(next, all.length - 1)]).focus();
    };
    input.addEventListener("input", () => show());
    for (const box of [input, results]) box.addEventListener("keydown", move);
    return show;
  };

  // ---------- la boîte de dialogue

  let dialog = null, field = null;
  const build = () => {
    field = element("input", {
      type: "search", id: "recherche-champ", autocomplete: "off", spellcheck: false, enterKeyHint: "search",
    });
    field.setAttribute("aria-describedby", "recherche-aide");
    const results = element("div", { className: "recherche-resultats" });
    const status = element("p", { className: "recherche-etat" });
    status.setAttribute("role", "status");
    const close = element("button", { type: "button", className: "recherche-fermer" }, "Fermer");
    dialog = element("dialog", { className: "recherche" },
      element("div", { className: "recherche-tete" },
        element("label", { htmlFor: field.id }, "Rechercher dans le livre"), close, field),
      status, results,
      element("p", { id: "recherche-aide", className: "recherche-aide" },
        "Flèches : passer d’un résultat à l’autre. Entrée : ouvrir. Échap : fermer."));
    dialog.setAttribute("aria-label", "Recherche");
    document.body.append(dialog);
    attach(field, results, status, true);
    close.addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog || event.target.closest("a")) dialog.close();
    });
    dialog.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      dialog.close();
    });
  };
  api.ouvrir = () => {
    if (!dialog) build();
    if (!dialog.open) dialog.showModal();
    field.focus();
    field.select();
    ready().catch(() => {});
  };

  // ---------- la page search.html

  const onPage = () => {
    const form = document.querySelector("form.recherche-page"), results = document.getElementById("resultats-recherche");
    if (!form || !results) return;
    const input = form.elements.q;
    const near = [results.nextElementSibling, ...document.querySelectorAll("[role=status]")];
    const status = near.find((node) => node?.getAttribute("role") === "status");
    input.value = new URLSearchParams(location.search).get("q") ?? "";
    const show = attach(input, results, status, false);
    const remember = () => {
      try {
        history.replaceState(null, "", `?${new URLSearchParams({ q: input.value })}`);
      } catch { /* depuis un dossier, le navigateur peut refuser */ }
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      remember();
      show(false);
    });
    input.addEventListener("change", remember);
    if (input.value) show(false);
    else input.focus();
  };
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", onPage);
  else onPage();
})();
