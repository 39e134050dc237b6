"""Ce qui fait trouver et partager le livre : descriptions, aperçus, plan du site, citation."""

import io
import json
import re
import subprocess
import tomllib
import xml.etree.ElementTree as ET
from html import escape
from html.parser import HTMLParser
from types import SimpleNamespace

import pytest
import yaml
from PIL import Image, ImageChops
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

import partage_donnees
import partage_images as images
import partage_lecture as lecture
from conftest import ANNEXES, GUIDE, PAGES, ROOT
from d2l_fr.french import typography

BASE = "https://exemple.org/livre/"
FONTS = ROOT / "_build" / "police-notebooks"
FACTS = yaml.safe_load((ROOT / "book" / lecture.FILE).read_text("utf-8"))
HOSTILE = """</script><script>alert("l'un & l'autre")</script>"""
TEXT = "Une description de la page {}, assez longue pour le test : " + "mot " * 18


@pytest.fixture(scope="module")
def fonts():
    """Les polices des images, que pose la construction du livre."""
    if not any(FONTS.glob("*.ttf")):
        from outils import chantier

        chantier.vendor()
    return FONTS


class Head(HTMLParser):
    """Ce que dit l'en-tête d'une page."""

    def __init__(self, text):
        super().__init__()
        self.metas, self.links, self.data, self.scripts, self.open = {}, {}, [], 0, False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag == "meta" and (name := found.get("name") or found.get("property")):
            assert name not in self.metas or name == "viewport", f"deux fois {name}"
            self.metas[name] = found["content"]
        if tag == "link":
            assert found.get("rel") != "canonical" or "canonical" not in self.links
            self.links[found.get("rel")] = found.get("href")
        if tag == "script" and found.get("type") == "application/ld+json":
            self.open = True
        elif tag == "script" and "src" not in found:
            self.scripts += 1

    def handle_data(self, data):
        if self.open:
            self.data.append(json.loads(data))
            self.open = False


@pytest.fixture
def book(tmp_path, monkeypatch, fonts):
    """Construit un petit livre de quatre pages ; rend son dossier et ses avertissements."""
    for name in ("D2L_FR_ADRESSE", "D2L_FR_PUBLICATION", "GITHUB_REPOSITORY"):
        monkeypatch.delenv(name, raising=False)
    source = tmp_path / "source"
    source.mkdir()
    escaped = re.sub(r"([<>&\"'])", r"\\\1", HOSTILE)
    (source / "index.md").write_text(
        "# Un petit livre\n\n"
        "```{toctree}\n:caption: Le chapitre\n:numbered:\n\na\nb\n```\n\n"
        "```{toctree}\n:caption: Annexes\n\nz\n```\n",
        "utf-8",
    )
    (source / "a.md").write_text("# La première page : l'essai\n", "utf-8")
    (source / "b.md").write_text(f"# {escaped}\n", "utf-8")
    (source / "z.md").write_text("# Glossaire\n", "utf-8")
    facts = {page: {"description": TEXT.format(page)} for page in ("index", "a", "b", "z")}
    facts["b"]["description"] = TEXT.format(' "b" <i>&</i>')

    def build(base="", facts=facts, out="site", **config):
        (source / lecture.FILE).write_text(yaml.safe_dump(facts, allow_unicode=True), "utf-8")
        said = io.StringIO()
        settings = {
            "extensions": ["myst_parser", "partage"], "html_theme": "basic", "language": "fr",
            "html_title": "Un petit livre", "author": "les auteurs du livre", "copyright": "2026",
            "html_baseurl": base, "partage_polices": str(FONTS), "smartquotes": False, **config,
        }  # fmt: skip
        folders = source, None, tmp_path / out, tmp_path / "doctrees"
        with patch_docutils(), docutils_namespace():
            Sphinx(*folders, "html", settings, status=None, warning=said).build()
        return tmp_path / out, said.getvalue()

    build.facts = facts
    return build


