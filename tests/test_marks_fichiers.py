"""Les notes : ce que reçoivent Moodle et le tableur, ce qui n'est pas encore une note."""

import csv
import io
import re

import pytest
from openpyxl import load_workbook

from classe import OWN
from d2l_fr.assignments.course import Assignment
from d2l_fr.assignments.grading import Verdict
from d2l_fr.assignments.marks import Row, distribution, missed, moodle_csv, spreadsheet, summary
from d2l_fr.exercises.source import parse

EXERCISES = list(parse("essai", OWN).values())
ASSIGNMENT = Assignment("essai-1", "Essai", "une phrase secrète", EXERCISES)
NAMES = [e.identifier for e in EXERCISES]
ADA, ZOE = (dict(zip(NAMES, marks, strict=True)) for marks in ((3.0, 2.0, 1.5), (1.0, 3.0, None)))
TABLE = [
    Row("ada", "Lovelace", "=1+1", "ada@exemple.fr", ADA, 6.5, True),
    Row("zoe", "", "", "", ZOE, 4.0, False),
    Row("max", "", "", "", dict.fromkeys(NAMES, 0.0), 0.0, True, "le fichier est vide"),
    Row("eva", "Roux\x07", "", "", {}, None, True),
]


def verdict(student, earned, message="Relisez l'énoncé.", **options):
    """Un verdict où chaque critère de code vaut ``earned`` (zéro, ou tous ses points)."""
    marks = {
        e.identifier: [
            {"name": c.name, "text": c.text, "points": c.points, "earned": earned and c.points,
             "message": "" if earned else message, "detail": "avec l'entrée (1)"}
            for c in e.criteria
        ]
        for e in ASSIGNMENT.code
    }  # fmt: skip
    return Verdict("clé", student, marks=marks, **options)


VERDICTS = {
    "ada": verdict("ada", True),
    "zoe": verdict("zoe", False),
    "max": verdict("max", False, "illisible", problem="le fichier est vide"),
}


def moodle(table=TABLE, **options):
    text = moodle_csv(table, ASSIGNMENT, **options).decode("utf-8")
    return list(csv.reader(text.splitlines()))


def test_moodle_receives_only_what_is_final():
    head = ["Numéro d'identification", "Adresse de courriel", "Essai"]
    assert moodle() == [head, ["ada", "ada@exemple.fr", "6.5"]]
    everything = [["zoe", "", "4"], ["max", "", "0"]]
    assert moodle(everything=True) == [head, ["ada", "ada@exemple.fr", "6.5"], *everything]
    assert moodle(scale=20)[1][2] == f"{round(6.5 * 20 / 9, 2):g}"
    assert moodle(TABLE[3:]) == [["Numéro d'identification", "Essai"]]


def test_what_was_missed_comes_first_and_unreadable_copies_do_not_count():
    lines = missed(ASSIGNMENT, VERDICTS | {"tom": verdict("tom", True)})
    assert len(lines) == 4
    assert {round(part, 3) for _, _, part, _ in lines} == {0.667}
    assert {tuple(reasons) for *_, reasons in lines} == {(("Relisez l'énoncé.", 1),)}
    partial = VERDICTS["ada"]
    partial = Verdict(
        "clé", "ada", marks={k: [dict(m) for m in v] for k, v in partial.marks.items()}
    )
    partial.marks["essai.total"][1] |= {"earned": 0, "message": "Et la liste vide ?"}
    (exercise, criterion, part, reasons), *rest = missed(ASSIGNMENT, {"ada": partial})
    assert (exercise.identifier, criterion.name, part) == ("essai.total", "vide", 0.0)
    assert reasons == [("Et la liste vide ?", 1)]
    assert [line[2] for line in rest] == [1.0] * 3
    assert {line[2] for line in missed(ASSIGNMENT, {})} == {0.0}


@pytest.mark.parametrize("scale", [None, 20])
def test_the_workbook_says_what_each_mark_lacks(scale):
    lines = missed(ASSIGNMENT, VERDICTS)
    book = load_workbook(io.BytesIO(spreadsheet(TABLE, ASSIGNMENT, VERDICTS, lines, scale)))
    heads, *rows = book["Notes"].iter_rows(values_only=True)
    assert heads[6 : 7 + bool(scale)] == ("Total (/9)", "Note (/20)")[: 1 + bool(scale)]
    remarks = {row[0]: row[-1] for row in rows}
    assert remarks == {
        "ada": None, "zoe": "reste à noter à la main", "max": "le fichier est vide",
        "eva": "rien rendu",
    }  # fmt: skip
    assert rows[0][2] == "=1+1" and book["Notes"].cell(2, 3).data_type == "s"
    assert rows[3][1] == "Roux"  # un classeur n'admet pas les caractères de commande
    assert book["Critères"].cell(2, 4).value == 0.5
    students = [row[0] for row in book["Détail"].iter_rows(min_row=2, values_only=True)]
    assert students == ["zoe"] * 4 + ["max"] * 4


def test_the_summary_counts_only_the_copies_that_were_read():
    lines = missed(ASSIGNMENT, VERDICTS)
    text = re.sub("[\u00a0\u202f]", " ", summary(TABLE, ASSIGNMENT, lines, b"image"))
    assert "2 copies, moyenne 5,2 sur 9." in text
    assert "Copies illisibles, hors de ce compte : 1." in text
    assert "Élèves sans copie : 1." in text
    assert "Questions encore à noter dans 1 d’entre elles" in text
    assert "<td>50 %</td>" in text and "1 × Relisez l’énoncé." in text
    assert "<strong>Pourquoi ?</strong> : moyenne 1,5 sur 3 points." in text
    nothing = summary(TABLE[3:], ASSIGNMENT, missed(ASSIGNMENT, {"ada": VERDICTS["ada"]}), b"")
    assert "moyenne – sur 9" in re.sub("\u00a0", " ", nothing) and "<p>Rien.</p>" in nothing


def test_the_marks_are_drawn_even_when_there_are_none():
    drawn, empty = (distribution(table, ASSIGNMENT) for table in (TABLE, TABLE[2:]))
    assert drawn[:4] == empty[:4] == b"\x89PNG" and drawn != empty
    assert distribution(TABLE, ASSIGNMENT, 100) != drawn
