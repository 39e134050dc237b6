"""Les pages du site, relues pour le papier : en ordre, sans ce qui ne sert qu'à l'écran.

Le PDF et l'EPUB partent du site construit : ils ne peuvent pas dire autre chose que lui.
"""

import re
import tomllib
from dataclasses import dataclass, field

import yaml
from bs4 import BeautifulSoup

from outils import chantier
from outils.papier import blocs

ARTICLE = re.compile(r"<article>(.*)</article>", re.DOTALL)
CANONICAL = re.compile(r'<link rel="canonical" href="([^"]+)"')
# Beautiful Soup abîmerait les attributs des dessins, et perdrait son temps dans les formules.
ASIDE = re.compile(r"<(svg|math)\b.*?</\1>", re.DOTALL)
HERE = re.compile(r'<i class="ici" data-rang="(\d+)">[^<]*</i>')
TAG = re.compile(r"<[^>]*>")


@dataclass
class Page:
    """Une page du livre : son article, et ce que l'on en a mis de côté (dessins, formules)."""

    name: str
    part: str
    body: BeautifulSoup
    aside: list[str] = field(default_factory=list)

    @property
    def title(self):
        return blocs.plain(self.body.h1)

    def html(self, element, restore):
        """Le HTML d'un élément ; ``restore`` rend celui d'un dessin ou d'une formule, par rang."""
        text = element.decode_contents(formatter="minimal")
        return HERE.sub(lambda m: restore(int(m[1]), self.aside[int(m[1])]), text)


@dataclass
class Book:
    """Ce que disent du livre les fichiers de configuration, et l'adresse du site s'il en a une."""

    title: str
    subtitle: str
    author: str
    year: str
    version: str
    address: str


def _yaml(name):
    return yaml.safe_load((chantier.ROOT / name).read_text("utf-8"))


def book():
    config, citation = _yaml("_config.yml"), _yaml("CITATION.cff")
    project = tomllib.loads((chantier.ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    home = (chantier.SITE / "index.html").read_text("utf-8")
    found = CANONICAL.search(home)
    return Book(
        title=config["title"],
        subtitle=citation["abstract"].partition(" : ")[0],
        author=config["author"],
        year=str(config["copyright"]),
        version=project["version"],
        address=found[1] if found else "",
    )


def order():
    """Les pages du livre, dans l'ordre : (nom, partie)."""
    toc = _yaml("book/_toc.yml")
    pages = [(toc["root"], "")]
    for part in toc["parts"]:
        pages += [(chapter["file"], part["caption"]) for chapter in part["chapters"]]
    return pages


def read(name, part):
    """L'article d'une page, dessins et formules mis de côté, une balise à leur place."""
    article = ARTICLE.search((chantier.SITE / f"{name}.html").read_text("utf-8"))[1]
    aside = []

    def put_aside(match):
        aside.append(match[0])
        text = "" if match[1] == "svg" else TAG.sub("", match[0])
        return f'<i class="ici" data-rang="{len(aside) - 1}">{text}</i>'

    article = ASIDE.sub(put_aside, article)
    return Page(name, part, BeautifulSoup(article, "html.parser"), aside)


def read_all(about):
    """Toutes les pages, prêtes pour le papier."""
    pages = [read(name, part) for name, part in order()]
    titles = {page.name: blocs.bare_title(page.body.h1) for page in pages}
    for page in pages:
        blocs.prepare(page, about, titles)
    return pages
