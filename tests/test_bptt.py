"""La rétropropagation écrite à la main est juste, et l'on coupe là où on le dit."""

from itertools import product

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st

from d2l_fr.bptt import (
    bptt_recurrence,
    gradient_norms_by_lag,
    jacobian_products,
    random_gates,
    regular_gates,
    step_jacobian,
)
from d2l_fr.rnn import rnn_step
from d2l_fr.rnn_concise import RNNLM, copy_weights
from d2l_fr.rnn_scratch import RNNLMScratch, RNNScratch, loop_recurrence

SHAPES = st.tuples(st.integers(1, 12), st.integers(1, 5), st.integers(1, 6), st.integers(1, 8))


def problem(T, B, d, m, seed=0):
    """Des entrées, un état initial et des poids (float64, avec gradient), et des poids de perte."""
    generator = torch.Generator().manual_seed(seed)
    shapes = ((T, B, d), (B, m), (d, m), (m, m), (m,))
    tensors = [torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes]
    tensors[3] /= m**0.5
    weights = torch.randn(T, B, m, generator=generator, dtype=torch.float64)
    return [tensor.requires_grad_() for tensor in tensors], weights


def gated_loop(X, H0, W_xh, W_hh, b_h, gates):
    """La même récurrence par autograd ; ``gates[t]`` multiplie le gradient qui remonte."""
    H, states = H0, []
    for x, gate in zip(X, gates, strict=True):
        H = gate * H + (1 - gate) * H.detach()
        H = torch.tanh(x @ W_xh + H @ W_hh + b_h)
        states.append(H)
    return torch.stack(states)


def gradients(recurrence, tensors, weights, *args):
    loss = (recurrence(*tensors, *args) * weights).sum()
    return torch.autograd.grad(loss, tensors)


def relative_error(got, expected):
    """L'écart relatif, tous gradients réunis."""
    got, expected = (torch.cat([g.flatten() for g in group]) for group in (got, expected))
    return float((got - expected).norm() / expected.norm())


# ---------- le gradient écrit à la main


@settings(deadline=None)
@given(SHAPES, st.integers(0, 1000))
@example((1, 1, 1, 1), 0)
@example((1, 4, 3, 5), 0)
@example((9, 1, 3, 5), 0)
def test_the_handwritten_gradient_is_that_of_autograd(shape, seed):
    tensors, weights = problem(*shape, seed)
    states = bptt_recurrence(*tensors)
    assert states.shape == weights.shape
    torch.testing.assert_close(states, loop_recurrence(*tensors), rtol=1e-12, atol=1e-12)
    got = gradients(bptt_recurrence, tensors, weights)
    assert relative_error(got, gradients(loop_recurrence, tensors, weights)) < 1e-10


@settings(deadline=None)
@given(SHAPES, st.data())
def test_any_gates_give_the_gradient_of_a_gated_loop(shape, data):
    gate = st.one_of(st.just(0.0), st.floats(-3, 3))
    gates = torch.tensor(data.draw(st.lists(gate, min_size=shape[0], max_size=shape[0])))
    tensors, weights = problem(*shape)
    got = gradients(bptt_recurrence, tensors, weights, gates)
    assert relative_error(got, gradients(gated_loop, tensors, weights, gates.double())) < 1e-10


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (6, 1, 3, 4), (5, 3, 2, 4)])
def test_finite_differences_by_torch(shape):
    tensors, _ = problem(*shape)
    assert torch.autograd.gradcheck(bptt_recurrence, tensors)


def test_finite_differences_by_hand():
    tensors, weights = problem(7, 2, 3, 4)
    grads = gradients(bptt_recurrence, tensors, weights)
    generator = torch.Generator().manual_seed(5)
    for i in range(len(tensors)):  # la pente le long d'une direction au hasard, tenseur par tenseur
        step = torch.randn(tensors[i].shape, generator=generator, dtype=torch.float64)
        slope, h = 0.0, 1e-5
        for sign in (1, -1):
            moved = [t.detach() for t in tensors]
            moved[i] = moved[i] + sign * h * step
            slope += sign * float((bptt_recurrence(*moved) * weights).sum()) / (2 * h)
        assert slope == pytest.approx(float((grads[i] * step).sum()), rel=1e-7, abs=1e-9)


