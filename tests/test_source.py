"""La source d'un exercice : ce qui s'y lit, ce qui est refusé."""

import dataclasses
import unicodedata

import pytest

from d2l_fr.exercises import ExerciseError, load_exercise, load_exercises
from d2l_fr.exercises.source import KINDS, Criterion, Exercise, parse, sections

EXAMPLE = """\
## moyenne
:titre: Moyenne mobile
:genre: code
:difficulte: 1
:minutes: 5

Énoncé.

```python amorce
def moving_average(x, n):
    ...
```

```python solution
def moving_average(x, n):
    return np.convolve(x, np.ones(n) / n, mode="valid")
```

```python verification
def verification(compare, require, rng):
    compare(np.arange(5.0), 2)
    compare(rng.normal(size=12), 3)
    require(len(compare.answer(np.ones(9), 9)) == 1, "une seule moyenne pour toute la série")
```

```python erreurs
def sum_only(x, n):
    \"\"\"C'est la somme glissante.\"\"\"
    return np.convolve(x, np.ones(n), mode="valid")
```

### Solution
Explication.
"""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((":genre: code\n", ""), "il manque la ligne « :genre: … »"),
        ((":genre: code", ":genre: dessin"), "genre « dessin » inconnu"),
        (("### Solution\nExplication.", ""), "« ### Solution » manque"),
        (("```python solution", "```python autre"), "veut amorce, solution et verification"),
        (("## moyenne", "## Moyenne"), "en minuscules"),
        (("def moving_average(x, n):\n    ...", "a, b = None, None"), "il faut une amorce, qui"),
    ],
)
def test_a_badly_written_exercise_is_refused(change, said):
    with pytest.raises(ExerciseError, match=said):
        parse("essai", EXAMPLE.replace(*change))


def test_an_exam_needs_a_name_for_the_answer():
    exam = '```python epreuve\ndef une(compare, require, rng):\n    """1 point : tout."""\n```\n'
    head = ":titre: A\n:genre: calcul\n:difficulte: 1\n:minutes: 5\n"
    text = f"## a\n{head}\nÉnoncé.\n\n{exam}\n### Solution\nExplication.\n"
    with pytest.raises(ExerciseError, match="il faut une amorce, qui nomme"):
        parse("essai", text)


def test_an_exercise_cannot_be_written_twice():
    with pytest.raises(ExerciseError, match="écrit deux fois"):
        parse("essai", EXAMPLE + EXAMPLE)


def test_unknown_section_lists_the_known_ones():
    with pytest.raises(ExerciseError, match="sections : "):
        load_exercises("cuisine")
    for name in load_exercises("sequence"):
        exercise = load_exercise(f"sequence.{name}")
        assert (exercise.section, exercise.name) == ("sequence", name)


# ---------- ce qui se lit

OPEN = """\
Un préambule, que l'on passe.

## pour-quoi-3 \n\
:titre:   Pourquoi ?  \n\
:genre: reflexion
:difficulte: 3
:minutes: 120

Un énoncé,
en deux lignes.

### Solution \n\
Une explication.

### Barème
Ce qu'on attend :
- 2 points : l'idée.
- 1 point : un exemple,
sur une ligne ou deux.

## autre
:titre: Autre
:genre: calcul
:difficulte: 1
:minutes: 5

Combien ?

```python amorce
import math

n: int = 0
reponse = None
```

Encore un mot.

```python verification
def verification(compare, require, rng):
    compare.value()
```

```python solution
a = 1
```

```python solution \n\
reponse = a
```

### Solution
Voici :

```python solution
reponse
```
"""


def test_a_kind_is_shown_with_its_accents():
    for key, label in KINDS.items():
        assert unicodedata.normalize("NFD", label).encode("ascii", "ignore").decode() == key


def test_an_exercise_kept_without_its_exam_has_none():
    kept = dataclasses.asdict(parse("essai", EXAMPLE)["moyenne"])
    for name in ("hidden_checks", "variants", "grid"):
        assert kept.pop(name) == ""
    exercise = Exercise(**kept)
    assert exercise == parse("essai", EXAMPLE)["moyenne"]
    assert exercise.criteria == exercise.variant_names == [] and exercise.points == 0


def test_every_field_of_an_exercise_is_read():
    why, other = parse("essai", OPEN).values()
    assert (why.section, why.name, why.title) == ("essai", "pour-quoi-3", "Pourquoi ?")
    assert (why.kind, why.difficulty, why.minutes) == ("reflexion", 3, 120)
    assert (why.statement, why.explanation) == (
        "Un énoncé,\nen deux lignes.", "Une explication.")  # fmt: skip
    assert why.grid.startswith("Ce qu'on attend :\n- 2 points") and why.grid.endswith("deux.")
    assert (why.identifier, why.label, why.stars) == (
        "essai.pour-quoi-3", "ex-essai-pour-quoi-3", "★★★")  # fmt: skip
    assert (why.stub, why.solution, why.checks, why.mistakes) == ("", "", "", "")
    assert why.hidden_checks == why.variants == why.answer_name == "" and why.variant_names == []
    assert other.statement == "Combien ?\n\n\nEncore un mot."
    assert other.explanation == "Voici :\n\n```python solution\nreponse\n```"
    assert other.solution == "a = 1\n\n\nreponse = a"
    assert other.checks.startswith("def verification") and other.checks.endswith("value()")
    assert (other.answer_name, other.grid, other.criteria, other.points) == ("reponse", "", [], 0)


