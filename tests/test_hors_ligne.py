"""Le livre hors ligne : gardé par le navigateur après une visite, ou en archive, sans serveur."""

import errno
import functools
import http.server
import json
import os
import re
import shutil
import threading
import zipfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from PIL import Image

import habillage
import hors_ligne
from conftest import FIGURES, PAGES, _QuietHandler, move_a_control
from outils import __main__ as command
from outils import archive, chantier

READY = "p.hors-ligne:not([hidden])"
STYLED = "getComputedStyle(document.querySelector('.entete')).position"
SINGLE = "caches.keys().then((all) => all.filter((n) => n.startsWith('livre ')).length === 1)"
SAVER = "Object.defineProperty(navigator, 'connection', { value: { saveData: true } });"
CONTROLLED = "navigator.serviceWorker.controller?.state === 'activated'"


class Server:
    """Un serveur que l'on arrête et relance ; ``hurt`` dit les fichiers qu'il refuse ou tronque."""

    def __init__(self, folder):
        self.folder, self.port, self.hurt, self.asked = folder, 0, {}, []

    def start(self):
        handler = functools.partial(_Handler, directory=str(self.folder))
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self.http.owner, self.port = self, self.http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def stop(self):
        self.http.shutdown()
        self.http.server_close()


class _Handler(_QuietHandler):
    def end_headers(self):
        self.send_header("Cache-Control", "max-age=600")  # ce que dit l'hébergeur le plus courant
        super().end_headers()

    def do_GET(self):
        owner, name = self.server.owner, urlsplit(self.path).path.lstrip("/")
        owner.asked.append(name)
        hurt = owner.hurt.get(name)
        if hurt is None:
            return super().do_GET()
        if hurt == 404:
            return self.send_error(404)
        data = (owner.folder / name).read_bytes()[:hurt]
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(name))
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def serve():
    servers = []

    def start(folder):
        servers.append(Server(folder))
        servers[-1].start()
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def reader(browser):
    """Un lecteur : son navigateur, un onglet, et ce qui s'y passe mal."""
    contexts = []

    def come(**options):
        context = browser.new_context(locale="fr-FR", reduced_motion="reduce", **options)
        contexts.append(context)
        return new_tab(context)

    yield come
    for context in contexts:
        context.close()


def new_tab(context):
    tab = context.new_page()
    tab.problems, tab.asked = [], []
    tab.on("console", lambda m: m.type in ("error", "warning") and tab.problems.append(m.text))
    tab.on("pageerror", lambda e: tab.problems.append(str(e)))
    tab.on("request", lambda r: tab.asked.append(r.url))
    return tab


def wait(tab, condition):
    """Attend qu'une expression soit vraie ; la politique interdit ``wait_for_function``."""
    for _ in range(300):
        if tab.evaluate(condition):
            return
        tab.wait_for_timeout(50)
    pytest.fail(f"en vain : {condition}")


def visit(tab, url):
    """Une première visite, jusqu'à ce que le livre entier soit gardé."""
    tab.goto(url)
    tab.wait_for_selector(READY, state="attached")


def move_figure(tab, name):
    box = tab.locator(f'.figure-vivante[data-figure="{name}"]')
    box.scroll_into_view_if_needed()
    tab.wait_for_selector(f'.figure-vivante.prete[data-figure="{name}"]')
    assert move_a_control(tab, box.locator(".d2l-fig")), name


def search(tab, query):
    tab.keyboard.press("Control+k")
    tab.fill("#recherche-champ", query)
    tab.wait_for_selector(".recherche-liste mark")


def stores(tab):
    """Les versions gardées, par nom court, avec leur nombre de fichiers."""
    return tab.evaluate(
        """async () => {
          const found = {};
          for (const name of await caches.keys()) {
            if (name.startsWith("livre ")) {
              found[name.split(" ").pop()] = (await (await caches.open(name)).keys()).length;
            }
          }
          return found;
        }"""
    )


# ---------- la liste, le manifeste


def test_the_list_names_every_file_a_page_may_ask_for(site):
    found = dict(hors_ligne.listing(site))
    assert {f"{page}.html" for page in [*PAGES, "search", "404", "hors-ligne"]} <= set(found)
    for page in site.glob("*.html"):
        for name in re.findall(r'(?:src|href)="((?:_static|_images)/[^"?#]+)', page.read_text()):
            assert name in found, f"{page.name} : {name}"
    assert {f"_static/figures/{n}.js" for names in FIGURES.values() for n in names} <= set(found)
    assert not any(name.startswith("notebooks/") or "/." in f"/{name}" for name in found)
    text = (site / "hors-ligne.js").read_text("utf-8")
    assert json.loads(re.search(r"const FILES = (.*);", text)[1]) == [
        list(r) for r in found.items()
    ]
    assert "{{" not in text


