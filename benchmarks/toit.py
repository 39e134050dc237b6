"""Le modèle du toit : ce que la machine peut faire d'un calcul, selon ce qu'il lit en mémoire.

Un produit ne va pas plus vite que les unités de calcul (le plafond), ni que la mémoire ne les
nourrit (la pente) ; et s'il est minuscule, c'est l'appel lui-même qui coûte.
"""

import time

import torch

from benchmarks.debit import product_step, rate
from benchmarks.mesure import synchronize

BATCHES = [1, 4, 16, 64, 256, 1024]
WIDTHS = [32, 256, 512]
FLOAT = 4  # octets


def intensity(rows, width):
    """Opérations par octet du produit d'un pas de temps : ``rows`` séquences, ``width`` unités."""
    return 2 * rows * width**2 / (FLOAT * (2 * rows * width + width**2))


def bandwidth(device="cpu", count=2**25):
    """Octets par seconde que déplace une addition de vecteurs bien plus grands que le cache."""
    a, b, out = (torch.ones(count, device=device) for _ in range(3))
    torch.add(a, b, out=out)
    best = 0.0
    for _ in range(7):
        start = time.perf_counter()
        torch.add(a, b, out=out)
        synchronize(device)
        best = max(best, 3 * FLOAT * count / (time.perf_counter() - start))
    return best


def measure(device="cpu", seconds=0.15, rounds=5):
    """Rend le plafond (opérations par seconde), la pente (octets par seconde), le coût d'un appel
    (secondes) et les points.

    Les points : par largeur m, une liste de (B, opérations par octet, opérations par seconde).
    """

    def best(step, work):
        step()
        return max(rate(step, seconds, work, device) for _ in range(rounds))

    points = {
        width: [
            (rows, intensity(rows, width), best(*product_step(rows, width, width, device)))
            for rows in BATCHES
        ]
        for width in WIDTHS
    }
    empty, _ = product_step(1, 1, 1, device)
    squares = [best(*product_step(size, size, size, device)) for size in (1024, 2048)]
    return {
        "plafond": max(squares + [speed for row in points.values() for *_, speed in row]),
        "pente": bandwidth(device),
        "appel": 1 / best(empty, 1),
        "points": points,
    }
