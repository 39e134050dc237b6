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
from dataclasses import dataclass

import numpy as np
import torch

from d2l_fr.exercises.compare import difference, show
from d2l_fr.exercises.source import ExerciseError, load_exercise
from d2l_fr.palette import LIGHT

__all__ = ["CheckResult", "Compare", "Failure", "check", "run_checks"]


class Failure(Exception):
    """La réponse n'est pas juste ; le message dit pourquoi."""


@dataclass(frozen=True)
class CheckResult:
    """Le verdict de ``d2l.check`` : vrai si la réponse est juste, et le message à lire."""

    exercise: str
    passed: bool
    message: str

    def __bool__(self):
        return self.passed

    def __repr__(self):
        return f"{'✓' if self.passed else '✗'} {self.exercise} : {self.message}"

    def _repr_html_(self):
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
    essais faits, que les fautes usuelles rejouent ensuite.
    """

    def __init__(self, answer, reference):
        self.answer, self.reference, self.cases = answer, reference, []

    def __call__(self, *args, call=None, rtol=1e-5, atol=1e-7, **kwargs):
        """Appelle réponse et solution sur les mêmes entrées ; lève ``Failure`` si elles diffèrent.

        ``call(fonction, *args, **kwargs)`` remplace l'appel direct quand il faut lire un
        attribut ou enchaîner des appels.
        """
        call = call or (lambda function, *a, **k: function(*a, **k))
        self.cases.append((call, args, kwargs, rtol, atol))
        shown = ", ".join([show(a) for a in args] + [f"{k}={show(v)}" for k, v in kwargs.items()])
        where = f"avec l'entrée ({shown})" if shown else "à l'appel sans argument"
        expected = call(self.reference, *copy.deepcopy(args), **copy.deepcopy(kwargs))
        given = copy.deepcopy((args, kwargs))
        try:
            got = call(self.answer, *given[0], **given[1])
        except NotImplementedError as error:
            raise Failure("la réponse n'est pas encore écrite.") from error
        except Exception as error:
            line = traceback.extract_tb(error.__traceback__)[-1]
            place = f", ligne {line.lineno} de « {line.name} »"
            raise Failure(
                f"{where}, votre code lève {type(error).__name__}{place} : {error}"
            ) from error
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

    def value(self, rtol=1e-3, atol=1e-9):
        """Compare deux valeurs (pour une réponse qui n'est pas une fonction)."""
        if problem := difference(self.answer, self.reference, rtol, atol, reveal=False):
            raise Failure(problem)


def _mutated(given, original):
    """Dit si l'élève a modifié une entrée (seuls les conteneurs et les tableaux le peuvent)."""
    mutable = (np.ndarray, torch.Tensor, list, dict)
    pairs = zip(given, original, strict=True)
    return any(isinstance(b, mutable) and difference(a, b, 0, 0) for a, b in pairs)


def _require(condition, message):
    if not condition:
        raise Failure(message)


def _names(code, namespace):
    """Exécute un bloc et rend les fonctions et classes qu'il définit, dans l'ordre."""
    exec(compile(code, "<exercice>", "exec"), namespace)
    tree = ast.parse(code)
    return [n.name for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))]


def _namespace():
    import d2l_fr as d2l

    return {"np": np, "torch": torch, "math": math, "d2l": d2l}


def _hint(exercise, namespace, compare):
    """Rend l'indice de la faute usuelle dont les résultats sont ceux de l'élève, ou ''."""
    for name in _names(exercise.mistakes, namespace):
        mistake = namespace[name]
        for call, args, kwargs, rtol, atol in compare.cases:
            try:
                ours = call(mistake, *copy.deepcopy(args), **copy.deepcopy(kwargs))
                theirs = call(compare.answer, *copy.deepcopy(args), **copy.deepcopy(kwargs))
            except Exception:
                break
            if difference(theirs, ours, rtol, atol):
                break
        else:
            return " ".join((mistake.__doc__ or "").split())
    return ""


def run_checks(exercise, answer, checks=None, seed=0):
    """Applique à ``answer`` les vérifications d'un ``Exercise`` ; rend un ``CheckResult``.

    ``checks`` remplace les vérifications visibles par d'autres (même forme), et ``seed`` est la
    graine du générateur ``rng`` qui leur est donné : une évaluation peut en tirer des entrées
    que l'élève n'a pas vues.
    """
    identifier = f"{exercise.section}.{exercise.name}"
    namespace = _namespace()
    _names(exercise.solution, namespace)
    reference = namespace.get(exercise.answer_name)
    if answer is None:
        return CheckResult(
            identifier, False, "La réponse n'est pas encore remplie (elle vaut None)."
        )
    if callable(reference) != callable(answer):
        wanted = "une fonction (son nom, sans parenthèses)" if callable(reference) else "une valeur"
        return CheckResult(
            identifier, False, f"On attend {wanted} ; vous donnez un objet {type(answer).__name__}."
        )
    compare = Compare(answer, reference)
    _names(checks or exercise.checks, namespace)
    try:
        namespace["verification"](compare, _require, np.random.default_rng(seed))
    except Failure as failure:
        message = str(failure)
        message = message[0].upper() + message[1:]
        if compare.cases and (hint := _hint(exercise, namespace, compare)):
            message += f"\nIndice : {hint}"
        return CheckResult(identifier, False, message)
    return CheckResult(identifier, True, "Juste.")


def check(identifier, answer):
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
