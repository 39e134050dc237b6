"""La récurrence : un pas, des poids, un état de départ, et un remplissage qui ne compte pas."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence

from d2l_fr.rnn import (
    InitialState,
    init_rnn,
    length_mask,
    masked_cross_entropy,
    pad_sequences,
    rnn_step,
    spectral_radius,
)

KINDS = ("normal", "xavier", "orthogonal", "identity")
SIZES = st.integers(1, 6)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=seeded(seed), dtype=dtype)


# ---------- un pas


@settings(deadline=None)
@given(B=SIZES, d=SIZES, m=SIZES, seed=st.integers(0, 99))
def test_a_step_is_one_product_of_the_concatenation(B, d, m, seed):
    X, H, b_h = normal(B, d, seed=seed), normal(B, m, seed=seed + 1), normal(m, seed=seed + 2)
    W_xh, W_hh = normal(d, m, seed=seed + 3), normal(m, m, seed=seed + 4)
    both = torch.cat([X, H], dim=1) @ torch.cat([W_xh, W_hh], dim=0) + b_h
    pre = rnn_step(X, H, W_xh, W_hh, b_h, activation=lambda a: a)
    assert pre.shape == (B, m)
    torch.testing.assert_close(pre, both, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(rnn_step(X, H, W_xh, W_hh, b_h), both.tanh(), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("name", "activation"), [("tanh", torch.tanh), ("relu", torch.relu)])
def test_a_step_is_pytorch_s_cell(name, activation):
    cell = nn.RNNCell(5, 4, nonlinearity=name, dtype=torch.float64)
    X, H = normal(3, 5), normal(3, 4, seed=1)
    ours = rnn_step(
        X, H, cell.weight_ih.T, cell.weight_hh.T, cell.bias_ih + cell.bias_hh, activation
    )
    torch.testing.assert_close(ours, cell(X, H), rtol=0, atol=1e-12)


def test_the_state_is_a_function_of_what_was_read():
    weights = init_rnn(5, 8, generator=seeded())
    X = normal(6, 1, 5, dtype=torch.float32)

    def read():
        H = torch.zeros(1, 8)
        for X_t in X:
            H = rnn_step(X_t, H, *weights)
        return H

    assert torch.equal(read(), read())


@pytest.mark.parametrize(
    "shapes",
    [
        [(2, 3), (2, 4), (5, 4), (4, 4), (4,)],  # W_xh attend 5 entrées
        [(2, 3), (2, 4), (3, 4), (4, 3), (4,)],  # W_hh n'est pas carrée
        [(2, 3), (2, 5), (3, 4), (4, 4), (4,)],  # H a 5 unités
        [(2, 3), (2, 4), (3, 4), (4, 4), (1,)],  # le biais serait diffusé en silence
    ],
)
def test_a_step_refuses_shapes_that_disagree(shapes):
    with pytest.raises(ValueError, match=r"Formes incompatibles.*\(B, d\), \(d, m\)"):
        rnn_step(*(torch.zeros(shape) for shape in shapes))


# ---------- les poids de départ


@pytest.mark.parametrize("kind", KINDS)
def test_the_weights_have_their_shapes_and_a_null_bias(kind):
    W_xh, W_hh, b_h = init_rnn(7, 5, kind)
    assert (W_xh.shape, W_hh.shape, b_h.shape) == ((7, 5), (5, 5), (5,))
    assert not b_h.any()
    assert not any(W.requires_grad for W in (W_xh, W_hh, b_h))


@pytest.mark.parametrize(
    ("kind", "expected", "tolerance"),
    [("normal", 0.01 * 20, 0.02), ("xavier", 1, 0.1), ("orthogonal", 1, 1e-4), ("identity", 1, 0)],
)
def test_each_draw_has_its_spectral_radius(kind, expected, tolerance):
    for seed in range(3):
        W_hh = init_rnn(3, 400, kind, generator=seeded(seed))[1]
        assert abs(spectral_radius(W_hh) - expected) <= tolerance


@settings(deadline=None)
@given(m=st.integers(1, 30), seed=st.integers(0, 99))
def test_the_orthogonal_draw_keeps_lengths(m, seed):
    W_hh = init_rnn(2, m, "orthogonal", generator=seeded(seed))[1]
    torch.testing.assert_close(W_hh @ W_hh.T, torch.eye(m), rtol=0, atol=1e-5)


def test_orthogonal_matrices_are_drawn_without_a_preferred_sign():
    corners = [init_rnn(1, 3, generator=seeded(seed))[1][0, 0].item() for seed in range(400)]
    assert abs(sum(corners) / 400) < 0.1  # sans le signe de R, cette moyenne vaudrait -0,5


@pytest.mark.parametrize("kind", KINDS)
def test_the_gain_multiplies_the_recurrent_weights_only(kind):
    plain, louder = (init_rnn(4, 6, kind, generator=seeded(), gain=g) for g in (1.0, 1.5))
    assert torch.equal(plain[0], louder[0]) and torch.equal(1.5 * plain[1], louder[1])


def test_scales_of_the_draws():
    assert abs(init_rnn(200, 200, generator=seeded())[0].std() - 1) < 0.02
    assert abs(init_rnn(200, 200, "xavier", generator=seeded())[1].std() * 200**0.5 - 1) < 0.02
    assert abs(init_rnn(200, 200, generator=seeded(), input_scale=0.1)[0].std() - 0.1) < 0.002
    for W in init_rnn(200, 200, "normal", sigma=0.3, input_scale=5, generator=seeded())[:2]:
        assert abs(W.std() - 0.3) < 0.01


def test_a_generator_makes_the_draw_repeatable_and_leaves_the_global_one_alone():
    before = torch.get_rng_state()
    first, second = (init_rnn(4, 4, "xavier", generator=seeded(3)) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert torch.equal(before, torch.get_rng_state())


def test_the_draws_follow_the_default_type():
    torch.set_default_dtype(torch.float64)
    try:
        assert {W.dtype for kind in KINDS for W in init_rnn(2, 3, kind)} == {torch.float64}
    finally:
        torch.set_default_dtype(torch.float32)


def test_init_refuses_what_it_cannot_draw():
    with pytest.raises(ValueError, match="Tirage inconnu : 'xaver'"):
        init_rnn(3, 4, "xaver")
    with pytest.raises(ValueError, match="num_hiddens = 0"):
        init_rnn(3, 0)
    with pytest.raises(ValueError, match="n'est pas négatif : sigma = -1"):
        init_rnn(3, 4, "normal", sigma=-1)


def test_spectral_radius_of_known_matrices():
    angle = 0.3
    cos, sin = math.cos(angle), math.sin(angle)
    turn = torch.tensor([[cos, -sin], [sin, cos]], dtype=torch.float64)
    assert abs(spectral_radius(0.7 * turn) - 0.7) < 1e-12
    assert spectral_radius(torch.tensor([[0.0, 100.0], [0.0, 0.0]])) == 0
    assert spectral_radius(torch.diag(torch.tensor([1.0, -3.0])).requires_grad_()) == 3
    with pytest.raises(ValueError, match=r"carrée ; reçu : \(2, 3\)"):
        spectral_radius(torch.zeros(2, 3))


@settings(deadline=None)
@given(scale=st.floats(0.01, 100), seed=st.integers(0, 99))
def test_the_radius_is_homogeneous(scale, seed):
    W = normal(6, 6, seed=seed)
    assert math.isclose(spectral_radius(scale * W), scale * spectral_radius(W), rel_tol=1e-9)


# ---------- l'état initial


def test_the_null_state():
    start = InitialState(4)
    assert torch.equal(start(3), torch.zeros(3, 4))
    assert not list(start.parameters())


def test_the_random_state_is_new_at_each_call_and_null_when_evaluating():
    torch.manual_seed(0)
    start = InitialState(50, "random", sigma=0.2)
    first, second = start(40), start(40)
    assert first.shape == (40, 50) and not torch.equal(first, second)
    assert abs(first.std() - 0.2) < 0.02 and not torch.equal(first[0], first[1])
    assert torch.equal(start.eval()(3), torch.zeros(3, 50))
    assert not list(start.parameters())


def test_the_learned_state_adds_m_parameters_and_travels_with_the_model():
    start = InitialState(4, "learned")
    assert sum(p.numel() for p in start.parameters()) == 4
    with torch.no_grad():
        start.h0.copy_(torch.arange(4.0))
    other = InitialState(4, "learned")
    other.load_state_dict(start.state_dict())
    assert torch.equal(other(2), torch.arange(4.0).expand(2, 4))


def test_the_gradient_of_the_learned_state_is_the_sum_over_the_batch():
    start = InitialState(4, "learned").double()
    W_xh, W_hh, b_h = normal(3, 4), normal(4, 4, seed=1), normal(4, seed=2)
    X, target = normal(5, 2, 3, seed=3), normal(2, 4, seed=4)

    def loss(H):
        for X_t in X:
            H = rnn_step(X_t, H, W_xh, W_hh, b_h)
        return ((H - target) ** 2).sum()

    loss(start(2)).backward()
    each = torch.zeros(2, 4, dtype=torch.float64, requires_grad=True)
    loss(each).backward()
    torch.testing.assert_close(start.h0.grad, each.grad.sum(0), rtol=1e-12, atol=1e-14)
    assert start.h0.grad.abs().min() > 1e-6
    for i in range(4):  # contre les différences finies
        shift = 1e-5 * torch.eye(4, dtype=torch.float64)[i].expand(2, 4)
        slope = (loss(shift) - loss(-shift)).item() / 2e-5
        assert math.isclose(slope, start.h0.grad[i].item(), rel_tol=1e-6)


def test_initial_state_refuses_other_kinds_and_empty_batches():
    with pytest.raises(ValueError, match="État initial inconnu : 'nul'"):
        InitialState(4, "nul")
    with pytest.raises(ValueError, match="num_hiddens = 0"):
        InitialState(0)
    with pytest.raises(ValueError, match="batch_size = 0"):
        InitialState(4)(0)


# ---------- remplir, masquer

SEQUENCES = st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=8), min_size=1, max_size=6)


@settings(deadline=None)
@given(SEQUENCES, st.integers(-5, 20))
def test_padding_keeps_every_sequence(sequences, padding):
    tokens, lengths = pad_sequences(sequences, padding)
    assert tokens.dtype == lengths.dtype == torch.long
    assert tokens.shape == (len(sequences), max(map(len, sequences)))
    mask = length_mask(lengths)
    assert mask.dtype == torch.bool and mask.sum(1).tolist() == lengths.tolist()
    assert [row[keep].tolist() for row, keep in zip(tokens, mask, strict=True)] == sequences
    assert (tokens[~mask] == padding).all()


def test_padding_takes_tensors_and_ranges_and_a_longer_mask():
    tokens, lengths = pad_sequences([torch.tensor([4, 5]), range(3)], padding=9)
    assert tokens.tolist() == [[4, 5, 9], [0, 1, 2]]
    assert length_mask(lengths, 4).int().tolist() == [[1, 1, 0, 0], [1, 1, 1, 0]]
    assert length_mask([1, 2]).int().tolist() == [[1, 0], [1, 1]]


def test_padding_refuses_what_is_not_sequences_of_indices():
    with pytest.raises(ValueError, match="Aucune séquence"):
        pad_sequences([])
    with pytest.raises(ValueError, match=r"numéro 1 .* non vide"):
        pad_sequences([[1, 2], []])
    with pytest.raises(ValueError, match=r"numéro 0 .*liste d'entiers.*float32"):
        pad_sequences([[1.5, 2.0]])
    with pytest.raises(ValueError, match=r"forme \(\)"):
        pad_sequences([3, 4])
    with pytest.raises(ValueError, match="a 5 jetons : elle ne tient pas en 4 pas"):
        length_mask([2, 5], 4)


V, M = 6, 5


def logits_of(tokens, dtype):
    """Des scores (B, T, V) par une vraie récurrence, avec ses poids."""
    weights = [normal(V, M, dtype=dtype), 0.5 * normal(M, M, seed=1, dtype=dtype)]
    weights = [W.requires_grad_() for W in [*weights, normal(M, seed=2, dtype=dtype)]]
    W_hq = normal(M, V, seed=3, dtype=dtype).requires_grad_()
    X = F.one_hot(tokens, V).to(dtype)
    H, outputs = torch.zeros(len(tokens), M, dtype=dtype), []
    for t in range(tokens.shape[1]):
        outputs.append(H @ W_hq)  # annonce le jeton t d'après l'état qui le précède
        H = rnn_step(X[:, t], H, *weights)
    return torch.stack(outputs, 1), [*weights, W_hq]


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.lists(st.integers(0, V - 1), min_size=1, max_size=8), min_size=1, max_size=5),
    st.integers(0, V - 1),
)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
def test_the_masked_loss_is_that_of_the_sequences_alone(dtype, tolerance, sequences, padding):
    tokens, lengths = pad_sequences(sequences, padding)
    masked = masked_cross_entropy(logits_of(tokens, dtype)[0], tokens, length_mask(lengths))
    alone = [
        F.cross_entropy(logits_of(row, dtype)[0][0], row[0], reduction="sum")
        for row in (torch.tensor([sequence]) for sequence in sequences)
    ]
    expected = sum(alone) / lengths.sum()
    assert abs(masked - expected) <= tolerance * max(1, expected)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, V - 1), st.integers(0, V - 1), st.integers(0, 4), st.integers(0, 99))
def test_no_padding_changes_the_loss_or_the_gradient(first, second, more, seed):
    lengths = torch.tensor([4, 1, 3])
    mask = length_mask(lengths, 4 + more)
    truth = torch.randint(V, (3, 4 + more), generator=seeded(seed))
    results = []
    for padding in (first, second):
        tokens = torch.where(mask, truth, padding)
        logits, parameters = logits_of(tokens, torch.float64)
        loss = masked_cross_entropy(logits, tokens, mask)
        results.append([loss.detach(), *torch.autograd.grad(loss, parameters)])
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_what_lies_under_the_padding_is_never_read():
    logits, targets = normal(2, 3, V), torch.tensor([[1, 2, 3], [4, -100, 99]])
    logits[1, 1:] = float("nan")
    logits.requires_grad_()
    mask = length_mask([3, 1])
    loss = masked_cross_entropy(logits, targets, mask)
    loss.backward()
    assert loss.isfinite() and logits.grad.isfinite().all() and not logits.grad[~mask].any()


def test_without_padding_the_masked_loss_is_the_plain_mean():
    logits, targets = normal(2, 3, V), torch.randint(V, (2, 3), generator=seeded())
    plain = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
    everything = torch.ones(2, 3, dtype=torch.bool)
    torch.testing.assert_close(masked_cross_entropy(logits, targets, everything), plain)


def test_the_masked_loss_refuses_bad_masks():
    logits, targets = torch.zeros(2, 3, V), torch.zeros(2, 3, dtype=torch.long)
    with pytest.raises(TypeError, match=r"booléens ; reçu : torch.int64.*mask\.bool"):
        masked_cross_entropy(logits, targets, torch.ones(2, 3, dtype=torch.long))
    with pytest.raises(ValueError, match=r"Formes incompatibles.*\(B, T, V\)"):
        masked_cross_entropy(logits.transpose(0, 1), targets, torch.ones(2, 3, dtype=torch.bool))
    with pytest.raises(ValueError, match="aucun jeton"):
        masked_cross_entropy(logits, targets, torch.zeros(2, 3, dtype=torch.bool))


@settings(deadline=None)
@given(SEQUENCES)
def test_the_mask_counts_the_sequences_alive_like_a_packed_batch(sequences):
    tokens, lengths = pad_sequences(sequences)
    packed = pack_padded_sequence(tokens, lengths, batch_first=True, enforce_sorted=False)
    assert packed.batch_sizes.tolist() == length_mask(lengths).sum(0).tolist()
    assert len(packed.data) == lengths.sum()
