"""Le livre sur papier et pour liseuse : le PDF relu par pypdf, l'EPUB par epubcheck."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from xml.etree import ElementTree

import pypdf
import pypdfium2
import pytest
from bs4 import BeautifulSoup

from conftest import ROOT, construct
from outils import __main__ as command
from outils import chantier, papier
from outils.papier import blocs, coupures, impression, livrel, pages

XHTML = "{http://www.w3.org/1999/xhtml}"
POINTS = 72 / 25.4


@pytest.fixture(scope="module")
def book(site, browser):
    """Le PDF, construit une fois."""
    construct("pdf")
    return pypdf.PdfReader(papier.target("pdf"))


@pytest.fixture(scope="module")
def texts(book):
    """Le texte de chaque page, sans coupures ni espaces (pypdf y mettrait dix minutes)."""
    document = pypdfium2.PdfDocument(papier.target("pdf"))
    found = [squeezed(page.get_textpage().get_text_range()) for page in document]
    document.close()
    return found


@pytest.fixture(scope="module")
def epub(site):
    """L'EPUB, construit une fois."""
    construct("epub")
    return zipfile.ZipFile(papier.target("epub"))


def squeezed(text):
    return re.sub(r"[\s\xad‐\u200b\ufffe]+", "", text)


def outline(book):
    """Les signets : (niveau, titre, page)."""
    found = []

    def walk(items, level):
        for item in items:
            if isinstance(item, list):
                walk(item, level + 1)
            else:
                page = book.get_destination_page_number(item) + 1
                found.append((level, item.title, page))

    walk(book.outline, 1)
    return found


# ---------- le PDF


def test_the_pdf_has_the_size_of_a_book(book):
    assert 300 < len(book.pages) < 600
    for page in book.pages:
        width, height = (float(n) / POINTS for n in page.mediabox[2:])
        assert (width, height) == pytest.approx((170, 240), abs=0.5)


def test_the_pdf_says_its_title_author_language_and_structure(book):
    assert book.metadata.title == "Réseaux récurrents"
    assert book.metadata.author == "les auteurs du livre"
    root = book.root_object
    assert root["/Lang"] == "fr"
    assert root["/MarkInfo"]["/Marked"]
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]


def test_bookmarks_follow_the_book_and_lead_to_the_headings(book, texts):
    marks = outline(book)
    titles = [title for level, title, _ in marks]
    about = pages.book()
    wanted = [blocs.plain(page.body.h1) for page in pages.read_all(about)]
    assert [title for title in titles if title in wanted] == wanted
    order = [page for _, _, page in marks]
    assert order == sorted(order)
    parts = {part for _, part in pages.order()}
    for _, title, page in marks:
        if title not in parts:
            assert squeezed(title) in texts[page - 1], (title, page)


def test_each_page_number_of_the_contents_is_true(book, texts):
    places = {squeezed(title) + str(page) for _, title, page in outline(book)}
    marks = outline(book)
    first = next(page for _, title, page in marks if title == "Réseaux récurrents")
    shown = "".join(texts[2 : first - 1])
    parts = {part for _, part in pages.order()}
    for _, title, page in marks:
        if title not in parts | {"Table des matières"}:
            assert squeezed(title) + str(page) in shown, (title, page)
    assert places and "000" not in shown


def test_every_link_of_the_pdf_leads_somewhere(book):
    names = book.named_destinations
    count = 0
    for page in book.pages:
        for annotation in page.get("/Annots", []):
            annotation = annotation.get_object()
            if annotation["/Subtype"] != "/Link":
                continue
            count += 1
            if "/Dest" in annotation:
                target = annotation["/Dest"]
                assert not isinstance(target, str) or target in names, target
            else:
                assert annotation["/A"]["/URI"].startswith(("https://", "http://")), annotation
    assert count > 1000


def test_every_font_is_embedded(book):
    seen, names = set(), set()
    for page in book.pages:
        for font in (page["/Resources"].get("/Font") or {}).values():
            if font.idnum in seen:
                continue
            seen.add(font.idnum)
            font = font.get_object()
            if font["/Subtype"] == "/Type3":  # dessinée dans le fichier même
                continue
            names.add(font["/BaseFont"].partition("+")[2])
            descriptor = font["/DescendantFonts"][0]["/FontDescriptor"]
            assert {"/FontFile", "/FontFile2", "/FontFile3"} & set(descriptor), font
    for family in ("SourceSerif4", "SourceSans3", "SourceCodePro", "STIXTwoMath"):
        assert any(name.startswith(family) for name in names), (family, names)


def test_every_numbered_thing_of_the_site_is_in_the_pdf(site, texts):
    whole = "".join(texts)
    for page in site.glob("*.html"):
        article = BeautifulSoup(page.read_text("utf-8"), "html.parser").find("article")
        for number in article.select(".caption-number") if article else ():
            assert squeezed(number.get_text()) in whole, (page.name, number.get_text())
        for number in article.select(".eqno") if article else ():
            number = squeezed(number.find(string=True))
            assert number in whole, (page.name, number)


