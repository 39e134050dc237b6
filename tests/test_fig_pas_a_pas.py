"""La figure « pas_a_pas » : ses nombres sont ceux du réseau, la souris et le clavier la bougent."""

import math
import re

import pytest
import torch

import d2l_fr as d2l
from atelier import change, open_figure, touching, values
from d2l_fr.widgets.arrays import unpack
from d2l_fr.widgets.pas_a_pas import PasAPas, glyph

OPENING = "les poules du couvent couvent."
HOSTILE = [
    "",
    "a" * 100_000,
    "👩‍🚀 🏴‍☠️ e\u0301t\u0301 \u0301",
    "مرحبا \u202eabc\u202c שלום",
    '<img src=x onerror="document.title=1">',
    "a\x00b\x07\u200b\ufeff",
    "漢字 d'ici",
]


@pytest.fixture(scope="module")
def vocab():
    return d2l.Vocab(d2l.tokenize(d2l.normalize(d2l.load_corpus("recit"))))


@pytest.fixture(scope="module")
def model(vocab):
    d2l.set_seed(1)
    model = d2l.RNNLMScratch(d2l.RNNScratch(len(vocab), 16, input_scale=1.5), len(vocab))
    with torch.no_grad():
        model.rnn.b_h.normal_()
        model.b_q.normal_()
    return model


@pytest.fixture(scope="module")
def tab(browser, tmp_path_factory, model, vocab):
    folder = tmp_path_factory.mktemp("pas_a_pas")
    tab = open_figure(browser, folder, PasAPas(model, vocab), height=1000)
    yield tab
    assert tab.problems == []
    tab.context.close()


@pytest.fixture(autouse=True)
def restart(request):
    """Chaque test qui a un onglet part des réglages de départ."""
    if "tab" in request.fixturenames:
        tab = request.getfixturevalue("tab")
        tab.set_viewport_size({"width": 1000, "height": 1000})
        tab.get_by_role("button", name="Réinitialiser").click()


def summary(tab):
    values(tab)  # redessine
    text = tab.locator(".d2l-status").inner_text()
    return re.sub("[\u00a0\u202f]", " ", re.sub("[\u2068\u2069]", "", text))


def expected(model, vocab, text, step, forget):
    """L'état et les probabilités, par le modèle de PyTorch : il relit tout, ou depuis l'oubli."""
    model = model.double()
    since = max(forget, 1) if step >= forget else 1
    tokens = torch.tensor([vocab[d2l.tokenize(d2l.normalize(text))[since - 1 : step]]])
    if not tokens.numel():
        return torch.zeros(16).double(), torch.softmax(model.b_q, -1).detach()
    with torch.no_grad():
        _, state = model.rnn(model.embed(tokens))
        return state[0], torch.softmax(model.output(state)[0], -1)


CASES = [
    (OPENING, 20, 0),
    (OPENING, 0, 0),
    (OPENING, 30, 0),
    (OPENING, 20, 20),
    (OPENING, 24, 20),
    (OPENING, 12, 20),  # l'oubli est plus loin
    ("L’île d'Elbe, en été\u00a0!", 21, 0),
    ("漢 mer 漢", 7, 3),  # deux inconnus
    ("e\u0301te\u0301", 3, 0),  # décomposé : trois caractères une fois normalisé
]


@pytest.mark.parametrize(("text", "step", "forget"), CASES)
def test_the_numbers_are_those_of_the_model(tab, model, vocab, text, step, forget):
    shown = change(tab, text=text, forget=forget, step=step)
    state, chances = expected(model, vocab, text, step, forget)
    assert shown["step"] == step
    assert torch.allclose(torch.tensor(shown["state"]).double(), state, rtol=1e-5, atol=1e-7)
    assert torch.allclose(torch.tensor(shown["chances"]).double(), chances, rtol=1e-5)
    whole, memory = expected(model, vocab, text, step, 0)
    assert torch.allclose(torch.tensor(shown["memory"]).double(), memory, rtol=1e-5)
    assert shown["gap"] == pytest.approx(float((state - whole).norm()), rel=1e-5, abs=1e-7)


@pytest.mark.parametrize(("step", "forget"), [(20, 0), (20, 20), (21, 20)])
def test_the_sum_is_the_preactivation(tab, model, vocab, step, forget):
    shown = change(tab, step=step, forget=forget)
    bias = model.rnn.b_h.detach().double()
    parts = torch.tensor(shown["fromInput"]).double(), torch.tensor(shown["fromState"]).double()
    assert torch.allclose(torch.tanh(sum(parts) + bias), torch.tensor(shown["state"]).double(),
                          rtol=1e-5, atol=1e-7)  # fmt: skip
    row = model.rnn.W_xh[vocab[OPENING[step - 1]]].detach().double()
    assert torch.allclose(parts[0], row, rtol=1e-6)
    assert (parts[1].abs().sum() == 0) == (step == forget)


