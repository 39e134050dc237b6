"""« loupe » : l'influence de chaque caractère lu sur une prédiction. Page : bptt."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
import traitlets as T
from torch import Tensor, nn

from d2l_fr.bptt import gradient_norms_by_lag
from d2l_fr.french import NBSP
from d2l_fr.rnn_concise import RNNLM
from d2l_fr.rnn_scratch import RNNLMScratch
from d2l_fr.sequence import check_count
from d2l_fr.text_sequence import Vocab, normalize, tokenize
from d2l_fr.widgets.base import Figure, Proposal, SettingError
from d2l_fr.widgets.drawing import Drawing
from d2l_fr.widgets.memoire import power

__all__ = ["Loupe", "character_norms", "reach"]

Model: TypeAlias = RNNLMScratch | RNNLM

LIMIT = 200  # caractères lus, au plus
LOW = 1e-8  # le bas de la courbe
FAINT = 1e-3  # la part à partir de laquelle un caractère se colore
SHARE = 0.9
SENTENCE = "Les clés que Paul cherchait partout depuis lundi matin étaient simplement tombées."


def character_norms(model: Model, tokens: Tensor) -> Tensor:
    """Mesure ce que pèse chaque caractère lu : rend T normes, du retard 0 à T - 1.

    ``tokens`` (T + 1,) : le modèle en lit T et l'on dérive la perte du dernier par rapport à
    chaque entrée (le plongement du caractère, ou son code one-hot), l'état de départ étant nul.
    ``gradient_norms_by_lag`` dérive, elle, par rapport aux états. Page : bptt.
    """
    with torch.enable_grad():
        X = model.embed(tokens[None, :-1]).detach().requires_grad_()
        states, _ = model.rnn(X, None)
        loss = F.cross_entropy(model.output(states[-1]), tokens[-1:])
        (gradient,) = torch.autograd.grad(loss, X)
    norms: Tensor = gradient[:, 0].double().norm(dim=-1).flip(0)
    return norms


def reach(norms: Tensor, share: float = SHARE) -> int:
    """Rend combien de retards, depuis le retard 0, font ensemble la part ``share`` du total."""
    parts = norms.cumsum(0) / norms.sum()
    return min(int((parts < share * (1 - 1e-12)).sum()) + 1, len(norms))


def tint(part: float) -> float:
    """L'opacité d'un caractère qui pèse ``part`` du total : un pas par décade, au plus 0,5."""
    return 0.5 * max(0.0, 1 + math.log10(max(part, FAINT)) / -math.log10(FAINT))


def _places(letters: Sequence[str], columns: int) -> list[tuple[int, int]]:
    """La place (rang, colonne) de chaque caractère, sans couper un mot qui tient sur une ligne."""
    places, row, column = [], 0, 0
    for i, letter in enumerate(letters):
        word = 0 if letter == " " else "".join(letters[i:]).find(" ") % (len(letters) - i + 1)
        starts = i == 0 or letters[i - 1] == " "
        if column >= columns or (starts and column and column + word > columns):
            row, column = row + 1, 0
        places.append((row, column))
        column += 1
    return places


def _above(values: Sequence[float], low: float) -> list[tuple[float, float]]:
    """Les points (rang, valeur) d'une courbe, jusqu'où elle plonge pour de bon sous ``low``."""
    end = max(k for k, v in enumerate(values) if v >= low)
    points: list[tuple[float, float]] = [(k, max(v, low)) for k, v in enumerate(values[: end + 1])]
    if end + 1 < len(values):
        points.append((end + (values[end] - low) / (values[end] - values[end + 1]), low))
    return points


def _weights(model: Model) -> tuple[str, dict[str, Tensor], dict[str, Tensor]]:
    """Les matrices d'un modèle, en vecteurs lignes : (cellule, matrices, biais)."""
    if isinstance(model, RNNLMScratch):
        rnn = model.rnn
        matrices: dict[str, Tensor] = {"W_in": rnn.W_xh, "W_hh": rnn.W_hh, "W_hq": model.W_hq}
        return "rnn", matrices, {"b_h": rnn.b_h, "b_q": model.b_q}
    W_in, W_hh, b_x, b_h = model.rnn.all_weights[0]
    matrices = {"W_in": W_in.T, "W_hh": W_hh.T, "W_hq": model.linear.weight.T}
    if model.embedding is not None:
        matrices["E"] = model.embedding.weight
    biases: dict[str, Tensor] = {"b_q": model.linear.bias}
    if isinstance(model.rnn, nn.GRU):  # la porte r multiplie b_h, non b_x : ils restent à part
        return "gru", matrices, biases | {"b_x": b_x, "b_h": b_h}
    return "rnn", matrices, biases | {"b_h": b_x + b_h}


