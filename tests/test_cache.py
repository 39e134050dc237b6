"""Le dossier des corpus : ce qui n'est pas le bon fichier se reconnaît."""

import hashlib
from dataclasses import replace

import pytest

from d2l_fr.corpora import CorruptedFileError, HTMLPageError
from d2l_fr.corpora.cache import check
from d2l_fr.corpora.catalog import CORPORA

CORPUS = CORPORA["terre-lune"]


@pytest.mark.parametrize(
    "data",
    [
        b"<html>",
        b"\n<HTML lang='fr'>",
        b"<!DOCTYPE html><body>",
        b"<!doctype HTML>",
        b" " * 1019 + b"<html",
    ],
)
def test_a_web_page_is_known_by_its_head(data):
    with pytest.raises(HTMLPageError, match="ailleurs"):
        check(data, CORPUS, "ailleurs")


@pytest.mark.parametrize(
    "data", [b"", b"html", b"<!doctype xml>", b"<p>", b" " * 1020 + b"<html>", b"<htm l"]
)
def test_anything_else_is_a_damaged_file(data):
    with pytest.raises(CorruptedFileError) as caught:
        check(data, CORPUS, "ailleurs")
    message = str(caught.value)
    assert hashlib.sha256(data).hexdigest() in message and CORPUS.sha256 in message
    assert "(origine\u00a0: ailleurs)" in message and "est tronqué" in message
    assert f"Reçu\u00a0: {len(data)}\u00a0octets" in message


def test_the_right_file_passes_even_if_it_speaks_of_html():
    data = b"<html>"
    assert check(data, replace(CORPUS, sha256=hashlib.sha256(data).hexdigest()), "ici") is None
