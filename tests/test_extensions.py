"""Ce qui met les pages en forme : questions, exercices, figures, conversion en Markdown."""

import re

import nbformat
import pytest

import conversion
import exercices
import figures
import habillage
import questions
import site_livre
import theme
from cahiers import fill, signature
from conversion import ConversionError, Converter, prose
from d2l_fr import palette
from d2l_fr.exercises.source import ExerciseError, parse
from d2l_fr.french import NBSP, NNBSP

QUESTION = """\
Combien ?

- [ ] Un.
  Non.
- [x] Deux.
  Oui,
  car $1 + 1 = 2$.
"""


class FakeBook:
    """Le peu de Sphinx que demande le convertisseur."""

    def number(self, label):
        return ("Tableau" if label.startswith("tab") else "Figure"), "1.2"

    def equation(self, label):
        return "1.3"

    def title(self, label):
        return f"titre de {label}"

    def link(self, label, text):
        return f"[{text}](page.ipynb)"

    def link_page(self, page, text):
        return text or page

    def citation(self, keys, role):
        return f"Auteur ({keys}, {role})"

    def glued(self, name):
        return f"\0{name}\0"

    def picture(self, path, alt):
        return f"![{alt}]({path})"


@pytest.fixture
def converter():
    return Converter(FakeBook())


# ---------- questions


def test_a_question_is_split_from_its_choices():
    text, choices = questions.parse(QUESTION.split("\n"))
    assert text == "Combien ?"
    assert [(c.right, c.text) for c in choices] == [(False, "Un."), (True, "Deux.")]
    assert choices[1].why.split() == ["Oui,", "car", "$1", "+", "1", "=", "2$."]


def test_a_choice_that_is_a_number_is_not_a_list():
    _, choices = questions.parse(QUESTION.replace("Deux.", "2.").split("\n"))
    assert choices[1].text == r"2\."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (QUESTION.replace("[x]", "[ ]"), "dont un juste"),
        (QUESTION.replace("  Non.\n", ""), "n'a pas d'explication"),
        (QUESTION.replace("  Non.", "Non."), "sans retrait"),
        ("Combien ?\n", "au moins deux choix"),
    ],
)
def test_a_badly_written_question_is_refused(text, said):
    with pytest.raises(questions.QuestionError, match=said):
        questions.parse(text.split("\n"))


def test_a_signature_keeps_its_letters_and_one_tag_a_default_value():
    param = '<em class="sig-param"><span class="n">{}</span>{}</em>'
    value = '<span class="o">=</span><span class="default_value">0.5</span>'
    text = param.format("x", "") + ", " + param.format("lr", value)
    light = habillage.lighten_signature(f'<span class="sig-paren">(</span>{text})')
    assert light == '(x, lr<span class="defaut">=0.5</span>)'


# ---------- conversion


@pytest.mark.parametrize(
    ("myst", "markdown"),
    [
        ("Voir {numref}`fig-a`.", "Voir Figure 1.2."),
        ("Voir {numref}`la courbe {number} <fig-a>`.", "Voir la courbe 1.2."),
        ("Voir {eq}`eq-a`.", "Voir (1.3)."),
        ("Voir {ref}`sec-a`.", "Voir [titre de sec-a](page.ipynb)."),
        ("Voir {ref}`ici <sec-a>`.", "Voir [ici](page.ipynb)."),
        ("Selon {cite:t}`cle`.", "Selon Auteur (cle, t)."),
        ("Soit {glue:text}`n` pas.", "Soit \0n\0 pas."),
        ("(sec-a)=\n# Titre", "# Titre"),
        ("% commentaire\nTexte", "Texte"),
        ("$$\na\n$$ (eq-a)", "$$\na\n\\tag{1.3}\n$$"),
        (":::{note}\nTexte.\n:::", "> **Note**\n>\n> Texte."),
        (
            ":::{admonition} Piège : un\n:class: piege\nTexte.\n:::",
            f"> **Piège{NBSP}: un**\n>\n> Texte.",
        ),
        (
            "```{table} Légende.\n:name: tab-a\n| a |\n|---|\n```",
            "**Tableau 1.2.** Légende.\n\n| a |\n|---|",
        ),
        (
            "```{figure} img/x.svg\n:name: fig-a\n:alt: Un dessin\nLa *légende*.\n```",
            "![Un dessin](img/x.svg)\n\n**Figure 1.2.** La *légende*.",
        ),
        ("```python\nx = {'a': 1}  # « b »\n```", "```python\nx = {'a': 1}  # « b »\n```"),
    ],
)
def test_myst_becomes_plain_markdown(converter, myst, markdown):
    assert converter.convert(myst) == markdown


