"""Les classiques : le texte de l'auteur seul, et le nettoyage Gutenberg règle par règle."""

import dataclasses
import hashlib
import os
import re
import unicodedata
from pathlib import Path

import pytest

from conftest import ROOT
from d2l_fr import corpora
from d2l_fr.corpora import catalog, gutenberg

# Les classiques : les vrais fichiers s'ils sont là, sinon des fichiers d'essai de la même facture

ENDS = {
    "terre-lune": (
        "I\nLE GUN-CLUB\n\nPendant la guerre fédérale des États-Unis, un nouveau club très "
        "influent s'établit dans la ville de Baltimore, en plein Maryland. On sait",
        "et vous verrez qu'ils se tireront d'affaire!»\n",
    ),
    "centre-terre": (
        "I\n\nLe 24 mai 1863, un dimanche, mon oncle, le professeur Lidenbrock, revint",
        "membre correspondant de toutes les Sociétés scientifiques, géographiques et "
        "minéralogiques des cinq parties du monde.\n",
    ),
}
# Caractères, mots et mots distincts de « time-machine » après le nettoyage de D2L.
D2L_COUNTS = {True: (173428, 32775, 4579), False: (58, 10, 6)}


def made_up(name):
    if name == "time-machine":
        return b"The Time Machine [1898]\n\nI\n\nThe Traveller, the--Time 'traveller', spoke.\n"
    head, tail = ENDS[name]
    title, _, head = head.partition("\n\n")
    title = title.replace("\n", "\n     --------------------\n  ")
    return gutenberg_file(
        f"  {title}\n\n{head} tout.  Et l'_Atlanta_ part.\n\n{VERSES}\n\n{tail}"
    ).encode(catalog.CORPORA[name].encoding)


VERSES = "    _Je chante_ ce héros\n    qui régna sur la France"


def gutenberg_file(body):
    text = (
        "The Project Gutenberg EBook of Conte\n\n"
        "*** START OF THIS PROJECT GUTENBERG EBOOK CONTE ***\n\n"
        f"Produced by A. Nonyme\n\nConte\n\n\n\n{body}\n\n\n\nEnd of Project Gutenberg's Conte\n\n"
        "*** END OF THIS PROJECT GUTENBERG EBOOK CONTE ***\n\nLicence\n"
    )
    return text.replace("\n", "\r\n")


@pytest.fixture
def classic(monkeypatch, tmp_path):
    """Rend (texte, vrai ou non) pour un nom ; le réseau n'a aucune part à la lecture."""

    def load(name):
        corpus = catalog.CORPORA[name]
        named = os.environ.get("D2L_FR_DONNEES")
        places = [Path(named)] if named else []
        for place in [*places, ROOT.parent / "shared" / "data"]:
            if (place / corpus.filename).exists():
                monkeypatch.setenv("D2L_FR_DONNEES", str(place))
                return corpora.load_corpus(name), True
        data = made_up(name)
        (tmp_path / corpus.filename).write_bytes(data)
        changes = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
        monkeypatch.setitem(catalog.CORPORA, name, dataclasses.replace(corpus, **changes))
        monkeypatch.setenv("D2L_FR_DONNEES", str(tmp_path))
        return corpora.load_corpus(name), False

    return load


@pytest.mark.parametrize("name", ENDS)
def test_verne_alone(classic, name):
    text, _ = classic(name)
    head, tail = ENDS[name]
    assert text.startswith(head) and text.endswith(tail)
    assert not re.search(
        r"gutenberg|produced by|\r|_|\ufeff|\\|-{5}|\n{3}| \n", text, re.IGNORECASE
    )
    assert unicodedata.is_normalized("NFC", text)
    # La prose : un paragraphe par ligne, une espace entre deux phrases. Le reste est étroit.
    prose = [p for p in text.strip().split("\n\n") if max(map(len, p.split("\n"))) > 100]
    assert prose and not [p for p in prose if "\n" in p or "  " in p]


def test_cryptogram_is_still_aligned(classic):
    text, real = classic("centre-terre")
    if real:
        runes, letters = (
            next(p for p in text.split("\n\n") if p.startswith(start)).split("\n")
            for start in ("ᛯ", "mm .")
        )
        # Une lettre par rune : c'est ainsi que le professeur le déchiffre.
        assert [len(line.split()) for line in runes] == [len(line.split()) for line in letters]
    assert real or VERSES.replace("_", "").replace("    ", "") in text


def test_time_machine_is_the_one_of_d2l(classic):
    text, real = classic("time-machine")
    cleaned = re.sub("[^A-Za-z]+", " ", text).lower()
    assert (len(cleaned), len(cleaned.split()), len(set(cleaned.split()))) == D2L_COUNTS[real]


# Le nettoyage, règle par règle


def cleaned(body):
    return gutenberg.clean(gutenberg_file("I\n\n" + body)).removeprefix("I\n\n").removesuffix("\n")


