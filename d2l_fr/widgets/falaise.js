// « falaise » : la perte d'une unité récurrente, et deux descentes de gradient, avec et sans écrêtage.
import { calm, decode, figure, fr, h, path, s, short } from "./shared.js";

const TIMES = 5, H0 = 0.4, TARGET = 0.7, STEPS = 30;
const DOMAIN = { x: [0.8, 2.6], y: [-1, 2] }, UNIT = 10000;
const RATES = [0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5];
const THRESHOLDS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50];
const ROLES = { without: "gradient", clipped: "train" };

/** La perte en (w, b) et son gradient ; la dérivée de h_t avance avec lui. */
function slope(w, b) {
  let state = H0, alongW = 0, alongB = 0;
  for (let t = 0; t < TIMES; t++) {
    const next = Math.tanh(w * state + b), keep = 1 - next * next;
    alongW = keep * (state + w * alongW);
    alongB = keep * (1 + w * alongB);
    state = next;
  }
  const gap = state - TARGET;
  return { loss: gap * gap, g: [2 * gap * alongW, 2 * gap * alongB] };
}

/** La descente de d2l_fr : points, pertes, normes du gradient avant écrêtage. */
function descend(start, rate, threshold) {
  const points = [], losses = [], norms = [];
  let [w, b] = start;
  for (let k = 0; k <= STEPS; k++) {
    const { loss, g } = slope(w, b), norm = Math.sqrt(g[0] * g[0] + g[1] * g[1]);
    points.push([w, b]);
    losses.push(loss);
    if (k < STEPS) norms.push(norm);
    const scale = rate * (norm > threshold ? threshold / norm : 1);
    w -= scale * g[0];
    b -= scale * g[1];
  }
  return { points, losses, norms };
}

const inside = ([w, b]) => w >= DOMAIN.x[0] && w <= DOMAIN.x[1] && b >= DOMAIN.y[0] && b <= DOMAIN.y[1];
const coordinates = ([w, b]) => `w\u00a0=\u00a0${fr(w, 2)}, b\u00a0=\u00a0${fr(b, 2)}`;

/** Où un chemin sort de la carte : [point du bord, premier point dehors], ou null. */
function exit(points) {
  const k = points.findIndex((point) => !inside(point));
  if (k < 1) return null;
  let t = 1;
  const [from, to] = [points[k - 1], points[k]];
  [DOMAIN.x, DOMAIN.y].forEach((ends, i) => ends.forEach((end) => {
    const part = (end - from[i]) / (to[i] - from[i]);
    if (part >= 0 && part < t && (to[i] - end) * (end - (ends[0] + ends[1]) / 2) > 0) t = part;
  }));
  return [from.map((v, i) => v + t * (to[i] - v)), to];
}

/** Les lignes de niveau, en UNIT de chaque côté : chaque niveau pose un peu d'encre sur les autres. */
function ground({ outline, lengths, owners, ink }) {
  const shapes = Array.from(ink.data, () => "");
  let at = 0;
  lengths.data.forEach((length, i) => {
    const end = at + 2 * length;
    let d = "";
    for (; at < end; at += 2) d += `${d ? "L" : "M"}${outline.data[at]} ${outline.data[at + 1]}`;
    shapes[owners.data[i]] += `${d}Z`;
  });
  return s("g", { class: "falaise-carte" }, ...shapes.map((d, i) => s("path", { d, "fill-opacity": ink.data[i].toFixed(2) })));
}

