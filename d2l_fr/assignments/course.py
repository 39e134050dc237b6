"""Le dossier d'un cours : ses devoirs, leurs graines, et où chaque chose se range.

C'est un cours nbgrader (``source``, ``release``, ``submitted``, ``autograded``, ``feedback``,
``gradebook.db``), plus un dossier ``.d2l-fr`` que personne d'autre que l'enseignant ne doit lire.
"""

import csv
import hashlib
import hmac
import json
import os
import re
import tomllib
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import TypedDict

from d2l_fr.exercises.source import Exercise, ExerciseError, load_exercise, parse

__all__ = [
    "Assignment",
    "Course",
    "CourseError",
    "Draw",
    "Student",
    "read_students",
    "ready_made",
]


class Ready(TypedDict):
    """Un devoir tout prêt."""

    titre: str
    exercices: list[str]


_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_STUDENT = re.compile(r"[A-Za-z0-9_@][A-Za-z0-9._@-]*")
READY = files(__package__) / "ready"


class CourseError(ValueError):
    """Un nom, un fichier ou une liste qui ne convient pas ; le message dit que faire."""


@dataclass(frozen=True)
class Student:
    """Un élève : son identifiant (un nom de dossier), et ce que la liste en dit."""

    id: str
    last_name: str = ""
    first_name: str = ""
    email: str = ""


@dataclass(frozen=True)
class Draw:
    """Ce que la graine a tiré pour un exercice : sa variante (ou None) et deux graines."""

    variant: str | None
    examples: int
    exam: int


@dataclass(frozen=True)
class Assignment:
    """Un devoir : ses exercices tels qu'ils étaient à sa création, et sa graine secrète.

    ``per_student`` : chaque élève a sa variante, ses exemples et ses épreuves.
    """

    name: str
    title: str
    seed: str
    exercises: list[Exercise]
    per_student: bool = False
    students: list[Student] = field(default_factory=list)
    repository: str = ""

    @property
    def code(self) -> list[Exercise]:
        """Les exercices que corrige la machine."""
        return [e for e in self.exercises if e.hidden_checks]

    @property
    def questions(self) -> list[Exercise]:
        """Les questions ouvertes, que note un lecteur."""
        return [e for e in self.exercises if e.grid]

    @property
    def points(self) -> int:
        """Le total des points."""
        return sum(e.points for e in self.exercises)

    @property
    def minutes(self) -> int:
        """La durée prévue."""
        return sum(e.minutes for e in self.exercises)

    def draw(self, exercise: Exercise, student: str = "") -> Draw:
        """Rend le ``Draw`` d'un exercice pour un élève ; le même à chaque appel."""
        who = student if self.per_student else ""
        names = exercise.variant_names
        chosen = _derive(self.seed, self.name, exercise.identifier, who, "variante")
        return Draw(
            names[chosen % len(names)] if names else None,
            _derive(self.seed, self.name, exercise.identifier, who, "exemples"),
            _derive(self.seed, self.name, exercise.identifier, who, "epreuves"),
        )


def _derive(seed: str, *labels: str) -> int:
    """Un entier que seule la graine permet de retrouver."""
    message = "\0".join(labels).encode()
    digest = hmac.new(seed.encode(), message, hashlib.sha256).digest()
    return int.from_bytes(digest[:7], "big")


def ready_made() -> dict[str, Ready]:
    """Les devoirs tout prêts : un dictionnaire nom → {titre, exercices}."""
    found: dict[str, Ready] = {}
    for entry in sorted(READY.iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".toml"):
            data = tomllib.loads(entry.read_text("utf-8"))
            name = entry.name.removesuffix(".toml")
            found[name] = Ready(titre=data["titre"], exercices=data["exercices"])
    return found


_COLUMNS = {
    "id": ("identifiant", "id", "numéro d'identification", "numero d'identification", "username",
           "nom d'utilisateur"),
    "last_name": ("nom", "nom de famille", "last_name"),
    "first_name": ("prénom", "prenom", "first_name"),
    "email": ("courriel", "email", "adresse de courriel", "adresse e-mail", "e-mail"),
}  # fmt: skip


def read_students(path: str | os.PathLike[str]) -> list[Student]:
    """Lit une liste d'élèves, CSV en UTF-8, virgules ou points-virgules ; rend des ``Student``.

    Il faut une colonne ``identifiant`` (ou celle d'un export de Moodle) ; ``nom``, ``prénom`` et
    ``courriel`` sont facultatifs. Lève ``CourseError`` si la liste ne convient pas.
    """
    try:
        text = Path(path).read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CourseError(
            f"{path} n'est pas en UTF-8. Dans le tableur, choisissez « CSV UTF-8 »."
        ) from error
    except OSError as error:
        raise CourseError(f"{path} ne se lit pas : {_why(error)}.") from error
    first = text.partition("\n")[0]
    try:
        rows = list(csv.reader(text.splitlines(), delimiter=max(",;\t", key=first.count)))
    except csv.Error as error:
        raise CourseError(f"{path} n'est pas une liste CSV : une case y est démesurée.") from error
    if not rows:
        raise CourseError(f"{path} est vide.")
    heads = [head.strip().lower().replace("\u2019", "'") for head in rows[0]]
    places = {
        key: next((heads.index(n) for n in names if n in heads), None)
        for key, names in _COLUMNS.items()
    }
    if places["id"] is None:
        raise CourseError(
            f"{path} : aucune colonne « identifiant » (colonnes lues : {', '.join(rows[0])})."
        )
    students, seen = [], set()
    for number, row in enumerate(rows[1:], 2):
        if not any(cell.strip() for cell in row):
            continue
        cells = {
            key: row[place].strip() if place is not None and place < len(row) else ""
            for key, place in places.items()
        }
        student = Student(**cells)
        if not _STUDENT.fullmatch(student.id):
            raise CourseError(
                f"{path}, ligne {number} : l'identifiant « {student.id} » ne peut pas nommer un "
                "dossier ; lettres sans accent, chiffres, « . », « _ », « - » et « @ » seulement."
            )
        if student.id.lower() in seen:
            raise CourseError(f"{path}, ligne {number} : « {student.id} » paraît deux fois.")
        seen.add(student.id.lower())
        students.append(student)
    if not students:
        raise CourseError(f"{path} ne contient aucun élève.")
    return students