def head(out, page):
    return Head((out / f"{page}.html").read_text("utf-8"))


# ---------- sans adresse, avec une adresse


def test_without_an_address_nothing_needs_one(book):
    out, said = book()
    assert not said
    found = head(out, "a")
    text = typography(TEXT.format("a").strip())
    assert {k: v for k, v in found.metas.items() if k != "viewport"} == {
        "description": text,
        "og:type": "article",
        "og:site_name": "Un petit livre",
        "og:locale": "fr_FR",
        "og:title": "La première page : l'essai",
        "og:description": text,
        "twitter:card": "summary",
    }
    assert "canonical" not in found.links and len(found.data) == 1
    for name in ("sitemap.xml", "robots.txt", "_static/partage"):
        assert not (out / name).exists()
    assert "url" not in found.data[0] and "@id" not in found.data[0]["isPartOf"]


def test_with_an_address_a_page_can_be_found_and_shown(book):
    out, said = book("https://exemple.org/livre")
    assert not said
    found, home = head(out, "a"), head(out, "index")
    assert found.links["canonical"] == found.metas["og:url"] == BASE + "a.html"
    assert home.links["canonical"] == home.metas["og:url"] == BASE
    assert (home.metas["og:type"], found.metas["og:type"]) == ("book", "article")
    assert found.metas["twitter:card"] == "summary_large_image"
    assert found.metas["og:image"] == BASE + "_static/partage/a.png"
    size = [found.metas[f"og:image:{name}"] for name in ("width", "height")]
    assert size == ["1200", "630"]
    assert found.metas["og:image:alt"].startswith("Un petit livre. Section 1 : La première")
    assert head(out, "z").metas["og:image:alt"] == "Un petit livre. Annexes : Glossaire"
    for page in ("index", "a", "b", "z"):
        with Image.open(out / f"_static/partage/{page}.png") as image:
            assert image.size == (1200, 630)


def test_the_site_map_holds_the_pages_of_the_book_and_no_date(book):
    out, _ = book(BASE)
    entries = list(ET.parse(out / "sitemap.xml").getroot())
    assert all(len(entry) == 1 and entry[0].tag.endswith("}loc") for entry in entries)
    urls = [entry[0].text for entry in entries]
    assert urls == [BASE, BASE + "a.html", BASE + "b.html", BASE + "z.html"]
    assert (out / "robots.txt").read_text("utf-8") == (
        f"User-agent: *\nDisallow:\n\nSitemap: {BASE}sitemap.xml\n"
    )


def test_an_address_that_goes_leaves_nothing_behind(book):
    out, _ = book(BASE)
    (out / "_static/partage/ancienne.png").write_bytes(b"")
    book(BASE)
    assert not (out / "_static/partage/ancienne.png").exists()
    book("")
    assert not list(out.rglob("partage/*.png"))
    assert not (out / "sitemap.xml").exists() and not (out / "robots.txt").exists()
    assert BASE not in (out / "a.html").read_text("utf-8")


def test_a_changed_description_reaches_a_page_that_has_not_changed(book):
    out, _ = book()
    facts = {**book.facts, "a": {"description": TEXT.format("a, revue")}}
    book(facts=facts)
    assert "revue" in head(out, "a").metas["description"]


