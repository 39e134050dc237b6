"""L'échange de nbgrader, plus méfiant : ni lien suivi, ni nom d'emprunt, ni énoncé de personne.

Dans l'échange, le dossier d'une copie appartient à l'élève, qui peut y mettre ce qu'il veut : un
lien vers le corrigé, une copie au nom d'un autre, un fichier sans fin. nbgrader les prendrait,
avec les droits de l'enseignant.
"""

import os
import re
import secrets
import stat
from datetime import datetime
from pathlib import Path
from typing import Any

from nbgrader.exchange.default import ExchangeCollect, ExchangeReleaseAssignment
from nbgrader.utils import find_owner

from d2l_fr.assignments.collect import MAX_FILE
from d2l_fr.assignments.course import _STUDENT, Course

__all__ = ["STAMPS", "Collect", "Release"]

STAMPS = ("timestamp.txt", "submission_secret.txt")  # la date, et où chercher le compte rendu
MAX_FILES = 50
_SECRET = re.compile(r"[0-9a-f]{128}")


class Release(ExchangeReleaseAssignment):
    """La publication ; refuse un devoir différent pour chacun. Page : classe."""

    def init_src(self) -> None:
        """Trouve le devoir à publier. Lève ``ExchangeError`` si chacun doit avoir le sien."""
        super().init_src()
        course, name = Course(self.coursedir.root), self.coursedir.assignment_id
        if name in course.names() and course.load(name).per_student:
            self.fail(
                f"« {name} » est différent pour chaque élève, et l'échange donne à tous le même "
                f"fichier : distribuez {course.root}/distribution/{name}/ autrement."
            )


class Collect(ExchangeCollect):
    """Le ramassage, plus méfiant que celui de nbgrader. Page : classe."""

    def _path_to_record(self, path: str) -> dict[str, Any]:
        try:
            record: dict[str, Any] = super()._path_to_record(path)
            reason = self._refusal(path, record["username"])
        except (ValueError, OverflowError):
            reason = "sa date ne se lit pas"
        if reason is None:
            return record
        self.log.warning("%s est laissé : %s.", path, reason)
        return {"username": None, "filename": path, "timestamp": datetime.min}

    def _refusal(self, path: str, student: str) -> str | None:
        """Pourquoi cette copie ne se ramasse pas, ou None."""
        if not _STUDENT.fullmatch(student):
            return "ce n'est pas le nom d'un élève"
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            return "c'est un lien, ou un fichier"
        if self.check_owner:
            try:
                owner = find_owner(path)
            except KeyError:
                owner = "un compte inconnu"
            if owner != student:
                return f"il porte le nom de {student}, mais appartient à {owner}"
        return None

    def init_src(self) -> None:
        """Choisit les copies : la dernière de chaque élève, parmi celles qui sont bien à lui."""
        super().init_src()
        self.src_records: list[dict[str, Any]] = [
            record for record in self.src_records if record["username"]
        ]

    def do_copy(self, src: str, dest: str, log: object = None) -> None:
        """Copie les fichiers ordinaires du dossier, sans suivre de lien, les notebooks d'abord."""
        Path(dest).mkdir(mode=0o700, parents=True)
        try:
            folder = os.open(src, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError as error:
            self.log.warning("%s ne s'ouvre pas : %s.", src, error.strerror)
        else:
            self._copy(src, folder, dest)
            os.close(folder)
        # Toute la classe en dépend, au ramassage suivant et au retour des comptes rendus.
        stamp, secret = (Path(dest, name) for name in STAMPS)
        stamp.write_text(os.path.basename(src).rsplit("+", 3)[2], "utf-8")
        if not (secret.is_file() and _SECRET.fullmatch(secret.read_text("latin-1"))):
            secret.write_text(secrets.token_hex(64), "utf-8")

    def _copy(self, src: str, folder: int, dest: str) -> None:
        names = sorted(os.listdir(folder), key=lambda name: (not name.endswith(".ipynb"), name))
        for count, name in enumerate(names):
            content = _read(name, folder) if count < MAX_FILES else None
            if content is not None:
                Path(dest, name).write_bytes(content)
            elif not name.startswith("."):
                self.log.warning("%s est laissé : ce n'est pas un fichier.", Path(src, name))


def _read(name: str, folder: int) -> bytes | None:
    """Le contenu d'un fichier ordinaire du dossier ouvert ``folder``, ou None."""
    try:
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        return None
    with os.fdopen(file, "rb") as stream:
        content = stream.read(MAX_FILE + 1)
    return content if len(content) <= MAX_FILE else None