@pytest.mark.parametrize(("text", "step", "forget"), CASES)
def test_the_printed_form_reads_the_same(model, vocab, text, step, forget):
    figure = PasAPas(model, vocab, text=text, step=step, forget=forget)
    states, chances = figure.reading()
    state, after = expected(model, vocab, text, step, forget)
    assert torch.allclose(states[step], state) and torch.allclose(chances[step], after)
    terms = figure.terms()
    if step:
        assert torch.allclose(torch.tanh(terms[:3].sum(0)), terms[3]) and terms[3].equal(
            states[step]
        )
    else:
        assert not terms.any()
    best = after.argmax().item()
    assert f">{glyph(vocab.tokens[best])}</text>" in str(figure.static()) or best == 0
    assert f">{d2l.fr(100 * after[best].item(), 0)}\u00a0%</text>" in str(figure.static())


def test_what_is_sent_is_what_the_model_has(model, vocab):
    figure = PasAPas(model, vocab)
    assert figure.tokens == vocab.tokens
    for name, weight in model.state_dict().items():
        sent = unpack(figure.arrays[name.removeprefix("rnn.")])
        assert torch.equal(torch.tensor(sent), weight.float())


def test_forgetting_says_what_it_changes(tab, model, vocab):
    button = tab.get_by_role("button", name="Oublier ce qui précède")
    button.click()
    shown, text = values(tab), summary(tab)
    assert shown["forget"] == shown["step"] == 20
    assert text.startswith("État oublié : pour le réseau, le texte commence à « n ».")
    assert f"la distance est de {d2l.fr(shown['gap'], 2)}." in text
    best = max(shown["chances"])
    assert f"{d2l.fr(100 * best, 1 if best < 0.0995 else 0)} %" in text
    assert tab.locator(".pas_a_pas-texte button.efface").count() == 20
    tab.get_by_role("button", name="Rendre la mémoire").click()
    assert values(tab)["gap"] == 0 and summary(tab).startswith("Pas 20 : le réseau lit « n »")
    change(tab, step=1)
    assert button.get_attribute("aria-disabled") == "true"
    button.click(force=True)
    assert values(tab)["forget"] == 0


def test_the_status_is_in_good_french(tab):
    change(tab, step=4)
    assert summary(tab).startswith("Pas 4 : le réseau lit une espace et reprend l’état h₃.")
    change(tab, text="\u202f\u2009", step=1)
    assert summary(tab).startswith("Pas 1 : le réseau lit une espace fine insécable et reprend")
    change(tab, step=2)
    assert summary(tab).startswith("« □ » n’est pas dans le vocabulaire : il est lu comme inconnu.")
    change(tab, text="a" * 60, forget=2, step=60)
    assert re.search(r"Il attend toujours .* : [\d,]+ %, comme sans l’oubli\.", summary(tab))
    for step in range(2, 31):
        change(tab, text=OPENING, forget=2, step=step)
        assert not re.search(r": (.*?) au lieu de \1\.", summary(tab))


def test_a_character_read_again_is_compared_to_the_first_time(tab, model, vocab):
    for step, twin in ((29, 21), (23, 15), (4, 0)):
        shown = change(tab, step=step)
        assert shown["twin"] == twin
        states, _ = PasAPas(model, vocab).reading()
        apart = float((states[step] - states[twin]).norm())
        assert shown["apart"] == pytest.approx(apart, rel=1e-5)
        said = f"Au pas {twin}, il lisait aussi « {OPENING[step - 1]} » : les deux états sont à "
        assert (f"{said}{d2l.fr(apart, 2)} l’un de l’autre." in summary(tab)) == (twin > 0)


ARROWS = """() => {
  const circle = document.querySelector('.pas_a_pas-noeud');
  const numbers = (node, name) => node.getAttribute(name).match(/-?[\\d.]+/g).map(Number);
  const wires = [...document.querySelectorAll('.pas_a_pas-fil')];
  const heads = wires.map((wire) => wire.nextSibling), there = (node) => node.getAttribute('d');
  return {
    circle: ['cx', 'cy', 'r'].map((name) => numbers(circle, name)[0]),
    under: [...wires, ...heads].every((node) => node.compareDocumentPosition(circle) & 4),
    wires: wires.filter(there).map((wire) => numbers(wire, 'd').slice(-4)),
    heads: heads.filter(there).map((head) => numbers(head, 'transform')),
  };
}"""
HISTORIES = [
    ({}, 3),
    ({"forget": 20}, 2),
    ({"forget": 20, "step": 21}, 3),  # le fil de W_hh vient d'être reposé
    ({"forget": 0, "step": 0}, 1),
    ({"step": 1}, 3),
]


