"""Écrit notebooks/<page>.ipynb depuis les pages, dans la construction qui fait le site.

Le notebook est autonome : figures incorporées (en PNG, seul format que Colab accepte),
renvois résolus, solutions repliées, et une première cellule qui sait où elle est.
Il n'est réécrit que si sa source a changé : les nombres calculés varient d'une machine à
l'autre et ne comptent pas (voir ``signature``).
"""

import base64
import hashlib
import json
import re
import shutil
from io import BytesIO
from pathlib import Path

import jupytext
import nbformat
from PIL import Image
from sphinx.util import logging

import resultats as results
from conversion import ConversionError, Converter, plain_title, prose
from d2l_fr.exercises.source import KINDS, ExerciseError
from exercices import DIRECTIVE, SOLUTION_BLOCK, check_call, find
from outils.journal import say
from site_depot import repository

logger = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[2]
KIND = {"figure": "Figure", "table": "Tableau", "exercise": "Exercice", "section": "Section"}
WIDTH = 1400  # pixels : deux fois la largeur d'une cellule

CHECKOUT = """\
# Rien à faire dans une copie du dépôt ; sur Colab, cette cellule installe le paquet du livre.
import importlib.util
import pathlib
import sys

if importlib.util.find_spec("d2l_fr") is None:
    if pathlib.Path("../d2l_fr").is_dir():
        sys.path.insert(0, str(pathlib.Path("..").resolve()))
    else:
{install}"""
FROM_REPOSITORY = """\
        %pip install -q "git+{url}@{branch}\""""
UNKNOWN = """\
        raise ModuleNotFoundError(
            "Le paquet d2l_fr n'est pas installé, et ce notebook ne sait pas où le prendre : aucun "
            "dépôt n'est configuré. Téléchargez le dépôt du livre, puis lancez « pip install . » "
            "dans son dossier."
        )"""


def picture_bytes(path, fonts):
    """Trace un SVG du livre en PNG à palette réduite."""
    import resvg_py

    png = resvg_py.svg_to_bytes(
        svg_path=str(path), width=WIDTH, background="#ffffff", font_dirs=[str(fonts)],
        font_family="Source Sans 3", sans_serif_family="Source Sans 3", skip_system_fonts=True,
    )  # fmt: skip
    image = Image.open(BytesIO(bytes(png))).convert("RGB").quantize(64, dither=Image.Dither.NONE)
    out = BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


