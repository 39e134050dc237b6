// « compteur » : un n-gramme de Witten et Bell qui compte sous vos yeux, et ses pertes selon l'ordre.
import { decode, figure, fr, h, path, put, random } from "./shared.js";

const ORDERS = 8, FIRST = 35, TOP = 5;
const NAMES = { " ": "espace", "\n": "à la ligne", "\u00a0": "insécable", "\u202f": "fine" };
const visible = (text) => text.replace(/\n/g, "¶").replace(/[ \u00a0\u202f]/g, "␣").replace(/[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "�");
// Isolé : un mot écrit de droite à gauche ne retourne pas la phrase qui le cite.
const quoted = (text) => `«\u00a0\u2068${text}\u2069\u00a0»`;
const compact = (n) => (n < 1000 ? fr(n) : `${fr(n / 1000, n < 9950 ? 1 : 0)}\u00a0k`);
const percent = (p) => (p < 0.0005 ? "<\u00a00,1\u00a0%" : `${fr(100 * p, 1)}\u00a0%`);

/** Compte en un passage ce qui suit chaque fin du contexte, de 0 à 7 caractères. */
function countFollowers(corpus, length, context, size) {
  const deep = context.length, table = new Uint32Array((deep + 1) * size), last = context[deep - 1];
  for (let i = 0; i < length; i++) {
    let k = 0;
    if (deep && i && corpus[i - 1] === last) {
      for (k = 1; k < deep && corpus[i - 1 - k] === context[deep - 1 - k];) k++;
    }
    table[k * size + corpus[i]]++;
  }
  // Qui partage k caractères avec le contexte en partage aussi k - 1.
  for (let j = deep * size - 1; j >= 0; j--) table[j] += table[j + size];
  return Array.from({ length: deep + 1 }, (_, k) => {
    const counts = table.subarray(k * size, (k + 1) * size);
    let seen = 0, kinds = 0;
    for (const c of counts) { seen += c; kinds += c > 0; }
    return { counts, seen, kinds };
  });
}

/** La loi de Witten et Bell ; `own` est ce qui vient des comptes du plus long contexte trouvé. */
function mix(levels, order, size) {
  let probs = new Float64Array(size).fill(1 / size), own = probs, found = 0;
  for (let k = 0; k < order && levels[k]?.seen; k++) {
    const { counts, seen, kinds } = levels[k], lower = probs;
    own = Float64Array.from(counts, (c) => c / (seen + kinds));
    probs = own.map((p, i) => p + kinds * lower[i] / (seen + kinds));
    found = k;
  }
  return { probs, own, found };
}

function render({ model, el }) {
  const ui = figure({ model, el }, { label: "le caractère suivant, selon un modèle qui compte" });
  const tokens = ui.get("tokens"), size = tokens.length, text = ui.get("corpus");
  const corpus = new Uint16Array(text.length);
  for (let i = 0; i < corpus.length; i++) corpus[i] = text.charCodeAt(i) - FIRST;
  const known = new Map(tokens.map((token, i) => [token, i]));
  const shares = ui.get("shares"), curves = decode(ui.get("arrays").curves).data;
  const name = (i) => (i === 0 ? "inconnu" : NAMES[tokens[i]] ?? tokens[i]);
  const part = () => Math.round(text.length * ui.get("share"));

  const field = ui.text("prefix", { label: "Un début de texte", rows: 2, style: { resize: "none" } });
  ui.button("Tirer le caractère suivant", () => {
    let left = draws() * (1 - ui.values.probs[0]), i = 1; // sans l'inconnu, qui ne s'écrit pas
    while (i < size - 1 && (left -= ui.values.probs[i]) >= 0) i++;
    ui.set("prefix", ui.get("prefix") + tokens[i]);
    field.input.scrollTop = field.input.scrollHeight;
  }, { into: ui.top, style: { "justify-self": "start" } });
  let draws = random(1);
  ui.onReset(() => { draws = random(1); });

  const left = h("div"), right = h("div", { style: { cursor: "pointer" } });
  const missing = h("bdi", { style: { color: "var(--c-reference)", "text-decoration": "line-through" } });
  const kept = h("bdi", { style: { background: "var(--c-output-tint)", "font-weight": 600 } });
  const context = h("span", { style: { font: "1em var(--chasse-fixe)" } }, missing, kept), after = h("span");
  left.append(h("p", { style: { height: "1.8em", overflow: "hidden", "white-space": "nowrap" } }, after, context));
  ui.stage.append(h("div", { class: "d2l-pair" }, left, right));
  const bets = ui.plot({ into: left, label: "Les caractères les plus probables" });
  const loss = ui.plot({ into: right, label: "Pertes selon l’ordre, et combien de fois le contexte est venu" });
  ui.slider("order", { label: "Ordre n", min: 1, max: ORDERS, step: 1, format: (v) => fr(v) });
  ui.slider("share", { label: "Part du texte où l’on compte", values: shares, format: (v) => `${fr(100 * v)}\u00a0%` });
  right.addEventListener("click", (event) => {
    const box = loss.svg.getBoundingClientRect();
    const order = Math.round(loss.invert((event.clientX - box.left) * loss.width / box.width, 0)[0]);
    ui.set("order", Math.max(1, Math.min(ORDERS, order)));
  });

  return ui.start(() => {
    const order = ui.get("order"), at = shares.indexOf(ui.get("share")), length = part();
    let typed = ui.get("prefix").slice(-64).normalize("NFC");
    if (!known.has("'")) typed = typed.replaceAll("'", "’"); // l'apostrophe du clavier
    const chars = Array.from(typed).slice(1 - ORDERS), read = chars.map((c) => known.get(c) ?? 0);
    const levels = countFollowers(corpus, length, read, size);
    const { probs, own, found } = mix(levels, order, size);
    const seen = levels.map((level) => level.seen);
    const [train, valid] = [0, 1].map((k) => Array.from(curves.subarray((2 * at + k) * ORDERS, (2 * at + k + 1) * ORDERS)));
    const whole = curves.subarray(curves.length - ORDERS);
    const best = valid.indexOf(Math.min(...valid)) + 1;
    ui.values = { probs, seen, kinds: levels.map((level) => level.kinds), found, train, valid, best };

    const wide = ui.width > 544, width = wide ? (ui.width - 16) / 2 : ui.width;
    ui.status.style.minHeight = ui.width > 600 ? "2.9em" : wide ? "4.4em" : "7.3em";
    drawBets(bets, { probs, own, name, width, most: wide ? 12 : 8 });
    drawLosses(loss, { train, valid, whole: at < shares.length - 1 ? whole : null, seen, order, best, width });
    const wanted = chars.slice(Math.max(0, chars.length - order + 1));
    const lost = visible(wanted.slice(0, wanted.length - found).join("")), held = visible(wanted.slice(wanted.length - found).join(""));
    put(after, null, wanted.length ? "Après " : "Sans contexte");
    put(missing, null, lost);
    put(kept, null, held);
    ui.say(sentence({ order, lost, held, level: levels[found], train: train[order - 1], valid: valid[order - 1] }));
  });
}

function drawBets(P, { probs, own, name, width, most }) {
  const order = Array.from(probs.keys()).sort((a, b) => probs[b] - probs[a] || a - b).slice(0, most);
  const rows = order.map((i) => [name(i), probs[i], own[i]]);
  rows.push(["autres", Math.max(0, 1 - order.reduce((sum, i) => sum + probs[i], 0)), 0]);
  P.resize(width, 54 + 22 * most);
  const from = 66, scale = width - from - 52;
  P.draw(() => {
    rows.forEach(([label, p, mine], i) => {
      const y = 2 + 22 * i, rest = i === rows.length - 1;
      P.mark(`nom ${i}`, "text", { class: rest ? "d2l-tick" : "", x: from - 6, y: y + 13, "text-anchor": "end" }, label);
      P.mark(`bas ${i}`, "rect", { class: `area ${rest ? "c-rule" : "c-output"}`, x: from, y, width: p * scale, height: 17, style: { "fill-opacity": rest ? 1 : 0.35 } });
      P.mark(`propre ${i}`, "rect", { class: "area c-output", x: from, y, width: mine * scale, height: 17 });
      P.mark(`part ${i}`, "text", { x: from + p * scale + 6, y: y + 13 }, percent(p));
    });
    const foot = 47 + 22 * most;
    [["comptes du contexte", 1, 0], ["ordres inférieurs", 0.35, 138]].forEach(([text, opacity, x]) => {
      P.mark(`clé ${x}`, "rect", { class: "area c-output", x, y: foot - 10, width: 10, height: 10, style: { "fill-opacity": opacity } });
      P.mark(`légende ${x}`, "text", { class: "d2l-tick", x: x + 15, y: foot }, text);
    });
  });
}

function drawLosses(P, { train, valid, whole, seen, order, best, width }) {
  P.frame({ x: [0.5, ORDERS + 0.5], y: [0, TOP], xticks: [], ylabel: "bits par caractère", margins: [28, 2, 66, 42], width, height: 346 });
  const { left, top, bottom } = P.box, line = (curve) => path(Array.from(curve, (v, i) => [P.x(i + 1), P.y(v)]));
  const end = P.x(ORDERS + 0.4), raised = order >= ORDERS - 2 ? 26 : 10, step = P.x(1) - P.x(0);
  const [x, up, down] = [P.x(order), P.y(valid[order - 1]), P.y(train[order - 1])];
  // La validation descend, puis remonte : sa valeur se met du côté où la courbe est plus bas.
  let high = { x: x + 5, y: up - 9, "text-anchor": "end" };
  if (order === 1 || order === best) high = { x, y: up - 12, "text-anchor": "middle" };
  else if (order < best) high = P.y(valid[order]) - up > 9 ? { x: x + 8, y: up - 3, "text-anchor": "start" } : { x: x + 4, y: up - 10, "text-anchor": "middle" };
  // Sous la courbe d'entraînement, à gauche, la place est libre ; sauf au bord du repère.
  const low = down > bottom - 24 ? { x, y: down - 10, "text-anchor": "middle" }
    : order === 1 ? { x: x + 15, y: down + 4, "text-anchor": "start" } : { x: x - 9, y: down + 14, "text-anchor": "end" };
  // « meilleur ordre », sous son point ; si la courbe de tout le texte passe trop près, sous elle, au bout d'un trait.
  const lowest = P.y(valid[best - 1]), close = whole && P.y(whole[best - 1]) - lowest < 20;
  const under = 18 + (close ? Math.max(...whole.slice(best - 1, best + 1).map(P.y)) : lowest);
  P.draw(() => {
    P.mark("colonne", "rect", { x: P.x(order - 0.5), y: top, width: step, height: bottom - top, style: { fill: "var(--c-input-tint)" } });
    P.mark("tout", "path", { class: "line dotted c-heldout", d: whole ? line(whole) : "" });
    P.mark("entraînement", "path", { class: "line dashed c-train", d: line(train) });
    P.mark("validation", "path", { class: "line c-heldout", d: line(valid) });
    P.mark("tout nom", "text", { class: "c-heldout", x: end, y: whole ? Math.max(P.y(whole.at(-1)) + 28, under + 18) : 0, "text-anchor": "end", style: { fill: "currentColor" } }, whole ? "avec 100\u00a0%" : "");
    P.mark("entraînement nom", "text", { class: "named c-train", x: P.x(3.55), y: P.y(train[3]) + 32, "text-anchor": "end" }, "entraînement");
    P.mark("validation nom", "text", { class: "named c-heldout", x: end, y: P.y(valid.at(-1)) - raised, "text-anchor": "end" }, "validation");
    for (let n = 1; n <= ORDERS; n++) {
      const here = n === order, x = P.x(n), style = { fill: here ? "var(--c-data)" : "var(--c-reference)", "font-weight": here ? 700 : 400 };
      P.mark(`t ${n}`, "circle", { class: "area c-train", cx: x, cy: P.y(train[n - 1]), r: here ? 5 : 3 });
      P.mark(`v ${n}`, "circle", { class: "area c-heldout", cx: x, cy: P.y(valid[n - 1]), r: here ? 5 : 3 });
      P.mark(`ordre ${n}`, "text", { x, y: bottom + 20, "text-anchor": "middle", style }, fr(n));
      P.mark(`vu ${n}`, "text", { class: "compteur-vu", x, y: bottom + 39, "text-anchor": "middle", style }, n <= seen.length ? compact(seen[n - 1]) : "");
    }
    P.mark("vu", "text", { class: "d2l-tick", x: left - 8, y: bottom + 39, "text-anchor": "end" }, "vu");
    P.mark("ordre", "text", { class: "d2l-tick", x: left - 8, y: bottom + 20, "text-anchor": "end" }, "ordre");
    P.mark("dit", "text", { x: (left + P.box.right) / 2, y: bottom + 58, "text-anchor": "middle" }, "vu\u00a0: occurrences du contexte");
    P.mark("anneau", "circle", { class: "line c-heldout", cx: P.x(best), cy: lowest, r: 8, style: { "stroke-width": 1.5 } });
    P.mark("trait", "path", { class: "line c-heldout", style: { "stroke-width": 1 }, d: close ? path([[P.x(best) + 5, lowest + 7], [P.x(best) + 16, under - 6]]) : "" });
    P.mark("meilleur", "text", { class: "named c-heldout", x: Math.min(P.x(best) + (close ? 18 : 7), P.box.right - 86), y: under }, "meilleur ordre");
    P.mark("v ici", "text", { class: "named c-heldout", ...high }, fr(valid[order - 1], 2));
    P.mark("t ici", "text", { class: "named c-train", ...low }, fr(train[order - 1], 2));
  });
}

function sentence({ order, lost, held, level, train, valid }) {
  const kinds = level.kinds === 1 ? "toujours suivi du même caractère" : `suivi de ${fr(level.kinds)} caractères différents`;
  const times = level.seen === 1 ? "vu une seule fois." : `vu ${fr(level.seen)} fois, ${kinds}.`;
  let found = `${quoted(held)}\u00a0: ${times}`;
  if (!held && !lost) found = `Sans contexte, il ne reste que les fréquences de ${fr(level.seen)} caractères.`;
  else if (lost) found = `${quoted(lost + held)}\u00a0: jamais vu\u202f; on se rabat sur ${held ? `${quoted(held)}, ${times}` : "les fréquences seules."}`;
  return `${found} À l’ordre ${order}, ${fr(train, 2)} bit${train >= 1.995 ? "s" : ""} par caractère sur l’entraînement, ${fr(valid, 2)} sur la validation.`;
}

export default { render };
