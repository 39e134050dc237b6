"""Les textes du livre : un récit embarqué, et trois classiques à télécharger.

Ni pooch ni requests ne sont chargés avant un téléchargement : un fichier déjà présent dans
D2L_FR_DONNEES se lit sans eux.
"""

import dataclasses
import hashlib
from importlib import resources

from .catalog import CORPORA, Corpus, find
from .errors import (
    CacheError,
    CacheFullError,
    CacheReadOnlyError,
    CorpusError,
    CorruptedFileError,
    DownloadError,
    HTMLPageError,
    NoNetworkError,
    UnknownCorpusError,
)

__all__ = [
    "CacheError",
    "CacheFullError",
    "CacheReadOnlyError",
    "Corpus",
    "CorpusError",
    "CorruptedFileError",
    "DownloadError",
    "HTMLPageError",
    "NoNetworkError",
    "UnknownCorpusError",
    "list_corpora",
    "load_corpus",
]


def load_corpus(name: str = "recit") -> str:
    """Rend le texte d'un corpus, prêt à tokeniser.

    Paramètre : ``name``, un des noms de ``list_corpora()`` ; par défaut, le récit embarqué.
    Rend une chaîne, les paragraphes séparés par une ligne vide. Les deux Verne arrivent sans
    l'habillage du Projet Gutenberg ; « time-machine » est tel que *Dive into Deep Learning*
    l'emploie. Un classique est d'abord cherché dans le dossier que nomme la variable
    d'environnement D2L_FR_DONNEES, à défaut dans le cache du système ; il n'est téléchargé que
    s'il y manque ou y est altéré.
    Lève ``UnknownCorpusError`` pour un nom inconnu, et une autre ``CorpusError`` si le texte ne
    peut être lu, téléchargé ou vérifié. Page : text-sequence.
    """
    corpus = find(name)
    if corpus.embedded:
        text = _embedded_bytes(corpus).decode(corpus.encoding)
    else:
        from .cache import read

        text = read(corpus).decode(corpus.encoding)
    if corpus.gutenberg:
        from .gutenberg import clean

        return clean(text)
    return text.replace("\r\n", "\n")


def list_corpora() -> list[Corpus]:
    """Rend la liste des corpus : des ``Corpus``, dont l'affichage tient en une ligne chacun.

    N'utilise pas le réseau. Page : text-sequence.
    """
    return [_measured(corpus) if corpus.embedded else corpus for corpus in CORPORA.values()]


def _measured(corpus: Corpus) -> Corpus:
    """Le récit évolue avec le livre : sa taille et son empreinte se calculent."""
    data = _embedded_bytes(corpus)
    return dataclasses.replace(corpus, size=len(data), sha256=hashlib.sha256(data).hexdigest())


def _embedded_bytes(corpus: Corpus) -> bytes:
    try:
        return resources.files(__name__).joinpath(corpus.filename).read_bytes()
    except FileNotFoundError:
        raise CorruptedFileError(
            f"Le fichier {corpus.filename} manque dans le paquet d2l_fr, où il est livré. "
            "Réinstallez le paquet."
        ) from None
