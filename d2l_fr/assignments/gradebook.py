"""Passe les verdicts à nbgrader : copies annotées, notes, notation à la main des questions.

nbgrader n'exécute rien ici. Il reçoit des copies remises en état (``.d2l-fr/copies``), et un
préprocesseur y pose, à la place de l'exécution, les points et le compte rendu du verdict.
"""

import contextlib
import hashlib
import json
import logging
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeAlias, TypedDict

import nbformat
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters import Autograde, BaseConverter, GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearOutput,
    ComputeChecksums,
    LockCells,
    NbGraderPreprocessor,
    OverwriteCells,
    SaveAutoGrades,
    SaveCells,
)
from sqlalchemy.exc import SAWarning
from traitlets.config import Config

from d2l_fr.assignments.course import Assignment, Course, CourseError, Student, write
from d2l_fr.assignments.grading import Verdict
from d2l_fr.assignments.notebook import (
    answer_id,
    build,
    mark_id,
    plain,
    solution_notebook,
    statement,
)

__all__ = [
    "ApplyVerdict",
    "hand_out",
    "open_gradebook",
    "publish",
    "record",
    "recorded",
    "setup_course",
]

# Élève → sa copie remise en état, et son verdict.
Copies: TypeAlias = Mapping[str, tuple[NotebookNode, Verdict]]


class Recorded(TypedDict):
    """Ce que le carnet contient d'une copie : la clé de son verdict, des empreintes de réponses."""

    key: str | None
    answers: dict[str, str]


_UNKNOWN: Recorded = {"key": None, "answers": {}}


COURSE_CONFIG = """\
# Le cours, vu de nbgrader. Les copies se corrigent par « d2l-fr devoir corriger », à l'abri ;
# « nbgrader autograde », qui exécuterait le code des élèves avec vos droits, est neutralisé.
c = get_config()  # noqa: F821

c.CourseDirectory.course_id = {course!r}
c.CourseDirectory.submitted_directory = "submitted"
c.Autograde.sanitize_preprocessors = ["d2l_fr.assignments.gradebook.ApplyVerdict"]
c.Autograde.autograde_preprocessors = ["d2l_fr.assignments.gradebook.ApplyVerdict"]
# L'échange d'un JupyterHub : plus méfiant que celui de nbgrader (deux lignes à ôter avec ngshare).
c.ExchangeFactory.collect = "d2l_fr.assignments.exchange.Collect"
c.ExchangeFactory.release_assignment = "d2l_fr.assignments.exchange.Release"
"""


