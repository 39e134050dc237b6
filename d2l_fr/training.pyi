"""Les types de ``training``, dont les pages montrent le code tel quel."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

__all__ = ["History", "detach", "evaluate", "fit", "train_epoch"]

_Tokens: TypeAlias = Sequence[int] | NDArray[np.integer[Any]] | Tensor
_State = TypeVar("_State", Tensor, tuple[Tensor, ...])

def detach(state: _State) -> _State: ...
def train_epoch(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    optimizer: torch.optim.Optimizer,
    clip: float | None = 1.0,
    carry_state: bool = True,
) -> tuple[list[float], list[float]]: ...
def evaluate(
    model: nn.Module, tokens: _Tokens, num_steps: int | None = None, chunk: int = 512
) -> float: ...

@dataclass
class History:
    train: list[float] = ...
    valid: list[float] = ...
    grad_norms: list[float] = ...
    seconds: float = 0.0
    tokens: int = 0
    best_epoch: int = 0
    interrupted: bool = False

def fit(
    model: nn.Module,
    train: _Tokens,
    valid: _Tokens | None = None,
    num_epochs: int = 20,
    batch_size: int = 64,
    num_steps: int = 32,
    lr: float = 3e-3,
    weight_decay: float = 0.01,
    clip: float | None = 1.0,
    carry_state: bool = True,
    patience: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    seed: int = 0,
    progress: bool = True,
) -> History: ...
