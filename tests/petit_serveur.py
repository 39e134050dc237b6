"""Lance « python -m outils » dans une copie, sans recharger torch ni Sphinx à chaque fois.

Une demande par ligne, sur l'entrée : la commande, et ce qu'elle change à l'environnement. Chacune
est un processus à part, né de celui-ci. Deux réponses : son numéro, puis son statut et ses mots.
"""

import json
import os
import signal
import sys
import tempfile

import bs4  # noqa: F401
import jupyter_book.sphinx  # noqa: F401
import myst_nb  # noqa: F401
import torch  # noqa: F401


def child(request, output):
    """Ce que fait le processus né : la commande, comme si on l'avait lancée seule."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    os.environ.update(request["environnement"])
    from outils.__main__ import main

    status = main([request["commande"]])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


sys.path.insert(0, os.getcwd())
for line in sys.stdin:
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        if not (pid := os.fork()):
            child(json.loads(line), said.fileno())
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        said.seek(0)
        print(json.dumps([os.waitstatus_to_exitcode(status), said.read()]), flush=True)
