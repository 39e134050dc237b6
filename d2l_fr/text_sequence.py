"""Du texte aux indices : jetons, vocabulaire, encodage par paires d'octets, n-grammes.

Page : text-sequence. Un texte est une chaîne, un jeton une chaîne non vide, une suite de jetons
une liste ; recoller les jetons d'un texte (``"".join``) le redonne toujours, au signe près.
"""

import json
import re
import unicodedata
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np

from d2l_fr.sequence import check_count

__all__ = [
    "BPE",
    "Vocab",
    "merge_pair",
    "ngram_counts",
    "normalize",
    "tokenize",
    "train_bpe",
    "words",
    "zipf_exponent",
]


def normalize(text):
    """Rend le texte sous la forme NFC : un « é » y est un seul caractère, U+00E9.

    Ne change rien de visible ; l'appliquer deux fois ne change plus rien. Page : text-sequence.
    """
    return unicodedata.normalize("NFC", text)


_LETTERS = r"(?:[^\W\d_][\u0300-\u036f]*)+"  # des lettres, avec les accents que la NFD en détache
_WORD = (
    r"(?i:aujourd['’]hui)"  # une exception : un seul mot malgré l'apostrophe
    rf"|{_LETTERS}(?:-{_LETTERS})*(?:['’](?=[\w«]))?"  # arc-en-ciel ; l’ devant eau
    r"|\d+(?:[.,\u00a0\u202f]\d+)*"  # 1875 ; 3,50 ; 24 000
)
_TOKEN = re.compile(rf"{_WORD}|\s+|.", re.DOTALL)  # sinon : des espaces, ou un signe seul


def tokenize(text, level="char"):
    """Découpe un texte en jetons : une liste de chaînes, que ``"".join`` recolle exactement.

    ``level="char"`` : un jeton par caractère. ``level="word"`` : les mots (apostrophe d'élision
    et traits d'union compris), les nombres, les suites d'espaces et les autres signes, un à un.
    Un texte vide donne une liste vide. Lève ``TypeError`` si ``text`` n'est pas une chaîne,
    ``ValueError`` pour un autre niveau. Page : text-sequence.
    """
    if not isinstance(text, str):
        raise TypeError(
            f"On découpe une chaîne ; reçu : un objet {type(text).__name__}. "
            "Des octets se décodent d'abord : octets.decode('utf-8')."
        )
    if level == "char":
        return list(text)
    if level == "word":
        return _TOKEN.findall(text)
    raise ValueError(f"Niveau inconnu : {level!r}. Choisissez 'char' ou 'word'.")


def words(text):
    """Rend les mots et les nombres d'un texte, en minuscules, sans espaces ni ponctuation.

    C'est la liste que l'on compte (loi de Zipf, n-grammes de mots) ; elle ne redonne pas le
    texte. Page : text-sequence.
    """
    return [token for token in tokenize(text.lower(), "word") if token[0].isalnum()]


def _check_index(index, size):
    """Rend ``index`` si c'est un entier de 0 à ``size - 1`` ; lève une erreur sinon."""
    if isinstance(index, bool) or not isinstance(index, int):
        raise TypeError(f"Un indice est un entier ; reçu : {index!r}.")
    if not 0 <= index < size:
        raise IndexError(f"Indice {index} hors du vocabulaire : il va de 0 à {size - 1}.")
    return index


