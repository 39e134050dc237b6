"""Le verdict sur une réponse : juste, ou pourquoi non."""

import math

import numpy as np
import pytest
import torch

import d2l_fr as d2l
from d2l_fr.exercises import ExerciseError, load_exercises
from d2l_fr.exercises.checks import COPIED, CheckResult, Compare, Failure, grade, run_checks
from d2l_fr.exercises.compare import difference
from d2l_fr.exercises.source import parse
from d2l_fr.palette import LIGHT
from test_source import EXAMPLE

MEAN = parse("essai", EXAMPLE)["moyenne"]


def verdict(answer):
    return run_checks(MEAN, answer).message


def test_a_right_answer_is_right():
    result = run_checks(MEAN, lambda x, n: np.convolve(x, np.full(n, 1 / n), "valid"))
    assert result
    assert repr(result) == "✓ essai.moyenne : Juste."
    assert "Juste" in result._repr_html_()


def unwritten(x, n):
    raise NotImplementedError


def spoil(x, n):
    good = np.convolve(x, np.ones(n) / n, "valid")
    x[0] = 9
    return good


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda x, n: np.ones(3), "on attend la forme (4,) ; votre réponse a la forme (3,)"),
        (lambda x, n: [1.0], "on attend un numpy.ndarray ; vous donnez un list"),
        (lambda x, n: torch.ones(4), "on attend un numpy.ndarray ; vous donnez un torch.Tensor"),
        (lambda x, n: np.ones(4, int), "on attend des réels ; votre réponse contient des entiers"),
        (lambda x, n: np.arange(4.0), "4 valeurs sont fausses sur 4 (la première à l'indice 0)"),
        (lambda x, n: 1 / 0, "votre code lève ZeroDivisionError"),
        (lambda x, n: np.convolve(x, np.ones(n), "valid"), "Indice : C'est la somme glissante."),
        (lambda x, n: None, "rend None"),
        (unwritten, "La réponse n'est pas encore écrite."),
        (spoil, "votre fonction a modifié ce qu'on lui donnait"),
        (3, "On attend une fonction"),
        (None, "pas encore remplie"),
        (lambda x: x, "votre code lève TypeError"),
    ],
)  # fmt: skip
def test_a_wrong_answer_is_told_what_is_wrong(answer, said):
    assert said in verdict(answer)


def test_the_message_names_the_input():
    assert "Avec l'entrée ([0., 1., 2., 3., 4.], 2)" in verdict(lambda x, n: np.ones(3))


def test_a_property_is_checked():
    def answer(x, n):
        good = np.convolve(x, np.ones(n) / n, "valid")
        return good if n < 9 else np.ones(3)

    assert "Une seule moyenne" in verdict(answer)


def test_the_html_verdict_escapes_what_the_student_wrote():
    def answer(x, n):
        raise ValueError("<script>alert(1)</script>")

    assert "<script>" not in run_checks(MEAN, answer)._repr_html_()


def test_check_corrects_an_exercise_of_the_book():
    exercise = next(e for e in load_exercises("sequence").values() if e.checks)
    namespace = {"np": np, "torch": torch, "math": math, "d2l": d2l}  # ce qu'une page importe
    exec(exercise.solution, namespace)
    result = d2l.check(exercise.identifier, namespace[exercise.answer_name])
    assert (result.exercise, result.passed) == (exercise.identifier, True)
    assert not d2l.check(exercise.identifier, namespace["math"].floor)


def test_the_blocks_need_no_import():
    solution = 'return np.convolve(x, np.ones(n) / n, mode="valid")'
    assert solution in EXAMPLE
    fancy = "return np.array([math.pi, torch.ones(()).item(), len(d2l.fr(12))])"
    exercise = parse("essai", EXAMPLE.replace(solution, fancy))["moyenne"]
    assert "on attend 3.14159" in run_checks(exercise, lambda x, n: np.zeros(3)).message


def test_check_names_the_nearest_exercise():
    known = f"sequence.{next(iter(load_exercises('sequence')))}"
    with pytest.raises(ExerciseError, match=f"Vouliez-vous dire « {known} »"):
        d2l.check(known[:-1], None)


def test_an_open_question_is_not_checked():
    question = next(e for e in load_exercises("rnn").values() if not e.checks)
    with pytest.raises(ExerciseError, match="se corrige en lisant sa solution"):
        d2l.check(f"{question.section}.{question.name}", 1)


# ---------- ce qu'une vérification peut demander


