"""Le débit d'entraînement (jetons par seconde, aller et retour) d'un réseau écrit à la main.

Côte à côte, tour après tour : le nôtre (``bptt_recurrence``, puis la boucle d'autograd), celui du
paquet d2l, ``nn.RNN``, et le produit de matrices de la machine, qui dit ce qu'elle sait faire de
mieux. Les rapports se calculent tour par tour : ce qui ralentit la machine les ralentit tous.
"""

import time

import torch
import torch.nn.functional as F
from torch import nn

import d2l_fr as d2l
from benchmarks.mesure import Spread, ratios, synchronize
from benchmarks.paquet_d2l import load_d2l

SIZES = [(32, 1024, 32), (256, 64, 32), (256, 256, 64), (512, 64, 64)]  # m, B, T
VOCAB = 28  # les lettres, l'espace, l'inconnu : le vocabulaire de D2L
OURS, LOOP, THEIRS, TORCH, PRODUCT = "main", "boucle", "d2l", "nn.RNN", "produit"


class TorchLM(nn.Module):
    """Le même modèle de langage, autour de ``nn.RNN`` ; rend les logits (B, T, V)."""

    def __init__(self, num_hiddens):
        super().__init__()
        self.rnn = nn.RNN(VOCAB, num_hiddens)
        self.output = nn.Linear(num_hiddens, VOCAB)

    def forward(self, tokens):
        states, _ = self.rnn(F.one_hot(tokens.T, VOCAB).float())
        return self.output(states).transpose(0, 1)


class Logits(nn.Module):
    """Notre modèle, dont on ne garde que les logits (B, T, V)."""

    def __init__(self, num_hiddens, recurrence):
        super().__init__()
        self.model = d2l.RNNLMScratch(d2l.RNNScratch(VOCAB, num_hiddens, recurrence), VOCAB)

    def forward(self, tokens):
        return self.model(tokens)[0]


def contenders(num_hiddens):
    """Les modèles comparés, par nom : chacun rend des logits (B, T, V)."""
    their = load_d2l()
    return {
        OURS: Logits(num_hiddens, d2l.bptt_recurrence),
        LOOP: Logits(num_hiddens, d2l.loop_recurrence),
        THEIRS: their.RNNLMScratch(their.RNNScratch(VOCAB, num_hiddens), VOCAB),
        TORCH: TorchLM(num_hiddens),
    }


def flops_per_token(num_hiddens):
    """Les multiplications et additions d'un jeton, aller et retour.

    Trois produits par matrice : le résultat, son gradient par la matrice, et par l'entrée ; les
    codes one-hot n'ont pas de gradient.
    """
    return 2 * (2 * VOCAB * num_hiddens + 3 * num_hiddens**2 + 3 * num_hiddens * VOCAB)


def rate(step, seconds, work, device="cpu"):
    """Ce que ``step`` fait de travail par seconde, mesuré pendant ``seconds``."""
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        step()
        count += 1
    synchronize(device)
    return count * work / (time.perf_counter() - start)


def training_step(model, tokens, targets):
    """Un aller et retour : les logits, la perte moyenne, les gradients de tous les poids."""

    def step():
        loss = F.cross_entropy(model(tokens).reshape(-1, VOCAB), targets.reshape(-1))
        model.zero_grad()
        loss.backward()

    return step


def product_step(rows, inner, columns, device="cpu"):
    """Un produit de deux matrices de ces dimensions, et le nombre de ses opérations."""
    left, right = (
        torch.randn(rows, inner, device=device),
        torch.randn(inner, columns, device=device),
    )
    out = torch.empty(rows, columns, device=device)
    return lambda: torch.mm(left, right, out=out), 2 * rows * inner * columns


def measure(size, rounds=9, seconds=0.5, device="cpu"):
    """Mesure une taille (m, B, T) ; rend, par nom, des ``Spread``.

    Les débits, par seconde : en jetons ; en opérations pour « produit » et pour « pas », le
    produit d'un pas de temps. « main/… », les rapports du nôtre aux autres ; « part », ce que le
    nôtre atteint du produit de matrices.
    """
    num_hiddens, batch, steps = size
    tokens, targets = torch.randint(VOCAB, (2, batch, steps), device=device)
    work = {
        name: (training_step(model.to(device), tokens, targets), batch * steps)
        for name, model in contenders(num_hiddens).items()
    }
    work[PRODUCT] = product_step(1024, 1024, 1024, device)
    work["pas"] = product_step(batch, num_hiddens, num_hiddens, device)
    for step, _ in work.values():  # le premier passage paie les allocations
        step()
    found = {name: [] for name in work}
    for _ in range(rounds):
        for name, (step, amount) in work.items():
            found[name].append(rate(step, seconds, amount, device))
    for other in (LOOP, THEIRS, TORCH):
        found[f"{OURS}/{other}"] = ratios(found[OURS], found[other])
    flops = flops_per_token(num_hiddens)
    found["part"] = [flops * part for part in ratios(found[OURS], found[PRODUCT])]
    return {name: Spread.of(values) for name, values in found.items()}
