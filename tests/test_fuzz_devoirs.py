"""Exercices, copies, listes et archives au hasard : lus, ou refusés par l'erreur annoncée."""

import json
import math
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from d2l_fr.assignments import cli
from d2l_fr.assignments.collect import collect, give_back
from d2l_fr.assignments.course import Assignment, Course, CourseError, Student, read_students
from d2l_fr.assignments.examples import check_examples
from d2l_fr.assignments.notebook import SubmissionError, harmless, read
from d2l_fr.exercises import ExerciseError, load_exercise
from d2l_fr.exercises.compare import difference, show
from d2l_fr.exercises.source import Exercise, parse
from hasard import fuzz
from test_source import EXAMPLE

ODD = "\0\u202e\u2066\u200d\u0301\r\x0b\x1c\x85\u2028\ufeff\"'`,;:.#=()[]{}<> \n\tÉœé-_@019"
TEXT = st.text(st.characters(codec="utf-8") | st.sampled_from(ODD), max_size=40)

# ---------- les exercices

LINES = EXAMPLE.splitlines(keepends=True)


@fuzz(80)
@given(st.data())
def test_a_damaged_exercise_is_read_or_refused(data):
    """On ôte, répète, échange ou remplace des lignes d'un exercice bien écrit."""
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(lines) - 1))
        other = data.draw(st.sampled_from(LINES) | TEXT | st.just(""))
        lines[place : place + data.draw(st.integers(0, 2))] = [other]
    parsed_or_refused("".join(lines))


@pytest.mark.parametrize(
    "change",
    [
        (":difficulte: 1", ":difficulte: facile"),
        (":minutes: 5", ":minutes: 5 min"),
        (":minutes: 5", ":minutes: " + "9" * 5000),
        ("    ...\n", "    ...\0\n"),
        ("    ...\n", "    " + "(" * 3000 + ")" * 3000 + "\n"),
        ("    ...\n", "    " + "-" * 100_000 + "1\n"),
    ],
)
def test_a_field_or_a_block_that_python_refuses(change):
    with pytest.raises(ExerciseError, match="moyenne"):
        parse("essai", EXAMPLE.replace(*change, 1))


def parsed_or_refused(text):
    try:
        found = parse("essai", text)
    except ExerciseError as error:
        assert str(error).startswith("d2l_fr/exercises/essai.md")
        return
    for name, exercise in found.items():
        assert isinstance(exercise, Exercise) and exercise.name == name
        assert exercise.explanation and exercise.kind in text


@fuzz(40)
@given(TEXT | st.integers() | st.none())
def test_an_unknown_exercise_is_refused(identifier):
    with pytest.raises(ExerciseError, match="Aucun exercice ne s'appelle"):
        load_exercise(identifier)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | TEXT
    | st.binary(max_size=3)
    | st.sampled_from([
        np.array(2), np.array([1, np.nan]), np.array(["a"]), np.array([None]), np.ones((0, 2)),
        np.array([1 + 2j]), np.array([True]), torch.tensor(3), torch.ones(2, 2), 
        torch.tensor([True]), torch.zeros(0), np.float32("inf"), np.str_("é"), np.arange(20.0),
    ]),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner) | st.dictionaries(TEXT, inner),
    max_leaves=5,
)  # fmt: skip


@fuzz(120)
@given(VALUES, VALUES, st.booleans())
@example([10**400], [1.5], True)
@example(10**400, 1j, False)
@example(2.0, 10**400, False)
@example(math.nan, 1.0, False)
def test_any_two_values_are_compared(got, expected, reveal):
    problem = difference(got, expected, reveal=reveal)
    assert problem is None or problem.endswith(".")
    assert len(show(got)) <= 90 and "\n" not in show(np.arange(6).reshape(2, 3))


# ---------- les copies


@fuzz(60)
@given(TEXT | st.binary(max_size=60))
@example("[" * 200_000)
@example('{"cells": ' + "[" * 100_000)
@example('{"cells": [], "nbformat": ' + "9" * 5000 + "}")
@example('{"cells": [{"source": "\\u0000\\u202e", "cell_type": "code"}]}')
def test_any_file_is_a_copy_or_is_refused(tmp_path, content):
    path = tmp_path / "copie.ipynb"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    try:
        cells, _ = read(path)
    except SubmissionError as error:
        assert str(error)
        return
    assert all(isinstance(harmless(cell["source"]), str) for cell in cells)


@fuzz(40)
@given(TEXT | st.binary(max_size=40).map(lambda data: data.decode("latin-1")))
def test_examples_that_were_edited_are_refused(text):
    with pytest.raises(ValueError, match="exemples"):
        check_examples("sequence.x", lambda: 0, text)


# ---------- les listes


CASES = st.sampled_from(["identifiant", "Nom", "id", "a", "b"]) | TEXT


