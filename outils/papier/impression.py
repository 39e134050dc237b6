"""Le PDF : le livre imprimé par Chromium, jusqu'à ce que les renvois soient justes.

La première impression dit où tombe chaque ancre ; les suivantes portent les numéros de page, dans
la table, les renvois et l'index, jusqu'à ce que plus rien ne bouge.
"""

import logging
from pathlib import Path

from outils import chantier, navigateur
from outils.papier import liasse, pages, polices

SHOP = chantier.BUILD / "papier" / ".atelier"
PASSES = 7
WIDTH = 506  # la largeur du texte, en pixels CSS : 134 mm
SCRIPT = Path(__file__).with_name("impression.js")
HELP = (
    "le PDF se compose avec Chromium, et il n'y en a pas ici. Installez-le par "
    "« .venv/bin/python -m playwright install chromium », ou par le paquet chromium de Debian."
)


def require_browser():
    """Refuse tout de suite, avant une minute de construction, s'il n'y a pas de Chromium."""
    try:
        navigateur.locate()
    except navigateur.NoBrowser as error:
        raise chantier.BuildError(HELP) from error


def _destinations(path):
    """La page (à partir de 1) où tombe chaque ancre."""
    from pypdf import PdfReader

    reader = PdfReader(path)
    ranks = {page.indirect_reference.idnum: rank for rank, page in enumerate(reader.pages, 1)}
    return {
        name.removeprefix("/"): (ranks[place.page.idnum], float(place.top or 0))
        for name, place in reader.named_destinations.items()
    }


def open_book(browser, source):
    """L'onglet où le livre est ouvert, à la largeur de l'imprimé, ajusté à la page."""
    tab = browser.new_page(viewport={"width": WIDTH, "height": 800})
    tab.emulate_media(media="print")
    tab.goto(source.as_uri())
    tab.add_script_tag(content=SCRIPT.read_text("utf-8"))
    tab.evaluate("papier.adjust()")
    return tab


def overflows(tab):
    """Ce qui dépasse de la largeur du texte, un extrait par bloc."""
    return tab.evaluate("papier.overflows()")


def _print(tab, target):
    """Imprime jusqu'à ce que les numéros de page soient justes ; rend les ancres."""
    places = {}
    for turn in range(PASSES):
        # Les balises d'accessibilité doublent la durée, et ne déplacent rien : pas au premier tour.
        tab.pdf(path=target, prefer_css_page_size=True, print_background=True, tagged=turn > 0)
        found = _destinations(target)
        numbers = {name: page for name, (page, _) in found.items()}
        if numbers == places:
            return found
        if turn > 1:  # dès le troisième tour, ce qui bouge encore hésite entre deux pages
            moved = [name for name in numbers if numbers[name] != places.get(name)]
            tab.evaluate("(name) => papier.settle(name)", min(moved, key=numbers.get))
        missing = tab.evaluate("(numbers) => papier.fill(numbers)", numbers)
        if missing:
            raise chantier.BuildError(f"Le PDF ne dit pas où tombe « {missing[0]} ».")
        places = numbers
    raise chantier.BuildError("Les numéros de page du PDF ne se fixent pas.")


def _finish(source, target, about, titles, places):
    """Les signets et les métadonnées."""
    from pypdf import PdfWriter
    from pypdf.generic import BooleanObject, DictionaryObject, Fit, NameObject, TextStringObject

    writer = PdfWriter(clone_from=source)

    def mark(text, anchor, parent=None, **options):
        page, top = places[anchor]
        text = text.replace("\xad", "")
        fit = Fit.xyz(top=top)
        return writer.add_outline_item(text, page - 1, parent, fit=fit, **options)

    mark("Table des matières", "table")
    part, parent = "", None
    for page, found in titles:
        if page.part != part:
            part = page.part
            parent = mark(part, found[0][1], bold=True, is_open=True)
        chapter = None
        for level, anchor, _, text in found:
            item = mark(text, anchor, chapter or parent, is_open=False)
            chapter = item if level == 1 else chapter
    if "index-termes" in places:
        mark("Index", "index-termes")
    writer.add_metadata({
        "/Title": about.title, "/Author": about.author, "/Subject": about.subtitle,
        "/Keywords": "réseaux récurrents, modèles de langage, apprentissage profond",
        "/Creator": f"Réseaux récurrents {about.version}",
    })  # fmt: skip
    root = writer.root_object
    root[NameObject("/Lang")] = TextStringObject("fr")
    root[NameObject("/ViewerPreferences")] = DictionaryObject(
        {NameObject("/DisplayDocTitle"): BooleanObject(True)}
    )
    root[NameObject("/PageMode")] = NameObject("/UseOutlines")
    writer.write(target)
    return len(writer.pages)


def build(target):
    """Écrit le PDF dans ``target`` ; rend son nombre de pages."""
    logging.getLogger("pypdf").setLevel(logging.ERROR)
    about = pages.book()
    SHOP.mkdir(parents=True, exist_ok=True)
    text, titles = liasse.assemble(about, polices.write(SHOP / "polices"))
    source, raw = SHOP / "livre.html", SHOP / "brut.pdf"
    source.write_text(text, "utf-8")
    require_browser()
    with navigateur.chromium() as browser:
        tab = open_book(browser, source)
        if wide := overflows(tab):
            rows = "\n".join(f"  {block}" for block in wide[:8])
            raise chantier.BuildError(f"Ceci est plus large que la page :\n{rows}")
        places = _print(tab, raw)
    count = _finish(raw, target, about, titles, places)
    raw.unlink()
    return count
