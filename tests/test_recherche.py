"""La recherche trouve ce qu'un lecteur demande, en tête, partout, et ne montre aucune solution."""

import json
import re

import pytest
from axe_playwright_python.sync_playwright import Axe

import lexique
from conftest import SECTIONS
from passages import read

# Ce que tape un lecteur, et la page (ou le passage) qui doit être parmi les trois premiers.
QUERIES = {
    "gradients": "rnn-scratch.html",
    "etat cache": "rnn.html",
    "état caché": "glossaire.html#term-etat-cache",
    "l'état caché": "glossaire.html#term-etat-cache",
    "hidden state": "glossaire.html#term-etat-cache",
    "pourquoi le gradient disparaît": "bptt.html",
    "disparition du gradient": "glossaire.html#term-disparition-du-gradient",
    "vanishing gradient": "glossaire.html#term-disparition-du-gradient",
    "exploding gradients": "glossaire.html#term-explosion-du-gradient",
    "gradient clipping": "rnn-scratch.html#ecreter-le-gradient",
    "clipping": "rnn-scratch.html#ecreter-le-gradient",
    "ecretage": "rnn-scratch.html#ecreter-le-gradient",
    "écrêter": "bptt.html#ecreter",
    "backpropagation": "bptt.html",
    "BPTT": "bptt.html#retropropagation-a-travers-le-temps",
    "bptt tronquée": "glossaire.html#term-BPTT-tronquee",
    "rétropropagation à travers le temps": "bptt.html#retropropagation-a-travers-le-temps",
    "retropropagaton": "bptt.html",
    "cross entropy": "glossaire.html#term-entropie-croisee",
    "entropie croisee": "glossaire.html#term-entropie-croisee",
    "perplexite": "language-model.html#la-perplexite",
    "perplexités": "language-model.html#la-perplexite",
    "tokenization": "text-sequence.html",
    "jetons": "text-sequence.html",
    "overfitting": "glossaire.html#term-surapprentissage",
    "learning rate": "glossaire.html#term-taux-d-apprentissage",
    "température": "rnn-scratch.html#ecrire",
    "temperature softmax": "rnn-scratch.html",
    "rnn_step": "rnn.html#lui-ajouter-un-etat",
    "nn.RNN": "rnn-concise.html",
    "clip_grad": "rnn-scratch.html",
    "noisy_sine": "sequence.html#la-mer-tous-les-quarts-d-heure",
    "pack_padded_sequence": "rnn-concise.html",
    "LSTM": "rnn-concise.html#le-lstm",
    "différence entre GRU et LSTM": "rnn-concise.html",
    "dropout": "rnn-concise.html",
    "valeurs propres": "bptt.html#valeurs-propres-ou-valeurs-singulieres",
    "kneser ney": "language-model.html",
    "marée": "sequence.html",
    "prévision à plusieurs pas": "sequence.html",
    "loi de zipf": "text-sequence.html",
    "octets": "text-sequence.html",
    "Elman": "index.html",
    "comment installer jupyterhub": "classe.html",
    "corriger un devoir": "devoirs.html",
    "glossaire": "glossaire.html#glossaire",
    "notations": "notations.html#notations",
    "à la main": "rnn-scratch.html#a-la-main",
    "avec pytorch": "rnn-concise.html#avec-pytorch",
    "licence": "a-propos.html",
    "à quoi sert detach": "rnn-scratch.html#une-epoque",
    "sur-apprentissage": "glossaire.html#term-surapprentissage",
    "comment choisir le taux d'apprentissage": "glossaire.html#term-taux-d-apprentissage",
    "qu'est-ce qu'un jeton": "glossaire.html#term-jeton",
    "comment créer un devoir": "devoirs.html#creer-un-devoir",
    "publier ailleurs": "edition.html#publier-ailleurs",
    "le réseau sans mémoire": "rnn.html#un-reseau-sans-memoire",
    "initialisation orthogonale": "glossaire.html#term-initialisation-orthogonale",
    "differences finies": "glossaire.html#term-differences-finies",
    "troncature aléatoire": "bptt.html#trois-facons-de-remonter",
    "écrire du texte caractère par caractère": "rnn-scratch.html",
    "nombres complexes": "sequence.html",
    "Mikolov": "references.html",
    "fenetre glissante": "sequence.html",
    "batch size": "glossaire.html#term-mini-lot",
    "phrases de longueurs inégales": "rnn-concise.html#des-phrases-inegales",
}
# Une page qui a pour titre ce que l'on demande vient la première.
FIRST = ["glossaire", "Notations", "a la main", "Avec PyTorch", "références", "modeles de langage"]


def open_search(page, query=None):
    """Ouvre la boîte comme le fait le thème : par un élément script, puis ouvrir()."""
    page.evaluate(
        """() => new Promise((resolve) => {
          const script = document.createElement("script");
          script.src = "_static/recherche.js";
          script.onload = resolve;
          document.head.append(script);
          const style = document.createElement("link");
          style.rel = "stylesheet";
          style.href = "_static/recherche.css";
          document.head.append(style);
        }).then(() => window.d2lRecherche.ouvrir())"""
    )
    if query is not None:
        ask(page, query)


