// « falaise » : la perte d'une unité récurrente, et deux descentes de gradient, avec et sans écrêtage.
import { calm, decode, dots, figure, fr, h, path, put, s, short } from "./shared.js";

const TIMES = 5, H0 = 0.4, TARGET = 0.7, STEPS = 30;
const DOMAIN = { x: [0.8, 2.6], y: [-1, 2] }, UNIT = 10000;
const RATES = [0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5];
const THRESHOLDS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50];
const VALLEY = { 1: 0.182, 1.2: 0.059, 1.7: -0.207, 2.2: -0.434 }; // le biais où la perte est nulle, selon le poids
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

/** Où finit ce qu'on voit d'une courbe : son dernier point, ou là où elle passe sous le repère. */
function tip(points, bottom) {
  const last = points.findLastIndex(([, y]) => y <= bottom), [from, to] = [points[last], points[last + 1]];
  return to ? [from[0] + (bottom - from[1]) / (to[1] - from[1]) * (to[0] - from[0]), bottom] : from;
}

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

// ---------- placer les noms : aucun ne sort, aucun n'en touche un autre

const RIGHT = [[1, 0], [1, 1], [1, -1], [0, -1], [0, 1], [-1, 0], [-1, 1], [-1, -1]];

/** Les places d'un nom autour d'un point, les plus proches d'abord, et d'un côté (±1) d'abord. */
const around = ([x, y], side, far, rings = [1, 2, 3]) => rings.flatMap((ring) => RIGHT.map(([dx, dy]) =>
  [x + side * dx * far * ring, y + 4 + (24 * ring - 10) * dy, ["end", "middle", "start"][1 + side * dx]]));

/** Combien de segments d'une ligne brisée touchent un rectangle. */
function touches([left, top, right, bottom], points) {
  let found = 0;
  for (let i = 1; i < points.length; i++) {
    const [ax, ay] = points[i - 1], [bx, by] = points[i];
    if (Math.max(ax, bx) < left || Math.min(ax, bx) > right || Math.max(ay, by) < top || Math.min(ay, by) > bottom) continue;
    // Les quatre coins sont-ils du même côté de la droite ?
    const side = (x, y) => (bx - ax) * (y - ay) > (by - ay) * (x - ax);
    const first = side(left, top);
    if (side(right, top) !== first || side(left, bottom) !== first || side(right, bottom) !== first) found++;
  }
  return found;
}

const apart = (a, b) => a[2] <= b[0] || b[2] <= a[0] || a[3] <= b[1] || b[3] <= a[1];

/**
 * Choisit, parmi des places [x, y, ancre], la première où un nom ne gêne rien, ou la moins gênée.
 * Une place peut porter un rectangle de plus, celui du trait qui mène au nom. `taken` est ce qui
 * est déjà posé, que le nom rejoint ; null s'il n'y a pas de place et que le nom peut manquer.
 * `slack` est la hauteur qu'un nom penché prend en plus, de part et d'autre.
 */
