"""Les polices du papier : celles du site, une graisse par fichier.

Une police variable entrerait dans le PDF comme une suite de dessins ; fixée, elle y reste une
police, que le lecteur de PDF affine à l'écran et dont il sait copier le texte.
"""

import base64
import io
import shutil

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.ttLib.tables._g_l_y_f import Glyph
from fontTools.varLib import instancer

from outils import chantier

RARE = "Signes rares"
# (fichier, famille, style, graisse déclarée, source, axes fixés)
FACES = [
    ("serif-400", "Source Serif 4", "normal", "400", "serif", {"wght": 400}),
    ("serif-600", "Source Serif 4", "normal", "600 700", "serif", {"wght": 600}),
    ("serif-italique", "Source Serif 4", "italic", "400", "serif-italique", None),
    ("sans-400", "Source Sans 3", "normal", "400", "sans", {"wght": 400}),
    ("sans-600", "Source Sans 3", "normal", "600 700", "sans", {"wght": 620}),
    ("sans-italique", "Source Sans 3", "italic", "400", "sans-italique", None),
    ("code", "Source Code Pro", "normal", "400", "code", None),
    ("formules", "STIX Two Math", "normal", "400", "formules", None),
]


def write(folder):
    """Écrit les polices fixes dans ``folder`` (TTF), et rend leur feuille de style."""
    mark, wanted = (
        folder / ".fait",
        chantier.fingerprint("_build/tiers/.fait", "outils/papier/*.py"),
    )
    if not mark.is_file() or mark.read_text("utf-8") != wanted:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    rules = []
    for name, family, style, weight, source, axes in FACES:
        path = folder / f"{name}.ttf"
        if not path.is_file():
            font = TTFont(chantier.BUILD / "tiers" / f"{source}.woff2", recalcTimestamp=False)
            if axes:
                font = instancer.instantiateVariableFont(font, axes)
            _rename(font, family, name)
            _thin_space(font)
            font.flavor = None
            font.save(path)
        rules.append(
            f'@font-face {{ font-family: "{family}"; font-style: {style}; font-weight: {weight}; '
            f'src: url("{folder.name}/{path.name}"); }}'
        )
    # Les signes rares (flèches, exposants, étoiles) : la police que livre matplotlib.
    shutil.copy(chantier.BUILD / "police-notebooks" / "DejaVuSans.ttf", folder)
    rules.append(
        f'@font-face {{ font-family: "{RARE}"; font-weight: 100 900; '
        f'src: url("{folder.name}/DejaVuSans.ttf"); }}'
    )
    mark.write_text(wanted, "utf-8")
    return "\n".join(rules) + "\n"


def _rename(font, family, name):
    """Le nom que le PDF et les outils de dessin liront."""
    for identifier, text in ((1, family), (16, family), (4, f"{family} {name}")):
        font["name"].setName(text, identifier, 3, 1, 0x409)
    font["name"].setName(f"{family} {name}".replace(" ", ""), 6, 3, 1, 0x409)


def _thin_space(font):
    """L'espace fine insécable, que les sources n'ont pas : un sixième de cadratin."""
    if 0x202F in font.getBestCmap():
        return
    name = "espacefine"
    font.setGlyphOrder([*font.getGlyphOrder(), name])
    font["glyf"][name] = Glyph()
    font["hmtx"][name] = (font["head"].unitsPerEm // 6, 0)
    for table in font["cmap"].tables:
        if table.isUnicode():
            table.cmap[0x202F] = name


def embedded(path, family, weight, text):
    """La règle d'une police réduite aux signes de ``text``, dans le style d'un dessin."""
    font = TTFont(path, recalcTimestamp=False)
    options = subset.Options(
        hinting=False, recalc_timestamp=False, layout_features=["kern", "ccmp", "mark"],
        notdef_outline=True,
    )  # fmt: skip
    options.drop_tables += ["FFTM"]
    subsetter = subset.Subsetter(options)
    subsetter.populate(text=text)
    subsetter.subset(font)
    font.flavor, buffer = "woff2", io.BytesIO()
    font.save(buffer)
    data = base64.b64encode(buffer.getvalue()).decode()
    return (
        f"@font-face {{ font-family: '{family}'; font-weight: {weight}; "
        f"src: url(data:font/woff2;base64,{data}) format('woff2'); }}"
    )
