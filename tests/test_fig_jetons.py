"""Les jetons de la figure : elle découpe, numérote et compte exactement comme le paquet."""

import re
import sys
import unicodedata
from collections import Counter
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import d2l_fr as d2l
from atelier import change, open_figure, values
from d2l_fr.text_sequence import _PIECE, BPE, Vocab, normalize, tokenize, train_bpe
from d2l_fr.widgets import bundle
from d2l_fr.widgets.jetons import MOST, Jetons, readable

SETTINGS = [("char", 1000), ("word", 1000), ("bpe", 0), ("bpe", 1), ("bpe", 37), ("bpe", 1000)]
HOSTILE = {
    "vide": "",
    "des espaces": " \n\t ",
    "balise": "<img src=x onerror=alert(1)><script>alert(2)</script>&amp;",
    "cent mille": "é " * 50_000,
    "un seul mot": "a" * 100_000,
    "émojis": "👩\u200d💻 🇫🇷 ❤\ufe0f 😀" * 60,
    "droite à gauche": "\u202eشلوم שלום\u2066 123",
    "nul et absents": "a\x00b\x07\x1c\x85\ufeff\u2028\ufffe 中文 Ωμέγα",
    "gabarit": "${alert(1)} {{7*7}} \\u0041 \\xc3",
}
TEXTS = [
    *HOSTILE.values(),
    Jetons.text.default_value,
    unicodedata.normalize("NFD", Jetons.text.default_value),
    "L’eau-de-vie d’aujourd’hui, 3,50 F le verre ! AUJOURD'HUI aujourd’huı aujourd'huİer",
    "l'eau l’eau L'EAU l’« eau » l’ eau rock’n’roll ’tis l’_x qu’1 presqu'île",
    "Œuvre, œuf, cœur, ﬁn, ŒIL, Straße, İstanbul, ǅ, ǰ, ſ",
    "24 000 24\u00a0000 24\u202f000,5 1.2.3 m² ½ x₁ Ⅳ ٣٫١٤ १२३ ①",
    "«\u00a0Partir\u202f? Jamais\u202f!\u00a0» a\u2009b\u3000c\u200bd",
    "a_b __init__ _ -- e\u0301\u0302- arc-en-ciel- -là dit-il a\u0327\u030a\u034f",
    "\u0301seul e\u0301te\u0301 \u0301' d\u0301’e\u0301\r\nfin\n\n\nnaïve… 你好",
    "aaaa aaaaaaa ééééé hahahaha        fin",
]


@pytest.fixture(scope="module")
def corpus():
    return d2l.load_corpus()


@pytest.fixture(scope="module")
def bpe(corpus):
    return train_bpe(corpus, 1000)


@pytest.fixture(scope="module")
def vocabs(corpus):
    return {level: Vocab(tokenize(corpus, level)) for level in ("char", "word")}


@pytest.fixture(scope="module")
def tab(browser, tmp_path_factory, corpus, bpe):
    tab = open_figure(browser, tmp_path_factory.mktemp("jetons"), Jetons(corpus, bpe))
    yield tab
    assert tab.problems == []
    tab.context.close()


@pytest.fixture(autouse=True)
def back_to_the_start(request):
    if "tab" in request.fixturenames:
        request.getfixturevalue("tab").get_by_role("button", name="Réinitialiser").click()


def functions(tab, call, *arguments):
    """Appelle dans le navigateur les fonctions du module : ``call`` est du JavaScript."""
    kept = "return { tokenize, utf8, spell, makeBpe, readable, split: PIECE };"
    code = re.sub(r"export default .*", kept, bundle.module("jetons"))
    return tab.evaluate(
        f"([code, ...a]) => {{ const f = new Function(code)(); return {call}; }}",
        [code, *arguments],
    )


def corpus_places(level, merges, corpus, bpe, vocabs):
    """Le rang et le nombre d'occurrences de chaque jeton du corpus : {indice: [rang, compte]}."""
    if level != "bpe":
        counts = vocabs[level].counts
        return {index: [index, counts[index]] for index in range(1, len(counts))}
    uses = Counter(BPE(bpe.merges[:merges]).encode(corpus))
    ranked = sorted(uses, key=lambda index: (-uses[index], index))
    return {index: [rank, uses[index]] for rank, index in enumerate(ranked, 1)}