@fuzz(120)
@given(st.lists(st.lists(CASES, max_size=4), max_size=5), st.sampled_from(",;\t"))
@example([["identifiant"], ["x" * 200_000]], ",")
@example([["identifiant", "nom"], ["a", '"' + "y" * 200_000]], ",")
def test_any_list_is_read_or_refused(tmp_path, rows, separator):
    path = tmp_path / "liste.csv"
    path.write_bytes("\n".join(separator.join(row) for row in rows).encode())
    try:
        students = read_students(path)
    except CourseError as error:
        assert "liste.csv" in str(error)
        return
    names = [student.id.lower() for student in students]
    assert names and len(set(names)) == len(names)
    assert all(Path(name).name == name and name not in (".", "..") for name in names)


@fuzz(30)
@given(st.binary(max_size=60))
def test_bytes_that_are_not_a_list_are_refused(tmp_path, data):
    path = tmp_path / "liste.csv"
    path.write_bytes(b"\xff" + data)
    with pytest.raises(CourseError, match="UTF-8"):
        read_students(path)


# ---------- les archives

NAMES = st.sampled_from([
    "ana/s1.ipynb", "Ana Le Goff_12_assignsubmission_file/s1.ipynb", "bob.ipynb", "bob_leroi.ipynb",
    "../ana.ipynb", "/ana.ipynb", "a\\ana.ipynb", "ana.IPYNB", "", ".", "./", "/", "..", "ana/",
    "\u202egpj.ipynb", "ana/\0.ipynb", "x" * 300 + ".ipynb",
]) | TEXT  # fmt: skip
STUDENTS = [Student("ana", "Le Goff", "Ana"), Student("bob", "", ""), Student("bob_leroi", "", "")]


@pytest.fixture
def course(tmp_path):
    return Course(tmp_path / "cours")


def assignment():
    return Assignment("s1", "Semaine 1", "graine", [], students=STUDENTS)


def archive(path, names):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name in dict.fromkeys(names):
            out.writestr(zipfile.ZipInfo(name), json.dumps({"cells": []}))
    return path


@fuzz(50)
@given(st.lists(NAMES, max_size=5))
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_any_archive_is_sorted_inside_the_course(course, tmp_path, names):
    path = archive(tmp_path / "copies.zip", names)
    taken, left = collect(course, assignment(), path)
    assert set(taken) <= {student.id for student in STUDENTS}
    assert len(left) <= len(names)
    written = list(tmp_path.rglob("*.ipynb"))
    assert all((course.root / "submitted") in p.parents for p in written)
    try:
        give_back(course, assignment(), path, {"ana"})
    except CourseError as error:
        assert "élève" in str(error)


@fuzz(50)
@given(st.data())
def test_a_damaged_archive_is_refused_and_keeps_the_copies(course, tmp_path, data):
    path = archive(tmp_path / "copies.zip", ["ana/s1.ipynb", "bob.ipynb"])
    collect(course, assignment(), path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    for work in (collect, lambda *a: give_back(*a, {"ana"})):
        try:
            work(course, assignment(), path)
        except CourseError as error:
            assert str(error)
    kept = course.root / "submitted" / "ana" / "s1" / "s1.ipynb"
    assert kept.read_bytes()


def test_the_longest_name_is_the_owner(course, tmp_path):
    path = archive(tmp_path / "copies.zip", ["bob_leroi.ipynb", "bob_12.ipynb", "ana_x/s1.ipynb"])
    assert collect(course, assignment(), path) == (["ana", "bob", "bob_leroi"], [])


# ---------- la commande

WORDS = st.sampled_from([
    "devoir", "creer", "notes", "inscrire", "ramasser", "lister", "--cours", "--exercices", "--sur",
    "--liste", "sequence.x", "semaine-1", "--titre", "../x", "-1", "nan", "--tout", "rendre",
]) | TEXT  # fmt: skip


@fuzz(60)
@given(st.sampled_from(["creer", "notes", "inscrire", "ramasser", "lister", "rendre", "corriger"]),
       st.lists(WORDS, max_size=4))  # fmt: skip
@example("notes", ["s1", "--sur", "nan"])
@example("ramasser", ["s1", "a\0b"])
@example("inscrire", ["s1", "a\0b"])
@example("creer", ["s1", "--liste", "a\0b"])
def test_any_command_line_ends_in_french(tmp_path, capsys, action, words):
    folder = str(tmp_path / "cours")
    words = [word for word in words if not word.startswith("--cours")]
    try:
        code = cli.main(["devoir", action, "--cours", folder, *words])
    except SystemExit as stop:  # argparse a refusé la ligne
        code = stop.code
    shown = capsys.readouterr()
    assert code in (0, 2) and (code == 0 or shown.err)
    assert "Traceback" not in shown.err
