"""La couverture : la boucle du logo, agrandie, sur le fond sombre de la palette."""

import html
import textwrap

from d2l_fr import palette
from outils.papier.dessins import SANS

WIDTH, HEIGHT = 170, 240  # millimètres
LOOP = (
    ("input", "M-60 56H3.8C12.5 56 22.5 52.4 31.1 47"),
    ("output", "M31.1 46.9C38.7 52.4 48.8 56 59.8 56H200"),
    (
        "hidden",
        "M31.1 47C41.8 40.3 50.4 30.9 51.8 22C53.5 11 47.5 5 37.5 5C27.5 5 19.5 11 17.8 22"
        "C16.4 30.8 21.8 40.2 31.1 46.9",
    ),
)


def _text(lines, x, y, size, leading, weight, color):
    return "\n".join(
        f'<text x="{x}" y="{y + row * leading:g}" font-size="{size}" font-weight="{weight}" '
        f'fill="{color}">{html.escape(line)}</text>'
        for row, line in enumerate(lines)
    )


def draw(about):
    """La couverture, en SVG."""
    color = palette.DARK
    loop = "\n".join(f'<path d="{d}" stroke="{color[role]}"/>' for role, d in LOOP)
    title = textwrap.wrap(about.title, 14)
    subtitle = textwrap.wrap(about.subtitle, 46)
    top = 44
    below = top + (len(title) - 1) * 19 + 15
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}mm" height="{HEIGHT}mm" font-family="\'{SANS}\', sans-serif">\n'
        f"<title>{html.escape(about.title)}</title>\n"
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{color["background"]}"/>\n'
        '<g transform="translate(22 108) scale(1.62)" fill="none" stroke-width="4.4" '
        f'stroke-linecap="round" stroke-linejoin="round">\n{loop}\n</g>\n'
        + _text(title, 18, top, 19, 19, 600, color["data"])
        + "\n"
        + _text(subtitle, 18.5, below, 5.6, 7.6, 400, color["reference"])
        + "\n"
        + _text([about.author], 18.5, HEIGHT - 16, 5, 7, 400, color["data"])
        + "\n</svg>"
    )
