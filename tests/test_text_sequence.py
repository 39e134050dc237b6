"""Le module text_sequence : ce qu'on découpe se recolle, ce qu'on numérote se relit."""

import ast
import json
import re
import time
import unicodedata
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from d2l_fr.corpora import load_corpus
from d2l_fr.text_sequence import (
    BPE,
    Vocab,
    merge_pair,
    ngram_counts,
    normalize,
    tokenize,
    train_bpe,
    words,
    zipf_exponent,
)

ROOT = Path(__file__).resolve().parents[1]
ANY = st.text(st.characters())  # tout Unicode, jusqu'aux demi-codets isolés
FRENCH = st.text("aàâeéèêiïoôœuùûçnltL’'- \u00a0\u202f\n.,;!?«»…—0123_😀\u0301")


@pytest.fixture(scope="module")
def story():
    return load_corpus()


@pytest.fixture(scope="module")
def bpe(story):
    return train_bpe(story[:60_000], 300)


# ---------- tokenisation


@given(st.one_of(ANY, FRENCH), st.sampled_from(["char", "word"]))
@example("e\u0301te\u0301", "word")
@example("\ud83d\ude00 a\u0300", "word")
@example("_a_1_²\x1c\x85\u2028", "word")
def test_the_tokens_give_the_text_back(text, level):
    tokens = tokenize(text, level)
    assert "".join(tokens) == text
    assert all(tokens)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("L’eau", ["L’", "eau"]),
        ("l'eau", ["l'", "eau"]),
        ("jusqu’à l’« Orgue »", ["jusqu’", "à", " ", "l’", "«", " ", "Orgue", " ", "»"]),
        ("d’11 h", ["d’", "11", " ", "h"]),
        ("Aujourd’hui, aujourd'hui", ["Aujourd’hui", ",", " ", "aujourd'hui"]),
        ("arc-en-ciel, dit-il", ["arc-en-ciel", ",", " ", "dit-il"]),
        ("les chiens’ !", ["les", " ", "chiens", "’", " ", "!"]),
        ("3,50 F ; 24\u202f000", ["3,50", " ", "F", " ", ";", " ", "24\u202f000"]),
        ("1875, 1876.", ["1875", ",", " ", "1876", "."]),
        ("Oui !…\n\n— Non", ["Oui", " ", "!", "…", "\n\n", "—", " ", "Non"]),
        ("œuf, Œuvre, ça", ["œuf", ",", " ", "Œuvre", ",", " ", "ça"]),
        ("e\u0301te\u0301", ["e\u0301te\u0301"]),
        ("", []),
    ],
)
def test_french_words(text, tokens):
    assert tokenize(text, "word") == tokens


def test_without_a_level_a_text_is_cut_into_characters():
    assert tokenize("l’eau") == ["l", "’", "e", "a", "u"]


def test_words_are_lower_case_without_spaces_or_punctuation():
    assert words("« L’île, à 9 h 30\u202f! »") == ["l’", "île", "à", "9", "h", "30"]
    assert words(" … !") == []


@given(FRENCH)
def test_words_are_those_of_the_tokens(text):
    assert words(text) == [t for t in tokenize(text.lower(), "word") if t[0].isalnum()]


def test_tokenize_refuses_other_levels_and_bytes():
    with pytest.raises(ValueError, match=r"'mot'.*'char' ou 'word'"):
        tokenize("mer", "mot")
    with pytest.raises(TypeError, match="décodent d'abord"):
        tokenize(b"mer")


@given(st.text())
def test_normalize_is_nfc_and_idempotent(text):
    once = normalize(text)
    assert once == normalize(once) == normalize(unicodedata.normalize("NFD", text))


