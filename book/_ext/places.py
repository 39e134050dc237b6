"""La place d'une rubrique qui n'est pas encore composée : jamais trop petite.

Une page ouverte par le haut ne compose d'abord que ce qui approche de l'écran ; le
navigateur réserve au reste la place dite ici. Trop grande, la barre de défilement paraît longue un
instant ; trop petite, la fin de la rubrique recouvrirait la suivante.
"""

import re

FOLDED = re.compile(r"<details\b.*?</details>", re.DOTALL)
DRAWING = re.compile(r"<svg\b.*?</svg>", re.DOTALL)
FORMULA = re.compile(r"<math\b.*?</math>", re.DOTALL)
FIGURE = re.compile(r'<figure|<img|<svg\b|class="figure-vivante"')
BLOCK = re.compile(r"<(?:p|pre|li|h3|dt|dd|div|summary)\b")
# En rem : de quoi contenir toutes les rubriques du livre à 320 px de large, même dans la police du
# système, plus large, tant que celles du livre manquent (tests/test_haut_de_page.py y veille).
BASE, CHARACTER, DRAWN, BLOCKS = 27, 0.035, 46, 4.4


def reserved(section):
    """La place à réserver (rem, un entier) au HTML d'une rubrique."""
    text = FOLDED.sub("<p>", section)
    figures = len(FIGURE.findall(text))
    text = FORMULA.sub("formule", DRAWING.sub("", text))
    blocks = len(BLOCK.findall(text))
    characters = len(re.sub(r"<[^>]+>", "", text))
    return round(BASE + CHARACTER * characters + DRAWN * figures + BLOCKS * blocks)
