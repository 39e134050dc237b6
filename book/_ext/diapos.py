"""Les diaporamas : ce que les pages marquent pour la classe, mis en diapositives.

La source est la page. À la lecture, les marques (des commentaires, voir ``marques``) deviennent
des nœuds que le site ne montre pas ; à l'écriture, la page résolue donne une diapositive après
l'autre, dans ``_build/travail/diapos/<page>.json``. ``outils.diapos`` en fait des fichiers.
"""

import html
import json
import re
import textwrap
from pathlib import Path

from docutils import nodes
from myst_parser.mdit_to_docutils.sphinx_ import SphinxRenderer
from myst_parser.parsers.mdit import create_md_parser
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.docutils import new_document

from extraits import ExcerptError, excerpt
from marques import PROSE, SHOWN, SLIDES, MarkError, locate, parse
from site_depot import repository

logger = logging.getLogger(__name__)

LIVE = re.compile(r'class="figure-vivante" data-figure="([\w-]+)" data-etat="([\w-]+)"')
GLUED = re.compile(r"\{glue:text\}`([^`:]+)`")
# Le trait d'union qu'une fin de ligne ne doit pas détacher : « va-t-elle », « dit-on ».
INVERSION = re.compile(r"(?<=\w)-(?=t-|(?:ils?|elles?|on|je|tu|nous|vous|ce|là)\b)")
ENDING = re.compile(r"\s*[.,;](\s*(?:\\end\{aligned\})?\s*)$")
KIND = {"figure": "Figure", "table": "Tableau"}
LABELS = {"demander": "À demander.", "meprise": "Idée fausse."}
SKIPPED = (nodes.comment, nodes.target, nodes.system_message)
# La place d'un bloc de code, en pixels d'une diapositive de 1280 × 720, et son corps.
CODE_WIDTH, CODE_HEIGHT, LARGEST, SMALLEST = 1090, 500, 26, 18
TOO_LONG, WRAP = 104, 72  # une sortie plus large est coupée, en signes


class diapo_mark(nodes.comment):
    """Une marque lue : un commentaire, que ni le site ni la recherche ne montrent."""


class DeckError(ValueError):
    """Un diaporama mal marqué ; ``line`` est la ligne de la page."""

    def __init__(self, text, line):
        super().__init__(text)
        self.line = line


# ---------- à la lecture


class ReadMarks(SphinxTransform):
    """Change les commentaires qui sont des marques en nœuds, leur texte composé en MyST."""

    default_priority = 5

    def apply(self):
        comments = [
            c for c in self.document.findall(nodes.comment) if not isinstance(c, diapo_mark)
        ]
        if not comments:
            return
        self.parser = create_md_parser(self.env.myst_config, SphinxRenderer)
        lines = Path(self.env.doc2path(self.env.docname)).read_text("utf-8").split("\n")
        place = 0
        for comment in comments:
            place = locate(lines, comment.rawsource, place)
            marks = []
            for number, text in enumerate(comment.rawsource.split("\n"), place):
                try:
                    if mark := parse(text):
                        marks.append(self.node(mark, number))
                except MarkError as error:
                    complain(self.env.docname, DeckError(str(error), number))
            place += comment.rawsource.count("\n") + 1
            if marks:
                comment.parent.replace(comment, marks)

    def node(self, mark, line):
        node = diapo_mark(verb=mark.verb, rest=mark.text, minutes=mark.minutes)
        node.line, node.source = line, self.document["source"]
        if mark.verb in PROSE and mark.text:
            scratch = new_document(self.document["source"], self.document.settings)
            self.parser.options["document"] = scratch
            # La page est lue : ses nombres se demandent comme ceux d'une autre.
            text = GLUED.sub(rf"{{glue:text}}`/{self.env.docname}.md::\1:s`", mark.text)
            self.parser.render("\n" * (line - 1) + text)
            blocks = [block for block in scratch if not isinstance(block, nodes.system_message)]
            if len(blocks) != 1 or not isinstance(blocks[0], nodes.paragraph):
                raise MarkError(f"« {mark.verb} » attend une ligne de texte ordinaire")
            node += blocks[0].children
        return node


