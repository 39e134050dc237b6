"""Rend le paquet d2l de PyPI, tel qu'il est publié, installé à part du livre.

Ses dépendances exactes ne s'installent plus ensemble ; celles dont le chapitre RNN n'a pas besoin
(torchvision, pandas, SciPy) sont remplacées par des modules vides. Le code mesuré, lui, n'est pas
retouché.
"""

import importlib
import importlib.machinery
import importlib.util
import subprocess
import sys
import types
from pathlib import Path

VERSION = "1.0.3"
FOLDER = Path(__file__).resolve().parents[1] / "_build" / "d2l"
UNUSED = ["torchvision", "torchvision.transforms", "pandas", "scipy", "scipy.spatial"]


class _Empty(types.ModuleType):
    """Un module sans contenu : tout attribut existe, et ne fait rien."""

    def __init__(self, name):
        super().__init__(name)
        self.__path__, self.__spec__ = [], importlib.machinery.ModuleSpec(name, None)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


def load_d2l():
    """Installe d2l dans ``_build/d2l`` s'il n'y est pas, et rend son module ``d2l.torch``.

    Lève ``subprocess.CalledProcessError`` si PyPI ne répond pas.
    """
    if not (FOLDER / "d2l" / "torch.py").is_file():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        subprocess.run([*pip, "--target", str(FOLDER), f"d2l=={VERSION}"], check=True)
    sys.path.append(str(FOLDER))
    roots = {name.partition(".")[0] for name in UNUSED}
    absent = {root for root in roots if importlib.util.find_spec(root) is None}
    for name in UNUSED:
        if name.partition(".")[0] in absent:
            sys.modules[name] = _Empty(name)
    return importlib.import_module("d2l.torch")
