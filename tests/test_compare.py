"""La comparaison de deux valeurs, et la phrase qui dit ce qui diffère."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from d2l_fr.exercises.compare import difference, show

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
        (np.array([1, 4]), np.array([1, 3]), "on attend 3 ; votre réponse est 4."),
        (np.array([1, 0]), np.array([True, False]), "on attend des booléens ; votre réponse"),
        (np.array([1, 0]), np.array([1j, 0]), "des complexes ; votre réponse contient des entiers"),
        (np.array([True]), np.array([1], "u1"), "des entiers ; votre réponse contient des booléen"),
        (np.array([1.0]), np.array(["a"]), "on attend des <U1 ; votre réponse contient des réels"),
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
        (torch.ones(2, dtype=torch.bfloat16), "tenseur torch.bfloat16"),
        (torch.eye(2).to_sparse(), "tenseur torch.sparse_coo"),
        ([10**5000], "un nombre démesuré"),
    ],
)
def test_a_value_is_shown_in_one_short_line(value, shown):
    assert show(value) == shown and len(show(value)) <= 90


def test_the_reader_s_own_display_settings_do_not_shorten_an_array():
    with np.printoptions(threshold=3):
        assert show(np.arange(8)) == "[0, 1, 2, 3, 4, 5, 6, 7]"


@pytest.mark.parametrize(
    ("got", "expected", "same"),
    [
        (1 + 1e-6, 1.0, True),
        (1 + 1e-4, 1.0, False),
        (1e-8, 0.0, True),
        (1e-6, 0.0, False),
        (float("nan"), float("nan"), True),
        (1 + 1e-6j, 1.0, True),
        (1 + 1e-4j, 1 + 2e-4j, False),
        (1e-8j, 0j, True),
        (complex("nan"), complex("nan"), True),
        (complex("nan"), 1j, False),
        (np.array([1 + 1e-6]), np.array([1.0]), True),
        (np.array([1e-8]), np.array([0.0]), True),
        (np.array([1e-6]), np.array([0.0]), False),
        (np.array([1], "u1"), np.array([1]), True),
        (np.array(["a"]), np.array(["a"]), True),
        ({1, 2}, {1, 2}, True),
        ({1, 2}, {1, 3}, False),
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


def test_a_whole_number_of_more_than_64_bits_is_compared_to_a_complex_one():
    huge = 2**63 + 1
    assert difference((-huge,), (0j,)) is not None
    assert difference(huge, complex(huge)) is None
    assert difference(10**400, 0j) is not None


class Flatterer:
    """Se dit égal à tout."""

    __hash__ = None

    def __eq__(self, other):
        return True


class Quarrelsome:
    """Ne se compare à rien."""

    __hash__ = None

    def __eq__(self, other):
        raise RuntimeError


@pytest.mark.parametrize("expected", ["a", None, 1.0, True, [1], (1,), {"a": 1}, np.ones(2)])
def test_an_object_equal_to_everything_is_not_the_answer(expected):
    assert difference(Flatterer(), expected) is not None


def test_an_object_that_does_not_compare_is_only_different():
    assert "on attend {1}" in difference(Quarrelsome(), {1})
