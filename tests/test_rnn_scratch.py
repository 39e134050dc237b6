"""Le réseau écrit à la main : la cellule est celle de PyTorch, et ce qu'elle écrit se reproduit."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from d2l_fr.rnn import spectral_radius
from d2l_fr.rnn_scratch import (
    RNNLMScratch,
    RNNScratch,
    clip_gradients,
    generate,
    loop_recurrence,
    one_hot,
    sample_next,
)
from d2l_fr.text_sequence import Vocab

VOCAB = Vocab(list("abcdé \n"))
V = len(VOCAB)


def language_model(num_hiddens=12, seed=0):
    torch.manual_seed(seed)
    return RNNLMScratch(RNNScratch(V, num_hiddens, input_scale=2.0), V)


def rigged(follows):
    """Un modèle sans apprentissage : après le caractère a, le suivant est ``follows[a]``."""
    model = RNNLMScratch(RNNScratch(V, V), V)
    with torch.no_grad():
        model.rnn.W_xh.copy_(5 * torch.eye(V))
        model.rnn.W_hh.zero_()
        model.W_hq.zero_()
        for a, b in follows.items():
            model.W_hq[VOCAB[a], VOCAB[b]] = 50.0
    return model


# ---------- entrées, récurrence, formes


@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 9))
def test_one_hot_reads_a_row(batch_size, num_steps, size):
    tokens = torch.randint(size, (batch_size, num_steps))
    codes, W = one_hot(tokens, size), torch.randn(size, 3)
    assert codes.shape == (num_steps, batch_size, size) and codes.dtype == torch.float32
    assert torch.equal(codes.argmax(-1), tokens.T) and torch.all(codes.sum(-1) == 1)
    assert torch.equal(codes @ W, W[tokens.T])


@pytest.mark.parametrize("tokens", [[[0, 3]], [[-1, 2]]])
def test_one_hot_refuses_another_vocabulary(tokens):
    with pytest.raises(IndexError, match="V = 3 : le texte et le modèle"):
        one_hot(torch.tensor(tokens), 3)


def test_one_hot_of_nothing():
    assert one_hot(torch.empty(2, 0, dtype=torch.long), 5).shape == (0, 2, 5)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4), st.integers(1, 12), st.integers(1, 6), st.integers(1, 9))
def test_the_cell_is_that_of_pytorch(batch_size, num_steps, num_inputs, num_hiddens):
    ours, theirs = RNNScratch(num_inputs, num_hiddens), nn.RNN(num_inputs, num_hiddens)
    with torch.no_grad():
        ours.b_h.normal_()
        theirs.weight_ih_l0.copy_(ours.W_xh.T)
        theirs.weight_hh_l0.copy_(ours.W_hh.T)
        theirs.bias_ih_l0.copy_(ours.b_h)
        theirs.bias_hh_l0.zero_()
    X, H0 = torch.randn(num_steps, batch_size, num_inputs), torch.randn(batch_size, num_hiddens)
    for state in (None, H0):
        states, last = ours(X, state)
        expected, final = theirs(X, None if state is None else state[None])
        torch.testing.assert_close(states, expected, rtol=0, atol=1e-6)
        torch.testing.assert_close(last, final[0], rtol=0, atol=1e-6)


def test_the_gradients_are_those_of_pytorch():
    ours, theirs = RNNScratch(3, 5).double(), nn.RNN(3, 5).double()
    with torch.no_grad():
        theirs.weight_ih_l0.copy_(ours.W_xh.T)
        theirs.weight_hh_l0.copy_(ours.W_hh.T)
        theirs.bias_ih_l0.zero_()
        theirs.bias_hh_l0.zero_()
    X = torch.randn(7, 2, 3, dtype=torch.double)
    ours(X)[0].square().sum().backward()
    theirs(X)[0].square().sum().backward()
    torch.testing.assert_close(ours.W_hh.grad, theirs.weight_hh_l0.grad.T)
    torch.testing.assert_close(ours.W_xh.grad, theirs.weight_ih_l0.grad.T)
    torch.testing.assert_close(ours.b_h.grad, theirs.bias_ih_l0.grad)


def test_the_loop_leaves_its_inputs_alone():
    X, H0 = torch.randn(4, 2, 3), torch.randn(2, 5)
    weights = torch.randn(3, 5), torch.randn(5, 5), torch.zeros(5)
    before = X.clone(), H0.clone()
    loop_recurrence(X, H0, *weights)
    assert torch.equal(X, before[0]) and torch.equal(H0, before[1])


def test_reading_in_two_times_is_reading_at_once():
    model, tokens = language_model(), torch.randint(V, (3, 10))
    logits, state = model(tokens)
    first, between = model(tokens[:, :4])
    second, final = model(tokens[:, 4:], between)
    assert logits.shape == (3, 10, V) and state.shape == (3, 12)
    torch.testing.assert_close(torch.cat([first, second], 1), logits)
    torch.testing.assert_close(final, state)


def test_the_sequences_of_a_batch_do_not_mix():
    model, tokens = language_model(), torch.randint(V, (3, 6))
    torch.testing.assert_close(model(tokens[1:2])[0], model(tokens)[0][1:2])


def test_initial_weights_follow_the_settings():
    rnn = RNNScratch(V, 40, gain=0.6, input_scale=4.0)
    assert spectral_radius(rnn.W_hh) == pytest.approx(0.6, abs=1e-4)
    assert rnn.W_xh.std().item() == pytest.approx(4, rel=0.2)
    assert {name for name, _ in rnn.named_parameters()} == {"W_xh", "W_hh", "b_h"}


def test_the_output_adds_its_bias_to_the_product():
    model, states = language_model(), torch.randn(4, 2, 12)
    nn.init.normal_(model.b_q)
    expected = torch.einsum("tbm,mv->tbv", states, model.W_hq) + model.b_q
    torch.testing.assert_close(model.output(states), expected)


def test_the_model_runs_in_double_precision():
    assert language_model().double()(torch.zeros(1, 3, dtype=torch.long))[0].dtype == torch.double


@pytest.mark.parametrize(
    ("X", "state", "said"),
    [
        (torch.zeros(4, 2, 5), None, r"Entrée \(4, 2, 5\) : il faut \(T, B, 3\)"),
        (torch.zeros(4, 3), None, "Entrée"),
        (torch.zeros(0, 2, 3), None, "T > 0"),
        (torch.zeros(4, 2, 3), torch.zeros(1, 6), r"État \(1, 6\) : il faut \(B, m\) = \(2, 6\)"),
    ],
)
def test_wrong_shapes_are_told(X, state, said):
    with pytest.raises(ValueError, match=said):
        RNNScratch(3, 6)(X, state)


def test_wrong_sizes_are_told():
    with pytest.raises(ValueError, match="num_hiddens = 0"):
        RNNScratch(3, 0)
    with pytest.raises(ValueError, match="Le réseau lit 3 nombres ; il en faut 5"):
        RNNLMScratch(RNNScratch(3, 4), 5)


# ---------- écrêtage


def with_gradients(*gradients):
    parameters = []
    for gradient in gradients:
        parameters.append(nn.Parameter(torch.zeros_like(gradient)))
        parameters[-1].grad = gradient.clone()
    return parameters


@given(st.floats(0.01, 100), st.floats(0.01, 100))
def test_clipping_bounds_the_norm_and_keeps_the_direction(scale, max_norm):
    torch.manual_seed(0)
    gradients = [scale * torch.randn(3, 4), scale * torch.randn(5)]
    parameters = with_gradients(*gradients)
    flat = torch.cat([g.flatten() for g in gradients])
    norm = clip_gradients(iter(parameters), max_norm)
    clipped = torch.cat([p.grad.flatten() for p in parameters])
    assert norm == pytest.approx(float(flat.norm()), rel=1e-5)
    assert float(clipped.norm()) == pytest.approx(min(norm, max_norm), rel=1e-5)
    assert float(F.cosine_similarity(clipped, flat, dim=0)) == pytest.approx(1, abs=1e-5)


def test_clipping_agrees_with_pytorch():
    gradients = torch.randn(4, 4), torch.randn(3)
    ours, theirs = with_gradients(*gradients), with_gradients(*gradients)
    norm = clip_gradients(ours, 0.5)
    assert norm == pytest.approx(float(nn.utils.clip_grad_norm_(theirs, 0.5)), rel=1e-5)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-4, atol=1e-6)


def test_a_small_gradient_is_left_alone_and_a_missing_one_ignored():
    parameters = [*with_gradients(torch.tensor([0.3, 0.4])), nn.Parameter(torch.ones(2))]
    assert clip_gradients(parameters, 1.0) == pytest.approx(0.5)
    assert torch.equal(parameters[0].grad, torch.tensor([0.3, 0.4]))
    assert parameters[1].grad is None
    assert clip_gradients(with_gradients(torch.ones(9)), math.inf) == pytest.approx(3)
    assert clip_gradients([], 1.0) == 0


@pytest.mark.parametrize("max_norm", [0, -1.0])
def test_clipping_needs_a_threshold(max_norm):
    with pytest.raises(ValueError, match="strictement positif"):
        clip_gradients(with_gradients(torch.ones(2)), max_norm)


# ---------- tirage

LOGITS = torch.tensor([0.0, 2.0, 1.0, -1.0])


def draws(count=4000, logits=LOGITS, **options):
    generator = torch.Generator().manual_seed(0)
    found = [sample_next(logits, generator=generator, **options) for _ in range(count)]
    return torch.bincount(torch.tensor(found), minlength=len(logits)) / count


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_draws_follow_the_model(temperature):
    expected = torch.softmax(LOGITS / temperature, 0)
    torch.testing.assert_close(draws(temperature=temperature), expected, rtol=0, atol=0.03)


def test_top_k_keeps_the_most_likely_and_their_proportions():
    expected = torch.tensor([0.0, math.e, 1.0, 0.0]) / (math.e + 1)
    torch.testing.assert_close(draws(top_k=2), expected, rtol=0, atol=0.03)
    assert draws(50, top_k=1)[1] == 1
    torch.testing.assert_close(draws(top_k=99), torch.softmax(LOGITS, 0), rtol=0, atol=0.03)


def test_top_k_of_ties_keeps_k():
    assert int((draws(500, torch.zeros(6), top_k=2) > 0).sum()) == 2


@given(st.lists(st.floats(-30, 30), min_size=1, max_size=8), st.sampled_from([0, 1e-30, 1e-9]))
def test_a_null_or_tiny_temperature_is_greedy(values, temperature):
    # Deux logits plus proches que quelques températures restent deux choix : c'est le modèle.
    logits = torch.tensor(values, dtype=torch.float64)
    assert logits[sample_next(logits, temperature)] >= logits.max() - 50 * temperature


@pytest.mark.parametrize("temperature", [0, 5e-324, 1e-45, 1e-3, 1.0, 1e300])
def test_a_forbidden_token_is_never_drawn(temperature):
    logits = torch.tensor([3.0, -math.inf, 3.0, 0.0])
    found = draws(200, logits, temperature=temperature)
    assert found[1] == 0
    if temperature < 1:
        assert found[3] == 0


def test_drawing_leaves_the_logits_alone():
    logits = LOGITS.clone()
    for options in ({"temperature": 0}, {"top_k": 1}, {"temperature": 3.0}):
        sample_next(logits, **options)
    assert torch.equal(logits, LOGITS)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"temperature": -1}, "temperature = -1"),
        ({"temperature": math.nan}, "temperature = nan"),
        ({"temperature": math.inf}, "temperature = inf"),
        ({"top_k": 0}, "top_k = 0"),
        ({"top_k": 0, "temperature": 0}, "top_k = 0"),
        ({"logits": torch.zeros(1, 4)}, r"Logits \(1, 4\) : il faut un vecteur"),
        ({"logits": torch.tensor([0.0, math.nan])}, "sans NaN"),
        ({"logits": torch.tensor([0.0, math.inf])}, "ni plus l.infini"),
        ({"logits": torch.full((2,), -math.inf)}, "permis"),
        ({"logits": torch.zeros(0)}, r"Logits \(0,\)"),
    ],
)
def test_impossible_draws_are_told(arguments, said):
    with pytest.raises(ValueError, match=said):
        sample_next(**{"logits": LOGITS} | arguments)


# ---------- génération


def test_generation_follows_its_seed():
    model = language_model()
    text = generate(model, "ab", 40, VOCAB, seed=3)
    assert text.startswith("ab") and len(text) == 42
    assert text == generate(model, "ab", 40, VOCAB, seed=3)
    assert text != generate(model, "ab", 40, VOCAB, seed=4)


def test_without_settings_generation_follows_the_model_from_a_new_paragraph():
    model = language_model()
    plain = generate(model, "", 40, VOCAB, seed=3)
    assert plain == generate(model, "\n", 40, VOCAB, temperature=1.0, seed=3)[1:]
    assert plain != generate(model, "", 40, VOCAB, temperature=2.0, seed=3)


def test_the_seed_leaves_the_other_draws_alone():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    generate(language_model(seed=0), "a", 5, VOCAB, seed=1)
    torch.manual_seed(0)
    assert torch.equal(torch.rand(3), expected)


def test_greedy_generation_takes_the_argmax_of_the_whole_past():
    model, text = language_model(), "abc"
    written = generate(model, text, 12, VOCAB, temperature=0)
    for _ in range(12):  # tout relire à chaque caractère doit donner la même suite
        logits = model(torch.tensor([VOCAB[list(text)]]))[0][0, -1].clone()
        logits[0] = -math.inf
        text += VOCAB.to_tokens(int(logits.argmax()))
    assert written == text


def test_a_known_chain_is_written():
    model = rigged({"a": "b", "b": "é", "é": "a", "\n": "c", "c": "d", "d": "c"})
    assert generate(model, "a", 5, VOCAB) == "abéabé"
    assert generate(model, "e\u0301", 2, VOCAB) == "e\u0301ab"  # lu en NFC, rendu tel quel
    assert generate(model, "", 4, VOCAB) == "cdcd"  # un préfixe vide : un début de paragraphe


def test_the_unknown_token_is_never_written():
    model = rigged(dict.fromkeys("abcdé \n", VOCAB.unk))  # il ne veut écrire que l'inconnu
    for temperature in (0, 1.0, 5.0):
        text = generate(model, "a", 60, VOCAB, temperature=temperature, seed=0)
        assert VOCAB.unk not in text and set(text) <= set(VOCAB.tokens[1:])


def test_an_unknown_prefix_is_read_with_a_warning():
    model = language_model()
    with pytest.warns(UserWarning, match="lus comme inconnus : 'x', 'z'") as seen:
        text = generate(model, "zaxx", 3, VOCAB, seed=0)
    assert text.startswith("zaxx") and len(text) == 7 and len(seen) == 1
    assert seen[0].filename == __file__


def test_a_vocabulary_without_line_breaks_starts_silently(recwarn):
    vocab = Vocab(list("ab"))
    model = RNNLMScratch(RNNScratch(3, 4), 3)
    assert len(generate(model, "", 6, vocab, seed=0)) == 6
    assert not recwarn.list


@pytest.mark.parametrize("training", [True, False])
def test_generation_leaves_the_model_as_it_was(training):
    model = language_model().train(training)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    generate(model, "a", 3, VOCAB)
    assert model.training is training
    assert all(torch.equal(before[name], weight) for name, weight in model.state_dict().items())


def test_impossible_generations_are_told():
    with pytest.raises(ValueError, match="num_tokens = 0"):
        generate(language_model(), "a", 0, VOCAB)
    with pytest.raises(ValueError, match="temperature = -2"):
        generate(language_model(), "a", 3, VOCAB, temperature=-2)
    with pytest.raises(IndexError, match="même vocabulaire"):
        generate(RNNLMScratch(RNNScratch(3, 4), 3), "abcd", 3, VOCAB)
