"""« horizon » : une prévision qui s'éteint ou non, et les racines du modèle. Page : sequence."""

from typing import Any, TypeAlias

import numpy as np
import traitlets as T
from numpy.typing import NDArray

from d2l_fr.french import fr
from d2l_fr.sequence import (
    LinearAR,
    ar_roots,
    fit_ar,
    free_forecast,
    k_step_forecasts,
    noisy_sine,
    rmse,
    time_split,
)
from d2l_fr.widgets.base import Figure, Proposal
from d2l_fr.widgets.drawing import Drawing

__all__ = ["Horizon"]

Reals: TypeAlias = NDArray[np.float64]

NUM_TRAIN, FIRST, LAST, LONGEST = 600, 560, 760, 64
LIMITS = {"noise": (0, 0.5), "tau": (1, 16), "k": (1, LONGEST), "origin": (599, LAST - LONGEST)}


class Horizon(Figure):
    """La marée de la page : un AR(τ) ajusté sur 600 relevés, et ce qu'il prévoit ensuite.

    Réglages : ``noise``, l'écart type σ de la houle, en mètres (0 à 0,5) ; ``tau``, le nombre de
    relevés lus (1 à 16) ; ``k``, l'horizon, en pas (1 à 64) ; ``origin``, le pas du dernier
    relevé lu (599 à 696) ; ``noisy_fit`` et ``noisy_start``, si la houle entre dans
    l'apprentissage, dans la fenêtre de départ ; ``everywhere``, montrer aussi la prévision à k
    pas de chaque départ. ``seed`` est la graine de ``noisy_sine``. Lève ``ValueError`` si elle
    n'est pas un entier positif ou nul, ou pour un réglage hors bornes.
    Page : sequence.
    """

    name, limits = "horizon", LIMITS
    height, between = (35.8, 69.8), (35.8, 69.8)
    noise = T.Float(0.2).tag(sync=True, control=True)
    tau = T.Int(4).tag(sync=True, control=True)
    k = T.Int(LONGEST).tag(sync=True, control=True)
    origin = T.Int(611).tag(sync=True, control=True)
    noisy_fit = T.Bool(True).tag(sync=True, control=True)
    noisy_start = T.Bool(True).tag(sync=True, control=True)
    everywhere = T.Bool(False).tag(sync=True, control=True)

    def __init__(self, seed: int = 0, **kwargs: Any) -> None:
        if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or seed < 0:
            raise ValueError(f"seed = {seed!r} : il faut un entier positif ou nul.")
        super().__init__(**kwargs)
        self.tide = noisy_sine(noise=0)
        # La houle d'écart type 1 : la figure n'a plus qu'à la multiplier par σ.
        self.swell = noisy_sine(noise=1, seed=seed) - self.tide
        self.send_arrays(swell=self.swell)

    @T.validate(*LIMITS)
    def _valid(self, proposal: Proposal) -> float:
        return self.within(proposal)

    def forecast(self) -> tuple[LinearAR, Reals, Reals, float, float]:
        """Rend le modèle, la prévision libre de l'origine à la fin de la fenêtre, les prévisions
        à k pas de 337 départs (337,), leur amplitude et leur erreur contre la marée, en mètres.
        """
        readings = self.tide + self.noise * self.swell
        train, _ = time_split(readings if self.noisy_fit else self.tide, NUM_TRAIN)
        model = fit_ar(train, self.tau)
        start = readings if self.noisy_start else self.tide
        window = start[self.origin + 1 - self.tau : self.origin + 1]
        free = free_forecast(model, window, LAST - self.origin)
        # À l'horizon le plus long, comme la page : les mêmes départs pour tous les k.
        run, _ = k_step_forecasts(model, start[NUM_TRAIN - self.tau :], self.tau, LONGEST)
        run = run[:, self.k - 1]
        truth = self.tide[NUM_TRAIN - 1 + self.k :][: len(run)]
        return model, free, run, np.sqrt(2) * run.std(), rmse(run, truth)

    def static(self) -> Drawing:
        drawing = Drawing(680, 322)
        model, free, *_ = self.forecast()
        self._draw_series(drawing, free)
        self._draw_roots(drawing, ar_roots(model.coefs))
        return drawing

    def _draw_series(self, drawing: Drawing, free: Reals) -> None:
        readings, steps = self.tide + self.noise * self.swell, np.arange(FIRST, LAST + 1)
        zoom = next((z for z in (1, 2, 4) if np.abs(free).max() < 2.3 * z), 8)
        x, y = drawing.axes((FIRST, LAST), (-2.3 * zoom, 2.3 * zoom), box=(40, 42, 400, 268),
                            xticks=(560, 610, 660, 710, 760),
                            yticks=[v * zoom for v in (-2, -1, 0, 1, 2)],
                            xlabel="pas de temps (quarts d’heure)")  # fmt: skip
        drawing.text(2, 14, "hauteur (m)")

        def place(first: int, values: Reals) -> list[tuple[float, float]]:
            return [(x(first + i), y(float(v))) for i, v in enumerate(values)]

        def name(left: float, top: float, words: str, role: str) -> None:
            halo: dict[str, Any] = {
                "stroke": "background",
                "stroke_width": 4,
                "paint_order": "stroke",
            }
            drawing.text(left, top, words, role, 14, "middle", font_weight=600, **halo)

        edge = x(self.origin)
        drawing.rect(x(self.origin - self.tau + 0.5), 42, x(self.tau) - x(0), 226)
        drawing.line(edge, 42, edge, 268, "reference")
        drawing.path(place(FIRST, self.tide[steps]), stroke="input", stroke_width=1.5)
        for i, point in enumerate(place(FIRST, readings[steps]), FIRST):
            drawing.circle(*point, 1.6, fill="data", opacity=1 if i <= self.origin else 0.5)
        ahead = place(self.origin + 1, free)
        drawing.path(ahead, stroke="output", stroke_width=3)
        left, top = ahead[self.k - 1]
        drawing.path([(edge, 54), (left, 54)], stroke="output", stroke_width=1.5)
        drawing.line(left, 54, left, top, "output", 1.5, stroke_dasharray="2 4")
        drawing.circle(left, top, 5, fill="output")
        middle = min(max((edge + left) / 2, 100), 340)
        name(middle, 44, f"prévision à {self.k} pas", "output")
        name(x(737), y(-1) + 38, "marée", "input")
        name(x(587), y(-1) + 38, "relevés", "data")
        drawing.text(edge + 6, 262, "dernier relevé lu", "reference", 13)

    def _draw_roots(self, drawing: Drawing, roots: NDArray[np.complex128] | Reals) -> None:
        def at(z: complex) -> tuple[float, float]:
            return 552 + 108 * float(z.real), 154 - 108 * float(z.imag)

        drawing.circle(*at(0j), 108, fill="neutral-tint", stroke="reference")
        drawing.line(430, 154, 674, 154)
        drawing.line(552, 32, 552, 276)
        drawing.text(669, 149, "1", "reference", 13)
        drawing.text(558, 42, "i", "reference", 13)
        powers = [at(z) for z in roots[0] ** np.arange(1, self.k + 1)]
        drawing.path(powers, stroke="output", stroke_width=1.5)
        for z in np.exp(np.array([1, -1]) * 2j * np.pi / 50):
            drawing.circle(*at(z), 7.5, fill="none", stroke="input", stroke_width=2)
        for z in roots:
            drawing.circle(*at(z), 4.5, fill="heldout")
        left, top = powers[-1]
        drawing.circle(left, top, 5, fill="output")
        drawing.text(left - 8, top - 8, "zᵏ", "output", 14, "end", font_weight=600)
        drawing.text(438, 14, f"plus grand module : {fr(abs(roots[0]), 3)}", "heldout",
                     font_weight=600)  # fmt: skip
        drawing.circle(452, 303, 7.5, fill="none", stroke="input", stroke_width=2)
        drawing.text(465, 308, "marée pure", "input", font_weight=600)
        drawing.circle(566, 303, 4.5, fill="heldout")
        drawing.text(576, 308, f"modèle AR({self.tau})", "heldout", font_weight=600)
