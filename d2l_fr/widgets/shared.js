// Ce que partagent les figures vivantes : éléments, nombres, réglages, repères.
// Tout texte passe par des nœuds de texte : rien de ce que tape le lecteur n'est lu comme du HTML.

const SVG = "http://www.w3.org/2000/svg";

function build(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) setAttribute(node, name, value);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// Écrire ce qui s'y trouve déjà ferait refaire le style et la mise en page : on compare d'abord.
function setAttribute(node, name, value) {
  if (name === "style") {
    for (const [property, v] of Object.entries(value)) {
      if (node.style.getPropertyValue(property) !== String(v)) node.style.setProperty(property, v);
    }
  } else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
  else if (value === false || value === null || value === undefined) node.removeAttribute(name);
  else {
    const text = value === true ? "" : String(value);
    if (node.getAttribute(name) !== text) node.setAttribute(name, text);
  }
}

/** Met à jour les attributs d'un élément, et son texte, en n'écrivant que ce qui change. */
export function put(node, attributes, text) {
  for (const [name, value] of Object.entries(attributes ?? {})) setAttribute(node, name, value);
  if (text !== undefined && node.textContent !== String(text)) node.textContent = text;
  return node;
}

/** Un élément HTML : h("p", { class: "note" }, "texte", autreÉlément). */
export function h(tag, attributes, ...children) {
  return build(document.createElement(tag), attributes, children);
}

/** Un élément SVG, de la même façon. */
export function s(tag, attributes, ...children) {
  return build(document.createElementNS(SVG, tag), attributes, children);
}

// ---------- nombres

const formats = new Map();

/** Un nombre à la française, à `digits` décimales (comme d2l.fr). */
export function fr(value, digits = 0) {
  if (Number.isNaN(value)) return "non défini";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (!formats.has(digits)) {
    const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
    formats.set(digits, new Intl.NumberFormat("fr-FR", { ...options, useGrouping: "min2" }));
  }
  const text = formats.get(digits).format(value).replace("-", "−");
  return /[1-9]/.test(text) ? text : text.replace("−", "");
}

const EXPONENT = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

/** Une puissance de dix : power(-3) donne « 10⁻³ ». */
export function power(exponent) {
  if (exponent === 0) return "1";
  return exponent === 1 ? "10" : "10" + String(exponent).replace(/./g, (c) => EXPONENT[c]);
}

/** Un nombre de n'importe quelle grandeur, à trois chiffres : « 0,0123 » ou « 1,23·10⁻⁵ ». */
export function short(value) {
  if (value === 0 || !Number.isFinite(value)) return fr(value);
  const exponent = Math.floor(Math.log10(Math.abs(value)) + 1e-12);
  if (exponent >= -3 && exponent < 6) return fr(value, Math.max(0, 2 - exponent));
  return `${fr(value / 10 ** exponent, 2)}·${power(exponent)}`;
}

/** « 1 mot », « 2 mots » : l'accord au pluriel, dès deux. */
export function count(number, word, plural = `${word}s`) {
  return `${fr(number)} ${Math.abs(number) < 2 ? word : plural}`;
}

/** Les `limit` premiers caractères d'un texte, sans couper un caractère codé sur deux unités. */
export function cut(text, limit) {
  return Array.from(text.slice(0, 2 * limit)).slice(0, limit).join("");
}

/** Un générateur de nombres entre 0 et 1, toujours le même pour la même graine (mulberry32). */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Relit un tableau rangé par d2l_fr/widgets/arrays.py : { shape, data } ; data est à plat. */
export function decode({ dtype, shape, data, scale }) {
  const raw = bytes(data);
  if (dtype === "float16") return { shape, data: Float32Array.from(new Uint16Array(raw), half) };
  if (dtype === "int8" || dtype === "int16") {
    const factors = new Float32Array(bytes(scale)), whole = dtype === "int8" ? new Int8Array(raw) : new Int16Array(raw);
    return { shape, data: Float32Array.from(whole, (v, i) => v * factors[i % factors.length]) };
  }
  const types = { float32: Float32Array, uint8: Uint8Array, uint16: Uint16Array, int32: Int32Array };
  return { shape, data: new types[dtype](raw) };
}

// Une copie : les vues que donne Jupyter ne sont pas toujours alignées.
function bytes(view) {
  return view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);
}

