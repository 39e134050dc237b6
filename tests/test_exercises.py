"""Les exercices : chacun se lit, sa solution est juste, et chaque faute usuelle est reconnue."""

import pytest

from conftest import ROOT, SECTIONS
from d2l_fr.assignments.examples import check_examples, pack_examples, visible_cases
from d2l_fr.assignments.wire import dumps, loads
from d2l_fr.exercises import load_exercises
from d2l_fr.exercises.checks import COPIED, _names, _namespace, _prepare, grade, run_checks

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