def test_a_million_characters_are_tokenized_in_a_second(story):
    text = (story * (1_000_000 // len(story) + 1))[:1_000_000]
    start = time.process_time()
    for level in ("char", "word"):
        tokenize(text, level)
    assert time.process_time() - start < 1


# ---------- vocabulaire

TOKENS = st.lists(st.one_of(st.text(), ANY), min_size=1)


@given(TOKENS, st.integers(1, 4))
def test_the_vocabulary_is_a_bijection(tokens, min_freq):
    vocab = Vocab(tokens, min_freq, specials=("<pad>", "<bos>"))
    indices = range(len(vocab))
    assert vocab[vocab.to_tokens(indices)] == list(indices)
    counts = Counter(tokens)
    for token, back in zip(tokens, vocab.to_tokens(vocab[tokens]), strict=True):
        assert back == (token if token in vocab else "<unk>")
        assert (token in vocab) == (counts[token] >= min_freq or token in vocab.tokens[:3])
    assert sum(vocab.counts) == len(tokens)


@given(TOKENS)
def test_without_threshold_nothing_is_lost(tokens):
    vocab = Vocab(tokens)
    assert vocab.to_tokens(vocab[tokens]) == tokens


def test_the_most_frequent_come_first_and_ties_in_order():
    vocab = Vocab(list("aabbbcccd"))
    assert vocab.tokens == ["<unk>", "b", "c", "a", "d"] and vocab.counts == [0, 3, 3, 2, 1]


def test_order_special_tokens_and_counts():
    vocab = Vocab([*list("bbaacd"), "<pad>"], min_freq=2, specials=("<pad>",))
    assert vocab.tokens == ["<unk>", "<pad>", "a", "b"]
    assert vocab.counts == [2, 1, 2, 2]  # c et d sont inconnus
    assert (vocab["a"], vocab["z"], vocab["<pad>"]) == (2, 0, 1)
    assert vocab.specials == ("<pad>",) and len(vocab) == 4 and "c" not in vocab


def test_unk_in_the_text_is_the_unknown_token():
    vocab = Vocab(["<unk>", "mer", "<unk>"])
    assert vocab.tokens == ["<unk>", "mer"] and vocab.counts == [2, 1]


def test_a_counter_is_as_good_as_its_tokens():
    tokens = tokenize("l’eau va, l’eau vient", "word")
    assert Vocab(Counter(tokens)).counts == Vocab(iter(tokens)).counts == Vocab(tokens).counts


def test_lookups_keep_the_shape():
    vocab = Vocab(list("aab"))  # a : 1, b : 2
    assert vocab["b"] == 2 and vocab[["b"]] == [2] and vocab[[]] == []
    assert vocab[[["a"], ["b", "z"]]] == [[1], [2, 0]]
    assert vocab[np.array([["a", "b"]])] == [[1, 2]] and vocab[("a",)] == [1]
    for one in (2, np.int64(2), np.array(2), torch.tensor(2)):
        assert vocab.to_tokens(one) == "b"
    for single in ([2], (2,), np.array([2]), torch.tensor([2]), [torch.tensor(2)], range(2, 3)):
        assert vocab.to_tokens(single) == ["b"]
    for nested in ([[1], [2]], np.array([[1], [2]]), torch.tensor([[1], [2]])):
        assert vocab.to_tokens(nested) == [["a"], ["b"]]
    assert vocab.to_tokens([]) == vocab.to_tokens(torch.empty(0, dtype=torch.long)) == []


@pytest.mark.parametrize("index", [-1, 3, 10**9, [1, 3], [[-1]]])
def test_an_index_out_of_the_vocabulary(index):
    with pytest.raises(IndexError, match="hors du vocabulaire : il va de 0 à 2"):
        Vocab(list("ab")).to_tokens(index)


@pytest.mark.parametrize("index", [1.0, "a", True, None, torch.tensor([1.0])])
def test_an_index_is_an_integer(index):
    with pytest.raises(TypeError, match="Un indice est un entier"):
        Vocab(list("ab")).to_tokens(index)


@pytest.mark.parametrize(
    ("error", "match", "arguments"),
    [
        (ValueError, "Texte vide", {"tokens": []}),
        (TypeError, "pas un texte", {"tokens": "mer"}),
        (TypeError, "sans listes dedans", {"tokens": [["a"], ["b"]]}),
        (TypeError, "sont des chaînes", {"tokens": [1, 2]}),
        (TypeError, "avec la virgule", {"tokens": ["a"], "specials": "<pad>"}),
        (ValueError, "réservé en double", {"tokens": ["a"], "specials": ("<unk>",)}),
        (ValueError, "min_freq = 0", {"tokens": ["a"], "min_freq": 0}),
    ],
)
def test_vocab_says_what_is_wrong(error, match, arguments):
    with pytest.raises(error, match=match):
        Vocab(**arguments)


def test_an_index_given_for_a_token():
    with pytest.raises(TypeError, match=r"to_tokens\(3\)"):
        Vocab(["a"])[3]


@settings(max_examples=50)
@given(TOKENS, st.integers(1, 3))
@example(["\r", "\n", "\u2028", '"', "\ud800", "\ud83d", "\ude00"], 1)
def test_save_and_load(tmp_path_factory, tokens, min_freq):
    path = tmp_path_factory.mktemp("vocab") / "vocab.json"
    vocab = Vocab(tokens, min_freq, specials=("<pad>",), unk="<inconnu>")
    vocab.save(path)
    same = Vocab.load(path)
    assert same.tokens == vocab.tokens and same.counts == vocab.counts
    assert same.unk == "<inconnu>" and same.specials == ("<pad>",)
    assert same[tokens] == vocab[tokens]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"a": 1}', b'{"format": "autre"}', b"\xff\xfe",
     b'{"format": "d2l_fr.Vocab", "unk": "u", "specials": [], "counts": {}}',
     b'{"format": "d2l_fr.Vocab", "unk": "u", "specials": [], "counts": {"a": "x"}}'],
)  # fmt: skip
def test_load_refuses_another_format(tmp_path, content):
    path = tmp_path / "autre.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"autre\.json n'est pas un vocabulaire"):
        Vocab.load(path)


