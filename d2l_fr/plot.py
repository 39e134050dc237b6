"""Les courbes du livre : un appel, une figure, lisible à l'écran, sur papier et sans les couleurs.

Page : sequence. Toutes les fonctions dessinent sur ``ax`` s'il est donné, sinon sur une
figure neuve de ``size`` pouces, et ne rendent rien : dans un notebook, la figure s'affiche
à la fin de la cellule.
"""

import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.ticker import Formatter, LogFormatterSciNotation, NullLocator, ScalarFormatter
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from d2l_fr import palette
from d2l_fr.french import fr

__all__ = ["bars", "heatmap", "lines", "panels", "points", "unit_circle", "use_style"]

Values: TypeAlias = ArrayLike | Tensor
Curve: TypeAlias = Values | tuple[Values, Values]
Guides: TypeAlias = Iterable[float | tuple[float, str]]
Limits: TypeAlias = tuple[float | None, float | None]
Dashes: TypeAlias = str | tuple[float, Sequence[float]]
Share: TypeAlias = bool | Literal["none", "all", "row", "col"]

_CYCLE = ("input", "hidden", "output", "gradient", "data", "train")
_MARKS = ("o", "s", "^", "D", "v", "P")


def use_style() -> None:
    """Applique le style du livre à matplotlib ; dans IPython, demande des figures en SVG.

    Page : sequence.
    """
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    colors = palette.LIGHT
    matplotlib.rcParams.update(
        {
            "figure.figsize": (5.6, 3.0),
            "figure.facecolor": colors["background"],
            "figure.constrained_layout.use": True,
            "savefig.facecolor": colors["background"],
            "font.family": ["DejaVu Sans"],
            "font.size": 10,
            "svg.fonttype": "none",
            "svg.hashsalt": "d2l_fr",
            "axes.prop_cycle": cycler(color=[colors[r] for r in _CYCLE])
            + cycler(linestyle=["-", "--", "-.", ":", "-", "--"]),
            "axes.edgecolor": colors["reference"],
            "axes.labelcolor": colors["data"],
            "axes.titlecolor": colors["data"],
            "axes.titlesize": 10,
            "axes.titlelocation": "left",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": colors["rule"],
            "grid.linewidth": 0.6,
            "xtick.color": colors["reference"],
            "ytick.color": colors["reference"],
            "xtick.labelcolor": colors["data"],
            "ytick.labelcolor": colors["data"],
            "text.color": colors["data"],
            "lines.linewidth": 1.6,
            "lines.markersize": 4.5,
            "legend.frameon": False,
            "legend.fontsize": 9.5,
        }
    )
    try:
        from IPython import get_ipython
        from matplotlib_inline.backend_inline import set_matplotlib_formats
    except ModuleNotFoundError:
        return
    if get_ipython() is not None:
        # Sans date ni créateur : deux exécutions donnent les mêmes octets.
        set_matplotlib_formats("svg", metadata={"Date": None, "Creator": None})


class _Decimal(ScalarFormatter):
    """Graduations à virgule décimale, avec l'espace des milliers."""

    def __init__(self) -> None:
        super().__init__(useOffset=False, useMathText=True)

    def __call__(self, value: float, pos: int | None = None) -> str:
        text = re.sub(r"\$\\mathdefault\{(.*)\}\$", r"\1", super().__call__(value, pos))
        if not text:
            return ""
        digits = len(text.partition(".")[2])
        return fr(float(text.replace("\N{MINUS SIGN}", "-")), digits)


class _Label(Formatter):
    """Graduations nommées : la position ``i`` porte le ``i``-ième nom."""

    def __init__(self, names: Iterable[object]) -> None:
        self.names = list(names)

    def __call__(self, value: float, pos: int | None = None) -> str:
        index = round(value)
        inside = abs(value - index) < 1e-6 and 0 <= index < len(self.names)
        return str(self.names[index]) if inside else ""


def _color(role: str) -> str:
    if role not in palette.DASHES:
        raise ValueError(f"Rôle inconnu : {role!r}. Choisissez parmi {', '.join(palette.DASHES)}.")
    return palette.LIGHT[role]


def _array(values: Values) -> NDArray[Any]:
    """Accepte listes, tableaux et tenseurs (même sur un GPU ou suivis par autograd)."""
    return np.asarray(values.detach().cpu() if hasattr(values, "detach") else values)


def _axes(ax: Axes | None, size: tuple[float, float]) -> Axes:
    return ax if ax is not None else plt.figure(figsize=size).add_subplot()


def _finish(
    ax: Axes,
    xlabel: str,
    ylabel: str,
    title: str | None,
    xscale: str = "linear",
    yscale: str = "linear",
    xlim: Limits | None = None,
    ylim: Limits | None = None,
) -> None:
    ax.set(xlabel=xlabel, ylabel=ylabel, xscale=xscale, yscale=yscale)
    if title:
        ax.set_title(title)
    for axis, scale in ((ax.xaxis, xscale), (ax.yaxis, yscale)):
        axis.set_major_formatter(_Decimal() if scale == "linear" else LogFormatterSciNotation())
    if xlim is not None:
        ax.set_xlim(*xlim)
    if ylim is not None:
        ax.set_ylim(*ylim)


