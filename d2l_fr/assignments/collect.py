"""Ramasse les copies : l'archive de Moodle, ou un dossier, rangés comme nbgrader les attend.

Une archive vient d'élèves : rien n'y est suivi (liens), rien n'en sort (« ../ »), rien n'y enfle.
"""

import os
import re
import shutil
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Container, Iterator, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, TypeAlias

from d2l_fr.assignments.course import _STUDENT, Assignment, Course, CourseError, Student

__all__ = ["collect", "give_back"]

# Un notebook : son chemin, de quoi l'ouvrir (None si l'on s'y refuse), sa taille en octets.
Found: TypeAlias = tuple[PurePosixPath, Callable[[], IO[bytes]] | None, int]

MAX_FILE = 20_000_000  # octets : au-delà, la copie est signalée et laissée
MAX_TOTAL = 2_000_000_000
# Ce que lève zipfile : à l'ouverture d'une archive, puis à la lecture de ce qu'elle contient.
_UNREADABLE = (zipfile.BadZipFile, OSError, NotImplementedError, UnicodeError, struct.error)
_DAMAGED = (*_UNREADABLE, RuntimeError, EOFError, zlib.error)


def _words(text: str) -> frozenset[str]:
    """Les mots d'un nom, sans accent ni majuscule."""
    flat = unicodedata.normalize("NFKD", text.lower())
    return frozenset(re.findall(r"[a-z0-9]+", "".join(c for c in flat if c.isascii())))


def _owner(path: PurePosixPath, students: Sequence[Student]) -> str | None:
    """L'élève à qui est ce fichier, d'après les noms du chemin ; None si on l'ignore.

    Moodle nomme un dossier ``Prénom Nom_12345_assignsubmission_file`` ; d'autres, ``identifiant``.
    """
    # Le nom le plus long d'abord : « eva_marie » n'est pas à « eva ».
    longest_first = sorted(students, key=lambda student: -len(student.id))
    for part in path.parts:
        stem = part.removesuffix(".ipynb")
        for student in longest_first:
            if student.id == stem or re.match(rf"{re.escape(student.id)}[_ ]", stem):
                return student.id
        if "_assignsubmission_" in part or re.search(r"_\d+_", part):
            words = _words(part.split("_")[0])
            same = [
                s for s in students if words and words == _words(f"{s.first_name} {s.last_name}")
            ]
            if len(same) == 1:
                return same[0].id
            if not students:
                slug = "-".join(re.findall(r"[a-z0-9]+", " ".join(sorted(words))))
                return slug or None
    first = path.parts[0]
    if not students and len(path.parts) > 1 and _STUDENT.fullmatch(first):
        return first
    return None


def _from_zip(source: Path) -> Iterator[Found]:
    """Les notebooks d'une archive : (chemin, lecteur, taille), sans lien ni chemin qui en sort."""
    archive = zipfile.ZipFile(source)
    total = 0
    for info in archive.infolist():
        path = PurePosixPath(info.filename.replace("\\", "/"))
        link = stat.S_ISLNK(info.external_attr >> 16)
        if info.filename.endswith("/") or path.suffix.lower() != ".ipynb":
            continue
        if link or path.is_absolute() or ".." in path.parts:
            yield path, None, 0
            continue
        total += info.file_size
        if total > MAX_TOTAL:
            raise CourseError(f"{source} est trop gros une fois décompressé.")
        yield path, partial(archive.open, info), info.file_size


def _open(path: Path) -> IO[bytes]:
    return path.open("rb")


def _from_folder(source: Path) -> Iterator[Found]:
    """Les notebooks d'un dossier, sans suivre les liens."""
    for folder, _, names in os.walk(source, followlinks=False):
        for name in sorted(names):
            full = Path(folder, name)
            if full.suffix.lower() != ".ipynb" or ".ipynb_checkpoints" in full.parts:
                continue
            path = PurePosixPath(full.relative_to(source).as_posix())
            if full.is_symlink():
                yield path, None, 0
            else:
                yield path, partial(_open, full), full.stat().st_size