@pytest.mark.parametrize(
    "read",
    [
        pytest.param(lambda states: states.transpose(0, 1), id="transposée"),
        pytest.param(lambda states: states[::2], id="un pas sur deux"),
        pytest.param(lambda states: states.sum((0, 2)), id="somme"),
        pytest.param(lambda states: states[-1], id="dernier état"),
        pytest.param(lambda states: states.permute(2, 0, 1).reshape(-1), id="permutée"),
    ],
)
def test_any_reading_of_the_outputs(read):
    tensors, _ = problem(6, 3, 2, 4)
    losses = [(read(f(*tensors)) ** 3).sum() for f in (bptt_recurrence, loop_recurrence)]
    got, expected = (torch.autograd.grad(loss, tensors) for loss in losses)
    assert relative_error(got, expected) < 1e-10


def test_inputs_in_any_layout():
    tensors, weights = problem(5, 3, 2, 4)
    X = tensors[0].detach().transpose(0, 1).contiguous().transpose(0, 1).requires_grad_()
    W_hh = tensors[3].detach().T.contiguous().T.requires_grad_()
    assert not X.is_contiguous() and not W_hh.is_contiguous()
    got = gradients(bptt_recurrence, [X, tensors[1], tensors[2], W_hh, tensors[4]], weights)
    assert relative_error(got, gradients(loop_recurrence, tensors, weights)) < 1e-10


def test_only_what_is_asked_is_computed():
    tensors, weights = problem(4, 2, 3, 5)
    X, H0, *parameters = tensors
    states = bptt_recurrence(X.detach(), H0.detach(), *parameters)
    got = torch.autograd.grad((states * weights).sum(), parameters)
    assert relative_error(got, gradients(loop_recurrence, tensors, weights)[2:]) < 1e-10
    with torch.no_grad():
        assert not bptt_recurrence(*tensors).requires_grad


def test_a_state_modified_in_place_is_noticed():
    tensors, _ = problem(4, 2, 3, 5)
    states = bptt_recurrence(*tensors)
    states.mul_(2)
    with pytest.raises(RuntimeError, match="inplace"):
        states.sum().backward()


def test_float32_is_close_to_float64():
    tensors, weights = problem(32, 8, 5, 64)
    exact = gradients(bptt_recurrence, tensors, weights)
    single = [tensor.detach().float().requires_grad_() for tensor in tensors]
    got = gradients(bptt_recurrence, single, weights.float())
    assert relative_error([g.double() for g in got], exact) < 1e-5


def test_a_network_trains_with_it():
    torch.manual_seed(0)
    tokens = torch.randint(7, (3, 12))
    model = RNNLMScratch(RNNScratch(7, 16, recurrence=bptt_recurrence), 7)
    twin = RNNLMScratch(RNNScratch(7, 16), 7)
    twin.load_state_dict(model.state_dict())
    for network in (model, twin):
        logits, _ = network(tokens[:, :-1])
        F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten()).backward()
    for ours, theirs in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)


# ---------- troncatures


@settings(deadline=None)
@given(SHAPES, st.integers(0, 20))
def test_a_window_as_long_as_the_sequence_cuts_nothing(shape, more):
    gates = regular_gates(shape[0], shape[0] + more)
    assert gates.tolist() == [1.0] * shape[0]
    tensors, weights = problem(*shape)
    full = gradients(bptt_recurrence, tensors, weights)
    cut = gradients(bptt_recurrence, tensors, weights, gates)
    assert all(map(torch.equal, full, cut))


