"""La table des corpus : un texte embarqué, trois classiques dûment épinglés."""

import difflib
from dataclasses import dataclass

from ..french import NBSP, fr
from .errors import UnknownCorpusError

__all__ = ["CORPORA", "Corpus", "find"]


@dataclass(frozen=True, repr=False)
class Corpus:
    """Un texte et d'où il vient.

    ``name`` est le nom que prend ``load_corpus`` ; ``title``, ``author``, ``year`` (None, si elle
    est inconnue), ``language`` et ``license`` disent d'où vient le texte ; ``encoding``, comment
    le fichier est codé ; ``embedded``, s'il vient avec le paquet. ``size``, en octets, et
    ``sha256``, 64 chiffres hexadécimaux, sont ceux du fichier, avant tout nettoyage. ``url`` est
    ``None`` pour un corpus embarqué ; ``gutenberg`` dit si le fichier est à débarrasser de
    l'habillage du Projet Gutenberg.
    Page : text-sequence.
    """

    name: str
    title: str
    author: str
    year: int | None
    language: str
    license: str
    url: str | None
    sha256: str | None
    encoding: str
    size: int | None
    embedded: bool = False
    gutenberg: bool = False

    @property
    def filename(self) -> str:
        """Nom du fichier : la fin de l'adresse, ou celui du texte embarqué."""
        return self.url.rsplit("/", 1)[-1] if self.url else f"{self.name}.txt"

    def __str__(self) -> str:
        origin = self.author if self.year is None else f"{self.author} ({self.year})"
        size = "taille inconnue" if self.size is None else f"{fr(self.size)}{NBSP}octets"
        place = "embarqué" if self.embedded else "à télécharger"
        details = ", ".join((self.title, origin, self.language, self.license, size, place))
        return f"{self.name}{NBSP}: {details}"

    # Une liste affiche le repr de ses éléments : autant qu'il se lise.
    __repr__ = __str__


_GITHUB = "https://raw.githubusercontent.com"

CORPORA = {
    corpus.name: corpus
    for corpus in (
        Corpus(
            name="recit",
            title="L’Horloge des marées",
            author="récit écrit pour ce livre",
            year=None,
            language="français",
            license="CC0 1.0",
            url=None,
            sha256=None,
            encoding="utf-8",
            size=None,
            embedded=True,
        ),
        Corpus(
            name="terre-lune",
            title="De la Terre à la Lune",
            author="Jules Verne",
            year=1865,
            language="français",
            license="domaine public",
            url=f"{_GITHUB}/GITenberg/De-la-Terre---la-Lune_799/"
            "1a07005ecd913a29705eec74a3d7e0219922a875/799-0.txt",
            sha256="f5b59c541fde30985fd597ee1f9bfa88e925e5608c54dcc4e880706af8170ff2",
            encoding="utf-8",
            size=377368,
            gutenberg=True,
        ),
        Corpus(
            name="centre-terre",
            title="Voyage au centre de la Terre",
            author="Jules Verne",
            year=1864,
            language="français",
            license="domaine public",
            url=f"{_GITHUB}/GITenberg/Voyage-au-Centre-de-la-Terre_4791/"
            "d1e9a0a0f5f9163c4b1782f3b1e07fb3f423d2e2/4791-8.txt",
            sha256="a160c687a3070669f0ea2285ce2d8af356793f505748840875f6f13ea1ef56c5",
            encoding="iso-8859-1",
            size=449155,
            gutenberg=True,
        ),
        Corpus(
            name="time-machine",
            title="The Time Machine",
            author="H. G. Wells",
            year=1895,
            language="anglais",
            license="domaine public",
            url=f"{_GITHUB}/probml/probml-data/f74e6f00ef1570f5b3843c49818d0bfa6b473069/data/timemachine.txt",
            sha256="4149e15a170aa94068969282e8b2cee7aaab0d889bf1c0d684378177040267dd",
            encoding="ascii",
            size=178887,
        ),
    )
}


def find(name: str) -> Corpus:
    """Rend le ``Corpus`` de ce nom.

    Lève ``UnknownCorpusError``, qui propose le nom le plus proche. Page : text-sequence.
    """
    if isinstance(name, str) and name in CORPORA:
        return CORPORA[name]
    near = difflib.get_close_matches(str(name).lower(), CORPORA, n=1)
    guess = f" Vouliez-vous dire «{NBSP}{near[0]}{NBSP}»{NBSP}?" if near else ""
    raise UnknownCorpusError(
        f"Corpus inconnu{NBSP}: {name!r}.{guess} Noms possibles{NBSP}: {', '.join(CORPORA)}."
    )