def _guides(ax: Axes, hlines: Guides, vlines: Guides) -> None:
    style: dict[str, Any] = {
        "color": palette.LIGHT["reference"],
        "linestyle": ":",
        "linewidth": 1.2,
        "zorder": 1,
    }
    for guides, draw, is_x in ((hlines, ax.axhline, False), (vlines, ax.axvline, True)):
        for guide in guides:
            position, label = guide if isinstance(guide, tuple) else (guide, None)
            draw(position, **style)
            if label and is_x:
                ax.annotate(
                    label, (position, 1), xycoords=("data", "axes fraction"),
                    xytext=(3, -2), textcoords="offset points", va="top", fontsize=9,
                )  # fmt: skip
            elif label:
                ax.annotate(
                    label, (1, position), xycoords=("axes fraction", "data"),
                    xytext=(-2, 3), textcoords="offset points", ha="right", fontsize=9,
                )  # fmt: skip


def _series(
    series: Mapping[str, Curve], x: Values | None
) -> Iterator[tuple[str, NDArray[Any], NDArray[Any]]]:
    for label, values in series.items():
        if isinstance(values, tuple):
            abscissae, ordinates = map(_array, values)
        else:
            ordinates = _array(values)
            abscissae = np.arange(len(ordinates)) if x is None else _array(x)
        if len(abscissae) != len(ordinates):
            raise ValueError(
                f"« {label} » : {len(abscissae)} abscisses pour {len(ordinates)} valeurs. "
                "Donnez la courbe sous la forme (x, y)."
            )
        yield label, abscissae, ordinates


def lines(
    series: Mapping[str, Curve],
    x: Values | None = None,
    *,
    xlabel: str,
    ylabel: str,
    title: str | None = None,
    roles: Mapping[str, str] | None = None,
    styles: Mapping[str, Dashes] | None = None,
    markers: Mapping[str, str] | None = None,
    xscale: str = "linear",
    yscale: str = "linear",
    xlim: Limits | None = None,
    ylim: Limits | None = None,
    xticks: Iterable[float] | None = None,
    hlines: Guides = (),
    vlines: Guides = (),
    size: tuple[float, float] = (5.6, 3.0),
    ax: Axes | None = None,
    alpha: float | None = None,
) -> None:
    """Trace des courbes.

    Paramètres : ``series``, un dictionnaire ``{étiquette: y}`` ou ``{étiquette: (x, y)}`` (vecteurs
    de même longueur ; un NaN coupe la courbe ; une étiquette qui commence par « _ » reste hors de
    la légende) ; ``roles``, le rôle de chaque étiquette dans la palette ; ``styles`` et
    ``markers``, son type de trait, sa marque ; ``xticks``, les abscisses à graduer ; ``hlines``
    et ``vlines``, des repères (position, ou (position, texte)) ; ``alpha``, l'opacité.
    Lève ``ValueError`` pour un rôle inconnu ou des longueurs différentes. Page : sequence.
    """
    ax, roles, styles, markers = _axes(ax, size), roles or {}, styles or {}, markers or {}
    for i, (label, abscissae, ordinates) in enumerate(_series(series, x)):
        role = roles.get(label, _CYCLE[i % len(_CYCLE)])
        ax.plot(
            abscissae, ordinates, label=label, color=_color(role),
            linestyle=styles.get(label, palette.DASHES[role]), marker=markers.get(label),
            markeredgewidth=0, alpha=alpha,
        )  # fmt: skip
    _guides(ax, hlines, vlines)
    _finish(ax, xlabel, ylabel, title, xscale, yscale, xlim, ylim)
    if xticks is not None:
        ax.set_xticks(list(xticks))
        ax.xaxis.set_minor_locator(NullLocator())
    if sum(not label.startswith("_") for label in series) > 1:
        ax.legend()


def points(
    series: Mapping[str, Curve],
    x: Values | None = None,
    *,
    xlabel: str,
    ylabel: str,
    title: str | None = None,
    roles: Mapping[str, str] | None = None,
    markers: Mapping[str, str] | None = None,
    alpha: float | None = 0.8,
    xscale: str = "linear",
    yscale: str = "linear",
    xlim: Limits | None = None,
    ylim: Limits | None = None,
    hlines: Guides = (),
    vlines: Guides = (),
    size: tuple[float, float] = (5.6, 3.0),
    ax: Axes | None = None,
) -> None:
    """Trace des nuages de points ; mêmes paramètres que ``lines``, avec ``alpha``, l'opacité.

    Lève ``ValueError`` pour un rôle inconnu ou des longueurs différentes. Page : text-sequence.
    """
    marks = {label: _MARKS[i % len(_MARKS)] for i, label in enumerate(series)} | dict(markers or {})
    lines(
        series, x, xlabel=xlabel, ylabel=ylabel, title=title, roles=roles, markers=marks,
        styles=dict.fromkeys(series, "none"), xscale=xscale, yscale=yscale, xlim=xlim, ylim=ylim,
        hlines=hlines, vlines=vlines, size=size, ax=ax, alpha=alpha,
    )  # fmt: skip


