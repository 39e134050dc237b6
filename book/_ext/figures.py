"""Met les figures SVG dans la page elle-même, avec les couleurs du thème.

Courbes et dessins n'emploient que les couleurs de ``d2l_fr.palette`` ; incorporés, ces codes
deviennent des variables CSS, et la figure suit le mode clair ou sombre sans être redessinée.
Une couleur hors palette est une erreur de construction.
"""

import re
from pathlib import Path
from xml.etree import ElementTree

from docutils import nodes
from sphinx.util import logging

import traits
import vivantes
from d2l_fr import palette

logger = logging.getLogger(__name__)

VARIABLES = {code: f"var(--c-{role})" for role, code in palette.LIGHT.items()}
VARIABLES |= {tint[0]: f"var(--c-{role})" for role, tint in palette.TINTS.items()}
HEX = re.compile(r"#[0-9a-fA-F]{6}\b|#[0-9a-fA-F]{3}\b")
SVG = "http://www.w3.org/2000/svg"
XLINK = "{http://www.w3.org/1999/xlink}href"
GEOMETRY = ("points", "transform", "x", "y", "x1", "x2", "y1", "y2")
COLORS = ("fill", "stroke", "stop-color")
ElementTree.register_namespace("", SVG)


def _color(code, unknown):
    """La variable CSS d'un code de la palette ; les autres sont notés et laissés."""
    code = code.lower()
    code = "#" + "".join(c * 2 for c in code[1:]) if len(code) == 4 else code
    if code not in VARIABLES:
        unknown.add(code)
    return VARIABLES.get(code, code)


def _style(element, unknown):
    """Le style d'un élément, couleurs et police du thème comprises."""
    declared = dict(
        (part.strip() for part in item.split(":", 1))
        for item in element.get("style", "").split(";")
        if ":" in item
    )
    # Un attribut de présentation n'accepte pas var() : les couleurs passent dans le style.
    for name in COLORS:
        if name in element.attrib:
            declared.setdefault(name, element.attrib.pop(name))
    if "font" in declared:  # matplotlib : « font: 10px 'DejaVu Sans' »
        declared["font"] = re.sub(r"(px).*", r"\1 var(--police)", declared["font"])
    family = element.attrib.pop("font-family", None) or declared.get("font-family")
    if family:
        fixed = "Source Code" in family
        declared["font-family"] = "var(--chasse-fixe)" if fixed else "var(--police)"
    return "; ".join(
        f"{name}: {HEX.sub(lambda m: _color(m[0], unknown), value)}"
        for name, value in declared.items()
    )


def _share_styles(root):
    """Donne au groupe le style que ses marques ont toutes : un nuage pèse moitié moins."""
    for group in root.iter(f"{{{SVG}}}g"):
        marks = [child for child in group if child.tag == f"{{{SVG}}}use"]
        styles = {mark.get("style", "") for mark in marks}
        if len(marks) < 3 or len(styles) > 1 or group.get("style"):
            continue
        group.set("style", styles.pop())
        for mark in marks:
            mark.attrib.pop("style", None)
            mark.tail = ""


def inline(svg, prefix, alt):
    """Rend le SVG prêt à entrer dans une page, et l'ensemble des couleurs hors palette.

    Les identifiants reçoivent ``prefix`` (deux figures d'une page n'ont pas les mêmes), les
    couleurs deviennent des variables CSS, et ``alt`` est le texte de remplacement.
    """
    root, unknown = ElementTree.fromstring(svg), set()
    for parent in list(root.iter()):
        for child in list(parent):
            # La feuille de style de matplotlib s'appliquerait à la page entière.
            if child.tag.rpartition("}")[2] in ("metadata", "style", "title", "desc"):
                parent.remove(child)
    names = {}
    for element in root.iter():
        if name := element.get("id"):
            names[name] = f"{prefix}-{len(names)}"
            element.set("id", names[name])
    # La forme d'une marque est petite : elle garde ses décimales.
    shapes = {shape for defs in root.iter(f"{{{SVG}}}defs") for shape in defs}
    for element in root.iter():
        if reference := element.attrib.pop(XLINK, element.get("href")):
            element.set("href", "#" + names.get(reference[1:], reference[1:]))
        if style := _style(element, unknown):
            element.set("style", style)
        for name, value in element.attrib.items():
            if "url(#" in value:
                element.set(
                    name, re.sub(r"url\(#([^)]+)\)", lambda m: f"url(#{names[m[1]]})", value)
                )
            if name in GEOMETRY and element not in shapes:
                element.set(name, traits.rounded(value))
            if name == "d" and element not in shapes:
                element.set(name, traits.relative(value))
    traits.gather_dots(root)
    _share_styles(root)
    traits.tidy(root)
    width, height = (float(n) for n in root.get("viewBox").split()[2:])
    for name in ("role", "aria-labelledby", "version"):
        root.attrib.pop(name, None)
    root.set("role", "img")
    root.set("aria-label", alt)
    # Une courbe de matplotlib se mesure en points : on l'agrandit jusqu'au corps du texte.
    curve = str(root.get("width", "")).endswith("pt")
    scale = 1.4 if curve else 1
    root.set("width", f"{width * scale:.0f}")
    root.set("height", f"{height * scale:.0f}")
    # Le rapport réserve la place : le dessin ne se compose qu'à l'approche de l'écran.
    base = f"aspect-ratio: {root.get('width')}/{root.get('height')}; "
    base += "stroke-linejoin: round; stroke-linecap: butt"
    root.set("style", f"{base}; {root.get('style', '')}".rstrip("; "))
    root.set("class", ("courbe large" if width > 470 else "courbe") if curve else "dessin")
    return ElementTree.tostring(root, "unicode"), unknown


def visit_image(self, node):
    uri = node["uri"]
    source = Path(self.builder.srcdir) / uri
    if self.builder.name == "epub" or not uri.endswith(".svg") or not source.is_file():
        return type(self).visit_image(self, node)  # un livre numérique garde ses images à part
    alt = node.get("alt", "")
    if not alt:
        logger.warning("la figure %s n'a pas de texte (:alt:)", source.name, location=node)
    count = self.builder.env.new_serialno("svg")
    svg, unknown = inline(source.read_text("utf-8"), f"f{count}", alt)
    for code in sorted(unknown):
        logger.warning("couleur hors palette dans %s : %s", source.name, code, location=node)
    self.body.append(vivantes.live(self.builder.env, svg) or f'<div class="figure-svg">{svg}</div>')


def depart_image(self, node):
    if self.builder.name == "epub" or not node["uri"].endswith(".svg"):
        type(self).depart_image(self, node)


def setup(app):
    app.add_node(nodes.image, override=True, html=(visit_image, depart_image))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
