"""Le thème : la politique de sécurité, le code allégé, les tracés, les formules, les polices."""

import base64
import hashlib
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

import definitions
import formules
import habillage
import site_livre
import theme
import traits
from conftest import PAGES, ROOT

# ---------- sécurité


def test_the_policy_admits_our_files_and_one_script():
    policy = dict(part.strip().split(" ", 1) for part in theme.policy().split(";"))
    digest = base64.b64encode(hashlib.sha256(theme.BOOT.encode()).digest()).decode()
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == f"'self' 'sha256-{digest}'"
    assert policy["style-src"] == "'self'"
    assert "unsafe-eval" not in theme.policy()
    assert not re.search(r"https?:|\*", theme.policy())


@pytest.mark.parametrize("page", [*PAGES, "search", "genindex"])
def test_a_page_carries_the_policy_before_any_script(site, page):
    text = (site / f"{page}.html").read_text("utf-8")
    policy = text.index('http-equiv="Content-Security-Policy"')
    assert policy < text.index("<script")
    assert theme.policy() in text
    # Ni script en ligne hors l'amorce et les données, ni gestionnaire, ni style, ni adresse active.
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", text, re.DOTALL)
    inline = [body for attributes, body in scripts if body and "ld+json" not in attributes]
    assert inline == [theme.BOOT]
    tags = re.findall(r"<[a-zA-Z][^>]*>", re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL))
    assert not [t for t in tags if re.search(r'\son\w+\s*=|href="\s*javascript:', t)]
    assert "<style" not in text and "<iframe" not in text


def test_a_script_slipped_into_a_page_does_not_run(browser, site, tmp_path):
    text = (site / "references.html").read_text("utf-8")
    hostile = '<script>window.entre = 1</script><img src="x" onerror="window.entre = 2">'
    copy = site / "essai-intrus.html"
    try:
        copy.write_text(text.replace("</article>", f"{hostile}</article>"), "utf-8")
        context = browser.new_context()
        tab = context.new_page()
        tab.goto(copy.as_uri())
        tab.wait_for_timeout(300)
        assert tab.evaluate("window.entre") is None
        context.close()
    finally:
        copy.unlink()


def test_nothing_is_written_on_the_reader_s_machine_before_a_choice(browser, served):
    context = browser.new_context()
    tab = context.new_page()
    tab.goto(f"{served}references.html")
    assert context.cookies() == []
    assert tab.evaluate("Object.keys(localStorage)") == []
    context.close()


# ---------- code


def test_code_keeps_only_the_tags_that_carry_a_colour():
    block = (
        '<div class="highlight"><pre><span></span><span class="k">def</span> '
        '<span class="nf">f</span><span class="p">(</span><span class="n">x</span>'
        '<span class="p">):</span> <span class="s2">&quot;a&quot;</span><span class="s2">b</span>'
    )
    assert habillage.lighten(block) == (
        '<div class="highlight"><pre><span class="mot">def</span> <span class="nom">f</span>(x): '
        '<span class="texte">&quot;a&quot;b</span>'
    )


@given(st.text(alphabet="<>&;abn /\"'=", max_size=40))
def test_lightening_never_loses_text(text):
    from html import escape

    block = f'<pre><span class="n">{escape(text)}</span><span class="k">x</span></pre>'
    bare = re.sub(r"<[^>]*>", "", block)
    assert re.sub(r"<[^>]*>", "", habillage.lighten(block)) == bare


# ---------- tracés


def points(path):
    """Les sommets d'un tracé relatif, relus comme le ferait un navigateur."""
    found, here, command = [], [0.0, 0.0], ""
    numbers = re.compile(r"[MLlhvcz]|-?(?:\d+\.?\d*|\.\d+)")
    tokens, i = numbers.findall(path), 0
    while i < len(tokens):
        if tokens[i].isalpha():
            command, i = tokens[i], i + 1
            continue
        take = {"M": 2, "l": 2, "h": 1, "v": 1, "c": 6}[command]
        values = [float(t) for t in tokens[i : i + take]]
        i += take
        if command == "M":
            here, command = values, "l"
        elif command == "h":
            here = [here[0] + values[0], here[1]]
        elif command == "v":
            here = [here[0], here[1] + values[0]]
        else:
            here = [here[0] + values[-2], here[1] + values[-1]]
        found.append(tuple(here))
    return found


COORDINATE = st.floats(-900, 900, allow_nan=False).map(lambda x: round(x, 4))