class ApplyVerdict(NbGraderPreprocessor):
    """Pose dans une copie les points et le compte rendu du verdict, sans rien exécuter."""

    verdicts: ClassVar[dict[str, tuple[Assignment, Verdict]]] = {}  # rempli par ``record``

    def preprocess(
        self, notebook: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Rend la copie annotée. Lève ``RuntimeError`` si la copie n'a pas été corrigée ici."""
        student = resources["nbgrader"]["student"]
        if student not in self.verdicts:
            raise RuntimeError(
                "Corrigez par « d2l-fr devoir corriger » : nbgrader seul exécuterait le code des "
                "élèves sans protection."
            )
        assignment, verdict = self.verdicts[student]
        by_cell = {mark_id(exercise): exercise for exercise in assignment.code}
        statements = _statements(assignment, student)
        for cell in notebook.cells:
            label = cell.metadata.get("nbgrader", {}).get("grade_id")
            if label in statements:
                cell.source = statements[label]
            exercise = by_cell.get(label)
            if exercise is None:
                continue
            marks = verdict.marks[exercise.identifier]
            text = "\n".join(
                f"{mark['earned']}/{mark['points']}  {mark['text']}"
                + (f"\n      {mark['message']}" if mark["message"] else "")
                for mark in marks
            )
            cell.outputs = [
                nbformat.v4.new_output("stream", name="stdout", text=text + "\n"),
                nbformat.v4.new_output(
                    "execute_result",
                    data={"text/plain": str(float(verdict.earned(exercise.identifier)))},
                    execution_count=1,
                ),
            ]
            cell.execution_count = 1
        return notebook, resources


def _statements(assignment: Assignment, student: str) -> dict[str, str]:
    """Les énoncés qu'a lus l'élève ; sous ceux des questions, le barème de qui les note."""
    found = {}
    for number, exercise in enumerate(assignment.exercises, 1):
        variant = assignment.draw(exercise, student).variant
        text = statement(exercise, number, variant)
        if exercise.grid:
            text += plain(f"\n\n**Barème**\n\n{exercise.grid}")
        found[f"enonce-{exercise.section}-{exercise.name}"] = text
    return found


def setup_course(course: Course) -> None:
    """Écrit ``nbgrader_config.py`` et les dossiers du cours, s'ils manquent."""
    course.folder("release")
    for name in ("source", "submitted", "autograded", "feedback", "notes", "corriges"):
        if not (course.root / name).exists():  # copies et notes : à l'enseignant seul
            course.folder(name).chmod(0o700)
    course.private.mkdir(mode=0o700, exist_ok=True)
    path = course.root / "nbgrader_config.py"
    if not path.exists():
        name = "".join(c if c.isascii() and c.isalnum() else "-" for c in course.root.name.lower())
        path.write_text(COURSE_CONFIG.format(course=name.strip("-") or "cours"), "utf-8")
    ignored = course.root / ".gitignore"
    if not ignored.exists():
        lines = ["# Graines, notes, copies : rien de cela ne se publie.", ".d2l-fr/", "source/"]
        lines += ["submitted/", "autograded/", "feedback/", "notes/", "corriges/", "exercices/"]
        lines += ["distribution/", "gradebook.db*", "*.csv", "*.zip"]
        ignored.write_text("\n".join(lines) + "\n", "utf-8")


def _directory(course: Course, name: str, student: str = "*") -> CourseDirectory:
    """Le cours, pour les outils de nbgrader."""
    config = Config()
    config.CourseDirectory.root = str(course.root)
    config.CourseDirectory.assignment_id = name
    config.CourseDirectory.student_id = student
    config.CourseDirectory.submitted_directory = ".d2l-fr/copies"
    return CourseDirectory(config=config)


def open_gradebook(course: Course) -> Gradebook:
    """Le carnet de notes du cours ; à employer avec ``with``."""
    return Gradebook(f"sqlite:///{course.root / 'gradebook.db'}")


@contextlib.contextmanager
def _nbgrader(course: Course) -> Iterator[logging.Logger]:
    """Le temps d'un appel à nbgrader : son journal dans un fichier, ses outils sur le chemin."""
    logger = logging.getLogger("d2l_fr.nbgrader")
    logger.propagate = False
    logger.setLevel(logging.WARNING)
    handler = logging.FileHandler(course.private / "nbgrader.log", encoding="utf-8", delay=True)
    logger.addHandler(handler)
    before = os.environ.get("PATH", "")
    # Pour créer le carnet, nbgrader lance « alembic », installé à côté de Python.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{before}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)  # de nbgrader, avec SQLAlchemy 2
            yield logger
    finally:
        os.environ["PATH"] = before
        logger.removeHandler(handler)
        handler.close()


def _run(
    course: Course,
    kind: type[BaseConverter],
    directory: CourseDirectory,
    **lists: list[type[Preprocessor]],
) -> None:
    """Lance un convertisseur de nbgrader. Lève ``CourseError`` s'il échoue."""
    with _nbgrader(course) as logger:
        converter = kind(coursedir=directory, parent=None, force=True)
        converter.log = logger
        for name, value in lists.items():
            setattr(converter, name, value)
        try:
            converter.start()
        except NbGraderException as error:
            raise CourseError(
                f"nbgrader a échoué ; voir {course.private / 'nbgrader.log'}."
            ) from error


def _forget(course: Course, name: str) -> None:
    """Ôte ce qui reste d'un devoir du même nom : copies, verdicts, comptes rendus, notes."""
    for pattern in ("autograded/*", "feedback/*", "distribution", ".d2l-fr/verdicts",
                    ".d2l-fr/copies/*"):  # fmt: skip
        for old in course.root.glob(f"{pattern}/{name}"):
            shutil.rmtree(old, ignore_errors=True)
    _state_path(course, name).unlink(missing_ok=True)
    if (course.root / "gradebook.db").exists():
        with open_gradebook(course) as gradebook, contextlib.suppress(MissingEntry):
            for submission in gradebook.assignment_submissions(name):
                gradebook.remove_submission(name, submission.student.id)


def publish(course: Course, assignment: Assignment) -> list[Path]:
    """Écrit le devoir dans le cours : source, version des élèves, corrigé ; rend ses fichiers."""
    setup_course(course)
    name = assignment.name
    _forget(course, name)
    notebook = build(assignment)
    folder = course.folder("source", name)
    for old in folder.glob("*.ipynb"):
        old.unlink()
    nbformat.write(notebook, folder / f"{name}.ipynb")
    steps = [LockCells, ClearOutput, CheckCellMetadata, ComputeChecksums, SaveCells]
    _run(course, GenerateAssignment, _directory(course, name, "."), preprocessors=steps)
    (course.root / "gradebook.db").chmod(0o600)
    release = course.root / "release" / name / f"{name}.ipynb"
    found = [release]
    if assignment.per_student:
        return [*found, *hand_out(course, assignment, assignment.students)]
    answers = course.folder("corriges", name)
    nbformat.write(solution_notebook(assignment), answers / f"{name}.ipynb")
    return found


def hand_out(course: Course, assignment: Assignment, students: Iterable[Student]) -> list[Path]:
    """Écrit le notebook et le corrigé de chacun de ces élèves ; rend les notebooks."""
    name, found = assignment.name, []
    release = nbformat.read(course.root / "release" / name / f"{name}.ipynb", 4)
    checksums = {c.metadata.nbgrader.grade_id: c.metadata.nbgrader.checksum for c in release.cells}
    answers = course.folder("corriges", name)
    for student in students:
        own = build(assignment, student.id)
        for cell in own.cells:  # comme nbgrader, pour que sa validation reconnaisse la copie
            cell.metadata.nbgrader["checksum"] = checksums[cell.metadata.nbgrader.grade_id]
        path = course.folder("distribution", name, student.id) / f"{name}.ipynb"
        nbformat.write(own, path)
        nbformat.write(solution_notebook(assignment, student.id), answers / f"{student.id}.ipynb")
        found.append(path)
    return found


def _answers(notebook: NotebookNode, assignment: Assignment) -> dict[str, str]:
    """L'empreinte de chaque réponse : une note donnée à la main ne vaut que pour celle-là."""
    cells = {c.metadata.get("nbgrader", {}).get("grade_id"): c.source for c in notebook.cells}
    return {
        mark_id(e): hashlib.sha256(str(cells.get(answer_id(e))).encode()).hexdigest()
        for e in assignment.exercises
    }


def _state_path(course: Course, name: str) -> Path:
    return course.private / "enregistres" / f"{name}.json"


def recorded(course: Course, name: str) -> dict[str, Recorded]:
    """Ce que le carnet contient : élève → ``key`` du verdict, et ``answers``, des empreintes."""
    try:
        found: dict[str, Recorded] = json.loads(_state_path(course, name).read_text("utf-8"))
        return found
    except (OSError, ValueError):
        return {}


def record(
    course: Course,
    assignment: Assignment,
    copies: Copies,
    submitters: Iterable[str],
    progress: Callable[[str], object] = lambda student: None,
) -> list[tuple[str, str]]:
    """Passe les copies corrigées à nbgrader ; rend une liste (élève, raison) des échecs.

    ``copies`` : élève → (notebook remis en état, verdict) ; ``submitters`` : tous ceux qui ont
    rendu. Une copie retirée sort du carnet.
    """
    name = assignment.name
    state_path, state = _state_path(course, name), recorded(course, name)
    failed = []
    with open_gradebook(course) as gradebook:
        for gone in set(state) - set(submitters):
            with contextlib.suppress(MissingEntry):
                gradebook.remove_submission(name, gone)
            for place in ("autograded", "feedback"):
                shutil.rmtree(course.root / place / gone / name, ignore_errors=True)
            del state[gone]
    write(state_path, json.dumps(state))
    for student, (notebook, verdict) in copies.items():
        progress(student)
        saved = course.root / "autograded" / student / name / f"{name}.ipynb"
        if state.get(student, _UNKNOWN).get("key") == verdict.key and saved.is_file():
            continue
        answers = _answers(notebook, assignment)
        before = state.get(student, _UNKNOWN).get("answers", {})
        # Tant que l'enregistrement n'est pas fini, aucune note de cette copie ne vaut.
        state[student] = {"key": None, "answers": before}
        write(state_path, json.dumps(state))
        folder = course.private / "copies" / student / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / f"{name}.ipynb")
        if stamp := course.stamp(student, name, "timestamp.txt"):
            shutil.copy(stamp, folder)
        ApplyVerdict.verdicts = {student: (assignment, verdict)}
        steps = {
            "sanitize_preprocessors": [ClearOutput, OverwriteCells, CheckCellMetadata],
            "autograde_preprocessors": [ApplyVerdict, SaveAutoGrades, AssignLatePenalties],
        }
        try:
            _run(course, Autograde, _directory(course, name, student), **steps)
            _complete(course, assignment, student, before, answers)
        except Exception as error:
            failed.append((student, f"{type(error).__name__} : {error}"))
            continue
        state[student] = {"key": verdict.key, "answers": answers}
        write(state_path, json.dumps(state))
    ApplyVerdict.verdicts = {}
    return failed


def _complete(
    course: Course,
    assignment: Assignment,
    identifier: str,
    before: dict[str, str],
    answers: dict[str, str],
) -> None:
    """Donne son nom à l'élève ; efface notes et mots écrits pour une réponse qui a changé."""
    name = assignment.name
    student = next((s for s in assignment.students if s.id == identifier), None)
    with open_gradebook(course) as gradebook:
        if student is not None:
            gradebook.update_or_create_student(
                identifier, last_name=student.last_name, first_name=student.first_name,
                email=student.email,
            )  # fmt: skip
        for exercise in assignment.exercises:
            cell = mark_id(exercise)
            if before and before.get(cell) == answers[cell]:
                continue
            with contextlib.suppress(MissingEntry):
                grade = gradebook.find_grade(cell, name, name, identifier)
                grade.manual_score = grade.extra_credit = None
                grade.needs_manual_grade = grade.auto_score is None
            with contextlib.suppress(MissingEntry):
                comment = gradebook.find_comment(answer_id(exercise), name, name, identifier)
                comment.manual_comment = None
        gradebook.db.commit()
