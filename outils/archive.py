"""L'archive : tout le livre en un fichier, à ouvrir d'un double clic, sans serveur ni réseau.

Le même site donne le même fichier, à l'octet près : noms triés, dates et droits fixes.
"""

import re
import zipfile

from outils import chantier

FOLDER = "reseaux-recurrents"
TARGET = chantier.BUILD / "archive"
ARCHIVE = TARGET / f"{FOLDER}.zip"
STAMP = TARGET / ".fait"
DATE = (1980, 1, 1, 0, 0, 0)  # la plus ancienne qu'un zip sache noter
# Ce qui ne sert qu'au site en ligne.
ONLINE = re.compile(
    r"(.*/)?\..*|404\.html|hors-ligne\.\w+|manifest\.webmanifest|_static/icone-\d+\.png|"
    r"_static/partage/.*|(robots|sitemap)\.\w+"
)
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">')
# Inutile depuis le disque ; ce que la politique ne nomme pas est refusé.
NEEDLESS = ("connect-src", "worker-src", "manifest-src")
MARKS = (' data-hors="1"', '<link rel="manifest" href="manifest.webmanifest">\n')
README = """{title}
{line}

Pour lire le livre : ouvrez index.html d'un double clic. Tout est dans ce dossier :
il se lit sans réseau et sans rien installer, dans un navigateur récent.

Extrayez d'abord toute l'archive : ouverte depuis l'intérieur du fichier .zip,
une page s'affiche sans son style ni ses figures.

Le dossier « notebooks » contient les mêmes pages à exécuter et à modifier ; elles
s'ouvrent dans JupyterLab, une fois installé le paquet d2l-fr, ou dans Google Colab,
qui demande le réseau.

Votre place, vos réponses et vos couleurs restent dans ce navigateur.

Textes et figures : CC BY-SA 4.0. Code : MIT.
"""


def from_disk(page, name):
    """Une page telle que l'archive la donne : politique resserrée, rien pour un serveur."""
    found = POLICY.search(page)
    if not found:
        raise chantier.BuildError(f"{name} : la politique de sécurité de la page est introuvable.")
    rules = found[1].split("; ")
    kept = [rule for rule in rules if not rule.startswith(NEEDLESS)]
    if len(rules) - len(kept) != len(NEEDLESS) or kept[0] != "default-src 'none'":
        raise chantier.BuildError(f"{name} : la politique de la page n'est pas celle qu'on attend.")
    page = page[: found.start(1)] + "; ".join(kept) + page[found.end(1) :]
    for mark in MARKS:
        if page.count(mark) != 1:
            raise chantier.BuildError(f"{name} : « {mark.strip()} » est introuvable.")
        page = page.replace(mark, "")
    return page


def contents(site, title):
    """Ce que contient l'archive, dans l'ordre : (nom, octets)."""
    found = {"LISEZMOI.txt": README.format(title=title, line="=" * len(title)).encode()}
    for path in site.rglob("*"):
        name = path.relative_to(site).as_posix()
        if not path.is_file() or ONLINE.fullmatch(name):
            continue
        data = path.read_bytes()
        found[name] = from_disk(data.decode(), name).encode() if path.suffix == ".html" else data
    return sorted(found.items())


def write(files, path):
    """Écrit l'archive à côté, puis à sa place : un échec laisse l'ancienne."""
    new = path.with_suffix(".nouveau")
    try:
        with zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name, data in files:
                entry = zipfile.ZipInfo(f"{FOLDER}/{name}", DATE)
                entry.create_system = 3  # les droits sont ceux d'Unix, où que l'on construise
                entry.external_attr = 0o100644 << 16
                archive.writestr(entry, data, zipfile.ZIP_DEFLATED, 9)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def size(path):
    return f"{path.stat().st_size / 1e6:.1f} Mo".replace(".", ",")


def archive():
    """Construit le livre s'il le faut, puis l'archive, et dit ce qu'elle pèse."""
    chantier.livre()
    stamp = chantier.fingerprint("_build/html/**/*", "outils/archive.py", "_config.yml")
    ready = f"{ARCHIVE} ({size(ARCHIVE)})" if ARCHIVE.is_file() else ""
    if ready and STAMP.is_file() and STAMP.read_text("utf-8") == stamp:
        print(f"L'archive est à jour : {ready}.")
        return
    TARGET.mkdir(parents=True, exist_ok=True)
    STAMP.unlink(missing_ok=True)
    files = contents(chantier.SITE, chantier.read_config()["title"])
    write(files, ARCHIVE)
    STAMP.write_text(stamp, "utf-8")
    print(f"Archive de {len(files)} fichiers : {ARCHIVE} ({size(ARCHIVE)}).")