function render({ model, el }) {
  const ui = figure({ model, el }, { label: "la falaise, avec et sans écrêtage du gradient" });
  const left = h("div"), right = h("div"), pair = h("div", { class: "d2l-pair" }, left, right);
  ui.stage.append(pair);
  const plane = ui.plot({ into: left, interactive: true, label: "Carte de la perte, et les deux descentes" });
  const fall = ui.plot({ into: right, label: "Perte à chaque pas" });
  const steep = ui.plot({ into: right, label: "Norme du gradient à chaque pas" });

  ui.slider("rate", { label: "Taux d’apprentissage η", values: RATES });
  ui.slider("threshold", { label: "Seuil d’écrêtage θ", values: THRESHOLDS, format: (v) => fr(v, v < 1 ? 1 : 0) });
  const walk = ui.slider("shown", { label: "Pas de la descente", min: 0, max: STEPS, step: 1, format: (v) => fr(v) });

  let timer = 0;
  const stop = () => { clearInterval(timer); timer = 0; };
  const play = () => {
    stop();
    if (calm()) return ui.set("shown", STEPS);
    let k = 0;
    ui.set("shown", 0, false);
    timer = setInterval(() => {
      if (++k >= STEPS) stop();
      ui.set("shown", k, k >= STEPS);
    }, 120);
  };
  walk.input.addEventListener("input", stop);
  ui.onReset(stop);
  ui.onDispose(stop);
  ui.button("Rejouer la descente", play, { into: ui.foot });

  const clips = new Map([plane, fall, steep].map((P) => {
    const rect = s("rect"), id = ui.id();
    P.svg.prepend(s("clipPath", { id }, rect));
    return [P, { rect, url: `url(#${id})` }];
  }));
  const fit = (P) => {
    const { left: x, top: y, right: end, bottom } = P.box, { rect, url } = clips.get(P);
    Object.entries({ x, y, width: end - x, height: bottom - y }).forEach(([name, v]) => rect.setAttribute(name, v));
    return url;
  };

  const arrays = Object.fromEntries(Object.entries(ui.get("arrays")).map(([key, v]) => [key, decode(v)]));
  const land = ground(arrays), hold = s("g", null, land);
  plane.svg.insertBefore(hold, plane.svg.querySelector(".d2l-axes"));

  const grip = s("g", null, s("circle", { r: 16, fill: "transparent" }), s("circle", { r: 7.5, class: "falaise-depart" }));
  plane.svg.append(grip);
  const bound = (v, [low, high]) => Math.max(low, Math.min(high, Math.round(v * 100) / 100));
  const move = (w, b) => ui.set("start", [bound(w, DOMAIN.x), bound(b, DOMAIN.y)], false);
  const handle = ui.handle(grip, {
    label: "Point de départ",
    describe: () => coordinates(ui.get("start")),
    drag: (px, py) => move(...plane.invert(px, py)),
    step: (dx, dy) => { const [w, b] = ui.get("start"); move(w + dx * 0.02, b + dy * 0.02); },
  });
  ui.listen("change:start", () => { ui.redraw(); handle.say(); });

  return ui.start(() => {
    const rate = ui.get("rate"), threshold = ui.get("threshold"), shown = ui.get("shown");
    const paths = { without: descend(ui.get("start"), rate, Infinity), clipped: descend(ui.get("start"), rate, threshold) };
    ui.values = paths;

    const wide = ui.width > 544, room = ui.width - 16;
    const widths = wide ? [room * 0.56, room * 0.44] : [ui.width, ui.width];
    pair.style.gridTemplateColumns = wide ? "56fr 44fr" : "1fr";
    ui.controls.style.gridTemplateColumns = wide ? "repeat(3, minmax(0, 1fr))" : "";
    ui.status.style.minHeight = wide ? "4.4em" : "8.8em";

    const ends = Object.fromEntries(Object.entries(paths).map(([key, { points }]) => [key, points[shown]]));
    plane.frame({ ...DOMAIN, xlabel: "poids w", ylabel: "biais b", margins: [24, 8, 44, 32], grid: false,
      xticks: [1, 1.5, 2, 2.5], yticks: [-1, -0.5, 0, 0.5, 1, 1.5, 2], width: widths[0], height: wide ? 400 : 340 });
    plane.draw(() => {
      const clip = fit(plane), { x, y, box } = plane;
      const tilt = Math.atan2(y(-0.4) - y(0), x(1) - x(0)) * 180 / Math.PI;
      hold.setAttribute("clip-path", clip);
      land.setAttribute("transform", `matrix(${(box.right - box.left) / UNIT} 0 0 ${(box.top - box.bottom) / UNIT} ${box.left} ${box.bottom})`);
      const note = (key, w, b, text, attributes) =>
        plane.mark(key, "text", { x: x(w), y: y(b), class: "falaise-nom", ...attributes }, text);
      note("haut", 0.85, -0.93, "perte\u00a0≈\u00a02,9");
      note("bas", 2.56, 0.95, "perte\u00a0≈\u00a00,09", { "text-anchor": "end" });
      note("vallée", 0.85, 0.5, "vallée\u00a0: perte nulle");
      note("falaise", 2.25, -0.36, "falaise", { "text-anchor": "middle", transform: `rotate(${tilt.toFixed(1)} ${x(2.25)} ${y(-0.36)})` });
      for (const [key, { points }] of Object.entries(paths)) {
        const spots = points.slice(0, shown + 1).map(([w, b]) => [x(w), y(b)]), d = path(spots);
        const class_ = `line c-${ROLES[key]} falaise-${key}`;
        plane.mark(`${key} halo`, "path", { class: "line falaise-halo", d, "clip-path": clip });
        plane.mark(key, "path", { class: class_, d, "clip-path": clip });
        const dot = key === "clipped" ? ([a, c]) => `M${a.toFixed(1)} ${c.toFixed(1)}h0` : ([a, c]) => `M${(a - 4).toFixed(1)} ${c.toFixed(1)}l4-4 4 4-4 4z`;
        plane.mark(`${key} pas`, "path", { class: `c-${ROLES[key]} falaise-pas-${key}`, d: spots.slice(1).map(dot).join(""), "clip-path": clip });
      }
      // Le pas que demandait le gradient, là où l'écrêtage vient de le raccourcir.
      if (shown > 0 && paths.clipped.norms[shown - 1] > threshold) {
        const [w, b] = paths.clipped.points[shown - 1], { g } = slope(w, b);
        const d = path([[x(w), y(b)], [x(w - rate * g[0]), y(b - rate * g[1])]]);
        plane.mark("voulu", "path", { class: "line dotted c-data", d, "clip-path": clip });
      }
      const out = exit(paths.without.points.slice(0, shown + 1));
      if (out) {
        const [[w, b], far] = out, middle = (box.left + box.right) / 2, px = Math.max(box.left + 14, Math.min(box.right - 14, x(w)));
        const py = Math.max(box.top + 14, Math.min(box.bottom - 10, y(b)));
        const turn = Math.atan2(y(far[1]) - y(b), x(far[0]) - x(w)) * 180 / Math.PI;
        plane.mark("sortie", "path", { class: "area c-gradient", d: "M2 0L-9 -6V6Z", transform: `translate(${x(w)} ${y(b)}) rotate(${Number.isFinite(turn) ? turn : -90})` });
        plane.mark("où", "text", { class: "falaise-nom c-gradient named", x: px + (px < middle ? 10 : -10), y: py + 4, "text-anchor": px < middle ? "start" : "end" }, `vers ${coordinates(far)}`);
      }
      const near = Math.hypot(x(ends.without[0]) - x(ends.clipped[0]), y(ends.without[1]) - y(ends.clipped[1])) < 30;
      const tag = (key, text, end, dx, anchor) => {
        if (inside(end) && shown > 0) plane.mark(`${key} nom`, "text", { class: `falaise-nom named c-${ROLES[key] ?? "data"}`, x: x(end[0]) + dx, y: y(end[1]) + 4, "text-anchor": anchor }, text);
      };
      if (near) tag("ensemble", "avec et sans", ends.clipped, -11, "end");
      else {
        tag("clipped", "avec", ends.clipped, -11, "end");
        tag("without", "sans", ends.without, 11, "start");
      }
      const [w0, b0] = ui.get("start");
      grip.setAttribute("transform", `translate(${x(w0)} ${y(b0)})`);
      note("départ", w0, b0, "départ", { x: x(w0) + (w0 > 2.3 ? -13 : 13), y: y(b0) + 16, "text-anchor": w0 > 2.3 ? "end" : "start" });
    });

    const curves = (P, name, values, span, more, last) => {
      P.frame({ x: [0, STEPS], y: span, ylog: true, ylabel: name, xlabel: last ? "pas de la descente" : "", xticks: [0, 10, 20, 30],
        margins: [24, 12, last ? 44 : 26, 40], width: widths[1], height: last ? 209 : 191 });
      P.draw(() => {
        const clip = fit(P), floor = (v) => P.y(Math.max(v, span[0] / 100));
        P.mark("pas", "line", { class: "d2l-rule", x1: P.x(shown), x2: P.x(shown), y1: P.box.top, y2: P.box.bottom });
        for (const key of ["without", "clipped"]) {
          const [count, first] = values === "norms" ? [shown, 1] : [shown + 1, 0]; // le pas 1 part du point 0
          const d = path(paths[key][values].slice(0, count).map((v, k) => [P.x(k + first), floor(v)]));
          P.mark(key, "path", { class: `line c-${ROLES[key]} falaise-${key}`, d, "clip-path": clip });
        }
        more(P);
      });
    };
    curves(fall, "perte", "losses", [1e-6, 10], (P) => {
      P.mark("avec", "text", { class: "falaise-nom named c-train", x: P.box.left + 8, y: P.box.bottom - 10 }, "avec écrêtage");
      P.mark("sans", "text", { class: "falaise-nom named c-gradient", x: P.box.right - 4, y: P.box.top + 12, "text-anchor": "end" }, "sans écrêtage");
    });
    curves(steep, "norme du gradient ‖g‖", "norms", [1e-3, 1e3], (P) => {
      P.mark("seuil", "line", { class: "line dotted c-data", x1: P.box.left, x2: P.box.right, y1: P.y(threshold), y2: P.y(threshold) });
      P.mark("θ", "text", { class: "falaise-nom", x: P.box.right - 2, y: P.y(threshold) - 5, "text-anchor": "end" }, `seuil θ\u00a0=\u00a0${fr(threshold, threshold < 1 ? 1 : 0)}`);
    }, true);
    if (!timer) ui.say(sentence(paths, rate, threshold, shown));
  });
}

