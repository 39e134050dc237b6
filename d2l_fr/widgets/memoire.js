// « memoire » : une récurrence à deux neurones, sa trajectoire et la norme de ∂h_T/∂h_{T-k}.
import { dots, figure, fr, h, path, put, s, short } from "./shared.js";

const STEPS = 60;
const DECADES = [1e-3, 1e-2, 0.1, 1, 10, 100, 1e3], LOW = DECADES[0], HIGH = DECADES.at(-1);

/** La matrice de valeurs propres radius·e^{±i·angle} et d'écart à la normalité departure. */
function recurrentMatrix(angle, radius, departure) {
  const turn = angle * Math.PI / 180, side = radius * Math.sin(turn);
  const low = (Math.sqrt(departure ** 2 + 4 * side ** 2) - departure) / 2;
  return [[radius * Math.cos(turn), low + departure], [-low, radius * Math.cos(turn)]];
}

/** La plus grande valeur singulière d'une matrice 2 × 2. */
function norm([[a, b], [c, d]]) {
  const sum = a * a + b * b + c * c + d * d, det = a * d - b * c;
  return Math.sqrt((sum + Math.sqrt(Math.max(0, sum * sum - 4 * det * det))) / 2);
}

function product([[a, b], [c, d]], [[e, f], [g, i]]) {
  return [[a * e + b * g, a * f + b * i], [c * e + d * g, c * f + d * i]];
}

function trajectory(W, start, tanh) {
  const states = [start];
  for (let t = 0; t < STEPS; t++) {
    const [p, q] = states[t];
    const next = [p * W[0][0] + q * W[1][0], p * W[0][1] + q * W[1][1]];
    states.push(tanh ? next.map(Math.tanh) : next);
  }
  const norms = [];
  let whole = [[1, 0], [0, 1]];
  for (let t = STEPS; t > 0; t--) {
    const [p, q] = tanh ? states[t].map((v) => 1 - v * v) : [1, 1];
    whole = product([[W[0][0] * p, W[0][1] * q], [W[1][0] * p, W[1][1] * q]], whole);
    norms.push(norm(whole));
  }
  return { states, norms };
}

