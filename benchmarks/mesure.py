"""Ce que toutes les mesures partagent : une dispersion, la machine, la mémoire d'un processus."""

import statistics
from dataclasses import dataclass

import torch


@dataclass
class Spread:
    """Des mesures répétées : la médiane, et les deux quartiles."""

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


def synchronize():
    """Attend le GPU : sans cela, on ne mesurerait que le temps de lui parler."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
