"""L'image que montre une messagerie quand on y colle l'adresse d'une page.

Le titre de la page, et un réseau déroulé qui lit un mot : chaque état reçoit une lettre, et
annonce la suivante. Le dessin ne dépend que du contenu ; un fichier qui en vient n'est pas refait.
"""

import base64
import hashlib
import html
import math
from functools import cache
from importlib.metadata import version
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageFont, PngImagePlugin

from d2l_fr.palette import LIGHT, TINTS

WIDTH, HEIGHT, MARGIN = 1200, 630, 72
ROOM = WIDTH - 2 * MARGIN
BAND = 362  # le haut du bandeau où vit le réseau
OUTPUTS, CELLS, INPUTS = 411, 496, 581
LEADING = 1.14
# Corps du titre, et nombre de lignes permis ; le premier qui convient.
SIZES = ((92, 1), (74, 2), (58, 3), (44, 4))
UNITS = 4  # nombres d'un état
MARK = "source"  # ce qui dit, dans le fichier, de quoi il a été tiré
TINT = {name: pair[0] for name, pair in TINTS.items()}


@cache
def _faces(folder):
    """La police des titres, celle qui lui prête ses signes, et les signes de la première."""
    from fontTools.ttLib import TTFont

    own, other = (Path(folder) / f for f in ("SourceSans3-600-normal.ttf", "DejaVuSans.ttf"))
    known = frozenset(map(chr, TTFont(own).getBestCmap()))
    basic = ImageFont.Layout.BASIC
    fonts = [ImageFont.truetype(str(path), 1000, layout_engine=basic) for path in (own, other)]
    return *fonts, known


def width(text, size, folder):
    """La largeur d'un texte en demi-gras, en pixels ; le crénage la réduit parfois un peu."""
    own, other, known = _faces(str(folder))
    return sum((own if c in known else other).getlength(c) for c in text) * size / 1000


def wrap(text, size, folder, room=ROOM):
    """Coupe un texte en lignes, aux espaces ordinaires ; un mot trop long se coupe où il faut."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if width(longer, size, folder) <= room:
            lines[-1] = longer
            continue
        lines.append("")
        for letter in word:
            if width(lines[-1] + letter, size, folder) > room:
                lines.append("")
            lines[-1] += letter
    return [line for line in lines if line]


def balance(text, size, folder):
    """Des lignes de longueurs voisines, sans en ajouter : pas de mot seul à la dernière."""
    best = wrap(text, size, folder)
    for room in range(ROOM - 20, ROOM // 3, -20):
        lines = wrap(text, size, folder, room)
        whole = " ".join(lines) == text
        if len(lines) > len(best) or not whole:
            break
        best = lines
    return best


def shorten(text, size, folder, room=ROOM):
    """Le texte, ou son début et des points de suspension s'il est trop long."""
    while width(text, size, folder) > room:
        text = text.rstrip("…")[:-1].rstrip() + "…"
    return text


def layout(title, folder):
    """Le corps et les lignes d'un titre ; au-delà de quatre lignes, il finit en suspension."""
    title = " ".join(title.replace("\u202f", "\u00a0").split(" "))
    for size, most in SIZES:
        if len(lines := wrap(title, size, folder)) <= most:
            return size, balance(title, size, folder)
    return size, [*lines[: most - 1], shorten(lines[most - 1] + "…", size, folder)]


def states(word):
    """Les états d'un petit réseau, aux poids tirés des lettres, qui lit le mot."""
    state, found = [0.0] * UNITS, []
    for letter in word:
        push = [b / 128 - 1 for b in hashlib.sha256(letter.encode()).digest()[:UNITS]]
        state = [math.tanh(0.8 * state[i - 1] + 1.6 * push[i]) for i in range(UNITS)]
        found.append(state)
    return found


def _text(x, y, text, size, color, anchor="start"):
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" font-weight="600" fill="{color}" '
        f'text-anchor="{anchor}">{html.escape(text)}</text>'
    )


def _arrow(x1, y1, x2, y2, color, dash=""):
    """Une flèche, horizontale ou verticale."""
    length = math.hypot(x2 - x1, y2 - y1)
    dx, dy = (x2 - x1) / length, (y2 - y1) / length
    bx, by = x2 - 11 * dx, y2 - 11 * dy
    head = f"M{x2:.1f} {y2:.1f}L{bx - 7 * dy:.1f} {by + 7 * dx:.1f}"
    head += f"L{bx + 7 * dy:.1f} {by - 7 * dx:.1f}Z"
    line = f'<path d="M{x1:.1f} {y1:.1f}L{bx:.1f} {by:.1f}" stroke="{color}" stroke-width="4"'
    return f'{line} fill="none" stroke-dasharray="{dash}"/><path d="{head}" fill="{color}"/>'


def _bubble(x, y, letter, role):
    circle = f'<circle cx="{x:.1f}" cy="{y}" r="25" fill="{TINT[role + "-tint"]}"'
    circle += f' stroke="{LIGHT[role]}" stroke-width="3"/>'
    return circle + _text(f"{x:.1f}", y + 10, letter, 30, LIGHT[role], anchor="middle")


