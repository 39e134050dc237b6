"""La figure « loupe » : ses gradients sont ceux du paquet, ses prédictions celles de PyTorch."""

import copy
import gzip

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import d2l_fr as d2l
import vivantes
from atelier import change, embedded, open_figure, values
from d2l_fr.widgets import arrays
from d2l_fr.widgets.loupe import LIMIT, SENTENCE, Loupe, character_norms, reach, tint

HOSTILE = {
    "vide": "",
    "un seul": "é",
    "énorme": "Tout a une fin. " * 6250,
    "émojis": "le 👩‍👩‍👧‍👦 et le 🇫🇷 " * 8,
    "droite à gauche": "שלום \u202eعالم\u202c, bonjour",
    "balises": "<img src=x onerror=alert(1)><script>alert(1)</script>",
    "commandes": "a\0b\x07c\u2028d\ufeff",
    "moitié": "a\ud83d b",
}


@pytest.fixture(scope="module")
def corpus():
    text, held, _ = d2l.split_text(d2l.normalize(d2l.load_corpus()))
    vocab = d2l.Vocab(d2l.tokenize(text))
    return torch.tensor(vocab[d2l.tokenize(text)]), held, vocab


@pytest.fixture(scope="module")
def networks(corpus):
    """Les quatre réseaux de la page, entraînés un peu moins longtemps."""
    train, _, vocab = corpus
    pairs = {}
    for cell in ("rnn", "gru"):
        d2l.set_seed(42)
        start = d2l.RNNLM(len(vocab), 64, cell=cell, num_embed=10)
        end = copy.deepcopy(start)
        d2l.fit(end, train, num_epochs=2, batch_size=32, lr=1e-2, progress=False)
        pairs[cell.upper()] = (start, end)
    return pairs


@pytest.fixture(scope="module")
def figure(networks, corpus):
    return Loupe(networks, corpus[2])


@pytest.fixture(scope="module")
def tab(browser, tmp_path_factory, figure):
    tab = open_figure(browser, tmp_path_factory.mktemp("loupe"), figure)
    yield tab
    assert tab.problems == []
    tab.context.close()


@pytest.fixture
def fresh(tab):
    tab.get_by_role("button", name="Réinitialiser").click()
    values(tab)
    return tab


def sent(figure, name, trained):
    """Le réseau que reçoit le navigateur, en double précision."""
    model = copy.deepcopy(figure.networks[name][trained]).double()
    key = f"{list(figure.networks).index(name)} {'appris' if trained else 'hasard'}"
    got = {
        k.removeprefix(f"{key} "): torch.tensor(arrays.unpack(v)).double()
        for k, v in figure.arrays.items()
        if k.startswith(f"{key} ")
    }
    with torch.no_grad():
        if isinstance(model, d2l.RNNLMScratch):
            model.rnn.W_xh.copy_(got["W_in"])
            model.rnn.W_hh.copy_(got["W_hh"])
            model.rnn.b_h.copy_(got["b_h"])
            model.W_hq.copy_(got["W_hq"])
            model.b_q.copy_(got["b_q"])
            return model
        if model.embedding is not None:
            model.embedding.weight.copy_(got["E"])
        model.rnn.weight_ih_l0.copy_(got["W_in"].T)
        model.rnn.weight_hh_l0.copy_(got["W_hh"].T)
        model.rnn.bias_ih_l0.copy_(got.get("b_x", 0 * got["b_h"]))
        model.rnn.bias_hh_l0.copy_(got["b_h"])
        model.linear.weight.copy_(got["W_hq"].T)
        model.linear.bias.copy_(got["b_q"])
    return model


def same_as_the_package(shown, model, vocab, text, position):
    tokens = torch.tensor(vocab[d2l.tokenize(text)])
    assert shown["ids"] == tokens.tolist()
    assert shown["at"] == position
    read = tokens[: position + 1]
    states = d2l.gradient_norms_by_lag(model, read[None]).numpy()
    assert len(states) == position
    assert np.allclose(shown["states"], states, rtol=1e-5, atol=1e-250)
    inputs = character_norms(model, read).numpy()
    assert np.allclose(shown["inputs"], inputs, rtol=1e-5, atol=1e-250)
    with torch.no_grad():
        chances = F.softmax(model(read[None, :-1])[0][0, -1], 0)
    assert shown["chance"] == pytest.approx(float(chances[read[-1]]), rel=1e-5)
    return states, inputs


