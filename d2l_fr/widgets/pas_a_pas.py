"""« pas_a_pas » : un réseau lit un caractère par pas, avec les mêmes poids. Page : rnn."""

import math
from typing import Any

import torch
import traitlets as T
from torch import Tensor

from d2l_fr.french import NBSP, fr
from d2l_fr.rnn import rnn_step
from d2l_fr.rnn_scratch import RNNLMScratch
from d2l_fr.text_sequence import Vocab, normalize, tokenize
from d2l_fr.widgets.base import Figure
from d2l_fr.widgets.drawing import Drawing

__all__ = ["PasAPas"]

LONGEST = 60  # caractères lus, au plus
COLUMNS = 26  # pas montrés, au plus
LEVELS = 6  # teintes de chaque signe
INDEX = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
WEIGHTS = ("W_xh", "W_hh", "b_h", "W_hq", "b_q")
OPEN, CLOSE = "«" + NBSP, NBSP + "»"


def glyph(character: str) -> str:
    """Le signe qui montre un caractère, même invisible."""
    if shown := {" ": "␣", "\n": "↵", "\xa0": "⍽", "\u202f": "⍽"}.get(character):
        return shown
    return character if character.isprintable() else "□"


def tinted(
    drawing: Drawing,
    values: Tensor,
    bound: float,
    box: tuple[float, float, float, float],
    inset: float = 0.0,
) -> None:
    """Teinte les cases d'un tableau (L, C) dans une boîte ; ``bound`` a la teinte la plus forte."""
    (x, y, width, height), rows = box, torch.as_tensor(values).tolist()
    traces: dict[tuple[str, int], str] = {}
    for r, row in enumerate(rows):
        for c, value in enumerate(row):
            if level := min(LEVELS, math.floor(abs(value) / bound * LEVELS + 0.5)):
                key = ("hidden" if value > 0 else "input"), level
                traces[key] = traces.get(key, "") + f"M{c + inset:g} {r}h{1 - 2 * inset:g}"
    width, height = width / len(rows[0]), height / len(rows)
    place = f"translate({x:g} {y + height / 2:g}) scale({width:.4g} {height:.4g})"
    for (role, level), d in traces.items():
        opacity = round(level / LEVELS, 2)
        drawing.add("path", d=d, fill="none", stroke=role, stroke_opacity=opacity, transform=place)


def wire(drawing: Drawing, points: list[tuple[float, float]], role: str) -> None:
    """Un fil coudé, et sa pointe."""
    drawing.path(points, role)
    (a, b), (x, y) = points[-2:]
    turn = math.degrees(math.atan2(y - b, x - a))
    place = f"translate({x:.1f} {y:.1f}) rotate({turn:.0f})"
    drawing.add("path", d="M0 0L-8 -4.5L-8 4.5z", fill=role, transform=place)


def indexed(
    drawing: Drawing, x: float, y: float, base: str, index: str, size: float, anchor: str = "start"
) -> None:
    """Un nom à indice, comme « W_xh »."""
    drawing.text(x, y, base, "data", size, anchor)
    small = f'<tspan dy="4" font-size="13">{index}</tspan></text>'
    drawing.parts[-1] = drawing.parts[-1].replace("</text>", small)


