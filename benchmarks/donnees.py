"""Préparer les données, compter, importer, écrire : des durées et de la mémoire.

Ce que D2L fait aussi est mesuré côte à côte, tour après tour ; ce qui demande beaucoup de mémoire
l'est dans un processus neuf, dont on lit le pic.
"""

import itertools
import math
import statistics
import time

import numpy as np
import torch

import d2l_fr as d2l
from benchmarks import time_machine as example
from benchmarks.mesure import Spread, alone, ratios
from benchmarks.paquet_d2l import load_d2l

MEGA = 10**6
# Un texte français de la taille voulue : le récit du livre, répété ; ses mots, eux, varient.
TEXT = """
import d2l_fr as d2l
story = d2l.load_corpus()
text = (story * ({size} // len(story) + 1))[:{size}]
"""
CHARACTERS = "vocab = d2l.Vocab(d2l.tokenize(text))"
WORDS = "vocab = d2l.Vocab(d2l.tokenize(text, 'word'))"
# Ligne par ligne, dans un fichier : ni le texte ni la liste de ses jetons ne tient en mémoire.
FILE = """
import pathlib, tempfile
path = pathlib.Path(tempfile.mkdtemp()) / "texte.txt"
path.write_text(text, "utf-8")
del text
"""
STREAMED = """
with path.open(encoding="utf-8", newline="") as lines:
    vocab = d2l.Vocab(token for line in lines for token in d2l.tokenize(line, "word"))
path.unlink()
"""
D2L_VOCAB = "vocab = their.Vocab(list(text))"
D2L_SETUP = """
from benchmarks.paquet_d2l import load_d2l
their = load_d2l()
"""
NGRAMS = "model = d2l.NGramModel(tokens, 5, len(vocab))"
NGRAM_SETUP = """
import torch
vocab = d2l.Vocab(d2l.tokenize(story))
tokens = torch.tensor(vocab[d2l.tokenize(text)])
"""


def _timed(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def windows(raw, rounds=15):
    """La préparation des fenêtres de *The Time Machine*, texte déjà indexé : D2L, puis nous.

    Rend les deux durées et leur rapport, en ``Spread``. D2L range toutes les fenêtres dans un
    tableau ; les nôtres sont des vues du texte.
    """
    their = load_d2l()
    tokens, _ = example.read_tokens(raw)
    corpus = tokens.tolist()

    class Windows(their.TimeMachine):
        def _download(self):
            return ""

        def build(self, raw_text, vocab=None):
            return corpus, None

    def ours():
        text = torch.from_numpy(np.array(corpus))  # presque toute notre durée
        text.unfold(0, example.STEPS + 1, 1)
        for _ in d2l.sequential_batches(text, 1024, example.STEPS):
            pass

    times = [[], []]
    for _ in range(rounds):
        times[0].append(_timed(lambda: Windows(1024, example.STEPS)))
        times[1].append(_timed(ours))
    return {
        "d2l": Spread.of(times[0]),
        "nous": Spread.of(times[1]),
        "rapport": Spread.of(ratios(*times)),
        "fenêtres": len(corpus) - example.STEPS,
    }


def writing(num_hiddens=256, length=500, rounds=7):
    """Écrire ``length`` caractères : D2L, puis nous ; les deux prennent le plus probable."""
    their = load_d2l()
    letters = list("abcdefghijklmnopqrstuvwxyz ")
    vocab, their_vocab = d2l.Vocab(letters), their.Vocab(letters)
    model = d2l.RNNLMScratch(d2l.RNNScratch(len(vocab), num_hiddens), len(vocab))
    theirs = their.RNNLMScratch(their.RNNScratch(len(their_vocab), num_hiddens), len(their_vocab))
    times = [[], []]
    for _ in range(rounds):
        with torch.no_grad():
            times[0].append(_timed(lambda: theirs.predict("it has", length, their_vocab)))
        times[1].append(_timed(lambda: d2l.generate(model, "it has", length, vocab, temperature=0)))
    return {
        "d2l": Spread.of(times[0]),
        "nous": Spread.of(times[1]),
        "rapport": Spread.of(ratios(*times)),
        "caractères": length,
    }


def importing(rounds=5):
    """Importer le paquet dans un Python neuf : PyTorch seul, le nôtre, celui de D2L."""
    code = {"torch": "import torch", "nous": "import d2l_fr", "d2l": D2L_SETUP}
    times = {name: [] for name in code}
    for _ in range(rounds):
        for name, line in code.items():
            times[name].append(alone(line)[0])
    found = {name: Spread.of(values) for name, values in times.items()}
    return found | {"rapport": Spread.of(ratios(times["d2l"], times["nous"]))}


def vocabulary(sizes=(12_500_000, 25_000_000, 50_000_000)):
    """Découper un texte et en faire le vocabulaire : durée et mémoire, à trois longueurs."""
    jobs = {
        "caractères": (CHARACTERS, ""),
        "mots": (WORDS, ""),
        "mots, au fil d'un fichier": (STREAMED, FILE),
        "d2l": (D2L_VOCAB, D2L_SETUP),
    }
    return {
        name: [(size, *alone(code, f"{TEXT.format(size=size)}\n{setup}")) for size in sizes]
        for name, (code, setup) in jobs.items()
    }


def ngrams(sizes=(2_500_000, 5_000_000, 10_000_000)):
    """Compter un n-gramme d'ordre 5 : durée et mémoire, à trois longueurs."""
    return [(size, *alone(NGRAMS, f"{TEXT.format(size=size)}\n{NGRAM_SETUP}")) for size in sizes]


def growth(rows):
    """L'exposant de la durée selon la longueur : 1 quand doubler le texte double la durée."""
    return statistics.mean(
        math.log(longer[1] / shorter[1]) / math.log(longer[0] / shorter[0])
        for shorter, longer in itertools.pairwise(rows)
    )
