"""La figure « horizon » : ses nombres sont ceux du paquet, la souris et le clavier la bougent."""

import re

import numpy as np
import pytest
import traitlets

import d2l_fr as d2l
from atelier import change, open_figure, values
from d2l_fr.widgets.horizon import Horizon

TIDE = d2l.noisy_sine(noise=0)


@pytest.fixture(scope="module")
def tab(browser, tmp_path_factory):
    tab = open_figure(browser, tmp_path_factory.mktemp("horizon"), Horizon())
    yield tab
    assert tab.problems == []
    tab.context.close()


def restart(tab):
    tab.get_by_role("button", name="Réinitialiser").click()
    return values(tab)


def summary(tab):
    values(tab)  # redessine
    return tab.locator(".d2l-status").inner_text().replace("\u00a0", " ")


def expected(noise=0.2, tau=4, k=64, origin=611, noisy_fit=True, noisy_start=True):
    """Les mêmes nombres, par les fonctions de la page."""
    readings = d2l.noisy_sine(noise=noise)
    start = readings if noisy_start else TIDE
    model = d2l.fit_ar((readings if noisy_fit else TIDE)[:600], tau)
    run, _ = d2l.k_step_forecasts(model, start[600 - tau :], tau, 64)
    _, truth = d2l.k_step_forecasts(model, TIDE[600 - tau :], tau, 64)
    return {
        "coefs": model.coefs,
        "intercept": model.intercept,
        "roots": d2l.ar_roots(model.coefs),
        "free": d2l.free_forecast(model, start[origin + 1 - tau : origin + 1], 760 - origin),
        "run": run[:, k - 1],
        "amplitude": np.sqrt(2) * run[:, k - 1].std(),
        "error": d2l.rmse(run, truth)[k - 1],
    }


def assert_same_roots(shown, roots):
    """Chaque racine de la figure est une racine du paquet, et réciproquement."""
    shown = np.array([complex(*z) for z in shown])
    assert np.allclose(np.abs(shown), np.abs(roots), rtol=1e-5)  # rangées de même
    distances = np.abs(shown[:, None] - roots)
    assert np.array_equal(np.sort(distances.argmin(axis=1)), np.arange(len(roots)))
    assert (distances.min(axis=1) < 1e-5 * np.abs(shown)).all()


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"noise": 0.05, "k": 16},
        {"noise": 0.01, "tau": 16, "origin": 599},
        {"noise": 0.2, "tau": 16, "k": 1},
        {"noise": 0.5, "tau": 11, "k": 30, "origin": 696},
        {"noise": 0.3, "tau": 1},
        {"noise": 0.1, "tau": 2, "k": 5},
        {"noise": 0.2, "noisy_fit": False},
        {"noise": 0.2, "noisy_start": False},
        {"noise": 0.5, "tau": 2, "noisy_fit": False},
        # Sans bruit, le système est de rang 3 : la solution la plus petite, comme fit_ar.
        {"noise": 0.0, "tau": 1},
        {"noise": 0.0, "tau": 2},
        {"noise": 0.0, "tau": 3},
        {"noise": 0.0, "tau": 4},
        {"noise": 0.0, "tau": 9},
        {"noise": 0.0, "tau": 16},
        {"noise": 0.2, "tau": 16, "noisy_fit": False},
    ],
)
def test_what_it_shows_is_what_the_package_computes(tab, settings):
    restart(tab)
    shown, true = change(tab, **settings), expected(**settings)
    assert_same_roots(shown["roots"], true["roots"])
    assert shown["rho"] == pytest.approx(abs(true["roots"][0]), rel=1e-5)
    for name in ("coefs", "free", "run"):
        scale = np.abs(true[name]).max()  # une courbe passe par zéro : relatif à sa hauteur
        assert np.allclose(shown[name], true[name], rtol=1e-5, atol=1e-5 * scale), name
    for name in ("intercept", "amplitude", "error"):
        assert shown[name] == pytest.approx(true[name], rel=1e-5, abs=1e-6), name
    figure = Horizon(**settings)
    model, free, run, amplitude, error = figure.forecast()
    assert np.allclose(model.coefs, true["coefs"], rtol=1e-9)
    assert np.allclose(free, true["free"], atol=1e-9)
    assert np.allclose(run, true["run"], atol=1e-9)
    assert (amplitude, error) == pytest.approx((true["amplitude"], true["error"]), abs=1e-9)