@given(st.lists(st.tuples(COORDINATE, COORDINATE), min_size=1, max_size=40))
def test_a_relative_path_goes_through_the_same_points(places):
    path = "M " + "  L ".join(f"{x:.4f} {y:.4f}" for x, y in places) + " "
    found = points(traits.relative(path))
    assert len(found) == len(places)
    for (x, y), (a, b) in zip(places, found, strict=True):
        assert abs(x - a) <= 0.0501 and abs(y - b) <= 0.0501


def test_curves_and_closed_paths_are_kept():
    assert traits.relative("M 0 0 C 1 2 3 4 5 6 L 5 9 z ") == "M0 0c1 2 3 4 5 6v3z"
    assert traits.relative("M 1 1 l 2 2") == "M 1 1 l 2 2"
    assert traits.relative("M 0.5 0.25 L 0.9 0.2 ") == "M.5.2h.4"


USE = f"{{{traits.SVG}}}use"


def cloud(count):
    root = ElementTree.fromstring(
        '<svg xmlns="http://www.w3.org/2000/svg"><defs><path id="o" d="M 0 1 L 1 0 z"/></defs>'
        "<g>"
        + "".join(f'<use href="#o" x="{i % 7}.4" y="{i // 7}" style="a: b"/>' for i in range(count))
        + "</g></svg>"
    )
    traits.gather_dots(root)
    return root


