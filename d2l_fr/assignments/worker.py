"""Le processus isolé : il exécute les cellules d'un élève et appelle ses fonctions.

Il reçoit des ordres sur son entrée standard, une ligne de JSON chacun, et répond de même. Rien de
ce qu'il rend n'est cru : les résultats sont comparés ailleurs, et il ne connaît ni les solutions,
ni ce que l'on attend. Ce fichier se lance comme un script, par ``sandbox``.
"""

import contextlib
import json
import os
import resource
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TextIO, TypeAlias

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

Order: TypeAlias = dict[str, Any]
Answer: TypeAlias = dict[str, Any]

ANSWER_BYTES = 4_000_000  # un résultat plus gros n'est pas une réponse


def limit(memory: int, processes: int, file_bytes: int) -> None:
    """Pose les limites du noyau, que le code de l'élève ne peut pas relever."""
    for name, value in (
        ("RLIMIT_AS", memory),
        ("RLIMIT_NPROC", processes),
        ("RLIMIT_FSIZE", file_bytes),
        ("RLIMIT_NOFILE", 64),
        ("RLIMIT_CORE", 0),
    ):
        with contextlib.suppress(ValueError, OSError, AttributeError):
            kind = getattr(resource, name)
            hard = resource.getrlimit(kind)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (value, value))


def private_channel() -> tuple[TextIO, TextIO]:
    """Garde l'entrée et la sortie pour les ordres ; le code de l'élève écrit dans le vide."""
    orders = os.fdopen(os.dup(0), "r", encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    return orders, answers


def describe(error: BaseException) -> Answer:
    """Le type de l'erreur et la ligne du code de l'élève où elle est née."""
    line, trace = getattr(error, "lineno", None), error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.startswith("<ipython-input"):
            line = trace.tb_lineno
        trace = trace.tb_next
    return {"erreur": type(error).__name__, "ligne": line}


def make_shell() -> "InteractiveShell":
    """Un IPython sans historique ni affichage : il comprend %magie et !commande."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Shell(InteractiveShell):
        """Sans écran ni commandes du système : ``%matplotlib inline`` et ``!pip`` n'y font rien."""

        def enable_gui(self, gui: object = None) -> None:
            pass

        def enable_matplotlib(self, gui: object = None) -> tuple[object, str]:
            return gui, "agg"

        def system(self, command: str) -> None:
            pass

        system_raw = system_piped = system

        def showtraceback(self, *args: object, **kwargs: object) -> None:
            pass

        showsyntaxerror = showtraceback

        def getoutput(self, command: str, split: bool = True, depth: int = 0) -> list[str] | str:
            return [] if split else ""

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.ast_node_interactivity = "none"
    config.InteractiveShell.colors = "nocolor"
    shell = Shell.instance(config=config)
    return shell


def serve(
    orders: Iterable[str], answers: TextIO, shell: "InteractiveShell", wire: ModuleType
) -> None:
    """Répond aux ordres jusqu'à la fin de l'entrée."""

    def run(order: Order) -> Answer:
        result = shell.run_cell(order["source"], store_history=False)
        error = result.error_before_exec or result.error_in_exec
        return {} if error is None else describe(error)

    def call(order: Order) -> Answer:
        if order["nom"] not in shell.user_ns:
            return {"absent": True}
        function = shell.user_ns[order["nom"]]
        if not callable(function):
            return {"absent": True}
        args, kwargs = wire.decode(order["entrees"])
        try:
            return {"valeur": wire.encode(function(*args, **kwargs))}
        except BaseException as error:
            return describe(error)

    actions = {"cellule": run, "appel": call}
    for line in orders:
        order = json.loads(line)
        try:
            answer = actions[order["ordre"]](order)
            text = json.dumps(answer | {"ticket": order["ticket"]})
        except BaseException as error:
            text = json.dumps({"erreur": type(error).__name__, "ticket": order["ticket"]})
        if len(text) > ANSWER_BYTES:
            text = json.dumps({"erreur": "ResultatTropGros", "ticket": order["ticket"]})
        answers.write(text + "\n")
        answers.flush()


def main() -> None:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    os.environ.setdefault("MPLBACKEND", "Agg")
    orders, answers = private_channel()
    memory, processes, file_bytes = (int(n) for n in sys.argv[1:4])
    import torch

    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    import d2l_fr  # noqa: F401
    from d2l_fr.assignments import wire

    shell = make_shell()
    limit(memory, processes, file_bytes)
    answers.write('{"pret": true}\n')
    answers.flush()
    serve(orders, answers, shell, wire)


if __name__ == "__main__":
    main()
