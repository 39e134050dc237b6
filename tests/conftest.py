"""Ce que les tests partagent : le livre construit, un navigateur, le vérificateur de français.

Navigateur, Grammalecte et bubblewrap s'installent d'eux-mêmes quand c'est possible. Sinon, les
tests qui en ont besoin le disent bien haut et sont passés ; avec CI=true, c'est un échec.
"""

import contextlib
import functools
import hashlib
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from filelock import FileLock

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "book" / "_ext")]

from outils import navigateur, polices  # noqa: E402

SECTIONS = [
    "sequence",
    "text-sequence",
    "language-model",
    "rnn",
    "rnn-scratch",
    "rnn-concise",
    "bptt",
]
ANNEXES = [
    "figures",
    "resultats",
    "glossaire",
    "notations",
    "reference-api",
    "d2l-et-nous",
    "banc-d-essai",
    "references",
    "accessibilite",
    "a-propos",
]
GUIDE = ["enseigner", "difficultes", "devoirs", "classe", "edition"]
PAGES = ["index", *SECTIONS, *GUIDE, *ANNEXES]
# Les figures vivantes de chaque section (d2l_fr/widgets).
FIGURES = {
    "sequence": ["horizon"],
    "text-sequence": ["jetons"],
    "language-model": ["perplexite", "compteur"],
    "rnn": ["pas_a_pas"],
    "rnn-scratch": ["falaise", "ecrivain"],
    "rnn-concise": ["fenetres"],
    "bptt": ["memoire", "loupe"],
}

_missing = []


def _give_up(what, how):
    _missing.append(f"{what} manque : {how}")
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} manque et n'a pas pu être installé : {how}", pytrace=False)
    pytest.skip(f"{what} manque : {how}")


def pytest_terminal_summary(terminalreporter):
    for line in dict.fromkeys(_missing):
        terminalreporter.section("DES TESTS N'ONT PAS ÉTÉ FAITS", red=True, bold=True)
        terminalreporter.write_line(line, red=True)


def _apt(*packages):
    """Installe des paquets Debian si l'on est root sur une Debian ; rend vrai si c'est fait."""
    if not shutil.which("apt-get") or not hasattr(os, "geteuid") or os.geteuid() != 0:
        return False
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    # Un seul processus à la fois ; le second trouve le paquet installé.
    with FileLock(Path(tempfile.gettempdir()) / "d2l-fr-apt.verrou"):
        for step in (["apt-get", "update"], command):
            if subprocess.run(step, env=environment, capture_output=True).returncode:
                return False
    return True


def with_its_fonts(context, site):
    """Fait attendre ses polices à la page : ce qu'on mesure ne dépend pas de la charge."""
    css = polices.awaited((site / "_static" / "livre.css").read_text("utf-8"))
    context.route(
        re.compile(r"_static/livre\.css"),
        lambda route: route.fulfill(body=css, content_type="text/css; charset=utf-8"),
    )


def shown(figure):
    """Ce qu'une figure vivante montre en ce moment."""
    return figure.evaluate(
        """(node) => {
          node.d2l.flush();
          return node.d2l.stage.innerHTML + node.d2l.status.innerHTML;
        }"""
    )


def move_a_control(tab, figure):
    """Bouge au clavier les réglages d'une figure, l'un après l'autre ; vrai dès qu'elle change."""
    before = shown(figure)
    controls = figure.locator("input, textarea, .d2l-handle, .d2l-stage button")
    for i in range(controls.count()):
        control = controls.nth(i)
        if not control.is_visible():
            continue
        control.focus()
        kind = control.get_attribute("type")
        keys = (
            ["a"]
            if kind == "text"
            else ["Space"]
            if kind == "checkbox"
            else ["ArrowRight", "ArrowLeft"]
        )
        for key in keys:
            tab.keyboard.press(key)
            if shown(figure) != before:
                return True
    return False


