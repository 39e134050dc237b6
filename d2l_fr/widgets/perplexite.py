"""« perplexite » : un pari, son dé, et ce qu'il coûte. Page : language-model."""

import math
from typing import Any

import numpy as np
import traitlets as T

from d2l_fr.french import NBSP, fr, typography
from d2l_fr.language_model import bits_per_token, perplexity
from d2l_fr.widgets.base import Figure, Proposal, SettingError
from d2l_fr.widgets.drawing import Drawing

__all__ = ["Perplexite"]

MOST_BITS = 8  # le bout de l'axe des bits
PIPS = {1: "4", 2: "26", 3: "246", 4: "0268", 5: "02468", 6: "023568", 7: "0234568", 8: "01235678"}


def measured(value: float, digits: int, unit: str) -> str:
    """Écrit un nombre et son unité, accordée dès deux ; sans décimales s'il est entier."""
    digits = 0 if value == math.inf or abs(value - round(value)) < 1e-6 else digits
    return f"{fr(value, digits)}{NBSP}{unit}{'s' if round(value, 2) >= 2 else ''}"


def bits(value: float) -> str:
    """Écrit une perte : « 1,74 bit », « 2,04 bits », « 2 bits »."""
    return measured(value, 2, "bit")


def faces(value: float) -> str:
    """Écrit un nombre de faces, à trois chiffres : « 4,13 faces », « 128 faces »."""
    return measured(value, max(0, 2 - math.floor(math.log10(min(value, 999)) + 1e-12)), "face")


def percent(p: float) -> str:
    """Écrit une probabilité : « 30 % », « 2,5 % », « < 0,1 % »."""
    value = 100 * p
    if 0 < value < 0.05:
        return f"<{NBSP}0,1{NBSP}%"
    return f"{fr(value, 0 if value >= 10 or abs(value - round(value)) < 0.05 else 1)}{NBSP}%"