@pytest.mark.parametrize("name", ["RNN", "GRU"])
@pytest.mark.parametrize("trained", [True, False])
@pytest.mark.parametrize("position", [1, 31, 78, 199])
def test_what_it_shows_is_what_the_package_computes(fresh, figure, corpus, name, trained, position):
    _, held, vocab = corpus
    text = SENTENCE if position == 78 else held[:LIMIT]
    shown = change(fresh, text=text, network=name, trained=trained, position=position, state=True)
    model = sent(figure, name, trained)
    states, inputs = same_as_the_package(shown, model, vocab, text, position)
    assert shown["reach"] == reach(torch.tensor(states))
    assert shown["beyond"] == pytest.approx(states[32:].sum() / states.sum(), rel=1e-5)
    assert change(fresh, state=False)["reach"] == reach(torch.tensor(inputs))


@pytest.mark.parametrize("name", ["RNN", "GRU"])
@pytest.mark.parametrize("trained", [True, False])
def test_rounding_the_weights_changes_no_prediction(fresh, networks, corpus, name, trained):
    _, held, vocab = corpus
    for start in (0, LIMIT):
        text = held[start : start + LIMIT]
        shown = change(fresh, network=name, trained=trained, text=text)
        tokens = torch.tensor(vocab[d2l.tokenize(text)])
        with torch.no_grad():
            expected = networks[name][trained](tokens[None, :-1])[0][0].argmax(-1)
        assert shown["guesses"] == expected.tolist()


def test_it_is_light(figure):
    _, script = vivantes.state_script("loupe", embedded(figure))
    assert len(gzip.compress(script.encode())) <= 150_000


def test_int16_rounds_ten_times_less_than_float16():
    weights = np.random.default_rng(0).normal(size=(64, 9)).astype("float32")
    back = arrays.unpack(arrays.pack(weights, "int16"))
    limit = np.abs(weights).max(0) / 32767
    assert (np.abs(back - weights) <= 0.51 * limit).all()
    assert not arrays.unpack(arrays.pack(np.zeros((2, 2)), "int16")).any()


def test_other_networks_and_one_hot_codes(browser, tmp_path):
    """Un réseau écrit à la main, un GRU sans plongement, et une apostrophe tapée au clavier."""
    torch.manual_seed(0)
    text = "l’été s’en va, l’hiver s’en vient"
    vocab = d2l.Vocab(d2l.tokenize(text))
    scratch = [d2l.RNNLMScratch(d2l.RNNScratch(len(vocab), 7), len(vocab)) for _ in range(2)]
    gru = [d2l.RNNLM(len(vocab), 5, cell="gru") for _ in range(2)]
    networks = {"à la main": scratch, "GRU": gru}
    typed = Loupe(networks, vocab, text=text.replace("’", "'"), window=100)
    assert typed.encoded()[1].tolist() == vocab[d2l.tokenize(text)]
    tab = open_figure(browser, tmp_path, typed, width=768)
    for name in networks:
        shown = change(tab, network=name)
        same_as_the_package(shown, sent(typed, name, True), vocab, text, len(text) - 1)
    assert tab.locator(".loupe-inconnu").count() == 0
    assert "fin des fenêtres" not in tab.locator("svg.d2l-plot").text_content()
    assert tab.problems == []
    tab.context.close()


def test_the_keyboard_moves_the_character_and_the_choices(fresh):
    page = fresh.get_by_role("slider", name="Caractère prédit")
    assert fresh.locator(".loupe-texte [tabindex]").count() == 0, "un seul arrêt de tabulation"
    page.focus()
    start = values(fresh)
    assert start["at"] == SENTENCE.index("es.")
    for key, expected in (("ArrowLeft", -1), ("ArrowRight", 0), ("ArrowUp", 1), ("PageDown", -9)):
        fresh.keyboard.press(key)
        assert values(fresh)["at"] == start["at"] + expected
    fresh.keyboard.press("Home")
    fresh.keyboard.press("ArrowLeft")
    assert values(fresh)["at"] == 1
    assert page.get_attribute("aria-valuetext") == "«\u00a0e\u00a0», après «\u00a0L\u00a0»"
    fresh.keyboard.press("End")
    assert values(fresh)["at"] == len(SENTENCE) - 1
    fresh.get_by_role("button", name="Caractère précédent").press("Enter")
    assert values(fresh)["at"] == len(SENTENCE) - 2
    before = fresh.locator(".d2l-status").inner_text()
    fresh.get_by_role("radio", name="aux caractères").focus()
    fresh.keyboard.press("ArrowRight")
    values(fresh)
    text = fresh.locator(".d2l-status").inner_text()
    assert text != before
    assert "du gradient" in text
    fresh.get_by_role("button", name="Réinitialiser").press("Enter")
    assert values(fresh) == start