def test_nothing_is_wider_than_the_text(book, browser):
    tab = impression.open_book(browser, impression.SHOP / "livre.html")
    assert impression.overflows(tab) == []
    small = tab.evaluate(
        """() => [...document.querySelectorAll("div.math > math, .tableau table")]
          .filter((block) => parseFloat(getComputedStyle(block).fontSize) < 8)
          .map((block) => block.closest("[id]").id)"""
    )
    assert small == []
    tab.evaluate('document.querySelector("article p").style.width = "900px"')
    assert impression.overflows(tab)
    tab.close()


def test_nothing_of_the_pdf_comes_from_elsewhere(book):
    text = (impression.SHOP / "livre.html").read_text("utf-8")
    assert "var(--" not in text
    assert not re.search(r'(src|srcset)="|url\("?https?:|<script', text)
    live = (ROOT / "_build/html/figures.html").read_text("utf-8").count('class="figure-vivante"')
    assert text.replace("\xad", "").count(blocs.LIVE) == 2 * live > 0


# ---------- l'EPUB


@pytest.fixture(scope="session")
def epubcheck(tmp_path_factory):
    """La commande d'epubcheck : le paquet Debian, et Java."""
    from conftest import _apt, _give_up

    jars = ["/usr/share/java/epubcheck.jar", "/usr/bin/epubcheck"]

    def found():
        return next((jar for jar in jars if shutil.which("java") and zipfile.is_zipfile(jar)), None)

    if not found():
        _apt("epubcheck", "default-jre-headless")
    if not found():
        _give_up("epubcheck", "installez le paquet Debian epubcheck, et Java")
    return ["java", "-jar", found()]


def test_epubcheck_finds_nothing(epub, epubcheck, tmp_path):
    report = tmp_path / "rapport.json"
    subprocess.run([*epubcheck, epub.filename, "--json", report], capture_output=True)
    found = json.loads(report.read_text("utf-8"))
    assert [m["message"] for m in found["messages"]] == []
    assert found["publication"]["title"] == "Réseaux récurrents"


def documents(epub):
    for name in epub.namelist():
        if name.endswith(".xhtml"):
            yield name.removeprefix("livre/"), ElementTree.fromstring(epub.read(name))


def test_the_epub_has_every_page_in_order(epub):
    spine = re.findall(r'idref="(i\d+)"', epub.read("livre/livre.opf").decode())
    names = dict(re.findall(r'id="(i\d+)" href="([^"]+)"', epub.read("livre/livre.opf").decode()))
    assert [names[i] for i in spine][3:] == [f"{name}.xhtml" for name, _ in pages.order()]
    assert epub.namelist()[0] == "mimetype"


def test_every_image_of_the_epub_has_a_text_and_every_link_a_target(epub):
    names = {name.removeprefix("livre/") for name in epub.namelist()}
    roots = dict(documents(epub))
    ids = {name: {e.get("id") for e in root.iter()} for name, root in roots.items()}
    images = formulas = 0
    for name, root in roots.items():
        for image in root.iter(f"{XHTML}img"):
            images += 1
            assert image.get("alt", "").strip() and image.get("src") in names, (name, image.attrib)
        for link in root.iter(f"{XHTML}a"):
            href = link.get("href", "")
            if not re.match("https?:", href):
                page, _, fragment = href.partition("#")
                assert not fragment or fragment in ids[page or name], (name, href)
        formulas += len(list(root.iter("{http://www.w3.org/1998/Math/MathML}math")))
        assert not list(root.iter(f"{XHTML}script")) and not list(root.iter(f"{XHTML}details"))
    assert images > 70 and formulas > 1500


def test_the_epub_is_self_contained(epub):
    for name in epub.namelist():
        if name.endswith((".xhtml", ".svg", ".css")):
            text = epub.read(name).decode()
            assert "var(--" not in text, name
            assert not re.search(r'src="https?:|url\("?https?:', text), name
    package = epub.read("livre/livre.opf").decode()
    for wanted in ("<dc:language>fr<", 'properties="cover-image"', 'properties="mathml"'):
        assert wanted in package
    assert "remote-resources" not in package and "scripted" not in package


def test_two_epubs_of_one_book_are_the_same(epub, tmp_path):
    livrel.build(tmp_path / "autre.epub")
    assert (tmp_path / "autre.epub").read_bytes() == papier.target("epub").read_bytes()


# ---------- les blocs


def page(body, **fields):
    soup = BeautifulSoup(f'<section id="s"><h1>Titre</h1>{body}</section>', "html.parser")
    return pages.Page("essai", "", soup, **fields)


def about(address=""):
    return pages.Book("Titre", "Sous-titre", "Auteurs", "2026", "1.0", address)


