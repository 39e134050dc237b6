"""Les erreurs des corpus, rédigées : le fichier, la cause, ce qu'il faut faire."""

import errno
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from ..french import NBSP, fr, typography
from .catalog import Corpus
from .errors import (
    CacheError,
    CacheFullError,
    CacheReadOnlyError,
    CorpusError,
    CorruptedFileError,
    DownloadError,
    HTMLPageError,
    NoNetworkError,
)

__all__ = [
    "corrupted",
    "html_page",
    "no_network",
    "refused",
    "status",
    "timeout",
    "unreadable",
    "unwritable",
]

E = TypeVar("E", bound=CorpusError)

_BY_HAND = (
    "procurez-vous {file} ({size}) à l'adresse {url}, depuis un autre réseau au besoin, "
    "déposez-le dans un dossier, puis indiquez ce dossier avant d'appeler load_corpus :\n"
    "    {setting}\n"
    "Le corpus « recit », lui, n'a besoin ni de réseau ni de ce dossier."
)
_STATUS = {
    401: "identification exigée",
    403: "accès interdit",
    404: "fichier introuvable à cette adresse",
    407: "le serveur mandataire exige une identification",
    410: "fichier retiré de cette adresse",
    429: "trop de demandes en peu de temps",
    500: "panne du serveur",
    502: "panne d'un serveur intermédiaire",
    503: "serveur indisponible",
    504: "un serveur intermédiaire n'a pas répondu à temps",
    511: "portail captif : le réseau demande une connexion",
}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}


def _bytes(count: int | None) -> str:
    return "taille inconnue" if count is None else f"{fr(count)}{NBSP}octets"


def _error(kind: type[E], corpus: Corpus, template: str, **values: object) -> E:
    """Remplit le modèle après l'avoir typographié : chemins, adresses et code restent intacts."""
    return kind(
        typography("Corpus « {name} » : " + template).format(
            name=corpus.name,
            file=corpus.filename,
            url=corpus.url,
            host=urlsplit(corpus.url).netloc,
            size=_bytes(corpus.size),
            setting='os.environ["D2L_FR_DONNEES"] = "/chemin/du/dossier"',
            **values,
        )
    )


def no_network(corpus: Corpus, detail: str) -> NoNetworkError:
    """Aucune connexion ne s'est établie."""
    return _error(
        NoNetworkError,
        corpus,
        "impossible de joindre {host} pour télécharger {file}. Le réseau manque, ou un pare-feu "
        "bloque l'accès.\n"
        "Que faire : vérifiez votre connexion (et la variable HTTPS_PROXY si vous passez par un "
        f"serveur mandataire), puis recommencez. Sinon, {_BY_HAND}\nDétail : {{detail}}",
        detail=detail,
    )


def timeout(corpus: Corpus, seconds: float) -> DownloadError:
    """Le serveur s'est tu trop longtemps."""
    error = _error(
        DownloadError,
        corpus,
        "{host} n'a rien envoyé de {file} pendant {delay} : le téléchargement est abandonné.\n"
        f"Que faire : recommencez plus tard. Sinon, {_BY_HAND}",
        delay=f"{fr(seconds)}{NBSP}s",
    )
    error.transient = True
    return error


def status(corpus: Corpus, code: int) -> DownloadError:
    """Le serveur a répondu par un code d'erreur HTTP."""
    error = _error(
        DownloadError,
        corpus,
        "{host} répond par l'erreur {code} ({reason}) à la demande de {file}.\n"
        f"Que faire : recommencez plus tard. Sinon, {_BY_HAND}",
        code=code,
        reason=typography(_STATUS.get(code, "réponse inattendue")),
    )
    error.transient = code == 429 or 500 <= code < 511
    return error


def refused(corpus: Corpus, detail: str) -> DownloadError:
    """L'échange a échoué d'une autre façon : certificat refusé, réponse incompréhensible…"""
    return _error(
        DownloadError,
        corpus,
        "le téléchargement de {file} depuis {host} a échoué (certificat refusé, adresse ou "
        "réponse invalide).\n"
        "Que faire : vérifiez l'horloge de votre ordinateur et vos réglages de réseau. "
        f"Sinon, {_BY_HAND}\nDétail : {{detail}}",
        detail=detail,
    )


def html_page(corpus: Corpus, origin: object) -> HTMLPageError:
    """Une page web tient la place du texte."""
    return _error(
        HTMLPageError,
        corpus,
        "une page web est arrivée à la place de {file} (origine : {origin}). Le portail d'un "
        "réseau d'hôtel ou d'établissement en envoie une à qui ne s'est pas connecté.\n"
        "Que faire : ouvrez une page quelconque dans votre navigateur, connectez-vous au portail, "
        f"puis recommencez. Sinon, {_BY_HAND}",
        origin=origin,
    )


def corrupted(corpus: Corpus, origin: object, size: int, digest: str) -> CorruptedFileError:
    """Les octets ne sont pas ceux qu'on attend ; ``origin`` est leur adresse ou leur chemin."""
    advice = "supprimez ce fichier ou remplacez-le"
    if origin == corpus.url:
        advice = "recommencez, la transmission a pu être coupée"
    return _error(
        CorruptedFileError,
        corpus,
        "le fichier {file} est {damage} (origine : {origin}).\n"
        "  Attendu : {size}, SHA-256 {sha256}\n  Reçu : {received}, SHA-256 {digest}\n"
        f"Que faire : {advice}. Sinon, {_BY_HAND}",
        damage="tronqué" if size < (corpus.size or 0) else "altéré",
        origin=origin,
        sha256=corpus.sha256,
        received=_bytes(size),
        digest=digest,
    )


def unreadable(corpus: Corpus, path: Path, error: OSError) -> CacheError:
    """Le fichier est là, mais ne se lit pas."""
    return _error(
        CacheError,
        corpus,
        "impossible de lire {path} ({reason}).\n"
        "Que faire : vérifiez que D2L_FR_DONNEES nomme un dossier et que vous avez le droit d'y "
        f"lire. Sinon, {_BY_HAND}",
        path=path,
        reason=_reason(error),
    )


def unwritable(corpus: Corpus, folder: Path, error: OSError) -> CacheError:
    """Le fichier ne peut pas s'écrire : disque plein, dossier en lecture seule…"""
    kind = CacheError
    advice = "choisissez par la variable D2L_FR_DONNEES un dossier où vous pouvez écrire"
    if error.errno in _FULL:
        kind = CacheFullError
        advice = "libérez de la place ({size} suffisent), ou " + advice
    elif error.errno in _READ_ONLY:
        kind = CacheReadOnlyError
    return _error(
        kind,
        corpus,
        "impossible d'écrire {file} dans le dossier {folder} ({reason}). Rien n'y a été changé.\n"
        f"Que faire : {advice}. Sinon, {_BY_HAND}",
        folder=folder,
        reason=_reason(error),
    )


def _reason(error: OSError) -> str:
    if error.errno in _FULL:
        reason = "il n'y a plus de place sur le disque, ou votre quota est atteint"
    elif error.errno in _READ_ONLY:
        reason = "accès refusé, ou dossier en lecture seule"
    elif error.errno in (errno.ENOTDIR, errno.EEXIST):
        reason = "un fichier occupe la place d'un dossier"
    elif error.errno == errno.EISDIR:
        reason = "un dossier occupe la place du fichier"
    else:
        return str(error)
    return typography(reason)
