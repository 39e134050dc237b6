"""La couverture du paquet : les branches par où passent ses tests, celles où aucun ne va.

``make couverture`` en donne la table, et échoue sous le seuil de ``pyproject.toml``. Le code que le
correcteur enferme dans un autre processus n'est pas suivi : les mêmes fonctions sont essayées ici.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import coverage
import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]
# Ce qui éprouve le site, les notebooks ou les outils, et non le paquet. Quant aux copies hostiles,
# c'est ailleurs qu'elles s'exécutent.
ELSEWHERE = {
    "acces", "annexes", "banc", "chantier_pannes", "chantier_reprise", "colab", "confort",
    "copies_hostiles", "diapos", "extensions", "francais", "haut_de_page", "hors_ligne",
    "jupyterlab", "modes_d_emploi", "notebooks", "outils", "papier", "partage", "poids",
    "recherche", "recit", "save", "site", "theme", "types",
}  # fmt: skip
# Ce que demandent les tests d'un navigateur, du site, d'un serveur ou d'une classe entière : du
# paquet, on n'y exécute que le JavaScript, ou d'autres processus l'exécutent.
FAR = {"browser", "site", "hub", "class_of_30"}


def test_files(root=ROOT):
    """Les fichiers de tests du paquet."""
    files = sorted((root / "tests").glob("test_*.py"))
    return [str(f) for f in files if f.stem.removeprefix("test_") not in ELSEWHERE]


class Near:
    """Écarte les tests dont ce processus n'exécute rien du paquet."""

    def pytest_collection_modifyitems(self, items):
        items[:] = [item for item in items if FAR.isdisjoint(item.fixturenames)]


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m outils.couverture", description=__doc__)
    parser.add_argument("tests", nargs="*", help="seulement ces fichiers de tests")
    parser.add_argument("--ajouter", action="store_true", help="à ce qu'on a déjà mesuré")
    options = parser.parse_args(argv)
    files = options.tests or test_files()
    os.environ["OMP_NUM_THREADS"] = "1"
    # Quelques exemples suffisent à passer partout ; les autres valeurs, c'est l'affaire des tests.
    settings.register_profile("couverture", max_examples=5, derandomize=True, deadline=None)
    settings.load_profile("couverture")
    (ROOT / "_build").mkdir(exist_ok=True)
    measure = coverage.Coverage(config_file=str(ROOT / "pyproject.toml"))
    if options.ajouter:
        measure.load()
    # Suivre le code le ralentit : ce n'est pas le moment de juger des durées.
    time.process_time = lambda: 0.0
    measure.start()
    code = pytest.main(["-q", "-p", "no:cacheprovider", *files], plugins=[Near()])
    measure.stop()
    measure.save()
    percent = measure.report()
    least = measure.get_option("report:fail_under")
    if percent < least:
        print(f"Branches couvertes : {percent:.1f} %, il en faut {least} %.", file=sys.stderr)
    return int(bool(code) or percent < least)


if __name__ == "__main__":
    sys.exit(main())
