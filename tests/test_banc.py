"""Le banc d'essai : des rapports justes, un modèle du toit juste, une page qui dit ses mesures.

Aucune durée n'est jugée ici : les tailles sont minuscules, et ce sont les calculs qu'on vérifie.
"""

import json
import re
import subprocess
import sys

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import d2l_fr as d2l
from benchmarks import debit, donnees, mesure, rapport, toit
from conftest import ROOT

RESULTS = json.loads((ROOT / "benchmarks" / "resultats.json").read_text("utf-8"))
PAGE = (ROOT / "book" / "banc-d-essai.md").read_text("utf-8")


def test_a_spread_is_the_median_and_the_quartiles():
    spread = mesure.Spread.of([5, 1, 3, 2, 4])
    assert (spread.median, spread.low, spread.high) == (3, 2, 4)
    assert mesure.Spread.of([2, 1]) == mesure.Spread(1.5, 1, 2)


def test_ratios_are_taken_round_by_round():
    assert mesure.ratios([2, 6], [1, 2]) == [2, 3]
    with pytest.raises(ValueError):
        mesure.ratios([1], [1, 2])


class CountOperations(TorchDispatchMode):
    """Compte les multiplications et additions des produits de matrices que PyTorch exécute."""

    total = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        if name in ("mm", "addmm", "addmm_"):
            left, right = args[-2:]
            self.total += 2 * left.shape[0] * left.shape[1] * right.shape[1]
        return func(*args, **(kwargs or {}))


def expected_operations(size):
    """L'état initial, nul, n'a pas de gradient : un produit en arrière de moins."""
    m, batch, steps = size
    return batch * (steps * debit.flops_per_token(m) - 2 * m**2)


def test_the_operations_of_a_token_are_those_that_torch_runs():
    size = m, batch, steps = 16, 4, 5
    model = debit.Logits(m, d2l.bptt_recurrence)
    tokens, targets = torch.randint(debit.VOCAB, (2, batch, steps))
    with CountOperations() as counter:
        debit.training_step(model, tokens, targets)()
    assert counter.total == expected_operations(size)


def test_the_products_alone_are_those_of_a_training_step():
    size = (16, 4, 5)
    with CountOperations() as counter:
        debit.only_products(size)()
    assert counter.total == expected_operations(size)


def test_the_models_compared_have_the_same_shapes_and_weights():
    try:
        models = debit.contenders(8)
    except subprocess.CalledProcessError:
        pytest.fail("le paquet d2l ne s'installe pas : PyPI répond-il ?")
    tokens = torch.randint(debit.VOCAB, (3, 5))
    for name, model in models.items():
        assert model(tokens).shape == (3, 5, debit.VOCAB), name
        weights = sum(p.numel() for p in model.parameters())
        assert weights == 8 * 8 + 2 * 8 * debit.VOCAB + 8 + debit.VOCAB + 8 * (name == "nn.RNN")


def test_the_intensity_is_the_one_the_page_gives():
    B, m = 64, 256
    assert toit.intensity(B, m) == pytest.approx(B * m / (2 * (2 * B + m)))
    assert toit.intensity(1, 10_000) == pytest.approx(0.5, rel=1e-3)
    assert toit.intensity(10**7, m) == pytest.approx(m / 4, rel=1e-3)


def test_a_process_alone_reports_its_own_memory():
    _, taken = mesure.alone('kept = b"x" * 64_000_000')
    assert 60e6 < taken < 80e6
    _, before = mesure.alone("pass", 'kept = b"x" * 64_000_000')
    assert before < 10e6


def test_growth_is_the_exponent_of_the_duration():
    assert donnees.growth([(1, 2.0, 0), (2, 4.0, 0), (4, 8.0, 0)]) == pytest.approx(1)
    assert donnees.growth([(10, 1.0, 0), (20, 4.0, 0)]) == pytest.approx(2)


def test_the_page_shows_the_measures_that_are_kept():
    """Les tableaux de la page sont ceux que donnent les mesures gardées, au signe près."""
    expected = {
        "debit": rapport.throughput(RESULTS["debit"]),
        "donnees": rapport.preparation(RESULTS["donnees"]),
        "memoire": rapport.memory(RESULTS["donnees"]),
        "chapitre": rapport.chapter(RESULTS["chapitre"]),
    }
    for name, text in expected.items():
        assert (rapport.TABLES / f"{name}.txt").read_text("utf-8") == text, name
        assert f"{{include}} mesures/{name}.txt" in PAGE
    assert len(RESULTS["courbes"]["nous"]) == len(RESULTS["courbes"]["d2l"]) == 5
    assert RESULTS["machine"] in (rapport.TABLES / "machine.txt").read_text("utf-8")


def test_the_measures_bear_out_what_the_page_says():
    """Les phrases de la page qui comparent : les mesures gardées ne les démentent pas."""
    ends = {who: [c[-1][1] for c in RESULTS["courbes"][who]] for who in ("d2l", "nous")}
    assert max(ends["nous"]) <= 3.9 < 7 < min(ends["d2l"])
    assert RESULTS["donnees"]["fenêtres"]["rapport"]["median"] >= 50
    counting = RESULTS["donnees"]
    for rows in (*counting["vocabulaire"].values(), counting["n-grammes"]):
        assert 0.7 < donnees.growth(rows) < 1.3  # proportionnelle à la longueur
    for rows in (counting["vocabulaire"]["mots, au fil d'un fichier"], counting["n-grammes"]):
        assert rows[-1][2] / rows[-1][0] < 1  # octets par signe
    assert counting["écriture"]["rapport"]["median"] < 1
    for (m, *_), values in RESULTS["debit"]:
        assert values[f"main/{debit.THEIRS}"]["median"] > 1
        if m == 512:
            assert values["part"]["median"] >= 0.6


def test_an_unknown_part_is_refused_in_french():
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks", "inconnue"], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 2
    assert re.search("partie inconnue : inconnue", run.stderr)