def test_the_true_contents_give_each_page_its_place(book, tmp_path):
    source = tmp_path / "source"
    for page in (source / "a.md", source / "b.md", source / "z.md"):
        page.unlink()
    for page in PAGES:
        title = re.search(r"^# .+", (ROOT / "book" / f"{page}.md").read_text("utf-8"), re.M)[0]
        (source / f"{page}.md").write_text(f"{title}\n", "utf-8")
    (source / "_toc.yml").write_bytes((ROOT / "book" / "_toc.yml").read_bytes())
    more = ["myst_parser", "sphinx_external_toc", "typographie", "partage"]
    out, said = book(BASE, FACTS, extensions=more, external_toc_path="_toc.yml")
    assert not said
    found = {page: head(out, page).metas["og:image:alt"].split(" : ")[0] for page in PAGES}
    sections = [f"Un petit livre. Section {i}" for i in range(1, 8)]
    places = ["Un petit livre. Un livre interactif, en français", *sections]
    places += ["Un petit livre. Enseigner"] * len(GUIDE)
    places += ["Un petit livre. Annexes"] * len(ANNEXES)
    assert [text.replace("\u00a0", " ") for text in found.values()] == places
    parts = head(out, "index").data[0]["hasPart"]
    assert [part["url"] for part in parts] == [f"{BASE}{page}.html" for page in PAGES[1:]]


# ---------- les données structurées


def test_the_book_and_its_chapters_are_described(book):
    out, _ = book(BASE)
    (data,) = head(out, "index").data
    assert data["@type"] == ["Book", "LearningResource"] and data["@id"] == data["url"] == BASE
    assert data["name"] == "Un petit livre" and data["inLanguage"] == "fr"
    assert data["isAccessibleForFree"] is True and "by-sa/4.0" in data["license"]
    assert data["author"]["name"] == "les auteurs du livre" and data["datePublished"] == "2026"
    assert data["isBasedOn"]["url"] == "https://d2l.ai"
    assert data["educationalLevel"] and data["about"]
    parts = [(c["@type"], c["position"], c["url"]) for c in data["hasPart"]]
    assert parts == [("Chapter", i, f"{BASE}{p}.html") for i, p in enumerate("abz", 1)]
    chapter, crumbs = head(out, "a").data
    assert chapter["@type"] == ["Chapter", "LearningResource"] and chapter["position"] == 1
    assert chapter["isPartOf"] == {
        "@type": "Book", "name": "Un petit livre", "@id": BASE, "url": BASE,
    }  # fmt: skip
    steps = [(s["position"], s["item"]) for s in crumbs["itemListElement"]]
    assert crumbs["@type"] == "BreadcrumbList"
    assert steps == [(1, BASE), (2, BASE + "a.html")]


def test_a_hostile_title_stays_text(book):
    out, said = book(BASE)
    assert not said
    plain = head(out, "a")
    text = (out / "b.html").read_text("utf-8")
    found = Head(text)
    assert found.metas["og:title"] == HOSTILE and found.scripts == plain.scripts
    assert found.data[0]["name"] == found.data[1]["itemListElement"][1]["name"] == HOSTILE
    assert head(out, "index").data[0]["hasPart"][1]["name"] == HOSTILE
    assert '"b" <i>&</i>' in found.metas["description"].replace("\u202f", " ")
    assert f'content="{escape(HOSTILE)}"' in text
    assert partage_donnees.dump("</script>\u2028&") == '"\\u003c/script\\u003e\\u2028\\u0026"'


def test_the_data_passes_a_strict_security_policy(book, browser):
    """Une politique stricte laisse passer des données, que le navigateur n'exécute pas."""
    out, _ = book(BASE)
    policy = {"Content-Security-Policy": "default-src 'none'; script-src 'self'"}
    (data,) = re.findall(
        r"<script type=.application/ld.*?</script>", (out / "index.html").read_text()
    )
    page = f"<!doctype html><title>t</title>{data}<script src=/a.js></script>"
    tab = browser.new_page()
    tab.add_init_script(
        "window.refus = [];"
        "addEventListener('securitypolicyviolation', e => refus.push(e.blockedURI))"
    )

    def answer(route):
        script = route.request.url.endswith("a.js")
        route.fulfill(
            body="window.vu = 1" if script else page, headers=policy,
            content_type="text/javascript" if script else "text/html",
        )  # fmt: skip

    tab.route("**/*", answer)
    tab.goto("http://livre.test/")
    assert tab.evaluate("[window.vu, refus]") == [1, []]
    page = page.replace("<script src", "<script>window.vu = 2</script><script src")
    tab.goto("http://livre.test/")
    assert tab.evaluate("[window.vu, refus]") == [1, ["inline"]]
    tab.close()


