"""La figure de l'écrivain : elle écrit comme le modèle, et ne dit de ses unités que le vrai."""

import copy
import gzip
import math

import numpy as np
import pytest
import torch

import d2l_fr as d2l
import vivantes
from atelier import embedded, open_figure, values
from d2l_fr.widgets.ecrivain import TRAITS, Ecrivain, correlations, uniforms

SETTLED = "!document.querySelector('.d2l-fig').d2l.values.busy"


@pytest.fixture(scope="module")
def lesson():
    """Le petit frère de la page, moins entraîné : modèle, réseau neuf, vocabulaire, textes."""
    train_text, valid_text, heldout_text = d2l.split_text(d2l.normalize(d2l.load_corpus("recit")))
    vocab = d2l.Vocab(d2l.tokenize(train_text))
    train = torch.tensor(vocab[d2l.tokenize(train_text)])
    d2l.set_seed(42)
    rnn = d2l.RNNScratch(len(vocab), 176, d2l.bptt_recurrence, gain=0.6, input_scale=4.0)
    newborn = d2l.RNNLMScratch(rnn, len(vocab))
    model = copy.deepcopy(newborn)
    d2l.fit(model, train[:90_000], num_epochs=2, lr=1e-2, batch_size=32, carry_state=False)
    texts = (train_text[-3000:], valid_text[:2000], heldout_text)
    return model, newborn, vocab, texts


def make(lesson, **settings):
    model, newborn, vocab, (seen, unseen, _) = lesson
    return Ecrivain(model, vocab, seen, unseen, newborn, **settings)


@pytest.fixture(scope="module")
def tab(browser, lesson, tmp_path_factory):
    tab = open_figure(browser, tmp_path_factory.mktemp("ecrivain"), make(lesson), height=1200)
    yield tab
    assert tab.problems == []
    tab.context.close()


def settle(tab):
    values(tab)
    tab.wait_for_function(SETTLED)
    return values(tab)


def change(tab, **settings):
    for key, value in settings.items():
        tab.evaluate(
            "([key, value]) => document.querySelector('.d2l-fig').d2l.set(key, value)", [key, value]
        )
    return settle(tab)


def reset(tab):
    tab.get_by_role("button", name="Réinitialiser").click()
    return settle(tab)


def read_all(tab, count):
    """Relit les ``count`` premiers caractères, un à un ; rend ce que la figure dit à chacun."""
    return tab.evaluate(
        """(count) => {
          const ui = document.querySelector('.d2l-fig').d2l;
          const input = [...ui.controls.querySelectorAll('input')].at(-1);
          return Array.from({ length: count }, (_, i) => {
            input.value = i + 1;
            input.dispatchEvent(new Event('input'));
            ui.flush();
            const { place, scores, state } = ui.values;
            return { place, scores, state: Array.from(state) };
          });
        }""",
        count,
    )


def scores(shown):
    return np.array([-np.inf if v is None else v for v in shown["scores"]])


def test_two_hundred_unseen_characters_have_the_favourites_of_the_original_model(tab, lesson):
    model, _, vocab, (*_, heldout_text) = lesson
    prefix = heldout_text[:200]
    shown = change(tab, prefix=prefix, length=0)
    assert shown["text"] == prefix
    tokens = torch.tensor([vocab[list(prefix)]])
    rounded = make(lesson).rounded
    with torch.no_grad():
        original = model(tokens)[0][0][:, 1:]
        exact = rounded(tokens)[0][0][:, 1:].numpy()
        states = rounded.rnn(rounded.embed(tokens))[0][:, 0].numpy()
    favourites = original.argmax(dim=1).tolist()
    for i, shown in enumerate(read_all(tab, 200)):
        assert shown["place"] == i
        assert np.allclose(scores(shown)[1:], exact[i], rtol=0, atol=1e-5)
        assert np.allclose(shown["state"], states[i], rtol=0, atol=1e-6)
        assert int(np.argmax(scores(shown)[1:])) == favourites[i]
    reset(tab)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"temperature": 0.0, "length": 120},
        {"temperature": 1.5, "seed": 3, "prefix": "— Où va-t-il"},
        {"temperature": 1.0, "top_k": 3, "seed": 12, "length": 90},
        {"prefix": "", "temperature": 1.0, "top_k": 1, "length": 40},
        {"prefix": "a" * 400, "length": 600, "seed": 5},
    ],
)
def test_it_writes_what_python_writes_with_the_same_seed(tab, lesson, settings):
    reset(tab)
    shown = change(tab, **settings)
    own = make(lesson, **settings)
    text, states, logits = own.written()
    assert shown["text"] == text
    assert len(text) <= 600
    assert np.allclose(shown["state"], states[-1].numpy(), rtol=0, atol=1e-6)
    assert np.allclose(shown["wave"], states[:, shown["unit"]].numpy(), rtol=0, atol=1e-6)
    assert np.allclose(scores(shown)[1:], logits[1:].numpy(), rtol=0, atol=1e-5)
    expected = own.chances(logits).numpy()
    assert np.allclose(shown["probabilities"], expected, rtol=1e-5, atol=1e-12)
    assert shown["probabilities"][0] == 0  # le jeton inconnu
    best = np.argsort(-logits.numpy(), kind="stable")[:5]
    assert shown["best"] == best.tolist()
    reset(tab)


