"""Le site relu avant d'être publié : chaque page entière, chaque lien local suivi d'une cible.

Sphinx vérifie ses propres renvois, mais pas une adresse écrite à la main, ni ce qu'un gabarit ou
une version nouvelle d'une bibliothèque cesse d'écrire sans le dire.
"""

import html
import re
from urllib.parse import unquote, urldefrag, urlsplit

LINK = re.compile(r'<(?:a|img|link|script|use|source)\b[^>]*?\s(?:href|src)="([^"]*)"')
ANCHOR = re.compile(r'\sid="([^"]*)"')
# Ce que toute page du livre contient, d'après ses gabarits.
MARKS = {
    "<article>": "l'article", "<h1": "le titre", 'rel="stylesheet"': "la feuille de style",
    'http-equiv="Content-Security-Policy"': "la politique de sécurité", "</html>": "la fin",
    'name="description"': "la description",
}  # fmt: skip


def _source(root, page, address):
    """La page d'où vient une adresse, et sa ligne si elle y est écrite."""
    path = root / "book" / f"{page}.md"
    if not path.is_file():
        return f"{page}.html"
    for number, line in enumerate(path.read_text("utf-8").split("\n"), 1):
        if address in line:
            return f"book/{page}.md, ligne {number}"
    return f"book/{page}.md"


def _missing(site, page, address, anchors):
    """Vrai si une adresse locale ne mène nulle part."""
    target, fragment = urldefrag(html.unescape(address))
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or parts.path.startswith("/"):
        return False
    path = site / (unquote(parts.path) or f"{page}.html")
    if path.is_dir():
        path /= "index.html"
    if not path.is_file():
        return True
    known = anchors.get(path.stem) if path.parent == site and path.suffix == ".html" else None
    return bool(fragment) and known is not None and unquote(fragment) not in known


def problems(site, root):
    """Ce qui ne va pas dans le site construit, une ligne par faute."""
    texts = {path.stem: path.read_text("utf-8") for path in sorted(site.glob("*.html"))}
    anchors = {page: set(map(html.unescape, ANCHOR.findall(text))) for page, text in texts.items()}
    found = []
    for page, text in texts.items():
        if (root / "book" / f"{page}.md").is_file():
            found += [
                f"{page}.html : {what} manque ; voyez book/_theme/layout.html et book/_ext/theme.py"
                for mark, what in MARKS.items()
                if mark not in text
            ]
        found += [
            f"{_source(root, page, address)} : lien sans cible : « {address} »"
            for address in dict.fromkeys(LINK.findall(text))
            if _missing(site, page, address, anchors)
        ]
    return found
