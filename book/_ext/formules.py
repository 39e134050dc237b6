"""Les formules, composées par KaTeX à la construction : lisibles sans JavaScript.

sphinxcontrib-katex se connecte à son serveur dès que le socket existe, parfois juste avant qu'il
n'écoute ; sur une machine chargée la connexion est refusée. On recommence alors.
"""

import shutil
from pathlib import Path
from tempfile import mkdtemp

from sphinxcontrib import katex

ATTEMPTS = 5


def patient(start):
    def start_server_process(rundir, timeout):
        for _ in range(ATTEMPTS - 1):
            try:
                return start(rundir, timeout)
            except ConnectionRefusedError:
                shutil.rmtree(rundir, ignore_errors=True)
                rundir = Path(mkdtemp(prefix="sphinxcontrib_katex"))
        return start(rundir, timeout)

    return start_server_process


def setup(app):
    app.setup_extension("sphinxcontrib.katex")
    katex.STARTUP_TIMEOUT = katex.RENDER_TIMEOUT = 60.0
    server = katex.KaTeXServer
    server.start_server_process = staticmethod(patient(server.start_server_process))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
