"""Des textes, des nombres et des fichiers au hasard : un résultat juste, ou l'erreur annoncée."""

import json
import math
import os
import pickle
import re

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from d2l_fr import sequence as seq
from d2l_fr.checkpoint import load_checkpoint, save_checkpoint
from d2l_fr.corpora import CorpusError, CorruptedFileError, HTMLPageError, catalog, gutenberg
from d2l_fr.corpora import cache as corpora_cache
from d2l_fr.french import NBSP, NNBSP, fr, prose, typography
from d2l_fr.language_model import NGramModel, perplexity, split_text
from d2l_fr.rnn import length_mask, pad_sequences
from d2l_fr.rnn_scratch import RNNLMScratch, RNNScratch, generate, sample_next
from d2l_fr.text_sequence import BPE, Vocab, ngram_counts, tokenize, train_bpe, words, zipf_exponent
from hasard import fuzz

# Tout Unicode, et de quoi tomber plus souvent sur ce qui gêne : NUL, sens de lecture, accents
# détachés, demi-codets, fins de ligne de toutes sortes.
ODD = "\0\u202e\u2066\u200d\u0301\ud800\udfff\r\x0b\x85\u2028\ufeff’'«»-.,0² \n\tÉœﬁß"
TEXT = st.text(st.one_of(st.characters(), st.sampled_from(ODD)), max_size=60)
# Ce que l'on passe à la place de ce qui était demandé.
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXT
    | st.binary(max_size=5)
    | st.sampled_from([np.float64(2), np.array([1.5]), torch.tensor([3]), torch.tensor(2.5), {}]),
    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner, inner),
    max_leaves=6,
)


def is_french(error):
    """Le message est une phrase à nous, et non celle de Python, de NumPy ou de PyTorch."""
    return re.search(r"[éèàùç« ]|\b(?:il|un|une|de|est|Lissage)\b", str(error))


def answered(function, *arguments, errors=(ValueError, TypeError), **options):
    """Le résultat d'un appel ; None s'il est refusé, par une des erreurs annoncées, en français."""
    try:
        return function(*arguments, **options)
    except errors as error:
        assert is_french(error), repr(error)
        return None


# ---------- le texte


@fuzz(60)
@given(TEXT)
def test_every_division_of_a_text_gives_it_back(text):
    for level in ("char", "word"):
        assert "".join(tokenize(text, level)) == text
    assert "".join(words(text)) in re.sub(r"\W|_", "", text.lower()) or words(text)
    if text:
        bpe = train_bpe(text, 5)
        assert bpe.decode(bpe.encode(text)) == text
        vocab = Vocab(tokenize(text, "word"))
        assert "".join(vocab.to_tokens(vocab[tokenize(text, "word")])) == text


@fuzz(60)
@given(ANYTHING, ANYTHING)
def test_what_is_not_a_text_is_refused_in_french(value, other):
    answered(tokenize, value)
    vocab = answered(Vocab, value)
    if vocab is not None:
        assert vocab.tokens[0] == "<unk>" and sum(vocab.counts) >= 0
    answered(Vocab(["a"]).to_tokens, other, errors=(TypeError, IndexError))


@fuzz(60)
@given(st.lists(st.tuples(st.integers(-1, 400), st.integers(-1, 400)), max_size=6),
       st.lists(st.integers(-2, 300), max_size=8))  # fmt: skip
def test_merges_and_indices_decode_or_are_refused(merges, ids):
    bpe = answered(BPE, merges, errors=IndexError)
    if bpe is not None:
        text = answered(bpe.decode, ids, errors=IndexError)
        assert (text is None) == any(not 0 <= i < len(bpe) for i in ids)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@fuzz(60)
@given(
    st.fixed_dictionaries(
        {"format": st.just("d2l_fr.Vocab") | JSON},
        optional={"unk": JSON, "specials": JSON, "counts": JSON},
    ),
    st.integers(0, 200),
)
@example({"format": "d2l_fr.Vocab", "unk": "u", "specials": [], "counts": {"u": 0, "a": -3}}, 200)
@example({"format": "d2l_fr.Vocab", "unk": "u", "specials": [], "counts": {"u": 0, "a": 1.5}}, 200)
@example({"format": "d2l_fr.Vocab", "unk": "u", "specials": ["a"], "counts": {"u": 0, "a": 1}}, 99)
def test_a_vocabulary_file_is_read_or_refused(tmp_path, data, cut):
    path = tmp_path / "vocab.json"
    path.write_text(json.dumps(data)[:cut], "utf-8")
    vocab = answered(Vocab.load, path, errors=ValueError)
    if vocab is not None:
        vocab.save(path)
        assert Vocab.load(path).tokens == vocab.tokens
        assert vocab[vocab.to_tokens(range(len(vocab)))] == list(range(len(vocab)))


@fuzz(60)
@given(st.lists(st.floats() | st.integers(-3, 10**6), max_size=12), st.integers(-2, 5))
def test_the_exponent_is_a_number_or_an_error(counts, first):
    alpha = answered(zipf_exponent, counts, first)
    assert alpha is None or isinstance(alpha, float)


