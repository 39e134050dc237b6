"""Ce qu'ont en commun les figures vivantes : leur code, leurs réglages, leur forme imprimée."""

from collections.abc import Mapping
from copy import copy
from typing import Any, ClassVar, TypeAlias

import anywidget
import traitlets as T

from d2l_fr.widgets import bundle
from d2l_fr.widgets.arrays import Kind, Values, pack
from d2l_fr.widgets.drawing import Drawing

__all__ = ["Figure", "SettingError"]

# Ce que traitlets donne à vérifier : le réglage, et la valeur proposée.
Proposal: TypeAlias = Mapping[str, Any]


class SettingError(T.TraitError, ValueError):
    """Un réglage impossible : le message dit lequel, et ce qu'il faut."""


class Figure(anywidget.AnyWidget):
    """Une figure vivante. Les sous-classes posent ``name``, leurs réglages, et ``static``.

    ``name`` est celui du module JavaScript. ``height`` donne la place que la figure prend dans la
    page, large (au-delà de 40) puis étroite (en deçà de 30), et ``between``, celle qu'elle prend
    au-dessus et au-dessous de 36 : rien ne bouge quand elle démarre. Le tout en ``rem``.
    Un réglage est une propriété déclarée ``sync=True, control=True`` : le lecteur le déplace,
    Python le lit et l'écrit. Les tableaux passent par ``send_arrays``. ``limits`` donne les bornes
    des réglages numériques, que la sous-classe fait vérifier par ``within``. Lève ``TypeError``
    pour un réglage inconnu, ``SettingError`` pour une valeur impossible.
    """

    name: ClassVar[str] = ""
    limits: Mapping[str, tuple[float, float]] = {}
    height: ClassVar[tuple[float, float]] = (30, 36)
    between: ClassVar[tuple[float, float] | None] = None
    arrays = T.Dict().tag(sync=True)
    defaults = T.Dict(help="Les réglages de départ, où ramène « Réinitialiser ».").tag(sync=True)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if "name" in cls.__dict__:
            cls._esm, cls._css = bundle.module(cls.name), bundle.stylesheet()
        super().__init_subclass__(**kwargs)

    def __init__(self, **kwargs: Any) -> None:
        if unknown := sorted(set(kwargs) - set(self.traits())):
            settings = ", ".join(self.traits(control=True))
            raise TypeError(f"Réglage inconnu : {', '.join(unknown)}. Il y a : {settings}.")
        super().__init__(**kwargs)
        self.defaults = {key: copy(getattr(self, key)) for key in self.traits(control=True)}

    def within(self, proposal: Proposal) -> float:
        """Rend la valeur proposée pour un réglage, si elle est entre ses bornes ``limits``."""
        name: str = proposal["trait"].name
        value: float = proposal["value"]
        low, high = self.limits[name]
        if not low <= value <= high:  # un NaN n'est entre rien
            raise SettingError(f"{name} = {value} : il faut un nombre entre {low} et {high}.")
        return value

    def send_arrays(self, kind: Kind = "float32", /, **arrays: Values) -> None:
        """Envoie des tableaux au navigateur, rangés en ``kind`` (voir ``arrays.pack``)."""
        self.arrays = {**self.arrays, **{key: pack(value, kind) for key, value in arrays.items()}}

    def static(self) -> Drawing | str:
        """La forme imprimée : un ``Drawing`` (ou un texte SVG) de l'état présent."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        found = super()._repr_mimebundle_(**kwargs)
        assert found is not None  # une figure a toujours de quoi se montrer
        bundle_, metadata = found
        (large, narrow), (upper, lower) = self.height, self.between or self.height
        svg = str(self.static())
        mark = (
            f'data-figure="{self.name}" data-modele="{self.model_id}" '
            f'data-place="{large} {upper} {lower} {narrow}"'
        )
        bundle_["image/svg+xml"] = svg.replace("<svg ", f"<svg {mark} ", 1)
        bundle_["text/plain"] = (
            f"[Figure vivante « {self.name} » : elle s'anime dans la page du livre, "
            "dans JupyterLab ou sur Colab.]"
        )
        return bundle_, metadata