def test_greedy_writing_is_the_one_of_generate(tab, lesson):
    _, _, vocab, _ = lesson
    shown = change(tab, temperature=0.0, length=60, prefix="La mer")
    rounded = make(lesson).rounded
    assert shown["text"] == d2l.generate(rounded, "La mer", 60, vocab, temperature=0)
    tokens = torch.tensor(vocab[list(shown["text"])])
    with torch.no_grad():
        logits = rounded(tokens[None])[0][0]
    logits[:, 0] = -math.inf
    nats = torch.nn.functional.cross_entropy(logits[5:-1], tokens[6:])
    assert shown["surprise"] == pytest.approx(d2l.bits_per_token(nats.item()), rel=1e-5)
    reset(tab)


def test_the_generator_of_numbers_is_the_one_of_the_browser(tab):
    draws = uniforms(7)
    first = [next(draws) for _ in range(1000)]
    assert 0.45 < np.mean(first) < 0.55
    assert 0 <= min(first) <= max(first) < 1
    same, other = (change(tab, seed=seed)["text"] for seed in (7, 8))
    assert same != other
    assert change(tab, seed=7)["text"] == same
    reset(tab)


def test_the_correlations_are_those_of_numpy(lesson):
    model, newborn, vocab, (seen, unseen, _) = lesson
    found = correlations(model, vocab, unseen)
    assert found.shape == (176, len(TRAITS))
    with torch.no_grad():
        codes = model.embed(torch.tensor([vocab[list(unseen)]]))
        states = model.rnn(codes)[0][:, 0].double().numpy()
    for i, has in enumerate(TRAITS.values()):
        marks = [float(has(unseen, j)) for j in range(len(unseen))]
        for unit in (0, 90, 175):
            expected = np.corrcoef(states[:, unit], marks)[0, 1]
            assert float(found[unit, i]) == pytest.approx(expected, abs=1e-6)
    figure = make(lesson)
    chosen = figure.traits_found["units"]
    assert chosen == correlations(model, vocab, seen).abs().argmax(dim=0).tolist()
    blank = correlations(newborn, vocab, seen).abs().argmax(dim=0).tolist()
    again = correlations(newborn, vocab, unseen)
    expected = [float(again[unit, i]) for i, unit in enumerate(blank)]
    assert figure.traits_found["newborn"] == pytest.approx(expected)
    assert figure.unit == chosen[1]


def test_the_traits_mark_what_they_say():
    text = "— Où es-tu ?\nÉté."
    found = {name: "".join(c for i, c in enumerate(text) if has(text, i))
             for name, has in TRAITS.items()}  # fmt: skip
    assert found == {
        "voyelle": "OùeuÉé",
        "début de mot": "OetÉ",
        "fin de mot": "ùsué",
        "réplique": "— Où es-tu ?",
    }
    assert float(correlations(*_constant()).abs().max()) == 0


def _constant():
    vocab = d2l.Vocab(["a"])
    return d2l.RNNLMScratch(d2l.RNNScratch(2, 3, sigma=0.0, kind="normal"), 2), vocab, "aaaa"


def test_the_buttons_choose_the_units_and_tell_their_correlation(tab, lesson):
    figure = make(lesson)
    for i, name in enumerate(TRAITS):
        tab.get_by_role("button", name=name).click()
        shown = values(tab)
        unit = figure.traits_found["units"][i]
        assert shown["unit"] == unit
        status = tab.locator(".d2l-status").inner_text()
        assert (
            f"Unité {unit + 1}, retenue pour « {name} » : ".replace(" :", "\u00a0:")
            .replace("« ", "«\u00a0")
            .replace(" »", "\u00a0»")
            in status
        )
        assert d2l.fr(float(figure.measured[unit, i]), 2) in status
        assert d2l.fr(figure.traits_found["newborn"][i], 2) in status
    reset(tab)


