"""Écrit le notebook d'un devoir, et relit celui qu'un élève a rendu."""

import ast
import copy
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypedDict

import nbformat
from nbformat import NotebookNode

from d2l_fr.assignments.course import Assignment
from d2l_fr.assignments.examples import pack_examples, visible_cases
from d2l_fr.exercises.checks import _prepare
from d2l_fr.exercises.source import Exercise, _documented, read_code
from d2l_fr.french import prose

__all__ = [
    "SubmissionError",
    "answer_id",
    "build",
    "read",
    "rebuild",
    "solution_notebook",
    "mark_id",
]


Kind: TypeAlias = Literal["code", "markdown"]


class Cell(TypedDict):
    """Ce que l'on garde d'une cellule : son genre, son texte, son identifiant nbgrader."""

    kind: Kind
    source: str
    id: str | None


MAX_BYTES = 10_000_000
MAX_CELLS = 500
_ROLES = {
    "doc": r"de la page « \1 »", "term": r"\1", "eq": "du livre", "ref": "du livre",
    "numref": "du livre", "cite:t": "(référence du livre)", "cite:p": "(référence du livre)",
}  # fmt: skip

INSTRUCTIONS = """\
# {title}

Durée prévue : {minutes} minutes. Total : {points}.

- Écrivez vos réponses dans les cellules prévues, sous chaque énoncé. Gardez le nom des fonctions, \
ne renommez pas ce fichier, n'effacez pas de cellule ; vous pouvez en ajouter.
- La cellule qui suit votre réponse l'essaie sur quelques exemples et dit ce qui ne va pas. **Ces \
exemples ne rapportent pas de points** : la note vient d'autres épreuves, sur d'autres entrées.
- Chaque énoncé ressemble à un exercice du livre, mais demande autre chose : lisez-le jusqu'au bout.
- Avant de rendre : redémarrez le noyau, exécutez toutes les cellules, enregistrez, et rendez ce \
seul fichier."""

SETUP = """\
# Ne changez rien ici. Sur Colab, cette cellule installe le paquet du livre.
import importlib.util
import math

if importlib.util.find_spec("d2l_fr") is None:
    {install}

import numpy as np
import torch

import d2l_fr as d2l"""
INSTALL = '%pip install -q "git+{url}"'
NO_ADDRESS = """\
raise ModuleNotFoundError(
        "Le paquet d2l_fr n'est pas installé : demandez à votre enseignant où le prendre."
    )"""
ANSWER_HERE = "*Votre réponse, à la place de cette ligne.*"


class SubmissionError(ValueError):
    """Une copie illisible ; le message dit pourquoi."""


def answer_id(exercise: Exercise) -> str:
    """L'identifiant nbgrader de la cellule où l'élève répond."""
    return f"reponse-{exercise.section}-{exercise.name}"


def mark_id(exercise: Exercise) -> str:
    """L'identifiant nbgrader de la cellule qui porte la note."""
    return (
        f"note-{exercise.section}-{exercise.name}"
        if exercise.hidden_checks
        else answer_id(exercise)
    )


def plain(text: str) -> str:
    """L'énoncé sans les rôles de MyST, qu'un notebook ne sait pas afficher."""
    for role, replacement in _ROLES.items():
        text = re.sub(r"\{" + role + r"\}`([^`]*)`", replacement, text)
    text = re.sub(r"(^\$\$)[ ]*\(eq-[\w-]+\)", r"\1", text, flags=re.MULTILINE)
    return prose(text)


def amount(points: float) -> str:
    """« 1 point », « 4 points »."""
    return f"{points:g} point{'s' if points >= 2 else ''}".replace(".", ",")


def _metadata(
    grade_id: str, *, grade: bool = False, solution: bool = False, points: float | None = None
) -> dict[str, Any]:
    data: dict[str, Any] = {
        "grade": grade, "grade_id": grade_id, "locked": not solution, "schema_version": 3,
        "solution": solution, "task": False,
    }  # fmt: skip
    if grade:
        data["points"] = points
    metadata: dict[str, Any] = {"nbgrader": data}
    if not solution:
        metadata |= {"editable": False, "deletable": False}
    return metadata


def _new_cell(kind: Kind, source: str, **fields: Any) -> NotebookNode:
    cell: NotebookNode
    if kind == "code":
        cell = nbformat.v4.new_code_cell(source, **fields)
    else:
        cell = nbformat.v4.new_markdown_cell(source, **fields)
    return cell


