"""Les pannes de la construction, provoquées pour de bon dans un petit livre.

Chacune doit dire quoi et où, en français et sans trace de Python, et laisser le site en place.
"""

import re

import pytest

from outils import journal
from petit import Workshop

ADDED = "\n\n{}\n"


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    """Le petit livre, construit une fois ; son site ne doit plus changer."""
    shop = Workshop(tmp_path_factory.mktemp("petit"))
    status, said = shop.run()
    assert status == 0, said
    shop.good = shop.tree()
    yield shop
    shop.close()


def adds(text):
    return lambda page: page + ADDED.format(text)


def swaps(old, new):
    def change(page):
        assert old in page
        return page.replace(old, new, 1)

    return change


def cell(code, header=""):
    """La cellule de la page « compte », et ce qui s'ajoute à son en-tête."""
    return lambda page: page.replace("print(1 + 1)", code).replace(
        "kernelspec:", f"{header}kernelspec:"
    )


def refused(workshop, changes):
    """Construit le livre abîmé : il échoue proprement, et le site reste ; rend ce qui s'est dit."""
    with workshop.broken(changes):
        status, said = workshop.run()
    assert status == 1, said
    assert "Échec :" in said
    assert "Traceback" not in said
    assert str(workshop.root) not in said
    assert workshop.tree() == workshop.good
    return said


def told(workshop, said):
    """Toutes les fautes, et d'abord celles que le message ne fait que compter."""
    log = (workshop.build / "livre.log").read_text("utf-8")
    return said + "\n".join(journal.problems(log, workshop.root))


def test_the_small_book_has_what_a_book_has(workshop):
    names = set(workshop.good)
    assert {"index.html", "calcul.html", "notebooks/calcul.ipynb", "hors-ligne.js"} <= names
    assert b'class="figure-vivante"' in workshop.good["texte.html"]
    assert b"La droite finit \xc3\xa0 2,0" in workshop.good["calcul.html"]


# ---------- ce qui se voit avant d'exécuter quoi que ce soit

READABLE = {
    "book/_toc.yml": (
        swaps("file: compte", "file: absente"),
        ["book/_toc.yml, ligne 8 : la page « absente » n'existe pas",
         "book/compte.md : page absente de book/_toc.yml"],
    ),
    "book/index.md": (
        "---\na: [\n---\n# Titre\n", ["book/index.md, ligne 3 : YAML mal formé"]
    ),
    "book/glossaire.md": (
        "# Glossaire\n\nÉté\n".encode("latin-1"),
        ["book/glossaire.md, ligne 3 : ce n'est pas de l'UTF-8"],
    ),
    "book/descriptions.yml": (adds(" a: ["), ["book/descriptions.yml, ligne"]),
    "book/img/carre.svg": (
        "", ["book/img/carre.svg, ligne 1 : figure vide ou tronquée"]
    ),
    "book/img/logo.svg": (
        lambda text: text[: len(text) // 2], ["book/img/logo.svg, ligne", "figure vide ou tronquée"]
    ),
    "book/_theme/layout.html": (
        swaps("{% endblock %}", "{% fin %}"),
        ["book/_theme/layout.html, ligne", "gabarit mal écrit"],
    ),
    "book/_theme/theme.toml": ("[theme\n", ["book/_theme/theme.toml : réglages mal formés"]),
    "d2l_fr/exercises/calcul.md": (
        swaps(":genre: reflexion", ":genre: devinette"),
        ["exercice « somme » : genre « devinette »"],
    ),
}  # fmt: skip


def test_what_can_be_read_is_refused_before_anything_runs(workshop):
    said = refused(workshop, {name: change for name, (change, _) in READABLE.items()})
    assert "lecture et exécution" not in said
    for _, expected in READABLE.values():
        for line in expected:
            assert line in said


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        ("_config.yml", adds("html: ["), r"_config\.yml, ligne \d+ : YAML mal formé"),
        ("_config.yml", swaps("title:", "titre:"), r"_config\.yml : la clé « title » manque"),
        ("_config.yml", b"\xff\xfe", r"_config\.yml, ligne 1 : ce n'est pas de l'UTF-8"),
        ("_config.yml", None, r"ce fichier manque \(_config\.yml\)"),
        ("book/_toc.yml", adds(" - : ["), r"book/_toc\.yml, ligne \d+ : YAML mal formé"),
        ("book/_toc.yml", swaps("file: texte", "fichier: texte"),
         r"book/_toc\.yml, ligne 9 : table des matières mal écrite"),
        ("book/_toc.yml", None, r"book/_toc\.yml : ce fichier manque"),
    ],
)  # fmt: skip
def test_a_badly_written_setting_gives_its_line(workshop, name, change, expected):
    assert re.search(expected, refused(workshop, {name: change}))


# ---------- renvois, liens et figures

