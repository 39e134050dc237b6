"""Les figures vivantes : chacune calcule dans le navigateur, sans noyau ni réseau.

``d2l.widgets.Memoire()`` affiche la figure « memoire » dans JupyterLab et sur Colab ; le livre
construit la montre telle quelle. Une figure est une classe Python, qui donne l'état de départ et
la forme imprimée, et un module JavaScript du même nom, qui dessine et calcule.
"""

import importlib

# Classe → module : rien n'est chargé avant d'être demandé, les pages n'en montrent qu'une ou deux.
_FIGURES = {
    "Horizon": "horizon",
    "Jetons": "jetons",
    "Compteur": "compteur",
    "Perplexite": "perplexite",
    "PasAPas": "pas_a_pas",
    "Falaise": "falaise",
    "Ecrivain": "ecrivain",
    "Fenetres": "fenetres",
    "Memoire": "memoire",
    "Loupe": "loupe",
}

__all__ = [*_FIGURES]


def __getattr__(name):
    if name not in _FIGURES:
        raise AttributeError(
            f"Figure inconnue : « {name} ». Les figures du livre : {', '.join(__all__)}."
        )
    value = getattr(importlib.import_module(f"{__name__}.{_FIGURES[name]}"), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})
