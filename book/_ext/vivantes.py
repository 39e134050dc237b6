"""Les figures vivantes dans le site : leur état, leur code, et leur forme imprimée dessous.

myst-nb voudrait charger ipywidgets depuis un CDN ; on prend l'état qu'il a gardé de l'exécution,
on le range dans ``_static/figures`` et ``statique/figures.js`` l'anime, sans noyau ni réseau.
"""

import hashlib
import html
import json
import re
from pathlib import Path

from docutils import nodes
from sphinx.errors import ExtensionError
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from d2l_fr.widgets import bundle

logger = logging.getLogger(__name__)

MARK = re.compile(r'<svg[^>]*? data-figure="([\w-]+)" data-modele="(\w+)" data-place="([^"]+)"')
# Ce qui ne sert qu'aux gestionnaires de widgets de Jupyter.
USELESS = re.compile(r"^_|^(layout|tabbable|tooltip)$")


def clean(state):
    """L'état d'une figure, réduit à ce que lit son code : {state, buffers}."""
    return {
        "state": {k: v for k, v in state["state"].items() if not USELESS.search(k)},
        "buffers": [{"path": b["path"], "data": b["data"]} for b in state.get("buffers", ())],
    }


def state_script(name, state):
    """Le nom (avec l'empreinte du contenu) et le texte du fichier d'état d'une figure."""
    text = json.dumps(clean(state), ensure_ascii=False, sort_keys=True)
    key = f"etat-{name}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"
    # U+2028 et U+2029 finissent une ligne dans un vieux JavaScript, non dans du JSON.
    text = text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return key, f"d2lFigures.state({json.dumps(key)}, {text});\n"


def wrap(svg, name, key, place):
    """La forme imprimée, dans la boîte où la figure s'animera.

    ``place`` donne quatre hauteurs, en rem : large, moyenne, petite, étroite.
    """
    names = ("large", "moyenne", "petite", "etroite")
    heights = "; ".join(f"--{n}: {h}rem" for n, h in zip(names, place.split(), strict=True))
    return (
        f'<div class="figure-vivante" data-figure="{html.escape(name)}" data-etat="{key}" '
        f'style="{heights}">'
        f'<div class="fixe"><div class="figure-svg">{svg}</div></div></div>'
    )


def keep_state(app, doctree):
    """Met de côté l'état des figures que la page vient d'exécuter."""
    env, page = app.env, app.env.docname
    files = env.nb_metadata.get(page, {}).get("js_files", {})
    own = files.pop("ipywidgets_state", None)
    for key in [key for key in files if key.startswith("ipywidgets")]:
        del files[key]
    models = {}
    if own:
        for model, state in json.loads(own[1]["body"])["state"].items():
            if "_esm" in state["state"]:
                models[model] = {"state": state["state"], "buffers": state.get("buffers", [])}
    found = {}
    for image in doctree.findall(nodes.image):
        source = Path(env.srcdir) / image["uri"]
        if not image["uri"].endswith(".svg") or not source.is_file():
            continue
        if match := MARK.search(source.read_text("utf-8")[:2000]):
            name, model, place = match.groups()
            if model not in models:
                raise ExtensionError(f"{page} : l'état de la figure « {name} » manque.")
            key, script = state_script(name, models[model])
            found[name] = {
                "key": key, "script": script, "place": place, "uri": image["uri"],
                "alt": image.get("alt", ""),
            }  # fmt: skip
    if not hasattr(env, "vivantes"):
        env.vivantes = {}
    env.vivantes[page] = found


def purge(app, env, page):
    getattr(env, "vivantes", {}).pop(page, None)


def merge(app, env, pages, other):
    env.vivantes = {**getattr(env, "vivantes", {}), **getattr(other, "vivantes", {})}


def lookup(env, name):
    """Ce que l'on sait de la figure ``name``, quelle que soit la page qui l'exécute."""
    for found in getattr(env, "vivantes", {}).values():
        if name in found:
            return found[name]
    raise ExtensionError(f"aucune page ne montre la figure vivante « {name} »")


