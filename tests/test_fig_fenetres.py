"""La figure « fenetres » : ses dépendances sont celles d'autograd, ses pertes celles du paquet."""

from itertools import islice, pairwise

import pytest
import torch
import torch.nn.functional as F

import d2l_fr as d2l
from atelier import open_figure, touching, values
from d2l_fr.widgets.fenetres import SHOWN, STARTS, Fenetres, losses_by_position, reach


@pytest.fixture(scope="module")
def corpus():
    text = d2l.normalize(d2l.load_corpus("recit"))[:12_000]
    vocab = d2l.Vocab(d2l.tokenize(text))
    return torch.tensor(vocab[d2l.tokenize(text)]), vocab


@pytest.fixture(scope="module")
def losses(corpus):
    d2l.set_seed(0)
    tokens, vocab = corpus
    return losses_by_position(d2l.RNNLM(len(vocab), 16, "lstm", num_embed=8), tokens[:700])


@pytest.fixture(scope="module")
def tab(browser, tmp_path_factory, corpus, losses):
    figure = Fenetres(*corpus, losses)
    tab = open_figure(browser, tmp_path_factory.mktemp("fenetres"), figure)
    yield tab
    assert tab.problems == []
    tab.context.close()


def change(tab, **settings):
    tab.evaluate(
        """settings => { const { d2l } = document.querySelector('.d2l-fig');
          for (const [key, value] of Object.entries(settings)) d2l.set(key, value); }""",
        {"shuffled": False, "carry": True, "detach": True, "num_steps": 32} | settings,
    )
    return values(tab)


# ---------- la logique, contre autograd


def lots(shuffled, length, count):
    """Une ligne de lots, au hasard ou à la suite : les positions lues, (n, T)."""
    places = torch.arange(length * count * 3 + 1)
    if shuffled:
        batches = d2l.random_windows(places, 2, length, torch.Generator().manual_seed(1))
    else:
        batches = d2l.sequential_batches(places, 3, length)
    return torch.stack([X[1] for X, _ in islice(batches, count)])


def read(model, tokens, carry, detach):
    """Lit des lots (n, T) comme une boucle d'apprentissage ; rend les logits et les entrées."""
    inputs, logits, state = [], [], None

    def keep(module, arguments, output):
        output.retain_grad()
        inputs.append(output)

    hook = model.embedding.register_forward_hook(keep)
    for lot in tokens:
        start = None if state is None or not carry else d2l.detach(state) if detach else state
        out, state = model(lot[None], start)
        logits.append(out[0])
    hook.remove()
    return torch.cat(logits), inputs


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("carry", [False, True])
@pytest.mark.parametrize("detach", [False, True])
def test_reach_is_where_autograd_finds_something(cell, shuffled, carry, detach):
    d2l.set_seed(0)
    length, count = 4, 4
    model = d2l.RNNLM(7, 12, cell, num_embed=5).double()
    tokens = torch.randint(7, (length * count * 3 + 1,))[lots(shuffled, length, count)]
    for position in range(length * count):
        value, gradient = reach(position, length, carry, detach)
        logits, inputs = read(model, tokens, carry, detach)
        logits[position].square().sum().backward()
        grads = [torch.zeros_like(e) if e.grad is None else e.grad for e in inputs]
        reached = torch.cat(grads)[:, 0].norm(dim=1) > 0
        assert reached.nonzero().flatten().tolist() == list(range(gradient, position + 1))
        moved = []
        for place in range(length * count):
            other = tokens.clone().flatten()
            other[place] = (other[place] + 1) % 7
            with torch.no_grad():
                changed = read_values(model, other.view_as(tokens), carry)
            if not torch.equal(changed[position], logits[position]):
                moved.append(place)
        assert moved == list(range(value, position + 1))


def read_values(model, tokens, carry):
    """Les mêmes logits, sans gradient : détacher n'y change rien."""
    logits, state = [], None
    for lot in tokens:
        out, state = model(lot[None], state if carry else None)
        logits.append(out[0])
    return torch.cat(logits)


def num_tanh(loss):
    seen, stack = set(), [loss.grad_fn]
    while stack:
        node = stack.pop()
        if node is not None and node not in seen:
            seen.add(node)
            stack += [parent for parent, _ in node.next_functions]
    return sum("Tanh" in node.name() for node in seen)


