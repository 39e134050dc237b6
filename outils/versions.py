"""Le paquet avec les plus vieilles et les plus neuves des dépendances que ``pyproject.toml`` admet.

``make versions`` fait un environnement par combinaison, y met les dépendances légères, passe les
tests rapides et dit lesquels échouent. PyTorch, qui pèse des centaines de Mo, et les outils de test
sont ceux de l'environnement d'où part la commande. Une autre version de Python télécharge PyTorch :
``make versions PYTHONS="python3.12 python3.13"``.
"""

import argparse
import contextlib
import re
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TESTS = [
    "sequence", "text_sequence", "language_model", "ngrams", "rnn", "rnn_scratch", "bptt",
    "french", "plot", "results", "corpora", "gutenberg",
]  # fmt: skip


def floors():
    """Les plus vieilles versions admises des dépendances légères : nom → numéro."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    versions = dict(line.split(">=") for line in project["dependencies"])
    del versions["torch"]
    return versions


def pins():
    """Les versions exactes de ``requirements.txt`` : nom → numéro."""
    text = (ROOT / "requirements.txt").read_text("utf-8")
    return dict(re.findall(r"^([\w-]+)==(\S+)$", text, re.MULTILINE))


def combinations():
    """Les environnements à essayer : titre → exigences."""
    old, exact = floors(), pins()
    oldest = [f"{name}=={version}.*" for name, version in old.items()]
    numpy = next(line for line in oldest if line.startswith("numpy"))
    return {
        "tout au plus vieux": oldest,
        "le plus vieux NumPy": [numpy, *(name for name in old if name != "numpy")],
        "les versions du livre": [f"{name}=={exact[name]}" for name in old],
        "tout au plus neuf": list(old),
    }


def release(interpreter):
    """Le numéro d'un Python, comme « 3.12.1 »."""
    show = "import platform; print(platform.python_version())"
    run = subprocess.run([interpreter, "-c", show], check=True, capture_output=True, text=True)
    return run.stdout.strip()


@contextlib.contextmanager
def lender(interpreter):
    """Les dossiers où prendre PyTorch et les outils de test ; None si PyTorch ne s'installe pas.

    Pour une autre version que la nôtre, PyTorch est installé à part, une fois ; les outils de test,
    en Python pur, restent ceux d'ici.
    """
    ours = sysconfig.get_path("purelib")
    if release(interpreter).rpartition(".")[0] == release(sys.executable).rpartition(".")[0]:
        yield [ours]
        return
    with tempfile.TemporaryDirectory(prefix="d2l-fr-torch-") as folder:
        pip = [str(Path(folder, "bin", "python")), "-m", "pip", "--disable-pip-version-check"]
        problem = failure("environnement", [interpreter, "-m", "venv", folder]) or failure(
            "installation de PyTorch", [*pip, "install", "-q", f"torch=={pins()['torch']}"]
        )
        if problem:
            print(f"Python {release(interpreter)} : {problem}", flush=True)
        yield (
            None
            if problem
            else [*map(str, Path(folder, "lib").glob("python*/site-packages")), ours]
        )


def attempt(requirements, interpreter, folders):
    """Essaie un environnement ; rend les versions qu'il a, et « passe » ou ce qui a échoué."""
    with tempfile.TemporaryDirectory(prefix="d2l-fr-versions-") as folder:
        python = str(Path(folder, "bin", "python"))
        pip = [python, "-m", "pip", "--disable-pip-version-check"]
        tests = [str(ROOT / "tests" / f"test_{name}.py") for name in TESTS]
        for what, command in (
            ("environnement", [interpreter, "-m", "venv", folder]),
            ("installation", [*pip, "install", "-q", *requirements]),
        ):
            if problem := failure(what, command):
                return "", problem
        names = "|".join(floors())
        listed = subprocess.run([*pip, "freeze"], capture_output=True, text=True).stdout
        versions = ", ".join(re.findall(rf"^(?:{names})==\S+", listed, re.MULTILINE))
        # Le reste vient d'ailleurs, après : ce que l'on vient d'installer passe devant.
        (site,) = Path(folder, "lib").glob("python*/site-packages")
        (site / "le-reste.pth").write_text("\n".join(folders) + "\n", "utf-8")
        options = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:playwright"]
        problem = failure("tests", [python, "-m", "pytest", *options, *tests])
        return versions, problem or "passe"


def failure(what, command):
    """Lance une commande ; rend '' si elle réussit, sinon ce qu'elle en dit."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return f"{what} : " + "\n  ".join(lines[-3:]) if done.returncode else ""


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m outils.versions", description=__doc__)
    parser.add_argument(
        "pythons", nargs="*", default=[sys.executable], help="les interpréteurs à essayer"
    )
    results = []
    for interpreter in parser.parse_args(argv).pythons:
        with lender(interpreter) as folders:
            if folders is None:
                results.append("PyTorch")
                continue
            for title, requirements in combinations().items():
                versions, result = attempt(requirements, interpreter, folders)
                results.append(result)
                print(f"Python {release(interpreter)}, {title} ({versions}) : {result}", flush=True)
    return int(any(result != "passe" for result in results))


if __name__ == "__main__":
    sys.exit(main())
