"""Les figures telles que Colab les charge : anywidget pris sur un CDN, par un gestionnaire AMD.

Le gestionnaire de widgets de référence (html-manager) joue le rôle de celui de Colab : tous deux
demandent au CDN le module ``anywidget@<version>/dist/index.js``, que le test fournit.
"""

import functools
import html
import http.server
import json
import re
import sys
import tarfile
import threading
from pathlib import Path

import anywidget
import pytest

from conftest import FIGURES, move_a_control
from d2l_fr.widgets import bundle
from outils import npm

PACKAGES = {"@jupyter-widgets/html-manager": "1.0.15", "requirejs": "2.3.8"}
NAMES = [name for names in FIGURES.values() for name in names]


@pytest.fixture(scope="module")
def manager(tmp_path_factory):
    """Le dossier où npm a déposé html-manager et requirejs."""
    folder = tmp_path_factory.mktemp("colab")
    for name, version in PACKAGES.items():
        run = npm.run(folder, "pack", "--silent", f"{name}@{version}")
        assert run.returncode == 0, run.stderr
        archive = folder / run.stdout.split()[-1]
        with tarfile.open(archive) as tar:
            tar.extractall(folder / name.rpartition("/")[2], filter="data")
    return folder


def full_state(site, name):
    """L'état d'une figure du site, avec ce que Colab attend d'un widget."""
    folder = site / "_static" / "figures"
    path = next(folder.glob(f"etat-{name}-*.js"))
    text = re.fullmatch(r"d2lFigures\.state\(\S+, (.*)\);\n", path.read_text("utf-8"), re.S)[1]
    state = json.loads(text)
    version = f"~{'.'.join(anywidget.__version__.split('.')[:2])}.*"
    state["state"] |= {
        "_esm": bundle.module(name), "_css": bundle.stylesheet(), "_anywidget_id": name,
        "_model_module": "anywidget", "_model_module_version": version, "_model_name": "AnyModel",
        "_view_module": "anywidget", "_view_module_version": version, "_view_name": "AnyView",
    }  # fmt: skip
    buffers = [{**b, "encoding": "base64"} for b in state["buffers"]]
    return {
        "model_name": "AnyModel", "model_module": "anywidget", "model_module_version": version,
        "state": state["state"], "buffers": buffers,
    }  # fmt: skip


@pytest.fixture(scope="module")
def colab(manager, site):
    """L'adresse d'un serveur qui montre chaque figure dans une page à la manière de Colab."""
    for name in NAMES:
        states = {"version_major": 2, "version_minor": 0, "state": {"m": full_state(site, name)}}
        view = {"version_major": 2, "version_minor": 0, "model_id": "m"}
        page = (
            '<!doctype html><html lang="fr" theme="dark"><meta charset="utf-8">'
            f"<title>{html.escape(name)}</title><body>"
            '<script src="requirejs/package/require.js"></script>'
            '<script src="html-manager/package/dist/embed-amd.js"></script>'
            '<script type="application/vnd.jupyter.widget-state+json">'
            + json.dumps(states).replace("</", "<\\/")
            + '</script><script type="application/vnd.jupyter.widget-view+json">'
            + json.dumps(view)
            + "</script></body></html>"
        )
        (manager / f"{name}.html").write_text(page, "utf-8")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    handler = functools.partial(Quiet, directory=str(manager))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


@pytest.mark.parametrize("name", NAMES)
def test_the_figure_lives_as_on_colab(browser, colab, name):
    front = Path(sys.prefix) / "share/jupyter/nbextensions/anywidget/index.js"
    context = browser.new_context(viewport={"width": 900, "height": 900}, locale="fr-FR")
    tab = context.new_page()
    asked, problems = [], []
    tab.on("pageerror", lambda error: problems.append(str(error)))

    def cdn(route):
        asked.append(route.request.url)
        route.fulfill(path=front, content_type="text/javascript")

    tab.route(re.compile(r"/anywidget@[^/]+/dist/index(\.js)?$"), cdn)
    tab.goto(f"{colab}{name}.html")
    figure = tab.locator(".d2l-fig")
    figure.wait_for(timeout=20_000)
    assert len(asked) == 1
    assert move_a_control(tab, figure), "aucun réglage ne change la figure"
    # Le mode sombre de Colab : le fond de la figure suit.
    background = figure.evaluate("(node) => getComputedStyle(node).backgroundColor")
    assert background == "rgb(20, 24, 30)"
    assert problems == []
    context.close()