@pytest.mark.parametrize("carry", [False, True])
@pytest.mark.parametrize("detach", [False, True])
def test_the_graph_grows_as_the_figure_says(tab, carry, detach):
    net = d2l.RNNLMScratch(d2l.RNNScratch(5, 3, d2l.loop_recurrence), 5)
    state = None
    for order, lot in enumerate(torch.randint(5, (4, 8))):
        start = None if state is None or not carry else d2l.detach(state) if detach else state
        logits, state = net(lot[None], start)
        shown = change(tab, num_steps=8, position=8 * order + 3, carry=carry, detach=detach)
        assert num_tanh(logits.sum()) == shown["graph"]


def test_pytorch_refuses_to_go_back_beyond_a_finished_batch():
    net = d2l.RNNLM(5, 3, num_embed=2)
    _, state = net(torch.zeros(1, 4, dtype=torch.long))
    state.sum().backward()
    logits, _ = net(torch.zeros(1, 4, dtype=torch.long), state)
    with pytest.raises(RuntimeError, match="second time"):
        logits.sum().backward()


@pytest.mark.parametrize("length", [8, 16, 32, 64])
@pytest.mark.parametrize("carry", [False, True])
@pytest.mark.parametrize("detach", [False, True])
def test_the_browser_finds_the_same_reach(tab, length, carry, detach):
    for position in (0, length - 1, length, 77, SHOWN - 1):
        shown = change(tab, num_steps=length, carry=carry, detach=detach, position=position)
        assert (shown["value"], shown["gradient"]) == reach(position, length, carry, detach)
        assert (shown["order"], shown["step"]) == divmod(position, length)


# ---------- les pertes


