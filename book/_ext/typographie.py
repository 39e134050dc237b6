"""Pose la typographie française dans la prose, au dernier moment : les sources restent au clavier.

La règle est dans ``d2l_fr.typography`` ; les notebooks s'en servent aussi.
"""

import re

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform

from d2l_fr.french import typography

SHORT = 30  # caractères de TeX : au-delà, la formule doit pouvoir se couper
PUNCTUATION = re.compile("^[\u00a0\u202f]?[,.;:!?)»…]+")
CODE = (
    nodes.literal, nodes.literal_block, nodes.math, nodes.math_block, nodes.raw,
    addnodes.desc_signature,
)  # fmt: skip


def is_prose(text):
    """Vrai si un nœud de texte n'est ni code, ni formule, ni sortie de cellule."""
    node = text.parent
    while node is not None:
        if isinstance(node, nodes.caption):  # celle d'une figure calculée est dans une sortie
            return True
        if isinstance(node, CODE) or "cell_output" in node.get("classes", ()):
            return False
        node = node.parent
    return True


def keep_with_formula(text):
    """Retient sur la même ligne une formule courte et la ponctuation qui la suit."""
    formula = text.parent[text.parent.index(text) - 1] if text.parent.index(text) else None
    match = PUNCTUATION.match(text.astext())
    if not isinstance(formula, nodes.math) or not match or len(formula.astext()) > SHORT:
        return
    together = nodes.inline("", "", formula.deepcopy(), nodes.Text(match[0]), classes=["insecable"])
    rest = nodes.Text(text.astext()[match.end() :])
    text.parent.replace(text, rest)
    formula.parent.replace(formula, together)


def neighbours(text):
    """Le caractère qui précède et celui qui suit un nœud de texte dans son paragraphe."""
    block = text.parent
    while block.parent is not None and isinstance(block, nodes.Inline):
        block = block.parent
    texts = list(block.findall(nodes.Text))
    index = next(i for i, t in enumerate(texts) if t is text)
    before = texts[index - 1].astext()[-1:] if index else ""
    after = texts[index + 1].astext()[:1] if index + 1 < len(texts) else ""
    return before, after


class TitleTypography(SphinxTransform):
    """Les titres, dès la lecture : le menu et le sommaire en sont tirés."""

    default_priority = 700

    def apply(self):
        for title in self.document.findall(nodes.title):
            for text in list(title.findall(nodes.Text)):
                if is_prose(text):
                    text.parent.replace(text, nodes.Text(typography(text.astext())))


class FrenchTypography(SphinxPostTransform):
    default_priority = 950

    def run(self):
        for text in list(self.document.findall(nodes.Text)):
            if not is_prose(text):
                continue
            # Le voisin sert de contexte : « $x$ : » commence par une espace à rendre insécable.
            before, after = neighbours(text)
            new = typography(before + text.astext() + after)
            new = new[len(before) : len(new) - len(after) if after else None]
            if new != text.astext():
                replaced = nodes.Text(new)
                text.parent.replace(text, replaced)
                text = replaced
            keep_with_formula(text)


def setup(app):
    app.add_transform(TitleTypography)
    app.add_post_transform(FrenchTypography)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
