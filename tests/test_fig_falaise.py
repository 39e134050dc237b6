"""La figure « falaise » : ses deux descentes sont celles du paquet, et l'on peut tout y bouger."""

import math
import re

import numpy as np
import pytest
import torch

import d2l_fr as d2l
from atelier import open_figure, touching, values
from d2l_fr.widgets import falaise
from d2l_fr.widgets.arrays import unpack
from d2l_fr.widgets.falaise import Falaise, gradient_path, level_loops, unit_loss

START = [1.6, -0.62]


@pytest.fixture(scope="module")
def tab(browser, tmp_path_factory):
    tab = open_figure(browser, tmp_path_factory.mktemp("falaise"), Falaise())
    yield tab
    assert tab.problems == []
    tab.context.close()


def change(tab, **settings):
    """Change des réglages depuis l'état de départ ; rend ce que la figure a calculé."""
    tab.evaluate(
        """(settings) => { const ui = document.querySelector('.d2l-fig').d2l;
          for (const [key, value] of Object.entries({ ...ui.get('defaults'), ...settings }))
            ui.set(key, value); }""",
        settings,
    )
    return values(tab)


def status(tab):
    values(tab)
    return tab.locator(".d2l-status").inner_text().replace("\u00a0", " ")


# ---------- le calcul


def test_the_loss_is_that_of_a_network_of_one_unit():
    w, b = torch.tensor(1.7).double(), torch.tensor(-0.3).double()
    states = d2l.rnn_scratch.loop_recurrence(
        torch.zeros(falaise.TIMES, 1, 1).double(), torch.full((1, 1), falaise.H0).double(),
        torch.zeros(1, 1).double(), w.view(1, 1), b.view(1),
    )  # fmt: skip
    assert float(unit_loss(w, b)) == pytest.approx(float((states[-1] - falaise.TARGET) ** 2))


@pytest.mark.parametrize("threshold", [0.1, 1.0, math.inf])
def test_the_path_is_sgd_with_the_clipping_of_the_package(threshold):
    parameters = [torch.nn.Parameter(torch.tensor(v, dtype=torch.float64)) for v in START]
    optimizer = torch.optim.SGD(parameters, lr=0.1)
    points, losses, norms = gradient_path(START, 0.1, threshold)
    for k in range(falaise.STEPS):
        assert points[k].tolist() == pytest.approx([p.item() for p in parameters], rel=1e-9)
        optimizer.zero_grad()
        loss = unit_loss(*parameters)
        loss.backward()
        assert float(losses[k]) == pytest.approx(loss.item(), rel=1e-7, abs=1e-15)
        norm = d2l.clip_gradients(parameters, threshold)
        assert float(norms[k]) == pytest.approx(norm, rel=1e-7, abs=1e-12)
        optimizer.step()


def test_clipping_shortens_the_step_and_keeps_its_direction():
    points, _, norms = gradient_path(START, 0.1, 1.0)
    steps = points.diff(dim=0)
    assert float(steps.norm(dim=1).max()) == pytest.approx(0.1)
    for k in np.nonzero(norms.numpy() > 1)[0]:
        asked = gradient_path(points[k].tolist(), 0.1, steps=1)[0].diff(dim=0)[0]
        assert torch.allclose(asked / asked.norm(), steps[k] / steps[k].norm())
        assert float(asked.norm()) == pytest.approx(0.1 * float(norms[k]))


def test_the_starting_state_shows_the_leap_and_the_rescue():
    (clipped, losses, norms), (free, free_losses, _) = Falaise().paths()
    assert float(free.diff(dim=0).norm(dim=1).max()) > 1.5
    assert float(free_losses[-1]) > 0.08
    assert float(losses[-1]) < 1e-6
    assert 1 <= int((norms > 1).sum()) <= 5
    same = int((norms > 1).nonzero()[0])  # jusque-là, rien ne les distingue
    assert torch.equal(clipped[: same + 1], free[: same + 1])
    assert not torch.equal(clipped[same + 1], free[same + 1])


