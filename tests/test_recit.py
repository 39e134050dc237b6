"""Le récit du livre : long, riche, sans remplissage, et bien typographié.

Les seuils viennent de deux romans de Verne et d'un de Rosny, mesurés de la même façon sur leurs
150 000 premiers caractères.
"""

import lzma
import re
import unicodedata
from collections import Counter

import pytest

import d2l_fr as d2l

LENGTH = 150_000


@pytest.fixture(scope="module")
def text():
    return d2l.load_corpus("recit")


@pytest.fixture(scope="module")
def start(text):
    return text[:LENGTH]


def words(text):
    return re.findall(r"[^\W\d_]+", text.lower())


def sentences(text):
    parts = (" ".join(words(part)) for part in re.split(r"[.!?…]+[»\s]", text))
    return [part for part in parts if len(part.split()) >= 5]


def test_it_is_long_enough_and_in_chapters(text):
    assert len(text) >= LENGTH
    assert len(re.findall(r"^CHAPITRE [A-Z]+$", text, re.MULTILINE)) == 24


def test_its_vocabulary_is_rich(start):
    assert len(set(words(start))) >= 4_700


def test_it_does_not_compress_too_well(start):
    data = start.encode()
    assert len(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME)) / len(data) >= 0.32


def test_it_does_not_repeat_itself(text, start):
    found = words(start)
    grams = Counter(tuple(found[i : i + 8]) for i in range(len(found) - 7))
    repeated = sum(count for count in grams.values() if count > 1)
    assert repeated / grams.total() <= 0.005
    assert [s for s, count in Counter(sentences(text)).items() if count > 1] == []


def test_its_typography_is_french(text):
    assert text == unicodedata.normalize("NFC", text)
    assert text == "\n".join(d2l.typography(line) for line in text.split("\n"))
    assert not re.search("[\"'\t]|  |\u00a0 | \u00a0", text)
    # Une capitale garde son accent.
    assert not re.search(r"\b(?:Etat|Ecole|Eglise|Ile|Etait|Ecoute|Evidemment|Edouard)\b", text)
    assert not re.search(r"(?:^|[.!?…]\s|—\s)A [a-zéèà]", text, re.MULTILINE)


def test_its_paragraphs_are_single_lines(text):
    assert "\n\n\n" not in text
    for block in text.strip().split("\n\n"):
        assert "\n" not in block
        assert block == block.strip()


def test_every_quote_closes(text):
    assert text.count("«") == text.count("»")
    assert text.count("(") == text.count(")")
