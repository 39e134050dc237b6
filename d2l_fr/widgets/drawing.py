"""De quoi composer la forme imprimée d'une figure : un petit SVG, aux couleurs du livre."""

from collections.abc import Callable, Iterable
from html import escape
from typing import TypeAlias, TypeVar

from d2l_fr import palette
from d2l_fr.french import fr

__all__ = ["Drawing"]

Attribute: TypeAlias = str | float
Span: TypeAlias = tuple[float, float]
Scale: TypeAlias = Callable[[float], float]
# Ce que portent les axes : un format peut n'écrire que des entiers.
X = TypeVar("X", bound=float)
Y = TypeVar("Y", bound=float)

COLORS = palette.LIGHT | {role: tint[0] for role, tint in palette.TINTS.items()}
# Ce que XML refuse, même échappé : un texte tapé par le lecteur peut en contenir.
CONTROLS = dict.fromkeys(
    [*range(9), 11, 12, *range(14, 32), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF], "\ufffd"
)


def _number(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


class Drawing:
    """Un dessin de ``width`` × ``height`` pixels, que ``str`` rend en SVG.

    Les couleurs (``fill``, ``stroke``) sont des rôles de la palette : ``hidden``, ``rule``…
    ``KeyError`` pour un rôle inconnu. Les abscisses vont vers la droite, les ordonnées vers
    le bas ; ``axes`` pose un repère et rend les deux fonctions qui y placent des données.
    """

    def __init__(self, width: float = 680, height: float = 340) -> None:
        self.width, self.height = width, height
        self.parts: list[str] = []

    def add(self, tag: str, text: str | None = None, /, **attributes: Attribute) -> None:
        for name in ("fill", "stroke"):
            if (role := attributes.get(name, "none")) != "none":
                attributes[name] = COLORS[str(role)]
        words = "".join(
            f' {name.rstrip("_").replace("_", "-")}="{escape(_number(value))}"'
            for name, value in attributes.items()
        )
        self.parts.append(
            f"<{tag}{words}/>"
            if text is None
            else f"<{tag}{words}>{escape(text.translate(CONTROLS))}</{tag}>"
        )

    def line(
        self,
        x1: float,
        y1: float,
        x2: float,
        y2: float,
        stroke: str = "rule",
        stroke_width: float = 1,
        **more: Attribute,
    ) -> None:
        self.add(
            "line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=stroke, stroke_width=stroke_width, **more
        )

    def rect(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        fill: str = "neutral-tint",
        **more: Attribute,
    ) -> None:
        self.add("rect", x=x, y=y, width=width, height=height, fill=fill, **more)

    def circle(self, x: float, y: float, r: float, fill: str = "data", **more: Attribute) -> None:
        self.add("circle", cx=x, cy=y, r=r, fill=fill, **more)

    def path(
        self,
        points: Iterable[tuple[float, float]],
        stroke: str = "data",
        stroke_width: float = 2,
        fill: str = "none",
        **more: Attribute,
    ) -> None:
        """Une ligne brisée par les points (x, y)."""
        d = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        self.add("path", d=d, stroke=stroke, stroke_width=stroke_width, fill=fill, **more)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        fill: str = "data",
        size: float = 14,
        anchor: str = "start",
        **more: Attribute,
    ) -> None:
        self.add("text", text, x=x, y=y, fill=fill, font_size=size, text_anchor=anchor,
                 font_family="Source Sans 3, sans-serif", **more)  # fmt: skip

    def axes(
        self,
        x: Span,
        y: Span,
        *,
        box: tuple[float, float, float, float] | None = None,
        xlabel: str = "",
        ylabel: str = "",
        xticks: Iterable[X] = (),
        yticks: Iterable[Y] = (),
        xformat: Callable[[X], str] = fr,
        yformat: Callable[[Y], str] = fr,
    ) -> tuple[Scale, Scale]:
        """Pose un repère sur ``box`` (gauche, haut, droite, bas) ; rend les échelles (x, y)."""
        left, top, right, bottom = box or (56, 16, self.width - 16, self.height - 46)

        def across(value: float) -> float:
            return left + (value - x[0]) / (x[1] - x[0]) * (right - left)

        def up(value: float) -> float:
            return bottom - (value - y[0]) / (y[1] - y[0]) * (bottom - top)

        for tick in yticks:
            self.line(left, up(tick), right, up(tick))
            self.text(left - 8, up(tick) + 5, yformat(tick), "reference", 13, "end")
        for mark in xticks:
            self.line(across(mark), bottom, across(mark), bottom + 5, "reference")
            self.text(across(mark), bottom + 20, xformat(mark), "reference", 13, "middle")
        self.line(left, bottom, right, bottom, "reference")
        self.text((left + right) / 2, bottom + 40, xlabel, "data", 14, "middle")
        self.text(left - 8, top - 12 if top > 22 else 12, ylabel, "data", 14)
        return across, up

    def __str__(self) -> str:
        size = (
            f'viewBox="0 0 {self.width} {self.height}" width="{self.width}" height="{self.height}"'
        )
        return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(self.parts)}</svg>'
