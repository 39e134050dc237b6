"""Les diaporamas : les marques, puis chaque fichier, ouvert seul et sans réseau."""

import json
import re
import subprocess
import sys

import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup
from docutils import nodes

import blocs
import diapositives
from conftest import FIGURES, ROOT, SECTIONS, construct, move_a_control
from extraits import ExcerptError, excerpt
from marques import VERBS, DeckError, Mark, MarkError, diapo_mark, locate, parse
from outils import diapos as assembly

# ---------- les marques


@pytest.mark.parametrize(
    ("line", "mark"),
    [
        (" ouverture (1)", Mark("ouverture", "", 1)),
        (" diapo (2): Un titre, avec $x_t$ : oui", Mark("diapo", "Un titre, avec $x_t$ : oui", 2)),
        (" puce: Un point.", Mark("puce", "Un point.")),
        (" question: Pourquoi ?", Mark("question", "Pourquoi ?")),
        (" reponse: Parce que.", Mark("reponse", "Parce que.")),
        (" montrer", Mark("montrer")),
        (" montrer: sortie", Mark("montrer", "sortie")),
        (" montrer: sortie 1-3", Mark("montrer", "sortie 1-3")),
        (" montrer: code", Mark("montrer", "code")),
        (" montrer: code rnn_step, BPTT.forward", Mark("montrer", "code rnn_step, BPTT.forward")),
        (" ensuite", Mark("ensuite")),
        (" dire: Une note.", Mark("dire", "Une note.")),
        (" dire", Mark("dire")),
        (" demander: Combien ?", Mark("demander", "Combien ?")),
        (" meprise: On croit que.", Mark("meprise", "On croit que.")),
        (" une remarque de l'auteur, sans verbe", None),
        ("", None),
    ],
)
def test_each_mark_is_read(line, mark):
    assert parse(line) == mark


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (" dipao (2): Titre", "marque inconnue : « dipao »"),
        (" réponse: Oui.", "marque inconnue : « réponse »"),
        (" puce", "« puce » attend un texte"),
        (" ensuite: plus tard", "« ensuite » ne prend pas de texte"),
        (" diapo: Sans durée", "attend sa durée"),
        (" ouverture", "attend sa durée"),
        (" puce (2): Un point.", "ne prend pas de durée"),
        (" puce Un point.", "il faut deux-points"),
        (" montrer: tout", "il faut « sortie » ou « code »"),
    ],
)
def test_a_bad_mark_says_what_is_wrong(line, said):
    with pytest.raises(MarkError, match=re.escape(said)):
        parse(line)


def test_the_guide_shows_real_marks():
    guide = (ROOT / "CONTRIBUER.md").read_text("utf-8")
    guide = guide[guide.index("## Marquer un diaporama") : guide.index("## Écrire un exercice")]
    marks = [parse(line) for line in re.findall(r"^%(.*)", guide, re.MULTILINE)]
    assert [mark.verb for mark in marks][:2] == ["diapo", "montrer"]
    explained = re.findall(
        r"`([a-z]+)[^`]*`", " ".join(re.findall(r"^\| `.*", guide, re.MULTILINE))
    )
    assert set(VERBS) <= set(explained)


def test_a_comment_is_found_where_it_stands():
    lines = ["% puce: a", "", "% puce: a", "% dire: b", "texte"]
    assert locate(lines, "puce: a", 0) == 1
    assert locate(lines, " puce: a\n dire: b", 1) == 3


CODE = '''\
#@save
def step(X, H):
    """Avance d'un pas.

    Page : rnn.
    """
    size = len(H)
    check_count(size=size)
    if X.ndim != 2:
        raise ValueError("forme")

    if H is None:
        H = 0
    return X + H


class Cell:
    def forward(self, x):
        return x
'''


def test_an_excerpt_keeps_the_idea():
    assert excerpt(CODE, "step") == "\n".join(
        ["def step(X, H):", "    if H is None:", "        H = 0", "    return X + H"]
    )
    assert excerpt(CODE, "Cell.forward, step").startswith("def forward(self, x):\n    return x\n\n")
    assert excerpt(CODE).startswith("def step")
    with pytest.raises(ExcerptError, match="« absent »"):
        excerpt(CODE, "absent")


# ---------- les diapositives


class FakeRenderer:
    """Rend le texte des nœuds, sans Sphinx."""

    def html(self, found):
        return " ".join(node.astext() for node in found)

    def inline(self, node):
        return node["rest"]

    def caption(self, node):
        return node, None


