"""Corrige une réponse en la comparant à la solution, et dit en français ce qui ne va pas.

La réponse et la solution reçoivent les mêmes entrées. La première différence arrête la
correction et donne le message : l'entrée, ce que la réponse a rendu, ce qui était attendu, et,
si c'est une faute usuelle, l'indice qui va avec.
"""

import ast
import copy
import html
import math
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Number
from typing import Any, TypeAlias

import numpy as np
import torch

from d2l_fr.exercises.compare import difference, show
from d2l_fr.exercises.source import Criterion, Exercise, ExerciseError, load_exercise, read_code
from d2l_fr.palette import LIGHT

__all__ = ["CheckResult", "Compare", "Failure", "check", "grade", "run_checks"]

COPIED = "C'est la solution du livre. Relisez l'énoncé : ce devoir demande autre chose."


# Une réponse peut être n'importe quoi, une fonction ou une valeur : d'où ces Any.
Call: TypeAlias = Callable[..., object]  # (fonction, arguments…) → son résultat, à comparer
Case: TypeAlias = tuple[Call, tuple[object, ...], dict[str, object], float, float, object]
Mistake: TypeAlias = tuple[Any, str]  # une faute usuelle, et son indice

_NOTHING = object()  # ce qu'a rendu une réponse qui a levé une exception


class Failure(Exception):
    """La réponse n'est pas juste ; le message dit pourquoi.

    ``unanswered`` : il n'y a pas eu de résultat à comparer.
    """

    unanswered = False


@dataclass(frozen=True)
class CheckResult:
    """Le verdict de ``d2l.check`` : vrai si la réponse est juste, et le message à lire.

    ``exercise`` : l'identifiant ; ``passed`` : le verdict ; ``message`` : ce qui s'affiche ;
    ``unanswered`` : la réponse n'a pas rendu de résultat que l'on puisse comparer.
    Page : sequence.
    """

    exercise: str
    passed: bool
    message: str
    unanswered: bool = False

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return f"{'✓' if self.passed else '✗'} {self.exercise} : {self.message}"

    def _repr_html_(self) -> str:
        role, mark = ("output", "✓") if self.passed else ("heldout", "✗")
        color = LIGHT[role]
        body = html.escape(self.message).replace("\n", "<br>")
        return (
            f'<div class="d2l-verdict" style="border-left:4px solid {color};padding:.2em .8em">'
            f'<strong style="color:{color}">{mark} {html.escape(self.exercise)}</strong><br>'
            f"{body}</div>"
        )


class Compare:
    """Ce que reçoit ``verification`` : appelée, elle compare réponse et solution.

    ``answer`` est la réponse de l'élève et ``reference`` celle du livre ; ``cases`` garde les
    essais faits et ce que la réponse a rendu, que l'on compare ensuite aux fautes usuelles.
    """

    def __init__(self, answer: Any, reference: Any) -> None:
        self.answer, self.reference = answer, reference
        self.cases: list[Case] = []

    def __call__(
        self,
        *args: object,
        call: Call | None = None,
        rtol: float = 1e-5,
        atol: float = 1e-7,
        **kwargs: object,
    ) -> None:
        """Appelle réponse et solution sur les mêmes entrées ; lève ``Failure`` si elles diffèrent.

        ``call(fonction, *args, **kwargs)`` remplace l'appel direct quand il faut lire un
        attribut ou enchaîner des appels.
        """
        call = call or (lambda function, *a, **k: function(*a, **k))
        shown = ", ".join([show(a) for a in args] + [f"{k}={show(v)}" for k, v in kwargs.items()])
        where = f"avec l'entrée ({shown})" if shown else "à l'appel sans argument"
        expected = call(self.reference, *copy.deepcopy(args), **copy.deepcopy(kwargs))
        given = copy.deepcopy((args, kwargs))
        self.cases.append((call, args, kwargs, rtol, atol, _NOTHING))
        try:
            got = call(self.answer, *given[0], **given[1])
        except NotImplementedError as error:
            raise Failure("la réponse n'est pas encore écrite.") from error
        except Failure:
            raise
        except Exception as error:
            line = traceback.extract_tb(error.__traceback__)[-1]
            place = f", ligne {line.lineno} de « {line.name} »"
            raise Failure(
                f"{where}, votre code lève {type(error).__name__}{place} : {error}"
            ) from error
        self.cases[-1] = (call, args, kwargs, rtol, atol, got)
        if got is None and expected is not None:
            raise Failure(
                f"{where}, votre fonction rend None. Est-elle remplie, et finit-elle par "
                "« return » ?"
            )
        if problem := difference(got, expected, rtol, atol):
            raise Failure(f"{where}, {problem}")
        if _mutated([*given[0], *given[1].values()], [*args, *kwargs.values()]):
            raise Failure(
                f"{where}, le résultat est juste, mais votre fonction a modifié ce qu'on lui "
                "donnait. Travaillez sur une copie."
            )

    def value(self, rtol: float = 1e-3, atol: float = 1e-9) -> None:
        """Compare deux valeurs (pour une réponse qui n'est pas une fonction)."""
        if problem := difference(self.answer, self.reference, rtol, atol, reveal=False):
            raise Failure(problem)


def _mutated(given: list[object], original: list[object]) -> bool:
    """Dit si l'élève a modifié une entrée (seuls les conteneurs et les tableaux le peuvent)."""
    mutable = (np.ndarray, torch.Tensor, list, dict)
    pairs = zip(given, original, strict=True)
    return any(isinstance(b, mutable) and difference(a, b, 0, 0) for a, b in pairs)


def _require(condition: object, message: str) -> None:
    if not condition:
        raise Failure(message)