REFERENCES = {
    "{ref}`absente`": "étiquette inconnue : « absente »",
    "{numref}`fig-absente`": "étiquette inconnue : « fig-absente »",
    "{eq}`eq-absente`": "équation inconnue : « eq-absente »",
    "{term}`mot inconnu`": "terme absent du glossaire : « mot inconnu »",
    "{cite:t}`absent2020`": "référence absente de references.bib : « absent2020 »",
    "{doc}`page-absente`": "page inconnue : « page-absente »",
    "[lien](absente.md)": "lien sans cible : « absente.md »",
    "[ancre](#ancre-absente)": "lien sans cible : « ancre-absente »",
    "[ancre](calcul.md#loin)": "lien sans cible : « calcul.md#loin »",
    "{glue:text}`jamais`": "nombre jamais calculé : {glue} « jamais »",
    "{inconnu}`x`": "rôle inconnu : « inconnu »",
    "$\\frac{a$": "formule que Temml ne sait pas composer",
    "![Une image](img/absente.png)": "image introuvable : img/absente.png",
    "```{figure} img/absente.svg\n:alt: Rien.\n\nRien.\n```": "image introuvable : img/absente.svg",
    "```{figure} img/carre.svg\n\nSans texte.\n```": "la figure carre.svg n'a pas de texte (:alt:)",
    "```{inconnue}\n```": "directive inconnue : « inconnue »",
    "```{exercice} absent\n```": "n'a pas d'exercice",
    "```{vivante} absente\n```": "aucune page ne montre la figure vivante « absente »",
    ":::{question}\nOui ?\n\n- [ ] Non.\n  Non.\n:::": "une question veut au moins deux choix",
}


def test_every_broken_reference_gives_its_page_and_line(workshop):
    page = (workshop.book / "texte.md").read_text("utf-8") + "\n\n".join(["", *REFERENCES, ""])
    lines = told(workshop, refused(workshop, {
        "book/texte.md": page, "book/calcul.md": adds("{ref}`apres-un-exercice`"),
    })).splitlines()  # fmt: skip
    last = (workshop.book / "calcul.md").read_text("utf-8").count("\n") + 3
    assert any(
        f"book/calcul.md, ligne {last} :" in line and "apres-un-exercice" in line for line in lines
    )
    for source, expected in REFERENCES.items():
        number = page.count("\n", 0, page.index(source)) + 1
        found = [line for line in lines if expected in line]
        assert found, (expected, lines)
        assert all(f"book/texte.md, ligne {number} :" in line for line in found), found


def test_a_link_written_by_hand_needs_a_target(workshop):
    said = refused(workshop, {
        "book/texte.md": adds(
            '<a href="absente.html">ici</a>, <a href="calcul.html#loin">là</a>\n\n'
            '<a href="#nulle-part">ailleurs</a>, <a href="calcul.html#fig-calcul-droite">bien</a>'
        )
    })  # fmt: skip
    assert said.count("lien sans cible") == 3
    for line, address in (24, "absente.html"), (24, "calcul.html#loin"), (26, "#nulle-part"):
        assert f"book/texte.md, ligne {line} : lien sans cible : « {address} »" in said


# ---------- gabarits, extensions, bibliographie


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        ("book/_theme/page.html", None, "un gabarit ne peut être rempli"),
        (
            "book/_theme/layout.html",
            swaps("{{ metatags }}", ""),
            "index.html : la description manque",
        ),
        (
            "book/_ext/suivi.py",
            adds("1 / 0"),
            "ZeroDivisionError : division by zero (book/_ext/suivi.py, ligne",
        ),
        ("book/references.bib", lambda text: text[:60], "book/references.bib, ligne 3 : mal formé"),
    ],
)
def test_what_breaks_in_the_middle_says_where(workshop, name, change, expected):
    assert expected in refused(workshop, {name: change})


# ---------- les cellules


def test_a_failing_cell_gives_its_number_and_line(workshop):
    said = refused(workshop, {"book/compte.md": cell("un = 1\nun + inconnu")})
    assert "book/compte.md : une cellule échoue à l'exécution" in said
    assert "Cellule 1, ligne 2 :" in said
    assert "NameError: name 'inconnu' is not defined" in said


def test_a_cell_that_never_ends_is_stopped(workshop):
    endless = cell("while True:\n    pass", "mystnb:\n  execution_timeout: 2\n")
    said = refused(workshop, {"book/compte.md": endless})
    assert "book/compte.md : une cellule dépasse le temps permis" in said
    assert "while True:" in said


def test_a_kernel_that_dies_names_its_cell(workshop):
    said = refused(workshop, {"book/compte.md": cell("import os\n\nos._exit(1)")})
    assert "book/compte.md : cellule 1 : le calcul s'est arrêté net" in said


def test_an_unknown_kernel_is_named(workshop):
    said = refused(workshop, {"book/compte.md": swaps("name: python3", "name: julia")})
    assert "book/compte.md : noyau Jupyter inconnu : « julia »" in said


# ---------- la suite


def test_once_mended_the_book_is_the_same(workshop):
    notebook = workshop.root / "notebooks" / "compte.ipynb"
    notebook.write_bytes(notebook.read_bytes()[:200])
    status, said = workshop.run()
    assert status == 0, said
    assert "notebooks/compte.ipynb : récrit" in said
    assert workshop.tree() == workshop.good
