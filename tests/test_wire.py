"""Le fil entre le correcteur et le code d'un élève : rien de ce qui arrive n'est cru."""

import json
import math

import nbformat
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from d2l_fr.assignments.notebook import SubmissionError, harmless, read
from d2l_fr.assignments.wire import Opaque, WireError, decode, dumps, encode, loads
from d2l_fr.exercises.compare import difference

SIMPLE = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text(max_size=8)
    | st.sampled_from([np.int64(3), np.float32(0.5), np.bool_(True)])
    | st.lists(st.floats(), max_size=4).map(np.array)
    | st.lists(st.integers(-9, 9), max_size=4).map(torch.tensor)
)
VALUES = st.recursive(
    SIMPLE,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
    ),
    max_leaves=10,
)
TAGS = st.sampled_from(
    ["liste", "tuple", "dictionnaire", "tableau", "scalaire", "tenseur", "complexe", "objet", "x"]
)
DTYPES = st.sampled_from(["<f8", "|O", "<U4", "<M8[s]", "V9", ">i4", "", "f8,i4", "|b1"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | DTYPES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TAGS, inner, max_size=2),
    max_leaves=12,
)


@given(VALUES)
def test_a_value_comes_back_the_same(value):
    back = loads(dumps(value))
    assert type(back) is type(value)
    assert difference(back, value, 0, 0) is None


@settings(max_examples=400)
@given(JSON)
def test_nothing_that_arrives_breaks_the_grader(data):
    try:
        value = decode(data)
    except WireError:
        return
    for expected in (1.0, 2, True, "a", None, [1], (1, 2), {"a": 1}, np.ones(2), torch.ones(2)):
        problem = difference(value, expected)
        assert problem is None or isinstance(problem, str)


@given(st.text(max_size=60))
def test_a_text_that_is_not_a_message_is_refused(text):
    try:
        loads(text)
    except WireError:
        return
    json.loads(text)  # seul du JSON a pu passer


@pytest.mark.parametrize(
    "data",
    [
        {"tableau": ["<f8", [1_000_000_000_000], ""]},
        {"tableau": ["<f8", [-1, -8], "AAAAAAAAAAA="]},
        {"tableau": ["|O", [1], "AAAAAAAAAAA="]},
        {"tenseur": ["<U1", [1], "QQAAAA=="]},
        {"dictionnaire": [[{"liste": []}, 1]]},
        {"liste": 3},
        {},
        {"liste": [], "tuple": []},
        [1, 2],
    ],
)
def test_a_forged_message_is_refused(data):
    with pytest.raises(WireError):
        decode(data)


def test_a_bottomless_value_is_refused():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(WireError):
        encode(deep)
    with pytest.raises(WireError):
        loads('{"liste":[' * 100_000)


def nested(depth):
    value = 1
    for _ in range(depth):
        value = [value]
    return value


def test_forty_levels_travel_and_no_more():
    assert loads(dumps(nested(40))) == nested(40)
    assert loads(dumps({"a": (nested(38),)})) == {"a": (nested(38),)}
    for value in (nested(41), {"a": nested(40)}, (nested(40),)):
        with pytest.raises(WireError, match="trop de niveaux"):
            dumps(value)
    key = 1
    for _ in range(40):
        key = (key,)
    with pytest.raises(WireError, match="trop de niveaux"):
        dumps({key: 1})


def test_what_travels_is_one_short_line_of_ascii():
    """Un exemple donné se relit d'une année à l'autre : la forme ne change pas."""
    value = {"é": [1, (2.5, None)], 3: 1 + 2j}
    assert dumps(value) == (
        r'{"dictionnaire":[["\u00e9",{"liste":[1,{"tuple":[2.5,null]}]}],'
        '[3,{"complexe":[1.0,2.0]}]]}'
    )
    assert dumps(np.array([[1, 2]], "<i2")) == '{"tableau":["<i2",[1,2],"AQACAA=="]}'
    assert dumps(torch.tensor([1], dtype=torch.int16)) == '{"tenseur":["<i2",[1],"AQA="]}'
    assert dumps(np.float32(1)) == '{"scalaire":["<f4",[],"AACAPw=="]}'
    assert dumps({1}) == '{"objet":"set"}'
    assert dumps(type("A" * 99, (), {})()) == '{"objet":"' + "A" * 80 + '"}'


def test_an_opaque_value_says_what_it_was():
    opaque = decode({"objet": "a" * 99})
    assert opaque == Opaque("a" * 80) != Opaque("a")
    assert repr(opaque) == "un objet " + "a" * 80
    assert decode({"objet": 3}) == Opaque("3")
    assert loads(dumps(torch.eye(2).to_sparse())) == Opaque("tenseur torch.float32")
    assert loads(dumps(np.array([object()]))) == Opaque("ndarray")


