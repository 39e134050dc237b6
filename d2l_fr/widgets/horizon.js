// « horizon » : une prévision, et les racines du modèle autorégressif qui la fait.
import { count, decode, dots, figure, fr, h, path, put, s } from "./shared.js";

const STEPS = 1000, NUM_TRAIN = 600, FIRST = 560, LAST = 760, LONGEST = 64, PERIOD = 50;
const EARLIEST = NUM_TRAIN - 1, LATEST = LAST - LONGEST;
const ORIGINS = STEPS - NUM_TRAIN - LONGEST + 1;

// ---------- moindres carrés : QR, puis valeurs singulières de R

/** Triangularise les colonnes par des réflexions de Householder, `target` avec elles. */
function triangularize(columns, target) {
  const reflect = (v, size, vector, from) => {
    let dot = 0;
    for (let i = from; i < vector.length; i++) dot += v[i] * vector[i];
    dot *= 2 / size;
    for (let i = from; i < vector.length; i++) vector[i] -= dot * v[i];
  };
  columns.forEach((column, j) => {
    const v = Float64Array.from(column);
    let norm = 0, size = 0;
    for (let i = j; i < v.length; i++) norm += v[i] * v[i];
    v[j] += Math.sign(v[j] || 1) * Math.sqrt(norm);
    for (let i = j; i < v.length; i++) size += v[i] * v[i];
    if (size === 0) return;
    for (const other of columns.slice(j)) reflect(v, size, other, j);
    reflect(v, size, target, j);
  });
}

/** La solution la plus courte des moindres carrés, comme numpy.linalg.lstsq (rotations de Jacobi). */
function leastSquares(columns, target) {
  const rows = target.length, size = columns.length;
  triangularize(columns, target);
  const W = columns.map((column, j) => Array.from({ length: size }, (_, i) => (i <= j ? column[i] : 0)));
  const V = W.map((_, j) => Array.from({ length: size }, (_, i) => Number(i === j)));
  const dot = (a, b) => a.reduce((sum, v, i) => sum + v * b[i], 0);
  for (let sweep = 0, moved = true; moved && sweep < 30; sweep++) {
    moved = false;
    for (let p = 0; p < size; p++) {
      for (let q = p + 1; q < size; q++) {
        const alpha = dot(W[p], W[p]), beta = dot(W[q], W[q]), gamma = dot(W[p], W[q]);
        if (Math.abs(gamma) <= 1e-15 * Math.sqrt(alpha * beta)) continue;
        moved = true;
        const zeta = (beta - alpha) / (2 * gamma);
        const tangent = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
        const cosine = 1 / Math.hypot(1, tangent), sine = cosine * tangent;
        for (const M of [W, V]) {
          for (let i = 0; i < size; i++) {
            const left = M[p][i], right = M[q][i];
            M[p][i] = cosine * left - sine * right;
            M[q][i] = sine * left + cosine * right;
          }
        }
      }
    }
  }
  const singular = W.map((w) => Math.sqrt(dot(w, w)));
  const floor = Number.EPSILON * rows * Math.max(...singular);
  const kept = singular.flatMap((value, j) => (value > floor ? [j] : []));
  const solution = new Array(size).fill(0);
  for (const j of kept) {
    const weight = dot(W[j], target) / singular[j] ** 2;
    for (let i = 0; i < size; i++) solution[i] += weight * V[j][i];
  }
  return { solution, rank: kept.length };
}

/** Le modèle AR(tau) des NUM_TRAIN premières valeurs de `series`, comme d2l.fit_ar. */
function fit(series, tau) {
  const lag = (i) => series.slice(tau - i, NUM_TRAIN - i);
  const columns = [...Array.from({ length: tau }, (_, j) => lag(j + 1)), new Float64Array(NUM_TRAIN - tau).fill(1)];
  const { solution, rank } = leastSquares(columns, lag(0));
  return { coefs: solution.slice(0, tau), intercept: solution[tau], free: tau + 1 - rank };
}