def cell(source="", output=None):
    """Une cellule, comme myst-nb la rend."""
    block = nodes.literal_block(source, source)
    parts = [nodes.container("", block, classes=["cell_input"])]
    if output is not None:
        printed = nodes.literal_block(output, output)
        parts.append(nodes.container("", printed, classes=["cell_output"]))
    return nodes.container("", *parts, classes=["cell"])


def build(*items):
    """Les diapositives d'une page faite de marques (des chaînes) et de blocs."""
    page, marks = nodes.section(), []
    for line, item in enumerate(items, 1):
        if isinstance(item, str):
            found = parse(item)
            item = diapo_mark(verb=found.verb, rest=found.text, minutes=found.minutes)
            item.line = line
            marks.append(item)
        page += item
    return diapositives.deck(marks, FakeRenderer(), "Titre")


OPENING = ("ouverture (1)", "question: Pourquoi ?", "dire: Une note.")


def test_a_deck_follows_its_marks():
    formula = nodes.math_block("x", "x")
    slides = build(
        *OPENING, "diapo (2): Deux", "puce: un", "puce: deux", "ensuite", "montrer", formula,
        "question: Alors ?", "reponse: Voilà.", "dire", nodes.paragraph("", "Au long."),
        "meprise: Non.",
    )  # fmt: skip
    first, second = slides
    assert first.title == "Titre"
    assert second.html() == "\n".join([
        '<ul class="puces">', "<li>un</li>", "<li>deux</li>", "</ul>",
        '<div class="bloc formule fragment" data-fragment-index="0">x</div>',
        '<p class="question fragment" data-fragment-index="0">Alors ?</p>',
        '<p class="reponse fragment" data-fragment-index="1">Voilà.</p>',
    ])  # fmt: skip
    assert second.notes == [
        ("dire", "Au long."), ("meprise", "<p><strong>Idée fausse.</strong> Non.</p>"),
    ]  # fmt: skip


def shown(*items):
    return build(*OPENING, "diapo (1): T", "dire: n", *items)[1].body


def test_a_cell_shows_its_code_or_its_output():
    two = cell("x = 1\ndef f():\n    return 2", "un\ndeux\ntrois\n")
    assert [c for _, c, _ in shown("montrer", two)] == [two.astext().split("\n\n")[0],
                                                         "un\ndeux\ntrois"]  # fmt: skip
    assert [c for _, c, _ in shown("montrer: code f", two)] == ["def f():\n    return 2"]
    assert [c for _, c, _ in shown("montrer: sortie 2-3", two)] == ["deux\ntrois"]
    kind, text, _ = shown("montrer: sortie", cell("", "mot " * 40))[0]
    assert kind.startswith("code sortie corps-")
    assert max(map(len, text.split("\n"))) <= blocs.WRAP


@pytest.mark.parametrize(
    ("items", "line", "said"),
    [
        (("puce: x",), 1, "commence par « ouverture »"),
        (("diapo (1): T",), 1, "commence par « ouverture »"),
        ((*OPENING, "ouverture (1)"), 4, "commence par « ouverture »"),
        ((*OPENING, "diapo (1): T", "dire: n"), 4, "cette diapositive est vide"),
        ((*OPENING, "diapo (1): T", "puce: x"), 4, "n'a pas de notes"),
        ((*OPENING, "montrer"), 4, "« montrer » : il n'y a rien après"),
        ((*OPENING, "dire"), 4, "« dire » : il n'y a rien après"),
        ((*OPENING, "montrer", nodes.section()), 4, "il n'y a rien après"),
        ((*OPENING, "ensuite"), 4, "« ensuite » : il n'y a rien après"),
        ((*OPENING, "montrer: sortie", nodes.paragraph("", "x")), 4, "n'est pas une cellule"),
        ((*OPENING, "montrer: sortie", cell("x")), 4, "n'a pas de sortie"),
        ((*OPENING, "montrer: code g", cell("x = 1")), 4, "« g » n'est pas défini"),
        ((*OPENING, "montrer: code", cell("x = 1\n" * 40)), 4, "trop pour une diapositive"),
    ],
)
def test_a_badly_marked_deck_says_where(items, line, said):
    with pytest.raises(DeckError, match=re.escape(said)) as error:
        build(*items)
    assert error.value.line == line


def test_the_address_of_the_site_comes_from_the_repository():
    assert (
        diapositives.site_address("")
        == diapositives.site_address("https://exemple.org/livre")
        == ""
    )
    address = diapositives.site_address("https://github.com/Une-Ecole/rnn")
    assert address == "https://une-ecole.github.io/rnn/"


