"""Ce qu'il faut au livre pour être trouvé et partagé : descriptions, aperçus, plan du site.

Chaque page reçoit, dans ``metatags``, sa description, les balises que lisent les messageries et
ses données structurées. Ce qui demande une adresse, l'image comprise, ne vient que si le site en a
une : celle de D2L_FR_ADRESSE, d'une fourche qui se publie, ou de ``html.baseurl`` (_config.yml).
"""

import html
from pathlib import Path
from urllib.parse import quote

from sphinx.util import logging

import partage_donnees
import partage_images
from d2l_fr.french import typography
from partage_lecture import FILE, address, faults, label, load, outline

logger = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[2]
FOLDER = "_static/partage"


# ---------- les balises


def location(app, page, base):
    """L'adresse d'une page ; celle de l'accueil est celle du site."""
    return base if page == app.config.root_doc else base + app.builder.get_target_uri(page)


def image(page):
    return f"{FOLDER}/{page}.png"


def tag(**attributes):
    pairs = (f'{name}="{html.escape(str(value))}"' for name, value in attributes.items())
    return f"<meta {' '.join(pairs)}>"


def tags(app, page, base):
    """Les balises d'une page, une par ligne."""
    env, book = app.env, app.config.html_title
    title = env.titles[page].astext()
    text = typography(app.config.partage_faits.get(page, {}).get("description", "").strip())
    home = page == app.config.root_doc
    url = location(app, page, base) if base else ""
    found = [tag(name="description", content=text)]
    if url:
        found.append(f'<link rel="canonical" href="{html.escape(url)}">')
    properties = {
        "og:type": "book" if home else "article",
        "og:site_name": book,
        "og:locale": "fr_FR",
        "og:title": title,
        "og:description": text,
    }
    if url:
        place = label(env, page, app.partage_plan[page])
        properties |= {
            "og:url": url,
            "og:image": base + quote(image(page)),
            "og:image:type": "image/png",
            "og:image:width": partage_images.WIDTH,
            "og:image:height": partage_images.HEIGHT,
            "og:image:alt": f"{book}. {place}" if home else f"{book}. {place} : {title}",
        }
    found += [tag(property=name, content=value) for name, value in properties.items()]
    found.append(tag(name="twitter:card", content="summary_large_image" if url else "summary"))
    found.append(partage_donnees.script(app, page, text, base, location))
    return "\n".join(found)


def configure(app, config):
    config.html_baseurl = address(app)
    # Sphinx y mettrait l'année de SOURCE_DATE_EPOCH : celle du livre est écrite, non calculée.
    config.copyright = config.overrides.get("copyright", config.copyright)
    # Des valeurs de configuration : si elles changent, Sphinx récrit toutes les pages.
    config.partage_faits = load(Path(app.srcdir) / FILE)


def check(app, env):
    """Refuse une page sans description : la construction tient un avertissement pour une erreur."""
    app.partage_plan = outline(env)
    for page, message in faults(app.partage_plan, app.config.partage_faits):
        logger.warning("%s : %s", page, message, location=page if page in env.titles else None)


def add_tags(app, pagename, templatename, context, doctree):
    context["pageurl"] = None  # le thème en ferait une seconde adresse de référence
    if pagename in app.partage_plan:
        before = context.get("metatags") or ""
        if 'name="description"' in before:
            logger.warning("une description ne s'écrit que dans book/%s", FILE, location=pagename)
        context["metatags"] = f"{before}\n{tags(app, pagename, app.config.html_baseurl)}"


# ---------- les fichiers


def _set(path, text):
    if text:
        path.write_text(text, "utf-8")
    else:
        path.unlink(missing_ok=True)


def pictures(app, base):
    """Trace les images qui manquent et retire celles des pages disparues."""
    folder = Path(app.outdir) / FOLDER
    wanted = {Path(app.outdir) / image(page): page for page in app.partage_plan} if base else {}
    for path in folder.rglob("*.png"):
        if path not in wanted:
            path.unlink()
    fonts = Path(app.config.partage_polices)
    if wanted and not any(fonts.glob("*.ttf")):
        logger.warning("images de partage : la police manque dans %s", fonts)
        return
    icon = (ROOT / "book" / "img" / "favicon.svg").read_bytes()
    for path, page in wanted.items():
        facts = app.config.partage_faits.get(page, {})
        svg = partage_images.drawing(
            app.config.html_title, app.env.titles[page].astext(),
            label(app.env, page, app.partage_plan[page]), facts.get("mot", "lecture"),
            facts.get("retour", False), icon, fonts,
        )  # fmt: skip
        partage_images.write(svg, path, fonts)


def finish(app, exception):
    if exception or app.builder.format != "html":
        return
    base, out = app.config.html_baseurl, Path(app.outdir)
    pictures(app, base)
    places = (html.escape(location(app, page, base)) for page in app.partage_plan)
    urls = "".join(f"<url><loc>{place}</loc></url>\n" for place in places)
    plan = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{urls}</urlset>\n'
    head = '<?xml version="1.0" encoding="utf-8"?>\n'
    _set(out / "sitemap.xml", head + plan if base else "")
    rules = f"User-agent: *\nDisallow:\n\nSitemap: {base}sitemap.xml\n"
    _set(out / "robots.txt", rules if base else "")


def setup(app):
    app.add_config_value("partage_faits", {}, "html")
    app.add_config_value("partage_polices", str(ROOT / "_build" / "police-notebooks"), "")
    app.connect("config-inited", configure, priority=950)
    app.connect("env-updated", check)
    app.connect("html-page-context", add_tags, priority=960)
    app.connect("build-finished", finish, priority=950)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