def test_every_window_without_noise_puts_two_roots_on_the_circle(tab):
    restart(tab)
    for tau in range(2, 17):
        moduli = [np.hypot(*z) for z in change(tab, noise=0, tau=tau)["roots"]]
        assert moduli[:2] == pytest.approx([1, 1], abs=1e-9)
        assert max(moduli[2:], default=0) < 0.95
        spare = "de trop : deux retards suffisent" in summary(tab)
        assert spare == (tau > 2)
    assert "Les quatorze autres sont de trop" in summary(tab)
    assert change(tab, tau=1)["rho"] == pytest.approx(np.cos(2 * np.pi / 50), rel=1e-2)


def test_the_summary_says_how_fast_the_forecast_fades(tab):
    restart(tab)
    root = d2l.ar_roots(d2l.fit_ar(d2l.noisy_sine()[:600], 4).coefs)[0]
    steps = d2l.fr(np.log(0.5) / np.log(abs(root)), 0)
    text = summary(tab)
    assert f"La plus grande racine vaut {d2l.fr(abs(root), 3)} : la prévision n’oscille pas" in text
    assert f"perd la moitié de son amplitude tous les {steps} pas" in text
    true = expected()
    assert f"amplitude {d2l.fr(true['amplitude'], 2)} m au lieu de 1" in text
    assert f"erreur {d2l.fr(true['error'], 2)} m" in text
    shown = change(tab, noise=0.05)
    assert f"Les deux plus grandes racines ont pour module {d2l.fr(shown['rho'], 3)}" in summary(
        tab
    )
    assert f"une période de {d2l.fr(shown['period'], 1)} pas" in summary(tab)
    change(tab, noise=0)
    assert "sont sur le cercle" in summary(tab)
    assert "ne s’éteint pas" in summary(tab)
    change(tab, noise=0.01, tau=16)
    assert "presque le cercle" in summary(tab)


def test_the_two_places_of_the_noise_are_those_of_the_table(tab):
    restart(tab)
    both = change(tab, noisy_fit=True, noisy_start=True)
    start = change(tab, noisy_fit=False, noisy_start=True)
    assert both["amplitude"] < 0.1
    assert start["amplitude"] > 1
    assert start["error"] > 0.5
    assert change(tab, noisy_fit=True, noisy_start=False)["amplitude"] < 0.1
    none = change(tab, noisy_fit=False, noisy_start=False)
    assert none["error"] == pytest.approx(0, abs=1e-9)


def test_the_keyboard_moves_everything(tab):
    before = restart(tab)
    tab.get_by_role("slider", name="Houle σ").press("ArrowLeft")
    assert values(tab)["coefs"] != before["coefs"]
    tab.get_by_role("slider", name="Fenêtre τ").press("End")
    assert len(values(tab)["roots"]) == 16
    tab.get_by_role("slider", name="Horizon k").press("Home")
    assert "À 1 pas" in summary(tab)
    handle = tab.get_by_role("slider", name="Dernier relevé lu")
    handle.press("ArrowRight")
    assert len(values(tab)["free"]) == 760 - 612
    handle.press("Shift+ArrowLeft")
    assert handle.get_attribute("aria-valuetext") == "pas 602"
    handle.press("Shift+ArrowLeft")  # jamais avant le dernier relevé appris
    assert len(values(tab)["free"]) == 760 - 599
    tab.get_by_role("switch", name="Houle à l’apprentissage").press("Space")
    assert values(tab)["rho"] == pytest.approx(1, abs=1e-9)
    assert np.allclose(restart(tab)["free"], before["free"])