def test_a_deck_waits_for_the_fonts_it_contains(site):
    faces = assembly.FACE.findall(assembly.fonts("<math>"))
    embedded = [face for face in faces if "data:font/woff2" in face]
    assert any("STIX Two Math" in face for face in embedded)
    assert all(re.search(r"font-display: (block|swap)", face) for face in embedded)


def test_a_script_cannot_close_the_page():
    assert assembly.script("'</script><!--'") == "<script>\n'<\\/script><\\!--'\n</script>"


# ---------- les fichiers


@pytest.fixture(scope="session")
def decks(site):
    """Le dossier des diaporamas, construits ou remis à jour."""
    return construct("diapos") / "diapos"


@pytest.fixture(scope="module")
def open_deck(browser, decks):
    """Ouvre un diaporama depuis le disque, réseau coupé, et note ce qui s'y passe mal."""
    contexts = []

    def visit(page, width=1280, height=720, scheme="light", query="", script=True):
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, offline=True,
            reduced_motion="reduce", locale="fr-FR", java_script_enabled=script,
        )  # fmt: skip
        contexts.append(context)
        tab = context.new_page()
        address = (decks / f"{page}.html").as_uri()
        tab.problems = []
        tab.on("console", lambda m: m.type in ("error", "warning") and tab.problems.append(m.text))
        tab.on("pageerror", lambda e: tab.problems.append(str(e)))
        tab.on("request", lambda r: r.url.startswith(("data:", address)) or tab.problems.append(
            r.url))  # fmt: skip
        tab.goto(address + query)
        if script and not query:
            tab.wait_for_function("() => Reveal.isReady()")
        return tab

    yield visit
    for context in contexts:
        context.close()


@pytest.fixture(scope="module", params=SECTIONS)
def deck(request, open_deck):
    tab = open_deck(request.param)
    tab.name = request.param
    yield tab
    tab.context.close()


def count(tab):
    return tab.evaluate("Reveal.getTotalSlides()")


def go(tab, index):
    """Montre une diapositive, réponses comprises ; attend sa figure, s'il y en a une."""
    tab.evaluate("(i) => Reveal.slide(i, 0, 99)", index)
    tab.wait_for_function(
        """() => { const box = Reveal.getCurrentSlide().querySelector('.figure-vivante');
                   return !box || box.classList.contains('prete'); }"""
    )


# Ce qui sort de la diapositive, ou de sa boîte, et ce qui est trop petit pour le fond d'une salle.
MEASURE = """(slide) => {
  const frame = slide.getBoundingClientRect(), scale = frame.width / 1280, found = [];
  const body = slide.querySelector('.corps').getBoundingClientRect();
  for (const node of slide.querySelectorAll('h1, h2, .corps *')) {
    if (node.closest('math *, .fixe, svg *, .d2l-fig *, .vive')) continue;
    const box = node.getBoundingClientRect(), style = getComputedStyle(node);
    if (!box.width) continue;
    const top = node.closest('.corps') ? body.top : frame.top;
    const out = box.left < frame.left + 20 * scale || box.right > frame.right - 20 * scale
      || box.top < top - 2 || box.bottom > frame.bottom - 24 * scale
      || node.scrollWidth > node.clientWidth + 2 && style.display === 'block';
    const least = { PRE: 18 }[node.tagName] ?? 24;
    const text = /^(H1|H2|P|LI|TD|TH|PRE)$/.test(node.tagName);
    const small = text && parseFloat(style.fontSize) < least;
    if (out || small) found.push(`${node.tagName}.${node.className} ${out ? 'sort' : 'petit'}`);
  }
  return found;
}"""


def test_the_deck_opens_alone(deck):
    assert deck.problems == []
    assert deck.locator("html").get_attribute("lang") == "fr"


