"""Les réponses qui sont des nombres, et ce que l'on refuse d'un exercice mal employé."""

import numpy as np
import pytest
import torch

import d2l_fr as d2l
from d2l_fr.assignments.examples import check_examples, pack_examples
from d2l_fr.exercises import ExerciseError
from d2l_fr.exercises.checks import run_checks
from d2l_fr.exercises.source import parse
from test_checks import MEAN
from test_exercises import CHECKED, solved
from test_source import EXAMPLE

COMPUTED = """\
## face
:titre: Un dé
:genre: calcul
:difficulte: 1
:minutes: 1

La chance d'un six ?

```python amorce
chance = None
```

```python solution
chance = 1 / 6
```

```python verification
def verification(compare, require, rng):
    require(compare.answer != 6, "c'est le nombre de faces.")
    compare.value()
```

### Solution
Une face sur six.
"""


def test_check_judges_an_exercise_of_the_book():
    exercise = CHECKED[0]
    answer = solved(exercise)[exercise.answer_name]
    assert d2l.check(exercise.identifier, answer)
    assert not d2l.check(exercise.identifier, None)


@pytest.mark.parametrize("answer", [1 / 6, np.float64(1 / 6), torch.tensor(1 / 6), np.array(1 / 6)])
def test_a_number_is_right_whatever_its_type(answer):
    assert run_checks(parse("essai", COMPUTED)["face"], answer)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (0.5, "Votre réponse, 0.5, est trop grande."),
        (6, "C'est le nombre de faces."),
        (len, "On attend une valeur ; vous donnez un objet builtin_function_or_method."),
        ("1/6", "On attend un nombre ; vous donnez un objet str."),
        (np.array([6.0, 1 / 6]), "On attend un nombre ; vous donnez un objet ndarray."),
    ],
)
def test_a_wrong_number_is_told_without_the_right_one(answer, said):
    assert run_checks(parse("essai", COMPUTED)["face"], answer).message == said


def test_a_variant_that_does_not_exist_is_refused():
    with pytest.raises(ExerciseError, match="n'a pas de variante « x »"):
        run_checks(MEAN, len, variant="x")


def test_the_examples_of_an_assignment_want_a_function():
    examples = pack_examples([((1,), {}, 2, 0, 0)])
    assert (
        check_examples("essai.x", lambda n: 2 * n, examples).message == "Juste sur l'exemple donné."
    )
    said = "On attend une fonction (son nom, sans parenthèses) ; vous donnez un objet int."
    assert check_examples("essai.x", 2, examples).message == said


def test_a_computation_needs_a_check_and_a_criterion_its_points():
    with pytest.raises(ExerciseError, match="une amorce sans verification"):
        parse("essai", COMPUTED.replace("```python verification", "```python autre"))
    text = EXAMPLE.replace(
        "### Solution", '```python epreuve\ndef une():\n    """Tout."""\n```\n\n### Solution'
    )
    with pytest.raises(ExerciseError, match="critère « une » : il faut « 2 points : ce qu'il dem"):
        _ = parse("essai", text)["moyenne"].points
