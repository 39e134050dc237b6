// « pas_a_pas » : un réseau déroulé, un caractère par pas ; ses poids sont dessinés une seule fois.
import { calm, chord, cut, decode, figure, fr, h, path, put, s } from "./shared.js";
import { logitsOf, rnnStep, softmax } from "./network.js";

const LONGEST = 60, LEVELS = 6, CELL = 24.3, BEST = 5, WIDE = 544;
const NB = "\u00a0", NNB = "\u202f";
const BLANKS = { " ": "␣", "\n": "↵", "\u00a0": "⍽", "\u202f": "⍽" };
const NAMES = { " ": "une espace", "\n": "une fin de ligne", "\u00a0": "une espace insécable", "\u202f": "une espace fine insécable" };
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

/** Les cases d'une grille, un tracé par teinte : les mêmes teintes à chaque fois, même sans case. */
function shades(rows, columns, value, inset = 0, place = (r) => r) {
  const traces = new Array(2 * LEVELS + 1).fill(""), width = `h${hundredth(1 - 2 * inset)}`;
  const starts = Array.from({ length: columns }, (_, c) => `M${hundredth(c + inset)} `);
  for (let r = 0; r < rows; r++) {
    const row = place(r) + width;
    for (let c = 0; c < columns; c++) {
      const v = value(r, c), level = Math.min(LEVELS, Math.floor(Math.abs(v) * LEVELS + 0.5));
      traces[LEVELS + (v < 0 ? -level : level)] += starts[c] + row;
    }
  }
  return traces.map((d, i) => ({ class: i < LEVELS ? "pas_a_pas-moins" : "pas_a_pas-plus", "stroke-opacity": Math.abs(i - LEVELS) / LEVELS, d }))
    .filter((_, i) => i !== LEVELS);
}

const fitted = (x, y, width, height) => `translate(${x} ${y + height / 2}) scale(${width} ${height})`;
const outline = (x, y, width, height) => `M${hundredth(x)} ${hundredth(y)}h${hundredth(width)}v${hundredth(height)}h${hundredth(-width)}z`;

