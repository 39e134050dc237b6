"""Le français de tout ce qui se lit : pages, exercices, récit, modes d'emploi, docstrings."""

import re
import subprocess

import pytest

from conftest import ROOT

CHECKER = ROOT / "tests" / "francais" / "verifier.py"
TEXTS = sorted(
    str(path.relative_to(ROOT))
    for pattern in (
        "*.md", "book/*.md", "d2l_fr/**/*.md", "d2l_fr/**/*.py", "d2l_fr/corpora/*.txt",
        "book/_ext/*.py", "outils/*.py", "tests/*.py", "benchmarks/*.py",
    )
    for path in ROOT.glob(pattern)
)  # fmt: skip


@pytest.fixture(scope="module")
def alerts(grammalecte):
    run = subprocess.run(
        [grammalecte, str(CHECKER), *TEXTS], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode in (0, 1), run.stderr
    return run.stdout.splitlines()


@pytest.mark.parametrize("path", TEXTS)
def test_the_french_is_right(alerts, path):
    found = [line for line in alerts if line.startswith(f"{path}:")]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("mistake", "kind"),
    [
        ("Les réseau apprennent la suite.", "réseau"),
        ("Ce modèle est basé sur le comptage.", "style"),
        ("Il faut apprendrre les poids.", "apprendrre"),
        ("La perte et faible.", "et"),
        ("```{note}\nLes réseau apprennent.\n```", "réseau"),
        ("% diapo (2): Les réseau apprennent", "réseau"),
        ("% puce: La perte et faible.\n% dire: Il faut apprendrre les poids.", "apprendrre"),
    ],
)
def test_the_checker_finds_planted_mistakes(grammalecte, tmp_path, mistake, kind):
    page = tmp_path / "page.md"
    page.write_text(mistake + "\n", "utf-8")
    run = subprocess.run([grammalecte, str(CHECKER), str(page)], capture_output=True, text=True)
    assert run.returncode == 1, run.stderr
    assert kind in run.stdout


def test_the_checker_leaves_code_and_formulas_alone(grammalecte, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "Le code `foo_bar` et la formule $x_t = bazz$ passent.\n\n```python\nzzz = yyy\n```\n",
        "utf-8",
    )
    run = subprocess.run([grammalecte, str(CHECKER), str(page)], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout


def test_no_straight_quotes_in_prose():
    for path in ROOT.glob("book/*.md"):
        text = re.sub(r"^---\n.*?^---\n", "", path.read_text("utf-8"), flags=re.S | re.M)
        text = re.sub(r"^(```+|:::+).*?^\1", "", text, flags=re.S | re.M)
        text = re.sub(r"`[^`]+`|\$[^$]+\$|<[^>]+>", "", text)
        assert '"' not in text, f"{path.name} : {text[max(0, text.index(chr(34)) - 40) :][:80]}"
