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
OURS, LOOP, THEIRS, TORCH = "main", "boucle", "d2l", "nn.RNN"
PRODUCT, BEST = "produit", "produits"


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


def only_products(size, device="cpu"):
    """Les produits d'un aller et retour, et rien d'autre : le mieux que puisse faire un réseau.

    Ni tangente hyperbolique, ni perte, ni allocation : deux produits par pas de temps, qui
    s'attendent, et les six autres d'un bloc.
    """
    m, B, T = size
    codes, scores = torch.rand(T * B, VOCAB, device=device), torch.rand(T * B, VOCAB, device=device)
    states, back = torch.rand(T, B, m, device=device), torch.rand(T, B, m, device=device)
    W_xh, W_hq = torch.rand(VOCAB, m, device=device), torch.rand(m, VOCAB, device=device)
    W_hh = torch.rand(m, m, device=device) / m
    flat_states, flat_back, W_back = states.view(T * B, m), back.view(T * B, m), W_hh.T.contiguous()
    square, wide, tall = torch.empty_like(W_hh), torch.empty_like(W_xh), torch.empty_like(W_hq)

    def step():
        torch.mm(codes, W_xh, out=flat_states)
        for t in range(T):
            states[t].addmm_(states[t - 1], W_hh)
        torch.mm(flat_states, W_hq, out=scores)
        torch.mm(flat_states.T, scores, out=tall)
        torch.mm(scores, W_hq.T, out=flat_back)
        for t in reversed(range(T - 1)):
            back[t].addmm_(back[t + 1], W_back, alpha=0.5)
        torch.mm(flat_states.T, flat_back, out=square)
        torch.mm(codes.T, flat_back, out=wide)

    return step


def measure(size, rounds=9, seconds=0.5, device="cpu"):
    """Mesure une taille (m, B, T) ; rend, par nom, des ``Spread``.

    Les débits, par seconde : en jetons ; en opérations pour « produit ». « main/… », les rapports
    du nôtre aux autres, et « produits/… », ceux d'un réseau qui ne ferait que ses produits ;
    « part » et « part possible », ce que l'un et l'autre atteignent du produit de matrices.
    """
    num_hiddens, batch, steps = size
    tokens, targets = torch.randint(VOCAB, (2, batch, steps), device=device)
    work = {
        name: (training_step(model.to(device), tokens, targets), batch * steps)
        for name, model in contenders(num_hiddens).items()
    }
    work[PRODUCT] = product_step(1024, 1024, 1024, device)
    work[BEST] = only_products(size, device), batch * steps
    for step, _ in work.values():  # le premier passage paie les allocations
        step()
    found = {name: [] for name in work}
    for _ in range(rounds):
        for name, (step, amount) in work.items():
            found[name].append(rate(step, seconds, amount, device))
    for other in (LOOP, THEIRS, TORCH):
        for who in (OURS, BEST):
            found[f"{who}/{other}"] = ratios(found[who], found[other])
    flops = flops_per_token(num_hiddens)
    for who, name in ((OURS, "part"), (BEST, "part possible")):
        found[name] = [flops * part for part in ratios(found[who], found[PRODUCT])]
    return {name: Spread.of(values) for name, values in found.items()}
