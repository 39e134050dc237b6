"""Un petit livre, construit par le vrai chantier dans une copie du projet à part."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from conftest import ROOT
from outils import chantier

PAGES = Path(__file__).with_name("petit_livre")
# Ce que la construction lit, hors des pages.
KEPT = ["outils", "d2l_fr", "book/_ext", "book/_theme", "book/statique"]
FILES = ["_config.yml", "requirements.txt", "pyproject.toml"]
IMAGES = ["favicon.svg", "logo.svg", "logo-sombre.svg"]
# Formules et polices, déjà installées pour le vrai livre.
VENDORED = ["tiers", "npm", "police-notebooks", "reveal"]
IGNORED = shutil.ignore_patterns("__pycache__", "node_modules/.cache")


class Workshop:
    """La copie, et de quoi y construire."""

    def __init__(self, root):
        self.root, self.build = root, root / "_build"
        self.site, self.book = self.build / "html", root / "book"
        self.server = None
        with chantier.alone():
            chantier.vendor()
        for name in KEPT:
            shutil.copytree(ROOT / name, root / name, ignore=IGNORED)
        for name in FILES:
            shutil.copy(ROOT / name, root)
        for page in (root / "d2l_fr" / "exercises").glob("*.md"):
            page.unlink()
        shutil.copytree(PAGES, self.book, dirs_exist_ok=True)
        (self.book / "exercices.md").rename(root / "d2l_fr" / "exercises" / "calcul.md")
        for name in IMAGES:
            shutil.copy(ROOT / "book" / "img" / name, self.book / "img")
        (root / "notebooks").mkdir()
        for name in VENDORED:
            shutil.copytree(ROOT / "_build" / name, self.build / name, symlinks=True)

    def environment(self, **changes):
        """L'environnement d'une construction : les modules sont ceux de la copie."""
        return os.environ | {"PYTHONPATH": str(self.root)} | changes

    def run_alone(self, *command, **changes):
        """Lance ``python -m outils`` dans un processus neuf ; rend (statut, ce qui s'est dit)."""
        run = subprocess.run(
            [*command[:-1], sys.executable, "-m", "outils", command[-1]], cwd=self.root, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self.environment(**changes),
        )  # fmt: skip
        return run.returncode, run.stdout

    def launch(self, command="livre", **changes):
        """Lance ``python -m outils``, et rend son numéro de processus ; ``result`` l'attend."""
        if self.server is None:
            self.server = subprocess.Popen(
                [sys.executable, Path(__file__).with_name("petit_serveur.py")], cwd=self.root,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=self.environment(),
            )  # fmt: skip
        request = {"commande": command, "environnement": changes}
        print(json.dumps(request), file=self.server.stdin, flush=True)
        return int(self.server.stdout.readline())

    def result(self):
        """Le statut de ce que ``launch`` a lancé, et ce qui s'est dit."""
        return tuple(json.loads(self.server.stdout.readline()))

    def run(self, command="livre", **changes):
        """Lance ``python -m outils`` ; rend (statut, ce qui s'est dit)."""
        self.launch(command, **changes)
        return self.result()

    def tree(self, folder=None):
        """Les octets de chaque fichier du site, ou d'un autre dossier."""
        folder = folder or self.site
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    def change(self, name, change):
        """Change un fichier : son nouveau texte, ses octets, une fonction de son texte, ou rien."""
        path = self.root / name
        if change is None:
            path.unlink()
        elif isinstance(change, bytes):
            path.write_bytes(change)
        else:
            path.write_text(
                change(path.read_text("utf-8")) if callable(change) else change, "utf-8"
            )

    @contextlib.contextmanager
    def broken(self, changes):
        """Le temps d'un essai, des fichiers changés (voir ``change``)."""
        paths = [self.root / name for name in changes]
        before = [path.read_bytes() if path.exists() else None for path in paths]
        try:
            for name, change in changes.items():
                self.change(name, change)
            yield
        finally:
            for path, content in zip(paths, before, strict=True):
                path.unlink(missing_ok=True)
                if content is not None:
                    path.write_bytes(content)

    def close(self):
        """Arrête ce qui attend des commandes."""
        if self.server is not None:
            self.server.communicate()