def test_the_version_follows_the_content(site, tmp_path):
    copy = tmp_path / "site"
    shutil.copytree(site, copy)
    first = hors_ligne.write_worker(copy)
    assert first == hors_ligne.write_worker(copy) == hors_ligne.version(site)
    assert (copy / "hors-ligne.js").read_bytes() == (site / "hors-ligne.js").read_bytes()
    with (copy / "rnn.html").open("a") as page:
        page.write("<!-- -->")
    assert hors_ligne.write_worker(copy) != first


def test_the_manifest_names_icons_that_exist(site):
    found = json.loads((site / "manifest.webmanifest").read_text("utf-8"))
    assert (found["lang"], found["start_url"], found["name"]) == (
        "fr", "./index.html", "Réseaux récurrents",
    )  # fmt: skip
    assert len(found["short_name"]) <= 12
    for entry in found["icons"]:
        path = site / entry["src"]
        assert habillage.SERVED.fullmatch(path.relative_to(site / "_static").as_posix())
        if path.suffix == ".png":
            with Image.open(path) as image:
                assert "{}x{}".format(*image.size) == entry["sizes"]
        assert path.is_file()
    page = (site / "index.html").read_text("utf-8")
    assert page.count('name="theme-color"') == 2
    assert 'data-hors="1"' in page


# ---------- le livre gardé par le navigateur