def test_a_question_becomes_a_list_and_folded_answers(converter):
    text = converter.convert(f":::{{question}}\n{QUESTION}:::")
    assert f"Combien{NNBSP}?" in text
    assert "- **B.** Deux." in text
    assert "<details><summary>Réponses</summary>" in text
    assert "**B, juste.** Oui, car $1 + 1 = 2$." in text
    assert text.endswith("</details>")


@pytest.mark.parametrize(
    ("myst", "said"),
    [
        ("{inconnu}`a`", "rôle inconnu"),
        ("```{inconnue} a\n```", "directive inconnue"),
        (":::{note}\njamais fermée", "jamais fermée"),
        ("```{figure} img/x.svg\n:name: fig-a\nLégende\n```", "texte de remplacement"),
    ],
)
def test_what_the_notebook_cannot_show_is_refused(converter, myst, said):
    with pytest.raises(ConversionError, match=said):
        converter.convert(myst)


def test_typography_leaves_code_formulas_and_addresses_alone():
    text = "L'eau : `a ; b` vaut $x ; y$ ! Voir [l'eau](http://a.b/c'd) ?"
    new = prose(text)
    assert "`a ; b`" in new
    assert "$x ; y$" in new
    assert "(http://a.b/c'd)" in new
    assert new.startswith(f"L’eau{NBSP}: ")
    assert new.endswith(f"{NNBSP}?")
    assert prose(new) == new


# ---------- exercices

SOURCE = """\
## un
:titre: Doubler
:genre: code
:difficulte: 2
:minutes: 5

Doublez $x$.

```python amorce
def double(x):
    ...
```

```python solution
def double(x):
    return 2 * x
```

```python verification
def verification(compare, require, rng):
    compare(3)
```

### Solution
On double :

```python solution
print(double(2))
```
"""


def test_an_exercise_gives_its_page_its_parts():
    page = exercices.page_source(parse("essai", SOURCE)["un"])
    assert (
        page.index("Doublez $x$.") < page.index("{exercise-end}") < page.index("{solution-start}")
    )
    assert ":label: ex-essai-un" in page
    assert page.count("```{code-cell} ipython3") == 2
    assert 'd2l.check("essai.un", double)' in page
    assert "compare(3)" not in page


def test_a_page_cannot_name_an_exercise_that_does_not_exist():
    with pytest.raises(ExerciseError, match="n'est pas dans"):
        exercices.find("sequence", "absent")


# ---------- figures

SVG = (
    '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" '
    'xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 90 30" width="90pt" height="30pt">'
    "<style>*{stroke-linecap:butt}</style>"
    '<defs><path id="p" d="M0 0"/><marker id="m"/></defs>'
    f'<path d="M0 0" style="stroke: {palette.LIGHT["input"]}" marker-end="url(#m)"/>'
    f'<rect fill="{palette.LIGHT["background"]}"/><use xlink:href="#p"/>'
    "<text style=\"font: 10px 'DejaVu Sans', sans-serif\">a</text></svg>"
)


def test_an_inlined_figure_takes_the_colours_of_the_theme():
    svg, unknown = figures.inline(SVG, "f1", 'Une "courbe"')
    assert not unknown
    assert "stroke: var(--c-input)" in svg
    assert "fill: var(--c-background)" in svg
    assert "#" + palette.LIGHT["input"][1:] not in svg
    assert '<path id="f1-0"' in svg
    assert 'href="#f1-0"' in svg
    assert "url(#f1-1)" in svg
    assert "<style>" not in svg
    assert "font: 10px var(--police)" in svg
    assert 'aria-label="Une &quot;courbe&quot;"' in svg
    assert 'width="126"' in svg


def test_a_colour_outside_the_palette_is_reported():
    _, unknown = figures.inline(SVG.replace(palette.LIGHT["input"], "#123456"), "f1", "x")
    assert unknown == {"#123456"}


def test_a_picture_that_is_not_svg_is_left_to_the_theme():
    class Translator:
        builder = type("Builder", (), {"srcdir": ".", "name": "html"})
        calls = ()

        def visit_image(self, node):
            self.calls += ("visit",)

        def depart_image(self, node):
            self.calls += ("depart",)

    translator = Translator()
    figures.visit_image(translator, {"uri": "photo.png"})
    figures.depart_image(translator, {"uri": "photo.png"})
    assert translator.calls == ("visit", "depart")


def test_the_stylesheet_holds_every_mode():
    css = habillage.palette_styles()
    for role, code in palette.DARK.items():
        assert f"--c-{role}: {code};" in css
        assert f"--c-{role}: {palette.LIGHT[role]};" in css
        assert f"--c-{role}: {palette.SEPIA[role]};" in css
    assert css.count("{") == css.count("}")


