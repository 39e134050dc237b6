"""Les coupures de mots : des traits d'union conditionnels, que pyphen place comme LibreOffice.

Chromium sait couper le français, mais d'après un dictionnaire qu'il télécharge à part, et que
celui d'un serveur n'a pas.
"""

import re

import pyphen
from bs4 import NavigableString
from bs4.element import Comment

SOFT = "\xad"
WORD = re.compile(r"[^\W\d_]{7,}")
# Ni code, ni formules, ni titres ; ni italiques, souvent de l'anglais.
KEPT = {"pre", "code", "i", "em", "h1", "h2", "h3", "h4", "dt", "script", "style"}


def hyphenate(body):
    """Pose les coupures possibles dans tout le texte courant de ``body``."""
    french = pyphen.Pyphen(lang="fr", left=2, right=3)

    def cut(match):
        return french.inserted(match[0], SOFT)

    for text in list(body.find_all(string=WORD)):
        if isinstance(text, Comment) or any(p.name in KEPT for p in text.parents):
            continue
        text.replace_with(NavigableString(WORD.sub(cut, text)))
