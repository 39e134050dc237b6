"""Le tableau des résultats : des lignes déclarées par les pages, rassemblées dans l'ordre."""

import json
import math
from types import SimpleNamespace

import pytest

import d2l_fr as d2l
import resultats
from d2l_fr import results

LN2 = math.log(2)


def test_a_row_is_shown_in_bits_and_given_to_the_book(capsys, monkeypatch):
    glued = {}
    monkeypatch.setattr(results, "glue", lambda name, value: glued.update({name: value}))
    assert d2l.result("x", "Modèle", carried=2 * LN2, cold=3 * LN2, seconds=12.4) is None
    assert capsys.readouterr().out == (
        "Modèle : 2,000 bits par caractère (perplexité 4,00) ; en fenêtres froides, 3,000 ; "
        "appris en 12 s\n"
    )
    row = json.loads(glued["resultat:x"])
    assert row == {"label": "Modèle", "carried": 2 * LN2, "cold": 3 * LN2, "seconds": 12.4}


def test_what_was_not_measured_is_neither_shown_nor_invented(capsys, monkeypatch):
    glued = {}
    monkeypatch.setattr(results, "glue", lambda name, value: glued.update({name: value}))
    d2l.result("x", "Modèle", carried=LN2)
    line = capsys.readouterr().out
    assert line == "Modèle : 1,000 bits par caractère (perplexité 2,00)\n"
    row = json.loads(glued["resultat:x"])
    assert row == {"label": "Modèle", "carried": LN2, "cold": None, "seconds": None}


@pytest.mark.parametrize("bad", [{"carried": math.nan}, {"carried": -1.0}, {"cold": math.inf}])
def test_a_loss_that_is_not_one_is_refused(bad):
    with pytest.raises(ValueError, match=f"^{next(iter(bad))} = "):
        d2l.result("x", "Modèle", **{"carried": 1.0} | bad)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.02, "moins de 0,1 s"), (0.1, "0,1 s"), (3.21, "3,2 s"), (10, "10 s"), (10.4, "10 s")],
)
def test_a_duration_reads_well(seconds, text):
    assert results.duration(seconds) == text


@pytest.fixture
def app(tmp_path):
    """Un livre de trois pages, dont les deux premières ont déclaré des lignes."""
    executed = tmp_path / "jupyter_execute"
    executed.mkdir()

    def declare(page, **rows):
        outputs = {
            f"resultat:{key}": {"data": {"text/plain": repr(json.dumps({"label": key, **row}))}}
            for key, row in rows.items()
        }
        outputs["autre"] = {"data": {"text/plain": "'1,5'"}}
        (executed / f"{page}.glue.json").write_text(json.dumps(outputs), "utf-8")

    declare("language-model", compte={"carried": 2 * LN2, "cold": 2.5 * LN2, "seconds": 0.01})
    declare("rnn-scratch", rnn={"carried": 1.9 * LN2, "cold": None, "seconds": 20.0})
    env = SimpleNamespace(
        config=SimpleNamespace(root_doc="index"),
        toctree_includes={"index": ["language-model", "rnn-scratch", "fin"]},
        metadata={"fin": {"resultats": True}, "index": {}},
    )
    return SimpleNamespace(env=env, outdir=str(tmp_path / "html"))


def test_a_page_shows_the_rows_up_to_itself(app):
    assert [row[0] for row in resultats.lines(app, "language-model")] == ["compte"]
    assert [row[0] for row in resultats.lines(app, "fin")] == ["compte", "rnn"]


def test_the_columns_say_who_wins_and_by_how_much(app):
    compte, rnn = resultats.lines(app, "fin")
    assert compte == ("compte", "2,000", "référence", "4,00", "2,500", "moins de 0,1 s")
    assert rnn == ("rnn", "**1,900**", "−0,100", "3,73", "–", "20 s")


def test_the_notebook_gets_the_same_table_in_markdown(app):
    text = resultats.markdown(app, "fin").split("\n")
    assert len(text) == 4 and all(line.count("|") == 7 for line in text)
    assert "**1,900**" in text[3]


def test_pages_that_show_the_table_are_written_again(app):
    assert resultats.dependents(app, app.env) == ["fin"]