/** Les racines de z^τ − a₁ z^(τ−1) − … − a_τ, par module décroissant (méthode d'Aberth). */
function rootsOf(coefs) {
  const size = coefs.length;
  const roots = Array.from({ length: size }, (_, i) => {
    const angle = 2 * Math.PI * i / size + 0.7;
    return [0.8 * Math.cos(angle), 0.8 * Math.sin(angle)];
  });
  const over = ([a, b], [c, d]) => { const n = c * c + d * d; return [(a * c + b * d) / n, (b * c - a * d) / n]; };
  for (let turn = 0, largest = 1; turn < 200 && largest > 1e-15; turn++) {
    largest = 0;
    roots.forEach(([x, y], i) => {
      let [p, q] = [1, 0], [dp, dq] = [0, 0];
      for (const a of coefs) {
        [dp, dq] = [dp * x - dq * y + p, dp * y + dq * x + q];
        [p, q] = [p * x - q * y - a, p * y + q * x];
      }
      if ((p === 0 && q === 0) || (dp === 0 && dq === 0)) return;
      const [nx, ny] = over([p, q], [dp, dq]);
      let [sx, sy] = [0, 0];
      roots.forEach(([u, v], j) => {
        if (j === i || (u === x && v === y)) return;
        const [a, b] = over([1, 0], [x - u, y - v]);
        [sx, sy] = [sx + a, sy + b];
      });
      const [mx, my] = over([nx, ny], [1 - nx * sx + ny * sy, -nx * sy - ny * sx]);
      roots[i] = [x - mx, y - my];
      largest = Math.max(largest, Math.hypot(mx, my));
    });
  }
  return roots.map(([x, y]) => [x, Math.abs(y) < 1e-10 ? 0 : y])
    .sort((a, b) => Math.round(1e9 * (Math.hypot(...b) - Math.hypot(...a))) || b[1] - a[1]);
}

/** Prolonge de `steps` prévisions les valeurs de `series` qui finissent à `origin`. */
function extend({ coefs, intercept }, series, origin, steps) {
  const tau = coefs.length, history = new Float64Array(tau + steps);
  history.set(series.subarray(origin + 1 - tau, origin + 1));
  for (let t = tau; t < history.length; t++) {
    let value = intercept;
    for (let i = 0; i < tau; i++) value += coefs[i] * history[t - 1 - i];
    history[t] = value;
  }
  return history.subarray(tau);
}

/** Retient le dernier résultat d'un calcul : rien n'est refait tant que ses réglages sont les mêmes. */
function remember(compute) {
  let known = null, result = null;
  return (...settings) => {
    const key = settings.join();
    if (key !== known) [known, result] = [key, compute(...settings)];
    return result;
  };
}

// ---------- la figure

