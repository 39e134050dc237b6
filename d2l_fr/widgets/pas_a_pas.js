// « pas_a_pas » : un réseau déroulé, un caractère par pas ; ses poids sont dessinés une seule fois.
import { calm, cut, decode, figure, fr, h, s } from "./shared.js";
import { logitsOf, rnnStep, softmax } from "./network.js";

const LONGEST = 60, LEVELS = 6, CELL = 24.3, BEST = 5, WIDE = 544;
const NB = "\u00a0", NNB = "\u202f";
const BLANKS = { " ": "␣", "\n": "↵", "\u00a0": "⍽", "\u202f": "⍽" };
const NAMES = { " ": "espace", "\n": "fin de ligne", "\u00a0": "espace insécable", "\u202f": "espace fine insécable" };
const digits = (n) => String(n).replace(/\d/g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]);
const percent = (p) => (p < 0.001 ? `<${NB}0,1${NB}%` : `${fr(100 * p, p < 0.0995 ? 1 : 0)}${NB}%`);
const signed = (v) => (v < 0 ? "− " : "+ ") + fr(Math.abs(v), 2);

/** Le signe qui montre un caractère, même invisible ou incomplet. */
function glyph(character) {
  if (character in BLANKS) return BLANKS[character];
  if (/\p{M}/u.test(character)) return "◌" + character;
  return /[\p{C}\p{Z}]/u.test(character) ? "□" : character;
}

// Isolés : un mot écrit de droite à gauche ne retourne pas la phrase qui le cite.
const quoted = (text) => `«${NB}\u2068${text}\u2069${NB}»`;
const named = (character) => NAMES[character] ?? quoted(glyph(character));

/** Les caractères lus : forme NFC, et pas plus de LONGEST. */
function letters(text) {
  return Array.from(cut(text, 4 * LONGEST).normalize("NFC")).slice(0, LONGEST);
}

const hundredth = (v) => Math.round(v * 100) / 100;

/** Les cases d'une grille, rangées par teinte : [classe, opacité, tracé]. */
function shades(rows, columns, value, bound, inset = 0) {
  const traces = new Array(2 * LEVELS + 1).fill(""), width = `h${hundredth(1 - 2 * inset)}`;
  const starts = Array.from({ length: columns }, (_, c) => `M${hundredth(c + inset)} `);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const v = value(r, c), level = Math.min(LEVELS, Math.floor(Math.abs(v) / bound * LEVELS + 0.5));
      if (level) traces[LEVELS + (v < 0 ? -level : level)] += starts[c] + r + width;
    }
  }
  return traces.map((d, i) => [i < LEVELS ? "pas_a_pas-moins" : "pas_a_pas-plus", Math.abs(i - LEVELS) / LEVELS, d])
    .filter(([, , d]) => d);
}

const fitted = (x, y, width, height) => `translate(${x} ${y + height / 2}) scale(${width} ${height})`;

/** Où tout se pose, selon la largeur. */
function layout(width) {
  const wide = width >= WIDE, columns = Math.min(26, Math.floor(width / CELL)), side = wide ? 96 : 78;
  const right = wide ? 0.655 * width : width - 2;
  const hq = { x: right - (wide ? 104 : 84), width: wide ? 104 : 84 }, hh = { x: 2, width: side };
  const xh = { x: (wide ? 0.27 : 0.42) * width, width: wide ? 72 : 48 };
  const top = 42, low = top + side, strip = low + (wide ? 52 : 44), bus = low + (wide ? 30 : 22), under = strip + 96;
  const bars = wide ? { x: right + 30, y: 30, width: width - right - 30 } : { x: 0, y: under + 62, width };
  const sum = { y: wide ? under + 46 : bars.y + 140, label: wide ? 190 : 92, row: 20 };
  return { wide, width, columns, cell: width / columns, side, hh, xh, hq, top, low, strip, bus, under, bars, sum,
    node: (hh.x + side + xh.x) / 2, middle: top + side / 2, height: sum.y + 128 };
}

