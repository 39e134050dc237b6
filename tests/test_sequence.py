"""Page sequence : fenêtres, coupe, prévisions et racines."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2l_fr import sequence as seq

finite = st.floats(-1e3, 1e3, allow_nan=False)
series = st.lists(finite, min_size=12, max_size=40).map(np.array)
coefs = st.lists(st.floats(-0.6, 0.6), min_size=1, max_size=4).map(np.array)


# --- La série -----------------------------------------------------------------------------


def test_noisy_sine_scales_the_same_noise():
    clean = seq.noisy_sine(noise=0.0)
    one, two = seq.noisy_sine(noise=0.1), seq.noisy_sine(noise=0.2)
    np.testing.assert_allclose(two - clean, 2 * (one - clean), atol=1e-12)
    assert one.shape == (1000,)
    assert np.std(two - clean) == pytest.approx(0.2, rel=0.1)
    np.testing.assert_array_equal(two, seq.noisy_sine())


def test_noisy_sine_has_the_stated_period_and_phase():
    clean = seq.noisy_sine(200, period=40, noise=0, phase=np.pi / 2)
    np.testing.assert_allclose(clean[40:], clean[:-40], atol=1e-12)
    assert clean[0] == pytest.approx(1.0)


def test_a_period_may_be_shorter_than_a_step():
    np.testing.assert_allclose(
        seq.noisy_sine(4, period=0.8, noise=0),
        np.sin([0, np.pi / 0.4, np.pi / 0.2, 3 * np.pi / 0.4]),
    )


def test_as_series_does_not_copy_float64():
    x = np.arange(5.0)
    assert seq.as_series(x) is x
    assert seq.as_series([1, 2]).dtype == np.float64


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: seq.lag_windows(np.arange(4.0), 4), "trop courte : 4 valeurs, .* au moins 5"),
        (lambda: seq.lag_windows(np.arange(9.0), 0), "tau = 0"),
        (lambda: seq.lag_windows(np.arange(9.0), 2.0), "tau = 2.0"),
        (lambda: seq.lag_windows(np.arange(9.0), True), "tau = True"),
        (lambda: seq.lag_windows(np.arange(9.0), 2, horizon=-1), "horizon = -1"),
        (lambda: seq.lag_windows(np.ones((3, 3)), 1), "une seule dimension"),
        (lambda: seq.lag_windows([1, 2, np.nan, 4], 1), "indice 2 .*nan"),
        (lambda: seq.lag_windows([1, np.inf, 3], 1), "indice 1 .*inf"),
        (lambda: seq.lag_windows(["0,5", "1,5"], 1), "ne contient que des nombres"),
        (lambda: seq.time_split(np.arange(5.0), 5), "trop courte"),
        (lambda: seq.time_split(np.arange(5.0), 0), "num_train = 0"),
        (lambda: seq.time_split(np.arange(5.0), 3, context=4), "entre 0 et 3"),
        (lambda: seq.time_split(np.arange(5.0), 3, context=-1), "entre 0 et 3"),
        (lambda: seq.fit_ar(np.arange(8.0), 4), "trop courte : 8 valeurs, .* au moins 9"),
        (lambda: seq.fit_ar(np.arange(8.0), 0), "tau = 0"),
        (lambda: seq.LinearAR([0.5, np.nan]), "nombre fini"),
        (lambda: seq.LinearAR([0.5, 0.1])(np.ones((3, 4))), r"\(3, 4\) : il faut 2 colonnes"),
        (lambda: seq.k_step_forecasts(seq.LinearAR([1.0]), np.arange(9.0), 1, 0), "k = 0"),
        (lambda: seq.k_step_forecasts(seq.LinearAR([1.0]), np.arange(9.0), 1, 9), "trop courte"),
        (lambda: seq.free_forecast(seq.LinearAR([1.0]), [], 3), "trop courte"),
        (lambda: seq.free_forecast(seq.LinearAR([1.0]), [1.0], 0), "num_steps = 0"),
        (lambda: seq.ar_roots([]), "trop courte"),
        (lambda: seq.LinearAR([0.5, 0.1])(np.ones((2, 4))), r"\(2, 4\) : il faut 2 colonnes"),
        (lambda: seq.rmse(np.ones(3), np.ones((3, 1))), "Formes différentes"),
        (lambda: seq.noisy_sine(0), "num_steps = 0"),
        (lambda: seq.noisy_sine(period=0), "period > 0"),
        (lambda: seq.noisy_sine(noise=-1), "noise >= 0"),
    ],
)
def test_errors_are_french_and_say_what_to_change(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# --- Fenêtres et coupe --------------------------------------------------------------------


@given(series, st.integers(1, 6), st.integers(1, 5))
def test_windows_and_targets_cover_the_series_exactly_once(x, tau, horizon):
    windows, targets = seq.lag_windows(x, tau, horizon)
    assert windows.shape == (len(x) - tau - horizon + 1, tau)
    assert targets.shape == (len(windows),)
    # Les premières colonnes, puis la dernière fenêtre et l'horizon, redonnent la série.
    np.testing.assert_array_equal(np.append(x[: tau + horizon - 1], targets), x)
    np.testing.assert_array_equal(np.append(windows[:, 0], x[len(windows) :]), x)
    for i, window in enumerate(windows):
        np.testing.assert_array_equal(window, x[i : i + tau])


def test_windows_are_a_read_only_view():
    x = np.arange(1000.0)
    windows, _ = seq.lag_windows(x, 500)
    assert np.shares_memory(windows, x)
    with pytest.raises(ValueError):
        windows[0, 0] = 1.0


@given(series, st.data())
def test_time_split_keeps_every_value_in_order(x, data):
    num_train = data.draw(st.integers(1, len(x) - 1))
    context = data.draw(st.integers(0, num_train))
    train, heldout = seq.time_split(x, num_train, context)
    np.testing.assert_array_equal(np.append(train, heldout[context:]), x)
    np.testing.assert_array_equal(heldout[:context], train[num_train - context :])


def test_a_split_may_leave_a_single_value():
    train, heldout = seq.time_split(np.arange(5.0), 4)
    assert train.tolist() == [0, 1, 2, 3] and heldout.tolist() == [4]


def test_context_makes_every_heldout_value_a_target():
    x = np.arange(20.0)
    _, heldout = seq.time_split(x, 12, context=3)
    np.testing.assert_array_equal(seq.lag_windows(heldout, 3)[1], x[12:])


# --- Ajuster et prévoir -------------------------------------------------------------------


@given(
    st.lists(st.floats(0.97, 1.0), min_size=1, max_size=2),
    st.floats(0.4, 0.9),
    st.floats(-2, 2),
    st.integers(0, 2**31),
)
def test_a_noiseless_ar_is_recovered(moduli, angle, intercept, seed):
    # Des oscillations distinctes, qui durent assez pour que leurs coefficients se voient.
    pairs = [m * np.exp(1j * angle * (i + 1)) for i, m in enumerate(moduli)]
    true = -np.poly([*pairs, *np.conj(pairs)]).real[1:]
    start = np.random.default_rng(seed).normal(size=len(true)) + 3
    free = seq.free_forecast(seq.LinearAR(true, intercept), start, 120)
    model = seq.fit_ar(np.append(start, free), len(true))
    np.testing.assert_allclose(model.coefs, true, atol=1e-6)
    assert model.intercept == pytest.approx(intercept, abs=1e-5)


def test_fit_ar_recovers_a_driven_oscillation_exactly():
    true = np.array([2 * np.cos(0.3), -1.0])
    x = seq.noisy_sine(100, period=2 * np.pi / 0.3, noise=0, phase=0.4)
    model = seq.fit_ar(x, 2)
    np.testing.assert_allclose(model.coefs, true, atol=1e-10)
    assert model.intercept == pytest.approx(0, abs=1e-10)
    shifted = seq.fit_ar(x + 5, 2)
    np.testing.assert_allclose(shifted.coefs, true, atol=1e-9)
    assert shifted.intercept == pytest.approx(5 * (1 - true.sum()), abs=1e-8)


def test_fit_ar_takes_the_smallest_coefficients_when_many_fit():
    x = seq.noisy_sine(noise=0)
    four = seq.fit_ar(x, 4)
    assert np.linalg.norm(four.coefs) < np.linalg.norm([2 * np.cos(2 * np.pi / 50), -1])
    np.testing.assert_allclose(four(seq.lag_windows(x, 4)[0]), x[4:], atol=1e-10)


def test_direct_fit_predicts_its_horizon():
    x = seq.noisy_sine(noise=0)
    model = seq.fit_ar(x, 2, horizon=17)
    windows, targets = seq.lag_windows(x, 2, horizon=17)
    np.testing.assert_allclose(model(windows), targets, atol=1e-9)


@given(series, coefs, st.floats(-1, 1), st.integers(1, 6))
def test_k_steps_are_k_one_step_forecasts_composed(x, a, b, k):
    model = seq.LinearAR(a, b)
    forecasts, targets = seq.k_step_forecasts(model, x, model.tau, k)
    n = len(x) - model.tau - k + 1
    assert forecasts.shape == targets.shape == (n, k)
    for i in (0, n // 2, n - 1):
        window = list(x[i : i + model.tau])
        for j in range(k):
            window.append(b + sum(a[lag] * window[-1 - lag] for lag in range(model.tau)))
            assert forecasts[i, j] == pytest.approx(window[-1], abs=1e-6)
            assert targets[i, j] == x[i + model.tau + j]


@given(series, coefs, st.integers(1, 6))
def test_free_forecast_is_the_last_row_of_k_steps(x, a, k):
    model = seq.LinearAR(a)
    forecasts, _ = seq.k_step_forecasts(model, x, model.tau, k)
    start = x[len(forecasts) - 1 :][: model.tau]
    free = seq.free_forecast(model, start, k)
    np.testing.assert_allclose(free, forecasts[-1], atol=1e-6)


def test_forecasts_leave_the_series_untouched():
    x = seq.noisy_sine(50)
    before = x.copy()
    seq.k_step_forecasts(seq.LinearAR([0.5, 0.2]), x, 2, 5)
    seq.free_forecast(seq.LinearAR([0.5, 0.2]), x[:2], 5)
    np.testing.assert_array_equal(x, before)


def test_any_function_of_windows_can_forecast():
    x = np.arange(10.0)
    forecasts, targets = seq.k_step_forecasts(lambda windows: windows[:, -1], x, 3, 4)
    np.testing.assert_allclose(targets - forecasts, np.tile([1.0, 2, 3, 4], (len(targets), 1)))


def test_rmse_is_the_root_of_the_mean_square_column_by_column():
    assert seq.rmse([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 2.0]) == 1.0
    forecasts, targets = np.array([[1.0, 0.0], [2.0, 6.0]]), np.array([[1.0, 3.0], [4.0, 2.0]])
    np.testing.assert_allclose(seq.rmse(forecasts, targets), [2**0.5, 12.5**0.5])
    assert seq.rmse(targets, targets).tolist() == [0, 0]


# --- Racines ------------------------------------------------------------------------------


@given(
    st.lists(st.floats(-1.2, 1.2), min_size=1, max_size=3), st.floats(0.1, 1.1), st.floats(0.1, 3)
)
def test_roots_of_a_known_ar(real, modulus, angle):
    known = np.array([*real, modulus * np.exp(1j * angle), modulus * np.exp(-1j * angle)])
    polynomial = np.poly(known).real
    roots = seq.ar_roots(-polynomial[1:])
    assert roots.shape == known.shape
    np.testing.assert_allclose(np.poly(roots).real, polynomial, atol=1e-8)
    assert (np.diff(np.abs(roots)) <= 1e-12).all()
    assert abs(roots[0]) == pytest.approx(np.abs(known).max(), abs=1e-3)


def test_roots_of_zero_coefficients():
    np.testing.assert_array_equal(seq.ar_roots([0.0, 0.0, 0.0]), np.zeros(3))


@settings(max_examples=30)
@given(coefs)
def test_modulus_says_how_forecasts_decay(a):
    modulus = abs(seq.ar_roots(a)[0])
    free = seq.free_forecast(seq.LinearAR(a), np.ones(len(a)), 400)
    if modulus < 0.97:
        assert abs(free[-1]) < 1e-3
    assert np.isfinite(free).all() or modulus > 1


# --- Ce que la page affirme ---------------------------------------------------------------


def moduli(tau, noise, num_series=10):
    fits = [seq.fit_ar(seq.noisy_sine(600, noise=noise, seed=s), tau) for s in range(num_series)]
    return np.array([abs(seq.ar_roots(fit.coefs)[0]) for fit in fits])


@pytest.mark.parametrize("tau", [2, 4, 16, 64])
def test_without_noise_the_roots_are_on_the_unit_circle(tau):
    roots = seq.ar_roots(seq.fit_ar(seq.noisy_sine(600, noise=0), tau).coefs)
    assert abs(roots[0]) == pytest.approx(1.0, abs=1e-9)
    assert abs(np.angle(roots[0])) == pytest.approx(2 * np.pi / 50, abs=1e-6)


def test_noise_pulls_the_roots_inside_and_long_windows_push_them_back():
    assert (moduli(4, 0.2) < 0.97).all()
    means = [moduli(tau, 0.2).mean() for tau in (4, 8, 16, 32)]
    assert means == sorted(means)
    assert means[-1] > 0.999


def test_the_attenuation_formula():
    a = [seq.fit_ar(seq.noisy_sine(600, seed=s), 1).coefs[0] for s in range(20)]
    assert np.mean(a) == pytest.approx(np.cos(2 * np.pi / 50) / 1.08, abs=0.005)


def test_fading_comes_from_the_coefficients_not_from_the_start():
    x, tide = seq.noisy_sine(), seq.noisy_sine(noise=0)
    spread = {}
    for name, learned in (("pure", seq.fit_ar(tide[:600], 4)), ("noisy", seq.fit_ar(x[:600], 4))):
        for start, data in (("pure", tide), ("noisy", x)):
            spread[name, start] = seq.k_step_forecasts(learned, data[596:], 4, 64)[0][:, -1].std()
    assert spread["pure", "noisy"] > spread["pure", "pure"] > 0.7
    assert max(spread["noisy", "pure"], spread["noisy", "noisy"]) < 0.1
