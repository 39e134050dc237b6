"""Ce qu'ont en commun les figures vivantes : leur code, leurs réglages, leur forme imprimée."""

from copy import copy

import anywidget
import traitlets as T

from d2l_fr.widgets import bundle
from d2l_fr.widgets.arrays import pack

__all__ = ["Figure", "SettingError"]


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

    name, limits = "", {}
    height, between = (30, 36), None
    arrays = T.Dict().tag(sync=True)
    defaults = T.Dict(help="Les réglages de départ, où ramène « Réinitialiser ».").tag(sync=True)

    def __init_subclass__(cls, **kwargs):
        if "name" in cls.__dict__:
            cls._esm, cls._css = bundle.module(cls.name), bundle.stylesheet()
        super().__init_subclass__(**kwargs)

    def __init__(self, **kwargs):
        if unknown := sorted(set(kwargs) - set(self.traits())):
            settings = ", ".join(self.traits(control=True))
            raise TypeError(f"Réglage inconnu : {', '.join(unknown)}. Il y a : {settings}.")
        super().__init__(**kwargs)
        self.defaults = {key: copy(getattr(self, key)) for key in self.traits(control=True)}

    def within(self, proposal):
        """Rend la valeur proposée pour un réglage, si elle est entre ses bornes ``limits``."""
        name, value = proposal["trait"].name, proposal["value"]
        low, high = self.limits[name]
        if not low <= value <= high:  # un NaN n'est entre rien
            raise SettingError(f"{name} = {value} : il faut un nombre entre {low} et {high}.")
        return value

    def send_arrays(self, kind="float32", **arrays):
        """Envoie des tableaux au navigateur, rangés en ``kind`` (voir ``arrays.pack``)."""
        self.arrays = {**self.arrays, **{key: pack(value, kind) for key, value in arrays.items()}}

    def static(self):
        """La forme imprimée : un ``Drawing`` (ou un texte SVG) de l'état présent."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs):
        bundle_, metadata = super()._repr_mimebundle_(**kwargs)
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
