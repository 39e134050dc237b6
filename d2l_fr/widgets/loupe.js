// « loupe » : ce que pèse chaque caractère lu, ou chaque état, dans la prédiction d'un caractère.
import { chord, cut, decode, dots, figure, fr, h, path, put } from "./shared.js";
import { gruBack, gruStep, logitsOf, rnnBack, rnnStep, softmax, timesTransposed } from "./network.js";

const LIMIT = 200;
const LOW = 1e-8;
const FAINT = 1e-3;
const SHARE = 0.9;
const NAMES = new Map([[" ", "l’espace"], ["\n", "la fin de ligne"], ["\u00a0", "l’espace insécable"], ["\u202f", "l’espace fine"]]);

/** Les poids d'un réseau ; la table W_xh (V, c) donne ce qu'apporte chaque caractère. */
function network(arrays, prefix, cell, size) {
  const net = { cell };
  for (const [key, packed] of Object.entries(arrays)) {
    if (key.startsWith(`${prefix} `)) net[key.slice(prefix.length + 1)] = decode(packed);
  }
  const { W_in, E, b_x } = net, [d, c] = W_in.shape, table = new Float64Array(size * c);
  for (let v = 0; v < size; v++) {
    const row = v * c;
    for (let i = 0; i < d; i++) {
      const value = E ? E.data[v * d + i] : Number(i === v);
      if (value !== 0) for (let j = 0; j < c; j++) table[row + j] += value * W_in.data[i * c + j];
    }
    if (b_x) for (let j = 0; j < c; j++) table[row + j] += b_x.data[j];
  }
  net.W_xh = { shape: [size, c], data: table };
  return net;
}

/**
 * Lit les caractères un à un ; garde de quoi remonter. steps[t].state est l'état après le t-ième.
 * `past`, la lecture d'un autre texte, prête les pas de leur début commun.
 */
function reading(net, ids, past) {
  const start = new Float64Array(net.W_hh.shape[0]);
  let common = 0;
  while (past && common < past.steps.length && past.ids[common] === ids[common]) common++;
  const steps = past ? past.steps.slice(0, Math.min(common, Math.max(0, ids.length - 1))) : [];
  for (let t = steps.length; t < ids.length - 1; t++) {
    const state = t ? steps[t - 1].state : start;
    steps.push(net.cell === "gru" ? gruStep(net, state, ids[t]) : { state: rnnStep(net, state, ids[t]) });
  }
  return { net, ids, start, steps, measured: new Map() };
}

const length = (vector) => Math.sqrt(vector.reduce((sum, v) => sum + v * v, 0));

/** Les normes, par retard, du gradient de la perte au caractère `at` : des états, des entrées. */
function influence(run, at) {
  if (run.measured.has(at)) return run.measured.get(at);
  const { net, ids, steps } = run, chances = softmax(logitsOf(net, steps[at - 1].state));
  const loss = chances.slice();
  loss[ids[at]] -= 1;
  let grad = timesTransposed(net.W_hq, loss);
  const states = [], inputs = [];
  for (let t = at - 1; t >= 0; t--) {
    states.push(length(grad));
    const before = t ? steps[t - 1].state : run.start;
    const back = net.cell === "gru" ? gruBack(net, grad, steps[t], before) : rnnBack(net, grad, steps[t].state);
    inputs.push(length(timesTransposed(net.W_in, back.input)));
    grad = back.before;
  }
  const best = chances.indexOf(Math.max(...chances));
  const result = { states, inputs, chance: chances[ids[at]], best };
  run.measured.set(at, result);
  return result;
}

function shares(norms) {
  const total = norms.reduce((sum, v) => sum + v, 0);
  return norms.map((v) => v / total);
}

/** Combien de retards, depuis 0, font ensemble la part SHARE. */
function reach(parts) {
  let sum = 0, k = 0;
  while (k < parts.length && sum < SHARE * (1 - 1e-12)) sum += parts[k++];
  return Math.max(1, k);
}

function percent(part) {
  if (part >= 0.1) return `${fr(100 * part)}\u00a0%`;
  return part >= 0.001 ? `${fr(100 * part, 1)}\u00a0%` : "moins de 0,1\u00a0%";
}

const tint = (part) => Math.round(50 * Math.max(0, 1 - Math.log10(Math.max(part, FAINT)) / Math.log10(FAINT)));
const mixed = (level) => (level ? `color-mix(in srgb, var(--c-gradient) ${level}%, var(--c-background))` : "");
// Ce qui ne se voit pas (un signe de commande) ou sortirait de la ligne se montre par un signe.
const visible = (letter) => (letter === "\n" ? "↵" : /[\p{C}\p{M}]/u.test(letter) ? "□" : letter);
const named = (letter) => NAMES.get(letter) ?? `«\u00a0${visible(letter)}\u00a0»`;

