"""Les figures vivantes : leur socle, puis le site, le papier et le livre numérique."""

import json
import re
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe

import vivantes
from atelier import open_figure, values
from conftest import FIGURES, ROOT, move_a_control, shown, with_its_fonts
from d2l_fr import palette, widgets
from d2l_fr.widgets import arrays, bundle
from d2l_fr.widgets.base import Figure
from d2l_fr.widgets.drawing import Drawing
from d2l_fr.widgets.memoire import Memoire
from outils import npm

WHERE = [(page, name) for page, names in FIGURES.items() for name in names]
NAMES = [name for _, name in WHERE]
FOLDER = ROOT / "d2l_fr" / "widgets"


# ---------- le socle


def test_there_are_ten_figures_and_each_has_its_two_files():
    assert len(NAMES) == len(set(NAMES)) == 10
    assert set(widgets._FIGURES.values()) == set(NAMES)
    for name, module in widgets._FIGURES.items():
        assert getattr(widgets, name).name == module
        assert (FOLDER / f"{module}.js").is_file()


def test_an_unknown_figure_says_which_exist():
    with pytest.raises(AttributeError, match=r"« Lunette ».*Memoire"):
        widgets.Lunette  # noqa: B018


@pytest.mark.parametrize("name", NAMES)
def test_the_module_stands_alone_and_parses(tmp_path, name):
    text = bundle.module(name)
    assert not re.search(
        r"^\s*import\b|\bimport\(|\brequire\(|https?://(?!www\.w3\.org)", text, re.M
    )
    assert len(re.findall(r"^export ", text, re.M)) == 1
    (tmp_path / "figure.mjs").write_text(text, "utf-8")
    (tmp_path / "script.js").write_text(bundle.script(name), "utf-8")
    for file in ("figure.mjs", "script.js"):
        run = subprocess.run(
            [npm.program("node"), "--check", tmp_path / file], capture_output=True, text=True
        )
        assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.js")), ids=lambda p: p.name)
def test_no_script_interprets_text_as_html_or_code(path):
    text = path.read_text("utf-8")
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|\beval\(|new Function|document\.write", text
    )
    assert not re.search(r"#[0-9a-fA-F]{3,8}\b(?!\()", re.sub(r"//.*", "", text)), (
        "une couleur en dur"
    )


def test_a_module_without_its_export_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "FOLDER", tmp_path)
    (tmp_path / "vide.js").write_text("function render() {}\n", "utf-8")
    with pytest.raises(ValueError, match="export default"):
        bundle.module("vide")


def test_the_colours_are_those_of_the_palette_in_both_modes():
    css = bundle.stylesheet()
    for role in palette.LIGHT:
        assert f"--c-{role}: {palette.LIGHT[role]}" in css
        assert f"--c-{role}: {palette.DARK[role]}" in css
    own = (FOLDER / "style.css").read_text("utf-8")
    assert not re.search(r"#[0-9a-fA-F]{3,8}\b", own)


@pytest.mark.parametrize(
    "kind", ["float32", "float16", "int16", "int8", "uint8", "uint16", "int32"]
)
def test_arrays_come_back(kind):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(7, 5)) * [1, 10, 0.1, 1, 0]
    if kind.startswith(("uint", "int3")):
        values = rng.integers(0, 200, (7, 5))
    packed = arrays.pack(values, kind)
    back = arrays.unpack(packed)
    assert packed["shape"] == [7, 5]
    limit = {"float32": 1e-7, "float16": 5e-4, "int16": 0.51 / 32767, "int8": 0.5 / 127}.get(
        kind, 0
    )
    assert (np.abs(back - values) <= limit * np.abs(values).max(0) + 1e-12).all()
    assert len(packed["data"]) == values.size * np.dtype(kind).itemsize


def test_arrays_refuse_what_they_would_spoil():
    with pytest.raises(ValueError, match="float64"):
        arrays.pack([1.0], "float64")
    with pytest.raises(ValueError, match="ne tiennent pas"):
        arrays.pack([300], "uint8")
    tensor = torch.ones(2, requires_grad=True)
    assert arrays.unpack(arrays.pack(tensor)).tolist() == [1, 1]


