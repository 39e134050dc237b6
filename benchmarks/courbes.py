"""La perplexité contre la durée d'apprentissage, sur les fenêtres de validation de D2L.

Cinq graines de chaque côté. L'exemple ``rnn-scratch`` de D2L est exécuté tel que le paquet le
publie, sans ses dessins ; notre réseau, une récurrence tanh aussi simple, reçoit le nombre
d'époques qui tient dans la même durée. Ce que coûtent nos mesures en chemin n'est pas compté.
"""

import time
from unittest import mock

import torch

from benchmarks import time_machine as example
from benchmarks.paquet_d2l import load_d2l
from d2l_fr import training

EVERY = 5  # époques de D2L entre deux mesures


def theirs(raw, seed, epochs):
    """L'exemple de D2L : une liste de (secondes d'apprentissage, perplexité)."""
    their, curve = load_d2l(), []
    data = example.d2l_data(raw)
    windows = slice(example.FIRST, example.LAST)
    X, Y = data.X[windows], data.Y[windows]

    class Timed(their.Trainer):
        seconds = 0.0

        def fit_epoch(self):
            start = time.perf_counter()
            super().fit_epoch()
            self.seconds += time.perf_counter() - start
            if (self.epoch + 1) % EVERY == 0:
                curve.append((self.seconds, example.window_perplexity(self.model, X, Y)))

    torch.manual_seed(seed)
    model = example.d2l_model(data)
    Timed(max_epochs=epochs, gradient_clip_val=1, num_gpus=0).fit(model, data)
    return curve


def ours(train, windows, vocab_size, num_hiddens, epochs, seed):
    """Notre réseau : la même liste, une mesure par époque."""
    perplexities = []

    def measured(model, *_):
        X, Y = windows[:, :-1], windows[:, 1:]
        perplexities.append(example.window_perplexity(lambda x: model(x)[0], X, Y))
        return float(len(perplexities))  # on ne choisit pas l'époque sur ces fenêtres

    # ``fit`` ne chronomètre pas sa validation : la nôtre y prend place.
    with mock.patch.object(training, "evaluate", measured):
        _, history = example.fit_ours(train, vocab_size, num_hiddens, epochs, seed, valid=train[:2])
    step = history.seconds / epochs
    return [(step * (i + 1), value) for i, value in enumerate(perplexities)]


def measure(raw, seeds=5, epochs=100, num_hiddens=384):
    """Rend les courbes de D2L et les nôtres, une par graine, et la perplexité du comptage."""
    their_curves = [theirs(raw, seed, epochs) for seed in range(seeds)]
    allowed = sorted(curve[-1][0] for curve in their_curves)[seeds // 2]
    train, windows, vocab_size = example.divide(raw)
    ours(train, windows[:64], vocab_size, num_hiddens, 1, 0)  # paie les allocations
    trial = ours(train, windows[:64], vocab_size, num_hiddens, 2, 0)
    count = max(1, int(allowed / trial[0][0]))
    curves = [ours(train, windows, vocab_size, num_hiddens, count, seed) for seed in range(seeds)]
    counting = example.counting_perplexity(train, windows, vocab_size)
    return {"d2l": their_curves, "nous": curves, "comptage": counting}
