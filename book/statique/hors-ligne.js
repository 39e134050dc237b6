// Garde le livre entier dans le navigateur, pour le lire hors ligne. Une version à la fois : elle est
// gardée tout entière ou pas du tout, et chaque onglet est servi par celle d'où vient sa page.
// La construction pose ici la version et la liste des fichiers (book/_ext/hors_ligne.py).
const VERSION = "{{version}}";
const FILES = {{fichiers}};

const { scope } = self.registration;
// Une origine porte parfois plusieurs livres : chacun a ses réserves.
const PREFIX = `livre ${scope} `, TABS = `onglets ${scope}`, STORE = PREFIX + VERSION;
const address = (path) => new URL(path, scope).href;
const key = ([path, digest]) => `${address(path)}?${encodeURIComponent(digest)}`;
const plain = (url) => { const { origin, pathname } = new URL(url); return origin + pathname.replace(/\/$/, "/index.html"); };
const kept = (version, url) => caches.match(plain(url), { cacheName: PREFIX + version, ignoreSearch: true, ignoreVary: true });
// Sans « no-cache », un onglet garderait en mémoire, d'une page à la suivante, un fichier de l'ancienne version.
const stored = ({ body, headers }) => new Response(body, { headers: { "Content-Type": headers.get("Content-Type") ?? "", "Cache-Control": "no-cache" } });
const sound = (answer) => answer.status === 200 && answer.type === "basic" && !answer.redirected;

// ---------- une nouvelle version : ce qui n'a pas changé se reprend, le reste se télécharge et se vérifie

// « reload » : un hébergeur qui date d'un même jour deux versions dit à tort que rien n'a changé.
const ask = ([path, integrity], cache) => fetch(address(path), { integrity, cache, redirect: "error", priority: "low" });

const install = async () => {
  const store = await caches.open(STORE), rest = [...FILES];
  const take = async (file) => {
    let answer = await caches.match(key(file));
    if (!answer) {
      const found = await ask(file, "no-cache").catch(() => ask(file, "reload"));
      if (!sound(found)) throw new Error(`${file[0]} : ${found.status}`);
      answer = stored(found);
    }
    await store.put(key(file), answer);
  };
  // Trois à la fois ; au premier échec tout s'arrête, et l'ancienne version reste.
  await Promise.all([1, 2, 3].map(async () => {
    try {
      while (rest.length) await take(rest.shift());
    } catch (error) {
      rest.length = 0;
      throw error;
    }
  }));
  const found = new Set((await (await caches.open(STORE)).keys()).map((request) => request.url));
  if (!FILES.every((file) => found.has(key(file)))) throw new Error("la réserve est incomplète");
  await self.skipWaiting();
};

// ---------- qui lit quelle version ; le navigateur peut arrêter ce script entre deux pages

const memory = new Map();
const note = (id) => `${scope}?onglet=${id}`;
const versionOf = async (id) => memory.get(id) ?? (await caches.match(note(id), { cacheName: TABS }))?.text();
const remember = async (id, version) => {
  memory.set(id, version);
  try {
    await (await caches.open(TABS)).put(note(id), new Response(version));
  } catch { /* plus de place : la mémoire suffira, tant que ce script vit */ }
};
// Efface les versions que plus aucun onglet ne lit : toutes, ou celles des onglets qu'on vient de fermer.
// Un onglet de notre version reste noté : le bouton « Précédent » peut le rouvrir sans nous le dire.
const sweep = async (all) => {
  const tabs = await caches.open(TABS), used = new Set([STORE]), left = new Set();
  const notes = await tabs.keys(), recent = new Set(notes.slice(-50));
  for (const request of notes) {
    const id = new URL(request.url).searchParams.get("onglet"), version = await versionOf(id), name = PREFIX + version;
    if (await self.clients.get(id)) used.add(name);
    else if (version !== VERSION || !recent.has(request)) {
      left.add(name);
      memory.delete(id);
      await tabs.delete(request);
    }
  }
  if (!all && (self.registration.installing || self.registration.waiting)) return;
  for (const name of await caches.keys()) {
    if (name.startsWith(PREFIX) && !used.has(name) && (all || left.has(name))) await caches.delete(name);
  }
};

// ---------- ce que demandent les pages

const navigate = async (event) => {
  const { request, resultingClientId } = event, page = await kept(VERSION, request.url);
  const notebook = request.url.startsWith(address("notebooks/"));
  if (page && !notebook) {
    await remember(resultingClientId, VERSION);
    event.waitUntil(sweep(false));
    return page;
  }
  try {
    const answer = await fetch(request);
    if (notebook && sound(answer)) {
      const copy = stored(answer.clone());
      event.waitUntil(caches.open(STORE).then((store) => store.put(plain(request.url), copy)).catch(() => {}));
    }
    return answer;
  } catch {
    if (page) return page;
    await remember(resultingClientId, VERSION);
    const text = await (await kept(VERSION, address("hors-ligne.html"))).text();
    const body = text.replace('<base href="./">', `<base href="${scope}">`);
    return new Response(body, { status: 503, headers: { "Content-Type": "text/html; charset=utf-8" } });
  }
};
// Une page venue du réseau (la première visite, une page qu'on n'a pas) y prend aussi ce qu'elle demande.
const serve = async ({ request, clientId }) => {
  const version = clientId && await versionOf(clientId);
  return (version && await kept(version, request.url)) || fetch(request);
};

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(sweep(true)));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || request.headers.has("Range") || !request.url.startsWith(scope)) return;
  event.respondWith(request.mode === "navigate" ? navigate(event) : serve(event));
});
