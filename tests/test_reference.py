"""La page du paquet : chaque nom public y est, avec son exemple, qui dit vrai, et sa page."""

import doctest
import importlib
import inspect
import re

import pytest
from bs4 import BeautifulSoup
from sphinx.errors import ExtensionError

import d2l_fr as d2l
import reference
from conftest import SECTIONS

MODULES = reference.modules()
LONGEST = 12  # lignes d'un exemple, sorties comprises


@pytest.fixture(scope="module")
def page(site):
    return BeautifulSoup((site / "reference-api.html").read_text("utf-8"), "html.parser")


def methods(cls):
    """Les méthodes et les propriétés publiques d'une classe qui ont une docstring."""
    found = {n: m for n, m in vars(cls).items() if n[0] != "_" and getattr(m, "__doc__", None)}
    kinds = (property, classmethod, staticmethod)
    return [n for n, m in found.items() if inspect.isroutine(m) or isinstance(m, kinds)]


# ---------- les exemples


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_are_true(module, tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.chdir(tmp_path)  # un exemple peut écrire un fichier
    import matplotlib.pyplot as plt
    import numpy as np
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # à ces tailles, deux fils ne font que s'attendre
    names = {"d2l": d2l, "np": np, "plt": plt, "torch": torch}
    said, parser = [], doctest.DocTestParser()
    for entry in reference.entries(module):
        runner = doctest.DocTestRunner(verbose=False)
        test = parser.get_doctest(entry.example, dict(names), entry.name, f"{module}.txt", 0)
        outcome = runner.run(test, out=said.append)
        assert outcome.attempted > 0, entry.name
        plt.close("all")
    torch.set_num_threads(threads)
    assert not said, "".join(said)


@pytest.mark.parametrize("module", MODULES)
def test_an_example_is_short_and_uses_what_it_shows(module):
    for entry in reference.entries(module):
        lines = entry.example.splitlines()
        assert len(lines) <= LONGEST, entry.name
        typed = "\n".join(line for line in lines if line[:3] in (">>>", "..."))
        assert max(map(len, typed.splitlines())) <= 92, entry.name
        assert re.search(rf"\bd2l\.{re.escape(entry.name)}\b", typed), entry.name
        if inspect.isclass(entry.object) and module != "widgets":
            for method in methods(entry.object):
                assert method == "forward" or f".{method}" in typed, f"{entry.name}.{method}"


def test_every_public_name_has_one(tmp_path, monkeypatch):
    shown = {entry.name for module in MODULES for entry in reference.entries(module)}
    assert set(d2l.__all__) <= shown | set(MODULES)
    for module in MODULES:
        loaded = importlib.import_module(f"d2l_fr.{module}")
        functions = {name for name in loaded.__all__ if callable(getattr(loaded, name))}
        assert functions <= {name.rpartition(".")[2] for name in shown}
    monkeypatch.setattr(reference, "EXAMPLES", tmp_path)
    (tmp_path / "setup.txt").write_text("## device\n>>> 1\n\n## inconnu\n>>> 2\n", "utf-8")
    with pytest.raises(ExtensionError, match=r"setup\.txt .* : inconnu, set_seed"):
        reference.entries("setup")


# ---------- la page construite


@pytest.mark.parametrize("module", MODULES)
def test_the_page_gives_the_anchor_the_example_and_the_page(page, module):
    assert page.find(id=f"module-d2l_fr.{module}")
    for entry in reference.entries(module):
        if entry.kind == "module":
            body = page.find("section", id=f"module-d2l_fr.{module}")
        else:
            head = page.find("dt", id=entry.full_name)
            assert (
                head.get_text()
                .rstrip("#")
                .strip()
                .startswith((f"d2l.{entry.name}", f"{entry.kind} d2l.{entry.name}"))
            ), entry.name
            body = head.find_next_sibling("dd")
        assert entry.example in [block.get_text().strip("\n") for block in body.select("pre")]
        named = re.search(r"Page\s:\s+([\w-]+)\.", entry.object.__doc__)
        link = body.select_one(".page-du-livre a")["href"]
        assert link == f"{named[1]}.html" if named else link.removesuffix(".html") in SECTIONS
        if inspect.isclass(entry.object):
            for method in methods(entry.object):
                assert page.find("dt", id=f"{entry.full_name}.{method}"), (entry.name, method)


def test_every_module_of_the_page_lists_its_names(page):
    listed = {a["href"] for a in page.select(".noms a")}
    heads = {f"#{dt['id']}" for dt in page.select("dt.sig") if not dt.find_parent("dd")}
    assert listed == heads and len(heads) > 90


def test_nothing_raw_is_left(page, site):
    article = BeautifulSoup(str(page.article), "html.parser")
    signatures = " ".join(dt.get_text() for dt in article.select("dt.sig"))
    assert "kind='orthogonal'" in signatures and "recurrence=loop_recurrence" in signatures
    assert "tau=..." in signatures and "train=[]" in signatures
    assert not re.search(r"0x[0-9a-f]+|<factory>|<function|\*args", signatures)
    for block in article.select("pre, dt"):
        block.decompose()
    text = article.get_text()
    assert not re.search(r"`|:\w+:|>>>|Page : [\w-]+\.\s", text.replace("\u00a0", " "))
    assert "d2l_fr" not in (site / "genindex.html").read_text("utf-8").partition("<article")[2]


def test_a_name_quoted_in_a_docstring_leads_to_its_entry(page):
    body = page.find("dt", id="d2l_fr.fit").find_next_sibling("dd")
    assert body.find("a", href="#d2l_fr.History")
    # « detach » est ici un réglage de la figure, et non la fonction.
    body = page.find("dt", id="d2l_fr.widgets.Fenetres").find_next_sibling("dd")
    assert not body.find("a", href="#d2l_fr.detach")


def test_copying_an_example_copies_what_is_typed(browser, served):
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    tab = context.new_page()
    tab.goto(f"{served}reference-api.html#d2l_fr.sequential_batches", wait_until="load")
    block = tab.locator("dt[id='d2l_fr.sequential_batches'] + dd .highlight")
    block.scroll_into_view_if_needed()
    block.locator(".copier").click()
    copied = tab.evaluate("navigator.clipboard.readText()")
    context.close()
    assert copied.splitlines()[1] == "    print(X.tolist(), Y.tolist())"
    assert copied.startswith("for X, Y in d2l.") and "[[" not in copied
    compile(copied + "\n", "<copie>", "exec")
