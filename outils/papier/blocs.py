"""Ce que deviennent sur le papier les blocs du site : rien n'y est replié, rien n'y bouge.

Les réponses d'un questionnaire suivent toutes ses questions, les solutions des exercices ferment
la page : qui cherche n'a pas la réponse sous les yeux.
"""

import ast
import copy
import re
from string import ascii_uppercase

from bs4 import BeautifulSoup, NavigableString

from d2l_fr.french import typography

FACTORY = BeautifulSoup("", "html.parser")
LIVE = typography("Figure vivante : à manœuvrer dans le livre en ligne")
# La marque d'un bouton du site, que le papier ne montre pas.
BUTTON = "(Ce bouton est dans le livre en ligne.)"


def tag(name, *children, **attributes):
    """Un élément neuf ; ``class_`` s'écrit comme en Python."""
    attributes = {key.rstrip("_").replace("_", "-"): v for key, v in attributes.items()}
    new = FACTORY.new_tag(name, attrs=attributes)
    new.extend(children)
    return new


def bare_title(heading):
    """Le texte d'un titre, sans son lien ni son numéro."""
    heading = copy.copy(heading)
    for useless in heading.select(".headerlink, .section-number"):
        useless.decompose()
    return heading.get_text(" ", strip=True)


def plain(heading):
    """Le texte d'un titre, sans balises ni coupures."""
    return " ".join(heading.get_text().replace("\xad", "").split())


def has_class(element, name):
    return name in element.get("class", ())


def strip(body):
    """Ôte ce qui ne sert qu'à l'écran."""
    for useless in body.select(".headerlink, .toctree-wrapper, .copier"):
        useless.decompose()
    for link in body.select("a.image-reference"):
        link.unwrap()
    for button in body.select("button.presenter"):
        button.replace_with(BUTTON)
    for name in ("tex2jax_ignore", "mathjax_ignore", "docutils", "container", "notranslate"):
        for element in body.select(f".{name}"):
            element["class"].remove(name)
            if not element["class"]:
                del element["class"]
    for element in body.select("[title]"):
        del element["title"]


def only_glues(code):
    """Dit d'un code s'il ne fait que donner ses nombres au texte (``d2l.glue``)."""

    def glues(statement):
        if isinstance(statement, ast.For):
            return all(map(glues, statement.body))
        return isinstance(statement, ast.Expr) and ast.unparse(statement).startswith("d2l.glue(")

    return all(map(glues, ast.parse(code).body))


def unfold(body):
    """Déplie le code masqué et les réponses des figures vivantes.

    Le code qui ne sert qu'à donner ses nombres au texte s'en va : le texte les a.
    """
    for box in body.select("details.hide:has(.cell_input)"):
        cell = box.find_parent(class_="cell")
        if only_glues(box.find("pre").get_text()):
            (box if cell.find(class_="cell_output") else cell).decompose()
    for box in body.select("details.hide"):
        box.summary.decompose()
        box.parent["class"] = [*box.parent.get("class", ()), "annexe"]
        box.unwrap()
    for box in body.select("details.reponse"):
        summary = box.summary
        title = tag("p", class_="prediction-titre")
        title.extend(list(summary.contents))
        summary.replace_with(title)
        box.name = "div"


def live_notes(page, about, titles):
    """Sous la forme imprimée d'une figure vivante, une ligne dit où la trouver."""
    for box in page.body.select(".figure-vivante"):
        figure = box.find_parent("figure")
        where = f"{page.name}.html" + (f"#{figure['id']}" if figure else "")
        note = tag("p", class_="vivante-note")
        if about.address:
            note.append(tag("a", LIVE, href=about.address + where))
            note.append(".")
        else:
            note.append(typography(f"{LIVE}, page « {titles[page.name]} »."))
        box.replace_with(box.find(class_="figure-svg").extract())
        if figure is None:
            figure = page.body.select_one(".vivante .figure-svg:not(.faite)").parent
            figure.find(class_="figure-svg")["class"].append("faite")
        caption = figure.find("figcaption")
        (caption or figure).append(note)
    for done in page.body.select(".faite"):
        done["class"].remove("faite")


def quizzes(page):
    """Numérote les questions, et met les réponses à la fin de leur section."""
    questions = page.body.select(".question")
    sections = list(dict.fromkeys(q.find_parent("section") for q in questions))
    number = 0
    for section in sections:
        answers = tag("div", class_="reponses")
        answers.append(tag("p", "Réponses", class_="reponses-titre"))
        for question in section.select(".question"):
            number += 1
            question["id"] = f"question-{number}"
            answers.append(_answers(question, number))
        section.append(answers)


