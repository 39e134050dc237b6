"""Les diaporamas : ce que les pages marquent pour la classe, mis en diapositives.

La source est la page. À la lecture, les marques (des commentaires, voir ``marques``) deviennent
des nœuds que le site ne montre pas ; à l'écriture, la page résolue donne une diapositive après
l'autre, dans ``_build/travail/diapos/<page>.json``. ``outils.diapos`` en fait des fichiers.
"""

import html
import json
import re
from pathlib import Path

from docutils import nodes
from myst_parser.mdit_to_docutils.sphinx_ import SphinxRenderer
from myst_parser.parsers.mdit import create_md_parser
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.docutils import new_document

from diapositives import Renderer, as_data, deck
from marques import PROSE, DeckError, MarkError, diapo_mark, locate, parse
from site_depot import repository

logger = logging.getLogger(__name__)

GLUED = re.compile(r"\{glue:text\}`([^`:]+)`")


class ReadMarks(SphinxTransform):
    """Change les commentaires qui sont des marques en nœuds, leur texte composé en MyST."""

    default_priority = 5

    def apply(self):
        comments = [
            c for c in self.document.findall(nodes.comment) if not isinstance(c, diapo_mark)
        ]
        if not comments:
            return
        self.parser = create_md_parser(self.env.myst_config, SphinxRenderer)
        lines = Path(self.env.doc2path(self.env.docname)).read_text("utf-8").split("\n")
        place = 0
        for comment in comments:
            place = locate(lines, comment.rawsource, place)
            marks = []
            for number, text in enumerate(comment.rawsource.split("\n"), place):
                try:
                    if mark := parse(text):
                        marks.append(self.node(mark, number))
                except MarkError as error:
                    complain(self.env.docname, DeckError(str(error), number))
            place += comment.rawsource.count("\n") + 1
            if marks:
                comment.parent.replace(comment, marks)

    def node(self, mark, line):
        node = diapo_mark(verb=mark.verb, rest=mark.text, minutes=mark.minutes)
        node.line, node.source = line, self.document["source"]
        if mark.verb in PROSE and mark.text:
            scratch = new_document(self.document["source"], self.document.settings)
            self.parser.options["document"] = scratch
            # La page est lue : ses nombres se demandent comme ceux d'une autre.
            text = GLUED.sub(rf"{{glue:text}}`/{self.env.docname}.md::\1:s`", mark.text)
            self.parser.render("\n" * (line - 1) + text)
            blocks = [block for block in scratch if not isinstance(block, nodes.system_message)]
            if len(blocks) != 1 or not isinstance(blocks[0], nodes.paragraph):
                raise MarkError(f"« {mark.verb} » attend une ligne de texte ordinaire")
            node += blocks[0].children
        return node


def complain(page, error):
    """Un avertissement, que la construction tient pour une erreur."""
    logger.warning("diaporama : %s", error, location=(page, error.line))


def write(app, pagename, templatename, context, doctree):
    """Écrit les diapositives d'une page que la construction vient d'écrire."""
    if doctree is None or app.builder.name != "html":
        return
    path = Path(app.outdir).parent / "diapos" / f"{pagename}.json"
    path.unlink(missing_ok=True)
    marks = list(doctree.findall(diapo_mark))
    if not marks:
        return
    title = html.escape(app.env.titles[pagename].astext())
    serial = app.env.temp_data.get("svgserialno", 0)
    try:
        data = as_data(deck(marks, Renderer(app.builder, pagename, repository(app)), title), title)
    except DeckError as error:
        complain(pagename, error)
        return
    finally:
        app.env.temp_data["svgserialno"] = serial  # les pages du site n'en voient rien
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(data, ensure_ascii=False), "utf-8")


def setup(app):
    app.add_transform(ReadMarks)
    app.connect("html-page-context", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
