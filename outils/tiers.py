"""Ce que le livre prend à npm : formules, polices, diaporamas ; il n'en garde que ce qui sert."""

import re
import shutil
from pathlib import Path

from outils import polices

# Ce qui en reste dans _build, et dont l'empreinte dit si rien n'y a été touché.
KEPT = (
    "_build/tiers/*.css", "_build/tiers/*.woff2", "_build/police-notebooks/*", "_build/reveal/*",
    "_build/npm/node_modules/temml/dist/*",
)  # fmt: skip
RULES = re.compile(r"\bmath\b[^{]*\{")


def write(source, build):
    """Tire de ``source`` (``node_modules``) ce que le site et les notebooks emploient."""
    folder = _fresh(build / "tiers")
    # Seules les règles de composition : la police des formules est la nôtre.
    css = (source / "temml/dist/Temml-Local.css").read_text("utf-8")
    css = re.sub(r"@font-face\s*\{.*?\}", "", css, flags=re.DOTALL)
    if not RULES.search(css):
        raise ValueError("la feuille de style de Temml ne dit plus rien de <math>")
    (folder / "temml.css").write_text(css, "utf-8")
    polices.write(source, folder)
    _notebook_fonts(source / "@fontsource/source-sans-3/files", _fresh(build / "police-notebooks"))
    reveal = _fresh(build / "reveal")  # ce qui projette les diaporamas : le site ne le sert pas
    for name in ("reveal.js", "reveal.css"):
        shutil.copy(source / "reveal.js" / "dist" / name, reveal)


def _fresh(folder):
    """Un dossier vide."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def _notebook_fonts(source, folder):
    """La police des figures des notebooks, dans un format que lit le traceur de SVG.

    DejaVu, que livre matplotlib, prête les flèches et les lettres grecques qui y manquent.
    """
    import matplotlib
    from fontTools.ttLib import TTFont

    for weight in (400, 600):
        for style in ("normal", "italic"):
            name = f"source-sans-3-latin-{weight}-{style}.woff"
            font = TTFont(source / name, recalcTimestamp=False)
            font.flavor = None
            for name_id in (1, 16):  # le demi-gras se donne pour une autre famille
                font["name"].setName("Source Sans 3", name_id, 3, 1, 0x409)
            font.save(folder / f"SourceSans3-{weight}-{style}.ttf")
    shutil.copy(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf", folder)