def _check(name: str, model: Model, vocab: Vocab) -> None:
    """Refuse un modèle que le navigateur ne saurait pas calculer."""
    rnn = getattr(model, "rnn", None)
    known = isinstance(model, RNNLMScratch) or (
        isinstance(rnn, (nn.RNN, nn.GRU))
        and rnn.num_layers == 1
        and getattr(rnn, "nonlinearity", "tanh") == "tanh"
    )
    if not known:
        raise TypeError(
            f"{name} : il faut un RNNLMScratch, ou un RNNLM à une couche, « rnn » (tanh) ou "
            f"« gru » ; reçu : {type(model).__name__}({type(rnn).__name__})."
        )
    if model.vocab_size != len(vocab):
        raise ValueError(
            f"{name} prédit {model.vocab_size} jetons, et le vocabulaire en compte {len(vocab)}."
        )


class Loupe(Figure):
    """Ce que pèse chaque caractère lu dans la prédiction d'un caractère choisi.

    ``networks`` : deux réseaux, chacun un couple (au hasard, entraîné) sous son nom, comme
    ``{"RNN": (rnn_0, rnn), "GRU": (gru_0, gru)}`` : des ``RNNLM`` à une couche ou des
    ``RNNLMScratch``, de même vocabulaire ``vocab``. ``window`` : la longueur des fenêtres de leur
    entraînement. Réglages : ``network``, le nom du réseau montré ; ``trained`` ; ``state``, vrai
    pour dériver par rapport aux états, faux par rapport aux caractères ; ``text``, dont les 200
    premiers caractères comptent ; ``position``, l'indice du caractère prédit (0 ou trop grand :
    le dernier). Lève ``TypeError`` pour un réseau d'un autre genre, ``ValueError`` s'il n'y en a
    pas deux couples, si un vocabulaire ne convient pas ou si ``network`` est inconnu. Page : bptt.
    """

    name = "loupe"
    height = (45.8, 62.8)
    network = T.Unicode().tag(sync=True, control=True)
    trained = T.Bool(True).tag(sync=True, control=True)
    state = T.Bool(False).tag(sync=True, control=True)
    text = T.Unicode(SENTENCE).tag(sync=True, control=True)
    position = T.Int(0).tag(sync=True, control=True)
    # Entre guillemets : les traitlets de Colab, plus anciens, ne se précisent pas ainsi.
    cells: "T.List[list[str]]" = T.List(help="Nom et cellule de chaque réseau.").tag(sync=True)
    tokens: "T.List[str]" = T.List(help="Le vocabulaire, dans l'ordre des indices.").tag(sync=True)
    window = T.Int(32).tag(sync=True)

    def __init__(
        self,
        networks: Mapping[str, tuple[Model, Model]],
        vocab: Vocab,
        window: int = 32,
        **settings: Any,
    ) -> None:
        check_count(window=window)
        if len(networks) != 2 or any(len(pair) != 2 for pair in networks.values()):
            raise ValueError("Il faut deux réseaux, chacun un couple (au hasard, entraîné).")
        for name, pair in networks.items():
            for model in pair:
                _check(name, model, vocab)
            if len({_weights(model)[0] for model in pair}) > 1:
                raise ValueError(f"{name} : les deux réseaux du couple n'ont pas la même cellule.")
        settings.setdefault("network", list(networks)[-1])
        if "text" not in settings:  # le « e » de l'accord, dans « tombées »
            settings.setdefault("position", SENTENCE.index("es."))
        self.networks, self.vocab = networks, vocab
        cells = [[name, _weights(end)[0]] for name, (_, end) in networks.items()]
        super().__init__(cells=cells, tokens=list(vocab.tokens), window=window, **settings)
        for i, pair in enumerate(networks.values()):
            for stage, model in zip(("hasard", "appris"), pair, strict=True):
                _, matrices, biases = _weights(model)
                key = f"{i} {stage}"
                self.send_arrays("int16", **{f"{key} {k}": w for k, w in matrices.items()})
                self.send_arrays("float32", **{f"{key} {k}": b for k, b in biases.items()})

    @T.validate("network")
    def _valid(self, proposal: Proposal) -> str:
        name: str = proposal["value"]
        if name not in self.networks:
            raise SettingError(f"network = {name!r} : il faut {' ou '.join(self.networks)}.")
        return name

    def encoded(self) -> tuple[list[str], Tensor, int]:
        """Rend les caractères retenus, leurs indices (n,) et l'indice du caractère prédit."""
        letters = tokenize(normalize(self.text))[:LIMIT]
        known = ["’" if c == "'" and c not in self.vocab else c for c in letters]
        position = self.position if 0 < self.position < len(letters) else len(letters) - 1
        return letters, torch.tensor(self.vocab[known], dtype=torch.long), position

    def influence(self, network: str | None = None) -> Tensor:
        """Rend les normes par retard (T,) de l'état présent : selon ``state``, états ou entrées.

        ``network`` : un autre réseau que celui montré. Lève ``ValueError`` s'il y a moins de
        deux caractères.
        """
        _, tokens, position = self.encoded()
        if position < 1:
            raise ValueError("Il faut au moins deux caractères : un à lire, un à prédire.")
        model = self.networks[network or self.network][self.trained]
        read = tokens[: position + 1]
        return (
            gradient_norms_by_lag(model, read[None]) if self.state else character_norms(model, read)
        )

    def static(self) -> Drawing:
        letters, _, position = self.encoded()
        if position < 1:
            drawing = Drawing(680, 60)
            drawing.text(20, 36, "Il faut au moins deux caractères.")
            return drawing
        norms = self.influence()
        parts, last = norms / norms.sum(), reach(norms)
        places = _places(letters, 66)
        top = 36 + 28 * (places[-1][0] + 1)
        drawing = Drawing(680, top + 280)
        who = f"{self.network} {'entraîné' if self.trained else 'au hasard'}"
        what = "chaque état" if self.state else "chaque caractère lu"
        words = f"{who}{NBSP}: la part de {what} dans la prédiction du caractère encadré"
        drawing.text(20, 20, words)
        for i, (letter, (row, column)) in enumerate(zip(letters, places, strict=True)):
            x, y, lag = 20 + 9.6 * column, 36 + 28 * row, position - 1 - i
            if lag >= 0:
                drawing.rect(x, y, 9.6, 20, fill="gradient", fill_opacity=tint(float(parts[lag])))
            if 0 <= lag < last:
                drawing.rect(x, y + 20, 9.6, 3, fill="gradient")
            if lag == -1:
                drawing.rect(x - 1, y - 1, 11.6, 22, fill="output-tint", stroke="output", rx=2)
            color = "data" if lag >= 0 else "output" if lag == -1 else "reference"
            drawing.add("text", letter, x=x + 4.8, y=y + 15, fill=color, font_size=15,
                        text_anchor="middle", font_family="Source Code Pro, monospace")  # fmt: skip
        self._curves(drawing, top, last)
        return drawing

    def _curves(self, drawing: Drawing, top: float, last: int) -> None:
        letters, _, _ = self.encoded()
        end, low = max(40, math.ceil(len(letters) / 20) * 20), round(math.log10(LOW))
        thing = "du gradient" if self.state else "de l’influence"
        box = (56, top + 38, 660, top + 234)
        x, y = drawing.axes((0, end), (low, 0), box=box, xticks=range(0, end + 1, 20),
                            yticks=range(low, 1, 2), yformat=power, ylabel=f"part {thing}",
                            xlabel="retard k, en caractères")  # fmt: skip
        drawing.line(
            x(last - 0.5), box[1], x(last - 0.5), box[3], "gradient", stroke_dasharray="4 4"
        )
        drawing.text(
            x(last - 0.5) + 6, box[1] + 13, f"90{NBSP}% avant le retard {last}", "gradient", 13
        )
        other = next(name for name in self.networks if name != self.network)
        for name, role, dash in ((other, "reference", "2 4"), (self.network, "gradient", "none")):
            norms = self.influence(name)
            logs = (norms / norms.sum()).clamp(min=1e-30).log10().tolist()
            points = [(x(k), y(v)) for k, v in _above(logs, low)]
            drawing.path(points, stroke=role, stroke_dasharray=dash)
            left, height = points[-1]
            if len(points) == 1:
                drawing.circle(left, height, 3 if dash == "none" else 6, role)
                height += 44 if dash == "none" else 62  # sous « 90 % », l'un sous l'autre
            side = {"anchor": "end"} if left > 600 else {}
            drawing.text(left + (0 if side else 8), height - 8, name, role, 14, **side)