def test_load_refuses_a_file_that_was_edited(tmp_path):
    path = tmp_path / "vocab.json"
    Vocab(list("aab")).save(path)
    data = json.loads(path.read_text("utf-8"))
    data["counts"] = {"<unk>": 0, "b": 1, "a": 2}
    path.write_text(json.dumps(data), "utf-8")
    with pytest.raises(ValueError, match="retouché"):
        Vocab.load(path)
    with pytest.raises(FileNotFoundError):
        Vocab.load(tmp_path / "absent.json")


# ---------- paires d'octets


@given(st.one_of(ANY, FRENCH))
@example("\ud83d\ude00\ud800")
@example("été " * 50)
def test_bpe_round_trip(bpe, text):
    ids = bpe.encode(text)
    assert bpe.decode(ids) == text
    assert all(0 <= i < len(bpe) for i in ids)
    assert len(ids) <= len(text.encode("utf-8", "surrogatepass"))


@settings(max_examples=50)
@given(FRENCH.filter(bool), st.integers(1, 20), ANY)
def test_bpe_trained_on_anything_encodes_anything(corpus, num_merges, text):
    bpe = train_bpe(corpus, num_merges)
    assert bpe.decode(bpe.encode(corpus)) == corpus
    assert bpe.decode(bpe.encode(text)) == text


@given(st.lists(st.integers(0, 555)))
def test_any_indices_decode(ids):
    bpe = BPE([(i, i) for i in range(300)])
    text = bpe.decode(ids)
    assert text == bpe.decode(np.array(ids, dtype=int)) == bpe.decode(torch.tensor(ids).long())


@given(st.text("ab ", min_size=1), st.integers(1, 8))
def test_each_merge_is_a_most_frequent_pair(text, num_merges):
    """Le même apprentissage sans ruse : tout recompter à chaque fusion."""

    def pairs():
        return Counter(pair for ids in splits for pair in pairwise(ids))

    splits = [list(piece.encode()) for piece in re.findall(r" ?[ab]+|\s", text)]
    merges = train_bpe(text, num_merges).merges
    for i, pair in enumerate(merges):
        counts = pairs()
        assert counts[pair] == max(counts.values()) >= 2
        splits = [merge_pair(ids, pair, 256 + i) for ids in splits]
    if len(merges) < num_merges:
        assert max(pairs().values(), default=0) < 2


def test_the_example_of_the_figure():
    bpe = train_bpe("été étage étape étable", 4)
    assert bpe.to_tokens(range(256, 260)) == ["é", "ét", " ét", " éta"]
    assert bpe.to_tokens(bpe.encode(" étape")) == [" éta", "p", "e"]
    assert len(train_bpe("été étage étape étable", 100)) == 260  # plus rien ne paraît deux fois


def test_merges_stay_inside_words(bpe):
    for token in bpe.tokens[256:]:
        text = token.decode("utf-8", "ignore")
        assert not re.search(r"\S\s", text), text


