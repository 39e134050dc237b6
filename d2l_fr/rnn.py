"""La récurrence : un pas, ses poids de départ, son état initial, et des lots de longueurs inégales.

Page : rnn. Les vecteurs sont en ligne : X, de forme (B, d), est un mini-lot d'entrées, et H,
de forme (B, m), son état. Un lot de phrases est un rectangle d'indices (B, T), accompagné de
leurs longueurs (B,).
"""

import torch
from torch import nn
from torch.nn import functional as F

from d2l_fr.sequence import check_count

__all__ = [
    "InitialState",
    "init_rnn",
    "length_mask",
    "masked_cross_entropy",
    "pad_sequences",
    "rnn_step",
    "spectral_radius",
]


def rnn_step(X, H, W_xh, W_hh, b_h, activation=torch.tanh):
    """Avance d'un pas de temps : rend le nouvel état, φ(X W_xh + H W_hh + b_h), de forme (B, m).

    Paramètres : ``X`` (B, d), les entrées ; ``H`` (B, m), l'état précédent ; ``W_xh`` (d, m),
    ``W_hh`` (m, m) et ``b_h`` (m,) ; ``activation``, φ. Lève ``ValueError`` si deux formes ne
    s'accordent pas. Page : rnn.
    """
    m = len(b_h)
    if W_xh.shape != (X.shape[-1], m) or W_hh.shape != (H.shape[-1], m) or H.shape[-1] != m:
        raise ValueError(
            f"Formes incompatibles : X {tuple(X.shape)}, W_xh {tuple(W_xh.shape)}, H "
            f"{tuple(H.shape)}, W_hh {tuple(W_hh.shape)}, b_h {tuple(b_h.shape)} ; il faut "
            "(B, d), (d, m), (B, m), (m, m) et (m,)."
        )
    return activation(X @ W_xh + H @ W_hh + b_h)


def spectral_radius(W):
    """Rend le rayon spectral d'une matrice carrée : le plus grand module de ses valeurs propres.

    Lève ``ValueError`` si ``W`` n'est pas carrée. Page : rnn.
    """
    if W.ndim != 2 or W.shape[0] != W.shape[1]:
        raise ValueError(
            f"Il n'y a de valeurs propres que d'une matrice carrée ; reçu : {tuple(W.shape)}."
        )
    return torch.linalg.eigvals(W.detach()).abs().max().item()


def init_rnn(
    num_inputs, num_hiddens, kind="orthogonal", sigma=0.01, generator=None, *,
    gain=1.0, input_scale=1.0,
):  # fmt: skip
    """Tire les poids de départ d'une récurrence : W_xh (d, m), W_hh (m, m) et b_h (m,), nul.

    Paramètres : ``kind``, le tirage de W_hh : "normal" (écart type ``sigma``), "xavier" (écart
    type ``m ** -0.5``), "orthogonal" (une rotation, réflexion comprise) ou "identity" (à
    employer avec ReLU) ; ``gain``, qui multiplie W_hh, donc son rayon spectral ; W_xh a pour
    écart type ``sigma`` avec "normal", sinon ``input_scale``, dont la valeur convient à des
    entrées one-hot ; ``generator``, un ``torch.Generator``. Lève ``ValueError`` pour un autre
    ``kind``, un écart type négatif ou une taille nulle. Page : rnn.
    """
    check_count(num_inputs=num_inputs, num_hiddens=num_hiddens)
    if sigma < 0 or input_scale < 0:
        raise ValueError(
            f"Un écart type n'est pas négatif : sigma = {sigma}, input_scale = {input_scale}."
        )
    W_xh = torch.randn(num_inputs, num_hiddens, generator=generator)
    noise = torch.randn(num_hiddens, num_hiddens, generator=generator)
    if kind == "normal":
        W_hh, input_scale = sigma * noise, sigma
    elif kind == "xavier":
        W_hh = noise / num_hiddens**0.5
    elif kind == "orthogonal":
        Q, R = torch.linalg.qr(noise)
        W_hh = Q * R.diagonal().sign()  # sans ce signe, certaines rotations seraient favorisées
    elif kind == "identity":
        W_hh = torch.eye(num_hiddens)
    else:
        raise ValueError(
            f"Tirage inconnu : {kind!r}. Choisissez 'normal', 'xavier', 'orthogonal' ou 'identity'."
        )
    return input_scale * W_xh, gain * W_hh, torch.zeros(num_hiddens)


