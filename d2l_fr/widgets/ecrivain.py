"""L'écrivain : un petit réseau écrit, vu par une de ses unités. Page : rnn-scratch."""

import copy
import itertools
import unicodedata
from collections.abc import Iterator
from typing import Any

import torch
import traitlets as T
from torch import Tensor

from d2l_fr.french import NBSP, fr
from d2l_fr.rnn_scratch import RNNLMScratch, sample_next
from d2l_fr.text_sequence import Vocab, normalize, tokenize
from d2l_fr.widgets.arrays import unpack
from d2l_fr.widgets.base import Figure, Proposal, SettingError
from d2l_fr.widgets.drawing import Drawing

__all__ = ["TRAITS", "Ecrivain", "correlations", "uniforms"]

LONGEST, KEPT, BEST, COLUMNS = 600, 250, 5, 78
GLYPHS = {" ": "␣", "\n": "↵", "\u00a0": "⍽", "\u202f": "⍽"}
WEIGHTS = ("W_xh", "W_hh", "b_h")


def _vowel(text: str, i: int) -> bool:
    return unicodedata.normalize("NFD", text[i].lower())[0] in "aeiouyœæ"


def _first(text: str, i: int) -> bool:
    return text[i].isalpha() and not text[i - 1 : i].isalpha()


def _last(text: str, i: int) -> bool:
    return text[i].isalpha() and not text[i + 1 : i + 2].isalpha()


def _speech(text: str, i: int) -> bool:
    return text[i] != "\n" and text.startswith("—", text.rfind("\n", 0, i) + 1)


# Ce qu'une unité pourrait suivre : nom → vrai ou faux au caractère i d'un texte.
TRAITS = {
    "voyelle": _vowel,
    "début de mot": _first,
    "fin de mot": _last,
    "réplique": _speech,
}


@torch.no_grad()
def correlations(model: RNNLMScratch, vocab: Vocab, text: str) -> Tensor:
    """Rend les corrélations (m, 4) des unités avec les quatre ``TRAITS``, sur un texte.

    Le texte est lu d'une traite ; l'état est pris juste après chaque caractère. Une unité ou un
    trait qui ne varie pas a une corrélation nulle. Page : rnn-scratch.
    """
    tokens = torch.tensor([vocab[tokenize(text)]])
    states = model.rnn(model.embed(tokens))[0][:, 0].double()  # (N, m)
    found = [[bool(has(text, i)) for i in range(len(text))] for has in TRAITS.values()]
    present = torch.tensor(found, dtype=torch.double).T  # (N, 4)
    units, traits = (x - x.mean(dim=0) for x in (states, present))
    size = units.norm(dim=0)[:, None] * traits.norm(dim=0)
    return torch.where(size > 1e-9, units.T @ traits / size.clamp_min(1e-9), 0)


def uniforms(seed: int) -> Iterator[float]:
    """Tire sans fin des nombres entre 0 et 1 : les mêmes que ``random``, dans ``shared.js``."""
    mask = 0xFFFFFFFF
    state = seed & mask
    while True:
        state = (state + 0x6D2B79F5) & mask
        mixed = (state ^ state >> 15) * (state | 1) & mask
        mixed ^= mixed + ((mixed ^ mixed >> 7) * (mixed | 61) & mask) & mask
        yield (mixed ^ mixed >> 14) / 2**32