def test_the_deck_tells_the_story_of_the_page(deck, site):
    tree = BeautifulSoup((site / f"{deck.name}.html").read_text("utf-8"), "html.parser")
    title = tree.select_one("article h1")
    title.select_one("a.headerlink").decompose()
    for number in title.select(".section-number"):
        number.decompose()
    assert 10 <= count(deck) <= 16
    slides = deck.locator(".slides > section")
    assert slides.first.locator("h1").inner_text().strip() == title.get_text().strip()
    assert slides.first.locator(".question").count() == 1
    assert deck.evaluate("document.querySelector('.slides > section:last-child h2').innerText")
    assert slides.last.locator("h2").text_content() == "À retenir"
    assert slides.locator("h2").count() == count(deck) - 1
    assert deck.locator("section .fragment").count() >= 2
    live = deck.locator(".figure-vivante").evaluate_all("(l) => l.map((n) => n.dataset.figure)")
    assert live == FIGURES[deck.name]
    ids = deck.evaluate("[...document.querySelectorAll('[id]')].map((node) => node.id)")
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)])
def test_nothing_overflows_and_all_can_be_read_from_afar(deck, size):
    deck.set_viewport_size({"width": size[0], "height": size[1]})
    found = deck.evaluate(
        f"""() => Reveal.getSlides().map((slide, i) => {{
          Reveal.slide(i, 0, 99);
          return ({MEASURE})(slide);
        }})"""
    )
    assert found == [[]] * count(deck)
    deck.set_viewport_size({"width": 1280, "height": 720})


def test_each_figure_comes_alive_and_fits(deck):
    for figure in deck.locator(".figure-vivante").all():
        go(deck, figure.evaluate("(n) => Reveal.getIndices(n.closest('section')).h"))
        live = figure.locator(".d2l-fig")
        live.wait_for()
        deck.wait_for_function(
            """(box) => box.querySelector('.d2l-fig').offsetHeight <= box.clientHeight + 1""",
            arg=figure.element_handle(),
        )
        assert move_a_control(deck, live)
        deck.keyboard.press("Escape")
        before = deck.evaluate("Reveal.getIndices().h")
        live.locator("input, button").first.focus()
        deck.keyboard.press("PageDown")  # une télécommande avance, même depuis une figure
        assert deck.evaluate("Reveal.getIndices().h") == before + 1


def test_every_slide_has_notes_in_french_typography(deck):
    html = deck.evaluate("document.querySelector('.slides').outerHTML")
    slides = BeautifulSoup(html, "html.parser").select(".slides > section")
    for slide in slides:
        notes = slide.select_one("aside.notes")
        assert len(notes.get_text().split()) > 15, slide.h2
        assert re.search(r"^\d+ minutes?$", notes.select_one(".note-duree").get_text())
        for block in slide.select("pre, code, math, svg, .vive, .fixe"):
            block.decompose()
        wrong = re.findall(r".{20}(?:\w [;!?]|« \w|\w »|\w'\w).{10}", slide.get_text(" "))
        assert not wrong


def test_no_link_is_dead(deck):
    links = deck.locator("a[href]").evaluate_all("(l) => l.map((n) => n.getAttribute('href'))")
    assert all(re.match(r"https?:|#/|\?print-pdf", link) for link in links), links


ENGLISH = re.compile(
    r"\b(slides?|next|previous|speaker|resume|pause|toggle|help|loading|upcoming|fullscreen|jump|"
    r"overview|close|above|below|the|of|notes on)\b",
    re.IGNORECASE,
)


def test_the_interface_speaks_french(deck):
    words = deck.evaluate(
        """() => [...document.querySelectorAll('body *')]
          .filter((node) => !node.closest('.slides, script, .aria-status'))
          .flatMap((node) => [...node.attributes].filter((a) =>
              /^(aria-label|title|placeholder|alt|data-prompt)$/.test(a.name)).map((a) => a.value)
            .concat([...node.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data)))"""
    )
    assert "Aide : les touches" in words
    assert "Diapositive suivante" in words
    assert not [text for text in words if ENGLISH.search(text)]


def test_the_page_of_the_site_shows_nothing_of_it(decks, site):
    for page in SECTIONS:
        text = (site / f"{page}.html").read_text("utf-8")
        source = (ROOT / "book" / f"{page}.md").read_text("utf-8")
        spoken = re.findall(r"^% (?:dire|demander|meprise): (.{40})", source, re.MULTILINE)
        assert len(spoken) > 20
        assert not re.search(r"% (?:diapo|puce|dire|montrer)|note-dire", text)
        for words in spoken:
            plain = words.replace("'", "’")
            if not re.search(r"[$*`{:;?!«»]", plain) and source.count(words) == 1:
                assert plain not in text, plain


def test_the_answer_waits_for_the_next_key(open_deck):
    tab = open_deck("rnn")
    tab.evaluate("Reveal.slide(1)")
    output = tab.locator("section.present .bloc.sortie")
    assert not output.is_visible()
    tab.keyboard.press("ArrowRight")
    output.wait_for()
    assert tab.evaluate("Reveal.getIndices().h") == 1


