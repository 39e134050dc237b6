"""Convertit le MyST d'une page en Markdown ordinaire, que JupyterLab et Colab montrent bien.

Ne connaît que les constructions permises dans une page (CONTRIBUER.md) ; toute autre est une
erreur de construction, plutôt qu'une directive laissée telle quelle dans un notebook.
"""

import re

from docutils import nodes

import questions
from d2l_fr.french import prose

ROLE = re.compile(r"\{([a-z:]+)\}(`+)(.+?)\2(?!`)", re.DOTALL)
FENCE = re.compile(r"^(`{3,}|:{3,})\{([\w:-]+)\}[ ]*(.*)$")
OPTION = re.compile(r"^:([\w-]+):[ ]*(.*)$")
BOXES = {"note": "Note", "tip": "Astuce", "prediction": "Avant d’essayer"}
LETTERS = "ABCDEFGH"


class ConversionError(ValueError):
    """Une construction que le notebook ne sait pas rendre."""


def options(body):
    """Sépare les options d'une directive de son contenu."""
    found, lines = {}, body.split("\n")
    while lines and (match := OPTION.match(lines[0])):
        found[match[1]] = match[2]
        lines.pop(0)
    return found, "\n".join(lines).strip("\n")


class Converter:
    """Le Markdown d'une page : numéros, renvois et citations résolus.

    ``book`` donne ce que Sphinx sait : ``number(label)``, ``equation(label)``, ``title(label)``,
    ``link(label)``, ``citation(key, textual)``, ``glued(name)``, ``results()``,
    ``picture(path, alt)``.
    """

    def __init__(self, book):
        self.book = book

    # ---------- rôles

    def role(self, match):
        name, body = match[1], match[3].strip()
        explicit = re.match(r"(.*?)\s*<([^<>]+)>$", body, re.DOTALL)
        text, target = (explicit[1], explicit[2]) if explicit else (None, body)
        if name == "eq":
            return f"({self.book.equation(target)})"
        if name == "numref":
            kind, number = self.book.number(target)
            return (
                text.replace("{number}", number).replace("%s", number)
                if text
                else (f"{kind} {number}")
            )
        if name == "ref":
            return self.book.link(target, text or self.book.title(target))
        if name == "doc":
            return self.book.link_page(target, text)
        if name.startswith("cite:"):
            return self.book.citation(target, name.removeprefix("cite:"))
        if name == "glue:text":
            return self.book.glued(target)
        if name == "term":
            return text or target
        raise ConversionError(f"rôle inconnu des notebooks : {{{name}}}")

    def inline(self, text):
        text = ROLE.sub(self.role, text)
        return re.sub(r"^\([\w:.-]+\)=[ ]*\n", "", text, flags=re.MULTILINE)

    # ---------- blocs

    def text(self, text):
        def equation(match):
            tag = f"\n\\tag{{{self.book.equation(match[2])}}}"
            return f"$$\n{match[1].strip()}{tag}\n$$"

        text = re.sub(r"^\$\$(.*?)\$\$[ ]*\(([\w:-]+)\)", equation, text, flags=re.S | re.M)
        text = re.sub(r"^%.*\n?", "", text, flags=re.MULTILINE)
        return prose(self.inline(text))

    def directive(self, name, argument, body):
        found, body = options(body)
        if name == "figure":
            return self.figure(argument, found, body)
        if name == "table":
            kind, number = self.book.number(found["name"])
            return f"**{kind} {number}.** {self.text(argument)}\n\n{self.text(body)}"
        if name == "resultats":
            kind, number = self.book.number(found["name"])
            return f"**{kind} {number}.** {self.text(argument)}\n\n{self.book.results()}"
        if name == "question":
            return self.question(body)
        if name == "reponse":
            details = "<details><summary>Après avoir essayé</summary>"
            return f"{details}\n\n{self.convert(body)}\n\n</details>"
        if name == "admonition" or name in BOXES:
            title = self.text(argument) if argument else BOXES[name]
            quoted = f"**{title}**\n\n{self.convert(body)}"
            return "\n".join(f"> {line}".rstrip() for line in quoted.split("\n"))
        raise ConversionError(f"directive inconnue des notebooks : {{{name}}}")

    def figure(self, path, found, caption):
        if not found.get("alt"):
            raise ConversionError(f"la figure {path} n'a pas de texte de remplacement (:alt:)")
        picture = self.book.picture(path, prose(found["alt"]))
        kind, number = self.book.number(found["name"])
        return f"{picture}\n\n**{kind} {number}.** {self.text(caption)}"

    def question(self, body):
        text, choices = questions.parse(body.split("\n"))
        lines = [self.text(text), ""]
        lines += [
            f"- **{letter}.** {self.text(choice.text)}"
            for letter, choice in zip(LETTERS, choices, strict=False)
        ]
        lines += ["", "<details><summary>Réponses</summary>", ""]
        for letter, choice in zip(LETTERS, choices, strict=False):
            word = "juste" if choice.right else "faux"
            why = self.text(" ".join(choice.why.split("\n")).strip())
            lines += [f"**{letter}, {word}.** {why}", ""]
        return "\n".join([*lines, "</details>"])

    def blocks(self, source):
        """Découpe une cellule en textes et directives : (None, texte) ou (nom, argument, corps)."""
        lines, text, i = source.split("\n"), [], 0
        while i < len(lines):
            match = FENCE.match(lines[i])
            if not match:
                # Un bloc de code ordinaire peut contenir ce qui ressemble à une directive.
                if plain := re.match(r"^(`{3,})", lines[i]):
                    end = next(j for j in range(i + 1, len(lines)) if lines[j].startswith(plain[1]))
                    text += lines[i : end + 1]
                    i = end + 1
                    continue
                text.append(lines[i])
                i += 1
                continue
            fence = match[1]
            end = next((j for j in range(i + 1, len(lines)) if lines[j].rstrip() == fence), None)
            if end is None:
                raise ConversionError(f"directive jamais fermée : {lines[i]}")
            if text:
                yield None, "\n".join(text), ""
                text = []
            yield match[2], match[3].strip(), "\n".join(lines[i + 1 : end])
            i = end + 1
        if text:
            yield None, "\n".join(text), ""

    def convert(self, source):
        """Le Markdown ordinaire d'un texte MyST (sans exercice : ceux-ci font des cellules)."""
        parts = [
            self.text(argument) if name is None else self.directive(name, argument, body)
            for name, argument, body in self.blocks(source)
        ]
        return re.sub(r"\n{3,}", "\n\n", "\n\n".join(p.strip("\n") for p in parts)).strip()


def plain_title(title):
    """Le texte d'un titre Sphinx."""
    return title.astext() if isinstance(title, nodes.Node) else str(title)
