"""Assemble le code d'une figure : un seul module, sans dépendance, pour les trois endroits.

Chaque figure est un module ES (``memoire.js``) qui importe ``shared.js``. anywidget et la page
statique veulent un texte d'un seul tenant : on met les modules bout à bout, dans l'ordre des
imports, sans autre outil.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from d2l_fr import palette

__all__ = ["module", "script", "stylesheet"]

FOLDER = Path(__file__).parent
IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w-]+\.js)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class)\b)", re.MULTILINE)
DEFAULT = re.compile(r"^export default (\{[^}]*\});\s*\Z", re.MULTILINE)

# Les trois façons dont le site, JupyterLab et Colab disent qu'ils sont en sombre.
DARK = 'html[data-theme="dark"] .d2l-fig, body[data-jp-theme-light="false"] .d2l-fig, html[theme="dark"] .d2l-fig'  # noqa: E501


def _sources(name: str, seen: set[str]) -> Iterator[str]:
    """Les textes d'un module et de ceux qu'il importe, les importés d'abord."""
    if name in seen:
        return
    seen.add(name)
    text = (FOLDER / name).read_text("utf-8")
    for imported in IMPORT.findall(text):
        yield from _sources(imported, seen)
    yield IMPORT.sub("", text)


def _joined(name: str) -> str:
    *shared, own = _sources(f"{name}.js", set())
    return "\n".join([*(EXPORT.sub("", text) for text in shared), own])


def module(name: str) -> str:
    """Le texte complet du module de la figure ``name``, celui que lit anywidget."""
    text = _joined(name)
    if not DEFAULT.search(text):
        raise ValueError(f"{name}.js ne finit pas par « export default {{ render }}; ».")
    return text


def script(name: str) -> str:
    """Le même code en script ordinaire : un site ouvert depuis le disque refuse les modules."""
    body = DEFAULT.sub(r"return \1;", module(name))
    return f'd2lFigures.module("{name}", () => {{\n"use strict";\n{body}\n}});\n'


def stylesheet() -> str:
    """Le style des figures, couleurs de la palette comprises, pour les deux modes."""

    def rules(colors: dict[str, str], column: int) -> str:
        tints = {role: tint[column] for role, tint in palette.TINTS.items()}
        return " ".join(f"--c-{role}: {code};" for role, code in (colors | tints).items())

    light, dark = rules(palette.LIGHT, 0), rules(palette.DARK, 1)
    fonts = f"--police: {palette.FONT}; --chasse-fixe: {palette.MONO};"
    return (
        f".d2l-fig {{ {light} {fonts} color-scheme: light; }}\n"
        f"{DARK} {{ {dark} color-scheme: dark; }}\n" + (FOLDER / "style.css").read_text("utf-8")
    )