def test_the_map_is_the_loss():
    figure = Falaise()
    assert sum(len(packed["data"]) for packed in figure.arrays.values()) < 20_000
    outline, lengths, owners = (
        unpack(figure.arrays[key]).astype(int) for key in ("outline", "lengths", "owners")
    )
    assert lengths.sum() == len(outline)
    assert np.array_equal(outline[: lengths[0]], level_loops()[0][0])
    assert set(owners.tolist()) == set(range(len(falaise.LEVELS)))
    assert [round(100 * ink) for ink in unpack(figure.arrays["ink"])] == [*falaise.LEVELS.values()]
    for level, loops in zip(falaise.LEVELS, level_loops(), strict=True):
        spots = np.concatenate(loops) / falaise.UNIT
        inside = spots[((spots > 0.01) & (spots < 0.99)).all(axis=1)]
        w, b = (
            torch.from_numpy(low + (high - low) * inside[:, i])
            for i, (low, high) in enumerate((falaise.W, falaise.B))
        )
        # Le grain de la carte, rapporté à la pente : un niveau n'est pas plus loin que cela.
        w.requires_grad_()
        b.requires_grad_()
        loss = unit_loss(w, b)
        slopes = torch.autograd.grad(loss.sum(), (w, b))
        far = (loss.detach() - level).abs() / (slopes[0] ** 2 + slopes[1] ** 2).sqrt()
        assert len(inside) > 10
        assert float(far.quantile(0.9)) < 0.004


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"start": [0.1, 0.0]}, "start"),
        ({"start": [1.6]}, "start"),
        ({"start": [1.6, math.nan]}, "start"),
        ({"rate": 0.0}, "rate"),
        ({"rate": math.inf}, "rate"),
        ({"threshold": -1.0}, "threshold"),
        ({"threshold": math.inf}, "threshold"),
        ({"shown": 31}, "shown"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Falaise(**settings)
    figure = Falaise()
    with pytest.raises(ValueError, match=message):
        figure.set_trait(*next(iter(settings.items())))
    assert str(figure.static()) == str(Falaise().static()), "le réglage refusé n'a rien changé"


# ---------- la figure


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"rate": 0.05, "threshold": 0.1},
        {"rate": 0.2, "threshold": 2, "start": [1.4, -0.5]},
        {"rate": 0.5, "threshold": 20, "start": [2.4, -0.6]},
        {"rate": 0.3, "threshold": 0.5, "start": [0.8, 2]},
    ],
)
def test_what_it_shows_is_what_the_package_computes(tab, settings):
    shown = change(tab, **settings)
    whole = {"rate": 0.1, "threshold": 1.0, "start": START} | settings
    for key, path in zip(("clipped", "without"), Falaise(**whole).paths(), strict=True):
        points, losses, norms = (part.numpy() for part in path)
        assert np.allclose(shown[key]["points"], points, rtol=1e-5, atol=1e-9)
        assert np.allclose(shown[key]["losses"], losses, rtol=1e-5, atol=1e-10)
        assert np.allclose(shown[key]["norms"], norms, rtol=1e-5, atol=1e-7)


def test_the_summary_tells_the_leap_and_the_rescue(tab):
    shown = change(tab)
    top = max(shown["without"]["norms"])
    at = shown["without"]["norms"].index(top) + 1
    text = status(tab)
    assert f"monte à {d2l.fr(top, 1)} au pas {at} : un bond de {d2l.fr(0.1 * top, 2)}" in text
    assert "η × θ = 0,1." in text
    assert f"sert {sum(norm > 1 for norm in shown['clipped']['norms'])} fois" in text
    norm = change(tab, shown=8)["clipped"]["norms"][7]
    assert f"{d2l.fr(norm, 2)} fois plus court, dans la même direction" in status(tab)
    change(tab, shown=2)
    assert "rien n’est écrêté" in status(tab)
    change(tab, shown=0)
    assert status(tab).startswith("Au départ")
    change(tab, threshold=50)
    assert "ne dépasse jamais θ" in status(tab)


def test_a_path_that_leaves_the_map_says_where_it_goes(tab):
    text = tab.locator(".d2l-plot text", has_text="vers w")
    change(tab)
    assert text.count() == 0
    points = change(tab, rate=0.3)["without"]["points"]
    w, b = next(point for point in points if point[1] > 2)
    said = text.text_content().replace("\u00a0", " ")
    assert said == f"vers w = {d2l.fr(w, 2)}, b = {d2l.fr(b, 2)}"