def _hashes(folder, pattern):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.glob(pattern)}


# À plusieurs processus, chacun prend un fichier à la fois (une préparation partagée ne se fait
# qu'une fois) ; les plus longs partent les premiers.
FIRST = [
    "test_devoirs", "test_jupyterhub", "test_notebooks", "test_site", "test_copies_hostiles",
    "test_acces", "test_papier", "test_diapos", "test_jupyterlab", "test_exercises",
    "test_vivantes", "test_recherche",
]  # fmt: skip


def pytest_configure(config):
    """Avec plusieurs processus (« -n 2 »), ce qui ne doit être fait qu'une fois, et avant eux."""
    if os.environ.get("PYTEST_XDIST_WORKER"):
        # Deux calculs à deux fils chacun sur deux cœurs s'attendraient l'un l'autre.
        os.environ["OMP_NUM_THREADS"] = "1"
    elif getattr(config.option, "numprocesses", None):
        os.environ["D2L_FR_CAHIERS"] = json.dumps(_hashes(ROOT / "notebooks", "*.ipynb"))
        if config.args_source is config.ArgsSource.TESTPATHS and not config.option.collectonly:
            print("Le livre se construit d'abord, seul sur la machine…", flush=True)
            construct("livre")


def pytest_collection_modifyitems(items):
    """Met en tête les fichiers les plus longs."""
    rank = {name: place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(rank)))


@pytest.fixture(scope="session")
def committed_notebooks():
    """Les empreintes de notebooks/ avant toute construction."""
    if before := os.environ.get("D2L_FR_CAHIERS"):
        return json.loads(before)
    return _hashes(ROOT / "notebooks", "*.ipynb")


def construct(command):
    """Lance ``python -m outils``, qui doit réussir ; rend le dossier des constructions."""
    environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    run = subprocess.run(
        [sys.executable, "-m", "outils", command],
        cwd=ROOT, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    return ROOT / "_build"


@pytest.fixture(scope="session")
def site(committed_notebooks):
    """Le dossier du site, construit (ou remis à jour) une fois pour tous les tests."""
    return construct("livre") / "html"


@pytest.fixture(scope="session")
def served(site):
    """L'adresse du site, servi en local."""
    handler = functools.partial(_QuietHandler, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="session")
def browser():
    """Chromium : celui de Debian qui n'a pas de fenêtre, sinon du système, sinon de Playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        if not shutil.which(navigateur.BARE):
            _apt(navigateur.BARE)
        path = navigateur.find(playwright)
        if path is None:
            install = [sys.executable, "-m", "playwright", "install", "chromium"]
            with contextlib.suppress(subprocess.TimeoutExpired):
                subprocess.run(install, capture_output=True, timeout=300)
            path = navigateur.find(playwright)
        if path is None and _apt("chromium"):  # une Debian qui n'a pas l'autre
            path = navigateur.find(playwright)
        if path is None:
            _give_up("Chromium", "lancez « python -m playwright install chromium »")
        chromium = playwright.chromium.launch(executable_path=path, args=navigateur.FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def bubblewrap():
    """De quoi enfermer le code des copies."""
    from d2l_fr.assignments.sandbox import IsolationError, check_isolation

    for last in (False, True):
        try:
            return check_isolation()
        except IsolationError as error:
            if last or not _apt("bubblewrap"):
                _give_up("bubblewrap", str(error))


@pytest.fixture(scope="session")
def grammalecte():
    """L'interpréteur qui sait importer Grammalecte (celui de Debian)."""

    def works():
        command = ["/usr/bin/python3", "-c", "import grammalecte"]
        try:
            return subprocess.run(command, capture_output=True).returncode == 0
        except OSError:
            return False

    if not works():
        _apt("python3-grammalecte")
    if not works():
        _give_up("Grammalecte", "installez le paquet Debian python3-grammalecte")
    return "/usr/bin/python3"
