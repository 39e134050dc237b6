"""Les types de ``rnn``, dont les pages montrent le code tel quel."""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

__all__ = [
    "InitialState",
    "init_rnn",
    "length_mask",
    "masked_cross_entropy",
    "pad_sequences",
    "rnn_step",
    "spectral_radius",
]

def rnn_step(
    X: Tensor,
    H: Tensor,
    W_xh: Tensor,
    W_hh: Tensor,
    b_h: Tensor,
    activation: Callable[[Tensor], Tensor] = ...,
) -> Tensor: ...
def spectral_radius(W: Tensor) -> float: ...
def init_rnn(
    num_inputs: int,
    num_hiddens: int,
    kind: Literal["normal", "xavier", "orthogonal", "identity"] = "orthogonal",
    sigma: float = 0.01,
    generator: torch.Generator | None = None,
    *,
    gain: float = 1.0,
    input_scale: float = 1.0,
) -> tuple[Tensor, Tensor, Tensor]: ...

class InitialState(nn.Module):
    kind: Literal["zero", "random", "learned"]
    sigma: float
    h0: Tensor
    def __init__(
        self,
        num_hiddens: int,
        kind: Literal["zero", "random", "learned"] = "zero",
        sigma: float = 0.5,
    ) -> None: ...
    def forward(self, batch_size: int) -> Tensor: ...
    def __call__(self, batch_size: int) -> Tensor: ...

def pad_sequences(
    sequences: Iterable[Sequence[int] | Tensor], padding: int = 0
) -> tuple[Tensor, Tensor]: ...
def length_mask(lengths: Sequence[int] | Tensor, num_steps: int | None = None) -> Tensor: ...
def masked_cross_entropy(logits: Tensor, targets: Tensor, mask: Tensor) -> Tensor: ...