# ---------- les nombres du français


@fuzz(200)
@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers())
@example(999_999.5)
@example(0.00009995)
@example(-1e-300)
def test_a_number_is_read_back(value):
    text = fr(value)
    assert not re.search(r"[.e-]", text) and "nan" not in text
    mantissa, _, power = text.replace(NNBSP, "").partition("·10")
    number = float(mantissa.replace(",", ".").replace("−", "-"))
    exponent = power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    assert math.isclose(number * 10.0 ** int(exponent or 0), value, rel_tol=6e-3, abs_tol=1e-320)


@fuzz(100)
@given(st.text(st.sampled_from("ab 1';:!?«»,.%`$\\\n<>[]()\u00a0\u202f") | st.characters()))
def test_typography_changes_only_signs_and_spaces(text):
    def letters(t):
        return [c for c in t.replace("...", "…") if c not in f" {NBSP}{NNBSP}'’"]

    for rule in (typography, prose):
        once = rule(text)
        assert letters(once) == letters(text)
    assert typography(typography(text)) == typography(text)


# ---------- les séries


@fuzz(80)
@given(ANYTHING, st.integers(-1, 6) | ANYTHING, st.integers(-1, 6) | ANYTHING)
def test_series_are_cut_or_refused(x, tau, horizon):
    for function in (seq.lag_windows, seq.time_split, seq.fit_ar):
        answered(function, x, tau, horizon, errors=ValueError)
    answered(seq.ar_roots, x, errors=ValueError)
    answered(seq.LinearAR, x, errors=ValueError)


@fuzz(60)
@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=20), st.integers(1, 4))
def test_any_finite_series_is_fitted(x, tau):
    model = answered(seq.fit_ar, x, tau, errors=ValueError)
    assert (model is None) == (len(x) < 2 * tau + 1)
    if model is not None:
        assert model.tau == tau and np.isfinite(model.coefs).all()


# ---------- les modèles de langage

TOKENS = st.lists(st.integers(-1, 6), max_size=20)


@fuzz(80)
@given(TOKENS | ANYTHING, st.integers(-1, 9), st.integers(-1, 8), TOKENS | ANYTHING)
def test_a_model_that_counts_sums_to_one_or_says_why(tokens, order, size, context):
    for smoothing in ("laplace", "witten-bell", "kneser-ney"):
        model = answered(NGramModel, tokens, order, size, smoothing)
        if model is None:
            continue
        p = answered(model.probs, context)
        assert p is None or (math.isclose(p.sum(), 1, abs_tol=1e-9) and (p >= 0).all())
        losses = answered(model.surprise, context)
        assert losses is None or ((losses >= -1e-9).all() and np.isfinite(losses).all())


@fuzz(60)
@given(TEXT, st.floats() | st.integers(-1, 2), st.floats() | st.integers(-1, 2))
def test_a_text_is_cut_in_three_or_refused(text, valid, heldout):
    parts = answered(split_text, text, valid, heldout, errors=ValueError)
    assert parts is None or "".join(parts) == text


@fuzz(60)
@given(st.floats() | st.lists(st.floats(), max_size=4).map(np.array))
def test_perplexity_is_at_least_one(nats):
    found = answered(perplexity, nats, errors=ValueError)
    assert found is None or not (np.asarray(found) < 1 - 1e-5).any()


@fuzz(40)
@given(st.lists(st.integers(), max_size=9), st.integers(-1, 10))
def test_every_ngram_is_counted(tokens, n):
    counts = answered(ngram_counts, tokens, n, errors=ValueError)
    assert counts is None or sum(counts.values()) == len(tokens) - n + 1


# ---------- les réseaux


@fuzz(60)
@given(st.lists(st.lists(st.integers(-5, 9) | st.floats(), max_size=4), max_size=4))
def test_sequences_are_padded_or_refused(sequences):
    found = answered(pad_sequences, sequences, errors=ValueError)
    if found is not None:
        tokens, lengths = found
        kept = tokens[length_mask(lengths)].tolist()
        assert kept == [token for sequence in sequences for token in sequence]


TEMPERATURES = st.floats(0, allow_infinity=False)


@fuzz(100)
@given(st.lists(st.floats(width=32), max_size=5), st.floats(), st.none() | st.integers(-1, 7))
def test_a_draw_is_an_index_or_a_refusal(logits, temperature, top_k):
    logits = torch.tensor(logits)
    index = answered(sample_next, logits, temperature, top_k, errors=ValueError)
    assert index is None or logits[index] > -math.inf


VOCAB = Vocab(list("abcé \n"))


