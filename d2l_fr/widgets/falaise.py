"""« falaise » : deux descentes, avec et sans écrêtage, sur une surface. Page : rnn-scratch.

La perte est celle d'une seule unité récurrente : deux paramètres, donc une surface.
"""

import functools
import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import traitlets as T
from numpy.typing import NDArray
from torch import Tensor

from d2l_fr.french import fr
from d2l_fr.rnn_scratch import clip_gradients
from d2l_fr.widgets.base import Figure, Proposal, SettingError
from d2l_fr.widgets.drawing import Drawing, Span
from d2l_fr.widgets.memoire import power

__all__ = ["Falaise", "gradient_path", "unit_loss"]

TIMES, H0, TARGET = 5, 0.4, 0.7  # pas de temps, état de départ, état voulu au dernier pas
STEPS = 30  # pas de la descente
W, B, UNIT = (0.8, 2.6), (-1.0, 2.0), 10_000  # la carte : le poids, le biais, son grain
# Les niveaux de la carte, et l'encre que chacun ajoute : la falaise est l'endroit où il s'en ajoute
# d'un coup.
LEVELS = {
    0.001: 3,
    0.003: 3,
    0.01: 3,
    0.03: 3,
    0.06: 3,
    0.08: 3,
    0.2: 9,
    0.5: 9,
    1.0: 9,
    2.0: 9,
    2.7: 9,
}


def unit_loss(w: Tensor, b: Tensor) -> Tensor:
    """Rend la perte (h_5 - 0,7)² de h_t = tanh(w h_{t-1} + b), pour h_0 = 0,4.

    ``w`` et ``b`` sont deux tenseurs de même forme ; la perte a cette forme. Page : rnn-scratch.
    """
    h = torch.full_like(w, H0)
    for _ in range(TIMES):
        h = torch.tanh(w * h + b)
    return (h - TARGET) ** 2


def gradient_path(
    start: Sequence[float], rate: float, threshold: float = math.inf, steps: int = STEPS
) -> tuple[Tensor, Tensor, Tensor]:
    """Descend le gradient de ``unit_loss`` depuis ``start`` (w, b), écrêté à ``threshold``.

    Rend les points (steps + 1, 2), les pertes (steps + 1,) et les normes du gradient avant
    écrêtage (steps,), en float64 ; chaque gradient vient d'autograd, et ``d2l.clip_gradients``
    l'écrête. Lève ``ValueError`` si ``start`` n'est pas fait de deux
    nombres finis, ou si ``rate`` ou ``threshold`` n'est pas strictement positif.
    Page : rnn-scratch.
    """
    point = torch.tensor(start, dtype=torch.float64)
    if point.shape != (2,) or not point.isfinite().all():
        raise ValueError(f"start = {start} : il faut deux nombres finis, (w, b).")
    if not (rate > 0 and math.isfinite(rate)):
        raise ValueError(f"rate = {rate} : il faut un taux d'apprentissage fini, positif.")
    points, losses, norms = [], [], []
    for _ in range(steps + 1):
        point.requires_grad_().grad = None
        loss = unit_loss(*point)
        loss.backward()
        points.append(point.detach())
        losses.append(loss.item())
        norms.append(clip_gradients([point], threshold))
        assert point.grad is not None
        point = (point - rate * point.grad).detach()
    found = [torch.tensor(v, dtype=torch.float64) for v in (losses, norms[:-1])]
    return torch.stack(points), found[0], found[1]


@functools.cache
def level_loops() -> list[list[NDArray[np.float64]]]:
    """Rend, pour chaque niveau de ``LEVELS``, les boucles (n, 2) qui cernent ce qui le dépasse.

    Les coordonnées sont des entiers, en ``UNIT`` de chaque côté de la carte. Le bord ferme les
    boucles : hors de la carte, la perte est censée être nulle.
    """
    from matplotlib.figure import Figure as Canvas  # seulement pour ses lignes de niveau
    from matplotlib.path import Path

    inner = torch.linspace(0, 1, 421, dtype=torch.float64)
    b, w = torch.meshgrid(B[0] + (B[1] - B[0]) * inner, W[0] + (W[1] - W[0]) * inner, indexing="ij")
    logs = torch.nn.functional.pad(unit_loss(w, b).clamp_min(1e-9).log10(), (1, 1, 1, 1), value=-9)
    side = UNIT * torch.nn.functional.pad(inner, (1, 1)).index_fill(0, torch.tensor([422]), 1)
    lines = Canvas().subplots().contour(side, side, logs, [math.log10(v) for v in LEVELS])
    found = []
    for loops in lines.allsegs:
        paths = [Path(loop) for loop in loops if len(loop) > 3]
        for path in paths:  # les points alignés, à un tiers de pixel près, ne servent à rien
            path.should_simplify, path.simplify_threshold = True, UNIT / 3000
        corners = (np.asarray(path.cleaned(simplify=True).vertices) for path in paths)
        found.append([corner[:-1].round() for corner in corners])
    return found


