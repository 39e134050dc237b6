// Le moteur de la recherche : de la question aux passages, du meilleur au moins bon, et à leurs
// extraits. Il ne touche pas à la page ; recherche.js le charge et montre ce qu'il trouve.
(() => {
  const api = window.d2lRecherche;
  // Ce que vaut un mot trouvé dans le titre du passage, dans celui de la page, dans chacun des
  // autres passages de la page ; puis le poids de chaque genre de passage (h1, h2, h3, exercice,
  // entrée du glossaire, nom du paquet), de chaque genre de page (chapitre, accueil, autres), d'un
  // titre banal.
  const TITLE = 3.2, PAGE_TITLE = 0.8, PAGE_THEME = 0.07;
  const KIND = [1.05, 1, 1, 0.75, 1.2, 1], RANK = [1, 0.93, 0.65], COMMON = 0.75;
  const K1 = 1.2, LENGTH = 0.55, SHORTEST = 0.5; // BM25, et ce que compte au moins un passage court
  const MOST_FORMS = 60; // d'un mot à peine commencé
  const { flat, words, stem, places, ELISION } = api.lexique;
  const texts = new Map();
  let index = null;

  api.citer = (page, found) => texts.set(page, found);

  // ---------- de la question aux termes de l'index

  const near = (a, b) => { // une lettre de plus, de moins, changée, ou deux échangées
    if (Math.abs(a.length - b.length) > 1) return false;
    let i = 0;
    while (i < a.length && a[i] === b[i]) i += 1;
    const [x, y] = [a.slice(i), b.slice(i)];
    return x.slice(1) === y.slice(1) || x.slice(1) === y || x === y.slice(1)
      || (x[0] === y[1] && x[1] === y[0] && x.slice(2) === y.slice(2));
  };
  const startingWith = (prefix) => {
    let low = 0, high = index.sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (index.sorted[middle] < prefix) low = middle + 1; else high = middle;
    }
    const found = [];
    while (index.sorted[low]?.startsWith(prefix)) found.push(index.sorted[low++]);
    return found;
  };
  // Les termes que désigne un mot, chacun avec son poids ; « fixed » : la forme qui le corrige.
  const resolve = (word, last) => {
    const found = new Map(), plain = flat(word);
    const add = (term, weight) => term && found.set(term, Math.max(weight, found.get(term) ?? 0));
    for (const term of index.forms.get(plain) ?? []) add(term, 1);
    for (const root of [stem(word), stem(plain)]) add(index.roots.get(root), 0.9);
    for (const term of index.parts.get(plain) ?? []) add(term, term.name === plain ? 0.8 : 0.45);
    const exact = found.size > 0;
    if (last && plain.length > 1) {
      const begun = startingWith(plain).sort((a, b) => a.length - b.length).slice(0, MOST_FORMS);
      for (const form of begun) {
        for (const term of index.forms.get(form)) add(term, (exact ? 0.35 : 0.8) * plain.length / form.length);
      }
    }
    let fixed;
    if (!found.size && plain.length > 4) {
      for (const form of index.sorted) {
        if (!near(plain, form)) continue;
        fixed ??= form;
        for (const term of index.forms.get(form)) add(term, 0.7);
      }
    }
    return { word, found, fixed };
  };
  const identifier = (text) => {
    const name = text.toLowerCase(), found = new Map();
    for (const [other, term] of index.names) {
      if (other === name) found.set(term, 1.2);
      else if (other.endsWith(`.${name}`) || name.endsWith(`.${other}`)) found.set(term, 0.7);
      else if (name.length > 3 && other.startsWith(name)) found.set(term, 0.6);
    }
    return found.size ? { word: text, found } : null;
  };
  const rarity = (count) => Math.log(1 + (index.passages.length - count + 0.5) / (count + 0.5));

  const meaningful = (list) => {
    const kept = list.filter((word) => !index.empty.has(flat(word)));
    return [...new Set(kept.length ? kept : list)];
  };
  // Les lectures d'une question : telle quelle, puis avec les noms français de ses mots anglais.
  const readings = (query, typing) => {
    const names = [], rest = query.replace(/[A-Za-z_]\w*(?:[._]+\w+)+/g, (name) => {
      const known = identifier(name.replace(/_+$/, "")) ?? identifier(name);
      if (known) names.push(known);
      return known ? " " : name.replace(/[._]/g, " ");
    });
    const list = words(rest);
    if (!list.length) return names.length ? [names] : [];
    const ending = typing && /[\p{L}\p{N}]$/u.test(rest) ? list.at(-1) : null;
    const make = (some) => [...names, ...meaningful(some).map((word) => resolve(word, word === ending))];
    const found = [make(list)];
    const joined = rest.replace(/([\p{L}]+)-([\p{L}]+)/gu, (both, a, b) => (index.forms.has(flat(words(a + b)[0] ?? "")) ? a + b : both));
    if (joined !== rest) found.push(make(words(joined))); // « sur-apprentissage »
    const plain = list.map((word) => flat(word)), singular = plain.map((word) => word.replace(/s$/, ""));
    for (let size = Math.min(5, list.length); size > 0; size -= 1) {
      const before = found.length;
      for (let at = 0; at + size <= list.length; at += 1) {
        const same = [plain, singular].map((all) => all.slice(at, at + size).join(" "));
        let terms = same.map((name) => index.english.get(name)).find(Boolean);
        if (!terms && size === 1 && plain[at].length > 4) { // un mot d'un seul nom anglais
          const only = [...index.english].filter(([name]) => name.split(" ").includes(plain[at]));
          if (only.length === 1) [[, terms]] = only;
        }
        for (const term of terms ?? []) {
          found.push(make([...list.slice(0, at), ...words(term), ...list.slice(at + size)]));
        }
      }
      if (found.length > before) break;
    }
    return found.slice(0, 5);
  };

  // ---------- le classement

  const scoreReading = (reading) => {
    const scores = new Map();
    let total = 0;
    for (const concept of reading) {
      const terms = [...concept.found];
      const best = terms.filter(([, weight]) => weight >= 0.7);
      const count = Math.max(1, ...(best.length ? best : terms).map(([term]) => places(term).size));
      concept.rarity = rarity(terms.length ? count : 1);
      total += concept.rarity;
      const own = new Map();
      for (const [term, weight] of terms) {
        for (const [place, tf] of places(term)) {
          const passage = index.passages[place];
          const long = term.prose ? 1 - LENGTH + LENGTH * Math.max(passage.size / index.mean, SHORTEST) : 1;
          const title = passage.terms.has(term) ? TITLE * (0.5 + 0.5 / passage.length) : 0;
          const value = weight * (tf * (K1 + 1) / (tf + K1 * long) + title);
          own.set(place, Math.max(value, own.get(place) ?? 0));
        }
      }
      const theme = new Map(); // combien de passages de la page emploient ce mot
      for (const place of own.keys()) {
        const { first } = index.passages[place];
        theme.set(first, (theme.get(first) ?? 0) + 1);
      }
      for (const [place, value] of own) {
        const score = scores.get(place) ?? { value: 0, covered: 0, count: 0 };
        const { first } = index.passages[place];
        const page = first !== place && terms.some(([term]) => index.passages[first].terms.has(term));
        const about = (page ? PAGE_TITLE : 0) + PAGE_THEME * Math.min(theme.get(first), 8);
        score.value += concept.rarity * (value + about);
        score.covered += concept.rarity;
        score.count += 1;
        scores.set(place, score);
      }
    }
    for (const [place, score] of scores) {
      const passage = index.passages[place];
      score.value *= (score.covered / total) ** 2 / total * KIND[passage.kind] * RANK[passage.page[1]]
        * (passage.common ? COMMON : 1);
      const named = reading.every(({ found }) => [...found].some(([term, weight]) => weight >= 0.9 && passage.terms.has(term)));
      if (named && passage.length === reading.length) score.value *= passage.kind === 0 ? 4 : 1.5;
    }
    return scores;
  };

  // Les passages qui répondent, les meilleurs d'abord ; « typing » : le dernier mot est en cours.
  api.chercher = (query, typing = true, most = 12) => {
    index = api.index;
    const all = readings(query.slice(0, 200), typing), best = new Map(), marks = new Set();
    for (const reading of all) {
      for (const [place, score] of scoreReading(reading)) {
        const whole = score.count === reading.length;
        if (score.value > (best.get(place)?.value ?? 0)) best.set(place, { ...score, whole });
      }
      for (const { found } of reading) for (const [term, weight] of found) if (weight > 0.3) marks.add(term);
    }
    const ranked = [...best].sort((a, b) => b[1].value - a[1].value || a[0] - b[0]);
    // Un nom du paquet demandé tel quel, « fit » ou « d2l.fit() », suit le passage qui l'explique.
    const asked = query.trim().replace(/\(.*/, "").split(".").at(-1).toLowerCase();
    const named = ranked.findIndex(([place]) => index.passages[place].kind === 5 && index.passages[place].title.toLowerCase() === asked);
    const top = ranked[0]?.[1].value ?? 0;
    if (named > 1) ranked.splice(1, 0, ...ranked.splice(named, 1));
    const kept = ranked.filter(([, score]) => score.whole || score.value > top / 6);
    const fixed = (all[0] ?? []).filter((concept) => concept.fixed).map(({ word, fixed: form }) => [word, form]);
    const missing = all.length === 1 ? all[0].filter(({ found }) => !found.size).map(({ word }) => word) : [];
    return {
      total: kept.length, fixed, missing, marks,
      results: kept.slice(0, most).map(([place]) => index.passages[place]),
    };
  };

  // ---------- les extraits

  const pieces = (text, marks) => {
    const found = [];
    for (const match of text.matchAll(/[\p{L}\p{N}_]+(?:['’.][\p{L}\p{N}_]+)*/gu)) {
      const elided = match[0].slice(match[0].replace("’", "'").match(ELISION)?.[0].length ?? 0);
      const hit = words(elided).map(flat).flatMap((word) => index.forms.get(word) ?? []).find((term) => marks.has(term))
        ?? [index.names.get(elided.toLowerCase())].find((term) => marks.has(term));
      if (hit) found.push({ from: match.index + match[0].length - elided.length, to: match.index + match[0].length, hit });
    }
    return found;
  };
  const split = (text, hits, from, to) => {
    const parts = [];
    let at = from;
    for (const hit of hits.filter((one) => one.from >= from && one.to <= to)) {
      parts.push([text.slice(at, hit.from), false], [text.slice(hit.from, hit.to), true]);
      at = hit.to;
    }
    return [...parts, [text.slice(at, to), false]].filter(([part]) => part);
  };
  // Un texte en morceaux, chacun marqué ou non ; l'extrait entoure le plus de mots différents.
  api.marquer = (text, marks) => split(text, pieces(text, marks), 0, text.length);
  api.extrait = (passage, marks, width = 170) => {
    const text = texts.get(passage.page[0])?.[passage.place - passage.first];
    if (text === undefined) return null;
    const hits = pieces(text, marks);
    let from = 0, best = -1;
    for (const { from: at } of hits) {
      const inside = hits.filter((hit) => hit.from >= at && hit.to <= at + width - 40);
      const value = new Set(inside.map(({ hit }) => hit)).size + inside.length / 100;
      if (value > best) [best, from] = [value, at];
    }
    from = Math.max(0, Math.min(from - 40, text.length - width));
    if (from) from = text.indexOf(" ", from) + 1;
    let to = from + width >= text.length ? text.length : text.lastIndexOf(" ", from + width);
    if (to <= from) to = Math.min(text.length, from + width);
    const parts = split(text, hits, from, to);
    return [...(from ? [["… ", false]] : []), ...parts, ...(to < text.length && text[to - 1] !== "…" ? [[" …", false]] : [])];
  };
  api.passage = (place) => index.passages[place];
})();
