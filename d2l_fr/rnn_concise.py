"""Le même modèle de langage avec les couches récurrentes de PyTorch : RNN, GRU, LSTM.

Page : rnn-concise. Mêmes formes que ``RNNLMScratch`` : jetons (B, T), logits (B, T, V). L'état
est un tenseur (couches, B, m) ; pour un LSTM, un couple de tels tenseurs.
"""

import torch
from torch import nn

from d2l_fr.rnn_scratch import RNNLMScratch, one_hot
from d2l_fr.sequence import check_count

__all__ = ["RNNLM", "copy_weights"]

_CELLS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


class RNNLM(nn.Module):
    """Un modèle de langage sur ``nn.RNN``, ``nn.GRU`` ou ``nn.LSTM``.

    ``cell`` : ``"rnn"``, ``"gru"`` ou ``"lstm"``. ``num_embed`` : taille d'un plongement appris
    des jetons ; None, le codage one-hot. ``dropout`` s'applique à ce qui entre dans chaque couche
    et dans la sortie, jamais d'un pas de temps au suivant. Lève ``ValueError`` pour une autre
    cellule, une taille nulle ou un ``dropout`` hors de [0, 1[. Page : rnn-concise.
    """

    def __init__(
        self, vocab_size, num_hiddens, cell="rnn", num_layers=1, dropout=0.0, num_embed=None
    ):
        super().__init__()
        num_inputs = vocab_size if num_embed is None else num_embed
        check_count(vocab_size=vocab_size, num_hiddens=num_hiddens, num_layers=num_layers,
                    num_embed=num_inputs)  # fmt: skip
        if cell not in _CELLS:
            raise ValueError(f"Cellule inconnue : {cell!r}. Choisissez {', '.join(_CELLS)}.")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout = {dropout} : il faut un nombre de [0, 1[.")
        self.vocab_size = vocab_size
        self.embedding = None if num_embed is None else nn.Embedding(vocab_size, num_embed)
        between = dropout if num_layers > 1 else 0.0  # entre les couches ; PyTorch s'en charge
        self.rnn = _CELLS[cell](num_inputs, num_hiddens, num_layers, dropout=between)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(num_hiddens, vocab_size)

    def embed(self, tokens):
        """Code les jetons (B, T) en entrées (T, B, d) : plongements, ou vecteurs one-hot."""
        if self.embedding is None:
            return one_hot(tokens, self.vocab_size).to(self.linear.weight.dtype)
        try:
            return self.embedding(tokens.T)
        except IndexError:
            raise IndexError(f"Un indice n'est pas entre 0 et {self.vocab_size - 1}.") from None

    def output(self, states):
        """Rend les logits (…, V) des états (…, m) de la dernière couche."""
        return self.linear(states)

    def forward(self, tokens, state=None):
        """Lit des jetons (B, T) ; rend les logits (B, T, V) du jeton suivant, et l'état final.

        L'état (None : nul) est de forme (couches, B, m) ; pour un LSTM, c'est le couple (H, C).
        Lève ``ValueError`` pour d'autres formes, ``IndexError`` pour un indice hors vocabulaire.
        """
        if tokens.ndim != 2:
            raise ValueError(f"Jetons {tuple(tokens.shape)} : il faut (B, T).")
        if state is not None:
            self._check_state(state, (self.rnn.num_layers, len(tokens), self.rnn.hidden_size))
        states, state = self.rnn(self.dropout(self.embed(tokens)), state)  # (T, B, m)
        return self.output(self.dropout(states)).transpose(0, 1), state

    def _check_state(self, state, expected):
        shapes = [tuple(s.shape) for s in (state if isinstance(state, tuple) else (state,))]
        wanted = [expected] * (2 if isinstance(self.rnn, nn.LSTM) else 1)
        if shapes != wanted:
            raise ValueError(f"État {shapes} : il faut (couches, B, m), soit {wanted}.")


@torch.no_grad()
def copy_weights(scratch, concise):
    """Copie les poids d'un ``RNNLMScratch`` dans un ``RNNLM`` de mêmes tailles.

    PyTorch range W_xh et W_hh transposées, et compte deux biais là où un seul suffit : le second
    est mis à zéro. Lève ``TypeError`` ou ``ValueError`` si les deux modèles ne se correspondent
    pas ; rien n'est alors copié. Page : rnn-concise.
    """
    if not isinstance(scratch, RNNLMScratch) or not isinstance(concise, RNNLM):
        raise TypeError("copy_weights va d'un RNNLMScratch à un RNNLM.")
    rnn = concise.rnn
    if not isinstance(rnn, nn.RNN) or rnn.num_layers > 1 or concise.embedding is not None:
        raise ValueError("Il faut cell='rnn', une seule couche et des entrées one-hot.")
    pairs = [
        (rnn.weight_ih_l0, scratch.rnn.W_xh.T),
        (rnn.weight_hh_l0, scratch.rnn.W_hh.T),
        (rnn.bias_ih_l0, scratch.rnn.b_h),
        (concise.linear.weight, scratch.W_hq.T),
        (concise.linear.bias, scratch.b_q),
    ]
    for target, source in pairs:
        if target.shape != source.shape:
            raise ValueError(f"Tailles différentes : {tuple(source.shape)}, {tuple(target.shape)}.")
    for target, source in pairs:
        target.copy_(source)
    rnn.bias_hh_l0.zero_()
