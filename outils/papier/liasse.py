"""Le livre entier en une page HTML : couverture, colophon, table, chapitres, index."""

import html
import re
import unicodedata

from d2l_fr.french import typography
from outils import chantier
from outils.papier import blocs, coupures, couverture, dessins, pages

FOLDER = chantier.ROOT / "outils" / "papier"
STYLES = chantier.WORK / "styles"
# Les pages où un renvoi ne reçoit pas de numéro de page : on y va par ordre alphabétique.
ALPHABETICAL = {"glossaire", "references"}
LONG_TABLE = 10
LICENCES = typography("Texte, exercices et figures : CC BY-SA 4.0. Code : MIT.")
COLOPHON = """\
<section class="colophon" id="colophon">
<p class="faux-titre">{title}</p>
<p class="sous-titre">{subtitle}</p>
<div class="bas">
<p>© {year}, {author}. Version {version}.</p>
<p>{licences} Le détail est dans la page <a href="{notice}">À propos</a>.</p>
<p>Ce volume est tiré du livre en ligne{where}. Quand le texte parle d’un menu, d’un bouton ou d’un
bloc replié, c’est du livre en ligne qu’il parle\u202f; ici, les figures vivantes ont leur forme
imprimée, les réponses suivent les questions, et les solutions ferment chaque section.</p>
<p>Composé en Source Serif 4, Source Sans 3, Source Code Pro et STIX Two Math.</p>
</div>
</section>
"""


def colophon(about, notice):
    """Le verso du titre ; ``notice`` est l'ancre des licences."""
    fields = {key: html.escape(value) for key, value in vars(about).items()}
    link = '<a href="{address}">{address}</a>'.format(**fields)
    return COLOPHON.format(
        **fields, licences=LICENCES, notice=notice, where=f" ({link})" if about.address else ""
    )


def number(target):
    """La place d'un numéro de page, que la seconde impression remplit."""
    return blocs.tag("span", "000", class_="page", data_cible=target)


def _address(page, href, known):
    """L'ancre d'un lien interne, ou None s'il sort du livre."""
    if re.match(r"[a-z]+:", href):
        return None
    name, _, fragment = href.partition("#")
    name = name.removesuffix(".html") or page.name
    return (f"{name}.{fragment}" if fragment else name) if name in known else ""


def link(page, known, about):
    """Rend les ancres uniques, les liens internes, et note la page des renvois lointains."""
    for element in page.body.find_all(id=True):
        element["id"] = f"{page.name}.{element['id']}"
    mentions = 0
    for anchor in page.body.find_all("a", href=True):
        target = _address(page, anchor["href"], known)
        if target == "":  # le notebook, la recherche : rien de tel dans le volume
            blocs.leave(anchor, about)
        if not target:
            continue
        anchor["href"] = f"#{target}"
        name = target.partition(".")[0]
        if name == page.name and not blocs.has_class(anchor.parent, "vers-solution"):
            continue
        if target.startswith("glossaire.term-"):
            mentions += 1
            anchor["id"] = f"{page.name}.mention-{mentions}"
            anchor["class"] = "terme"
        elif name not in ALPHABETICAL:
            anchor.insert_after(blocs.tag("span", "\xa0p.\xa0", number(target), class_="renvoi"))


def tidy(page):
    """Les classes dont dépendent les coupures de page."""
    for table in page.body.find_all("table"):
        if len(table.find_all("tr")) > LONG_TABLE:
            table.parent["class"] = [*table.parent.get("class", ()), "long"]
    for paragraph in page.body.find_all("p"):
        if paragraph.get_text().rstrip().endswith(":"):
            paragraph["class"] = [*paragraph.get("class", ()), "annonce"]


def put_back(page):
    """Ce qui remet à leur place les dessins, aux couleurs du papier, et les formules."""

    def restore(rank, text):
        if text.startswith("<math"):
            return text
        return dessins.prefixed(dessins.resolved(text), f"{page.name}-{rank}")

    return restore


def chapter(page):
    """Le HTML d'un chapitre, dessins compris."""
    part = f'<p class="partie">{html.escape(page.part)}</p>' if page.part else ""
    text = page.html(page.body, put_back(page))
    return f'<article class="chapitre ch-{page.name}" id="{page.name}">{part}{text}</article>'


