"""Les types de ``rnn_concise``, dont les pages montrent le code tel quel."""

from typing import Literal, TypeAlias

from torch import Tensor, nn

from d2l_fr.rnn_scratch import RNNLMScratch

__all__ = ["RNNLM", "copy_weights"]

_State: TypeAlias = Tensor | tuple[Tensor, Tensor]  # le couple (H, C) d'un LSTM

class RNNLM(nn.Module):
    vocab_size: int
    embedding: nn.Embedding | None
    rnn: nn.RNN | nn.GRU | nn.LSTM
    dropout: nn.Dropout
    linear: nn.Linear
    def __init__(
        self,
        vocab_size: int,
        num_hiddens: int,
        cell: Literal["rnn", "gru", "lstm"] = "rnn",
        num_layers: int = 1,
        dropout: float = 0.0,
        num_embed: int | None = None,
    ) -> None: ...
    def embed(self, tokens: Tensor) -> Tensor: ...
    def output(self, states: Tensor) -> Tensor: ...
    def forward(self, tokens: Tensor, state: _State | None = None) -> tuple[Tensor, _State]: ...
    def __call__(self, tokens: Tensor, state: _State | None = None) -> tuple[Tensor, _State]: ...

def copy_weights(scratch: RNNLMScratch, concise: RNNLM) -> None: ...
