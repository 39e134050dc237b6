"""Ce que la page définit avec #@save est, mot pour mot, ce que le paquet contient."""

import ast
import importlib
from pathlib import Path

import jupytext
import pytest

from conftest import ROOT, SECTIONS

PAGES = [s for s in SECTIONS if (ROOT / "book" / f"{s}.md").exists()]


def saved_definitions(page):
    """Les définitions d'une page précédées de #@save : (nom, arbre)."""
    source = (ROOT / "book" / f"{page}.md").read_text("utf-8")
    for cell in jupytext.reads(source, fmt="md:myst").cells:
        if cell.cell_type != "code" or "#@save" not in cell.source:
            continue
        lines = cell.source.split("\n")
        tree = ast.parse("\n".join("" if line.startswith(("%", "!")) else line for line in lines))
        for node in tree.body:
            first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
            above = lines[first - 2] if first > 1 else ""
            if "#@save" in above or "#@save" in lines[first - 1]:
                yield node.name, node


@pytest.mark.parametrize("page", PAGES)
def test_saved_code_is_the_package_code(page):
    module = importlib.import_module(f"d2l_fr.{page.replace('-', '_')}")
    # La boucle d'entraînement, partagée par trois pages, a son propre module.
    modules = [module, importlib.import_module("d2l_fr.training")]
    trees = [ast.parse(Path(m.__file__).read_text("utf-8")) for m in reversed(modules)]
    here = {node.name: node for tree in trees for node in tree.body if hasattr(node, "name")}
    found = dict(saved_definitions(page))
    assert found, f"{page} ne définit rien avec #@save"
    for name, node in found.items():
        assert name in here, f"{name} porte #@save mais n'est pas dans {module.__name__}"
        assert ast.dump(node) == ast.dump(here[name]), f"{name} diffère de {module.__name__}"
