"""Les polices du site : celles du livre, réduites aux signes et aux graisses qu'il emploie.

Chacune vient du registre npm, entière ; sans cette cure, une page pèserait 400 Ko de plus.
"""

import io

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

VARIABLE = "@fontsource-variable"
# Français, langues voisines, ponctuation, exposants, et les signes que le texte emploie.
TEXT = [
    *range(0x20, 0x7F), *range(0xA0, 0x180), *range(0x2010, 0x2028), 0x202F, 0x2009, 0x2032,
    0x2039, 0x203A, 0x2070, *range(0x2074, 0x207A), 0x207B, 0x207F, *range(0x2080, 0x208C), 0x20AC,
    *range(0x2190, 0x2194), 0x2212, 0x221A, 0x221E, 0x2248, 0x2260, 0x2264, 0x2265, 0x2713,
    0x2717, *range(0x391, 0x3CA), 0x1D49, 0x02B3, 0x02E2, 0x1D48,
]  # fmt: skip
# Ce que les formules peuvent employer : lettres droites, italiques, grasses, rondes et ajourées,
# grec, opérateurs ; la table MATH amène les variantes de taille.
MATH = [
    *range(0x20, 0x7F), *range(0xA0, 0x100), 0x152, 0x153, *range(0x2C6, 0x2DD),
    *range(0x300, 0x309), *range(0x391, 0x3CA), 0x3D1, 0x3D5, 0x3F1, 0x3F5,
    *range(0x2013, 0x2017), 0x2018, 0x2019, 0x2026, *range(0x2032, 0x2035), 0x203E, 0x2061,
    0x2062, 0x2063, 0x20D7, 0x2102, 0x210B, 0x210E, 0x2112, 0x2113, 0x2115, 0x211D, 0x2124,
    0x212C, 0x2130, 0x2131, 0x2133, 0x211B, *range(0x2190, 0x2195), 0x21A6, 0x21D0, 0x21D2, 0x21D4,
    *range(0x2200, 0x2212), 0x2212, 0x2213, *range(0x2217, 0x2237), 0x223C, 0x2243, 0x2248,
    *range(0x2260, 0x226C), *range(0x2282, 0x2288), *range(0x2295, 0x229A), 0x22A4, 0x22A5,
    *range(0x22C0, 0x22C7), *range(0x22EE, 0x22F2), *range(0x2308, 0x230C), 0x23DE, 0x23DF,
    0x27E8, 0x27E9, *range(0x1D400, 0x1D468), *range(0x1D49C, 0x1D4B6), 0x1D6A4, 0x1D6A5,
    *range(0x1D6E2, 0x1D71C), *range(0x1D538, 0x1D552),
]  # fmt: skip
FEATURES = ["kern", "liga", "calt", "ccmp", "locl", "mark", "onum", "lnum", "tnum", "pnum"]
# (fichier, famille, source, style, graisses, axes, signes, traits OpenType)
FACES = [
    ("serif", "Source Serif 4 Variable", "source-serif-4/files/source-serif-4-latin-opsz-normal",
     "normal", "400 650", {"opsz": 14, "wght": (400, 650)}, TEXT, FEATURES),
    ("serif-italique", "Source Serif 4 Variable",
     "source-serif-4/files/source-serif-4-latin-opsz-italic",
     "italic", "400", {"opsz": 14, "wght": 400}, TEXT, FEATURES),
    ("sans", "Source Sans 3 Variable", "source-sans-3/files/source-sans-3-latin-wght-normal",
     "normal", "400 700", {"wght": (400, 700)}, TEXT, FEATURES),
    ("sans-italique", "Source Sans 3 Variable",
     "source-sans-3/files/source-sans-3-latin-wght-italic",
     "italic", "400", {"wght": 400}, TEXT, FEATURES),
    ("code", "Source Code Pro Variable", "source-code-pro/files/source-code-pro-latin-wght-normal",
     "normal", "400", {"wght": 400}, TEXT, ["ccmp", "mark"]),
]  # fmt: skip
MATH_SOURCE = "@fontsource/stix-two-math/files/stix-two-math-latin-400-normal.woff2"
# Géorgie et Arial, étirées à la mesure des nôtres : le texte ne bouge pas quand elles arrivent.
FALLBACKS = """\
@font-face { font-family: "Attente Serif"; src: local("Georgia"), local("Gelasio");
  size-adjust: 96%; ascent-override: 107%; descent-override: 35%; line-gap-override: 0%; }
@font-face { font-family: "Attente Sans"; src: local("Arial"), local("Liberation Sans");
  size-adjust: 93%; ascent-override: 110%; descent-override: 43%; line-gap-override: 0%; }
"""


def _reopen(font):
    """La police relue : ce que l'on vient d'y couper est vraiment parti."""
    font.flavor, buffer = None, io.BytesIO()
    font.save(buffer)
    buffer.seek(0)
    return TTFont(buffer)


def reduce(source, target, characters, features, axes=None):
    """Écrit dans ``target`` la police ``source`` réduite à ces signes, traits et axes."""
    font = TTFont(source, recalcTimestamp=False)
    if axes:
        font = _reopen(instancer.instantiateVariableFont(font, axes))
    options = subset.Options()
    options.hinting = False
    options.layout_features = features
    options.ignore_missing_unicodes = True
    options.recalc_timestamp = False
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=characters)
    subsetter.subset(font)
    font.flavor = "woff2"
    font.save(target)


def write(source, target):
    """Réduit toutes les polices dans ``target``, avec leur feuille de style."""
    css = []
    for name, family, file, style, weight, axes, characters, features in FACES:
        path = source / VARIABLE / f"{file}.woff2"
        reduce(path, target / f"{name}.woff2", characters, features, axes)
        css.append(
            f'@font-face {{ font-family: "{family}"; font-style: {style}; font-display: swap; '
            f'font-weight: {weight}; src: url("{name}.woff2") format("woff2"); }}'
        )
    reduce(source / MATH_SOURCE, target / "formules.woff2", MATH, ["ssty", "dtls", "flac"])
    css.append(
        '@font-face { font-family: "STIX Two Math"; font-display: swap; '
        'src: url("formules.woff2") format("woff2"); }'
    )
    (target / "polices.css").write_text("\n".join(css) + "\n" + FALLBACKS, "utf-8")
