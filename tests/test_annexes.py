"""Le glossaire : trié à la française, ses deux parties accordées ; et la version que l'on cite."""

import re
import unicodedata

import d2l_fr
from conftest import ROOT

GLOSSARY = (ROOT / "book" / "glossaire.md").read_text("utf-8")
BODY, TABLE = GLOSSARY.split("```{glossary}\n")[1].split("\n```\n")


def key(text):
    """L'ordre du dictionnaire : sans accents ni casse, mot à mot."""
    plain = unicodedata.normalize("NFD", text.lower()).replace("œ", "oe")
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return re.sub(r"[^a-z0-9]+", " ", plain).strip()


def terms():
    return [[t for t in e.split("\n") if t[:1] != " "] for e in BODY.strip().split("\n\n")]


def test_the_glossary_is_sorted():
    firsts = [names[0] for names in terms()]
    assert firsts == sorted(firsts, key=key)
    assert len(firsts) >= 60


def test_every_entry_has_its_english_name_and_a_definition():
    for entry in BODY.strip().split("\n\n"):
        assert re.search(r"^  \*[^*]+\*.*\. .*Voir \{doc\}`[\w-]+`.*\.$", entry, re.M), entry


def test_the_table_is_sorted_and_names_known_terms():
    rows = re.findall(r"^\| (\*.+?) \| (.+?) \|$", TABLE, re.MULTILINE)
    assert [row[0] for row in rows] == sorted((row[0] for row in rows), key=key)
    known = {name.lower() for names in terms() for name in names}
    found = [m for _, cell in rows for m in re.findall(r"\{term\}`(?:[^`<]*<)?([^`>]+)>?`", cell)]
    assert found and {name.lower() for name in found} <= known


def test_the_cited_version_is_the_package_s():
    text = (ROOT / "book" / "a-propos.md").read_text("utf-8")
    assert set(re.findall(r"version (\d+\.\d+\.\d+)", text)) == {d2l_fr.__version__}