class Ecrivain(Figure):
    """Un réseau écrit, caractère après caractère, sous les yeux du lecteur.

    ``model`` est un ``RNNLMScratch`` entraîné (ses poids partent sur seize bits), ``vocab`` son
    vocabulaire, ``newborn`` un réseau de même forme qui n'a rien appris. Pour chaque trait de
    ``TRAITS``, l'unité la plus corrélée est choisie sur le texte ``seen``, et sa corrélation
    mesurée sur ``unseen``. Réglages : ``prefix`` (ses 250 derniers caractères sont lus),
    ``temperature``, ``top_k`` (ou None), ``seed``, ``length`` (caractères écrits ; 600 au plus,
    préfixe compris) et ``unit``, l'indice de l'unité suivie (par défaut, celle du début de
    mot). Lève ``TypeError`` ou ``ValueError`` si l'un d'eux ne convient pas.
    Page : rnn-scratch.
    """

    name = "ecrivain"
    height, between = (61.2, 108.9), (61.2, 88.2)
    prefix = T.Unicode("La mer").tag(sync=True, control=True)
    temperature = T.Float(0.7).tag(sync=True, control=True)
    top_k = T.Int(None, allow_none=True).tag(sync=True, control=True)
    seed = T.Int(1).tag(sync=True, control=True)
    length = T.Int(200).tag(sync=True, control=True)
    unit = T.Int(-1).tag(sync=True, control=True)
    tokens = T.List(T.Unicode()).tag(sync=True)
    traits_found = T.Dict(help="Pour chaque trait, l'unité choisie.").tag(sync=True)

    def __init__(
        self,
        model: RNNLMScratch,
        vocab: Vocab,
        seen: str,
        unseen: str,
        newborn: RNNLMScratch,
        **settings: Any,
    ) -> None:
        for net in (model, newborn):
            if not all(hasattr(getattr(net, "rnn", None), name) for name in WEIGHTS):
                raise TypeError(f"Il faut un RNNLMScratch ; reçu : {type(net).__name__}.")
        if len(vocab) != model.vocab_size or newborn.W_hq.shape != model.W_hq.shape:
            raise ValueError(
                f"Le modèle connaît {model.vocab_size} jetons et {model.rnn.num_hiddens} unités : "
                "le vocabulaire et le réseau neuf doivent être les siens."
            )
        if min(len(seen), len(unseen)) < 100:
            raise ValueError("Les deux textes doivent avoir cent caractères au moins.")
        chosen = correlations(model, vocab, seen).abs().argmax(dim=0).tolist()
        fresh = correlations(newborn, vocab, seen).abs().argmax(dim=0)
        self.measured = correlations(model, vocab, unseen)
        blank = correlations(newborn, vocab, unseen)[fresh, range(len(TRAITS))].tolist()
        settings.setdefault("unit", chosen[1])
        m = model.rnn.num_hiddens
        self.limits = {"unit": (0, m - 1), "length": (0, LONGEST), "temperature": (0, 100)}
        super().__init__(
            tokens=list(vocab.tokens),
            traits_found={"names": list(TRAITS), "units": chosen, "newborn": blank},
            **settings,
        )
        weights = {name: getattr(model.rnn, name) for name in WEIGHTS} | {"W_hq": model.W_hq}
        biases = {"b_h": weights.pop("b_h"), "b_q": model.b_q}
        self.send_arrays("int16", **weights)
        self.send_arrays(**biases, correlations=self.measured)
        # Le modèle tel que le navigateur le relit : mêmes poids arrondis, calculs en double.
        self.vocab, self.rounded = vocab, copy.deepcopy(model).double().eval()
        with torch.no_grad():
            for name in weights:
                rounded = getattr(self.rounded.rnn, name, None)
                rounded = self.rounded.W_hq if rounded is None else rounded
                rounded.copy_(torch.from_numpy(unpack(self.arrays[name])))

    @T.validate("unit", "length", "temperature")
    def _valid(self, proposal: Proposal) -> float:
        return self.within(proposal)

    @T.validate("top_k")
    def _valid_top_k(self, proposal: Proposal) -> int | None:
        value: int | None = proposal["value"]
        if value is not None and value < 1:
            raise SettingError(f"top_k = {value} : il faut au moins 1, ou None.")
        return value

    def chances(self, logits: Tensor) -> Tensor:
        """Rend les probabilités (V,) du tirage : température et top-k compris."""
        if self.temperature == 0:
            return torch.zeros_like(logits).index_fill(0, logits.argmax(), 1)
        kept = logits.topk(min(self.top_k or len(logits), len(logits)))
        logits = torch.full_like(logits, -torch.inf).scatter(0, kept.indices, kept.values)
        return torch.softmax((logits - logits.max()) / self.temperature, dim=0)

    @torch.no_grad()
    def written(self) -> tuple[str, Tensor, Tensor]:
        """Rend le texte entier, ses états (N, m) et les logits (V,) qui en annoncent la suite."""
        tokens = tokenize(normalize(self.prefix))[-KEPT:] or ["\n"]
        ids, dice = self.vocab[tokens], uniforms(self.seed)
        count = min(LONGEST, len(ids) + self.length) - len(ids)
        states, inputs, last = [], ids, None
        for step in itertools.count():
            found, last = self.rounded.rnn(self.rounded.embed(torch.tensor([inputs])), last)
            states.append(found[:, 0])
            logits = self.rounded.output(last[0])
            logits[0] = -torch.inf  # le jeton inconnu n'est jamais tiré
            if step >= count:
                break
            if self.temperature == 0:
                inputs = [sample_next(logits, 0)]
            else:
                total = self.chances(logits).cumsum(0)
                at = torch.tensor(next(dice), dtype=total.dtype) * total[-1]
                inputs = [int(torch.searchsorted(total, at, right=True))]
            tokens.append(self.vocab.tokens[inputs[0]])
            ids.append(inputs[0])
        return "".join(tokens), torch.cat(states), logits

    def static(self) -> Drawing:
        text, states, logits = self.written()
        values = states[:, self.unit].tolist()
        lines = _lines(text)
        drawing = Drawing(680, 48 * len(lines) + 222)
        knobs = f"température {fr(self.temperature, 1)}, graine {self.seed}"
        drawing.text(4, 16, f"Activation de l’unité {self.unit + 1} le long du texte ({knobs})")
        for row, line in enumerate(lines):
            _draw_line(drawing, 28 + 48 * row, [(text[i], values[i]) for i in line])
        top = 48 * len(lines) + 56
        drawing.text(4, top, f"Ses paris pour la suite de «{NBSP}{text[-8:].strip()}{NBSP}»")
        best = self.chances(logits).topk(BEST)
        for i, (p, token) in enumerate(zip(*(x.tolist() for x in best), strict=True)):
            y = top + 14 + 28 * i
            drawing.text(20, y + 16, _glyph(self.vocab.tokens[token]), size=15, anchor="middle")
            drawing.rect(36, y + 3, max(1.0, 150 * p), 16, "output")
            drawing.text(42 + 150 * p, y + 16, f"{fr(100 * p, 0)}{NBSP}%", size=13)
        drawing.text(276, top, "L’unité retenue pour…", "data")
        drawing.text(560, top, "apprise", "hidden", 13, "end")
        drawing.text(664, top, "réseau neuf", "reference", 13, "end")
        found = self.traits_found
        for i, (name, unit) in enumerate(zip(TRAITS, found["units"], strict=True)):
            y, r, blank = top + 28 + 28 * i, float(self.measured[unit, i]), found["newborn"][i]
            drawing.text(276, y, f"{name} : unité {unit + 1}".replace(" :", f"{NBSP}:"))
            drawing.rect(440, y - 12, 70 * abs(r), 14, "hidden")
            drawing.text(560, y, fr(r, 2), "hidden", 14, "end")
            drawing.rect(574, y - 12, 50 * abs(blank), 14, "reference")
            drawing.text(664, y, fr(blank, 2), "reference", 14, "end")
        return drawing