function render({ model, el }) {
  const ui = figure({ model, el }, { label: "un réseau récurrent, pas à pas" });
  const net = Object.fromEntries(Object.entries(ui.get("arrays")).map(([key, value]) => [key, decode(value)]));
  ui.status.classList.add("pas_a_pas-bilan");
  const tokens = ui.get("tokens"), index = new Map(tokens.map((token, i) => [token, i]));
  const V = tokens.length, m = net.b_h.data.length, bound = ui.get("bound");
  const known = (character) => index.has(character) && index.get(character) > 0;

  // ---------- le texte lu, et ce que le réseau en fait
  let reading = null;
  const read = () => {
    const text = ui.get("text"), forget = ui.get("forget");
    if (reading?.text === text && reading.forget === forget) return reading;
    const characters = letters(text), ids = characters.map((c) => (known(c) ? index.get(c) : 0));
    const unrolled = (cutAt) => ids.reduce((states, id, i) => {
      states.push(rnnStep(net, i + 1 === cutAt ? new Float64Array(m) : states[i], id));
      return states;
    }, [new Float64Array(m)]);
    const whole = unrolled(0);
    reading = { text, forget, characters, ids, whole, states: forget > 0 ? unrolled(forget) : whole };
    return reading;
  };
  const clamp = (value, high) => Math.max(0, Math.min(high, value));
  const present = () => clamp(ui.get("step"), read().characters.length);

  const field = ui.text("text", { label: "Le texte à lire" });
  field.input.addEventListener("input", () => {
    ui.set("forget", 0, false);
    ui.set("step", read().characters.length, false);
  });
  const go = (step) => ui.set("step", clamp(step, read().characters.length));
  const bar = h("div", { class: "pas_a_pas-boutons" });
  ui.top.append(bar);
  const back = ui.button("Pas précédent", () => go(present() - 1), { into: bar });
  const next = ui.button("Pas suivant", () => go(present() + 1), { into: bar });
  const erase = ui.button("", () => {
    if (ui.get("forget")) ui.set("forget", 0);
    else if (present() > 1) ui.set("forget", present());
  }, { into: bar });
  for (const key of ["step", "forget", "unit"]) ui.listen(`change:${key}`, ui.redraw);

  // Un bouton par pas montré ; les flèches passent de l'un à l'autre.
  const line = h("div", { class: "pas_a_pas-texte", role: "group", "aria-label": "Les pas : un caractère lu à chacun" });
  ui.stage.append(line);
  const slots = [];
  let first = 0, moved = false;
  const arrows = (event) => {
    const step = present(), T = read().characters.length;
    const target = { ArrowLeft: step - 1, ArrowRight: step + 1, Home: 0, End: T }[event.key];
    if (target === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    moved = event.currentTarget === line;
    go(target);
    ui.redraw();
  };
  line.addEventListener("keydown", arrows);
  bar.addEventListener("keydown", arrows);
  const slot = (i) => slots[i] ??= h("button", { type: "button", onclick: () => { moved = true; go(first + i); } });

  const P = ui.plot({ interactive: true, label: "Le calcul du pas présent" });
  const weights = s("g", { "aria-hidden": "true" });
  P.svg.insertBefore(weights, P.marks);
  P.marks.setAttribute("aria-hidden", "true");
  const strip = s("rect", { fill: "transparent", cursor: "pointer", onclick: (event) => {
    const box = P.svg.getBoundingClientRect(), column = Math.floor((event.clientX - box.left) / box.width * L.columns);
    if (first + column <= read().characters.length) go(first + column);
  } });
  const table = s("rect", { class: "pas_a_pas-somme", fill: "transparent", tabindex: 0, role: "slider",
    "aria-label": "Unité dont la somme est détaillée", "aria-valuemin": 1, "aria-valuemax": m });
  P.svg.append(strip, table);
  const pick = (event) => {
    const box = table.getBoundingClientRect();
    ui.set("unit", clamp(Math.floor((event.clientX - box.left) / box.width * m), m - 1), false);
  };
  table.addEventListener("pointermove", pick);
  table.addEventListener("pointerdown", pick);
  table.addEventListener("keydown", (event) => {
    const unit = ui.get("unit");
    const target = { ArrowLeft: unit - 1, ArrowDown: unit - 1, ArrowRight: unit + 1, ArrowUp: unit + 1, Home: 0, End: m - 1 }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    ui.set("unit", clamp(target, m - 1));
  });

  // Les poids ne dépendent ni du texte ni du pas : dessinés une fois par largeur.
  let L = null;
  const drawWeights = () => {
    const matrix = ({ x, width }, W, name) => {
      const [rows, columns] = W.shape;
      return [
        s("rect", { class: "pas_a_pas-cadre", x, y: L.top, width, height: L.side }),
        ...shades(rows, columns, (r, c) => W.data[r * columns + c], bound).map(([role, opacity, d]) =>
          s("path", { class: role, "stroke-opacity": opacity, d, transform: fitted(x, L.top, width / columns, L.side / rows) })),
        s("text", { x: x + width / 2, y: L.top - 7, "text-anchor": "middle", class: "pas_a_pas-titre" },
          "W", s("tspan", { dy: 3, "font-size": 11 }, name)),
      ];
    };
    weights.replaceChildren(...matrix(L.hh, net.W_hh, "hh"), ...matrix(L.xh, net.W_xh, "xh"), ...matrix(L.hq, net.W_hq, "hq"));
  };

  const wire = (key, points, role, head = true) => {
    P.mark(key, "path", { class: `line pas_a_pas-fil ${role}`, pathLength: 1, d: "M" + points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L") });
    if (!head) return;
    const [[a, b], [x, y]] = points.slice(-2), turn = Math.atan2(y - b, x - a) * 180 / Math.PI;
    P.mark(`${key} pointe`, "path", { class: `area ${role}`, d: "M0 0L-7 -4L-7 4z", transform: `translate(${x} ${y}) rotate(${turn})` });
  };
  // Un texte à indices : « W_xh » ; `parts` alterne le texte et ses indices.
  const indexed = (key, attributes, ...parts) => {
    const node = P.mark(key, "text", attributes);
    if (node.textContent === parts.join("")) return;
    node.replaceChildren(...parts.map((part, i) => (i % 2 ? s("tspan", { dy: 3, "font-size": 10.5 }, part) : s("tspan", { dy: i ? -3 : 0 }, part))));
  };
  const tinted = (key, list, transform) => list.forEach(([role, opacity, d]) =>
    P.mark(`${key} ${role} ${opacity}`, "path", { class: role, "stroke-opacity": opacity, d, transform }));

  let lastStep = present();
  const flow = () => {
    if (calm()) return;
    const trace = [{ strokeDashoffset: 1 }, { strokeDashoffset: 0 }], late = { duration: 260, delay: 240, fill: "backwards" };
    for (const node of P.marks.querySelectorAll(".pas_a_pas-entre")) node.animate(trace, 260);
    for (const node of P.marks.querySelectorAll(".pas_a_pas-sort")) node.animate(trace, late);
    for (const node of weights.querySelectorAll(".pas_a_pas-cadre")) node.animate([{ strokeWidth: 5 }, { strokeWidth: 1 }], 600);
  };

  return ui.start(() => {
    const { characters, ids, whole, states, forget } = read();
    const T = characters.length, t = present(), erased = forget > 1 && forget <= T && t >= forget;
    const state = states[t], previous = t > 0 && t !== forget ? states[t - 1] : new Float64Array(m);
    const chances = softmax(logitsOf(net, state)), memory = erased ? softmax(logitsOf(net, whole[t])) : chances;
    const bias = net.b_h.data, none = new Float64Array(m);
    const fromInput = t ? net.W_xh.data.subarray(ids[t - 1] * m, ids[t - 1] * m + m) : none;
    const fromState = Float64Array.from(none, (_, j) => previous.reduce((sum, v, i) => sum + v * net.W_hh.data[i * m + j], 0));
    const order = Array.from(chances.keys()).sort((a, b) => chances[b] - chances[a]);
    const unit = clamp(ui.get("unit"), m - 1);
    const gap = Math.hypot(...Array.from(state, (v, i) => v - whole[t][i]));
    ui.values = { characters, ids, step: t, forget, states, state, fromInput, fromState, chances, memory, gap, unit };

    if (L?.width !== ui.width) {
      L = layout(ui.width);
      P.resize(L.width, L.height);
      drawWeights();
      slots.length = 0;
      line.replaceChildren(...Array.from({ length: L.columns }, (_, i) => slot(i)));
      line.style.gridTemplateColumns = `repeat(${L.columns}, 1fr)`;
    }
    first = clamp(t + (L.wide ? 6 : 4) - L.columns, Math.max(0, T + 1 - L.columns));
    slots.forEach((button, i) => {
      const step = first + i, character = characters[step - 1];
      button.hidden = step > T;
      button.textContent = step === 0 ? "–" : step > T ? "" : glyph(character);
      button.className = [step === t ? "ici" : step < t ? "lu" : "", step && step <= T && !known(character) ? "inconnu" : "",
        erased && step < forget ? "efface" : ""].join(" ");
      button.setAttribute("aria-label", step === 0 ? "Pas 0, rien n’est lu"
        : `Pas ${step}, ${named(character ?? "")}${step > T || known(character) ? "" : ", inconnu"}`);
      button.tabIndex = step === t ? 0 : -1;
      if (step === t) button.setAttribute("aria-current", "step"); else button.removeAttribute("aria-current");
    });
    if (moved) slots[t - first].focus({ preventScroll: true });
    moved = false;
    back.setAttribute("aria-disabled", t === 0);
    next.setAttribute("aria-disabled", t === T);
    erase.setAttribute("aria-disabled", !forget && t < 2);
    erase.textContent = forget ? "Rendre la mémoire" : "Oublier ce qui précède";

    P.draw(() => {
      machine({ t, ids, characters, forget });
      history({ t, T, states, forget, erased, unit });
      bars({ t, T, characters, ids, chances, memory, order, erased });
      sum({ t, unit, rows: [fromInput, fromState, t ? bias : none, state], characters, forget });
    });
    if (t === lastStep + 1) flow();
    lastStep = t;
    ui.say(sentence({ t, T, characters, ids, chances, memory, order, erased, forget, gap, tokens, text: ui.get("text") }));
  });

  function machine({ t, ids, characters, forget }) {
    const { hh, xh, hq, top, low, bus, strip: y, side, node, middle, cell } = L, at = (step) => (step - first + 0.5) * cell;
    const here = at(t);
    if (t) {
      const row = top + (ids[t - 1] + 0.5) / V * side, gutter = xh.x + xh.width + (L.wide ? 34 : 24);
      wire("x", [[here, 0], [here, 9], [gutter, 9], [gutter, row], [xh.x + xh.width + 5, row]], "c-input pas_a_pas-entre");
      P.mark("ligne", "rect", { class: "pas_a_pas-ligne", x: xh.x - 2, y: row - 2.5, width: xh.width + 4, height: 5 });
      P.mark("lettre", "text", { class: "named c-input", x: gutter - 5, y: row < top + side / 2 ? row + 17 : row - 8, "text-anchor": "end" }, glyph(characters[t - 1]));
      wire("x vers h", [[xh.x - 2, row], [xh.x - 9, row], [xh.x - 9, middle], [node + 19, middle]], "c-input pas_a_pas-entre");
      if (t !== forget) {
        wire("avant", [[at(t - 1), y - 2], [at(t - 1), y - 11], [hh.x + side / 2, y - 11], [hh.x + side / 2, low + 2]], "c-hidden pas_a_pas-entre");
        wire("avant vers h", [[hh.x + side, middle], [node - 19, middle]], "c-hidden pas_a_pas-entre");
      } else P.mark("rien", "text", { x: hh.x + side / 2, y: low + 17, "text-anchor": "middle" }, "0 : oublié");
      wire("b", [[node, top - 3], [node, middle - 19]], "c-reference");
      indexed("b nom", { x: node, y: top - 8, "text-anchor": "middle" }, "+ b", "h");
      wire("h", [[node, middle + 18], [node, bus], [here, bus], [here, y - 2]], "c-hidden pas_a_pas-sort");
    }
    const from = t ? [node, bus] : [here, y - 2];
    wire("vers q", [from, [from[0], bus], [hq.x + hq.width / 2, bus], [hq.x + hq.width / 2, low + 2]], "c-hidden pas_a_pas-sort");
    P.mark("tanh", "circle", { class: "pas_a_pas-noeud", cx: node, cy: middle, r: 18 });
    P.mark("tanh nom", "text", { x: node, y: middle + 4, "text-anchor": "middle" }, "tanh");
    if (L.wide) wire("q", [[hq.x + hq.width, middle], [L.bars.x - 6, middle]], "c-output pas_a_pas-sort");
  }

  function history({ t, T, states, forget, erased, unit }) {
    const { cell, strip: y, under, columns } = L, last = Math.min(first + columns - 1, T), tall = (under - y) / m;
    const shown = states.slice(first, Math.min(t, last) + 1), mid = (step) => (step - first + 0.5) * cell;
    const lost = erased ? clamp(forget - first, shown.length) : 0;
    const heat = (list) => shades(m, list.length, (r, c) => list[c][r], 1, 0.14);
    tinted("états", heat(shown.slice(lost)), fitted(lost * cell, y, cell, tall));
    tinted("oubliés", heat(shown.slice(0, lost)).map(([role, opacity, d]) => [role, opacity * 0.3, d]), fitted(0, y, cell, tall));
    for (let step = first; step <= last; step++) {
      const role = step === t ? "c-hidden" : erased && step < forget ? "c-rule dashed" : step <= t ? "c-reference" : "c-rule";
      P.mark(`pas ${step}`, "rect", { class: `pas_a_pas-case ${role}`, "stroke-width": step === t ? 2.5 : 1,
        x: mid(step) - 0.36 * cell, y, width: 0.72 * cell, height: under - y });
    }
    P.mark("unité suivie", "rect", { class: "pas_a_pas-unite", x: 1, y: y + unit * tall, width: mid(Math.min(t, last)) + cell / 2 - 2, height: tall });
    if (erased && forget > first) {
      const x = (forget - first) * cell;
      P.mark("coupure", "line", { class: "line dashed c-data", x1: x, x2: x, y1: y - 6, y2: under + 6 });
    }
    for (const step of t && t !== forget ? [t - 1, t] : [t]) {
      if (step >= first) P.mark(`nom ${step}`, "text", { class: "named c-hidden", x: mid(step), y: under + 16, "text-anchor": "middle" }, `h${digits(step)}`);
    }
    setBox(strip, { x: 0, y, width: L.width, height: under - y });
    P.mark("légende", "text", { class: "d2l-tick", x: 1, y: under + 34 }, L.wide ? `Un état par pas, de ${m} unités.` : "Un état par pas");
    const scale = L.width - 2 - 13 * 9 - (L.wide ? 150 : 74);
    P.mark("moins", "text", { class: "d2l-tick", x: scale - 4, y: under + 34, "text-anchor": "end" }, "−1");
    tinted("échelle", shades(1, 13, (_, c) => (c - 6) / 6, 1), fitted(scale, under + 24, 9, 12));
    P.mark("échelle", "rect", { class: "pas_a_pas-case c-reference", "stroke-width": 1, x: scale, y: under + 24, width: 117, height: 12 });
    P.mark("plus", "text", { class: "d2l-tick", x: scale + 121, y: under + 34 }, L.wide ? `1 (poids et sommes${NB}: ±${fr(bound)})` : `1 (poids ±${fr(bound)})`);
  }

  function bars({ t, T, characters, ids, chances, memory, order, erased }) {
    const { x, y, width } = L.bars, row = 18, from = x + 24, room = width - 24 - 52;
    const rows = order.slice(0, BEST), after = t < T ? ids[t] : -1;
    P.mark("titre", "text", { x, y: y - 1 }, erased ? "Suivant (pointillé : sans l’oubli)" : `Le suivant, d’après h${digits(t)}`);
    const top = Math.max(chances[rows[0]], ...rows.map((i) => memory[i]), after < 0 ? 0 : memory[after]);
    const one = (key, token, place, character) => {
      const p = chances[token], wide = room * p / top;
      P.mark(`${key} nom`, "text", { x: x + 11, y: place + 12, "text-anchor": "middle", class: token === after ? "named c-output" : "c-output" },
        token ? glyph(character ?? tokens[token]) : "?");
      P.mark(`${key} barre`, "rect", { class: "area c-output", x: from, y: place + 1, width: Math.max(0.5, wide), height: 13 });
      P.mark(`${key} part`, "text", { x: Math.max(from + wide, erased ? from + room * memory[token] / top : 0) + 5, y: place + 12 }, percent(p));
      if (erased) {
        P.mark(`${key} mémoire`, "rect", { class: "pas_a_pas-fantome", x: from, y: place - 0.5, width: Math.max(1, room * memory[token] / top), height: 16 });
      }
    };
    rows.forEach((token, i) => one(`barre ${i}`, token, y + 6 + i * row));
    const place = y + 8 + BEST * row;
    P.mark("vient", "text", { class: "d2l-tick", x, y: place + 12 }, after < 0 ? "Le texte s’arrête ici." : "Celui qui vient :");
    if (after >= 0) one("vient", after, place + 17, characters[t]);
  }

  function sum({ t, unit, rows, characters, forget }) {
    const { y, label, row } = L.sum, cell = (L.width - label) / m;
    const letter = quoted(t ? glyph(characters[t - 1]) : "–"), before = digits(Math.max(0, t - 1));
    const texts = t === 0 ? [["Rien n’est lu."], [""], [""], ["h₀ = 0"]] : [
      L.wide ? [`ligne ${letter} de W`, "xh"] : [`${letter} W`, "xh"],
      t > 0 && t === forget ? ["+ 0 (oublié)"] : [`+ h${before} W`, "hh"],
      ["+ b", "h"],
      [L.wide ? `tanh de la somme : h${digits(t)}` : `tanh : h${digits(t)}`],
    ];
    rows.forEach((values, i) => {
      const place = y + i * 24 + (i === 3 ? 6 : 0);
      indexed(`terme ${i}`, { x: 1, y: place + 15 }, ...texts[i]);
      tinted(`teinte ${i}`, shades(1, m, (_, c) => values[c], i === 3 ? 1 : bound, 0.04), fitted(label, place, cell, row));
      P.mark(`terme ${i} cadre`, "rect", { class: `pas_a_pas-case ${i === 3 ? "c-hidden" : "c-reference"}`, "stroke-width": 1, x: label, y: place, width: m * cell, height: row });
    });
    const high = 3 * 24 + 6 + row, end = y + high;
    P.mark("unité", "rect", { class: "pas_a_pas-unite", x: label + unit * cell, y: y - 3, width: cell, height: high + 6 });
    setBox(table, { x: label, y: y - 4, width: m * cell, height: high + 8 });
    const [a, b, c] = rows.map((values) => values[unit]);
    const text = t ? `Unité ${unit + 1} : tanh(${fr(a, 2)} ${signed(b)} ${signed(c)}) = ${fr(rows[3][unit], 2)}` : `Unité ${unit + 1} : 0, rien n’est lu`;
    P.mark("détail", "text", { x: L.wide ? label : 0, y: end + 22 }, text);
    table.setAttribute("aria-valuenow", unit + 1);
    table.setAttribute("aria-valuetext", text);
  }

  function setBox(node, box) {
    for (const [name, value] of Object.entries(box)) node.setAttribute(name, value);
  }
}

/** Ce que le pas présent a donné, en deux ou trois phrases courtes. */
function sentence({ t, T, characters, ids, chances, memory, order, erased, forget, gap, tokens, text }) {
  const called = (token, character) => (token ? named(character ?? tokens[token]) : "un inconnu");
  const best = order[0], head = [];
  if (Array.from(cut(text, 4 * LONGEST).normalize("NFC")).length > LONGEST) head.push(`Seuls les ${LONGEST} premiers caractères sont lus.`);
  if (t && !ids[t - 1]) {
    const hint = characters[t - 1] === "'" ? " (le récit écrit l’apostrophe courbe)" : "";
    head.push(`${named(characters[t - 1])} n’est pas dans le vocabulaire${hint}${NB}: il est lu comme inconnu.`);
  }
  if (erased) {
    const since = characters.slice(forget - 1, t).map(glyph).join("");
    const was = memory.indexOf(Math.max(...memory));
    head.push(`État oublié${NB}: pour le réseau, le texte commence à ${quoted(cut(since, 12) + (t - forget > 11 ? "…" : ""))}.`);
    head.push(was === best
      ? `Il attend toujours ${called(best)}${NB}: ${percent(chances[best])} au lieu de ${percent(memory[best])}.`
      : `Il attend ${called(best)} (${percent(chances[best])}) et non plus ${called(was)} (${percent(memory[was])}).`);
    head.push(`Entre les deux états, la distance est de ${fr(gap, 2)}.`);
    return head.join(" ");
  }
  head.push(t === 0 ? `Pas 0${NB}: rien n’est lu, l’état est nul${NNB}; le biais de sortie décide seul.`
    : `Pas ${t}${NB}: le réseau lit ${named(characters[t - 1])} et reprend l’état h${digits(t - 1)}.`);
  if (t === T) head.push(`Il attend surtout ${called(best)} (${percent(chances[best])}).`);
  else if (ids[t] === best) head.push(`Il attend surtout ${called(best, characters[t])} (${percent(chances[best])}), et c’est ce qui vient.`);
  else head.push(`Il attend surtout ${called(best)} (${percent(chances[best])})${NNB}; c’est ${called(ids[t], characters[t])} qui vient (${percent(chances[ids[t]])}).`);
  return head.join(" ");
}

export default { render };
