"""Le catalogue des corpus : d'où vient chaque texte, et ce qu'on en lit dans une liste."""

import dataclasses
import re

import pytest

from d2l_fr.corpora import UnknownCorpusError, list_corpora, load_corpus
from d2l_fr.corpora.catalog import CORPORA, Corpus, find

LINES = [
    "recit : L’Horloge des marées, récit écrit pour ce livre, français, CC0 1.0, # octets, "
    "embarqué",
    "terre-lune : De la Terre à la Lune, Jules Verne (1865), français, domaine public, # octets, "
    "à télécharger",
    "centre-terre : Voyage au centre de la Terre, Jules Verne (1864), français, domaine public, "
    "# octets, à télécharger",
    "time-machine : The Time Machine, H. G. Wells (1895), anglais, domaine public, # octets, "
    "à télécharger",
]


def test_a_corpus_is_shown_in_one_line():
    for corpus, line in zip(list_corpora(), LINES, strict=True):
        shown = str(corpus).replace("\u00a0", " ")
        assert re.sub("[0-9\u202f]+ octets", "# octets", shown) == line
    assert "terre-lune\u00a0:" in str(CORPORA["terre-lune"])


def test_a_corpus_whose_size_is_unknown_says_so():
    assert "CC0 1.0, taille inconnue, embarqué" in str(CORPORA["recit"])


def test_the_files_are_those_of_their_addresses():
    names = {corpus.name: corpus.filename for corpus in CORPORA.values()}
    assert names == {
        "recit": "recit.txt",
        "terre-lune": "799-0.txt",
        "centre-terre": "4791-8.txt",
        "time-machine": "timemachine.txt",
    }
    for corpus in CORPORA.values():
        assert corpus.embedded or corpus.url.startswith("https://raw.githubusercontent.com/")
    assert [c.name for c in CORPORA.values() if c.gutenberg] == ["terre-lune", "centre-terre"]
    assert [c.encoding for c in CORPORA.values()] == ["utf-8", "utf-8", "iso-8859-1", "ascii"]
    assert [c.size for c in CORPORA.values()] == [None, 377368, 449155, 178887]


def test_a_corpus_is_to_download_and_clean_unless_told():
    fields = dict.fromkeys(("title", "author", "year", "language", "license", "sha256"))
    corpus = Corpus(name="a", url="http://ici.fr/b/c.txt", encoding="utf-8", size=1, **fields)
    assert corpus.embedded is False and corpus.gutenberg is False
    assert corpus.filename == "c.txt"
    assert dataclasses.replace(corpus, url=None).filename == "a.txt"


@pytest.mark.parametrize("name", CORPORA)
def test_a_corpus_is_found_by_its_name(name):
    assert find(name) is CORPORA[name]


def test_an_unknown_name_gets_the_nearest_and_the_whole_list():
    names = "Noms possibles\u00a0: recit, terre-lune, centre-terre, time-machine."
    with pytest.raises(UnknownCorpusError) as caught:
        find("TERRE-LUN")
    assert str(caught.value) == (
        "Corpus inconnu\u00a0: 'TERRE-LUN'. Vouliez-vous dire «\u00a0terre-lune\u00a0»\u00a0? "
        + names
    )
    with pytest.raises(UnknownCorpusError) as caught:
        load_corpus(3)
    assert str(caught.value) == f"Corpus inconnu\u00a0: 3. {names}"
