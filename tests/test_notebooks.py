"""Les notebooks : à jour et lisibles partout. Leur exécution : ``test_jupyterlab.py``."""

import base64
import hashlib
import json
import os
import re
from io import BytesIO

import nbformat
import pytest
from PIL import Image

from conftest import ROOT, SECTIONS, _hashes
from d2l_fr.exercises import load_exercises

PICTURE = re.compile(r"!\[([^\]]*)\]\(data:image/png;base64,([^)]+)\)")


def read(section):
    return nbformat.read(ROOT / "notebooks" / f"{section}.ipynb", as_version=4)


def markdown(section):
    cells = [c for c in read(section).cells if c.cell_type == "markdown"]
    return [re.sub(r"```.*?```|`[^`]+`", "", PICTURE.sub("", c.source), flags=re.S) for c in cells]


def test_each_section_has_its_notebook():
    found = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert found == set(SECTIONS)


def test_committed_notebooks_are_up_to_date(committed_notebooks, site):
    current = _hashes(ROOT / "notebooks", "*.ipynb")
    stale = sorted(n for n in current if committed_notebooks.get(n) != current[n])
    assert not stale, (
        f"ces notebooks n'étaient pas à jour et viennent d'être régénérés : {', '.join(stale)} ; "
        "relisez-les et validez-les avec la page."
    )


@pytest.mark.parametrize("section", SECTIONS)
def test_no_myst_is_left(section, site):
    for text in markdown(section):
        for leftover in (
            r"\{[a-z:-]+\}`",
            r"^:::",
            r"^```\{",
            r"^\([\w:-]+\)=",
            r"^:\w+:",
            "\0",
            "\1",
        ):
            assert not re.search(leftover, text, re.MULTILINE), (leftover, text[:300])


@pytest.mark.parametrize("section", SECTIONS)
def test_prose_has_french_typography(section, site):
    for text in markdown(section):
        text = re.sub(r"(?s)\$\$.*?\$\$", "", text)
        text = re.sub(r"\$[^$]+\$|<[^>]+>|\]\([^)]+\)|https?://\S+", "", text)
        assert not re.search(r"[^\s] [;!?](?:\s|$)|« \S|\S »|\w'\w", text), text[:400]


@pytest.mark.parametrize("section", SECTIONS)
def test_figures_show_without_the_site(section, site):
    page = (ROOT / "book" / f"{section}.md").read_text("utf-8")
    pictures = [m for c in read(section).cells for m in PICTURE.findall(c.source)]
    assert len(pictures) == page.count("```{figure}") > 0
    for alt, data in pictures:
        image = Image.open(BytesIO(base64.b64decode(data)))
        assert image.width >= 1000
        assert len(image.convert("RGB").getcolors(1 << 20)) > 4, "figure vide"
        assert len(alt) > 20
    for cell in read(section).cells:
        assert not re.search(r"!\[[^\]]*\]\((?!data:)|<img", cell.source), "image hors du notebook"


@pytest.mark.parametrize("section", SECTIONS)
def test_exercises_have_an_empty_cell_and_a_folded_solution(section, site):
    cells = read(section).cells
    stubs = [c for c in cells if "exercice" in c.metadata.get("tags", [])]
    exercises = load_exercises(section).values()
    wanted = [e for e in exercises if e.stub or e.kind in ("code", "experience")]
    assert [c.source.strip() for c in stubs] == [e.stub or "# Votre code ici" for e in wanted]
    for exercise in exercises:
        if exercise.checks:
            assert any(f'd2l.check("{section}.{exercise.name}"' in c.source for c in cells)
        if exercise.solution:
            holder = [c for c in cells if exercise.solution in c.source]
            assert [c.cell_type for c in holder] == ["markdown"]
            assert holder[0].source.startswith("<details><summary>Solution</summary>")


@pytest.mark.parametrize("section", SECTIONS)
def test_cells_have_stable_ids_and_no_output(section, site):
    notebook = read(section)
    assert [c.id for c in notebook.cells] == [
        f"{section}-{i:03d}" for i in range(len(notebook.cells))
    ]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


@pytest.mark.parametrize("section", SECTIONS)
def test_the_site_serves_the_same_notebook(section, site):
    served = nbformat.read(site / "notebooks" / f"{section}.ipynb", as_version=4)
    assert [c.source for c in served.cells] == [c.source for c in read(section).cells]


@pytest.mark.parametrize("section", SECTIONS)
def test_the_first_cell_does_nothing_in_a_checkout(section, site, monkeypatch):
    source = read(section).cells[0].source
    assert "Rien à faire dans une copie du dépôt" in source
    monkeypatch.chdir(ROOT / "notebooks")
    exec(compile(source.replace("%pip", "pip = None  #"), "première cellule", "exec"), {})


def test_the_first_cell_says_what_to_do_elsewhere(tmp_path, monkeypatch, site):
    source = read(SECTIONS[0]).cells[0].source
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="aucun dépôt n'est configuré"):
        exec(compile(source, "première cellule", "exec"), {})


def test_a_hand_edit_is_noticed(site, tmp_path):
    from cahiers import is_current

    path = ROOT / "notebooks" / f"{SECTIONS[0]}.ipynb"
    source = read(SECTIONS[0]).metadata.d2l_fr.source
    assert is_current(path, source)
    edited = tmp_path / "edited.ipynb"
    notebook = read(SECTIONS[0])
    notebook.cells[3].source += " "
    nbformat.write(notebook, edited)
    assert not is_current(edited, source)
    assert not is_current(path, "autre")
    edited.write_text("pas du JSON", "utf-8")
    assert not is_current(edited, source)


def test_a_fork_gets_its_own_address(site):
    """La cellule d'installation d'une fourche nomme la fourche, et elle seule."""
    from cahiers import install_cell

    source = install_cell("https://github.com/une-ecole/rnn", "main").source
    assert '%pip install -q "git+https://github.com/une-ecole/rnn@main"' in source
    assert "raise" not in source
    text = json.dumps([c.source for s in SECTIONS for c in read(s).cells])
    assert "%pip install" not in text


def test_hashes_tell_files_apart(tmp_path):
    (tmp_path / "a.ipynb").write_text("1", "utf-8")
    assert _hashes(tmp_path, "*.ipynb") == {"a.ipynb": hashlib.sha256(b"1").hexdigest()}
    assert os.listdir(tmp_path) == ["a.ipynb"]