class PasAPas(Figure):
    """Un petit réseau déroulé : h_t = tanh(W_xh[x_t] + h_{t-1} W_hh + b_h), puis softmax.

    Paramètres : ``model``, un modèle à un caractère par pas qui range ses poids comme
    ``RNNLMScratch`` (d'au plus 32 unités) ; ``vocab``, son vocabulaire. Réglages : ``text``, dont
    on lit les 60 premiers caractères ; ``step``, le nombre de caractères lus ; ``forget``, le pas
    qui repart d'un état nul (0 : aucun) ; ``unit``, l'unité dont le calcul est détaillé, à partir
    de 0. Lève ``TypeError`` pour un autre modèle, ``ValueError`` si le vocabulaire n'est pas le
    sien ou si l'état est trop grand. Page : rnn.
    """

    name = "pas_a_pas"
    height, between = (47.3, 62.3), (47.3, 59.8)
    text = T.Unicode("les poules du couvent couvent.").tag(sync=True, control=True)
    step = T.Int(20).tag(sync=True, control=True)
    forget = T.Int(0).tag(sync=True, control=True)
    unit = T.Int(0).tag(sync=True, control=True)
    tokens = T.List(T.Unicode()).tag(sync=True)
    bound = T.Float(help="Ce que vaut la teinte la plus forte, pour les poids.").tag(sync=True)

    def __init__(self, model: RNNLMScratch, vocab: Vocab, **kwargs: Any) -> None:
        try:
            rnn = model.rnn
            weights = rnn.W_xh, rnn.W_hh, rnn.b_h, model.W_hq, model.b_q
        except AttributeError:
            raise TypeError(
                "Il faut un modèle dont les poids se nomment rnn.W_xh, rnn.W_hh, rnn.b_h, W_hq et "
                f"b_q, comme RNNLMScratch ; reçu : {type(model).__name__}."
            ) from None
        V, m = rnn.W_xh.shape
        if len(vocab) != V:
            raise ValueError(f"Le modèle lit {V} caractères, le vocabulaire en a {len(vocab)}.")
        if m > 32:
            raise ValueError(f"{m} unités ne se distinguent plus à l'écran : 32 au plus.")
        self.weights = dict(zip(WEIGHTS, (w.detach().double().cpu() for w in weights), strict=True))
        self.vocab = vocab
        # Quelques poids dépassent de beaucoup les autres : ils saturent.
        bound = math.ceil(float(self.weights["W_xh"].abs().quantile(0.9)))
        super().__init__(tokens=list(vocab.tokens), bound=max(1, bound), **kwargs)
        self.send_arrays(**self.weights)

    def characters(self) -> list[str]:
        """Les caractères que la figure lit."""
        return tokenize(normalize(self.text[: 4 * LONGEST]))[:LONGEST]

    def reading(self, forget: int | None = None) -> tuple[Tensor, Tensor]:
        """Lit le texte : rend les états (T + 1, m) et les probabilités du suivant (T + 1, V)."""
        W_xh, W_hh, b_h, W_hq, b_q = self.weights.values()
        forget = self.forget if forget is None else forget
        read = [torch.zeros(1, len(b_h), dtype=torch.float64)]
        one_hot = torch.eye(len(W_xh), dtype=torch.float64)
        for t, token in enumerate(self.vocab[self.characters()], 1):
            H = torch.zeros_like(read[0]) if t == forget else read[-1]
            read.append(rnn_step(one_hot[token : token + 1], H, W_xh, W_hh, b_h))
        states = torch.cat(read)
        return states, torch.softmax(states @ W_hq + b_q, dim=-1)

    def terms(self) -> Tensor:
        """Les termes de la somme au pas présent, puis l'état : (4, m). Au pas 0, des zéros."""
        (states, _), step = self.reading(), self.present()
        if step == 0:
            return torch.zeros(4, states.shape[1], dtype=torch.float64)
        token, previous = self.vocab[self.characters()[step - 1]], states[step - 1]
        carried = previous @ self.weights["W_hh"] * (step != self.forget)
        rows = self.weights["W_xh"][token], carried, self.weights["b_h"], states[step]
        return torch.stack(rows)

    def present(self) -> int:
        """Le pas présent, ramené à la longueur du texte."""
        return max(0, min(self.step, len(self.characters())))

    def static(self) -> Drawing:
        drawing, step, characters = Drawing(680, 452), self.present(), self.characters()
        states, chances = self.reading()
        # La même fenêtre qu'à l'écran : le pas présent et quelques-uns après.
        start = max(0, min(step + 6 - COLUMNS, len(characters) + 1 - COLUMNS))
        shown = range(start, min(start + COLUMNS, len(characters) + 1))
        cell = 680 / COLUMNS

        def across(t: int) -> float:
            return (t - start + 0.5) * cell

        drawing.rect(across(step) - cell / 2 + 1, 2, cell - 2, 28, "input-tint")
        tinted(
            drawing, states[start : step + 1].T, 1, (0, 202, cell * (step + 1 - start), 96), 0.14
        )
        for t in shown:
            read, here = t <= step, t == step
            name = glyph(characters[t - 1]) if t else "–"
            drawing.text(across(t), 21, name, "data" if read else "reference", 17, "middle")
            role, thick = ("hidden", 2) if here else ("rule", 1)
            box = across(t) - 0.36 * cell, 202, 0.72 * cell, 96
            drawing.rect(*box, "none", stroke=role, stroke_width=thick)
            if t and t in (step, step - 1):
                name = "h" + str(t).translate(INDEX)
                drawing.text(across(t), 315, name, "hidden", 14, "middle")
        drawing.text(8, 316, "Un état par pas, de −1 (bleu) à 1 (orange)", "data", 14)
        self._machine(drawing, across(step), across(step - 1), step, characters)
        self._chances(drawing, chances[step], step)
        letter = f"{OPEN}{glyph(characters[step - 1])}{CLOSE}" if step else "–"
        before = "0" if step == self.forget else "h" + str(max(0, step - 1)).translate(INDEX)
        names = [(f"ligne {letter} de W", "xh"), (f"+ {before} W", "hh"), ("+ b", "h")]
        names.append((f"tanh de la somme{NBSP}: h" + str(step).translate(INDEX), ""))
        for i, (values, label) in enumerate(zip(self.terms(), names, strict=True)):
            y = 336 + 28 * i + (6 if i == 3 else 0)
            indexed(drawing, 8, y + 16, *label, 14)
            tinted(drawing, values[None], 1 if i == 3 else self.bound, (196, y, 472, 22), 0.04)
            drawing.rect(196, y, 472, 22, fill="none", stroke="hidden" if i == 3 else "rule")
        return drawing

    def _machine(
        self, drawing: Drawing, here: float, before: float, step: int, characters: list[str]
    ) -> None:
        """Les trois matrices, et les fils qui y mènent au pas présent."""
        top, low, middle, node = 70, 166, 118, 152
        for x, width, sub in ((8, 96, "hh"), (196, 72, "xh"), (324, 110, "hq")):
            indexed(drawing, x + width / 2, top - 8, "W", sub, 17, "middle")
            tinted(drawing, self.weights[f"W_{sub}"], self.bound, (x, top, width, 96))
            drawing.rect(x, top, width, 96, fill="none", stroke="reference")
        if step:
            character = characters[step - 1]
            row = top + (self.vocab[character] + 0.5) / len(self.tokens) * 96
            wire(drawing, [(here, 32), (here, 42), (300, 42), (300, row), (270, row)], "input")
            drawing.rect(194, row - 2.5, 76, 5, fill="none", stroke="input", stroke_width=2)
            drawing.text(294, row + 18, glyph(character), "input", 17, "end")
            wire(drawing, [(194, row), (184, row), (184, middle), (node + 20, middle)], "input")
            if step != self.forget:
                wire(drawing, [(before, 200), (before, 191), (56, 191), (56, low + 2)], "hidden")
                wire(drawing, [(104, middle), (node - 20, middle)], "hidden")
            wire(drawing, [(node, middle + 20), (node, 181), (here, 181), (here, 200)], "hidden")
            wire(drawing, [(node, 181), (379, 181), (379, low + 2)], "hidden")
        drawing.circle(node, middle, 19, "background", stroke="data")
        drawing.text(node, middle + 5, "tanh", "data", 14, "middle")
        indexed(drawing, node, top - 8, "+ b", "h", 15, "middle")
        wire(drawing, [(node, top), (node, middle - 20)], "reference")

    def _chances(self, drawing: Drawing, chances: Tensor, step: int) -> None:
        """Les caractères les plus probables, en barres."""
        drawing.text(462, 62, "Le suivant, d’après h" + str(step).translate(INDEX), "data", 14)
        best = chances.topk(min(5, len(chances)))
        for i, (p, token) in enumerate(zip(*(x.tolist() for x in best), strict=True)):
            y, name = 72 + 20 * i, glyph(self.tokens[token]) if token else "?"
            end = 486 + 140 * p / float(best.values[0])
            drawing.text(472, y + 14, name, "data", 16, "middle")
            drawing.rect(486, y + 2, end - 486, 14, "output")
            drawing.text(end + 4, y + 14, f"{fr(100 * p, 0)}{NBSP}%", "data", 13)