def complain(page, error):
    """Un avertissement, que la construction tient pour une erreur."""
    logger.warning("diaporama : %s", error, location=(page, error.line))


# ---------- les blocs montrés


def target(mark):
    """Le bloc qui suit une marque."""
    siblings = mark.parent.children
    for node in siblings[siblings.index(mark) + 1 :]:
        if not isinstance(node, SKIPPED) and not isinstance(node, nodes.section):
            return node
        if isinstance(node, nodes.section):
            break
    raise DeckError(f"« {mark['verb']} » : il n'y a rien après", mark.line)


def code_block(text, line, kind="code", language="python"):
    """Un bloc de code, au plus grand corps qui tienne dans la diapositive."""
    lines = text.split("\n")
    width, height = max(map(len, lines)), len(lines)
    size = min(LARGEST, CODE_WIDTH / (0.6 * width), CODE_HEIGHT / (1.45 * height))
    if size < SMALLEST:
        raise DeckError(
            f"{height} lignes de {width} signes : c'est trop pour une diapositive", line
        )
    classes = [*kind.split(), f"corps-{int(size)}"]
    return nodes.literal_block(text, text, language=language, classes=classes)


def shown_blocks(node, mark):
    """Ce que montre une marque, du bloc qui la suit : lui-même, ou une part de cellule."""
    part = SHOWN.match(mark["rest"]) if mark["rest"] else None
    if "cell" not in node.get("classes", ()):
        if part:
            raise DeckError(
                f"« montrer: {part[0]} » : ce qui suit n'est pas une cellule", mark.line
            )
        if isinstance(node, nodes.literal_block):
            return [code_block(node.astext(), mark.line, language=node.get("language", "none"))]
        return [node]
    inputs, outputs = (
        [n for n in node.findall(nodes.container) if name in n["classes"]]
        for name in ("cell_input", "cell_output")
    )
    figures = [figure for out in outputs for figure in pictures(out)]
    shown = []
    if part[0].startswith("code") if part else not figures:
        source = next(inputs[0].findall(nodes.literal_block)).astext()
        try:
            shown.append(code_block(excerpt(source, part and part[3]), mark.line))
        except ExcerptError as error:
            raise DeckError(str(error), mark.line) from None
    if not part or part[0].startswith("sortie"):
        if not outputs and part:
            raise DeckError("cette cellule n'a pas de sortie", mark.line)
        shown += figures or [b for out in outputs for b in printed(out, part, mark.line)]
    return shown


def pictures(output):
    """Les figures d'une sortie, avec leur légende si elles en ont une."""
    return list(output.findall(nodes.figure)) or list(output.findall(nodes.image))


def printed(output, part, line):
    """Le texte d'une sortie, recomposé ; une ligne démesurée est coupée entre deux mots."""
    texts = [block.astext().rstrip("\n") for block in output.findall(nodes.literal_block)]
    if not texts:
        return [output]
    lines = "\n".join(texts).split("\n")
    if part and part[1]:
        lines = lines[int(part[1]) - 1 : int(part[2])]
    lines = [
        piece
        for text in lines
        for piece in (textwrap.wrap(text, WRAP) if len(text) > TOO_LONG else [text])
    ]
    return [code_block("\n".join(lines), line, "code sortie", "none")]


# ---------- le HTML


