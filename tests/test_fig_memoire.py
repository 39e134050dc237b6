"""La figure « memoire » : ses nombres sont ceux du paquet, la souris et le clavier la bougent."""

import numpy as np
import pytest
import torch

import d2l_fr as d2l
from atelier import change, open_figure, values
from d2l_fr.widgets.memoire import Memoire, recurrent_matrix


@pytest.fixture(scope="module")
def tab(browser, tmp_path_factory):
    tab = open_figure(browser, tmp_path_factory.mktemp("memoire"), Memoire())
    yield tab
    assert tab.problems == []
    tab.context.close()


@pytest.mark.parametrize("angle", [0, 30, 90])
@pytest.mark.parametrize("departure", [0, 2.5])
def test_the_matrix_has_the_spectrum_and_the_departure_asked_for(angle, departure):
    W = recurrent_matrix(angle, 0.8, departure)
    eigenvalues = np.linalg.eigvals(W.numpy())
    assert np.abs(eigenvalues) == pytest.approx([0.8, 0.8])
    assert np.abs(np.degrees(np.angle(eigenvalues))) == pytest.approx([angle, angle], abs=1e-4)
    # Henrici : ‖W‖² = Σ|λ|² + écart².
    assert float((W**2).sum()) == pytest.approx(2 * 0.8**2 + departure**2)


@pytest.mark.parametrize(
    "settings",
    [{"radius": 0.0}, {"radius": float("nan")}, {"departure": 1e9}, {"departure": -1.0},
     {"angle": float("inf")}, {"start": [1.0]}, {"start": [0.0, float("nan")]}],
)  # fmt: skip
def test_impossible_settings_are_refused(settings):
    (name, value), figure = *settings.items(), Memoire()
    with pytest.raises(ValueError, match=rf"{name} = .*il faut"):
        Memoire(**settings)
    with pytest.raises(ValueError, match=rf"{name} = .*il faut"):
        figure.set_trait(name, value)
    assert str(figure.static()) == str(Memoire().static())


def test_the_curve_starts_from_the_state_chosen():
    figure = Memoire(start=[1.5, -0.5], radius=0.5)
    states, _ = figure.trajectory()
    assert states[0].tolist() == [1.5, -0.5]
    assert str(figure.static()) != str(Memoire(radius=0.5).static())


def test_the_default_matrix_is_the_one_of_the_page():
    assert torch.equal(
        recurrent_matrix(0, 0.9, 2), torch.tensor([[0.9, 2.0], [-0.0, 0.9]], dtype=torch.float64)
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"radius": 0.9, "angle": 0, "departure": 2, "tanh": False, "start": [0.2, 0.6]},
        {"radius": 1.1, "angle": 30, "departure": 0, "tanh": True, "start": [0.5, -0.5]},
        {"radius": 1.2, "angle": 90, "departure": 3, "tanh": True, "start": [-1, 0.3]},
        {"radius": 0.5, "angle": 7, "departure": 0.05, "tanh": False, "start": [0, 0]},
    ],
)
def test_what_it_shows_is_what_the_package_computes(tab, settings):
    shown = change(tab, **settings)
    W = recurrent_matrix(settings["angle"], settings["radius"], settings["departure"])
    assert np.allclose(shown["W"], W.numpy(), rtol=1e-9)
    h, states = torch.tensor(settings["start"], dtype=torch.float64), []
    for _ in range(60):
        h = d2l.rnn.rnn_step(
            torch.zeros(1, 1, dtype=torch.float64), h[None], torch.zeros(1, 2).double(), W,
            torch.zeros(2).double(),
        )[0] if settings["tanh"] else h @ W  # fmt: skip
        states.append(h)
    states = torch.stack(states)
    assert np.allclose(shown["states"][1:], states.numpy(), rtol=1e-5, atol=1e-12)
    slopes = states if settings["tanh"] else torch.zeros_like(states)
    norms = torch.linalg.matrix_norm(d2l.jacobian_products(slopes, W), 2)
    assert np.allclose(shown["norms"], norms.numpy(), rtol=1e-5, atol=1e-14)
    assert shown["sigma"] == pytest.approx(float(torch.linalg.matrix_norm(W, 2)), rel=1e-9)
    own = Memoire(**settings).trajectory()[1]
    assert torch.allclose(own, norms)


def test_the_summary_tells_the_peak_and_the_return(tab):
    shown = change(tab, radius=0.9, angle=0, departure=2, tanh=False, start=[0.2, 0.6])
    norms = shown["norms"]
    text = tab.locator(".d2l-status").inner_text()
    assert f"jusqu’à {d2l.fr(max(norms), 2)} au pas {int(np.argmax(norms)) + 1}" in text
    assert f"repasse sous 1 au pas {int(np.max(np.nonzero(np.array(norms) >= 1))) + 2}" in text
    change(tab, departure=0)
    assert "ne dépasse jamais 1" in tab.locator(".d2l-status").inner_text()


