"""Les notes d'un devoir, sans carnet ni copie : le fichier de Moodle, le classeur, le bilan."""

import io
import re
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import matplotlib.figure
import pytest
from openpyxl import load_workbook

from d2l_fr.assignments import marks
from d2l_fr.assignments.course import Assignment, Course, Student
from d2l_fr.assignments.grading import Verdict
from d2l_fr.assignments.marks import Row
from d2l_fr.exercises.source import parse

CODE = '''\
## double
:titre: Le `double`
:genre: code
:difficulte: 1
:minutes: 5

Énoncé.

```python amorce
def double(x):
    ...
```

```python solution
def double(x):
    return 2 * x
```

```python verification
def verification(compare, require, rng):
    compare(3)
```

```python epreuve
def entiers(compare, require, rng):
    """2 points : les entiers."""
    compare(3)

def reels(compare, require, rng):
    """1 point : les réels."""
    compare(3.5)
```

### Solution
Explication.

## pourquoi
:titre: Pourquoi ?
:genre: reflexion
:difficulte: 1
:minutes: 5

Énoncé.

### Solution
Explication.

### Barème
- 2 points : l'idée.
'''
DOUBLE, WHY = parse("essai", CODE).values()
ASSIGNMENT = Assignment("semaine-1", "Semaine < 1", "graine", [DOUBLE, WHY])


def row(name, double, why, **changes):
    found = {DOUBLE.identifier: double, WHY.identifier: why}
    given = [mark for mark in found.values() if mark is not None]
    return Row(name, name.title(), "Lou", f"{name}@ici.fr", found, float(sum(given)),
               len(given) == 2, **changes)  # fmt: skip


TABLE = [
    row("ada", 3, 1.5),
    row("bob", 2, None),
    row("cam", 1, 0.25),
    row("dan", 0, 0, problem="illisible"),
    Row("eve", "=Eve", "\x07Lou", "", {}, None, True),
]


def mark(criterion, earned, message="", detail=""):
    return {"text": criterion.text, "earned": earned, "points": criterion.points,
            "message": message, "detail": detail}  # fmt: skip


def verdict(name, *earned, problem=None, why="Faux."):
    found = [
        mark(criterion, points, "" if points else why, "" if points else f"vu : {name}")
        for criterion, points in zip(DOUBLE.criteria, earned, strict=True)
    ]
    return Verdict("", name, problem, marks={DOUBLE.identifier: found})


VERDICTS = {
    "ada": verdict("ada", 2, 1),
    "bob": verdict("bob", 2, 0),
    "cam": verdict("cam", 0, 0, why="Il rend None."),
    "dan": verdict("dan", 0, 0, problem="illisible", why="Rien."),
    "fay": verdict("fay", 2, 0),
}

# ---------- Moodle


def moodle(table=TABLE, *options):
    return marks.moodle_csv(table, ASSIGNMENT, *options).decode("utf-8").split("\r\n")


def test_only_the_final_marks_go_to_moodle():
    assert moodle() == [
        "Numéro d'identification,Adresse de courriel,Semaine < 1",
        "ada,ada@ici.fr,4.5",
        "cam,cam@ici.fr,1.25",
        "",
    ]


def test_every_mark_goes_to_moodle_on_demand():
    assert moodle(TABLE, None, True)[1:] == [
        "ada,ada@ici.fr,4.5", "bob,bob@ici.fr,2", "cam,cam@ici.fr,1.25", "dan,dan@ici.fr,0", "",
    ]  # fmt: skip


def test_the_marks_are_brought_to_a_scale():
    assert [line.split(",")[-1] for line in moodle(TABLE, 20)[1:-1]] == ["18", "5"]
    third = moodle([replace(TABLE[0], total=1.0)], 10.0 / 3)[1]
    assert third == "ada,ada@ici.fr,0.67"


def test_a_list_without_addresses_has_no_column_for_them():
    table = [replace(line, email="") for line in TABLE]
    assert moodle(table)[:2] == ["Numéro d'identification,Semaine < 1", "ada,4.5"]


# ---------- ce qui a manqué


def test_what_was_missed_comes_first_and_unreadable_copies_do_not_count():
    first, second = marks.missed(ASSIGNMENT, VERDICTS)
    assert first[:3] == (DOUBLE, DOUBLE.criteria[1], 0.25)
    assert first[3] == [("Faux.", 2), ("Il rend None.", 1)]
    assert second[:3] == (DOUBLE, DOUBLE.criteria[0], 0.75)
    assert second[3] == [("Il rend None.", 1)]


def test_nobody_misses_anything_when_nothing_can_be_read():
    alone = {"dan": VERDICTS["dan"]}
    assert [line[2:] for line in marks.missed(ASSIGNMENT, alone)] == [(0.0, []), (0.0, [])]


def test_three_reasons_are_enough():
    found = {str(i): verdict(str(i), 0, 0, why=f"Motif {i % 5}.") for i in range(14)}
    assert [len(line[3]) for line in marks.missed(ASSIGNMENT, found)] == [3, 3]


