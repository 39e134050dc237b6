"""La figure « perplexite » : ses bits et ses faces sont ceux du paquet, chaque barre se déplace."""

import math

import numpy as np
import pytest

import d2l_fr as d2l
from atelier import change, open_figure, values
from d2l_fr.widgets.perplexite import Perplexite, bits, faces, percent


@pytest.fixture(scope="module")
def tab(browser, tmp_path_factory):
    tab = open_figure(browser, tmp_path_factory.mktemp("perplexite"), Perplexite())
    yield tab
    assert tab.problems == []
    tab.context.close()


def expected(probs, truth):
    """L'entropie et la perte par les fonctions du paquet, en nats puis en bits."""
    p = np.array(probs)
    entropy = -sum(v * math.log(v) for v in p if v > 0)
    paid = p["aeoiuz".index(truth)]
    loss = -math.log(paid) if paid > 0 else math.inf
    return {
        "entropy": d2l.bits_per_token(entropy),
        "faces": d2l.perplexity(entropy),
        "loss": d2l.bits_per_token(loss),
        "perplexity": d2l.perplexity(loss),
    }


BETS = [
    ([0.4, 0.3, 0.15, 0.1, 0.04, 0.01], "e"),
    ([1 / 6] * 6, "z"),
    ([1.0, 0, 0, 0, 0, 0], "a"),
    ([1.0, 0, 0, 0, 0, 0], "e"),
    ([0.5, 0.5, 0, 0, 0, 0], "o"),
    ([0.99999, 0.00001, 0, 0, 0, 0], "e"),
]


@pytest.mark.parametrize(("probs", "truth"), BETS)
def test_what_it_shows_is_what_the_package_computes(tab, probs, truth):
    shown, wanted = change(tab, probs=probs, truth=truth), expected(probs, truth)
    own = dict(zip(wanted, Perplexite(probs=probs, truth=truth).measures(), strict=True))
    for key, value in wanted.items():
        live = math.inf if shown[key] == "inf" else shown[key]
        assert live == pytest.approx(value, rel=1e-5, abs=1e-12)
        assert own[key] == pytest.approx(value, rel=1e-9, abs=1e-12)


def test_the_uniform_bet_has_as_many_faces_as_characters(tab):
    tab.get_by_role("button", name="Uniforme").click()
    tab.get_by_role("radio", name="u", exact=True).check()
    shown = values(tab)
    assert shown["faces"] == pytest.approx(6)
    assert shown["perplexity"] == pytest.approx(6)
    assert "un dé à 6\u00a0faces" in tab.locator(".d2l-status").inner_text()


def test_all_on_one_costs_nothing_or_everything(tab):
    tab.get_by_role("button", name="Réinitialiser").click()
    tab.get_by_role("button", name="Tout sur un seul").click()
    shown = values(tab)
    assert shown["probs"] == [1, 0, 0, 0, 0, 0]
    assert (shown["entropy"], shown["loss"]) == (0, "inf")
    assert "la perte est infinie" in tab.locator(".d2l-status").inner_text()
    tab.get_by_role("radio", name="a", exact=True).check()
    assert values(tab)["loss"] == 0


def test_the_arrows_move_a_bar_and_the_others_keep_their_proportions(tab):
    tab.get_by_role("button", name="Réinitialiser").click()
    before = values(tab)["probs"]
    bar = tab.get_by_role("slider", name="Probabilité de « e »")
    bar.focus()
    tab.keyboard.press("ArrowUp")
    after = values(tab)["probs"]
    assert after[1] == pytest.approx(0.31)
    assert sum(after) == pytest.approx(1)
    others = [0, 2, 3, 4, 5]
    assert [after[i] / after[0] for i in others] == pytest.approx(
        [before[i] / before[0] for i in others]
    )
    tab.keyboard.press("Shift+ArrowDown")
    assert values(tab)["probs"][1] == pytest.approx(0.21)
    tab.keyboard.press("End")
    assert values(tab)["probs"] == [0, 1, 0, 0, 0, 0]
    assert bar.get_attribute("aria-valuenow") == "100"
    tab.keyboard.press("ArrowLeft")  # les autres, tous nuls, se partagent le reste
    assert values(tab)["probs"] == pytest.approx([0.002, 0.99, 0.002, 0.002, 0.002, 0.002])
    tab.keyboard.press("Home")
    shown = values(tab)
    assert shown["probs"][1] == 0
    assert shown["loss"] == "inf"
    assert bar.get_attribute("aria-valuetext") == "0\u00a0%"


