"""Le thème du livre : ce que ses gabarits (``book/_theme``) affichent autour de l'article.

Un thème à nous, plutôt qu'un thème général allégé : une feuille de style, un script, aucune
police d'icônes, et une politique de sécurité sous laquelle les pages tournent vraiment.
"""

import base64
import hashlib
import html
import os
import re
from pathlib import Path

from bs4 import BeautifulSoup
from docutils import nodes
from sphinx.environment.adapters.toctree import TocTree
from sphinx.writers.html5 import HTML5Translator

import habillage
import places
from cahiers import is_notebook
from site_depot import branch, repository

STATIC = Path(__file__).parents[1] / "statique"
# Avant la première peinture : les couleurs choisies, pour que rien ne clignote ; une page ouverte
# par le haut est marquée, pour que livre.css n'en compose que le début ; les polices du texte. Une
# police en retard attend la page suivante, pour que rien ne saute ; depuis un dossier, où elle est
# toujours en retard, on l'attend.
BOOT = (
    "(()=>{let m;try{m=localStorage.getItem('couleurs')}catch{}"
    "const s=matchMedia('(prefers-color-scheme: dark)'),r=document.documentElement,"
    "f=()=>{const c=r.dataset.couleurs;r.dataset.theme=c==='auto'?(s.matches?'dark':'light'):c};"
    "r.dataset.couleurs=['light','sepia','dark'].includes(m)?m:'auto';f();"
    "s.addEventListener('change',f);r.classList.add('js');"
    "if(!location.hash&&performance.getEntriesByType('navigation')[0]?.type==='navigate')"
    "r.classList.add('haut');"
    "const l=(n,o)=>document.head.append(Object.assign(document.createElement('link'),o,"
    "{href:r.dataset.racine+'_static/'+n}));"
    "if(location.protocol==='file:')l('polices-disque.css',{rel:'stylesheet',blocking:'render'});"
    "else for(const n of ['serif','sans'])"
    "l(n+'.woff2',{rel:'preload',as:'font',type:'font/woff2',crossOrigin:''})})()"
)
# Les SVG incorporés portent leur style en attribut ; aucun autre style en ligne n'est admis.
POLICY = (
    "default-src 'none'; script-src 'self' 'sha256-{digest}'; style-src 'self'; "
    "style-src-attr 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; "
    "connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'self'"
)
FOOTER = ["accessibilite", "a-propos", "glossaire", "references"]
ICONS = {
    "menu": '<path d="M4 7h16M4 12h16M4 17h16"/>',
    "loupe": '<circle cx="11" cy="11" r="6"/><path d="m20 20-4.7-4.7"/>',
    "cahier": '<rect x="5" y="3.5" width="14" height="17" rx="2"/><path d="M9 3.5v17M12 8h4"/>',
    "theme": (
        '<circle cx="12" cy="12" r="8"/><path d="M12 4v16a8 8 0 0 0 0-16z" fill="currentColor"/>'
    ),
}  # fmt: skip
LOOP = (
    '<svg viewBox="0 0 72 62" width="35" height="30" aria-hidden="true" fill="none" '
    'stroke-width="6" stroke-linecap="round" stroke-linejoin="round">'
    '<path d="M3.8 56C12.5 56 22.5 52.4 31.1 47" style="stroke:var(--c-input)"/>'
    '<path d="M31.1 46.9C38.7 52.4 48.8 56 59.8 56H68" style="stroke:var(--c-output)"/>'
    '<path d="M31.1 47C41.8 40.3 50.4 30.9 51.8 22C53.5 11 47.5 5 37.5 5C27.5 5 19.5 11 17.8 22'
    'C16.4 30.8 21.8 40.2 31.1 46.9" style="stroke:var(--c-hidden)"/></svg>'
)


def icon(drawing):
    return (
        '<svg class="icone" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" '
        'fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round">'
        f"{drawing}</svg>"
    )


def policy():
    """La politique de sécurité des pages : nos fichiers, et le seul script d'amorce."""
    digest = base64.b64encode(hashlib.sha256(BOOT.encode()).digest()).decode()
    return POLICY.format(digest=digest)


class BookTranslator(HTML5Translator):
    """Le HTML des pages : tableaux qui défilent, code sans balises superflues."""

    def visit_section(self, node):
        super().visit_section(node)
        if self.section_level == 2:
            self.rubrique = len(self.body) - 1  # là où s'ouvre sa balise

    def depart_section(self, node):
        super().depart_section(node)
        if self.section_level == 1:  # une rubrique se ferme
            opened = self.body[self.rubrique]
            place = places.reserved("".join(self.body[self.rubrique :]))
            self.body[self.rubrique] = opened.replace(">", f' style="--h:{place}rem">', 1)

    def visit_table(self, node):
        self.body.append('<div class="tableau">')
        super().visit_table(node)

    def depart_table(self, node):
        super().depart_table(node)
        self.body.append("</div>\n")

    def visit_literal(self, node):
        """Du code dans le texte : une balise, sans celles que Sphinx met autour de chaque mot."""
        if "code" in node["classes"]:  # coloré : rare, laissé à Sphinx
            return super().visit_literal(node)
        self.body.append(f"<code>{self.encode(node.astext())}</code>")
        raise nodes.SkipNode

    def visit_literal_block(self, node):
        start = len(self.body)
        try:
            super().visit_literal_block(node)
        finally:  # SkipNode, une fois le bloc écrit
            self.body[start:] = [habillage.lighten(part) for part in self.body[start:]]

    def visit_desc_signature(self, node):
        self.signature_start = len(self.body)
        super().visit_desc_signature(node)

    def depart_desc_signature(self, node):
        super().depart_desc_signature(node)
        start = self.signature_start
        self.body[start:] = [habillage.lighten_signature("".join(self.body[start:]))]