def _content(opener: Callable[[], IO[bytes]]) -> bytes:
    with opener() as stream:
        return stream.read(MAX_FILE + 1)


def collect(
    course: Course, assignment: Assignment, source: str | os.PathLike[str]
) -> tuple[list[str], list[tuple[str, str]]]:
    """Range les copies de ``source`` (archive .zip ou dossier) ; rend deux listes.

    La première : les élèves ramassés ; la seconde : (chemin, raison) de ce qui est laissé. Une
    copie déjà là est remplacée. Lève ``CourseError`` si ``source`` ne se lit pas.
    """
    source = Path(source)
    try:
        found = list(_from_zip(source)) if source.is_file() else None
        if found is None and not source.is_dir():
            raise CourseError(f"{source} n'existe pas.")
        found = list(_from_folder(source)) if found is None else found
    except _UNREADABLE as error:
        raise CourseError(f"{source} ne se lit pas : ce n'est pas une archive .zip.") from error
    taken: dict[str, list[tuple[PurePosixPath, Callable[[], IO[bytes]]]]] = {}
    left = []
    for path, opener, size in found:
        student = _owner(path, assignment.students)
        if opener is None:
            left.append((str(path), "c'est un lien, ou un chemin qui sort du dossier"))
        elif student is None:
            left.append((str(path), "aucun élève de la liste ne correspond"))
        elif size > MAX_FILE:
            left.append((str(path), f"trop gros ({size / 1e6:.0f} Mo)"))
        else:
            taken.setdefault(student, []).append((path, opener))
    for student, copies in list(taken.items()):
        try:
            contents = [(path, _content(opener)) for path, opener in copies]
        except _DAMAGED:  # la copie qui était là, s'il y en avait une, y reste
            left += [
                (str(path), "cette copie ne se lit pas : abîmée, ou chiffrée") for path, _ in copies
            ]
            del taken[student]
            continue
        folder = course.submission(student, assignment.name)
        if folder.is_symlink():
            folder.unlink()
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for path, content in contents:
            name = f"{assignment.name}.ipynb" if len(copies) == 1 else path.name
            (folder / name).write_bytes(content)
    return sorted(taken), left


def give_back(
    course: Course, assignment: Assignment, source: str | os.PathLike[str], graded: Container[str]
) -> tuple[Path, int, list[tuple[str, str]]]:
    """Range les comptes rendus comme Moodle les attend ; rend (archive écrite, nombre, laissés).

    ``graded`` : les élèves dont la copie est corrigée. Moodle reconnaît un élève au nom du dossier
    qu'avait sa copie dans l'archive ``source``. Lève ``CourseError`` si elle ne se lit pas, ou si
    aucun compte rendu n'y trouve sa place.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            paths = [PurePosixPath(name.replace("\\", "/")) for name in archive.namelist()]
    except _UNREADABLE as error:
        raise CourseError(f"{source} ne se lit pas : ce n'est pas une archive .zip.") from error
    names = {path.parts[0] for path in paths if path.parts}
    path = course.folder("notes", assignment.name) / "comptes-rendus.zip"
    left, count = [], 0
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name in sorted(names):
            student = _owner(PurePosixPath(name, "x"), assignment.students)
            page = f"{assignment.name}.html"
            report = course.root / "feedback" / str(student) / assignment.name / page
            if student is None:
                left.append((name, "aucun élève de la liste ne correspond"))
            elif student not in graded or not report.is_file():
                left.append((name, "pas de compte rendu : la copie n'est pas corrigée"))
            else:
                out.write(report, f"{name}/{page}")
                count += 1
    if not count:
        path.unlink()
        raise CourseError("Aucun compte rendu n'a trouvé son élève dans cette archive.")
    return path, count, left
