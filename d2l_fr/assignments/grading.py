"""Corrige une copie : le code tourne dans un processus isolé, la comparaison se fait ici.

Une entrée part vers le processus de l'élève, un résultat en revient, et c'est de ce côté-ci,
où son code n'a jamais accès, qu'on le compare à celui de la solution. Rien de ce qu'il redéfinit
chez lui (``__eq__``, ``numpy.allclose``, ``d2l.check_examples``) ne peut changer la note.
"""

import builtins
import hashlib
import json
import re
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TypedDict

from d2l_fr.assignments.course import Assignment, Course, write
from d2l_fr.assignments.notebook import (
    Cell,
    SubmissionError,
    answer_id,
    build,
    read,
    rebuild,
    setup_source,
)
from d2l_fr.assignments.sandbox import Limits, Sandbox, Stopped
from d2l_fr.assignments.wire import Opaque, WireError, decode, encode
from d2l_fr.exercises.checks import Failure, grade
from d2l_fr.exercises.source import Exercise

__all__ = ["Grader", "Verdict", "find_notebook"]


class Mark(TypedDict):
    """Un critère noté : ses points, le message pour l'élève, le détail pour l'enseignant seul."""

    name: str
    text: str
    points: int
    earned: int
    message: str
    detail: str


VERSION = 1  # à changer quand la même copie peut recevoir une autre note


class Unanswered(Failure):
    """La fonction n'a pas rendu de résultat ; le message peut être montré à l'élève."""

    unanswered = True


@dataclass
class Verdict:
    """Ce que la correction a trouvé dans une copie.

    ``key`` change dès que la copie, le devoir ou le correcteur change. ``problem`` dit pourquoi la
    copie est illisible, ou vaut None. ``marks`` : exercice → liste de critères, avec les points
    ``earned``, le ``message`` pour l'élève et le ``detail`` pour l'enseignant seul.
    """

    key: str
    student: str
    problem: str | None = None
    remarks: list[str] = field(default_factory=list)
    marks: dict[str, list[Mark]] = field(default_factory=dict)
    seconds: float = 0.0
    memory: int = 0

    def earned(self, identifier: str) -> int:
        """Les points d'un exercice."""
        return sum(mark["earned"] for mark in self.marks.get(identifier, ()))


def find_notebook(folder: Path, name: str) -> tuple[Path, list[str]]:
    """Trouve la copie dans le dossier d'un élève ; rend (chemin, remarques).

    Lève ``SubmissionError`` s'il n'y en a pas.
    """
    if folder.is_symlink() or folder.parent.is_symlink():
        raise SubmissionError("le dossier rendu est un lien : il n'est pas suivi")
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".ipynb")
    found = [p for p in found if ".ipynb_checkpoints" not in p.parts]
    if not found:
        raise SubmissionError("aucun notebook (.ipynb) dans ce qui a été rendu")
    exact = folder / f"{name}.ipynb"
    if exact in found:
        others = len(found) - 1
        return exact, [f"{others} autre(s) notebook(s) laissé(s) de côté"] if others else []
    if len(found) == 1:
        return found[0], [f"notebook renommé : « {found[0].name} » au lieu de « {name}.ipynb »"]
    latest = max(found, key=lambda path: path.lstat().st_mtime)
    return latest, [f"{len(found)} notebooks, aucun du nom attendu : « {latest.name} » est corrigé"]


