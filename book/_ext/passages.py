"""Les passages d'une page construite : ce que la recherche peut montrer, et rien d'autre.

Un passage commence à un titre des trois premiers niveaux, à un exercice, à une entrée du
glossaire ou à un nom du paquet, et porte l'ancre qui y mène. Les solutions, les réponses repliées,
les sorties, les figures et les formules n'en sont pas.
"""

import re
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser

VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}
DROPPED_TAGS = {"svg", "script", "style", "button", "template"}
DROPPED = {"headerlink", "cell_output", "verdict", "question-pourquoi", "math", "eqno"}
DROPPED |= {"section-number", "caption-number", "toctree-wrapper", "figure-vivante", "noms"}
FOLDED = {"solution", "reponse"}  # des <details> dont on ne montre pas le contenu
HEADER = re.compile(r"^ ?\w+ · ★+ · \d+ min ")  # genre, difficulté et durée d'un exercice
FORMULA = '<span class="math"></span>'
INLINE = {"a", "abbr", "b", "code", "em", "i", "kbd", "span", "strong", "sub", "sup"}


@dataclass
class Passage:
    """Un passage : son ancre, son titre, son genre, sa prose, son texte à citer, son code."""

    anchor: str
    kind: str  # h1, h2, h3, exercice, terme ou nom
    pieces: dict = field(default_factory=lambda: {"titre": [], "prose": [], "texte": []})
    code: list = field(default_factory=list)
    literals: list = field(default_factory=list)
    summed_up: bool = False  # d'un nom, on ne cherche que le résumé ; le reste se cite

    def _joined(self, name):
        text = re.sub(r"\s+", " ", "".join(self.pieces[name]))
        if self.kind == "exercice":
            text = HEADER.sub("", text)
        return re.sub(r"(?:… ?){2,}", "… ", text).strip()

    @property
    def title(self):
        title = self._joined("titre")
        return re.sub(r"^\((.*)\)$", r"\1", title)

    @property
    def prose(self):
        return self._joined("prose")

    @property
    def text(self):
        return self._joined("texte")


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.passages, self.open, self.stack = [], [], []
        self.dropped = 0

    def _within(self, role):
        return any(frame[1] == role for frame in self.stack)

    def _start(self, anchor, kind):
        passage = Passage(anchor, kind)
        self.passages.append(passage)
        self.open.append(passage)

    def _role(self, tag, classes, attributes):
        """Ce qu'un élément fait au passage en cours."""
        if tag in DROPPED_TAGS or classes & DROPPED or (tag == "details" and classes & FOLDED):
            if "math" in classes:
                self._add("…", "texte")
            return "rien"
        if tag == "article":
            return "article"
        if not self._within("article"):
            return ""
        anchor = attributes.get("id")
        if tag in ("h1", "h2", "h3"):
            frame = next((f for f in reversed(self.stack) if f[0] == "section"), None)
            if frame and frame[2] and frame[1] != "passage":
                frame[1] = "passage"
                self._start(frame[2], tag)
                return "titre"
        if tag == "div" and "exercise" in classes and anchor:
            self._start(anchor, "exercice")
            return "passage"
        if tag == "p" and "admonition-title" in classes and self.stack[-1][1] == "passage":
            return "titre"
        if tag == "dt" and (anchor or "").startswith("term-"):
            if self.open[-1].kind == "terme":
                self._add(", ", "titre")
            else:
                self._start(anchor, "terme")
            return "titre"
        if tag == "dt" and "sig-object" in classes and not self._within("entree"):
            self._start(anchor, "nom")
            return "signature"
        if tag == "span" and "descname" in classes and self._within("signature"):
            return "titre"
        if tag == "dd" and self.open and self.open[-1].kind in ("terme", "nom"):
            return "" if self._within("entree") else "entree"
        if self.open and self.open[-1].summed_up:
            return "rien" if tag == "div" and "highlight" in classes else ""
        if tag == "div" and "highlight" in classes and self.open:
            self.open[-1].code.append("")
            return "code"
        if tag == "summary" and self.stack[-1][0] == "details" and "hide" in self.stack[-1][3]:
            return "rien"
        return "mot-code" if tag == "code" else ""

    def handle_starttag(self, tag, attrs):
        if tag in VOID:
            return
        attributes = {name: value or "" for name, value in attrs}
        classes = set(attributes.get("class", "").split())
        role = "" if self.dropped else self._role(tag, classes, attributes)
        if role == "mot-code" and self.open:
            self.open[-1].literals.append("")
            self._add(" ", "prose")
        elif tag not in INLINE:
            self._add(" ")
        self.dropped += role == "rien"
        self.stack.append([tag, role, attributes.get("id"), classes])

    def handle_endtag(self, tag):
        if not any(frame[0] == tag for frame in self.stack):
            return
        while self.stack:
            name, role, _, _ = self.stack.pop()
            self.dropped -= role == "rien"
            if role in ("passage", "entree") and self.open:
                self.open.pop()
            elif name == "p" and self.open and self.open[-1].kind == "nom":
                self.open[-1].summed_up = True
            if name not in INLINE:
                self._add(" ")
            if name == tag:
                return

    def handle_startendtag(self, tag, attrs):
        """Un élément vide n'a rien à dire."""

    def _add(self, text, *where):
        if self.open and not self.dropped:
            everywhere = ("texte",) if self.open[-1].summed_up else ("prose", "texte")
            for name in where or everywhere:
                self.open[-1].pieces[name].append(text)

    def handle_data(self, data):
        if self.dropped or not self.open:
            return
        if self._within("code"):
            self.open[-1].code[-1] += data
        elif self._within("titre"):
            self._add(data, "titre")
        elif self._within("signature"):
            return
        elif self._within("mot-code"):
            self.open[-1].literals[-1] += data
            self._add(data, "texte")
        else:
            self._add(data)


