"""Les commandes du livre : ``python -m outils livre`` (ou ``make livre``)."""

import argparse
import sys

from outils import archive, chantier, diapos, journal, papier

COMMANDS = {
    "livre": "construit le livre dans _build/html",
    "diapos": "construit les diaporamas dans _build/diapos",
    "archive": "met le livre en un fichier, à lire sans réseau, dans _build/archive",
    "pdf": "compose le livre imprimé, dans _build/papier",
    "epub": "compose le livre pour liseuse, dans _build/papier",
    "notebooks": "régénère notebooks/ depuis les pages",
    "lire": "sert le livre sur 127.0.0.1",
    "lab": "ouvre JupyterLab, en français, sur notebooks/",
    "propre": "efface tout ce que la construction a produit",
}

# Le module de chaque commande ; les autres sont dans chantier.
MODULES = {"diapos": diapos, "archive": archive, "pdf": papier, "epub": papier}


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m outils", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="commande")
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text)
        if name == "lire":
            command.add_argument("--port", type=int, default=0, help="0 : un port libre")
    options = vars(parser.parse_args(argv))
    name = options.pop("command")
    try:
        return getattr(MODULES.get(name, chantier), name)(**options) or 0
    except chantier.BuildError as error:
        print(f"\nÉchec : {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print(
            "\nInterrompu. Le livre déjà construit est intact ; relancez la commande.",
            file=sys.stderr,
        )
        return 130
    except Exception as error:
        print(f"\nÉchec : {journal.told(error, chantier.ROOT)}", file=sys.stderr)
        journal.keep_trace(error, chantier.LOG)
    return 1


if __name__ == "__main__":
    sys.exit(main())
