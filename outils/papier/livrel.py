"""L'EPUB : une page XHTML par page du site, les dessins à part, les formules en MathML.

Deux constructions du même livre donnent le même fichier, à l'octet près : la date est celle du
copyright, l'identifiant vient du titre et de la version.
"""

import html
import re
import uuid
import zipfile
from functools import cache
from xml.etree import ElementTree

from fontTools.ttLib import TTFont

from outils import chantier
from outils.papier import blocs, couverture, dessins, liasse, pages, polices

ElementTree.register_namespace("", "http://www.w3.org/2000/svg")
FOLDER = liasse.FOLDER
FONTS = chantier.BUILD / "papier" / ".atelier" / "polices"
COVER_WIDTH = 1200
TYPES = {"xhtml": "application/xhtml+xml", "svg": "image/svg+xml", "png": "image/png",
         "css": "text/css", "woff2": "font/woff2"}  # fmt: skip


@cache
def _template(name):
    return (FOLDER / name).read_text("utf-8")


@cache
def _letters(name):
    return frozenset(TTFont(FONTS / f"{name}.ttf").getBestCmap())


def _valid(svg):
    """Le dessin selon SVG 1.1, que suit l'EPUB : ``paint-order`` n'y est que du style."""
    root = ElementTree.fromstring(svg)
    seen = set()
    for element in root.iter():
        if order := element.attrib.pop("paint-order", None):
            element.set("style", f"{element.get('style', '')}; paint-order: {order}".lstrip("; "))
        if element.get("id") in seen:
            del element.attrib["id"]
        seen.add(element.get("id", ""))
    return ElementTree.tostring(root, "unicode")


def _drawing(svg):
    """Un fichier SVG : couleurs en clair, et les polices du livre réduites à ses lettres."""
    svg = _valid(re.sub(r' data-[\w-]+="[^"]*"', "", dessins.resolved(svg)))
    text = html.unescape("".join(re.findall(r">([^<]+)<", svg))) + " "
    rules = [polices.embedded(FONTS / "sans-400.ttf", dessins.SANS, "400", text)]
    if re.search(r"font-weight\W{1,3}(600|700|bold)", svg):
        rules.append(polices.embedded(FONTS / "sans-600.ttf", dessins.SANS, "600 700", text))
    if dessins.MONO in svg:
        rules.append(polices.embedded(FONTS / "code.ttf", dessins.MONO, "400", text))
    if rare := "".join(
        sorted(c for c in set(text) if ord(c) > 32 and ord(c) not in _letters("sans-400"))
    ):
        rules.append(polices.embedded(FONTS / "DejaVuSans.ttf", polices.RARE, "400", rare))
    style = "<style>" + "\n".join(rules) + "</style>"
    return re.sub(r"(<svg\b[^>]*>)", lambda m: m[1] + style, svg, count=1)


def _links(page, known, about):
    """Les liens entre pages du livre ; ceux qui en sortent restent, ou mènent au site."""
    for anchor in page.body.find_all("a", href=True):
        target = anchor["href"]
        if re.match(r"[a-z]+:", target):
            continue
        name, _, fragment = target.partition("#")
        stem = name.removesuffix(".html")
        if name and stem not in known:
            blocs.leave(anchor, about)
        elif name:
            anchor["href"] = f"{stem}.xhtml" + (f"#{fragment}" if fragment else "")


def _chapter(page, files):
    """Le corps XHTML d'un chapitre ; ses dessins rejoignent ``files``."""

    def restore(rank, text):
        if text.startswith("<math"):
            return _formula(text)
        name = f"images/{page.name}-{rank + 1}.svg"
        files[name] = _drawing(text)
        return f'<img src="{name}" alt="{dessins.alt(text)}"/>'

    part = f'<p class="partie">{html.escape(page.part)}</p>' if page.part else ""
    return part + page.html(page.body, restore)


def _formula(text):
    """Une formule dans son espace de noms ; ``scriptlevel`` n'a sa place que sur un mstyle."""
    root = ElementTree.fromstring(text)
    for element in root.iter():
        if element.tag != "mstyle" and element.get("scriptlevel"):
            if element.tag == "mrow":
                element.tag = "mstyle"
            else:
                del element.attrib["scriptlevel"]
    root.set("xmlns", "http://www.w3.org/1998/Math/MathML")
    return ElementTree.tostring(root, "unicode")


def _document(title, body, kind=""):
    return _template("livrel.xhtml").format(title=html.escape(title), body=body, kind=kind)


def _plain(heading):
    return html.escape(blocs.plain(heading), quote=False)


