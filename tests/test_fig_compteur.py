"""La figure « compteur » : elle compte comme ``NGramModel``, et ne lit rien de ce qu'on y tape."""

import math
import re

import numpy as np
import pytest
import torch

import d2l_fr as d2l
from atelier import change, open_figure, touching, values
from d2l_fr.widgets.compteur import EXTRACT, SHARES, Compteur, compact, visible

PREFIXES = ["Tiphaine leva les yeux vers la m", "l'", "maré", "bizx", "q", "", "fin.\n", "e\u0301t"]


@pytest.fixture(scope="module")
def parts():
    """L'entraînement, la validation et le vocabulaire de la page."""
    texts = d2l.split_text(d2l.normalize(d2l.load_corpus("recit")))[:2]
    vocab = d2l.Vocab(d2l.tokenize(texts[0]))
    return *(torch.tensor(vocab[d2l.tokenize(text)]) for text in texts), vocab


@pytest.fixture(scope="module")
def figure(parts):
    return Compteur(*parts)


@pytest.fixture(scope="module")
def tab(browser, tmp_path_factory, figure):
    tab = open_figure(browser, tmp_path_factory.mktemp("compteur"), figure)
    yield tab
    assert tab.problems == []
    tab.context.close()


def contexts(prefix):
    """Les fins du préfixe, de 0 à 7 caractères, dans l'orthographe du récit."""
    text = d2l.normalize(prefix).replace("'", "’")
    return [text[len(text) - k :] for k in range(min(7, len(text)) + 1)]


@pytest.mark.parametrize("share", [1.0, 0.05])
@pytest.mark.parametrize("prefix", PREFIXES)
def test_the_bets_are_those_of_the_package(tab, parts, prefix, share):
    train, _, vocab = parts
    part = train[: round(len(train) * share)]
    counted, text = d2l.NGramModel(part, 8, len(vocab)), "".join(vocab.to_tokens(part))
    starts = contexts(prefix)
    for order in (1, 2, 5, 8):
        shown = change(tab, prefix=prefix, order=order, share=share)
        wanted = counted.variant(order).probs(vocab[list(starts[-1])])
        assert np.allclose(shown["probs"], wanted, rtol=1e-5, atol=1e-15)
        assert sum(shown["probs"]) == pytest.approx(1)
    followed = [
        [text[i + len(c)] for i in range(len(text) - len(c)) if text.startswith(c, i)]
        for c in starts
    ]
    assert shown["seen"] == [len(found) for found in followed]
    assert shown["kinds"] == [len(set(found)) for found in followed]
    assert shown["found"] == max(k for k, found in enumerate(followed) if found)


@pytest.mark.parametrize("share", SHARES)
def test_the_losses_are_those_of_the_package(tab, parts, share):
    train, valid, vocab = parts
    part = train[: round(len(train) * share)]
    shown, counted = change(tab, share=share), d2l.NGramModel(part, 8, len(vocab))
    for order in (1, 3, 8):
        model = counted.variant(order)
        for name, text in (("train", part[-EXTRACT:]), ("valid", valid)):
            bits = d2l.bits_per_token(model.surprise(text).mean())
            assert shown[name][order - 1] == pytest.approx(bits, rel=1e-5)
    assert shown["best"] == int(np.argmin(shown["valid"])) + 1


def test_less_text_starves_the_long_contexts(tab):
    change(tab, prefix=PREFIXES[0], order=8)
    best = [change(tab, share=share)["best"] for share in SHARES]
    assert best == sorted(best)
    assert best[0] < best[-1] < 8


def test_the_summary_says_what_was_found(tab):
    def told():
        text = tab.locator(".d2l-status").inner_text()
        return re.sub("[\u2068\u2069]", "", text).replace("\u00a0", " ")

    seen = change(tab, prefix="vers la m", order=5, share=1.0)["seen"]
    assert f"« la␣m » : vu {seen[4]} fois" in told()
    change(tab, prefix="bizx", order=5)
    assert "« bizx » : jamais vu" in told()
    assert "on se rabat sur « x »" in told()
    change(tab, prefix="", order=5)
    assert "Sans contexte" in told()
    # Ce qui renverse le sens d'écriture est montré, non obéi.
    change(tab, prefix="abc \u202exyz", order=8)
    assert "\u202e" not in told()
    assert "�" in told()


