"""Le processus isolé, essayé d'ici : ce qu'il répond, ce qu'il tait, les limites qu'il se pose."""

import io
import json
import os
import resource
import sys

import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell

from d2l_fr.assignments import wire, worker


@pytest.fixture
def shell(monkeypatch):
    """L'IPython du processus ; il prend la place de ``__main__``, qui revient ensuite."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    monkeypatch.setattr(InteractiveShell, "_instance", None)  # un autre test en a pu laisser un
    return worker.make_shell()


@pytest.fixture
def ask(shell):
    """Donne des ordres à la suite ; rend les réponses, sans leur ticket (vérifié ici)."""

    def given(*orders):
        lines = [json.dumps(order | {"ticket": str(n)}) for n, order in enumerate(orders)]
        answers = io.StringIO()
        worker.serve(lines, answers, shell, wire)
        found = [json.loads(line) for line in answers.getvalue().splitlines()]
        assert [answer.pop("ticket") for answer in found] == [str(n) for n in range(len(orders))]
        return found

    return given


def cell(source):
    return {"ordre": "cellule", "source": source}


def call(name, *args, **kwargs):
    return {"ordre": "appel", "nom": name, "entrees": wire.encode((args, kwargs))}


def test_a_function_is_defined_then_called(ask):
    done, answer = ask(cell("def f(x, k=1):\n    return k * x\n"), call("f", np.arange(3), k=2))
    assert done == {}
    assert wire.decode(answer["valeur"]).tolist() == [0, 2, 4]


def test_a_name_that_is_not_a_function_is_absent(ask):
    assert ask(cell("f = 3"), call("f"), call("g")) == [{}, {"absent": True}, {"absent": True}]


@pytest.mark.parametrize(
    ("source", "error", "line"),
    [
        ("x = 1\n1 / 0\n", "ZeroDivisionError", 2),
        ("x = (\n", "SyntaxError", 1),
        ("import json\n\njson.loads('{')\n", "JSONDecodeError", 3),
        ("raise SystemExit\n", "SystemExit", 1),
    ],
)
def test_an_error_is_named_with_the_line_of_the_student(ask, source, error, line):
    assert ask(cell(source)) == [{"erreur": error, "ligne": line}]


def test_what_a_call_raises_is_named_too(ask):
    source = "class Perdu(BaseException): pass\n\ndef f():\n    raise Perdu('secret')\n"
    assert ask(cell(source), call("f"))[1] == {"erreur": "Perdu", "ligne": 4}


def test_the_commands_of_a_notebook_do_nothing(ask, tmp_path):
    there = tmp_path / "touché"
    sources = [
        f"!touch {there}",
        f"x = !touch {there}",
        f"%sx touch {there}",
        "%matplotlib inline",
        "%gui qt",
    ]
    assert ask(*map(cell, sources)) == [{}] * len(sources)
    assert not there.exists()
    assert ask(cell("assert x == [] and get_ipython().getoutput('ls', split=False) == ''")) == [{}]


def test_nothing_is_shown(ask, capsys):
    ask(cell("3"), cell("1 / 0"), cell("x = ("))
    assert "".join(capsys.readouterr()) == ""


def test_an_order_that_is_not_understood_does_not_stop_the_rest(ask):
    odd = {"ordre": "x"}, {"ordre": "appel", "nom": "print", "entrees": {"tableau": 1}}
    said = ask(*odd, cell("def f(): return 1"), {"ordre": "appel", "nom": "f", "entrees": 3})
    assert said[0] == {"erreur": "KeyError"}
    assert said[1] == {"absent": True}  # les fonctions de Python ne sont pas dans la copie
    assert said[3] == {"erreur": "TypeError"}
    assert ask(call("f")) == [{"valeur": 1}]


def test_a_result_too_big_is_not_sent(ask, monkeypatch):
    monkeypatch.setattr(worker, "ANSWER_BYTES", 1000)
    said = ask(cell("def f(n): return [0] * n"), call("f", 1000), call("f", 10))
    assert said[1:] == [{"erreur": "ResultatTropGros"}, {"valeur": {"liste": [0] * 10}}]


def test_a_result_of_the_greatest_size_is_sent(ask, monkeypatch):
    ask(cell("def f(n): return [0] * n"))
    (answer,) = ask(call("f", 10))
    monkeypatch.setattr(worker, "ANSWER_BYTES", len(json.dumps(answer | {"ticket": "0"})))
    assert ask(call("f", 10)) == [answer]
    monkeypatch.setattr(worker, "ANSWER_BYTES", worker.ANSWER_BYTES - 1)
    assert ask(call("f", 10)) == [{"erreur": "ResultatTropGros"}]


@pytest.mark.parametrize("refusal", [ValueError, OSError])
def test_the_limits_are_the_lowest_of_ours_and_of_the_machine(monkeypatch, refusal):
    hard = {resource.RLIMIT_AS: resource.RLIM_INFINITY, resource.RLIMIT_NOFILE: 16}
    put = {}

    def refuse_or_note(kind, limits):
        if kind == resource.RLIMIT_NPROC:
            raise refusal
        put[kind] = limits

    monkeypatch.setattr(resource, "getrlimit", lambda kind: (0, hard.get(kind, 10**6)))
    monkeypatch.setattr(resource, "setrlimit", refuse_or_note)
    worker.limit(10**9, 48, 32_000)
    assert put == {
        resource.RLIMIT_AS: (10**9, 10**9),
        resource.RLIMIT_FSIZE: (32_000, 32_000),
        resource.RLIMIT_NOFILE: (16, 16),
        resource.RLIMIT_CORE: (0, 0),
    }


def test_the_copy_reads_nothing_and_writes_into_the_void():
    kept = [os.dup(number) for number in range(3)]
    (ours, to_us), (from_us, theirs) = os.pipe(), os.pipe()
    try:
        os.dup2(ours, 0)
        os.dup2(theirs, 1)
        orders, answers = worker.private_channel()
        os.write(1, b"bruit")
        os.write(2, b"bruit")
        read = os.read(0, 10)
        os.write(to_us, "ordre donné\n".encode())
        with orders, answers:
            line = orders.readline()
            answers.write("réponse\n")
        said = os.read(from_us, 100)
    finally:
        for number, copy in enumerate(kept):
            os.dup2(copy, number)
        for number in (*kept, ours, to_us, from_us, theirs):
            os.close(number)
    assert (read, line, said.decode()) == (b"", "ordre donné\n", "réponse\n")


def test_the_process_limits_itself_before_the_first_order(monkeypatch, shell):
    """``main``, ses fils de calcul, ses limites et son tube mis à part."""
    put, answers = [], io.StringIO()
    orders = [json.dumps(cell("x = d2l_fr") | {"ticket": "a"})]
    monkeypatch.setattr(worker, "private_channel", lambda: (orders, answers))
    monkeypatch.setattr(worker, "make_shell", lambda: shell)
    monkeypatch.setattr(worker, "limit", lambda *limits: put.append(limits))
    for name in ("set_num_threads", "set_num_interop_threads"):
        monkeypatch.setattr(torch, name, put.append)
    monkeypatch.setattr(sys, "argv", ["worker.py", "1000", "48", "32"])
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("MPLBACKEND", "Agg")
    worker.main()
    assert put == [1, 1, (1000, 48, 32)]
    ready, answer = map(json.loads, answers.getvalue().splitlines())
    assert ready == {"pret": True}
    assert answer == {"erreur": "NameError", "ligne": 1, "ticket": "a"}