const trimmed = (value) => short(value).replace(/(,\d*?)0+$/, "$1").replace(/,$/, "");
const tiny = (loss) => (loss < 1e-6 ? "moins de 10⁻⁶" : short(loss));

function sentence({ without, clipped }, rate, threshold, shown) {
  if (shown < STEPS) {
    const losses = `Perte au pas ${shown}\u00a0: ${tiny(clipped.losses[shown])} avec écrêtage, ${tiny(without.losses[shown])} sans.`;
    const norm = clipped.norms[shown - 1];
    if (shown === 0) return `Au départ, ‖g‖\u00a0=\u00a0${short(clipped.norms[0])}, et la perte vaut ${tiny(clipped.losses[0])}.`;
    if (norm <= threshold) return `Pas ${shown}\u00a0: ‖g‖\u00a0=\u00a0${short(norm)} ne dépasse pas θ, rien n’est écrêté. ${losses}`;
    return `Pas ${shown}\u00a0: ‖g‖\u00a0=\u00a0${short(norm)}. Écrêté, le pas est ${short(norm / threshold)} fois plus court, dans la même direction (pointillés\u00a0: le pas demandé). ${losses}`;
  }
  const top = Math.max(...without.norms), at = without.norms.indexOf(top) + 1;
  if (top <= threshold) return `Le gradient ne dépasse jamais θ\u00a0: les deux descentes n’en font qu’une. La norme ne va pas au-delà de ${short(top)}, au pas ${at}, et la perte finit à ${tiny(without.losses[STEPS])}.`;
  const served = clipped.norms.filter((norm) => norm > threshold).length;
  return `Sans écrêtage, la norme monte à ${short(top)} au pas ${at}\u00a0: un bond de ${short(rate * top)}. La perte finit à ${tiny(without.losses[STEPS])}. `
    + `Avec, aucun pas ne dépasse η\u00a0×\u00a0θ\u00a0=\u00a0${trimmed(rate * threshold)}. L’écrêtage sert ${served} fois, et la perte finit à ${tiny(clipped.losses[STEPS])}.`;
}

export default { render };
