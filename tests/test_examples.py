"""Les exemples visibles d'un devoir : ce qu'on en donne, ce qu'ils disent d'une réponse."""

import numpy as np
import pytest

from d2l_fr.assignments.examples import check_examples, pack_examples, visible_cases
from d2l_fr.exercises.source import parse

TEXT = """\
## puissance
:titre: La puissance
:genre: code
:difficulte: 1
:minutes: 5

Énoncé.

```python amorce
def power(x, n=1):
    ...
```

```python solution
def power(x, n=1):
    return x ** n
```

```python verification
def verification(compare, require, rng):
    compare(3)
    compare(2.0, n=0.5, rtol=0.1, atol=0.2)
    compare(rng.normal(size=3), 2)
    compare(5, call=lambda f, x: f(f(x)))
    require(compare.answer(2) == 5, "une propriété de la solution du livre seulement")
```

### Solution
Explication.
"""
POWER = parse("essai", TEXT)["puissance"]


def power(x, n=1):
    return x**n


def test_the_cases_are_those_of_the_checks_without_the_chained_calls():
    first, second, third = visible_cases(POWER, power, 1)
    assert first == ((3,), {}, 3, 1e-5, 1e-7)
    assert second == ((2.0,), {"n": 0.5}, 2**0.5, 0.1, 0.2)
    drawn = np.random.default_rng(1).normal(size=3)
    assert (third[0][0] == drawn).all() and (third[2] == drawn**2).all()
    assert (visible_cases(POWER, power, 2)[2][0][0] != drawn).any()


def test_a_variant_gives_other_results():
    cases = visible_cases(POWER, lambda x, n=1: -(x**n), 1)
    assert [case[2] for case in cases[:2]] == [-3, -(2**0.5)]


EXAMPLES = pack_examples(visible_cases(POWER, power, 1))


def test_the_examples_are_a_short_text():
    assert EXAMPLES.isascii() and "\n" not in EXAMPLES and len(EXAMPLES) < 400
    assert pack_examples(visible_cases(POWER, power, 1)) == EXAMPLES


def test_a_right_answer_is_told_on_how_many():
    assert repr(check_examples("essai.puissance", power, EXAMPLES)) == (
        "✓ essai.puissance : Juste sur les 3 exemples."
    )
    one = pack_examples(visible_cases(POWER, power, 1)[:1])
    assert check_examples("essai.puissance", power, one).message == "Juste sur l'exemple donné."


def test_a_wrong_answer_is_told_on_which():
    result = check_examples("essai.puissance", lambda x, n=1: x, EXAMPLES)
    assert (result.exercise, result.passed) == ("essai.puissance", False)
    assert result.message.startswith("Avec l'entrée (2.0, n=0.5), on attend 1.41421")
    # Les tolérances sont celles de la vérification.
    assert check_examples("essai.puissance", lambda x, n=1: x**n * (1 + 1e-6), EXAMPLES)
    near = check_examples("essai.puissance", lambda x, n=1: x**n + 0.18 * (n == 0.5), EXAMPLES)
    assert near, near.message
    assert not check_examples("essai.puissance", lambda x, n=1: x**n + 0.18 * (n == 2), EXAMPLES)


@pytest.mark.parametrize(
    ("answer", "said"), [(None, "n'est pas encore remplie"), (3, "vous donnez un objet int.")]
)
def test_what_is_not_a_function_is_told(answer, said):
    result = check_examples("essai.puissance", answer, EXAMPLES)
    assert (result.exercise, result.passed) == ("essai.puissance", False)
    assert said in result.message


@pytest.mark.parametrize("text", ["", "abc", EXAMPLES[:-5], EXAMPLES[5:], "é"])
def test_spoiled_examples_are_told(text):
    with pytest.raises(ValueError, match="ne se lisent plus : elle a été modifiée"):
        check_examples("essai.puissance", power, text)