def _entries(found):
    """La table des matières : parties, pages, sections."""
    rows, part = [], ""
    for page in found:
        if page.part != part:
            rows.append("</ol></li>" if part else "")
            rows.append(f"<li><span>{html.escape(page.part)}</span><ol>")
            part = page.part
        inner = "".join(
            f'<li><a href="{page.name}.xhtml#{h.parent["id"]}">{_plain(h)}</a></li>'
            for h in page.body.find_all("h2")
            if h.parent.get("id")
        )
        inner = f"<ol>{inner}</ol>" if inner else ""
        rows.append(f'<li><a href="{page.name}.xhtml">{_plain(page.body.h1)}</a>{inner}</li>')
    return "\n".join([*rows, "</ol></li>" if part else ""])


def _nav(found):
    return (
        '<nav epub:type="toc" id="toc" role="doc-toc"><h1>Table des matières</h1>\n<ol>\n'
        f"{_entries(found)}\n</ol></nav>\n"
        '<nav epub:type="landmarks" hidden="hidden"><h2>Repères</h2><ol>'
        '<li><a epub:type="cover" href="couverture.xhtml">Couverture</a></li>'
        '<li><a epub:type="toc" href="table.xhtml#toc">Table des matières</a></li>'
        f'<li><a epub:type="bodymatter" href="{found[0].name}.xhtml">Le livre</a></li>'
        "</ol></nav>"
    )


def _cover(about):
    """La couverture en PNG : bien des liseuses ne font pas de vignette d'un SVG."""
    import resvg_py

    svg = couverture.draw(about).replace('width="170mm" height="240mm"', "")
    fonts = [str(path) for path in sorted(FONTS.glob("sans-*.ttf"))]
    return bytes(resvg_py.svg_to_bytes(
        svg_string=svg, width=COVER_WIDTH, font_files=fonts,
        skip_system_fonts=True,
    ))  # fmt: skip


def _package(about, files, spine):
    fields = {key: html.escape(value) for key, value in vars(about).items()}
    rows = []
    for rank, (name, content) in enumerate(files.items()):
        properties = [word for word, test in (
            ("nav", name == "table.xhtml"), ("cover-image", name == "couverture.png"),
            ("mathml", name.endswith(".xhtml") and "<math" in content),
        ) if test]  # fmt: skip
        more = f' properties="{" ".join(properties)}"' if properties else ""
        kind = TYPES[name.rpartition(".")[2]]
        rows.append(f'<item id="i{rank}" href="{name}" media-type="{kind}"{more}/>')
    ranks = {name: rank for rank, name in enumerate(files)}
    return _template("livrel.opf").format(
        **fields, licences=liasse.LICENCES,
        identifier=uuid.uuid5(uuid.NAMESPACE_URL, f"{about.title} {about.version}"),
        manifest="\n".join(rows),
        spine="\n".join(f'<itemref idref="i{ranks[name]}"/>' for name in spine),
    )  # fmt: skip


def contents(about):
    """Tous les fichiers du livre, dans l'ordre, et ceux qui se lisent à la suite."""
    polices.write(FONTS)
    found = pages.read_all(about)
    known = {page.name for page in found}
    image = f'<img src="couverture.png" alt="{html.escape(about.title)}"/>'
    cover = f'<div class="couverture">{image}</div>'
    files = {
        "livre.css": _template("livrel.css"),
        "formules.woff2": (chantier.BUILD / "tiers" / "formules.woff2").read_bytes(),
        "couverture.png": _cover(about),
        "couverture.xhtml": _document(about.title, cover, ' epub:type="cover"'),
        "colophon.xhtml": _document(about.title, liasse.colophon(about, "a-propos.xhtml#licences")),
        "table.xhtml": _document("Table des matières", _nav(found)),
    }
    spine = ["couverture.xhtml", "colophon.xhtml", "table.xhtml"]
    for page in found:
        _links(page, known, about)
        files[f"{page.name}.xhtml"] = _document(page.title, _chapter(page, files))
        spine.append(f"{page.name}.xhtml")
    return files, spine


def build(target):
    """Écrit l'EPUB dans ``target`` ; rend son nombre de pages XHTML."""
    about = pages.book()
    files, spine = contents(about)
    files = {"livre.opf": _package(about, files, spine), **files}
    date = (int(about.year[:4]), 1, 1, 0, 0, 0)
    with zipfile.ZipFile(target, "w") as archive:

        def add(name, content, method=zipfile.ZIP_DEFLATED):
            entry = zipfile.ZipInfo(name, date)
            entry.compress_type, entry.external_attr = method, 0o644 << 16
            archive.writestr(entry, content)

        add("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        add("META-INF/container.xml", _template("container.xml"))
        for name, content in files.items():
            add(f"livre/{name}", content)
    return len(spine)