/** Des points serrés le long d'une ligne brisée : l'encre qu'un mot ne doit pas couvrir. */
function along(points) {
  return points.flatMap(([x, y], i) => {
    const [a, b] = points[i + 1] ?? [x, y], n = Math.max(1, Math.ceil(Math.max(Math.abs(a - x), Math.abs(b - y)) / 8));
    return Array.from({ length: n }, (_, j) => [x + (a - x) * j / n, y + (b - y) * j / n]);
  });
}

/** Où un nom long de `size` couvre le moins d'encre, au plus près du bout de sa courbe ; il en devient. */
function settle(size, line, ink, { width, box: { left, top, bottom } }) {
  const places = [], stride = Math.ceil(line.length / 10);
  for (let j = line.length - 1; j >= 0; j -= stride) {
    for (const dx of [8, -8, 16, -16, 24, 32, 40]) {
      const x = line[j][0] + dx - (dx < 0 ? size : 0);
      for (const dy of [4, -8, 20, 36]) {
        const y = line[j][1] + dy, far = 6 * (line.length - 1 - j) + 3 * Math.abs(dx) + Math.abs(dy - 4) / 4;
        if (x > left + 3 && x + size < width && y - 11 > top && y + 3 < bottom) places.push({ x, y, far });
      }
    }
  }
  let best = null, least = Infinity;
  for (const { x, y } of places.sort((p, q) => p.far - q.far)) {
    const cost = ink.filter(([a, b]) => a > x - 4 && a < x + size + 4 && b > y - 13 && b < y + 6).length;
    if (cost < least) [best, least] = [{ x, y }, cost];
    if (cost === 0) break;
  }
  if (best) ink.push(...[-10, -5, 0].flatMap((up) => along([[best.x, best.y + up], [best.x + size, best.y + up]])));
  return best;
}