def _why(error: OSError) -> str | None:
    known: dict[type[OSError], str] = {
        FileNotFoundError: "ce fichier n'existe pas",
        IsADirectoryError: "c'est un dossier",
        PermissionError: "vous n'avez pas le droit de le lire",
    }
    return known.get(type(error), error.strerror)


class Course:
    """Le dossier d'un cours. Paramètre : ``root``, son chemin (le dossier courant par défaut)."""

    def __init__(self, root: str | os.PathLike[str] = ".") -> None:
        self.root = Path(root).resolve()
        self.private = self.root / ".d2l-fr"

    def folder(self, *parts: str) -> Path:
        """Un dossier du cours, créé au besoin."""
        path = self.root.joinpath(*parts)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def spec_path(self, name: str) -> Path:
        """Le fichier où est gardé un devoir, graine comprise."""
        if not _NAME.fullmatch(name):
            raise CourseError(
                f"« {name} » ne peut pas nommer un devoir : minuscules sans accent, chiffres et "
                "tirets seulement, par exemple « semaine-1 »."
            )
        return self.private / "devoirs" / f"{name}.json"

    def names(self) -> list[str]:
        """Les devoirs de ce cours."""
        return sorted(path.stem for path in (self.private / "devoirs").glob("*.json"))

    def load(self, name: str) -> Assignment:
        """Rend un ``Assignment``. Lève ``CourseError`` s'il n'existe pas ou ne se lit pas."""
        path = self.spec_path(name)
        try:
            data = json.loads(path.read_text("utf-8"))
            data["exercises"] = [Exercise(**exercise) for exercise in data["exercises"]]
            data["students"] = [Student(**student) for student in data["students"]]
            return Assignment(**data)
        except FileNotFoundError:
            known = ", ".join(self.names()) or "aucun"
            raise CourseError(
                f"Aucun devoir ne s'appelle « {name} » dans {self.root} (devoirs : {known})."
            ) from None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise CourseError(f"{path} est abîmé : {error}") from error

    def save(self, assignment: Assignment) -> None:
        """Garde un devoir, dans un dossier que l'enseignant est seul à lire."""
        path = self.spec_path(assignment.name)
        self.private.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.mkdir(exist_ok=True)
        write(path, json.dumps(asdict(assignment), ensure_ascii=False, indent=1))

    def find_exercise(self, identifier: str) -> Exercise:
        """Rend un exercice du livre, ou du dossier ``exercices`` du cours.

        Lève ``ExerciseError`` s'il n'existe pas.
        """
        section, _, name = identifier.partition(".")
        own = self.own_exercises().get(section)
        if own is None:
            return load_exercise(identifier)
        if name in own:
            return own[name]
        raise ExerciseError(
            f"exercices/{section}.md n'a pas d'exercice « {name} » ; il a : {', '.join(own)}."
        )

    def own_exercises(self) -> dict[str, dict[str, Exercise]]:
        """Les exercices du dossier ``exercices`` : fichier → (nom → ``Exercise``)."""
        paths = sorted((self.root / "exercices").glob("*.md"))
        return {p.stem: parse(p.stem, p.read_text("utf-8"), f"exercices/{p.name}") for p in paths}

    def submission(self, student: str, name: str) -> Path:
        """Le dossier où l'on attend la copie d'un élève."""
        return self.root / "submitted" / student / name

    def stamp(self, student: str, name: str, file: str) -> Path | None:
        """Un petit fichier que l'échange de nbgrader joint à une copie, ou None."""
        path = self.submission(student, name) / file
        small = path.is_file() and not path.is_symlink() and path.stat().st_size < 200
        return path if small else None

    def submitters(self, name: str) -> list[str]:
        """Les élèves qui ont rendu quelque chose, dans l'ordre alphabétique."""
        folder = self.root / "submitted"
        if not folder.is_dir():
            return []
        return sorted(
            path.name
            for path in folder.iterdir()
            if _STUDENT.fullmatch(path.name) and not path.is_symlink() and (path / name).is_dir()
        )


def write(path: Path, text: str | bytes, mode: int = 0o600) -> None:
    """Écrit un fichier d'un seul geste : jamais à moitié."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    data = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)  # disque plein, Ctrl-C : rien ne traîne