def ask(page, query):
    page.fill("dialog.recherche input", query)
    page.wait_for_function("() => document.querySelector('dialog [role=status]').textContent")


def found(page):
    """Les adresses des résultats, relatives au site."""
    links = page.locator("dialog.recherche li a")
    return [url.rsplit("/", 1)[-1] for url in links.evaluate_all("all => all.map(a => a.href)")]


@pytest.fixture(scope="module")
def tab(browser, served):
    page = browser.new_page(viewport={"width": 1000, "height": 800})
    page.goto(served + "bptt.html")
    open_search(page)
    yield page
    page.close()


@pytest.mark.parametrize("query", QUERIES)
def test_a_reader_s_query_finds_its_page_in_the_first_three(tab, query):
    ask(tab, query)
    first, expected = found(tab)[:3], QUERIES[query]
    assert any(f"{url}#".startswith(f"{expected}#") for url in first), first
    assert len(found(tab)) <= 12


@pytest.mark.parametrize("query", FIRST)
def test_the_page_called_so_comes_first(tab, query):
    ask(tab, query)
    title = tab.locator("dialog.recherche li a").first.inner_text()
    assert lexique.flat(title.lower()) == lexique.flat(query.lower())


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("fit", "fit"), ("d2l.fit()", "fit"), ("tokenize", "tokenize"), ("Vocab", "Vocab"),
        ("perplexity", "perplexity"), ("rnn_step", "rnn_step"), ("d2l.plot.lines", "plot.lines"),
    ],
)  # fmt: skip
def test_a_name_of_the_package_comes_right_after_the_page_that_teaches_it(tab, query, name):
    ask(tab, query)
    first, second = found(tab)[:2]
    assert second == f"reference-api.html#d2l_fr.{name}"
    assert first.partition(".html")[0] in SECTIONS


def test_results_say_the_page_and_quote_the_words(tab):
    ask(tab, "entropie croisee")
    tab.wait_for_function("() => document.querySelector('dialog .recherche-extrait mark')")
    item = tab.locator("dialog.recherche li").first
    assert item.locator(".recherche-page-nom").inner_text() == "Glossaire"
    assert [m.lower() for m in item.locator("a mark").all_inner_texts()] == ["entropie", "croisée"]
    ask(tab, "gradient")
    assert re.match(r"\d+ passages ; voici les 12", tab.inner_text("dialog [role=status]"))


@pytest.mark.parametrize("typed", ["perp", "rétropropa", "entraîneme", "qu'on écrê", "backpropa"])
def test_the_last_word_may_be_unfinished(tab, typed):
    ask(tab, typed)
    assert found(tab)


def test_nothing_found_says_what_to_do(tab):
    ask(tab, "xyzzyplugh")
    tab.wait_for_selector("dialog .recherche-conseil")
    assert "Rien dans le livre pour « xyzzyplugh »" in tab.inner_text("dialog [role=status]")
    assert "glossaire" in tab.inner_text("dialog .recherche-conseil")


def test_html_in_a_query_is_text(tab):
    for query in ("<img src=x onerror=document.title='!'>zzz", "<b>gradient</b>", "\"'&<"):
        ask(tab, query)
        tab.wait_for_timeout(50)
        assert not tab.locator("dialog img, dialog b").count()
    assert tab.title() != "!"


def test_a_solution_is_never_shown(site):
    """Le HTML en contient ; ni l'index ni les extraits n'en gardent une phrase."""
    checked = 0
    for path in (site / "_static" / "recherche").glob("*.js"):
        page = (site / f"{path.stem}.html").read_text("utf-8")
        quoted = lexique.words(json.dumps(path.read_text("utf-8"), ensure_ascii=False))
        quoted = " ".join(quoted)
        for block in re.findall(r'<details class="(?:solution|reponse)".*?</details>', page, re.S):
            for sentence in re.findall(r"<p>([^<]{80,})</p>", block):
                checked += 1
                assert " ".join(lexique.words(sentence)) not in quoted, sentence
    assert checked > 20
    html = """<article><section id="a"><h1>Titre</h1><p>Énoncé.</p><details class="solution">
      <summary>Solution</summary><p>secret</p></details><div class="cell_output">sortie</div>
      </section></article>"""
    (passage,) = read(html)
    assert passage.text == "Énoncé."


def test_it_works_from_a_folder_and_without_inline_code(browser, site):
    page = browser.new_page()
    page.goto((site / "rnn.html").as_uri())
    open_search(page, "hidden state")
    page.wait_for_function("() => document.querySelector('dialog .recherche-extrait mark')")
    assert "glossaire.html#term-etat-cache" in found(page)[:3]
    page.close()
    for path in (site / "_static").glob("recherche*.js"):
        if path.stem != "recherche-index":
            code = path.read_text("utf-8")
            assert not re.search(r"\beval\(|new Function|fetch\(|innerHTML|\.style\b", code), path


