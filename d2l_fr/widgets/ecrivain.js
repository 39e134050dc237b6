// « ecrivain » : un petit réseau écrit, un caractère après l'autre ; une de ses unités colore le texte.
import { calm, decode, figure, fr, h, put, random } from "./shared.js";
import { logitsOf, rnnStep, softmax } from "./network.js";

const LONGEST = 600, KEPT = 250, MORE = 200, BEST = 5, LEVELS = 4, CELL = 24.4;
const BEAT = 45, BUDGET = 6; // ms : entre deux caractères écrits en direct ; de calcul par image
const NB = "\u00a0", BLANKS = { " ": "␣", "\n": "↵", "\u00a0": "⍽", "\u202f": "⍽" };
const NAMES = { " ": "espace", "\n": "fin de ligne", "\u00a0": "espace insécable", "\u202f": "espace fine" };

const named = (character) => NAMES[character] ?? `«${NB}${character}${NB}»`;
const percent = (p) => (p > 0 && p < 0.0005 ? `<${NB}0,1${NB}%` : `${fr(100 * p, p > 0 && p < 0.0995 ? 1 : 0)}${NB}%`);
const bit = (v) => `${fr(v, 2)}${NB}bit${v >= 2 ? "s" : ""}`;

/** Les indices des scores, du plus grand au plus petit. */
function ranked(scores) {
  return Array.from(scores.keys()).sort((i, j) => scores[j] - scores[i]);
}

/** Les probabilités du tirage : la température, et les `most` favoris seuls (null : tous). */
function chances(scores, temperature, most) {
  if (temperature > 0 && (most === null || most >= scores.length)) return softmax(scores, temperature);
  const kept = new Float64Array(scores.length).fill(-Infinity);
  for (const i of ranked(scores).slice(0, temperature > 0 ? most : 1)) kept[i] = scores[i];
  return softmax(kept, temperature > 0 ? temperature : 1);
}

/** L'indice que désigne `u`, entre 0 et 1, dans les probabilités cumulées. */
function drawn(probabilities, u) {
  let total = 0, last = 0;
  for (const p of probabilities) total += p;
  const at = u * total;
  total = 0;
  for (let i = 0; i < probabilities.length; i++) {
    if (probabilities[i] === 0) continue;
    last = i;
    total += probabilities[i];
    if (total > at) break;
  }
  return last;
}