def bars(
    labels: Iterable[object],
    values: Values,
    *,
    xlabel: str,
    ylabel: str,
    title: str | None = None,
    role: str = "input",
    horizontal: bool = False,
    size: tuple[float, float] = (5.6, 3.0),
    ax: Axes | None = None,
) -> None:
    """Trace un diagramme en barres : ``labels`` et ``values`` de même longueur, un seul rôle.

    Lève ``ValueError`` pour un rôle inconnu ou des longueurs différentes. Page : text-sequence.
    """
    names, heights = list(map(str, labels)), _array(values)
    if len(names) != len(heights):
        raise ValueError(f"{len(names)} étiquettes pour {len(heights)} valeurs.")
    ax, positions = _axes(ax, size), np.arange(len(names))
    (ax.barh if horizontal else ax.bar)(positions, heights, 0.72, color=_color(role))
    _finish(ax, xlabel, ylabel, title)
    if horizontal:
        ax.invert_yaxis()
        ax.set_yticks(positions, names)
        ax.grid(axis="y", visible=False)
    else:
        ax.set_xticks(positions, names)
        ax.grid(axis="x", visible=False)


def unit_circle(
    series: Mapping[str, Values],
    *,
    title: str | None = None,
    roles: Mapping[str, str] | None = None,
    limit: float | None = None,
    size: tuple[float, float] = (4.2, 4.0),
    ax: Axes | None = None,
) -> None:
    """Place des racines complexes dans le plan, avec le cercle unité.

    Paramètres : ``series``, un dictionnaire ``{étiquette: vecteur complexe}`` ; ``limit``, la
    demi-largeur du cadre. Lève ``ValueError`` pour un rôle inconnu. Page : sequence.
    """
    ax, roles = _axes(ax, size), roles or {}
    angle = np.linspace(0, 2 * np.pi, 361)
    ax.plot(np.cos(angle), np.sin(angle), color=palette.LIGHT["reference"], linestyle=":")
    reach = 1.0
    for i, (label, roots) in enumerate(series.items()):
        roots = np.atleast_1d(_array(roots)).astype(complex)
        reach = max(reach, np.abs(roots).max(initial=0))
        ax.plot(
            roots.real, roots.imag, linestyle="none", label=label, markersize=6,
            marker=_MARKS[i % len(_MARKS)], color=_color(roles.get(label, _CYCLE[i % len(_CYCLE)])),
        )  # fmt: skip
    _finish(ax, "partie réelle", "partie imaginaire", title)
    limit = limit or 1.15 * reach
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
    if len(series) > 1:
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=len(series))


def heatmap(
    matrix: Values,
    *,
    xlabel: str,
    ylabel: str,
    title: str | None = None,
    xticks: Sequence[object] | None = None,
    yticks: Sequence[object] | None = None,
    diverging: bool = False,
    label: str | None = None,
    size: tuple[float, float] = (5.6, 3.0),
    ax: Axes | None = None,
) -> None:
    """Montre une matrice en couleurs (lignes × colonnes).

    Paramètres : ``xticks`` et ``yticks``, les noms des colonnes et des lignes ; ``diverging``,
    vrai quand zéro est un milieu (l'échelle devient symétrique) ; ``label``, la grandeur et
    son unité, sur l'échelle des couleurs. Page : text-sequence.
    """
    matrix, ax = _array(matrix), _axes(ax, size)
    bound = np.nanmax(np.abs(matrix)) if diverging else None
    image = ax.imshow(
        matrix, aspect="auto", interpolation="nearest", cmap="RdBu_r" if diverging else "cividis",
        vmin=None if bound is None else -bound, vmax=bound,
    )  # fmt: skip
    _finish(ax, xlabel, ylabel, title)
    ax.grid(visible=False)
    for axis, names in ((ax.xaxis, xticks), (ax.yaxis, yticks)):
        if names is not None:
            axis.set_ticks(range(len(names)))
            axis.set_major_formatter(_Label(names))
    ax.figure.colorbar(image, ax=ax, label=label or "", format=_Decimal())


def panels(
    rows: int,
    cols: int,
    *,
    size: tuple[float, float] = (5.6, 3.0),
    sharex: Share = False,
    sharey: Share = False,
) -> NDArray[np.object_]:
    """Prépare une figure à plusieurs cadres ; rend leurs axes, vecteur de ``rows * cols``.

    Page : sequence.
    """
    _, axes = plt.subplots(rows, cols, figsize=size, sharex=sharex, sharey=sharey, squeeze=False)
    return axes.ravel()


use_style()
