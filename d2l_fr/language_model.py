"""Modèles de langage qui comptent, perplexité, et découpage d'un long texte en mini-lots.

Page : language-model. Un texte est ici une suite de jetons, c'est-à-dire d'indices de 0 à V - 1
(liste, tableau NumPy ou tenseur, de forme (N,)). Les pertes sont en nats par jeton.
"""

import copy
import math

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view

from d2l_fr.sequence import check_count

__all__ = [
    "NGramModel",
    "bits_per_token",
    "perplexity",
    "random_windows",
    "sequential_batches",
    "split_text",
]


def split_text(sequence, valid=0.05, heldout=0.1):
    """Coupe une suite en trois, dans l'ordre : entraînement, validation, passage mis de côté.

    ``sequence`` est une chaîne, une liste, un tableau ou un tenseur ; rend trois tranches du même
    type, qui sont des vues si le type le permet (tableau, tenseur). ``valid`` et ``heldout`` sont
    des proportions, de 0 à 1 exclu. Lève ``ValueError`` si elles ne laissent rien à
    l'entraînement, ou si le texte est trop court pour chaque part. Page : language-model.
    """
    if not (0 <= valid < 1 and 0 <= heldout < 1 and valid + heldout < 1):
        raise ValueError(
            f"valid = {valid!r} et heldout = {heldout!r} : il faut deux proportions entre 0 et 1, "
            "de somme inférieure à 1."
        )
    end = len(sequence) - round(len(sequence) * heldout)
    start = end - round(len(sequence) * valid)
    parts = sequence[:start], sequence[start:end], sequence[end:]
    for part, share in zip(parts, (1, valid, heldout), strict=True):
        if share > 0 and len(part) == 0:
            raise ValueError(f"Texte trop court : {len(sequence)} jetons à couper en trois.")
    return parts


def _as_tokens(tokens, min_length=0):
    """Rend ``tokens`` en tenseur (N,) d'entiers, sans copie si c'est un tableau ou un tenseur.

    Lève ``TypeError`` si ce ne sont pas des entiers, ``ValueError`` s'il y a plusieurs dimensions
    ou moins de ``min_length`` jetons. Page : language-model.
    """
    try:
        tokens = torch.as_tensor(tokens)
        tokens = tokens if tokens.numel() else tokens.long()
        if tokens.is_floating_point() or tokens.dtype == torch.bool:
            raise TypeError
    except (TypeError, ValueError, RuntimeError):
        raise TypeError("Des jetons sont des indices : vocab[d2l.tokenize(texte)].") from None
    if tokens.ndim != 1:
        raise ValueError(f"Un texte a une dimension ; celui-ci a la forme {tuple(tokens.shape)}.")
    if len(tokens) < min_length:
        raise ValueError(
            f"Texte trop court : {len(tokens)} jetons, il en faut au moins {min_length}."
        )
    return tokens


def _find(keys, wanted):
    """Rend la place de chaque valeur de ``wanted`` dans ``keys``, triées ; -1 si absente."""
    place = np.searchsorted(keys, wanted).clip(max=len(keys) - 1)
    return np.where(keys[place] == wanted, place, -1)


def _distinct(rows, counts, size):
    """Réunit les lignes égales de ``rows`` (M, n), faites de jetons de 0 à ``size - 1``.

    Rend les lignes différentes, et pour chacune la somme de ses ``counts`` (M,).
    """
    code, bound = np.zeros(len(rows), dtype=np.int64), 1  # le numéro d'une ligne, sous bound
    for column in rows.T:
        if bound > 2**62 // size:  # le suivant ne tiendrait pas en 64 bits : on renumérote
            code, bound = np.unique(code, return_inverse=True)[1], len(rows)
        code, bound = code * size + column, bound * size
    _, first, same = np.unique(code, return_index=True, return_inverse=True)
    return rows[first], np.bincount(same, counts).astype(int)


