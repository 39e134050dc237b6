"""Compter de longs textes : tranche par tranche, sans que la mémoire suive la longueur."""

import tracemalloc
from collections import Counter

import numpy as np
import pytest

from d2l_fr.language_model import NGramModel


@pytest.mark.parametrize(
    ("vocab_size", "order", "length"),
    [
        (3, 1, 70_000),  # plusieurs tranches de 65 536
        (2, 9, 210_000),
        (100_000, 5, 70_000),  # cinq de ces jetons ne tiennent pas dans un entier de 64 bits
        (30, 3, 3),
        (30, 3, 4),
    ],
)
def test_the_counts_of_a_text_read_by_pieces(vocab_size, order, length):
    tokens = np.random.default_rng(length).integers(0, vocab_size, length)
    model = NGramModel(tokens, order, vocab_size)
    text = tokens.tolist()
    grams = [Counter(zip(*(text[k:] for k in range(n)), strict=False)) for n in range(1, order + 1)]
    assert model.num_counts == sum(map(len, grams))
    for n, counted in enumerate(grams, start=1):
        raw, _, _ = model._levels[n - 1][2]
        assert sorted(raw[:-1].tolist()) == sorted(counted.values())


def peak(tokens):
    tracemalloc.start()
    NGramModel(tokens, 5, 60)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


def test_a_text_that_repeats_itself_takes_no_more_memory():
    story = np.random.default_rng(0).integers(0, 60, 20_000)
    short, long = peak(np.tile(story, 10)), peak(np.tile(story, 40))
    assert long < 1.05 * short