def compare_with(answer, reference, *args, **kwargs):
    """La phrase d'une comparaison manquée, ou None ; et ce qu'elle a gardé."""
    compare = Compare(answer, reference)
    try:
        compare(*args, **kwargs)
    except Failure as failure:
        return str(failure), compare.cases
    return None, compare.cases


def test_the_inputs_are_named_in_the_message():
    def answer(*args, **kwargs):
        return 0

    def one(*args, **kwargs):
        return 1

    assert compare_with(answer, one, 3, n=[4])[0].startswith("avec l'entrée (3, n=[4]), on attend")
    assert compare_with(answer, one)[0].startswith("à l'appel sans argument, on attend 1")


def test_a_call_can_read_more_than_the_result():
    def call(function, *args, **kwargs):
        return sorted(function(*args, **kwargs))

    assert compare_with(reversed, list, [2, 1], call=call)[0] is None
    assert "à l'élément 0" in compare_with(lambda x: [3], lambda x: [1], [2, 1], call=call)[0]


def test_the_tolerances_can_be_changed():
    assert compare_with(lambda: 1 + 1e-6, lambda: 1.0)[0] is None
    assert compare_with(lambda: 1 + 1e-4, lambda: 1.0)[0]
    assert compare_with(lambda: 1 + 1e-4, lambda: 1.0, rtol=1e-3)[0] is None
    assert compare_with(lambda: 1e-8, lambda: 0.0)[0] is None
    assert compare_with(lambda: 1e-6, lambda: 0.0)[0]
    assert compare_with(lambda: 1e-4, lambda: 0.0, atol=1e-3)[0] is None


def test_an_exception_is_told_with_its_line():
    def answer(x):
        y = x
        return y / 0

    line = answer.__code__.co_firstlineno + 2
    message, cases = compare_with(answer, abs, 3)
    assert message == (
        f"avec l'entrée (3), votre code lève ZeroDivisionError, ligne {line} de « answer » : "
        "division by zero"
    )
    assert len(cases) == 1


def test_an_answer_not_written_yet_is_told_so():
    def answer(x):
        raise NotImplementedError

    assert compare_with(answer, abs, 3)[0] == "la réponse n'est pas encore écrite."


def test_none_is_an_answer_when_it_is_expected():
    assert compare_with(lambda: None, lambda: None)[0] is None
    assert "rend None" in compare_with(lambda: None, lambda: 0)[0]
    assert "on attend None" in compare_with(lambda: 0, lambda: None)[0]


@pytest.mark.parametrize("given", [[1, 2], {0: 1}, np.ones(2), torch.ones(2)])
def test_an_input_that_changes_is_told_and_the_solution_sees_the_original(given):
    def answer(x, **kwargs):
        for value in (x, *kwargs.values()):
            value[0] = 5
        return 2

    for args, kwargs in (([given], {}), ([[0]], {"x2": given})):
        seen = []
        message, [case] = compare_with(answer, lambda *a, seen=seen, **k: seen.append(a) or 2,
                                       *args, **kwargs)  # fmt: skip
        assert "le résultat est juste, mais votre fonction a modifié" in message
        assert case[-1] == 2 and difference(args, [*seen[0]]) is None
    assert given[0] == 1


def test_the_solution_cannot_change_what_the_answer_receives():
    def reference(x, y):
        x.append(y.pop())
        return 0

    x, y = [1], [2]
    assert compare_with(lambda x, y: len(x) - 1, reference, x, y=y)[0] is None
    assert (x, y) == ([1], [2])


def test_a_value_is_compared_without_being_revealed():
    Compare(1.0005, 1.0).value()
    Compare(5e-10, 0.0).value()
    Compare(1.05, 1.0).value(rtol=0.1)
    Compare(0.05, 0.0).value(atol=0.1)
    for answer, expected in ((1.002, 1.0), (5e-9, 0.0)):
        with pytest.raises(Failure, match="est trop grande"):
            Compare(answer, expected).value()


# ---------- le verdict


def test_a_verdict_is_shown_in_its_colour():
    wrong = CheckResult("essai.a", False, "Non.\nIndice : <b>.")
    assert repr(wrong) == "✗ essai.a : Non.\nIndice : <b>."
    shown, right = wrong._repr_html_(), CheckResult("essai.a", True, "Juste.")._repr_html_()
    assert "✗ essai.a" in shown and "Non.<br>Indice : &lt;b&gt;." in shown
    assert "✓ essai.a" in right
    for text, role, other in ((shown, "heldout", "output"), (right, "output", "heldout")):
        assert text.count(LIGHT[role]) == 2 and LIGHT[other] not in text