function render({ model, el }) {
  const ui = figure({ model, el }, { label: "la mémoire d'une récurrence à deux neurones" });
  const left = h("div"), right = h("div");
  ui.status.classList.add("memoire-bilan");
  ui.stage.append(h("div", { class: "d2l-pair" }, left, right));
  const plane = ui.plot({ into: left, interactive: true, label: "Trajectoire de l'état dans le plan des deux neurones" });
  const decay = ui.plot({ into: right, label: "Norme du gradient selon le retard" });

  ui.slider("radius", { label: "Rayon spectral ρ", min: 0.5, max: 1.2, step: 0.01 });
  ui.slider("departure", { label: "Écart à la normalité", min: 0, max: 3, step: 0.05 });
  ui.slider("angle", { label: "Angle (rotation)", min: 0, max: 90, step: 1, format: (v) => `${fr(v)}°` });
  ui.toggle("tanh", { label: "Passer par tanh" });

  const grip = s("g", null, s("circle", { r: 16, fill: "transparent" }), s("circle", { r: 7, class: "area c-data" }));
  plane.svg.append(grip);
  const clamp = (v) => Math.max(-1, Math.min(1, Math.round(v * 100) / 100));
  const move = (x, y) => ui.set("start", [clamp(x), clamp(y)], false);
  const handle = ui.handle(grip, {
    label: "État de départ h₀",
    describe: () => ui.get("start").map((v, i) => `neurone ${i + 1} : ${fr(v, 2)}`).join(", "),
    drag: (px, py) => move(...plane.invert(px, py)),
    step: (dx, dy) => { const [x, y] = ui.get("start"); move(x + dx * 0.05, y + dy * 0.05); },
  });
  ui.listen("change:start", () => { ui.redraw(); handle.say(); });

  let reach = 2.2;
  return ui.start(() => {
    const W = recurrentMatrix(ui.get("angle"), ui.get("radius"), ui.get("departure"));
    const { states, norms } = trajectory(W, ui.get("start"), ui.get("tanh"));
    const rho = ui.get("radius"), sigma = norm(W);
    ui.values = { W, states, norms, sigma };

    const wide = ui.width > 544, width = wide ? (ui.width - 16) / 2 : ui.width, height = wide ? width : 270;
    // L'échelle ne change pas sous le doigt qui tient l'état.
    if (!handle.held) reach = [1.1, 2.2, 5.5, 11, 22, 55].find((r) => states.every(([p, q]) => Math.abs(p) < r && Math.abs(q) < r)) ?? 110;
    const size = Math.min(width - 52, height - 68), gap = width - 52 - size;
    plane.frame({ x: [-reach, reach], y: [-reach, reach], xlabel: "neurone 1", ylabel: "neurone 2",
      margins: [24, 12 + gap / 2, 44, 40 + gap / 2], width, height });
    plane.draw(() => {
      const points = states.map(([p, q]) => [plane.x(p), plane.y(q)]);
      const { left: from, right: to, top, bottom } = plane.box;
      plane.mark("horizontale", "line", { class: "d2l-rule", x1: from, x2: to, y1: plane.y(0), y2: plane.y(0) });
      plane.mark("verticale", "line", { class: "d2l-rule", x1: plane.x(0), x2: plane.x(0), y1: top, y2: bottom });
      plane.mark("zéro", "circle", { class: "area c-reference", cx: plane.x(0), cy: plane.y(0), r: 3 });
      plane.mark("trajet", "path", { ...plane.clip, class: "line c-hidden", d: path(points) });
      plane.mark("états", "path", { ...plane.clip, class: "dots c-hidden", d: dots(points.slice(1)) });
      const [x0, y0] = points[0];
      put(grip, { transform: `translate(${x0} ${y0})` });
      plane.mark("h0", "text", { x: x0 + 11, y: y0 - 9, class: "named halo" }, "h₀");
    });
    decay.frame({ x: [0, STEPS], y: [LOW, HIGH], ylog: true, yticks: DECADES, xlabel: "retard k, en pas", ylabel: "norme de ∂h₆₀ / ∂h₆₀₋ₖ", margins: [24, 12, 44, 40], width, height });
    decay.draw(() => {
      // Ce qui sort du repère continue, jusqu'à son bord qui le coupe.
      const line = (values) => path(values.map((v, i) => [decay.x(i + 1), decay.y(Math.max(LOW / 100, Math.min(100 * HIGH, v)))]));
      const bounds = Math.abs(sigma - rho) < 0.005 ? [["ρᵏ = σᵏ", rho]] : [["ρᵏ", rho], ["σᵏ", sigma]];
      const bound = (base) => Array.from({ length: STEPS }, (_, i) => base ** (i + 1));
      const { left: from, right: to, top } = decay.box, one = decay.y(1);
      decay.mark("haut fond", "rect", { class: "area c-gradient memoire-grandit", x: from, y: top, width: to - from, height: one - top });
      decay.mark("un", "line", { class: "d2l-rule", x1: from, x2: to, y1: one, y2: one });
      decay.mark("grandit", "text", { class: "d2l-tick", x: to - 4, y: top + 16, "text-anchor": "end" }, "le gradient grandit");
      decay.mark("s'efface", "text", { class: "d2l-tick", x: from + 6, y: decay.box.bottom - 8 }, "il s’efface");
      bounds.forEach(([key, base]) => {
        const values = bound(base);
        decay.mark(key, "path", { ...decay.clip, class: "line dotted c-reference", d: line(values) });
        const last = Math.floor(values.findLastIndex((v) => v >= LOW && v <= HIGH) * 0.75);
        const [x, y] = last < 0 ? [0, -50] : [decay.x(last + 1), decay.y(values[last])];
        // La norme passe entre ses bornes : leurs noms vont de l'autre côté.
        const [dx, dy, anchor] = base > 1 ? [8, 14, "start"] : base === rho ? [-4, 15, "end"] : [8, -6, "start"];
        decay.mark(`${key} nom`, "text", { class: "d2l-tick halo", x: x + dx, y: y + dy, "text-anchor": anchor }, key);
      });
      decay.mark("norme", "path", { ...decay.clip, class: "line c-gradient", d: line(norms) });
    });
    ui.say(sentence(rho, sigma, norms, ui.get("tanh")));
  });
}

function sentence(rho, sigma, norms, tanh) {
  const top = Math.max(...norms), at = norms.indexOf(top) + 1;
  const head = `ρ = ${fr(rho, 2)}\u202f; σ = ${fr(sigma, 2)}, le plus grand allongement en un pas. `;
  const last = norms.at(-1);
  if (top <= 1 + 1e-9) return `${head}La norme ne dépasse jamais 1\u202f; après 60 pas, il en reste ${short(last)}.`;
  if (at === STEPS) return `${head}La norme est la plus grande tout au bout\u00a0: ${short(last)} après 60 pas.`;
  let back = STEPS;
  while (back > 0 && norms[back - 1] < 1) back--;
  const wavers = norms.slice(at, back).some((v) => v < 1) || norms.slice(0, at).some((v) => v < 1);
  const end = back === STEPS ? `vaut encore ${short(last)} après 60 pas`
    : `${wavers ? "passe et repasse sous 1, et y reste à partir du" : "repasse sous 1 au"} pas ${back + 1}`;
  return `${head}La norme monte jusqu’à ${short(top)} au pas ${at}, puis ${end}.`;
}

export default { render };
