"""Le téléchargement d'un corpus : pooch transporte, ce module vérifie et range.

pooch saurait aussi ranger, mais par ``shutil.move``, qui recopie par-dessus l'ancien fichier quand
le renommage échoue, et sous des droits réservés au propriétaire : gênant dans un dossier partagé.
"""

import contextlib
import hashlib
import os
import secrets
import time
from pathlib import Path
from typing import BinaryIO

import requests.exceptions
from pooch import HTTPDownloader

from . import cache, messages
from .catalog import Corpus
from .errors import CorpusError

__all__ = ["download"]

CONNECT_TIMEOUT = 10  # secondes
SILENCE_TIMEOUT = 30  # secondes sans rien recevoir
ATTEMPTS = 3
WAIT = 1  # secondes avant le 2e essai ; deux fois plus avant le 3e


def download(corpus: Corpus, path: Path) -> bytes:
    """Télécharge un ``Corpus`` dans ``path`` et rend ses octets, vérifiés.

    ``path`` change d'un coup, une fois l'empreinte vérifiée : deux processus peuvent télécharger
    ensemble, et un échec laisse l'ancien fichier. Après un échec passager, on recommence, jusqu'à
    ``ATTEMPTS`` essais.
    Lève une ``CorpusError``. Page : text-sequence.
    """
    for attempt in range(1, ATTEMPTS):
        try:
            return _attempt(corpus, path)
        except CorpusError as error:
            if not error.transient:
                raise
        time.sleep(WAIT * attempt)
    return _attempt(corpus, path)


def _attempt(corpus: Corpus, path: Path) -> bytes:
    # Un nom à soi dans le même dossier, seul cas où os.replace est sûr d'être atomique.
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "xb") as file:
            _transfer(corpus, file)
        # Relu du disque : c'est ce fichier qui sera gardé, non ce qui est passé sur le réseau.
        data = temporary.read_bytes()
        cache.check(data, corpus, corpus.url)
        os.replace(temporary, path)
        return data
    # Avant OSError, dont RequestException hérite. ValueError : en-tête ou adresse illisibles.
    except (requests.exceptions.RequestException, ValueError) as error:
        raise _translate(error, corpus, temporary) from None
    except OSError as error:
        raise messages.unwritable(corpus, path.parent, error) from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _transfer(corpus: Corpus, file: BinaryIO) -> None:
    with _progress(corpus) as bar:
        fetch = HTTPDownloader(progressbar=bar, timeout=(CONNECT_TIMEOUT, SILENCE_TIMEOUT))
        fetch(corpus.url, file, None)


def _progress(corpus: Corpus) -> contextlib.AbstractContextManager[object]:
    """Une barre de progression si tqdm est installé ; sinon, rien."""
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return contextlib.nullcontext(False)
    return tqdm(desc=corpus.filename, total=corpus.size, unit="o", unit_scale=True, leave=False)


def _translate(error: Exception, corpus: Corpus, temporary: Path) -> CorpusError:
    """Fait d'une exception de requests la ``CorpusError`` qui dit la même chose en français."""
    kinds = requests.exceptions
    detail = f"{type(error).__name__}: {error}"
    # Dans args[0], l'exception d'urllib3 : elle seule dit si la connexion était établie.
    cause = type(error.args[0]).__name__ if error.args else ""
    if isinstance(error, kinds.HTTPError):
        return messages.status(corpus, error.response.status_code)
    if isinstance(error, kinds.ReadTimeout) or cause == "ReadTimeoutError":
        return messages.timeout(corpus, SILENCE_TIMEOUT)
    if cause == "MaxRetryError" and not isinstance(error, kinds.SSLError):
        return messages.no_network(corpus, detail)
    if cause == "ProtocolError":  # connexion coupée : tronqué, même si rien n'est arrivé
        data = temporary.read_bytes()
        return messages.corrupted(corpus, corpus.url, len(data), hashlib.sha256(data).hexdigest())
    return messages.refused(corpus, detail)