function render({ model, el }) {
  const ui = figure({ model, el }, { label: "l'horizon d'une prévision" });
  const left = h("div"), right = h("div"), pair = h("div", { class: "horizon-paire" }, left, right);
  ui.stage.append(pair);
  const chart = ui.plot({ into: left, interactive: true, label: "Les relevés et la prévision, dans le temps" });
  const plane = ui.plot({ into: right, label: "Les racines du modèle et le cercle unité, dans le plan complexe" });

  ui.slider("noise", { label: "Houle σ", min: 0, max: 0.5, step: 0.01, format: (v) => `${fr(v, 2)} m` });
  ui.slider("tau", { label: "Fenêtre τ", min: 1, max: 16, step: 1, format: (v) => count(v, "relevé") });
  ui.slider("k", { label: "Horizon k", min: 1, max: LONGEST, step: 1, format: (v) => `${v} pas` });
  ui.toggle("noisy_fit", { label: "Houle à l’apprentissage" });
  ui.toggle("noisy_start", { label: "Houle au départ" });
  ui.toggle("everywhere", { label: "À k pas, de chaque départ" });

  const swell = decode(ui.get("arrays").swell).data;
  const tide = Float64Array.from({ length: STEPS }, (_, t) => Math.sin(2 * Math.PI * t / PERIOD));
  const readings = remember((noise) => tide.map((v, t) => v + noise * swell[t]));
  const pure = remember(() => tide);
  const series = (noise) => (noise ? readings(noise) : pure());
  const fitted = remember((noise, tau) => {
    const learned = fit(series(noise), tau);
    return { ...learned, roots: rootsOf(learned.coefs) };
  });
  const measured = remember((noise, tau, start, k) => {
    const learned = fitted(noise, tau), from = series(start), run = new Float64Array(ORIGINS);
    let sum = 0, squares = 0, wrong = 0;
    for (let i = 0; i < ORIGINS; i++) {
      const value = extend(learned, from, EARLIEST + i, k)[k - 1];
      run[i] = value;
      sum += value;
      wrong += (value - tide[EARLIEST + i + k]) ** 2;
    }
    run.forEach((value) => { squares += (value - sum / ORIGINS) ** 2; });
    return { run, amplitude: Math.sqrt(2 * squares / ORIGINS), error: Math.sqrt(wrong / ORIGINS) };
  });

  const grip = s("g", null, s("circle", { r: 16, fill: "transparent" }), s("circle", { r: 7, class: "area c-data" }),
    s("path", { class: "line c-data", d: "M-11 -4L-15 0L-11 4M11 -4L15 0L11 4" }));
  chart.svg.append(grip);
  const move = (t) => ui.set("origin", Math.max(EARLIEST, Math.min(LATEST, Math.round(t))), false);
  const handle = ui.handle(grip, {
    label: "Dernier relevé lu",
    describe: () => `pas ${ui.get("origin")}`,
    drag: (px, py) => move(chart.invert(px, py)[0]),
    step: (dx, dy) => move(ui.get("origin") + dx + dy),
  });
  ui.listen("change:origin", () => { ui.redraw(); handle.say(); });

  let zoom = 1;
  return ui.start(() => {
    const [noise, tau, k, origin] = ["noise", "tau", "k", "origin"].map(ui.get);
    const learnt = ui.get("noisy_fit") ? noise : 0, start = ui.get("noisy_start") ? noise : 0;
    const learned = fitted(learnt, tau), { coefs, intercept, roots } = learned;
    const { run, amplitude, error } = measured(learnt, tau, start, k);
    const free = extend(learned, series(start), origin, LAST - origin);
    const rho = Math.hypot(...roots[0]), period = 2 * Math.PI / Math.abs(Math.atan2(roots[0][1], roots[0][0]));
    const halving = Math.log(0.5) / Math.log(rho);
    ui.values = { coefs, intercept, roots, rho, period, halving, free, run, amplitude, error };

    const wide = ui.width > 542, second = wide ? Math.round((ui.width - 16) * 0.36) : ui.width;
    const first = wide ? ui.width - 16 - second : ui.width, height = wide ? 300 : 250;
    pair.style.gridTemplateColumns = wide ? `${first}fr ${second}fr` : "100%";
    ui.controls.style.gridTemplateColumns = wide ? "repeat(3, 1fr)" : "1fr";
    ui.status.style.minHeight = wide ? "4.4em" : "8.8em";

    // L'échelle ne change pas sous le doigt qui tient le départ.
    if (!handle.held) zoom = [1, 2, 4].find((z) => free.every((v) => Math.abs(v) < 2.3 * z)) ?? 8;
    chart.frame({ x: [FIRST, LAST], y: [-2.3 * zoom, 2.3 * zoom], xlabel: "pas de temps (quarts d’heure)", ylabel: "hauteur (m)",
      xticks: [560, 610, 660, 710, 760], yticks: [-2, -1, 0, 1, 2].map((v) => v * zoom), margins: [38, 12, 44, 30], width: first, height });
    chart.draw(() => drawSeries(chart, { tide, shown: readings(noise), used: series(start), free, run, origin, tau, k, zoom, everywhere: ui.get("everywhere") }));
    put(grip, { transform: `translate(${chart.x(origin)} ${chart.box.bottom})` });
    plane.resize(second, wide ? height : 300);
    plane.draw(() => drawRoots(plane, roots, rho, tau, k));
    ui.say(`${sentence(rho, roots[0][1] !== 0, period, halving)} ${learned.free ? `${spare(tau)} ` : ""}`
      + `À\u00a0${k}\u00a0pas, sur ${ORIGINS} départs\u00a0: amplitude ${fr(amplitude, 2)}\u00a0m au lieu de 1, erreur ${fr(error, 2)}\u00a0m.`);
  });
}