function half(bits) {
  const exponent = (bits >> 10) & 31, fraction = bits & 1023, sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Vrai si le lecteur a demandé moins de mouvement. */
export function calm() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** Vrai pour un raccourci du navigateur : Alt+← est son « page précédente ». */
export function chord(event) {
  return event.ctrlKey || event.metaKey || event.altKey;
}

// ---------- la figure et ses réglages

let serial = 0;

/**
 * Le cadre d'une figure. `ui.top`, `ui.stage`, `ui.controls` reçoivent ce qu'elle montre ;
 * `ui.slider`, `ui.toggle`, `ui.choice`, `ui.text` sont liés à un trait de Python par son nom ;
 * `ui.say` écrit le bilan ; `ui.start(draw)` dessine, puis redessine à chaque changement.
 */
export function figure({ model, el }, { label }) {
  const prefix = `d2l-${++serial}-${Math.random().toString(36).slice(2, 8)}`;
  const top = h("div", { class: "d2l-top" });
  const stage = h("div", { class: "d2l-stage" });
  const status = h("p", { class: "d2l-status", role: "status" });
  const controls = h("div", { class: "d2l-controls" });
  const foot = h("div", { class: "d2l-foot" });
  const root = h("div", { class: "d2l-fig", role: "group", "aria-label": `Figure interactive : ${label}` },
    top, stage, status, controls, foot);
  // JupyterLab prendrait les flèches et les lettres pour ses raccourcis : il s'en abstient si
  // l'élément qui a le focus, et lui seul, porte cet attribut.
  root.addEventListener("focusin", ({ target }) => target.setAttribute("data-lm-suppress-shortcuts", "true"));
  el.append(root);

  const listeners = [], resets = [];
  let frame = 0, draw = null, ids = 0;
  const ui = { root, top, stage, status, controls, foot, model, width: 640, values: {}, elapsed: 0 };
  root.d2l = ui;

  ui.id = () => `${prefix}-${++ids}`;
  ui.get = (key) => model.get(key);
  /** Change un réglage ; `commit` le dit aussi à Python. */
  ui.set = (key, value, commit = true) => {
    model.set(key, value);
    if (commit) model.save_changes();
  };
  ui.listen = (event, callback) => {
    model.on(event, callback);
    listeners.push(() => model.off(event, callback));
  };
  /** Ce que fait « Réinitialiser » en plus de remettre les réglages. */
  ui.onReset = (callback) => resets.push(callback);
  ui.onDispose = (callback) => listeners.push(callback);
  ui.say = (text) => put(status, null, text);

  ui.redraw = () => { frame ||= requestAnimationFrame(ui.flush); };
  /** Dessine tout de suite ; `elapsed` garde la durée, en millisecondes. */
  ui.flush = () => {
    cancelAnimationFrame(frame);
    frame = 0;
    const start = performance.now();
    draw?.();
    ui.elapsed = performance.now() - start;
  };

  ui.button = (text, onclick, { into = controls, ...attributes } = {}) => {
    const button = h("button", { type: "button", onclick, ...attributes }, text);
    into.append(button);
    return button;
  };

  const bind = (key, show) => {
    ui.listen(`change:${key}`, () => { show(); ui.redraw(); });
    show();
  };

  /** Un curseur, continu (min, max, step) ou sur une liste (values). */
  ui.slider = (key, { label, min = 0, max = 1, step = 0.01, values = null, format = (v) => fr(v, 2), into = controls }) => {
    const id = ui.id(), shown = h("span", { class: "d2l-value", "aria-hidden": "true" });
    const input = h("input", { type: "range", id,
      min: values ? 0 : min, max: values ? values.length - 1 : max, step: values ? 1 : step });
    const read = () => (values ? values[Number(input.value)] : Number(input.value));
    input.addEventListener("input", () => ui.set(key, read(), false));
    input.addEventListener("change", () => ui.set(key, read()));
    const box = h("div", { class: "d2l-slider" }, h("label", { for: id }, label), shown, input);
    into.append(box);
    bind(key, () => {
      const value = ui.get(key);
      input.value = values ? nearest(values, value) : value;
      const text = format(value);
      shown.textContent = text;
      input.setAttribute("aria-valuetext", text);
    });
    return { box, input };
  };

  /** Un interrupteur : vrai ou faux. */
  ui.toggle = (key, { label, into = controls }) => {
    const id = ui.id();
    const input = h("input", { type: "checkbox", role: "switch", id });
    input.addEventListener("change", () => ui.set(key, input.checked));
    const box = h("div", { class: "d2l-toggle" }, input, h("label", { for: id }, label));
    into.append(box);
    bind(key, () => { input.checked = Boolean(ui.get(key)); });
    return { box, input };
  };

  /** Un choix parmi quelques-uns : options = [[valeur, texte], …]. */
  ui.choice = (key, { label, options, into = controls }) => {
    const name = ui.id();
    const inputs = options.map(([value]) => {
      const input = h("input", { type: "radio", name, id: ui.id() });
      input.addEventListener("change", () => ui.set(key, value));
      return input;
    });
    const box = h("fieldset", { class: "d2l-choice" }, h("legend", null, label),
      h("div", { class: "d2l-options" }, ...options.map(([, text], i) =>
        h("span", null, inputs[i], h("label", { for: inputs[i].id }, text)))));
    into.append(box);
    bind(key, () => options.forEach(([value], i) => { inputs[i].checked = value === ui.get(key); }));
    return { box, inputs };
  };

  /** Un champ de texte ; `rows` au-delà de 1 en fait un pavé. Rien ne limite ce qui s'y colle. */
  ui.text = (key, { label, rows = 1, into = top, ...attributes }) => {
    const id = ui.id();
    const common = { id, spellcheck: "false", autocomplete: "off", autocapitalize: "off", dir: "auto" };
    const input = rows > 1 ? h("textarea", { ...common, rows, ...attributes })
      : h("input", { type: "text", ...common, ...attributes });
    input.addEventListener("input", () => ui.set(key, input.value, false));
    input.addEventListener("change", () => ui.set(key, input.value));
    const box = h("div", { class: "d2l-text" }, h("label", { for: id }, label), input);
    into.append(box);
    bind(key, () => { if (input.value !== ui.get(key)) input.value = ui.get(key); });
    return { box, input };
  };

  ui.plot = (options) => plot(ui, options);

  /** Rend un élément SVG déplaçable, à la souris, au doigt et aux flèches ; `held` : on le tient. */
  ui.handle = (node, { label, describe, drag, step }) => {
    setAttribute(node, "class", "d2l-handle");
    setAttribute(node, "tabindex", 0);
    setAttribute(node, "role", "slider");
    setAttribute(node, "aria-label", label);
    setAttribute(node, "aria-valuenow", 0);
    const say = () => node.setAttribute("aria-valuetext", describe());
    const place = (event) => {
      const svg = node.ownerSVGElement, box = svg.getBoundingClientRect();
      const ratio = svg.viewBox.baseVal.width / box.width;
      drag((event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio);
      say();
    };
    const control = { say, held: false };
    node.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      control.held = true;
      node.setPointerCapture(event.pointerId);
      node.focus({ preventScroll: true });
      event.preventDefault();
    });
    node.addEventListener("pointermove", (event) => control.held && place(event));
    node.addEventListener("lostpointercapture", () => {
      control.held = false;
      model.save_changes();
      ui.redraw();
    });
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    node.addEventListener("keydown", (event) => {
      if (!(event.key in arrows) || chord(event)) return;
      event.preventDefault();
      const [dx, dy] = arrows[event.key], size = event.shiftKey ? 10 : 1;
      step(dx * size, dy * size);
      say();
      model.save_changes();
    });
    say();
    return control;
  };

  const reset = () => {
    for (const [key, value] of Object.entries(model.get("defaults"))) model.set(key, value);
    resets.forEach((callback) => callback());
    model.save_changes();
    ui.redraw();
  };

  /** Dessine une première fois et rend ce qui range tout. */
  ui.start = (callback) => {
    draw = callback;
    ui.button("Réinitialiser", reset, { into: foot });
    if (document.fullscreenEnabled) {
      const whole = () => document.fullscreenElement === root;
      const button = ui.button("Plein écran", () => (whole() ? document.exitFullscreen() : root.requestFullscreen()), { into: foot });
      let was = false;
      const adapt = () => {
        put(button, null, whole() ? "Quitter le plein écran" : "Plein écran");
        if (whole()) ui.fit();
        else if (was && !document.fullscreenElement) ui.unfit(); // sinon, la page projette encore
        was = whole();
      };
      const resized = () => whole() && ui.fit();
      document.addEventListener("fullscreenchange", adapt);
      window.addEventListener("resize", resized);
      ui.onDispose(() => {
        document.removeEventListener("fullscreenchange", adapt);
        window.removeEventListener("resize", resized);
      });
    }
    // La largeur est comptée en pixels d'un corps de 16 : agrandir le texte agrandit le dessin.
    const measure = () => {
      const scale = parseFloat(getComputedStyle(root).fontSize) / 16 || 1;
      const width = Math.round(stage.clientWidth / scale) || 640;
      const changed = width !== ui.width;
      ui.width = width;
      return changed;
    };
    const sized = (size, large) => {
      root.classList.toggle("d2l-large", large);
      root.style.fontSize = `${size.toFixed(2)}px`;
      measure();
      ui.flush();
    };
    /** Projette : le plus grand corps qui laisse la figure entière dans `room` pixels de haut,
     * réglages sous le dessin, ou à côté si l'on y gagne. */
    ui.fit = (room = null) => {
      const best = (large) => {
        for (let size = innerWidth / (large ? 64 : 42); ; size *= 0.96) {
          sized(size, large);
          if (size < 12 || root.scrollHeight <= (room ?? root.clientHeight)) return size;
        }
      };
      const below = best(false), beside = innerWidth < 900 ? 0 : best(true), large = beside > 1.1 * below;
      sized(large ? beside : below, large);
    };
    ui.unfit = () => {
      root.classList.remove("d2l-large");
      root.style.fontSize = "";
    };
    measure();
    ui.flush();
    const observer = new ResizeObserver(() => measure() && ui.redraw());
    observer.observe(stage);
    return () => {
      observer.disconnect();
      cancelAnimationFrame(frame);
      listeners.forEach((stop) => stop());
      root.remove();
    };
  };
  return ui;
}

