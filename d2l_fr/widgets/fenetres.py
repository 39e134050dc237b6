"""« fenetres » : ce qui passe d'une fenêtre à l'autre, valeurs et gradients. Page : rnn-concise."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, TypedDict

import torch
import torch.nn.functional as F
import traitlets as T
from torch import Tensor, nn

from d2l_fr.french import fr
from d2l_fr.language_model import bits_per_token, random_windows, sequential_batches
from d2l_fr.text_sequence import Vocab
from d2l_fr.widgets.base import Figure
from d2l_fr.widgets.drawing import Drawing

__all__ = ["Fenetres", "losses_by_position", "reach"]


class Passages(TypedDict):
    """Des fenêtres : leurs textes, et leurs numéros."""

    texts: list[str]
    numbers: list[int]


LENGTHS = (8, 16, 32, 64)
SHOWN = 128  # caractères montrés : deux fenêtres de 64, seize de 8
ROWS = 32  # lignes d'un lot ; la figure en suit une
STARTS = ("porté", "étranger", "à zéro")


def reach(position: int, num_steps: int, carry: bool, detach: bool) -> tuple[int, int]:
    """D'où vient le pari fait à ``position`` (à partir de 0) sur une ligne de fenêtres.

    Rend deux positions : celle de la première entrée dont sa *valeur* dépend, et celle de la
    première dont son *gradient* peut venir. ``carry`` : chaque fenêtre part de l'état de la
    précédente ; ``detach`` : cet état est coupé du graphe. Page : rnn-concise.
    """
    edge = position // num_steps * num_steps
    return 0 if carry else edge, 0 if carry and not detach else edge


@torch.no_grad()
def losses_by_position(
    model: nn.Module, tokens: Tensor, num_steps: int = 64, stride: int = 13
) -> dict[str, Tensor]:
    """Mesure un modèle selon la place dans la fenêtre, pour trois états de départ.

    ``tokens`` (N,) est lu en fenêtres de ``num_steps`` jetons, qui commencent tous les ``stride``
    jetons. Chacune part de l'état « porté » (le modèle vient de lire la fenêtre d'avant), « à
    zéro », ou « étranger » (porté d'une fenêtre prise une moitié de texte plus loin). Rend
    {départ: pertes (T,)}, en nats par jeton. Lève ``ValueError`` si le texte ne contient pas
    deux de ces fenêtres. Page : rnn-concise.
    """
    span = 2 * num_steps + 1
    if len(tokens) < span + stride:
        raise ValueError(f"{len(tokens)} jetons : il en faut au moins {span + stride}.")
    windows = tokens.unfold(0, span, stride)  # (n, 2T + 1) : une fenêtre, la suivante, sa cible
    before, inputs, targets = windows.split((num_steps, num_steps, 1), dim=1)
    targets = torch.cat([inputs[:, 1:], targets], dim=1)
    was_training = model.training
    model.eval()
    state = model(before)[1]
    couple = isinstance(state, tuple)  # LSTM ; sinon, un tenseur (couches, n, m) ou (n, m)
    elsewhere = [s.roll(len(windows) // 2, -2) for s in (state if couple else (state,))]
    starts = (state, tuple(elsewhere) if couple else elsewhere[0], None)
    losses = {}
    for name, start in zip(STARTS, starts, strict=True):
        logits = model(inputs, start)[0].transpose(1, 2)  # (n, V, T)
        losses[name] = F.cross_entropy(logits, targets, reduction="none").mean(dim=0)
    model.train(was_training)
    return losses


def _row(length: int, batches: Iterable[tuple[Tensor, Tensor]], row: int) -> Tensor:
    """La ligne ``row`` des premiers lots : des positions dans le texte, (128 / T, T)."""
    return torch.stack([X[row] for X, _ in islice(batches, SHOWN // length)])


class Fenetres(Figure):
    """Un long texte en fenêtres : les valeurs passent les frontières, les gradients non.

    ``tokens`` (N,) et ``vocab`` sont le texte et son vocabulaire ; la figure suit la ligne ``row``
    de lots de 32. ``losses`` est ce que rend ``d2l_fr.widgets.fenetres.losses_by_position`` avec
    64 pas, en nats.
    Réglages : ``shuffled``, fenêtres au hasard ; ``carry``, état porté ; ``detach``, état détaché ;
    ``num_steps``, longueur des fenêtres (8, 16, 32 ou 64) ; ``position``, le caractère suivi, de 0
    à 127. Lève ``ValueError`` si le texte est trop court pour 128 caractères par ligne, si
    ``row`` n'est pas une ligne, ou si une perte manque. Page : rnn-concise.
    """

    name = "fenetres"
    height, between = (45.7, 71), (48.5, 62.6)
    shuffled = T.Bool(False).tag(sync=True, control=True)
    carry = T.Bool(True).tag(sync=True, control=True)
    detach = T.Bool(True).tag(sync=True, control=True)
    num_steps = T.Enum(LENGTHS, 32).tag(sync=True, control=True)
    position = T.Int(94, min=0, max=SHOWN - 1).tag(sync=True, control=True)
    passages = T.Dict(help="Textes (une fenêtre et sa cible) et numéros.").tag(sync=True)

    def __init__(
        self,
        tokens: Tensor,
        vocab: Vocab,
        losses: Mapping[str, Tensor | Sequence[float]],
        row: int = 20,
        **settings: Any,
    ) -> None:
        if not 0 <= row < ROWS:
            raise ValueError(f"row = {row} : une ligne va de 0 à {ROWS - 1}.")
        if len(tokens) < ROWS * SHOWN + max(LENGTHS):
            raise ValueError(
                f"Texte trop court : {len(tokens)} jetons, il en faut {ROWS * SHOWN + max(LENGTHS)}"
                f" pour montrer {SHOWN} jetons d'une ligne sur {ROWS}."
            )
        measured = [torch.as_tensor(losses[name]) for name in STARTS if name in losses]
        shapes = [tuple(loss.shape) for loss in measured]
        if shapes != [(max(LENGTHS),)] * 3 or not torch.stack(measured).isfinite().all():
            raise ValueError(
                f"losses : il faut les pertes {', '.join(STARTS)}, {max(LENGTHS)} nombres finis "
                "chacune ; voyez losses_by_position."
            )
        super().__init__(**settings)
        self.losses = bits_per_token(torch.stack(measured).double())
        self.send_arrays(losses=self.losses)
        generator, places = torch.Generator().manual_seed(3), torch.arange(len(tokens))

        def passages(positions: Tensor) -> Passages:
            """Chaque fenêtre, plus le jeton à prédire après elle, et son numéro dans le texte."""
            ends = torch.cat([positions, positions[:, -1:] + 1], dim=1)
            tokens_of = (vocab.to_tokens(tokens[place]) for place in ends)
            texts = ["".join(t if len(t) == 1 else "□" for t in window) for window in tokens_of]
            return {"texts": texts, "numbers": (positions[:, 0] // positions.shape[1] + 1).tolist()}

        self.passages = {
            f"{kind} {length}": passages(_row(length, batches, row))
            for length in LENGTHS
            for kind, batches in (
                ("suite", sequential_batches(places, ROWS, length)),
                ("hasard", random_windows(places, ROWS, length, generator)),
            )
        }

    def start(self) -> str:
        """L'état dont part la fenêtre suivie : « porté », « étranger » ou « à zéro »."""
        if not self.carry or self.position < self.num_steps:
            return "à zéro"
        return "étranger" if self.shuffled else "porté"

    def static(self) -> Drawing:
        drawing, length, here = Drawing(680, 470), self.num_steps, self.position
        value, gradient = reach(here, length, self.carry, self.detach)
        shown = self.passages[f"{'hasard' if self.shuffled else 'suite'} {length}"]
        text = "".join(passage[:-1] for passage in shown["texts"])
        gap, size = 8, (648 - 8 * (64 // length - 1)) / 64
        target = shown["texts"][here // length][here % length + 1]
        drawing.text(12, 16, "valeurs →", "hidden", 15)
        drawing.text(100, 16, "← gradients", "gradient", 15)
        drawing.text(668, 16, f"à prédire : {_named(target)}", "output", 15, "end")

        def x(p: int) -> float:
            return 16 + (p % 64 + 0.5) * size + p % 64 // length * gap

        for line in (0, 64):
            y = 30 + line / 64 * 96
            for first, role, top in ((value, "hidden-tint", 18), (gradient, "gradient-tint", 47)):
                for edge in range(line, line + 64, length):
                    start, end = max(first, edge), min(here, edge + length - 1)
                    if start <= end:
                        drawing.rect(x(start) - size / 2, y + top, x(end) - x(start) + size, 29,
                                     role)  # fmt: skip
            for edge in range(line, line + 64, length):
                number = shown["numbers"][edge // length]
                name = f"n° {fr(number)}" if length < 16 else f"fenêtre {fr(number)}"
                left, right = x(edge) - size / 2, x(edge + length - 1) + size / 2
                drawing.text(left, y + 12, name, "reference", 13)
                drawing.rect(left, y + 36, right - left, 22, "none", stroke="reference")
                place = " ".join(f"{x(p):.1f}" for p in range(edge, edge + length))
                drawing.add("text", "".join(_seen(c) for c in text[edge : edge + length]), x=place,
                            y=y + 52, fill="data", font_size=13, text_anchor="middle",
                            font_family="Source Code Pro, monospace")  # fmt: skip
            for first, role, height in ((value, "hidden", 27), (gradient, "gradient", 67)):
                start, end = max(first, line), min(here, line + 63)
                if start > end:
                    continue
                left = 4 if start > first else x(start)
                right = x(end) if end == here else 676
                drawing.line(left, y + height, right, y + height, role, 2)
                tip, turn = (right, -7) if role == "hidden" else (left, 7)
                drawing.path([(tip + turn, y + height - 5), (tip, y + height),
                              (tip + turn, y + height + 5)], role)  # fmt: skip
                if role == "gradient" and start == first:
                    drawing.line(x(first) - size / 2 - 3, y + 59, x(first) - size / 2 - 3, y + 75,
                                 role, 4)  # fmt: skip
            if line <= here < line + 64:
                drawing.rect(x(here) - size / 2 - 1, y + 35, size + 2, 24, "none", stroke="data",
                             stroke_width=2)  # fmt: skip
            if line <= here + 1 < line + 64 and ((here + 1) % length or not self.shuffled):
                drawing.rect(x(here + 1) - size / 2 + 1, y + 36, size - 1, 22, "none",
                             stroke="output", stroke_width=2)  # fmt: skip
        self._curves(drawing)
        return drawing

    def _curves(self, drawing: Drawing) -> None:
        low, high = int(self.losses.min()), int(self.losses.max()) + 1
        x, y = drawing.axes((0, 6), (low, high), box=(56, 256, 664, 424), xticks=range(7),
                            yticks=range(low, high + 1), xformat=lambda k: str(2**k),
                            xlabel="place dans la fenêtre (échelle logarithmique)",
                            ylabel="bits par caractère")  # fmt: skip
        drawing.rect(290, 257, 375, 74, "background")  # la légende, sans que la grille la barre
        places = torch.arange(1, self.num_steps + 1).log2().tolist()
        names = (("porté", "hidden", "none"), ("étranger", "data", "2 4"),
                 ("à zéro", "heldout", "6 4"))  # fmt: skip
        for i, (name, role, dash) in enumerate(names):
            losses = self.losses[STARTS.index(name), : self.num_steps]
            points = [(x(p), y(v)) for p, v in zip(places, losses.tolist(), strict=True)]
            drawing.path(points, role, 2.5, stroke_dasharray=dash)
            top = 276 + 22 * (2, 0, 1)[i]
            drawing.line(300, top - 5, 330, top - 5, role, 2.5, stroke_dasharray=dash)
            mean = f"{fr(losses.mean().item(), 2)} bits en moyenne"
            drawing.text(340, top, f"état {name} : {mean}", role, 14)


def _seen(character: str) -> str:
    """Un caractère tel qu'on le montre : une espace garde sa place, une fin de ligne se voit."""
    if character.isspace():
        return "¶" if character == "\n" else "\u00a0"
    return character if character.isprintable() else "□"


def _named(character: str) -> str:
    """Le même, nommé dans une phrase."""
    if character.isspace():
        return "fin de ligne" if character == "\n" else "espace"
    return f"« {_seen(character)} »"