def _glyph(token: str) -> str:
    return GLYPHS.get(token, token if token.isprintable() else "□")


def _lines(text: str) -> list[range]:
    """Coupe un texte en lignes d'indices : au dernier blanc, ou après une fin de ligne."""
    lines, start = [], 0
    while start < len(text):
        end = min(len(text), start + COLUMNS)
        if (stop := text.find("\n", start, end)) >= 0:
            while stop + 1 < end and text[stop + 1] == "\n":
                stop += 1
            end = stop + 1
        elif end < len(text) and (blank := text.rfind(" ", start, end)) > start:
            end = blank + 1
        lines.append(range(start, end))
        start = end
    return lines


def _draw_line(drawing: Drawing, top: float, cells: list[tuple[str, float]]) -> None:
    """Une ligne de caractères colorés, et dessous leurs activations en bâtons."""
    width, middle = 8.6, top + 33
    for i, (_, value) in enumerate(cells):
        role, x = "hidden" if value > 0 else "input", 4 + width * i
        if level := round(4 * abs(value)):
            drawing.rect(x, top, width, 20, role, fill_opacity=0.11 * level)
        high = 11 * abs(value)
        drawing.rect(x + 1.5, middle - high if value > 0 else middle, width - 3, high, role)
    drawing.line(4, middle, 4 + width * len(cells), middle, "reference", 0.75)
    places = " ".join(f"{4 + width * (i + 0.5):.1f}" for i in range(len(cells)))
    glyphs = "".join("\u00a0" if c.isspace() and c != "\n" else _glyph(c) for c, _ in cells)
    drawing.add("text", glyphs, x=places, y=top + 15, fill="data", font_size=14,
                text_anchor="middle", font_family="Source Code Pro, monospace")  # fmt: skip