# À 344 pixels, la figure est aussi étroite que dans le site à 360.
@pytest.mark.parametrize("width", [344, 768, 1000])
def test_the_names_stay_in_the_figure_and_apart(tab, width):
    tab.set_viewport_size({"width": width, "height": 900})
    tab.wait_for_timeout(100)
    for w in (0.8, 0.86, 1.04, 1.3, 1.6, 2.1, 2.6):
        for b in (-1.0, -0.62, -0.3, 0.0, 0.3, 0.5, 0.95, 2.0):
            for settings in ({}, {"rate": 0.5}, {"threshold": 0.1}, {"rate": 0.3, "shown": 7}):
                change(tab, start=[w, b], **settings)
                for texts in ("text", ".falaise-nom, .falaise-depart"):
                    assert touching(tab, texts) == [], (w, b, settings)
    tab.set_viewport_size({"width": 1000, "height": 900})


@pytest.mark.parametrize(
    "settings", [{}, {"threshold": 0.1}, {"rate": 0.05}, {"rate": 0.3}, {"shown": 8}]
)
def test_a_name_is_at_its_own_curve_and_on_neither(tab, settings):
    change(tab, **settings)
    names = tab.evaluate(
        """() => {
          const svg = document.querySelectorAll(".d2l-fig svg.d2l-plot")[1];
          const points = (key) => {
            const node = svg.querySelector(`.falaise-${key}`), length = node.getTotalLength();
            return Array.from({ length: 1001 }, (_, k) => node.getPointAtLength(k / 1000 * length))
              .filter(({ y }) => y < svg.viewBox.baseVal.height - 26);
          };
          return Array.from(svg.querySelectorAll(".falaise-nom"), (node) => {
            const box = node.getBBox(), own = node.matches(".c-train") ? "clipped" : "without";
            const far = ({ x, y }) => Math.hypot(Math.max(box.x - x, 0, x - box.x - box.width),
              Math.max(box.y + 4 - y, 0, y - box.y - box.height + 4));
            const least = (key) => Math.min(...points(key).map(far));
            return [node.textContent, least(own), least(own === "clipped" ? "without" : "clipped")];
          });
        }"""
    )
    assert {name for name, _, _ in names} == {"avec écrêtage", "sans écrêtage"}
    for name, own, other in names:
        assert 0 < own < 30, name
        assert other > 0, name


def test_the_valley_is_where_its_line_leads(tab):
    for start in (START, [1.04, 0.49], [0.9, 0.7], [2.2, 0.3]):
        change(tab, start=start)
        w, b = tab.evaluate(
            """() => {
              const line = document.querySelector(".falaise-trait");
              const { width, height } = line.ownerSVGElement.viewBox.baseVal;
              const { x, y } = line.getPointAtLength(line.getTotalLength());
              return [0.8 + 1.8 * (x - 32) / (width - 40),
                -1 + 3 * (height - 44 - y) / (height - 68)];
            }"""
        )
        assert float(unit_loss(torch.tensor(w), torch.tensor(b))) < 1e-3


def test_the_keyboard_moves_everything(tab):
    before = change(tab)
    handle = tab.get_by_role("slider", name="Point de départ")
    handle.focus()
    tab.keyboard.press("ArrowUp")
    tab.keyboard.press("Shift+ArrowRight")
    assert values(tab)["clipped"]["points"][0] == pytest.approx([1.8, -0.6])
    assert handle.get_attribute("aria-valuetext").replace("\u00a0", " ") == "w = 1,80, b = −0,60"
    for name in ("Taux d’apprentissage η", "Seuil d’écrêtage θ", "Pas de la descente"):
        change(tab)
        text = status(tab)
        tab.get_by_role("slider", name=name).focus()
        tab.keyboard.press("ArrowLeft")
        assert status(tab) != text
    tab.get_by_role("button", name="Réinitialiser").press("Enter")
    assert values(tab) == before