/** Où tout se pose, selon la largeur : les matrices rapetissent pour laisser leur place aux flèches. */
function layout(width) {
  const wide = width >= WIDE, columns = Math.min(26, Math.floor(width / CELL));
  const part = ([share, most]) => Math.min(share * width, most);
  const [side, middling, large, gutter] = (wide ? [[0.15, 96], [0.115, 72], [0.165, 104], [0.055, 34]]
    : [[0.22, 78], [0.17, 48], [0.27, 84], [0.08, 24]]).map(part);
  const right = wide ? 0.655 * width : width - 2, tall = wide ? 96 : side;
  const hq = { x: right - large, width: large }, hh = { x: 2, width: side }, xh = { x: (wide ? 0.27 : 0.44) * width, width: middling };
  const top = 42, low = top + tall, strip = low + (wide ? 52 : 44), bus = low + (wide ? 30 : 22), under = strip + 96;
  const bars = wide ? { x: right + 30, y: 30, width: width - right - 30 } : { x: 0, y: under + 62, width };
  const sum = { y: wide ? under + 46 : bars.y + 140, label: wide ? 190 : 92, row: 20, pitch: 24 };
  const elbow = xh.x - (wide ? 9 : 6);
  return { wide, width, columns, cell: width / columns, tall, hh, xh, hq, top, low, strip, bus, under, bars, sum, elbow,
    gutter: xh.x + middling + gutter, node: (hh.x + side + elbow) / 2, radius: wide ? 18 : 15, middle: top + tall / 2, height: sum.y + 128 };
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
  const line = h("div", { class: "pas_a_pas-texte", role: "group", "aria-label": `Les pas${NB}: un caractère lu à chacun` });
  ui.stage.append(line);
  let first = 0, moved = false;
  const arrows = (event) => {
    const step = present(), T = read().characters.length;
    const target = { ArrowLeft: step - 1, ArrowRight: step + 1, Home: 0, End: T }[event.key];
    if (target === undefined || chord(event)) return;
    event.preventDefault();
    moved = event.currentTarget === line;
    go(target);
    ui.redraw();
  };
  line.addEventListener("keydown", arrows);
  bar.addEventListener("keydown", arrows);
  const slot = () => h("button", { type: "button", onclick: ({ currentTarget }) => {
    moved = true;
    go(first + Array.from(line.children).indexOf(currentTarget));
  } });

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
    if (target === undefined || chord(event)) return;
    event.preventDefault();
    ui.set("unit", clamp(target, m - 1));
  });

  // Ni les poids ni l'échelle ne dépendent du texte ou du pas : dessinés une fois par largeur.
  let L = null;
  const drawWeights = () => {
    const shaded = (list, transform) => list.map((tint) => s("path", { ...tint, transform }));
    const matrix = ({ x, width }, W, name) => {
      const [rows, columns] = W.shape;
      return [
        s("rect", { class: "pas_a_pas-cadre", x, y: L.top, width, height: L.tall }),
        ...shaded(shades(rows, columns, (r, c) => W.data[r * columns + c] / bound), fitted(x, L.top, width / columns, L.tall / rows)),
        s("text", { x: x + width / 2, y: L.top - 7, "text-anchor": "middle", class: "pas_a_pas-titre" },
          "W", s("tspan", { dy: 3, "font-size": 11 }, name)),
      ];
    };
    const y = L.under + 34, left = L.width - 119 - (L.wide ? 150 : 74);
    const note = (x, text, more) => s("text", { class: "d2l-tick", x, y, ...more }, text);
    const scale = [
      note(1, L.wide ? `Un état par pas, de ${m} unités.` : "États"),
      note(left - 4, "−1", { "text-anchor": "end" }),
      ...shaded(shades(1, 13, (_, c) => (c - 6) / 6), fitted(left, y - 10, 9, 12)),
      s("rect", { class: "pas_a_pas-case c-reference", x: left, y: y - 10, width: 117, height: 12 }),
      note(left + 121, L.wide ? `1 (poids et sommes${NB}: ±${fr(bound)})` : `1 (poids ±${fr(bound)})`),
    ];
    weights.replaceChildren(...matrix(L.hh, net.W_hh, "hh"), ...matrix(L.xh, net.W_xh, "xh"), ...matrix(L.hq, net.W_hq, "hq"), ...scale);
  };

  // Un fil absent reste posé, vide : ce qui est par-dessus y reste, quoi qu'on ait fait avant.
  const wire = (key, role, there, points) => {
    const [[a, b], [x, y]] = points.slice(-2), turn = Math.atan2(y - b, x - a) * 180 / Math.PI;
    P.mark(key, "path", { class: `line pas_a_pas-fil ${role}`, pathLength: 1, d: there ? path(points) : "" });
    P.mark(`${key} pointe`, "path", { class: `area ${role}`, d: there ? "M0 0L-7 -4L-7 4z" : "", transform: `translate(${x} ${y}) rotate(${turn})` });
  };
  // Un texte à indices : « W_xh » ; `parts` alterne le texte et ses indices.
  const indexed = (key, attributes, ...parts) => {
    const node = P.mark(key, "text", attributes);
    while (node.childElementCount < parts.length) node.append(s("tspan", node.childElementCount % 2 ? { dy: 3, "font-size": 10.5 } : null));
    Array.from(node.children, (span, i) => put(span, null, parts[i] ?? ""));
  };
  const tinted = (key, list, transform) => list.forEach((tint, i) => P.mark(`${key} ${i}`, "path", { ...tint, transform }));

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
    // Le même caractère, la fois d'avant : son pas (0 s'il n'y en a pas), et la distance des deux états.
    const twin = t > 1 ? characters.lastIndexOf(characters[t - 1], t - 2) + 1 : 0;
    const apart = Math.hypot(...Array.from(state, (v, i) => v - states[twin][i]));
    ui.values = { characters, ids, step: t, forget, states, state, fromInput, fromState, chances, memory, gap, twin, apart, unit };

    if (L?.width !== ui.width) {
      L = layout(ui.width);
      P.resize(L.width, L.height);
      drawWeights();
      line.replaceChildren(...Array.from({ length: L.columns }, slot));
      line.style.gridTemplateColumns = `repeat(${L.columns}, 1fr)`;
    }
    const held = first;
    first = clamp(t + (L.wide ? 6 : 4) - L.columns, Math.max(0, T + 1 - L.columns));
    // Quand la fenêtre glisse, un bouton garde son pas : celui qui sort d'un côté rentre de l'autre.
    for (let k = held; k < first; k++) line.append(line.firstChild);
    for (let k = held; k > first; k--) line.prepend(line.lastChild);
    Array.from(line.children, (button, i) => {
      const step = first + i, character = characters[step - 1];
      put(button, {
        hidden: step > T, tabindex: step === t ? 0 : -1, "aria-current": step === t && "step",
        class: [step === t ? "ici" : step < t ? "lu" : "", step && step <= T && !known(character) ? "inconnu" : "",
          erased && step < forget ? "efface" : ""].join(" "),
        "aria-label": step === 0 ? "Pas 0, rien n’est lu"
          : `Pas ${step}, ${named(character ?? "")}${step > T || known(character) ? "" : ", inconnu"}`,
      }, step === 0 ? "–" : step > T ? "" : glyph(character));
    });
    if (moved) line.children[t - first].focus({ preventScroll: true });
    moved = false;
    put(back, { "aria-disabled": String(t === 0) });
    put(next, { "aria-disabled": String(t === T) });
    put(erase, { "aria-disabled": String(!forget && t < 2) }, forget ? "Rendre la mémoire" : "Oublier ce qui précède");

    P.draw(() => {
      machine({ t, ids, characters, forget });
      history({ t, T, states, forget, erased, unit });
      bars({ t, T, characters, ids, chances, memory, order, erased });
      sum({ t, unit, rows: [fromInput, fromState, t ? bias : none, state], characters, forget });
    });
    if (t === lastStep + 1) flow();
    lastStep = t;
    ui.say(sentence({ t, T, characters, ids, chances, memory, order, erased, forget, gap, twin, apart, tokens, text: ui.get("text") }));
  });

  function machine({ t, ids, characters, forget }) {
    const { hh, xh, hq, top, low, bus, strip: y, tall, node, radius, elbow, gutter, middle, cell } = L, at = (step) => (step - first + 0.5) * cell;
    const here = at(t), row = top + ((ids[t - 1] ?? 0) + 0.5) / V * tall, under = hh.x + hh.width / 2, kept = t > 0 && t !== forget;
    const entering = "c-input pas_a_pas-entre", past = "c-hidden pas_a_pas-entre", leaving = "c-hidden pas_a_pas-sort";
    wire("x", entering, t > 0, [[here, 0], [here, 9], [gutter, 9], [gutter, row], [xh.x + xh.width + 5, row]]);
    wire("x vers h", entering, t > 0, [[xh.x - 2, row], [elbow, row], [elbow, middle], [node + radius + 1, middle]]);
    wire("avant", past, kept, [[at(t - 1), y - 2], [at(t - 1), y - 11], [under, y - 11], [under, low + 2]]);
    wire("avant vers h", past, kept, [[hh.x + hh.width, middle], [node - radius - 1, middle]]);
    wire("b", "c-reference", true, [[node, top - 3], [node, middle - radius - 1]]);
    wire("h", leaving, t > 0, [[node, middle + radius], [node, bus], [here, bus], [here, y - 2]]);
    wire("vers q", leaving, true, [...(t ? [] : [[here, y - 2]]), [t ? node : here, bus], [hq.x + hq.width / 2, bus], [hq.x + hq.width / 2, low + 2]]);
    wire("q", "c-output pas_a_pas-sort", L.wide, [[hq.x + hq.width, middle], [L.bars.x - 6, middle]]);
    P.mark("tanh", "circle", { class: "pas_a_pas-noeud", cx: node, cy: middle, r: radius });
    P.mark("tanh nom", "text", { class: L.wide ? null : "pas_a_pas-tanh", x: node, y: middle + 4, "text-anchor": "middle" }, "tanh");
    indexed("b nom", { x: node, y: top - 8, "text-anchor": "middle" }, "+ b", "h");
    if (t) {
      P.mark("ligne", "rect", { class: "pas_a_pas-ligne", x: xh.x - 2, y: row - 2.5, width: xh.width + 4, height: 5 });
      P.mark("lettre", "text", { class: "named c-input", x: gutter - 5, y: row < middle ? row + 17 : row - 8, "text-anchor": "end" }, glyph(characters[t - 1]));
    }
    if (t && !kept) P.mark("rien", "text", { x: under, y: low + 17, "text-anchor": "middle" }, `0${NB}: oublié`);
  }

  function history({ t, T, states, forget, erased, unit }) {
    const { cell, strip: y, under, columns } = L, last = Math.min(first + columns - 1, T), high = under - y, tall = high / m;
    const shown = states.slice(first, t + 1), mid = (step) => (step - first + 0.5) * cell, since = erased ? Math.max(first, forget) : first;
    tinted("états", shades(m, shown.length, (r, c) => shown[c][r], 0.14), fitted(0, y, cell, tall));
    P.mark("voile", "rect", { class: "pas_a_pas-voile", x: 0, y, width: (since - first) * cell, height: high });
    const frames = (key, role, from, to, thick = 1) => P.mark(key, "path", { class: `pas_a_pas-case ${role}`, "stroke-width": thick,
      d: Array.from({ length: to - from }, (_, i) => outline(mid(from + i) - 0.36 * cell, y, 0.72 * cell, high)).join("") });
    frames("oubliés", "c-rule dashed", first, since);
    frames("lus", "c-reference", since, t);
    frames("à venir", "c-rule", t + 1, last + 1);
    frames("présent", "c-hidden", t, t + 1, 2.5);
    P.mark("unité suivie", "rect", { class: "pas_a_pas-unite", x: 1, y: y + unit * tall, width: mid(t) + cell / 2 - 2, height: tall });
    if (since > first) P.mark("coupure", "line", { class: "line dashed c-data", x1: (since - first) * cell, x2: (since - first) * cell, y1: y - 6, y2: under + 6 });
    const name = (key, step) => P.mark(key, "text", { class: "named c-hidden", x: mid(step), y: under + 16, "text-anchor": "middle" }, `h${digits(step)}`);
    if (t > first && t !== forget) name("nom avant", t - 1);
    name("nom", t);
    put(strip, { x: 0, y, width: L.width, height: high });
  }

  function bars({ t, T, characters, ids, chances, memory, order, erased }) {
    const { x, y, width } = L.bars, row = 18, from = x + 24, room = width - 24 - 52;
    const rows = order.slice(0, BEST), after = t < T ? ids[t] : -1;
    P.mark("titre", "text", { x, y: y - 1 }, erased ? `Suivant (pointillé${NB}: sans l’oubli)` : `Le suivant, d’après h${digits(t)}`);
    const top = Math.max(chances[rows[0]], ...rows.map((i) => memory[i]), after < 0 ? 0 : memory[after]);
    let solid = "", ghost = "";
    const one = (key, token, place, character) => {
      const p = chances[token], wide = room * p / top, was = erased ? room * memory[token] / top : 0;
      P.mark(`${key} nom`, "text", { x: x + 11, y: place + 12, "text-anchor": "middle", class: token === after ? "named c-output" : "c-output" },
        token ? glyph(character ?? tokens[token]) : "?");
      P.mark(`${key} part`, "text", { x: hundredth(from + Math.max(wide, was) + 5), y: place + 12 }, percent(p));
      solid += outline(from, place + 1, Math.max(0.5, wide), 13);
      if (erased) ghost += outline(from, place - 0.5, Math.max(1, was), 16);
    };
    rows.forEach((token, i) => one(`barre ${i}`, token, y + 6 + i * row));
    const place = y + 8 + BEST * row;
    P.mark("vient", "text", { class: "d2l-tick", x, y: place + 12 }, after < 0 ? "Le texte s’arrête ici." : `Celui qui vient${NB}:`);
    if (after >= 0) one("vient", after, place + 17, characters[t]);
    P.mark("barres", "path", { class: "area c-output", d: solid });
    P.mark("mémoire", "path", { class: "pas_a_pas-fantome", d: ghost });
  }

  function sum({ t, unit, rows, characters, forget }) {
    const { y, label, row, pitch } = L.sum, cell = (L.width - label) / m, down = (i) => i * pitch + (i === 3 ? 6 : 0);
    const letter = quoted(t ? glyph(characters[t - 1]) : "–"), before = digits(Math.max(0, t - 1));
    const texts = t === 0 ? [["Rien n’est lu."], [""], [""], ["h₀ = 0"]] : [
      L.wide ? [`ligne ${letter} de W`, "xh"] : [`${letter} W`, "xh"],
      t === forget ? ["+ 0 (oublié)"] : [`+ h${before} W`, "hh"],
      ["+ b", "h"],
      [L.wide ? `tanh de la somme${NB}: h${digits(t)}` : `tanh${NB}: h${digits(t)}`],
    ];
    texts.forEach((parts, i) => indexed(`terme ${i}`, { x: 1, y: y + down(i) + 15 }, ...parts));
    tinted("termes", shades(4, m, (r, c) => rows[r][c] / (r === 3 ? 1 : bound), 0.04, (r) => down(r) / row), fitted(label, y, cell, row));
    const frame = (i) => outline(label, y + down(i), m * cell, row), high = down(3) + row;
    P.mark("termes cadres", "path", { class: "pas_a_pas-case c-reference", d: [0, 1, 2].map(frame).join("") });
    P.mark("somme cadre", "path", { class: "pas_a_pas-case c-hidden", d: frame(3) });
    P.mark("unité", "rect", { class: "pas_a_pas-unite", x: label + unit * cell, y: y - 3, width: cell, height: high + 6 });
    const [a, b, c, result] = rows.map((values) => values[unit]), called = `Unité ${unit + 1}${NB}:`;
    const text = t ? `${called} tanh(${fr(a, 2)} ${signed(b)} ${signed(c)}) = ${fr(result, 2)}` : `${called} 0, rien n’est lu`;
    P.mark("détail", "text", { x: L.wide ? label : 0, y: y + high + 22 }, text);
    put(table, { x: label, y: y - 4, width: m * cell, height: high + 8, "aria-valuenow": unit + 1, "aria-valuetext": text });
  }
}