def headings(page):
    """Les titres d'un chapitre : (niveau, ancre, HTML, texte), le chapitre d'abord."""
    found = [(1, page.name, page.body.h1)]
    found += [(2, h.parent["id"], h) for h in page.body.find_all("h2") if h.parent.get("id")]
    restore = put_back(page)
    return [(level, target, page.html(h, restore), blocs.plain(h)) for level, target, h in found]


def contents(found, index):
    """La table des matières."""
    rows, part = ['<nav class="table" id="table"><h1>Table des matières</h1>'], None
    for page, titles in found:
        if page.part != part:
            part = page.part
            rows.append(f'<p class="table-partie">{html.escape(part)}</p>')
        for level, target, label, _ in titles:
            rows.append(_entry(level, target, label))
    rows.append(_entry(1, "index-termes", "Index") if index else "")
    return "\n".join([*rows, "</nav>"])


def _entry(level, target, label):
    return (
        f'<p class="niveau-{level}"><a href="#{target}"><span class="intitule">{label}</span>'
        f'<span class="points"></span>{number(target)}</a></p>'
    )


def index(found):
    """L'index : chaque terme du glossaire, et les pages qui l'emploient."""
    glossary = next((page for page in found if page.name == "glossaire"), None)
    if glossary is None:
        return ""
    rows = ['<article class="chapitre ch-index-termes" id="index-termes"><h1>Index</h1>',
            "<p>En italique, la page où le glossaire définit le terme.</p><ul>"]  # fmt: skip
    uses = {}
    for page in found:
        for anchor in page.body.select("a.terme"):
            uses.setdefault(anchor["href"][1:], []).append(anchor["id"])
    for term in sorted(glossary.body.select("dt[id]"), key=_alphabetical):
        own = term["id"]
        links = "".join(f'<a href="#{use}">{number(use)}</a>' for use in uses.get(own, ()))
        links += f'<a href="#{own}"><em>{number(own)}</em></a>'
        label = glossary.html(term, put_back(glossary))
        rows.append(f'<li>{label}<span class="pages">{links}</span></li>')
    return "\n".join([*rows, "</ul></article>"])


def _alphabetical(term):
    """La clef d'un terme dans un index français : sans accents ni majuscules."""
    text = unicodedata.normalize("NFD", blocs.plain(term).casefold())
    return "".join(letter for letter in text if not unicodedata.combining(letter))


def page_rules(found):
    """Le titre courant de chaque chapitre, au pied de ses pages, du côté de la reliure."""
    rules = []
    for name, title in [*((page.name, page.title) for page in found), ("index-termes", "Index"),
                        ("table", "Table des matières")]:  # fmt: skip
        text = title.replace("\\", "\\\\").replace('"', '\\"')
        rules.append(
            f'@page ch-{name}:left {{ @bottom-right {{ content: "{text}" }} }}\n'
            f'@page ch-{name}:right {{ @bottom-left {{ content: "{text}" }} }}\n'
            f".ch-{name} {{ page: ch-{name} }}"
        )
    return "\n".join(rules)


def assemble(about, fonts):
    """Le HTML du livre, et ses titres, pour les signets : [(page, titres)]."""
    found = pages.read_all(about)
    known = {page.name for page in found}
    for page in found:
        link(page, known, about)
        tidy(page)
        coupures.hyphenate(page.body)
    titles = [(page, headings(page)) for page in found]
    last = index(found)
    sheets = [STYLES / "formules.css", STYLES / "code.css", FOLDER / "papier.css"]
    sheets = [dessins.resolved(path.read_text("utf-8")) for path in sheets]
    style = "\n".join([fonts, page_rules(found), *sheets])
    cover = couverture.draw(about)
    body = [
        f'<div class="couverture" role="img" aria-label="Couverture">{cover}</div>',
        colophon(about, "#a-propos.licences"),
        contents(titles, last).replace('class="table"', 'class="table ch-table"'),
        *map(chapter, found),
        last,
        '<p hidden><a href="#table"></a></p>',  # un signet y mène : Chromium en garde la place
    ]
    text = (
        f'<!doctype html>\n<html lang="fr">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{html.escape(about.title)}</title>\n<style>\n{style}\n</style>\n</head>\n<body>\n"
        + "\n".join(body) + "\n</body>\n</html>\n"
    )  # fmt: skip
    return text, titles