def live(env, svg):
    """Le HTML d'une figure vivante, d'après sa forme imprimée ; None si ce n'en est pas une."""
    match = MARK.search(svg)
    if not match:
        return None
    found = lookup(env, match[1])
    # Tiré au sort à chaque exécution : la page n'en a plus l'emploi.
    svg = svg.replace(f' data-modele="{match[2]}"', "", 1)
    return wrap(svg, match[1], found["key"], found["place"])


class live_figure(nodes.General, nodes.Element):
    """La place d'une figure d'une autre page."""


class Vivante(SphinxDirective):
    """``{vivante} memoire`` montre ici une figure vivante qu'une autre page exécute."""

    required_arguments = 1

    def run(self):
        node = live_figure(name=self.arguments[0])
        self.set_source_info(node)
        return [node]


class Presenter(SphinxDirective):
    """``{presenter}`` : le bouton qui projette, une à une, les figures de la page."""

    def run(self):
        button = '<p><button class="presenter" type="button">Projeter les figures</button></p>'
        return [nodes.raw("", button, format="html")]


class Place(SphinxPostTransform):
    """Remplit les ``{vivante}`` quand toutes les pages sont lues, avant les renvois."""

    default_priority = 5

    def run(self, **kwargs):
        for node in list(self.document.findall(live_figure)):
            try:
                found = lookup(self.env, node["name"])
            except ExtensionError as error:
                logger.warning("%s", error, location=node)
                node.parent.remove(node)
                continue
            image = nodes.image(uri=found["uri"], alt=found["alt"], candidates={"*": found["uri"]})
            node.replace_self(nodes.container("", image, classes=["vivante"]))


def page_script(app, pagename, templatename, context, doctree):
    """N'ajoute script et style qu'aux pages qui montrent une figure vivante."""
    if 'class="figure-vivante"' in context.get("body", ""):
        app.add_js_file("figures.js", loading_method="defer")
        app.add_css_file("figures.css")


def write(app, exception):
    """Écrit le code et l'état de chaque figure, une fois pour tout le site."""
    if exception or app.builder.name != "html":
        return
    folder = Path(app.outdir) / "_static" / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {}
    for found in getattr(app.env, "vivantes", {}).values():
        for name, figure in found.items():
            wanted[f"{name}.js"] = bundle.script(name)
            wanted[f"{figure['key']}.js"] = figure["script"]
    for path in folder.iterdir():
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, "utf-8")
    (folder.parent / "figures.css").write_text(bundle.stylesheet(), "utf-8")


class prediction_node(nodes.General, nodes.Element):
    """La question posée avant une figure."""


class answer_node(nodes.General, nodes.Element):
    """La réponse, repliée jusqu'à ce que le lecteur l'ouvre."""


class Box(SphinxDirective):
    has_content = True

    def run(self):
        node = (prediction_node if self.name == "prediction" else answer_node)()
        self.state.nested_parse(self.content, self.content_offset, node)
        return [node]


def visit_prediction(self, node):
    self.body.append('<div class="prediction"><p class="prediction-titre">Avant d’essayer</p>')


def depart_prediction(self, node):
    self.body.append("</div>\n")


def visit_answer(self, node):
    self.body.append('<details class="reponse"><summary>Après avoir essayé</summary>')


def depart_answer(self, node):
    self.body.append("</details>\n")


def setup(app):
    app.add_node(prediction_node, html=(visit_prediction, depart_prediction))
    app.add_node(answer_node, html=(visit_answer, depart_answer))
    app.add_node(live_figure)
    app.add_directive("prediction", Box)
    app.add_directive("reponse", Box)
    app.add_directive("vivante", Vivante)
    app.add_directive("presenter", Presenter)
    app.add_post_transform(Place)
    app.connect("doctree-read", keep_state)
    app.connect("env-purge-doc", purge)
    app.connect("env-merge-info", merge)
    app.connect("html-page-context", page_script)
    app.connect("build-finished", write, priority=300)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