def _title(app, page):
    return app.builder.render_partial(app.env.titles[page])["title"]


def menu(app):
    """Les parties du livre, dans l'ordre : titre, et pages avec nom et titre (numéro compris)."""
    site_map = app.env.external_site_map
    return [
        {
            "titre": html.escape(tree.caption or ""),
            "pages": [{"nom": str(page), "titre": _title(app, page)} for page in tree.items],
        }
        for tree in site_map.root.subtrees
    ]


def _entries(items, depth):
    """Le sommaire d'une page, sur ``depth`` niveaux."""
    rows = []
    for item in items.find_all("li", recursive=False):
        link = item.find("a")
        address = html.escape(link["href"])
        inner = item.find("ul", recursive=False)
        nested = _entries(inner, depth - 1) if inner and depth > 1 else ""
        rows.append(f'<li><a href="{address}">{link.decode_contents()}</a>{nested}</li>')
    return f"<ul>{''.join(rows)}</ul>" if rows else ""


def contents(app, page, depth):
    """Le sommaire d'une page (titres de niveau 2, puis 3), ou une chaîne vide."""
    toc = TocTree(app.env).get_toc_for(page, app.builder)
    tree = BeautifulSoup(app.builder.render_partial(toc)["fragment"], "html.parser")
    top = tree.find("ul")
    inner = top and top.find("li", recursive=False).find("ul", recursive=False)
    return _entries(inner, depth) if inner else ""


def actions(app, page, pathto):
    """Le notebook de la page : le télécharger, et l'ouvrir dans Colab si un dépôt est connu."""
    if not is_notebook(app.env, page):
        return []
    address = pathto(f"notebooks/{page}.ipynb", 1)
    found = [{"texte": "Télécharger le notebook", "url": address, "dehors": False}]
    url = repository(app)
    if match := re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+)", url):
        colab = (
            f"https://colab.research.google.com/github/{match[1]}/blob/{branch(app)}"
            f"/notebooks/{page}.ipynb"
        )
        found.insert(0, {"texte": "Ouvrir dans Colab", "url": colab, "dehors": True})
    return found


def page_context(app, pagename, templatename, context, doctree):
    """Tout ce que les gabarits demandent, pour une page."""
    if app.builder.name != "html":
        return
    env, known = app.env, pagename in app.env.titles
    if not hasattr(app, "menu"):
        app.menu = menu(app)
    scripts, sheets = ["livre.js"], ["livre.css"]
    body = context.get("body", "")
    if "<math" in body:
        sheets.append("police-formules.css")
    if 'class="figure-vivante"' in body or 'class="presenter"' in body:
        scripts.append("figures.js")
    context |= {
        "politique": policy(),
        "amorce": BOOT,
        "auteur": app.config.author,
        "depot": repository(app),
        "publie": bool(os.environ.get("D2L_FR_PUBLICATION")),  # avec son PDF et son EPUB
        "icones": {name: icon(drawing) for name, drawing in ICONS.items()},
        "logo_svg": LOOP + f'<span class="nom">{html.escape(app.config.html_title)}</span>',
        "menu": app.menu,
        "sommaire": contents(app, pagename, 2) if known else "",
        "sommaire_menu": contents(app, pagename, 1) if known else "",
        "actions": actions(app, pagename, context["pathto"]),
        "feuilles": [habillage.versioned(app, name) for name in sheets],
        "scripts_de_page": [habillage.versioned(app, name) for name in scripts],
        "pied": [
            {"nom": page, "titre": _title(app, page)} for page in FOOTER if page in env.titles
        ],
    }


def prepare(app):
    """Avant d'écrire : la recherche est la nôtre, et les empreintes sont connues."""
    if app.builder.name == "html":
        app.builder.search = False
        habillage.prepare(app)


def extra_pages(app):
    if app.builder.name == "html":
        yield "search", {"title": "Rechercher"}, "search.html"


def setup(app):
    app.add_html_theme("livre", str(Path(__file__).parents[1] / "_theme"))
    app.set_translator("html", BookTranslator)
    # Ce que Jupyter Book règle pour des extensions que le livre n'emploie pas.
    for name in ("comments_config", "launch_buttons"):
        if name not in app.config.values:
            app.add_config_value(name, {}, "")
    app.connect("builder-inited", prepare)
    app.connect("html-collect-pages", extra_pages)
    app.connect("html-page-context", page_context, priority=700)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
