"""Un réseau récurrent écrit à la main, et le modèle de langage que l'on bâtit dessus.

Page : rnn-scratch. Partout, B est le nombre de séquences du mini-lot, T le nombre de pas de
temps, V la taille du vocabulaire et m le nombre d'unités cachées. Les jetons arrivent en
(B, T) ; à l'intérieur du réseau le temps passe devant, (T, B, …), pour que chaque pas soit un
bloc contigu de la mémoire.
"""

import math
import warnings

import torch
import torch.nn.functional as F
from torch import nn

from d2l_fr.rnn import init_rnn
from d2l_fr.sequence import check_count
from d2l_fr.text_sequence import normalize, tokenize

__all__ = [
    "RNNLMScratch",
    "RNNScratch",
    "clip_gradients",
    "generate",
    "loop_recurrence",
    "one_hot",
    "sample_next",
]


def one_hot(tokens, vocab_size):
    """Code des indices (B, T) en vecteurs (T, B, V) : un 1 à la place de l'indice, 0 ailleurs.

    Lève ``IndexError`` si un indice n'est pas entre 0 et V - 1. Page : rnn-scratch.
    """
    if tokens.numel():
        low, high = map(int, tokens.aminmax())
        if low < 0 or high >= vocab_size:
            raise IndexError(
                f"Indices de {low} à {high}, pour V = {vocab_size} : le texte et le modèle n'ont "
                "pas le même vocabulaire."
            )
    return F.one_hot(tokens.T, vocab_size).to(torch.get_default_dtype())


def loop_recurrence(X, H0, W_xh, W_hh, b_h):
    """Calcule tous les états (T, B, m) d'entrées ``X`` (T, B, d), à partir de ``H0`` (B, m).

    Les entrées de tous les pas passent en un seul produit ; la boucle ne garde que ce qui doit
    attendre l'état précédent. Le gradient est celui d'autograd. Page : rnn-scratch.
    """
    projected = X @ W_xh + b_h  # (T, B, m) : ce que l'entrée apporte à chaque pas
    H, states = H0, []
    for A in projected:  # A : (B, m)
        H = torch.tanh(A + H @ W_hh)
        states.append(H)
    return torch.stack(states)


class RNNScratch(nn.Module):
    """Une couche récurrente : H_t = tanh(X_t W_xh + H_{t-1} W_hh + b_h).

    ``recurrence`` calcule les états à partir de ``(X, H0, W_xh, W_hh, b_h)`` ;
    ``d2l.bptt_recurrence`` y met une rétropropagation écrite à la main. Les autres réglages vont
    à ``d2l.init_rnn`` : ``kind``, ``gain``, ``input_scale``… Page : rnn-scratch.
    """

    def __init__(self, num_inputs, num_hiddens, recurrence=loop_recurrence, **init):
        super().__init__()
        check_count(num_inputs=num_inputs, num_hiddens=num_hiddens)
        self.num_inputs, self.num_hiddens = num_inputs, num_hiddens
        weights = init_rnn(num_inputs, num_hiddens, **init)
        self.W_xh, self.W_hh, self.b_h = (nn.Parameter(weight) for weight in weights)
        self.recurrence = recurrence

    def forward(self, X, state=None):
        """Lit X (T, B, d) depuis ``state`` (B, m), nul par défaut ; rend les états et le dernier.

        Formes : (T, B, m) et (B, m). Lève ``ValueError`` si une forme ne convient pas.
        """
        if X.ndim != 3 or X.shape[-1] != self.num_inputs or len(X) == 0:
            raise ValueError(f"Entrée {tuple(X.shape)} : il faut (T, B, {self.num_inputs}), T > 0.")
        expected = (X.shape[1], self.num_hiddens)
        if state is None:
            state = X.new_zeros(expected)
        if state.shape != expected:
            raise ValueError(f"État {tuple(state.shape)} : il faut (B, m) = {expected}.")
        states = self.recurrence(X, state, self.W_xh, self.W_hh, self.b_h)
        return states, states[-1]


