"""L'accessibilité, page par page et état par état : axe, la norme HTML, et le clavier seul."""

import json
import subprocess

import pytest
from axe_playwright_python.sync_playwright import Axe

from conftest import FIGURES, PAGES, ROOT, shown
from outils import chantier, npm

ALL = [*PAGES, "search", "genindex"]
# WCAG 2.2 A et AA, et les bonnes pratiques d'axe.
AXE = Axe()


@pytest.fixture
def open_page(browser, served):
    """Ouvre une page dans des couleurs choisies, comme un lecteur qui les a gardées."""
    contexts = []

    def go(page, colors="light", width=1280, fragment=""):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, reduced_motion="reduce", locale="fr-FR",
            color_scheme="dark" if colors == "dark" else "light",
        )  # fmt: skip
        contexts.append(context)
        if colors == "sepia":
            context.add_init_script("localStorage.setItem('couleurs', 'sepia')")
        tab = context.new_page()
        tab.problems = []
        tab.on("console", lambda m: m.type in ("error", "warning") and tab.problems.append(m.text))
        tab.on("pageerror", lambda e: tab.problems.append(str(e)))
        tab.goto(f"{served}{page}.html{fragment}", wait_until="load")
        return tab

    yield go
    for context in contexts:
        context.close()


def violations(tab, rules=None, within=None):
    """Ce que relève axe ; ``rules`` ne garde que ces règles, ``within`` que cet élément."""
    options = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = {"type": "rule", "values": rules}
    found = AXE.run(tab, context=within, options=options).response["violations"]
    return [(v["id"], v["help"], [n["html"][:200] for n in v["nodes"][:3]]) for v in found]


# Deux textes que les mêmes balises entourent, de mêmes classes et de mêmes couleurs, ont le même
# contraste : axe n'en mesure qu'un.
SAMPLE = """() => {
  const seen = new Set(), paths = new Map([[document.body, ""]]);
  const path = (e) => {
    if (!paths.has(e)) {
      const { color, backgroundColor, fill } = getComputedStyle(e);
      const own = [e.localName, ...[...e.classList].sort(), color, backgroundColor, fill];
      paths.set(e, `${path(e.parentElement)} > ${own.join(" ")}`);
    }
    return paths.get(e);
  };
  for (const text of document.querySelectorAll("body *")) {
    if (![...text.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) continue;
    if (!seen.has(path(text))) text.dataset.echantillon = "";
    seen.add(path(text));
  }
}"""


@pytest.mark.parametrize("page", ALL)
def test_axe_finds_nothing_with_everything_open(open_page, page):
    tab = open_page(page)
    tab.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    # Au premier geste, le script compose toute la page et mesure au repos ce qui défile ; tout est
    # ouvert, il recommence.
    tab.keyboard.press("ArrowDown")
    tab.wait_for_selector("html[data-pret]", state="attached")
    tab.evaluate("delete document.documentElement.dataset.pret; dispatchEvent(new Event('resize'))")
    tab.wait_for_selector("html[data-pret]", state="attached")
    assert violations(tab) == []
    # D'une couleur à l'autre, rien ne change que les contrastes.
    tab.evaluate(SAMPLE)
    for colors in ("dark", "sepia"):
        tab.evaluate("(colors) => { document.documentElement.dataset.theme = colors; }", colors)
        found = violations(tab, ["color-contrast"], {"include": [["[data-echantillon]"]]})
        assert found == [], colors


