"""Les tracés des courbes, écrits au plus court : le même dessin, dix fois moins d'octets.

matplotlib écrit chaque point en clair et chaque marque d'un nuage comme un élément. Ici, les
points s'écrivent en pas relatifs, au dixième de point, et un nuage devient un seul tracé.
"""

import itertools
import re
from xml.etree import ElementTree

SVG = "http://www.w3.org/2000/svg"
LONG_NUMBER = re.compile(r"-?\d*\.\d{2,}")
# Ce qu'écrit matplotlib : des commandes absolues, aux nombres séparés par des espaces.
ABSOLUTE = re.compile(r"(?:\s*[MLC](?:\s+-?[\d.]+(?:e-?\d+)?)+|\s*z)+\s*")
ARITY = {"M": 2, "L": 2, "C": 6}
CROWD = 30  # marques à partir desquelles un nuage devient un tracé
GRID = 0.2  # points typographiques : au quart de pixel, l'œil ne voit rien de plus fin


def rounded(value):
    """Les nombres d'un attribut, au dixième."""
    return LONG_NUMBER.sub(lambda m: _short(round(float(m[0]) * 10)), value)


def _short(tenths):
    """Un nombre de dixièmes, sans zéro inutile."""
    sign, tenths = ("-" if tenths < 0 else ""), abs(tenths)
    whole, rest = divmod(tenths, 10)
    return f"{sign}{whole or ('' if rest else 0)}{f'.{rest}' if rest else ''}"


def _numbers(values):
    """Des nombres à la suite ; le signe moins sépare aussi bien qu'une espace."""
    text = ""
    for value in map(_short, values):
        # « .5.3 » se lit .5 puis .3 : un second point ouvre un nombre.
        glued = value[0] == "-" or (value[0] == "." and "." in text.rpartition(" ")[2])
        text += value if glued or not text else f" {value}"
    return text


def relative(path):
    """Un tracé de matplotlib en commandes relatives ; un autre tracé reste tel quel.

    Les positions sont arrondies avant d'être soustraites : l'erreur ne s'accumule pas.
    """
    if not ABSOLUTE.fullmatch(path):
        return path
    here, start, parts, last = [0, 0], [0, 0], [], ""
    for command, body in re.findall(r"([MLCz])([^MLCz]*)", path):
        if command == "z":
            parts.append("z")
            here, last = list(start), "z"
            continue
        values = [round(float(n) * 10) for n in body.split()]
        for i in range(0, len(values), ARITY[command]):
            point = values[i : i + ARITY[command]]
            if command == "M":
                parts.append("M" + _numbers(point))
                start, last = list(point), "M"
            else:
                steps = [value - here[j % 2] for j, value in enumerate(point)]
                name = command.lower()
                if name == "l" and 0 in steps:  # un trait droit n'a qu'une coordonnée
                    name, steps = ("h", steps[:1]) if steps[1] == 0 else ("v", steps[1:])
                text = _numbers(steps)
                # Une commande ne se répète pas.
                glue = "" if text.startswith("-") else " "
                parts.append(glue + text if last == name else name + text)
                last = name
            here = point[-2:]
    return "".join(parts)


def _cloud(marks):
    """Les places des marques, en pas de grille, dans un ordre où chacune est près de la précédente.

    Colonne après colonne, en montant puis en descendant : les pas sont petits, donc courts.
    """
    points = [
        tuple(round(float(mark.get(axis, 0)) / GRID) for axis in ("x", "y")) for mark in marks
    ]
    points.sort(key=lambda p: (p[0] // 5, p[1] if p[0] // 5 % 2 else -p[1], p[0]))
    steps = [
        b - a
        for last, point in itertools.pairwise(points)
        for a, b in zip(last, point, strict=True)
    ]
    body = " ".join(map(str, steps)).replace(" -", "-")
    return f"M{points[0][0]} {points[0][1]}l{body}"


def tidy(root):
    """Ôte ce qui ne dessine rien : groupes et définitions vides, retraits, rotations nulles."""
    used = {
        name
        for element in root.iter()
        for value in element.attrib.values()
        for name in re.findall(r"#([\w-]+)", value)
    }
    for element in root.iter():
        if element.get("id") not in used:
            element.attrib.pop("id", None)
        if re.fullmatch(r"rotate\(-?0( .*)?\)", element.get("transform", "")):
            del element.attrib["transform"]
        for text in ("text", "tail"):
            if not (getattr(element, text) or "").strip():
                setattr(element, text, None)
    for parent in list(root.iter())[::-1]:  # les plus profonds d'abord
        children = []
        for child in parent:
            name = child.tag.rpartition("}")[2]
            if name == "g" and not child.attrib:
                children += list(child)
            elif name not in ("g", "defs") or len(child):
                children.append(child)
        if children != list(parent):
            parent[:] = children


def gather_dots(root):
    """Change chaque nuage de marques identiques en un tracé qui porte la marque à chaque sommet."""
    for number, group in enumerate(list(root.iter(f"{{{SVG}}}g"))):
        marks = [child for child in group if child.tag == f"{{{SVG}}}use"]
        kinds = {(mark.get("href"), mark.get("style")) for mark in marks}
        clipped = any(mark.get("clip-path") for mark in marks)  # le groupe le porte d'ordinaire
        if len(marks) < CROWD or len(kinds) > 1 or clipped:
            continue
        href, style = kinds.pop()
        shape = next((e for e in root.iter() if "#" + e.get("id", "") == href), None)
        if shape is None:
            continue
        name = f"{shape.get('id')}-m{number}"
        marker = ElementTree.Element(
            f"{{{SVG}}}marker",
            {"id": name, "overflow": "visible", "markerUnits": "userSpaceOnUse"},
        )
        drawn = ElementTree.SubElement(
            marker, f"{{{SVG}}}path", {"d": shape.get("d"), "transform": f"scale({1 / GRID:g})"}
        )
        drawn.set("style", "; ".join(filter(None, [shape.get("style"), style])))
        line = ElementTree.Element(
            f"{{{SVG}}}path", {"d": _cloud(marks), "transform": f"scale({GRID:g})"}
        )
        line.set("style", f"fill: none; stroke: none; marker: url(#{name})")
        place = list(group).index(marks[0])
        for mark in marks:
            group.remove(mark)
        group.insert(place, marker)
        group.insert(place + 1, line)
