"""La page de référence : chaque nom public du paquet, avec sa docstring et son exemple.

Dans la page, ``{reference} module`` devient la liste des noms d'un module, puis une entrée pour
chacun. ``autodoc`` écrit signatures et docstrings ; on y joint l'exemple de ``book/exemples``,
que les tests exécutent, et la fin d'une docstring, ``Page : rnn.``, devient un lien.
"""

import importlib
import inspect
import re
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from textwrap import indent

import traitlets
from docutils import nodes
from sphinx import addnodes
from sphinx.errors import ExtensionError
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform

import d2l_fr

EXAMPLES = Path(__file__).parents[1] / "exemples"
DIRECTIVE = re.compile(r"^```\{reference\} (\w+)\n```$", re.MULTILINE)
PAGE = re.compile(r"\s*Page\s:\s([\w-]+)\.\s*")
RAISES = re.compile(r"(?<=[.»])\s+(?=Lève\s)")
DOCTEST = re.compile(r"^>>> .*?(?:\n\n|\Z)", re.MULTILINE | re.DOTALL)
LITERAL = re.compile(r"``(?:d2l\.)?([A-Za-z_][\w.]*)(?:\(\))?``")
SPECIAL = "__call__, __getitem__"  # les seuls que l'on appelle par leur signe


@dataclass
class Entry:
    """Un nom public : celui qu'on écrit après « d2l. », l'objet, son exemple."""

    name: str
    object: object
    example: str

    @property
    def full_name(self):
        return f"d2l_fr.{self.name}"

    @property
    def kind(self):
        if inspect.ismodule(self.object):
            return "module"
        if not inspect.isclass(self.object):
            return "function"
        return "exception" if issubclass(self.object, Exception) else "class"


def public(module):
    """Les noms publics d'un module : nom, objet ; le module lui-même s'il n'a que des données."""
    loaded = importlib.import_module(f"d2l_fr.{module}")
    found = [name for name in loaded.__all__ if callable(getattr(loaded, name))]
    if not found:
        return {module: loaded}
    direct = set(d2l_fr._EXPORTS.get(module, ()))
    return {n if n in direct else f"{module}.{n}": getattr(loaded, n) for n in found}


def modules():
    """Les modules du paquet."""
    return list(d2l_fr._MODULES)


def examples(module):
    """Les exemples d'un module : nom, texte une session de Python."""
    text = (EXAMPLES / f"{module}.txt").read_text("utf-8")
    parts = re.split(r"^## (\S+)\n", text, flags=re.MULTILINE)
    return {name: body.strip("\n") for name, body in zip(parts[1::2], parts[2::2], strict=True)}


def entries(module):
    """Les entrées d'un module, par ordre alphabétique. Un nom sans exemple est une erreur."""
    names, written = public(module), examples(module)
    short = {name.rpartition(".")[2]: name for name in names}
    if odd := short.keys() ^ written.keys():
        raise ExtensionError(
            f"book/exemples/{module}.txt : il faut un exemple par nom public du module, et aucun "
            f"autre ; à revoir : {', '.join(sorted(odd))}."
        )
    return [Entry(short[n], names[short[n]], written[n]) for n in sorted(short, key=str.lower)]


def _entry(entry):
    """Le texte d'une entrée. Une docstring qui ne dit pas sa page est une erreur."""
    body = f".. code-block:: pycon\n\n{indent(entry.example, '   ')}\n"
    if not PAGE.search(inspect.getdoc(entry.object)):
        raise ExtensionError(f"{entry.full_name} : sa docstring ne dit pas la page.")
    options = ""
    if entry.kind in ("class", "exception"):
        options = f":members:\n:special-members: {SPECIAL}\n"
        options += ":show-inheritance:\n" if entry.kind == "exception" else ""
    if entry.kind == "module":  # sa docstring ouvre déjà la liste
        return body
    text = f"{options}\n{body}" if options else f"\n{body}"
    return f".. auto{entry.kind}:: {entry.full_name}\n{indent(text, '   ')}"


