"""Le tableau des résultats : les lignes que les pages déclarent, de la première à celle-ci.

Une page déclare ses lignes en s'exécutant (``d2l.result``) ; ``{resultats}`` les rassemble une
fois toutes les pages lues. Une annexe montre donc le tableau entier.
"""

import ast
import json
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

from d2l_fr.french import fr, typography
from d2l_fr.language_model import bits_per_token, perplexity
from d2l_fr.results import duration

PREFIX = "resultat:"
HEADER = (
    "Modèle",
    "Bits par caractère",
    "Écart au meilleur comptage",
    "Perplexité",
    "Bits, fenêtres froides",
    "Apprentissage",
)
REFERENCE = "language-model"  # la page dont la meilleure ligne est le modèle de référence


class Results(SphinxDirective):
    """``{resultats} Légende`` : un tableau numéroté, rempli quand tout est lu."""

    required_arguments = 1
    final_argument_whitespace = True
    option_spec = {"name": directives.unchanged_required}

    def run(self):
        self.env.metadata[self.env.docname]["resultats"] = True
        children, messages = self.state.inline_text(self.arguments[0], self.lineno)
        table = nodes.table("", nodes.title("", "", *children), resultats=True)
        table["classes"].append("resultats")
        table += group([HEADER])
        self.set_source_info(table)
        self.add_name(table)
        return [table, *messages]


def glued_values(app, page):
    """Les nombres que la page exécutée a donnés à la prose (et au tableau)."""
    path = Path(app.outdir).parent / "jupyter_execute" / f"{page}.glue.json"
    if not path.is_file():
        return {}
    return {
        name: ast.literal_eval(output["data"]["text/plain"])
        for name, output in json.loads(path.read_text("utf-8")).items()
    }


def declared(app, page):
    """Les lignes déclarées par les pages, dans l'ordre du livre, jusqu'à ``page`` comprise."""
    env = app.env
    order = [env.config.root_doc, *walk(env, env.config.root_doc)]
    for name in order[: order.index(page) + 1]:
        for key, value in glued_values(app, name).items():
            if key.startswith(PREFIX):
                yield name, json.loads(value)


def walk(env, page):
    for child in env.toctree_includes.get(page, ()):
        yield child
        yield from walk(env, child)


def lines(app, page):
    """Les cellules du tableau, ligne à ligne ; la plus petite perte est en gras."""
    found = list(declared(app, page))
    counting = [row["carried"] for name, row in found if name == REFERENCE]
    best = min(row["carried"] for _, row in found)
    table = []
    for _, row in found:
        bits = bits_per_token(row["carried"])
        gap = bits - bits_per_token(min(counting))
        cold, seconds = row["cold"], row["seconds"]
        score = fr(bits, 3)
        table.append(
            (
                typography(row["label"]),
                f"**{score}**" if row["carried"] == best else score,
                signed(gap),
                fr(perplexity(row["carried"]), 2),
                "–" if cold is None else fr(bits_per_token(cold), 3),
                "–" if seconds is None else duration(seconds),
            )
        )
    return table


def signed(gap):
    """Un écart, avec son signe même s'il est positif."""
    return "référence" if gap == 0 else f"{'+' if gap > 0 else ''}{fr(gap, 3)}"


def group(rows):
    """Le corps d'un tableau docutils ; la première ligne est l'en-tête."""
    body = nodes.tgroup("", cols=len(HEADER))
    body += [nodes.colspec(colwidth=1) for _ in HEADER]
    head, content = nodes.thead(), nodes.tbody()
    for i, row in enumerate(rows):
        line = nodes.row()
        for j, text in enumerate(row):
            bold = text.startswith("**")
            word = nodes.strong("", text.strip("*")) if bold else nodes.Text(text)
            entry = nodes.entry("", nodes.paragraph("", "", word))
            entry["classes"].append("text-right" if j else "text-left")
            line += entry
        (content if i else head).append(line)
    body += [head, content]
    return body


def markdown(app, page):
    """Le même tableau en Markdown, pour le notebook de la page."""
    rows = [HEADER, ("---", *["---:"] * (len(HEADER) - 1)), *lines(app, page)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


class Fill(SphinxPostTransform):
    """Remplit les tableaux d'une page, juste avant de l'écrire."""

    default_priority = 5

    def run(self, **kwargs):
        for table in self.document.findall(nodes.table):
            if table.get("resultats"):
                rows = lines(self.app, self.env.docname)
                table.replace(table.children[-1], group([HEADER, *rows]))


def dependents(app, env):
    """Les pages à récrire dès qu'une autre a changé : celles qui montrent le tableau."""
    return [page for page, data in env.metadata.items() if data.get("resultats")]


def setup(app):
    app.add_directive("resultats", Results)
    app.add_post_transform(Fill)
    app.connect("env-updated", dependents)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