@settings(deadline=None)
@given(SHAPES, st.integers(1, 14))
def test_regular_truncation_is_a_detach_every_window_steps(shape, window):
    tensors, weights = problem(*shape)

    def windows(X, H0, *parameters):
        H, states = H0, []
        for t, part in enumerate(X.split(window)):
            states.append(loop_recurrence(part, H if t == 0 else H.detach(), *parameters))
            H = states[-1][-1]
        return torch.cat(states)

    gates = regular_gates(shape[0], window)
    got = gradients(bptt_recurrence, tensors, weights, gates)
    assert relative_error(got, gradients(windows, tensors, weights)) < 1e-10
    torch.testing.assert_close(
        bptt_recurrence(*tensors, gates), bptt_recurrence(*tensors), rtol=0, atol=0
    )


@settings(max_examples=10, deadline=None)
@given(
    st.tuples(st.integers(1, 6), st.integers(1, 3), st.integers(1, 3), st.integers(1, 4)),
    st.floats(0.2, 1),
)
def test_random_truncation_is_unbiased_over_every_draw(shape, keep):
    tensors, weights = problem(*shape)
    mean = [torch.zeros_like(tensor) for tensor in tensors]
    for passes in product((0, 1), repeat=shape[0]):
        probability = keep ** sum(passes) * (1 - keep) ** (shape[0] - sum(passes))
        gates = torch.tensor(passes, dtype=torch.float64) / keep
        drawn = gradients(bptt_recurrence, tensors, weights, gates)
        mean = [m + probability * g for m, g in zip(mean, drawn, strict=True)]
    assert relative_error(mean, gradients(bptt_recurrence, tensors, weights)) < 1e-10


def test_random_truncation_is_unbiased_in_practice():
    tensors, weights = problem(8, 2, 3, 4)
    generator = torch.Generator().manual_seed(3)
    full = gradients(bptt_recurrence, tensors, weights)[3]
    draws = torch.stack([
        gradients(bptt_recurrence, tensors, weights, random_gates(8, 0.7, generator))[3]
        for _ in range(2000)
    ])  # fmt: skip
    standard_error = draws.std(0) / len(draws) ** 0.5
    assert ((draws.mean(0) - full).abs() < 5 * standard_error + 1e-12).all()


def test_gates_have_the_values_they_say():
    assert regular_gates(7, 3).tolist() == [1, 1, 1, 0, 1, 1, 0]
    assert regular_gates(3, 1).tolist() == [1, 0, 0]
    generator = torch.Generator().manual_seed(0)
    gates = random_gates(20_000, 0.8, generator)
    assert set(gates.tolist()) == {0.0, 1.25}
    assert float(gates.mean()) == pytest.approx(1, abs=5 * (0.25 / 20_000) ** 0.5)
    assert random_gates(4, 1).tolist() == [1.0] * 4


