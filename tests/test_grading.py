"""La correction vue d'ici : un processus de théâtre répond ce qu'on veut, et l'on juge la suite."""

import json
import os

import nbformat
import pytest

from classe import OWN, RIGHT, fill
from d2l_fr.assignments import grading
from d2l_fr.assignments.course import Assignment, Course
from d2l_fr.assignments.grading import Grader, Unanswered, _Remote, _Session, find_notebook
from d2l_fr.assignments.notebook import ANSWER_HERE, SubmissionError, build, read, rebuild
from d2l_fr.assignments.sandbox import Limits, Stopped
from d2l_fr.assignments.wire import encode
from d2l_fr.exercises.source import parse

EXERCISES = list(parse("essai", OWN).values())
ASSIGNMENT = Assignment("essai-1", "Essai", "une phrase secrète", EXERCISES)


class Stage:
    """Un processus isolé de théâtre : ``play`` reçoit chaque ordre et rend la réponse."""

    def __init__(self, play):
        self.play, self.boxes = play, []

    def __call__(self, limits, isolated):
        self.boxes.append(box := Box(self.play))
        return box


class Box:
    def __init__(self, play):
        self.play, self.alive, self.peak = play, True, 7

    def ask(self, order, seconds):
        assert self.alive and seconds > 0
        answer = self.play(order)
        if isinstance(answer, Exception):
            self.close()
            raise answer
        return answer

    def close(self):
        self.alive = False


@pytest.fixture
def remote(monkeypatch):
    """La fonction « f » d'un élève et sa session ; ``play`` répond, ``cells`` sont ses cellules."""

    def made(play, cells=(), **limits):
        stage = Stage(play)
        monkeypatch.setattr(grading, "Sandbox", stage)
        session = _Session("import", list(cells), Limits(**limits), True)
        return _Remote(session, "f"), session, stage

    return made


def refusal(function, *arguments):
    with pytest.raises(Unanswered) as info:
        function(*arguments)
    return str(info.value)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"absent": True}, "la fonction « f » n'est pas définie."),
        ({"erreur": "NotImplementedError"}, "la réponse n'est pas encore écrite."),
        ({"erreur": "KeyError", "ligne": 3}, "votre code lève KeyError, ligne 3 de sa cellule."),
        ({"erreur": "KeyError", "ligne": "secret"}, "votre code lève KeyError."),
        ({"erreur": "KeyError", "ligne": 10**9}, "votre code lève KeyError."),
        ({"erreur": "LaRéponseEst42"}, "votre code lève une exception."),
        ({"erreur": ["KeyError"]}, "votre code lève une exception."),
        ({"valeur": None}, "votre fonction rend None. Est-elle remplie, finit-elle par return ?"),
        ({}, "votre fonction rend None. Est-elle remplie, finit-elle par return ?"),
        (
            {"valeur": {"objet": "set"}},
            "votre fonction rend un objet d'un type que l'on n'attend",
        ),
        ({"valeur": {"x": 1}}, "votre fonction rend un résultat illisible."),
    ],
)
def test_an_answer_that_is_not_one_is_told(remote, answer, said):
    function, *_ = remote(lambda order: {} if order["ordre"] == "cellule" else answer)
    assert refusal(function).startswith(said)


def test_the_answer_comes_back_from_the_arguments(remote):
    orders = []

    def play(order):
        orders.append(order)
        return {"valeur": encode([1.0])}

    function, session, stage = remote(play, ["un", "deux"])
    assert function(3, k="a") == [1.0]
    assert [order.get("source") for order in orders] == ["import", "un", "deux", None]
    assert orders[-1]["entrees"] == encode(((3,), {"k": "a"}))
    assert function() == [1.0]
    assert len(stage.boxes) == 1  # le même processus sert à tous les appels
    session.close()
    assert session.peak == 7 and not stage.boxes[0].alive
    session.close()


def test_the_cell_that_kills_is_skipped_and_the_others_run_again(remote):
    ran = []

    def play(order):
        ran.append(order.get("source"))
        if order.get("source") == "tue()\nsuite":
            return Stopped("le temps est dépassé (1 s)")
        return {"valeur": True}

    function, session, stage = remote(play, ["a", "tue()\nsuite", "b"])
    assert function() is True
    assert ran == ["import", "a", "tue()\nsuite", "import", "a", "b", None]
    assert session.remarks == ["cellule « tue() » : le temps est dépassé (1 s) ; elle est sautée"]
    assert [box.alive for box in stage.boxes] == [False, True]


def test_the_cell_that_fails_is_the_one_that_should_have_defined(remote):
    cells = {"x = 1 / 0": "ZeroDivisionError", "def f(:": "SyntaxError", "g = 2": None}

    def play(order):
        error = cells.get(order.get("source"))
        return {"erreur": error, "ligne": 1} if error else {"absent": True}

    function, *_ = remote(play, cells)
    told = "votre cellule ne s'exécute pas : elle lève SyntaxError, ligne 1 de sa cellule."
    assert refusal(function) == told


def test_after_two_stops_the_function_is_left_alone(remote):
    asked = []

    def play(order):
        asked.append(order["ordre"])
        return Stopped("trop de mémoire") if order["ordre"] == "appel" else {}

    function, *_ = remote(play)
    for _ in range(2):
        assert refusal(function) == "votre fonction n'a pas répondu : trop de mémoire."
    assert refusal(function) == "votre fonction n'a pas répondu aux épreuves d'avant."
    assert asked.count("appel") == 2


def test_the_whole_copy_has_a_time(remote):
    function, *_ = remote(lambda order: {}, total=-1)
    assert (
        refusal(function) == "votre fonction n'a pas répondu : le temps total est dépassé (-1 s)."
    )