function render({ model, el }) {
  const ui = figure({ model, el }, { label: "ce que pèse chaque caractère dans une prédiction" });
  ui.status.classList.add("loupe-bilan");
  ui.controls.classList.add("loupe-reglages");
  const tokens = ui.get("tokens"), index = new Map(tokens.map((token, i) => [token, i])), cells = ui.get("cells");
  const field = ui.text("text", { label: "Texte lu (les 200 premiers caractères)" });
  const page = h("div", { class: "loupe-texte d2l-handle", tabindex: 0, role: "slider", "aria-label": "Caractère prédit", "aria-valuemin": 1 });
  const measure = h("span", { class: "loupe-mesure" });
  const scale = h("p", { class: "loupe-echelle", "aria-hidden": "true" }, measure,
    ...[1, 0.1, 0.01, 0.001].map((part) => h("span", { class: "loupe-teinte", style: { background: mixed(tint(part)) } }, `${fr(100 * part, part < 0.01 ? 1 : 0)}\u00a0%`)));
  ui.stage.append(page, scale);
  const curve = ui.plot({ label: "Part de l’influence selon le retard, échelle logarithmique" });
  ui.choice("network", { label: "Réseau", options: cells.map(([name]) => [name, name]) });
  ui.choice("trained", { label: "Ses poids", options: [[true, "entraînés"], [false, "au hasard"]] });
  ui.choice("state", { label: "Gradient par rapport", options: [[false, "aux caractères"], [true, "aux états"]] });
  const steps = h("div", { class: "d2l-options" });
  ui.controls.append(h("div", { class: "loupe-pas", role: "group", "aria-label": "Caractère prédit" },
    h("span", { "aria-hidden": "true" }, "Caractère prédit"), steps));

  // Le texte et ce qui en dépend : refaits quand il change, gardés quand seule la place change.
  let text = null, letters = [], ids = [], spans = [], shown = [];
  const runs = new Map(), nets = new Map();
  const read = () => {
    const now = ui.get("text");
    if (now === text) return;
    text = now;
    letters = Array.from(cut(cut(text, 4 * LIMIT).normalize("NFC"), LIMIT));
    ids = letters.map((c) => index.get(c) ?? index.get(c === "'" ? "’" : c) ?? 0);
    looked = -1;
    spans = letters.map((letter, i) => h("span", { class: ids[i] ? null : "loupe-inconnu" }, visible(letter)));
    shown = letters.map(() => "");
    page.replaceChildren(...spans);
  };
  const run = (name, trained) => {
    const key = `${cells.findIndex(([other]) => other === name)} ${trained ? "appris" : "hasard"}`;
    if (!nets.has(key)) nets.set(key, network(ui.get("arrays"), key, cells[Number(key[0])][1], tokens.length));
    if (runs.get(key)?.ids !== ids) runs.set(key, reading(nets.get(key), ids, runs.get(key)));
    return runs.get(key);
  };

  const place = () => {
    const at = ui.get("position");
    return at > 0 && at < letters.length ? at : letters.length - 1;
  };
  const go = (at, commit = true) => ui.set("position", Math.max(1, Math.min(letters.length - 1, at)), commit);
  const button = (sign, label, step) => ui.button(sign, () => go(place() + step), { into: steps, "aria-label": label, class: "loupe-bouton" });
  button("←", "Caractère précédent", -1);
  button("→", "Caractère suivant", 1);
  ui.listen("change:position", ui.redraw);
  field.input.addEventListener("input", () => { read(); ui.set("position", Math.max(0, letters.length - 1), false); });

  // Le caractère le plus proche du doigt : ils sont plus étroits que lui.
  const under = ({ clientX, clientY }) => {
    let best = 1, least = Infinity;
    spans.forEach((span, i) => {
      const { left, right, top, bottom } = span.getBoundingClientRect();
      const far = Math.max(left - clientX, 0, clientX - right) + 4 * Math.max(top - clientY, 0, clientY - bottom);
      if (i && far < least) [best, least] = [i, far];
    });
    return best;
  };
  let held = false;
  page.addEventListener("pointerdown", (event) => {
    if (letters.length < 2 || event.button) return;
    held = event.pointerType === "mouse";
    if (held) page.setPointerCapture(event.pointerId);
  });
  page.addEventListener("pointermove", (event) => held && go(under(event), false));
  page.addEventListener("lostpointercapture", () => { held = false; });
  page.addEventListener("click", (event) => letters.length > 1 && go(under(event)));
  page.addEventListener("keydown", (event) => {
    const size = event.shiftKey ? 10 : 1, moves = { ArrowLeft: -size, ArrowDown: -size, ArrowRight: size, ArrowUp: size, PageDown: -10, PageUp: 10, Home: -LIMIT, End: LIMIT };
    if (!(event.key in moves) || letters.length < 2 || chord(event)) return;
    event.preventDefault();
    go(place() + moves[event.key]);
  });

  // Un long texte défile dans sa boîte : le caractère prédit y reste visible.
  let looked = -1;
  const follow = (at) => {
    looked = at;
    const { top, bottom } = spans[at].getBoundingClientRect(), box = page.getBoundingClientRect();
    if (top < box.top) page.scrollTop -= box.top - top + 4;
    else if (bottom > box.bottom) page.scrollTop += bottom - box.bottom + 4;
  };

  const paint = (at, parts, last) => {
    spans.forEach((span, i) => {
      const lag = at - 1 - i, level = lag < 0 ? 0 : tint(parts[lag]);
      const kind = lag < -1 ? "à venir" : lag < 0 ? "prédit" : lag < last ? "compte" : "lu";
      if (shown[i] === `${kind} ${level}`) return;
      shown[i] = `${kind} ${level}`;
      span.className = [ids[i] ? "" : "loupe-inconnu", { "à venir": "loupe-avenir", "prédit": "loupe-predit", "compte": "loupe-compte" }[kind] ?? ""].join(" ").trim();
      span.style.background = kind === "prédit" ? "" : mixed(level);
    });
  };

  return ui.start(() => {
    read();
    const at = place(), name = ui.get("network"), trained = ui.get("trained"), state = ui.get("state");
    const thing = state ? "du gradient" : "de l’influence";
    put(measure, null, `part ${thing}\u00a0:`);
    put(page, { "aria-valuemax": Math.max(1, letters.length - 1), "aria-valuenow": Math.max(1, at) });
    if (at < 1) {
      ui.values = { ids };
      put(page, { "aria-valuetext": "aucun" });
      curve.frame(axes(ui.width, 40, thing));
      curve.draw(() => {});
      spans.forEach((span) => { span.className = "loupe-avenir"; });
      shown = [];
      ui.say("Tapez au moins deux caractères\u00a0: un à lire, un à prédire.");
      return;
    }
    const own = run(name, trained), found = influence(own, at), window = ui.get("window");
    const parts = shares(state ? found.states : found.inputs), last = reach(parts);
    const beyond = parts.slice(window).reduce((sum, v) => sum + v, 0);
    ui.values = { ids, at, states: found.states, inputs: found.inputs, chance: found.chance, reach: last, beyond,
      get guesses() { return own.steps.map((step) => { const scores = logitsOf(own.net, step.state); return scores.indexOf(Math.max(...scores)); }); } };
    paint(at, parts, last);
    if (at !== looked) follow(at);
    put(page, { "aria-valuetext": `${named(letters[at])}, après «\u00a0${letters.slice(Math.max(0, at - 12), at).join("")}\u00a0»` });

    const rest = cells.map(([other]) => other).find((other) => other !== name);
    const ghost = influence(run(rest, trained), at), ghosts = shares(state ? ghost.states : ghost.inputs);
    curve.frame(axes(ui.width, Math.max(40, Math.ceil(letters.length / 20) * 20), thing));
    curve.draw(() => {
      const { left, top, bottom, right } = curve.box, edge = curve.x(last - 0.5), learned = curve.x(window - 0.5), there = learned < right;
      const [words, long] = ui.width > 500 ? ["fin des fenêtres d’entraînement", 175] : ["fin des fenêtres", 82];
      // Une courbe qui passe sous l'axe y plonge : la découpe l'y arrête.
      const [dotted, full] = [ghosts, parts].map((values) => values.map((v, k) => [curve.x(k), curve.y(Math.max(v, 1e-30))]));
      curve.mark("fond", "rect", { class: "area c-gradient loupe-fond", x: left, y: top, width: edge - left, height: bottom - top });
      curve.mark("fenêtre", "line", { class: "d2l-rule dashed", x1: learned, x2: learned, y1: top - 6, y2: bottom, visibility: there ? null : "hidden" });
      curve.mark("fenêtre nom", "text", { class: "d2l-tick", x: Math.max(110, Math.min(learned - 2, curve.width - long)), y: 13 }, there ? words : "");
      curve.mark("bord", "line", { class: "line dashed c-gradient loupe-bord", x1: edge, x2: edge, y1: top, y2: bottom });
      const drawn = [["autre", rest, dotted, "c-reference", "dotted"], ["montré", name, full, "c-gradient", ""]];
      for (const [key, , points, tone, style] of drawn) {
        curve.mark(key, "path", { ...curve.clip, class: `line ${style} ${tone}`, d: path(points) });
        curve.mark(`${key} point`, "path", { class: `dots ${tone} loupe-${key}`, d: dots(points.length > 1 ? [] : points) });
      }
      // Les noms ne couvrent ni courbe, ni trait, ni l'un l'autre.
      const inks = drawn.map(([, , points]) => along(points.map(([x, y]) => [x, Math.min(y, bottom + 9)])).filter(([, y]) => y <= bottom));
      const ink = [...inks.flat(), ...along([[edge, top], [edge, bottom]]), ...(there ? along([[learned, top], [learned, bottom]]) : [])];
      drawn.forEach(([key, network, , tone], i) => {
        const place = settle(9.3 * network.length, inks[i], ink, curve);
        curve.mark(`${key} nom`, "text", { class: `named ${tone} loupe-nom`, ...place }, place ? network : "");
      });
    });
    ui.say(sentence({ thing, name, trained, state, parts, last, beyond, window, at, letters, ids, found, tokens }));
  });
}