@pytest.mark.parametrize("colors", ["light", "sepia", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing_in_what_opens(open_page, colors, width):
    tab = open_page("bptt", colors, width)
    # Axe relit toute la page à chaque fois : de l'article, qu'on ne juge pas ici, un terme suffit.
    tab.evaluate(
        """() => {
          const term = document.querySelector('article a[href*="glossaire.html#term-"]');
          for (const section of document.querySelectorAll('article > section > section')) {
            if (!section.contains(term)) section.remove();
          }
        }"""
    )
    if width == 360:
        tab.click(".bouton-menu")
        assert violations(tab, within="#menu") == []
        tab.keyboard.press("Escape")
    for box in ("details.volet >> nth=0", "details.reglages"):
        tab.click(f"{box} >> summary")
        assert violations(tab, within=".entete") == []
        tab.keyboard.press("Escape")
    term = tab.locator('article a[href*="glossaire.html#term-"]').first
    term.hover()
    tab.wait_for_selector(".definition:not([hidden])")
    assert violations(tab, within=".definition") == []
    tab.keyboard.press("Escape")
    assert not tab.locator(".definition").is_visible()
    tab.keyboard.press("/")
    tab.wait_for_selector("dialog.recherche[open]")  # la première fois, le script se charge
    tab.keyboard.type("gradient")
    tab.wait_for_selector("dialog.recherche li")
    assert violations(tab, within="dialog.recherche") == []


@pytest.fixture(scope="session")
def validator(site):
    """html-validate, installé par npm dans _build."""
    folder = chantier.BUILD / "npm-tests"
    lock = (ROOT / "tests" / "npm" / "package-lock.json").read_text("utf-8")
    done = folder / ".fait"
    if not done.is_file() or done.read_text("utf-8") != lock:
        run = npm.install(ROOT / "tests" / "npm", folder)
        assert run.returncode == 0, run.stdout + run.stderr
        done.write_text(lock, "utf-8")
    rules = {
        "no-inline-style": "off",  # les SVG incorporés portent leurs couleurs en attribut
        "void-style": "off",  # « <br /> » et « <br> » se valent
        "no-trailing-whitespace": "off",  # les sorties des cellules sont ce qu'elles sont
    }
    settings = {"extends": ["html-validate:standard"], "root": True, "rules": rules}
    (folder / ".htmlvalidate.json").write_text(json.dumps(settings), "utf-8")
    return folder


def test_the_html_is_valid(validator, site):
    pages = [str(path) for path in sorted(site.glob("*.html"))]
    assert len(pages) >= len(ALL)
    command = [npm.program("node"), "node_modules/html-validate/bin/html-validate.mjs"]
    # Dans un fichier : un long rapport serait coupé dans un tube.
    run = subprocess.run(
        [*command, "--config", ".htmlvalidate.json", "--formatter", "json=rapport.json", *pages],
        cwd=validator,
        capture_output=True,
    )
    assert run.returncode in (0, 1), run.stderr
    found = [
        f"{report['filePath'].rpartition('/')[2]}:{m['line']} {m['ruleId']} : {m['message']}"
        for report in json.loads((validator / "rapport.json").read_text("utf-8"))
        for m in report["messages"]
    ]
    assert found == []


# ---------- le clavier seul


def focused(tab):
    """L'élément qui a le focus, et s'il se voit : cadre, ombre ou contour."""
    return tab.evaluate(
        """() => {
          const e = document.activeElement, s = getComputedStyle(e), b = e.getBoundingClientRect();
          const ring = s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0;
          return {
            tag: e.tagName, text: (e.textContent || e.value || '').trim().slice(0, 60),
            seen: ring || s.boxShadow !== 'none', inside: b.bottom > 0 && b.top < innerHeight,
          };
        }"""
    )


def tab_to(tab, selector, limit=400):
    """Avance à la tabulation jusqu'à l'élément."""
    for _ in range(limit):
        tab.keyboard.press("Tab")
        if tab.evaluate("(s) => document.activeElement.matches(s)", selector):
            return
    raise AssertionError(f"le clavier n'atteint pas « {selector} »")


def test_a_reader_needs_only_the_keyboard(open_page):
    tab = open_page("sequence")
    tab.keyboard.press("Tab")
    assert focused(tab)["text"] == "Aller au contenu"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "contenu"
    # Une question : ouvrir un choix, lire son verdict.
    tab_to(tab, "details.choix > summary")
    assert focused(tab)["seen"] and focused(tab)["inside"]
    tab.keyboard.press("Enter")
    assert tab.locator("details.choix[open] .verdict").first.is_visible()
    # Les couleurs.
    tab.keyboard.press("Control+Home")
    tab.evaluate("document.querySelector('.titre-livre').focus()")
    tab_to(tab, "details.reglages > summary")
    tab.keyboard.press("Enter")
    tab.keyboard.press("Tab")
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("ArrowDown")
    assert tab.evaluate("document.documentElement.dataset.theme") == "sepia"
    tab.keyboard.press("Escape")
    assert tab.evaluate("document.activeElement.matches('details.reglages > summary')")
    tab.reload()
    assert tab.evaluate("document.documentElement.dataset.theme") == "sepia"
    # La recherche : ouvrir, taper, descendre, suivre.
    tab.keyboard.press("Control+K")
    tab.wait_for_selector("dialog.recherche[open]")
    tab.keyboard.type("perplexité")
    tab.wait_for_selector("dialog.recherche li a")
    tab.keyboard.press("ArrowDown")
    assert focused(tab)["tag"] == "A"
    tab.keyboard.press("Enter")
    tab.wait_for_url(lambda url: "sequence.html" not in url)
    assert tab.problems == []


@pytest.mark.parametrize(("page", "name"), [(p, n) for p, names in FIGURES.items() for n in names])
def test_a_figure_moves_by_keyboard_alone(open_page, page, name):
    tab = open_page(page)
    figure = tab.locator(f'.figure-vivante[data-figure="{name}"]')
    figure.scroll_into_view_if_needed()
    tab.wait_for_selector(f'.figure-vivante[data-figure="{name}"].prete')
    root = figure.locator(".d2l-fig")
    before = shown(root)
    # On entre dans la figure par la touche Tab, depuis ce qui la précède.
    tab.evaluate(
        """(name) => {
          const box = document.querySelector(`.figure-vivante[data-figure="${name}"]`);
          const anchor = document.createElement('a');
          anchor.tabIndex = -1;
          box.before(anchor);
          anchor.focus();
        }""",
        name,
    )
    for _ in range(25):
        tab.keyboard.press("Tab")
        if not tab.evaluate("document.activeElement.closest('.d2l-fig') !== null"):
            break
        assert focused(tab)["seen"] or tab.evaluate(
            "document.activeElement.matches('input')"  # son cadre est sur l'étiquette
        )
        for key in ("ArrowRight", "ArrowLeft", "Space", "a"):
            tab.keyboard.press(key)
            if shown(root) != before:
                return
    raise AssertionError("aucune touche ne change la figure")


def test_the_menu_of_small_screens_opens_and_closes_by_keyboard(open_page):
    tab = open_page("rnn", width=360)
    assert not tab.locator("#menu").is_visible()
    tab_to(tab, ".bouton-menu", 5)
    tab.keyboard.press("Enter")
    assert tab.locator("#menu").is_visible()
    assert tab.evaluate("document.activeElement.closest('#menu') !== null")
    tab.keyboard.press("Escape")
    assert not tab.locator("#menu").is_visible()
    assert tab.evaluate("document.activeElement.matches('.bouton-menu')")


@pytest.mark.parametrize("page", ["bptt", "notations", "devoirs", "search"])
def test_text_at_twice_its_size_still_fits(open_page, page):
    tab = open_page(page)
    tab.evaluate("document.documentElement.style.fontSize = '212%'")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 1280
    cut = tab.evaluate(
        """() => [...document.querySelectorAll('.entete *, .menu a, article p, article li')]
          .filter((e) => getComputedStyle(e).overflow === 'hidden'
            && !e.closest('.visuellement-cache, .libelle') && e.scrollWidth > e.clientWidth + 1)
          .map((e) => e.textContent.slice(0, 40))"""
    )
    assert cut == []


@pytest.mark.parametrize("page", PAGES)
def test_every_image_says_what_it_shows(site, page):
    from bs4 import BeautifulSoup

    tree = BeautifulSoup((site / f"{page}.html").read_text("utf-8"), "html.parser")
    for image in tree.select("img"):
        assert image.get("alt", "").strip(), image
    for drawing in tree.select("article svg"):
        hidden = drawing.get("aria-hidden") == "true"
        assert hidden or len(drawing.get("aria-label", "")) > 15, str(drawing)[:120]