def page_source(module):
    """Le texte d'un module : sa docstring, ses noms, puis leurs entrées."""
    found = entries(module)
    links = "\u00a0· ".join(
        f":py:obj:`{e.name} <{e.full_name}>`" for e in found if e.kind != "module"
    )
    parts = [
        f".. automodule:: d2l_fr.{module}",
        f".. rst-class:: noms\n\n   {links}" if links else "",
    ]
    return "\n\n".join([*parts, *map(_entry, found)])


def expand(app, docname, source):
    """Remplace les directives par leur texte, avant toute lecture de la page."""

    def text(match):
        app.env.note_dependency(str(EXAMPLES / f"{match[1]}.txt"))
        return f"```````{{eval-rst}}\n{page_source(match[1])}\n```````"

    source[0] = DIRECTIVE.sub(text, source[0])


def _page_line(page):
    return f".. rst-class:: page-du-livre\n\n   Page : :doc:`{page}`."


def _linked(owner):
    """Ce qui change un nom public cité dans une docstring en lien vers son entrée."""
    known = {name: name for module in modules() for name in public(module)}

    def link(match):
        root = match[1].partition(".")[0]
        # Un réglage de la figure, ou l'objet lui-même : pas de lien.
        if match[1] not in known or hasattr(owner, root) or known[match[1]] == owner_name:
            return match[0]
        return f":py:obj:`{match[0].strip('`')} <d2l_fr.{known[match[1]]}>`"

    owner_name = getattr(owner, "__name__", "")
    return link


def dress(app, what, name, owner, options, lines):
    """Met en forme une docstring : erreurs à la ligne, page enseignée et noms cités en liens."""
    text = DOCTEST.sub("", "\n".join(lines))  # l'exemple de la page les vaut
    text = PAGE.sub(lambda m: f"\n\n{_page_line(m[1])}\n\n", text)
    text = RAISES.sub("\n\n", text)
    lines[:] = LITERAL.sub(_linked(owner), text).split("\n")


def show_arguments(app, what, name, owner, options, signature, returns):
    """Les réglages d'une figure ; « [] », et non « <factory> », pour une valeur neuve par appel."""
    if inspect.isclass(owner) and issubclass(owner, traitlets.HasTraits):
        own = list(inspect.signature(owner.__init__).parameters.values())[1:]
        own = [str(p) for p in own if p.kind is not p.VAR_KEYWORD]
        settings = [f"{setting}=..." for setting in owner.class_traits(control=True)]
        signature = f"({', '.join([*own, '*', *settings])})"
    for field in fields(owner) if is_dataclass(owner) else ():
        if field.default_factory is not MISSING:
            signature = signature.replace(
                f"{field.name}=<factory>", f"{field.name}={field.default_factory()!r}"
            )
    # Ce qui ne dit rien des arguments ne se montre pas.
    return "" if signature == "(*args, **kwargs)" else signature, returns


def leave_settings(app, what, name, member, skip, options):
    """La docstring d'une figure dit ses réglages ; leur propre description est en anglais."""
    return True if isinstance(member, traitlets.TraitType) else None


class Tidy(SphinxTransform):
    """Les noms tels qu'on les écrit, « d2l.fit » ; l'index reste celui des termes du glossaire."""

    default_priority = 400

    def apply(self):
        for node in list(self.document.findall(addnodes.index)):
            if any(entry[2].startswith(("d2l_fr.", "module-d2l_fr")) for entry in node["entries"]):
                node.parent.remove(node)
        for node in self.document.findall(addnodes.desc_addname):
            text = node.astext().replace("d2l_fr.", "d2l.")
            node.clear()
            node += nodes.Text(text)


class PlainLinks(SphinxPostTransform):
    """Sans bulle : elle ne ferait que répéter le nom sur lequel on est."""

    default_priority = 900

    def run(self):
        for node in self.document.findall(nodes.reference):
            if node.get("reftitle", "").startswith("d2l_fr"):
                del node["reftitle"]


def setup(app):
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("source-read", expand)
    app.connect("autodoc-process-docstring", dress)
    app.connect("autodoc-process-signature", show_arguments)
    app.connect("autodoc-skip-member", leave_settings)
    app.add_transform(Tidy)
    app.add_post_transform(PlainLinks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
