"""Les types de ``rnn_scratch``, dont les pages montrent le code tel quel."""

from collections.abc import Callable, Iterable
from typing import Literal, TypeAlias, TypedDict, Unpack

import torch
from torch import Tensor, nn

from d2l_fr.text_sequence import Vocab

__all__ = [
    "RNNLMScratch",
    "RNNScratch",
    "clip_gradients",
    "generate",
    "loop_recurrence",
    "one_hot",
    "sample_next",
]

_Recurrence: TypeAlias = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]

class _Init(TypedDict, total=False):  # les réglages de ``init_rnn``
    kind: Literal["normal", "xavier", "orthogonal", "identity"]
    sigma: float
    generator: torch.Generator | None
    gain: float
    input_scale: float

def one_hot(tokens: Tensor, vocab_size: int) -> Tensor: ...
def loop_recurrence(X: Tensor, H0: Tensor, W_xh: Tensor, W_hh: Tensor, b_h: Tensor) -> Tensor: ...

class RNNScratch(nn.Module):
    num_inputs: int
    num_hiddens: int
    W_xh: nn.Parameter
    W_hh: nn.Parameter
    b_h: nn.Parameter
    recurrence: _Recurrence
    def __init__(
        self,
        num_inputs: int,
        num_hiddens: int,
        recurrence: _Recurrence = ...,
        **init: Unpack[_Init],
    ) -> None: ...
    def forward(self, X: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]: ...
    def __call__(self, X: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]: ...

class RNNLMScratch(nn.Module):
    rnn: RNNScratch
    vocab_size: int
    W_hq: nn.Parameter
    b_q: nn.Parameter
    def __init__(self, rnn: RNNScratch, vocab_size: int) -> None: ...
    def embed(self, tokens: Tensor) -> Tensor: ...
    def output(self, states: Tensor) -> Tensor: ...
    def forward(self, tokens: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]: ...
    def __call__(self, tokens: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]: ...

def clip_gradients(parameters: Iterable[Tensor], max_norm: float) -> float: ...
def sample_next(
    logits: Tensor,
    temperature: float = 1.0,
    top_k: int | None = None,
    generator: torch.Generator | None = None,
) -> int: ...
def generate(
    model: nn.Module,
    prefix: str,
    num_tokens: int,
    vocab: Vocab,
    temperature: float = 1.0,
    top_k: int | None = None,
    seed: int | None = None,
) -> str: ...
