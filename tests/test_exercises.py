"""Les exercices : chacun se lit, sa solution est juste, et chaque faute usuelle est reconnue."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import d2l_fr as d2l
from conftest import ROOT, SECTIONS
from d2l_fr.assignments.examples import check_examples, pack_examples, visible_cases
from d2l_fr.assignments.wire import dumps, loads
from d2l_fr.exercises import ExerciseError, load_exercise, load_exercises
from d2l_fr.exercises.checks import COPIED, _names, _namespace, _prepare, grade, run_checks
from d2l_fr.exercises.compare import difference, show
from d2l_fr.exercises.source import parse

ALL = [e for section in SECTIONS for e in load_exercises(section).values()]
CHECKED = [e for e in ALL if e.checks]
IDS = [f"{e.section}.{e.name}" for e in CHECKED]


def solved(exercise):
    namespace = _namespace()
    _names(exercise.solution, namespace)
    return namespace


@pytest.mark.parametrize("exercise", CHECKED, ids=IDS)
def test_the_solution_is_right(exercise):
    result = run_checks(exercise, solved(exercise)[exercise.answer_name])
    assert result, result.message


@pytest.mark.parametrize("exercise", CHECKED, ids=IDS)
def test_the_solution_is_right_on_other_draws(exercise):
    for seed in range(1, 6):
        result = run_checks(exercise, solved(exercise)[exercise.answer_name], seed=seed)
        assert result, (seed, result.message)


@pytest.mark.parametrize("exercise", CHECKED, ids=IDS)
def test_the_empty_stub_is_told_so(exercise):
    namespace = _namespace()
    exec(exercise.stub, namespace)
    result = run_checks(exercise, namespace[exercise.answer_name])
    assert not result
    assert "remplie" in result.message or "rend None" in result.message, result.message


@pytest.mark.parametrize(
    ("exercise", "mistake"),
    [
        pytest.param(e, name, id=f"{e.section}.{e.name}:{name}")
        for e in CHECKED
        for name in _names(e.mistakes, solved(e))
    ],
)
def test_each_usual_mistake_is_refused_with_its_own_hint(exercise, mistake):
    namespace = solved(exercise)
    _names(exercise.mistakes, namespace)
    result = run_checks(exercise, namespace[mistake])
    assert not result, "une faute usuelle passe pour juste"
    hint = " ".join(namespace[mistake].__doc__.split())
    assert result.message.endswith(f"Indice : {hint}"), result.message


# ---------- les devoirs notés

EXAMS = [e for e in ALL if e.hidden_checks]
DRAWS = [
    pytest.param(e, v, id=f"{e.identifier}:{v or 'livre'}")
    for e in EXAMS
    for v in [None, *e.variant_names]
]
SEEDS = range(100, 105)


def earned(marks):
    return sum(criterion.points for criterion, result in marks if result)


@pytest.mark.parametrize(("exercise", "variant"), DRAWS)
def test_the_expected_answer_earns_every_point(exercise, variant):
    _, reference, _ = _prepare(exercise, variant)

    def elsewhere(*args, **kwargs):  # comme dans le processus isolé : tout passe par le fil
        args, kwargs = loads(dumps((args, kwargs)))
        return loads(dumps(reference(*args, **kwargs)))

    for seed in SEEDS:
        marks = grade(exercise, elsewhere, seed, variant)
        assert earned(marks) == exercise.points, [r.message for _, r in marks if not r]


@pytest.mark.parametrize(("exercise", "variant"), DRAWS)
def test_each_usual_mistake_loses_points_and_is_told_so(exercise, variant):
    for mistake, hint in _prepare(exercise, variant)[2]:
        for seed in SEEDS:
            lost = [r.message for _, r in grade(exercise, mistake, seed, variant) if not r]
            assert lost, (hint, seed)
            # Une faute qu'une variante redresse rend la solution du livre : l'indice le dit.
            known = (f"Indice : {hint}", f"Indice : {COPIED}")
            assert any(message.endswith(known) for message in lost), lost


@pytest.mark.parametrize(("exercise", "variant"), DRAWS)
def test_the_visible_examples_accept_the_answer_and_refuse_each_usual_mistake(exercise, variant):
    _, reference, mistakes = _prepare(exercise, variant)
    for seed in SEEDS:
        cases = visible_cases(exercise, reference, seed)
        assert len(cases) >= 3
        examples = pack_examples(cases)
        assert len(examples) < 8000
        result = check_examples(exercise.identifier, reference, examples)
        assert result, result.message
        for mistake, hint in mistakes:
            assert not check_examples(exercise.identifier, mistake, examples), hint


@pytest.mark.parametrize("exercise", EXAMS, ids=lambda e: e.identifier)
def test_the_solution_of_the_book_earns_nothing_in_a_variant(exercise):
    for variant in exercise.variant_names:
        book = _prepare(exercise)[1]
        for seed in SEEDS:
            assert earned(grade(exercise, book, seed, variant)) == 0, (variant, seed)
            assert grade(exercise, book, seed, variant)[0][1].message.endswith(COPIED)


@pytest.mark.parametrize("exercise", EXAMS, ids=lambda e: e.identifier)
def test_an_empty_stub_earns_nothing(exercise):
    namespace = _namespace()
    exec(exercise.stub, namespace)
    assert earned(grade(exercise, namespace[exercise.answer_name], 1)) == 0


@pytest.mark.parametrize("exercise", EXAMS, ids=lambda e: e.identifier)
def test_the_marks_of_an_exam_can_be_partial(exercise):
    assert 2 <= len(exercise.criteria) <= 4
    assert 3 <= exercise.points <= 6
    assert all(c.text.endswith(".") and c.text[0].islower() for c in exercise.criteria)


def test_there_are_enough_exams_in_every_section():
    assert len(EXAMS) >= 20
    for section in SECTIONS:
        varied = [e for e in EXAMS if e.section == section and len(e.variant_names) >= 2]
        assert len(varied) >= 2, section


GRIDS = [e for e in ALL if e.grid]


def test_every_section_has_an_open_question_with_its_grid():
    assert {e.section for e in GRIDS} == set(SECTIONS)
    for exercise in GRIDS:
        assert exercise.kind == "reflexion"
        assert 3 <= len(exercise.criteria) <= 5
        assert 3 <= exercise.points <= 6


@pytest.mark.parametrize("exercise", ALL, ids=lambda e: e.label)
def test_every_exercise_is_complete(exercise):
    assert 1 <= exercise.difficulty <= 3
    assert 1 <= exercise.minutes <= 120
    assert len(exercise.statement) > 40
    assert len(exercise.explanation) > 40


@pytest.mark.parametrize("section", SECTIONS)
def test_each_page_uses_each_of_its_exercises_once(section):
    text = (ROOT / "book" / f"{section}.md").read_text("utf-8")
    for name in load_exercises(section):
        assert text.count(f"```{{exercice}} {name}\n") == 1, name


@pytest.mark.parametrize("section", SECTIONS)
def test_each_section_has_exercises_of_several_kinds(section):
    exercises = load_exercises(section).values()
    assert len(exercises) >= 7
    assert sum(e.kind == "code" for e in exercises) >= 3
    assert len({e.kind for e in exercises}) >= 3
    assert all(e.mistakes for e in exercises if e.kind == "code")


# ---------- ce que d2l.check dit

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
MEAN = parse("essai", EXAMPLE)["moyenne"]


def verdict(answer):
    return run_checks(MEAN, answer).message


def test_a_right_answer_is_right():
    result = run_checks(MEAN, lambda x, n: np.convolve(x, np.full(n, 1 / n), "valid"))
    assert result
    assert repr(result) == "✓ essai.moyenne : Juste."
    assert "Juste" in result._repr_html_()


def spoil(x, n):
    good = np.convolve(x, np.ones(n) / n, "valid")
    x[0] = 9
    return good


def unwritten(x, n):
    raise NotImplementedError


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


def test_check_names_the_nearest_exercise():
    known = IDS[0]
    with pytest.raises(ExerciseError, match=f"Vouliez-vous dire « {known} »"):
        d2l.check(known[:-1], None)


def test_check_judges_an_exercise_of_the_book():
    exercise = CHECKED[0]
    answer = solved(exercise)[exercise.answer_name]
    assert d2l.check(exercise.identifier, answer)
    assert not d2l.check(exercise.identifier, None)


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


def test_an_open_question_is_not_checked():
    question = next(e for e in ALL if not e.checks)
    with pytest.raises(ExerciseError, match="se corrige en lisant sa solution"):
        d2l.check(f"{question.section}.{question.name}", 1)


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


def test_a_computation_needs_a_check_and_a_criterion_its_points():
    with pytest.raises(ExerciseError, match="une amorce sans verification"):
        parse("essai", COMPUTED.replace("```python verification", "```python autre"))
    text = EXAMPLE.replace(
        "### Solution", '```python epreuve\ndef une():\n    """Tout."""\n```\n\n### Solution'
    )
    with pytest.raises(ExerciseError, match="critère « une » : il faut « 2 points : ce qu'il dem"):
        _ = parse("essai", text)["moyenne"].points


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
    assert load_exercise(IDS[0]).name == CHECKED[0].name


# ---------- la comparaison

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(VALUES)
def test_a_value_equals_itself(value):
    assert difference(value, value) is None


@given(VALUES, VALUES)
def test_a_difference_is_a_sentence(a, b):
    problem = difference(a, b, 0, 0)
    assert problem is None or problem.endswith(".")
    if problem is None:
        assert a == b


@pytest.mark.parametrize(
    ("got", "expected", "said"),
    [
        (1.1, 1.0, "on attend 1.0 ; votre réponse est 1.1"),
        (True, 1, "on attend un objet int"),
        ((1, 2), [1, 2], "on attend une liste"),
        ([1], [1, 2], "on attend 2 éléments ; votre réponse en a 1"),
        ([1, [2, 4]], [1, [2, 3]], "à l'élément 1, à l'élément 1, on attend 3"),
        ({"a": 1}, {"b": 1}, "il manque la clé 'b'"),
        ({"a": 1, "b": 2}, {"a": 1}, "une clé de trop : 'b'"),
        ("un", "deux", "on attend 'deux' ; votre réponse est 'un'"),
        (np.float64(2), np.array([2.0]), "on attend un numpy.ndarray"),
        (False, True, "on attend True ; vous avez False"),
        (1, True, "on attend un objet bool ; vous donnez int"),
        ("un", 1.0, "on attend un nombre ; vous donnez un objet str"),
        (torch.ones(2), 1.0, "on attend un nombre ; vous donnez un objet torch.Tensor"),
        (1j, 2j, "on attend 2j ; votre réponse est 1j"),
        (10**400, 1.0, "votre réponse est 1000"),
        (None, "a", "on attend 'a' ; votre réponse est None"),
        ([1], {"a": 1}, "on attend un dictionnaire ; vous donnez un objet list"),
        ({"a": 1}, {"a": 2}, "à la clé 'a', on attend 2 ; votre réponse est 1"),
        ([1, 2], (1, 2), "on attend un tuple ; vous donnez un objet list"),
        (np.array(["a"]), np.array([1.0]), "on attend des réels"),
        (
            np.array([1, 2]),
            np.array([1, 3]),
            "1 valeur est fausse sur 2 (la première à l'indice 1)",
        ),
        (
            np.zeros((2, 2)),
            np.eye(2),
            "2 valeurs sont fausses sur 4 (la première à l'indice (0, 0))",
        ),
        (np.array(1.0), np.array(2.0), "1 valeur est fausse sur 1 : on attend 2.0"),
        (object, object(), "votre réponse est <class 'object'>"),
        (torch.ones(2, dtype=torch.bfloat16), torch.ones(2), "n'attend pas (torch.bfloat16)"),
        ([torch.eye(2).to_sparse()], [torch.eye(2)], "n'attend pas (torch.sparse_coo)"),
    ],
)
def test_what_differs_is_said(got, expected, said):
    assert said in difference(got, expected)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (np.float64(0.5), "0.5"),
        (torch.tensor([1, 2]), "[1, 2]"),
        (np.arange(9), "tableau de forme (9,)"),
        (torch.zeros(3, 3), "tenseur de forme (3, 3)"),
        (np.arange(8), "[0, 1, 2, 3, 4, 5, 6, 7]"),
        ("a" * 88, repr("a" * 88)),
        ("a" * 89, "'" + "a" * 88 + "…"),
        ([10**5000], "un nombre démesuré"),
        (torch.ones(2, dtype=torch.bfloat16), "tenseur torch.bfloat16"),
        (torch.eye(2).to_sparse(), "tenseur torch.sparse_coo"),
    ],
)
def test_a_value_is_shown_in_one_short_line(value, shown):
    assert show(value) == shown and len(show(value)) <= 90


@pytest.mark.parametrize(
    ("got", "expected", "same"),
    [
        (1 + 1e-6, 1.0, True),
        (1 + 1e-4, 1.0, False),
        (1e-8, 0.0, True),
        (1e-6, 0.0, False),
        (float("nan"), float("nan"), True),
        (1 + 1e-6j, 1.0, True),
        (np.array([1 + 1e-6]), np.array([1.0]), True),
        (np.array([1 + 1e-4]), np.array([1.0]), False),
        (10**400, 10**400, True),
        (np.bool_(True), True, True),
        ({"a": [1, (2.0, "b")]}, {"a": [1, (2.0, "b")]}, True),
    ],
)
def test_the_tolerances_are_those_announced(got, expected, same):
    assert (difference(got, expected) is None) == same
    assert (difference(got, expected, reveal=False) is None) == same


def test_an_object_that_cannot_be_compared_is_different():
    class Odd:
        def __eq__(self, other):
            raise TypeError

    assert "votre réponse est" in difference(Odd(), object())


def test_numbers_compare_across_types():
    assert difference(np.float32(0.5), 0.5) is None
    assert difference(torch.tensor(2), 2) is None
    assert difference(np.array([np.nan, 1.0]), np.array([np.nan, 1.0])) is None
    assert difference(torch.tensor([1j]).conj(), torch.tensor([-1j])) is None


def test_the_expected_value_of_a_computation_stays_hidden():
    assert difference(3.0, 2.0, reveal=False) == "votre réponse, 3.0, est trop grande."
    assert difference(1.0, 2.0, reveal=False) == "votre réponse, 1.0, est trop petite."
    assert difference(1j, 2.0, reveal=False) == "votre réponse, 1j, n'est pas la bonne valeur."
    assert "2" not in difference([1.0], [2.0], reveal=False)
