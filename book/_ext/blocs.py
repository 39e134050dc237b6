"""Ce que montre une diapositive : le bloc qui suit une marque, ou une part de cellule."""

import textwrap

from docutils import nodes

from extraits import ExcerptError, excerpt
from marques import SHOWN, DeckError

SKIPPED = (nodes.comment, nodes.target, nodes.system_message)
# La place d'un bloc de code, en pixels d'une diapositive de 1280 × 720, et son corps.
CODE_WIDTH, CODE_HEIGHT, LARGEST, SMALLEST = 1090, 500, 26, 18
TOO_LONG, WRAP = 104, 72  # une sortie plus large est coupée, en signes


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