# ---------- l'adresse


@pytest.mark.parametrize(
    ("environment", "configured", "expected"),
    [
        ({}, "", ""),
        ({"GITHUB_REPOSITORY": "une-ecole/rnn"}, "", ""),
        ({}, "https://a.fr/b", "https://a.fr/b/"),
        ({"D2L_FR_ADRESSE": "https://c.fr"}, "https://a.fr", "https://c.fr/"),
        ({"D2L_FR_ADRESSE": " "}, "https://a.fr", "https://a.fr/"),
        (
            {"D2L_FR_PUBLICATION": "true", "GITHUB_REPOSITORY": "Une-Ecole/rnn"},
            "https://a.fr",
            "https://une-ecole.github.io/rnn/",
        ),
        (
            {"D2L_FR_PUBLICATION": "true", "GITHUB_REPOSITORY": "ecole/ecole.github.io"},
            "",
            "https://ecole.github.io/",
        ),
        (
            {
                "D2L_FR_PUBLICATION": "true",
                "GITHUB_REPOSITORY": "ecole/rnn",
                "GITHUB_SERVER_URL": "https://forge.ecole.fr",
            },
            "",
            "",
        ),
        (
            {
                "D2L_FR_PUBLICATION": "true",
                "GITHUB_REPOSITORY": "ecole/rnn",
                "D2L_FR_ADRESSE": "https://cours.ecole.fr/",
            },
            "",
            "https://cours.ecole.fr/",
        ),
    ],
)
def test_the_address_comes_from_one_place(monkeypatch, environment, configured, expected):
    for name in ("ADRESSE", "PUBLICATION"):
        monkeypatch.delenv(f"D2L_FR_{name}", raising=False)
    for name in ("GITHUB_REPOSITORY", "GITHUB_SERVER_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    config = SimpleNamespace(html_baseurl=configured, depot_configure="")
    assert lecture.address(SimpleNamespace(config=config)) == expected


@pytest.mark.parametrize(
    "url",
    ["exemple.org", "ftp://a.fr", "https://", "https://a.fr/?x", 'https://a.fr/"', "https://a b"],
)
def test_a_wrong_address_is_refused(book, url):
    with pytest.raises(Exception, match="n'en est pas une"):
        book(url)


# ---------- les descriptions


def test_every_page_of_the_contents_has_its_own_description():
    toc = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text("utf-8"))
    pages = [toc["root"]] + [c["file"] for part in toc["parts"] for c in part["chapters"]]
    assert list(FACTS) == pages == PAGES
    assert list(lecture.faults(pages, FACTS)) == []
    texts = [facts["description"] for facts in FACTS.values()]
    assert len(set(texts)) == len(pages) and all(120 <= len(t) <= 160 for t in texts)
    assert len({text[:40] for text in texts}) == len(pages)
    assert all(t[0].isupper() and t.endswith(".") for t in texts)


def test_the_descriptions_are_in_good_french(grammalecte, tmp_path):
    path = tmp_path / "descriptions.txt"
    path.write_text("\n\n".join(facts["description"] for facts in FACTS.values()), "utf-8")
    checker = ROOT / "tests" / "francais" / "verifier.py"
    run = subprocess.run([grammalecte, str(checker), str(path)], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"a": {}}, "a : sa description manque : ajoutez-la à book/descriptions.yml"),
        ({"a": {"description": "Trop court."}}, "compte 11 caractères au lieu de 120 à 160"),
        ({"a": {"description": "x" * 161}}, "compte 161 caractères au lieu de 120 à 160"),
        ({"a": {"description": TEXT.format("b")}, "b": {"description": TEXT.format("b")}},
         "sa description est aussi celle de « a »"),
        ({"partie": {"description": TEXT}}, "décrit une page qui n'est pas dans _toc.yml"),
        ({"a": {"description": TEXT.format("a"), "mot": "a"}}, "n'a pas de 2 à 8 lettres"),
        ({"a": {"description": TEXT.format("a"), "mot": "<a&b>"}}, "n'a pas de 2 à 8 lettres"),
    ],
)  # fmt: skip
def test_a_wrong_description_is_a_warning_in_french(book, change, expected):
    _, said = book(facts={**book.facts, **change})
    assert expected in said and said.count("WARNING") == 1


