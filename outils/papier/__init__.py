"""Le livre sur papier (PDF) et pour liseuse (EPUB), tirés du site construit.

Chacun ne se refait que si le site a changé, et ne remplace le précédent qu'une fois complet.
"""

from filelock import FileLock

from outils import chantier

FOLDER = chantier.BUILD / "papier"
# Ce dont dépendent les deux volumes, en plus du site.
SOURCES = (
    "outils/papier/*", "outils/navigateur.py", "_config.yml", "CITATION.cff", "pyproject.toml",
    "book/_toc.yml", "d2l_fr/palette.py", "_build/etat.json", "_build/tiers/.fait",
)  # fmt: skip


def target(kind):
    """Le fichier à écrire, d'après le nom du paquet : reseaux-recurrents.pdf."""
    return FOLDER / f"reseaux-recurrents.{kind}"


def _produce(kind, build):
    """Construit le livre s'il le faut, puis le volume, et dit où il est."""
    chantier.livre()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with FileLock(FOLDER / ".verrou"):
        _compose(kind, build)


def _compose(kind, build):
    final, stamp = target(kind), FOLDER / f".{kind}"
    wanted, place = chantier.fingerprint(*SOURCES), final.relative_to(chantier.ROOT)
    if final.is_file() and stamp.is_file() and stamp.read_text("utf-8") == wanted:
        print(f"{kind.upper()} à jour : {place}")
        return
    print(f"{kind.upper()} : composition…", flush=True)
    new = final.with_suffix(f".nouveau.{kind}")
    try:
        count = build(new)
        stamp.unlink(missing_ok=True)
        new.replace(final)
    finally:
        new.unlink(missing_ok=True)
    stamp.write_text(wanted, "utf-8")
    size = f"{final.stat().st_size / 1e6:.1f}".replace(".", ",")
    print(f"{kind.upper()} construit : {place} ({count} pages, {size} Mo)")


def pdf():
    """Construit _build/papier/reseaux-recurrents.pdf."""
    from outils.papier import impression as volume

    volume.require_browser()
    _produce("pdf", volume.build)


def epub():
    """Construit _build/papier/reseaux-recurrents.epub."""
    from outils.papier import livrel as volume

    _produce("epub", volume.build)
