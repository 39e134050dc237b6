"""Les types du paquet : mypy les tient pour justes, et ils servent à qui l'emploie."""

import ast
import importlib
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from conftest import ROOT

# Leur code se lit sur les pages, sans annotations : leurs types sont dans un bouchon (.pyi).
TAUGHT = ("sequence", "text_sequence", "language_model", "rnn", "rnn_scratch", "training",
          "rnn_concise", "bptt")  # fmt: skip
LAZY = ("d2l_fr", "d2l_fr.widgets")  # leurs noms ne se chargent qu'au premier emploi

# Ce que mypy reproche à tort au code des pages, faute d'annotations.
FALSE_ALARMS = {
    # De counts, il ignore le type, et ne sait laquelle des formes de get prendre.
    "text_sequence": ["best = max(counts, key=counts.get)"],
    # Pour lui, item() rend tout nombre ; d'un tenseur d'entiers, c'est un entier.
    "language_model": ["text.append(torch.multinomial(p, 1, generator=generator).item())"],
    # De weight_ih_l0 et des autres, il ne sait pas que ce sont des tenseurs.
    "rnn_concise": [
        'raise ValueError(f"Tailles différentes : {tuple(source.shape)}, {tuple(target.shape)}.")',
        "target.copy_(source)",
        "rnn.bias_hh_l0.zero_()",
    ],
}

BODIES = f"""
[[tool.mypy.overrides]]
module = "d2l_fr.*"
follow_imports = "silent"

[[tool.mypy.overrides]]
module = {[*LAZY, *(f"d2l_fr.{name}" for name in TAUGHT)]}
follow_imports = "silent"
disallow_any_generics = false
disallow_incomplete_defs = false
disallow_untyped_calls = false
disallow_untyped_decorators = false
disallow_untyped_defs = false
disable_error_code = ["var-annotated"]
"""

# Pour comparer des signatures, il suffit des types du paquet : lire PyTorch prendrait le plus clair
# du temps. Sans lui, des formes d'une même fonction se ressemblent.
SIGNATURES = """\
[mypy]
follow_imports = skip
disable_error_code = overload-cannot-match, overload-overlap
ignore_missing_imports = True
[mypy-d2l_fr.*]
follow_imports = normal
[mypy-d2l_fr.assignments.*,d2l_fr.corpora.*,d2l_fr.exercises.*,d2l_fr.widgets.*]
follow_imports = normal
ignore_errors = True
"""

RIGHT = """\
import d2l_fr as d2l

text = d2l.load_corpus()
vocab = d2l.Vocab(d2l.tokenize(text))
model = d2l.RNNLM(len(vocab), 8, cell="gru")
history = d2l.fit(model, vocab[d2l.tokenize(text)], num_epochs=1, checkpoint=None)
bits: float = d2l.bits_per_token(history.train[-1])
written: str = d2l.generate(model, "La mer", 20, vocab, temperature=0.5)
index: int = vocab["a"]
d2l.plot.lines({"perte": history.train}, xlabel="époque", ylabel=d2l.fr(bits, 2))
radius: float = d2l.widgets.Memoire(radius=0.9).radius
correct: bool = d2l.check("sequence.moyenne-mobile", len).passed
"""
# Une faute par ligne : le code que mypy lui donne.
WRONG = {
    'd2l.tokenize("la mer", "mot")': "arg-type",
    'd2l.Vocab("la mer")': "arg-type",
    'name: str = d2l.Vocab(["a"])["a"]': "assignment",
    "model = d2l.RNNLM(10, 8, num_layer=2)": "call-arg",
    'd2l.fit(model, "la mer")': "arg-type",
    "d2l.perplexite(1.0)": "attr-defined",
    'd2l.fr("3,5")': "arg-type",
    "model.embed(3)": "arg-type",
    'd2l.widgets.Memoire().radius = "long"': "assignment",
    "d2l.plot.bars([1], [2])": "call-arg",
}


def mypy(*arguments, **environment):
    """Lance mypy ; rend ses reproches, (fichier, ligne, code de la faute, phrase)."""
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--output=json", "--no-error-summary", *arguments],
        cwd=ROOT, env=os.environ | environment, capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode in (0, 1) and not run.stderr, run.stderr or run.stdout
    found = map(json.loads, run.stdout.splitlines())
    return [(Path(e["file"]), e["line"], e["code"], e["message"]) for e in found]


def test_the_package_is_well_typed():
    assert mypy() == []


def test_the_code_of_the_pages_is_right_under_its_stubs(tmp_path):
    # Les réglages du projet, que suit aussi le cache ; mais on lit le code, et non son bouchon.
    config = tmp_path / "mypy.toml"
    config.write_text((ROOT / "pyproject.toml").read_text("utf-8") + BODIES, "utf-8")
    paths = [ROOT / "d2l_fr" / f"{name}.py" for name in TAUGHT]
    paths += [Path(importlib.import_module(name).__file__) for name in LAZY]
    found = mypy("--config-file", str(config), *map(str, paths))
    reproaches = Counter(
        (path.stem, (ROOT / path).read_text("utf-8").splitlines()[line - 1].strip())
        for path, line, _, _ in found
    )
    assert reproaches == Counter(
        (name, line) for name, lines in FALSE_ALARMS.items() for line in lines
    ), found


def test_the_stubs_are_those_of_the_modules(tmp_path):
    config = tmp_path / "mypy.ini"
    config.write_text(SIGNATURES, "utf-8")
    waived = tmp_path / "tus"  # une métaclasse de PyTorch
    waived.write_text("d2l_fr.bptt.BPTT\n", "utf-8")
    command = ["-m", "mypy.stubtest", "--mypy-config-file", str(config), "--allowlist", str(waived)]
    run = subprocess.run(
        [sys.executable, *command, *(f"d2l_fr.{name}" for name in TAUGHT)],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr


def test_every_taught_module_has_a_stub_and_no_other():
    found = {path.stem for path in (ROOT / "d2l_fr").rglob("*.pyi")}
    assert found == {*TAUGHT, "__init__"}


@pytest.mark.parametrize("name", LAZY)
def test_the_names_that_come_late_are_announced(name):
    module = importlib.import_module(name)
    folder = ROOT.joinpath(*name.split("."))
    tree = ast.parse((folder / "__init__.pyi").read_text("utf-8"))
    (announced,) = (ast.literal_eval(n.value) for n in tree.body if isinstance(n, ast.Assign))
    assert sorted(announced) == sorted(module.__all__)
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                value = getattr(module, alias.name)
                origin = whole if value is sys.modules.get(whole) else node.module
                assert value is sys.modules[origin] or value is getattr(
                    sys.modules[origin], alias.name
                ), whole


def test_a_program_is_checked_against_these_types(tmp_path):
    right, wrong = tmp_path / "juste.py", tmp_path / "faux.py"
    right.write_text(RIGHT, "utf-8")
    wrong.write_text("\n".join(["import d2l_fr as d2l", *WRONG]) + "\n", "utf-8")
    found = mypy(str(right), str(wrong), MYPYPATH=str(ROOT))
    assert {path.name for path, *_ in found} == {"faux.py"}, found
    assert {line: code for _, line, code, _ in found} == dict(enumerate(WRONG.values(), 2)), found
