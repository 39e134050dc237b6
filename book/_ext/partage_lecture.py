"""Ce que le partage lit : l'adresse du site, les descriptions des pages, l'ordre du livre."""

import os
from urllib.parse import urlsplit

import yaml
from sphinx import addnodes
from sphinx.errors import ConfigError

from d2l_fr.french import typography
from site_depot import repository

FILE = "descriptions.yml"
BOUNDS = 120, 160  # caractères d'une description
WORD = 2, 8  # lettres du mot que lit le réseau de l'image
KINDS = {"description": str, "mot": str, "retour": bool}
SUBTITLE = "Un livre interactif, en français"


# ---------- l'adresse du site


def _pages(url):
    """L'adresse que GitHub donne au site d'un dépôt, ou une chaîne vide."""
    parts = urlsplit(url)
    owner, _, name = parts.path.strip("/").partition("/")
    if parts.netloc != "github.com" or not owner or not name:
        return ""
    host = f"{owner.lower()}.github.io"
    return f"https://{host}/" if name.lower() == host else f"https://{host}/{name}/"


def address(app):
    """L'adresse du site, finie par une barre oblique, ou une chaîne vide."""
    url = os.environ.get("D2L_FR_ADRESSE", "").strip()
    if not url and os.environ.get("D2L_FR_PUBLICATION"):
        url = _pages(repository(app))
    url = url or (app.config.html_baseurl or "").strip()
    if not url:
        return ""
    parts = urlsplit(url)
    odd = parts.query or parts.fragment or "@" in parts.netloc or set(url) & set(" \"'<>\\")
    if parts.scheme not in ("http", "https") or not parts.netloc or odd:
        raise ConfigError(
            f"L'adresse du site, « {url} », n'en est pas une : écrivez « https://hote/chemin/ »."
        )
    return url.rstrip("/") + "/"


# ---------- les descriptions


def load(path):
    """Lit le fichier des descriptions ; une erreur dit laquelle."""
    if not path.is_file():
        raise ConfigError(f"Le fichier des descriptions manque : {path}.")
    try:
        found = yaml.safe_load(path.read_text("utf-8")) or {}
    except yaml.YAMLError as error:
        raise ConfigError(f"{path.name} ne se lit pas : {error}") from error
    for page, facts in found.items() if isinstance(found, dict) else [("", found)]:
        known = isinstance(facts, dict) and facts.keys() <= KINDS.keys()
        if not known or not all(isinstance(v, KINDS[k]) for k, v in facts.items()):
            names = ", ".join(KINDS)
            raise ConfigError(f"{path.name}, « {page} » : on n'y attend que {names}.")
    return found


def faults(pages, facts):
    """Ce qui cloche dans les descriptions : des couples (page, message)."""
    seen = {}
    for page in pages:
        text = facts.get(page, {}).get("description", "").strip()
        word = facts.get(page, {}).get("mot", "lecture")
        low, high = BOUNDS
        if not text:
            yield page, f"sa description manque : ajoutez-la à book/{FILE}"
        elif not low <= len(text) <= high:
            size = f"{len(text)} caractères au lieu de {low} à {high}"
            yield page, f"sa description, dans book/{FILE}, compte {size}"
        elif text in seen:
            yield page, f"sa description est aussi celle de « {seen[text]} »"
        if not word.isalpha() or not WORD[0] <= len(word) <= WORD[1]:
            yield page, f"le mot de son image, « {word} », n'a pas de {WORD[0]} à {WORD[1]} lettres"
        seen.setdefault(text, page)
    for page in facts.keys() - set(pages):
        yield page, f"book/{FILE} décrit une page qui n'est pas dans _toc.yml"


# ---------- le sommaire


def outline(env):
    """Les pages dans l'ordre du livre, accueil en tête : {page: titre de sa partie}."""
    root = env.config.root_doc
    found = {root: ""}
    captions = {}
    for tree in env.get_doctree(root).findall(addnodes.toctree):
        captions |= dict.fromkeys(tree["includefiles"], tree.get("caption") or "")

    def visit(page, caption):
        for child in env.toctree_includes.get(page, ()):
            if child not in found:
                found[child] = captions.get(child, caption)
                visit(child, found[child])

    visit(root, "")
    return found


def label(env, page, caption):
    """Ce qui situe une page : le numéro de sa section, ou le titre de sa partie."""
    if page == env.config.root_doc:
        return SUBTITLE
    number = env.toc_secnumbers.get(page, {}).get("")
    return f"Section {'.'.join(map(str, number))}" if number else typography(caption)