@pytest.mark.parametrize("value", [np.ones((2, 3)), torch.ones(2, 3), np.ones((3, 2)).T])
def test_a_table_that_arrives_can_be_written_in(value):
    back = loads(dumps(value))
    back[0, 1] = 5
    assert back[0, 1] == 5 and back.shape == (2, 3) and value[0, 1] == 1


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"tableau": ["<f8", [2], "AAAAAAAAAAA="]}, "ne correspond pas à ses données"),
        ({"tableau": ["<f8", [-1, -1], "AAAAAAAAAAA="]}, "forme de tableau refusée"),
        ({"tableau": ["<f8", [True], "AAAAAAAAAAA="]}, "forme de tableau refusée"),
        ({"tableau": ["<f8", [1.0], "AAAAAAAAAAA="]}, "forme de tableau refusée"),
        ({"tableau": ["<M8[s]", [1], "AAAAAAAAAAA="]}, "type de tableau refusé : datetime64"),
        ({"tableau": ["f4,f4", [1], "AAAAAAAAAAA="]}, "type de tableau refusé"),
        ({"tableau": ["<f8", [1], "AAAA AAAA AAA="]}, "message mal formé : "),
        ({"tableau": ["<f8", [1]]}, "message mal formé : TypeError"),
        ({"autre": 1}, "étiquette inconnue"),
        ([], "message mal formé : AttributeError"),
    ],
)
def test_the_refusal_says_why(data, said):
    with pytest.raises(WireError, match=said):
        decode(data)


def test_an_empty_table_travels():
    for value in (np.ones((0, 3)), torch.ones(2, 0), np.array(3.0), torch.tensor(3)):
        back = loads(dumps(value))
        assert type(back) is type(value) and back.shape == value.shape
        assert difference(back, value, 0, 0) is None


def test_what_is_not_json_is_told():
    with pytest.raises(WireError, match="ce n'est pas du JSON"):
        loads("{")


def test_an_unknown_object_leaves_only_the_name_of_its_type():
    assert loads(dumps({1, 2})) == Opaque("set")
    with pytest.raises(WireError, match="mal formé : étiquette inconnue"):
        loads('{"pickle": "x"}')
    assert difference(loads(dumps({1, 2})), 3.0) is not None
    assert loads(dumps(torch.ones(2, dtype=torch.bfloat16))) == Opaque("tenseur torch.bfloat16")
    assert loads(dumps(torch.eye(2).to_sparse())) == Opaque("tenseur torch.float32")


def test_a_tensor_travels_without_its_gradient_and_with_its_conjugate():
    back = loads(dumps(torch.ones(2, requires_grad=True)))
    assert not back.requires_grad
    assert loads(dumps(torch.tensor([1 + 2j]).conj())).tolist() == [1 - 2j]


@pytest.mark.parametrize("number", [10**400, -(10**400), math.inf, math.nan])
def test_a_number_without_measure_is_only_different(number):
    assert difference(number, 1.0) is not None


# ---------- relire une copie

CELL = st.fixed_dictionaries(
    {},
    optional={
        "cell_type": st.sampled_from(["code", "markdown", "raw", "x", 3]),
        "source": st.text(max_size=9) | st.lists(st.text(max_size=3), max_size=2) | st.integers(),
        "metadata": st.none()
        | st.dictionaries(st.sampled_from(["nbgrader", "x"]), JSON, max_size=2)
        | st.integers(),
    },
)
NOTEBOOK = st.fixed_dictionaries(
    {},
    optional={
        "cells": st.lists(CELL, max_size=3) | JSON,
        "nbformat": st.sampled_from([4, 3, 2, 1, 99, "4", None]),
        "nbformat_minor": st.integers(0, 9),
        "metadata": JSON,
        "worksheets": JSON,
    },
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(NOTEBOOK | JSON)
def test_any_file_is_read_or_refused_with_a_reason(tmp_path, data):
    path = tmp_path / "copie.ipynb"
    path.write_text(json.dumps(data), "utf-8")
    try:
        cells, remarks = read(path)
    except SubmissionError as error:
        assert str(error)
        return
    assert all(isinstance(cell["source"], str) for cell in cells)
    assert all(isinstance(remark, str) for remark in remarks)


def test_half_a_character_does_not_stop_the_grading(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = '#'")])
    path = tmp_path / "copie.ipynb"
    path.write_text(nbformat.writes(notebook).replace("#", "\\ud800"), "utf-8")
    cells, _ = read(path)
    assert cells[0]["source"] == "x = '?'"


@given(st.binary(max_size=80))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_refused_with_a_reason(tmp_path, data):
    path = tmp_path / "copie.ipynb"
    path.write_bytes(data)
    with pytest.raises(SubmissionError):
        read(path)


def test_a_notebook_of_format_3_is_read(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1")])
    old = nbformat.convert(notebook, 3)
    path = tmp_path / "copie.ipynb"
    path.write_text(nbformat.writes(old, version=3), "utf-8")
    cells, remarks = read(path)
    assert cells[0]["source"] == "x = 1"
    assert "ancien format" in remarks[0]


@given(st.text(alphabet="<>!/[]()abdhimgstrcp: \n`", max_size=60))
def test_what_a_student_writes_holds_no_tag(text):
    import re

    clean = harmless(text)
    assert not re.search(r"<[A-Za-z/!?]", clean)
    assert "![" not in clean
