"""Met les exercices dans les pages, à partir de leur source unique (d2l_fr/exercises).

Dans une page, ``{exercice} nom`` devient un énoncé numéroté, son amorce, et une solution
repliée dont le code est exécuté avec la page. La solution est un <details> : elle s'ouvre au
clavier, sans JavaScript, et s'imprime ouverte.
"""

import re

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx_exercise.nodes import solution_node

from d2l_fr.exercises.source import KINDS, ExerciseError, load_exercises
from outils import journal

logger = logging.getLogger(__name__)

DIRECTIVE = re.compile(r"^```\{exercice\}[ ]+(\S+)[ ]*\n```[ ]*$", re.MULTILINE)
DIRECTIVE_LINES = 2
SOLUTION_BLOCK = re.compile(r"^```python solution[ ]*$", re.MULTILINE)
CELL = "```{code-cell} ipython3"


def caption(exercise):
    """La ligne qui suit le titre : genre, difficulté, durée."""
    stars = {1: "facile", 2: "moyen", 3: "difficile"}[exercise.difficulty]
    return (
        f"*{KINDS[exercise.kind].capitalize()}* · "
        f'<span title="{stars}" role="img" aria-label="{stars}">{exercise.stars}</span> · '
        f"{exercise.minutes} min"
    )


def check_call(exercise):
    """L'appel qui corrige la réponse."""
    return f'd2l.check("{exercise.section}.{exercise.name}", {exercise.answer_name})'


def page_source(exercise):
    """Le MyST d'un exercice dans la page : énoncé, amorce, solution repliée et exécutée."""
    parts = [
        f"````{{exercise-start}} {exercise.title}\n:label: {exercise.label}\n````",
        caption(exercise),
        exercise.statement,
    ]
    if exercise.stub:
        parts.append(f"```python\n{exercise.stub}\n```")
    parts += ["````{exercise-end}\n````", f"````{{solution-start}} {exercise.label}\n````"]
    if exercise.solution:
        call = f"\n\n{check_call(exercise)}" if exercise.checks else ""
        parts.append(f"{CELL}\n{exercise.solution}{call}\n```")
    parts += [SOLUTION_BLOCK.sub(CELL, exercise.explanation), "````{solution-end}\n````"]
    return "\n\n".join(parts)


def find(docname, name):
    """L'exercice ``name`` de la page ; lève ``ExerciseError`` s'il manque."""
    exercises = load_exercises(docname)
    if name not in exercises:
        raise ExerciseError(f"l'exercice « {name} » n'est pas dans d2l_fr/exercises/{docname}.md")
    return exercises[name]


def expand(app, docname, source):
    """Remplace les directives par leur texte, avant toute lecture de la page."""
    page, spans, more = source[0], [], 0

    def text(match):
        nonlocal more
        line = page.count("\n", 0, match.start()) + 1
        try:
            found = page_source(find(docname, match[1]))
        except ExerciseError as error:
            logger.warning("%s", error, location=(docname, line + more))
            return "\n"
        length = found.count("\n") + 1
        spans.append((line + more, length))
        more += length - DIRECTIVE_LINES
        return found

    source[0] = DIRECTIVE.sub(text, page)
    places(app, app.env)[docname] = spans


def places(app, env):
    """Où les exercices allongent chaque page : le journal en tire les lignes de la source."""
    if not hasattr(env, "exercices_places"):
        env.exercices_places = {}
    journal.spans = env.exercices_places
    return env.exercices_places


class TidySections(SphinxPostTransform):
    """Retire les identifiants que sphinx-exercise répète à chaque exercice."""

    default_priority = 900

    def run(self):
        for section in self.document.findall(nodes.section):
            section["ids"] = [
                i for i in section["ids"] if i not in ("exercise-content", "solution-content")
            ]


def visit_solution(self, node):
    self.body.append(self.starttag(node, "details", CLASS="solution"))
    title = node.pop(0)
    self.body.append(f"<summary>{self.encode(title.astext())}</summary>\n")


def depart_solution(self, node):
    self.body.append("</details>\n")


def setup(app):
    app.setup_extension("sphinx_exercise")
    app.add_node(solution_node, override=True, html=(visit_solution, depart_solution))
    app.add_post_transform(TidySections)
    app.connect("source-read", expand)
    app.connect("env-before-read-docs", lambda app, env, names: places(app, env) and None)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