@pytest.mark.parametrize("width", [320, 360, 640, 768, 1000])
def test_the_arrows_point_to_the_circle_and_stay_outside(tab, width):
    tab.set_viewport_size({"width": width, "height": 1000})
    tab.wait_for_timeout(100)
    for settings, count in HISTORIES:
        change(tab, **settings)
        drawn = tab.evaluate(ARROWS)
        (x, y, r), near = drawn["circle"], 0
        assert drawn["under"], "le cercle et son nom se posent après les fils"
        for wire, (px, py, turn) in zip(drawn["wires"], drawn["heads"], strict=True):
            far = math.hypot(px - x, py - y)
            assert far >= r
            if far <= r + 2:
                near += 1
                toward = math.degrees(math.atan2(y - py, x - px))
                assert abs((turn - toward + 180) % 360 - 180) < 5
                assert math.dist(wire[:2], wire[2:]) >= 6, "la pointe n'a pas la place de son fil"
        assert near == count, settings


@pytest.mark.parametrize("width", [320, 340, 360, 640, 768, 1000])
def test_no_word_covers_another(tab, width):
    tab.set_viewport_size({"width": width, "height": 1000})
    tab.wait_for_timeout(100)
    for settings in ({}, {"forget": 20}, {"step": 29}, {"step": 0, "forget": 0}, {"step": 1},
                     {"step": 30}, {"text": "W" * 60, "step": 60}, {"forget": 60}):  # fmt: skip
        change(tab, **settings)
        assert touching(tab) == [], settings


def test_a_typed_character_touches_few_elements(tab):
    """Même quand la fenêtre glisse : les boutons gardent leur pas, les cases leur tracé."""
    tab.evaluate(
        """() => {
          window.touched = new Set();
          const all = { subtree: true, childList: true, attributes: true };
          new MutationObserver((list) => list.forEach(({ target, addedNodes }) => {
            for (const node of [target, ...addedNodes]) if (node.nodeType === 1) touched.add(node);
          })).observe(document.querySelector('.d2l-fig'), all);
        }"""
    )
    change(tab, step=30)
    field = tab.get_by_label("Le texte à lire")
    for typed in ("e", "n", "t"):
        field.press("End")
        tab.evaluate("touched.clear()")
        field.press(typed)
        values(tab)
        assert 0 < tab.evaluate("touched.size") < 80
    labels = [b.get_attribute("aria-label") for b in tab.locator(".pas_a_pas-texte button").all()]
    assert [int(re.match(r"Pas (\d+)", label)[1]) for label in labels] == list(range(8, 34))


def test_the_buttons_go_one_step_at_a_time(tab):
    following = tab.get_by_role("button", name="Pas suivant")
    previous = tab.get_by_role("button", name="Pas précédent")
    following.click()
    assert values(tab)["step"] == 21
    previous.click()
    previous.click()
    assert values(tab)["step"] == 19
    change(tab, step=30)
    assert following.get_attribute("aria-disabled") == "true"
    following.click(force=True)
    assert values(tab)["step"] == 30
    change(tab, step=0)
    previous.click(force=True)
    assert values(tab)["step"] == 0 and summary(tab).startswith("Pas 0 : rien n’est lu")


def test_a_character_or_its_column_is_a_way_to_its_step(tab):
    tab.get_by_role("button", name="Pas 6, « ⁨o⁩ »").click()
    assert values(tab)["step"] == 6
    box = tab.locator("svg rect[cursor=pointer]").bounding_box()
    tab.mouse.click(box["x"] + box["width"] * 9.5 / 26, box["y"] + 40)
    assert values(tab)["step"] == 9
    tab.mouse.click(box["x"] + box["width"] * 25.5 / 26, box["y"] + 40)
    assert values(tab)["step"] == 25


def test_the_arrows_walk_through_the_text(tab):
    tab.locator(".pas_a_pas-texte button[aria-current=step]").focus()
    for key, step in (("ArrowRight", 21), ("ArrowLeft", 20), ("End", 30), ("ArrowRight", 30),
                      ("ArrowLeft", 29), ("Home", 0), ("ArrowLeft", 0)):  # fmt: skip
        tab.keyboard.press(key)
        assert values(tab)["step"] == step
        focused = tab.evaluate("document.activeElement.getAttribute('aria-label')")
        assert focused.startswith(f"Pas {step},")
    tab.get_by_role("button", name="Pas suivant").focus()
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("Enter")
    assert values(tab)["step"] == 2
    assert tab.locator(".pas_a_pas-texte button[tabindex='0']").count() == 1


