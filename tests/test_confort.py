"""Le confort du lecteur : sa place, ses réponses, les définitions, la copie, le sommaire."""

import pytest


@pytest.fixture
def tab(browser, served):
    context = browser.new_context(
        viewport={"width": 1400, "height": 900}, reduced_motion="reduce", locale="fr-FR",
        permissions=["clipboard-read", "clipboard-write"],
    )  # fmt: skip
    page = context.new_page()
    page.problems = []
    page.on("console", lambda m: m.type in ("error", "warning") and page.problems.append(m.text))
    page.on("pageerror", lambda e: page.problems.append(str(e)))
    page.goto(f"{served}rnn.html")
    yield page
    assert page.problems == []
    context.close()


def read_until(tab, heading):
    """Descend jusqu'à un titre, comme un lecteur, et attend que la place soit gardée."""
    tab.evaluate("(id) => document.getElementById(id).scrollIntoView()", heading)
    tab.wait_for_function(
        "(id) => JSON.parse(localStorage.getItem('place:rnn.html') ?? '{}').id === id", arg=heading
    )


@pytest.fixture
def heading(tab):
    return tab.locator("main section section[id]").nth(2).get_attribute("id")


def test_the_place_is_offered_when_the_reader_comes_back(tab, served, heading):
    assert tab.locator(".reprendre").count() == 0
    read_until(tab, heading)
    tab.goto(f"{served}rnn.html")
    tab.reload()
    link = tab.locator(".reprendre a")
    assert tab.evaluate("scrollY") == 0 or link.is_visible()
    link.click()
    assert tab.url.endswith(f"#{heading}")
    assert tab.locator(".reprendre").count() == 0
    tab.goto(f"{served}index.html")
    assert "rnn.html#" in tab.locator(".reprendre a").get_attribute("href")


def test_an_opened_answer_stays_open_and_can_be_forgotten(tab):
    choice = tab.locator("details.choix").nth(1)
    choice.locator("summary").click()
    tab.wait_for_function("() => localStorage.getItem('reponses:rnn.html') !== null")
    tab.reload()
    assert tab.locator("details.choix[open]").count() == 1
    assert tab.locator("details.choix").nth(1).get_attribute("open") is not None
    tab.click("details.reglages > summary")
    tab.click(".oublier")
    assert tab.locator("details.choix[open]").count() == 0
    tab.reload()
    assert tab.locator("details.choix[open]").count() == 0


def test_what_is_remembered_stays_here(tab, heading):
    asked = []
    tab.on("request", lambda r: asked.append(r.method))
    read_until(tab, heading)
    tab.locator("details.choix summary").first.click()
    assert "POST" not in asked
    assert tab.context.cookies() == []


def test_a_reader_who_refuses_memory_still_reads(browser, served):
    context = browser.new_context()
    context.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new Error('refusé'); } })"
    )
    page = context.new_page()
    problems = []
    page.on("pageerror", lambda e: problems.append(str(e)))
    page.goto(f"{served}rnn.html")
    page.click("details.reglages > summary")
    page.check("input[value=dark]")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.locator("details.choix summary").first.click()
    assert problems == []
    context.close()


def test_a_definition_comes_at_the_word_and_goes(tab):
    term = tab.locator('article a[href*="glossaire.html#term-"]').first
    term.scroll_into_view_if_needed()
    term.hover()
    bubble = tab.locator(".definition")
    bubble.wait_for(state="visible")
    assert len(bubble.inner_text()) > 30
    assert term.get_attribute("aria-describedby") == "definition"
    box = bubble.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 1400
    bubble.hover()  # on peut y aller sans qu'elle parte
    tab.wait_for_timeout(500)
    assert bubble.is_visible()
    tab.keyboard.press("Escape")
    assert not bubble.is_visible()


def test_a_finger_sees_the_definition_first_and_follows_next(browser, served):
    context = browser.new_context(viewport={"width": 360, "height": 700}, has_touch=True)
    page = context.new_page()
    page.goto(f"{served}rnn.html")
    term = page.locator('article a[href*="glossaire.html#term-"]').first
    term.scroll_into_view_if_needed()
    term.tap()
    page.locator(".definition").wait_for(state="visible")
    assert "rnn.html" in page.url
    term.tap()
    page.wait_for_url("**/glossaire.html#term-*")
    context.close()


def test_every_term_of_the_pages_has_its_definition(site):
    import json
    import re

    text = (site / "_static" / "definitions.js").read_text("utf-8")
    known = json.loads(text.removeprefix("d2lDefinitions(").strip().removesuffix(");"))
    for path in site.glob("*.html"):
        for name in re.findall(r'glossaire\.html#(term-[^"]+)"', path.read_text("utf-8")):
            assert name in known, f"{path.stem} : {name}"
    assert all("<a" not in meaning and "id=" not in meaning for meaning in known.values())


def test_the_code_is_copied_as_it_is(tab):
    block = tab.locator("div.cell_input div.highlight").first
    code = block.locator("pre").inner_text()
    block.hover()
    block.locator("button.copier").click()
    assert block.locator("button.copier").inner_text() == "Copié"
    assert tab.evaluate("navigator.clipboard.readText()").strip() == code.strip()


def test_the_contents_follow_the_reader(tab, heading):
    read_until(tab, heading)
    current = tab.locator('.sommaire a[aria-current="location"]')
    assert current.count() == 1
    assert current.get_attribute("href") == f"#{heading}"


def test_neighbouring_pages_are_named(tab):
    assert "Modèles de langage" in tab.locator(".suite .precedente").inner_text()
    assert "À la main" in tab.locator(".suite .suivante").inner_text()


@pytest.mark.parametrize("page", ["index", "bptt", "glossaire"])
def test_nothing_jumps_while_a_page_loads(browser, served, page):
    context = browser.new_context(viewport={"width": 412, "height": 823}, locale="fr-FR")
    tab = context.new_page()
    tab.add_init_script(
        """window.sauts = 0;
        new PerformanceObserver((list) => {
          for (const e of list.getEntries()) if (!e.hadRecentInput) window.sauts += e.value;
        }).observe({ type: 'layout-shift', buffered: true });"""
    )
    tab.goto(f"{served}{page}.html", wait_until="networkidle")
    for _ in range(6):
        tab.mouse.wheel(0, 700)
        tab.wait_for_timeout(120)
    assert tab.evaluate("window.sauts") < 0.05
    context.close()


def test_paper_shows_everything_and_no_furniture(browser, served):
    context = browser.new_context()
    tab = context.new_page()
    tab.goto(f"{served}rnn.html")
    tab.emulate_media(media="print")
    for selector in (".entete", "#menu", ".sommaire", ".pied", ".suite"):
        assert not tab.locator(selector).first.is_visible(), selector
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert tab.locator("details.choix .verdict").first.is_visible()
    assert tab.locator("article details:not([open])").count() == 0
    tab.evaluate("dispatchEvent(new Event('afterprint'))")
    assert tab.locator("details.choix[open]").count() == 0
    context.close()
