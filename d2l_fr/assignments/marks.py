"""Les notes d'un devoir : pour Moodle, pour un tableur, et ce que la classe a manqué."""

import base64
import csv
import html
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from nbgrader.api import Gradebook

from d2l_fr.assignments.course import Assignment, Course, write
from d2l_fr.assignments.feedback import PAGE, STYLE, Scores, _inline, figure, sentence
from d2l_fr.assignments.gradebook import open_gradebook
from d2l_fr.assignments.grading import Verdict
from d2l_fr.assignments.notebook import amount, answer_id, mark_id
from d2l_fr.exercises.source import Criterion, Exercise
from d2l_fr.french import fr, prose
from d2l_fr.palette import DARK, LIGHT

_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")  # refusés dans un classeur

__all__ = ["Row", "missed", "rows", "scores", "write_marks"]

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

# Un critère, la part des copies qui y réussissent, les motifs d'échec et leurs nombres.
Missed: TypeAlias = tuple[Exercise, Criterion, float, list[tuple[str, int]]]


@dataclass(frozen=True)
class Row:
    """La ligne d'un élève. ``marks`` : exercice → points, ou None s'il reste à noter.

    ``total`` vaut None si l'élève n'a rien rendu, ``complete`` est faux s'il reste à noter.
    """

    id: str
    last_name: str
    first_name: str
    email: str
    marks: dict[str, float | None]
    total: float | None
    complete: bool
    problem: str = ""


def scores(gradebook: Gradebook, assignment: Assignment, student: str) -> Scores:
    """Les points du carnet : cellule → (points, ou None si elle reste à noter ; commentaire)."""
    found = {}
    for exercise in assignment.exercises:
        cell = mark_id(exercise)
        grade = gradebook.find_grade(cell, assignment.name, assignment.name, student)
        pending = grade.auto_score is None and grade.manual_score is None
        comment = gradebook.find_comment(
            answer_id(exercise), assignment.name, assignment.name, student
        ).manual_comment
        found[cell] = (None if pending else grade.score, comment or "")
    return found


def rows(course: Course, assignment: Assignment, verdicts: Mapping[str, Verdict]) -> list[Row]:
    """Rend une ``Row`` par élève : ceux de la liste, puis ceux qui ont rendu sans y être."""
    listed = {student.id: student for student in assignment.students}
    names = [*listed, *sorted(set(verdicts) - set(listed))]
    found = []
    with open_gradebook(course) as gradebook:
        for identifier in names:
            student = listed.get(identifier)
            who = (student.last_name, student.first_name, student.email) if student else ("",) * 3
            if identifier not in verdicts:
                found.append(Row(identifier, *who, {}, None, True))
                continue
            given = scores(gradebook, assignment, identifier)
            marks = {e.identifier: given[mark_id(e)][0] for e in assignment.exercises}
            total = float(sum(mark or 0 for mark in marks.values()))
            complete = all(mark is not None for mark in marks.values())
            problem = verdicts[identifier].problem or ""
            found.append(Row(identifier, *who, marks, total, complete, problem))
    return found


def missed(assignment: Assignment, verdicts: Mapping[str, Verdict]) -> list[Missed]:
    """Ce qui a manqué : une liste de (exercice, critère, part de réussite, motifs fréquents).

    Du moins réussi au mieux réussi, sur les copies lisibles.
    """
    readable = [verdict for verdict in verdicts.values() if not verdict.problem]
    found = []
    for exercise in assignment.code:
        for place, criterion in enumerate(exercise.criteria):
            marks = [verdict.marks[exercise.identifier][place] for verdict in readable]
            reasons = Counter(mark["message"] for mark in marks if not mark["earned"])
            part = sum(bool(mark["earned"]) for mark in marks) / len(marks) if marks else 0.0
            found.append((exercise, criterion, part, reasons.most_common(3)))
    return sorted(found, key=lambda line: line[2])


def _scaled(row: Row, assignment: Assignment, scale: float | None) -> float | None:
    """La note, ramenée à ``scale`` points s'il est donné, au centième."""
    if row.total is None:
        return None
    return round(row.total * scale / assignment.points, 2) if scale else row.total


