"""Avant de construire : ce qui se lit sans rien exécuter, et que Sphinx dirait mal ou trop tard.

La configuration, la table des matières, l'en-tête des pages, les dessins, les gabarits, les
exercices : chaque faute donne une ligne, avec son fichier et l'endroit.
"""

import contextlib
import json
import re
import sqlite3
import tomllib
from urllib.parse import quote
from xml.etree import ElementTree

import yaml

HEADER = re.compile(r"---\n(.*?)^---\s*$", re.DOTALL | re.MULTILINE)
# Ce que _config.yml doit dire, et que la construction lit.
NEEDED = ["title", "author", "copyright", "repository", "execute", "sphinx.local_extensions"]


def where(name, line=None):
    return f"{name}, ligne {line}" if line else name


def read_text(path, name):
    """Le texte d'un fichier ; lève ``ValueError`` s'il n'est pas en UTF-8."""
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        line = path.read_bytes().count(b"\n", 0, error.start) + 1
        raise ValueError(f"{where(name, line)} : ce n'est pas de l'UTF-8") from None


def read_yaml(text, name, first=0):
    """Ce que dit un texte YAML ; lève ``ValueError``, avec le fichier et la ligne."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = where(name, mark.line + 1 + first if mark else None)
        problem = getattr(error, "problem", None) or error
        raise ValueError(f"{place} : YAML mal formé ({problem})") from None


def read_config(root):
    """Ce que dit _config.yml ; lève ``ValueError`` s'il est mal formé ou s'il y manque une clé."""
    found = read_yaml(read_text(root / "_config.yml", "_config.yml"), "_config.yml")
    for key in NEEDED:
        value = found
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if value is None:
            raise ValueError(f"_config.yml : la clé « {key} » manque")
    return found


def _line(text, path):
    """La ligne d'un endroit de la table des matières, donné comme ``/parts/0/chapters/1``."""
    node = yaml.compose(text)
    for part in path.strip("/").split("/"):
        if isinstance(node, yaml.MappingNode):
            node = next((v for k, v in node.value if k.value == part), node)
        elif isinstance(node, yaml.SequenceNode) and part.isdigit():
            node = node.value[int(part)]
    return node.start_mark.line + 1 if node else None


def toc(root):
    """La table des matières : lisible, sans page qui n'existe pas, sans page oubliée."""
    from sphinx_external_toc.parsing import MalformedError, parse_toc_yaml

    book, name = root / "book", "book/_toc.yml"
    text = read_text(book / "_toc.yml", name)
    read_yaml(text, name)
    try:
        listed = set(parse_toc_yaml(book / "_toc.yml"))
    except MalformedError as error:
        path = re.search(r" @ '(.*?)'", str(error))
        line = _line(text, path[1]) if path else None
        yield f"{where(name, line)} : table des matières mal écrite ({error})"
        return
    pages = {path.relative_to(book).with_suffix("").as_posix() for path in book.rglob("*.md")}
    for page in sorted(listed - pages):
        found = re.search(rf":\s*[\"']?{re.escape(page)}(\.md)?[\"']?\s*$", text, re.MULTILINE)
        line = text.count("\n", 0, found.start()) + 1 if found else None
        yield f"{where(name, line)} : la page « {page} » n'existe pas"
    for page in sorted(pages - listed):
        yield f"book/{page}.md : page absente de {name}"


def page(path, name):
    """L'en-tête d'une page et son codage."""
    if found := HEADER.match(read_text(path, name)):
        read_yaml(found[1], name, first=1)
    return ()


def descriptions(path, name):
    """Le fichier des descriptions : son YAML ; le reste, ``partage`` le vérifie."""
    read_yaml(read_text(path, name), name)
    return ()


def drawing(path, name):
    """Un dessin : un SVG entier, qui dit ses dimensions."""
    try:
        drawn = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        line, _ = error.position
        yield f"{where(name, line)} : figure vide ou tronquée, ce n'est pas un SVG entier"
        return
    if len((drawn.get("viewBox") or "").split()) != 4:
        yield f"{name} : le dessin n'a pas de viewBox"


def template(path, name):
    """Un gabarit du thème, ou ses réglages."""
    from jinja2 import Environment, TemplateSyntaxError

    text = read_text(path, name)
    try:
        if path.suffix == ".toml":
            tomllib.loads(text)
        else:
            Environment(extensions=["jinja2.ext.i18n"]).parse(text)
    except tomllib.TOMLDecodeError as error:
        yield f"{name} : réglages mal formés ({error})"
    except TemplateSyntaxError as error:
        yield f"{where(name, error.lineno)} : gabarit mal écrit ({error.message})"


def exercises(root):
    """Les exercices de toutes les sections."""
    from d2l_fr.exercises import load_exercises
    from d2l_fr.exercises.source import ExerciseError, sections

    for section in sections():
        try:
            load_exercises(section)
        except ExerciseError as error:
            yield str(error)


def cache_is_sound(folder):
    """Vrai si jupyter-cache peut relire toutes les exécutions qu'il dit avoir gardées."""
    base = folder / "global.db"
    if not base.exists():
        return not (folder / "executed").exists()
    try:
        with contextlib.closing(
            sqlite3.connect(f"file:{quote(str(base))}?mode=ro", uri=True)
        ) as db:
            keys = [key for (key,) in db.execute("SELECT hashkey FROM nbcache")]
        for key in keys:
            json.loads((folder / "executed" / key / "base.ipynb").read_text("utf-8"))
    except (sqlite3.Error, OSError, ValueError):
        return False
    return True


def _each(check, root, pattern):
    for path in sorted(root.glob(pattern)):
        name = path.relative_to(root).as_posix()
        try:
            yield from check(path, name)
        except ValueError as error:
            yield str(error)


def problems(root):
    """Toutes les fautes, une par ligne, dans l'ordre des fichiers."""
    found = []
    for check in (toc, exercises):
        try:
            found += check(root)
        except (ValueError, FileNotFoundError) as error:
            found.append(str(error) if isinstance(error, ValueError) else _absent(error, root))
    for check, pattern in (
        (page, "book/**/*.md"), (descriptions, "book/descriptions.yml"),
        (drawing, "book/img/*.svg"), (template, "book/_theme/*"),
    ):  # fmt: skip
        found += _each(check, root, pattern)
    return found


def _absent(error, root):
    return f"{str(error.filename).replace(f'{root}/', '')} : ce fichier manque"
