"""L'entraînement et la mesure : rien ne se perd, rien ne se fausse, et les erreurs parlent."""

import json
import math
import os
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from conftest import ROOT
from d2l_fr import training
from d2l_fr.language_model import NGramModel, sequential_batches
from d2l_fr.rnn_concise import RNNLM
from d2l_fr.rnn_scratch import RNNLMScratch, RNNScratch
from d2l_fr.training import detach, evaluate, fit, train_epoch

V = 7
torch.manual_seed(0)
TEXT = torch.cat([torch.arange(1, V).repeat(80), torch.randint(1, V, (120,))])  # (600,)
VALID = torch.arange(1, V).repeat(12)
FAST = {"batch_size": 8, "num_steps": 6, "progress": False}


def model(seed=0, num_hiddens=10):
    torch.manual_seed(seed)
    return RNNLMScratch(RNNScratch(V, num_hiddens), V)


def lstm(seed=0):
    torch.manual_seed(seed)
    return RNNLM(V, 8, cell="lstm", num_embed=5, dropout=0.3)


def weights(net):
    return {name: tensor.clone() for name, tensor in net.state_dict().items()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


class Counting(nn.Module):
    """Un n-gramme déguisé en réseau : l'état garde les derniers jetons lus."""

    def __init__(self, ngram):
        super().__init__()
        self.ngram, self.where = ngram, nn.Parameter(torch.zeros(()))

    def forward(self, tokens, state=None):
        rows, states = [], []
        for i, row in enumerate(tokens.tolist()):
            past = [] if state is None else [t for t in state[i].tolist() if t >= 0]
            row_logits = []
            for token in row:
                past = [*past, token]
                row_logits.append(torch.tensor(self.ngram.probs(past)).log())
            rows.append(torch.stack(row_logits))
            states.append(torch.tensor(([-1] * 9 + past)[-9:]))
        return torch.stack(rows), torch.stack(states)


# ---------- mesurer


def loss_one_by_one(net, tokens, num_steps=None):
    """La même mesure, sans ruse : un jeton à la fois."""
    net.eval()
    total, state = 0.0, None
    for i in range(len(tokens) - 1):
        if num_steps is not None and i % num_steps == 0:
            state = None
        logits, state = net(tokens[i].view(1, 1), state)
        total += F.cross_entropy(logits[0], tokens[i + 1 : i + 2]).item()
    return total / (len(tokens) - 1)


@pytest.mark.parametrize("make", [model, lstm])
@pytest.mark.parametrize("num_steps", [None, 1, 5, 32, 71, 72, 500])
def test_evaluate_is_the_plain_mean(make, num_steps):
    net, expected = make(), loss_one_by_one(make(), VALID, num_steps)
    for chunk in (1, 3, 7, 512):
        measured = evaluate(net, VALID, num_steps, chunk=chunk)
        assert measured == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("num_steps", [None, 1, 4, 32, 1000])
def test_cold_windows_are_those_of_the_ngrams(num_steps):
    ngram = NGramModel(TEXT, 4, V)
    expected = ngram.surprise(VALID, num_steps).mean()
    assert evaluate(Counting(ngram), VALID, num_steps) == pytest.approx(expected, rel=1e-5)


def test_the_total_is_divided_by_the_total():
    """Une fin de texte plus courte ne pèse pas autant qu'une fenêtre entière."""
    net, tokens = model(), VALID[:12]  # 11 prédictions : une fenêtre de 10, une de 1
    long, short = evaluate(net, tokens[:11]), evaluate(net, tokens[10:])
    assert evaluate(net, tokens, 10) == pytest.approx((10 * long + short) / 11, rel=1e-5)


def test_an_untrained_model_without_output_weights_is_uniform():
    net = model()
    nn.init.zeros_(net.W_hq)
    assert evaluate(net, VALID) == pytest.approx(math.log(V), rel=1e-6)


@pytest.mark.parametrize("was_training", [True, False])
def test_evaluate_ignores_dropout_and_restores_the_mode(was_training):
    net = lstm().train(was_training)
    assert evaluate(net, VALID) == evaluate(net, VALID)
    assert net.training is was_training
    assert all(weight.grad is None for weight in net.parameters())


def test_evaluate_takes_a_list():
    assert evaluate(model(), VALID.tolist()) == evaluate(model(), VALID)


@pytest.mark.parametrize(
    ("tokens", "options", "said"),
    [
        (VALID[:1], {}, "au moins deux jetons"),
        (VALID[:0], {}, "reçu : 0"),
        (VALID, {"num_steps": 0}, "num_steps = 0"),
        (VALID, {"chunk": 0}, "chunk = 0"),
    ],
)
def test_impossible_measures_are_told(tokens, options, said):
    with pytest.raises(ValueError, match=said):
        evaluate(model(), tokens, **options)


# ---------- une époque


def test_detach_cuts_a_tensor_or_a_pair():
    x = torch.ones(2, requires_grad=True) * 3
    for state in (x, (x, x + 1)):
        parts = detach(state) if isinstance(state, tuple) else (detach(state),)
        assert all(not part.requires_grad for part in parts)
        assert torch.equal(parts[0], x)


class Spy(nn.Module):
    """Note l'état qu'on lui donne."""

    def __init__(self):
        super().__init__()
        self.inner, self.seen = model(), []

    def forward(self, tokens, state=None):
        self.seen.append(state)
        logits, state = self.inner(tokens, state)
        self.last = state
        return logits, state


@pytest.mark.parametrize("carry_state", [True, False])
def test_the_state_is_carried_and_cut(carry_state):
    spy, lasts = Spy(), []
    batches = list(sequential_batches(TEXT, 4, 20))

    def record():
        for batch in batches:
            yield batch
            lasts.append(spy.last)

    optimizer = torch.optim.SGD(spy.parameters(), lr=0.1)
    losses, norms = train_epoch(spy, record(), optimizer, carry_state=carry_state)
    assert len(losses) == len(norms) == len(batches) == len(spy.seen)
    assert spy.seen[0] is None
    for given, left in zip(spy.seen[1:], lasts, strict=False):
        if carry_state:
            assert torch.equal(given, left) and not given.requires_grad
        else:
            assert given is None


def test_norms_are_those_before_clipping_and_none_does_not_clip():
    batches = list(sequential_batches(TEXT, 4, 20))[:1]
    moved = {}
    for clip in (1e-3, None):
        net = model()
        before = weights(net)
        _, [norm] = train_epoch(net, batches, torch.optim.SGD(net.parameters(), lr=1.0), clip)
        moved[clip] = math.sqrt(
            sum(float((before[n] - w).square().sum()) for n, w in weights(net).items())
        )
        assert norm > 0.05
    assert moved[1e-3] == pytest.approx(1e-3, rel=1e-2)
    assert moved[None] == pytest.approx(norm, rel=1e-4)


def test_a_loss_that_is_not_a_number_stops_before_touching_the_weights():
    net = model()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with torch.no_grad():
        net.b_q[2] = math.nan
    before = net.rnn.W_hh.clone()
    batches = sequential_batches(TEXT, 4, 20)
    with pytest.raises(FloatingPointError, match=r"Lot 1 : la perte vaut nan.*Baissez le taux"):
        train_epoch(net, batches, optimizer)
    assert torch.equal(net.rnn.W_hh, before)


def test_a_gradient_that_overflows_stops_too():
    net = model()
    net.W_hq.register_hook(lambda gradient: gradient * math.inf)
    before = weights(net)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with pytest.raises(FloatingPointError, match="la norme du gradient"):
        train_epoch(net, sequential_batches(TEXT, 4, 20), optimizer)
    assert same(before, weights(net))


# ---------- entraîner


THREADS = """
import json, torch
from d2l_fr.language_model import bits_per_token
from d2l_fr.rnn_scratch import RNNLMScratch, RNNScratch
from d2l_fr.training import evaluate, fit

tokens = torch.randint(60, (700,), generator=torch.Generator().manual_seed(0)).sort().values
for threads in (1, 2):
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    net = RNNLMScratch(RNNScratch(60, 128), 60)
    history = fit(net, tokens[:600], num_epochs=2, batch_size=32, num_steps=8, progress=False)
    measured = *history.train, evaluate(net, tokens[600:], 8)
    print(json.dumps([threads == torch.get_num_threads(), *map(bits_per_token, measured)]))
"""


def test_the_number_of_threads_changes_no_digit_that_the_book_shows():
    """Les sommes changent d'ordre avec les fils ; le tableau des résultats n'en montre rien."""
    # Des fils qui attendent sans tourner : sur une machine chargée, l'essai reste court.
    environment = os.environ | {"OMP_WAIT_POLICY": "passive", "OMP_NUM_THREADS": "2"}
    run = subprocess.run([sys.executable, "-c", THREADS], env=environment, cwd=ROOT,
                         capture_output=True, text=True, check=True)  # fmt: skip
    one, two = map(json.loads, run.stdout.splitlines())
    assert one[0] and two[0] and len(one) == 4
    assert one == pytest.approx(two, rel=0, abs=5e-4)


def test_fit_learns_and_tells_what_it_saw():
    net = model()
    start = evaluate(net, VALID)
    history = fit(net, TEXT, VALID, num_epochs=6, lr=0.02, **FAST)
    assert len(history.train) == len(history.valid) == 6
    assert history.train[-1] < history.train[0] and history.valid[-1] < start / 2
    assert history.seconds > 0 and not history.interrupted
    # 599 jetons à prédire, moins le décalage tiré au sort et ce que 8 ne divise pas
    assert 6 * (599 - 5 - 7) <= history.tokens <= 6 * 599
    assert len(history.grad_norms) == pytest.approx(history.tokens / (8 * 6), rel=0.1)
    assert evaluate(net, VALID) == min(history.valid)
    assert history.valid[history.best_epoch - 1] == min(history.valid)


def test_the_same_seed_gives_the_same_weights():
    nets = [model(), model(), model()]
    for net, seed in zip(nets, (1, 1, 2), strict=True):
        torch.manual_seed(seed * 17 + len(nets))  # l'état du générateur global n'y fait rien
        fit(net, TEXT, num_epochs=2, seed=seed, **FAST)
    assert same(weights(nets[0]), weights(nets[1]))
    assert not same(weights(nets[0]), weights(nets[2]))


def test_fit_leaves_the_global_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(2)
    net = model()
    torch.manual_seed(5)
    fit(net, TEXT, num_epochs=1, **FAST)
    assert torch.equal(torch.rand(2), expected)


def test_the_rate_falls_in_a_straight_line(monkeypatch):
    rates = []
    step = torch.optim.AdamW.step
    monkeypatch.setattr(
        torch.optim.AdamW,
        "step",
        lambda self, *args: (rates.append(self.param_groups[0]["lr"]), step(self, *args))[1],
    )
    fit(model(), TEXT, num_epochs=4, lr=0.01, **FAST)
    drops = torch.tensor(rates).diff()
    assert rates[0] == 0.01 and 0 < rates[-1] < 0.01 / 40
    assert drops.max() < 0 and float(drops.min()) == pytest.approx(float(drops.mean()), rel=0.1)


def test_cold_training_reads_random_windows():
    history = fit(model(), TEXT, num_epochs=2, carry_state=False, **FAST)
    assert history.tokens % 6 == 0 and history.valid == [] and history.best_epoch == 2


def test_the_best_weights_come_back(monkeypatch):
    """La validation remonte : on garde les poids de la deuxième époque."""
    net, kept, scripted = model(), [], iter([2.0, 1.0, 3.0, 1.0, 4.0])

    def scripted_evaluate(net, tokens):
        kept.append(weights(net))
        return next(scripted)

    monkeypatch.setattr(training, "evaluate", scripted_evaluate)
    history = fit(net, TEXT, VALID, num_epochs=5, **FAST)
    assert history.best_epoch == 2 and history.valid == [2.0, 1.0, 3.0, 1.0, 4.0]
    assert same(weights(net), kept[1])


@pytest.mark.parametrize(("patience", "epochs"), [(1, 3), (2, 4), (3, 7), (9, 7)])
def test_patience_counts_the_epochs_without_progress(monkeypatch, patience, epochs):
    scripted = iter([3.0, 2.0, 2.5, 2.0, 1.0, 1.5, 1.2])
    monkeypatch.setattr(training, "evaluate", lambda net, tokens: next(scripted))
    history = fit(model(), TEXT, VALID, num_epochs=7, patience=patience, **FAST)
    assert len(history.train) == len(history.valid) == epochs
    assert history.best_epoch == (2 if epochs < 5 else 5)


class Bomb(nn.Module):
    """Un modèle qui s'arrête, ou déraille, au bout d'un nombre donné d'appels."""

    def __init__(self, inner, calls, what):
        super().__init__()
        self.inner, self.calls, self.what = inner, calls, what

    def forward(self, tokens, state=None):
        self.calls -= self.training
        logits, state = self.inner(tokens, state)
        if self.calls < 0 and self.training:
            if self.what == "nan":
                return logits * math.nan, state
            raise self.what
        return logits, state


BATCHES = 13  # par époque, à un près selon le décalage


def test_ctrl_c_keeps_the_best_weights():
    reference = model()
    fit(reference, TEXT, VALID, num_epochs=9, lr=0.02, **FAST)
    net = Bomb(model(), int(2.5 * BATCHES), KeyboardInterrupt())
    history = fit(net, TEXT, VALID, num_epochs=9, lr=0.02, **FAST)
    assert history.interrupted and len(history.train) == len(history.valid) == 2
    assert len(history.grad_norms) == pytest.approx(2 * BATCHES, abs=2)
    assert evaluate(net, VALID) == history.valid[history.best_epoch - 1]


def test_ctrl_c_before_the_end_of_the_first_epoch():
    net = Bomb(model(), 3, KeyboardInterrupt())
    history = fit(net, TEXT, VALID, num_epochs=2, **FAST)
    assert history.interrupted and history.train == history.valid == []
    assert math.isfinite(evaluate(net, VALID))


def test_ctrl_c_during_validation_forgets_the_unfinished_epoch(monkeypatch):
    calls = []

    def interrupted(net, tokens):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return evaluate(net, tokens)

    monkeypatch.setattr(training, "evaluate", interrupted)
    net = model()
    history = fit(net, TEXT, VALID, num_epochs=5, **FAST)
    assert history.interrupted and len(history.train) == len(history.valid) == 1
    assert evaluate(net, VALID) == history.valid[0]


def test_a_loss_that_derails_gives_the_best_weights_back():
    net = Bomb(model(), int(2.5 * BATCHES), "nan")
    with pytest.raises(FloatingPointError, match=r"clip = 1\.0"):
        fit(net, TEXT, VALID, num_epochs=9, lr=0.02, **FAST)
    reference = Bomb(model(), int(2.5 * BATCHES), KeyboardInterrupt())
    history = fit(reference, TEXT, VALID, num_epochs=9, lr=0.02, **FAST)
    assert history.best_epoch and same(weights(net), weights(reference))


def test_other_errors_are_not_hidden():
    with pytest.raises(ZeroDivisionError):
        fit(Bomb(model(), 2, ZeroDivisionError()), TEXT, num_epochs=1, **FAST)


def test_the_bar_obeys_progress_and_the_environment(capfd):
    fit(model(), TEXT, num_epochs=1, **FAST | {"progress": True})
    shown = capfd.readouterr().err
    assert "époque" in shown and "bits" in shown
    fit(model(), TEXT, num_epochs=1, **FAST)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"num_epochs": 0}, "num_epochs = 0"),
        ({"num_steps": 0}, "num_steps = 0"),
        ({"num_steps": 0, "carry_state": False}, "num_steps = 0"),
        ({"batch_size": 0}, "batch_size = 0"),
        ({"batch_size": 2.5}, "batch_size = 2.5"),
        ({"lr": 0}, "lr = 0"),
        ({"lr": -1}, "strictement positifs"),
        ({"weight_decay": -1}, "weight_decay = -1"),
        ({"clip": 0}, "clip=None pour ne pas écrêter"),
        ({"patience": 0, "valid": VALID}, "patience = 0"),
        ({"patience": 2}, "patience demande un passage de validation"),
        ({"train": TEXT[:0]}, "train : texte trop court, 0 jetons ; il en faut au moins 14"),
        ({"train": TEXT[:13]}, "baissez batch_size et num_steps"),
        ({"train": TEXT[:6], "carry_state": False}, "au moins 7"),
        ({"valid": VALID[:1]}, "valid : texte trop court"),
        ({"train": TEXT.float()}, "une suite d'indices"),
        ({"train": TEXT.view(2, -1)}, r"de forme \(2, 300\)"),
    ],
)
def test_impossible_settings_are_told_before_anything_moves(options, said):
    net = model()
    before = weights(net)
    with pytest.raises(ValueError, match=said):
        fit(net, **FAST | {"train": TEXT} | options)
    assert same(before, weights(net))


@pytest.mark.parametrize("carry_state", [True, False])
def test_the_shortest_text_is_enough(carry_state):
    shortest = TEXT[: 14 if carry_state else 7]
    for seed in range(8):  # quel que soit le décalage tiré
        fit(model(), shortest, num_epochs=1, carry_state=carry_state, seed=seed, **FAST)


def test_a_list_of_indices_is_accepted():
    nets = model(), model()
    fit(nets[0], TEXT.tolist(), VALID.tolist(), num_epochs=1, **FAST)
    fit(nets[1], TEXT, VALID, num_epochs=1, **FAST)
    assert same(weights(nets[0]), weights(nets[1]))
