"""« compteur » : un n-gramme qui compte, et ce qu'il perd selon l'ordre. Page : language-model."""

import re
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import traitlets as T
from numpy.typing import NDArray
from torch import Tensor

from d2l_fr.french import NBSP, fr, typography
from d2l_fr.language_model import NGramModel, bits_per_token
from d2l_fr.text_sequence import Vocab, normalize
from d2l_fr.widgets.base import Figure, Proposal, SettingError
from d2l_fr.widgets.drawing import Drawing

__all__ = ["Compteur"]

Tokens: TypeAlias = Sequence[int] | NDArray[np.integer[Any]] | Tensor
Reals: TypeAlias = NDArray[np.float64]

ORDERS = 8
SHARES = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)  # parts du texte d'entraînement, depuis son début
EXTRACT = 20_000  # jetons de l'entraînement sur lesquels on mesure sa perte, comme dans la page
FIRST = 35  # le jeton 0 voyage sous ce caractère, le jeton 1 sous le suivant…
NAMES = {" ": "espace", "\n": "à la ligne", "\u00a0": "insécable", "\u202f": "fine"}


class Compteur(Figure):
    """Le caractère suivant selon un n-gramme de Witten et Bell, et sa perte selon l'ordre.

    ``train`` et ``valid`` sont des suites d'indices (N,) dans ``vocab``, un ``Vocab`` de
    caractères ; la perte est mesurée, en bits par caractère, sur ``valid`` et sur la fin de ce
    qui a été compté. Réglages : ``order``, de 1 à 8 ; ``share``, la part de ``train`` où l'on
    compte, l'une de ``SHARES`` ; ``prefix``, le texte à continuer. Lève ``ValueError`` pour un
    réglage impossible, un texte trop court ou un jeton hors du vocabulaire. Page : language-model.
    """

    name = "compteur"
    height, between = (42.2, 68.9), (43.6, 65)
    order = T.Int(5).tag(sync=True, control=True)
    share = T.Float(1.0).tag(sync=True, control=True)
    prefix = T.Unicode("Tiphaine leva les yeux vers la m").tag(sync=True, control=True)
    tokens = T.List(T.Unicode()).tag(sync=True)
    shares = T.List(T.Float(), [*SHARES]).tag(sync=True)
    corpus = T.Unicode().tag(sync=True)  # un caractère par jeton : se comprime mieux qu'en octets

    def __init__(self, train: Tokens, valid: Tokens, vocab: Vocab, **kwargs: Any) -> None:
        super().__init__(tokens=vocab.tokens, **kwargs)
        if any(len(token) != 1 for token in self.tokens[1:]):
            raise ValueError("Il faut un vocabulaire de caractères : Vocab(tokenize(texte)).")
        if len(train) * SHARES[0] < ORDERS:
            raise ValueError(f"Texte trop court : {len(train)} jetons pour compter sur 2 %.")
        self.train = np.asarray(train)
        self.curves = np.array([self._losses(share, valid) for share in SHARES])  # (6, 2, 8)
        self.corpus = "".join(chr(FIRST + token) for token in self.train.tolist())
        self.send_arrays(curves=self.curves)

    @T.validate("order", "share")
    def _valid(self, proposal: Proposal) -> float:
        name: str = proposal["trait"].name
        value: float = proposal["value"]
        if name == "order" and not 1 <= value <= ORDERS:
            raise SettingError(f"order = {value!r} : il faut un entier de 1 à {ORDERS}.")
        if name == "share" and value not in SHARES:
            raise SettingError(f"share = {value!r} : il faut l'une des parts {SHARES}.")
        return value

    def part(self, share: float | None = None) -> NDArray[np.integer[Any]]:
        """Rend le début de l'entraînement où l'on compte : la part ``share``, ou la présente."""
        return self.train[: round(len(self.train) * (share or self.share))]

    def _losses(self, share: float, valid: Tokens) -> list[list[float]]:
        """Rend les pertes (2, 8) en bits, d'entraînement et de validation, des ordres 1 à 8."""
        part = self.part(share)
        counted = NGramModel(part, ORDERS, len(self.tokens))
        models = [counted.variant(order) for order in range(1, ORDERS + 1)]
        return [
            [bits_per_token(model.surprise(text).mean()) for model in models]
            for text in (part[-EXTRACT:], valid)
        ]

    def context(self) -> list[int]:
        """Rend les indices des derniers caractères du préfixe, tels que la figure les lit."""
        known = {token: index for index, token in enumerate(self.tokens)}
        text = normalize(self.prefix[-64:])
        if "'" not in known:  # l'apostrophe du clavier
            text = text.replace("'", "’")
        return [known.get(char, 0) for char in text][1 - ORDERS :]

    def probs(self) -> NDArray[np.float64]:
        """Rend les probabilités (V,) du caractère suivant, avec l'ordre et la part choisis."""
        model = NGramModel(self.part(), self.order, len(self.tokens))
        return model.probs(self.context())

    def seen(self) -> list[int]:
        """Rend, du contexte vide à celui de sept caractères, combien de fois on l'a vu suivi."""
        part, context = self.part(), self.context()
        follows, counts = np.ones(len(part), dtype=bool), [len(part)]
        for length in range(1, len(context) + 1):
            follows[:length] = False
            follows[length:] &= part[:-length] == context[-length]
            counts.append(int(follows.sum()))
        return counts

    def static(self) -> Drawing:
        drawing, seen = Drawing(680, 364), self.seen()
        chars = "".join(self.tokens[i] if i else "�" for i in self.context())
        _draw_context(drawing, chars, seen, self.order)
        _draw_bets(drawing, self.tokens, self.probs())
        train, valid = self.curves[SHARES.index(self.share)]
        _draw_curves(drawing, train, valid, seen, self.order)
        return drawing