@pytest.mark.parametrize("facts", [["a"], {"a": "texte"}, {"a": {"titre": "x"}}, {"a": {"mot": 3}}])
def test_a_file_of_another_shape_is_refused(book, facts):
    with pytest.raises(Exception, match="on n'y attend que description, mot, retour"):
        book(facts=facts)


def test_a_second_description_in_the_page_is_refused(book, tmp_path):
    page = tmp_path / "source" / "z.md"
    page.write_text("---\nmyst:\n  html_meta:\n    description: x\n---\n# Glossaire\n", "utf-8")
    _, said = book()
    assert "une description ne s'écrit que dans book/descriptions.yml" in said


# ---------- les images


def draw(title, path, word="mémoire", label="Section 3", book="Réseaux récurrents"):
    icon = (ROOT / "book" / "img" / "favicon.svg").read_bytes()
    svg = images.drawing(book, title, label, word, False, icon, FONTS)
    images.write(svg, path, FONTS)
    return Image.open(path).convert("RGB")


def titles():
    for page in PAGES:
        text = (ROOT / "book" / f"{page}.md").read_text("utf-8")
        yield page, typography(re.search(r"^# (.+)", text, re.MULTILINE)[1])


TITLES = {
    **dict(titles()),
    "hostile": HOSTILE,
    "interminable": "Anticonstitutionnellement " * 30,
    "sans-espace": "Rétropropagation" * 20,
    "grec": "Αλφα βητα, → ∂L/∂W et autres signes que la police n'a pas, et qu'une autre lui prête",
    "une-lettre": "R",
}


@pytest.mark.parametrize("name", TITLES)
def test_a_title_fits_in_its_image(fonts, tmp_path, name):
    size, lines = images.layout(TITLES[name], FONTS)
    assert 1 <= len(lines) <= 4 and size >= 44
    assert max(images.width(line, size, FONTS) for line in lines) <= images.ROOM
    path = tmp_path / "image.png"
    image = draw(TITLES[name], path, FACTS.get(name, {}).get("mot", "lecture"))
    assert image.size == (1200, 630) and path.stat().st_size <= 60_000
    # Les marges, et l'espace au-dessus du bandeau, n'ont pas d'encre.
    for box in ((0, 0, 70, 360), (1131, 0, 1200, 360), (0, 0, 1200, 50), (72, 112, 1128, 126),
                (0, 347, 1200, 361)):  # fmt: skip
        blank = Image.new("RGB", (box[2] - box[0], box[3] - box[1]), "#ffffff")
        assert ImageChops.difference(image.crop(box), blank).getbbox() is None, box


def test_a_title_keeps_its_words_when_it_can(fonts):
    for page, title in titles():
        assert " ".join(images.layout(title, FONTS)[1]) == title.replace("\u202f", "\u00a0"), page
    _, lines = images.layout(TITLES["interminable"], FONTS)
    assert lines[-1].endswith("…")