def bits(logits, targets):
    return d2l.bits_per_token(F.cross_entropy(logits, targets, reduction="none"))


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_losses_are_those_of_the_three_starts(corpus, cell):
    d2l.set_seed(1)
    tokens, vocab = corpus
    T, stride, tokens = 6, 5, tokens[:80]
    model = d2l.RNNLM(len(vocab), 10, cell, num_embed=4)
    measured = losses_by_position(model, tokens, T, stride)
    starts = list(range(0, len(tokens) - 2 * T, stride))
    expected = {name: [] for name in STARTS}
    with torch.no_grad():
        states = [model(tokens[None, s : s + T])[1] for s in starts]
        for i, s in enumerate(starts):
            inputs, targets = tokens[None, s + T : s + 2 * T], tokens[s + T + 1 : s + 2 * T + 1]
            elsewhere = states[(i - len(starts) // 2) % len(starts)]
            for name, state in zip(STARTS, (states[i], elsewhere, None), strict=True):
                expected[name].append(bits(model(inputs, state)[0][0], targets))
    for name in STARTS:
        mean = torch.stack(expected[name]).mean(dim=0)
        torch.testing.assert_close(d2l.bits_per_token(measured[name]), mean, rtol=1e-5, atol=0)


def test_a_cold_start_is_the_one_of_evaluate(corpus):
    tokens, vocab = corpus
    model = d2l.RNNLM(len(vocab), 10, "gru").train()
    cold = losses_by_position(model, tokens[:61], 10, 10)["à zéro"]
    assert float(cold.mean()) == pytest.approx(d2l.evaluate(model, tokens[10:61], 10), rel=1e-5)
    assert model.training


@pytest.mark.parametrize("length", [8, 32, 64])
def test_the_losses_shown_are_the_ones_measured(tab, losses, length):
    shown = change(tab, num_steps=length, position=length + 5)
    for name in STARTS:
        known = d2l.bits_per_token(losses[name])
        assert shown["bits"][name] == pytest.approx(known[5].item(), rel=1e-5)
        assert shown["means"][name] == pytest.approx(known[:length].mean().item(), rel=1e-5)


@pytest.mark.parametrize(
    ("settings", "start", "foreign"),
    [
        ({}, "porté", 0),
        ({"carry": False}, "à zéro", 0),
        ({"shuffled": True}, "étranger", 64),
        ({"shuffled": True, "carry": False}, "à zéro", 0),
        ({"shuffled": True, "position": 31}, "à zéro", 0),
        ({"position": 31}, "à zéro", 0),
    ],
)
def test_the_state_that_a_window_starts_from(tab, corpus, losses, settings, start, foreign):
    settings = {"position": 70} | settings
    shown = change(tab, **settings)
    assert (shown["start"], shown["foreign"]) == (start, foreign)
    figure = Fenetres(*corpus, losses, **settings)
    assert figure.start() == start
    said = tab.locator(".d2l-status").inner_text()
    assert ("Faux souvenir" in said) == (start == "étranger")


def test_the_text_shown_is_the_text_of_the_batches(corpus, losses):
    tokens, vocab = corpus
    passages = Fenetres(*corpus, losses).passages
    for length in (8, 16, 32, 64):
        batches = list(islice(d2l.sequential_batches(tokens, 32, length), SHOWN // length))
        for order, (X, Y) in enumerate(batches):
            text = "".join(vocab.to_tokens(torch.cat([X[20], Y[20, -1:]])))
            assert passages[f"suite {length}"]["texts"][order] == text
        numbers = passages[f"suite {length}"]["numbers"]
        assert all(b == a + 1 for a, b in pairwise(numbers))
        shuffled = passages[f"hasard {length}"]
        whole = "".join(vocab.to_tokens(tokens))
        assert all(text in whole for text in shuffled["texts"])
        assert len(set(shuffled["numbers"])) == SHOWN // length


# ---------- les gestes


def test_mouse_and_keyboard_move_it(tab):
    change(tab, position=69)
    tab.get_by_role("button", name="Réinitialiser").click()
    assert values(tab)["here"] == 94
    slider = tab.get_by_role("slider", name="Caractère suivi")
    slider.focus()
    tab.keyboard.press("ArrowRight")
    assert values(tab)["here"] == 95
    tab.get_by_role("radio", name="au hasard").click()
    assert values(tab)["start"] == "étranger"
    tab.get_by_role("radio", name="32").focus()
    tab.keyboard.press("ArrowLeft")
    assert values(tab)["length"] == 16
    tab.get_by_role("radio", name="à zéro").focus()
    tab.keyboard.press("Space")
    assert values(tab)["start"] == "à zéro"
    tab.get_by_role("radio", name="porté").click()
    tab.get_by_role("switch", name="Détacher").focus()
    tab.keyboard.press("Space")
    assert values(tab)["gradient"] == 0
    box = tab.locator(".fenetres-texte").bounding_box()
    tab.mouse.click(box["x"] + 30, box["y"] + 70)
    assert values(tab)["here"] < 4
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] - 14, box["y"] + 70)
    tab.mouse.up()
    assert values(tab)["here"] == 63
    tab.get_by_role("button", name="Réinitialiser").click()
    assert values(tab)["length"] == 32


def test_from_the_start_the_length_moves_where_the_gradient_stops(tab):
    tab.get_by_role("button", name="Réinitialiser").click()
    reached = {}
    for length in (32, 8, 16, 64):
        tab.get_by_role("radio", name=str(length), exact=True).click()
        shown = values(tab)
        reached[length] = shown["here"] - shown["gradient"] + 1
        assert f"{reached[length]} caractères" in tab.locator(".d2l-status").inner_text()
        assert shown["value"] == 0
    assert reached == {32: 31, 8: 7, 16: 15, 64: 31}
    tab.get_by_role("button", name="Réinitialiser").click()


def test_a_single_character_is_said_as_such(tab):
    status = tab.locator(".d2l-status")
    for settings, said in (
        ({"position": 0}, "viennent d’un seul caractère."),
        ({"position": 64, "carry": False}, "ne voient qu’un seul caractère."),
        ({"position": 64}, "s’arrête au bord\u00a0: un seul caractère."),
        ({"position": 1}, "viennent de 2 caractères."),
    ):
        change(tab, **settings)
        assert said in status.inner_text()


# À 344 pixels, la figure est aussi étroite que dans le site à 360.
@pytest.mark.parametrize("width", [344, 768, 1000])
def test_no_text_covers_another(tab, width):
    tab.set_viewport_size({"width": width, "height": 900})
    tab.wait_for_timeout(100)
    for shuffled in (False, True):
        for carry in (False, True):
            for length in (8, 16, 32, 64):
                for position in (64, 94, 127):
                    change(tab, shuffled=shuffled, carry=carry, num_steps=length,
                           position=position)  # fmt: skip
                    assert touching(tab) == []
    tab.set_viewport_size({"width": 1000, "height": 900})


def test_everything_is_named_for_a_screen_reader(tab):
    for role, name in (
        ("img", "Le texte en fenêtres"),
        ("img", "Perte selon la place"),
        ("group", "Fenêtres"),
        ("group", "État de départ"),
        ("group", "Longueur"),
    ):
        assert tab.get_by_role(role, name=name).first.count() == 1


@pytest.mark.parametrize("width", [360, 768, 1000])
def test_it_keeps_its_place(tab, width):
    tab.set_viewport_size({"width": width, "height": 900})
    tab.wait_for_timeout(100)
    heights = set()
    for shuffled in (False, True):
        for carry in (False, True):
            for length, position in ((8, 127), (64, 5), (16, 99)):
                change(tab, shuffled=shuffled, carry=carry, detach=False, num_steps=length,
                       position=position)  # fmt: skip
                heights.add(round(tab.locator(".d2l-fig").bounding_box()["height"], 1))
    size = tab.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)")
    place = Fenetres.height[width < 500]
    assert len(heights) == 1 and place - 2 <= heights.pop() / size <= place
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    tab.set_viewport_size({"width": 1000, "height": 900})


def test_hostile_texts_are_only_shown(tab, browser, tmp_path, losses):
    text = "<img src=x onerror=alert(1)>\u202eאבג 😀\n\0é&\u00a0«" * 250
    vocab = d2l.Vocab(d2l.tokenize(text[:-1]), min_freq=2)
    tokens = torch.tensor(vocab[d2l.tokenize(text)])
    tokens[5::50] = 0  # « <unk> » ne tient pas dans une case
    other = open_figure(browser, tmp_path, Fenetres(tokens, vocab, losses))
    for position in (0, 20, 29, 30, 31, 32, 33, 127):
        for shuffled in (False, True):
            shown = change(other, position=position, shuffled=shuffled)
            assert len(shown["target"]) in (1, 2)
    assert other.locator(".d2l-fig img").count() == 0
    assert "<img" in other.locator(".fenetres-texte").text_content()
    assert other.problems == []
    other.context.close()


# ---------- la forme imprimée et les erreurs


@pytest.mark.parametrize(
    ("settings", "start"),
    [
        ({"position": 70}, "porté"),
        ({"position": 70, "carry": False}, "à zéro"),
        ({"position": 70, "shuffled": True}, "étranger"),
        ({"position": 31, "shuffled": True}, "à zéro"),
    ],
)
def test_python_knows_the_state_that_a_window_starts_from(corpus, losses, settings, start):
    assert Fenetres(*corpus, losses, **settings).start() == start


@pytest.mark.parametrize(
    "settings", [{}, {"shuffled": True, "num_steps": 8, "detach": False}, {"carry": False}]
)
def test_the_printed_form(corpus, losses, settings):
    figure = Fenetres(*corpus, losses, **settings)
    svg = str(figure.static())
    for name in STARTS:
        mean = d2l.bits_per_token(losses[name][: figure.num_steps].double()).mean().item()
        assert f"état {name} : {d2l.fr(mean, 2)} bits en moyenne" in svg
    kind = "hasard" if figure.shuffled else "suite"
    shown = figure.passages[f"{kind} {figure.num_steps}"]
    for number in shown["numbers"]:
        assert d2l.fr(number) in svg
    order, step = divmod(figure.position, figure.num_steps)
    target = shown["texts"][order][step + 1]
    assert ("à prédire : espace" if target == " " else f"à prédire : « {target} »") in svg


def test_errors_are_said_in_french(corpus, losses):
    tokens, vocab = corpus
    with pytest.raises(ValueError, match="row = 32 : une ligne va de 0 à 31"):
        Fenetres(tokens, vocab, losses, row=32)
    with pytest.raises(ValueError, match="Texte trop court : 100 jetons"):
        Fenetres(tokens[:100], vocab, losses)
    with pytest.raises(ValueError, match="il faut les pertes porté, étranger, à zéro"):
        Fenetres(tokens, vocab, {"porté": losses["porté"]})
    with pytest.raises(ValueError, match="64 nombres finis"):
        Fenetres(tokens, vocab, dict.fromkeys(STARTS, torch.zeros(8)))
    with pytest.raises(ValueError, match="64 nombres finis"):
        Fenetres(tokens, vocab, losses | {"porté": torch.full((64,), float("nan"))})
    model = d2l.RNNLM(len(vocab), 4, num_embed=2)
    with pytest.raises(ValueError, match="100 jetons : il en faut au moins 142"):
        losses_by_position(model, tokens[:100])