def test_drawn_figures_use_only_the_palette(site):
    from conftest import ROOT

    for path in (ROOT / "book" / "img").glob("*.svg"):
        if not path.stem.startswith(("logo", "favicon")):
            _, unknown = figures.inline(path.read_text("utf-8"), "x", "x")
            assert not unknown, (path.name, unknown)
            text = path.read_text("utf-8")
            assert "<title>" in text or "<title " in text, f"{path.name} n'a pas de <title>"


# ---------- signature des notebooks


def notebook(source):
    cell = nbformat.v4.new_markdown_cell(source)
    cell["id"] = "essai-000"
    return nbformat.v4.new_notebook(cells=[cell])


def test_a_number_that_varies_does_not_make_a_notebook_stale():
    class Book:
        values = {"n": "0,5"}

    first, second = notebook("Soit \0n\0."), notebook("Soit \0n\0.")
    before = signature(first.cells)
    fill(first, Book)
    Book.values = {"n": "0,6"}
    fill(second, Book)
    assert first.cells[0].source == "Soit 0,5."
    assert first.metadata["d2l_fr"]["source"] == second.metadata["d2l_fr"]["source"] == before
    assert first.metadata["d2l_fr"]["contenu"] != second.metadata["d2l_fr"]["contenu"]


def test_every_role_the_guide_allows_is_known():
    from conftest import ROOT

    guide = (ROOT / "CONTRIBUER.md").read_text("utf-8")
    line = re.search(r"les rôles (.*?) ;", guide, re.DOTALL)[1]
    for name in re.findall(r"\{([a-z:]+)\}", line):
        body = {"numref": "fig-a", "cite:t": "a", "cite:p": "a"}.get(name, "a")
        Converter(FakeBook()).convert(f"{{{name}}}`{body}`")
    assert conversion.BOXES.keys() >= {"note", "tip"}


def test_a_prediction_and_its_answer_stay_in_the_notebook(converter):
    text = ":::{prediction}\nMonte ou *descend* ?\n:::\n\n:::{reponse}\nElle monte.\n:::"
    assert converter.convert(text) == (
        f"> **Avant d’essayer**\n>\n> Monte ou *descend*{NNBSP}?\n\n"
        "<details><summary>Après avoir essayé</summary>\n\nElle monte.\n\n</details>"
    )


# ---------- le bouton Colab d'une fourche


class FakeApp:
    def __init__(self, url=""):
        settings = {"depot_configure": url, "branche_configuree": "main"}
        self.config = type("Config", (), settings)()
        metadata = {"sequence": {"kernelspec": {}}, "index": {}}
        self.env = type("Env", (), {"metadata": metadata})()


def notebook_links(app, page="sequence"):
    return [action["url"] for action in theme.actions(app, page, lambda name, resource: name)]


def test_without_a_repository_there_is_no_colab_button(monkeypatch):
    monkeypatch.delenv("D2L_FR_PUBLICATION", raising=False)
    monkeypatch.setenv("GITHUB_REPOSITORY", "quelqu-un/rnn")
    assert notebook_links(FakeApp()) == ["notebooks/sequence.ipynb"]
    assert notebook_links(FakeApp(), "index") == []


def test_a_published_fork_links_to_itself(monkeypatch):
    monkeypatch.setenv("D2L_FR_PUBLICATION", "true")
    monkeypatch.setenv("D2L_FR_BRANCHE", "gh-pages")
    monkeypatch.setenv("GITHUB_REPOSITORY", "une-ecole/rnn")
    colab, download = notebook_links(FakeApp())
    assert colab == (
        "https://colab.research.google.com/github/une-ecole/rnn/blob/gh-pages/notebooks/sequence.ipynb"
    )
    assert download == "notebooks/sequence.ipynb"


def test_a_configured_repository_gets_its_button(monkeypatch):
    monkeypatch.delenv("D2L_FR_PUBLICATION", raising=False)
    monkeypatch.delenv("D2L_FR_BRANCHE", raising=False)
    colab, _ = notebook_links(FakeApp("https://github.com/a/b"))
    assert colab.endswith("/github/a/b/blob/main/notebooks/sequence.ipynb")


@pytest.mark.parametrize(
    ("repository", "base"),
    [("", "/"), ("une-ecole/rnn", "/rnn/"), ("une-ecole/une-ecole.github.io", "/")],
)
def test_the_404_page_knows_where_the_site_is(monkeypatch, repository, base):
    monkeypatch.setenv("D2L_FR_PUBLICATION", "true")
    monkeypatch.setenv("GITHUB_REPOSITORY", repository)
    app = FakeApp()
    app.config.html_title = "Titre"
    assert f'href="{base}index.html"' in site_livre.not_found(app)