function settle(text, spots, { box, taken, lines }, optional = false, slack = 0) {
  const wide = 5.2 * text.length + 10; // de quoi loger le plus large des noms, sans le mesurer
  let best = null, least = Infinity;
  for (const [x, y, anchor, lead] of spots) {
    const from = x - wide * { start: 0, middle: 0.5, end: 1 }[anchor], rect = [from, y - 12 - slack, from + wide, y + 5 + slack];
    let cost = rect[0] < box.left - 1 || rect[1] < box.top - 1 || rect[2] > box.right + 1 || rect[3] > box.bottom + 1 ? 1000 : 0;
    for (const other of taken) if (!apart(rect, other) || (lead && !apart(lead, other))) cost += 100;
    for (const line of lines) cost += touches(rect, line);
    if (cost >= least) continue;
    [best, least] = [{ x, y, anchor, rect, lead }, cost];
    if (!cost) break;
  }
  if (optional && least >= 100) return null;
  taken.push(best.rect, ...(best.lead ? [best.lead] : []));
  return best;
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
  ui.controls.classList.add("falaise-reglages");
  ui.button("Rejouer la descente", play, { into: ui.foot });

  const clips = new Map([plane, fall, steep].map((P) => {
    const rect = s("rect"), id = ui.id();
    P.svg.prepend(s("clipPath", { id }, rect));
    return [P, { rect, url: `url(#${id})` }];
  }));
  const fit = (P) => {
    const { left: x, top: y, right: end, bottom } = P.box, { rect, url } = clips.get(P);
    put(rect, { x, y, width: end - x, height: bottom - y });
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
    ui.status.style.minHeight = wide ? "4.4em" : "8.8em";

    const ends = Object.fromEntries(Object.entries(paths).map(([key, { points }]) => [key, points[shown]]));
    plane.frame({ ...DOMAIN, xlabel: "poids w", ylabel: "biais b", margins: [24, 8, 44, 32], grid: false,
      xticks: [1, 1.5, 2, 2.5], yticks: [-1, -0.5, 0, 0.5, 1, 1.5, 2], width: widths[0], height: wide ? 400 : 340 });
    plane.draw(() => {
      const clip = fit(plane), { x, y, box } = plane;
      const tilt = Math.atan2(y(-0.4) - y(0), x(1) - x(0)) * 180 / Math.PI;
      put(hold, { "clip-path": clip });
      put(land, { transform: `matrix(${(box.right - box.left) / UNIT} 0 0 ${(box.top - box.bottom) / UNIT} ${box.left} ${box.bottom})` });
      const start = [x(ui.get("start")[0]), y(ui.get("start")[1])], [px, py] = start;
      const map = { box, taken: [[px - 9, py - 9, px + 9, py + 9]], lines: [] };
      // Les noms du décor s'effacent s'ils n'ont pas de place ; ceux des descentes ont une couleur, et restent.
      const note = (key, text, spots, color, slack) => {
        const spot = settle(text, spots, map, !color, slack);
        if (spot) plane.mark(key, "text", { class: `falaise-nom${color ? ` named c-${color}` : ""}`, x: spot.x, y: spot.y, "text-anchor": spot.anchor }, text);
        return spot;
      };
      for (const [key, { points }] of Object.entries(paths)) {
        const spots = points.slice(0, shown + 1).map(([w, b]) => [x(w), y(b)]), d = path(spots);
        map.lines.push(spots);
        const class_ = `line c-${ROLES[key]} falaise-${key}`;
        plane.mark(`${key} halo`, "path", { class: "line falaise-halo", d, "clip-path": clip });
        plane.mark(key, "path", { class: class_, d, "clip-path": clip });
        const steps = spots.slice(1), lozenge = ([a, c]) => `M${(a - 4).toFixed(1)} ${c.toFixed(1)}l4-4 4 4-4 4z`;
        plane.mark(`${key} pas`, "path", { class: `${key === "clipped" ? "dots " : ""}c-${ROLES[key]} falaise-pas-${key}`,
          d: key === "clipped" ? dots(steps) : steps.map(lozenge).join(""), "clip-path": clip });
      }
      // Le pas que demandait le gradient, là où l'écrêtage vient de le raccourcir.
      if (shown > 0 && paths.clipped.norms[shown - 1] > threshold) {
        const [w, b] = paths.clipped.points[shown - 1], { g } = slope(w, b);
        const asked = [[x(w), y(b)], [x(w - rate * g[0]), y(b - rate * g[1])]];
        map.lines.push(asked);
        plane.mark("voulu", "path", { class: "line dotted c-data", d: path(asked), "clip-path": clip });
      }
      const out = exit(paths.without.points.slice(0, shown + 1));
      if (out) {
        const [[w, b], far] = out;
        const turn = Math.atan2(y(far[1]) - y(b), x(far[0]) - x(w)) * 180 / Math.PI;
        plane.mark("sortie", "path", { class: "area c-gradient", d: "M2 0L-9 -6V6Z", transform: `translate(${x(w)} ${y(b)}) rotate(${Number.isFinite(turn) ? turn : -90})` });
        const edge = [x(w), Math.max(box.top + 14, Math.min(box.bottom - 14, y(b)))];
        note("où", `vers ${coordinates(far)}`, around(edge, edge[0] < (box.left + box.right) / 2 ? 1 : -1, 12), "gradient");
      }
      const [clipped, without] = ["clipped", "without"].map((key) => [x(ends[key][0]), y(ends[key][1])]);
      const near = Math.hypot(without[0] - clipped[0], without[1] - clipped[1]) < 30;
      const tag = (key, text, end, side, color) => {
        if (inside(ends[key]) && shown > 0) note(`${key} nom`, text, around(end, side, 11), color);
      };
      if (near) tag("clipped", "avec et sans", clipped, -1, "data");
      else {
        tag("clipped", "avec", clipped, -1, "train");
        tag("without", "sans", without, 1, "gradient");
      }
      put(grip, { transform: `translate(${px} ${py})` });
      note("départ", "départ", around(start, 1, 13).slice(1));
      const at = (w, b, anchor) => [x(w), y(b), anchor];
      note("bas", "perte\u00a0≈\u00a02,9", [at(2.56, -0.93, "end"), at(1.6, -0.93, "start"), at(2.56, -0.78, "end")]);
      note("haut", "perte\u00a0≈\u00a00,09", [at(2.56, 0.95, "end"), at(2.56, 1.4, "end"), at(2.56, 1.8, "end"), at(1.5, 1.8, "start")]);
      // La vallée est étroite : un trait y mène depuis son nom.
      const lead = (w, b) => [x(w) - 2, y(b) + 6, x(w) + 2, y(VALLEY[w])];
      const valley = note("vallée", "vallée\u00a0: perte nulle", [[0.85, 0.72, "start", 1], [0.85, 1, "start", 1.2], [0.85, 1.3, "start", 1],
        [2.56, 0.1, "end", 2.2], [1.5, 0.5, "start", 1.7], [2.56, 0.5, "end", 2.2]].map(([w, b, anchor, foot]) => [...at(w, b, anchor), lead(foot, b)]));
      if (valley) {
        const [from, top, to, bottom] = valley.lead;
        plane.mark("trait", "path", { class: "line falaise-trait", d: path([top, bottom].map((end) => [(from + to) / 2, end])) });
      }
      const cliffs = [[2.25, -0.36], [2, -0.25], [2.2, -0.67], [1.9, -0.56], [1.15, -0.31]];
      const cliff = note("falaise", "falaise", cliffs.map(([w, b]) => at(w, b, "middle")), "", 8);
      if (cliff) plane.mark("falaise", "text", { transform: `rotate(${tilt.toFixed(1)} ${cliff.x} ${cliff.y})` });
    });

    const curves = (P, name, values, span, more, last) => {
      P.frame({ x: [0, STEPS], y: span, ylog: true, ylabel: name, xlabel: last ? "pas de la descente" : "", xticks: [0, 10, 20, 30],
        margins: [24, 12, last ? 44 : 26, 40], width: widths[1], height: last ? 209 : 191 });
      P.draw(() => {
        const clip = fit(P), floor = (v) => P.y(Math.max(v, span[0] / 100)), lines = [];
        P.mark("pas", "line", { class: "d2l-rule", x1: P.x(shown), x2: P.x(shown), y1: P.box.top, y2: P.box.bottom });
        for (const key of ["without", "clipped"]) {
          const [count, first] = values === "norms" ? [shown, 1] : [shown + 1, 0]; // le pas 1 part du point 0
          const points = paths[key][values].slice(0, count).map((v, k) => [P.x(k + first), floor(v)]);
          P.mark(key, "path", { class: `line c-${ROLES[key]} falaise-${key}`, d: path(points), "clip-path": clip });
          lines.push(points);
        }
        more(P, { box: P.box, taken: [], lines });
      });
    };
    curves(fall, "perte", "losses", [1e-6, 10], (P, room) => {
      const [without, clipped] = room.lines.map((points) => tip(points, P.box.bottom));
      // Au bout de sa courbe ; à défaut, le long d'elle, en remontant.
      const name = (key, text, end, color, line) => {
        const spots = [end, ...line.filter((_, k) => k % 3 === 0).reverse()];
        const { x, y, anchor } = settle(text, spots.flatMap((spot) => around(spot, 1, 8, [1])), room);
        P.mark(key, "text", { class: `falaise-nom named c-${color}`, x, y, "text-anchor": anchor }, text);
      };
      if (!shown) return;
      if (Math.hypot(without[0] - clipped[0], without[1] - clipped[1]) < 12) name("ensemble", "avec et sans", clipped, "data", room.lines[1]);
      else {
        name("avec", "avec écrêtage", clipped, "train", room.lines[1]);
        name("sans", "sans écrêtage", without, "gradient", room.lines[0]);
      }
    });
    curves(steep, "norme du gradient ‖g‖", "norms", [1e-3, 1e3], (P, room) => {
      const { left, right } = P.box, level = P.y(threshold);
      P.mark("seuil", "line", { class: "line dotted c-data", x1: left, x2: right, y1: level, y2: level });
      const text = `seuil θ\u00a0=\u00a0${fr(threshold, threshold < 1 ? 1 : 0)}`;
      const { x, y, anchor } = settle(text, [[right - 3, level - 6, "end"], [right - 3, level + 17, "end"], [left + 4, level - 6, "start"], [left + 4, level + 17, "start"]], room);
      P.mark("θ", "text", { class: "falaise-nom", x, y, "text-anchor": anchor }, text);
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