class Renderer:
    """Rend des nœuds d'une page en HTML qui se suffit : ni lien vers le livre, ni numéro."""

    def __init__(self, app, page):
        self.app, self.builder, self.page = app, app.builder, page
        self.site = site_address(repository(app))

    def html(self, nodes_):
        holder = nodes.container("", *(node.deepcopy() for node in nodes_))
        self.strip(holder)
        body = self.builder.render_partial(holder)["fragment"].strip()
        return re.sub(
            r'^<div class="docutils container">\s*(.*?)\s*</div>$', r"\1", body, flags=re.S
        )

    def inline(self, node):
        body = self.html([nodes.paragraph("", "", *(child.deepcopy() for child in node))])
        parts = re.split(r"(<[^>]+>)", re.sub(r"^<p>(.*)</p>$", r"\1", body, flags=re.S))
        return "".join(
            part if part.startswith("<") else INVERSION.sub("-\u2060", part) for part in parts
        )

    def strip(self, holder):
        for node in list(holder.findall(diapo_mark)):
            node.parent.remove(node)
        for node in list(holder.findall(nodes.reference)):
            self.portable(node)
        for node in list(holder.findall(nodes.Element)):
            if isinstance(node, nodes.math_block):  # ni numéro, ni point final
                node["number"] = None
                node.children = [nodes.Text(ENDING.sub(r"\1", node.astext()))]
            elif not isinstance(node, nodes.image):
                node["ids"] = []

    def portable(self, link):
        """Un lien vers le livre mène au site publié, ou n'est plus que son texte."""
        address = link.get("refuri", "")
        if re.match(r"https?:|mailto:", address):
            return
        if self.site:
            link["refuri"] = self.site + (address if not address.startswith("#") else "")
            if address.startswith("#") or link.get("refid"):
                anchor = address or f"#{link['refid']}"
                link["refuri"] = f"{self.site}{self.page}.html{anchor}"
            link.attributes.pop("refid", None)
            link["internal"] = False
        else:
            link.replace_self(nodes.inline("", "", *link.children, classes=link["classes"]))

    def caption(self, node):
        """Ôte sa légende à une figure ou à un tableau ; la rend, numérotée, pour les notes."""
        found = next(iter(node.findall(lambda n: isinstance(n, nodes.caption | nodes.title))), None)
        if found is None:
            return node, None
        kind = "table" if isinstance(node, nodes.table) else "figure"
        numbers = self.builder.fignumbers.get(f"{self.page}/{kind}") or {}
        numbers = numbers or self.builder.fignumbers.get(kind, {})
        number = numbers.get((node["ids"] or [""])[0])
        name = f"{KIND[kind]} {'.'.join(map(str, number))}. " if number else "Légende. "
        text = nodes.paragraph("", "", nodes.strong("", name), *found.deepcopy().children)
        copy = node.deepcopy()
        own = next(copy.findall(lambda n: isinstance(n, nodes.caption | nodes.title)))
        own.parent.remove(own)
        return copy, text


def site_address(url):
    """L'adresse du site publié d'un dépôt GitHub, ou une chaîne vide."""
    match = re.fullmatch(r"https://github\.com/([\w.-]+)/([\w.-]+)", url)
    if not match:
        return ""
    owner, name = match[1].lower(), match[2]
    return f"https://{owner}.github.io/" + ("" if name == f"{owner}.github.io" else f"{name}/")


# ---------- les diapositives


class Slide:
    """Une diapositive en cours : son titre, ce qu'elle montre, ses notes."""

    def __init__(self, mark, title):
        self.mark, self.title, self.step = mark, title, 0
        self.body, self.notes, self.captions = [], [], []
        self.empty_step = None  # la ligne d'un « ensuite » que rien ne suit encore

    def add(self, kind, content):
        self.body.append((kind, content, self.step))
        self.empty_step = None

    def check(self):
        name = "l'ouverture" if self.mark["verb"] == "ouverture" else "cette diapositive"
        if not self.body:
            raise DeckError(f"{name} est vide : ni texte, ni rien à montrer", self.mark.line)
        if not self.notes:
            raise DeckError(f"{name} n'a pas de notes (« % dire: … »)", self.mark.line)
        if self.empty_step:
            raise DeckError("« ensuite » : il n'y a rien après", self.empty_step)

    def html(self):
        parts, bullets = [], False
        for kind, content, step in self.body:
            fragment = f' data-fragment-index="{step - 1}"' if step else ""
            classes = " fragment" if step else ""
            if bullets and kind != "puce":
                parts.append("</ul>")
            if kind == "puce":
                parts.append("" if bullets else '<ul class="puces">')
                css = ' class="fragment"' if step else ""
                parts.append(f"<li{css}{fragment}>{content}</li>")
            elif kind in ("question", "reponse"):
                parts.append(f'<p class="{kind}{classes}"{fragment}>{content}</p>')
            else:
                parts.append(f'<div class="bloc {kind}{classes}"{fragment}>{content}</div>')
            bullets = kind == "puce"
        return "\n".join(part for part in [*parts, "</ul>" if bullets else ""] if part)


