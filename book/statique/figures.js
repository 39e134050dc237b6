// Anime les figures vivantes d'une page : chacune n'est chargée qu'à l'approche de l'écran.
// Des scripts ordinaires, et non des modules : le livre s'ouvre aussi depuis le disque.
(() => {
  const modules = new Map(), states = new Map(), scripts = new Map();
  // Vide dans un diaporama : son fichier contient déjà le code et l'état de ses figures.
  const source = document.currentScript.src, base = source && new URL("figures/", source).href;
  const whole = new Promise((resolve) => document.addEventListener("DOMContentLoaded", resolve));

  window.d2lFigures = {
    module: (name, factory) => modules.set(name, factory),
    state: (name, state) => states.set(name, state),
    ready: (box) => ready(box),
  };

  const load = (file) => {
    if (!base) return whole;
    if (!scripts.has(file)) {
      scripts.set(file, new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = base + file;
        script.onload = resolve;
        script.onerror = () => reject(new Error(`${file} n'a pas pu être chargé`));
        document.head.append(script);
      }));
    }
    return scripts.get(file);
  };

  // Ce que Jupyter donnerait : un état, et des événements quand il change.
  const makeModel = ({ state, buffers = [] }) => {
    const values = structuredClone(state), listeners = new Map();
    for (const { path, data } of buffers) {
      const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
      path.slice(0, -1).reduce((object, key) => object[key], values)[path.at(-1)] = new DataView(bytes.buffer);
    }
    const emit = (event) => [...(listeners.get(event) ?? [])].forEach((callback) => callback());
    return {
      get: (key) => values[key],
      set(key, value) {
        if (values[key] === value) return;
        values[key] = value;
        emit(`change:${key}`);
      },
      save_changes() {},
      on: (event, callback) => listeners.set(event, [...(listeners.get(event) ?? []), callback]),
      off: (event, callback) => listeners.set(event, (listeners.get(event) ?? []).filter((f) => f !== callback)),
    };
  };

  const start = async (box) => {
    const { figure, etat } = box.dataset, began = performance.now();
    try {
      await Promise.all([load(`${figure}.js`), load(`${etat}.js`)]);
      const el = document.createElement("div");
      el.className = "vive";
      box.append(el);
      await modules.get(figure)().render({ model: makeModel(states.get(etat)), el });
      // Une police plus large que prévu, et la place gardée ne suffit plus : elle s'étend.
      const root = el.firstElementChild;
      new ResizeObserver(() => {
        if (!document.fullscreenElement && root.offsetHeight > el.clientHeight + 1) el.classList.add("haute");
      }).observe(root);
      box.classList.add("prete");
      box.dataset.duree = (performance.now() - began).toFixed(1); // chargement compris
    } catch (error) {
      console.error(error);
      box.querySelector(".vive")?.remove();
      const note = document.createElement("p");
      note.textContent = "Cette figure n’a pas pu s’animer ; en voici la forme imprimée.";
      box.prepend(note);
    }
  };

  const boxes = document.querySelectorAll(".figure-vivante"), started = new Map();
  const ready = (box) => {
    if (!started.has(box)) started.set(box, start(box));
    return started.get(box);
  };
  const observer = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      observer.unobserve(target);
      ready(target);
    }
  }, { rootMargin: "600px 0px" });
  boxes.forEach((box) => observer.observe(box));

  // La page qui les rassemble se projette : une figure à la fois, en plein écran.
  const launch = document.querySelector("button.presenter");
  if (!launch) return;
  if (!document.fullscreenEnabled) launch.disabled = true;
  const article = launch.closest("article");
  const slides = [...article.querySelectorAll(".vivante")].map((box) => box.closest("section"));
  const make = (text, onclick) => {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: text, onclick });
    return button;
  };
  let current = 0;
  const place = document.createElement("span");
  const go = (index) => {
    current = Math.max(0, Math.min(slides.length - 1, index));
    slides.forEach((slide, i) => slide.classList.toggle("courante", i === current));
    place.textContent = `${current + 1} / ${slides.length}`;
    article.scrollTop = 0;
    fit();
  };
  const drawn = (slide) => slide.querySelector(".d2l-fig");
  const fit = async () => {
    if (document.fullscreenElement !== article) return;
    const slide = slides[current];
    await ready(slide.querySelector(".figure-vivante"));
    const figure = drawn(slide);
    if (!figure || slide !== slides[current]) return;
    figure.d2l.fit(innerHeight - figure.getBoundingClientRect().top - bar.offsetHeight - 16);
  };
  window.addEventListener("resize", fit);
  const bar = document.createElement("div");
  bar.className = "presentation-barre";
  bar.append(make("Précédente", () => go(current - 1)), place, make("Suivante", () => go(current + 1)),
    make("Quitter", () => document.exitFullscreen()));
  launch.addEventListener("click", () => article.requestFullscreen());
  document.addEventListener("fullscreenchange", () => {
    const shown = document.fullscreenElement === article;
    article.classList.toggle("presentation", shown);
    if (shown) {
      article.append(bar);
      go(current);
    } else if (!document.fullscreenElement) {
      bar.remove();
      slides.forEach((slide) => {
        slide.classList.remove("courante");
        drawn(slide)?.d2l.unfit();
      });
    }
  });
  // Ce qu'envoient les télécommandes de présentation.
  document.addEventListener("keydown", (event) => {
    if (document.fullscreenElement !== article || event.defaultPrevented) return;
    const way = { PageDown: 1, PageUp: -1 }[event.key];
    if (way) {
      event.preventDefault();
      go(current + way);
    }
  });
})();
