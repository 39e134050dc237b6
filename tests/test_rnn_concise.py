"""Le réseau récurrent concis : les couches de PyTorch calculent ce que calculait notre boucle."""

import math
import re
import warnings

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from d2l_fr.rnn_concise import RNNLM, copy_weights
from d2l_fr.rnn_scratch import RNNLMScratch, RNNScratch, generate, one_hot
from d2l_fr.text_sequence import Vocab
from d2l_fr.training import detach, evaluate, fit

CELLS = ("rnn", "gru", "lstm")
V, M = 7, 5


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def twins(dtype=torch.float32, vocab_size=V, num_hiddens=M):
    """Notre modèle et celui de PyTorch, avec les mêmes poids (biais compris, tirés au sort)."""
    scratch = RNNLMScratch(RNNScratch(vocab_size, num_hiddens, gain=0.9), vocab_size).to(dtype)
    for bias in (scratch.rnn.b_h, scratch.b_q):
        nn.init.normal_(bias)
    concise = RNNLM(vocab_size, num_hiddens).to(dtype)
    copy_weights(scratch, concise)
    return scratch, concise


def tokens(batch_size=3, num_steps=11, vocab_size=V):
    return torch.randint(vocab_size, (batch_size, num_steps))


# ---------- les mêmes poids donnent les mêmes nombres


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
@pytest.mark.parametrize("carried", [False, True])
def test_same_weights_same_outputs(dtype, tolerance, carried):
    scratch, concise = twins(dtype)
    X, H0 = tokens(), torch.rand(3, M, dtype=dtype) * 2 - 1
    logits, state = scratch(X, H0 if carried else None)
    ours, last = concise(X, H0[None] if carried else None)
    assert ours.shape == logits.shape == (3, 11, V) and ours.dtype == dtype
    assert last.shape == (1, 3, M) and state.shape == (3, M)
    assert (ours - logits).abs().max() <= tolerance * logits.abs().max().clamp(min=1)
    assert (last[0] - state).abs().max() <= tolerance


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 6), st.integers(1, 20), st.integers(1, 9), st.integers(1, 12))
def test_same_outputs_for_any_sizes(batch_size, num_steps, vocab_size, num_hiddens):
    scratch, concise = twins(torch.float64, vocab_size, num_hiddens)
    X = tokens(batch_size, num_steps, vocab_size)
    assert torch.allclose(concise(X)[0], scratch(X)[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
def test_same_gradients(dtype, tolerance):
    scratch, concise = twins(dtype)
    X, Y = tokens(), tokens()
    for model in (scratch, concise):
        F.cross_entropy(model(X)[0].flatten(0, 1), Y.flatten()).backward()
    rnn = concise.rnn
    for ours, theirs in [
        (scratch.rnn.W_xh.grad.T, rnn.weight_ih_l0.grad),
        (scratch.rnn.W_hh.grad.T, rnn.weight_hh_l0.grad),
        (scratch.rnn.b_h.grad, rnn.bias_ih_l0.grad),
        (scratch.rnn.b_h.grad, rnn.bias_hh_l0.grad),  # les deux biais jouent le même rôle
        (scratch.W_hq.grad.T, concise.linear.weight.grad),
        (scratch.b_q.grad, concise.linear.bias.grad),
    ]:
        assert (ours - theirs).abs().max() <= tolerance


def test_the_copy_is_a_copy():
    scratch, concise = twins()
    before = concise(X := tokens())[0].detach()
    with torch.no_grad():
        scratch.rnn.W_hh.zero_()
    assert torch.equal(concise(X)[0], before)
    assert all(p.requires_grad for p in concise.parameters())


def test_copy_weights_refuses_what_does_not_match():
    scratch = RNNLMScratch(RNNScratch(V, M), V)
    with pytest.raises(TypeError, match="d'un RNNLMScratch à un RNNLM"):
        copy_weights(RNNLM(V, M), scratch)
    for pair in ((scratch, scratch), (RNNLM(V, M), RNNLM(V, M))):
        with pytest.raises(TypeError, match="d'un RNNLMScratch à un RNNLM"):
            copy_weights(*pair)
    for options in ({"cell": "gru"}, {"cell": "lstm"}, {"num_layers": 2}, {"num_embed": 4}):
        with pytest.raises(ValueError, match="une seule couche et des entrées one-hot"):
            copy_weights(scratch, RNNLM(V, M, **options))
    other = RNNLM(V, M + 1)
    before = {name: tensor.clone() for name, tensor in other.state_dict().items()}
    with pytest.raises(ValueError, match=re.escape(f"({M}, {V}), ({M + 1}, {V})")):
        copy_weights(scratch, other)
    assert all(torch.equal(before[name], tensor) for name, tensor in other.state_dict().items())


# ---------- formes


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("num_layers", [1, 3])
@pytest.mark.parametrize("num_embed", [None, 4])
def test_shapes(cell, num_layers, num_embed):
    model = RNNLM(V, M, cell, num_layers, num_embed=num_embed)
    logits, state = model(tokens())
    assert logits.shape == (3, 11, V)
    assert isinstance(state, tuple) == (cell == "lstm")
    for part in state if cell == "lstm" else (state,):
        assert part.shape == (num_layers, 3, M)
    assert model.embed(tokens()).shape == (11, 3, num_embed or V)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("num_layers", [1, 2])
def test_a_sequence_in_two_pieces_is_the_sequence(cell, num_layers):
    model, X = RNNLM(V, M, cell, num_layers, num_embed=4).double(), tokens()
    whole, end = model(X)
    first, state = model(X[:, :6])
    second, last = model(X[:, 6:], detach(state))
    assert torch.allclose(torch.cat([first, second], 1), whole, atol=1e-12, rtol=0)
    pairs = zip(end, last, strict=True) if cell == "lstm" else [(end, last)]
    assert all(torch.allclose(a, b, atol=1e-12, rtol=0) for a, b in pairs)


@pytest.mark.parametrize("cell", CELLS)
def test_the_future_does_not_leak(cell):
    model, X = RNNLM(V, M, cell, num_layers=2, num_embed=4), tokens()
    changed = X.clone()
    changed[:, 6] = (X[:, 6] + 1) % V
    before, after = model(X)[0], model(changed)[0]
    assert torch.equal(before[:, :6], after[:, :6])
    assert not torch.allclose(before[:, 6], after[:, 6])


@pytest.mark.parametrize(("cell", "matrices"), [("rnn", 1), ("gru", 3), ("lstm", 4)])
def test_the_number_of_weights(cell, matrices):
    rnn = RNNLM(V, M, cell, num_embed=4).rnn
    assert sum(p.numel() for p in rnn.parameters()) == matrices * (4 * M + M * M + 2 * M)


# ---------- plongement et dropout


def test_an_embedding_is_a_product_with_one_hot_vectors():
    model, X = RNNLM(V, M, num_embed=4), tokens()
    assert torch.equal(model.embed(X), one_hot(X, V) @ model.embedding.weight)
    assert torch.equal(RNNLM(V, M).embed(X), one_hot(X, V))


@pytest.mark.parametrize("cell", CELLS)
def test_dropout_is_off_when_evaluating(cell):
    model, X = RNNLM(V, M, cell, num_layers=2, dropout=0.5, num_embed=4), tokens()
    assert not torch.equal(model(X)[0], model(X)[0])
    model.eval()
    assert torch.equal(model(X)[0], model(X)[0])
    model.train()
    assert evaluate(model, X[0]) == evaluate(model, X[0]) and model.training


def test_dropout_never_cuts_the_state():
    """D'un pas de temps au suivant, rien n'est tiré : l'état ne s'efface pas en chemin."""
    model = RNNLM(V, M, dropout=0.9, num_embed=4).train()
    with torch.no_grad():
        for parameter in model.rnn.parameters():
            parameter.zero_()
        model.rnn.weight_hh_l0.copy_(torch.eye(M))
    start = torch.full((1, 3, M), 1e-3)  # là où tanh(x) ≈ x
    assert torch.allclose(model(tokens(3, 200), start)[1], start, rtol=1e-3)


def test_one_layer_with_dropout_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = RNNLM(V, M, dropout=0.5)
    assert model.rnn.dropout == 0 and RNNLM(V, M, num_layers=2, dropout=0.5).rnn.dropout == 0.5


# ---------- avec le reste du livre


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("carry_state", [True, False])
def test_fit_and_evaluate(cell, carry_state):
    text = torch.arange(V).repeat(60)
    model = RNNLM(V, 16, cell, num_layers=2, num_embed=8)
    history = fit(model, text, text[:100], num_epochs=8, batch_size=4, num_steps=10, lr=0.02,
                  carry_state=carry_state, progress=False)  # fmt: skip
    assert history.train[-1] < 0.5 * history.train[0] and len(history.valid) == 8
    assert 0 < evaluate(model, text) < math.log(V)
    assert evaluate(model, text, chunk=7) == pytest.approx(evaluate(model, text), abs=1e-5)
    assert evaluate(model, text, num_steps=5) > evaluate(model, text)


@pytest.mark.parametrize("cell", CELLS)
def test_generate(cell):
    vocab = Vocab(list("abcabc"))
    model = RNNLM(len(vocab), M, cell, num_layers=2, dropout=0.5, num_embed=4)
    text = generate(model, "ab", 20, vocab, seed=1)
    assert len(text) == 22 and text.startswith("ab") and set(text) <= set("abc")
    assert text == generate(model, "ab", 20, vocab, seed=1) and model.training


@pytest.mark.parametrize("cell", CELLS)
def test_packing_gives_the_state_of_each_sentence(cell):
    """Ce que la page affirme : empaqueté, l'état final est celui du dernier vrai jeton."""
    rnn = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[cell](4, M).double()
    X, lengths = torch.randn(9, 3, 4, dtype=torch.double), torch.tensor([4, 9, 6])
    packed = pack_padded_sequence(X, lengths, enforce_sorted=False)
    last = rnn(packed)[1]
    last = last[0] if cell == "lstm" else last
    alone = [rnn(X[:n, i : i + 1])[0][-1, 0] for i, n in enumerate(lengths)]
    assert torch.allclose(last[0], torch.stack(alone), atol=1e-12, rtol=0)
    assert len(packed.data) == lengths.sum()


# ---------- erreurs


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"cell": "tanh"}, "Cellule inconnue : 'tanh'. Choisissez rnn, gru, lstm."),
        ({"dropout": 1.0}, "dropout = 1.0"),
        ({"dropout": -0.1}, "dropout = -0.1"),
        ({"num_layers": 0}, "num_layers = 0"),
        ({"num_embed": 0}, "num_embed = 0"),
        ({"num_embed": 2.5}, "num_embed = 2.5"),
    ],
)
def test_a_bad_setting_is_named(options, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        RNNLM(V, M, **options)


@pytest.mark.parametrize(
    ("sizes", "said"), [((0, M), "vocab_size = 0"), ((V, 0), "num_hiddens = 0")]
)
def test_a_bad_size_is_named(sizes, said):
    with pytest.raises(ValueError, match=said):
        RNNLM(*sizes, num_embed=4)


@pytest.mark.parametrize("num_embed", [None, 4])
@pytest.mark.parametrize("index", [-1, V])
def test_an_index_out_of_the_vocabulary(num_embed, index):
    with pytest.raises(IndexError, match=r"entre 0 et 6|Indices de .*V = 7"):
        RNNLM(V, M, num_embed=num_embed)(torch.tensor([[0, index]]))


def test_tokens_come_in_batches():
    with pytest.raises(ValueError, match=re.escape("Jetons (11,) : il faut (B, T)")):
        RNNLM(V, M, num_embed=4)(tokens()[0])


@pytest.mark.parametrize(
    ("cell", "state"),
    [
        ("rnn", torch.zeros(3, M)),  # il manque la dimension des couches
        ("rnn", torch.zeros(2, 3, M)),
        ("gru", (torch.zeros(1, 3, M),) * 2),  # l'état d'un LSTM
        ("lstm", torch.zeros(1, 3, M)),  # celui d'un RNN ou d'un GRU
        ("lstm", (torch.zeros(1, 3, M),)),
        ("lstm", (torch.zeros(1, 3, M), torch.zeros(1, 2, M))),
    ],
)
def test_a_state_of_another_shape_is_refused(cell, state):
    wanted = [(1, 3, M)] * (2 if cell == "lstm" else 1)
    with pytest.raises(ValueError, match=re.escape(f"(couches, B, m), soit {wanted}")):
        RNNLM(V, M, cell, num_embed=4)(tokens(), state)