EXAM = """\
## double
:titre: Le double
:genre: code
:difficulte: 1
:minutes: 5

Énoncé.

```python amorce
def double(x):
    ...
```

```python solution
def double(x):
    return 2 * x
```

```python verification
def verification(compare, require, rng):
    compare(float(rng.normal()))
```

```python epreuve
def positifs(compare, require, rng):
    \"\"\"2 points : les nombres positifs.\"\"\"
    compare(float(rng.uniform(1, 2)))

def negatifs(compare, require, rng):
    \"\"\"1 point : les négatifs.\"\"\"
    compare(-float(rng.uniform(1, 2)))
```

```python erreurs
def absent(x):
    \"\"\"Il manque
    une division.\"\"\"
    return 1 / (x - x)

def square(x):
    \"\"\"C'est le carré.\"\"\"
    return x * x

def size(x):
    \"\"\"Le signe est perdu.\"\"\"
    return 2 * abs(x)
```

```python variante
def oppose(f):
    \"\"\"rendez l'opposé\"\"\"
    return lambda x: -f(x)
```

### Solution
Explication.
"""
DOUBLE = parse("essai", EXAM)["double"]


def marks(answer, variant=None, seed=3):
    return {c.name: (r.passed, r.message) for c, r in grade(DOUBLE, answer, seed, variant)}


def test_each_criterion_is_judged_alone():
    found = marks(lambda x: 2 * abs(x))
    assert found["positifs"] == (True, "Juste.")
    passed, message = found["negatifs"]
    assert passed is False and message.startswith("Avec l'entrée (-1.")
    assert message.endswith("\nIndice : Le signe est perdu.")
    assert marks(lambda x: x * x)["positifs"][1].endswith("Indice : C'est le carré.")
    assert "Indice" not in marks(lambda x: 9.0)["positifs"][1]


def verdict_of(value, seed):
    return run_checks(DOUBLE, lambda x: value, seed=seed).message


def test_the_inputs_come_from_the_seed():
    inputs = {seed: marks(lambda x: 9.0, seed=seed)["positifs"][1] for seed in (3, 3, 4)}
    assert inputs[3] == marks(lambda x: 9.0)["positifs"][1] != inputs[4]
    assert run_checks(DOUBLE, lambda x: 9.0, seed=1).message != verdict_of(9.0, seed=0)
    assert run_checks(DOUBLE, lambda x: 9.0).message == verdict_of(9.0, seed=0)


def test_a_variant_changes_the_solution_and_its_mistakes():
    assert all(passed for passed, _ in marks(lambda x: -2 * x, "oppose").values())
    book = marks(lambda x: 2 * x, "oppose")
    assert all(message.endswith(f"Indice : {COPIED}") for _, message in book.values())
    square = marks(lambda x: -x * x, "oppose")["positifs"][1]
    assert square.endswith("Indice : C'est le carré.")
    assert run_checks(DOUBLE, lambda x: -2 * x, variant="oppose")
    with pytest.raises(ExerciseError, match=r"pas de variante « autre » ; il a \['oppose'\]"):
        grade(DOUBLE, abs, 1, "autre")


def test_what_is_not_the_right_kind_of_answer_is_told():
    assert run_checks(DOUBLE, 3).message == (
        "On attend une fonction (son nom, sans parenthèses) ; vous donnez un objet int."
    )
    calcul = EXAM.replace("def double(x):\n    ...", "double = None").replace(
        "def double(x):\n    return 2 * x", "double = 2.0"
    )
    number = parse("essai", calcul)["double"]
    result = run_checks(number, abs)
    assert result.exercise == "essai.double" and result.passed is False
    assert result.message.startswith("On attend une valeur ; vous donnez un objet builtin_function")
    assert (
        run_checks(number, None).message == "La réponse n'est pas encore remplie (elle vaut None)."
    )


def test_a_failure_raised_by_the_answer_s_process_is_kept_as_it_is():
    """Le processus isolé d'une copie lève de lui-même : trop long, arrêté…"""

    class Silent(Failure):
        unanswered = True

    def answer(x):
        raise Silent("rien n'est revenu.")

    result = run_checks(DOUBLE, answer)
    assert (result.message, result.unanswered) == ("Rien n'est revenu.", True)
    assert run_checks(DOUBLE, lambda x: 9.0).unanswered is False