class NGramModel:
    """Un modèle de langage qui compte : un n-gramme lissé.

    Il prédit un jeton d'après les ``order - 1`` précédents ; ``order=1`` ne regarde rien
    (unigramme). ``tokens`` est le texte d'entraînement, ``vocab_size`` la taille V du vocabulaire.
    ``smoothing`` vaut ``"laplace"`` (``alpha`` s'ajoute à chaque compte), ``"witten-bell"`` ou
    ``"kneser-ney"`` (``discount`` se retire de chaque compte) ; dans ces deux derniers, chaque
    ordre s'appuie sur le précédent. Lève ``ValueError`` pour un réglage impossible, un texte plus
    court que ``order`` ou un jeton hors du vocabulaire. Page : language-model.
    """

    def __init__(
        self, tokens, order, vocab_size, smoothing="witten-bell", alpha=1.0, discount=0.75
    ):
        check_count(order=order, vocab_size=vocab_size)
        self.order, self.vocab_size = order, vocab_size
        self._smooth(smoothing, alpha, discount)
        rows, times = self._ngrams(self._indices(tokens, order))
        self._levels = []  # un étage par longueur de contexte, de 0 à order - 1
        contexts, node = np.zeros(1, dtype=int), np.zeros(len(rows), dtype=int)
        for length in range(order):
            if length > 0:  # un contexte = un contexte plus court, et le jeton qui le précède
                before = rows[:, -1 - length]
                exists = before < vocab_size
                contexts, node = np.unique(
                    (node * vocab_size + before)[exists], return_inverse=True
                )
                rows, times = rows[exists], times[exists]
            pairs, same = np.unique(node * vocab_size + rows[:, -1], return_inverse=True)
            counts = np.bincount(same, times).astype(int)
            if length > 0:  # à l'étage du dessous : après combien de jetons différents ?
                shorter = contexts[pairs // vocab_size] // vocab_size
                found = _find(self._levels[-1][1], shorter * vocab_size + pairs % vocab_size)
                spread = np.bincount(found, minlength=len(self._levels[-1][1]))
                self._levels[-1][3] = self._table(self._levels[-1][1], spread)
            self._levels.append([contexts, pairs, self._table(pairs, counts), None])

    def _ngrams(self, tokens):
        """Rend les n-grammes différents d'un texte, ``(M, order)``, et le compte de chacun.

        Devant le texte, le jeton ``vocab_size`` dit qu'il n'y a rien. Une tranche est aussi longue
        que ce qu'on a déjà réuni : la durée est celle de la lecture, et la mémoire suit M.
        """
        order, nothing = self.order, self.vocab_size
        start = np.concatenate([np.full(order - 1, nothing), tokens[:order]])
        rows, times = sliding_window_view(start, order), np.ones(order, dtype=int)
        windows = sliding_window_view(tokens, order)[1:]  # des vues : rien n'est recopié
        while len(windows):
            part, windows = np.split(windows, [max(2**16, len(rows))])
            once = np.ones(len(part), dtype=int)
            rows, times = _distinct(
                np.concatenate([rows, part]), np.concatenate([times, once]), nothing + 1
            )
        return rows, times

    def _table(self, pairs, counts):
        """Rend les comptes des paires, et pour chaque contexte leur somme et leur nombre."""
        node = pairs // self.vocab_size
        totals, kinds = np.bincount(node, counts), np.bincount(node, counts > 0)
        # Une case de plus, que lira l'indice -1 : c'est le cas « jamais vu ».
        return np.append(counts, 0), np.append(totals, 0), np.append(kinds, 1)

    def _smooth(self, smoothing, alpha, discount):
        if smoothing not in ("laplace", "witten-bell", "kneser-ney"):
            raise ValueError(
                f"Lissage inconnu : {smoothing!r}. Choisissez 'laplace', 'witten-bell' ou "
                "'kneser-ney'."
            )
        if not 0 < alpha < math.inf:
            raise ValueError(f"alpha = {alpha!r} : il faut un nombre strictement positif.")
        if not 0 < discount < 1:
            raise ValueError(f"discount = {discount!r} : il faut un nombre entre 0 et 1, exclus.")
        self.smoothing, self.alpha, self.discount = smoothing, alpha, discount

    def _indices(self, tokens, min_length=0):
        """Rend les jetons en tableau d'entiers (N,), tous dans le vocabulaire."""
        tokens = _as_tokens(tokens, min_length).cpu().numpy()
        tokens = tokens.astype(np.int64, copy=False)
        if len(tokens) and not 0 <= tokens.min() <= tokens.max() < self.vocab_size:
            worst = tokens.min() if tokens.min() < 0 else tokens.max()
            raise ValueError(f"Jeton {worst} hors du vocabulaire : 0 à {self.vocab_size - 1}.")
        return tokens

    @property
    def num_counts(self):
        """Nombre de n-grammes différents, de longueur 1 à ``order``, que le modèle a comptés."""
        return sum(len(pairs) for _, pairs, *_ in self._levels[: self.order])

    def variant(self, order=None, smoothing=None, alpha=None, discount=None):
        """Rend un modèle aux mêmes comptes, d'ordre plus petit ou d'un autre lissage.

        Rien n'est recompté. Lève ``ValueError`` si ``order`` dépasse l'ordre compté.
        """
        other = copy.copy(self)
        if order is not None:
            check_count(order=order)
            if order > len(self._levels):
                raise ValueError(f"order = {order} : on a compté jusqu'à {len(self._levels)}.")
            other.order = order
        other._smooth(
            smoothing or self.smoothing,
            self.alpha if alpha is None else alpha,
            self.discount if discount is None else discount,
        )
        return other

    def _mix(self, past, targets):
        """Probabilité de chaque cible (M,), sachant ``past[k - 1]`` (M,), le jeton k pas avant.

        Un jeton -1 dans ``past`` veut dire qu'il n'y a rien si loin.
        """
        size = self.vocab_size
        p = np.full(targets.shape, 1 / size)  # sans aucun compte : l'uniforme
        node = np.zeros(1, dtype=int)
        for length, (contexts, pairs, raw, spread) in enumerate(self._levels[: self.order]):
            exists = True
            if length > 0:
                exists = past[length - 1] >= 0
                node = np.where(exists, _find(contexts, node * size + past[length - 1]), -1)
            pair = _find(pairs, node * size + targets)
            count, total, kind = raw[0][pair], raw[1][node], raw[2][node]
            if self.smoothing == "witten-bell":
                p = (count + kind * p) / (total + kind)
            elif self.smoothing == "kneser-ney":
                if length < self.order - 1:  # sous un étage plus haut : des contextes différents
                    below = past[length] >= 0
                    count = np.where(below, spread[0][pair], count)
                    total = np.where(below, spread[1][node], total)
                    kind = np.where(below, spread[2][node], kind)
                kept = np.maximum(count - self.discount, 0) + self.discount * kind * p
                p = np.where(total > 0, kept / np.maximum(total, 1), p)
            else:
                p = np.where(exists, (count + self.alpha) / (total + self.alpha * size), p)
        return p

    def probs(self, context=()):
        """Rend les probabilités (V,) du jeton suivant ; elles somment à 1.

        ``context`` est une suite de jetons, de longueur quelconque, même nulle ; on n'en garde que
        les ``order - 1`` derniers.
        """
        recent = self._indices(context)[::-1][: self.order - 1]
        past = np.full((self.order - 1, 1), -1)
        past[: len(recent), 0] = recent
        return self._mix(past, np.arange(self.vocab_size))

    def surprise(self, tokens, num_steps=None):
        """Rend la perte, en nats, de chaque jeton sauf le premier : (N - 1,).

        Le contexte est tout ce qui précède dans ``tokens``. Avec ``num_steps=T``, il est effacé
        tous les T jetons prédits (des « fenêtres froides ») : le premier jeton d'une fenêtre n'est
        prédit que d'après celui qui le précède. Lève ``ValueError`` si N < 2.
        """
        tokens = self._indices(tokens, 2)
        position = np.arange(1, len(tokens))
        known = position  # combien de jetons le modèle a sous les yeux
        if num_steps is not None:
            check_count(num_steps=num_steps)
            known = (position - 1) % num_steps + 1
        past = np.full((self.order - 1, len(position)), -1)
        for k in range(1, self.order):
            inside = known >= k
            past[k - 1, inside] = tokens[position[inside] - k]
        return -np.log(self._mix(past, tokens[1:]))

    def sample(self, num_tokens, context=(), generator=None):
        """Écrit à la suite de ``context`` : rend la liste des ``num_tokens`` jetons tirés.

        ``generator`` est un ``torch.Generator`` (par défaut : celui de PyTorch).
        """
        check_count(num_tokens=num_tokens)
        text = [int(token) for token in context]
        for _ in range(num_tokens):
            context = text[max(0, len(text) - self.order + 1) :]
            p = torch.from_numpy(self.probs(context))
            text.append(torch.multinomial(p, 1, generator=generator).item())
        return text[-num_tokens:]


def perplexity(nats):
    """Rend la perplexité, exp(perte moyenne) : de 1 (tout est su d'avance) à l'infini.

    ``nats`` est une perte moyenne en nats par jeton (nombre, tableau ou tenseur) ; rend un nombre,
    ou un tableau de même forme. Lève ``ValueError`` pour une perte négative. Page : language-model.
    """
    nats = np.asarray(nats.detach().cpu() if hasattr(nats, "detach") else nats, dtype=float)
    if (nats < -1e-6).any():
        raise ValueError("Perte négative : c'est la moyenne de -log p, avec son signe moins.")
    with np.errstate(over="ignore"):
        values = np.exp(nats)
    return values if values.ndim else float(values)


def bits_per_token(nats):
    """Convertit une perte de nats par jeton en bits par jeton : divise par ln 2.

    ``nats`` : un nombre, un tableau ou un tenseur ; le résultat a la même forme. Quand un jeton
    est un caractère, ce sont des bits par caractère. Page : language-model.
    """
    return nats / math.log(2)


def random_windows(tokens, batch_size, num_steps, generator=None):
    """Parcourt un texte (N,) une fois, en fenêtres tirées au hasard.

    Le texte est décalé d'au plus ``num_steps - 1`` jetons, au hasard, puis coupé en fenêtres de T
    jetons (``num_steps``) qui ne se recouvrent pas, servies dans un ordre tiré au sort. Itère sur
    des couples X, Y de forme (B, T), B = ``batch_size`` (le dernier lot peut avoir moins de
    lignes) ; Y est X décalé d'un jeton. ``generator`` : un ``torch.Generator``. Lève ``ValueError``
    si le texte n'a pas T + 1 jetons. Page : language-model.
    """
    check_count(batch_size=batch_size, num_steps=num_steps)
    tokens = _as_tokens(tokens, num_steps + 1)
    room = min(num_steps, len(tokens) - num_steps)  # décalages qui laissent au moins une fenêtre
    offset = torch.randint(room, (), generator=generator).item()
    count = (len(tokens) - 1 - offset) // num_steps
    inputs = tokens[offset : offset + count * num_steps].reshape(count, num_steps)
    targets = tokens[offset + 1 : offset + 1 + count * num_steps].reshape(count, num_steps)
    order = torch.randperm(count, generator=generator).to(tokens.device)
    return ((inputs[rows], targets[rows]) for rows in order.split(batch_size))


def sequential_batches(tokens, batch_size, num_steps, offset=0):
    """Parcourt un texte (N,) une fois, dans l'ordre, sur ``batch_size`` lignes parallèles.

    Le texte, privé de ses ``offset`` premiers jetons, est coupé en B = ``batch_size`` bandes
    égales ; chaque lot prend T = ``num_steps`` colonnes, si bien que la ligne i d'un lot prolonge
    la ligne i du lot précédent. Itère sur des couples X, Y de forme (B, T) (le dernier lot peut
    être plus court), qui sont des vues du texte ; Y est X décalé d'un jeton. Lève ``ValueError``
    si le texte n'a pas B + 1 jetons après le décalage. Page : language-model.
    """
    if isinstance(offset, bool) or not isinstance(offset, int) or offset < 0:
        raise ValueError(f"offset = {offset!r} : il faut un entier positif ou nul.")
    check_count(batch_size=batch_size, num_steps=num_steps)
    tokens = _as_tokens(tokens, offset + batch_size + 1)
    width = (len(tokens) - 1 - offset) // batch_size  # jetons par bande
    last = offset + batch_size * width
    inputs = tokens[offset:last].reshape(batch_size, width)
    targets = tokens[offset + 1 : last + 1].reshape(batch_size, width)
    starts = range(0, width, num_steps)
    return ((inputs[:, t : t + num_steps], targets[:, t : t + num_steps]) for t in starts)