def test_the_mouse_drags_the_start_and_shows_every_start(tab):
    before = restart(tab)
    box = tab.get_by_role("slider", name="Dernier relevé lu").bounding_box()
    assert min(box["width"], box["height"]) >= 24
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    tab.mouse.move(x, y)
    tab.mouse.down()
    tab.mouse.move(x + 60, y - 5, steps=3)
    tab.mouse.up()
    after = values(tab)
    assert len(after["free"]) < len(before["free"]) - 20
    assert after["roots"] == before["roots"]  # le départ n'y change rien
    dashed = tab.locator("path.dashed")
    assert dashed.get_attribute("d") == ""
    tab.get_by_role("switch", name="À k pas, de chaque départ").click()
    values(tab)
    assert dashed.get_attribute("d").startswith("M")
    slider = tab.get_by_role("slider", name="Houle σ")
    box = slider.bounding_box()
    tab.mouse.click(box["x"] + box["width"] - 10, box["y"] + box["height"] / 2)
    assert float(slider.input_value()) == pytest.approx(0.5, abs=0.03)
    assert values(tab)["rho"] != pytest.approx(after["rho"])
    assert restart(tab)["rho"] == before["rho"]
    assert dashed.get_attribute("d") == ""


def test_a_wild_forecast_widens_the_scale(tab):
    restart(tab)
    ticks = tab.locator("svg .d2l-axes .d2l-tick")
    assert "2" in ticks.all_text_contents()
    change(tab, noise=0.5, tau=2, noisy_fit=False, origin=690)
    assert np.abs(values(tab)["free"]).max() > 4.6
    assert "8" in ticks.all_text_contents()


@pytest.mark.parametrize("width", [360, 768, 1000])
def test_it_keeps_to_its_place(browser, tmp_path, width):
    tab = open_figure(browser, tmp_path, Horizon(), width=width)
    heights = []
    for settings in ({}, {"noise": 0, "tau": 16}, {"noise": 0.05}, {"noise": 0.01, "tau": 1}):
        change(tab, everywhere=True, **settings)
        live, place = (tab.locator(f".{c}").bounding_box()["height"] for c in ("d2l-fig", "vive"))
        assert live <= place + 1
        heights.append(live)
    size = tab.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)")
    assert max(heights) - min(heights) < 1  # rien ne bouge dessous
    assert live > place - 2 * size
    large, narrow = Horizon.height
    assert place == pytest.approx((narrow if width == 360 else large) * size, abs=1)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.problems == []
    tab.context.close()


def test_the_printed_form_shows_the_same_root():
    figure = Horizon()
    drawing = str(figure.static())
    model = figure.forecast()[0]
    assert f"plus grand module : {d2l.fr(abs(d2l.ar_roots(model.coefs)[0]), 3)}" in drawing
    assert "prévision à 64 pas" in drawing
    assert drawing.count('r="4.5"') == 4 + 1  # quatre racines et la clé
    assert min(int(size) for size in re.findall(r'font-size="(\d+)"', drawing)) >= 13
    assert 'r="4.5"' in str(Horizon(noise=0.5, tau=2, noisy_fit=False, origin=690).static())


def test_another_seed_draws_another_swell():
    swell = Horizon(seed=3).swell
    assert np.allclose(TIDE + 0.4 * swell, d2l.noisy_sine(noise=0.4, seed=3))
    assert not np.allclose(swell, Horizon().swell)


@pytest.mark.parametrize("seed", [-1, 0.5, "0", None, True])
def test_a_bad_seed_is_refused(seed):
    with pytest.raises(ValueError, match="il faut un entier positif ou nul"):
        Horizon(seed=seed)


@pytest.mark.parametrize(
    "settings",
    [{"noise": -0.1}, {"noise": 0.6}, {"noise": float("nan")}, {"tau": 0}, {"tau": 17}, {"k": 65},
     {"origin": 598}, {"origin": 697}],
)  # fmt: skip
def test_a_setting_out_of_bounds_is_refused(settings):
    with pytest.raises(traitlets.TraitError, match="il faut un nombre entre"):
        Horizon(**settings)