def test_merge_pair_does_not_overlap():
    assert merge_pair([1, 1, 1], (1, 1), 9) == [9, 1]
    assert merge_pair([1, 2, 1, 2, 1], (1, 2), 9) == [9, 9, 1]
    assert merge_pair([], (1, 2), 9) == []


def test_partial_characters_are_shown_and_replaced():
    plain = BPE([])
    assert plain.to_tokens(plain.encode("é")) == ["\\xc3", "\\xa9"]
    for ids in (np.array([0xC3, 97]), torch.tensor([0xC3, 97])):
        assert plain.to_tokens(ids) == ["\\xc3", "a"]
    assert plain.decode([0xC3]) == "\N{REPLACEMENT CHARACTER}"


def test_bpe_errors():
    with pytest.raises(ValueError, match="Texte vide"):
        train_bpe("", 10)
    with pytest.raises(ValueError, match="num_merges = 0"):
        train_bpe("mer", 0)
    with pytest.raises(IndexError, match="il va de 0 à 255"):
        BPE([]).decode([256])
    with pytest.raises(IndexError, match="il va de 0 à 255"):
        BPE([(97, 256)])


def test_a_thousand_merges_take_seconds(story):
    start = time.process_time()
    bpe = train_bpe(story, 1000)
    assert bpe.decode(bpe.encode(story)) == story
    assert time.process_time() - start < 6
    assert len(bpe) == 1256 and len(set(bpe.tokens)) == 1256


# ---------- n-grammes et loi de Zipf


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30), st.integers(1, 5))
def test_ngrams_are_the_windows(tokens, n):
    if len(tokens) < n:
        with pytest.raises(ValueError, match="Texte trop court"):
            ngram_counts(tokens, n)
        return
    windows = [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]
    assert ngram_counts(tokens, n) == Counter(windows)


def test_ngrams_of_a_string_and_bad_orders():
    assert ngram_counts("aab", 2) == {("a", "a"): 1, ("a", "b"): 1}
    for n in (0, -1, 1.5, True):
        with pytest.raises(ValueError, match="n = "):
            ngram_counts("aab", n)


@given(st.floats(0.3, 2.5), st.integers(1, 20), st.integers(25, 200))
def test_the_exponent_of_an_exact_law(alpha, first, last):
    counts = 1e6 / np.arange(1, 201) ** alpha
    shuffled = np.random.default_rng(0).permutation(counts)
    assert zipf_exponent(shuffled, first, last) == pytest.approx(alpha, rel=1e-6)


def test_each_decade_weighs_the_same():
    ranks = np.arange(1, 10_001)
    counts = np.where(ranks <= 100, ranks**-1.0, 100 * ranks**-2.0)  # pente 1, puis 2
    assert zipf_exponent(counts) == pytest.approx(1.5, abs=0.05)


def test_zipf_needs_two_ranks():
    for counts, first in (([], 1), ([3], 1), ([3, 0], 1), ([3, 2, 1], 3), ([3, 2], 0)):
        with pytest.raises(ValueError, match="au moins deux rangs"):
            zipf_exponent(counts, first)


# ---------- la page


def test_the_story_is_ready(story):
    assert normalize(story) == story and "\r" not in story
    assert 0.9 < zipf_exponent(Counter(words(story)).values(), 10, 1000) < 1.2


def test_the_page_and_the_module_share_their_patterns():
    """Les définitions marquées #@save sont comparées ailleurs ; les motifs, ici."""
    page = (ROOT / "book" / "text-sequence.md").read_text("utf-8")
    cells = re.findall(r"```\{code-cell\}[^\n]*\n(.*?)```", page, re.DOTALL)
    code = "\n".join(c for c in cells if not c.startswith((":tags", "---")))

    names = ("_LETTERS", "_WORD", "_TOKEN", "_PIECE")

    def patterns(source):
        nodes = (node for node in ast.parse(source).body if isinstance(node, ast.Assign))
        return {
            name: ast.dump(node.value)
            for node in nodes
            if (name := getattr(node.targets[0], "id", "")) in names
        }

    module = patterns((ROOT / "d2l_fr" / "text_sequence.py").read_text("utf-8"))
    assert len(module) == 4 and patterns(code) == module
