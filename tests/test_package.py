"""Le paquet vu de dehors : des noms complets, un import léger."""

import ast
import doctest
import importlib
import shutil
import subprocess
import sys
import zipfile

import pytest

import d2l_fr as d2l
from conftest import ROOT, SECTIONS


def public_modules():
    folder = ROOT / "d2l_fr"
    names = {p.stem for p in folder.glob("*.py")} | {
        p.parent.name for p in folder.glob("*/__init__.py")
    }
    return sorted(names - {"__init__"})


def test_every_public_name_of_every_section_is_reachable():
    for module in d2l._EXPORTS:
        declared = set(importlib.import_module(f"d2l_fr.{module}").__all__)
        exported = set(d2l._EXPORTS[module])
        assert exported <= declared, f"{module} : {exported - declared} absent de __all__"
        for name in exported:
            assert getattr(d2l, name) is getattr(importlib.import_module(f"d2l_fr.{module}"), name)


def test_no_module_is_forgotten():
    assert set(public_modules()) <= set(d2l._MODULES)


def test_the_section_modules_export_all_they_declare():
    for section in SECTIONS:
        module = section.replace("-", "_")
        assert set(d2l._EXPORTS[module]) == set(importlib.import_module(f"d2l_fr.{module}").__all__)


def test_unknown_name_says_what_exists():
    with pytest.raises(AttributeError, match="ne contient pas « n_importe_quoi »"):
        d2l.n_importe_quoi  # noqa: B018


def test_what_exists_is_listed_without_being_loaded():
    assert set(d2l.__all__) <= set(dir(d2l)) and "set_seed" in dir(d2l)
    with pytest.raises(AttributeError, match="Figure inconnue : « Moulin »"):
        d2l.widgets.Moulin  # noqa: B018
    assert {"Horizon", "Memoire"} <= set(dir(d2l.widgets))


def test_import_loads_nothing_heavier_than_torch_and_numpy():
    code = (
        "import sys, torch, numpy; before = set(sys.modules); import d2l_fr;"
        "print(*sorted(set(sys.modules) - before))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == ["d2l_fr"]


def test_imports_follow_the_order_of_the_chapter():
    order = [
        "sequence",
        "text_sequence",
        "language_model",
        "rnn",
        "rnn_scratch",
        "training",
        "rnn_concise",
        "bptt",
    ]
    for position, module in enumerate(order):
        path = ROOT / "d2l_fr" / f"{module}.py"
        if not path.exists():
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("d2l_fr."):
                imported = node.module.split(".")[1]
                assert imported not in order[position:], f"{module} importe {imported}"


def draws(*seed):
    import random

    import numpy as np
    import torch

    d2l.set_seed(*seed)
    return random.random(), np.random.rand(), torch.rand(1).item()


@pytest.mark.parametrize("seed", [0, 7, 2**31, 2**32 - 1])
def test_set_seed_makes_draws_repeatable(seed):
    first, other = draws(seed), draws(seed + 1 if seed < 9 else seed - 1)
    assert draws(seed) == first
    assert all(a != b for a, b in zip(first, other, strict=True))


def test_the_seed_of_the_book_is_42():
    assert draws() == draws(42) != draws(43)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, "42"])
def test_set_seed_refuses_what_is_not_a_seed(seed):
    with pytest.raises(ValueError, match="La graine doit être un entier"):
        d2l.set_seed(seed)


def test_device_can_hold_a_tensor():
    import torch

    assert torch.ones(2, device=d2l.device()).sum().item() == 2


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(True, True, "cuda"), (True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_device_takes_the_fastest_there_is(monkeypatch, cuda, mps, expected):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert d2l.device() == torch.device(expected)


def test_the_wheel_carries_corpora_and_exercises(tmp_path):
    command = ["pip", "wheel", "--no-deps", "--no-build-isolation", "-q", "-w", str(tmp_path), "."]
    # Une copie : setuptools laisse un dossier build/ à côté des sources.
    copy = shutil.copytree(
        ROOT,
        tmp_path / "source",
        ignore=shutil.ignore_patterns(".*", "_build", "build", "*.egg-info"),
    )
    run = subprocess.run([sys.executable, "-m", *command], cwd=copy, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"d2l_fr/corpora/recit.txt", "d2l_fr/exercises/sequence.md"} <= names
    assert {"d2l_fr/py.typed", "d2l_fr/training.pyi", "d2l_fr/widgets/__init__.pyi"} <= names
    assert not [n for n in names if n.startswith(("book", "tests", "outils"))]


def test_glue_publishes_nothing_visible(monkeypatch):
    import IPython.display

    sent = []
    monkeypatch.setattr(
        IPython.display,
        "publish_display_data",
        lambda data, metadata: sent.append((data, metadata)),
    )
    d2l.glue("nombre", d2l.fr(0.5, 1))
    ((data, metadata),) = sent
    assert data == {"application/papermill.record/text/plain": "'0,5'"}
    prefix = "application/papermill.record/"  # ce que lit myst_nb
    assert metadata == {"scrapbook": {"name": "nombre", "mime_prefix": prefix}}
    with pytest.raises(TypeError, match="est une chaîne"):
        d2l.glue(3, "0,5")


def test_glue_does_nothing_where_there_is_no_notebook(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython.display", None)
    assert d2l.glue("nombre", "0,5") is None


@pytest.mark.parametrize("name", ["french", "sequence", "text_sequence", "setup", "plot"])
def test_examples_in_docstrings_are_true(name):
    results = doctest.testmod(importlib.import_module(f"d2l_fr.{name}"))
    assert results.failed == 0


def test_some_docstrings_have_examples():
    assert doctest.testmod(importlib.import_module("d2l_fr.french")).attempted >= 3
