#!/usr/bin/python3
"""Vérifie l'orthographe, la grammaire et le style des textes du livre, avec Grammalecte.

    /usr/bin/python3 tests/francais/verifier.py fichier.md fichier.py fichier.txt …

Rend 1 s'il y a des alertes, une par ligne. À côté : dico.txt (un mot par ligne, ou
« règle|texte » pour excuser une alerte) et anglicismes.tsv (motif, tabulation, conseil).
Lancé par le Python du système : c'est là que Debian met Grammalecte.
"""

import ast
import importlib.util
import re
import sys
from pathlib import Path

import grammalecte

HERE = Path(__file__).resolve().parent
PROSE = {"note", "tip", "admonition", "figure", "question", "table", "glossary"}
# Les marques d'un diaporama (CONTRIBUER.md) : leur texte se lit à l'écran, ou dans les notes.
MARK = re.compile(r"% (?:diapo \(\d+\)|puce|question|reponse|dire|demander|meprise): (.+)")
INLINE = [
    # L'anglais, dans le glossaire : en italique, au début d'une définition ou d'une case.
    (re.compile(r"^\*[\w –'-]+\*(?: \([^)]+\))?(?:, \*[\w –'-]+\*(?: \([^)]+\))?)*(?:\. |$)"), ""),
    (re.compile(r"\{term\}`([^`<]+?)(?: <[^`]*)?`"), r"\1"),
    (re.compile(r"\{(?:ref|doc|numref)\}`([^`<%]+?) <[^`]*`"), r"\1"),
    # L'anglais d'un terme, donné une fois entre parenthèses : (*hidden state*, RNN).
    (re.compile(r" ?\(\*[A-Za-z' -]+\*(?:, [\w-]+)?\)"), ""),
    (re.compile(r"\{glue:text\}`[^`]+`"), "12"),
    (re.compile(r"(?:\{[\w:.-]+\})?(`+).+?\1"), "X"),
    (re.compile(r"\$[^$]+\$"), "X"),
    (re.compile(r"!?\[([^\]]*)\]\([^)]*\)"), r"\1"),
    (re.compile(r"<[^>\n]+>|https?://\S+"), ""),
    (re.compile(r"\*+|(?<!\w)_|_(?!\w)"), ""),
]
# Types d'alertes sans objet ici : la construction pose les espaces et les apostrophes.
IGNORED = {"virg", "nbsp", "typo", "apos", "esp", "unit", "num"}