/** Ce que le pas présent a donné, en deux ou trois phrases courtes. */
function sentence({ t, T, characters, ids, chances, memory, order, erased, forget, gap, twin, apart, tokens, text }) {
  const called = (token, character) => (token ? named(character ?? tokens[token]) : "un inconnu");
  const best = order[0], head = [];
  if (Array.from(cut(text, 4 * LONGEST).normalize("NFC")).length > LONGEST) head.push(`Seuls les ${LONGEST} premiers caractères sont lus.`);
  if (t && !ids[t - 1]) {
    const hint = characters[t - 1] === "'" ? " (le récit écrit l’apostrophe courbe)" : "";
    head.push(`${quoted(glyph(characters[t - 1]))} n’est pas dans le vocabulaire${hint}${NB}: il est lu comme inconnu.`);
  }
  if (erased) {
    const since = characters.slice(forget - 1, t).map(glyph).join("");
    const was = memory.indexOf(Math.max(...memory)), [now, then] = [chances[best], memory[best]].map(percent);
    head.push(`État oublié${NB}: pour le réseau, le texte commence à ${quoted(cut(since, 12) + (t - forget > 11 ? "…" : ""))}.`);
    head.push(was === best
      ? `Il attend toujours ${called(best)}${NB}: ${now}${now === then ? ", comme sans l’oubli" : ` au lieu de ${then}`}.`
      : `Il attend ${called(best)} (${now}) et non plus ${called(was)} (${percent(memory[was])}).`);
    head.push(`Entre les deux états, la distance est de ${fr(gap, 2)}.`);
    return head.join(" ");
  }
  head.push(t === 0 ? `Pas 0${NB}: rien n’est lu, l’état est nul${NNB}; le biais de sortie décide seul.`
    : `Pas ${t}${NB}: le réseau lit ${named(characters[t - 1])} et reprend l’état h${digits(t - 1)}.`);
  if (t === T) head.push(`Il attend surtout ${called(best)} (${percent(chances[best])}).`);
  else if (ids[t] === best) head.push(`Il attend surtout ${called(best, characters[t])} (${percent(chances[best])}), et c’est ce qui vient.`);
  else head.push(`Il attend surtout ${called(best)} (${percent(chances[best])})${NNB}; c’est ${called(ids[t], characters[t])} qui vient (${percent(chances[ids[t]])}).`);
  if (twin && ids[t - 1]) head.push(`Au pas ${twin}, il lisait aussi ${named(characters[t - 1])}${NB}: les deux états sont à ${fr(apart, 2)} l’un de l’autre.`);
  return head.join(" ");
}

export default { render };