def test_the_sum_of_a_unit_is_spelled_out(tab):
    slider = tab.get_by_role("slider", name="Unité dont la somme est détaillée")
    slider.focus()
    for key, unit in (("ArrowRight", 1), ("End", 15), ("ArrowRight", 15), ("ArrowLeft", 14)):
        tab.keyboard.press(key)
        shown = values(tab)
        assert shown["unit"] == unit
    said = slider.get_attribute("aria-valuetext")
    assert said.startswith(f"Unité 15\u00a0: tanh({d2l.fr(shown['fromInput'][14], 2)} ")
    assert said.endswith(f"= {d2l.fr(shown['state'][14], 2)}")
    box = slider.bounding_box()
    tab.mouse.move(box["x"] + box["width"] * 3.5 / 16, box["y"] + 20)
    assert values(tab)["unit"] == 3


def test_typing_reads_to_the_end(tab):
    change(tab, forget=20)
    field = tab.get_by_label("Le texte à lire")
    field.fill("la mer ©")
    shown = values(tab)
    assert shown["step"] == 8 and shown["forget"] == 0 and shown["ids"][-1] == 0
    assert summary(tab).startswith("« © » n’est pas dans le vocabulaire : il est lu comme inconnu.")
    field.fill("l'")
    assert "(le récit écrit l’apostrophe courbe)" in summary(tab)
    unknown = tab.locator(".pas_a_pas-texte button.inconnu")
    assert unknown.count() == 1 and "inconnu" in unknown.get_attribute("aria-label")


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_is_only_read(tab, text):
    tab.get_by_label("Le texte à lire").fill(text)
    shown = values(tab)
    assert len(shown["characters"]) == len(shown["states"]) - 1 <= 60
    assert all(0 <= p <= 1 for p in shown["chances"])
    assert sum(shown["chances"]) == pytest.approx(1)
    change(tab, step=0)
    tab.get_by_role("button", name="Pas suivant").click(force=True)
    assert values(tab)["step"] == min(1, len(shown["characters"]))
    assert tab.locator(".d2l-fig img").count() == 0 and tab.title() == "Atelier"
    assert ("Seuls les 60 premiers caractères sont lus." in summary(tab)) == (len(text) > 1000)


@pytest.mark.parametrize("text", [*HOSTILE, OPENING])
def test_python_reads_the_same_characters(tab, model, vocab, text):
    shown = change(tab, text=text)["characters"]
    assert PasAPas(model, vocab, text=text).characters() == shown


def test_the_weights_are_drawn_once(tab):
    """D'un pas à l'autre, les éléments qui dessinent les matrices sont les mêmes."""
    tab.evaluate(
        "window.weights = [...document.querySelector('.d2l-plot > g:nth-of-type(2)').children]"
    )
    change(tab, step=3)
    change(tab, text="autre texte", forget=2)
    same = "document.querySelector('.d2l-plot > g:nth-of-type(2)').children"
    assert tab.evaluate(f"weights.length > 6 && weights.every((node, i) => node === {same}[i])")


@pytest.mark.parametrize("width", [360, 768, 1000])
def test_it_keeps_to_its_place(tab, width):
    tab.set_viewport_size({"width": width, "height": 1000})
    tab.wait_for_timeout(100)
    place = PasAPas.height[width < 600]
    rem = tab.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)")
    for settings in ({}, {"forget": 20}, {"step": 24}, {"step": 0, "forget": 0},
                     {"text": "a" * 100 + "漢", "step": 60}, {"text": "漢字", "step": 2},
                     {"text": "", "step": 0}):  # fmt: skip
        change(tab, **settings)
        tall = tab.locator(".d2l-fig").bounding_box()["height"] / rem
        assert place - 2 < tall <= place, settings
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
    smallest = tab.evaluate(
        """() => Math.min(...[...document.querySelectorAll('.d2l-fig button:not([hidden])')].map(
          (b) => Math.min(b.offsetWidth, b.offsetHeight)))"""
    )
    assert smallest >= 24


def test_the_constructor_says_what_is_wrong(model, vocab):
    with pytest.raises(TypeError, match="comme RNNLMScratch ; reçu : Linear"):
        PasAPas(torch.nn.Linear(2, 2), vocab)
    with pytest.raises(ValueError, match="le vocabulaire en a 3"):
        PasAPas(model, d2l.Vocab(["a", "b"]))
    large = d2l.RNNLMScratch(d2l.RNNScratch(len(vocab), 64), len(vocab))
    with pytest.raises(ValueError, match="32 au plus"):
        PasAPas(large, vocab)


def test_a_step_beyond_the_text_is_its_end(model, vocab):
    figure = PasAPas(model, vocab, text="mer", step=50)
    assert figure.present() == 3
    assert str(figure.static()) == str(PasAPas(model, vocab, text="mer", step=3).static())