def kind_of(node):
    """Le nom de classe d'un bloc montré : le thème le place d'après lui."""
    names = {
        nodes.math_block: "formule", nodes.table: "tableau", nodes.figure: "figure",
        nodes.image: "figure", nodes.admonition: "boite",
    }  # fmt: skip
    if isinstance(node, nodes.literal_block):
        return " ".join(node["classes"])
    return names.get(type(node), "texte")


def show(slide, mark, renderer):
    for node in shown_blocks(target(mark), mark):
        kind = kind_of(node)
        note = None
        if isinstance(node, nodes.figure | nodes.table):
            node, note = renderer.caption(node)
        body = renderer.html([node])
        if LIVE.search(body):
            kind = "vivante"
        slide.add(kind, body)
        if note is not None:
            slide.captions.append(("legende", renderer.html([note])))


def take_note(slide, mark, renderer):
    verb = mark["verb"]
    if not mark["rest"]:
        slide.notes.append((verb, renderer.html([target(mark)])))
        return
    label = f"<strong>{LABELS[verb]}</strong> " if verb in LABELS else ""
    slide.notes.append((verb, f"<p>{label}{renderer.inline(mark)}</p>"))


def deck(marks, renderer, title):
    """Les diapositives d'une page, d'après ses marques. Lève ``DeckError``."""
    slides = []
    for mark in marks:
        verb = mark["verb"]
        if verb in SLIDES:
            if (verb == "ouverture") != (not slides):
                raise DeckError(
                    "un diaporama commence par « ouverture », et par elle seule", mark.line
                )
            slides.append(Slide(mark, title if verb == "ouverture" else renderer.inline(mark)))
            continue
        if not slides:
            raise DeckError("un diaporama commence par « ouverture », et par elle seule", mark.line)
        slide = slides[-1]
        if verb == "montrer":
            show(slide, mark, renderer)
        elif verb in ("dire", "demander", "meprise"):
            take_note(slide, mark, renderer)
        elif verb == "ensuite":
            slide.step += 1
            slide.empty_step = mark.line
        else:
            slide.step += verb == "reponse" and slide.empty_step is None
            slide.add(verb, renderer.inline(mark))
    for slide in slides:
        slide.check()
    return slides


def as_data(slides, title):
    """Ce qu'``outils.diapos`` lit."""
    pages = [
        {
            "titre": slide.title,
            "genre": slide.mark["verb"],
            "minutes": slide.mark["minutes"],
            "corps": slide.html(),
            "notes": "\n".join(
                f'<div class="note-{k}">{text}</div>' for k, text in slide.notes + slide.captions
            ),
        }
        for slide in slides
    ]
    figures = [found for page in pages for found in LIVE.findall(page["corps"])]
    return {"titre": title, "diapos": pages, "figures": figures}


def write(app, pagename, templatename, context, doctree):
    """Écrit les diapositives d'une page que la construction vient d'écrire."""
    if doctree is None or app.builder.name != "html":
        return
    path = Path(app.outdir).parent / "diapos" / f"{pagename}.json"
    path.unlink(missing_ok=True)
    marks = list(doctree.findall(diapo_mark))
    if not marks:
        return
    title = html.escape(app.env.titles[pagename].astext())
    serial = app.env.temp_data.get("svgserialno", 0)
    try:
        data = as_data(deck(marks, Renderer(app, pagename), title), title)
    except DeckError as error:
        complain(pagename, error)
        return
    finally:
        app.env.temp_data["svgserialno"] = serial  # les pages du site n'en voient rien
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(data, ensure_ascii=False), "utf-8")


def setup(app):
    app.add_transform(ReadMarks)
    app.connect("html-page-context", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