class Book:
    """Ce que Sphinx sait d'une page, sous la forme que veut le convertisseur."""

    def __init__(self, app, page, fonts):
        self.app, self.env, self.page, self.fonts = app, app.env, page, fonts
        std = self.env.domaindata["std"]
        self.labels = {**std["anonlabels"], **std["labels"]}
        self.equations = self.env.domaindata["math"]["objects"]
        self.numbers = {
            label: (kind, ".".join(map(str, number)))
            for kinds in self.env.toc_fignumbers.values()
            for kind, found in kinds.items()
            for label, number in found.items()
        }
        self.cited = []
        self.values = results.glued_values(app, page)

    def number(self, label):
        if label not in self.numbers:
            raise ConversionError(f"étiquette sans numéro : {label}")
        kind, number = self.numbers[label]
        return KIND[kind], number

    def equation(self, label):
        if label not in self.equations:
            raise ConversionError(f"équation inconnue : {label}")
        plain = str(self.equations[label][1])
        return self.numbers.get(f"equation-{label}", ("", plain))[1]

    def title(self, label):
        if label in self.numbers:
            kind, number = self.number(label)
            return f"{kind.lower()} {number}"
        if label not in self.labels:
            raise ConversionError(f"étiquette inconnue : {label}")
        return plain_title(self.labels[label][2])

    def link(self, label, text):
        page = self.labels[label][0] if label in self.labels else self.page
        return self._link(page, text)

    def link_page(self, page, text):
        page = page.lstrip("/")
        if page not in self.env.titles:
            raise ConversionError(f"page inconnue : {page}")
        return self._link(page, text or plain_title(self.env.titles[page]))

    def _link(self, page, text):
        elsewhere = page != self.page and is_notebook(self.env, page)
        return f"[{text}]({page}.ipynb)" if elsewhere else text

    def citation(self, keys, role):
        found = []
        for key in map(str.strip, keys.split(",")):
            entries = self.env.domaindata["cite"]["bibdata"].data.entries
            if key not in entries:
                raise ConversionError(f"référence absente de references.bib : {key}")
            if key not in self.cited:
                self.cited.append(key)
            people = [
                " ".join(p.prelast_names + p.last_names) for p in entries[key].persons["author"]
            ]
            year = entries[key].fields["year"]
            if len(people) > 2:
                people = [f"{people[0]} *et al.*"]
            found.append((" et ".join(people), year))
        if role == "t":
            return " et ".join(f"{who} ({year})" for who, year in found)
        return "(" + " ; ".join(f"{who}, {year}" for who, year in found) + ")"

    def glued(self, name):
        if name not in self.values:
            raise ConversionError(f"nombre jamais calculé : {name}")
        return f"\0{name}\0"

    def results(self):
        """Le tableau des résultats : comme un nombre calculé, il ne compte pas dans l'empreinte."""
        self.values["resultats"] = results.markdown(self.app, self.page)
        return "\0resultats\0"

    def picture(self, path, alt):
        source = Path(self.env.srcdir) / path
        if not source.is_file():
            raise ConversionError(f"image introuvable : {path}")
        stamp = hashlib.sha256(source.read_bytes()).hexdigest()[:16]
        return f"![{alt}](\1{path}\1{stamp}\1)"

    def references(self):
        """Les références citées, en entier, pour la fin du notebook."""
        import pybtex.plugin

        style = pybtex.plugin.find_plugin("pybtex.style.formatting", "livre")()
        backend = pybtex.plugin.find_plugin("pybtex.backends", "markdown")()
        data = self.env.domaindata["cite"]["bibdata"].data
        # Le traitement Markdown de pybtex échappe toute la ponctuation : c'est trop.
        entries = style.format_entries([data.entries[key] for key in self.cited])
        lines = [re.sub(r"\\([^\w\s])", r"\1", e.text.render(backend)) for e in entries]
        return "\n".join(f"- {prose(line)}" for line in sorted(lines))


def is_notebook(env, page):
    return "kernelspec" in env.metadata.get(page, {})


def markdown_cell(text):
    return nbformat.v4.new_markdown_cell(text)


def exercise_cells(exercise, book, converter):
    """Énoncé, cellule à remplir, cellule qui corrige, solution repliée."""
    _, number = book.number(exercise.label)
    stars = "★" * exercise.difficulty + "☆" * (3 - exercise.difficulty)
    head = (
        f"### Exercice {number} – {prose(exercise.title)}\n\n"
        f"*{KINDS[exercise.kind].capitalize()}* · {stars} · {exercise.minutes} min\n\n"
    )
    yield markdown_cell(head + converter.convert(exercise.statement))
    if exercise.stub:
        cell = nbformat.v4.new_code_cell(exercise.stub)
        cell.metadata["tags"] = ["exercice"]
        yield cell
        yield nbformat.v4.new_code_cell(check_call(exercise))
    elif exercise.kind in ("code", "experience"):
        cell = nbformat.v4.new_code_cell("# Votre code ici\n")
        cell.metadata["tags"] = ["exercice"]
        yield cell
    else:
        yield markdown_cell("*Votre réponse ici (double-cliquez pour écrire).*")
    code = f"```python\n{exercise.solution}\n```\n\n" if exercise.solution else ""
    explanation = converter.convert(SOLUTION_BLOCK.sub("```python", exercise.explanation))
    yield markdown_cell(
        "<details><summary>Solution</summary>\n\n" + code + explanation + "\n\n</details>"
    )


def code_cells(cell, book, converter):
    """Une cellule de code, nettoyée de ce que seul le site comprend, et sa légende."""
    display = cell.metadata.pop("mystnb", {})
    tags = set(cell.metadata.get("tags", ()))
    if "remove-cell" in tags:
        return
    if tags & {"hide-input", "remove-input", "hide-cell"}:
        cell.metadata["jupyter"] = {"source_hidden": True}
    cell.outputs, cell.execution_count = [], None
    yield cell
    if figure := display.get("figure"):
        kind, number = book.number(figure["name"])
        caption = converter.text(" ".join(figure["caption"].split()))
        yield markdown_cell(f"**{kind} {number}.** {caption}")