class _Echo(Figure):
    """Une figure d'essai, sans dessin : elle dit ce qu'elle a reçu."""

    height = (5, 5)

    def static(self):
        return Drawing(100, 40)


def test_the_browser_reads_the_same_arrays(browser, tmp_path, monkeypatch):
    code = (
        'import { decode, figure } from "./shared.js";\n'
        "function render({ model, el }) {\n"
        '  const ui = figure({ model, el }, { label: "essai" });\n'
        "  return ui.start(() => { ui.values = Object.fromEntries(Object.entries(ui.get('arrays'))"
        ".map(([k, v]) => [k, Array.from(decode(v).data)])); });\n"
        "}\nexport default { render };\n"
    )
    for path in (*FOLDER.glob("*.js"), FOLDER / "style.css"):
        (tmp_path / path.name).write_text(path.read_text("utf-8"), "utf-8")
    (tmp_path / "echo.js").write_text(code, "utf-8")
    monkeypatch.setattr(bundle, "FOLDER", tmp_path)
    kind = type("Echo", (_Echo,), {"name": "echo"})
    widget, values = kind(), np.array([[0.5, -2.0, 1e-6], [65504.0, 3.14159, -0.0]])
    for dtype in ("float32", "float16", "int16", "int8"):
        widget.send_arrays(dtype, **{dtype: values})
    widget.send_arrays("int32", int32=[-7, 2**31 - 1])
    tab = open_figure(browser, tmp_path / "page", widget)
    got = tab.evaluate("document.querySelector('.d2l-fig').d2l.values")
    for dtype in ("float32", "float16", "int16", "int8"):
        assert np.allclose(got[dtype], arrays.unpack(arrays.pack(values, dtype)).ravel(), rtol=1e-7)
    assert got["int32"] == [-7, 2**31 - 1]
    assert tab.problems == []
    tab.context.close()


def test_numbers_are_written_as_the_package_writes_them(tmp_path):
    values = [0, 0.51, -3, 1234, 12345.678, -1234567, 0.0001, -0.0004, 99.994]  # sans ex æquo
    code = bundle._joined("memoire").replace("export default", "const fini =")
    cases = [(v, d) for v in values for d in (0, 1, 2, 3)]
    code += f"\nconsole.log(JSON.stringify({json.dumps(cases)}.map(([v, d]) => fr(v, d))));\n"
    (tmp_path / "nombres.mjs").write_text(code, "utf-8")
    run = subprocess.run(
        [npm.program("node"), tmp_path / "nombres.mjs"], capture_output=True, text=True
    )
    from d2l_fr.french import fr

    for (value, digits), text in zip(cases, json.loads(run.stdout), strict=True):
        expected = fr(value, digits)
        assert text == (expected if re.search("[1-9]", expected) else expected.lstrip("−"))


def test_python_reads_and_writes_the_settings():
    figure = Memoire(radius=1.0)
    assert figure.defaults["radius"] == 1.0
    figure.radius = 0.5
    assert figure.defaults["radius"] == 1.0
    assert set(figure.defaults) == {"radius", "angle", "departure", "tanh", "start"}
    data, _ = figure._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["image/svg+xml"].startswith('<svg data-figure="memoire" data-modele=')
    assert "Figure vivante « memoire »" in data["text/plain"]


def test_an_unknown_setting_is_refused_and_tells_the_known_ones():
    with pytest.raises(TypeError, match=r"Réglage inconnu : rayon.*radius"):
        Memoire(rayon=1.0)


def test_the_defaults_do_not_follow_the_settings():
    figure = Memoire()
    figure.start.append(3.0)
    assert figure.defaults["start"] == [0.2, 0.6]


def test_what_is_in_front_does_not_depend_on_what_was_shown_before(browser, tmp_path):
    tab = open_figure(browser, tmp_path, widgets.Horizon())
    order = """() => { const ui = document.querySelector('.d2l-fig').d2l; ui.flush();
        return [...ui.stage.querySelectorAll('svg g > *')].map((n) => n.outerHTML); }"""
    before = tab.evaluate(order)
    for tau in (1, 16, 4):
        tab.evaluate("(tau) => document.querySelector('.d2l-fig').d2l.set('tau', tau)", tau)
        after = tab.evaluate(order)
    assert after == before
    tab.context.close()


