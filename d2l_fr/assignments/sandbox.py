"""Lance le code d'un élève à part, et le surveille : ni réseau, ni fichiers, ni mémoire sans fin.

Bubblewrap donne au processus un système de fichiers presque vide, en lecture seule, sans réseau,
sans autre processus visible. Le noyau borne sa mémoire et ses fichiers ; le surveillant, ici,
compte ses processus, leur mémoire et son temps, et tue tout ce qui dépasse.
"""

import contextlib
import json
import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

__all__ = ["IsolationError", "Limits", "Sandbox", "Stopped", "check_isolation"]

PACKAGE = Path(__file__).resolve().parents[1]
WORKER = Path(__file__).with_name("worker.py")
ANSWER_BYTES = 6_000_000
TICK = 0.05  # secondes entre deux coups d'œil du surveillant

RISK = (
    "Sans isolation, le code des élèves s'exécute avec vos droits : il peut lire vos fichiers "
    "(notes, graines, autres copies), les effacer, et se servir du réseau."
)


class IsolationError(RuntimeError):
    """L'isolation demandée n'est pas possible sur cette machine ; le message dit que faire."""


class Stopped(Exception):
    """Le processus de l'élève s'est arrêté, ou on l'a arrêté ; le message dit pourquoi."""


@dataclass(frozen=True)
class Limits:
    """Les limites d'une copie. Temps en secondes, mémoire et fichiers en octets.

    ``cell`` pour une cellule, ``call`` pour un appel, ``total`` pour toute la copie ; ``memory`` et
    ``processes`` pour l'ensemble de ses processus ; ``disk`` pour ce qu'elle écrit.
    """

    start: float = 60
    cell: float = 30
    call: float = 10
    total: float = 180
    memory: int = 2_000_000_000
    processes: int = 48
    disk: int = 32_000_000


def _bubblewrap() -> str | None:
    return shutil.which("bwrap")


@cache
def _knows(option: str) -> bool:
    """Dit si cette version de bubblewrap connaît une option."""
    run = subprocess.run([_bubblewrap() or "bwrap", "--help"], capture_output=True, text=True)
    return option in run.stdout + run.stderr


def _readable() -> list[Path]:
    """Les dossiers qu'il faut pour que Python démarre, et rien d'autre."""
    found = [Path("/usr"), Path("/lib"), Path("/lib64"), Path("/bin"), Path("/sbin")]
    found += [Path("/etc/ld.so.cache"), Path("/etc/alternatives")]
    prefixes = {Path(p).resolve() for p in (sys.prefix, sys.base_prefix, sys.exec_prefix)}
    found += [p for p in prefixes if not p.is_relative_to("/usr")]
    found.append(Path(sys.prefix))
    if not PACKAGE.is_relative_to(sys.prefix):
        found.append(PACKAGE)
    return [path for path in dict.fromkeys(found) if path.exists()]


def _command(limits: Limits) -> list[str]:
    """La ligne de commande qui enferme le processus."""
    arguments = [_bubblewrap() or "bwrap", "--unshare-all", "--unshare-user", "--die-with-parent"]
    arguments += ["--new-session", "--uid", "65534", "--gid", "65534", "--cap-drop", "ALL"]
    arguments += ["--hostname", "copie", "--clearenv"]
    if _knows("--disable-userns"):
        arguments.append("--disable-userns")
    for path in _readable():
        if path.is_symlink():
            arguments += ["--symlink", os.readlink(path), str(path)]
        else:
            arguments += ["--ro-bind", str(path), str(path)]
    for source in sorted((PACKAGE / "exercises").glob("*.md")):  # les solutions du livre
        arguments += ["--ro-bind", "/dev/null", str(source)]
    arguments += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]
    for folder in ("/copie", "/tmp"):
        arguments += ["--size", str(limits.disk), "--tmpfs", folder]
    arguments += ["--chdir", "/copie", "--remount-ro", "/"]
    environment = _environment("/copie")
    for name, value in environment.items():
        arguments += ["--setenv", name, value]
    return arguments