def test_the_mouse_picks_a_unit_and_a_character(tab):
    before = reset(tab)
    tab.locator(".ecrivain-deux svg[aria-label^='Les activations']").click(
        position={"x": 16 * 3, "y": 16 * 3}
    )
    after = values(tab)
    assert after["unit"] == 17  # deuxième ligne, deuxième colonne, de 16
    assert after["wave"] != before["wave"]
    tab.locator(".ecrivain-page span").nth(10).click()
    shown = values(tab)
    assert shown["place"] == 10
    assert shown["state"] != after["state"]
    assert "la suite n’est pas écrite" not in tab.locator(".ecrivain-deux").inner_text()
    reset(tab)


def test_the_keyboard_does_it_all(tab):
    before = reset(tab)
    tab.get_by_role("slider", name="Unité").press("ArrowRight")
    after = values(tab)
    assert after["unit"] == before["unit"] + 1
    tab.get_by_role("slider", name="Caractère").press("ArrowLeft")
    assert values(tab)["place"] == len(before["text"]) - 2
    tab.get_by_role("slider", name="Température").press("Home")
    assert settle(tab)["text"] != before["text"]
    tab.get_by_role("slider", name="Top-k").press("Home")
    assert max(settle(tab)["probabilities"]) == 1
    tab.get_by_role("textbox", name="Début du texte").press("End")
    tab.keyboard.type("e")
    assert settle(tab)["text"].startswith("La mere")
    assert reset(tab)["text"] == before["text"]


def test_it_writes_live_pauses_and_starts_again(tab):
    before = reset(tab)
    write = tab.locator(".ecrivain-boutons button").first
    write.press("Enter")
    tab.wait_for_function(
        "n => document.querySelector('.d2l-fig').d2l.values.text.length > n + 4",
        arg=len(before["text"]),
    )
    assert write.inner_text() == "Pause"
    write.press("Enter")
    paused = values(tab)
    assert not paused["live"]
    assert paused["text"].startswith(before["text"])
    assert write.inner_text() == "Écrire"
    # Écrit en direct ou d'un coup, le texte est le même.
    tab.get_by_role("button", name="Écrire 200 caractères").click()
    longer = settle(tab)
    assert len(longer["text"]) == len(paused["text"]) + 200
    reset(tab)
    whole = change(tab, length=len(longer["text"]) - len("La mer"))
    assert whole["text"] == longer["text"]
    tab.get_by_role("button", name="Autre tirage").click()
    settle(tab)
    tab.wait_for_function("() => document.querySelector('.d2l-fig').d2l.values.text.length > 8")
    shown = values(tab)
    assert "graine 2" in tab.locator(".ecrivain-boutons").inner_text()
    assert not whole["text"].startswith(shown["text"])
    assert reset(tab)["text"] == before["text"]
    change(tab, length=600)
    assert write.is_disabled()
    assert "La page est pleine" in tab.locator(".d2l-status").inner_text()
    reset(tab)


def test_without_motion_it_writes_at_once(browser, lesson, tmp_path):
    tab = open_figure(browser, tmp_path, make(lesson, length=20), height=1200)
    tab.emulate_media(reduced_motion="reduce")
    settle(tab)
    tab.locator(".ecrivain-boutons button").first.click()
    shown = settle(tab)
    assert not shown["live"]
    assert len(shown["text"]) == 226
    # Hors de l'écran, rien ne se calcule ; de retour, le texte se finit.
    tab.evaluate("document.querySelector('main').style.paddingTop = '5000px'")
    tab.wait_for_function(
        "() => document.querySelector('.d2l-fig').getBoundingClientRect().top > 3000"
    )
    tab.wait_for_timeout(100)
    tab.evaluate("document.querySelector('.d2l-fig').d2l.set('length', 500)")
    values(tab)
    tab.wait_for_timeout(200)
    assert values(tab)["busy"]
    tab.evaluate("document.querySelector('.d2l-fig').scrollIntoView()")
    assert len(settle(tab)["text"]) == 506
    assert tab.problems == []
    tab.context.close()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x" * 100_000,
        "👩‍🚀🎉 e\u0301te\u0301",
        "שלום עולם",
        "<img src=x onerror=alert(1)>",
        "a\x00b\u2028c\ufeff",
        "\n\n\n\t",
        "e" + "\u0301" * 3000,
    ],
)
def test_hostile_prefixes_break_nothing(tab, lesson, text):
    reset(tab)
    tab.get_by_role("textbox", name="Début du texte").fill(text)
    shown = settle(tab)
    assert 0 < len(shown["text"].replace("<unk>", "□")) <= 600
    assert tab.locator(".d2l-fig img").count() == 0
    assert np.isfinite(shown["state"]).all()
    assert sum(shown["probabilities"]) == pytest.approx(1)
    status = tab.locator(".d2l-status").inner_text()
    assert ("derniers caractères" in status) == (len(text) > 250)
    if text.startswith("שלום"):
        assert "Hors du vocabulaire (□)\u00a0: 8" in status
    reset(tab)