# ---------- le classeur


def sheets(*options):
    lines = marks.missed(ASSIGNMENT, VERDICTS)
    verdicts = {name: found for name, found in VERDICTS.items() if name != "fay"}
    return load_workbook(
        io.BytesIO(marks.spreadsheet(TABLE, ASSIGNMENT, verdicts, lines, *options))
    )


def values(sheet):
    return [list(line) for line in sheet.iter_rows(values_only=True)]


def test_the_sheet_of_marks():
    assert values(sheets()["Notes"]) == [
        ["Identifiant", "Nom", "Prénom", "Le `double` (/3)", "Pourquoi ? (/2)", "Total (/5)",
         "Remarque"],
        ["ada", "Ada", "Lou", 3, 1.5, 4.5, None],
        ["bob", "Bob", "Lou", 2, None, 2, "reste à noter à la main"],
        ["cam", "Cam", "Lou", 1, 0.25, 1.25, None],
        ["dan", "Dan", "Lou", 0, 0, 0, "illisible"],
        ["eve", "=Eve", "Lou", None, None, None, "rien rendu"],
    ]  # fmt: skip
    assert sheets()["Notes"]["B6"].data_type == "s"  # un nom, pas une formule
    scaled = values(sheets(20.0)["Notes"])
    assert scaled[0][-2:] == ["Note (/20)", "Remarque"]
    assert [line[-2] for line in scaled[1:]] == [18, 8, 5, 0, None]


def test_the_sheets_of_criteria_and_details():
    book = sheets()
    assert book.sheetnames == ["Notes", "Critères", "Détail"]
    assert values(book["Critères"]) == [
        ["Exercice", "Critère", "Points", "Réussite", "Motif le plus fréquent"],
        ["Le `double`", "Les réels", 1, 0.25, "Faux."],
        ["Le `double`", "Les entiers", 2, 0.75, "Il rend None."],
    ]
    assert [cell.number_format for cell in book["Critères"]["D"]] == ["General", "0 %", "0 %"]
    detail = values(book["Détail"])
    assert detail[0] == ["Identifiant", "Exercice", "Critère", "Ce que l'épreuve a montré"]
    assert detail[1] == ["bob", "Le `double`", "Les réels", "vu : bob"]
    assert [line[0] for line in detail[1:]] == ["bob", "cam", "cam", "dan", "dan"]


def test_the_sheets_can_be_read_at_a_glance():
    for sheet in sheets():
        assert sheet.freeze_panes == "A2"
        assert all(cell.font.bold for cell in sheet[1])
        assert not any(cell.font.bold for line in sheet.iter_rows(min_row=2) for cell in line)
    widths = sheets()["Notes"].column_dimensions
    assert widths["A"].width == len("Identifiant") + 2
    assert widths["G"].width == len("reste à noter à la main") + 2


# ---------- la répartition et le bilan


def drawn(monkeypatch, table, scale=None):
    """Les axes de la répartition, et ses octets."""
    kept = []
    subplots = matplotlib.figure.Figure.subplots
    monkeypatch.setattr(
        matplotlib.figure.Figure, "subplots",
        lambda self: kept.append(subplots(self)) or kept[-1],
    )  # fmt: skip
    data = marks.distribution(table, ASSIGNMENT, scale)
    return kept[0], data


@pytest.mark.parametrize(
    ("scale", "median", "counts", "said"),
    [(None, 2.0, [0, 1, 1, 0, 0, 1], "2"), (20, 8.0, None, "8"), (100, 40.0, None, "40")],
)
def test_the_distribution_counts_the_copies(monkeypatch, scale, median, counts, said):
    axes, data = drawn(monkeypatch, TABLE, scale)
    assert data.startswith(b"\x89PNG")
    top = scale or 5
    heights = [bar.get_height() for bar in axes.patches]
    assert sum(heights) == 3 and (counts is None or heights == counts)
    assert axes.get_xlabel() == f"note sur {top}" and axes.get_ylabel() == "copies"
    width = axes.patches[0].get_width()
    assert width == max(1, top / 20)
    assert axes.get_xlim() == (-width / 2, top + width / 2)
    edges = [bar.get_x() for bar in axes.patches]
    assert edges[0] == -width / 2 and edges[-1] + width == top + width / 2
    assert list(axes.lines[0].get_xdata()) == [median, median]
    [note] = axes.texts
    assert note.get_text() == f" médiane : {said} " and note.xy[0] == median
    assert note.get_ha() == "left"
    assert not axes.spines["top"].get_visible() and axes.spines["left"].get_visible()


def test_the_median_stays_inside_the_picture(monkeypatch):
    axes, _ = drawn(monkeypatch, [row("a", 3, 2), row("b", 3, 1), row("c", 3, 2), row("d", 3, 1)])
    assert axes.texts[0].get_text() == " médiane : 4,5 " and axes.texts[0].get_ha() == "right"


