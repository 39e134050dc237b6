"""Les diapositives d'une page : ses marques, dans l'ordre, et leur HTML."""

import re

from docutils import nodes

from blocs import shown_blocks, target
from marques import SLIDES, DeckError, diapo_mark

LIVE = re.compile(r'class="figure-vivante" data-figure="([\w-]+)" data-etat="([\w-]+)"')
# Le trait d'union qu'une fin de ligne ne doit pas détacher : « va-t-elle », « dit-on ».
INVERSION = re.compile(r"(?<=\w)-(?=t-|(?:ils?|elles?|on|je|tu|nous|vous|ce|là)\b)")
ENDING = re.compile(r"\s*[.,;](\s*(?:\\end\{aligned\})?\s*)$")
KIND = {"figure": "Figure", "table": "Tableau"}
LABELS = {"demander": "À demander.", "meprise": "Idée fausse."}
FIRST = "un diaporama commence par « ouverture », et par elle seule"


class Renderer:
    """Rend des nœuds d'une page en HTML qui se suffit : ni lien vers le livre, ni numéro."""

    def __init__(self, builder, page, repository):
        self.builder, self.page = builder, page
        self.site = site_address(repository)

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

    def data(self):
        notes = [f'<div class="note-{kind}">{text}</div>' for kind, text in self.notes]
        notes += [f'<div class="note-legende">{text}</div>' for text in self.captions]
        return {
            "titre": self.title,
            "genre": self.mark["verb"],
            "minutes": self.mark["minutes"],
            "corps": self.html(),
            "notes": "\n".join(notes),
        }

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
            slide.captions.append(renderer.html([note]))


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
                raise DeckError(FIRST, mark.line)
            slides.append(Slide(mark, title if verb == "ouverture" else renderer.inline(mark)))
            continue
        if not slides:
            raise DeckError(FIRST, mark.line)
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
    pages = [slide.data() for slide in slides]
    figures = [found for page in pages for found in LIVE.findall(page["corps"])]
    return {"titre": title, "diapos": pages, "figures": figures}
