"""La commande ``d2l-fr`` et le carnet : ce qu'ils refusent, et ce qui reste quand tout s'arrête."""

import logging

import pytest
from nbgrader.converters.base import NbGraderException

from classe import OWN, RIGHT, fill, hand_in, handed_out, own_course, recorded, run
from d2l_fr.assignments import cli, gradebook
from d2l_fr.assignments.course import Assignment, Course, CourseError
from d2l_fr.assignments.grading import Verdict
from d2l_fr.assignments.notebook import build, setup_source
from d2l_fr.exercises.source import parse


def altered(*change):
    assert change[0] in OWN
    return Assignment("x", "X", "x" * 12, [parse("essai", OWN.replace(*change))["double"]])


def test_a_solution_that_fails_its_own_exam_is_not_given():
    exam = (
        '''def seul(compare, require, rng):\n    """1 point : un tableau d'une seule valeur."""\n'''
    )
    with pytest.raises(CourseError) as info:
        cli._prove(altered(exam, exam + "    require(False, 'jamais content.')\n"))
    assert str(info.value) == (
        "Exercice « essai.double », solution : elle échoue à ses épreuves. Jamais content."
    )


class Tired:
    """Un correcteur qu'on interrompt à la seconde copie."""

    def __init__(self, course):
        self.course, self.graded = course, []

    def grade(self, student):
        if self.graded:
            raise KeyboardInterrupt
        self.graded.append(student)
        return Verdict("clé", student)


def test_an_interrupted_grading_stops_and_keeps_what_is_done(tmp_path, monkeypatch, capsys):
    grader = Tired(Course(tmp_path))
    with pytest.raises(KeyboardInterrupt):
        cli._grade_all(grader, [f"e{n}" for n in range(50)], 1)
    assert grader.graded == ["e0"]

    def interrupted(options):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_list", interrupted)
    assert run("lister", root=tmp_path) == 130
    assert "la même commande reprend la suite" in capsys.readouterr().err


def test_a_short_seed_is_said_to_be_guessable(tmp_path, monkeypatch, capsys):
    (tmp_path / "exercices").mkdir()
    (tmp_path / "exercices" / "essai.md").write_text(OWN, "utf-8")
    monkeypatch.setattr(gradebook, "publish", lambda course, assignment: [])
    create = ("creer", "essai-1", "--exercices", "essai.double", "--graine", "court")
    assert run(*create, "--depot", "https://exemple.fr/cours/", root=tmp_path) == 0
    said = capsys.readouterr()
    assert "une graine aussi courte se devine" in said.err
    assert "Colab" not in said.out
    made = Course(tmp_path).load("essai-1")
    assert (made.seed, made.title) == ("court", "Essai 1")
    assert '%pip install -q "git+https://exemple.fr/cours"' in setup_source(made)


# ---------- le carnet


def test_nbgrader_alone_has_no_verdict_to_apply():
    assignment = Assignment("x", "X", "x" * 12, list(parse("essai", OWN).values()))
    with pytest.raises(RuntimeError, match="Corrigez par « d2l-fr devoir corriger »"):
        gradebook.ApplyVerdict().preprocess(build(assignment), {"nbgrader": {"student": "ada"}})


def test_a_failure_of_nbgrader_names_its_log(tmp_path):
    class Failing:
        def __init__(self, **options):
            self.log = None

        def start(self):
            self.log.warning("le disque est plein")
            raise NbGraderException("raté")

    course = Course(tmp_path)
    course.private.mkdir()
    with pytest.raises(CourseError, match="nbgrader a échoué ; voir "):
        gradebook._run(course, Failing, gradebook._directory(course, "x"))
    assert "le disque est plein" in (course.private / "nbgrader.log").read_text("utf-8")
    handlers = logging.getLogger("d2l_fr.nbgrader").handlers
    assert not any(isinstance(handler, logging.FileHandler) for handler in handlers)


def test_a_copy_that_the_gradebook_refuses_has_no_mark_and_is_tried_again(tmp_path, monkeypatch):
    course, assignment = own_course(tmp_path / "cours", exercises=["essai.double"])
    copy = fill(handed_out(course, assignment), assignment, RIGHT)
    for stamp in ("timestamp.txt", "submission_secret.txt"):
        hand_in(course, assignment, "ada", "2030-01-01 00:00:00 UTC", file=stamp)
    names = [criterion.name for criterion in assignment.code[0].criteria]
    verdict = Verdict("clé", "ada", marks={"essai.double": [
        {"name": name, "text": "t", "points": 1, "earned": 1, "message": "", "detail": ""}
        for name in names
    ]})  # fmt: skip
    copies = {"ada": (copy, verdict)}

    def broken(*arguments, **options):
        raise CourseError("raté")

    with monkeypatch.context() as patch:
        patch.setattr(gradebook, "_run", broken)
        failed = gradebook.record(course, assignment, copies, ["ada"])
    assert failed == [("ada", "CourseError : raté")]
    assert gradebook.recorded(course, "essai-1")["ada"]["key"] is None
    assert recorded(course, assignment) == {}
    assert gradebook.record(course, assignment, copies, ["ada"]) == []
    assert recorded(course, assignment) == {"ada": len(names)}
    cli._feedback_all(course, assignment, copies)
    back = course.root / "feedback" / "ada" / "essai-1"
    assert (back / "timestamp.txt").read_text("utf-8") == "2030-01-01 00:00:00 UTC"
    assert "2 sur 3 points" in (back / "essai-1.html").read_text("utf-8").replace("\u00a0", " ")
    assert gradebook.record(course, assignment, {}, []) == []  # elle est retirée
    assert recorded(course, assignment) == {} and not back.exists()
