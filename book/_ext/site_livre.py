"""Ce qui fait du thème un site français, léger et sans requête vers l'extérieur."""

import html
import os
import re
from pathlib import Path

from sphinx.util import logging

from cahiers import is_notebook
from figures import write_palette
from site_depot import repository

logger = logging.getLogger(__name__)

# Ce que les catalogues du thème laissent en anglais.
FRENCH = [
    ('title="Toggle primary sidebar"',
     'title="Afficher ou masquer le menu" aria-label="Afficher ou masquer le menu"'),
    ('title="Toggle secondary sidebar"',
     'title="Afficher ou masquer le sommaire" aria-label="Afficher ou masquer le sommaire"'),
    ('aria-label="Main"', 'aria-label="Menu principal"'),
    ('aria-label="Secondary"', 'aria-label="Sommaire de la page"'),
    ('aria-label="Toggle hidden content"', 'aria-label="Afficher ou masquer ce contenu"'),
    ('"Permalink to this equation"', '"Lien vers cette équation"'),
    ('aria-label="Search this book..."', 'aria-label="Rechercher"'),
    ("Skip to main content", "Aller au contenu"),
    ("Back to top", "Haut de page"),
    ('title="Fullscreen mode"', 'title="Plein écran"'),
]  # fmt: skip


def configure(app, config):
    options = config.html_theme_options
    url = repository(app)
    # Le dictionnaire du thème remplace celui que Jupyter Book tire de _config.yml.
    options["repository_url"] = url
    options["use_repository_button"] = bool(url)
    options["use_edit_page_button"] = bool(url)
    options["use_issues_button"] = bool(url)
    options["launch_buttons"] = {}


def lean(app, pagename, templatename, context, doctree):
    """Retire thebe et les scripts en double : aucune page ne s'en sert."""
    seen, keep = set(), []
    for script in context.get("script_files", []):
        body = getattr(script, "attributes", {}).get("body") or ""
        name = str(getattr(script, "filename", script) or "")
        if re.search("thebe|togglebutton|toggleHint|toggleOpen", body + name, re.IGNORECASE):
            continue
        if (name, body) not in seen:
            seen.add((name, body))
            keep.append(script)
    context["script_files"] = keep
    context["css_files"] = [
        css
        for css in context.get("css_files", [])
        if not re.search("thebe|togglebutton", str(getattr(css, "filename", css)))
    ]


def buttons(app, pagename, templatename, context, doctree):
    """Le notebook de la page : le télécharger, et l'ouvrir dans Colab si un dépôt est connu."""
    if "header_buttons" not in context or not is_notebook(app.env, pagename):
        return
    url, found = repository(app), []
    if match := re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+)", url):
        branch = (
            os.environ.get("D2L_FR_BRANCHE") or app.config.html_theme_options["repository_branch"]
        )
        found.append(
            {
                "type": "link",
                "text": "Ouvrir dans Colab",
                "tooltip": "Exécuter cette page sur Google Colab",
                "icon": "fas fa-cloud",
                "url": f"https://colab.research.google.com/github/{match[1]}/blob/{branch}"
                f"/notebooks/{pagename}.ipynb",
            }
        )
    found.append(
        {
            "type": "link",
            "text": "Télécharger le notebook",
            "tooltip": "Télécharger cette page en .ipynb",
            "icon": "fas fa-download",
            "url": context["pathto"](f"notebooks/{pagename}.ipynb", 1),
        }
    )
    group = {
        "type": "group",
        "label": "launch-buttons",
        "icon": "fas fa-rocket",
        "tooltip": "Exécuter cette page",
        "buttons": found,
    }
    context["header_buttons"].insert(0, group)


def not_found(app):
    """Une page 404 qui se suffit : elle est servie à n'importe quelle profondeur."""
    name = os.environ.get("GITHUB_REPOSITORY", "").partition("/")[2] if repository(app) else ""
    base = "/" if not name or name.endswith(".github.io") else f"/{name}/"
    title = html.escape(app.config.html_title)
    page = (Path(__file__).parent.parent / "statique" / "404.html").read_text("utf-8")
    return page.replace("{{base}}", base).replace("{{titre}}", title)


def accessible(text):
    """Corrige ce que les lecteurs d'écran liraient mal dans le HTML du thème et des extensions."""
    text = text.replace(
        '<div id="pst-primary-sidebar" ',
        '<div id="pst-primary-sidebar" role="region" aria-label="Barre latérale" ',
    )
    # Des rôles que la norme a retirés, sur des éléments qui ne les admettent pas.
    text = text.replace(' role="doc-biblioentry"', "")
    text = text.replace('<div role="list" class="citation-list">', '<div class="citation-list">')
    return re.sub(r'<th class="head">(.*?)</th>', _header_cell, text, flags=re.DOTALL)


def _header_cell(match):
    """Un en-tête vide devient une case ; celui qui n'est qu'une formule reçoit son texte."""
    formulas = re.findall(r"<annotation[^>]*>(.*?)</annotation>", match[1], re.DOTALL)
    words = re.sub(r'<span class="math">.*', "", match[1], flags=re.DOTALL)
    if re.sub(r"<[^>]+>|\s", "", words):
        return match[0]
    if not formulas:
        return f"<td>{match[1]}</td>"
    label = html.escape(html.unescape(" ".join(formulas)))
    hidden = match[1].replace('<span class="math">', '<span class="math" aria-hidden="true">')
    return f'<th class="head"><span class="visually-hidden">{label}</span>{hidden}</th>'


def finish(app, exception):
    if exception or app.builder.name != "html":
        return
    out = Path(app.outdir)
    write_palette(app)
    (out / "404.html").write_text(not_found(app), "utf-8")
    (out / "_static" / "404.html").unlink(missing_ok=True)
    (out / ".nojekyll").touch()
    for path in out.glob("*.html"):
        text = path.read_text("utf-8")
        if "katex-error" in text:
            formula = re.search(r'katex-error" title="([^"]*)"', text)
            detail = html.unescape(formula[1]) if formula else ""
            logger.warning(
                "formule que KaTeX ne sait pas composer : %s", detail, location=path.stem
            )
        new = re.sub(
            r"\s*<!-- So that users can add custom icons -->\s*<script[^>]*fontawesome\.js[^>]*>"
            r"</script>", "", text,
        )  # fmt: skip
        for english, french in FRENCH:
            new = new.replace(english, french)
        new = accessible(new)
        if new != text:
            path.write_text(new, "utf-8")


def setup(app):
    app.add_config_value("depot_configure", "", "html")
    app.connect("config-inited", configure, priority=900)
    app.connect("html-page-context", buttons, priority=600)
    app.connect("html-page-context", lean, priority=950)
    app.connect("build-finished", finish, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
