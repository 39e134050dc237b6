"""Du fichier du Projet Gutenberg au texte seul.

Ces fichiers entourent l'œuvre d'une licence, coupent ses lignes vers la 70e colonne, notent
l'italique par des soulignés et doublent l'espace après un point : un modèle de langage
apprendrait tout cela.
"""

import itertools
import re
import textwrap

__all__ = ["clean"]

# Avant le premier chapitre, seul sur sa ligne, viennent les remerciements et la page de titre.
FIRST_CHAPTER = r"^[ \t]*I[ \t]*$"
# Un retrait pareil ne se trouve que dans ce qui est centré ou aligné à droite : dates, signatures.
DEEP_INDENT = 8
# La prose remplit ses lignes au-delà de cette colonne ; les vers, les listes et les tableaux, non.
FULL_LINE = 60

_START = re.compile(
    r"\*{3} ?START OF (?:THIS|THE) PROJECT GUTENBERG EBOOK.*?\*{3}", re.DOTALL | re.IGNORECASE
)
_END = re.compile(
    r"^(?:End of (?:the )?Project Gutenberg|\*{3} ?END OF (?:THIS|THE) PROJECT GUTENBERG)",
    re.MULTILINE | re.IGNORECASE,
)
_RULE = re.compile(r"\s*-{5,}\s*")
_RUNES = re.compile(r"\s+[\s_.,*]*(?:(?:[A-E][0-9A-F]|F0)[\s_.,*]*)+")


def clean(text: str, start: str = FIRST_CHAPTER) -> str:
    r"""Rend le texte de l'auteur seul, un paragraphe par ligne.

    Paragraphes, titres et strophes sont séparés par une ligne vide (``\n\n``). Un titre de
    chapitre tient en deux lignes au plus, son numéro puis son intitulé ; les vers, les tableaux et
    les signatures gardent leurs lignes. Les soulignés d'italique disparaissent ; les runes, notées
    en hexadécimal, sont rétablies.

    Paramètres : ``text``, le fichier entier, une chaîne de n caractères ; ``start``, l'expression
    rationnelle (mode multiligne) de la première ligne de l'œuvre.
    Rend une chaîne d'au plus n caractères, terminée par une seule fin de ligne.
    Lève ``ValueError`` si le début, la fin ou la première ligne de l'œuvre sont introuvables.
    Page : text-sequence.
    """
    body = _body(text.replace("\r\n", "\n"))
    first = re.search(start, body, re.MULTILINE)
    if first is None:
        raise ValueError(f"Première ligne de l'œuvre introuvable : rien ne correspond à {start!r}.")
    # Un chapitre de « De la Terre à la Lune » garde deux formules TeX : \(\pi\) et \(x\).
    body = re.sub(r"\\\((.*?)\\\)", r"\1", body[first.start() :]).replace(r"\pi", "π")
    blocks = re.split(r"\n(?:[ \t]*\n)+", body.rstrip())
    paragraphs = [_unwrap(_restore_runes(block).replace("_", "")) for block in blocks]
    return "\n\n".join(filter(None, paragraphs)) + "\n"


def _body(text: str) -> str:
    """Ce que Gutenberg place entre ses marques de début et de fin."""
    start = _START.search(text)
    end = _END.search(text, start.end()) if start else None
    if start is None or end is None:
        raise ValueError(
            "Ce n'est pas un fichier du Projet Gutenberg : ses marques de début et de fin manquent."
        )
    return text[start.end() : end.start()]


def _restore_runes(block: str) -> str:
    """Rend leurs runes aux lignes qui n'en contiennent que les codes : ``D0`` pour U+16D0."""
    if not _RUNES.fullmatch(block):
        return block
    # L'espace ajouté garde la largeur du code, donc l'alignement des colonnes.
    block = block.replace("_", " ")
    return re.sub("[A-F][0-9A-F]", lambda code: chr(0x1600 + int(code[0], 16)) + " ", block)


def _unwrap(block: str) -> str:
    """Défait les fins de ligne d'un bloc (sans ligne vide), sauf celles que l'auteur a voulues."""
    lines = block.split("\n")
    if len(lines) > 2 and re.fullmatch(r"\s*[IVXLC]+\s*", lines[0]) and _RULE.fullmatch(lines[1]):
        return lines[0].strip() + "\n" + _squeeze(" ".join(lines[2:]))
    lines = [line.rstrip() for line in lines if not _RULE.fullmatch(line)]
    if _is_grid(lines):
        return textwrap.dedent("\n".join(lines))
    meant = _has_meant_breaks(lines)
    result = "".join(map(_squeeze, lines[:1]))
    for above, line in itertools.pairwise(lines):
        if meant or max(_indent(above), _indent(line)) >= DEEP_INDENT:
            result += "\n"
        # Gutenberg ne coupe pas les mots : ce trait d'union est celui d'un mot composé.
        elif not re.search(r"\w-$", above):
            result += " "
        result += _squeeze(line)
    return result


def _is_grid(lines: list[str]) -> bool:
    """Vrai pour un bloc en retrait dont les colonnes tiennent par des espaces."""
    return all(map(_indent, lines)) and any(re.search(r"[^\s.…?!:;,] {2,}", line) for line in lines)


def _has_meant_breaks(lines: list[str]) -> bool:
    """Vrai pour un bloc en retrait fait de lignes courtes : vers, tableau, signature."""
    indents = [_indent(line) for line in lines]
    # La suite d'un article de liste, ou d'une réplique, est un peu plus en retrait que son début.
    hanging = len(set(indents[1:])) == 1 and 2 <= indents[1] - indents[0] <= 4
    return all(indents) and not hanging and max(map(len, lines), default=0) < FULL_LINE


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _squeeze(line: str) -> str:
    return re.sub(r"\s+", " ", line.strip())