def test_the_mouse_drags_the_start_and_it_stays_on_the_map(tab):
    change(tab)
    box = tab.get_by_role("slider", name="Point de départ").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    tab.mouse.move(x, y)
    tab.mouse.down()
    tab.mouse.move(x + 50, y - 60, steps=3)
    w, b = values(tab)["clipped"]["points"][0]
    assert w > 1.7
    assert b > -0.4
    tab.mouse.move(x + 900, y + 900, steps=2)
    tab.mouse.up()
    assert values(tab)["without"]["points"][0] == [2.6, -1]
    tab.get_by_role("button", name="Réinitialiser").click()


def test_the_descent_plays_again_then_stops_at_the_end(tab):
    change(tab)
    end = status(tab)
    tab.get_by_role("button", name="Rejouer la descente").click()
    tab.wait_for_function("() => document.querySelector('.d2l-fig').d2l.get('shown') < 10")
    tab.wait_for_function("() => document.querySelector('.d2l-fig').d2l.get('shown') === 30")
    assert status(tab) == end
    tab.emulate_media(reduced_motion="reduce")
    change(tab, shown=3)
    tab.get_by_role("button", name="Rejouer la descente").click()
    assert tab.evaluate("document.querySelector('.d2l-fig').d2l.get('shown')") == 30


@pytest.mark.parametrize("width", [360, 768, 1000])
def test_it_keeps_to_its_place(browser, tmp_path, width):
    tab = open_figure(browser, tmp_path, Falaise(), width=width)
    heights = set()
    for settings in ({}, {"rate": 0.5, "threshold": 0.1}, {"shown": 9}, {"threshold": 50}):
        change(tab, **settings)
        live, place = (tab.locator(f".{c}").bounding_box()["height"] for c in ("d2l-fig", "vive"))
        assert live <= place + 1
        heights.add(round(live))
    assert len(heights) == 1  # rien ne bouge quand on change un réglage
    large, narrow = Falaise.height
    size = tab.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)")
    assert place == pytest.approx((narrow if width == 360 else large) * size, abs=1)
    assert place - live < 2 * size
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.problems == []
    tab.context.close()


def test_the_printed_form_follows_the_settings():
    drawing = str(Falaise().static())
    for text in ("sans écrêtage", "avec écrêtage", "seuil θ = 1<", "falaise", "départ"):
        assert text in drawing
    assert len(drawing) < 40_000
    points = Falaise().paths()[1][0]
    assert drawing.count("<circle") == 2 * falaise.STEPS + 1
    # Le dernier point de la descente libre est là où le paquet le met.
    w, b = points[-1].tolist()
    x = 44 + (w - falaise.W[0]) / (falaise.W[1] - falaise.W[0]) * 316
    y = 326 - (b - falaise.B[0]) / (falaise.B[1] - falaise.B[0]) * 298
    assert f"{x:.1f} {y:.1f}" in drawing
    # La courbe écrêtée descend jusqu'au bord du repère, où elle en sort.
    assert re.search(r' 154\.0" stroke="[^"]*" stroke-width="2\.2" fill="none"/>', drawing)
    assert "seuil θ = 0,1<" in str(Falaise(threshold=0.1).static())
    short = str(Falaise(shown=4).static())
    assert short.count("<circle") == 9


def test_a_line_is_cut_where_it_leaves_the_frame():
    box = ((0.0, 2.0), (0.0, 1.0))
    level = [(-1.0, 0.5), (1.0, 0.5), (3.0, 0.5)]
    assert falaise._pieces(level, box) == [[(0.0, 0.5), (1.0, 0.5), (2.0, 0.5)]]
    above = [(0.5, 0.5), (0.5, 2.0), (1.5, 2.0), (1.5, 0.5)]
    assert falaise._pieces(above, box) == [[(0.5, 0.5), (0.5, 1.0)], [(1.5, 1.0), (1.5, 0.5)]]
    assert falaise._pieces([(-1.0, 3.0), (2.0, 3.0)], box) == []


@pytest.mark.parametrize(
    ("start", "rate", "said"),
    [
        ([1.0], 0.1, r"start = \[1\.0\] : il faut deux nombres finis"),
        ([1.0, math.nan], 0.1, "deux nombres finis"),
        (START, 0, "rate = 0 : il faut un taux"),
        (START, math.inf, "fini, positif"),
    ],
)
def test_an_impossible_descent_is_refused(start, rate, said):
    with pytest.raises(ValueError, match=said):
        gradient_path(start, rate)
