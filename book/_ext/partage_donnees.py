"""Les données structurées des moteurs de recherche : le livre, ses chapitres, leur place."""

import json
import re
import tomllib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LICENSE = "https://creativecommons.org/licenses/by-sa/4.0/deed.fr"
LEVEL = "Enseignement supérieur"
ABOUT = ["Réseau de neurones récurrents", "Modèle de langage", "Apprentissage profond"]
SOURCE = {
    "@type": "Book",
    "name": "Dive into Deep Learning",
    "author": [
        {"@type": "Person", "name": name}
        for name in ("Aston Zhang", "Zachary C. Lipton", "Mu Li", "Alexander J. Smola")
    ],
    "inLanguage": "en",
    "url": "https://d2l.ai",
}


@cache
def version():
    """Le numéro de version du livre, qui est celui du paquet."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]


def _shared(app):
    """Ce que le livre et ses chapitres ont en commun."""
    return {
        "inLanguage": app.config.language,
        "isAccessibleForFree": True,
        "license": LICENSE,
        "educationalLevel": LEVEL,
    }


def _named(app, page, base, location):
    return {"name": app.env.titles[page].astext()} | (
        {"url": location(app, page, base)} if base else {}
    )


def _chapters(app, base, location):
    """Les pages du livre, dans l'ordre ; le rang des sections numérotées est leur numéro."""
    pages = [page for page in app.partage_plan if page != app.config.root_doc]
    for position, page in enumerate(pages, 1):
        yield page, {"@type": "Chapter", **_named(app, page, base, location), "position": position}


def book(app, text, base, location):
    year = re.search(r"\d{4}", app.config.copyright or "")
    return {
        "@context": "https://schema.org",
        "@type": ["Book", "LearningResource"],
        **({"@id": base} if base else {}),
        **_named(app, app.config.root_doc, base, location),
        "name": app.config.html_title,
        "description": text,
        "author": {"@type": "Organization", "name": app.config.author},
        **({"datePublished": year[0]} if year else {}),
        "version": version(),
        "learningResourceType": ["Manuel", "Exercices"],
        **_shared(app),
        "about": [{"@type": "Thing", "name": name} for name in ABOUT],
        "isBasedOn": SOURCE,
        "hasPart": [chapter for _, chapter in _chapters(app, base, location)],
    }


def chapter(app, page, text, base, location):
    own = dict(_chapters(app, base, location))[page]
    return {
        "@context": "https://schema.org",
        **own,
        "@type": ["Chapter", "LearningResource"],
        "description": text,
        **_shared(app),
        "isPartOf": {
            "@type": "Book",
            "name": app.config.html_title,
            **({"@id": base, "url": base} if base else {}),
        },
    }


def breadcrumbs(app, page, base, location):
    steps = [(app.config.html_title, base)]
    steps.append((app.env.titles[page].astext(), location(app, page, base)))
    return {
        "@context": "https://schema.org",
        "@type": "BreadcrumbList",
        "itemListElement": [
            {"@type": "ListItem", "position": i, "name": name, "item": url}
            for i, (name, url) in enumerate(steps, 1)
        ],
    }


def dump(data):
    """Du JSON que rien ne fait sortir de sa balise."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def script(app, page, text, base, location):
    """Les données d'une page, prêtes pour son en-tête."""
    if page == app.config.root_doc:
        found = [book(app, text, base, location)]
    else:
        found = [chapter(app, page, text, base, location)]
        if base:
            found.append(breadcrumbs(app, page, base, location))
    return "\n".join(f'<script type="application/ld+json">{dump(data)}</script>' for data in found)
