// « perplexite » : un pari que l'on déplace, le dé qui lui ressemble, et ce que coûte le caractère venu.
import { figure, fr, h, put, s } from "./shared.js";

const MOST_BITS = 8;
const PIPS = ["4", "26", "246", "0268", "02468", "023568", "0234568", "01235678"];

const sum = (values) => values.reduce((a, b) => a + b, 0);
/** Un nombre et son unité, accordée dès deux ; sans décimales s'il est entier. */
const measured = (v, digits, unit) =>
  `${fr(v, Math.abs(v - Math.round(v)) < 1e-6 ? 0 : digits)}\u00a0${unit}${Math.round(v * 100) >= 200 ? "s" : ""}`;
const bits = (v) => measured(v, 2, "bit");
const faces = (v) => measured(v, v < 1000 ? Math.max(0, 2 - Math.floor(Math.log10(v) + 1e-12)) : 0, "face");
const percent = (p) => {
  const v = 100 * p;
  if (v > 0 && v < 0.05) return "<\u00a00,1\u00a0%";
  return `${fr(v, v >= 10 || Math.abs(v - Math.round(v)) < 0.05 ? 0 : 1)}\u00a0%`;
};

const said = (p) => percent(p).replace("<", "moins de");

/** Donne `value` au caractère `i` ; les autres gardent leurs proportions, ou se partagent le reste. */
function redistribute(probs, i, value) {
  const rest = sum(probs) - probs[i];
  return probs.map((p, j) => {
    if (j === i) return value;
    return (1 - value) * (rest > 1e-9 ? p / rest : 1 / (probs.length - 1));
  });
}

/** L'entropie de la loi et la perte du vrai caractère, en bits, et leurs deux dés. */
function measure(probs, truth) {
  const entropy = Math.max(0, -sum(probs.map((p) => (p > 0 ? p * Math.log2(p) : 0))));
  const loss = probs[truth] > 0 ? Math.max(0, -Math.log2(probs[truth])) : Infinity;
  return { entropy, faces: 2 ** entropy, loss, perplexity: 2 ** loss };
}

