"""Les dernières retouches du site : la page 404, et ce que la norme HTML demande aux tableaux."""

import html
import os
import re
from pathlib import Path

from site_depot import repository


def not_found(app):
    """Une page 404 qui se suffit : elle est servie à n'importe quelle profondeur."""
    name = os.environ.get("GITHUB_REPOSITORY", "").partition("/")[2] if repository(app) else ""
    base = "/" if not name or name.endswith(".github.io") else f"/{name}/"
    title = html.escape(app.config.html_title)
    page = (Path(__file__).parent.parent / "statique" / "404.html").read_text("utf-8")
    return page.replace("{{base}}", base).replace("{{titre}}", title)


# Des classes et des infobulles que rien ne lit.
USELESS = re.compile(
    r' class="(?:reference internal|std std-\w+|doc|simple|docutils align-default|row-odd|row-even|'
    r'head)"| title="Lien vers cette \w+"'
)
BARE = re.compile(
    r'<span(?: class="(?:pasted-text|pasted-inline|pre|caption-text)")?>([^<]*)</span>'
)


def light(text):
    """Le HTML sans ce que rien ne lit."""
    text = text.replace(' docutils container"', '"').replace('class="reference external" ', "")
    return BARE.sub(r"\1", USELESS.sub("", text))


HEADER = re.compile(r"<th(?: class=\"([^\"]*)\")?>(.*?)</th>", re.DOTALL)
# Le résumé d'un repli de myst-nb : un paragraphe n'y a pas sa place.
PROMPT = re.compile(r'<summary aria-label="[^"]*">\s*((?:<p class="[^"]*">[^<]*</p>\s*)+)')


def accessible(text):
    """Corrige ce que les lecteurs d'écran liraient mal dans le HTML des extensions."""
    # Des rôles que la norme a retirés, sur des éléments qui ne les admettent pas.
    text = text.replace(' role="doc-biblioentry"', "")
    text = text.replace('<div role="list" class="citation-list">', '<div class="citation-list">')
    text = PROMPT.sub(
        lambda m: "<summary>" + m[1].replace("<p ", "<span ").replace("</p>", "</span>"), text
    )
    return HEADER.sub(_header_cell, text)


def _header_cell(match):
    """Un en-tête dit ce qu'il nomme, colonne ou ligne ; un en-tête vide devient une case."""
    classes, inner = (match[1] or "").split(), match[2]
    if not re.sub(r"<[^>]+>|\s", "", inner):
        return f"<td>{inner}</td>"
    kept = " ".join(name for name in classes if name not in ("head", "stub"))
    scope = "row" if "stub" in classes else "col"
    attributes = f' class="{kept}"' if kept else ""
    return f'<th scope="{scope}"{attributes}>{inner}</th>'


def finish(app, exception):
    if exception or app.builder.name != "html":
        return
    out = Path(app.outdir)
    (out / "404.html").write_text(not_found(app), "utf-8")
    (out / ".nojekyll").touch()
    for path in out.glob("*.html"):
        text = path.read_text("utf-8")
        new = light(accessible(text))
        if new != text:
            path.write_text(new, "utf-8")


def setup(app):
    app.connect("build-finished", finish, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
