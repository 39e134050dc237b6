"""La typographie française : nombres et espaces insécables, au même endroit pour tout le livre."""

import math
import re
from collections.abc import Callable
from typing import Protocol

__all__ = ["fr", "prose", "typography"]

NBSP = "\u00a0"  # insécable : devant le deux-points, à l'intérieur des guillemets
NNBSP = "\u202f"  # insécable fine : devant ; ! ? et entre les milliers
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Scalar(Protocol):
    """Un nombre de NumPy, ou un tenseur ou un tableau d'un seul élément."""

    def item(self) -> float: ...


def fr(value: float | Scalar, digits: int | None = None) -> str:
    """Écrit un nombre à la française : virgule décimale, espace fine entre les milliers.

    Paramètres : ``value``, un nombre (ou un tenseur à un élément) ; ``digits``, le nombre de
    décimales (par défaut : aucune pour un entier, trois chiffres significatifs sinon).
    Rend une chaîne : ``fr(1234567)`` donne « 1 234 567 », ``fr(0.9281, 2)`` « 0,93 » ;
    ``fr(0.0000123)`` donne ``1,23·10⁻⁵``. Page : sequence.

    >>> fr(0.9281, 2)
    '0,93'
    >>> fr(-3)
    '−3'
    """
    value = value.item() if hasattr(value, "item") else value
    if math.isnan(value):
        return "non défini"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if digits is None and not float(value).is_integer():
        mantissa, power = f"{value:.2e}".split("e")  # arrondi d'abord : 9,999 devient 10
        exponent = int(power)
        if not -4 <= exponent < 6:
            return f"{fr(float(mantissa), 2)}·10{str(exponent).translate(SUPERSCRIPTS)}"
        digits = max(0, 2 - exponent)
    text = f"{value:,.{digits or 0}f}".replace(",", NNBSP).replace(".", ",").replace("-", "−")
    whole = text.lstrip("−").partition(",")[0]
    if len(whole) == 5:  # quatre chiffres : pas d'espace (une année, une page)
        text = text.replace(NNBSP, "")
    return text


_RULES: list[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]] = [
    (re.compile(r"\.\.\."), "…"),
    (re.compile(r"(?<=[^\W\d_])'"), "’"),
    (re.compile(r"(?<![\d,.])\d{1,3}(?: \d{3})+(?!\d)"), lambda m: m[0].replace(" ", NNBSP)),
    (re.compile(r"«[ \u00a0\u202f]*(?=\S)"), "«" + NBSP),
    (re.compile(r"(?<=\S)[ \u00a0\u202f]*»"), NBSP + "»"),
    (re.compile(r"(?<=\S)[ \u00a0\u202f]+(?=[;!?]+(?:\W|\Z))"), NNBSP),
    (re.compile(r"(?<=\S)[ \u00a0\u202f]+(?=:(?:\s|\Z))"), NBSP),
    (re.compile(r" +(?=%)|(?<=\d) (?=(?:s|ms|min|h|m|cm|km|Mo|ko|octets|bits?|px)\b)"), NBSP),
]


def typography(text: str) -> str:
    """Pose l'apostrophe courbe, les points de suspension et les espaces insécables.

    Ne touche ni aux mots ni à la ponctuation elle-même ; l'appliquer deux fois ne change
    plus rien. Ne doit recevoir que de la prose : ni code, ni formule, ni adresse.
    Page : text-sequence.

    >>> typography("C'est vrai : « oui » !").replace(NBSP, "~").replace(NNBSP, "_")
    'C’est vrai~: «~oui~»_!'
    """
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


# Ce qui n'est pas de la prose : code, formules, balises, adresses.
VERBATIM = re.compile(
    r"(```.*?```|`+[^`]+?`+|\$\$.*?\$\$|(?<!\\)\$[^$\n]+?(?<!\\)\$|<[^>\n]+>|\]\([^)\s]+\)|https?://\S+)",
    re.DOTALL,
)


def prose(text: str) -> str:
    """Pose la typographie française dans du Markdown, hors du code, des formules, des adresses.

    Page : text-sequence.

    >>> prose("Que rend `f(x) ; g` ?").replace(NNBSP, "_")
    'Que rend `f(x) ; g`_?'
    """
    parts = VERBATIM.split(text)
    for i in range(0, len(parts), 2):
        # « a » et « b » tiennent lieu du passage protégé voisin : ils servent de contexte.
        before, after = ("a" if i else ""), ""
        if i + 1 < len(parts):
            opening = parts[i].endswith(("«", " ", NBSP, NNBSP))
            after = "b" if opening else " b"
        new = typography(before + parts[i] + after)
        parts[i] = new[len(before) : len(new) - len(after) if after else None]
    return "".join(parts)
