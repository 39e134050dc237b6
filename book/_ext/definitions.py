"""Les définitions du glossaire, dans un fichier que le script charge pour les montrer au mot."""

import json
from pathlib import Path

from bs4 import BeautifulSoup


def collect(page):
    """Les définitions d'un glossaire (HTML) : identifiant du terme → HTML de la définition."""
    tree, found = BeautifulSoup(page, "html.parser"), {}
    for entry in tree.select("dl.glossary dt[id]"):
        meaning = entry.find_next_sibling("dd")
        for link in entry.select("a.headerlink"):
            link.decompose()
        for tag in meaning.find_all("a"):
            tag.unwrap()  # dans une bulle, rien ne se suit
        body = " ".join(meaning.decode_contents().split())
        found[entry["id"]] = f"<p><strong>{entry.decode_contents().strip()}</strong></p>{body}"
    return found


def finish(app, exception):
    if exception or app.builder.name != "html":
        return
    out = Path(app.outdir)
    glossary = out / "glossaire.html"
    if glossary.is_file():
        text = json.dumps(collect(glossary.read_text("utf-8")), ensure_ascii=False)
        (out / "_static" / "definitions.js").write_text(f"d2lDefinitions({text});\n", "utf-8")


def setup(app):
    app.connect("build-finished", finish, priority=950)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