function nearest(values, value) {
  let best = 0;
  values.forEach((v, i) => { if (Math.abs(v - value) < Math.abs(values[best] - value)) best = i; });
  return best;
}

// ---------- repères

/** Des graduations rondes, au plus `most`, de `low` à `high`. */
export function ticks(low, high, most = 6) {
  const rough = (high - low) / most, unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((k) => k * unit >= rough * (1 - 1e-9)) * unit;
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) found.push(i * step);
  return found;
}

/** Les puissances de dix de `low` à `high`, au plus `most`. */
export function decades(low, high, most = 6) {
  const first = Math.ceil(Math.log10(low) - 1e-9), last = Math.floor(Math.log10(high) + 1e-9);
  const stride = Math.max(1, Math.ceil((last - first + 1) / most));
  const found = [];
  for (let k = first; k <= last; k += stride) found.push(10 ** k);
  return found;
}

/** Le chemin SVG d'une ligne brisée ; un point qui n'est pas un nombre la coupe. */
export function path(points) {
  let d = "", pen = "M";
  for (const [x, y] of points) {
    if (Number.isFinite(x) && Number.isFinite(y)) {
      d += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
      pen = "L";
    } else pen = "M";
  }
  return d;
}

/** Des points en un seul chemin : des traits de longueur nulle, que la classe `dots` arrondit. */
export function dots(points) {
  return Array.from(points, ([x, y]) => `M${x.toFixed(1)} ${y.toFixed(1)}h0`).join("");
}

