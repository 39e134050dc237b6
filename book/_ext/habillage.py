"""La feuille de style du site : ses parts en un fichier, et le code coloré au plus juste."""

import base64
import hashlib
import re
import shutil
from pathlib import Path

from d2l_fr import palette
from d2l_fr.widgets import bundle
from outils import polices

STATIC = Path(__file__).parents[1] / "statique"
VENDOR = Path(__file__).parents[2] / "_build" / "tiers"
# Ce que le site sert de _static ; le reste vient de Sphinx et de ses extensions, sans emploi ici.
SERVED = re.compile(
    r"livre\.(css|js)|polices-disque\.css|police-formules\.css|figures\.js|figures/.*|partage/.*|"
    r"recherche/.*|recherche[\w-]*\.js|definitions\.js|"
    r"(?!formules)[\w-]+\.woff2|favicon\.svg|icone-\d+\.png"
)
MATH_FACE = re.compile(r"@font-face \{[^}]*formules\.woff2[^}]*\}\n")
# Les jetons de Pygments qui portent une couleur ; les autres perdent leur balise.
TOKENS = {
    "mot": (r"k\w?|ow", "var(--c-hidden)"),
    "texte": (r"s\w?", "var(--c-output)"),
    "nombre": (r"m\w?|il", "var(--c-input)"),
    "remarque": (r"c\w?|sd", "var(--c-reference)"),
    "nom": (r"nf|nc|fm|nd", "var(--c-input)"),
    "invite": (r"gp", "var(--c-reference)"),
    "retrait": (r"gd|gr", "var(--c-heldout)"),
    "ajout": (r"gi", "var(--c-output)"),
}
SPAN = re.compile(r'<span class="(\w{1,3})">([^<]*)</span>')


def _colored(match):
    for name, (pattern, _) in TOKENS.items():
        if re.fullmatch(pattern, match[1]):
            return f'<span class="{name}">{match[2]}</span>'
    return match[2]


def lighten(block):
    """Un bloc de code sans les balises que rien ne colore (noms, opérateurs, ponctuation)."""
    block = SPAN.sub(_colored, block.replace("<span></span>", ""))
    # Deux jetons voisins de même couleur n'en font qu'un.
    return re.sub(r'(<span class="(\w+)">[^<]*)</span>(\s*)<span class="\2">', r"\1\3", block)


def lighten_signature(text):
    """Une signature sans les balises que rien ne colore : des valeurs par défaut, une chacune."""
    text = re.sub(r'<em class="sig-param">(.*?)</em>', r"\1", text)
    text = re.sub(
        r'<span class="o">=</span><span class="default_value">(.*?)</span>',
        r'<span class="defaut">=\1</span>', text,
    )  # fmt: skip
    return re.sub(r'<span class="(?:[nopw]|sig-paren)">([^<]*)</span>', r"\1", text)


def code_styles():
    """Les couleurs du code, celles de la palette."""
    return "\n".join(f".highlight .{n} {{ color: {c}; }}" for n, (_, c) in TOKENS.items()) + "\n"


def palette_styles():
    """Les variables CSS de la palette : claires, sépia, sombres, et claires sur le papier."""

    def rules(colors):
        return "\n".join(f"  --c-{role}: {code};" for role, code in colors.items())

    light = palette.LIGHT | {role: tint[0] for role, tint in palette.TINTS.items()}
    dark = palette.DARK | {role: tint[1] for role, tint in palette.TINTS.items()}
    fonts = f"  --police: {palette.FONT};\n  --chasse-fixe: {palette.MONO};"
    return (
        f":root {{\n{rules(light)}\n{fonts}\n}}\n"
        # Sans JavaScript, la page suit l'appareil.
        f"@media (prefers-color-scheme: dark) {{\n  html:not(.js) {{\n{rules(dark)}\n  }}\n}}\n"
        f'html[data-theme="dark"] {{\n{rules(dark)}\n}}\n'
        f'html[data-theme="sepia"] {{\n{rules(palette.SEPIA)}\n}}\n'
        f"@media print {{\n  html:root {{\n{rules(light)}\n  }}\n}}\n"
    )


def parts():
    """Les parts de la feuille, dans l'ordre, par nom."""
    return {
        "polices": (VENDOR / "polices.css").read_text("utf-8"),
        "palette": palette_styles(),
        "formules": (VENDOR / "temml.css").read_text("utf-8"),
        "livre": (STATIC / "livre.css").read_text("utf-8"),
        "code": code_styles(),
        "figures": bundle.stylesheet(),
        "recherche": (STATIC / "recherche.css").read_text("utf-8"),
    }


def compact(css):
    """Une feuille sans remarques ni retraits."""
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    return re.sub(r"\s*\n\s*", "\n", css).strip() + "\n"


def math_font(face):
    """La police des formules, dans une feuille : sans elle, une formule n'a pas sa largeur.

    La page attend cette feuille pour s'afficher : les formules n'arrivent pas bien après le texte.
    """
    data = base64.b64encode((VENDOR / "formules.woff2").read_bytes()).decode()
    return face.replace("formules.woff2", f"data:font/woff2;base64,{data}", 1)


def prepare(app):
    """Compose les feuilles et note l'empreinte de ce que les pages chargent."""
    app.styles = parts()
    fonts = MATH_FACE.sub("", app.styles["polices"])
    rest = [text for name, text in app.styles.items() if name != "polices"]
    app.assets = {
        "livre.css": compact("\n".join([fonts, *rest])),
        "police-formules.css": math_font(MATH_FACE.search(app.styles["polices"])[0]),
        # Ouvert depuis un dossier, le livre attend ses polices : elles ne viennent pas de loin.
        "polices-disque.css": polices.awaited(compact(fonts)),
    }
    scripts = {path.name: path.read_text("utf-8") for path in STATIC.glob("*.js")}
    app.versions = {
        name: hashlib.sha256(text.encode()).hexdigest()[:8]
        for name, text in (app.assets | scripts).items()
    }


def versioned(app, name):
    """L'adresse d'un fichier de ``_static``, qui change avec son contenu."""
    return f"_static/{name}?v={app.versions[name]}"


def finish(app, exception):
    """Écrit la feuille, garde ses parts pour les diaporamas, et ôte ce que rien ne charge."""
    if exception or app.builder.name != "html":
        return
    out = Path(app.outdir)
    static = out / "_static"
    for path in sorted(static.rglob("*"), reverse=True):
        if path.is_file() and not SERVED.fullmatch(path.relative_to(static).as_posix()):
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    shutil.copy(STATIC.parent / "img" / "favicon.svg", static)
    for name, text in app.assets.items():
        (static / name).write_text(text, "utf-8")
    folder = out.parent / "styles"
    folder.mkdir(exist_ok=True)
    for name, text in app.styles.items():
        (folder / f"{name}.css").write_text(text, "utf-8")
    for name in ("searchindex.js", "objects.inv"):
        (out / name).unlink(missing_ok=True)
    _drop_unused_images(out)


def _drop_unused_images(out):
    """Ôte les images que les pages ont incorporées : plus rien n'y mène."""
    pages = "".join(path.read_text("utf-8") for path in out.glob("*.html"))
    for path in (out / "_images").glob("*"):
        if f"_images/{path.name}" not in pages:
            path.unlink()


def setup(app):
    app.connect("build-finished", finish, priority=800)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
