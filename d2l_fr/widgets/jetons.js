// « jetons » : un texte tapé, découpé comme d2l_fr.text_sequence le fait, numéroté et compté.
import { chord, count, cut, decades, decode, dots, figure, fr, h, path, put } from "./shared.js";

const MOST = 400, LETTERS_SHOWN = 24, CODES_SHOWN = 4;
const LEVELS = [["char", "caractères"], ["word", "mots"], ["bpe", "BPE"]];

// ---------- les motifs de Python, avec ses lettres (\w), ses chiffres (\d) et ses espaces (\s)

const SPACES = "\\t-\\r\\x1c- \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const LETTERS = "(?:[\\p{L}\\p{Nl}\\p{No}][\\u0300-\\u036f]*)+";
const WORD = "[aA][uU][jJ][oO][uU][rR][dD]['’][hH][uU][iIİı]" // ce que reconnaît son (?i:…)
  + `|${LETTERS}(?:-${LETTERS})*(?:['’](?=[\\p{L}\\p{N}_«]))?|\\p{Nd}+(?:[.,\\xa0\\u202f]\\p{Nd}+)*`;
const TOKEN = new RegExp(`${WORD}|[${SPACES}]+|[^]`, "gu");
const PIECE = new RegExp(`[ \\xa0\\u202f]?(?:${WORD}|[^\\p{L}\\p{N}_${SPACES}]+|_+)|[${SPACES}]`, "gu");

function tokenize(text, level) {
  return level === "char" ? Array.from(text) : text.match(TOKEN) ?? [];
}

/** Les octets d'un texte, un substitut isolé compris, que TextEncoder remplacerait. */
function utf8(text) {
  const data = [];
  for (const char of text) {
    const p = char.codePointAt(0), tail = (shift) => 0x80 | ((p >> shift) & 63);
    if (p < 0x80) data.push(p);
    else if (p < 0x800) data.push(0xc0 | (p >> 6), tail(0));
    else if (p < 0x10000) data.push(0xe0 | (p >> 12), tail(6), tail(0));
    else data.push(0xf0 | (p >> 18), tail(12), tail(6), tail(0));
  }
  return data;
}

const hex = (byte) => byte.toString(16).padStart(2, "0");
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Des octets à lire, comme BPE.to_tokens : un octet qui ne fait pas un caractère s'écrit \xc3. */
function spell(data) {
  let text = "";
  for (let i = 0; i < data.length;) {
    const size = data[i] < 0x80 ? 1 : data[i] < 0xe0 ? 2 : data[i] < 0xf0 ? 3 : 4;
    try {
      text += strict.decode(Uint8Array.from(data.slice(i, i + size)));
      i += size;
    } catch {
      text += `\\x${hex(data[i++])}`;
    }
  }
  return text;
}

/** Un BPE défini par ses fusions, à plat : gauche, droite, gauche, droite… */
function makeBpe(merges) {
  const size = merges.length / 2, tokens = Array.from({ length: 256 }, (_, byte) => [byte]);
  const created = new Map(), key = (left, right) => left * 2 ** 24 + right;
  for (let i = 0; i < size; i++) {
    const [left, right] = [merges[2 * i], merges[2 * i + 1]];
    tokens.push([...tokens[left], ...tokens[right]]);
    created.set(key(left, right), 256 + i);
  }
  /** Les indices d'un texte, avec les `most` premières fusions. */
  const encode = (text, most = size) => (text.match(PIECE) ?? []).flatMap((piece) => {
    let ids = utf8(piece);
    for (;;) {
      let best = 256 + most;
      for (let i = 1; i < ids.length; i++) best = Math.min(best, created.get(key(ids[i - 1], ids[i])) ?? best);
      if (best === 256 + most) return ids;
      const [left, right] = [merges[2 * (best - 256)], merges[2 * (best - 256) + 1]], merged = [];
      for (let i = 0; i < ids.length; i++) {
        const found = ids[i] === left && ids[i + 1] === right;
        merged.push(found ? best : ids[i]);
        if (found) i++;
      }
      ids = merged;
    }
  });
  /** Les comptes de chaque jeton avec `most` fusions : on défait les autres, la dernière d'abord. */
  const rewind = (counts, most) => {
    const past = Array.from(counts);
    for (let i = size - 1; i >= most; i--) {
      const uses = past.pop();
      past[merges[2 * i]] += uses;
      past[merges[2 * i + 1]] += uses;
    }
    return past;
  };
  return { size, tokens, merges, encode, rewind };
}