function axes(width, end, thing) {
  const stride = end > 100 ? 40 : 20;
  return { x: [0, end], y: [LOW, 1], ylog: true, yticks: [1, 1e-2, 1e-4, 1e-6, 1e-8],
    xticks: Array.from({ length: Math.floor(end / stride) + 1 }, (_, i) => i * stride),
    xlabel: "retard k, en caractères", ylabel: `part ${thing}`, margins: [24, 14, 44, 40], height: 200 };
}

function sentence({ thing, name, trained, state, parts, last, beyond, window, at, letters, ids, found, tokens }) {
  const unit = state ? "états" : "caractères lus";
  const tail = last === 1 ? (state ? "le dernier état" : "le dernier caractère lu") : `les ${last} derniers ${unit}`;
  const first = `${name} ${trained ? "entraîné" : "au hasard"}\u00a0: 90\u00a0% ${thing} tient dans ${tail}${at > last ? `, sur ${at}` : ""}`;
  const far = parts.length > window ? `\u202f; passé les ${window} derniers, ${percent(beyond)}.` : ".";
  const unknown = ids.slice(0, at + 1).filter((id) => id === 0).length;
  const best = found.best === ids[at] ? "son premier choix" : `son premier choix était ${found.best ? named(tokens[found.best]) : "un inconnu"}`;
  const guess = ` Chances données à ${named(letters[at])}\u00a0: ${percent(found.chance)} (${best}).`;
  const strange = unknown ? ` ${unknown} ${unknown > 1 ? "caractères inconnus" : "caractère inconnu"} du réseau.` : "";
  return first + far + guess + strange;
}

export default { render };