def test_the_criteria_of_a_grid_are_its_lines():
    why = parse("essai", OPEN)["pour-quoi-3"]
    assert why.criteria == [
        Criterion("critere-1", 2, "l'idée."),
        Criterion("critere-2", 1, "un exemple,"),
    ]
    assert why.points == 3
    for wrong in ("- deux points : l'idée.", "- 2 points:", "- 2 points : ", "- 2,5 points : x"):
        spoiled = parse("essai", OPEN.replace("- 2 points : l'idée.", wrong))["pour-quoi-3"]
        said = "exercice « essai.pour-quoi-3 », critère « critere-1 » : il faut « 2 points"
        with pytest.raises(ExerciseError, match=said):
            spoiled.points  # noqa: B018


EXAM = EXAMPLE.replace(
    "```python erreurs",
    """\
```python epreuve
LIMIT = 3

def some(compare, require, rng):
    \"\"\"12 points : ce qu'il
    demande.\"\"\"

def one(compare, require, rng):
    \"\"\"1 point : tout.\"\"\"
```

```python variante
class Nothing: ...

def doubled(f):
    \"\"\"doublez\"\"\"

def bare(f):
    return f
```

```python erreurs""",
)


def test_the_criteria_of_an_exam_are_its_functions():
    exam = parse("essai", EXAM)["moyenne"]
    assert exam.criteria == [
        Criterion("some", 12, "ce qu'il demande."),
        Criterion("one", 1, "tout."),
    ]
    assert exam.points == 13 and exam.variant_names == ["doubled", "bare"]
    assert exam.mistakes.startswith("def sum_only") and exam.answer_name == "moving_average"
    silent = parse("essai", EXAM.replace('"""1 point : tout."""', "pass"))["moyenne"]
    with pytest.raises(ExerciseError, match="critère « one »"):
        silent.criteria  # noqa: B018


def test_a_class_can_be_the_answer():
    stub = "def moving_average(x, n):\n    ..."
    assert (
        parse("essai", EXAMPLE.replace(stub, "class Net: ...", 1))["moyenne"].answer_name == "Net"
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((":minutes: 5", ":minutes: cinq"), "« :minutes: cinq » n'est pas un nombre entier"),
        ((":minutes: 5", ":minutes: 12345"), "n'est pas un nombre entier"),
        ((":minutes: 5", ":minutes: 5 ou 6"), "n'est pas un nombre entier"),
        ((":minutes: 5", ":minutes: " + "a" * 21), "« :minutes: " + "a" * 20 + " »"),
        ((":difficulte: 1", ":difficulte: ²"), "« :difficulte: ² » n'est pas un nombre entier"),
        ((":titre: Moyenne mobile", ":titre:"), "il manque la ligne « :titre: … »"),
        (("def sum_only(x, n):", "def sum_only(x, n:"), "bloc « erreurs », ligne 1 : "),
        (("def sum_only", "  def sum_only"), "bloc « erreurs », ligne 1 : unexpected indent"),
        (("def sum_only(x, n):", "\0"), "bloc « erreurs »"),
        (("```python amorce", "```python autre"), "veut amorce, solution et verification"),
        (("```python verification", "```python autre"), "veut amorce, solution et verification"),
        (("## moyenne", "## "), "un nom s'écrit en minuscules sans accent"),
        (("## moyenne", "## moyenne mobile"), "un nom s'écrit en minuscules sans accent"),
        (("### Solution\nExplication.", "### Solution\n \n"), "« ### Solution » manque"),
    ],
)
def test_the_message_names_the_file_and_the_exercise(change, said):
    with pytest.raises(ExerciseError, match=said) as caught:
        parse("essai", EXAMPLE.replace(*change))
    assert str(caught.value).startswith("d2l_fr/exercises/essai.md, exercice « ")
    with pytest.raises(ExerciseError, match=r"^là\.md, exercice « "):
        parse("essai", EXAMPLE.replace(*change), "là.md")


def test_a_stub_needs_a_check_whatever_the_kind():
    text = OPEN.replace("```python verification", "```python autre")
    with pytest.raises(ExerciseError, match="une amorce sans verification"):
        parse("essai", text)


def test_a_title_starts_a_line_and_a_field_stands_at_the_head():
    text = EXAMPLE.replace("Énoncé.", "Énoncé ## a\n:minutes: 7\n:titre: Autre")
    exercise = parse("essai", text)["moyenne"]
    assert (exercise.minutes, exercise.title) == (5, "Moyenne mobile")
    assert exercise.statement == "Énoncé ## a\n:minutes: 7\n:titre: Autre"
    with pytest.raises(ExerciseError, match="il manque la ligne « :minutes: … »"):
        parse("essai", EXAMPLE.replace(":minutes: 5\n\n", "\n:minutes: 5\n"))


# ---------- les retrouver


def test_the_sections_are_those_of_the_book_in_order():
    assert sections() == sorted(sections()) and {"rnn", "sequence"} <= set(sections())
    assert load_exercises("rnn") is load_exercises("rnn")


def test_a_name_that_is_almost_right_is_guessed():
    name = next(iter(load_exercises("rnn")))
    with pytest.raises(ExerciseError) as caught:
        load_exercise(f"rnn.{name}x")
    assert str(caught.value) == (
        f"Aucun exercice ne s'appelle « rnn.{name}x ». Vouliez-vous dire « rnn.{name} » ?"
    )
    for lost in ("", "rnn", "µ" * 30, None, name):
        with pytest.raises(ExerciseError, match=f"^Aucun exercice ne s'appelle « {lost} »"):
            load_exercise(lost)
    with pytest.raises(ExerciseError, match=r"»\.$"):
        load_exercise("µ" * 30)
