"""``make bench`` : mesure tout, côte à côte, et met les résultats en page.

    .venv/bin/python -m benchmarks                # tout, une vingtaine de minutes
    .venv/bin/python -m benchmarks debit toit     # ces parties, les autres gardées
    .venv/bin/python -m benchmarks --page         # ne mesure rien, refait les tableaux

Rien d'autre ne doit tourner sur la machine : la charge trouvée au départ est affichée. Les mesures
restent dans ``benchmarks/resultats.json`` ; l'annexe « Banc d'essai » les montre.
"""

import argparse
import json
import sys
from dataclasses import asdict, is_dataclass

import torch

from benchmarks import chapitre, courbes, debit, donnees, mesure, rapport, toit
from d2l_fr.corpora import cache
from d2l_fr.corpora.catalog import find

RESULTS = mesure.ROOT / "benchmarks" / "resultats.json"


def _debit(device):
    found = []
    for size in debit.SIZES:
        found.append((size, debit.measure(size, device=device)))
        part = found[-1][1]
        said = ", ".join(
            f"{name} {part[f'main/{name}'].median:.2f}" for name in (debit.THEIRS, debit.TORCH)
        )
        print(f"  {size} : {said}, part {part['part'].median:.2f}", flush=True)
    return found


def _donnees(device):
    return {
        "fenêtres": donnees.windows(cache.read(find("time-machine"))),
        "écriture": donnees.writing(),
        "import": donnees.importing(),
        "vocabulaire": donnees.vocabulary(),
        "n-grammes": donnees.ngrams(),
    }


PARTS = {
    "debit": _debit,
    "toit": toit.measure,
    "courbes": lambda device: courbes.measure(cache.read(find("time-machine"))),
    "donnees": _donnees,
    "chapitre": lambda device: {"d2l": chapitre.theirs(), "nous": chapitre.ours()},
}


def _plain(value):
    """Ce qu'un fichier JSON sait garder d'une dispersion."""
    if is_dataclass(value):
        return asdict(value)
    raise TypeError(f"{value!r} n'a pas de forme en JSON.")


def main():
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("parties", nargs="*", metavar="partie", help=", ".join(PARTS))
    parser.add_argument("--page", action="store_true", help="ne mesure rien, refait les tableaux")
    options = parser.parse_args()
    if unknown := set(options.parties) - set(PARTS):
        parser.error(f"partie inconnue : {', '.join(sorted(unknown))}")
    results = json.loads(RESULTS.read_text("utf-8")) if RESULTS.is_file() else {}
    if not options.page:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        print(f"{mesure.machine(device)} ; charge au départ : {mesure.load()}", flush=True)
        for name in options.parties or PARTS:
            print(f"{name}…", flush=True)
            results[name] = PARTS[name](device)
            results["date"], results["machine"] = rapport.today(), mesure.machine(device)
            RESULTS.write_text(
                json.dumps(results, default=_plain, ensure_ascii=False, indent=1) + "\n", "utf-8"
            )
    if missing := [name for name in PARTS if name not in results]:
        sys.exit(f"Il manque des mesures : {', '.join(missing)}.")
    rapport.write(json.loads(RESULTS.read_text("utf-8")))
    print(f"Tableaux et courbes écrits ; « make livre » les met dans la page. {RESULTS}")


if __name__ == "__main__":
    main()
