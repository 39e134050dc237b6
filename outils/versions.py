"""Le paquet avec les plus vieilles et les plus neuves des dépendances que ``pyproject.toml`` admet.

``make versions`` fait un environnement par combinaison, y met les dépendances légères, passe les
tests rapides et dit lesquels échouent. PyTorch, qui pèse des centaines de Mo, et les outils de test
sont ceux de l'environnement d'où part la commande, sauf :

- ``--pytorch`` : les bornes de PyTorch s'essaient aussi (plusieurs Go par environnement) ;
- ``--notebooks`` : les notebooks sont exécutés, et pas seulement les tests ;
- une autre version de Python, comme dans ``make versions PYTHONS="python3.12 python3.13"``,
  télécharge PyTorch. Les bornes basses ne s'essaient qu'avec la version de Python d'ici : les plus
  vieilles bibliothèques n'existent pas pour un Python plus jeune qu'elles.
"""

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TESTS = [
    "sequence", "text_sequence", "language_model", "ngrams", "rnn", "rnn_scratch", "rnn_concise",
    "bptt", "training", "checkpoint", "french", "plot", "results", "corpora", "gutenberg",
    "compare", "checks",
]  # fmt: skip
# Le délai, en secondes, est celui d'une cellule.
EXECUTE = ["-c", "from nbclient.cli import main; main()", "--timeout=1800"]


def floors():
    """Les plus vieilles versions admises des dépendances : nom → numéro."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return dict(line.split(">=") for line in project["dependencies"])


def pins():
    """Les versions exactes de ``requirements.txt`` : nom → numéro."""
    text = (ROOT / "requirements.txt").read_text("utf-8")
    return dict(re.findall(r"^([\w-]+)==(\S+)$", text, re.MULTILINE))


def combinations(ours=True, pytorch=False):
    """Les environnements à essayer : titre → exigences.

    ``ours`` dit que Python est celui d'ici, ``pytorch`` que PyTorch change avec le reste.
    """
    old, exact = floors(), pins()
    light = [name for name in old if name != "torch"]
    oldest = {name: f"{name}=={version}.*" for name, version in old.items()}
    found = {
        "tout au plus vieux": [oldest[name] for name in light],
        "le plus vieux NumPy": [oldest["numpy"], *(name for name in light if name != "numpy")],
        "les versions du livre": [f"{name}=={exact[name]}" for name in light],
        "tout au plus neuf": light,
    }
    if pytorch:
        found["tout au plus vieux, PyTorch compris"] = list(oldest.values())
        found["tout au plus neuf, PyTorch compris"] = list(old)
    return found if ours else {k: v for k, v in found.items() if "plus vieux" not in k}


def release(interpreter):
    """Le numéro d'un Python, comme « 3.12.1 »."""
    show = "import platform; print(platform.python_version())"
    run = subprocess.run([interpreter, "-c", show], check=True, capture_output=True, text=True)
    return run.stdout.strip()


def is_ours(interpreter):
    """Vrai si un Python a la version de celui d'ici, au correctif près."""
    return release(interpreter).rpartition(".")[0] == release(sys.executable).rpartition(".")[0]


@contextlib.contextmanager
def lender(interpreter):
    """Les dossiers où prendre PyTorch et les outils de test ; None si PyTorch ne s'installe pas.

    Pour une autre version que la nôtre, PyTorch et les outils qui ont du code compilé s'installent
    à part, une fois ; le reste, en Python pur, est celui d'ici.
    """
    ours = sysconfig.get_path("purelib")
    if is_ours(interpreter):
        yield [ours]
        return
    exact, names = pins(), ("torch", "pytest", "hypothesis", "ipykernel", "nbclient")
    wanted = [f"{name}=={exact[name]}" for name in names]
    with tempfile.TemporaryDirectory(prefix="d2l-fr-torch-") as folder:
        pip = [str(Path(folder, "bin", "python")), "-m", "pip", "--disable-pip-version-check"]
        problem = failure("environnement", [interpreter, "-m", "venv", folder]) or failure(
            "installation de PyTorch", [*pip, "install", "-q", *wanted]
        )
        if problem:
            print(f"Python {release(interpreter)} : {problem}", flush=True)
        yield (
            None
            if problem
            else [*map(str, Path(folder, "lib").glob("python*/site-packages")), ours]
        )


def attempt(requirements, interpreter, folders, notebooks=()):
    """Essaie un environnement ; rend les versions qu'il a, et « passe » ou ce qui a échoué."""
    with tempfile.TemporaryDirectory(prefix="d2l-fr-versions-") as folder:
        python = str(Path(folder, "bin", "python"))
        pip = [python, "-m", "pip", "--disable-pip-version-check"]
        for what, command in (
            ("environnement", [interpreter, "-m", "venv", folder]),
            ("installation", [*pip, "install", "-q", *requirements]),
        ):
            if problem := failure(what, command):
                return "", problem
        # Le reste vient d'ailleurs, après : ce que l'on vient d'installer passe devant.
        (site,) = Path(folder, "lib").glob("python*/site-packages")
        (site / "le-reste.pth").write_text("\n".join(folders) + "\n", "utf-8")
        versions = ", ".join(f"{name} {number}" for name, number in installed(python))
        options = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:playwright"]
        tests = [str(ROOT / "tests" / f"test_{name}.py") for name in TESTS]
        problem = failure("tests", [python, "-m", "pytest", *options, *tests])
        for path in notebooks:
            problem = problem or failure(path.stem, [python, *EXECUTE, str(path)], TQDM_DISABLE="1")
        return versions, problem or "passe"


def installed(python):
    """Les dépendances que voit un environnement : (nom, numéro)."""
    show = "import sys, importlib.metadata as m; print(*map(m.version, sys.argv[1:]))"
    run = subprocess.run([python, "-c", show, *floors()], capture_output=True, text=True)
    return zip(floors(), run.stdout.split(), strict=False)


def failure(what, command, **settings):
    """Lance une commande ; rend '' si elle réussit, sinon ce qu'elle en dit."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | settings
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return f"{what} : " + "\n  ".join(lines[-3:]) if done.returncode else ""


def main(argv=None):
    parser = argparse.ArgumentParser(
        prog="python -m outils.versions",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "pythons", nargs="*", default=[sys.executable], help="les interpréteurs à essayer"
    )
    parser.add_argument("--pytorch", action="store_true", help="essayer les bornes de PyTorch")
    parser.add_argument("--notebooks", action="store_true", help="exécuter aussi les notebooks")
    parser.add_argument("--seulement", default="", help="les combinaisons dont le titre contient…")
    options = parser.parse_args(argv)
    # Lancée en arrière-plan, la commande l'ignorerait, et un test de Ctrl-C échouerait.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    notebooks = sorted((ROOT / "notebooks").glob("*.ipynb")) if options.notebooks else ()
    fine = True
    for interpreter in options.pythons:
        with lender(interpreter) as folders:
            fine = fine and folders is not None
            tried = combinations(is_ours(interpreter), options.pytorch) if folders else {}
            for title, requirements in tried.items():
                if options.seulement not in title:
                    continue
                versions, result = attempt(requirements, interpreter, folders, notebooks)
                fine = fine and result == "passe"
                print(f"Python {release(interpreter)}, {title} ({versions}) : {result}", flush=True)
    return int(not fine)


if __name__ == "__main__":
    sys.exit(main())