def expected(text, level, merges, bpe, vocabs):
    """Ce que la figure doit montrer d'un texte, par les seules fonctions du paquet."""
    text, small = text[:MOST], BPE(bpe.merges[:merges])
    splits = {name: tokenize(text, name) for name in vocabs}
    ids = {name: vocab[splits[name]] for name, vocab in vocabs.items()} | {
        "bpe": small.encode(text)
    }
    splits["bpe"] = small.to_tokens(ids["bpe"])
    return {
        "tokens": splits[level],
        "ids": ids[level],
        "own": sorted(Counter(ids[level]).values(), reverse=True),
        "bytes": len(text.encode("utf-8")),
        "lengths": {name: len(found) for name, found in ids.items()},
        "unknown": {name: ids[name].count(0) if name != "bpe" else 0 for name in ids},
    }


@pytest.mark.parametrize(("level", "merges"), SETTINGS)
def test_what_it_shows_is_what_the_package_computes(tab, level, merges, corpus, bpe, vocabs):
    pages = [corpus[i : i + 300] for i in range(0, len(corpus), len(corpus) // 12)]
    places = corpus_places(level, merges, corpus, bpe, vocabs)
    for text in [*TEXTS, *pages]:
        shown = change(tab, text=text, level=level, merges=merges)
        wanted = expected(text, level, merges, bpe, vocabs)
        assert {key: shown[key] for key in wanted} == wanted, text[:60]
        met = dict.fromkeys(wanted["ids"])
        assert shown["places"] == [places[index] for index in met if index in places]


def test_every_character_is_cut_as_python_cuts_it(tab):
    # Le navigateur connaît parfois un Unicode plus récent : on s'en tient à ce que sait Python.
    known = [c for c in map(chr, range(sys.maxunicode + 1))
             if unicodedata.category(c) not in ("Cn", "Cs", "Co")]  # fmt: skip
    text = "".join(f"a{c}é 1{c}2’{c}-{c}" for c in known)
    python = tokenize(text, "word")
    assert len(python) > len(known)
    mark = "\ue000"
    live = functions(tab, "f.tokenize(a[0], 'word').join(a[1])", text, mark)
    assert live.split(mark) == python
    live = functions(tab, "a[0].match(f.split).join(a[1])", text, mark)
    assert live.split(mark) == _PIECE.findall(text)


def test_a_lone_surrogate_keeps_its_bytes(tab, bpe):
    text = "a\ud83d é\udca9"
    merges = [index for pair in bpe.merges for index in pair]
    ids = functions(tab, "f.makeBpe(a[0]).encode('a\\ud83d é\\udca9')", merges)
    assert ids == bpe.encode(text)
    assert functions(tab, "f.makeBpe(a[0]).tokens.map(f.spell)", merges) == bpe.to_tokens(
        range(len(bpe))
    )
    broken = [b"\xc3", b"\x80\x80", b"\xf5\x41", b"\xe2\x80", b"\xed\xa0\xbd", b"\xef\xbb\xbfa",
              b"\xc0\x80", b"\xf0\x9f\x98", b"\xc3\xa9\xc3"]  # fmt: skip
    assert functions(tab, "a[0].map(f.spell)", [list(data) for data in broken]) == [
        data.decode("utf-8", "backslashreplace") for data in broken
    ]
    seen = [*"\u0301\u200d\x00\ufdd0\ufe0f\u3164\U000e0100", "l’eau de\u00a0vie\u202f!", "e\u0301"]
    seen += ["\n\t", "\u180e\u034f", "😀"]
    assert functions(tab, "a[0].map(f.readable)", seen) == [readable(token) for token in seen]


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_is_typed_is_only_text(tab, name):
    tab.get_by_role("textbox", name="Votre texte").fill(HOSTILE[name])
    for level in ("char", "word", "bpe"):
        shown = change(tab, level=level)
        options = tab.get_by_role("option")
        assert options.count() == len(shown["ids"]) <= 4 * MOST
        written = tab.locator(".jetons-texte").all_text_contents()
        assert written == [readable(token) for token in shown["tokens"]]
        assert tab.locator(".jetons-indice").all_text_contents() == [str(i) for i in shown["ids"]]
        assert tab.locator(".jetons-jeton.inconnu").count() == (
            0 if level == "bpe" else shown["ids"].count(0)
        )
    assert tab.locator(".d2l-fig :is(img, script)").count() == 0
    told = tab.locator(".d2l-status").inner_text()
    length = len(HOSTILE[name])
    assert ("400 premiers caractères" in told) == (length > MOST)
    if length > MOST:
        assert d2l.fr(length) in told
    if not HOSTILE[name]:
        assert "Aucun jeton" in tab.locator(".jetons-suite").inner_text()


def test_the_summary_tells_the_four_lengths(tab, vocabs, bpe):
    text = "L’été, l'eau"
    change(tab, text=text)
    words = tokenize(text, "word")
    assert tab.locator(".d2l-status").inner_text() == (
        f"{len(text.encode())} octets. Jetons\u00a0: {len(text)} en caractères (dont 1 inconnu), "
        f"{len(words)} en mots (dont {vocabs['word'][words].count(0)} inconnu), "
        f"{len(bpe.encode(text))} en BPE à 1000 fusions."
    )


def test_the_mouse_rewrites_the_text_three_ways(tab):
    start = Jetons.text.default_value
    field = tab.get_by_role("textbox", name="Votre texte")
    press = lambda name: tab.get_by_role("button", name=name).click()  # noqa: E731
    press("Accents en NFD")
    assert field.input_value() == unicodedata.normalize("NFD", start)
    assert values(tab)["unknown"]["char"] == 4
    press("En capitales")
    press("Accents en NFC")
    assert field.input_value() == normalize(start.upper())
    press("Apostrophes droites")
    assert field.input_value() == start.upper().replace("’", "'")
    press("Apostrophes courbes")
    assert field.input_value() == start.upper()
    press("Sans capitales")
    assert field.input_value() == start.lower()
    press("Réinitialiser")
    press("En capitales")
    press("Sans capitales")
    assert field.input_value() == start
    field.fill("123")
    values(tab)  # redessine
    assert tab.get_by_role("button", name="En capitales").is_disabled()
    assert tab.get_by_role("button", name="Accents en NFD").is_disabled()
    assert tab.get_by_role("button", name="Apostrophes courbes").is_disabled()


def test_the_keyboard_walks_along_the_tokens(tab, bpe):
    ids = values(tab)["ids"]
    current = lambda: values(tab)["current"]  # noqa: E731
    tab.get_by_role("option").first.focus()
    tab.keyboard.press("ArrowRight")
    assert current() == 1
    tab.keyboard.press("End")
    assert current() == len(ids) - 1
    tab.keyboard.press("ArrowUp")
    assert 0 < current() < len(ids) - 1
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("ArrowRight")
    assert current() > len(ids) // 2
    tab.keyboard.press("Home")
    assert current() == 0
    assert tab.evaluate("document.activeElement.getAttribute('aria-selected')") == "true"
    assert tab.get_by_role("option", selected=True).count() == 1
    tab.get_by_role("option").nth(5).click()
    assert current() == 5
    card = tab.locator(".jetons-fiche").inner_text()
    left, right = bpe.merges[ids[5] - 256]
    parts = [readable(part) for part in bpe.to_tokens([left, right])]
    assert f"{ids[5]}, fusion n°\u00a0{ids[5] - 255}\u00a0: {parts[0]} + {parts[1]}" in card
    # Le même endroit du texte reste choisi d'un découpage à l'autre.
    tab.get_by_role("radio", name="mots").press("Space")
    shown = values(tab)
    assert shown["tokens"][shown["current"]] == "eau"
    tab.get_by_role("radio", name="mots").press("ArrowLeft")
    assert len(values(tab)["ids"]) == len(Jetons.text.default_value)


def test_the_keyboard_moves_the_merges(tab):
    slider = tab.get_by_role("slider", name="Fusions du BPE")
    slider.press("Home")
    shown = values(tab)
    assert shown["ids"] == list(Jetons.text.default_value.encode())
    slider.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == "1"
    slider.press("End")
    assert len(values(tab)["ids"]) < len(shown["ids"])


@pytest.mark.parametrize("width", [360, 768, 1000])
def test_it_keeps_to_its_place(browser, tmp_path, width, corpus, bpe):
    tab, heights = open_figure(browser, tmp_path, Jetons(corpus, bpe), width=width), set()
    for text in (Jetons.text.default_value, "", "中" * 10_000, "a" * 500, HOSTILE["balise"]):
        for level, merges in SETTINGS[:3]:
            change(tab, text=text, level=level, merges=merges)
            live, place = (
                tab.locator(f".{c}").bounding_box()["height"] for c in ("d2l-fig", "vive")
            )
            assert live <= place + 1
            heights.add(round(live))
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert len(heights) == 1, "la hauteur change avec les réglages"
    large, narrow = Jetons.height
    size = tab.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)")
    assert place == pytest.approx((narrow if width == 360 else large) * size, abs=1)
    assert place - live < 2 * size
    assert tab.problems == []
    tab.context.close()


@pytest.mark.parametrize("width", [360, 1000])
def test_a_row_out_of_sight_is_announced(browser, tmp_path, width, corpus, bpe):
    text = unicodedata.normalize("NFD", Jetons.text.default_value)
    figure = Jetons(corpus, bpe, text=text, level="char")
    tab = open_figure(browser, tmp_path, figure, width=width)
    box = tab.locator(".jetons-suite")
    hidden = "(node) => node.scrollHeight - node.clientHeight"
    if width > 500:  # sur un écran large, la phrase tient, même en NFD
        assert box.evaluate(hidden) == 0
        change(tab, text=text * 6)
    assert box.evaluate(hidden) > 20

    def darkest(bottom):
        """Le point le plus sombre de la marge de droite, en haut ou en bas des jetons."""
        at = box.bounding_box()
        y = at["y"] + (at["height"] - 6 if bottom else 2)
        shot = tab.screenshot(
            clip={"x": at["x"] + at["width"] - 5, "y": y, "width": 3, "height": 4}
        )
        return np.asarray(Image.open(BytesIO(shot)).convert("L")).min()

    box.scroll_into_view_if_needed()
    assert darkest(bottom=True) < 200
    assert darkest(bottom=False) > 245
    box.evaluate("(node) => { node.scrollTop = 1e6; }")
    assert darkest(bottom=True) > 245
    assert darkest(bottom=False) < 200
    tab.context.close()


@pytest.mark.parametrize("width", [360, 720, 1000])
def test_the_card_keeps_the_figure_in_its_place(browser, tmp_path, width, corpus, bpe):
    tab = open_figure(browser, tmp_path, Jetons(corpus, bpe), width=width)
    heights = tab.evaluate(
        """() => {
          const figure = document.querySelector('.d2l-fig'), ui = figure.d2l, found = [];
          for (const level of ['char', 'word', 'bpe']) {
            ui.set('level', level);
            ui.flush();
            for (const token of document.querySelectorAll('.jetons-jeton')) {
              token.click();
              found.push(Math.round(figure.offsetHeight));
            }
          }
          return found;
        }"""
    )
    assert len(set(heights)) == 1
    tab.context.close()


def test_the_printed_form_tells_the_same_numbers(corpus, bpe, vocabs):
    figure = Jetons(corpus, bpe)
    drawing = str(figure.static())
    for level, merges in SETTINGS[:2] + SETTINGS[-1:]:
        wanted = expected(figure.text, level, merges, bpe, vocabs)
        assert figure.split(level) == (wanted["tokens"], wanted["ids"])
        assert all(f">{index}</text>" in drawing for index in wanted["ids"])
    assert f"{wanted['bytes']} octets" in drawing.replace("\u00a0", " ")
    assert "29 jetons, dont 2 inconnus" in drawing.replace("\u00a0", " ")
    for text in [*HOSTILE.values(), "\ud83d\u202e"]:
        drawing = str(Jetons("ab", BPE([]), text=text).static())
        drawing.encode("utf-8")
        assert "<img" not in drawing


@pytest.mark.parametrize(
    ("arguments", "settings", "error", "message"),
    [
        (("", BPE([])), {}, ValueError, "Texte vide"),
        ((b"abc", BPE([])), {}, TypeError, "On découpe une chaîne"),
        (("abc", [(97, 98)]), {}, TypeError, "bpe est un BPE"),
        (("abc", BPE([])), {"level": "mot"}, ValueError, "'mot'"),
        (("abc", BPE([(97, 98)])), {"merges": 2}, ValueError, "merges = .* entre 0 et 1"),
        (("abc", BPE([(97, 98)])), {"merges": -1}, ValueError, "merges = .* entre 0 et 1"),
    ],
)
def test_an_impossible_figure_is_refused(arguments, settings, error, message):
    with pytest.raises(error, match=message):
        Jetons(*arguments, **settings)


def test_the_smallest_figure_works_with_the_class_of_the_page(browser, tmp_path):
    page_bpe = SimpleNamespace(merges=[])  # la page définit sa propre classe BPE
    tab = open_figure(browser, tmp_path, Jetons("a", page_bpe, text="aé"), width=360)
    assert values(tab)["ids"] == [97, 195, 169]
    assert change(tab, level="word")["unknown"]["word"] == 1
    assert tab.problems == []
    tab.context.close()