def network(word, backwards=False):
    """Le réseau déroulé : les lettres en bas, les états au milieu, la lettre suivante en haut."""
    step = (ROOM - 54) / (len(word) - 1)
    xs = [MARGIN + 27 + step * i for i in range(len(word))]
    recurrent = LIGHT["gradient" if backwards else "hidden"]
    parts = []
    for i, (x, state) in enumerate(zip(xs, states(word), strict=True)):
        half = 26
        parts.append(_arrow(x, INPUTS - 27, x, CELLS + half + 5, LIGHT["input"]))
        parts.append(_arrow(x, CELLS - half - 3, x, OUTPUTS + 29, LIGHT["output"]))
        parts.append(_bubble(x, OUTPUTS, (word + "?")[i + 1], "output"))
        if i + 1 < len(word):
            ends = (x + half + 5, xs[i + 1] - half - 5)
            start, end = reversed(ends) if backwards else ends
            dash = "14 6 3 6" if backwards else ""
            parts.append(_arrow(start, CELLS, end, CELLS, recurrent, dash))
        parts.append(_bubble(x, INPUTS, word[i], "input"))
        parts.append(
            f'<rect x="{x - half:.1f}" y="{CELLS - half}" width="52" height="52" rx="9" '
            f'fill="{LIGHT["background"]}" stroke="{LIGHT["hidden"]}" stroke-width="3"/>'
        )
        for k, value in enumerate(state):
            left, top = x - 19 + 20 * (k % 2), CELLS - 19 + 20 * (k // 2)
            parts.append(
                f'<rect x="{left:.1f}" y="{top}" width="18" height="18" rx="3" '
                f'fill="{LIGHT["hidden"]}" fill-opacity="{0.5 + 0.45 * value:.1f}"/>'
            )
    return "".join(parts)


def drawing(book, title, label, word, backwards, icon, folder):
    """Le SVG de l'image : la marque du livre, le titre de la page, le réseau."""
    size, lines = layout(title, folder)
    height = LEADING * size * (len(lines) - 1)
    # Le titre est centré entre la ligne de marque et le bandeau.
    y = (122 + BAND) / 2 - height / 2 + 0.33 * size
    picture = base64.b64encode(icon).decode()
    # En haut, le livre et, à droite, la place de la page ; sur l'accueil, le livre est le titre.
    name, place = (label, "") if book == title else (book, shorten(label, 32, folder, ROOM / 2))
    room = ROOM - 72 - 40 - width(place, 32, folder)
    head = _text(MARGIN + 72, 91, shorten(name, 32, folder, room), 32, LIGHT["data"])
    head += _text(WIDTH - MARGIN, 91, place, 32, LIGHT["hidden"], anchor="end")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="Source Sans 3">'
        f'<rect width="100%" height="100%" fill="{LIGHT["background"]}"/>'
        f'<rect y="{BAND}" width="100%" height="100%" fill="{TINT["neutral-tint"]}"/>'
        f'<image x="{MARGIN}" y="52" width="54" height="54" '
        f'href="data:image/svg+xml;base64,{picture}"/>'
        + head
        + "".join(
            _text(MARGIN, f"{y + LEADING * size * i:.1f}", line, size, LIGHT["data"])
            for i, line in enumerate(lines)
        )
        + network(word, backwards)
        + "</svg>"
    )


@cache
def _outlines(folder):
    """L'empreinte des polices, sans la table qui note le jour où on les a posées."""
    from fontTools.ttLib import TTFont

    digest = hashlib.sha256()
    for path in sorted(Path(folder).glob("*.ttf")):
        reader = TTFont(path).reader
        for table in sorted(set(reader.keys()) - {"head"}):
            digest.update(reader[table])
    return digest.hexdigest()


def fingerprint(svg, folder):
    """Ce dont dépend une image : son dessin, ses polices, ce fichier, les outils qui la tracent."""
    tools = version("resvg-py"), version("pillow")
    parts = svg, tools, _outlines(str(folder)), Path(__file__).read_text("utf-8")
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def write(svg, path, folder):
    """Trace le dessin en PNG, s'il n'y est pas déjà ; rend vrai s'il a fallu le tracer."""
    source = fingerprint(svg, folder)
    if path.is_file():
        with Image.open(path) as found:
            if found.info.get(MARK) == source:
                return False
    import resvg_py

    png = resvg_py.svg_to_bytes(
        svg_string=svg, font_dirs=[str(folder)], font_family="Source Sans 3",
        sans_serif_family="Source Sans 3", skip_system_fonts=True,
    )  # fmt: skip
    image = Image.open(BytesIO(bytes(png))).convert("RGB").quantize(64, dither=Image.Dither.NONE)
    note = PngImagePlugin.PngInfo()
    note.add_text(MARK, source)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, "PNG", optimize=True, pnginfo=note)
    return True