@fuzz(30)
@given(TEXT, st.integers(1, 5), TEMPERATURES, st.none() | st.integers(1, 9), st.integers(0, 99))
@pytest.mark.filterwarnings("ignore:Absents du vocabulaire")
def test_any_prefix_is_continued(prefix, count, temperature, top_k, seed):
    model = RNNLMScratch(RNNScratch(len(VOCAB), 4), len(VOCAB))
    text = generate(model, prefix, count, VOCAB, temperature, top_k, seed)
    assert text.startswith(prefix) and len(text) == len(prefix) + count


# ---------- les fichiers


def checkpoint(path):
    """Un point de reprise écrit pour de bon ; rend le modèle et l'optimiseur qui le relisent."""
    torch.manual_seed(0)
    model = RNNLMScratch(RNNScratch(5, 4), 5)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.zeros(1, 2, dtype=torch.long))[0].sum().backward()
    optimizer.step()
    save_checkpoint(path, model, optimizer, {"lr": 0.1}, {"train": [1.0]}, None)
    return model, optimizer


def state(model):
    return {name: weight.clone() for name, weight in model.state_dict().items()}


def untouched_or_read(path, model, optimizer):
    """Lit le fichier ; s'il est refusé, le modèle est tel qu'il était."""
    before = state(model)
    if answered(load_checkpoint, path, model, optimizer, {"lr": 0.1}, errors=ValueError) is None:
        assert all(torch.equal(weight, before[name]) for name, weight in state(model).items())


@fuzz(40)
@given(st.data())
def test_a_damaged_checkpoint_is_refused(tmp_path, data):
    path = tmp_path / "reprise.pt"
    model, optimizer = checkpoint(path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    untouched_or_read(path, model, optimizer)


PLAIN = st.recursive(
    st.none() | st.integers(-3, 3) | st.floats() | st.text(max_size=3) | st.just(torch.ones(2)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
PARTS = ("format", "identity", "settings", "model", "optimizer", "progress", "best")


@fuzz(60)
@given(st.dictionaries(st.sampled_from(PARTS), PLAIN, max_size=3), st.sets(st.sampled_from(PARTS)))
@example({"model": {}}, set())
@example({"optimizer": {}}, set())
@example({"best": [1]}, set())
@example({"identity": {"class": "Autre"}}, set())
@example({}, {"identity"})
def test_a_checkpoint_with_foreign_parts_is_refused(tmp_path, parts, missing):
    path = tmp_path / "reprise.pt"
    model, optimizer = checkpoint(path)
    content = torch.load(path, weights_only=True) | parts
    torch.save({key: value for key, value in content.items() if key not in missing}, path)
    untouched_or_read(path, model, optimizer)


class Trap:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@fuzz(20)
@given(st.sampled_from([os.mkdir, os.system, exec]), st.sampled_from(PARTS), st.booleans())
def test_a_checkpoint_never_runs_code(tmp_path, function, part, raw):
    path, target = tmp_path / "reprise.pt", tmp_path / "piégé"
    model, optimizer = checkpoint(path)
    argument = {os.mkdir: str(target), os.system: f"mkdir '{target}'"}.get(
        function, f"import os; os.mkdir({str(target)!r})"
    )
    content = torch.load(path, weights_only=True) | {part: Trap(function, argument)}
    if raw:
        path.write_bytes(pickle.dumps(content, protocol=2))
    else:
        torch.save(content, path)
    with pytest.raises(ValueError, match="n'est pas un point de reprise lisible"):
        load_checkpoint(path, model, optimizer, {"lr": 0.1})
    assert not target.exists()


@fuzz(60)
@given(st.binary(max_size=200), st.sampled_from([b"", b"<html>", b"<!DOCTYPE HTML>"]))
def test_a_corpus_file_that_is_not_the_right_one_is_refused(data, head):
    for corpus in catalog.CORPORA.values():
        if not corpus.embedded:
            with pytest.raises(CorpusError) as info:
                corpora_cache.check(head + data, corpus, "/tmp/x")
            page = re.search(rb"<(!doctype )?html", head + data, re.IGNORECASE)
            assert type(info.value) is (HTMLPageError if page else CorruptedFileError)


BODY = st.text(st.sampled_from("I \n_-A*.0\r\tDE\\()D0E6é«") | st.characters(), max_size=200)
START = "*** START OF THIS PROJECT GUTENBERG EBOOK X ***"
END = "*** END OF THIS PROJECT GUTENBERG EBOOK X ***"


@fuzz(150)
@given(BODY)
@example("\n" * 5000 + " " * 5000)
@example("I\n\n" + "- " * 3000)
@example("I\n\n" + " A0" * 3000 + "x")
@example("I\n\n   " + "_.,* " * 2000 + "x")
@example("I\n\n" + "\\(" * 3000)
def test_a_classic_is_cleaned_or_refused(body):
    for text in (body, f"{START}\n{body}\n{END}\n", f"{START}\nI\n\n{body}\n{END}"):
        cleaned = answered(gutenberg.clean, text, errors=ValueError)
        if cleaned is not None:
            assert len(cleaned) <= len(text) and "_" not in cleaned
            assert cleaned.endswith("\n") and not cleaned.endswith("\n\n") and "\r\n" not in cleaned
