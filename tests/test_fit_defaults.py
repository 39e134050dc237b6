"""Ce que ``fit`` fait sans qu'on le lui dise, et ce que montre sa barre."""

import inspect
import math

import pytest
import torch

from d2l_fr import training
from d2l_fr.rnn_scratch import RNNLMScratch, RNNScratch
from d2l_fr.training import History, fit

LN2 = math.log(2)


@pytest.fixture
def groups(monkeypatch):
    """Les réglages de l'optimiseur, à chaque pas."""
    seen, step = [], torch.optim.AdamW.step

    def spy(self, *args):
        seen.append({name: self.param_groups[0][name] for name in ("lr", "weight_decay")})
        return step(self, *args)

    monkeypatch.setattr(torch.optim.AdamW, "step", spy)
    return seen


def learn(**options):
    torch.manual_seed(0)
    net = RNNLMScratch(RNNScratch(5, 4), 5)
    text = torch.arange(5).repeat(500)
    return fit(net, text, progress=False, **options)


def test_the_settings_by_default_are_those_of_the_book(groups):
    history = learn(num_epochs=1)
    assert groups[0] == {"lr": 3e-3, "weight_decay": 0.01}
    # 2500 jetons moins le décalage : 64 suites de 38, en une fenêtre de 32 et une de 6.
    assert len(history.grad_norms) == 2 and history.tokens == 64 * 38
    defaults = {n: p.default for n, p in inspect.signature(fit).parameters.items()}
    assert defaults["num_epochs"] == 20 and defaults["seed"] == 0
    assert defaults["batch_size"] == 64 and defaults["num_steps"] == 32


def test_the_settings_given_reach_the_optimizer(groups):
    learn(num_epochs=1, lr=0.5, weight_decay=0.25)
    assert groups[0] == {"lr": 0.5, "weight_decay": 0.25}


def test_the_bar_shows_bits():
    history = History(train=[9.0, LN2])
    assert training._summary(history) == "entraînement 1,000 bits"
    history.valid = [9.0, 2.5 * LN2]
    assert training._summary(history) == "entraînement 1,000, validation 2,500 bits"


def test_the_bar_starts_where_the_training_resumes(monkeypatch, tmp_path):
    bars, tqdm = [], training.tqdm

    def spy(**options):
        bars.append(options)
        return tqdm(**options)

    monkeypatch.setattr(training, "tqdm", spy)
    for _ in range(2):
        learn(num_epochs=3, checkpoint=tmp_path / "reprise.pt")
    assert [bar["initial"] for bar in bars] == [0, 3]
    assert all(bar["total"] == 3 and bar["unit"] == "époque" for bar in bars)