# ---------- trouver la copie


def copies(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for place, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("{}", "utf-8")
        os.utime(path, (place, place))
    return folder


def test_the_copy_is_the_file_of_the_right_name_or_the_latest(tmp_path):
    right = copies(tmp_path / "a", "essai-1.ipynb", "autre.ipynb", "devoir.pdf")
    assert find_notebook(right, "essai-1") == (
        right / "essai-1.ipynb", ["1 autre(s) notebook(s) laissé(s) de côté"],
    )  # fmt: skip
    several = copies(tmp_path / "b", "z.ipynb", "a.IPYNB", ".ipynb_checkpoints/essai-1.ipynb")
    assert find_notebook(several, "essai-1") == (
        several / "a.IPYNB", ["2 notebooks, aucun du nom attendu : « a.IPYNB » est corrigé"],
    )  # fmt: skip
    with pytest.raises(SubmissionError, match="aucun notebook"):
        find_notebook(copies(tmp_path / "c", "devoir.pdf"), "essai-1")
    (tmp_path / "d").symlink_to(right)
    with pytest.raises(SubmissionError, match="est un lien"):
        find_notebook(tmp_path / "d", "essai-1")


@pytest.fixture
def grader(tmp_path):
    return Grader(Course(tmp_path), ASSIGNMENT)


def hand_in(grader, student, text):
    folder = grader.course.submission(student, "essai-1")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "essai-1.ipynb").write_text(text, "utf-8")
    return folder / "essai-1.ipynb"


def test_the_key_changes_with_the_copy_only(grader):
    path = hand_in(grader, "ada", "{}")
    first = grader.key("ada")
    assert grader.key("ada") == first
    path.write_text("[]", "utf-8")
    second = grader.key("ada")
    path.rename(path.with_name("autre.ipynb"))
    renamed = grader.key("ada")
    path.symlink_to(path.with_name("autre.ipynb"))
    linked = grader.key("ada")
    assert len({first, second, renamed, linked, grader.key("personne")}) == 5


def test_a_file_that_the_disk_does_not_give_is_not_an_exception(grader, monkeypatch):
    hand_in(grader, "ada", "{}")

    def broken(path):
        raise OSError(5, "erreur d'entrée-sortie")

    monkeypatch.setattr(grading, "read", broken)
    assert grader.cells("ada") == (
        [], [], "le fichier ne se lit pas : erreur d'entrée-sortie",
    )  # fmt: skip


def test_a_copy_is_graded_and_the_verdict_kept(grader, monkeypatch):
    notebook = fill(build(ASSIGNMENT), ASSIGNMENT, RIGHT)
    hand_in(grader, "ada", nbformat.writes(notebook))
    assert grader.known("ada") is None

    def play(order):
        if order["ordre"] == "cellule":
            return {}
        if order["nom"] == "double":
            return {"erreur": "IndexError", "ligne": 2}
        return {"valeur": "un texte"}

    monkeypatch.setattr(grading, "Sandbox", Stage(play))
    verdict = grader.grade("ada")
    assert verdict == grader.known("ada")
    assert (verdict.earned("essai.double"), verdict.earned("essai.inconnu")) == (0, 0)
    double, total = verdict.marks["essai.double"], verdict.marks["essai.total"]
    assert {m["message"] for m in double} == {"Votre code lève IndexError, ligne 2 de sa cellule."}
    wrong = "Le résultat n'est pas du bon type : on attend un nombre ; vous donnez un objet str."
    assert {m["message"] for m in total} == {wrong}
    assert "entrée" in total[0]["detail"] and "entrée" not in wrong
    grader.path("ada").write_text("{", "utf-8")
    assert grader.known("ada") is None


# ---------- relire la copie


def written(tmp_path, content):
    path = tmp_path / "copie.ipynb"
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "est vide"),
        ("[1]", "n'est pas un notebook"),
        ({"cells": 3}, "abîmé ou tronqué"),
        ({"cells": [{"cell_type": "code", "source": 3}]}, "n'est pas du texte"),
        ({"cells": [{"cell_type": "code", "source": ""}] * 501}, r"trop de cellules \(501\)"),
        ({"nbformat": 99, "cells": []}, "ne se convertit pas|abîmé"),
        (" " * 10_000_001, "trop gros"),
    ],
)
def test_an_unreadable_copy_says_why(tmp_path, content, said):
    with pytest.raises(SubmissionError, match=said):
        read(written(tmp_path, content))
    with pytest.raises(SubmissionError, match="pas un fichier ordinaire"):
        read(tmp_path)


def test_a_missing_answer_is_named_and_nothing_of_the_student_takes_its_place():
    base = build(ASSIGNMENT)
    cells = [
        {"kind": "markdown", "source": "# bonjour", "id": None},
        {"kind": "code", "source": "def total(n): return 0", "id": "reponse-essai-total"},
        {"kind": "code", "source": "le double", "id": "note-essai-double"},
    ]
    notebook, run, remarks = rebuild(ASSIGNMENT, base, cells)
    sources = {c.metadata.get("nbgrader", {}).get("grade_id"): c.source for c in notebook.cells}
    assert run == ["def total(n): return 0"]
    assert remarks == [
        f"la cellule de réponse de « {title} » manque" for title in ("Le double", "Pourquoi ?")
    ]
    assert sources["reponse-essai-double"] == ""
    assert sources["reponse-essai-pourquoi"] == ANSWER_HERE
    assert sources["note-essai-double"] != "le double"
    assert sources[None] == "# bonjour"
