"""Lit les exercices : un fichier Markdown par section, un titre de niveau 2 par exercice.

## nom-de-l-exercice
:titre: …        :genre: reflexion | calcul | code | experience
:difficulte: 1 à 3        :minutes: temps prévu

Énoncé. Puis des blocs de code, chacun avec son rôle : ``amorce`` (que l'élève remplit),
``solution``, ``verification``, ``erreurs`` (fautes usuelles, avec l'indice en docstring).
Pour un devoir noté : ``epreuve`` (une fonction par critère, points et critère en docstring) et
``variante`` (des fonctions qui changent la solution, avec ce qui change en docstring).

### Solution
L'explication. Les blocs ``solution`` qui s'y trouvent sont exécutés dans la page.

### Barème
Pour une question ouverte, une ligne « - 2 points : … » par critère.
"""

import ast
import difflib
import re
import threading
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

__all__ = [
    "KINDS",
    "Criterion",
    "Exercise",
    "ExerciseError",
    "load_exercise",
    "load_exercises",
    "parse",
    "sections",
]

KINDS = {"reflexion": "réflexion", "calcul": "calcul", "code": "code", "experience": "expérience"}
_BLOCKS = ("amorce", "solution", "verification", "erreurs", "epreuve", "variante")
_CRITERION = re.compile(r"(\d+) points? : (.+)", re.DOTALL)
_FENCE = re.compile(
    r"^```python (" + "|".join(_BLOCKS) + r")[ ]*\n(.*?)^```[ ]*$\n?", re.MULTILINE | re.DOTALL
)


_PARSER = threading.Lock()


def read_code(code: str) -> ast.Module:
    """Rend l'arbre syntaxique d'un texte. Lève ``SyntaxError`` s'il est mal écrit.

    À la place de ``ast.parse``, que deux fils d'exécution ne peuvent pas appeler à la fois (en
    Python 3.11 et 3.12, il lève parfois ``SystemError``).
    """
    with _PARSER:
        return ast.parse(code)


class ExerciseError(ValueError):
    """Un exercice mal écrit, ou un nom d'exercice qui n'existe pas. Page : sequence."""


@dataclass(frozen=True)
class Criterion:
    """Un critère de notation : son nom, ses points (un entier), ce qu'il demande.

    Page : devoirs.
    """

    name: str
    points: int
    text: str


@dataclass(frozen=True)
class Exercise:
    """Un exercice, lu de sa source unique.

    Champs : ``section`` et ``name`` (ensemble, l'identifiant ``section.name``) ; ``title`` ;
    ``kind``, une clé de ``KINDS`` ; ``difficulty`` de 1 à 3 ; ``minutes`` ; ``statement`` et
    ``explanation``, du MyST ; ``stub``, ``solution``, ``checks`` et ``mistakes``, du Python, comme
    ``hidden_checks`` et ``variants``, qui servent aux devoirs ; ``grid``, la grille de notation
    d'une question ouverte, du MyST. Page : sequence.
    """

    section: str
    name: str
    title: str
    kind: str
    difficulty: int
    minutes: int
    statement: str
    explanation: str
    stub: str
    solution: str
    checks: str
    mistakes: str
    hidden_checks: str = ""
    variants: str = ""
    grid: str = ""

    @property
    def identifier(self) -> str:
        """``section.nom``, le nom sous lequel on le cite."""
        return f"{self.section}.{self.name}"

    @property
    def criteria(self) -> list[Criterion]:
        """Les ``Criterion`` selon lesquels une machine (code) ou un lecteur (texte) le note."""
        where = f"exercice « {self.identifier} »"
        if self.grid:
            lines = [line[2:] for line in self.grid.splitlines() if line.startswith("- ")]
            named = [(f"critere-{i}", line) for i, line in enumerate(lines, 1)]
        else:
            named = _documented(self.hidden_checks)
        found = []
        for name, text in named:
            match = _CRITERION.fullmatch(text)
            if not match:
                raise ExerciseError(
                    f"{where}, critère « {name} » : il faut « 2 points : ce qu'il demande »."
                )
            found.append(Criterion(name, int(match[1]), match[2]))
        return found

    @property
    def points(self) -> int:
        """Le total des points de ses critères ; 0 s'il ne se donne pas en devoir."""
        return sum(criterion.points for criterion in self.criteria)

    @property
    def variant_names(self) -> list[str]:
        """Les noms de ses variantes, dans l'ordre où elles sont écrites."""
        return [name for name, _ in _documented(self.variants)]

    @property
    def label(self) -> str:
        """L'étiquette de l'exercice dans le livre."""
        return f"ex-{self.section}-{self.name}"

    @property
    def stars(self) -> str:
        """La difficulté, en étoiles."""
        return "★" * self.difficulty

    @property
    def answer_name(self) -> str:
        """Le nom que la réponse doit porter : celui que définit l'amorce (vide sans amorce)."""
        for node in read_code(self.stub).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                return node.name
            if isinstance(node, ast.Assign):
                target = node.targets[0]
                return target.id if isinstance(target, ast.Name) else ""
        return ""


def _documented(code: str) -> list[tuple[str, str]]:
    """Les fonctions d'un bloc : des couples (nom, docstring sur une ligne)."""
    functions = [n for n in read_code(code).body if isinstance(n, ast.FunctionDef)]
    return [(f.name, " ".join((ast.get_docstring(f) or "").split())) for f in functions]