def moodle_csv(
    table: Sequence[Row],
    assignment: Assignment,
    scale: float | None = None,
    everything: bool = False,
) -> bytes:
    """Le fichier à importer dans Moodle (Notes, Importation, Fichier CSV), en octets UTF-8.

    Une note provisoire et le zéro d'une copie illisible n'y sont que si ``everything`` est vrai.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    with_email = any(row.email for row in table)
    head = ["Numéro d'identification", *(["Adresse de courriel"] if with_email else [])]
    writer.writerow([*head, assignment.title])
    for row in table:
        mark = _scaled(row, assignment, scale)
        if mark is None or not (everything or (row.complete and not row.problem)):
            continue  # Moodle ne touche pas à la case d'un élève qui n'est pas dans le fichier
        writer.writerow([row.id, *([row.email] if with_email else []), f"{mark:g}"])
    return out.getvalue().encode("utf-8")


def spreadsheet(
    table: Sequence[Row],
    assignment: Assignment,
    verdicts: Mapping[str, Verdict],
    lines: Sequence[Missed],
    scale: float | None = None,
) -> bytes:
    """Le classeur des notes, en octets : les notes, les critères, le détail des échecs."""
    from openpyxl import Workbook
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.worksheet import Worksheet

    book = Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)  # la seule feuille d'un classeur neuf
    sheet.title = "Notes"
    titles = [f"{e.title} (/{e.points})" for e in assignment.exercises]
    total = f"Total (/{assignment.points})"
    heads = ["Identifiant", "Nom", "Prénom", *titles, total]
    if scale:
        heads.append(f"Note (/{scale:g})")
    content: list[list[str | float | None]] = [[*heads, "Remarque"]]
    for row in table:
        marks = [row.marks.get(e.identifier) for e in assignment.exercises]
        remark = row.problem or ("" if row.complete else "reste à noter à la main")
        if row.total is None:
            remark = "rien rendu"
        line = [row.id, row.last_name, row.first_name, *marks, row.total]
        content.append([*line, *([_scaled(row, assignment, scale)] if scale else []), remark])
    _fill(sheet, content)
    other = book.create_sheet("Critères")
    _fill(other, [["Exercice", "Critère", "Points", "Réussite", "Motif le plus fréquent"]] + [
        [e.title, sentence(c.text), c.points, round(part, 3), reasons[0][0] if reasons else ""]
        for e, c, part, reasons in lines
    ])  # fmt: skip
    detail = book.create_sheet("Détail")
    _fill(detail, [["Identifiant", "Exercice", "Critère", "Ce que l'épreuve a montré"]] + [
        [student, e.title, sentence(mark["text"]), mark["detail"]]
        for student, verdict in verdicts.items()
        for e in assignment.code
        for mark in verdict.marks[e.identifier]
        if not mark["earned"]
    ])  # fmt: skip
    for page in book:
        page.freeze_panes = "A2"
        for cell in page[1]:
            cell.font = Font(bold=True)
        for number, column in enumerate(page.iter_cols(values_only=True), 1):
            width = max(len(str(value or "")) for value in column)
            page.column_dimensions[get_column_letter(number)].width = min(60, width + 2)
    for cell in other["D"][1:]:
        cell.number_format = "0 %"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _fill(sheet: "Worksheet", content: Iterable[Iterable[str | float | None]]) -> None:
    for y, line in enumerate(content, 1):
        for x, value in enumerate(line, 1):
            if isinstance(value, str):
                value = _FORBIDDEN.sub("", value)
            cell = sheet.cell(y, x, value)
            if isinstance(value, str):  # un nom qui commence par « = » n'est pas une formule
                cell.data_type = "s"


def _read_marks(table: Sequence[Row], assignment: Assignment, scale: float | None) -> list[float]:
    """Les notes des copies que l'on a pu lire : les seules qui renseignent sur la classe."""
    readable = [_scaled(row, assignment, scale) for row in table if not row.problem]
    return [mark for mark in readable if mark is not None]


