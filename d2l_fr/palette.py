"""La palette du livre, définie une fois : le site, les courbes et les figures la lisent ici.

Chaque rôle garde sa couleur sur toutes les pages. Les teintes claires atteignent un contraste
d'au moins 4,5 sur blanc, les teintes sombres sur le fond sombre (tests/test_palette.py), et
restent distinctes pour les daltoniens ; les courbes y ajoutent un type de trait. Page : sequence.
"""

__all__ = ["DARK", "DASHES", "FONT", "LIGHT", "MONO", "SEPIA", "TINTS"]

LIGHT = {
    "input": "#0a66a8",
    "hidden": "#b4530a",
    "output": "#00755b",
    "gradient": "#9b2c7e",
    "train": "#5f6b7a",
    "heldout": "#a61c3c",
    "data": "#1c2430",
    "reference": "#66707c",
    "rule": "#c9d0d8",
    "background": "#ffffff",
}

DARK = {
    "input": "#74b9f2",
    "hidden": "#f0a566",
    "output": "#55cda6",
    "gradient": "#e592cd",
    "train": "#a0acba",
    "heldout": "#ff8fa1",
    "data": "#e4e8ee",
    "reference": "#a3adb8",
    "rule": "#46505c",
    "background": "#14181e",
}

# Fonds pâles des figures dessinées : (clair, sombre).
TINTS = {
    "input-tint": ("#e3f0fa", "#173349"),
    "hidden-tint": ("#fbeadb", "#43291a"),
    "output-tint": ("#def3ec", "#12382d"),
    "gradient-tint": ("#f7e3f1", "#412137"),
    "neutral-tint": ("#f1f3f6", "#222830"),
}

# Le papier : les mêmes teintes, un peu plus sombres sur un fond crème, fonds pâles compris.
SEPIA = {
    "input": "#0b5794",
    "hidden": "#984107",
    "output": "#00644e",
    "gradient": "#8a2470",
    "train": "#535d69",
    "heldout": "#981734",
    "data": "#2b2319",
    "reference": "#5d5648",
    "rule": "#d3c5a8",
    "background": "#f9f1e1",
    "input-tint": "#e2e8e4",
    "hidden-tint": "#f3dfc6",
    "output-tint": "#dce9d8",
    "gradient-tint": "#f0dcdc",
    "neutral-tint": "#f1e7d3",
}

# Type de trait par rôle : la couleur n'est jamais seule à distinguer deux courbes.
DASHES = {
    "input": "-",
    "hidden": "--",
    "output": "-",
    "gradient": "-.",
    "train": "--",
    "heldout": "-",
    "data": "-",
    "reference": ":",
}

FONT = '"Source Sans 3 Variable", "Source Sans 3", system-ui, sans-serif'
MONO = '"Source Code Pro Variable", "Source Code Pro", ui-monospace, monospace'
