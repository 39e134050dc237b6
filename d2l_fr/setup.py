"""Graine et périphérique : les deux réglages que toutes les pages partagent."""

import random

import numpy as np
import torch

__all__ = ["device", "set_seed"]


def set_seed(seed: int = 42) -> None:
    """Fixe les graines de Python, de NumPy et de PyTorch (processeur et GPU).

    Paramètre : ``seed``, un entier entre 0 et 2**32 - 1.
    Lève ``ValueError`` hors de cet intervalle. Page : sequence.
    """
    if not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise ValueError(f"La graine doit être un entier entre 0 et 2**32 - 1 ; reçu : {seed!r}.")
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def device() -> torch.device:
    """Rend le ``torch.device`` à employer : un GPU s'il y en a un, sinon le processeur.

    Page : sequence.
    """
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")
