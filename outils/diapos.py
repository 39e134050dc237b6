"""Les diaporamas : un fichier autonome par page, à projeter sans réseau ni serveur.

La construction du livre a laissé, pour chaque page marquée, ses diapositives dans
``_build/travail/diapos``. Ici, on y joint ``reveal.js``, les polices, le style, puis le code et
l'état des figures vivantes.
"""

import base64
import html
import json
import re
import shutil

from outils import chantier, polices

FOLDER = chantier.ROOT / "outils" / "diaporama"
SLIDES = chantier.WORK / "diapos"
STYLES = chantier.WORK / "styles"
STATIC = chantier.WORK / "html" / "_static"
TARGET = chantier.BUILD / "diapos"
STAMP = TARGET / ".fait"
URL = re.compile(r"url\(([\"']?)([^)\"']+)\1\)")
FACE = re.compile(r"@font-face ?\{[^}]*\}")


def read(path):
    return path.read_text("utf-8")


def embed_fonts(css, folder):
    """La feuille de style, polices dedans : seul le format ``woff2``, que tout navigateur lit.

    Le fichier les contient : on les attend, plutôt que d'en montrer d'autres.
    """
    css = polices.awaited(css)

    def face(match):
        urls = [u for _, u in URL.findall(match[0]) if u.endswith(".woff2")]
        if not urls:  # une police du système
            return match[0]
        data = base64.b64encode((folder / urls[0]).read_bytes()).decode()
        source = f'url("data:font/woff2;base64,{data}") format("woff2")'
        return re.sub(r"src:[^;}]*", lambda _: f"src:{source}", match[0])

    return FACE.sub(face, css)


def fonts(body):
    """Les polices d'un diaporama, qu'il contient et attend ; celle des formules, s'il en montre."""
    css = read(STYLES / "polices.css")
    if "<math" not in body:
        css = FACE.sub(lambda m: "" if "STIX" in m[0] else m[0], css)
    return embed_fonts(css, chantier.BUILD / "tiers")


def styles(body):
    """Tout le style d'un diaporama, dans l'ordre."""
    return "\n".join([
        read(chantier.BUILD / "reveal" / "reveal.css"),
        fonts(body),
        *(read(STYLES / f"{name}.css") for name in ("palette", "formules", "code", "figures")),
        read(FOLDER / "theme.css"),
    ])  # fmt: skip


def script(text):
    """Un script prêt à entrer dans la page : rien n'y ressemble à une balise."""
    text = text.replace("</script", r"<\/script").replace("<!--", r"<\!--")
    return f"<script>\n{text}\n</script>"


def scripts(figures):
    """``reveal.js``, les figures du diaporama et leur état, puis ce qui l'anime."""
    folder = STATIC / "figures"
    parts = [read(chantier.BUILD / "reveal" / "reveal.js")]
    if figures:
        parts.append(read(STATIC / "figures.js"))
        names = [name for figure, state in figures for name in (figure, state)]
        parts += [read(folder / f"{name}.js") for name in dict.fromkeys(names)]
    parts.append(read(FOLDER / "diaporama.js"))
    return "\n".join(map(script, parts))


def section(slide, number, book):
    """Une diapositive. L'ouverture porte le titre de la page et le nom du livre."""
    name = f"diapo-{number}"
    if slide["genre"] == "ouverture":
        head = f'<p class="livre">{book}</p>\n<h1 id="{name}">{slide["titre"]}</h1>'
    else:
        head = f'<h2 id="{name}">{slide["titre"]}</h2>'
    minutes = slide["minutes"]
    duration = f"{minutes} minute{'s' if minutes > 1 else ''}"
    return (
        f'<section class="{slide["genre"]}" aria-labelledby="{name}" data-minutes="{minutes}">\n'
        f'{head}\n<div class="corps">\n{slide["corps"]}\n</div>\n'
        f'<aside class="notes"><p class="note-duree">{duration}</p>\n{slide["notes"]}</aside>\n'
        "</section>"
    )


def fill(name, **parts):
    """Un gabarit, ses « {{noms}} » remplacés."""
    return re.sub(r"\{\{(\w+)\}\}", lambda m: parts[m[1]], read(FOLDER / name))


def logo(scheme):
    """Le logo du livre, en clair ou en sombre, dans la page elle-même."""
    svg = read(chantier.ROOT / "book" / "img" / f"logo{scheme}.svg")
    svg = re.sub(r"<title>.*?</title>", "", svg)
    return svg.replace("<svg ", f'<svg class="logo{scheme}" aria-hidden="true" ', 1)


def deck(data, book):
    """Le fichier d'un diaporama."""
    name = f'{logo("")}{logo("-sombre")}<span class="visuellement-cache">{book}</span>'
    body = "\n".join(section(slide, n, name) for n, slide in enumerate(data["diapos"], 1))
    return fill(
        "gabarit.html", titre=f"{data['titre']} – {book}", style=styles(body), diapos=body,
        scripts=scripts(data["figures"]),
    )  # fmt: skip


def index(decks, book):
    """La liste des diaporamas, dans l'ordre du livre."""
    rows = []
    for page, data in decks.items():
        count, minutes = len(data["diapos"]), sum(s["minutes"] for s in data["diapos"])
        rows.append(
            f'<li><a href="{page}.html">{data["titre"]}</a>'
            f"<span>{count} diapositives, {minutes} minutes</span></li>"
        )
    tiers = chantier.BUILD / "tiers"
    sans = [face for face in FACE.findall(read(tiers / "polices.css")) if "Source Sans" in face]
    style = embed_fonts("\n".join(sans), tiers) + read(STYLES / "palette.css")
    return fill("index.html", livre=book, style=style, diaporamas="\n".join(rows))


def book_title():
    import yaml

    return html.escape(yaml.safe_load(read(chantier.ROOT / "_config.yml"))["title"])


def order():
    """Les pages dans l'ordre de la table des matières."""
    import yaml

    toc = yaml.safe_load(read(chantier.ROOT / "book" / "_toc.yml"))
    return [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]


def diapos():
    """Construit le livre s'il le faut, puis les diaporamas, et dit quoi ouvrir."""
    chantier.livre()
    if not any(SLIDES.glob("*.json")):  # une construction d'avant les diaporamas
        chantier.STATE.unlink(missing_ok=True)
        shutil.rmtree(chantier.WORK, ignore_errors=True)
        chantier.livre()
    ready = f"Ouvrez {TARGET / 'index.html'}."
    stamp = chantier.fingerprint(
        "outils/diaporama/*", "outils/*.py", "_build/travail/diapos/*.json", "book/_toc.yml",
        "_config.yml", "_build/etat.json", "_build/tiers/.fait",
    )  # fmt: skip
    if STAMP.is_file() and read(STAMP) == stamp:
        print(f"Les diaporamas sont à jour. {ready}")
        return
    book = book_title()
    decks = {
        page: json.loads(read(SLIDES / f"{page}.json"))
        for page in order()
        if (SLIDES / f"{page}.json").is_file()
    }
    new = chantier.BUILD / "diapos.nouveau"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    for page, data in decks.items():
        (new / f"{page}.html").write_text(deck(data, book), "utf-8")
    (new / "index.html").write_text(index(decks, book), "utf-8")
    (new / STAMP.name).write_text(stamp, "utf-8")
    shutil.rmtree(TARGET, ignore_errors=True)
    new.rename(TARGET)
    plural = "s" if len(decks) > 1 else ""
    print(f"{len(decks)} diaporama{plural} construit{plural}. {ready}")
