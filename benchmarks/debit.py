"""Le débit d'entraînement (jetons par seconde, aller et retour) d'un réseau récurrent écrit à la main.

Côte à côte, tour après tour : le nôtre (``bptt_recurrence``, puis la boucle d'autograd), celui du
paquet d2l, ``nn.RNN``, et le produit de matrices de la machine, qui dit ce qu'elle sait faire de
mieux. Les rapports se calculent tour par tour : ce qui ralentit la machine les ralentit tous.
"""

import time

import torch
import torch.nn.functional as F
from torch import nn

import d2l_fr as d2l
from benchmarks.mesure import Spread, synchronize
from benchmarks.paquet_d2l import load_d2l

SIZES = [(32, 1024, 32), (256, 64, 32), (256, 256, 64), (512, 64, 64)]  # m, B, T
VOCAB = 28  # les lettres, l'espace, l'inconnu : le vocabulaire de D2L


class TorchLM(nn.Module):
    """Le même modèle de langage, autour de ``nn.RNN`` ; rend les logits (B, T, V)."""

    def __init__(self, num_hiddens):
        super().__init__()
        self.rnn = nn.RNN(VOCAB, num_hiddens)
        self.output = nn.Linear(num_hiddens, VOCAB)

    def forward(self, tokens):
        states, _ = self.rnn(F.one_hot(tokens.T, VOCAB).float())
        return self.output(states).transpose(0, 1)


class First(nn.Module):
    """Notre modèle, dont on ne garde que les logits."""

    def __init__(self, num_hiddens, recurrence):
        super().__init__()
        self.model = d2l.RNNLMScratch(d2l.RNNScratch(VOCAB, num_hiddens, recurrence), VOCAB)

    def forward(self, tokens):
        return self.model(tokens)[0]


def contenders(num_hiddens):
    """Les modèles comparés, par nom : chacun rend des logits (B, T, V)."""
    their = load_d2l()
    return {
        "main": First(num_hiddens, d2l.bptt_recurrence),
        "boucle": First(num_hiddens, d2l.loop_recurrence),
        "d2l": their.RNNLMScratch(their.RNNScratch(VOCAB, num_hiddens), VOCAB),
        "nn.RNN": TorchLM(num_hiddens),
    }


def flops_per_token(num_hiddens):
    """Les multiplications et additions d'un jeton, aller et retour.

    Trois produits par matrice : le résultat, son gradient par la matrice, et par l'entrée ; les
    codes one-hot n'ont pas de gradient.
    """
    return 2 * (2 * VOCAB * num_hiddens + 3 * num_hiddens**2 + 3 * num_hiddens * VOCAB)


def _rate(step, seconds, work):
    """Ce que ``step`` fait de travail par seconde, mesuré pendant ``seconds``."""
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        step()
        count += 1
    synchronize()
    return count * work / (time.perf_counter() - start)


def _training_step(model, tokens, targets):
    def step():
        loss = F.cross_entropy(model(tokens).reshape(-1, VOCAB), targets.reshape(-1))
        model.zero_grad()
        loss.backward()

    return step


def matmul_step(device, size=1024):
    """Un produit de deux matrices carrées, et le nombre de ses opérations."""
    left, right = (torch.randn(size, size, device=device) for _ in range(2))
    out = torch.empty(size, size, device=device)
    return lambda: torch.mm(left, right, out=out), 2 * size**3


def measure(size, rounds=7, seconds=0.6, device="cpu"):
    """Mesure une taille (m, B, T) ; rend les débits (jetons/s) et leurs rapports, en ``Spread``.

    Clés : chaque modèle, « produit » (opérations/s du produit de matrices), « main/… », et
    « part » : la part de ce produit que le nôtre atteint.
    """
    num_hiddens, batch, steps = size
    tokens, targets = torch.randint(VOCAB, (2, batch, steps), device=device)
    work = {
        name: (_training_step(model.to(device), tokens, targets), batch * steps)
        for name, model in contenders(num_hiddens).items()
    }
    work["produit"] = matmul_step(device)
    for step, _ in work.values():  # le premier passage paie les allocations
        step()
    rates = {name: [] for name in work}
    for _ in range(rounds):
        for name, (step, amount) in work.items():
            rates[name].append(_rate(step, seconds, amount))
    found = dict(rates)
    for other in ("boucle", "d2l", "nn.RNN"):
        found[f"main/{other}"] = [a / b for a, b in zip(rates["main"], rates[other], strict=True)]
    flops = flops_per_token(num_hiddens)
    found["part"] = [a * flops / b for a, b in zip(rates["main"], rates["produit"], strict=True)]
    return {name: Spread.of(values) for name, values in found.items()}
