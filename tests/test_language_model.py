"""Les modèles de langage : des probabilités qui somment à 1, des lots qui couvrent le texte."""

import math
import time
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from d2l_fr.corpora import load_corpus
from d2l_fr.language_model import (
    NGramModel,
    bits_per_token,
    perplexity,
    random_windows,
    sequential_batches,
    split_text,
)
from d2l_fr.text_sequence import Vocab, ngram_counts, normalize, tokenize

SIZE = 4  # un petit vocabulaire, dont certains jetons ne paraissent jamais
TEXTS = st.lists(st.integers(0, SIZE - 2), min_size=6, max_size=60)
CONTEXTS = st.lists(st.integers(0, SIZE - 1), max_size=8)
SMOOTHINGS = st.sampled_from(["witten-bell", "laplace", "kneser-ney"])
ORDERS = st.integers(1, 6)


@pytest.fixture(scope="module")
def story():
    """Le récit : trois tenseurs de jetons et la taille du vocabulaire."""
    parts = split_text(normalize(load_corpus()))
    vocab = Vocab(tokenize(parts[0]))
    return [torch.tensor(vocab[tokenize(part)]) for part in parts], len(vocab)


# ---------- couper le texte


@given(st.lists(st.integers(), min_size=20, max_size=300), st.floats(0, 0.4), st.floats(0, 0.4))
def test_the_three_parts_are_the_text(sequence, valid, heldout):
    try:
        parts = split_text(sequence, valid, heldout)
    except ValueError:  # une part trop petite pour un seul jeton
        assert min(share for share in (valid, heldout) if share > 0) * len(sequence) <= 0.5
        return
    assert parts[0] + parts[1] + parts[2] == sequence
    assert [len(part) for part in parts[1:]] == [
        pytest.approx(share * len(sequence), abs=0.5) for share in (valid, heldout)
    ]


def test_split_keeps_the_type_and_copies_nothing():
    assert split_text("abcdefghij", 0.1, 0.2) == ("abcdefg", "h", "ij")
    tokens = torch.arange(1000)
    parts = split_text(tokens)
    assert [len(part) for part in parts] == [850, 50, 100]
    assert parts[1].data_ptr() == tokens[850:].data_ptr()
    assert all(np.shares_memory(part, array) for array in [tokens.numpy()]
               for part in split_text(array))  # fmt: skip


@pytest.mark.parametrize(
    ("sequence", "valid", "heldout", "match"),
    [
        ("abcd", 0.5, 0.5, "somme inférieure à 1"),
        ("abcd", -0.1, 0.5, "valid = -0.1"),
        ("abcd", 5, 10, "deux proportions entre 0 et 1"),
        ("abcd", 0.05, 0.5, "trop court : 4 jetons"),
        ("", 0, 0, "trop court : 0 jetons"),
    ],
)
def test_split_says_what_is_wrong(sequence, valid, heldout, match):
    with pytest.raises(ValueError, match=match):
        split_text(sequence, valid, heldout)


# ---------- compter


def witten_bell(tokens, context, target, size):
    """La formule, telle quelle, en comptant chaque fois dans tout le texte."""
    shorter = witten_bell(tokens, context[1:], target, size) if context else 1 / size
    follow = Counter(
        tokens[i + len(context)]
        for i in range(len(tokens) - len(context))
        if tokens[i : i + len(context)] == context
    )
    if not follow:
        return shorter
    return (follow[target] + len(follow) * shorter) / (follow.total() + len(follow))


def laplace(tokens, context, target, size, alpha):
    grams = Counter(tuple(tokens[i : i + len(context) + 1]) for i in range(len(tokens)))
    count = grams[(*context, target)]
    total = sum(grams[(*context, other)] for other in range(size))
    return (count + alpha) / (total + alpha * size)


def kneser_ney(tokens, context, target, size, discount, top=True):
    """La formule : des occurrences à l'ordre le plus haut, des prédécesseurs au-dessous."""
    shorter = 1 / size
    if context:
        shorter = kneser_ney(tokens, context[1:], target, size, discount, top=False)
    width = len(context) + 1
    starts = range(0 if top else 1, len(tokens) - width + 1)
    seen = [tuple(tokens[i : i + width]) for i in starts]
    if not top:
        seen = [gram[1:] for gram in {(tokens[i - 1], *tokens[i : i + width]) for i in starts}]
    follow = Counter(gram[-1] for gram in seen if gram[:-1] == tuple(context))
    if not follow:
        return shorter
    kept = max(follow[target] - discount, 0) + discount * len(follow) * shorter
    return kept / follow.total()


