"""Une page ouverte par le haut compose le reste au premier geste, sans que rien ne bouge."""

import pytest

from conftest import PAGES, with_its_fonts

LAST = "[...document.querySelectorAll('article > section > section')].at(-1)"
LAID = f"() => {LAST}.querySelector('p').checkVisibility({{contentVisibilityAuto: true}})"
READY = "html[data-pret]"
# Un texte que l'écran montre, une fois qu'il le montre ; puis l'endroit où il est.
SHOWN = """() => {
  for (let y = 120; y < innerHeight - 60; y += 20) {
    const found = document.elementFromPoint(innerWidth / 2, y);
    window.repere = found?.closest("article :is(h2, h3, p, li)");
    if (window.repere?.checkVisibility({contentVisibilityAuto: true})) return true;
  }
}"""
PLACE = "() => window.repere.getBoundingClientRect().top"


@pytest.fixture(params=[1280, 360])
def tab(browser, site, request):
    context = browser.new_context(viewport={"width": request.param, "height": 800})
    with_its_fonts(context, site)
    page = context.new_page()
    page.set_default_timeout(60_000)
    yield page
    context.close()


def test_the_far_parts_wait_for_the_first_gesture(tab, served):
    tab.goto(f"{served}bptt.html")
    assert tab.locator("html.haut").count() == 1
    assert not tab.evaluate(LAID)
    tab.keyboard.press("ArrowDown")
    tab.wait_for_selector(READY, state="attached")
    assert tab.locator("html.haut").count() == 0
    assert tab.evaluate(LAID)


@pytest.mark.parametrize("way", [300, 1400, 15_000])
def test_what_is_on_screen_does_not_move_while_the_rest_is_laid_out(tab, served, way):
    tab.goto(f"{served}bptt.html")
    tab.evaluate("(way) => scrollTo(0, way)", way)
    tab.wait_for_function(SHOWN)
    before = tab.evaluate(PLACE)
    tab.wait_for_selector(READY, state="attached")
    assert tab.evaluate(PLACE) == pytest.approx(before, abs=2)


def test_the_end_key_leads_to_the_end(tab, served):
    tab.goto(f"{served}bptt.html")
    tab.keyboard.press("End")
    tab.wait_for_selector(READY, state="attached")
    foot = "document.querySelector('footer').getBoundingClientRect()"
    tab.wait_for_function(f"() => {foot}.top > 0 && {foot}.top < innerHeight")


def test_a_link_in_the_page_leads_to_the_very_place(tab, served):
    tab.goto(f"{served}bptt.html")
    link = tab.locator("article a.headerlink").last
    anchor = link.get_attribute("href")
    link.dispatch_event("click")
    tab.wait_for_function("() => scrollY > 1000")
    top = tab.evaluate(
        "(id) => document.getElementById(id).getBoundingClientRect().top", anchor[1:]
    )
    tab.wait_for_selector(READY, state="attached")
    tab.reload()
    straight = tab.locator(anchor).evaluate(
        "(target) => { target.scrollIntoView(); return target.getBoundingClientRect().top; }"
    )
    assert top == pytest.approx(straight, abs=2)


def test_a_page_opened_elsewhere_is_laid_out_at_once(tab, served):
    tab.goto(f"{served}bptt.html#exercices")
    assert tab.locator("html.haut").count() == 0
    tab.goto(f"{served}rnn.html")
    tab.reload()
    assert tab.locator("html.haut").count() == 0


def test_the_parts_have_the_same_height_both_ways(tab, served):
    # Une police que seule une rubrique emploie n'est demandée qu'une fois la rubrique composée.
    heights = (
        "() => document.fonts.ready.then(() =>"
        " [...document.querySelectorAll('article > section > section')]"
        ".map((part) => Math.round(part.getBoundingClientRect().height)))"
    )
    tab.goto(f"{served}rnn.html")
    tab.evaluate("dispatchEvent(new Event('scroll'))")
    tab.wait_for_selector(READY, state="attached")
    progressive = tab.evaluate(heights)
    tab.reload()
    tab.wait_for_selector(READY, state="attached")
    assert tab.evaluate(heights) == progressive


@pytest.mark.parametrize("fonts", ["celles du livre", "celles du système"])
def test_the_place_kept_for_a_part_is_never_too_small(browser, served, site, fonts):
    """Même à 320 px, la largeur la plus étroite, et rubriques toutes composées."""
    context = browser.new_context(viewport={"width": 320, "height": 800})
    if fonts == "celles du livre":
        with_its_fonts(context, site)
    else:
        context.route("**/*.woff2", lambda route: route.abort())
    tab = context.new_page()
    heights = (
        "() => [...document.querySelectorAll('article > section > section')].map((part) =>"
        " [part.id, parseFloat(part.style.getPropertyValue('--h')),"
        " part.getBoundingClientRect().height / parseFloat(getComputedStyle(part.ownerDocument"
        ".documentElement).fontSize)])"
    )
    seen = 0
    for page in PAGES:
        tab.goto(f"{served}{page}.html#contenu")
        for part, place, height in tab.evaluate(heights):
            assert place >= height, f"{page}#{part}"
            seen += 1
    context.close()
    assert seen > 100
