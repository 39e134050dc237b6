"""Le compte rendu que reçoit chaque élève : une page HTML autonome, en français.

Elle dit les points, ce qui a manqué et pourquoi, sans les épreuves cachées. Ce que l'élève a écrit
y est cité comme du texte : rien ne s'exécute, rien ne se charge (la page l'interdit elle-même).
"""

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from latex2mathml.converter import convert as mathml
from markdown_it import MarkdownIt
from nbformat import NotebookNode

from d2l_fr.assignments.course import Assignment, Course, write
from d2l_fr.assignments.grading import Verdict
from d2l_fr.assignments.notebook import ANSWER_HERE, amount, answer_id, mark_id, variant_text
from d2l_fr.exercises.source import Exercise
from d2l_fr.french import prose
from d2l_fr.palette import DARK, LIGHT

__all__ = ["Feedback", "figure", "sentence", "write_feedback"]

# Cellule → points, ou None si elle reste à noter ; commentaire.
Scores: TypeAlias = dict[str, tuple[float | None, str]]

STYLE = """\
:root {{ color-scheme: light dark; --fond: {l[background]}; --texte: {l[data]};
  --doux: {l[reference]}; --juste: {l[output]}; --faux: {l[heldout]}; --trait: {l[rule]}; }}
@media (prefers-color-scheme: dark) {{ :root {{ --fond: {d[background]}; --texte: {d[data]};
  --doux: {d[reference]}; --juste: {d[output]}; --faux: {d[heldout]}; --trait: {d[rule]}; }} }}
body {{ margin: 0 auto; max-width: 46rem; padding: 1.5rem 1rem 4rem; background: var(--fond);
  color: var(--texte); font: 1.05rem/1.55 "Source Serif 4", Georgia, serif; }}
h1, h2, .points, th {{ font-family: "Source Sans 3", system-ui, sans-serif; }}
h1 {{ margin: 0; font-size: 1.7rem; }}
h2 {{ margin: 2.2rem 0 .4rem; padding-top: .8rem; border-top: 1px solid var(--trait);
  font-size: 1.2rem; display: flex; justify-content: space-between; gap: 1rem; }}
.points {{ white-space: nowrap; font-weight: 600; }}
.total {{ font-size: 1.3rem; margin: .3rem 0 1rem; }}
ul {{ list-style: none; padding: 0; }}
li {{ margin: .5rem 0; padding-left: 1.7rem; position: relative; }}
li::before {{ position: absolute; left: 0; font-weight: 700; }}
li.point::before {{ content: "•"; color: var(--doux); }}
li.juste::before {{ content: "✓"; color: var(--juste); }}
li.faux::before {{ content: "✗"; color: var(--faux); }}
.motif {{ display: block; color: var(--faux); }}
.note {{ border-left: 4px solid var(--trait); padding: .1rem 1rem; }}
.cache {{ position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }}
.doux {{ color: var(--doux); }}
pre {{ overflow-x: auto; padding: .8rem 1rem; border: 1px solid var(--trait); border-radius: 4px;
  font: .85rem/1.45 "Source Code Pro", ui-monospace, monospace; }}
table {{ border-collapse: collapse; }}
td, th {{ text-align: left; vertical-align: top; padding: .45rem .8rem .45rem 0;
  border-bottom: 1px solid var(--trait); }}
td:first-child {{ font-weight: 600; white-space: nowrap; }}
details {{ margin: .6rem 0; }}
summary {{ cursor: pointer; }}
@media print {{ details > * {{ display: block; }} }}
"""
PAGE = """\
<!doctype html>
<html lang="fr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""
MARKDOWN = MarkdownIt("commonmark", {"html": False}).disable(["image", "html_inline", "html_block"])


def _text(value: object) -> str:
    return html.escape(prose(str(value)))


def _inline(value: object) -> str:
    """Une phrase à nous : `code` en chasse fixe, $formules$ en MathML, *insistances*."""
    parts = re.split(r"(`[^`]+`|\$[^$]+\$)", prose(str(value)))
    for i, part in enumerate(parts):
        if part.startswith("`") and len(part) > 2:
            parts[i] = f"<code>{html.escape(part[1:-1])}</code>"
        elif part.startswith("$") and len(part) > 2:
            parts[i] = mathml(part[1:-1])
        else:
            parts[i] = re.sub(r"(?<!\w)\*([^*\s][^*]*)\*", r"<em>\1</em>", html.escape(part))
    return "".join(parts)


def sentence(criterion: str) -> str:
    """Le texte d'un critère, en tête de ligne : capitale, sans point final."""
    return criterion[0].upper() + criterion[1:].rstrip(".")


def figure(value: float) -> str:
    """Une note, au plus deux décimales, virgule : « 3,5 »."""
    return f"{round(value, 2):g}".replace(".", ",")


def _student_markdown(text: str) -> str:
    """Le Markdown d'un élève, sans balise, image ni adresse active."""
    return re.sub(r"<a [^>]*>(.*?)</a>", r"\1", MARKDOWN.render(text), flags=re.DOTALL)


