"""Les types de ``language_model``, dont les pages montrent le code tel quel."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, Self, TypeAlias, TypeVar, overload

import numpy as np
import torch
from numpy.typing import NDArray

__all__ = [
    "NGramModel",
    "bits_per_token",
    "perplexity",
    "random_windows",
    "sequential_batches",
    "split_text",
]

_Tokens: TypeAlias = Sequence[int] | NDArray[np.integer[Any]] | torch.Tensor
_Text = TypeVar("_Text", bound=Sequence[Any] | NDArray[Any] | torch.Tensor)
_Smoothing: TypeAlias = Literal["laplace", "witten-bell", "kneser-ney"]
_Reals: TypeAlias = NDArray[np.float64]
_Batches: TypeAlias = Iterator[tuple[torch.Tensor, torch.Tensor]]

def split_text(
    sequence: _Text, valid: float = 0.05, heldout: float = 0.1
) -> tuple[_Text, _Text, _Text]: ...

class NGramModel:
    order: int
    vocab_size: int
    smoothing: _Smoothing
    alpha: float
    discount: float
    def __init__(
        self,
        tokens: _Tokens,
        order: int,
        vocab_size: int,
        smoothing: _Smoothing = "witten-bell",
        alpha: float = 1.0,
        discount: float = 0.75,
    ) -> None: ...
    @property
    def num_counts(self) -> int: ...
    def variant(
        self,
        order: int | None = None,
        smoothing: _Smoothing | None = None,
        alpha: float | None = None,
        discount: float | None = None,
    ) -> Self: ...
    def probs(self, context: _Tokens = ()) -> _Reals: ...
    def surprise(self, tokens: _Tokens, num_steps: int | None = None) -> _Reals: ...
    def sample(
        self,
        num_tokens: int,
        context: Iterable[int] | torch.Tensor = (),
        generator: torch.Generator | None = None,
    ) -> list[int]: ...

@overload
def perplexity(nats: float) -> float: ...
@overload
def perplexity(nats: NDArray[np.floating[Any]] | torch.Tensor) -> float | _Reals: ...
@overload
def bits_per_token(nats: float) -> float: ...
@overload
def bits_per_token(nats: _Reals) -> _Reals: ...
@overload
def bits_per_token(nats: torch.Tensor) -> torch.Tensor: ...
def random_windows(
    tokens: _Tokens, batch_size: int, num_steps: int, generator: torch.Generator | None = None
) -> _Batches: ...
def sequential_batches(
    tokens: _Tokens, batch_size: int, num_steps: int, offset: int = 0
) -> _Batches: ...