def test_the_mouse_drags_a_bar_and_back(tab):
    tab.get_by_role("button", name="Réinitialiser").click()
    before = values(tab)["probs"]
    box = tab.get_by_role("slider", name="Probabilité de « a »").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    assert min(box["width"], box["height"]) >= 24
    tab.mouse.move(x, y)
    tab.mouse.down()
    tab.mouse.move(x, y - 400, steps=4)
    assert values(tab)["probs"] == [1, 0, 0, 0, 0, 0]
    tab.mouse.move(x, y, steps=4)  # sans lâcher : les proportions de départ reviennent
    assert values(tab)["probs"] == pytest.approx(before, abs=0.006)
    tab.mouse.move(x, y + 400, steps=4)
    tab.mouse.up()
    assert values(tab)["probs"][0] == 0
    tab.get_by_role("button", name="Réinitialiser").click()
    assert values(tab)["probs"] == before


@pytest.mark.parametrize("width", [360, 768, 1000])
def test_it_keeps_to_its_place(browser, tmp_path, width):
    tab, heights = open_figure(browser, tmp_path, Perplexite(), width=width), set()
    for probs, truth in BETS:
        change(tab, probs=probs, truth=truth)
        live, place = (tab.locator(f".{c}").bounding_box()["height"] for c in ("d2l-fig", "vive"))
        assert live <= place + 1
        heights.add(round(live))
    assert len(heights) == 1, "la hauteur change avec les réglages"
    large, narrow = Perplexite.height
    size = tab.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)")
    assert place == pytest.approx((narrow if width == 360 else large) * size, abs=1)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.problems == []
    tab.context.close()


def test_hostile_characters_are_only_shown(browser, tmp_path):
    context = "<img src=x onerror=alert(1)> \u202e\x00 \u05e9\u05dc\u05d5\u05dd </script>"
    figure = Perplexite(tokens=list("<&🦊ש\"' %"), probs=[1 / 8] * 8, truth="<", context=context)
    tab = open_figure(browser, tmp_path, figure, width=360)
    assert tab.locator(".d2l-fig img").count() == 0
    assert values(tab)["faces"] == pytest.approx(8)
    assert "onerror" in tab.locator(".d2l-top").inner_text()
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
    assert tab.problems == []
    tab.context.close()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"probs": [0.5, 0.5]}, "il faut 6 probabilités"),
        ({"probs": [1.5, -0.5, 0, 0, 0, 0]}, "positives"),
        ({"probs": [0.2] * 6}, "somme 1"),
        ({"probs": [math.nan] * 6}, "positives"),
        ({"truth": "y"}, "'y' n'est pas dans"),
        ({"tokens": ["a"], "probs": [1.0]}, "deux à huit"),
        ({"tokens": list("abcabc")}, "différents"),
        ({"tokens": ["a", "\n"], "probs": [0.5, 0.5]}, "visibles"),
        ({"tokens": ["a", "mer"], "probs": [0.5, 0.5]}, "visibles"),
        ({"tokens": list("abcdefghi"), "probs": [1 / 9] * 9}, "deux à huit"),
    ],
)
def test_an_impossible_bet_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Perplexite(**settings)


def test_the_printed_form_tells_the_same_numbers():
    figure = Perplexite()
    drawing, measures = str(figure.static()), figure.measures()
    assert f"Un dé à {faces(measures[1])}" in drawing
    assert f"{bits(measures[2])}\u00a0: {faces(measures[3])}" in drawing
    assert "perte infinie" in str(Perplexite(truth="a", probs=[0, 1, 0, 0, 0, 0]).static())
    assert (bits(math.inf), faces(128), percent(0.025)) == (
        "∞\u00a0bits", "128\u00a0faces", "2,5\u00a0%",
    )  # fmt: skip
    assert (percent(1e-5), percent(0)) == ("<\u00a00,1\u00a0%", "0\u00a0%")
