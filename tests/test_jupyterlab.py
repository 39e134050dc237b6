"""Un vrai JupyterLab, en français : le notebook s'ouvre, se lit et s'exécute."""

import contextlib
import json
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from conftest import FIGURES, ROOT, SECTIONS, move_a_control
from outils import chantier

TOKEN = "essai"
# Au démarrage de chaque noyau. La construction du livre a déjà exécuté ces cellules en entier :
# ici, deux lots par époque suffisent à voir que tout s'exécute, et s'affiche, dans JupyterLab.
SHORT = """
def shorten():
    from d2l_fr import training

    whole = training._epoch_batches
    training._epoch_batches = lambda *arguments: whole(*arguments)[:2]


shorten()
del shorten
"""


@pytest.fixture(scope="module")
def lab(site, tmp_path_factory):
    """L'adresse d'un JupyterLab réglé comme par « make lab », sur une copie des notebooks."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = shutil.copytree(
        chantier.lab_environment()["JUPYTERLAB_SETTINGS_DIR"], folder / "settings"
    )
    # Toutes les cellules dans la page à la fois : le test lit tout le texte.
    tracker = Path(settings) / "@jupyterlab/notebook-extension/tracker.jupyterlab-settings"
    tracker.parent.mkdir()
    tracker.write_text('{"windowingMode": "none"}', "utf-8")
    startup = folder / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "epoques-courtes.py").write_text(SHORT, "utf-8")
    # Aucun réglage de la machine : le test doit voir le JupyterLab d'un nouveau venu.
    environment = chantier.lab_environment() | {
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTERLAB_SETTINGS_DIR": str(settings),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
    }
    command = [
        sys.executable, "-m", "jupyter", "lab", "--no-browser", "--ip=127.0.0.1", "--allow-root",
        f"--port={port}", f"--IdentityProvider.token={TOKEN}", "--LabApp.news_url=",
        f"--notebook-dir={folder / 'notebooks'}",
    ]  # fmt: skip
    with (folder / "journal").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        address = f"http://127.0.0.1:{port}"
        try:
            for _ in range(120):
                try:
                    urllib.request.urlopen(f"{address}/api?token={TOKEN}").close()
                    break
                except OSError:
                    time.sleep(0.5)
            else:
                pytest.fail((folder / "journal").read_text("utf-8"))
            yield address
        finally:
            process.terminate()
            process.wait(timeout=30)


@contextlib.contextmanager
def new_tab(browser, lab):
    """Un onglet ; quand on le ferme, les noyaux aussi, qui ralentiraient les notebooks suivants."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000}, locale="fr-FR")
    page = context.new_page()
    yield page
    for session in page.request.get(f"{lab}/api/sessions?token={TOKEN}").json():
        page.request.delete(f"{lab}/api/sessions/{session['id']}?token={TOKEN}")
    context.close()


@pytest.fixture
def tab(browser, lab):
    with new_tab(browser, lab) as page:
        yield page


@pytest.fixture(scope="module", params=SECTIONS)
def opened(request, browser, lab):
    """Un onglet où l'on vient d'ouvrir un notebook, et le nom de celui-ci."""
    with new_tab(browser, lab) as page:
        open_notebook(page, lab, request.param)
        yield page, request.param


def open_notebook(tab, lab, section):
    tab.goto(f"{lab}/lab/workspaces/essai/tree/{section}.ipynb?token={TOKEN}&reset")
    tab.wait_for_selector(".jp-Notebook .jp-MarkdownOutput h1", timeout=120_000)


def wait_for_kernel(tab):
    """Avant que le noyau ne réponde, JupyterLab passe les cellules sans les exécuter."""
    tab.get_by_text("Python 3 (ipykernel) | Inactif").wait_for(timeout=120_000)


def test_the_text_reads_well_in_jupyterlab(opened):
    tab, section = opened
    tab.wait_for_selector(".jp-MarkdownOutput mjx-container", timeout=60_000)
    seen = tab.locator(".jp-Notebook").inner_text()
    sizes = tab.evaluate(
        "[...document.querySelectorAll('.jp-MarkdownOutput img')].map((i) => i.naturalWidth)"
    )
    page = (ROOT / "book" / f"{section}.md").read_text("utf-8")
    assert len(sizes) == page.count("```{figure}")
    assert all(size > 500 for size in sizes)
    assert not re.search(r"\{(?:numref|ref|eq|cite|glue|doc)[:a-z]*\}|:::|\\tag|data:image", seen)
    assert "Solution" in seen