/**
 * Un dessin aux dimensions de la page. `frame(…)` pose le repère et rend les échelles ;
 * `draw(f)` appelle f, qui pose des marques nommées : celles qu'elle ne pose plus disparaissent.
 * `clip` est l'attribut qui retient une marque dans le repère : { ...P.clip, d: … }.
 * `label` dit à un lecteur d'écran ce que c'est ; `interactive` s'il contient des poignées.
 */
function plot(ui, { height = 260, label, interactive = false, into = ui.stage } = {}) {
  const svg = s("svg", { class: "d2l-plot", role: interactive ? "group" : "img", "aria-label": label });
  const back = s("g", { class: "d2l-axes", "aria-hidden": "true" });
  const marks = s("g", interactive ? null : { "aria-hidden": "true" });
  const inside = s("rect"), clip = ui.id();
  svg.append(s("clipPath", { id: clip }, inside), back, marks);
  into.append(svg);
  const nodes = new Map(), seen = new Set();
  let drawn = "";
  const P = { svg, marks, width: 0, height: 0, clip: { "clip-path": `url(#${clip})` } };

  /** Les dimensions : toute la largeur, ou `width` ; la hauteur peut dépendre de la largeur. */
  P.resize = (width = ui.width, tall = typeof height === "function" ? height(width) : height) => {
    if (width === P.width && tall === P.height) return;
    Object.assign(P, { width, height: tall });
    svg.setAttribute("viewBox", `0 0 ${width} ${tall}`);
    svg.style.aspectRatio = `${width} / ${tall}`;
  };

  /** Pose le repère. `xlog`, `ylog` : échelles logarithmiques ; `margins` : [haut, droite, bas, gauche]. */
  P.frame = ({ x, y, xlabel = "", ylabel = "", xlog = false, ylog = false, xticks = null, yticks = null,
    xformat = null, yformat = null, margins = [24, 14, 44, 48], grid = true, width, height }) => {
    P.resize(width, height);
    const [high, right, low, left] = margins;
    const box = { left, top: high, right: P.width - right, bottom: P.height - low };
    const scale = ([from, to], [start, end], log) => {
      const [a, b] = log ? [Math.log10(from), Math.log10(to)] : [from, to];
      return (v) => start + ((log ? Math.log10(v) : v) - a) / (b - a) * (end - start);
    };
    P.box = box;
    P.x = scale(x, [box.left, box.right], xlog);
    P.y = scale(y, [box.bottom, box.top], ylog);
    P.invert = (px, py) => {
      const back = ([from, to], t, log) => (log ? from * (to / from) ** t : from + (to - from) * t);
      return [back(x, (px - box.left) / (box.right - box.left), xlog),
        back(y, (box.bottom - py) / (box.bottom - box.top), ylog)];
    };
    const key = JSON.stringify([x, y, xlabel, ylabel, xlog, ylog, xticks, yticks, P.width, P.height, margins]);
    if (key === drawn) return P;
    drawn = key;
    put(inside, { x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top });
    const room = (a, b, log, most) => (log ? decades(a, b, most) : ticks(a, b, most));
    const across = xticks ?? room(...x, xlog, Math.max(3, Math.floor((box.right - box.left) / 70)));
    const up = yticks ?? room(...y, ylog, Math.max(3, Math.floor((box.bottom - box.top) / 40)));
    const shown = (format, list, log) => format ?? ((v) => (log ? power(Math.round(Math.log10(v))) : fr(v, decimals(list))));
    back.replaceChildren(
      ...up.flatMap((v) => [
        grid && s("line", { class: "d2l-grid", x1: box.left, x2: box.right, y1: P.y(v), y2: P.y(v) }),
        s("text", { class: "d2l-tick", x: box.left - 6, y: P.y(v) + 4, "text-anchor": "end" }, shown(yformat, up, ylog)(v)),
      ].filter(Boolean)),
      ...across.flatMap((v) => [
        s("line", { class: "d2l-rule", x1: P.x(v), x2: P.x(v), y1: box.bottom, y2: box.bottom + 4 }),
        s("text", { class: "d2l-tick", x: P.x(v), y: box.bottom + 18, "text-anchor": "middle" }, shown(xformat, across, xlog)(v)),
      ]),
      s("line", { class: "d2l-rule", x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom }),
      s("text", { x: (box.left + box.right) / 2, y: box.bottom + 37, "text-anchor": "middle" }, xlabel),
      s("text", { x: 2, y: 13 }, ylabel),
    );
    return P;
  };

  let last = null;
  P.draw = (callback) => {
    seen.clear();
    last = null;
    callback();
    for (const [key, node] of nodes) {
      if (!seen.has(key)) {
        node.remove();
        nodes.delete(key);
      }
    }
  };

  /** Pose ou met à jour la marque `key`. */
  P.mark = (key, tag, attributes, text) => {
    let node = nodes.get(key);
    if (!node) {
      node = s(tag);
      nodes.set(key, node);
    }
    // Dans l'ordre des appels : ce qui est devant ne dépend pas de ce qu'on a montré avant.
    const place = last ? last.nextSibling : marks.firstChild;
    if (node !== place) marks.insertBefore(node, place);
    last = node;
    seen.add(key);
    return put(node, attributes, text);
  };
  return P;
}

function decimals(list) {
  const step = list.length > 1 ? Math.abs(list[1] - list[0]) : Math.abs(list[0]) || 1;
  return Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
}