def test_a_long_name_does_not_run_into_the_place_of_the_page(fonts, tmp_path):
    long = "Un cours de plus sur les réseaux " * 4
    for book, label in ((long, "Section 3"), ("Livre", long), (long, long), (long, "")):
        image = draw("Titre", tmp_path / f"{len(book)}-{len(label)}.png", book=book, label=label)
        row = image.crop((0, 60, 1200, 104))
        blank = Image.new("RGB", row.size, "#ffffff")
        left, _, right, _ = ImageChops.difference(row, blank).getbbox()
        assert left >= 70 and right <= 1130
        svg = images.drawing(book, "Titre", label, "lecture", False, b"<svg/>", FONTS)
        shown = re.findall(r'y="91"[^>]*>(.*?)</text>', svg)
        assert sum(images.width(t, 32, FONTS) for t in shown) + 72 + 40 <= images.ROOM + 1


def test_the_pictures_do_not_change_and_are_drawn_once(book):
    first, _ = book(BASE)
    again, _ = book(BASE, out="autre")
    paths = sorted(p.relative_to(first) for p in (first / "_static/partage").glob("*.png"))
    assert len(paths) == 4
    assert all((first / p).read_bytes() == (again / p).read_bytes() for p in paths)
    before = [(first / p).stat().st_mtime_ns for p in paths]
    book(BASE)
    assert [(first / p).stat().st_mtime_ns for p in paths] == before
    book(BASE, html_title="Un autre titre")
    assert all((first / p).read_bytes() != (again / p).read_bytes() for p in paths)


def test_the_day_a_font_was_laid_down_changes_nothing(fonts, tmp_path):
    from fontTools.ttLib import TTFont

    before = images.fingerprint("<svg/>", FONTS)
    for path in FONTS.glob("*.ttf"):
        font = TTFont(path, recalcTimestamp=False)
        font["head"].modified += 86_400
        font.save(tmp_path / path.name, reorderTables=None)
    assert images.fingerprint("<svg/>", tmp_path) == before
    (tmp_path / "SourceSans3-600-normal.ttf").unlink()
    images._outlines.cache_clear()
    assert images.fingerprint("<svg/>", tmp_path) != before


def test_a_picture_uses_only_the_palette(fonts):
    from d2l_fr import palette

    svg = images.drawing("L", "T", "S", "gradient", True, b"<svg/>", FONTS)
    known = {*palette.LIGHT.values(), *(pair[0] for pair in palette.TINTS.values())}
    assert set(re.findall(r"#[0-9a-f]{6}", svg)) <= known


# ---------- la citation


def test_the_citation_says_what_the_book_says():
    cff = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    page = (ROOT / "book" / "a-propos.md").read_text("utf-8")
    entry = re.search(r"```bibtex\n(.*?)```", page, re.DOTALL)[1]
    fields = dict(re.findall(r"(\w+)\s*=\s*\{+(.*?)\}+,\n", entry))
    preferred = cff["preferred-citation"]
    assert cff["title"] == preferred["title"] == config["title"] == fields["title"]
    assert cff["version"] == preferred["version"] == project["version"]
    assert fields["note"].endswith(f"version {project['version']}")
    assert str(preferred["year"]) == str(config["copyright"]) == fields["year"]
    for authors in (cff["authors"], preferred["authors"]):
        assert authors == [{"name": config["author"]}] == [{"name": fields["author"]}]
    assert cff["license"] == project["license"]
    assert preferred["type"] == "book" and preferred["license"] == "CC-BY-SA-4.0"
    assert partage_donnees.version() == project["version"]


def test_the_citation_refers_to_d2l():
    cff = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    (d2l,) = cff["references"]
    entry = (ROOT / "book" / "references.bib").read_text("utf-8").split("zhang2023dive", 1)[1]
    assert d2l["url"] == "https://d2l.ai" and f"year = {{{d2l['year']}}}" in entry[:400]
    names = [f"{a['family-names']}, {a['given-names']}" for a in d2l["authors"]]
    assert " and ".join(names) in entry[:400]
    known = [author["name"] for author in partage_donnees.SOURCE["author"]]
    assert known == [f"{a['given-names']} {a['family-names']}" for a in d2l["authors"]]