@given(TEXTS, ORDERS, SMOOTHINGS, CONTEXTS)
@example([0] * 6, 6, "witten-bell", [3, 3])
def test_probabilities_sum_to_one_after_any_context(tokens, order, smoothing, context):
    p = NGramModel(tokens, order, SIZE, smoothing).probs(context)
    assert p.shape == (SIZE,) and (p > 0).all()
    assert p.sum() == pytest.approx(1, abs=1e-12)


@given(TEXTS, ORDERS, CONTEXTS)
def test_witten_bell_is_its_formula(tokens, order, context):
    p = NGramModel(tokens, order, SIZE).probs(context)
    kept = context[max(0, len(context) - order + 1) :]
    assert p == pytest.approx([witten_bell(tokens, kept, t, SIZE) for t in range(SIZE)])


@given(TEXTS, ORDERS, CONTEXTS, st.sampled_from([0.1, 0.75, 0.9]))
def test_kneser_ney_is_its_formula(tokens, order, context, discount):
    model = NGramModel(tokens, order, SIZE, "kneser-ney", discount=discount)
    kept = context[max(0, len(context) - order + 1) :]
    expected = [kneser_ney(tokens, kept, t, SIZE, discount) for t in range(SIZE)]
    assert model.probs(context) == pytest.approx(expected)
    deeper = NGramModel(tokens, 6, SIZE, "kneser-ney", discount=discount)
    assert deeper.variant(order).probs(context) == pytest.approx(expected)


@given(TEXTS, ORDERS, CONTEXTS, st.floats(0.01, 10))
def test_laplace_is_its_formula(tokens, order, context, alpha):
    p = NGramModel(tokens, order, SIZE, "laplace", alpha).probs(context)
    kept = context[max(0, len(context) - order + 1) :]
    assert p == pytest.approx([laplace(tokens, kept, t, SIZE, alpha) for t in range(SIZE)])


@given(TEXTS, ORDERS)
def test_the_counts_are_those_of_text_sequence(tokens, order):
    """Avec un α minuscule, Laplace rend les fréquences : n-gramme sur (n-1)-gramme suivi."""
    model = NGramModel(tokens, order, SIZE, "laplace", 1e-12)
    grams = ngram_counts(tokens, order)
    totals = Counter()
    for gram, count in grams.items():
        totals[gram[:-1]] += count
    for gram, count in grams.items():
        assert model.probs(gram[:-1])[gram[-1]] == pytest.approx(count / totals[gram[:-1]])


@given(TEXTS, ORDERS, SMOOTHINGS, st.lists(st.integers(0, SIZE - 1), min_size=2, max_size=20),
       st.integers(1, 7))  # fmt: skip