def _blank(match):
    """Ce qui tient la place d'un dessin ou d'une formule."""
    return FORMULA if match[1] == "math" else ""


def read(page):
    """Les passages d'une page HTML, dans l'ordre ; aucun si elle n'a pas d'<article>."""
    found = re.search(r"<article\b.*</article>", page, re.DOTALL)
    if not found:
        return []
    reader = _Reader()
    # Dessins et formules n'ont pas de mots, et font l'essentiel du poids.
    reader.feed(re.sub(r"<(svg|math)\b.*?</\1>", _blank, found[0], flags=re.DOTALL))
    return [passage for passage in reader.passages if passage.title]


def _plain(fragment):
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", fragment))).strip()


def english(page):
    """Les noms anglais et les sigles du glossaire, chacun avec les termes français qu'il nomme."""
    names = {}

    def record(part, terms):
        found = [_plain(name) for name in re.findall(r"<em>(.*?)</em>", part, re.DOTALL)]
        found += re.findall(r"\(([A-Z][A-Za-z]*[A-Z])\)", _plain(part))
        for name in found:
            known = names.setdefault(name.lower(), [])
            known.extend(t for t in terms if t not in known and t.lower() != name.lower())

    entry = r'((?:<dt id="term-[^>]*>.*?</dt>\s*)+)<dd>(.*?\.)\s'
    for heads, body in re.findall(entry, page, re.DOTALL):
        heads = re.sub(r'<a class="headerlink".*?</a>', "", heads, flags=re.DOTALL)
        terms = [_plain(head) for head in re.findall(r"<dt.*?>(.*?)</dt>", heads, re.DOTALL)]
        record(body, terms)
        for term in terms:  # un sigle donné à côté de son nom entier
            if re.fullmatch(r"[A-Z][A-Za-z]*[A-Z]", term):
                names.setdefault(term.lower(), []).extend(t for t in terms if t != term)
    for row in re.findall(r"<tr\b.*?</tr>", page, re.DOTALL):
        cells = re.findall(r"<td>(.*?)</td>", row, re.DOTALL)
        if len(cells) == 2:
            links = re.findall(r'<a [^>]*href="#term-[^>]*>(.*?)</a>', cells[1], re.DOTALL)
            record(cells[0], [_plain(link) for link in links])
    return {name: terms for name, terms in names.items() if terms}