@pytest.mark.parametrize("name", ["Horizon", "Perplexite", "Falaise", "Memoire"])
def test_a_finger_drags_the_handle_and_not_the_page(browser, tmp_path, name):
    tab = open_figure(browser, tmp_path, getattr(widgets, name)(), width=390, height=700)
    tab.evaluate("document.body.style.paddingBottom = '3000px'")
    handle = tab.locator(".d2l-handle").first
    handle.scroll_into_view_if_needed()
    box, session = handle.bounding_box(), tab.context.new_cdp_session(tab)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before, top = values(tab), tab.evaluate("scrollY")

    def touch(kind, *points):
        points = [{"x": px, "y": py} for px, py in points]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (x, y))
    for step in range(1, 13):
        touch("touchMove", (x + 3 * step, y - 4 * step))
        tab.wait_for_timeout(16)
    held = handle.bounding_box()
    touch("touchEnd")
    assert tab.evaluate("scrollY") == top, "la page a défilé sous le doigt"
    assert values(tab) != before
    moved = max(abs(held["x"] - box["x"]), abs(held["y"] - box["y"]))
    assert moved > 30, f"la poignée s'est arrêtée au bout de {moved} pixels"
    tab.context.close()


@pytest.mark.parametrize("name", ["Horizon", "Memoire"])
def test_a_shortcut_of_the_browser_and_the_right_button_move_nothing(browser, tmp_path, name):
    tab = open_figure(browser, tmp_path, getattr(widgets, name)())
    handle, before = tab.locator(".d2l-handle").first, values(tab)
    handle.focus()
    for key in ("Alt+ArrowRight", "Control+ArrowRight", "Meta+ArrowRight"):
        tab.keyboard.press(key)
    box = handle.bounding_box()
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tab.mouse.down(button="right")
    tab.mouse.move(box["x"] + 60, box["y"] + 5, steps=3)
    tab.mouse.up(button="right")
    assert values(tab) == before
    tab.context.close()


def test_a_drawing_refuses_a_colour_out_of_the_palette():
    drawing = Drawing()
    drawing.text(1, 2, "a < b & c")
    assert "a &lt; b &amp; c" in str(drawing)
    with pytest.raises(KeyError):
        drawing.rect(0, 0, 1, 1, fill="red")


def test_the_state_never_ends_a_line_or_a_script():
    key, script = vivantes.state_script("x", {"state": {"t": "\u2028</script>\u2029", "_esm": "…"}})
    assert key.startswith("etat-x-")
    assert "\u2028" not in script
    assert "_esm" not in script


def test_an_unknown_figure_stops_the_build():
    env = type("Env", (), {"vivantes": {}})()
    with pytest.raises(vivantes.ExtensionError, match="« absente »"):
        vivantes.lookup(env, "absente")


def test_the_page_says_so_when_a_figure_fails(browser, tmp_path):
    tab = open_figure(browser, tmp_path, Memoire())
    script = next((tmp_path / "figures").glob("memoire.js"))
    script.write_text('d2lFigures.module("memoire", () => { throw new Error("panne"); });', "utf-8")
    tab.reload()
    tab.wait_for_selector(".figure-vivante > p")
    assert "n’a pas pu s’animer" in tab.locator(".figure-vivante > p").inner_text()
    assert tab.locator(".fixe svg").is_visible()
    assert any("panne" in problem for problem in tab.problems)
    tab.context.close()


# ---------- le site


@pytest.fixture
def visit(browser, site):
    """Ouvre une page du livre depuis le disque, sans réseau, et amène une figure à l'écran."""
    contexts = []

    def go(page, name, width=1280, scheme="light", script=True):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, locale="fr-FR",
            java_script_enabled=script, reduced_motion="reduce", offline=True,
        )  # fmt: skip
        contexts.append(context)
        tab = context.new_page()
        tab.problems = []
        tab.on("pageerror", lambda e: tab.problems.append(str(e)))
        tab.on("console", lambda m: m.type == "error" and tab.problems.append(m.text))
        tab.goto((site / f"{page}.html").as_uri())
        box = tab.locator(f'.figure-vivante[data-figure="{name}"]')
        box.scroll_into_view_if_needed()
        if script:
            tab.wait_for_selector(f'.figure-vivante.prete[data-figure="{name}"]', timeout=15_000)
        return tab, box

    yield go
    for context in contexts:
        context.close()


