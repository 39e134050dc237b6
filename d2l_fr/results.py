"""Les lignes du tableau des résultats, que chaque page déclare et que le livre rassemble.

Page : language-model.
"""

import json
import math

from d2l_fr.french import fr
from d2l_fr.language_model import bits_per_token, perplexity
from d2l_fr.notebook import glue

__all__ = ["result"]


def result(
    key: str, label: str, carried: float, cold: float | None = None, seconds: float | None = None
) -> None:
    """Ajoute un modèle au tableau des résultats du livre, et affiche sa ligne.

    Paramètres : ``key``, une clé unique dans le livre ; ``label``, le nom du modèle ;
    ``carried``, sa perte sur le passage mis de côté, état porté d'un bout à l'autre ; ``cold``,
    la même en fenêtres froides de 32 ; toutes deux en nats par caractère ; ``seconds``, la durée
    de son apprentissage. Lève ``ValueError`` pour une perte qui n'est pas un nombre positif.
    Page : language-model.
    """
    for name, nats in (("carried", carried), ("cold", cold)):
        if nats is not None and not 0 <= nats < math.inf:
            raise ValueError(f"{name} = {nats} : il faut une perte moyenne en nats, positive.")
    line = f"{label} : {fr(bits_per_token(carried), 3)} bits par caractère"
    line += f" (perplexité {fr(perplexity(carried), 2)})"
    if cold is not None:
        line += f" ; en fenêtres froides, {fr(bits_per_token(cold), 3)}"
    if seconds is not None:
        line += f" ; appris en {duration(seconds)}"
    print(line)
    row = {"label": label, "carried": float(carried), "cold": cold and float(cold)}
    glue(f"resultat:{key}", json.dumps(row | {"seconds": seconds}, ensure_ascii=False))


def duration(seconds: float) -> str:
    """Rend une durée à lire : « 27 s », « 3,2 s », « moins de 0,1 s »."""
    if seconds < 0.1:
        return "moins de 0,1 s"
    return f"{fr(seconds, 0 if seconds >= 10 else 1)} s"
