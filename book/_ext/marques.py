"""Les marques d'un diaporama : des commentaires MyST, « % verbe: texte », dans la page.

Ce module ne connaît que leur écriture ; ``diapositives`` leur donne un sens.
"""

import re
from dataclasses import dataclass

from docutils import nodes

# Ce que chaque verbe attend après les deux-points : un texte, rien, ou l'un des deux.
VERBS = {
    "ouverture": "rien",
    "diapo": "texte",
    "puce": "texte",
    "question": "texte",
    "reponse": "texte",
    "montrer": "au choix",
    "ensuite": "rien",
    "dire": "au choix",
    "demander": "texte",
    "meprise": "texte",
}
# Les verbes dont le texte se lit : il est composé en MyST, comme la page.
PROSE = {"diapo", "puce", "question", "reponse", "dire", "demander", "meprise"}
SLIDES = {"ouverture", "diapo"}
MARK = re.compile(r"([\wéèêà-]+)[ ]*(?:\((\d+)\))?[ ]*(?::[ ]*(.*))?$")
SHOWN = re.compile(r"sortie(?: (\d+)-(\d+))?$|code(?: ([\w.]+(?: *, *[\w.]+)*))?$")


class MarkError(ValueError):
    """Une marque mal écrite ; le message dit ce qui ne va pas."""


class DeckError(ValueError):
    """Un diaporama mal marqué ; ``line`` est la ligne de la page."""

    def __init__(self, text, line):
        super().__init__(text)
        self.line = line


class diapo_mark(nodes.comment):
    """Une marque lue : un commentaire, que ni le site ni la recherche ne montrent."""


@dataclass(frozen=True)
class Mark:
    """Une marque : son verbe, son texte, et pour une diapositive ses minutes."""

    verb: str
    text: str = ""
    minutes: int = 0


def parse(line):
    """Lit une ligne de commentaire (sans le « % ») ; rend une ``Mark``, ou None.

    Un commentaire qui n'a pas la forme d'une marque reste un commentaire. Lève ``MarkError``
    pour un verbe inconnu, et pour un texte qui manque ou qui est de trop.
    """
    line = line.strip()
    first = re.match(r"[\wéèêà-]*", line)[0]
    match = MARK.match(line)
    if not match:
        if first in VERBS:
            raise MarkError(f"après « {first} », il faut deux-points")
        return None
    verb, minutes, text = match[1], match[2], (match[3] or "").strip()
    if verb not in VERBS:
        raise MarkError(f"marque inconnue : « {verb} » ; il y a {', '.join(VERBS)}")
    if VERBS[verb] == "texte" and not text:
        raise MarkError(f"« {verb} » attend un texte : « % {verb}: … »")
    if VERBS[verb] == "rien" and text:
        raise MarkError(f"« {verb} » ne prend pas de texte")
    if (verb in SLIDES) != bool(minutes):
        raise MarkError(
            f"« {verb} » attend sa durée, en minutes : « % {verb} (2) »"
            if verb in SLIDES
            else f"« {verb} » ne prend pas de durée"
        )
    if verb == "montrer" and text and not SHOWN.match(text):
        raise MarkError(f"« montrer: {text} » : il faut « sortie » ou « code »")
    return Mark(verb, text, int(minutes or 0))


def locate(lines, comment, start):
    """La ligne (à partir de 1) où commence un commentaire, cherchée après ``start`` lignes."""
    wanted = [line.strip() for line in comment.split("\n")]
    for i in range(start, len(lines) - len(wanted) + 1):
        found = [line.strip() for line in lines[i : i + len(wanted)]]
        if all(
            f.startswith("%") and f[1:].strip() == w for f, w in zip(found, wanted, strict=True)
        ):
            return i + 1
    return start + 1