@pytest.mark.parametrize(("page", "name"), WHERE)
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (768, "dark"), (360, "dark")])
def test_the_figure_lives_offline_and_fits(visit, page, name, width, scheme):
    tab, box = visit(page, name, width, scheme)
    figure = box.locator(".d2l-fig")
    kept = "(node) => parseFloat(getComputedStyle(node).minHeight)"
    place = box.locator(".vive").evaluate(kept)
    tall = figure.bounding_box()["height"]
    assert place - 60 < tall <= place, "la place gardée n'est pas celle de la figure"
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert move_a_control(tab, figure), "aucun réglage ne change la figure au clavier"
    assert figure.bounding_box()["height"] <= place
    start = shown(figure)
    figure.get_by_role("button", name="Réinitialiser").click()
    assert shown(figure) != start or name == "ecrivain"
    background = figure.evaluate("(node) => getComputedStyle(node).backgroundColor")
    assert (background == "rgb(255, 255, 255)") == (scheme == "light")
    assert tab.problems == []


@pytest.mark.parametrize(("page", "name"), WHERE)
@pytest.mark.parametrize("width", [1280, 960, 664, 540, 360])
def test_nothing_moves_when_the_figure_starts(browser, served, site, page, name, width):
    context = browser.new_context(viewport={"width": width, "height": 900}, locale="fr-FR")
    with_its_fonts(context, site)
    tab, held, free = context.new_page(), [], []

    def gate(route):
        if free:
            route.continue_()
        else:
            held.append(route)

    tab.route(re.compile(r"_static/figures/"), gate)
    tab.goto(f"{served}{page}.html", wait_until="load")
    tab.evaluate("document.fonts.ready.then(() => null)")
    box = tab.locator(f'.figure-vivante[data-figure="{name}"]')
    box.scroll_into_view_if_needed()
    box.scroll_into_view_if_needed()
    where = "(node) => node.closest('figure').getBoundingClientRect().height"
    before = box.evaluate(where)
    free.append(True)
    for route in held:
        route.continue_()
    tab.wait_for_selector(f'.figure-vivante.prete[data-figure="{name}"]', timeout=15_000)
    assert held
    assert box.evaluate(where) == pytest.approx(before, abs=1)
    context.close()


@pytest.mark.parametrize(("page", "name"), WHERE)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_figure_is_accessible(visit, page, name, scheme):
    tab, box = visit(page, name, scheme=scheme)
    move_a_control(tab, box.locator(".d2l-fig"))
    violations = (
        Axe().run(tab, context=f'.figure-vivante[data-figure="{name}"]').response["violations"]
    )
    assert not violations, [
        (v["id"], v["help"], [n["html"][:160] for n in v["nodes"][:3]]) for v in violations
    ]


@pytest.mark.parametrize(("page", "name"), WHERE)
def test_paper_shows_the_static_form_with_its_caption(visit, page, name):
    tab, box = visit(page, name)
    assert not box.locator(".fixe").is_visible()
    tab.emulate_media(media="print")
    assert box.locator(".fixe svg").is_visible()
    assert not box.locator(".d2l-fig").is_visible()
    caption = box.locator("xpath=ancestor::figure").locator("figcaption")
    assert caption.is_visible()
    assert caption.inner_text().startswith("Figure ")
    assert len(box.locator(".fixe svg").get_attribute("aria-label")) > 60


@pytest.mark.parametrize(("page", "name"), WHERE)
def test_without_script_the_static_form_is_there(visit, page, name):
    _, box = visit(page, name, script=False)
    assert box.locator(".fixe svg").is_visible()


@pytest.mark.parametrize(("page", "name"), WHERE)
def test_a_question_comes_before_and_its_answer_after(site, page, name):
    html = (site / f"{page}.html").read_text("utf-8")
    at = html.index(f'data-figure="{name}"')
    question, answer = html.rfind('class="prediction"', 0, at), html.find('class="reponse"', at)
    assert at - question > 0
    assert answer - at > 0
    between = re.sub(r"<svg.*?</svg>|<[^>]+>", "", html[question:answer], flags=re.S)
    assert len(between) < 4000, "la question et la réponse sont loin de la figure"
    assert "?" in re.sub(r"<[^>]+>", "", html[question:at])