class Feedback:
    """Le compte rendu d'un élève.

    Paramètres : ``assignment``, ``verdict``, ``notebook`` (la copie remise en état), ``scores`` :
    cellule → (points ou None si elle reste à noter, commentaire). Page : devoirs.
    """

    def __init__(
        self, assignment: Assignment, verdict: Verdict, notebook: NotebookNode, scores: Scores
    ) -> None:
        self.assignment, self.verdict, self.scores = assignment, verdict, scores
        self.sources = {
            cell.metadata.get("nbgrader", {}).get("grade_id"): cell.source
            for cell in notebook.cells
        }

    def render(self) -> str:
        """Rend la page."""
        assignment, verdict = self.assignment, self.verdict
        student = next((s for s in assignment.students if s.id == verdict.student), None)
        name = f"{student.first_name} {student.last_name}".strip() if student else ""
        who = f"{name} ({verdict.student})" if name else verdict.student
        pending = [e for e in assignment.exercises if self.scores[mark_id(e)][0] is None]
        total = sum(score or 0 for score, _ in self.scores.values())
        parts = [
            f"<h1>{_text(assignment.title)}</h1>",
            f'<p class="doux">{html.escape(who)}</p>',
            f'<p class="total points">{figure(total)} sur {amount(assignment.points)}</p>',
        ]
        if pending:
            rest = amount(sum(e.points for e in pending))
            parts.append(f"<p>Il reste {rest} à noter par un lecteur.</p>")
        if verdict.problem:
            parts.append(
                f'<p class="note">Votre copie n\'a pas pu être lue : {_text(verdict.problem)}. '
                "Prévenez votre enseignant.</p>"
            )
        if verdict.remarks:
            items = "".join(f'<li class="faux">{_text(r)}</li>' for r in verdict.remarks)
            parts.append(f"<p>À propos de votre copie :</p><ul>{items}</ul>")
        if not verdict.problem:  # sinon, il n'y a rien de l'élève à montrer
            for number, exercise in enumerate(assignment.exercises, 1):
                parts += self._exercise(exercise, number)
        style = STYLE.format(l=LIGHT, d=DARK)
        title = f"{html.escape(assignment.title)} – {html.escape(verdict.student)}"
        return PAGE.format(title=title, style=style, body="\n".join(parts))

    def _exercise(self, exercise: Exercise, number: int) -> Iterator[str]:
        score, comment = self.scores[mark_id(exercise)]
        given = "à noter" if score is None else f"{figure(score)} / {exercise.points}"
        yield (f'<h2>{number}. {_inline(exercise.title)} <span class="points">{given}</span></h2>')
        source = self.sources.get(answer_id(exercise), "")
        if not exercise.hidden_checks:
            yield (
                "<p>Le barème :</p><ul>"
                + "".join(
                    f'<li class="point">{_inline(sentence(c.text))} ({amount(c.points)})</li>'
                    for c in exercise.criteria
                )
                + "</ul>"
            )
            if source.strip() in ("", ANSWER_HERE):
                yield "<p>Vous n'avez rien écrit.</p>"
            else:
                answer = _student_markdown(source)
                yield f"<details><summary>Votre réponse</summary>{answer}</details>"
        else:
            draw = self.assignment.draw(exercise, self.verdict.student)
            if draw.variant:
                yield f'<p class="doux">{_inline(variant_text(exercise, draw.variant))}</p>'
            yield self._criteria(exercise)
            if source.strip():
                yield (
                    "<details><summary>Votre code</summary>"
                    f"<pre>{html.escape(source)}</pre></details>"
                )
        if comment:
            yield f'<p class="note">Le mot du correcteur : {html.escape(comment)}</p>'

    def _criteria(self, exercise: Exercise) -> str:
        items, said = [], set()
        for mark in self.verdict.marks[exercise.identifier]:
            state = "juste" if mark["earned"] else "faux"
            spoken = f'<span class="cache">{"Juste" if mark["earned"] else "Manqué"} : </span>'
            reason = ""
            if mark["message"] and mark["message"] not in said:  # le même motif une seule fois
                said.add(mark["message"])
                reason = f'<span class="motif">{_inline(mark["message"])}</span>'
            items.append(
                f'<li class="{state}">{spoken}{_inline(sentence(mark["text"]))} '
                f"({mark['earned']}\u00a0/\u00a0{mark['points']}){reason}</li>"
            )
        return f"<ul>{''.join(items)}</ul>"


def write_feedback(
    course: Course, assignment: Assignment, verdict: Verdict, notebook: NotebookNode, scores: Scores
) -> Path:
    """Écrit le compte rendu là où nbgrader l'attend ; rend son chemin."""
    name = assignment.name
    path = course.root / "feedback" / verdict.student / name / f"{name}.html"
    write(path, Feedback(assignment, verdict, notebook, scores).render(), 0o644)
    # Ce qu'il faut à « nbgrader release_feedback », si la copie vient de l'échange.
    for file in ("timestamp.txt", "submission_secret.txt"):
        if stamp := course.stamp(verdict.student, name, file):
            write(path.parent / file, stamp.read_bytes())
    return path