def _pieces(
    points: Iterable[Sequence[float]], box: tuple[Span, Span]
) -> list[list[tuple[float, float]]]:
    """Les morceaux d'une ligne brisée, une liste de (x, y), que laisse voir un cadre.

    ``box`` donne les deux bornes de x, puis celles de y.
    """
    pieces: list[list[tuple[float, float]]] = []
    for a, b in pairwise(points):
        start, end = 0.0, 1.0  # la part du segment qui est dans le cadre
        for p, q, (low, high) in zip(a, b, box, strict=True):
            if p != q:
                first, last = sorted(((low - p) / (q - p), (high - p) / (q - p)))
                start, end = max(start, first), min(end, last)
            elif not low <= p <= high:
                end = -1.0
        if start > end:
            continue
        spots = [(a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])) for t in (start, end)]
        if start > 0 or not pieces:
            pieces.append(spots[:1])
        pieces[-1].append(spots[1])
    return pieces


class Falaise(Figure):
    """La perte d'une unité récurrente, et deux descentes de gradient : avec et sans écrêtage.

    Réglages : ``start``, le point de départ (w, b) ; ``rate``, le taux d'apprentissage η ;
    ``threshold``, le seuil θ ; ``shown``, le nombre de pas montrés, de 0 à 30. Lève
    ``ValueError`` si ``start`` sort de la carte (w de 0,8 à 2,6 ; b de -1 à 2), si ``rate`` ou
    ``threshold`` n'est pas fini et strictement positif, ou si ``shown`` sort de 0 à 30.
    Page : rnn-scratch.
    """

    name = "falaise"
    height, between = (38.4, 75.3), (38.4, 69)
    start = T.List(T.Float(), [1.6, -0.62]).tag(sync=True, control=True)
    rate = T.Float(0.1).tag(sync=True, control=True)
    threshold = T.Float(1.0).tag(sync=True, control=True)
    shown = T.Int(STEPS).tag(sync=True, control=True)

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        loops = level_loops()
        flat = [loop for level in loops for loop in level]
        owners = [i for i, level in enumerate(loops) for _ in level]
        self.send_arrays("uint16", outline=np.concatenate(flat), owners=owners,
                         lengths=[len(loop) for loop in flat])  # fmt: skip
        self.send_arrays("float32", ink=[ink / 100 for ink in LEVELS.values()])

    @T.validate("start", "rate", "threshold", "shown")
    def _valid(self, proposal: Proposal) -> object:
        name, value = proposal["trait"].name, proposal["value"]
        if name == "start":
            ok = len(value) == 2 and W[0] <= value[0] <= W[1] and B[0] <= value[1] <= B[1]
            what = "w de 0,8 à 2,6 et b de -1 à 2"
        elif name == "shown":
            ok, what = 0 <= value <= STEPS, f"un nombre de pas de 0 à {STEPS}"
        else:  # le navigateur ne lit pas l'infini
            noun = "taux d'apprentissage" if name == "rate" else "seuil"
            ok, what = 0 < value < math.inf, f"un {noun} fini, strictement positif"
        if not ok:
            raise SettingError(f"{name} = {value} : il faut {what}.")
        return value

    def paths(self) -> tuple[tuple[Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]:
        """Rend les deux descentes, avec puis sans écrêtage.

        Voir ``d2l_fr.widgets.falaise.gradient_path``.
        """
        return (
            gradient_path(self.start, self.rate, self.threshold),
            gradient_path(self.start, self.rate),
        )

    def static(self) -> Drawing:
        drawing = Drawing(680, 372)
        x, y = drawing.axes(W, B, box=(44, 28, 360, 326), xticks=(1, 1.5, 2, 2.5),
                            yticks=(-1, 0, 1, 2), xlabel="poids w", ylabel="biais b",
                            xformat=lambda v: fr(v, 1))  # fmt: skip
        (left, low), right, high = (x(W[0]), y(B[0])), x(W[1]), y(B[1])
        for loops, ink in zip(level_loops(), LEVELS.values(), strict=True):
            rings = [(loop / UNIT * (right - left, high - low) + (left, low)) for loop in loops]
            d = "".join("M" + "L".join(f"{p:.1f} {q:.1f}" for p, q in ring) + "Z" for ring in rings)
            drawing.add("path", d=d, fill="hidden", fill_opacity=ink / 100, fill_rule="evenodd",
                        stroke="hidden", stroke_opacity=0.45, stroke_width=0.6)  # fmt: skip
        drawing.text(x(2.56), y(-0.9), "perte ≈ 2,9", anchor="end")
        drawing.text(x(2.56), y(1.4), "perte ≈ 0,09", anchor="end")
        drawing.text(x(0.86), y(0.72), "vallée : perte nulle")
        drawing.line(x(1), y(0.68), x(1), y(0.182), "data")
        turn = math.degrees(math.atan2(y(-0.4) - y(0), x(1) - x(0)))
        drawing.text(x(2.2), y(-0.34), "falaise", anchor="middle",
                     transform=f"rotate({turn:.0f} {x(2.2):.0f} {y(-0.34):.0f})")  # fmt: skip
        styles: dict[str, dict[str, Any]] = {"gradient": {"stroke_dasharray": "7 4"}, "train": {}}
        clipped, free = self.paths()
        for (points, _, _), role in ((free, "gradient"), (clipped, "train")):
            walk = points[: self.shown + 1].tolist()
            for piece in _pieces(walk, (W, B)):
                spots = [(x(w), y(b)) for w, b in piece]
                drawing.path(spots, stroke="background", stroke_width=5)
                drawing.path(spots, stroke=role, stroke_width=2.5, **styles[role])
            for w, b in walk[1:]:
                if W[0] <= w <= W[1] and B[0] <= b <= B[1]:
                    drawing.circle(x(w), y(b), 3, fill=role)
        drawing.circle(x(self.start[0]), y(self.start[1]), 6)
        drawing.text(x(self.start[0]) + 10, y(self.start[1]) + 12, "départ")
        curves = ((1, (-6, 1), "perte", 28), (2, (-3, 2), "norme du gradient ‖g‖", 200))
        for index, span, name, top in curves:
            last = index == 2
            ends: list[tuple[float, float]] = []
            x, y = drawing.axes((0, STEPS), span, box=(420, top, 664, top + 126), ylabel=name,
                                xticks=(0, 10, 20, 30) if last else (), yformat=power,
                                yticks=range(span[0], span[1] + 1, 2 - last),
                                xlabel="pas de la descente" if last else "")  # fmt: skip
            if last:
                level = y(math.log10(self.threshold))
                drawing.line(420, level, 664, level, "data", stroke_dasharray="2 3")
                text = f"seuil θ = {fr(self.threshold, int(self.threshold < 1))}"
                drawing.text(660, level - 5, text, size=13, anchor="end")
            for path, role, name in ((free, "gradient", "sans"), (clipped, "train", "avec")):
                values = path[index][: self.shown + (not last)].tolist()  # le pas 1 part du point 0
                walk = [(k, math.log10(max(v, 1e-30))) for k, v in enumerate(values, last)]
                spots = []
                for piece in _pieces(walk, ((0, STEPS), span)):
                    spots = [(x(k), y(v)) for k, v in piece]
                    drawing.path(spots, stroke=role, stroke_width=2.2, **styles[role])
                if spots and not last:  # le nom, au bout de la courbe ; au-dessous s'il y en a un
                    across, down = spots[-1]
                    place, anchor = (across + 10, "start") if across < 560 else (660, "end")
                    down += 17 if any(math.dist(end, spots[-1]) < 30 for end in ends) else -8
                    drawing.text(place, down, f"{name} écrêtage", role, 13, anchor)
                    ends.append(spots[-1])
        return drawing