@pytest.mark.parametrize(
    "settings",
    [
        {"angle": 90},
        {"angle": 30, "departure": 0, "radius": 1.1, "tanh": True},
        {"angle": 15, "departure": 3, "radius": 0.8},
        {"angle": 60, "departure": 1, "radius": 1.02},
    ],
)
def test_the_summary_only_says_for_good_what_lasts(tab, settings):
    start = {"radius": 0.9, "angle": 0, "departure": 2, "tanh": False, "start": [0.2, 0.6]}
    norms = np.array(change(tab, **(start | settings))["norms"])
    text = tab.locator(".d2l-status").inner_text()
    over = np.flatnonzero(norms >= 1)
    if over[-1] == 59:
        assert "vaut encore" in text or "tout au bout" in text
        return
    assert f"au pas {over[-1] + 2}." in text or f"à partir du pas {over[-1] + 2}." in text
    assert ("passe et repasse sous 1" in text) == bool((norms[: over[-1]] < 1).any())


@pytest.mark.parametrize(
    "settings",
    [
        {"radius": 1.2, "angle": 20, "departure": 0, "tanh": False},
        {"radius": 1.2, "angle": 0, "departure": 3, "tanh": False},
    ],
)
def test_what_leaves_the_axes_is_cut_at_their_edge(tab, settings):
    change(tab, **settings)
    seen = tab.evaluate(
        """() => {
          let out = 0, shown = 0;
          for (const path of document.querySelectorAll('.d2l-plot path.line')) {
            const svg = path.ownerSVGElement, frame = svg.querySelector('clipPath rect').getBBox();
            const matrix = path.getScreenCTM(), length = path.getTotalLength();
            for (let i = 0; i <= 400; i++) {
              const point = path.getPointAtLength(length * i / 400);
              const inside = point.x >= frame.x - 2 && point.x <= frame.x + frame.width + 2
                && point.y >= frame.y - 2 && point.y <= frame.y + frame.height + 2;
              if (inside) continue;
              out++;
              const { x, y } = point.matrixTransform(matrix);
              if (document.elementsFromPoint(x, y).includes(path)) shown++;
            }
          }
          return [out, shown];
        }"""
    )
    assert seen[0] > 0
    assert seen[1] == 0
    tab.get_by_role("button", name="Réinitialiser").click()


def test_the_keyboard_moves_the_sliders_and_the_state(tab):
    before = change(tab, radius=0.9, departure=2, start=[0.2, 0.6])
    tab.get_by_role("slider", name="Rayon spectral ρ").focus()
    tab.keyboard.press("ArrowRight")
    after = values(tab)
    assert after["norms"][0] > before["norms"][0]
    tab.get_by_role("slider", name="État de départ h₀").focus()
    tab.keyboard.press("ArrowLeft")
    assert values(tab)["states"][0] == pytest.approx([0.15, 0.6])
    tab.get_by_role("switch", name="Passer par tanh").focus()
    tab.keyboard.press("Space")
    assert abs(values(tab)["states"][1][1]) < 1
    tab.get_by_role("button", name="Réinitialiser").press("Enter")
    assert np.allclose(values(tab)["norms"], before["norms"])


def test_the_mouse_drags_the_state(tab):
    handle = tab.get_by_role("slider", name="État de départ h₀")
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    tab.mouse.move(x, y)
    tab.mouse.down()
    tab.mouse.move(x + 40, y + 30, steps=3)
    tab.mouse.up()
    first = values(tab)["states"][0]
    assert first[0] > 0.3
    assert first[1] < 0.55
    assert "neurone 1" in handle.get_attribute("aria-valuetext")
    tab.get_by_role("button", name="Réinitialiser").click()


@pytest.mark.parametrize("width", [360, 768, 1000])
def test_it_keeps_to_its_place(browser, tmp_path, width):
    tab = open_figure(browser, tmp_path, Memoire(), width=width)
    for settings in ({}, {"tanh": True, "radius": 1.2}, {"departure": 0}):
        change(tab, **settings)
        live, place = (tab.locator(f".{c}").bounding_box()["height"] for c in ("d2l-fig", "vive"))
        assert live <= place + 1
    large, narrow = Memoire.height
    size = tab.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)")
    assert place == pytest.approx((narrow if width == 360 else large) * size, abs=1)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.problems == []
    tab.context.close()


def test_the_printed_form_shows_the_same_curve():
    figure = Memoire()
    drawing = str(figure.static())
    assert drawing.startswith("<svg ")
    assert "norme de ∂h₆₀" in drawing
    assert str(Memoire(departure=0.0).static()) != drawing
