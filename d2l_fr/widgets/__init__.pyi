"""Les figures vivantes, que ``__init__`` ne charge qu'au premier emploi."""

from d2l_fr.widgets.compteur import Compteur
from d2l_fr.widgets.ecrivain import Ecrivain
from d2l_fr.widgets.falaise import Falaise
from d2l_fr.widgets.fenetres import Fenetres
from d2l_fr.widgets.horizon import Horizon
from d2l_fr.widgets.jetons import Jetons
from d2l_fr.widgets.loupe import Loupe
from d2l_fr.widgets.memoire import Memoire
from d2l_fr.widgets.pas_a_pas import PasAPas
from d2l_fr.widgets.perplexite import Perplexite

__all__ = [
    "Compteur",
    "Ecrivain",
    "Falaise",
    "Fenetres",
    "Horizon",
    "Jetons",
    "Loupe",
    "Memoire",
    "PasAPas",
    "Perplexite",
]