def test_the_speaker_has_a_window_of_their_own(open_deck):
    tab = open_deck("rnn")
    with tab.context.expect_page() as popup:
        tab.keyboard.press("s")
    speaker = popup.value
    assert speaker.locator("html").get_attribute("lang") == "fr"
    shown = speaker.locator(".orateur")
    assert "Faites-la lire" in shown.inner_text() or "faites-la lire" in shown.inner_text()
    assert speaker.locator(".apercu.ici h1").count() == 1
    assert speaker.locator(".apercu.apres h2").text_content() == "Un réseau sans mémoire"
    assert speaker.locator(".place").inner_text() == "1 / 16"
    speaker.keyboard.press("ArrowRight")
    assert tab.evaluate("Reveal.getIndices().h") == 1
    assert speaker.locator(".place").inner_text() == "2 / 16"
    assert not [w for w in shown.locator("button, h2, header span").all_inner_texts()
                if ENGLISH.search(w)]  # fmt: skip
    assert tab.problems == []


def test_notes_theme_and_help_have_their_keys(open_deck):
    tab = open_deck("sequence")
    tab.keyboard.press("n")
    panel = tab.locator(".panneau")
    assert "un homme grand" in panel.inner_text()
    tab.keyboard.press("ArrowRight")
    assert "Figure 1.1" in panel.inner_text()
    tab.keyboard.press("n")
    assert not panel.is_visible()
    tab.keyboard.press("t")
    assert tab.locator("html").get_attribute("data-theme") == "dark"
    tab.keyboard.press("?")
    assert tab.locator("dialog.aide").is_visible()
    tab.keyboard.press("Escape")
    assert not tab.locator("dialog.aide").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_slides_are_accessible(open_deck, scheme):
    tab = open_deck("rnn", scheme=scheme)
    assert tab.locator("html").get_attribute("data-theme") == scheme
    for index in (0, 1, 4, 11, 13):
        go(tab, index)
        context = "section.present" if index else None  # la première fois, toute la page
        violations = Axe().run(tab, context=context).response["violations"]
        assert not violations, [
            (index, v["id"], v["help"], [n["html"][:160] for n in v["nodes"][:3]])
            for v in violations
        ]


@pytest.mark.parametrize("query", ["?print-pdf", "?print-pdf&notes"])
def test_a_deck_prints_one_slide_per_page(open_deck, query):
    tab = open_deck("bptt", query=query)
    tab.wait_for_function("() => document.querySelectorAll('.slides > .pdf-page').length === 16")
    assert tab.locator(".speaker-notes-pdf").count() == (16 if "notes" in query else 0)
    slides = tab.locator(".pdf-page section").all()
    assert [slide.evaluate(MEASURE) for slide in slides] == [[]] * 16
    printed = tab.pdf(prefer_css_page_size=True, print_background=True)
    pages = len(re.findall(rb"/Type /Page\b", printed))
    assert pages == (32 if "notes" in query else 16)


def test_without_script_the_text_is_there(open_deck):
    tab = open_deck("rnn", script=False)
    for index, slide in enumerate(tab.locator(".slides > section").all()):
        assert slide.is_visible(), index
        assert slide.locator("h1, h2").is_visible()
        assert slide.locator("aside.notes").is_visible()
    assert tab.locator(".reponse").first.is_visible()


def test_the_list_leads_to_every_deck(browser, decks):
    tab = browser.new_page()
    tab.goto((decks / "index.html").as_uri())
    links = tab.locator("li a").evaluate_all("(l) => l.map((n) => n.getAttribute('href'))")
    assert links == [f"{page}.html" for page in SECTIONS]
    assert all((decks / link).is_file() for link in links)
    assert not Axe().run(tab).response["violations"]
    tab.close()


def test_up_to_date_decks_are_left_alone(decks):
    before = {path: path.stat().st_mtime_ns for path in decks.iterdir()}
    run = subprocess.run(
        [sys.executable, "-m", "outils", "diapos"], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0
    assert "Les diaporamas sont à jour. Ouvrez" in run.stdout
    assert {path: path.stat().st_mtime_ns for path in decks.iterdir()} == before


def test_slides_are_kept_page_by_page(decks):
    for page in SECTIONS:
        data = json.loads((assembly.SLIDES / f"{page}.json").read_text("utf-8"))
        assert all(slide["minutes"] in (1, 2, 3) for slide in data["diapos"])