def install_cell(url, branch):
    install = FROM_REPOSITORY.format(url=url, branch=branch) if url else UNKNOWN
    cell = nbformat.v4.new_code_cell(CHECKOUT.format(install=install))
    cell.metadata["jupyter"] = {"source_hidden": True}
    return cell


def build(app, page, fonts, url):
    """Le notebook d'une page, images et nombres encore sous forme de marques."""
    book = Book(app, page, fonts)
    converter = Converter(book)
    source = Path(app.env.doc2path(page)).read_text("utf-8")
    branch = app.config.branche_configuree
    cells = []
    for cell in jupytext.reads(source, fmt="md:myst").cells:
        if cell.cell_type == "code":
            cells += code_cells(cell, book, converter)
            continue
        parts = DIRECTIVE.split(cell.source)
        for text, name in zip(parts[::2], [*parts[1::2], None], strict=True):
            if converted := converter.convert(text):
                cells.append(markdown_cell(converted))
            if name:
                cells += exercise_cells(find(page, name), book, converter)
    if book.cited:
        cells.append(markdown_cell("## Références citées\n\n" + book.references()))
    cells.insert(0, install_cell(url, branch))
    for i, cell in enumerate(cells):
        cell["id"] = f"{page}-{i:03d}"
    return nbformat.v4.new_notebook(
        cells=cells,
        metadata={
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "colab": {"name": f"{page}.ipynb", "provenance": [], "toc_visible": True},
        },
    ), book


def signature(cells):
    """L'empreinte d'une suite de cellules : sources, ordre, identifiants."""
    kept = [(c["id"], c["cell_type"], c["source"], dict(c.get("metadata", {}))) for c in cells]
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:20]


def fill(notebook, book):
    """Met les images et les nombres à la place de leurs marques, et signe le résultat."""
    own = {"source": signature(notebook.cells)}
    pictures = {}

    def picture(match):
        path = Path(book.env.srcdir) / match[1]
        if path not in pictures:
            data = base64.b64encode(picture_bytes(path, book.fonts)).decode()
            pictures[path] = f"data:image/png;base64,{data}"
        return pictures[path]

    for cell in notebook.cells:
        cell.source = re.sub("\1([^\1]+)\1[^\1]+\1", picture, cell.source)
        cell.source = re.sub("\0([^\0]+)\0", lambda m: book.values[m[1]], cell.source)
    own["contenu"] = signature(notebook.cells)
    notebook.metadata["d2l_fr"] = own
    nbformat.validate(notebook)
    return notebook


def is_current(path, source):
    """Vrai si le fichier vient de cette source et n'a pas été retouché depuis."""
    try:
        found = nbformat.read(path, as_version=4)
    except Exception:
        return False
    own = found.metadata.get("d2l_fr", {})
    if any(cell.get("outputs") or cell.get("execution_count") for cell in found.cells):
        return False  # exécuté sur place : le site donnerait ces sorties-là à télécharger
    return own.get("source") == source and own.get("contenu") == signature(found.cells)


def write(app, page, folder, fonts, url):
    """Écrit le notebook d'une page dans ``folder`` s'il n'y est pas à jour ; rend son chemin."""
    notebook, book = build(app, page, fonts, url)
    path = folder / f"{page}.ipynb"
    if not is_current(path, signature(notebook.cells)):
        if path.is_file():
            say(f"  {folder.name}/{path.name} : récrit (la page a changé, ou l'on y a touché)")
        nbformat.write(fill(notebook, book), path)
    return path


def export(app, exception):
    if exception or app.builder.name != "html":
        return
    fonts = ROOT / "_build" / "police-notebooks"
    served = Path(app.outdir) / "notebooks"
    served.mkdir(exist_ok=True)
    configured, published = app.config.depot_configure, repository(app)
    for page in sorted(app.env.found_docs):
        if not is_notebook(app.env, page):
            continue
        try:
            own = write(app, page, ROOT / "notebooks", fonts, configured)
            if published == configured:
                shutil.copy(own, served)
            else:
                write(app, page, served, fonts, published)
        except ExerciseError:
            continue  # la lecture de la page l'a déjà dit
        except ConversionError as error:
            # Un avertissement, que la construction tient pour une erreur : lever une exception ici
            # ferait échouer les autres extensions, et c'est leur message que l'on lirait.
            logger.warning("notebook %s : %s", page, error, location=page)


def setup(app):
    app.connect("build-finished", export, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