class Vocab:
    """Un vocabulaire : à chaque jeton son indice, à chaque indice son jeton.

    ``Vocab(tokens)`` compte les jetons d'une liste (ou prend un ``Counter`` tout fait) et range
    ceux qui paraissent au moins ``min_freq`` fois, du plus fréquent au plus rare. L'indice 0 est
    au jeton inconnu ``unk``, les suivants aux ``specials``. ``tokens`` et ``counts`` sont deux
    listes parallèles ; ``counts[0]`` dit combien de jetons du texte sont inconnus.
    Lève ``ValueError`` pour un texte vide, ``TypeError`` pour autre chose que des chaînes.
    Page : text-sequence.
    """

    def __init__(self, tokens, min_freq=1, specials=(), unk="<unk>"):
        check_count(min_freq=min_freq)
        if isinstance(tokens, str):
            raise TypeError("Vocab attend des jetons, pas un texte : Vocab(tokenize(texte)).")
        if isinstance(specials, str):
            raise TypeError(f"specials est une suite de jetons : ({specials!r},), avec la virgule.")
        try:
            counts = Counter(tokens)
        except TypeError:
            raise TypeError("Vocab attend une seule liste de jetons, sans listes dedans.") from None
        reserved = [unk, *specials]
        if not counts:
            raise ValueError("Texte vide : il n'y a aucun jeton à compter.")
        if not all(isinstance(token, str) for token in [*counts, *reserved]):
            raise TypeError("Les jetons d'un vocabulaire sont des chaînes.")
        if len(set(reserved)) < len(reserved):
            raise ValueError(f"Jeton réservé en double : {reserved}.")
        kept = [t for t, count in counts.items() if count >= min_freq and t not in reserved]
        kept.sort(key=lambda token: (-counts[token], token))  # à égalité, ordre des caractères
        self.unk, self.specials = unk, tuple(specials)
        self.tokens = reserved + kept
        self.counts = [counts[token] for token in self.tokens]
        self.counts[0] = counts.total() - sum(self.counts[1:])
        self._index = {token: index for index, token in enumerate(self.tokens)}

    def __len__(self):
        return len(self.tokens)

    def __contains__(self, token):
        return token in self._index

    def __getitem__(self, tokens):
        """Rend l'indice d'un jeton (0 s'il est inconnu), ou la liste des indices d'une liste."""
        if isinstance(tokens, str):
            return self._index.get(tokens, 0)
        if isinstance(tokens, (int, bytes)):
            raise TypeError(f"vocab[…] prend des jetons. Pour un indice : to_tokens({tokens!r}).")
        return [self[token] for token in tokens]

    def to_tokens(self, indices):
        """Rend le jeton d'un indice, ou la liste des jetons, avec la même imbrication.

        ``indices`` est un entier, une liste (même d'un seul élément, même de listes), un tableau
        NumPy ou un tenseur. Lève ``IndexError`` pour un indice absent, négatif compris, et
        ``TypeError`` pour un indice qui n'est pas entier.
        """
        if hasattr(indices, "tolist"):  # tableau, tenseur ou nombre de NumPy
            indices = indices.tolist()
        if isinstance(indices, (list, tuple, range)):
            return [self.to_tokens(index) for index in indices]
        return self.tokens[_check_index(indices, len(self))]

    def save(self, path):
        """Écrit le vocabulaire en JSON : les jetons, dans l'ordre des indices, et leurs comptes."""
        data = {"format": "d2l_fr.Vocab", "unk": self.unk, "specials": self.specials}
        data["counts"] = dict(zip(self.tokens, self.counts, strict=True))
        text = json.dumps(data, ensure_ascii=False, indent=0)
        Path(path).write_text(text, "utf-8", errors="surrogatepass")

    @classmethod
    def load(cls, path):
        """Relit un vocabulaire écrit par ``save`` : mêmes jetons, mêmes indices, mêmes comptes.

        Lève ``ValueError`` si le fichier est d'un autre format ou s'il a été retouché.
        """
        try:
            data = json.loads(Path(path).read_text("utf-8", errors="surrogatepass"))
            if data["format"] != "d2l_fr.Vocab":
                raise ValueError
            vocab = cls(Counter(data["counts"]), 1, data["specials"], data["unk"])
        except (KeyError, TypeError, ValueError):
            raise ValueError(f"{path} n'est pas un vocabulaire écrit par Vocab.save.") from None
        if vocab.tokens != list(data["counts"]):
            raise ValueError(f"{path} a été retouché : les jetons n'y sont plus dans l'ordre.")
        return vocab


# Un mot (ou des signes) avec l'espace qui le précède, ou une espace seule.
_PIECE = re.compile(rf"[ \u00a0\u202f]?(?:{_WORD}|[^\w\s]+|_+)|\s")


def merge_pair(ids, pair, new):
    """Remplace par ``new`` chaque ``pair`` d'une liste d'indices, de gauche à droite.

    Rend une nouvelle liste ; deux paires ne se recouvrent pas : (1, 1) dans [1, 1, 1] donne
    [new, 1]. Page : text-sequence.
    """
    merged, i = [], 0
    while i < len(ids):
        found = tuple(ids[i : i + 2]) == pair
        merged.append(new if found else ids[i])
        i += 2 if found else 1
    return merged


def train_bpe(text, num_merges):
    """Apprend ``num_merges`` fusions sur un texte ; rend un ``BPE`` de 256 + num_merges jetons.

    On part des octets ; à chaque tour, la paire voisine la plus fréquente devient un jeton. Une
    fusion ne franchit jamais la limite d'un mot. S'arrête plus tôt si plus aucune paire ne
    paraît deux fois. Lève ``ValueError`` pour un texte vide ou ``num_merges`` < 1.
    Page : text-sequence.
    """
    if not text:
        raise ValueError("Texte vide : il n'y a aucune paire à compter.")
    check_count(num_merges=num_merges)
    pieces = Counter(_PIECE.findall(text))  # chaque mot une fois, avec son nombre d'occurrences
    splits = [list(piece.encode("utf-8", "surrogatepass")) for piece in pieces]
    weights = list(pieces.values())
    counts, where = Counter(), defaultdict(set)  # paire → occurrences ; paire → mots qui l'ont
    for word, ids in enumerate(splits):
        for pair in pairwise(ids):
            counts[pair] += weights[word]
            where[pair].add(word)
    merges = []
    while counts and len(merges) < num_merges:
        best = max(counts, key=counts.get)
        if counts[best] < 2:
            break
        for word in sorted(where.pop(best)):  # seuls ces mots changent
            for pair in pairwise(splits[word]):
                counts[pair] -= weights[word]
            splits[word] = merge_pair(splits[word], best, 256 + len(merges))
            for pair in pairwise(splits[word]):
                counts[pair] += weights[word]
                where[pair].add(word)
        del counts[best]
        merges.append(best)
    return BPE(merges)