def _environment(home: str) -> dict[str, str]:
    """Les seules variables que voit le processus."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": home,
        "TMPDIR": home,
        "LANG": "C.UTF-8",
        "IPYTHONDIR": f"{home}/.ipython",
        "MPLCONFIGDIR": f"{home}/.matplotlib",
        "MPLBACKEND": "Agg",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }


def check_isolation(wanted: bool = True) -> None:
    """Vérifie que la correction est possible ici, et isolée si ``wanted``.

    Lève ``IsolationError`` sinon : bubblewrap manque, ne marche pas, ou le système n'est pas Linux.
    """
    if not Path("/proc/self/statm").exists():
        raise IsolationError(
            "La correction demande Linux : sous Windows, lancez-la dans WSL ; sous macOS, dans une "
            "machine virtuelle."
        )
    if not wanted:
        return
    if _bubblewrap() is None:
        raise IsolationError(
            "bubblewrap (commande « bwrap ») manque : les copies ne peuvent pas être corrigées à "
            "l'abri. Sous Debian ou Ubuntu : sudo apt install bubblewrap.\n" + RISK + "\nPour "
            "corriger quand même : --sans-isolation."
        )
    run = subprocess.run([*_command(Limits()), "/bin/true"], capture_output=True, text=True)
    if run.returncode:
        raise IsolationError(
            "bubblewrap est installé, mais ne peut pas isoler un processus ici : "
            f"{run.stderr.strip()}\nDans un conteneur, il faut autoriser les espaces de noms "
            "d'utilisateur.\n" + RISK + "\nPour corriger quand même : --sans-isolation."
        )


def _descendants(pid: int) -> list[int]:
    """Les processus nés de ``pid``, lui compris."""
    found, queue = [], [pid]
    while queue:
        current = queue.pop()
        found.append(current)
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{current}/task"):
                children = Path(f"/proc/{current}/task/{task}/children").read_text()
                queue += [int(child) for child in children.split()]
    return found


def _resident(pids: Iterable[int]) -> int:
    """La mémoire résidente de ces processus, en octets."""
    pages = 0
    for pid in pids:
        with contextlib.suppress(OSError, IndexError, ValueError):
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


class Sandbox:
    """Un processus isolé, à qui l'on pose des questions ; à employer avec ``with``.

    Paramètres : ``limits`` ; ``isolated``, faux pour se passer de bubblewrap. ``peak`` garde le
    plus haut point de sa mémoire, en octets. Lève ``Stopped`` s'il ne démarre pas. Page : devoirs.
    """

    def __init__(self, limits: Limits, isolated: bool = True) -> None:
        self.limits, self.peak, self._buffer = limits, 0, b""
        self._folder: str | None = None
        # Bubblewrap lui-même se voit de l'intérieur : il ne doit pas porter nos variables.
        command, environment = [], _environment("/copie")
        if isolated:
            command = _command(limits)
        else:
            self._folder = tempfile.mkdtemp(prefix="copie-")
            environment = _environment(self._folder)
        command += [sys.executable, "-I", "-B", str(WORKER), str(limits.memory)]
        command += [str(limits.processes), str(limits.disk)]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=environment, cwd=self._folder or "/", start_new_session=True, close_fds=True,
        )  # fmt: skip
        assert process.stdin is not None and process.stdout is not None  # deux tubes
        self._process: subprocess.Popen[bytes] | None = process
        self._pid, self._orders, self._answers = process.pid, process.stdin, process.stdout
        os.set_blocking(self._answers.fileno(), False)
        try:
            self._read(limits.start)
        except Stopped:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def alive(self) -> bool:
        """Vrai tant que le processus répond."""
        return self._process is not None

    def ask(self, order: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Envoie un ordre et rend la réponse, un dictionnaire.

        Lève ``Stopped`` si le temps passe, si une limite est franchie, si le processus meurt ou
        répond n'importe quoi ; il est alors tué.
        """
        if not self.alive:
            raise Stopped("le processus était déjà arrêté")
        try:
            ticket = secrets.token_hex(8)  # une réponse glissée d'avance n'a pas ce numéro
            line = json.dumps(order | {"ticket": ticket})
            self._orders.write(line.encode() + b"\n")
            self._orders.flush()
            answer = json.loads(self._read(seconds))
            if not isinstance(answer, dict) or answer.get("ticket") != ticket:
                raise ValueError("ce n'est pas la réponse à cet ordre")
            return answer
        except (OSError, ValueError, RecursionError) as error:
            self.close()
            raise Stopped("le processus s'est arrêté ou a répondu n'importe quoi") from error
        except Stopped:
            self.close()
            raise

    def _read(self, seconds: float) -> bytes:
        """La ligne suivante ; surveille pendant l'attente."""
        deadline = time.monotonic() + seconds
        output = self._answers.fileno()
        while b"\n" not in self._buffer:
            if time.monotonic() > deadline:
                raise Stopped(f"le temps est dépassé ({seconds:g} s)")
            ready, _, _ = select.select([output], [], [], TICK)
            self._watch()
            if not ready:
                continue
            chunk = os.read(output, 1 << 16)
            if not chunk:
                raise Stopped("le processus s'est arrêté de lui-même")
            self._buffer += chunk
            if len(self._buffer) > ANSWER_BYTES:
                raise Stopped("la réponse est trop grosse")
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _watch(self) -> None:
        pids = _descendants(self._pid)
        used = _resident(pids)
        self.peak = max(self.peak, used)
        if len(pids) > self.limits.processes:
            raise Stopped(f"trop de processus (plus de {self.limits.processes})")
        if used > self.limits.memory:
            raise Stopped(f"trop de mémoire (plus de {self.limits.memory / 1e9:g} Go)")

    def close(self) -> None:
        """Tue le processus et tous ceux qu'il a lancés."""
        if self._process is None:
            return
        process, self._process = self._process, None
        pids = _descendants(process.pid)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for stream in (self._orders, self._answers):
            with contextlib.suppress(OSError):
                stream.close()
        process.wait()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