class RNNLMScratch(nn.Module):
    """Un modèle de langage : codage one-hot, réseau récurrent, couche de sortie.

    ``rnn`` est un ``RNNScratch`` dont l'entrée a la taille ``vocab_size`` ; lève ``ValueError``
    sinon. Page : rnn-scratch.
    """

    def __init__(self, rnn, vocab_size):
        super().__init__()
        if rnn.num_inputs != vocab_size:
            raise ValueError(f"Le réseau lit {rnn.num_inputs} nombres ; il en faut {vocab_size}.")
        self.rnn, self.vocab_size = rnn, vocab_size
        self.W_hq = nn.Parameter(torch.empty(rnn.num_hiddens, vocab_size))
        self.b_q = nn.Parameter(torch.zeros(vocab_size))
        nn.init.xavier_uniform_(self.W_hq)

    def embed(self, tokens):
        """Code les jetons (B, T) en entrées (T, B, V)."""
        return one_hot(tokens, self.vocab_size).to(self.W_hq.dtype)

    def output(self, states):
        """Rend les logits (…, V) des états (…, m)."""
        return states @ self.W_hq + self.b_q

    def forward(self, tokens, state=None):
        """Lit des jetons (B, T) ; rend les logits (B, T, V) du jeton suivant, et l'état final."""
        states, state = self.rnn(self.embed(tokens), state)
        return self.output(states).transpose(0, 1), state


def clip_gradients(parameters, max_norm):
    """Ramène à ``max_norm`` la norme du gradient de tous les paramètres, si elle la dépasse.

    La direction ne change pas. Rend la norme d'avant, un nombre. Lève ``ValueError`` si
    ``max_norm`` <= 0. Page : rnn-scratch.
    """
    if max_norm <= 0:
        raise ValueError(f"max_norm = {max_norm} : il faut un seuil strictement positif.")
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = float(sum((gradient**2).sum() for gradient in gradients) ** 0.5)
    if norm > max_norm:
        for gradient in gradients:
            gradient *= max_norm / norm
    return norm


def sample_next(logits, temperature=1.0, top_k=None, generator=None):
    """Tire l'indice d'un jeton d'après ses logits (V,) ; rend un entier.

    ``temperature`` divise les logits : 0 prend toujours le plus probable (décodage glouton),
    1 suit le modèle. ``top_k`` ne garde que les k plus probables. Lève ``ValueError`` pour une
    température négative ou infinie, un ``top_k`` inférieur à 1 ou des logits qui ne forment pas
    un vecteur de nombres ; un logit de moins l'infini interdit son jeton. Page : rnn-scratch.
    """
    if not 0 <= temperature < math.inf:
        raise ValueError(f"temperature = {temperature} : il faut un nombre fini, positif ou nul.")
    check_count(top_k=1 if top_k is None else top_k)
    if logits.ndim != 1 or len(logits) == 0 or not math.isfinite(logits.max()):
        raise ValueError(
            f"Logits {tuple(logits.shape)} : il faut un vecteur (V,), sans NaN ni "
            "plus l'infini, où un jeton au moins est permis."
        )
    if temperature == 0:
        return int(logits.argmax())
    if top_k is not None:
        kept = logits.topk(min(top_k, len(logits)))
        logits = torch.full_like(logits, -torch.inf).scatter(0, kept.indices, kept.values)
    # Le maximum ramené à 0, en double précision : une température minuscule ne déborde pas.
    scaled = (logits - logits.max()).double() / temperature
    probabilities = torch.softmax(scaled.to(logits.dtype), dim=0)
    return int(torch.multinomial(probabilities, 1, generator=generator))


@torch.inference_mode()
def generate(model, prefix, num_tokens, vocab, temperature=1.0, top_k=None, seed=None):
    """Prolonge ``prefix`` de ``num_tokens`` caractères tirés du modèle ; rend le texte entier.

    Le modèle lit d'abord le préfixe, qui met son état en route (un préfixe vide vaut un début
    de paragraphe) ; chaque caractère tiré devient l'entrée suivante. Le jeton inconnu n'est
    jamais tiré. Un caractère du préfixe absent du vocabulaire est lu comme inconnu, et un
    avertissement le dit. ``seed`` fixe le tirage. Lève ``ValueError`` si ``num_tokens`` n'est pas
    un entier d'au moins 1, ou pour une ``temperature`` ou un ``top_k`` impossible.
    Page : rnn-scratch.
    """
    check_count(num_tokens=num_tokens)
    tokens = tokenize(normalize(prefix)) or ["\n" if "\n" in vocab else vocab.unk]
    if unknown := sorted({token for token in tokens if token not in vocab}):
        shown = ", ".join(map(repr, unknown))
        warnings.warn(f"Absents du vocabulaire, lus comme inconnus : {shown}.", stacklevel=3)
    where = next(model.parameters()).device
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    was_training = model.training
    model.eval()
    inputs, state, written = torch.tensor([vocab[tokens]], device=where), None, []
    unknown = vocab[vocab.unk]
    for _ in range(num_tokens):
        logits, state = model(inputs, state)
        logits = logits[0, -1].float().cpu()  # (V,)
        logits[unknown] = -torch.inf
        written.append(sample_next(logits, temperature, top_k, generator))
        inputs = torch.tensor([[written[-1]]], device=where)
    model.train(was_training)
    return prefix + "".join(vocab.to_tokens(written))