def test_answers_come_after_all_the_questions():
    choice = (
        '<details class="choix {0}"><summary>{1}</summary><p class="verdict">.</p>'
        '<div class="question-pourquoi"><p>Car {1}.</p></div></details>'
    )
    question = "<div class='question'><p>Q ?</p>{}</div>"
    both = choice.format("juste", "oui") + choice.format("faux", "non")
    made = page("<section>" + question.format(both) * 2 + "</section>")
    blocs.quizzes(made)
    text = made.body.get_text(" ", strip=True)
    assert text.index("Question 2. Q ?") < text.index("Réponses") < text.index("A. Juste. Car oui.")
    assert not made.body.find("details")


@pytest.mark.parametrize(
    ("code", "alone"),
    [
        ('d2l.glue("V", V)\nd2l.glue("n", d2l.fr(n))', True),
        ('for k, n in found.items():\n    d2l.glue(f"a-{k}", n)', True),
        ('print(V)\nd2l.glue("V", V)', False),
        ('for k in found:\n    print(k)\n    d2l.glue("k", k)', False),
        ("d2l.plot.lines(curves)", False),
    ],
)
def test_code_that_only_feeds_the_text_is_not_printed(code, alone):
    hidden = (
        '<div class="cell tag_hide-input"><details class="hide"><summary>Afficher</summary>'
        f'<div class="cell_input"><pre>{code}</pre></div></details>'
    )
    output = '<div class="cell_output">12</div>'
    body = BeautifulSoup(f"<p>a</p>{hidden}</div>{hidden}{output}</div>", "html.parser")
    blocs.unfold(body)
    assert len(body.select("pre")) == (0 if alone else 2)
    assert len(body.select(".cell")) == (1 if alone else 2)
    assert len(body.select(".cell_output")) == 1
    assert not body.select("summary")


def test_a_live_figure_says_where_it_lives():
    live = (
        '<figure id="fig-x"><div class="figure-vivante"><div class="fixe"><div class="figure-svg">'
        "</div></div></div><figcaption><p>L.</p></figcaption></figure>"
    )
    bare, linked = page(live), page(live)
    blocs.live_notes(bare, about(), {"essai": "Titre"})
    assert "page «\u00a0Titre\u00a0»." in bare.body.get_text()
    blocs.live_notes(linked, about("https://exemple.org/"), {"essai": "Titre"})
    assert linked.body.a["href"] == "https://exemple.org/essai.html#fig-x"


def test_code_keeps_every_letter_and_colour():
    text = "a = 1\n\n<span class='texte'>'''b\n  c'''</span>\nd"
    made = page(f"<pre>{text}\n</pre>")
    before = made.body.pre.get_text().strip()
    blocs.lines(made.body)
    assert made.body.pre.get_text().strip() == before
    assert len(made.body.select(".ligne")) == 5 and len(made.body.select(".texte")) == 2


def test_words_are_cut_but_not_code_nor_english():
    body = page("<p>incompréhensiblement <code>incompréhensiblement</code> <em>networking</em></p>")
    coupures.hyphenate(body.body)
    assert body.body.p.contents[0].count("\xad") > 3
    assert "\xad" not in body.body.code.get_text() + body.body.em.get_text()
    signature = page("<dl><dt>d2l.masked_cross_entropy</dt></dl>")
    coupures.hyphenate(signature.body)
    assert "\xad" not in signature.body.dt.get_text()


# ---------- les échecs


def test_without_chromium_the_message_says_what_to_install(tmp_path):
    nowhere = os.environ | {"PATH": str(tmp_path), "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-m", "outils", "pdf"],
        cwd=ROOT, env=nowhere, capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 1
    assert "Chromium" in run.stderr and "playwright install chromium" in run.stderr
    assert run.stdout == ""  # dit avant toute construction


def test_a_failure_leaves_the_previous_book(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(papier, "FOLDER", tmp_path)
    monkeypatch.setattr(chantier, "ROOT", tmp_path)
    monkeypatch.setattr(chantier, "livre", lambda: None)
    (tmp_path / "reseaux-recurrents.epub").write_text("ancien", "utf-8")

    def fail(target):
        target.write_text("à moitié", "utf-8")
        raise chantier.BuildError("non")

    monkeypatch.setattr(livrel, "build", fail)
    assert command.main(["epub"]) == 1
    shown = [path.name for path in tmp_path.iterdir() if path.name[0] != "."]
    assert shown == ["reseaux-recurrents.epub"]
    assert (tmp_path / "reseaux-recurrents.epub").read_text("utf-8") == "ancien"
    monkeypatch.setattr(livrel, "build", lambda target: target.write_bytes(b"neuf" * 300_000))
    assert command.main(["epub"]) == 0
    assert "EPUB construit : reseaux-recurrents.epub" in capsys.readouterr().out
    assert command.main(["epub"]) == 0
    assert "EPUB à jour" in capsys.readouterr().out


def test_the_commands_are_listed():
    run = subprocess.run(
        [sys.executable, "-m", "outils", "--help"], cwd=ROOT, capture_output=True, text=True
    )
    assert "pdf" in run.stdout and "epub" in run.stdout