def _field(head: str, key: str, where: str) -> str:
    match = re.search(rf"^:{key}:[ ]*(.+?)[ ]*$", head, re.MULTILINE)
    if not match:
        raise ExerciseError(f"{where} : il manque la ligne « :{key}: … ».")
    return match[1]


def _number(head: str, key: str, where: str) -> int:
    text = _field(head, key, where)
    if not re.fullmatch(r"[0-9]{1,4}", text):
        raise ExerciseError(f"{where} : « :{key}: {text[:20]} » n'est pas un nombre entier.")
    return int(text)


def _parse_one(section: str, text: str, file: str) -> Exercise:
    name, _, body = text.partition("\n")
    name = name.strip()
    where = f"{file}, exercice « {name} »"
    if not re.fullmatch(r"[a-z0-9-]+", name):
        raise ExerciseError(f"{where} : un nom s'écrit en minuscules sans accent, avec des tirets.")
    fields = re.match(r"\s*((?:^:\w+:.*\n)*)", body, re.MULTILINE)
    assert fields is not None  # le vide convient aussi au motif
    head, body = fields[1], body[fields.end() :]
    kind = _field(head, "genre", where)
    if kind not in KINDS:
        raise ExerciseError(f"{where} : genre « {kind} » inconnu ; choisissez parmi {list(KINDS)}.")
    statement, *rest = re.split(r"^### Solution[ ]*$", body, maxsplit=1, flags=re.MULTILINE)
    explanation, *grid = re.split(
        r"^### Barème[ ]*$", rest[0] if rest else "", maxsplit=1, flags=re.MULTILINE
    )
    if not explanation.strip():
        raise ExerciseError(f"{where} : la partie « ### Solution » manque ou est vide.")
    blocks: dict[str, list[str]] = {key: [] for key in _BLOCKS}
    for role, code in _FENCE.findall(statement):
        blocks[role].append(code.strip("\n"))
    code = {role: "\n\n\n".join(parts) for role, parts in blocks.items()}
    for role, text in code.items():
        try:
            read_code(text)
        except SyntaxError as error:
            raise ExerciseError(
                f"{where}, bloc « {role} », ligne {error.lineno} : {error.msg}."
            ) from error
        except (ValueError, MemoryError, RecursionError) as error:  # NUL, code trop imbriqué
            raise ExerciseError(
                f"{where}, bloc « {role} » : Python ne sait pas le lire."
            ) from error
    if kind == "code" and not all(code[role] for role in ("amorce", "solution", "verification")):
        raise ExerciseError(f"{where} : un exercice de code veut amorce, solution et verification.")
    if code["amorce"] and not code["verification"]:
        raise ExerciseError(f"{where} : une amorce sans verification ne peut pas être corrigée.")
    exercise = Exercise(
        section, name, _field(head, "titre", where), kind,
        _number(head, "difficulte", where), _number(head, "minutes", where),
        _FENCE.sub("", statement).strip(), explanation.strip(),
        code["amorce"], code["solution"], code["verification"], code["erreurs"],
        code["epreuve"], code["variante"], grid[0].strip() if grid else "",
    )  # fmt: skip
    if (exercise.stub or exercise.hidden_checks) and not exercise.answer_name:
        raise ExerciseError(f"{where} : il faut une amorce, qui nomme ce que l'élève définit.")
    return exercise


def parse(section: str, text: str, file: str | None = None) -> dict[str, Exercise]:
    """Lit le texte d'un fichier d'exercices ; rend un dictionnaire ``{nom: Exercise}``.

    ``file`` est le nom que citent les messages. Lève ``ExerciseError`` si le fichier est mal écrit.
    """
    exercises, file = {}, file or f"d2l_fr/exercises/{section}.md"
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        exercise = _parse_one(section, part, file)
        if exercise.name in exercises:
            raise ExerciseError(f"{file} : l'exercice « {exercise.name} » est écrit deux fois.")
        exercises[exercise.name] = exercise
    return exercises


def sections() -> list[str]:
    """Rend les sections qui ont des exercices, dans l'ordre alphabétique."""
    names = (entry.name for entry in files(__package__).iterdir())
    return sorted(name.removesuffix(".md") for name in names if name.endswith(".md"))


@cache
def load_exercises(section: str) -> dict[str, Exercise]:
    """Rend les exercices d'une section : un dictionnaire ``{nom: Exercise}``.

    Lève ``ExerciseError`` si la section n'en a pas ou si le fichier est mal écrit.
    Page : sequence.
    """
    if section not in sections():
        raise ExerciseError(
            f"La section « {section} » n'a pas d'exercice ; sections : {', '.join(sections())}."
        )
    return parse(section, (files(__package__) / f"{section}.md").read_text("utf-8"))


def load_exercise(identifier: str) -> Exercise:
    """Rend l'exercice ``section.nom``.

    Lève ``ExerciseError`` si l'identifiant n'existe pas, en proposant le plus proche.
    Page : sequence.
    """
    section, _, name = str(identifier).partition(".")
    known = {f"{s}.{n}" for s in sections() for n in load_exercises(s)}
    if f"{section}.{name}" in known:
        return load_exercises(section)[name]
    near = difflib.get_close_matches(str(identifier), known, 1, 0.4)
    hint = f" Vouliez-vous dire « {near[0]} » ?" if near else ""
    raise ExerciseError(f"Aucun exercice ne s'appelle « {identifier} ».{hint}")
