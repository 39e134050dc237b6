"""Les questions « Vérifiez-vous » : chaque choix s'ouvre sur son explication.

    :::{question}
    Le texte de la question ?

    - [ ] Un choix.
      Pourquoi c'est faux.
    - [x] Un autre choix.
      Pourquoi c'est juste.
    :::

Chaque choix est un <details> : clavier, lecteur d'écran, impression, sans JavaScript.
"""

import re
from dataclasses import dataclass

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

CHOICE = re.compile(r"^- \[( |x)\] (.*)$")
NUMBER = re.compile(r"^(\d+)\.")


@dataclass
class Choice:
    right: bool
    text: str
    why: str


class QuestionError(ValueError):
    """Une question mal écrite."""


def parse(lines):
    """Sépare une question de ses choix ; rend (texte, liste de ``Choice``)."""
    text, choices = [], []
    for line in lines:
        if match := CHOICE.match(line):
            text_of_choice = NUMBER.sub(r"\1\\.", match[2])  # « 5. » n'ouvre pas une liste
            choices.append(Choice(match[1] == "x", text_of_choice, ""))
        elif choices and (line.startswith("  ") or not line.strip()):
            choices[-1].why += line[2:] + "\n"
        elif choices:
            raise QuestionError(f"ligne sans retrait après un choix : « {line} »")
        else:
            text.append(line)
    if not any(c.right for c in choices) or len(choices) < 2:
        raise QuestionError("une question veut au moins deux choix, dont un juste ([x])")
    if missing := [c.text for c in choices if not c.why.strip()]:
        raise QuestionError(f"le choix « {missing[0]} » n'a pas d'explication")
    return "\n".join(text).strip(), choices


class question_node(nodes.General, nodes.Element):
    """Une question et ses choix."""


class choice_node(nodes.General, nodes.Element):
    """Un choix : son texte (premier enfant), puis son explication."""


class Question(SphinxDirective):
    has_content = True

    def nested(self, text, node):
        lines = StringList(text.strip("\n").split("\n"), source=self.get_source_info()[0])
        self.state.nested_parse(lines, self.content_offset, node)
        return node

    def run(self):
        try:
            text, choices = parse(list(self.content))
        except QuestionError as error:
            raise self.error(f"Question mal écrite : {error}.") from error
        question = question_node()
        self.nested(text, question)
        for choice in choices:
            node = choice_node(right=choice.right)
            label = self.nested(choice.text, nodes.inline())
            # Un seul paragraphe : dans un <summary>, seul du texte courant a sa place.
            node += nodes.inline("", "", *label[0].children)
            node += self.nested(choice.why, nodes.container(classes=["question-pourquoi"]))
            question += node
        return [question]


def visit_question(self, node):
    self.body.append(self.starttag(node, "div", CLASS="question"))


def depart_question(self, node):
    self.body.append("</div>\n")


def visit_choice(self, node):
    verdict = "juste" if node["right"] else "faux"
    word = "Juste." if node["right"] else "Faux."
    self.body.append(f'<details class="choix {verdict}"><summary>')
    node.pop(0).walkabout(self)
    self.body.append(f'</summary>\n<p class="verdict">{word}</p>\n')


def depart_choice(self, node):
    self.body.append("</details>\n")


def setup(app):
    app.add_node(question_node, html=(visit_question, depart_question))
    app.add_node(choice_node, html=(visit_choice, depart_choice))
    app.add_directive("question", Question)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