def distribution(table: Sequence[Row], assignment: Assignment, scale: float | None = None) -> bytes:
    """La répartition des notes, une image PNG en octets."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import AutoLocator

    top = scale or assignment.points
    marks = _read_marks(table, assignment, scale)
    canvas = Figure(figsize=(7, 3.4), dpi=150, layout="constrained")
    axes = canvas.subplots()
    step = max(1, round(top / 20))
    edges = [i * step - step / 2 for i in range(int(top / step) + 2)]
    axes.hist(marks, bins=edges, color=LIGHT["output"], edgecolor="white", linewidth=1.5)
    if marks:
        ranked = sorted(marks)
        middle = (ranked[(len(ranked) - 1) // 2] + ranked[len(ranked) // 2]) / 2
        axes.axvline(middle, color=LIGHT["heldout"], linestyle="--")
        side = "left" if middle < 0.75 * top else "right"
        axes.annotate(
            f" médiane : {figure(middle)} ", (middle, 1), xycoords=("data", "axes fraction"),
            va="top", ha=side, color=LIGHT["heldout"],
        )  # fmt: skip
    axes.set_xlabel(f"note sur {figure(top)}")
    axes.set_ylabel("copies")
    axes.set_xlim(-step / 2, top + step / 2)
    for axis in (axes.xaxis, axes.yaxis):
        locator = AutoLocator()
        locator.set_params(integer=True)
        axis.set_major_locator(locator)
    axes.spines[["top", "right"]].set_visible(False)
    out = io.BytesIO()
    canvas.savefig(out, format="png")
    return out.getvalue()


def summary(
    table: Sequence[Row],
    assignment: Assignment,
    lines: Sequence[Missed],
    picture: bytes,
    scale: float | None = None,
) -> str:
    """Le bilan de la classe, une page HTML autonome, sans le nom de personne."""
    marks = _read_marks(table, assignment, scale)
    top = figure(scale or assignment.points)
    absent = sum(row.total is None for row in table)
    unread = sum(bool(row.problem) for row in table)
    waiting = sum(not row.complete for row in table)
    mean = fr(sum(marks) / len(marks), 1) if marks else "–"
    text = f"{len(marks)} copie{'s' * (len(marks) > 1)}, moyenne {mean} sur {top}."
    if unread:
        text += f" Copies illisibles, hors de ce compte : {unread}."
    if absent:
        text += f" Élèves sans copie : {absent}."
    if waiting:
        text += f" Questions encore à noter dans {waiting} d'entre elles : notes provisoires."
    image = base64.b64encode(picture).decode()
    parts = [
        f"<h1>Bilan – {html.escape(assignment.title)}</h1><p>{html.escape(prose(text))}</p>",
        f'<p><img src="data:image/png;base64,{image}" width="100%" '
        f'alt="Répartition des notes ; moyenne {mean} sur {top}."></p>',
        "<h2>Ce qui a manqué le plus</h2>",
    ]
    body = "".join(
        f"<tr><td>{fr(100 * part, 0)}\u00a0%</td><td><strong>{_inline(exercise.title)}"
        f"</strong> – {_inline(sentence(criterion.text))} ({amount(criterion.points)})"
        + "".join(f"<br>{count}\u00a0× {_inline(why)}" for why, count in reasons)
        + "</td></tr>"
        for exercise, criterion, part, reasons in lines
        if part < 1
    )
    head = "<tr><th>Réussite</th><th>Critère, et motifs les plus fréquents</th></tr>"
    parts.append(f"<table>{head}{body}</table>" if body else "<p>Rien.</p>")
    for exercise in assignment.questions:
        read = [row.marks.get(exercise.identifier) for row in table if not row.problem]
        given = [mark for mark in read if mark is not None]
        if given:
            average = f"{fr(sum(given) / len(given), 1)} sur {amount(exercise.points)}"
            parts.append(f"<p><strong>{_inline(exercise.title)}</strong> : moyenne {average}.</p>")
    style = STYLE.format(l=LIGHT, d=DARK)
    title = html.escape(assignment.title)
    return PAGE.format(title=f"Bilan – {title}", style=style, body="\n".join(parts))


def write_marks(
    course: Course,
    assignment: Assignment,
    verdicts: Mapping[str, Verdict],
    scale: float | None = None,
    everything: bool = False,
) -> tuple[list[Row], list[Path]]:
    """Écrit ``moodle.csv``, ``notes.xlsx``, ``repartition.png`` et ``bilan.html``.

    Rend les lignes (``Row``) et les fichiers écrits.
    """
    table = rows(course, assignment, verdicts)
    lines = missed(assignment, verdicts)
    picture = distribution(table, assignment, scale)
    folder = course.root / "notes" / assignment.name
    written: dict[str, str | bytes] = {
        "moodle.csv": moodle_csv(table, assignment, scale, everything),
        "notes.xlsx": spreadsheet(table, assignment, verdicts, lines, scale),
        "repartition.png": picture,
        "bilan.html": summary(table, assignment, lines, picture, scale),
    }
    for name, content in written.items():
        write(folder / name, content)
    return table, [folder / name for name in written]