def _answers(question, number):
    """Les explications d'une question, ôtées de ses choix ; ceux-ci reçoivent une lettre."""
    first = question.find("p")
    first.insert(0, tag("span", f"Question {number}. ", class_="question-numero"))
    choices = tag("ol", class_="choix")
    block = tag("div", class_="reponse-question", id=f"reponse-{number}")
    block.append(tag("p", tag("a", f"Question {number}", href=f"#question-{number}")))
    for letter, box in zip(ascii_uppercase, question.select("details.choix"), strict=False):
        item = tag("li", tag("span", f"{letter}. ", class_="lettre"))
        item.extend(list(box.summary.contents))
        choices.append(item)
        right = has_class(box, "juste")
        why = box.select_one(".question-pourquoi")
        verdict = tag("strong", f"{letter}. {'Juste' if right else 'Faux'}. ")
        verdict["class"] = ["juste" if right else "faux"]
        paragraph = why.find("p", recursive=False)
        if paragraph is None:
            paragraph = tag("p")
            why.insert(0, paragraph)
        paragraph.insert(0, verdict)
        block.extend(list(why.contents))
        box.decompose()
    question.append(choices)
    return block


def solutions(page):
    """Met les solutions des exercices à la fin de la page, et lie chacune à son énoncé."""
    boxes = page.body.select("details.solution")
    if not boxes:
        return
    last = tag("section", tag("h2", "Solutions des exercices"), id="solutions")
    for box in boxes:
        exercise = box.find_previous(class_="exercise")
        title = exercise.select_one(".admonition-title")
        label = title.select_one(".caption-number").get_text(strip=True)
        name = re.sub(r"^\((.*)\)$", r"\1", title.get_text().replace(label, "", 1).strip())
        box.summary.replace_with(
            tag(
                "h3",
                tag("a", label, href=f"#{exercise['id']}"),
                f" · {name}",
                class_="solution-titre",
            )
        )
        box.name = "div"
        exercise.append(
            tag("p", tag("a", "Solution", href=f"#{box['id']}"), class_="vers-solution")
        )
        last.append(box.extract())
    page.body.find("section").append(last)


def lines(body):
    """Chaque ligne de code dans sa balise : une ligne trop longue se replie avec un retrait."""
    for block in body.find_all("pre"):
        rows, row = [], tag("span", class_="ligne")
        for child in list(block.children):
            parts = child.get_text().split("\n")
            for index, text in enumerate(parts):
                if index:
                    row.append("\n")
                    rows.append(row)
                    row = tag("span", class_="ligne")
                if text:
                    plain = isinstance(child, NavigableString)
                    row.append(text if plain else tag("span", text, class_=child.get("class", [])))
        if row.contents:
            rows.append(row)
        while rows and not rows[-1].get_text().strip():
            rows.pop()
        block.clear()
        block.extend(_groups(rows))
        if len(rows) > LONG:
            block["class"] = ["long"]


# Au-delà, un bloc de code se coupe, de préférence entre deux paragraphes.
LONG = 24
# Au-delà, un paragraphe de code se coupe aussi.
PARAGRAPH = 9


def _groups(rows):
    """Les lignes, par paragraphes : un bloc long se coupe entre eux."""
    group, groups = [], []
    for row in rows:
        group.append(row)
        if not row.get_text().strip():
            groups.append(group)
            group = []
    groups.append(group)
    pieces = [piece for rows in groups for piece in _pieces(rows)]
    return [tag("span", *rows, class_=name) for name, rows in pieces if rows]


def _pieces(rows):
    """Un paragraphe long se coupe, sans laisser une ou deux lignes d'un côté."""
    if len(rows) <= PARAGRAPH:
        return [("lignes", rows)]
    return [("lignes", rows[:3]), ("lignes libres", rows[3:-3]), ("lignes", rows[-3:])]


def prepare(page, about, titles):
    """Toutes les retouches, dans l'ordre."""
    strip(page.body)
    unfold(page.body)
    live_notes(page, about, titles)
    quizzes(page)
    solutions(page)
    lines(page.body)


def leave(anchor, about):
    """Un lien vers ce que le volume n'a pas : vers le site, si l'on connaît son adresse."""
    if about.address:
        anchor["href"] = about.address + anchor["href"].lstrip("/")
    else:
        anchor.unwrap()
