"""Le dossier des corpus, et la vérification de ce qu'on y lit."""

import hashlib
import os
from pathlib import Path

from . import messages
from .catalog import Corpus
from .errors import CacheReadOnlyError, CorpusError

__all__ = ["ENV", "check", "folder", "read"]

ENV = "D2L_FR_DONNEES"


def folder() -> Path:
    """Rend le dossier des corpus : celui que nomme D2L_FR_DONNEES, sinon le cache du système.

    Page : text-sequence.
    """
    named = os.environ.get(ENV)
    if named:
        return Path(named).expanduser()
    # Ici seulement : qui a déjà les fichiers n'a pas besoin de pooch.
    import pooch

    return Path(pooch.os_cache("d2l_fr"))


def read(corpus: Corpus) -> bytes:
    """Rend les octets vérifiés d'un ``Corpus``, téléchargé si le fichier manque ou est altéré.

    Lève une ``CorpusError`` ; le dossier est alors tel qu'il était. Page : text-sequence.
    """
    path = folder() / corpus.filename
    damage = None
    try:
        data = path.read_bytes()
        check(data, corpus, path)
        return data
    except FileNotFoundError:
        pass
    except OSError as error:
        raise messages.unreadable(corpus, path, error) from None
    except CorpusError as error:
        damage = error
    from .download import download

    try:
        return download(corpus, path)
    except CorpusError as error:
        # On ne voulait écrire que pour remplacer un fichier altéré : c'est lui, la cause.
        if damage and isinstance(error, CacheReadOnlyError):
            raise damage from None
        raise error from damage


def check(data: bytes, corpus: Corpus, origin: object) -> None:
    """Vérifie l'empreinte SHA-256 d'un fichier d'après ses octets.

    Paramètres : ``data``, les octets ; ``corpus``, le ``Corpus`` ; ``origin``, le chemin ou
    l'adresse d'où ils viennent.
    Lève ``HTMLPageError`` ou ``CorruptedFileError``. Page : text-sequence.
    """
    digest = hashlib.sha256(data).hexdigest()
    if digest == corpus.sha256:
        return
    head = data[:1024].lower()
    if b"<html" in head or b"<!doctype html" in head:
        raise messages.html_page(corpus, origin)
    raise messages.corrupted(corpus, origin, len(data), digest)