function drawSeries(P, { tide, shown, used, free, run, origin, tau, k, zoom, everywhere }) {
  const { top, bottom } = P.box, most = 2.3 * zoom;
  const at = (t, v) => [P.x(t), P.y(Math.max(-most, Math.min(most, v)))];
  const line = (values, from) => path(Array.from(values, (v, i) => at(from + i, v)));
  const spots = (values, from) => dots(Array.from(values, (v, i) => at(from + i, v)));
  const edge = P.x(origin);
  P.mark("fenêtre", "rect", { class: "horizon-fond", x: P.x(origin - tau + 0.5), y: top, width: P.x(origin + 0.5) - P.x(origin - tau + 0.5), height: bottom - top });
  P.mark("marée", "path", { class: "line c-input horizon-fin", d: line(tide.subarray(FIRST, LAST + 1), FIRST) });
  P.mark("à venir", "path", { class: "dots horizon-points horizon-pale c-data", d: spots(shown.subarray(origin + 1, LAST + 1), origin + 1) });
  P.mark("relevés", "path", { class: "dots horizon-points c-data", d: spots(shown.subarray(FIRST, origin + 1), FIRST) });
  P.mark("lus", "path", { class: "dots horizon-points horizon-lus c-data", d: spots(used.subarray(origin + 1 - tau, origin + 1), origin + 1 - tau) });
  P.mark("dernier", "line", { class: "d2l-rule", x1: edge, x2: edge, y1: top, y2: bottom });
  P.mark("partout", "path", { class: "line dashed c-output", d: everywhere ? line(run.subarray(0, LAST - EARLIEST - k + 1), EARLIEST + k) : "" });
  P.mark("libre", "path", { class: "line c-output horizon-gros", d: line(free, origin + 1) });
  // L'horizon : du dernier relevé lu à l'heure prévue.
  const [cx, cy] = at(origin + k, free[k - 1]), high = top + 12;
  P.mark("horizon", "path", { class: "line c-output horizon-fin", d: `M${edge} ${high}H${cx}M${edge} ${high - 5}V${high + 5}M${cx} ${high - 5}V${high + 5}` });
  P.mark("aplomb", "path", { class: "line dotted c-output horizon-fin", d: `M${cx} ${high + 5}V${cy}` });
  P.mark("point", "circle", { class: "area c-output", cx, cy, r: 6 });
  const name = (key, [x, y], color, text, anchor = "middle") => P.mark(key, "text", { class: `named horizon-nom ${color}`, "text-anchor": anchor, x, y }, text);
  const [tx, ty] = at(587, -1), [mx, my] = at(737, -1), half = 58, wide = P.width > 380;
  name("nom relevés", [tx, ty + (wide ? 38 : 24)], "c-data", "relevés");
  name("nom marée", [mx, my + (wide ? 38 : 24)], "c-input", "marée");
  if (everywhere) name("nom partout", [(P.box.left + P.box.right) / 2, bottom - 24], "c-output", wide ? "- - de chaque départ" : "- - chaque départ");
  name("nom prévision", [Math.max(P.box.left + half, Math.min(P.box.right - half, (edge + cx) / 2)), top], "c-output", `prévision à ${k} pas`);
  const late = origin > 660;
  name("nom dernier", [edge + (late ? -20 : 20), bottom - 6], "c-reference", "dernier relevé lu", late ? "end" : "start");
}