def _cell(kind: Kind, grade_id: str, source: str, **options: Any) -> NotebookNode:
    return _new_cell(kind, source, id=grade_id[:64], metadata=_metadata(grade_id, **options))


def statement(exercise: Exercise, number: int, variant: str | None) -> str:
    """L'énoncé d'un exercice de devoir : titre, points, texte, ce qui change, critères."""
    parts = [f"## {number}. {exercise.title} ({amount(exercise.points)})", exercise.statement]
    if variant:
        parts.append(f"> **{variant_text(exercise, variant)}**")
    lines = [f"- {c.text} *({amount(c.points)})*" for c in exercise.criteria]
    if exercise.hidden_checks:
        parts.append("Ce qui est noté :\n\n" + "\n".join(lines))
    return plain("\n\n".join(parts))


def variant_text(exercise: Exercise, variant: str) -> str:
    """La phrase qu'une variante ajoute à l'énoncé."""
    return dict(_documented(exercise.variants))[variant]


def _definition(code: str, name: str) -> str:
    """Le texte d'une des fonctions d'un bloc."""
    found = next(node for node in read_code(code).body if getattr(node, "name", None) == name)
    return ast.get_source_segment(code, found) or ""


def setup_source(assignment: Assignment) -> str:
    """La cellule qui installe et importe."""
    url = assignment.repository
    return SETUP.format(install=INSTALL.format(url=url) if url else NO_ADDRESS)


def build(assignment: Assignment, student: str = "") -> NotebookNode:
    """Rend le notebook d'un devoir ; ``student`` compte si chacun a le sien."""
    title = {"title": assignment.title, "minutes": assignment.minutes}
    text = prose(INSTRUCTIONS.format(points=amount(assignment.points), **title))
    cells = [
        _cell("markdown", "consignes", text),
        _cell("code", "preparation", setup_source(assignment)),
    ]
    for number, exercise in enumerate(assignment.exercises, 1):
        name = f"{exercise.section}-{exercise.name}"
        if not exercise.hidden_checks:
            cells.append(_cell("markdown", f"enonce-{name}", statement(exercise, number, None)))
            cells.append(
                _cell("markdown", answer_id(exercise), ANSWER_HERE, grade=True, solution=True,
                      points=exercise.points)
            )  # fmt: skip
            continue
        draw = assignment.draw(exercise, student)
        cells.append(_cell("markdown", f"enonce-{name}", statement(exercise, number, draw.variant)))
        cells.append(_cell("code", answer_id(exercise), exercise.stub, solution=True))
        reference = _prepare(exercise, draw.variant)[1]
        examples = pack_examples(visible_cases(exercise, reference, draw.examples))
        call = (
            "#@title Essayer ma réponse sur des exemples\n"
            f'd2l.check_examples("{exercise.identifier}", {exercise.answer_name}, '
            f'r"""{examples}""")'
        )
        cell = _cell("code", mark_id(exercise), call, grade=True, points=exercise.points)
        cell.metadata |= {"jupyter": {"source_hidden": True}, "cellView": "form"}
        cells.append(cell)
    notebook: NotebookNode = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "d2l_fr": {"devoir": assignment.name},
    }
    return notebook


def solution_notebook(assignment: Assignment, student: str = "") -> NotebookNode:
    """Le corrigé : les mêmes énoncés, avec les solutions, et la grille de chaque question."""
    notebook = build(assignment, student)
    by_id = {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells}
    for exercise in assignment.exercises:
        cell = by_id[answer_id(exercise)]
        if exercise.grid:
            cell.source = plain(f"{exercise.explanation}\n\n**Barème**\n\n{exercise.grid}")
            continue
        cell.source = exercise.solution
        if variant := assignment.draw(exercise, student).variant:
            name = exercise.answer_name
            code = _definition(exercise.variants, variant)
            cell.source += f"\n\n\n{code}\n\n\n{name} = {variant}({name})"
    return notebook