def test_the_mouse_picks_a_character(fresh):
    letters = fresh.locator(".loupe-texte span")
    letters.nth(20).click()
    assert values(fresh)["at"] == 20
    box, other = letters.nth(30).bounding_box(), letters.nth(40).bounding_box()
    fresh.mouse.move(box["x"] + 3, box["y"] + 8)
    fresh.mouse.down()
    fresh.mouse.move(other["x"] + 3, other["y"] + 8, steps=4)
    assert values(fresh)["at"] == 40
    fresh.mouse.up()
    assert values(fresh)["at"] == 40
    assert "loupe-predit" in letters.nth(40).get_attribute("class")
    fresh.mouse.move(box["x"] + 3, box["y"] + 8)
    assert values(fresh)["at"] == 40, "lâchée, la souris ne déplace plus rien"
    fresh.get_by_role("radio", name="RNN").click()
    values(fresh)
    assert fresh.locator(".d2l-status").inner_text().startswith("RNN entraîné")


def test_the_text_shows_what_counts(fresh):
    shown = change(fresh, state=False)
    assert fresh.locator(".loupe-compte").count() == shown["reach"]
    last = fresh.locator(".loupe-texte span").nth(shown["at"] - 1)
    part = shown["inputs"][0] / sum(shown["inputs"])
    assert f"{round(100 * tint(part))}%" in last.get_attribute("style")
    text = fresh.locator(".d2l-status").inner_text()
    unit = "le dernier caractère lu" if shown["reach"] == 1 else f"les {shown['reach']} derniers"
    assert f"tient dans {unit}" in text
    assert f"sur {shown['at']}" in text


def test_a_changed_text_is_read_again_from_the_change(fresh, figure, corpus):
    for text in ("Il a dit oui.", "Il a dit non.", "Il a", "Il a dit non, puis oui.", "Elle a dit"):
        shown = change(fresh, text=text, position=len(text) - 1)
        model = sent(figure, "GRU", True)
        same_as_the_package(shown, model, corpus[2], text, len(text) - 1)
        assert len(shown["guesses"]) == len(text) - 1


def test_typing_moves_to_the_end(fresh):
    field = fresh.get_by_role("textbox", name="Texte lu")
    field.fill("Il était une fois")
    assert values(fresh)["at"] == 16
    field.press_sequentially(" un")
    assert values(fresh)["at"] == 19
    field.fill("e\u0301te\u0301")  # des accents détachés : les mêmes caractères qu'en NFC
    assert len(values(fresh)["ids"]) == 3


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_text_breaks_it(fresh, corpus, text):
    shown = change(fresh, text=text, position=0)
    assert len(shown["ids"]) <= LIMIT
    assert fresh.locator(".loupe-texte *:not(span), .d2l-fig img").count() == 0
    if "\ud83d" not in text:
        expected = corpus[2][d2l.tokenize(d2l.normalize(text))[:LIMIT]]
        assert shown["ids"] == expected
    if len(text) < 2:
        assert "au moins deux caractères" in fresh.locator(".d2l-status").inner_text()
        fresh.get_by_role("slider", name="Caractère prédit").press("ArrowLeft")
        fresh.get_by_role("button", name="Caractère suivant").click()
        fresh.locator(".loupe-texte").click()
        assert "at" not in values(fresh)
    else:
        assert np.isfinite(shown["inputs"]).all()
    assert fresh.problems == []
    box = fresh.locator(".d2l-fig").bounding_box()
    assert box["height"] <= fresh.locator(".vive").bounding_box()["height"] + 1
    assert fresh.evaluate("document.documentElement.scrollWidth") <= 1000


@pytest.mark.parametrize("width", [360, 768, 1000])
def test_it_keeps_to_its_place(browser, tmp_path, figure, corpus, width):
    tab = open_figure(browser, tmp_path, figure, width=width)
    heights = []
    long = corpus[1][:LIMIT].replace("\n", " ")
    for settings in (
        {}, {"state": True, "network": "RNN"}, {"trained": False}, {"text": long, "position": 0},
        {"text": "a§b", "position": 1},
    ):  # fmt: skip
        shown = change(tab, **settings)
        live, place = (tab.locator(f".{c}").bounding_box()["height"] for c in ("d2l-fig", "vive"))
        heights.append(live)
        chosen = tab.locator(".loupe-predit").bounding_box()
        text = tab.locator(".loupe-texte").bounding_box()
        assert text["y"] - 1 <= chosen["y"] + chosen["height"] / 2 <= text["y"] + text["height"]
        assert shown["at"] >= 1
    assert max(heights) - min(heights) < 1
    assert place - 32 <= heights[0] <= place + 1
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.problems == []
    tab.context.close()