def test_the_keyboard_types_and_moves_the_sliders(tab):
    tab.get_by_role("button", name="Réinitialiser").click()
    before = values(tab)
    tab.get_by_role("slider", name="Ordre n").focus()
    tab.keyboard.press("ArrowRight")
    longer = values(tab)
    assert longer["probs"] != before["probs"]
    tab.get_by_role("slider", name="Part du texte").focus()
    tab.keyboard.press("ArrowLeft")
    assert values(tab)["seen"][0] < before["seen"][0]
    tab.get_by_role("textbox", name="Un début de texte").focus()
    tab.keyboard.press("End")
    tab.keyboard.type("er")
    assert values(tab)["found"] == 5
    tab.get_by_role("button", name="Réinitialiser").press("Enter")
    assert values(tab) == before


def test_the_mouse_chooses_an_order_and_draws_a_character(tab):
    tab.get_by_role("button", name="Réinitialiser").click()
    curve = tab.get_by_role("img", name="Pertes selon l’ordre")
    box = curve.bounding_box()
    curve.click(position={"x": box["width"] - 6, "y": 60})
    field, get = tab.get_by_role("textbox"), "document.querySelector('.d2l-fig').d2l.get('order')"
    assert tab.evaluate(get) == 8
    prefix, written = field.input_value(), []
    for _ in range(2):
        for _ in range(12):
            probs = values(tab)["probs"]
            tab.get_by_role("button", name="Tirer le caractère suivant").click()
            assert probs[_index(tab, field.input_value()[-1])] > 0
        written.append(field.input_value())
        tab.get_by_role("button", name="Réinitialiser").click()
        change(tab, order=8)
    assert written[0].startswith(prefix)
    assert len(written[0]) == len(prefix) + 12
    assert written[0] == written[1], "le même tirage, après « Réinitialiser »"
    tab.get_by_role("button", name="Réinitialiser").click()


# À 344 pixels, la figure est aussi étroite que dans le site à 360.
@pytest.mark.parametrize("width", [344, 700, 768, 1000])
def test_no_text_covers_another(browser, tmp_path, figure, width):
    tab = open_figure(browser, tmp_path, figure, width=width)
    for share in SHARES:
        for order in range(1, 9):
            change(tab, order=order, share=share)
            assert touching(tab) == [], (share, order)
            gaps = tab.evaluate(
                """() => {
                  const nodes = [...document.querySelectorAll('.compteur-vu')];
                  const boxes = nodes.map((node) => node.getBoundingClientRect());
                  return boxes.slice(1).map((box, i) => box.left - boxes[i].right);
                }"""
            )
            assert min(gaps) > 3, "deux comptes se touchent"
    assert tab.locator(".d2l-plot text", has_text="meilleur ordre").count() == 1
    tab.context.close()


def _index(tab, char):
    return tab.evaluate(
        "(c) => document.querySelector('.d2l-fig').d2l.get('tokens').indexOf(c)", char
    )


HOSTILE = [
    "",
    "e" * 100_000,
    "🦊🧶👩‍👩‍👧",
    "שלום \u202eeml a",
    "<img src=x onerror=alert(1)><script>alert(1)</script>",
    "a\x00b\x07\ud83d",
    "漢字 ☃ ",
    "\n\n\t\n",
    "e" + "\u0301" * 500,
]


