"""« jetons » : un texte tapé, découpé de trois façons, numéroté et compté. Page : text-sequence."""

import unicodedata
from collections import Counter
from typing import Any, Literal, TypeAlias

import numpy as np
import traitlets as T

from d2l_fr.french import fr, typography
from d2l_fr.text_sequence import BPE, Vocab, tokenize
from d2l_fr.widgets.base import Figure, Proposal
from d2l_fr.widgets.drawing import Drawing

__all__ = ["MOST", "Jetons", "readable"]

Level: TypeAlias = Literal["char", "word", "bpe"]

MOST = 400  # au-delà, ce qu'on tape n'est plus découpé
LEVELS: dict[Level, str] = {"char": "caractères", "word": "mots", "bpe": "BPE"}
BLANKS = {" ": "␣", "\u00a0": "⍽", "\u202f": "⍽", "\n": "↵", "\t": "⇥"}
# Des lettres et des accents qu'Unicode dit de ne pas montrer : sélecteurs de variante, comblements…
INVISIBLE = {*"\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0", *map(chr, range(0x180B, 0x1810)),
             *map(chr, range(0xFE00, 0xFE10)), *map(chr, range(0xE0100, 0xE01F0))}  # fmt: skip
MOST_ROWS = 3
SAMPLE = "L’été, l’eau de l’île sent l’algue. À L’EAU, les crabes\u202f!"


def readable(token: str) -> str:
    """Écrit un jeton pour qu'on voie tout : espaces, accents détachés, signes invisibles."""

    def visible(c: str) -> str:
        hidden = unicodedata.category(c)[0] in "CZ" or c in INVISIBLE
        return BLANKS.get(c) or (f"U+{ord(c):04X}" if hidden else c)

    shown = "".join(map(visible, token))
    return "◌" + shown if unicodedata.category(shown[0])[0] == "M" else shown


class Jetons(Figure):
    """Un texte et ses jetons : caractères, mots, ou sous-mots d'un BPE.

    ``corpus`` est le texte dont viennent les vocabulaires et les comptes, ``bpe`` un ``BPE``
    appris sur lui. Réglages : ``text``, ce qu'on découpe (ses 400 premiers caractères) ;
    ``level``, « char », « word » ou « bpe » ; ``merges``, le nombre de fusions employées, de 0
    à toutes. Lève ``TypeError`` si ``corpus`` n'est pas une chaîne ou ``bpe`` pas un ``BPE``,
    ``ValueError`` pour un corpus vide ou un réglage impossible. Page : text-sequence.
    """

    name = "jetons"
    height, between = (49.5, 84.2), (49.5, 82.6)
    text = T.Unicode(SAMPLE).tag(sync=True, control=True)
    level = T.Enum(list(LEVELS), "bpe").tag(sync=True, control=True)
    merges = T.Int().tag(sync=True, control=True)
    vocabularies = T.Dict(help="Les jetons connus, niveau par niveau, sans <unk>.").tag(sync=True)

    def __init__(self, corpus: str, bpe: BPE, **kwargs: Any) -> None:
        # La page définit sa propre classe BPE : on n'en demande que les fusions.
        if not hasattr(bpe, "merges"):
            raise TypeError(f"bpe est un BPE, que rend train_bpe ; reçu : {type(bpe).__name__}.")
        bpe = BPE(bpe.merges)
        most = len(bpe.merges)
        level = kwargs.get("level", "bpe")
        kwargs.setdefault("merges", most)
        if level not in LEVELS:
            raise ValueError(f"level = {level!r} : il faut l'un de {', '.join(LEVELS)}.")
        self.limits = {"merges": (0, most)}
        self.bpe = bpe
        self.vocabs = {name: Vocab(tokenize(corpus, name)) for name in ("char", "word")}
        super().__init__(**kwargs)
        self.vocabularies = {name: vocab.tokens[1:] for name, vocab in self.vocabs.items()}
        # Le navigateur défait les fusions une à une : ces comptes-ci donnent tous les autres.
        uses = Counter(bpe.encode(corpus))
        self.send_arrays(
            "int32",
            merges=np.array(bpe.merges).reshape(-1, 2),
            bpe=[uses[i] for i in range(len(bpe))],
            **{name: vocab.counts[1:] for name, vocab in self.vocabs.items()},
        )

    @T.validate("merges")
    def _valid(self, proposal: Proposal) -> float:
        return self.within(proposal)

    def split(self, level: Level) -> tuple[list[str], list[int]]:
        """Rend deux listes : les jetons du texte à ce niveau, comme on les lit, et les indices."""
        text = self.text[:MOST]
        if level == "bpe":
            bpe = BPE(self.bpe.merges[: self.merges])
            ids = bpe.encode(text)
            return bpe.to_tokens(ids), ids
        tokens = tokenize(text, level)
        return tokens, self.vocabs[level][tokens]

    def static(self) -> Drawing:
        drawing = Drawing(680, 100)
        top: float = 24
        for level, name in LEVELS.items():
            tokens, ids = self.split(level)
            title = f"En {name} : {fr(len(ids))} jeton{'s' * (len(ids) > 1)}"
            if level == "bpe":
                title += f" ({fr(self.merges)} fusion{'s' * (self.merges > 1)})"
            elif unknown := ids.count(0):
                title += f", dont {fr(unknown)} inconnu{'s' * (unknown > 1)}"
            drawing.text(2, top, typography(title), "input" if level == self.level else "data", 15,
                         font_weight="bold")  # fmt: skip
            top = _draw_tokens(drawing, top + 10, tokens, ids, known=level == "bpe") + 34
        size = len(self.text[:MOST].encode("utf-8", "surrogatepass"))
        legend = f"{fr(size)} octets en UTF-8. Sous chaque jeton, son indice ; 0 : jeton inconnu."
        drawing.text(2, top, typography(legend), "reference", 14)
        drawing.height = top + 12
        return drawing


def _width(label: str) -> float:
    """La largeur d'un jeton écrit, en pixels, un peu large : on ne sait rien de la police."""
    return sum(17 if unicodedata.east_asian_width(c) == "W" else 8.6 for c in label)


def _draw_tokens(
    drawing: Drawing, top: float, tokens: list[str], ids: list[int], known: bool
) -> float:
    """Dessine des jetons côte à côte, sur trois rangées au plus ; rend le bas de la dernière."""
    rows = 1
    x: float = 2
    for i, (token, index) in enumerate(zip(tokens, ids, strict=True)):
        label = readable(token)
        label = label if len(label) <= 30 else label[:30] + "…"
        width = max(_width(label) + 8, 7.5 * len(str(index)) + 4)
        if x + width > 660 and i:
            if rows == MOST_ROWS:
                drawing.text(x + 2, top + 17, "…", "data", 15)
                break
            x, top, rows = 2, top + 50, rows + 1
        lost = index == 0 and not known
        edge = {"stroke": "heldout", "stroke_dasharray": "3 2"} if lost else {"stroke": "rule"}
        fill = "background" if lost else ("input-tint", "neutral-tint")[i % 2]
        drawing.rect(x, top, width, 26, fill, rx=3, **edge)
        drawing.text(x + width / 2, top + 18, label, "data", 14, "middle", direction="ltr")
        drawing.text(x + width / 2, top + 41, str(index), "heldout" if lost else "reference", 13,
                     "middle", font_weight="bold" if lost else "normal")  # fmt: skip
        x += width + 3
    return top + 44
