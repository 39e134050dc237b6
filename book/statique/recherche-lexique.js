// Les mots de la recherche, et l'index qui dit où ils sont. Ce que book/_ext/lexique.py écrit, ce
// script le lit ; lire les mots d'un texte s'écrit des deux côtés, et un test les compare.
(() => {
  const api = window.d2lRecherche;
  const DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!#$%&()*+,-./:;<=>?@[]^_`{|}";
  let stemmer = null;

  // ---------- les mots : comme book/_ext/lexique.py (un test compare les deux)

  const flat = (text) => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").normalize("NFC");
  const ELISION = /^(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu|quoiqu)'(?=.)/i;
  const WORD = /[\p{L}\p{N}]+(?:['’][\p{L}\p{N}]+)*/gu;
  const clean = (text) => text.normalize("NFC").toLowerCase()
    .replace(/’/g, "'").replace(/œ/g, "oe").replace(/æ/g, "ae");
  const words = (text) => (clean(text).match(WORD) ?? [])
    .flatMap((word) => word.replace(ELISION, "").split("'")).filter((word) => word.length > 1);
  const stem = (word) => flat((stemmer ??= new window.FrenchStemmer()).stemWord(word));
  // L'ancre d'un titre, quand l'index ne la donne pas.
  const slug = (title) => flat(title.toLowerCase()).replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");

  // ---------- l'index

  const unfront = (list) => {
    let last = "";
    return list.map((item) => (last = last.slice(0, item.charCodeAt(0) - 65) + item.slice(1)));
  };
  const digits = (text, at) => (text[at] === "~"
    ? [DIGITS.indexOf(text[at + 1]) * DIGITS.length + DIGITS.indexOf(text[at + 2]), at + 3]
    : [DIGITS.indexOf(text[at]), at + 1]);
  const places = (term) => {
    if (term.places) return term.places;
    term.places = new Map();
    for (const place of term.titles ?? []) term.places.set(place, 0);
    for (let at = 0, place = -1; at < term.packed.length; at += 1) {
      let gap;
      [gap, at] = digits(term.packed, at);
      place += gap + 1;
      term.places.set(place, Number(term.packed[at]));
    }
    return term.places;
  };
  const put = (map, key, value) => {
    const known = map.get(key);
    if (known) known.push(value); else map.set(key, [value]);
  };

  // Entre deux étapes, le navigateur reprend la main : on tape déjà.
  const pause = () => new Promise((resolve) => setTimeout(resolve));
  let received = null, prepared = null;
  api.recevoir = (data) => { received = data; };
  api.preparer = () => (prepared ??= prepare(received));

  const prepare = async (data) => {
    const forms = new Map(), roots = new Map(), parts = new Map(), names = new Map();
    const addresses = data.adresses.split(" "), uses = data.emplois.split(" ");
    let last = "", rank = 0;
    for (const entry of data.racines.split(" ")) { // « Ferte,,s » : cinq lettres de la précédente
      const [head, ...endings] = entry.split(",");
      const root = last = last.slice(0, head.charCodeAt(0) - 65) + head.slice(1);
      const term = { packed: addresses[rank++], prose: true, titles: null, places: null };
      roots.set(root, term);
      for (const ending of endings) { // « Bce » : deux lettres de moins, puis « ce »
        const cut = ending.charCodeAt(0) - 64;
        put(forms, cut > 0 && cut < 27 ? root.slice(0, -cut) + ending.slice(1) : root + ending, term);
      }
    }
    await pause();
    unfront(data.noms.split(" ")).forEach((name, i) => {
      const term = { packed: uses[i], name, prose: false, titles: null, places: null };
      names.set(name, term);
      for (const part of new Set(name.split(/[._]+/))) if (part.length > 1) put(parts, part, term);
    });
    await pause();
    const passages = data.passages.map(([page, kind, title, anchor], i) => ({
      page: data.pages[page], kind, title, anchor: anchor || slug(title), place: i, first: page,
      size: DIGITS.indexOf(data.tailles[i]) * 8,
    }));
    // Un titre que portent quatre pages (« Exercices », « Pour aller plus loin ») n'annonce rien.
    const same = new Map();
    for (const { title } of passages) same.set(title, (same.get(title) ?? 0) + 1);
    const start = new Map();
    passages.forEach((passage, i) => {
      if (!start.has(passage.first)) start.set(passage.first, i);
      passage.first = start.get(passage.first);
      passage.common = same.get(passage.title) > 3;
      const found = words(passage.title).map(flat);
      passage.terms = new Set(found.flatMap((word) => forms.get(word) ?? []));
      passage.length = found.filter((word) => forms.has(word)).length;
      for (const term of passage.terms) (term.titles ??= []).push(i);
    });
    const mean = passages.reduce((sum, passage) => sum + passage.size, 0) / passages.length;
    api.index = {
      forms, roots, parts, names, passages, mean, empty: new Set(data.vides.split(" ")),
      english: new Map(Object.entries(data.anglais)), sorted: [...forms.keys()].sort(),
    };
  };
  api.lexique = { flat, words, stem, places, ELISION };
})();