class InitialState(nn.Module):
    """L'état d'avant le premier pas : appelé avec ``batch_size``, rend H_0, de forme (B, m).

    ``kind`` : "zero" ; "random", un tirage gaussien d'écart type ``sigma``, neuf à chaque appel
    pendant l'apprentissage et nul à l'évaluation (``module.eval()``), comme un
    *dropout* ; "learned", un vecteur de m paramètres, le même pour toutes les séquences du lot.
    Lève ``ValueError`` pour un autre ``kind`` ou un nombre nul. Page : rnn.
    """

    def __init__(self, num_hiddens, kind="zero", sigma=0.5):
        super().__init__()
        check_count(num_hiddens=num_hiddens)
        if kind not in ("zero", "random", "learned"):
            raise ValueError(
                f"État initial inconnu : {kind!r}. Choisissez 'zero', 'random' ou 'learned'."
            )
        self.kind, self.sigma = kind, sigma
        start = torch.zeros(num_hiddens)
        if kind == "learned":
            self.h0 = nn.Parameter(start)
        else:
            self.register_buffer("h0", start)

    def forward(self, batch_size):
        """Rend H_0, de forme (B, m). Lève ``ValueError`` si ``batch_size`` est nul."""
        check_count(batch_size=batch_size)
        H = self.h0.expand(batch_size, -1)  # (B, m), sans recopier le vecteur
        if self.kind == "random" and self.training:
            H = H + self.sigma * torch.randn_like(H)
        return H


def pad_sequences(sequences, padding=0):
    """Range des séquences d'indices dans un rectangle : ``tokens`` (B, T) et ``lengths`` (B,).

    T est la longueur de la plus longue ; les autres sont complétées à droite par ``padding``.
    Chaque séquence est une liste ou un vecteur d'entiers ; lève ``ValueError`` si l'une d'elles
    ne l'est pas ou est vide, ou s'il n'y en a aucune. Page : rnn.
    """
    rows = [torch.as_tensor(sequence) for sequence in sequences]
    if not rows:
        raise ValueError("Aucune séquence : il en faut au moins une pour faire un lot.")
    for i, row in enumerate(rows):
        if row.ndim != 1 or len(row) == 0 or row.is_floating_point():
            raise ValueError(
                f"La séquence numéro {i} doit être une liste d'entiers, non vide ; reçu : un "
                f"tenseur {row.dtype} de forme {tuple(row.shape)}."
            )
    lengths = torch.tensor([len(row) for row in rows])
    tokens = torch.full((len(rows), int(lengths.max())), padding)
    for i, row in enumerate(rows):
        tokens[i, : len(row)] = row
    return tokens, lengths


def length_mask(lengths, num_steps=None):
    """Rend le masque (B, T) : vrai sur les ``lengths[i]`` premiers pas de la ligne i.

    ``num_steps`` est T (par défaut, la plus grande longueur). Lève ``ValueError`` si une
    longueur dépasse T. Page : rnn.
    """
    lengths = torch.as_tensor(lengths)
    longest = int(lengths.max())
    num_steps = longest if num_steps is None else num_steps
    if longest > num_steps:
        raise ValueError(f"Une séquence a {longest} jetons : elle ne tient pas en {num_steps} pas.")
    return torch.arange(num_steps, device=lengths.device) < lengths[:, None]


def masked_cross_entropy(logits, targets, mask):
    """Rend l'entropie croisée moyenne (en nats) sur les seuls jetons où le masque est vrai.

    Paramètres : ``logits`` (B, T, V) ; ``targets`` (B, T) ; ``mask`` (B, T), booléen. Ce qu'il y
    a sous le remplissage, même un NaN, ne compte ni dans la perte ni dans le gradient. Lève
    ``TypeError`` si le masque n'est pas booléen, ``ValueError`` si les formes ne s'accordent pas
    ou si le masque ne retient rien. Page : rnn.
    """
    if mask.dtype != torch.bool:
        raise TypeError(
            f"Le masque est fait de booléens ; reçu : {mask.dtype}. Écrivez mask.bool()."
        )
    if not logits.shape[:-1] == targets.shape == mask.shape:
        raise ValueError(
            f"Formes incompatibles : logits {tuple(logits.shape)}, targets {tuple(targets.shape)}, "
            f"mask {tuple(mask.shape)} ; il faut (B, T, V), (B, T) et (B, T)."
        )
    if not mask.any():
        raise ValueError("Le masque ne retient aucun jeton : la moyenne n'existe pas.")
    return F.cross_entropy(logits[mask], targets[mask])  # (n, V) et (n,) : les n vrais jetons