class _Session:
    """Le processus d'un élève, relancé sans la cellule fautive quand il meurt."""

    def __init__(self, setup: str, cells: list[str], limits: Limits, isolated: bool) -> None:
        self.setup, self.cells, self.limits, self.isolated = setup, cells, limits, isolated
        self.deadline = time.monotonic() + limits.total
        self.box: Sandbox | None = None
        self.skipped: set[int] = set()
        self.remarks: list[str] = []
        self.peak = 0
        self.failures: list[tuple[str, str]] = []  # texte de la cellule, ce qu'elle a levé

    def left(self, seconds: float) -> float:
        """Le temps que l'on peut encore donner."""
        rest = self.deadline - time.monotonic()
        if rest <= 0:
            raise Stopped(f"le temps total est dépassé ({self.limits.total:g} s)")
        return min(seconds, rest)

    def close(self) -> None:
        if self.box is not None:
            self.peak = max(self.peak, self.box.peak)
            self.box.close()
            self.box = None

    def _start(self) -> Sandbox:
        while True:
            self.left(0)
            self.close()
            self.box = box = Sandbox(self.limits, self.isolated)
            box.ask({"ordre": "cellule", "source": self.setup}, self.limits.start)
            if self._run_cells(box):
                return box

    def _run_cells(self, box: Sandbox) -> bool:
        """Exécute les cellules ; rend faux si l'une a tué le processus (elle sera sautée)."""
        self.failures = []
        for number, source in enumerate(self.cells):
            if number in self.skipped:
                continue
            try:
                order = {"ordre": "cellule", "source": source}
                answer = box.ask(order, self.left(self.limits.cell))
                if error := answer.get("erreur"):
                    self.failures.append((source, _told(error, answer.get("ligne"))))
            except Stopped as stop:
                self.skipped.add(number)
                first = source.strip().partition("\n")[0][:60]
                self.remarks.append(f"cellule « {first} » : {stop} ; elle est sautée")
                return False
        return True

    def call(self, name: str, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        """Appelle la fonction de l'élève ; lève ``Stopped`` ou ``Unanswered``."""
        box = self.box if self.box is not None and self.box.alive else self._start()
        order = {"ordre": "appel", "nom": name, "entrees": encode((args, kwargs))}
        answer = box.ask(order, self.left(self.limits.call))
        if answer.get("absent"):
            for source, told in self.failures:
                if defines(source, name):
                    raise Unanswered(f"votre cellule ne s'exécute pas : elle {told}")
            raise Unanswered(f"la fonction « {name} » n'est pas définie.")
        if error := answer.get("erreur"):
            if error == "NotImplementedError":
                raise Unanswered("la réponse n'est pas encore écrite.")
            raise Unanswered(f"votre code {_told(error, answer.get('ligne'))}")
        value = decode(answer.get("valeur"))
        if value is None:
            raise Unanswered("votre fonction rend None. Est-elle remplie, finit-elle par return ?")
        if isinstance(value, Opaque):
            raise Unanswered("votre fonction rend un objet d'un type que l'on n'attend pas.")
        return value


def defines(source: str, name: str) -> bool:
    """Dit si le texte d'une cellule a l'air de définir ce nom."""
    word = re.escape(name)
    return bool(re.search(rf"^\s*(?:def|class) +{word}\b|^{word} *=", source, re.M))


def _told(error: object, line: object) -> str:
    """L'erreur, sans rien qui puisse porter une entrée cachée : ni message, ni nom inventé."""
    known = isinstance(error, str) and isinstance(getattr(builtins, error, None), type)
    name = error if known else "une exception"
    place = f", ligne {line} de sa cellule" if isinstance(line, int) and 0 < line < 10_000 else ""
    return f"lève {name}{place}."


class _Remote:
    """La fonction de l'élève, vue d'ici : l'appeler interroge le processus isolé."""

    STRIKES = 2  # après deux arrêts, on n'insiste plus

    def __init__(self, session: _Session, name: str) -> None:
        self.session, self.name, self.strikes = session, name, 0

    def __call__(self, *args: object, **kwargs: object) -> object:
        if self.strikes >= self.STRIKES:
            raise Unanswered("votre fonction n'a pas répondu aux épreuves d'avant.")
        try:
            return self.session.call(self.name, args, kwargs)
        except Stopped as stop:
            self.strikes += 1
            raise Unanswered(f"votre fonction n'a pas répondu : {stop}.") from stop
        except WireError as error:
            raise Unanswered("votre fonction rend un résultat illisible.") from error


def _shown(message: str, unanswered: bool) -> str:
    """Ce que l'élève peut lire d'un échec : l'indice, l'erreur ou le type, jamais les entrées."""
    text, _, hint = message.partition("\nIndice : ")
    if unanswered:
        return text
    _, found, kinds = text.partition("on attend u")
    words = f"on attend u{kinds}"
    if found and " ; vous donnez u" in words and len(words) < 120:
        return "Le résultat n'est pas du bon type : " + words
    return hint or "Le résultat n'est pas celui qu'on attend."


class Grader:
    """Le correcteur d'un devoir.

    Paramètres : ``course``, ``assignment``, ``limits``, et ``isolated``, faux pour se passer de
    bubblewrap. Page : devoirs.
    """

    def __init__(
        self,
        course: Course,
        assignment: Assignment,
        limits: Limits | None = None,
        isolated: bool = True,
    ) -> None:
        self.course, self.assignment = course, assignment
        self.limits, self.isolated = limits or Limits(), isolated
        self.base = build(assignment)
        self._stamp = json.dumps([VERSION, asdict(replace(assignment, students=[]))])

    def path(self, student: str) -> Path:
        """Le fichier où est gardé le verdict d'un élève."""
        return self.course.private / "verdicts" / self.assignment.name / f"{student}.json"

    def key(self, student: str) -> str:
        """L'empreinte de tout ce dont dépend la note."""
        digest = hashlib.sha256(self._stamp.encode())
        try:
            folder = self.course.submission(student, self.assignment.name)
            path, remarks = find_notebook(folder, self.assignment.name)
            digest.update(repr(remarks).encode())
            if path.is_symlink() or not path.is_file():
                digest.update(b"pas un fichier")
            else:
                with path.open("rb") as stream:
                    digest.update(hashlib.file_digest(stream, "sha256").digest())
        except (SubmissionError, OSError) as error:
            digest.update(str(error).encode())
        return digest.hexdigest()

    def known(self, student: str) -> Verdict | None:
        """Le verdict déjà rendu, s'il vaut encore ; None sinon."""
        try:
            verdict = Verdict(**json.loads(self.path(student).read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return verdict if verdict.key == self.key(student) else None

    def cells(self, student: str) -> tuple[list[Cell], list[str], str | None]:
        """Relit la copie ; rend (cellules, remarques, problème)."""
        try:
            folder = self.course.submission(student, self.assignment.name)
            path, remarks = find_notebook(folder, self.assignment.name)
            cells, more = read(path)
            if not self._answers(cells):
                raise SubmissionError(
                    "on n'y trouve aucune réponse à ce devoir (est-ce le bon notebook ?)"
                )
            return cells, remarks + more, None
        except SubmissionError as error:
            return [], [], str(error)
        except OSError as error:
            return [], [], f"le fichier ne se lit pas : {error.strerror}"

    def _answers(self, cells: Iterable[Cell]) -> bool:
        """Dit si une copie a au moins une cellule de réponse, ou définit une des fonctions."""
        labels = {answer_id(exercise) for exercise in self.assignment.exercises}
        names = [exercise.answer_name for exercise in self.assignment.code]
        return any(
            cell["id"] in labels or any(defines(cell["source"], name) for name in names)
            for cell in cells
        )

    def grade(self, student: str) -> Verdict:
        """Corrige la copie d'un élève, garde et rend son ``Verdict``.

        Une copie illisible a un verdict aussi : une exception est un défaut du correcteur.
        """
        start = time.monotonic()
        verdict = Verdict(self.key(student), student)
        cells, verdict.remarks, verdict.problem = self.cells(student)
        _, run, more = rebuild(self.assignment, self.base, cells)
        verdict.remarks += more
        session = _Session(setup_source(self.assignment), run, self.limits, self.isolated)
        try:
            for exercise in self.assignment.code:
                verdict.marks[exercise.identifier] = self._mark(
                    exercise, student, session, verdict.problem
                )
        finally:
            session.close()
        verdict.remarks += session.remarks
        verdict.seconds, verdict.memory = time.monotonic() - start, session.peak
        write(self.path(student), json.dumps(asdict(verdict), ensure_ascii=False, indent=1))
        return verdict

    def _mark(
        self, exercise: Exercise, student: str, session: _Session, problem: str | None
    ) -> list[Mark]:
        draw = self.assignment.draw(exercise, student)
        if problem:
            results = [(criterion, False, f"Copie illisible : {problem}.", True) for criterion in
                       exercise.criteria]  # fmt: skip
        else:
            remote = _Remote(session, exercise.answer_name)
            results = [
                (criterion, bool(result), result.message, result.unanswered)
                for criterion, result in grade(exercise, remote, draw.exam, draw.variant)
            ]
        return [
            {
                "name": criterion.name,
                "text": criterion.text,
                "points": criterion.points,
                "earned": criterion.points if passed else 0,
                "message": "" if passed else _shown(message, unanswered),
                "detail": message,
            }
            for criterion, passed, message, unanswered in results
        ]