def visible(text: str) -> str:
    """Montre les espaces et les fins de ligne ; tait ce qui commande (sens d'écriture compris)."""
    text = re.sub(r"[ \u00a0\u202f]", "␣", text.replace("\n", "¶"))
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", "�", text)


def compact(number: int) -> str:
    """Écrit un compte en peu de place : « 730 », « 6,0 k », « 184 k »."""
    return str(number) if number < 1000 else f"{fr(number / 1000, int(number < 9950))}{NBSP}k"


def percent(p: float) -> str:
    """Écrit une probabilité : « 36,4 % », « < 0,1 % »."""
    return f"{fr(100 * p, 1) if p >= 5e-4 else '<' + NBSP + '0,1'}{NBSP}%"


def _draw_context(drawing: Drawing, chars: str, seen: list[int], order: int) -> None:
    length = min(order - 1, len(chars))
    found = max(k for k in range(length + 1) if seen[k] > 0)
    whole, kept = (f"« {visible(chars[len(chars) - k :])} »" for k in (length, found))
    text = f"À l'ordre {order}, "
    if found < length:
        text += f"{whole} n'a jamais été vu ; on se rabat sur {kept}, vu {fr(seen[found])} fois."
    else:
        text += f"le contexte {kept} a été vu {fr(seen[found])} fois."
    drawing.text(8, 18, typography(text), size=15)


def _draw_bets(drawing: Drawing, tokens: list[str], probs: Reals) -> None:
    best = np.argsort(-probs, kind="stable")[:12]
    rows = [(NAMES.get(tokens[i], tokens[i] if i else "inconnu"), probs[i]) for i in best]
    rows.append(("autres", 1 - probs[best].sum()))
    for i, (name, p) in enumerate(rows):
        y, width = 48 + 22 * i, 200 * p
        drawing.text(70, y + 13, name, "data" if i < 12 else "reference", 14, "end")
        drawing.rect(76, y, width, 17, "output" if i < 12 else "rule")
        drawing.text(82 + width, y + 13, percent(p), size=13)


def _draw_curves(drawing: Drawing, train: Reals, valid: Reals, seen: list[int], order: int) -> None:
    x, y = drawing.axes((0.5, ORDERS + 0.5), (0, 5), box=(390, 60, 672, 280), yticks=range(6),
                        ylabel="bits par caractère")  # fmt: skip
    drawing.rect(x(order - 0.5), 60, x(1) - x(0), 220, "input-tint")
    for name, curve, role in (("entraînement", train, "train"), ("validation", valid, "heldout")):
        dash: dict[str, Any] = {"stroke_dasharray": "6 4"} if role == "train" else {}
        points = [(x(n), y(float(loss))) for n, loss in enumerate(curve, 1)]
        drawing.path(points, stroke=role, **dash)
        for point in points:
            drawing.circle(*point, 3, role)
        drawing.circle(*points[order - 1], 6, role)
        across, down = (x(3.6), points[3][1] + 30) if dash else (672, points[-1][1] - 10)
        drawing.text(across, down, name, role, 14, "end")
    best = int(np.argmin(valid)) + 1
    spot = x(best), y(float(valid[best - 1]))
    drawing.circle(*spot, 9, "none", stroke="heldout", stroke_width=1.5)
    drawing.text(spot[0] + 10, spot[1] + 19, "meilleur ordre", "heldout", 13)
    for n in range(1, ORDERS + 1):
        role = "data" if n == order else "reference"
        drawing.text(x(n), 298, str(n), role, 14, "middle")
        if n <= len(seen):
            drawing.text(x(n), 318, compact(seen[n - 1]), role, 13, "middle")
    drawing.text(382, 298, "ordre", "reference", 13, "end")
    drawing.text(382, 318, "vu", "reference", 13, "end")
    drawing.text(531, 342, "vu : occurrences du contexte", "data", 14, "middle")