def test_random_gates_follow_their_generator():
    first, again = (random_gates(50, 0.5, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(first, again)


@pytest.mark.parametrize("keep", [0, -0.1, 1.5, float("nan")])
def test_an_impossible_probability_is_refused(keep):
    with pytest.raises(ValueError, match="probabilité non nulle"):
        random_gates(4, keep)


@pytest.mark.parametrize("arguments", [(0, 3), (3, 0), (3, 1.5)])
def test_an_impossible_window_is_refused(arguments):
    with pytest.raises(ValueError, match="entier"):
        regular_gates(*arguments)


def test_gates_of_the_wrong_length_are_refused():
    tensors, _ = problem(4, 2, 3, 5)
    with pytest.raises(ValueError, match=r"gates \(3,\) : il faut une valeur par pas, \(4,\)"):
        bptt_recurrence(*tensors, [1, 0, 1])


# ---------- jacobiennes


@settings(deadline=None)
@given(st.integers(1, 7), st.integers(1, 6), st.integers(0, 100))
def test_jacobians_are_those_of_autograd(T, m, seed):
    (X, H0, *weights), _ = problem(T, 1, 3, m, seed)
    states = loop_recurrence(X, H0, *weights)[:, 0].detach()
    products = jacobian_products(states, weights[1])
    assert products.shape == (T, m, m)
    before = torch.cat((H0.detach(), states[:-1]))
    for k in range(1, T + 1):

        def last_state(h, k=k):
            H = h[None]
            for x in X[T - k :]:
                H = rnn_step(x, H, *weights)
            return H[0]

        expected = torch.autograd.functional.jacobian(last_state, before[T - k]).T
        torch.testing.assert_close(products[k - 1], expected, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(products[0], step_jacobian(states[-1], weights[1]))


def test_jacobian_shapes_are_checked():
    for states, W_hh in [
        (torch.zeros(3), torch.eye(3)),
        (torch.zeros(0, 3), torch.eye(3)),
        (torch.zeros(2, 3), torch.eye(4)),
    ]:
        with pytest.raises(ValueError, match="il faut"):
            jacobian_products(states, W_hh)


# ---------- gradient par retard


def language_models(kind):
    torch.manual_seed(0)
    if kind == "scratch":
        return RNNLMScratch(RNNScratch(6, 5), 6)
    if kind == "bptt":
        return RNNLMScratch(RNNScratch(6, 5, recurrence=bptt_recurrence), 6)
    options = {"deux couches": {"num_layers": 2, "dropout": 0.5}, "plongement": {"num_embed": 3}}
    cell = kind if kind in ("rnn", "gru", "lstm") else "lstm"
    return RNNLM(6, 5, cell, **options.get(kind, {}))


@pytest.mark.parametrize("T", [1, 7])
@pytest.mark.parametrize(
    "kind", ["scratch", "bptt", "rnn", "gru", "lstm", "deux couches", "plongement"]
)
def test_norms_by_lag_against_an_independent_computation(kind, T):
    """On repart de l'état de chaque retard, séquence par séquence, et l'on relit la suite."""
    model = language_models(kind).double().eval()
    tokens = torch.randint(6, (3, T + 1))
    got = gradient_norms_by_lag(model, tokens)
    assert got.shape == (T,) and not got.requires_grad
    X = model.embed(tokens[:, :-1]).detach()
    for lag in range(T):
        norms = []
        for i in range(len(tokens)):
            _, state = model.rnn(X[: T - lag, i : i + 1])
            parts = [
                p.detach().requires_grad_() for p in (state if type(state) is tuple else [state])
            ]
            state = tuple(parts) if len(parts) > 1 else parts[0]
            if lag:
                outputs, _ = model.rnn(X[T - lag :, i : i + 1], state)
                last = outputs[-1]
            else:
                last = parts[0] if parts[0].ndim == 2 else parts[0][-1]
            loss = F.cross_entropy(model.output(last), tokens[i, -1:])
            grads = torch.autograd.grad(loss, parts, allow_unused=True, materialize_grads=True)
            norms.append(float(sum((g**2).sum() for g in grads)) ** 0.5)
        assert float(got[lag]) == pytest.approx(np.mean(norms), rel=1e-9), lag


def test_norms_by_lag_agree_between_our_network_and_that_of_pytorch():
    scratch, concise = language_models("scratch"), language_models("rnn")
    copy_weights(scratch, concise)
    tokens = torch.randint(6, (4, 12))
    torch.testing.assert_close(
        gradient_norms_by_lag(scratch, tokens), gradient_norms_by_lag(concise, tokens)
    )


@pytest.mark.parametrize("kind", ["scratch", "bptt", "deux couches"])
def test_measuring_changes_nothing_in_the_model(kind):
    model = language_models(kind).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    tokens = torch.randint(6, (2, 9))
    with torch.no_grad():  # même là, on sait dériver
        first = gradient_norms_by_lag(model, tokens)
    assert torch.equal(first, gradient_norms_by_lag(model.requires_grad_(False), tokens))
    assert model.training and all(p.grad is None for p in model.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("shape", [(5,), (2, 1)])
def test_too_few_tokens_are_refused(shape):
    with pytest.raises(ValueError, match=r"il faut \(B, T \+ 1\)"):
        gradient_norms_by_lag(language_models("scratch"), torch.zeros(shape, dtype=torch.long))