function render({ model, el }) {
  const ui = figure({ model, el }, { label: "un pari sur le caractère suivant, et son dé" });
  const tokens = ui.get("tokens"), size = tokens.length;
  const came = h("strong", { class: "c-heldout" });
  ui.top.append(h("p", { style: { "overflow-wrap": "anywhere" } }, "«\u00a0", h("bdi", null, ui.get("context"), came), "…\u00a0»"));
  const left = h("div"), right = h("div");
  ui.stage.append(h("div", { class: "d2l-pair" }, left, right));
  const bars = ui.plot({ into: left, interactive: true, label: "Le pari : une barre par caractère" });
  const die = ui.plot({ into: right, label: "Le dé du pari, et ce que coûte le vrai caractère" });

  ui.choice("truth", { label: "Le vrai caractère", options: tokens.map((token) => [token, token]) });
  const buttons = h("div", { style: { display: "flex", "flex-wrap": "wrap", gap: "0.5em" } });
  ui.controls.append(buttons);
  ui.button("Uniforme", () => bet(tokens.map(() => 1 / size)), { into: buttons });
  ui.button("Tout sur un seul", () => {
    const probs = ui.get("probs"), best = probs.indexOf(Math.max(...probs));
    bet(probs.map((p, i) => Number(i === best)));
  }, { into: buttons });

  const bet = (probs, commit = true) => ui.set("probs", probs, commit);
  let base = ui.get("probs");
  const clamp = (v) => Math.max(0, Math.min(1, Math.round(v * 100) / 100));
  const grips = tokens.map((token, i) => {
    const target = s("rect", { y: -15, height: 30, fill: "transparent" });
    const bar = s("rect", { y: -2.5, height: 5, rx: 2.5, class: "area c-data" });
    const node = s("g", { style: { "border-radius": "4px" } }, target, bar);
    bars.svg.append(node);
    const raise = (value) => bet(redistribute(ui.get("probs"), i, clamp(value)), false);
    const handle = ui.handle(node, {
      label: `Probabilité de «\u00a0${token}\u00a0»`,
      describe: () => percent(ui.get("probs")[i]),
      // Tant qu'on tient une barre, les autres gardent les proportions qu'elles avaient au départ.
      drag: (px, py) => bet(redistribute(base, i, clamp(bars.invert(px, py)[1])), false),
      step: (dx, dy) => raise(ui.get("probs")[i] + (dx + dy) / 100),
    });
    node.setAttribute("aria-valuemin", 0);
    node.setAttribute("aria-valuemax", 100);
    node.addEventListener("pointerdown", () => { base = ui.get("probs"); });
    node.addEventListener("keydown", (event) => {
      if (event.key !== "Home" && event.key !== "End") return;
      event.preventDefault();
      raise(event.key === "End" ? 1 : 0);
      model.save_changes();
    });
    return { node, target, bar, handle };
  });
  ui.listen("change:probs", () => { ui.redraw(); grips.forEach(({ handle }) => handle.say()); });

  return ui.start(() => {
    const probs = ui.get("probs"), truth = Math.max(0, tokens.indexOf(ui.get("truth")));
    const found = measure(probs, truth);
    ui.values = { probs, ...found };
    put(came, null, tokens[truth]);

    const wide = ui.width > 544, width = wide ? (ui.width - 16) / 2 : ui.width, height = wide ? 272 : 250;
    ui.status.style.minHeight = ui.width > 600 ? "2.9em" : wide ? "4.4em" : "7.3em";
    bars.frame({ x: [0, size], y: [0, 1], xticks: [], yticks: [0, 0.25, 0.5, 0.75, 1], yformat: percent,
      ylabel: "probabilité", margins: [36, 4, 44, 46], width, height });
    bars.draw(() => {
      const step = bars.x(1) - bars.x(0), { bottom } = bars.box;
      probs.forEach((p, i) => {
        const x = bars.x(i), y = bars.y(p), middle = x + step / 2;
        bars.mark(`barre ${i}`, "rect", { class: "area c-output", x: x + step * 0.15, y, width: step * 0.7, height: bottom - y });
        bars.mark(`valeur ${i}`, "text", { x: middle, y: y - 8, "text-anchor": "middle" }, percent(p));
        const role = i === truth ? "named c-heldout" : "";
        bars.mark(`nom ${i}`, "text", { class: role, x: middle, y: bottom + 18, "text-anchor": "middle", style: { "font-size": "16px" } }, tokens[i]);
        const { node, target, bar } = grips[i];
        put(node, { transform: `translate(${middle} ${y})`, "aria-valuenow": Math.round(100 * p) });
        put(target, { x: -step / 2, width: step });
        put(bar, { x: -step * 0.35, width: step * 0.7 });
      });
      bars.mark("vrai", "text", { class: "named c-heldout", x: bars.x(truth + 0.5), y: bottom + 35, "text-anchor": "middle" }, "le vrai");
    });
    die.frame({ x: [0, MOST_BITS], y: [0, 1], xticks: [0, 2, 4, 6, 8], yticks: [], margins: [96, 12, 44, 42], width, height });
    die.draw(() => {
      const { left: from, right: to, top, bottom } = die.box;
      die.mark("titre", "text", { class: "named c-output", x: 0, y: 17, style: { "font-size": "19px" } }, `Un dé à ${faces(found.faces)}`);
      drawDie(die, found.faces, size, width);
      die.mark("axe", "line", { class: "d2l-rule", x1: from, x2: from, y1: top, y2: bottom });
      die.mark("bits", "text", { class: "d2l-tick", x: from - 10, y: bottom + 18, "text-anchor": "end" }, "bits");
      die.mark("faces", "text", { class: "d2l-tick", x: from - 10, y: bottom + 35, "text-anchor": "end" }, "faces");
      for (let b = 0; b <= MOST_BITS; b += 2) {
        die.mark(`faces ${b}`, "text", { class: "d2l-tick", x: die.x(b), y: bottom + 35, "text-anchor": "middle" }, fr(2 ** b));
      }
      const gap = (bottom - top) / 2;
      const row = (key, y, role, title, value, dice) => {
        const end = value > MOST_BITS ? to + 3 : die.x(value), within = end - from > 150;
        die.mark(`${key} nom`, "text", { class: `named ${role}`, x: from + 6, y: y + 13 }, title);
        die.mark(key, "path", { class: `area ${role}`, d: `M${from} ${y + 19}H${end}${value > MOST_BITS ? "l9 9l-9 9" : "v18"}H${from}Z` });
        die.mark(`${key} prix`, "text", { x: end + (within ? -14 : 6), y: y + 32, "text-anchor": within ? "end" : "start",
          style: { fill: within ? "var(--c-background)" : "var(--c-data)" } }, Number.isFinite(value) ? `${bits(value)}\u00a0: ${faces(dice)}` : "perte infinie");
      };
      row("entropie", top, "c-output", "En moyenne, si le modèle dit vrai", found.entropy, found.faces);
      row("perte", top + gap, "c-heldout", `Cette fois\u00a0: «\u00a0${tokens[truth]}\u00a0», à ${said(probs[truth])}`, found.loss, found.perplexity);
    });
    ui.say(sentence(found, tokens[truth], probs[truth]));
  });
}

/** Les faces du dé, l'une à côté de l'autre : les entières, et un morceau de la suivante. */
function drawDie(die, number, size, width) {
  const side = Math.min(44, width / size - 6);
  for (let i = 0; i < size; i++) {
    const x = 1 + i * (side + 6), y = 34, full = Math.max(0, Math.min(1, number - i + 1e-9));
    die.mark(`part ${i}`, "rect", { class: "area c-output", x, y, width: side * full, height: side, rx: 5 });
    die.mark(`face ${i}`, "rect", { class: full > 0.001 ? "line c-output" : "line dashed c-rule", x, y, width: side, height: side, rx: 5 });
    [...PIPS[i]].forEach((spot, k) => die.mark(`point ${i} ${k}`, "circle", {
      class: "area", r: side * 0.08, style: { fill: full >= 1 ? "var(--c-background)" : "var(--c-rule)" },
      cx: x + side * (0.25 + 0.25 * (spot % 3)), cy: y + side * (0.25 + 0.25 * Math.floor(spot / 3)) }));
  }
}

function sentence({ entropy, faces: number, loss, perplexity }, token, p) {
  const doubt = number < 1.005 ? "n’hésite plus" : `hésite comme devant un dé à ${faces(number)}`;
  const head = `Le modèle ${doubt}\u00a0: s’il dit vrai, il perdra ${bits(entropy)} en moyenne.`;
  const came = `«\u00a0${token}\u00a0» vient, et il lui donnait ${said(p)}`;
  if (loss === Infinity) return `${head} ${came}\u00a0: la perte est infinie, et celle de tout le texte avec elle.`;
  return `${head} ${came}\u00a0: il perd ${bits(loss)}, comme devant un dé à ${faces(perplexity)}.`;
}

export default { render };