class BPE:
    """Un encodage par paires d'octets (byte-pair encoding), défini par ses fusions.

    ``merges`` est la liste des paires d'indices, dans l'ordre où elles ont été apprises ; la
    fusion numéro i crée le jeton 256 + i. ``tokens[i]`` donne les octets du jeton i : les 256
    premiers sont les octets eux-mêmes, si bien que tout texte s'encode. Lève ``IndexError`` si
    une fusion cite un jeton qui n'existe pas encore. Page : text-sequence.
    """

    def __init__(self, merges):
        self.merges = [tuple(pair) for pair in merges]
        self.tokens = [bytes([byte]) for byte in range(256)]
        for left, right in self.merges:
            size = len(self.tokens)
            pair = _check_index(left, size), _check_index(right, size)
            self.tokens.append(b"".join(self.tokens[index] for index in pair))
        self._created = {pair: 256 + i for i, pair in enumerate(self.merges)}

    def __len__(self):
        return len(self.tokens)

    def encode(self, text):
        """Rend la liste des indices du texte : les fusions, mot par mot, dans leur ordre."""
        cache, ids = {}, []
        for piece in _PIECE.findall(text):
            if piece not in cache:
                cache[piece] = self._encode_piece(piece)
            ids += cache[piece]
        return ids

    def _encode_piece(self, piece):
        ids = list(piece.encode("utf-8", "surrogatepass"))
        while len(ids) > 1:
            pair = min(pairwise(ids), key=lambda pair: self._created.get(pair, len(self)))
            if pair not in self._created:
                break
            ids = merge_pair(ids, pair, self._created[pair])
        return ids

    def decode(self, ids):
        """Rend le texte d'une liste (ou d'un tableau) d'indices ; inverse exact de ``encode``.

        Des octets qui ne forment pas un caractère (un jeton isolé, un tirage au hasard) donnent
        ``�``. Lève ``IndexError`` pour un indice absent.
        """
        ids = ids.tolist() if hasattr(ids, "tolist") else ids
        data = b"".join(self.tokens[_check_index(index, len(self))] for index in ids)
        try:
            return data.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            return data.decode("utf-8", "replace")

    def to_tokens(self, ids):
        r"""Rend les jetons d'une liste d'indices, à lire : un octet isolé s'y écrit ``\xc3``."""
        ids = ids.tolist() if hasattr(ids, "tolist") else ids
        pieces = (self.tokens[_check_index(index, len(self))] for index in ids)
        return [piece.decode("utf-8", "backslashreplace") for piece in pieces]


def ngram_counts(tokens, n):
    """Compte les n-grammes d'une suite de jetons : un ``Counter`` de n-uplets.

    Une suite de T jetons en donne T - n + 1, qui se recouvrent. Lève ``ValueError`` si ``n``
    n'est pas un entier d'au moins 1, ou si la suite est plus courte que ``n``.
    Page : text-sequence.
    """
    check_count(n=n)
    if len(tokens) < n:
        raise ValueError(f"Texte trop court : {len(tokens)} jetons, il en faut au moins {n}.")
    return Counter(zip(*(tokens[i:] for i in range(n)), strict=False))


def zipf_exponent(counts, first=1, last=None):
    """Estime l'exposant α de la loi de Zipf, f(r) = C / r^α, sur des comptes sans ordre.

    Droite des moindres carrés dans le plan (log r, log f), des rangs ``first`` à ``last`` compris
    (par défaut : tous) ; chaque rang pèse 1/r, pour que chaque décade pèse autant. Les comptes
    nuls sont ignorés. Lève ``ValueError`` s'il reste moins de deux rangs. Page : text-sequence.
    """
    frequencies = np.sort(np.array([count for count in counts if count > 0], dtype=float))[::-1]
    ranks = np.arange(1, len(frequencies) + 1)[first - 1 : last]
    if first < 1 or len(ranks) < 2:
        raise ValueError(f"Il faut au moins deux rangs pour une pente ; reçu : {len(ranks)}.")
    log_ranks, log_frequencies = np.log(ranks), np.log(frequencies[first - 1 : last])
    slope, _ = np.polyfit(log_ranks, log_frequencies, 1, w=ranks**-0.5)  # w**2 = 1/r
    return float(-slope)