function drawRoots(P, roots, rho, tau, k) {
  const radius = Math.min(P.width - 44, P.height - 84) / 2, cx = P.width / 2, cy = P.height / 2 - 2;
  const at = ([x, y]) => [cx + radius * x, cy - radius * y];
  P.mark("cercle", "circle", { class: "horizon-fond d2l-rule", cx, cy, r: radius });
  P.mark("réels", "line", { class: "d2l-grid", x1: cx - radius - 14, x2: cx + radius + 14, y1: cy, y2: cy });
  P.mark("imaginaires", "line", { class: "d2l-grid", x1: cx, x2: cx, y1: cy - radius - 14, y2: cy + radius + 14 });
  P.mark("un", "text", { class: "d2l-tick", x: cx + radius + 12, y: cy - 4 }, "1");
  P.mark("i", "text", { class: "d2l-tick", x: cx + 6, y: cy - radius - 5 }, "i");
  P.mark("titre", "text", { class: "named c-heldout", x: 2, y: 13 }, `plus grand module\u00a0: ${modulus(rho)}`);
  const [re, im] = roots[0], spiral = [[re, im]];
  for (let j = 1; j < k; j++) {
    const [x, y] = spiral[j - 1];
    spiral.push([x * re - y * im, x * im + y * re]);
  }
  P.mark("puissances", "path", { class: "line c-output horizon-fin", d: path(spiral.map(at)) });
  for (const [sign, key] of [[1, "haut"], [-1, "bas"]]) {
    const [x, y] = at([Math.cos(2 * Math.PI / PERIOD), sign * Math.sin(2 * Math.PI / PERIOD)]);
    P.mark(`marée ${key}`, "circle", { class: "line c-input", cx: x, cy: y, r: 7.5 });
  }
  roots.forEach((root, i) => {
    const [x, y] = at(root);
    P.mark(`racine ${i}`, "circle", { class: "area c-heldout", cx: x, cy: y, r: 4.5 });
  });
  const [px, py] = at(spiral[k - 1]);
  P.mark("puissance", "circle", { class: "area c-output", cx: px, cy: py, r: 5 });
  P.mark("nom puissance", "text", { class: "named horizon-nom horizon-dedans c-output", x: px - 8, y: py - 8, "text-anchor": "end" }, "zᵏ");
  const low = P.height - 8, from = cx - 96;
  P.mark("clé marée", "circle", { class: "line c-input", cx: from, cy: low - 5, r: 7.5 });
  P.mark("nom clé marée", "text", { class: "named c-input", x: from + 13, y: low }, "marée pure");
  P.mark("clé modèle", "circle", { class: "area c-heldout", cx: from + 106, cy: low - 5, r: 4.5 });
  P.mark("nom clé modèle", "text", { class: "named c-heldout", x: from + 116, y: low }, `modèle AR(${tau})`);
}

/** Un module, avec assez de décimales pour voir de combien il manque le cercle. */
function modulus(rho) {
  const gap = Math.abs(1 - rho);
  return fr(rho, gap < 1e-9 ? 0 : Math.max(3, Math.min(6, Math.ceil(-Math.log10(gap)))));
}

function sentence(rho, pair, period, halving) {
  const head = pair ? "Les deux plus grandes racines" : "La plus grande racine";
  const turn = Number.isFinite(period) ? `a une période de ${fr(period, 1)}\u00a0pas` : "n’oscille pas";
  if (Math.abs(1 - rho) < 1e-9) return `${head} ${pair ? "sont" : "est"} sur le cercle\u00a0: la prévision ${turn} et ne s’éteint pas.`;
  const size = `${head} ${pair ? "ont pour module" : "vaut"} ${modulus(rho)}`;
  if (Math.abs(halving) > 1e4) return `${size}, presque le cercle\u00a0: la prévision ${turn} et ne s’éteint guère.`;
  const steps = `${fr(Math.max(1, Math.abs(halving)))}\u00a0pas`;
  if (rho > 1) return `${size}, hors du cercle\u00a0: la prévision ${turn} et double tous les ${steps}.`;
  return `${size}\u00a0: la prévision ${turn} et perd la moitié de son amplitude tous les ${steps}.`;
}

/** Sans bruit, les moindres carrés ont une infinité de solutions : dire laquelle on montre. */
function spare(tau) {
  const rest = ["L’autre racine est", ...["deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix", "onze", "douze", "treize", "quatorze"]
    .map((number) => `Les ${number} autres sont`)][tau - 3];
  return `${rest} de trop\u00a0: deux retards suffisent.`;
}

export default { render };