def test_a_cloud_becomes_one_path_that_bears_its_marks():
    root = cloud(traits.CROWD)
    text = ElementTree.tostring(root, "unicode")
    assert not list(root.iter(USE)) and text.count("marker: url(#o-m0)") == 1
    drawn = re.search(r'd="(M[^"]+)" transform="scale\(0.2\)"', text)[1]
    found = {(round(x * traits.GRID, 1), round(y * traits.GRID, 1)) for x, y in points(drawn)}
    assert found == {(round(i % 7 + 0.4, 1), float(i // 7)) for i in range(traits.CROWD)}


def test_a_few_marks_stay_as_they_are():
    assert len(list(cloud(traits.CROWD - 1).iter(USE))) == traits.CROWD - 1


def test_what_draws_nothing_goes():
    root = ElementTree.fromstring(
        '<svg xmlns="http://www.w3.org/2000/svg">\n <g id="vide"/><g id="a"><defs/>'
        '<g clip-path="url(#c)"><path id="p" d="M 0 0"/></g></g>'
        '<text transform="rotate(-0 1 2)">x</text>'
        '<clipPath id="c"/></svg>'
    )
    traits.tidy(root)
    text = ElementTree.tostring(root, "unicode").replace("ns0:", "")
    assert re.sub(r' xmlns:?\w*="[^"]*"', "", text) == (
        '<svg><g clip-path="url(#c)"><path d="M 0 0" /></g><text>x</text><clipPath id="c" /></svg>'
    )


# ---------- formules


@pytest.fixture(scope="module", autouse=True)
def stop_temml():
    yield
    formules.stop()


def test_a_formula_becomes_mathml(site):
    assert re.fullmatch(
        r"<math><msup><mi>x</mi><mn[^>]*>2</mn></msup></math>", formules.mathml("x^2")
    )
    assert 'display="block"' in formules.mathml("x", True)
    # À la française : une virgule décimale n'est pas un séparateur.
    assert "<mn>0,5</mn>" in formules.mathml("0{,}5")


def test_an_index_keeps_its_height_under_a_letter_that_descends(site):
    assert '<mpadded depth="0"><mi>g</mi></mpadded>' in formules.mathml("g_t")
    assert "mpadded" not in formules.mathml("h_t")


def test_operators_are_tight_in_an_index_only(site):
    assert '<mo lspace="0" rspace="0">−</mo>' in formules.mathml("h_{t-1}")
    assert "<mo>−</mo>" in formules.mathml("t-1")


def test_a_function_without_argument_leaves_no_space(site):
    assert "mspace" not in formules.mathml(r"\tanh")
    assert "mspace" in formules.mathml(r"\ln x")


@pytest.mark.parametrize("tex", [r"a &= b \\ c", r"\frac{1}", r"\inconnue", "{"])
def test_a_wrong_formula_is_refused(site, tex):
    with pytest.raises(formules.FormulaError):
        formules.mathml(tex)


def test_every_sign_of_the_formulas_is_in_the_font(site):
    from fontTools.ttLib import TTFont

    cmap = TTFont(habillage.VENDOR / "formules.woff2").getBestCmap()
    italic = {c: 0x1D434 + ord(c) - 65 for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
    italic |= {c: 0x1D44E + ord(c) - 97 for c in "abcdefghijklmnopqrstuvwxyz"} | {"h": 0x210E}
    missing = set()
    for path in site.glob("*.html"):
        for formula in re.findall(r"<math.*?</math>", path.read_text("utf-8"), re.DOTALL):
            for tag, text in re.findall(r"<(mi|mo|mn)\b[^>]*>([^<]*)<", formula):
                letters = italic if tag == "mi" and len(text) == 1 else {}
                for sign in text:
                    code = letters.get(sign, ord(sign))
                    if code not in cmap and not sign.isspace():
                        missing.add((sign, hex(code)))
    assert missing == set()


def test_every_radical_has_the_same_width():
    """Chromium réserve à tous la place du plus large : un blanc suivrait les autres."""
    from fontTools.ttLib import TTFont

    font = TTFont(habillage.VENDOR / "formules.woff2")
    radical = font.getBestCmap()[ord("√")]
    variants = font["MATH"].table.MathVariants
    found = variants.VertGlyphConstruction[variants.VertGlyphCoverage.glyphs.index(radical)]
    names = [record.VariantGlyph for record in found.MathGlyphVariantRecord]
    parts = [part.glyph for part in found.GlyphAssembly.PartRecords]
    assert len(names) > 3 and len(parts) > 2
    assert {font["hmtx"][name][0] for name in names + parts} == {font["hmtx"][radical][0]}
    for name in names:  # le bord droit du dessin touche ce qui est sous le radical
        assert font["glyf"][name].xMax == pytest.approx(font["glyf"][radical].xMax, abs=40), name


def test_every_sign_of_the_text_is_in_a_font(site):
    from bs4 import BeautifulSoup
    from fontTools.ttLib import TTFont

    known = set()
    for path in habillage.VENDOR.glob("s*.woff2"):
        known |= set(TTFont(path).getBestCmap())
    # Que la police n'a pas, et que celle du système rend sans qu'on le voie.
    known |= {ord(sign) for sign in "\u202f✓ﬁй≈⁰⁻"}
    missing = {}
    for page in PAGES:
        tree = BeautifulSoup((site / f"{page}.html").read_text("utf-8"), "html.parser")
        for block in tree.select("math, svg, script, pre, code, .exercise [role=img]"):
            block.decompose()
        for sign in set(tree.get_text()):
            if ord(sign) > 32 and ord(sign) not in known:
                missing.setdefault(sign, page)
    assert missing == {}


def test_only_what_the_site_needs_is_served(site):
    for path in (site / "_static").rglob("*"):
        if path.is_file():
            name = path.relative_to(site / "_static").as_posix()
            assert habillage.SERVED.fullmatch(name), name
    pages = "".join(p.read_text("utf-8") for p in site.glob("*.html"))
    for path in (site / "_images").glob("*"):
        assert f"_images/{path.name}" in pages, path.name


def test_the_drawn_pages_hold_no_word_of_english_theme():
    templates = "".join(p.read_text("utf-8") for p in (ROOT / "book" / "_theme").glob("*.html"))
    assert not re.search(r">\s*(Next|Previous|Search|Skip|Contents|Menu bar)\b", templates)


# ---------- retouches


def test_a_header_cell_says_what_it_names():
    row = (
        '<th class="head"><p>a</p></th><th class="stub"><p>b</p></th><th class="head"><p></p></th>'
    )
    assert site_livre.accessible(row) == (
        '<th scope="col"><p>a</p></th><th scope="row"><p>b</p></th><td><p></p></td>'
    )


def test_a_fold_keeps_plain_text_in_its_summary():
    fold = (
        '<summary aria-label="Toggle hidden content">\n<p class="collapsed admonition-title">'
        'Afficher</p>\n<p class="expanded admonition-title">Masquer</p>\n</summary>'
    )
    assert site_livre.accessible(fold) == (
        '<summary><span class="collapsed admonition-title">Afficher</span>\n'
        '<span class="expanded admonition-title">Masquer</span>\n</summary>'
    )


def test_what_nothing_reads_goes_and_text_stays():
    text = (
        '<a class="reference internal" href="a.html#b"><span class="std std-numref">Figure 1</span>'
        '</a><p class="important">x <span class="pasted-text">3</span></p>'
    )
    assert site_livre.light(text) == ('<a href="a.html#b">Figure 1</a><p class="important">x 3</p>')


def test_a_definition_is_the_glossary_s_without_its_links():
    page = (
        '<dl class="glossary"><dt id="term-pas">pas'
        '<a class="headerlink" href="#term-pas">#</a></dt>'
        '<dd><p>Un <a href="#term-x">indice</a> de temps.</p></dd></dl>'
    )
    assert definitions.collect(page) == {
        "term-pas": "<p><strong>pas</strong></p><p>Un indice de temps.</p>"
    }