WORDS = """() => {
  const svg = document.querySelector('svg.d2l-plot'), all = svg.getBoundingClientRect();
  const box = (node) => {
    const { left, right, top, bottom, height } = node.getBoundingClientRect();
    return { text: node.textContent, x: [left, right], y: [top + height / 5, bottom - height / 5] };
  };
  const texts = [...svg.querySelectorAll('text')].filter((text) => text.textContent).map(box);
  const meet = (p, q) => Math.min(p[1], q[1]) - Math.max(p[0], q[0]) > 1;
  const rule = box(svg.querySelector('line.dashed.d2l-rule'));
  const names = [...svg.querySelectorAll('.loupe-nom')].map(box);
  return {
    covered: texts.flatMap((p, i) => texts.slice(i + 1)
      .filter((q) => meet(p.x, q.x) && meet(p.y, q.y)).map((q) => `${p.text} × ${q.text}`)),
    crossed: names.filter(({ x }) => x[0] < rule.x[1] && rule.x[0] < x[1]).map((p) => p.text),
    outside: texts.filter(({ x }) => x[0] < all.left || x[1] > all.right).map((p) => p.text),
  };
}"""


@pytest.mark.parametrize("width", [360, 640, 1000])
def test_no_word_covers_another_nor_the_end_of_the_windows(browser, tmp_path, figure, width):
    tab = open_figure(browser, tmp_path, figure, width=width)
    for state in (False, True):
        for trained in (True, False):
            for network in ("RNN", "GRU"):
                change(tab, state=state, trained=trained, network=network)
                for position in (1, 2, 3, 8, 22, 31, 32, 40, 60, 78):
                    change(tab, position=position)
                    found = tab.evaluate(WORDS)
                    assert not any(found.values()), (state, trained, network, position, found)
    tops = tab.locator(".loupe-echelle span").evaluate_all("(all) => all.map((s) => s.offsetTop)")
    assert max(tops) - min(tops) < 5, "l'échelle tient sur une ligne"
    tab.context.close()


def test_a_curve_plunges_to_the_axis_and_a_single_point_shows(fresh):
    paths = """() => {
      const clip = document.querySelector('.d2l-plot clipPath');
      const path = document.querySelector('.d2l-plot path.dotted');
      return [clip.id, +clip.firstChild.getAttribute('height'), path.getAttribute('clip-path'),
        path.getAttribute('d').split(/[ML ]/).map(Number)];
    }"""
    shown = change(fresh, trained=False)
    key, axis, clipped, numbers = fresh.evaluate(paths)
    assert clipped == f"url(#{key})"
    assert len(numbers) == 2 * shown["at"] + 1, "un point par caractère lu"
    assert numbers[-1] > axis, "la courbe passe sous l'axe, où la découpe l'arrête"
    dots = fresh.locator(".d2l-plot path.dots")
    assert [d.get_attribute("d") for d in dots.all()] == ["", ""]
    change(fresh, position=1)
    assert all(d.get_attribute("d").endswith("h0") for d in dots.all())


def test_the_status_names_what_is_not_seen(fresh, corpus):
    text, said = corpus[1][:LIMIT].replace("\n", " "), set()
    for position in range(40, 80):
        shown = change(fresh, text=text, position=position)
        status = fresh.locator(".d2l-status").inner_text()
        best, letter = corpus[2].tokens[shown["guesses"][position - 1]], text[position]
        assert "au-delà" not in status
        for place, seen in (("à", letter), ("était", best)):
            if seen == " " and (place == "à" or seen != letter):
                said.add(place)
                assert f"{place} l’espace" in status
    assert said == {"à", "était"}


def test_the_printed_form_agrees_with_the_package(networks, corpus):
    vocab = corpus[2]
    for settings in ({}, {"state": True}, {"network": "RNN", "trained": False}):
        figure = Loupe(networks, vocab, **settings)
        _, tokens, position = figure.encoded()
        assert SENTENCE[position] == "e"
        model = networks[figure.network][figure.trained]
        read = tokens[: position + 1]
        expected = (
            d2l.gradient_norms_by_lag(model, read[None])
            if figure.state
            else character_norms(model, read)
        )
        assert torch.equal(figure.influence(), expected)
        drawing = str(figure.static())
        assert f"90\u00a0% avant le retard {reach(expected)}" in drawing
        assert drawing.count('height="3"') == reach(expected)
        assert figure.network in drawing
    for name, rnn in (("GRU", -2), ("RNN", -1)):  # la courbe du réseau simple descend à l'axe
        drawing = Loupe(networks, vocab, network=name, trained=False).static()
        curves = [part for part in drawing.parts if part.startswith("<path")]
        assert curves[rnn].split('"')[1].endswith(f" {drawing.height - 46:.1f}")
    single = str(Loupe(networks, vocab, position=1).static())
    assert single.count("<circle") == 2
    assert "au moins deux" in str(Loupe(networks, vocab, text="a").static())
    with pytest.raises(ValueError, match="au moins deux"):
        Loupe(networks, vocab, text="").influence()


