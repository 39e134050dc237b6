"""Les polices du site : celles du livre, réduites aux signes et aux graisses qu'il emploie.

Chacune vient du registre npm, entière ; sans cette cure, une page pèserait 400 Ko de plus.
"""

import io
import re

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

VARIABLE = "@fontsource-variable"
# Français, langues voisines, ponctuation, exposants, et les signes que le texte emploie.
TEXT = [
    *range(0x20, 0x7F), *range(0xA0, 0x100), 0x152, 0x153, 0x178, *range(0x2010, 0x2028), 0x202F,
    0x2009, 0x2032,
    0x2039, 0x203A, 0x2070, *range(0x2074, 0x207A), 0x207B, 0x207F, *range(0x2080, 0x208C), 0x20AC,
    *range(0x2190, 0x2194), 0x2212, 0x221A, 0x221E, 0x2248, 0x2260, 0x2264, 0x2265, 0x2713,
    0x2717,
]  # fmt: skip
# Ce que les formules peuvent employer : lettres droites et italiques, grasses et rondes à la
# demande, grec, opérateurs courants ; la table MATH amène les variantes de taille. Un test refuse
# une page qui emploierait un signe absent.
MATH = [
    *range(0x20, 0x7F), *map(ord, "éèêàçùâîôÉÈÀ°±·×÷†–—‖‘’…′″‾ˆˇ˙˜¯⃗ℂℕℚℝℤℎℓ𝔼𝟙𝒩𝒱ℒ𝒪"),
    0xA0, 0x302, 0x303, 0x304, 0x307, 0x2061, 0x2062, 0x2063, *range(0x391, 0x3CA), 0x3D5,
    *map(ord, "←↑→↓↔↦⇐⇒⇔∀∂∃∅∇∈∉∋∏∑−∓∘√∝∞∣∥∧∨∩∪∫∼≃≈≠≡≤≥≪≫⊂⊆⊕⊗⊙⊤⊥⋅⋮⋯⋱⌈⌉⌊⌋⟨⟩"),
    *range(0x1D400, 0x1D434), *range(0x1D434, 0x1D468), *range(0x1D6FC, 0x1D71C),
    *range(0x1D7CE, 0x1D7D8),
]  # fmt: skip
FEATURES = ["kern", "liga", "calt", "ccmp", "locl", "mark", "onum", "lnum", "tnum", "pnum"]
# Des noms propres et des lettres grecques dans le texte : chargées par les seules pages qui en ont.
EXTENDED = [*range(0x100, 0x180), 0x1D48, 0x1D49, 0x1D52, 0x2B3, 0x2E2]
GREEK = [*range(0x391, 0x3CA)]
# (fichier, famille, source, style, graisses, axes, signes, traits OpenType)
FACES = [
    ("serif", "Source Serif 4 Variable", "source-serif-4/files/source-serif-4-latin-opsz-normal",
     "normal", "400 650", {"opsz": 14, "wght": (400, 650)}, TEXT, FEATURES),
    ("serif-etendu", "Source Serif 4 Variable",
     "source-serif-4/files/source-serif-4-latin-ext-opsz-normal",
     "normal", "400", {"opsz": 14, "wght": 400}, EXTENDED, FEATURES),
    ("serif-grec", "Source Serif 4 Variable",
     "source-serif-4/files/source-serif-4-greek-opsz-normal",
     "normal", "400", {"opsz": 14, "wght": 400}, GREEK, FEATURES),
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
    return TTFont(buffer, recalcTimestamp=False)  # la date de la police, non celle du jour


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
    if "MATH" in font:
        _narrow_radicals(font)
    font.flavor = "woff2"
    font.save(target)


def _narrow_radicals(font):
    """Donne à toutes les hauteurs d'un radical la chasse du plus petit ; leur crochet dépasse.

    Chromium donne à tous celle du plus large : √m serait suivi d'un blanc de 0,4 cadratin.
    """
    radical = font.getBestCmap()[ord("√")]
    variants = font["MATH"].table.MathVariants
    place = variants.VertGlyphCoverage.glyphs.index(radical)
    found = variants.VertGlyphConstruction[place]
    names = {record.VariantGlyph for record in found.MathGlyphVariantRecord}
    names |= {part.glyph for part in found.GlyphAssembly.PartRecords}
    widths, outlines = font["hmtx"], font["glyf"]
    width, _ = widths[radical]
    for name in sorted(names):
        advance, bearing = widths[name]
        outline = outlines[name]
        outline.coordinates.translate((width - advance, 0))
        outline.recalcBounds(outlines)
        widths[name] = width, bearing + width - advance


def awaited(css):
    """La feuille dont les polices s'attendent, au lieu de laisser voir celles du système."""
    return re.sub(r"font-display:\s*optional", "font-display: block", css)


def _ranges(characters):
    """Des signes, comme les veut ``unicode-range``."""
    return ", ".join(f"U+{code:X}" for code in characters)


def write(source, target):
    """Réduit toutes les polices dans ``target``, avec leur feuille de style."""
    css = []
    for name, family, file, style, weight, axes, characters, features in FACES:
        path = source / VARIABLE / f"{file}.woff2"
        reduce(path, target / f"{name}.woff2", characters, features, axes)
        span = f"unicode-range: {_ranges(characters)}; " if characters is not TEXT else ""
        css.append(
            f'@font-face {{ font-family: "{family}"; font-style: {style}; {span}'
            f"font-display: optional; font-weight: {weight}; "
            f'src: url("{name}.woff2") format("woff2"); }}'
        )
    reduce(source / MATH_SOURCE, target / "formules.woff2", MATH, ["ssty", "dtls", "flac"])
    css.append(
        '@font-face { font-family: "STIX Two Math"; font-display: swap; '
        'src: url("formules.woff2") format("woff2"); }'
    )
    (target / "polices.css").write_text("\n".join(css) + "\n" + FALLBACKS, "utf-8")