def _typography():
    spec = importlib.util.spec_from_file_location("french", HERE.parents[1] / "d2l_fr/french.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.typography


typography = _typography()


def markdown(text, first=1):
    """Les paragraphes d'un texte MyST : (ligne, prose)."""
    stack, buffer, start, hidden = [], [], first, None
    for number, line in enumerate([*text.split("\n"), ""], first):
        fence = re.match(r"\s*(`{3,}|~{3,}|:{3,})(.*)", line)
        in_code = bool(stack and not stack[-1][1])
        extra = ""
        if hidden:
            hidden = None if line.strip().startswith(hidden) else hidden
            line = ""
        elif number == 1 and line.strip() == "---":
            hidden, line = "---", ""
        elif fence and stack and not fence[2].strip() and fence[1].startswith(stack[-1][0]):
            stack.pop()
            line = ""
        elif fence and not in_code:
            directive = re.match(r"\s*\{(\S+)\}\s*(.*)", fence[2])
            readable = bool(directive and directive[1] in PROSE)
            stack.append((fence[1], readable, directive and directive[1]))
            extra = directive[2] if readable and directive[1] != "figure" else ""
            line = ""
        elif in_code:
            caption = re.match(r"\s*(?:caption|alt): (.+)", line)
            extra, line = (caption[1] if caption else ""), ""
        elif re.match(r"\s*\$\$\s*$", line):
            hidden, line = "$$", ""
        elif named := re.match(r":(titre|alt):\s*(.*)", line):
            extra, line = named[2], ""
        elif spoken := MARK.match(line):
            extra, line = spoken[1], ""
        elif re.match(
            r"\s*(\$\$.*|\([\w:.-]+\)=|\+\+\+|%|---|:[\w-]+:|\|[-:| ]+$|## [a-z0-9-]+$)", line
        ):
            line = ""
        mark = re.match(r"\s*(#+|[-*+](?: \[[ x]\])?|\d+\.|>|\|)\s", line)
        # Dans un glossaire, chaque ligne est un terme ou une définition entière.
        defined = bool(stack) and stack[-1][2] == "glossary"
        if (not line.strip() or mark or defined) and buffer:
            yield start, " ".join(buffer)
            buffer = []
        if extra:
            yield number, extra
        for cell in (
            line.split("|")
            if line.lstrip().startswith("|")
            else [line[mark.end() if mark else 0 :]]
        ):
            if cell.strip():
                if not buffer:
                    start = number
                buffer.append(cell.strip())
            if line.lstrip().startswith("|") and buffer:
                yield number, " ".join(buffer)
                buffer = []


def hints(text):
    """Les docstrings que l'élève lit dans un fichier d'exercices : indices, critères, variantes."""
    blocks = r"^```python (?:erreurs|epreuve|variante)\n(.*?)^```"
    for block in re.finditer(blocks, text, re.DOTALL | re.MULTILINE):
        offset = text[: block.start(1)].count("\n")
        for node in ast.walk(ast.parse(block[1])):
            if isinstance(node, ast.FunctionDef) and (doc := ast.get_docstring(node)):
                yield offset + node.lineno + 1, " ".join(doc.split())


def docstrings(text):
    """Les docstrings d'un module, par paragraphe, sans les exemples."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            continue
        for paragraph in re.split(r"\n\s*\n", ast.get_docstring(node) or ""):
            if not re.match(r"\s*>>>|    ", paragraph):
                text = re.sub(r"Page : [\w-]+\.", "", " ".join(paragraph.split()))
                yield getattr(node, "lineno", 1), text


def passages(path):
    text = Path(path).read_text("utf-8")
    if path.endswith(".py"):
        yield from docstrings(text)
    elif path.endswith(".txt"):
        yield from ((n, line) for n, line in enumerate(text.split("\n"), 1) if line.strip())
    else:
        yield from markdown(text)
        yield from hints(text)


def load():
    words = (HERE / "dico.txt").read_text("utf-8").splitlines()
    style = (HERE / "anglicismes.tsv").read_text("utf-8").splitlines()
    rules = [line.split("\t") for line in style if line and not line.startswith("#")]
    return {w.strip() for w in words if w and not w.startswith("#")}, [
        (re.compile(r"(?i)(?<!\w)(?:" + pattern + r")"), advice) for pattern, advice in rules
    ]


def alerts(checker, text, known, style, ignored=IGNORED):
    for pattern, replacement in INLINE:
        text = pattern.sub(replacement, text)
    text = typography(re.sub(r"  +", " ", text).strip())
    errors, spelling = checker.getParagraphErrors(text)
    for error in errors:
        found = text[error["nStart"] : error["nEnd"]]
        if error["sType"] in ignored or f"{error['sRuleId']}|{found}" in known:
            continue
        # Une phrase reprend après une formule ou un bloc de code.
        if error["sRuleId"] == "majuscule_début_paragraphe":
            continue
        yield f"{error['sType']} « {found} » {error['sMessage']} [{error['sRuleId']}]"
    for error in spelling:
        word = re.sub("^.*[’']", "", error["sValue"])
        if not {word, word.lower(), word.rstrip("s"), word.lower().rstrip("s")} & known:
            yield f"orthographe « {word} »"
    for pattern, advice in style:
        for match in pattern.finditer(text):
            yield f"style « {match[0]} » → {advice}"


def main(paths):
    checker = grammalecte.GrammarChecker("fr")
    known, style = load()
    count = 0
    for path in paths:
        # « Rend… », « Prévoit… » : l'usage des docstrings est la troisième personne.
        ignored = IGNORED | {"imp"} if path.endswith(".py") else IGNORED
        for number, text in passages(path):
            for alert in alerts(checker, text, known, style, ignored):
                print(f"{path}:{number}: {alert}")
                count += 1
    return count > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