def _names(code: str, namespace: dict[str, Any]) -> list[str]:
    """Exécute un bloc et rend les fonctions et classes qu'il définit, dans l'ordre."""
    exec(compile(code, "<exercice>", "exec"), namespace)
    tree = read_code(code)
    return [n.name for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))]


def _namespace() -> dict[str, Any]:
    import d2l_fr as d2l

    return {"np": np, "torch": torch, "math": math, "d2l": d2l}


def _prepare(
    exercise: Exercise, variant: str | None = None
) -> tuple[dict[str, Any], Any, list[Mistake]]:
    """Rend (espace de noms, solution, fautes) ; une faute est un couple (fonction, indice).

    Une variante transforme la solution, et les fautes avec elle ; la solution du livre en
    devient une.
    """
    namespace = _namespace()
    _names(exercise.solution, namespace)
    book = namespace.get(exercise.answer_name)
    mistakes = [namespace[name] for name in _names(exercise.mistakes, namespace)]
    hints = [" ".join((mistake.__doc__ or "").split()) for mistake in mistakes]
    if variant is None:
        return namespace, book, list(zip(mistakes, hints, strict=True))
    if variant not in exercise.variant_names:
        raise ExerciseError(
            f"L'exercice « {exercise.identifier} » n'a pas de variante « {variant} » ; "
            f"il a {exercise.variant_names}."
        )
    _names(exercise.variants, namespace)
    change = namespace[variant]
    changed = [(change(mistake), hint) for mistake, hint in zip(mistakes, hints, strict=True)]
    return namespace, change(book), [(book, COPIED), *changed]


def _hint(mistakes: list[Mistake], cases: list[Case]) -> str:
    """Rend l'indice de la faute usuelle qui aurait donné les mêmes résultats, ou ''."""
    for mistake, hint in mistakes:
        for call, args, kwargs, rtol, atol, theirs in cases:
            try:
                ours = call(mistake, *copy.deepcopy(args), **copy.deepcopy(kwargs))
            except Exception:
                break
            if difference(theirs, ours, rtol, atol):
                break
        else:
            return hint
    return ""


Verification: TypeAlias = Callable[
    [Compare, Callable[[object, str], None], np.random.Generator], object
]


def _judge(
    identifier: str,
    verification: Verification,
    compare: Compare,
    mistakes: list[Mistake],
    seed: int,
) -> CheckResult:
    """Passe une vérification et rend son ``CheckResult``, avec l'indice s'il y en a un."""
    try:
        verification(compare, _require, np.random.default_rng(seed))
    except Failure as failure:
        message = str(failure)
        message = message[0].upper() + message[1:]
        if compare.cases and (hint := _hint(mistakes, compare.cases)):
            message += f"\nIndice : {hint}"
        return CheckResult(identifier, False, message, failure.unanswered)
    return CheckResult(identifier, True, "Juste.")


def nothing_written(
    answer: object, wanted: str = "une fonction (son nom, sans parenthèses)"
) -> str:
    """La phrase à dire quand la réponse n'est pas de la bonne sorte."""
    if answer is None:
        return "La réponse n'est pas encore remplie (elle vaut None)."
    return f"On attend {wanted} ; vous donnez un objet {type(answer).__name__}."


def run_checks(
    exercise: Exercise, answer: object, seed: int = 0, variant: str | None = None
) -> CheckResult:
    """Applique à ``answer`` les vérifications d'un ``Exercise`` ; rend un ``CheckResult``.

    ``seed`` est la graine du générateur ``rng`` qui leur est donné ; ``variant``, le nom de la
    variante que suivait l'énoncé.
    """
    namespace, reference, mistakes = _prepare(exercise, variant)
    if answer is None or callable(reference) != callable(answer):
        wanted = () if callable(reference) else ("une valeur",)
        return CheckResult(exercise.identifier, False, nothing_written(answer, *wanted))
    if isinstance(reference, Number) and not isinstance(answer, Number):
        if not isinstance(answer, (np.ndarray, torch.Tensor)) or answer.ndim:
            return CheckResult(exercise.identifier, False, nothing_written(answer, "un nombre"))
        answer = answer.item()
    _names(exercise.checks, namespace)
    compare = Compare(answer, reference)
    return _judge(exercise.identifier, namespace["verification"], compare, mistakes, seed)


def grade(
    exercise: Exercise, answer: object, seed: int, variant: str | None = None
) -> list[tuple[Criterion, CheckResult]]:
    """Note ``answer`` selon les critères cachés ; rend une liste (``Criterion``, ``CheckResult``).

    Les entrées sont tirées de ``seed`` : qui ne la connaît pas ne connaît pas les épreuves.
    """
    namespace, reference, mistakes = _prepare(exercise, variant)
    _names(exercise.hidden_checks, namespace)
    found = []
    for criterion in exercise.criteria:
        check_it = namespace[criterion.name]
        compare = Compare(answer, reference)
        found.append((criterion, _judge(exercise.identifier, check_it, compare, mistakes, seed)))
    return found


def check(identifier: str, answer: object) -> CheckResult:
    """Corrige la réponse à un exercice du livre et dit, en français, ce qui ne va pas.

    Paramètres : ``identifier``, ``"section.nom"`` comme dans l'énoncé ; ``answer``, la fonction
    écrite (ou la valeur trouvée). Rend un ``CheckResult``, vrai si la réponse est juste.
    Lève ``ExerciseError`` si l'exercice n'existe pas ou ne se corrige pas seul.
    Page : sequence.
    """
    exercise = load_exercise(identifier)
    if not exercise.checks:
        raise ExerciseError(
            f"L'exercice « {identifier} » se corrige en lisant sa solution, pas par d2l.check."
        )
    return run_checks(exercise, answer)