@pytest.mark.parametrize(
    "body, expected",
    [
        ("Une ligne.  Puis\nune autre.", "Une ligne. Puis une autre."),
        ("Fin.\n\n\n\n--Oui,\n--non.", "Fin.\n\n--Oui, --non."),
        ("l'_Atlanta_ et _Tout\nautre_!", "l'Atlanta et Tout autre!"),
        ("un arc-\nen-ciel (--\n3 F)", "un arc-en-ciel (-- 3 F)"),
        ("--Il dit marée, dit\n  mon oncle.", "--Il dit marée, dit mon oncle."),
        ("  1º Que ceci soit\n     ou non, ci...   1000", "1º Que ceci soit ou non, ci... 1000"),
        ("    Un vers,\n    puis un autre.", "Un vers,\npuis un autre."),
        ("             PARIS.\nLe 3 mai.", "PARIS.\nLe 3 mai."),
        ("  Une citation en retrait qui occupe toute la largeur de la page\n  finit ici.",
         "Une citation en retrait qui occupe toute la largeur de la page finit ici."),
        ("    a  b   c\n    dd e   f", "a  b   c\ndd e   f"),
        ("    D0 _E6_ .\n    B3 C5", "ᛐ   ᛦ   .\nᚳ  ᛅ"),
        ("AC DC n'est pas en retrait", "AC DC n'est pas en retrait"),
        ("  II\n ------\n  UN TITRE EN\n DEUX LIGNES", "II\nUN TITRE EN DEUX LIGNES"),
        ("Avant.\n\n   ---------\n\nAprès.", "Avant.\n\nAprès."),
        (r"des \(\pi\) et des \(x\)", "des π et des x"),
    ],
)  # fmt: skip
def test_cleaning(body, expected):
    assert cleaned(body) == expected


VERSE = "    " + "a" * 27 + " " + "b" * 27  # 59 signes


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("Fait à Paris,\n        Verne.", "Fait à Paris,\nVerne."),
        ("Fait à Paris,\n       Verne.", "Fait à Paris, Verne."),
        ("  1º oui\n    et non", "1º oui et non"),
        ("  1º oui\n      et non", "1º oui et non"),
        ("  Oui,\n   et non", "Oui,\net non"),
        ("  Oui,\n       et non", "Oui,\net non"),
        ("  Oui,\n    et non,\n     ou bien", "Oui,\net non,\nou bien"),
        (VERSE + "\n    c", VERSE.strip() + "\nc"),
        (VERSE + "b\n    c", VERSE.strip() + "b c"),
        ("Avant\n-----\naprès", "Avant après"),
        ("Avant\n----\naprès", "Avant ---- après"),
        ("  A0 F0\n  EF", "ᚠ  ᛰ\nᛯ"),
        ("  F1 A0", "F1 A0"),
        ("  90 A0", "90 A0"),
    ],
)
def test_the_limits_of_each_rule(body, expected):
    assert cleaned(body) == expected


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("*** START OF THIS PROJECT GUTENBERG EBOOK CONTE ***", "End of Project Gutenberg's Conte"),
        ("***START OF THE PROJECT GUTENBERG EBOOK CONTE***", "End of the Project Gutenberg EBook"),
        ("*** Start of the Project Gutenberg eBook\nConte,\nsuite ***", "END OF PROJECT GUTENBERG"),
        ("*** START OF THIS PROJECT GUTENBERG EBOOK C ***", "*** END OF THIS PROJECT GUTENBERG"),
        ("*** START OF THIS PROJECT GUTENBERG EBOOK C ***", "***End of the Project Gutenberg"),
    ],
)
def test_the_marks_of_gutenberg_have_several_forms(start, end):
    body = "Avis\n\nI\n\nThe End of Project Gutenberg, dit-on.\n\n"
    text = f"End of Project Gutenberg\n{start}\n{body}{end}\nLicence\n{end}\n"
    assert gutenberg.clean(text) == "I\n\nThe End of Project Gutenberg, dit-on.\n"
    for half in (text.replace(start, ""), text.partition(end)[0]):
        with pytest.raises(ValueError, match="ses marques de début et de fin manquent"):
            gutenberg.clean(half)


@pytest.mark.parametrize("chapter", ["I", "  I \t", "\tI"])
def test_the_first_chapter_stands_alone_on_its_line(chapter):
    body = f"I. Avis\n\nII\n\nÀ I\n\n{chapter}\n\nTexte."
    assert gutenberg.clean(gutenberg_file(body)) == "I\n\nTexte.\n"


@pytest.mark.parametrize("text", ["", "I\n\nTexte nu.", gutenberg_file("Sans chapitre.")])
def test_cleaning_refuses_what_it_does_not_know(text):
    with pytest.raises(ValueError, match=r"introuvable|pas un fichier du Projet Gutenberg"):
        gutenberg.clean(text)


def test_cleaning_starts_where_it_is_told():
    assert gutenberg.clean(gutenberg_file("Avis\n\nFIN\nde tout"), start="^FIN$") == "FIN de tout\n"