@pytest.mark.parametrize("width", [360, 768, 1000])
def test_whatever_is_typed_it_keeps_to_its_place(browser, tmp_path, figure, width):
    tab, heights = open_figure(browser, tmp_path, figure, width=width), set()
    for text in [*HOSTILE, *PREFIXES]:
        for settings in ({"order": 8, "share": 0.02}, {"order": 3, "share": 1.0}):
            shown = change(tab, prefix=text, **settings)
            assert sum(shown["probs"]) == pytest.approx(1)
            live, place = (
                tab.locator(f".{c}").bounding_box()["height"] for c in ("d2l-fig", "vive")
            )
            assert live <= place + 1
            heights.add(round(live))
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert len(heights) == 1, "la hauteur change avec le texte ou les réglages"
    assert tab.locator(".d2l-fig :is(img, script)").count() == 0
    large, narrow = Compteur.height
    size = tab.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)")
    assert place == pytest.approx((narrow if width == 360 else large) * size, abs=1)
    assert tab.problems == []
    tab.context.close()


def test_python_counts_the_same(figure, parts):
    train, _, vocab = parts
    context, text = vocab[list("s la m")], "".join(vocab.to_tokens(train))
    assert figure.context()[-6:] == context
    model = d2l.NGramModel(train, 5, len(vocab))
    assert np.array_equal(figure.probs(), model.probs(context))
    counts = [text[:-1].count(c) for c in contexts(figure.prefix)[1:]]
    assert figure.seen()[1:] == counts
    assert figure.seen()[0] == len(train)


def test_the_printed_form_tells_the_same_numbers(figure):
    drawing, probs, seen = str(figure.static()), figure.probs(), figure.seen()
    assert f"{d2l.fr(100 * probs.max(), 1)}\u00a0%" in drawing
    assert f"a été vu {d2l.fr(seen[4])} fois" in drawing
    assert all(f">{compact(number)}<" in drawing for number in seen)
    figure.prefix = "<img>\x00🦊"
    assert "on se rabat sur" in str(figure.static())
    assert "\x00" not in str(figure.static())
    figure.prefix = figure.defaults["prefix"]
    assert [compact(n) for n in (7, 999, 1000, 9949, 9951, 183_978)] == [
        "7", "999", "1,0\u00a0k", "9,9\u00a0k", "10\u00a0k", "184\u00a0k",
    ]  # fmt: skip
    assert visible("a b\n\x07") == "a␣b¶�"


def test_a_part_of_the_text_is_counted(parts):
    train, valid, vocab = parts
    small = Compteur(train[:2000], valid[:200], vocab, share=SHARES[0], prefix="l'a")
    assert len(small.part()) == round(2000 * SHARES[0])
    assert small.context() == vocab[["l", "’", "a"]]
    assert len(small.seen()) == 4  # d'un préfixe de trois lettres, rien à compter au-delà
    assert str(small.static()).count('y="318"') == 4 + len(["vu"])
    straight = d2l.Vocab(list("l'a"))
    plain = Compteur([1] * 500, [1, 2], straight, prefix="l'a", order=2)
    assert plain.context() == straight[list("l'a")]


def test_the_text_travels_whole(figure, parts):
    assert [ord(char) - 35 for char in figure.corpus] == parts[0].tolist()
    assert math.prod(figure.arrays["curves"]["shape"]) == figure.curves.size == len(SHARES) * 16


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"order": 0}, "entier de 1 à 8"),
        ({"order": 9}, "entier de 1 à 8"),
        ({"share": 0.3}, "l'une des parts"),
    ],
)
def test_an_impossible_setting_is_refused(settings, message):
    vocab = d2l.Vocab(list("ananas"))
    with pytest.raises(ValueError, match=message):
        Compteur([1] * 500, [1, 2], vocab, **settings)


def test_an_impossible_text_is_refused():
    vocab = d2l.Vocab(list("ananas"))
    with pytest.raises(ValueError, match="Texte trop court : 50 jetons"):
        Compteur([1] * 50, [1, 2], vocab)
    with pytest.raises(ValueError, match="hors du vocabulaire"):
        Compteur([9] * 500, [1, 2], vocab)
    with pytest.raises(ValueError, match="trop court"):
        Compteur([1] * 500, [1], vocab)
    with pytest.raises(ValueError, match="vocabulaire de caractères"):
        Compteur([1] * 500, [1, 2], d2l.Vocab(["un", "mot"]))