// ---------- un jeton, pour qu'on le voie

const BLANKS = { " ": "␣", "\u00a0": "⍽", "\u202f": "⍽", "\n": "↵", "\t": "⇥" };
const SAID = { " ": "espace", "\u00a0": "espace insécable", "\u202f": "espace fine insécable", "\n": "retour à la ligne", "\t": "tabulation" };
const code = (char) => `U+${char.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;

/** Les espaces, les accents détachés et les signes invisibles deviennent visibles. */
function readable(token) {
  const shown = token.replace(/[\p{C}\p{Z}\p{DI}]/gu, (char) => BLANKS[char] ?? code(char));
  return /^\p{M}/u.test(shown) ? `◌${shown}` : shown;
}

const said = (token) => (/^[\p{C}\p{Z}\p{DI}]+$/u.test(token) ? Array.from(token, (c) => SAID[c] ?? code(c)).join(", ") : readable(token));
const clip = (text) => (text.length > LETTERS_SHOWN ? `${cut(text, LETTERS_SHOWN)}…` : text);

/** Les couples (rang, occurrences) d'une suite décroissante, sans plus de points que l'œil n'en voit. */
function thinned(sorted) {
  const shown = [];
  for (let rank = 1; rank <= sorted.length; rank = Math.max(rank + 1, Math.round(rank * 1.03))) shown.push([rank, sorted[rank - 1]]);
  if (sorted.length) shown.push([sorted.length, sorted.at(-1)]);
  return shown;
}

const tally = (ids) => ids.reduce((uses, id) => uses.set(id, (uses.get(id) ?? 0) + 1), new Map());

/** Ce que le corpus sait d'un découpage : l'indice, le rang et le nombre d'occurrences d'un jeton. */
function makeVocabulary(tokens, counts) {
  const index = new Map(tokens.map((token, i) => [token, i + 1]));
  // Les jetons sont déjà rangés : l'indice est le rang.
  return { curve: thinned(counts), place: (id) => (id ? [id, counts[id - 1]] : null), id: (token) => index.get(token) ?? 0 };
}

function makeRanking(counts) {
  const order = counts.map((_, id) => id).filter((id) => counts[id]).sort((a, b) => counts[b] - counts[a] || a - b);
  const rank = new Map(order.map((id, i) => [id, i + 1]));
  return { curve: thinned(order.map((id) => counts[id])), place: (id) => (rank.has(id) ? [rank.get(id), counts[id]] : null) };
}

// ---------- la figure

function render({ model, el }) {
  const ui = figure({ model, el }, { label: "un texte, ses jetons, leurs indices et leurs comptes" });
  const arrays = Object.fromEntries(Object.entries(ui.get("arrays")).map(([key, packed]) => [key, decode(packed).data]));
  const bpe = makeBpe(arrays.merges), vocabularies = ui.get("vocabularies"), spelled = new Map();
  const corpus = Object.fromEntries(["char", "word"].map((level) => [level, makeVocabulary(vocabularies[level], arrays[level])]));
  const highest = 10 ** Math.ceil(Math.log10(Math.max(10, ...bpe.rewind(arrays.bpe, 0), arrays.char[0], arrays.word[0])));
  const widest = 10 ** Math.ceil(Math.log10(Math.max(10, ...[arrays.char, arrays.word, arrays.bpe].map((a) => a.length))));
  let built = -1;

  const writing = h("div", { class: "jetons-ecrire" }), rewrite = h("div", { class: "jetons-boutons", role: "group", "aria-label": "Récrire le texte" });
  const settings = h("div", { class: "d2l-controls" });
  ui.top.append(writing, settings);
  ui.text("text", { label: "Votre texte", rows: 3, into: writing });
  writing.append(rewrite);
  ui.choice("level", { label: "Découpage", options: LEVELS, into: settings });
  const steps = Array.from({ length: bpe.size }, (_, k) => k).filter((k) => k < 20 || (k < 100 ? k % 5 : k % 25) === 0);
  ui.slider("merges", { label: "Fusions du BPE", values: [...steps, bpe.size], format: (k) => fr(k), into: settings });

  // Trois façons d'écrire le même texte. Les capitales se défont : on garde ce qu'elles recouvrent.
  let covered = "";
  const change = (make) => () => ui.set("text", make(ui.get("text")));
  const composed = (text) => text.normalize("NFC");
  const accents = ui.button("", change((text) => (text === composed(text) ? text.normalize("NFD") : composed(text))), { into: rewrite });
  const capitals = ui.button("", change((text) => {
    if (text !== text.toUpperCase()) return (covered = text).toUpperCase();
    return covered.toUpperCase() === text ? covered : text.toLowerCase();
  }), { into: rewrite });
  const quotes = ui.button("", change((text) => (text.includes("’") ? text.replaceAll("’", "'") : text.replaceAll("'", "’"))), { into: rewrite });
  const name = (button, text, useful) => {
    put(button, null, text);
    button.disabled = !useful;
  };

  const box = h("div", { class: "jetons-suite", dir: "ltr" });
  const left = h("div"), right = h("div"), card = h("dl", { class: "jetons-fiche" });
  ui.stage.append(box, h("div", { class: "d2l-pair" }, left, right));
  const bars = ui.plot({ into: left, label: "Le même texte en octets, en caractères, en mots et en BPE" });
  left.append(card);
  const zipf = ui.plot({ into: right, label: "Occurrences selon le rang, dans le corpus et dans votre texte" });
  const rows = Object.fromEntries([["token", "jeton"], ["chars", "points de code"], ["bytes", "octets"], ["id", "indice"], ["uses", "comptes"]].map(([key, title]) => {
    const value = h("dd");
    card.append(h("dt", null, title), value);
    return [key, value];
  }));
  ui.status.classList.add("jetons-bilan");

  // Le jeton choisi est celui qui couvre cet octet : il le reste quand on change de découpage.
  const nodes = [];
  let chosen = 0, current = 0, shown = { tokens: [], ids: [], starts: [] };
  const choose = (i) => {
    chosen = shown.starts[i];
    ui.flush();
    nodes[current].focus();
  };
  ui.onReset(() => { chosen = 0; });
  box.addEventListener("click", ({ target }) => {
    const i = nodes.indexOf(target.closest("[role=option]"));
    if (i >= 0) choose(i);
  });
  box.addEventListener("keydown", (event) => {
    const last = shown.tokens.length - 1;
    const next = { ArrowLeft: () => current - 1, ArrowRight: () => current + 1, Home: () => 0, End: () => last,
      ArrowUp: () => neighbour(nodes, current, -1), ArrowDown: () => neighbour(nodes, current, 1) }[event.key];
    if (!next || last < 0 || chord(event)) return;
    event.preventDefault();
    choose(Math.max(0, Math.min(last, next())));
  });
  ui.listen("change:text", ui.redraw);

  const split = (text, level, merges) => {
    if (level !== "bpe") {
      const tokens = tokenize(text, level);
      return { tokens, ids: tokens.map(corpus[level].id), sizes: tokens.map((token) => utf8(token).length) };
    }
    const ids = bpe.encode(text, merges);
    const tokens = ids.map((id) => {
      if (!spelled.has(id)) spelled.set(id, spell(bpe.tokens[id]));
      return spelled.get(id);
    });
    return { tokens, ids, sizes: ids.map((id) => bpe.tokens[id].length) };
  };

  return ui.start(() => {
    const typed = String(ui.get("text")), text = cut(typed, MOST), level = ui.get("level");
    const merges = Math.max(0, Math.min(bpe.size, ui.get("merges")));
    if (built !== merges) {
      corpus.bpe = makeRanking(bpe.rewind(arrays.bpe, merges));
      built = merges;
    }
    const all = Object.fromEntries(LEVELS.map(([key]) => [key, split(text, key, merges)]));
    const lengths = LEVELS.map(([key, title]) => ({ key, title, count: all[key].ids.length,
      unknown: key === "bpe" ? 0 : all[key].ids.filter((id) => id === 0).length }));
    const size = utf8(text).length, active = corpus[level], { tokens, ids, sizes } = all[level];
    let end = 0;
    const starts = sizes.map((length) => (end += length) - length);
    current = Math.max(0, starts.findLastIndex((start) => start <= chosen));
    shown = { tokens, ids, starts };
    const uses = tally(ids), places = [...uses.keys()].map(active.place).filter(Boolean);
    const own = [...uses.values()].sort((a, b) => b - a);
    ui.values = { tokens, ids, own, places, bytes: size, current, lengths: Object.fromEntries(lengths.map((row) => [row.key, row.count])),
      unknown: Object.fromEntries(lengths.map((row) => [row.key, row.unknown])) };

    const start = cut(typed, 2000); // composer cent mille accents prendrait des secondes
    name(accents, start === composed(start) ? "Accents en NFD" : "Accents en NFC", composed(start) !== start.normalize("NFD"));
    name(quotes, typed.includes("’") ? "Apostrophes droites" : "Apostrophes courbes", /['’]/.test(typed));
    const raised = typed.toUpperCase(), cased = raised !== typed.toLowerCase();
    name(capitals, cased && typed === raised ? "Sans capitales" : "En capitales", cased);
    showTokens(box, nodes, shown, current, level !== "bpe");
    showCard(rows, { shown, current, uses, active, level, bpe });

    const wide = ui.width > 544, width = wide ? (ui.width - 16) / 2 : ui.width;
    drawBars(bars, [{ key: "octets", title: "octets", count: size, unknown: 0 }, ...lengths], level, width);
    drawZipf(zipf, { corpus, level, places, own, widest, highest, width, place: ids.length ? active.place(ids[current]) : null });
    ui.say(sentence(typed, size, lengths, merges));
  });
}

/** Le jeton de la rangée voisine, en haut (-1) ou en bas (1), le plus proche de l'aplomb. */
function neighbour(nodes, current, way) {
  const from = nodes[current].getBoundingClientRect();
  let best = current, least = Infinity;
  nodes.forEach((node, i) => {
    const box = node.getBoundingClientRect(), rise = (box.top - from.top) * way;
    const far = rise * 100 + Math.abs(box.left + box.width / 2 - from.left - from.width / 2);
    if (node.isConnected && rise > 4 && far < least) [best, least] = [i, far];
  });
  return best;
}

/** Pose les jetons côte à côte ; un jeton qui n'a pas changé n'est pas touché. */
function showTokens(box, nodes, { tokens, ids }, current, closed) {
  while (nodes.length < tokens.length) {
    nodes.push(h("span", { role: "option" }, h("bdi", { class: "jetons-texte" }), h("span", { class: "jetons-indice" })));
  }
  tokens.forEach((token, i) => {
    const node = nodes[i], lost = closed && ids[i] === 0, key = `${ids[i]} ${lost} ${i === current} ${token}`;
    if (node.parentNode !== box) box.append(node);
    if (node.key === key) return;
    node.key = key;
    put(node, { class: `jetons-jeton${lost ? " inconnu" : ""}`, "aria-selected": String(i === current),
      "aria-label": `${clip(said(token))}, indice ${ids[i]}${lost ? ", inconnu" : ""}`, tabindex: i === current ? 0 : -1 });
    put(node.firstChild, null, readable(token));
    put(node.lastChild, null, ids[i]);
  });
  nodes.slice(tokens.length).forEach((node) => node.remove());
  const empty = tokens.length === 0;
  if (empty) {
    box.removeAttribute("role");
    box.removeAttribute("aria-label");
    box.textContent = "Aucun jeton\u00a0: le champ est vide.";
  } else if (box.getAttribute("role") !== "listbox") {
    box.setAttribute("role", "listbox");
    box.setAttribute("aria-label", "Les jetons et leurs indices");
  }
  if (!empty && box.firstChild.nodeType === Node.TEXT_NODE) box.firstChild.remove();
}

/** La fiche du jeton choisi. */
function showCard(rows, { shown: { tokens, ids }, current, uses, active, level, bpe }) {
  const tell = (key, text) => put(rows[key], null, text);
  if (!tokens.length) return Object.keys(rows).forEach((key) => tell(key, "–"));
  const id = ids[current], token = tokens[current], place = active.place(id);
  const data = level === "bpe" ? bpe.tokens[id] : utf8(token);
  const part = (i) => clip(readable(spell(bpe.tokens[i])));
  const few = (list, shape) => list.slice(0, CODES_SHOWN).map(shape).join(" ") + (list.length > CODES_SHOWN ? " …" : "");
  const lost = level !== "bpe" && id === 0;
  let origin = "";
  if (level !== "bpe") origin = lost ? ", inconnu (<unk>)" : "";
  else if (id < 256) origin = ", un octet de départ";
  else origin = `, fusion n°\u00a0${id - 255}\u00a0: ${part(bpe.merges[2 * (id - 256)])} + ${part(bpe.merges[2 * (id - 256) + 1])}`;
  tell("token", clip(readable(token)));
  tell("id", `${id}${origin}`);
  const whole = utf8(token).length === data.length; // sinon, des octets qui ne font pas un caractère
  tell("chars", whole ? few(Array.from(token), code) : "un morceau de caractère");
  tell("bytes", few(data, (byte) => hex(byte).toUpperCase()));
  const seen = place ? `${fr(place[1])} dans le corpus, rang ${fr(place[0])}` : "absent du corpus";
  tell("uses", `${lost ? count(uses.get(id), "inconnu") : fr(uses.get(id))} ici, ${seen}`);
}

/** Quatre longueurs du même texte, l'une sous l'autre. */
function drawBars(bars, rows, level, width) {
  const from = 78, high = 20;
  const texts = rows.map(({ count: total, unknown }) => (unknown ? `${fr(total)}, dont ${count(unknown, "inconnu")}` : fr(total)));
  // L'échelle la plus grande qui laisse à chaque barre la place de son texte.
  const scale = Math.min(...rows.map((row, i) => (width - from - 12 - 6.6 * texts[i].length) / Math.max(1, row.count)));
  bars.resize(width, 104);
  bars.draw(() => rows.forEach(({ key, title, count: total, unknown }, i) => {
    const y = 4 + i * 25, role = key === level ? "c-input" : "c-reference";
    bars.mark(`nom ${key}`, "text", { class: key === level ? "named c-input" : "", x: from - 8, y: y + 15, "text-anchor": "end" }, title);
    bars.mark(`barre ${key}`, "rect", { class: `area ${role}`, x: from, y, width: total * scale, height: high });
    const lost = unknown * scale;
    bars.mark(`inconnus ${key}`, "rect", { class: "jetons-perdus", x: from + total * scale - lost, y, width: lost, height: high });
    bars.mark(`total ${key}`, "text", { x: from + total * scale + 6, y: y + 15 }, texts[i]);
  }));
}

/** Le corpus et le texte tapé, sur les axes de Zipf. */
function drawZipf(zipf, { corpus, level, places, own, widest, highest, width, place }) {
  zipf.frame({ x: [0.9, widest * 1.1], y: [0.6, highest], xlog: true, ylog: true, xlabel: "rang", ylabel: "occurrences",
    xticks: decades(1, widest, 9), yticks: decades(1, highest, 9), margins: [24, 10, 44, 36], width, height: 270 });
  const at = ([rank, uses]) => [zipf.x(rank), zipf.y(uses)];
  zipf.draw(() => {
    for (const [key, title] of LEVELS) {
      const points = corpus[key].curve.map(at), on = key === level;
      zipf.mark(`corpus ${key}`, "path", { class: on ? "line c-data" : "line c-rule", d: path(points) });
      const [x, y] = points[Math.floor(points.length * { char: 0.09, word: 0.86, bpe: 0.8 }[key])];
      zipf.mark(`nom ${key}`, "text", { class: on ? "named c-data jetons-nom" : "d2l-tick jetons-nom", x: x + 6, y: y - 8 }, title);
    }
    const mine = own.map((uses, i) => at([i + 1, uses]));
    zipf.mark("texte", "path", { class: "line dashed c-input", d: path(mine) });
    zipf.mark("texte points", "path", { class: "dots c-input", d: dots(mine) });
    zipf.mark("jetons", "path", { class: "dots c-input", d: dots(places.map(at)) });
    if (mine.length) zipf.mark("nom texte", "text", { class: "named c-input jetons-nom", x: mine[0][0] + 2, y: mine[0][1] - 10 }, "votre texte");
    if (place) zipf.mark("choisi", "circle", { class: "jetons-anneau", cx: zipf.x(place[0]), cy: zipf.y(place[1]), r: 7 });
  });
}

function sentence(typed, size, lengths, merges) {
  const told = lengths.map(({ key, title, count: total, unknown }) => {
    if (key === "bpe") return `${fr(total)} en BPE à ${count(merges, "fusion")}`;
    return `${fr(total)} en ${title}${unknown ? ` (dont ${count(unknown, "inconnu")})` : ""}`;
  });
  const head = `${count(size, "octet")}. Jetons\u00a0: ${told.join(", ")}.`;
  if (typed.length <= MOST || cut(typed, MOST) === typed) return head;
  return `${head} Seuls les ${MOST} premiers caractères sont découpés, sur ${fr(Array.from(typed).length)}.`;
}

export default { render };