def test_a_class_without_copies_has_no_median(monkeypatch):
    axes, data = drawn(monkeypatch, [TABLE[-1], TABLE[-2]])
    assert not axes.lines and not axes.texts and data.startswith(b"\x89PNG")


def page(table=TABLE, verdicts=VERDICTS, scale=None):
    text = marks.summary(table, ASSIGNMENT, marks.missed(ASSIGNMENT, verdicts), b"image", scale)
    return text.replace("\u00a0", " ").replace("\u202f", " ").replace("’", "'")


def test_the_summary_tells_the_class_without_naming_anybody():
    text = page()
    assert "<h1>Bilan – Semaine &lt; 1</h1>" in text and "<title>Bilan – Semaine &lt; 1" in text
    assert (
        "3 copies, moyenne 2,6 sur 5. Copies illisibles, hors de ce compte : 1. Élèves sans "
        "copie : 1. Questions encore à noter dans 1 d'entre elles : notes provisoires."
    ) in text.replace("&#x27;", "'")
    assert 'src="data:image/png;base64,aW1hZ2U="' in text
    assert 'alt="Répartition des notes ; moyenne 2,6 sur 5."' in text
    assert not re.search("ada|Ada|ici.fr", text)
    assert "3 copies, moyenne 10,3 sur 20." in page(scale=20)


def test_the_summary_lists_what_was_missed_with_its_reasons():
    cells = re.findall("<tr><td>.*?</tr>", page())
    title = "<strong>Le <code>double</code></strong>"
    assert cells == [
        f"<tr><td>25 %</td><td>{title} – Les réels (1 point)<br>2 × Faux.<br>1 × Il rend None."
        "</td></tr>",
        f"<tr><td>75 %</td><td>{title} – Les entiers (2 points)<br>1 × Il rend None.</td></tr>",
    ]
    assert "<tr><th>Réussite</th><th>Critère, et motifs les plus fréquents</th></tr>" in page()
    perfect = page(verdicts={"ada": VERDICTS["ada"]})
    assert "<p>Rien.</p>" in perfect and "<table>" not in perfect


def test_the_summary_gives_the_mean_of_each_open_question():
    assert "<p><strong>Pourquoi ?</strong> : moyenne 0,9 sur 2 points.</p>" in page()
    assert "Pourquoi" not in page([TABLE[1]])


def test_a_summary_without_anything_to_say_says_little():
    assert "<p>1 copie, moyenne 4,5 sur 5.</p>" in page([TABLE[0]])
    assert "<p>0 copie, moyenne – sur 5. Élèves sans copie : 1.</p>" in page([TABLE[-1]])


# ---------- du carnet aux fichiers


class Notebook:
    """Le carnet : à chaque cellule sa note, automatique ou manuelle."""

    def find_grade(self, cell, notebook, assignment, student):
        assert notebook == assignment == "semaine-1"
        hand = cell == marks.mark_id(WHY)
        score = {"ada": 1.5}.get(student, 0.0) if hand else 2.0
        manual = score if hand and student == "ada" else None
        return SimpleNamespace(auto_score=None if hand else 2.0, manual_score=manual, score=score)

    def find_comment(self, cell, notebook, assignment, student):
        assert cell in (marks.answer_id(DOUBLE), marks.answer_id(WHY))
        assert notebook == assignment == "semaine-1"
        return SimpleNamespace(manual_comment="Bien." if student == "ada" else None)


def test_the_gradebook_becomes_rows_then_files(monkeypatch, tmp_path):
    monkeypatch.setattr(marks, "open_gradebook", lambda course: nullcontext(Notebook()))
    students = [Student("ada", "A", "Lou", "a@ici.fr"), Student("eve", "E")]
    assignment = replace(ASSIGNMENT, students=students)
    verdicts = {name: VERDICTS[name] for name in ("dan", "bob", "ada")}
    table, paths = marks.write_marks(Course(tmp_path), assignment, verdicts, 20.0, True)
    double, why = DOUBLE.identifier, WHY.identifier
    assert table == [
        Row("ada", "A", "Lou", "a@ici.fr", {double: 2.0, why: 1.5}, 3.5, True),
        Row("eve", "E", "", "", {}, None, True),
        Row("bob", "", "", "", {double: 2.0, why: None}, 2.0, False),
        Row("dan", "", "", "", {double: 2.0, why: None}, 2.0, False, "illisible"),
    ]
    folder = tmp_path / "notes" / "semaine-1"
    names = ["moodle.csv", "notes.xlsx", "repartition.png", "bilan.html"]
    assert paths == [folder / name for name in names]
    assert marks.scores(Notebook(), assignment, "ada") == {
        marks.mark_id(DOUBLE): (2.0, "Bien."), marks.mark_id(WHY): (1.5, "Bien."),
    }  # fmt: skip
    assert b"ada,a@ici.fr,14\r\n" in paths[0].read_bytes() and b"dan,,8" in paths[0].read_bytes()
    assert len(values(load_workbook(paths[1])["Critères"])) == 3
    assert b"sur 20" in paths[3].read_bytes() and b"Les r" in paths[3].read_bytes()