@pytest.mark.parametrize("width", [360, 768, 1000])
def test_it_keeps_to_its_place(browser, lesson, tmp_path, width):
    tab = open_figure(browser, tmp_path, make(lesson), width=width)
    heights = set()
    for settings in (
        {},
        {"length": 600},
        {"temperature": 1.5, "unit": 175, "prefix": "é" * 9},
        {"temperature": 0.0, "top_k": 1},
    ):
        change(tab, **settings)
        live, place = (tab.locator(f".{c}").bounding_box()["height"] for c in ("d2l-fig", "vive"))
        heights.add(round(live))
        assert live <= place + 1
    assert len(heights) == 1
    large, narrow = Ecrivain.height
    size = tab.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)")
    assert place == pytest.approx((narrow if width == 360 else large) * size, abs=1)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.problems == []
    tab.context.close()


def test_the_bets_keep_their_room_at_every_width(browser, lesson, tmp_path):
    tab = open_figure(browser, tmp_path, make(lesson, length=20), width=700)
    for width in range(320, 720, 9):
        tab.set_viewport_size({"width": width, "height": 900})
        tab.wait_for_timeout(60)
        values(tab)
        sizes = tab.evaluate(
            "[...document.querySelectorAll('svg.d2l-plot')].map((s) => s.viewBox.baseVal.width)"
        )
        assert min(sizes) > 150, width
    assert tab.problems == []
    tab.context.close()


def test_the_printed_form_shows_the_same_text(lesson):
    figure = make(lesson)
    drawing = str(figure.static())
    assert drawing.startswith("<svg ")
    text, states, logits = figure.written()
    assert len(text) == 206
    assert len(states) == 206
    assert f"unité {figure.unit + 1} le long du texte" in drawing
    assert drawing.count(">voyelle") == 1
    assert f"{d2l.fr(100 * float(figure.chances(logits).max()), 0)}\u00a0%" in drawing
    figure.temperature = 0.0
    assert str(figure.static()) != drawing


def test_what_is_sent_is_light(lesson):
    _, script = vivantes.state_script("ecrivain", embedded(make(lesson)))
    assert len(gzip.compress(script.encode())) < 150_000


def test_the_constructor_refuses_what_does_not_fit(lesson):
    model, newborn, vocab, (seen, unseen, _) = lesson
    small = d2l.RNNLMScratch(d2l.RNNScratch(len(vocab), 8), len(vocab))
    with pytest.raises(TypeError, match="RNNLMScratch"):
        Ecrivain(torch.nn.Linear(2, 2), vocab, seen, unseen, newborn)
    with pytest.raises(ValueError, match="réseau neuf"):
        Ecrivain(model, vocab, seen, unseen, small)
    with pytest.raises(ValueError, match="vocabulaire"):
        Ecrivain(model, d2l.Vocab(["a"]), seen, unseen, newborn)
    with pytest.raises(ValueError, match="cent caractères"):
        Ecrivain(model, vocab, "trop court", unseen, newborn)
    for settings, word in (
        ({"unit": 176}, "unit"),
        ({"length": 601}, "length"),
        ({"temperature": -1.0}, "temperature"),
        ({"top_k": 0}, "top_k"),
    ):
        with pytest.raises(ValueError, match=word):
            make(lesson, **settings)
    figure = make(lesson, length=5)
    for name, value in (("length", -5), ("unit", 176), ("temperature", math.nan), ("top_k", 0)):
        with pytest.raises(ValueError, match=name):
            figure.set_trait(name, value)
    assert len(figure.written()[0]) == len("La mer") + 5


def test_only_the_best_tokens_are_drawn(lesson):
    figure = make(lesson, top_k=2, length=1)
    logits = torch.tensor([1.0, 4.0, 2.0, 3.0])
    chances = figure.chances(logits)
    assert chances.tolist() == pytest.approx(
        [
            0,
            1 / (1 + math.exp(-1 / figure.temperature)),
            0,
            1 / (1 + math.exp(1 / figure.temperature)),
        ]
    )
    figure.top_k = None
    assert (figure.chances(logits) > 0).all()
