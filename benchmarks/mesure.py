"""Ce que toutes les mesures partagent : une dispersion, la machine, la mémoire d'un processus."""

import json
import os
import platform
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy
import torch

ROOT = Path(__file__).resolve().parents[1]
# Lancé à part, pour que rien d'autre n'y ait pris de mémoire. Linux sait remettre le pic à zéro ;
# ailleurs, on ne voit que ce qui dépasse celui du démarrage.
ALONE = """
import json, pathlib, resource, time
{setup}
def memory(field):
    try:
        status = pathlib.Path("/proc/self/status").read_text()
        return int(status.partition(field + ":")[2].split()[0])
    except (OSError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    pathlib.Path("/proc/self/clear_refs").write_text("5")
except OSError:
    pass
before = memory("VmRSS")
start = time.perf_counter()
{code}
seconds = time.perf_counter() - start
print(json.dumps([seconds, max(0, memory("VmHWM") - before) * 1024]))
"""


@dataclass
class Spread:
    """Des mesures répétées : la médiane, et les deux quartiles (ou les extrêmes, à moins de 3)."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values):
        values = sorted(values)
        if len(values) < 3:
            return cls(statistics.median(values), values[0], values[-1])
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)


def ratios(numerators, denominators):
    """Les rapports, tour par tour : ce qui ralentit la machine ralentit les deux."""
    return [a / b for a, b in zip(numerators, denominators, strict=True)]


def synchronize(device="cpu"):
    """Attend le GPU : sans cela, on ne mesurerait que le temps de lui parler."""
    if device != "cpu":
        torch.cuda.synchronize()


def alone(code, setup=""):
    """Exécute ``code`` dans un Python neuf ; rend sa durée (s) et sa mémoire en plus (octets).

    ``setup`` vient avant, et ne compte pas. Lève ``subprocess.CalledProcessError``.
    """
    script = ALONE.format(code=code, setup=setup)
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return tuple(json.loads(run.stdout.splitlines()[-1]))


def _processor():
    """Le nom du processeur, là où le système le dit."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def machine(device="cpu"):
    """La machine et les versions, en une ligne."""
    threads = torch.get_num_threads()
    where = [f"{_processor()}, {threads} cœur{'s' if threads > 1 else ''} employés"]
    if device != "cpu":
        where.append(torch.cuda.get_device_name())
    versions = [
        f"{platform.system()}",
        f"Python {platform.python_version()}",
        f"PyTorch {torch.__version__}",
        f"NumPy {numpy.__version__}",
    ]
    return ", ".join(where + versions)


def load():
    """La charge de la machine avant de mesurer : les processus qui attendent un cœur."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None