class Perplexite(Figure):
    """Un pari sur le caractère suivant, que l'on déplace barre par barre.

    ``tokens``, de deux à huit caractères ; ``probs``, leurs probabilités, positives et de somme
    1 ; ``truth``, celui qui est venu ; ``context``, ce qui précède, pour le lecteur. Réglages :
    ``probs`` et ``truth``. Lève ``ValueError`` pour une loi ou un caractère impossible.
    Page : language-model.
    """

    name = "perplexite"
    height, between = (33.1, 55.5), (33.1, 53.6)
    probs = T.List(T.Float(), [0.4, 0.3, 0.15, 0.1, 0.04, 0.01]).tag(sync=True, control=True)
    truth = T.Unicode("e").tag(sync=True, control=True)
    tokens = T.List(T.Unicode(), list("aeoiuz")).tag(sync=True)
    context = T.Unicode("Tiphaine leva les yeux vers la m").tag(sync=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._valid({"trait": self.traits()["probs"], "value": self.probs})
        self._valid({"trait": self.traits()["truth"], "value": self.truth})

    @T.validate("tokens", "probs", "truth")
    def _valid(self, proposal: Proposal) -> object:
        name, value, size = proposal["trait"].name, proposal["value"], len(self.tokens)
        if name == "tokens":
            visible = all(len(token) == 1 and token.isprintable() for token in value)
            if not 2 <= len(value) <= 8 or len(set(value)) < len(value) or not visible:
                raise SettingError(
                    f"Il faut de deux à huit caractères visibles et différents : {value!r}."
                )
        elif name == "probs":
            p = np.array(value)
            if len(p) != size or not (p >= 0).all() or abs(p.sum() - 1) > 1e-6:
                raise SettingError(
                    f"probs = {value!r} : il faut {size} probabilités, positives et de somme 1."
                )
        elif value not in self.tokens:
            raise SettingError(f"truth = {value!r} n'est pas dans {self.tokens!r}.")
        return value

    def measures(self) -> tuple[float, float, float, float]:
        """Rend quatre nombres : l'entropie de la loi, en bits, et son nombre de faces ; la perte
        du vrai caractère, en bits, et sa perplexité.
        """
        p = np.array(self.probs)
        with np.errstate(divide="ignore"):
            prices = np.abs(np.log(p))  # ce que coûterait chaque caractère, en nats
        entropy = float((p[p > 0] * prices[p > 0]).sum())
        loss = float(prices[self.tokens.index(self.truth)])
        return bits_per_token(entropy), perplexity(entropy), bits_per_token(loss), perplexity(loss)

    def static(self) -> Drawing:
        drawing = Drawing(680, 284)
        x, y = drawing.axes((0, len(self.tokens)), (0, 1), box=(56, 44, 316, 236),
                            yticks=(0, 0.25, 0.5, 0.75, 1), yformat=percent)  # fmt: skip
        drawing.text(16, 18, "probabilité")
        for i, (token, p) in enumerate(zip(self.tokens, self.probs, strict=True)):
            drawing.rect(x(i + 0.15), y(p), x(0.7) - x(0), y(0) - y(p), "output")
            drawing.text(x(i + 0.5), y(p) - 7, percent(p), size=13, anchor="middle")
            role = "heldout" if token == self.truth else "data"
            drawing.text(x(i + 0.5), 256, token, role, 16, "middle")
        middle = x(self.tokens.index(self.truth) + 0.5)
        drawing.text(middle, 273, "le vrai", "heldout", 13, "middle")
        entropy, die, loss, price = self.measures()
        _draw_die(drawing, 372, 44, die, len(self.tokens))
        truth = f"« {self.truth} », à {percent(1 / price)}".replace("<", "moins de")
        _draw_prices(drawing, 372, 664, 236, {
            "En moyenne, si le modèle dit vrai": ("output", entropy, die),
            typography(f"Cette fois : {truth}"): ("heldout", loss, price),
        })  # fmt: skip
        return drawing


def _draw_die(drawing: Drawing, left: float, top: float, number: float, size: int) -> None:
    """Dessine ``size`` faces, les ``number`` premières pleines, la suivante en partie."""
    side = min(40, 292 / size - 6)
    drawing.text(left, top - 14, f"Un dé à {faces(number)}", "output", 17, font_weight="bold")
    for i in range(size):
        at, full = left + i * (side + 6), min(1, max(0, round(number - i, 9)))
        drawing.rect(at, top, side * full, side, "output", rx=5)
        edge = "output" if full > 1e-3 else "rule"
        drawing.rect(at, top, side, side, "none", stroke=edge, rx=5)
        for row, column in (divmod(int(spot), 3) for spot in PIPS[i + 1]):
            across, down = at + side * (1 + column) / 4, top + side * (1 + row) / 4
            drawing.circle(across, down, side * 0.08, "background" if full == 1 else "rule")


def _draw_prices(
    drawing: Drawing,
    left: float,
    right: float,
    bottom: float,
    rows: dict[str, tuple[str, float, float]],
) -> None:
    """Dessine des pertes en barres : ``rows``, titre → (rôle, bits, faces)."""
    scale = (right - left) / MOST_BITS
    for i, (title, (role, value, number)) in enumerate(rows.items()):
        top, width = bottom - 112 + 58 * i, min(value, MOST_BITS) * scale
        drawing.text(left + 6, top, title, role, 14)
        drawing.rect(left, top + 7, width, 16, role)
        cost = f"{bits(value)}{NBSP}: {faces(number)}" if value < math.inf else "perte infinie"
        if width > 150:
            drawing.text(left + width - 6, top + 20, cost, "background", 13, "end")
        else:
            drawing.text(left + width + 6, top + 20, cost, size=13)
    drawing.line(left, bottom - 128, left, bottom, "reference")
    drawing.line(left, bottom, right, bottom, "reference")
    for down, unit, written in ((20, "bits", fr), (36, "faces", lambda v: fr(2**v))):
        drawing.text(left - 10, bottom + down, unit, "reference", 13, "end")
        for tick in range(0, MOST_BITS + 1, 2):
            drawing.text(
                left + tick * scale, bottom + down, written(tick), "reference", 13, "middle"
            )
