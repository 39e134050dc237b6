"""« memoire » : deux neurones, leur trajectoire, et ce qui reste du gradient. Page : bptt."""

import math
from collections.abc import Iterable

import torch
import traitlets as T
from torch import Tensor

from d2l_fr.bptt import jacobian_products
from d2l_fr.french import SUPERSCRIPTS
from d2l_fr.rnn import spectral_radius
from d2l_fr.widgets.base import Figure, Proposal, SettingError
from d2l_fr.widgets.drawing import Drawing

__all__ = ["Memoire", "recurrent_matrix"]

STEPS = 60
LIMITS = {"radius": (0.01, 10), "angle": (-360, 360), "departure": (0, 100)}


def recurrent_matrix(angle: float, radius: float, departure: float) -> Tensor:
    """Rend une matrice W_hh (2, 2), de valeurs propres radius·e^{±i·angle}.

    ``departure`` est son écart à la normalité (au sens de Henrici). S'il est nul, W_hh tourne et
    dilate ; sinon, elle peut allonger avant de réduire. ``angle`` est en degrés. Page : bptt.
    """
    side = radius * math.sin(math.radians(angle))
    low = (math.sqrt(departure**2 + 4 * side**2) - departure) / 2
    diagonal = radius * math.cos(math.radians(angle))
    return torch.tensor([[diagonal, low + departure], [-low, diagonal]], dtype=torch.float64)


def power(exponent: int) -> str:
    """Écrit une puissance de dix : ``power(-3)`` rend « 10⁻³ »."""
    return "10" + str(exponent).translate(SUPERSCRIPTS) if exponent else "1"


class Memoire(Figure):
    """Une récurrence à deux neurones, sans entrée : h_t = tanh(h_{t-1} W_hh).

    Réglages : ``radius``, le rayon spectral ; ``angle``, celui des valeurs propres, en degrés ;
    ``departure``, l'écart à la normalité ; ``tanh``, faux pour la récurrence linéaire ;
    ``start``, l'état h_0 (deux nombres finis). Lève ``SettingError`` si l'un d'eux est
    impossible. Page : bptt.
    """

    name, limits = "memoire", LIMITS
    height, between = (35.8, 61.8), (34.2, 50.6)
    radius = T.Float(0.9).tag(sync=True, control=True)
    angle = T.Float(0.0).tag(sync=True, control=True)
    departure = T.Float(2.0).tag(sync=True, control=True)
    tanh = T.Bool(False).tag(sync=True, control=True)
    start = T.List(T.Float(), [0.2, 0.6]).tag(sync=True, control=True)

    @T.validate(*LIMITS)
    def _valid(self, proposal: Proposal) -> float:
        return self.within(proposal)

    @T.validate("start")
    def _valid_start(self, proposal: Proposal) -> list[float]:
        value: list[float] = proposal["value"]
        if len(value) != 2 or not all(map(math.isfinite, value)):
            raise SettingError(f"start = {value} : il faut deux nombres finis.")
        return value

    def trajectory(self) -> tuple[Tensor, Tensor]:
        """Rend les états h_0 à h_60 (61, 2), et les normes de ``∂h_60/∂h_{60-k}`` (60,)."""
        W = recurrent_matrix(self.angle, self.radius, self.departure)
        path = [torch.tensor(self.start, dtype=torch.float64)]
        for _ in range(STEPS):
            h = path[-1] @ W
            path.append(torch.tanh(h) if self.tanh else h)
        states = torch.stack(path)
        slopes = states[1:] if self.tanh else torch.zeros(STEPS, 2, dtype=torch.float64)
        return states, torch.linalg.matrix_norm(jacobian_products(slopes, W), 2)

    def static(self) -> Drawing:
        drawing, (states, norms) = Drawing(680, 330), self.trajectory()
        W = recurrent_matrix(self.angle, self.radius, self.departure)
        reach = max(1.0, float(states.abs().max())) * 1.1
        x, y = drawing.axes((-reach, reach), (-reach, reach), box=(40, 28, 286, 274),
                            xticks=(-1, 0, 1), yticks=(-1, 0, 1), xlabel="neurone 1",
                            ylabel="neurone 2")  # fmt: skip
        points = [(x(float(a)), y(float(b))) for a, b in states]
        drawing.path(points, stroke="hidden")
        for point in points[1:]:
            drawing.circle(*point, 2.5, fill="hidden")
        drawing.circle(*points[0], 6, fill="data")
        drawing.text(points[0][0] + 10, points[0][1] - 8, "h₀")
        lags = range(1, STEPS + 1)
        x, y = drawing.axes((0, STEPS), (-3, 3), box=(380, 28, 664, 274), yticks=range(-3, 4),
                            xticks=range(0, 61, 20), xlabel="retard k, en pas",
                            ylabel="norme de ∂h₆₀ / ∂h₆₀₋ₖ", yformat=power)  # fmt: skip
        drawing.line(380, y(0), 664, y(0), "reference")
        drawing.text(660, 42, "le gradient grandit", "reference", 13, "end")
        drawing.text(386, 266, "il s’efface", "reference", 13)
        rho, sigma = spectral_radius(W), float(torch.linalg.matrix_norm(W, 2))

        def inside(values: Iterable[float]) -> list[tuple[float, float]]:
            logs = [(k, math.log10(max(v, 1e-30))) for k, v in zip(lags, values, strict=True)]
            return [(x(k), y(v)) for k, v in logs if -3 <= v <= 3]

        for name, base in (("ρᵏ", rho), ("σᵏ", sigma)):
            points = inside([base**k for k in lags])
            drawing.path(points, stroke="reference", stroke_dasharray="2 4")
            left, top = points[len(points) * 3 // 4]
            drawing.text(left + 8, top + (14 if base > 1 else -6), name, "reference", 13)
        drawing.path(inside(norms.tolist()), stroke="gradient")
        return drawing