def test_surprise_is_minus_log_of_the_probabilities(tokens, order, smoothing, text, num_steps):
    model = NGramModel(tokens, order, SIZE, smoothing)
    carried = [-math.log(model.probs(text[:i])[text[i]]) for i in range(1, len(text))]
    assert model.surprise(text) == pytest.approx(carried)
    cold = [
        -math.log(model.probs(text[(i - 1) // num_steps * num_steps : i])[text[i]])
        for i in range(1, len(text))
    ]
    assert model.surprise(text, num_steps) == pytest.approx(cold)


@given(TEXTS, ORDERS, SMOOTHINGS)
def test_a_variant_is_the_model_counted_anew(tokens, order, smoothing):
    deep = NGramModel(tokens, 6, SIZE)
    new = NGramModel(tokens, order, SIZE, smoothing, 0.5)
    old = deep.variant(order, smoothing, 0.5)
    assert old.surprise(tokens) == pytest.approx(new.surprise(tokens))
    assert (deep.order, deep.smoothing) == (6, "witten-bell")
    assert (
        old.num_counts
        == new.num_counts
        == sum(len(ngram_counts(tokens, n)) for n in range(1, order + 1))
    )


def test_a_small_example_by_hand():
    """« ananas » : après a, on a vu n deux fois et s une fois, soit deux sortes en trois fois."""
    tokens = [0, 1, 0, 1, 0, 2]
    unigram = (np.array([3, 2, 1, 0]) + 3 * np.full(4, 1 / 4)) / (6 + 3)
    assert NGramModel(tokens, 1, 4).probs() == pytest.approx(unigram)
    assert NGramModel(tokens, 2, 4).probs([0]) == pytest.approx(
        (np.array([0, 2, 1, 0]) + 2 * unigram) / (3 + 2)
    )
    assert NGramModel(tokens, 2, 4).probs([2]) == pytest.approx(unigram)  # rien ne suit s
    assert NGramModel(tokens, 2, 4, "laplace").probs([0]) == pytest.approx(
        np.array([1, 3, 2, 1]) / 7
    )
    assert NGramModel(tokens, 2, 4, "laplace").probs([2]) == pytest.approx(np.full(4, 1 / 4))


def test_tokens_may_be_a_list_an_array_or_a_tensor():
    tokens = [0, 1, 0, 1, 0, 2]
    expected = NGramModel(tokens, 3, 4).surprise(tokens)
    for other in (np.array(tokens), np.array(tokens, "uint8"), torch.tensor(tokens), tuple(tokens)):
        assert (NGramModel(other, 3, 4).surprise(other) == expected).all()


@pytest.mark.parametrize(
    ("error", "match", "changes"),
    [
        (ValueError, "order = 0", {"order": 0}),
        (ValueError, "vocab_size = 2.5", {"vocab_size": 2.5}),
        (ValueError, "Lissage inconnu : 'kn'", {"smoothing": "kn"}),
        (ValueError, "alpha = 0", {"smoothing": "laplace", "alpha": 0}),
        (ValueError, "discount = 1", {"smoothing": "kneser-ney", "discount": 1}),
        (ValueError, "trop court : 0 jetons, il en faut au moins 2", {"tokens": []}),
        (ValueError, "trop court : 1 jetons", {"tokens": [1]}),
        (ValueError, "Jeton 9 hors du vocabulaire : 0 à 3", {"tokens": [0, 9]}),
        (ValueError, "Jeton -1 hors du vocabulaire", {"tokens": [1, -1]}),
        (ValueError, r"la forme \(1, 3\)", {"tokens": [[1, 2, 3]]}),
        (TypeError, r"vocab\[d2l\.tokenize", {"tokens": "la mer"}),
        (TypeError, "sont des indices", {"tokens": ["la", "mer"]}),
        (TypeError, "sont des indices", {"tokens": [0.5, 1.0]}),
    ],
)
def test_the_model_says_what_is_wrong(error, match, changes):
    arguments = {"tokens": [0, 1, 2, 3], "order": 2, "vocab_size": 4} | changes
    with pytest.raises(error, match=match):
        NGramModel(**arguments)


def test_the_methods_say_what_is_wrong():
    model = NGramModel([0, 1, 2, 3], 2, 4)
    with pytest.raises(ValueError, match="Jeton 4 hors du vocabulaire"):
        model.probs([4])
    with pytest.raises(ValueError, match="trop court : 1 jetons, il en faut au moins 2"):
        model.surprise([1])
    with pytest.raises(ValueError, match="num_steps = 0"):
        model.surprise([1, 2], 0)
    with pytest.raises(ValueError, match="on a compté jusqu'à 2"):
        model.variant(3)
    with pytest.raises(ValueError, match="Lissage inconnu"):
        model.variant(smoothing="aucun")


def test_sampling_follows_the_probabilities():
    model = NGramModel([0, 1, 0, 1, 0, 2], 2, 4)
    draws = [model.sample(1, [0], torch.Generator().manual_seed(i))[0] for i in range(3000)]
    assert np.bincount(draws, minlength=4) / 3000 == pytest.approx(model.probs([0]), abs=0.03)
    seeded = [model.sample(20, generator=torch.Generator().manual_seed(3)) for _ in range(2)]
    assert seeded[0] == seeded[1] and len(seeded[0]) == 20


def test_the_story(story):
    """Les nombres dont le chapitre part : ordre 5, moins de 2,2 bits ; et une seconde suffit."""
    (train, valid, heldout), size = story
    start = time.process_time()
    model = NGramModel(train, 8, size)
    losses = [bits_per_token(model.variant(n).surprise(valid).mean()) for n in range(1, 9)]
    assert time.process_time() - start < 3
    assert losses.index(min(losses)) == 4
    best = model.variant(5)
    assert bits_per_token(best.surprise(heldout).mean()) == pytest.approx(2.165, abs=0.01)
    assert bits_per_token(best.surprise(heldout, 32).mean()) == pytest.approx(2.223, abs=0.01)


# ---------- mesurer


@given(st.integers(2, 500))
def test_the_uniform_model_has_perplexity_v(size):
    uniform = -np.log(np.full(10, 1 / size))
    assert perplexity(uniform.mean()) == pytest.approx(size)
    assert bits_per_token(uniform.mean()) == pytest.approx(math.log2(size))


@given(st.lists(st.floats(1e-6, 1), min_size=1, max_size=30))
def test_perplexity_is_the_geometric_mean_of_inverse_probabilities(probabilities):
    inverse = 1 / np.array(probabilities)
    loss = -np.log(probabilities).mean()
    assert perplexity(loss) == pytest.approx(np.prod(inverse) ** (1 / len(inverse)))
    assert perplexity(loss) == pytest.approx(2 ** bits_per_token(loss))


def test_perplexity_of_numbers_arrays_and_tensors():
    assert perplexity(0) == 1 and isinstance(perplexity(np.float64(1)), float)
    assert perplexity(math.inf) == perplexity(1e6) == math.inf
    assert perplexity(torch.tensor(1.0, requires_grad=True)) == pytest.approx(math.e)
    assert perplexity(np.zeros(3)).tolist() == [1, 1, 1]
    with pytest.raises(ValueError, match="signe moins"):
        perplexity(-2.0)


# ---------- découper en lots

LENGTHS, BATCHES, STEPS = st.integers(2, 80), st.integers(1, 6), st.integers(1, 9)


@given(LENGTHS, BATCHES, STEPS, st.integers(0, 5))
def test_sequential_batches_cover_the_text_once(length, batch_size, num_steps, offset):
    tokens = torch.arange(length)
    if length < offset + batch_size + 1:
        with pytest.raises(ValueError, match="Texte trop court"):
            sequential_batches(tokens, batch_size, num_steps, offset)
        return
    pairs = list(sequential_batches(tokens, batch_size, num_steps, offset))
    assert all((Y == X + 1).all() and X.shape == Y.shape for X, Y in pairs)
    assert [X.shape[1] for X, _ in pairs[:-1]] == [num_steps] * (len(pairs) - 1)
    assert 1 <= pairs[-1][0].shape[1] <= num_steps
    seen = torch.cat([X.flatten() for X, _ in pairs]).sort().values
    assert (seen == torch.arange(offset, offset + len(seen))).all()
    assert length - 1 - offset - batch_size < len(seen) <= length - 1 - offset
    for (before, _), (after, _) in pairwise(pairs):
        assert (after[:, 0] == before[:, -1] + 1).all()  # la ligne i prolonge la ligne i


def test_sequential_batches_are_views():
    tokens = torch.arange(101)
    for X, Y in sequential_batches(tokens, 4, 7, offset=2):
        assert X.data_ptr() == tokens.data_ptr() + X[0, 0].item() * tokens.element_size()
        assert Y.data_ptr() == tokens.data_ptr() + Y[0, 0].item() * tokens.element_size()
    array = np.arange(50)
    X, _ = next(sequential_batches(array, 2, 5))
    assert np.shares_memory(X.numpy(), array)


def test_without_an_offset_the_batches_start_with_the_text():
    X, Y = next(sequential_batches(torch.arange(9), 2, 3))
    assert X.tolist() == [[0, 1, 2], [4, 5, 6]] and Y.tolist() == [[1, 2, 3], [5, 6, 7]]


@given(LENGTHS, BATCHES, STEPS, st.integers(0, 100))
def test_random_windows_never_overlap(length, batch_size, num_steps, seed):
    tokens = torch.arange(length)
    if length < num_steps + 1:
        with pytest.raises(ValueError, match=f"au moins {num_steps + 1}"):
            random_windows(tokens, batch_size, num_steps)
        return
    pairs = list(random_windows(tokens, batch_size, num_steps, torch.Generator().manual_seed(seed)))
    assert all((Y == X + 1).all() and X.shape[1] == num_steps for X, Y in pairs)
    assert [len(X) for X, _ in pairs[:-1]] == [batch_size] * (len(pairs) - 1)
    seen = torch.cat([X.flatten() for X, _ in pairs]).sort().values
    assert (
        seen == torch.arange(seen[0], seen[0] + len(seen))
    ).all()  # un bloc, chaque jeton une fois
    assert seen[0] < num_steps and length - 1 - (seen[-1] + 1) < num_steps


def test_random_windows_move_and_repeat_with_the_generator():
    tokens = torch.arange(1000)

    def first(generator):
        return next(random_windows(tokens, 8, 10, generator))[0]

    generator = torch.Generator().manual_seed(0)
    starts = torch.cat([first(generator)[:, 0] for _ in range(60)])
    assert set((starts % 10).tolist()) == set(range(10))  # tous les décalages
    assert (
        first(torch.Generator().manual_seed(1)) == first(torch.Generator().manual_seed(1))
    ).all()


@pytest.mark.parametrize("cut", [random_windows, sequential_batches])
def test_cutting_says_at_once_what_is_wrong(cut):
    tokens = torch.arange(10)
    for arguments, match in (
        ((tokens, 0, 3), "batch_size = 0"),
        ((tokens, 2, 0), "num_steps = 0"),
        (([], 2, 3), "trop court : 0 jetons"),
        ((tokens.view(2, 5), 2, 3), r"la forme \(2, 5\)"),
    ):
        with pytest.raises(ValueError, match=match):  # à l'appel, sans attendre le premier lot
            cut(*arguments)
    with pytest.raises(TypeError, match="sont des indices"):
        cut("la mer", 2, 3)


@pytest.mark.parametrize("offset", [-1, 1.5, True, "2"])
def test_a_bad_offset(offset):
    with pytest.raises(ValueError, match="offset = "):
        sequential_batches(torch.arange(10), 2, 3, offset)
