"""L'index de la recherche : les passages du livre, les mots qu'ils emploient, et où les trouver.

L'index est un script, ``_static/recherche-index.js``, que la page charge à la première recherche ;
il marche donc aussi depuis un dossier. Il ne contient pas le texte : celui de chaque page est un
script à part, ``_static/recherche/<page>.js``, chargé quand un résultat doit en citer un extrait.
"""

import json
import re
from collections import Counter
from pathlib import Path

from sphinx.search.fr import SearchFrench
from sphinx.util import logging

from lexique import STEMMER, digits, flat, identifiers, slug, stems, vocabulary, words
from passages import english, read

logger = logging.getLogger(__name__)

NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
IGNORED_CODE = re.compile(r'"""[\s\S]*?"""|"[^"\n]*"|\'[^\'\n]*\'|#[^\n]*')
DEFINITION = re.compile(r"^\s*(?:def|class) (\w+)", re.MULTILINE)
# Les mots d'une question, qui n'en disent pas le sujet.
QUESTIONS = {
    "pourquoi",
    "comment",
    "combien",
    "quand",
    "quel",
    "quelle",
    "quels",
    "quelles",
    "quoi",
    "sert",
}
KINDS = ["h1", "h2", "h3", "exercice", "terme", "nom"]
DEFINED = 8  # ce que compte une définition, quand un emploi compte 1


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
    if passage.kind == "nom":
        counts[passage.anchor.replace("d2l_fr.", "d2l.")] += DEFINED
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
            headings += words(passage.title) if passage.kind != "nom" else ()
            found = [word for word in words(passage.prose) if flat(word) not in stop]
            sizes.append(digits(min(len(found) // 8, 89)))
            for word, count in Counter(w for w in found if not w.isdigit()).items():
                prose.setdefault(word, Counter())[place] = count
            for identifier, count in names(passage).items():
                code.setdefault(identifier.lower(), Counter())[place] += count
    for word in [*headings, *(w for terms in synonyms.values() for t in terms for w in words(t))]:
        if flat(word) not in stop:
            prose.setdefault(word, Counter())
    roots = stems(prose)
    lexicon, places = vocabulary(prose, roots)
    names_used, uses = identifiers(code)
    index = {
        "pages": [[name, rank, label] for name, rank, label, _ in pages],
        "passages": sections,
        "tailles": "".join(sizes),
        "racines": " ".join(lexicon),
        "adresses": " ".join(places),
        "noms": " ".join(names_used),
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
    """Les trois sortes de scripts, depuis des pages lues."""
    index, texts = build(pages)
    if not index["passages"]:
        logger.warning("recherche : aucun passage trouvé (voyez book/_theme/layout.html)")
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