def test_other_networks_are_printed_too():
    """Un réseau écrit à la main, et un GRU sans plongement."""
    torch.manual_seed(0)
    text = "l’été s’en va, l’hiver s’en vient"
    vocab = d2l.Vocab(d2l.tokenize(text))
    scratch = [d2l.RNNLMScratch(d2l.RNNScratch(len(vocab), 7), len(vocab)) for _ in range(2)]
    gru = [d2l.RNNLM(len(vocab), 5, cell="gru") for _ in range(2)]
    networks = {"à la main": scratch, "GRU": gru}
    for network, (_, trained) in networks.items():
        figure = Loupe(networks, vocab, text=text, network=network)
        _, tokens, position = figure.encoded()
        assert torch.equal(figure.influence(), character_norms(trained, tokens[: position + 1]))
        assert network in str(figure.static())
        assert figure.cells == [["à la main", "rnn"], ["GRU", "gru"]]
    with pytest.raises(ValueError, match=r"à la main : .* la même cellule"):
        Loupe({"GRU": gru, "à la main": (scratch[0], gru[0])}, vocab)


def test_the_characters_weigh_what_a_small_push_changes(networks, corpus):
    """Contre les différences finies, en double précision : la norme est celle d'un gradient."""
    model = copy.deepcopy(networks["GRU"][1]).double()
    tokens = torch.tensor(corpus[2][d2l.tokenize("Les clés")])
    X = model.embed(tokens[None, :-1]).detach()

    @torch.no_grad()
    def loss(X):
        states, _ = model.rnn(X, None)
        return F.cross_entropy(model.output(states[-1]), tokens[-1:])

    slopes = torch.zeros_like(X)
    for index in np.ndindex(*X.shape):
        push = torch.zeros_like(X)
        push[index] = 1e-5
        slopes[index] = (loss(X + push) - loss(X - push)) / 2e-5
    expected = slopes[:, 0].norm(dim=-1).flip(0)
    assert torch.allclose(character_norms(model, tokens), expected, rtol=1e-6)


def test_reach_counts_lags_from_the_nearest():
    assert reach(torch.tensor([9.0, 1.0, 0.0])) == 1
    assert reach(torch.tensor([5.0, 3.0, 1.5, 0.5])) == 3
    assert reach(torch.ones(10)) == 9
    assert tint(1.0) == 0.5
    assert tint(1e-3) == tint(1e-9) == tint(0.0) == 0


def test_it_refuses_what_it_cannot_compute(networks, corpus):
    vocab = corpus[2]
    size, (start, end) = len(vocab), networks["RNN"]

    def pair(model):
        return {"RNN": (start, end), "autre": (start, model)}

    with pytest.raises(ValueError, match="deux réseaux"):
        Loupe({"RNN": (start, end)}, vocab)
    with pytest.raises(ValueError, match="un couple"):
        Loupe({"RNN": (start, end), "autre": (start,)}, vocab)
    for model in (
        d2l.RNNLM(size, 4, cell="lstm"),
        d2l.RNNLM(size, 4, cell="gru", num_layers=2),
        torch.nn.Linear(2, 2),
    ):
        with pytest.raises(TypeError, match="autre : il faut un RNNLMScratch"):
            Loupe(pair(model), vocab)
    relu = d2l.RNNLM(size, 4)
    relu.rnn = torch.nn.RNN(size, 4, nonlinearity="relu")
    with pytest.raises(TypeError, match="tanh"):
        Loupe(pair(relu), vocab)
    with pytest.raises(ValueError, match=f"9 jetons, et le vocabulaire en compte {size}"):
        Loupe(pair(d2l.RNNLM(9, 4)), vocab)
    with pytest.raises(ValueError, match="'LSTM' : il faut RNN ou GRU"):
        Loupe(networks, vocab, network="LSTM")
    with pytest.raises(ValueError, match="window"):
        Loupe(networks, vocab, window=0)
