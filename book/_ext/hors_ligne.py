"""Le livre hors ligne : ce que le navigateur en garde, et comment il l'affiche chez lui.

Compressé, tout le livre pèse moins de 2 Mo : ``hors-ligne.js`` le garde entier, sans les notebooks.
La liste de ses fichiers, avec l'empreinte de chacun, se fait une fois tout le reste écrit.
"""

import base64
import hashlib
import json
import re
from io import BytesIO
from pathlib import Path

import theme
from d2l_fr import palette

STATIC = Path(__file__).parents[1] / "statique"
ICONS = (192, 512)
WORKER, FALLBACK, MANIFEST = "hors-ligne.js", "hors-ligne.html", "manifest.webmanifest"
# Ce qu'aucune page ne demande d'elle-même, ou qui ne se garde qu'à la demande.
LEFT = re.compile(
    rf"(.*/)?\..*|notebooks/.*|_static/partage/.*|(robots|sitemap)\.\w+|objects\.inv|{WORKER}"
)


def fill(name, parts):
    """Un gabarit de ``statique``, ses « {{noms}} » remplacés."""
    text = (STATIC / name).read_text("utf-8")
    return re.sub(r"\{\{([\w-]+)\}\}", lambda m: parts[m[1]], text)


def listing(site):
    """Les fichiers à garder, dans l'ordre : (chemin, empreinte que vérifie le navigateur)."""
    rows = []
    for path in sorted(site.rglob("*")):
        name = path.relative_to(site).as_posix()
        if path.is_file() and not LEFT.fullmatch(name):
            digest = base64.b64encode(hashlib.sha256(path.read_bytes()).digest()).decode()
            rows.append((name, f"sha256-{digest}"))
    return rows


def _versioned(site):
    """La version, qui résume les fichiers du site, et leur liste en JSON."""
    files = json.dumps(listing(site), separators=(",", ":"))
    source = (STATIC / WORKER).read_text("utf-8")
    return hashlib.sha256((source + files).encode()).hexdigest()[:12], files


def version(site):
    """La version que ``hors-ligne.js`` donne au livre, d'après les fichiers du site."""
    return _versioned(site)[0]


def write_worker(site):
    """Écrit ``hors-ligne.js`` d'après les fichiers du site ; rend la version, qui les résume."""
    found, files = _versioned(site)
    text = fill(WORKER, {"version": found, "fichiers": files})
    (site / WORKER).write_text(text, "utf-8")
    return found


def fallback(title, parts):
    """La page que voit un lecteur hors ligne quand celle qu'il demande n'est pas gardée."""
    pages = "\n".join(
        f"<h2>{part['titre']}</h2>\n<ul>\n"
        + "".join(f'<li><a href="{p["nom"]}.html">{p["titre"]}</a></li>\n' for p in part["pages"])
        + "</ul>"
        for part in [
            {"titre": "Le livre", "pages": [{"nom": "index", "titre": "Ouverture"}]},
            *parts,
        ]
    )
    colors = {
        name + suffix: colors[role]
        for suffix, colors in (("", palette.LIGHT), ("-sombre", palette.DARK))
        for name, role in (("texte", "data"), ("fond", "background"), ("lien", "input"))
    }
    return fill(FALLBACK, {"titre": title, "pages": pages, **colors})


def manifest(title):
    """Ce qu'il faut au navigateur pour ajouter le livre à l'écran d'accueil."""
    found = {
        "name": title,
        "short_name": title if len(title) <= 12 else title.split()[0],
        "lang": "fr",
        "dir": "ltr",
        "start_url": "./index.html",
        "scope": "./",
        "display": "minimal-ui",
        "theme_color": palette.LIGHT["background"],
        "background_color": palette.LIGHT["background"],
        "icons": [
            {"src": "_static/favicon.svg", "sizes": "any", "type": "image/svg+xml"},
            *(
                {"src": f"_static/icone-{n}.png", "sizes": f"{n}x{n}", "type": "image/png"}
                for n in ICONS
            ),
        ],
    }
    return json.dumps(found, ensure_ascii=False, indent=1) + "\n"


def icon(svg, size):
    """Le logo en PNG, carré, sur le fond de la palette : un écran d'accueil n'a pas de fond."""
    import resvg_py
    from PIL import Image

    inner = size * 3 // 4
    drawn = resvg_py.svg_to_bytes(svg_string=svg, width=inner, height=inner)
    logo = Image.open(BytesIO(bytes(drawn))).convert("RGBA")
    image = Image.new("RGBA", (size, size), palette.LIGHT["background"])
    image.alpha_composite(logo, ((size - inner) // 2, (size - inner) // 2))
    out = BytesIO()
    image.convert("RGB").quantize(64, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


def context(app, pagename, templatename, context, doctree):
    context["hors_ligne"] = True
    context["teintes"] = {
        "light": palette.LIGHT["background"],
        "dark": palette.DARK["background"],
    }


def finish(app, exception):
    """Après tout le reste : le navigateur vérifie chaque fichier tel qu'il est servi."""
    if exception or app.builder.name != "html":
        return
    out, title = Path(app.outdir), app.config.html_title
    svg = (STATIC.parent / "img" / "favicon.svg").read_text("utf-8")
    for size in ICONS:
        (out / "_static" / f"icone-{size}.png").write_bytes(icon(svg, size))
    (out / MANIFEST).write_text(manifest(title), "utf-8")
    (out / FALLBACK).write_text(fallback(title, theme.menu(app)), "utf-8")
    write_worker(out)


def setup(app):
    app.connect("html-page-context", context, priority=700)
    app.connect("build-finished", finish, priority=990)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