def test_the_notebook_runs_in_jupyterlab(opened):
    tab, section = opened
    wait_for_kernel(tab)
    assert tab.get_by_role("menuitem", name="Fichier").count() == 1
    tab.get_by_role("menuitem", name="Exécution").click()
    tab.get_by_role("menuitem", name="Exécuter toutes les cellules").first.click()
    source = json.loads((ROOT / "notebooks" / f"{section}.ipynb").read_text("utf-8"))
    last = sum(cell["cell_type"] == "code" for cell in source["cells"])
    # Le noyau a fini quand la dernière cellule de code porte son numéro d'exécution ; une erreur,
    # que JupyterLab montre comme ce qui va sur stderr, arrête tout de suite.
    tab.wait_for_function(
        """([last]) => {
            const panel = document.querySelector('.jp-NotebookPanel');
            const prompts = [...panel.querySelectorAll('.jp-InputArea-prompt')];
            return panel.querySelector('[data-mime-type="application/vnd.jupyter.stderr"]')
                || prompts.some((p) => p.textContent.trim() === `[${last}]:`);
        }""",
        arg=[last], timeout=400_000, polling=500,
    )  # fmt: skip
    wrong = '[data-mime-type$=".stderr"], [data-mime-type$=".error"]'
    assert tab.locator(wrong).all_inner_texts() == []
    assert tab.locator(".jp-OutputArea .jp-RenderedSVG").count() > 0
    figures = tab.locator(".jp-OutputArea .d2l-fig")
    # Une figure s'affiche un instant après la fin de sa cellule.
    figures.nth(len(FIGURES[section]) - 1).wait_for(timeout=30_000)
    assert figures.count() == len(FIGURES[section])
    for i, name in enumerate(FIGURES[section]):
        assert move_a_control(tab, figures.nth(i)), f"rien ne bouge dans la figure {name}"


def test_python_and_the_figure_share_their_settings(tab, lab):
    notebook = {
        "cells": [
            {"cell_type": "code", "id": f"c{i}", "metadata": {}, "source": source, "outputs": [],
             "execution_count": None}
            for i, source in enumerate(
                ("import d2l_fr as d2l\nf = d2l.widgets.Memoire()\nf", "f.radius = 1.2", "f.radius")
            )
        ],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "nbformat": 4, "nbformat_minor": 5,
    }  # fmt: skip
    tab.request.put(
        f"{lab}/api/contents/partage.ipynb?token={TOKEN}",
        data={"type": "notebook", "content": notebook},
    )
    tab.goto(f"{lab}/lab/workspaces/essai/tree/partage.ipynb?token={TOKEN}&reset")
    wait_for_kernel(tab)
    tab.locator(".jp-Notebook .jp-CodeCell").first.click()
    tab.keyboard.press("Shift+Enter")
    slider = tab.get_by_role("slider", name="Rayon spectral ρ")
    slider.wait_for(timeout=60_000)
    assert slider.input_value() == "0.9"
    tab.keyboard.press("Shift+Enter")
    tab.wait_for_function(
        "() => document.querySelector('.d2l-fig input[type=range]').value === '1.2'"
    )
    # Les flèches vont au curseur, non aux raccourcis de JupyterLab.
    slider.press("ArrowLeft")
    assert slider.input_value() == "1.19"
    tab.locator(".jp-CodeCell").nth(2).click()
    tab.keyboard.press("Shift+Enter")
    output = tab.locator(".jp-CodeCell").nth(2).locator(".jp-OutputArea-output")
    output.wait_for()
    assert output.inner_text().strip() == "1.19"


def test_the_lab_command_sets_french():
    settings = Path(chantier.lab_environment()["JUPYTERLAB_SETTINGS_DIR"])
    path = settings / "@jupyterlab/translation-extension/plugin.jupyterlab-settings"
    assert json.loads(path.read_text("utf-8")) == {"locale": "fr_FR"}