def read(path: Path) -> tuple[list[Cell], list[str]]:
    """Relit la copie d'un élève ; rend (cellules, remarques).

    Lève ``SubmissionError`` si le fichier est vide, tronqué, trop gros ou n'est pas un notebook.
    """
    if path.is_symlink() or not path.is_file():
        raise SubmissionError("ce n'est pas un fichier ordinaire (un lien, un dossier)")
    size = path.stat().st_size
    if size == 0:
        raise SubmissionError("le fichier est vide")
    if size > MAX_BYTES:
        raise SubmissionError(
            f"le fichier est trop gros ({size / 1e6:.0f} Mo) : effacez les sorties avant de rendre"
        )
    remarks = []
    try:
        data = json.loads(path.read_bytes().decode("utf-8-sig"))
        if not isinstance(data, dict):
            raise SubmissionError("le fichier n'est pas un notebook")
        notebook = nbformat.from_dict(data)
        if notebook.get("nbformat", 4) != 4:
            remarks.append(f"ancien format de notebook ({notebook.get('nbformat')}), converti")
            notebook = nbformat.convert(notebook, 4)
        cells = notebook["cells"]
        if len(cells) > MAX_CELLS:
            raise SubmissionError(f"le notebook a trop de cellules ({len(cells)})")
        clean = [_clean(cell) for cell in cells]
    except SubmissionError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SubmissionError(
            "le fichier est abîmé ou tronqué : ce n'est pas un notebook"
        ) from error
    except Exception as error:  # nbformat lève ses propres exceptions
        raise SubmissionError("le notebook ne se convertit pas au format 4") from error
    return clean, remarks


def _clean(cell: Mapping[str, Any]) -> Cell:
    """Ne garde d'une cellule que son genre, son texte et son identifiant nbgrader."""
    source = cell["source"]
    source = "".join(source) if isinstance(source, list) else source
    if not isinstance(source, str):
        raise SubmissionError("le contenu d'une cellule n'est pas du texte")
    source = source.encode("utf-8", "replace").decode()  # une moitié de caractère ne s'écrit pas
    metadata = cell.get("metadata") or {}
    label = (metadata.get("nbgrader") or {}).get("grade_id")
    kind: Kind = "code" if cell["cell_type"] == "code" else "markdown"
    return {"kind": kind, "source": source, "id": label if isinstance(label, str) else None}


def harmless(text: str) -> str:
    """Ôte au Markdown d'un élève balises et images : rien n'y doit s'exécuter ni se charger."""
    text = re.sub(r"<(?=[A-Za-z/!?])", "< ", text)
    text = re.sub(r"!+(?=\[)", "", text)
    return re.sub(r"(?i)\b(javascript|vbscript|data)[ \t]*:", "\\1\u200b:", text)


def rebuild(
    assignment: Assignment, base: NotebookNode, cells: Iterable[Cell]
) -> tuple[NotebookNode, list[str], list[str]]:
    """Remet la copie d'un élève dans le notebook du devoir : énoncés, points et notes d'origine.

    ``base`` est le notebook du devoir, et ``cells`` ce qu'a rendu ``read``, ou rien pour une copie
    illisible. Rend (notebook, cellules de code à exécuter, remarques).
    """
    base = copy.deepcopy(base)
    locked: set[str] = {
        c.metadata.nbgrader.grade_id for c in base.cells if c.metadata.nbgrader.locked
    }
    answers: dict[str, Cell] = {}
    extras: dict[str, list[Cell]] = {}
    anchor, run, remarks = "consignes", [], []
    wanted = {answer_id(e): e for e in assignment.exercises}
    for cell in cells:
        label = cell["id"]
        if label in wanted and label not in answers:
            answers[label] = cell
            anchor = label
        elif label in locked:
            anchor = label
            continue
        else:
            extras.setdefault(anchor, []).append(cell)
        if cell["kind"] == "code":
            run.append(cell["source"])
    for label, exercise in wanted.items():
        if label not in answers and cells:
            remarks.append(f"la cellule de réponse de « {exercise.title} » manque")
    result = []
    for cell in base.cells:
        label = cell.metadata.nbgrader.grade_id
        if label in answers:
            source = answers[label]["source"]
            cell.source = source if cell.cell_type == "code" else harmless(source)
        elif label in wanted and cells:
            cell.source = "" if cell.cell_type == "code" else ANSWER_HERE
        result.append(cell)
        for number, extra in enumerate(extras.get(label, []), 1):
            source = extra["source"] if extra["kind"] == "code" else harmless(extra["source"])
            result.append(_new_cell(extra["kind"], source, id=f"ajout-{len(result)}-{number}"))
    base.cells = result
    return base, run, remarks