def test_the_whole_book_is_read_once_the_server_is_gone(site, serve, reader):
    server, tab = serve(site), reader()
    visit(tab, f"{server.url}index.html")
    assert stores(tab) == {hors_ligne.version(site): len(hors_ligne.listing(site))}
    assert not [name for name in server.asked if name.endswith(".ipynb")]
    assert tab.locator(READY).text_content() == "Lisible hors ligne"
    tab.locator("button.oublier").evaluate("(button) => button.click()")
    assert tab.locator(READY).text_content() == "Lisible hors ligne"
    server.stop()
    tab.reload()
    assert tab.evaluate(CONTROLLED)
    assert tab.title() == "Réseaux récurrents"
    files = [name for name, _ in hors_ligne.listing(site)]
    kept = "(names) => Promise.all(names.map((name) => fetch(name).then((r) => r.status)))"
    assert set(tab.evaluate(kept, files)) == {200}
    for page in ("rnn", "glossaire", "bptt"):
        tab.goto(f"{server.url}{page}.html")
        assert tab.evaluate(STYLED) == "sticky", f"{page} n'a pas son style"
        assert tab.evaluate("[...document.images].every((i) => i.complete && i.naturalWidth)"), page
    move_figure(tab, "loupe")
    search(tab, "perplexité")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/*.html#*")
    tab.goto(f"{server.url}search.html?q=gradient")
    tab.wait_for_selector(".recherche-liste li")
    tab.goto(server.url)  # l'adresse du site est celle de l'accueil
    assert tab.title() == "Réseaux récurrents"
    assert tab.problems == []
    # Ce qui n'est pas gardé se dit en français, à toute profondeur, avec la liste de ce qui l'est.
    tab.goto(f"{server.url}un/dossier/inconnu.html")
    assert tab.locator("h1").inner_text() == "Cette page demande le réseau"
    links = [urlsplit(a.evaluate("(a) => a.href")).path for a in tab.locator("li a").all()]
    assert links == [f"/{page}.html" for page in [PAGES[0], *links_of(site)]]
    tab.locator("li a", has_text="Notations").click()
    assert tab.locator("h1").inner_text().startswith("Notations")
    server.start()


def links_of(site):
    """Les pages du menu, dans l'ordre."""
    menu = (site / "index.html").read_text("utf-8").split('id="menu-1"')[1].split("</nav>")[0]
    return re.findall(r'<li><a href="([\w-]+)\.html"', menu)


def test_a_notebook_is_kept_on_demand_and_a_missing_page_never(site, serve, reader):
    server, tab = serve(site), reader()
    visit(tab, f"{server.url}index.html")
    tab.reload()
    count = sum(stores(tab).values())
    assert tab.goto(f"{server.url}inconnue.html").status == 404
    tab.goto(f"{server.url}rnn.html")
    fetched = "(name) => fetch(name).then((r) => r.status, () => 0)"
    assert tab.evaluate(fetched, "_static/inconnu.js") == 404
    assert sum(stores(tab).values()) == count
    with tab.expect_download() as download:
        tab.locator('a[href="notebooks/rnn.ipynb"]').evaluate("(a) => a.click()")
    assert Path(download.value.path()).read_bytes() == (site / "notebooks/rnn.ipynb").read_bytes()
    kept = """async () => {
      const found = await caches.match(new URL("notebooks/rnn.ipynb", location.href));
      return found?.ok;
    }"""
    wait(tab, kept)
    server.stop()
    with tab.expect_download() as download:
        tab.locator('a[href="notebooks/rnn.ipynb"]').evaluate("(a) => a.click()")
    assert Path(download.value.path()).stat().st_size
    server.start()


# ---------- d'une version à l'autre


@pytest.fixture
def copy(site, tmp_path):
    """Une copie du site, réduite à quelques pages : ce qu'elle devient ne regarde qu'un test."""
    folder, pages = tmp_path / "site", {"index", "sequence", "rnn", "search", "hors-ligne"}

    def useless(where, names):
        return [
            name
            for name in names
            if (name.endswith(".html") and name[:-5] not in pages)
            or (name.startswith("etat-") and "horizon" not in name)
            or name == "notebooks"
        ]

    shutil.copytree(site, folder, ignore=useless)
    return folder


def publish(copy, mark):
    """Une autre version du livre : toutes les pages, la feuille de style et une figure changent."""
    for path in copy.glob("*.html"):
        text = re.sub(
            r"(<article[^>]*>)(<i>\w+</i>)?", rf"\1<i>{mark}</i>", path.read_text("utf-8")
        )
        path.write_text(text, "utf-8")
    for name, text in (
        ("livre.css", f"\nhtml {{ --marque: {mark}; }}\n"),
        ("figures/horizon.js", f'\nwindow.marque = "{mark}";\n'),
        ("recherche.js", f'\nwindow.trouve = "{mark}";\n'),
    ):
        with (copy / "_static" / name).open("a") as file:
            file.write(text)
    # Le pire cas : un hébergeur qui date tout de même, ou deux versions dans la même seconde ; le
    # navigateur, qui demande « depuis cette date ? », s'entend répondre que rien n'a changé.
    worker = copy / "hors-ligne.js"
    before = worker.stat().st_mtime
    for path in copy.rglob("*.*"):
        os.utime(path, (0, 0))
    version = hors_ligne.write_worker(copy)
    os.utime(worker, (before + 1, before + 1))
    return version


SEEN = """() => [
  document.querySelector('article i')?.textContent,
  getComputedStyle(document.documentElement).getPropertyValue('--marque'),
]"""


def update(tab):
    """Ce que fait le navigateur de lui-même à chaque page : demander si le livre a changé."""
    return tab.evaluate(
        """async () => {
          const found = await navigator.serviceWorker.ready;
          await found.update().catch(() => {});
          const next = found.installing;
          if (next) await new Promise((done) => next.addEventListener("statechange",
            () => ["activated", "redundant"].includes(next.state) && done()));
          return next?.state;
        }"""
    )


def test_a_new_version_comes_whole_at_the_next_page(copy, serve, reader):
    first = publish(copy, "un")
    server, tab = serve(copy), reader()
    visit(tab, f"{server.url}index.html")
    tab.goto(f"{server.url}sequence.html")
    assert tab.evaluate(SEEN) == ["un", "un"]
    server.asked.clear()
    second = publish(copy, "deux")
    assert update(tab) == "activated"
    changed = {name for name in server.asked if name.startswith("_static/")}
    assert changed == {"_static/livre.css", "_static/figures/horizon.js", "_static/recherche.js"}
    # La page ouverte reste de sa version, jusque dans ce qu'elle ne demande que maintenant.
    assert set(stores(tab)) == {first, second}
    move_figure(tab, "horizon")
    search(tab, "gradient")
    assert tab.evaluate("[window.marque, window.trouve]") == ["un", "un"]
    assert tab.evaluate(SEEN) == ["un", "un"]
    other = new_tab(tab.context)
    other.goto(f"{server.url}rnn.html")
    assert other.evaluate(SEEN) == ["deux", "deux"]
    assert set(stores(other)) == {first, second}
    # Sans rechargement forcé : la page suivante est de la nouvelle, et l'ancienne s'en va.
    tab.goto(f"{server.url}sequence.html")
    assert tab.evaluate(SEEN) == ["deux", "deux"]
    move_figure(tab, "horizon")
    assert tab.evaluate("window.marque").endswith("deux")
    other.goto(f"{server.url}index.html")
    wait(other, SINGLE)
    assert set(stores(tab)) == {second}
    server.stop()
    tab.reload()
    assert tab.evaluate(SEEN) == ["deux", "deux"]
    assert tab.problems + other.problems == []
    server.start()


def test_a_broken_update_leaves_the_old_version_whole(copy, serve, reader):
    first = publish(copy, "un")
    server, tab = serve(copy), reader()
    visit(tab, f"{server.url}index.html")
    tab.goto(f"{server.url}rnn.html")
    second = publish(copy, "deux")
    for hurt in (404, 100):  # absent, puis tronqué
        server.hurt = {"sequence.html": hurt}
        assert update(tab) == "redundant"
    server.stop()
    for page in ("rnn", "index"):
        tab.goto(f"{server.url}{page}.html")
        assert tab.evaluate(SEEN) == ["un", "un"]
    tab.goto(f"{server.url}sequence.html")
    move_figure(tab, "horizon")
    search(tab, "gradient")
    assert tab.evaluate("[window.marque, window.trouve]") == ["un", "un"]
    assert stores(tab)[first] == len(hors_ligne.listing(copy))
    assert tab.problems == []
    # Réparée, la mise à jour reprend où elle en était.
    server.start()
    server.hurt = {}
    server.asked.clear()
    assert update(tab) == "activated"
    assert "_static/police-formules.css" not in server.asked
    for _ in range(2):
        tab.reload()
        assert tab.evaluate(SEEN) == ["deux", "deux"]
    wait(tab, SINGLE)
    assert set(stores(tab)) == {second}


def test_a_first_page_is_never_given_the_files_of_another_version(copy, serve, reader):
    publish(copy, "un")
    server, tab = serve(copy), reader()
    tab.add_init_script(SAVER)
    tab.goto(f"{server.url}rnn.html")
    publish(copy, "deux")
    tab.evaluate("navigator.serviceWorker.register('hors-ligne.js').then(() => 0)")
    tab.wait_for_selector(READY, state="attached")
    assert not tab.evaluate("!!navigator.serviceWorker.controller")
    assert tab.evaluate(SEEN) == ["un", "un"]
    server.stop()
    tab.goto(f"{server.url}rnn.html")
    assert tab.evaluate(SEEN) == ["deux", "deux"]
    server.start()


def test_a_full_storage_is_survived(site, serve, reader):
    server, tab = serve(site), reader()
    tab.goto("about:blank")
    session = tab.context.new_cdp_session(tab)
    origin = server.url.rstrip("/")
    session.send("Storage.overrideQuotaForOrigin", {"origin": origin, "quotaSize": 1_000_000})
    tab.goto(f"{server.url}index.html")
    tab.evaluate(
        """async () => {
          const found = await navigator.serviceWorker.register("hors-ligne.js");
          const next = found.installing;
          if (next) await new Promise((done) => next.addEventListener("statechange",
            () => next.state === "redundant" && done()));
        }"""
    )
    assert not tab.locator(READY).count()
    tab.goto(f"{server.url}sequence.html")
    move_figure(tab, "horizon")
    assert tab.problems == []


def test_a_reader_who_saves_data_downloads_nothing_more(site, serve, reader):
    server, tab = serve(site), reader()
    tab.add_init_script(SAVER)
    tab.goto(f"{server.url}index.html", wait_until="networkidle")
    assert "hors-ligne.js" not in server.asked
    assert not tab.locator(READY).count()


# ---------- l'archive


@pytest.fixture(scope="module")
def packed(site):
    assert command.main(["archive"]) == 0
    return archive.ARCHIVE


@pytest.fixture(scope="module")
def unpacked(packed, tmp_path_factory):
    """L'archive extraite là où un lecteur la met."""
    folder = tmp_path_factory.mktemp("lecture") / "Téléchargements de l’été (1) #2"
    with zipfile.ZipFile(packed) as found:
        found.extractall(folder)
    return folder / archive.FOLDER


def test_the_archive_holds_the_site_the_notebooks_and_how_to_read_it(packed, site):
    with zipfile.ZipFile(packed) as found:
        entries = found.infolist()
        readme = found.read(f"{archive.FOLDER}/LISEZMOI.txt").decode()
    names = [entry.filename for entry in entries]
    assert names == sorted(names) and len(names) == len(set(names))
    for entry in entries:
        parts = entry.filename.split("/")
        assert parts[0] == archive.FOLDER and ".." not in parts and "\\" not in entry.filename
        assert entry.external_attr >> 16 == 0o100644, "un lien, ou des droits inattendus"
        assert entry.date_time == archive.DATE
    inner = {name.removeprefix(f"{archive.FOLDER}/") for name in names}
    assert {f"{page}.html" for page in [*PAGES, "search", "genindex"]} <= inner
    assert {f"notebooks/{path.name}" for path in (site / "notebooks").iterdir()} <= inner
    assert not {"hors-ligne.js", "hors-ligne.html", "manifest.webmanifest", "404.html"} & inner
    assert "index.html" in readme and "sans réseau" in readme and "{" not in readme


def test_the_archive_is_the_same_twice_and_left_alone_when_up_to_date(
    packed, site, tmp_path, capsys
):
    for name in ("un.zip", "deux.zip"):
        archive.write(archive.contents(site, chantier.read_config()["title"]), tmp_path / name)
    assert (tmp_path / "un.zip").read_bytes() == (tmp_path / "deux.zip").read_bytes()
    assert (tmp_path / "un.zip").read_bytes() == packed.read_bytes()
    before = packed.stat().st_mtime_ns
    assert command.main(["archive"]) == 0
    said = capsys.readouterr().out
    assert "à jour" in said and archive.size(packed) in said and "Mo" in said
    assert packed.stat().st_mtime_ns == before


def test_a_full_disk_leaves_the_old_archive(tmp_path, monkeypatch, capsys):
    target = tmp_path / "livre.zip"
    target.write_text("ancienne")

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device", str(target))

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    monkeypatch.setattr(
        archive, "archive", lambda: archive.write([("index.html", b"nouvelle")], target)
    )
    assert command.main(["archive"]) == 1
    assert "le disque est plein" in capsys.readouterr().err
    assert target.read_text() == "ancienne"
    assert list(tmp_path.iterdir()) == [target]


def test_the_pages_from_disk_have_a_tighter_policy_or_the_archive_is_refused(site, unpacked):
    page = (site / "rnn.html").read_text("utf-8")
    policies = [
        archive.POLICY.search(text)[1] for text in (page, (unpacked / "rnn.html").read_text())
    ]
    rules = [set(policy.split("; ")) for policy in policies]
    assert rules[1] < rules[0]
    assert {rule.split()[0] for rule in rules[0] - rules[1]} == set(archive.NEEDLESS)
    for part in ("http-equiv", "worker-src", "default-src", *archive.MARKS):
        with pytest.raises(chantier.BuildError, match=r"rnn\.html"):
            archive.from_disk(page.replace(part, "x"), "rnn.html")


@pytest.fixture
def from_disk(reader, unpacked):
    tab = reader(offline=True)
    yield lambda page: tab.goto((unpacked / f"{page}.html").as_uri()) and tab
    assert tab.problems == []
    folder = unpacked.as_uri() + "/"
    assert [url for url in tab.asked if not url.startswith((folder, "data:"))] == []


def test_every_page_of_the_archive_opens_from_disk(from_disk):
    for page in [*PAGES, "search", "genindex"]:
        tab = from_disk(page)
        assert tab.evaluate("document.fonts.ready.then(() => document.fonts.size)"), page
        assert tab.evaluate("[...document.images].every((i) => i.complete && i.naturalWidth)"), page
        for name in FIGURES.get(page, ()):
            move_figure(tab, name)
    assert not tab.locator(READY).count()


def test_search_colours_definitions_and_copies_work_from_disk(from_disk):
    tab = from_disk("rnn")
    tab.evaluate("document.querySelector('.reglages').open = true")
    tab.locator('input[value="sepia"]').check()
    assert tab.locator("html").get_attribute("data-theme") == "sepia"
    assert from_disk("bptt").locator("html").get_attribute("data-theme") == "sepia"
    tab.locator('article a[href*="glossaire.html#term-"]').first.focus()
    tab.keyboard.press("Shift+Tab")
    tab.keyboard.press("Tab")
    tab.wait_for_selector(".definition:not([hidden])")
    tab.locator("button.copier").first.click()
    wait(tab, "document.querySelector('.copier').textContent !== 'Copier'")
    search(tab, "perplexité")
    tab.keyboard.press("Enter")
    tab.wait_for_url(lambda url: "#" in url and "bptt" not in url)
    assert tab.locator("h1").count()
    from_disk("search")
    tab.fill("#q", "gradient")
    tab.keyboard.press("Enter")
    tab.locator(".recherche-liste li a").first.click()
    tab.wait_for_url(lambda url: "search.html" not in url)


def test_the_site_opened_from_disk_registers_nothing(reader, site):
    tab = reader()
    tab.goto((site / "index.html").as_uri(), wait_until="networkidle")
    assert not tab.locator(READY).count()
    assert not tab.locator("link[rel=manifest]").count()
    assert not [url for url in tab.asked if "hors-ligne" in unquote(url) or url[:4] == "http"]
    assert tab.problems == []