def test_the_keyboard_is_enough(browser, served):
    page = browser.new_page()
    page.goto(served + "index.html")
    page.evaluate("document.querySelector('article a[href]').focus()")
    before = page.evaluate("document.activeElement.href")
    open_search(page, "perplexité")
    page.wait_for_selector("dialog.recherche li a")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    second = page.locator("dialog.recherche li a").nth(1)
    assert second.evaluate("node => node === document.activeElement")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.id") == "recherche-champ"
    page.keyboard.press("Escape")
    assert not page.locator("dialog.recherche").is_visible()
    assert page.evaluate("document.activeElement.href") == before
    page.evaluate("window.d2lRecherche.ouvrir()")
    ask(page, "rnn_step")
    page.wait_for_function(
        "() => document.querySelector('dialog li a')?.href.includes('lui-ajouter')"
    )
    page.keyboard.press("Enter")
    page.wait_for_url("**/rnn.html#lui-ajouter-un-etat")
    open_search(page, "l'état initial")  # un résultat de la page même
    page.wait_for_function("() => document.querySelector('dialog.recherche li a')")
    page.locator("dialog.recherche li a[href$='rnn.html#l-etat-initial']").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/rnn.html#l-etat-initial")
    assert not page.locator("dialog.recherche").is_visible()
    top = page.locator("#l-etat-initial").bounding_box()["y"]
    assert -5 <= top < 300
    page.close()


def test_the_search_page_answers_its_address(browser, served):
    page = browser.new_page()
    page.route(
        "**/search.html*",
        lambda route: route.fulfill(content_type="text/html; charset=utf-8", body=SEARCH_PAGE),
    )
    page.goto(served + "search.html?q=" + "perplexit%C3%A9")
    page.wait_for_selector("#resultats-recherche li a")
    assert page.input_value("#q") == "perplexité"
    assert "passages" in page.inner_text("[role=status]")
    page.fill("#q", "jacobienne")
    page.wait_for_function("() => document.querySelector('mark')?.textContent === 'jacobienne'")
    page.keyboard.press("Enter")  # valide le champ, et reste sur la page
    assert page.url.endswith("search.html?q=jacobienne")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.closest('#resultats-recherche li') !== null")
    assert not Axe().run(page).response["violations"]
    page.close()


SEARCH_PAGE = """<!doctype html><html lang="fr" data-racine="./"><head><title>Rechercher</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'self'">
<link rel="stylesheet" href="_static/palette.css">
<link rel="stylesheet" href="_static/recherche.css">
<script defer src="_static/recherche.js"></script></head><body><main><h1>Rechercher</h1>
<form class="recherche-page" role="search" action="search.html" method="get">
<label for="q">Chercher</label><input id="q" name="q" type="search"></form>
<div id="resultats-recherche"></div><p role="status"></p></main></body></html>"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_box_is_accessible_and_fits_a_small_screen(browser, served, theme):
    page = browser.new_page(viewport={"width": 360, "height": 640})
    page.goto(served + "index.html")
    page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
    open_search(page, "hidden state")
    page.wait_for_function("() => document.querySelector('dialog .recherche-extrait mark')")
    violations = Axe().run(page, context="dialog.recherche").response["violations"]
    assert not violations, [(v["id"], v["nodes"][0]["html"]) for v in violations]
    box = page.locator("dialog.recherche").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 360 and box["y"] + box["height"] <= 640
    inner = page.locator("dialog .recherche-resultats")
    assert inner.evaluate("node => node.scrollWidth <= node.clientWidth")
    for target in page.locator("dialog.recherche :is(a, button, input)").all():
        assert target.bounding_box()["height"] >= 24
    page.close()


def test_python_and_javascript_read_words_alike(tab):
    text = (
        "L’Œuvre d'une, qu'on entraîné n-gramme UTF-8 aujourd'hui ÉTAT cœur rnn_step l'été 12 h 30"
    )
    samples = [text, "presqu'île jusqu'où Kneser–Ney « naïve » Noël"]
    samples += ["cachées cachés caché gradients perplexités entraînement entraînés récurrentes"]
    for sample in samples:
        expected = lexique.words(sample)
        assert tab.evaluate("t => d2lRecherche.lexique.words(t)", sample) == expected
        roots = tab.evaluate("l => l.map((w) => d2lRecherche.lexique.stem(w))", expected)
        assert roots == [lexique.stems(expected)[word] for word in expected]
    assert len(set(lexique.stems(["entraîner", "entraînement", "entraîné"]).values())) == 1


def test_the_index_stays_light(site):
    import gzip

    files = (site / "_static").glob("recherche*.js")
    assert 0 < sum(len(gzip.compress(path.read_bytes(), 9)) for path in files) < 85_000