@pytest.mark.parametrize("name", NAMES)
def test_the_state_is_light(site, name):
    import gzip

    path = next((site / "_static" / "figures").glob(f"etat-{name}-*.js"))
    assert len(gzip.compress(path.read_bytes())) <= 150_000


def test_the_printed_forms_use_the_palette_and_readable_text(site):
    folder = site.parent / "travail" / "jupyter_execute"
    found = [p for p in folder.rglob("*.svg") if "data-figure=" in p.read_text("utf-8")[:400]]
    assert len(found) == 10
    for path in found:
        sizes = re.findall(r'font-size="([\d.]+)"', path.read_text("utf-8"))
        assert sizes or "font" in path.read_text("utf-8")
        assert all(float(size) >= 12.5 for size in sizes), path.name


def test_at_temperature_zero_the_writer_goes_round_in_circles_as_the_page_says(visit):
    tab, box = visit("rnn-scratch", "ecrivain")
    figure = box.locator(".d2l-fig")

    def write(length):
        figure.evaluate(
            """(node, length) => {
              node.d2l.set("temperature", 0); node.d2l.set("length", length); node.d2l.flush();
            }""",
            length,
        )
        tab.wait_for_function(
            """() => [...document.querySelectorAll('.d2l-fig')].every((f) => !f.d2l.values.busy)"""
        )
        return figure.evaluate("(node) => [node.d2l.values.text, node.d2l.values.surprise]")

    text, long_run = write(550)
    tail = text[-200:]
    assert any(tail[k:] == tail[:-k] for k in range(1, 150)), "le texte ne boucle pas"
    assert write(200)[1] == pytest.approx(long_run, abs=0.1)


# ---------- la page qui les rassemble


def test_the_gallery_shows_all_ten_with_a_link_to_each_section(visit, site):
    tab, _ = visit("figures", NAMES[0])
    boxes = tab.locator(".vivante .figure-vivante")
    assert [boxes.nth(i).get_attribute("data-figure") for i in range(boxes.count())] == NAMES
    for page, name in WHERE:
        section = tab.locator(f'.figure-vivante[data-figure="{name}"]').locator(
            "xpath=ancestor::section[1]"
        )
        links = [a.get_attribute("href") for a in section.locator("a:not(.headerlink)").all()]
        assert any(link.startswith(f"{page}.html#") for link in links), name


def test_the_gallery_is_projected_one_figure_at_a_time(visit):
    tab, _ = visit("figures", NAMES[0])
    tab.get_by_role("button", name="Projeter les figures").click()
    tab.wait_for_selector("article.presentation")
    tab.wait_for_selector(".courante .figure-vivante.prete")
    visible = tab.locator(".vivante:visible")
    assert visible.count() == 1
    assert visible.locator(".figure-vivante").get_attribute("data-figure") == NAMES[0]
    tab.keyboard.press("PageDown")
    assert tab.locator(".vivante:visible .figure-vivante").get_attribute("data-figure") == NAMES[1]
    tab.get_by_role("button", name="Suivante").click()
    assert tab.locator(".vivante:visible .figure-vivante").get_attribute("data-figure") == NAMES[2]
    assert tab.locator(".presentation-barre span").inner_text() == "3 / 10"
    tab.keyboard.press("PageUp")
    tab.get_by_role("button", name="Quitter").click()
    tab.wait_for_selector("article:not(.presentation)")
    assert tab.locator(".vivante:visible").count() == 10


# Les écrans où l'on projette : un vidéoprojecteur courant, un grand écran, un vieux 4/3.
SCREENS = {"1280 × 720": (1280, 720), "1920 × 1080": (1920, 1080), "1024 × 768": (1024, 768)}


