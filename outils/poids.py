"""Ce que pèse chaque page, compressée comme par un hébergeur, et les requêtes qu'elle demande."""

import gzip
import re
from dataclasses import dataclass
from html.parser import HTMLParser

URL = re.compile(r"url\([\"']?([^)\"']+)[\"']?\)")
FACE = re.compile(r"@font-face\s*\{([^}]*)\}")
# Les polices qu'une page ne charge que si elle en montre le signe.
SOMETIMES = {
    "code.woff2": r"<(code|pre)", "sans-italique.woff2": r"<em",
    "serif-italique.woff2": r"<em|<i\b", "serif-etendu.woff2": r"[Ā-ſᵈᵉᵒʳˢ]",
    "serif-grec.woff2": r"[Α-ω]",
}  # fmt: skip


@dataclass
class Row:
    """Le poids d'une page : en première visite, puis quand le reste est en mémoire (octets)."""

    first: int
    next: int
    requests: int


class _Assets(HTMLParser):
    """Les fichiers qu'une page charge d'elle-même."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag in ("script", "img"):
            self.found.append(attributes.get("src"))
        elif tag == "link" and attributes.get("rel") in ("stylesheet", "icon", "manifest"):
            self.found.append(attributes.get("href"))


def compressed(path):
    """Octets du fichier, compressé."""
    return len(gzip.compress(path.read_bytes(), 6))


def fonts(css, page):
    """Les polices de la feuille dont la page a l'emploi."""
    names = [url for face in FACE.findall(css) for url in URL.findall(face)]
    return [name for name in names if re.search(SOMETIMES.get(name, ""), page)]


def measure(site):
    """Une ligne par page du site, par nom de page."""
    css = (site / "_static" / "livre.css").read_text("utf-8")
    table = {}
    for path in sorted(site.glob("*.html")):
        text = path.read_text("utf-8")
        parser = _Assets()
        parser.feed(text)
        files = [name.partition("?")[0] for name in parser.found if name and name[0] != "/"]
        files += [f"_static/{name}" for name in fonts(css, text)] if files else []
        own = compressed(path)
        images = sum(compressed(site / name) for name in files if name.startswith("_images/"))
        shared = sum(compressed(site / name) for name in set(files)) - images
        table[path.stem] = Row(own + images + shared, own + images, 1 + len(set(files)))
    return table


def show(table):
    """La table, en Ko."""
    lines = [f"{'page':<16}{'1re visite':>12}{'suivante':>10}{'requêtes':>10}"]
    for name, row in table.items():
        first, following = (f"{n / 1000:.0f} Ko" for n in (row.first, row.next))
        lines.append(f"{name:<16}{first:>12}{following:>10}{row.requests:>10}")
    return "\n".join(lines)
