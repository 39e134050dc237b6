"""Ce qui peut manquer à la lecture d'un corpus, une exception par cause.

Chaque message nomme le fichier, la cause et ce qu'il faut faire.
"""

__all__ = [
    "CacheError",
    "CacheFullError",
    "CacheReadOnlyError",
    "CorpusError",
    "CorruptedFileError",
    "DownloadError",
    "HTMLPageError",
    "NoNetworkError",
    "UnknownCorpusError",
]


class CorpusError(Exception):
    """Ancêtre de toutes les erreurs des corpus. Page : text-sequence."""

    #: Vrai si un nouvel essai peut réussir.
    transient = False


class UnknownCorpusError(CorpusError, ValueError):
    """Le nom demandé n'est pas celui d'un corpus. Page : text-sequence."""


class CorruptedFileError(CorpusError):
    """Le fichier reçu, ou déjà présent, est tronqué ou altéré. Page : text-sequence."""

    transient = True


class DownloadError(CorpusError):
    """Le serveur a répondu par une erreur, ou n'a pas répondu à temps. Page : text-sequence."""


class NoNetworkError(DownloadError):
    """Aucune connexion au serveur n'a pu s'établir. Page : text-sequence."""


class HTMLPageError(DownloadError):
    """Une page web est arrivée à la place du fichier (portail captif…). Page : text-sequence."""


class CacheError(CorpusError):
    """Le dossier des corpus est inutilisable. Page : text-sequence."""


class CacheReadOnlyError(CacheError):
    """Le dossier des corpus est en lecture seule. Page : text-sequence."""


class CacheFullError(CacheError):
    """Il n'y a plus de place pour écrire le fichier. Page : text-sequence."""