function render({ model, el }) {
  const ui = figure({ model, el }, { label: "un réseau qui écrit, vu par une de ses unités" });
  const net = Object.fromEntries(Object.entries(ui.get("arrays")).map(([key, value]) => [key, decode(value)]));
  const tokens = ui.get("tokens"), index = new Map(tokens.map((token, i) => [token, i]));
  const { names, units: chosen, newborn } = ui.get("traits_found");
  const m = net.b_h.data.length;
  const signOf = (id) => (id === 0 ? "□" : BLANKS[tokens[id]] ?? tokens[id]);
  const related = (unit, i) => net.correlations.data[unit * names.length + i];
  const unitNow = () => Math.max(0, Math.min(m - 1, ui.get("unit")));

  // ---------- le texte : une fonction des réglages et de la graine, calculée par petits bouts

  const begin = () => {
    const text = ui.get("prefix"), typed = Array.from(text.slice(-4 * KEPT).normalize("NFC"));
    const read = typed.slice(-KEPT), ids = read.map((c) => index.get(c) ?? 0);
    if (!ids.length) ids.push(index.get("\n") ?? 0);
    return { ids, prefix: ids.length, states: [], surprise: 0, dice: random(ui.get("seed")),
      temperature: ui.get("temperature"), most: ui.get("top_k"),
      goal: Math.min(LONGEST, ids.length + ui.get("length")),
      cut: typed.length > KEPT || text.length > 4 * KEPT, unknown: ids.filter((id) => id === 0).length };
  };
  /** Les logits (V) de la suite, après le caractère `i` ; le jeton inconnu est exclu. */
  const scoresAfter = (work, i) => {
    const scores = logitsOf(net, work.states[i]);
    scores[0] = -Infinity;
    return scores;
  };
  const stepOne = (work) => {
    const t = work.states.length;
    if (t >= work.prefix) {
      const scores = scoresAfter(work, t - 1), p = chances(scores, work.temperature, work.most);
      const id = work.temperature > 0 ? drawn(p, work.dice()) : p.indexOf(1);
      work.ids.push(id);
      work.surprise -= Math.log2(softmax(scores)[id]);
    }
    work.states.push(rnnStep(net, t ? work.states[t - 1] : new Float64Array(m), work.ids[t]));
  };
  const advance = (work) => {
    const end = performance.now() + BUDGET;
    while (work.states.length < work.goal && performance.now() < end) stepOne(work);
  };
  const done = (work) => work.states.length >= work.goal;

  // `doc` est montré ; `draft` se prépare, et le remplace une fois fini.
  let doc = null, draft = null, stale = true, live = false, place = null, visible = false, timer = 0, beat = 0;
  const tick = (now) => {
    timer = 0;
    if (!visible) return;
    if (draft) {
      advance(draft);
      const finished = done(draft);
      if (finished) [doc, draft] = [draft, null];
      if (finished || (draft === doc && !calm())) ui.flush();
    } else if (live && now - beat >= BEAT) {
      beat = now;
      doc.goal = doc.states.length + 1;
      stepOne(doc);
      if (doc.goal >= LONGEST) live = false;
      ui.set("length", doc.goal - doc.prefix, false);
      ui.flush();
    }
    pump();
  };
  const pump = () => {
    if (visible && (draft || live)) timer ||= requestAnimationFrame(tick);
  };
  const watch = new IntersectionObserver(([entry]) => {
    visible = entry.isIntersecting;
    pump();
  });
  watch.observe(ui.root);
  ui.onDispose(() => {
    watch.disconnect();
    cancelAnimationFrame(timer);
  });
  for (const key of ["prefix", "temperature", "top_k", "seed"]) ui.listen(`change:${key}`, () => { stale = true; ui.redraw(); });
  ui.listen("change:length", () => {
    if (doc && ui.get("length") !== doc.goal - doc.prefix) { stale = true; ui.redraw(); }
  });
  ui.onReset(() => { live = false; place = null; });

  // ---------- ce que voit le lecteur

  ui.text("prefix", { label: "Début du texte" }).box.classList.add("ecrivain-debut");
  ui.controls.classList.add("ecrivain-reglages");
  ui.status.classList.add("ecrivain-bilan");
  const page = h("p", { "aria-hidden": "true" }), said = h("p", { class: "ecrivain-dit" });
  const frame = h("div", { class: "ecrivain-page", tabindex: 0, role: "group", "aria-label": "Le texte écrit" }, page, said);
  page.addEventListener("click", ({ target }) => target !== page && look(target.place));
  const bar = h("div", { class: "ecrivain-boutons" });
  const write = ui.button("", () => {
    if (doc.states.length >= LONGEST) return;
    if (calm()) return more();
    live = !live;
    place = null;
    if (!live) model.save_changes();
    ui.flush();
  }, { into: bar });
  const more = () => {
    live = false;
    place = null;
    if (!draft && !stale) {
      doc.goal = Math.min(LONGEST, doc.states.length + MORE);
      draft = doc;
      ui.set("length", doc.goal - doc.prefix);
    }
    ui.flush();
  };
  const rest = ui.button(`Écrire ${MORE} caractères`, more, { into: bar });
  const again = () => {
    live = !calm();
    place = null;
    ui.set("length", live ? 0 : MORE, false);
    ui.set("seed", ui.get("seed") + 1);
    ui.flush();
  };
  ui.button("Autre tirage", again, { into: bar });
  const seed = h("span", { class: "ecrivain-graine" });
  bar.append(seed);
  ui.stage.append(frame, bar);

  const wave = ui.plot({ label: "Activation de l’unité suivie, caractère après caractère" });
  const title = () => h("p", { class: "ecrivain-titre" });
  const gridTitle = title(), betsTitle = title(), traitsTitle = title();
  const left = h("div", null, betsTitle), right = h("div", null, gridTitle);
  ui.stage.append(h("div", { class: "ecrivain-deux" }, left, right));
  const grid = ui.plot({ into: right, label: `Les activations des ${m} unités cachées` });
  const bets = ui.plot({ into: left, label: "Paris" });
  const rows = names.map((name, i) => {
    const bar = h("span", { class: "ecrivain-barre" }), tick = h("span", { class: "ecrivain-neuf" });
    tick.style.left = `${100 * Math.abs(newborn[i])}%`;
    const value = h("span", { class: "ecrivain-valeur" });
    const button = h("button", { type: "button", class: "ecrivain-trait", onclick: () => ui.set("unit", chosen[i]) },
      h("span", null, name), h("span", { class: "ecrivain-rail", "aria-hidden": "true" }, bar, tick), value);
    return { button, bar, value };
  });
  left.append(traitsTitle, ...rows.map(({ button }) => button),
    h("p", { class: "ecrivain-note" }, "Un bouton prend l’unité retenue sur l’entraînement. Le repère\u00a0: celle d’un réseau neuf."));

  grid.svg.style.cursor = "pointer";
  let columns = 16, cell = CELL;
  // Les mêmes seuils que dans style.css.
  const gridWidth = () => (ui.width >= 600 ? 16 * CELL : ui.width > 544 ? 12 * CELL : ui.width);
  grid.svg.addEventListener("click", (event) => {
    const box = grid.svg.getBoundingClientRect(), ratio = grid.width / box.width;
    const column = Math.floor((event.clientX - box.left) * ratio / cell), row = Math.floor((event.clientY - box.top) * ratio / cell);
    const unit = row * columns + column;
    if (column >= 0 && column < columns && unit >= 0 && unit < m) ui.set("unit", unit);
  });

  ui.slider("temperature", { label: "Température", min: 0, max: 1.5, step: 0.1, format: (v) => fr(v, v > 0 ? 1 : 0) });
  ui.slider("top_k", { label: "Top-k", values: [1, 2, 3, 5, 10, 20, 40, null], format: (v) => (v === null ? "tous" : fr(v)) });
  ui.slider("unit", { label: "Unité", min: 0, max: m - 1, step: 1, format: (v) => `${fr(v + 1)} / ${fr(m)}` });
  const placeId = ui.id(), placeShown = h("span", { class: "d2l-value", "aria-hidden": "true" });
  const placeInput = h("input", { type: "range", id: placeId, min: 1, step: 1, oninput: () => look(Number(placeInput.value) - 1) });
  ui.controls.append(h("div", { class: "d2l-slider" }, h("label", { for: placeId }, "Caractère"), placeShown, placeInput));
  const look = (i) => {
    if (draft === doc) return;
    if (live) model.save_changes();
    live = false;
    place = i >= doc.states.length - 1 ? null : i;
    ui.redraw();
  };

  // ---------- le dessin

  const spans = [];
  let lastLength = -1, lastDoc = null, lastPlace = null;
  const drawText = (unit, head) => {
    const n = doc.states.length;
    while (page.childElementCount > n) page.lastChild.remove();
    for (let i = 0; i < n; i++) {
      const span = spans[i] ??= Object.assign(h("span"), { place: i, level: null });
      if (i >= page.childElementCount) page.append(span);
      const id = doc.ids[i], line = tokens[id] === "\n";
      // La ligne ne finit qu'après la dernière de plusieurs fins de ligne.
      const text = id === 0 ? "□" : !line ? tokens[id] : i + 1 < n && tokens[doc.ids[i + 1]] !== "\n" ? "↵\n" : "↵";
      if (span.shown !== text) span.textContent = span.shown = text;
      const tint = Math.round(doc.states[i][unit] * LEVELS);
      const level = tint + (i < doc.prefix ? 20 : 0) + (i === head ? 40 : 0);
      if (span.level !== level) {
        span.level = level;
        span.className = `${tint > 0 ? "plus" : "moins"}${Math.abs(tint)}${i < doc.prefix ? " lu" : ""}${i === head ? " ici" : ""}`;
      }
    }
    if (place === null && (n !== lastLength || doc !== lastDoc)) frame.scrollTop = frame.scrollHeight;
    else if (place !== null && place !== lastPlace) {
      const top = spans[place].offsetTop, high = frame.clientHeight;
      if (top < frame.scrollTop + 4 || top > frame.scrollTop + high - 40) frame.scrollTop = top - high / 2;
    }
    [lastLength, lastDoc, lastPlace] = [n, doc, place];
  };

  const drawWave = (unit, head) => {
    const width = ui.width, n = doc.states.length, room = Math.floor((width - 40) / 12.5);
    const first = Math.max(0, Math.min(n - room, place === null ? n : head - (room >> 1)));
    wave.frame({ x: [0, room], y: [-1, 1], xticks: [], yticks: [-1, 0, 1], ylabel: `Activation de l’unité ${fr(unit + 1)}, le long du texte`,
      margins: [22, 4, 22, 30], width, height: 126 });
    const shown = Math.min(room, n - first), zero = wave.y(0), side = wave.x(1) - wave.x(0);
    const trace = ["", ""], at = [];
    let letters = "";
    for (let k = 0; k < shown; k++) {
      const value = doc.states[first + k][unit], x = wave.x(k);
      trace[value > 0 ? 0 : 1] += `M${(x + 2).toFixed(1)} ${zero}V${wave.y(value).toFixed(1)}h${(side - 4).toFixed(1)}V${zero}z`;
      at.push((x + side / 2).toFixed(1));
      letters += signOf(doc.ids[first + k]);
    }
    const { top, bottom, left: from, right: to } = wave.box;
    wave.draw(() => {
      wave.mark("ici", "rect", { class: "ecrivain-ici", x: wave.x(head - first), y: top, width: side, height: bottom - top + 20 });
      wave.mark("plus", "path", { class: "area c-hidden", d: trace[0] });
      wave.mark("moins", "path", { class: "area c-input", d: trace[1] });
      wave.mark("zéro", "line", { class: "d2l-rule", x1: from, x2: to, y1: zero, y2: zero });
      wave.mark("texte", "text", { class: "ecrivain-lettres", x: at.join(" "), y: bottom + 15, "text-anchor": "middle" }, letters);
    });
  };

  const drawGrid = (unit, state) => {
    const width = gridWidth(), most = width < ui.width ? 272 : 400;
    columns = Math.max(Math.floor(width / 24), Math.ceil(Math.sqrt(m * width / most)));
    cell = width / columns;
    grid.resize(width, Math.ceil(m / columns) * cell);
    const trace = ["", ""];
    for (let j = 0; j < m; j++) {
      const half = 0.42 * cell * Math.sqrt(Math.abs(state[j]));
      if (half < 0.5) continue;
      const x = (j % columns + 0.5) * cell, y = (Math.floor(j / columns) + 0.5) * cell;
      const inset = state[j] > 0 ? half : Math.max(0.4, half - 0.75), size = (2 * inset).toFixed(1);
      trace[state[j] > 0 ? 0 : 1] += `M${(x - inset).toFixed(1)} ${(y - inset).toFixed(1)}h${size}v${size}h-${size}z`;
    }
    const [x, y] = [unit % columns * cell, Math.floor(unit / columns) * cell];
    grid.draw(() => {
      grid.mark("fond", "rect", { class: "ecrivain-choix", x: x + 1, y: y + 1, width: cell - 2, height: cell - 2, rx: 3 });
      grid.mark("plus", "path", { class: "area c-hidden", d: trace[0] });
      grid.mark("moins", "path", { class: "ecrivain-creux c-input", d: trace[1] });
    });
  };

  const drawBets = (head, scores) => {
    const width = gridWidth() < ui.width ? ui.width - gridWidth() - 20 : ui.width, row = 23;
    const p = chances(scores, ui.get("temperature"), ui.get("top_k")), best = ranked(scores).slice(0, BEST);
    const next = head + 1 < doc.states.length ? doc.ids[head + 1] : -1, reach = width - 92;
    bets.resize(width, row * BEST + 24);
    bets.draw(() => {
      best.forEach((id, i) => {
        const y = i * row, kind = id === next ? "named c-output" : "";
        bets.mark(`signe ${i}`, "text", { class: `ecrivain-signe ${kind}`, x: 16, y: y + 16, "text-anchor": "middle" }, signOf(id));
        bets.mark(`barre ${i}`, "rect", { class: "area c-output", x: 32, y: y + 4, width: p[id] > 0 ? Math.max(1, p[id] * reach) : 0, height: 15 });
        bets.mark(`part ${i}`, "text", { class: kind, x: 38 + p[id] * reach, y: y + 16 }, percent(p[id]) + (id === next ? " ←" : ""));
      });
      const what = next < 0 ? "la suite n’est pas écrite" : head + 1 < doc.prefix ? "suite donnée" : "suite tirée";
      const tail = next < 0 ? what : `← ${what}${NB}: ${next ? named(tokens[next]) : "inconnu"}${best.includes(next) ? "" : `, ${percent(p[next])}`}`;
      bets.mark("suite", "text", { class: "d2l-tick", x: 4, y: row * BEST + 17 }, tail);
    });
    const told = best.map((id) => `${named(tokens[id])} ${percent(p[id])}`).join(", ");
    put(bets.svg, { "aria-label": `Chances du caractère suivant${NB}: ${told}` });
    return { probabilities: p, best };
  };

  const drawTraits = (unit) => rows.forEach(({ button, bar, value }, i) => {
    put(bar, { style: { width: `${100 * Math.abs(related(unit, i))}%` } });
    put(value, null, fr(related(unit, i), 2));
    put(button, { "aria-pressed": String(chosen[i] === unit) });
  });

  return ui.start(() => {
    if (stale && !draft) {
      [draft, stale] = [begin(), false];
      if (!doc) {
        doc = draft;
        advance(doc);
        if (done(doc)) draft = null;
      }
    }
    pump();
    const unit = unitNow(), n = doc.states.length;
    if (place !== null && place >= n - 1) place = null;
    const head = place ?? n - 1, state = doc.states[head], scores = scoresAfter(doc, head);
    const here = signOf(doc.ids[head]), read = `«${NB}${here}${NB}»`;
    drawText(unit, head);
    drawWave(unit, head);
    drawGrid(unit, state);
    const { probabilities, best } = drawBets(head, scores);
    drawTraits(unit);
    put(gridTitle, null, `Les ${fr(m)} unités après ${read} (plein\u00a0: positive\u202f; creux\u00a0: négative)`);
    put(betsTitle, null, `Chances de la suite, après ${read}`);
    put(traitsTitle, null, `Corrélations de l’unité ${fr(unit + 1)}`);
    put(placeInput, { max: n, "aria-valuetext": `${fr(head + 1)} sur ${fr(n)}, ${NAMES[tokens[doc.ids[head]]] ?? here}` });
    placeInput.value = head + 1;
    put(placeShown, null, fr(head + 1));
    const full = n >= LONGEST;
    put(write, null, live ? "Pause" : "Écrire");
    for (const button of [write, rest]) put(button, { "aria-disabled": String(full) });
    put(seed, null, `graine ${fr(ui.get("seed"))}`);
    ui.values = { text: doc.ids.slice(0, n).map((id) => tokens[id]).join(""), prefix: doc.prefix, place: head, unit, state,
      scores: Array.from(scores, (v) => (v === -Infinity ? null : v)), probabilities, best,
      wave: doc.states.map((h) => h[unit]), surprise: doc.surprise / Math.max(1, n - doc.prefix),
      busy: Boolean(draft || stale), live };
    if (live || draft) return;
    const text = doc.ids.slice(0, n).map((id) => (id ? tokens[id] : "□")).join("");
    put(said, null, text);
    ui.say(sentence(unit));
  });

  function sentence(unit) {
    const written = doc.states.length - doc.prefix, i = chosen.indexOf(unit);
    const cut = doc.cut ? `Seuls les ${KEPT} derniers caractères du début sont lus. ` : "";
    const odd = doc.unknown ? `Hors du vocabulaire (□)\u00a0: ${fr(doc.unknown)}. ` : "";
    const mean = written ? `Surprise moyenne de son propre texte\u00a0: ${bit(doc.surprise / written)} par caractère. ` : "";
    const full = doc.states.length >= LONGEST ? "La page est pleine. " : "";
    const unitSays = i < 0 ? "" : `Unité ${fr(unit + 1)}, retenue pour «\u00a0${names[i]}\u00a0»\u00a0: corrélation ${fr(related(unit, i), 2)}\u202f; dans un réseau neuf, ${fr(newborn[i], 2)}.`;
    return `${cut}${odd}${full}${mean}${unitSays}`.trim();
  }
}

export default { render };
