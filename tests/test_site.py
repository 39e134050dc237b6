"""Le site construit, dans un vrai navigateur."""

import functools
import re
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest
from bs4 import BeautifulSoup

from conftest import PAGES, SECTIONS

ALL = [*PAGES, "search", "genindex", "404"]
# Ce que le thème et ses extensions disent en anglais quand une traduction manque.
ENGLISH = re.compile(
    r"\b(Search|Skip to|Back to top|Next|Previous|Toggle|Permalink|Copy|Copied|Contents|Download|"
    r"Fullscreen|Click to|Show|Hide|Exercise|Light|Dark|system settings|Color mode|Source|Table of|"
    r"By the|Built with|Created using|Please activate|Index page|Open|Close|Menu bar|Launch|"
    r"Print to|Repository|Suggest edit|Edit this page|Link to)\b"
)


@functools.cache
def ids(site, page):
    return [e["id"] for e in soup(site, page).find_all(id=True)]


def soup(site, page):
    return BeautifulSoup((site / f"{page}.html").read_text("utf-8"), "html.parser")


@pytest.fixture
def visit(browser, served):
    """Ouvre une page et note ce qui s'y passe mal."""
    contexts = []

    def open_page(page, width=1280, height=900, scheme="light", script=True):
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme,
            java_script_enabled=script, reduced_motion="reduce", locale="fr-FR",
        )  # fmt: skip
        contexts.append(context)
        tab = context.new_page()
        tab.problems, tab.requests = [], []
        tab.on("console", lambda m: m.type in ("error", "warning") and tab.problems.append(m.text))
        tab.on("pageerror", lambda e: tab.problems.append(str(e)))
        tab.on("request", lambda r: tab.requests.append(r.url))
        tab.on("requestfailed", lambda r: tab.problems.append(f"échec : {r.url}"))
        tab.on("response", lambda r: r.status >= 400 and tab.problems.append(f"{r.status} {r.url}"))
        tab.goto(f"{served}{page}.html", wait_until="networkidle")
        return tab

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("page", ALL)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_opens_without_error_or_foreign_request(visit, served, page, scheme):
    tab = visit(page, scheme=scheme)
    assert tab.problems == []
    hosts = {urlsplit(u).netloc for u in tab.requests if urlsplit(u).scheme.startswith("http")}
    assert hosts == {urlsplit(served).netloc}
    assert tab.locator("html").get_attribute("lang") == "fr"


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_nothing_overflows_sideways(visit, page, width):
    tab = visit(page, width=width)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("page", ALL)
def test_links_and_images_exist(site, page):
    for tag, attribute in (("a", "href"), ("img", "src"), ("link", "href"), ("script", "src")):
        for element in soup(site, page).find_all(tag, **{attribute: True}):
            target, fragment = urldefrag(urljoin(f"/{page}.html", element[attribute]))
            parts = urlsplit(target)
            if parts.scheme or parts.netloc or "searchbox" in element[attribute]:
                continue
            path = site / unquote(parts.path).lstrip("/")
            path = path / "index.html" if path.is_dir() else path
            assert path.is_file(), f"{page} : {element[attribute]}"
            if fragment and path.suffix == ".html":
                assert unquote(fragment) in ids(site, path.stem), f"{page} : {element[attribute]}"


@pytest.mark.parametrize("page", ALL)
def test_ids_are_unique(site, page):
    found = ids(site, page)
    assert sorted({i for i in found if found.count(i) > 1}) == []


@pytest.mark.parametrize("page", ALL)
def test_the_interface_speaks_french(site, page):
    tree = soup(site, page)
    for block in tree.select(
        "script, style, code, pre, .bibtex-citation, .citation, cite, em, dl, svg"
    ):
        block.decompose()
    shown = [tree.get_text(" ")]
    for attribute in (
        "title",
        "aria-label",
        "placeholder",
        "alt",
        "data-bs-title",
        "data-bs-original-title",
    ):
        shown += [e[attribute] for e in tree.find_all(attrs={attribute: True})]
    found = sorted({m[0] for text in shown for m in ENGLISH.finditer(text)})
    assert not found


@pytest.mark.parametrize("page", PAGES)
def test_formulas_and_typography(site, page):
    tree = soup(site, page)
    article = tree.select_one("article")
    captions = [c.extract() for c in article.select(".cell_output figcaption")]
    for block in article.select("pre, code, math, svg, .cell_output, .math, script, style"):
        block.decompose()
    for caption in captions:
        for block in caption.select("math"):
            block.decompose()
    text = " ".join(part.get_text() for part in [article, *captions])
    wrong = re.findall(r".{20}(?:\w [;!?]|« \w|\w »|\w'\w).{10}", text)
    assert not wrong


@pytest.mark.parametrize("page", SECTIONS)
def test_the_page_offers_its_notebook(site, page):
    links = [a["href"] for a in soup(site, page).find_all("a", href=True)]
    assert f"notebooks/{page}.ipynb" in links
    assert not any("colab" in link for link in links), "Colab sans dépôt configuré"


@pytest.mark.parametrize("page", SECTIONS)
def test_questions_answer_by_keyboard_and_without_script(visit, page):
    tab = visit(page, script=False)
    choice = tab.locator("details.choix").first
    assert not choice.locator(".verdict").is_visible()
    choice.locator("summary").focus()
    tab.keyboard.press("Enter")
    assert choice.locator(".verdict").inner_text() in ("Juste.", "Faux.")
    assert choice.locator(".question-pourquoi").is_visible()


@pytest.mark.parametrize("page", SECTIONS)
def test_solutions_are_folded_and_open(visit, page):
    tab = visit(page)
    solution = tab.locator("details.solution").first
    assert solution.get_attribute("open") is None
    solution.locator("> summary").click()
    assert solution.get_attribute("open") is not None


def test_every_exercise_in_the_page_was_found_right(site):
    for page in SECTIONS:
        verdicts = soup(site, page).select(".d2l-verdict")
        assert verdicts
        assert all("✓" in v.get_text() for v in verdicts), page


def test_dark_mode_changes_the_figures(visit):
    colors = set()
    for scheme in ("light", "dark"):
        tab = visit("sequence", scheme=scheme)
        colors.add(
            tab.evaluate(
                """() => {
                  const path = document.querySelector('.figure-svg svg path[style*="--c-"]');
                  return getComputedStyle(path).stroke + getComputedStyle(document.body).color;
                }"""
            )
        )
    assert len(colors) == 2


def test_an_unknown_address_gets_the_french_page(site):
    text = (site / "404.html").read_text("utf-8")
    assert "Cette page n’existe pas" in text
    assert "{{" not in text
    assert "http" not in re.sub(r'xmlns="[^"]+"', "", text)
