"""Les types de ``bptt``, dont les pages montrent le code tel quel."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from d2l_fr.rnn_concise import RNNLM
from d2l_fr.rnn_scratch import RNNLMScratch

__all__ = [
    "BPTT",
    "bptt_recurrence",
    "gradient_norms_by_lag",
    "jacobian_products",
    "random_gates",
    "regular_gates",
    "step_jacobian",
]

class BPTT(torch.autograd.Function):
    @staticmethod
    def forward(  # ctx reçoit un attribut, gates : PyTorch n'en donne pas le type
        ctx: Any,
        X: Tensor,
        H0: Tensor,
        W_xh: Tensor,
        W_hh: Tensor,
        b_h: Tensor,
        gates: list[float],
    ) -> Tensor: ...
    @staticmethod
    def backward(
        ctx: Any, grad_states: Tensor
    ) -> tuple[Tensor | None, Tensor | None, Tensor, Tensor, Tensor, None]: ...

def bptt_recurrence(
    X: Tensor,
    H0: Tensor,
    W_xh: Tensor,
    W_hh: Tensor,
    b_h: Tensor,
    gates: Tensor | Sequence[float] | None = None,
) -> Tensor: ...
def regular_gates(num_steps: int, window: int) -> Tensor: ...
def random_gates(
    num_steps: int, keep: float, generator: torch.Generator | None = None
) -> Tensor: ...
def step_jacobian(h: Tensor, W_hh: Tensor) -> Tensor: ...
def jacobian_products(states: Tensor, W_hh: Tensor) -> Tensor: ...
def gradient_norms_by_lag(model: RNNLMScratch | RNNLM, tokens: Tensor) -> Tensor: ...