@pytest.mark.parametrize("screen", SCREENS.values(), ids=SCREENS)
def test_each_figure_is_projected_whole_and_readable(visit, screen):
    tab, _ = visit("figures", NAMES[0])
    tab.set_viewport_size(dict(zip(("width", "height"), screen, strict=True)))
    tab.get_by_role("button", name="Projeter les figures").click()
    for name in NAMES:
        # Projetée, une figure a son corps à elle.
        tab.wait_for_function(
            """(name) => document.querySelector('.courante .d2l-fig')?.style.fontSize
              && document.querySelector('.courante .figure-vivante').dataset.figure === name""",
            arg=name,
        )
        seen = tab.evaluate(
            """() => {
              const figure = document.querySelector('.courante .d2l-fig');
              const bar = document.querySelector('.presentation-barre').getBoundingClientRect();
              const { right, bottom } = figure.getBoundingClientRect();
              return [parseFloat(figure.style.fontSize), innerWidth - right, bar.top - bottom,
                document.documentElement.scrollWidth - innerWidth];
            }"""
        )
        size, beside, below, wide = seen
        assert below >= 0, f"{name} passe sous la barre"
        assert beside >= 0
        assert wide <= 0
        assert size >= 12, f"{name} : un corps de {size} px ne se lit pas de loin"
        tab.keyboard.press("PageDown")
    # Une figure agrandie seule, puis quittée, retrouve sa place dans la projection.
    figure = tab.locator(".courante .d2l-fig")
    place = figure.bounding_box()
    figure.get_by_role("button", name="Plein écran").click()
    tab.wait_for_function("() => document.fullscreenElement?.classList.contains('d2l-fig')")
    figure.get_by_role("button", name="Quitter le plein écran").click()
    tab.wait_for_function("() => document.fullscreenElement?.localName === 'article'")
    figure.get_by_role("button", name="Plein écran", exact=True).wait_for()
    assert figure.bounding_box() == pytest.approx(place, abs=1)
    assert tab.problems == []


@pytest.mark.parametrize(("page", "name"), WHERE)
def test_a_figure_goes_full_screen(visit, page, name):
    tab, box = visit(page, name)
    figure = box.locator(".d2l-fig")
    before = figure.bounding_box()["height"]
    box.get_by_role("button", name="Plein écran").click()
    tab.wait_for_function("() => document.fullscreenElement?.style.fontSize")
    over = figure.evaluate("(node) => node.scrollHeight - node.clientHeight")
    assert over <= 0, "la figure dépasse de l'écran"
    tab.get_by_role("button", name="Quitter le plein écran").click()
    tab.wait_for_function(
        "() => !document.fullscreenElement && !document.querySelector('.d2l-large')"
    )
    assert box.get_by_role("button", name="Plein écran").is_visible()
    figure.evaluate("(node) => node.d2l.flush()")
    assert figure.bounding_box()["height"] == pytest.approx(before, abs=2)


# ---------- le livre numérique


def test_the_epub_holds_the_static_form_and_its_caption(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "conf.py").write_text(
        f"import sys; sys.path[:0] = [{str(ROOT / 'book' / '_ext')!r}, {str(ROOT)!r}]\n"
        "extensions = ['myst_nb', 'figures', 'vivantes']\n"
        "project = 'Essai'; language = 'fr'; version = '1'; nb_ipywidgets_js = {}\n"
        "nb_mime_priority_overrides = [('epub', 'image/svg+xml', 5)]\n"
        "epub_show_urls = 'no'; nb_execution_mode = 'force'; nb_execution_raise_on_error = True\n",
        "utf-8",
    )
    (source / "index.md").write_text(
        "---\nfile_format: mystnb\nkernelspec:\n  name: python3\n---\n# Essai\n\n```{code-cell}\n"
        "---\nmystnb:\n  figure:\n    caption: La légende.\n  image:\n    alt: Le dessin.\n---\n"
        "import d2l_fr as d2l\nd2l.widgets.Memoire()\n```\n",
        "utf-8",
    )
    run = subprocess.run(
        [sys.executable, "-m", "sphinx", "-b", "epub", "-q", source, tmp_path / "epub"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    book = zipfile.ZipFile(next((tmp_path / "epub").glob("*.epub")))
    page = book.read("index.xhtml").decode()
    picture = re.search(r'<img alt="Le dessin\." src="([^"]+\.svg)"', page)
    assert picture
    assert "norme de ∂h₆₀" in book.read(picture[1]).decode()
    assert "La légende." in page
    assert "<script" not in page
