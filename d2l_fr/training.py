"""Entraîner et mesurer un modèle de langage : la même boucle pour tous les réseaux du livre.

Page : rnn-scratch. Un modèle reçoit ``(tokens (B, T), state)`` et rend ``(logits (B, T, V),
state)`` ; l'état est un tenseur, ou un couple de tenseurs (LSTM). Les pertes sont en nats par
jeton.
"""

import copy
import math
import os
import time
from dataclasses import asdict, dataclass, field

import torch
import torch.nn.functional as F
from tqdm.auto import tqdm

from d2l_fr.checkpoint import fingerprint, load_checkpoint, save_checkpoint
from d2l_fr.french import fr
from d2l_fr.language_model import bits_per_token, random_windows, sequential_batches
from d2l_fr.rnn_scratch import clip_gradients
from d2l_fr.sequence import check_count

__all__ = ["History", "detach", "evaluate", "fit", "train_epoch"]


def detach(state):
    """Coupe l'état (un tenseur, ou un couple) du graphe de calcul, sans changer ses valeurs.

    Page : rnn-scratch.
    """
    if isinstance(state, tuple):
        return tuple(part.detach() for part in state)
    return state.detach()


def train_epoch(model, batches, optimizer, clip=1.0, carry_state=True):
    """Entraîne une époque sur des couples (X, Y) de forme (B, T) ; rend deux listes.

    Une perte (nats par jeton) et une norme de gradient, avant écrêtage, par lot.
    ``carry_state`` passe l'état d'un lot au suivant, coupé du graphe. ``clip=None`` n'écrête
    pas. Lève ``FloatingPointError`` si la perte ou le gradient n'est plus un nombre fini, sans
    toucher aux poids. Page : rnn-scratch.
    """
    losses, norms, state = [], [], None
    model.train()
    for X, Y in batches:
        logits, state = model(X, detach(state) if carry_state and state is not None else None)
        loss = F.cross_entropy(logits.flatten(0, 1), Y.flatten())
        optimizer.zero_grad()
        loss.backward()
        norm = clip_gradients(model.parameters(), math.inf if clip is None else clip)
        if not math.isfinite(loss.item() + norm):
            raise FloatingPointError(
                f"Lot {len(losses) + 1} : la perte vaut {loss.item()} et la norme du gradient "
                f"{norm}. Baissez le taux d'apprentissage, ou écrêtez davantage (clip = {clip})."
            )
        optimizer.step()
        losses.append(loss.item())
        norms.append(norm)
    return losses, norms


@torch.no_grad()
def evaluate(model, tokens, num_steps=None, chunk=512):
    """Mesure un modèle sur une suite de jetons (N,) : la perte moyenne, en nats par jeton.

    Le premier jeton n'est que lu ; tous les autres sont prédits. ``num_steps=None`` porte
    l'état d'un bout à l'autre ; ``num_steps=T`` repart de l'état initial tous les T jetons
    prédits (des fenêtres froides). La perte totale est divisée par le nombre total de jetons,
    puis, si l'on veut, passée à ``perplexity`` : jamais l'inverse. ``chunk`` borne la mémoire,
    sans rien changer au résultat. Lève ``ValueError`` s'il y a moins de deux jetons.
    Page : rnn-scratch.
    """
    count = len(tokens) - 1  # jetons à prédire
    if count < 1:
        raise ValueError(f"Il faut au moins deux jetons pour en prédire un ; reçu : {len(tokens)}.")
    T = count if num_steps is None else num_steps  # état porté : une seule fenêtre, très longue
    check_count(num_steps=T, chunk=chunk)
    tokens = torch.as_tensor(tokens, device=next(model.parameters()).device)
    pairs = torch.stack([tokens[:-1], tokens[1:]])  # (2, N - 1) : les entrées, les cibles
    whole = count // T * T
    windows = list(pairs[:, :whole].reshape(2, whole // T, T).split(chunk, dim=1))
    windows.append(pairs[:, None, whole:])  # ce qui reste après la dernière fenêtre entière
    was_training = model.training
    model.eval()
    total = 0.0
    for window in windows:
        state = None
        for X, Y in window.split(chunk, dim=2) if window.numel() else ():
            logits, state = model(X, state)
            total += F.cross_entropy(logits.flatten(0, 1), Y.flatten(), reduction="sum").item()
    model.train(was_training)
    return total / count


@dataclass
class History:
    """Ce que ``fit`` a vu : pertes par époque en nats, normes du gradient par lot, durée.

    ``best_epoch`` (à partir de 1) est l'époque dont le modèle a gardé les poids ; ``tokens``, le
    nombre de jetons lus ; ``seconds``, le temps passé à apprendre, validation non comprise ;
    ``interrupted`` est vrai après un Ctrl-C. Page : rnn-scratch.
    """

    train: list = field(default_factory=list)
    valid: list = field(default_factory=list)
    grad_norms: list = field(default_factory=list)
    seconds: float = 0.0
    tokens: int = 0
    best_epoch: int = 0
    interrupted: bool = False


def _epoch_batches(train, batch_size, num_steps, carry_state):
    if not carry_state:
        return list(random_windows(train, batch_size, num_steps))
    offset = int(torch.randint(num_steps, ()))  # d'une époque à l'autre, d'autres coupures
    return list(sequential_batches(train, batch_size, num_steps, offset))


def _with_decay(batches, optimizer, lr, epoch, num_epochs):
    """Rend les lots un à un, et baisse le taux avant chacun : une droite, de ``lr`` à 0."""
    for i, batch in enumerate(batches):
        for group in optimizer.param_groups:
            group["lr"] = lr * (1 - (epoch + i / len(batches)) / num_epochs)
        yield batch


def _one_epoch(model, optimizer, train, valid, history, epoch, settings):
    """Une époque, puis la validation ; ``history`` n'est complété qu'une fois tout fini."""
    # Une graine par époque : reprise après une coupure, la septième est la même.
    torch.manual_seed(settings["seed"] * 100_003 + epoch)
    start = time.perf_counter()
    carry_state = settings["carry_state"]
    batches = _epoch_batches(train, settings["batch_size"], settings["num_steps"], carry_state)
    decayed = _with_decay(batches, optimizer, settings["lr"], epoch, settings["num_epochs"])
    losses, norms = train_epoch(model, decayed, optimizer, settings["clip"], carry_state)
    seconds = time.perf_counter() - start
    sizes = [Y.numel() for _, Y in batches]
    loss = sum(loss * size for loss, size in zip(losses, sizes, strict=True)) / sum(sizes)
    measured = [] if valid is None else [evaluate(model, valid)]
    improved = valid is None or measured[0] < min(history.valid, default=math.inf)
    history.train.append(loss)
    history.valid += measured
    history.grad_norms += norms
    history.tokens += sum(sizes)
    history.seconds += seconds
    if improved:
        history.best_epoch = epoch + 1
    return improved


def _summary(history):
    """La ligne à droite de la barre : les pertes, en bits par jeton."""
    parts = [f"entraînement {fr(bits_per_token(history.train[-1]), 3)}"]
    if history.valid:
        parts.append(f"validation {fr(bits_per_token(history.valid[-1]), 3)}")
    return ", ".join(parts) + " bits"


def _tokens(sequence, model, name, at_least):
    """Rend la suite en tenseur d'indices, sur le périphérique du modèle."""
    tokens = torch.as_tensor(sequence, device=next(model.parameters()).device)
    if tokens.ndim != 1 or tokens.is_floating_point() or tokens.dtype == torch.bool:
        raise ValueError(
            f"{name} : il faut une suite d'indices (N,) ; reçu : un tenseur {tokens.dtype} de "
            f"forme {tuple(tokens.shape)}."
        )
    if len(tokens) < at_least:
        raise ValueError(
            f"{name} : texte trop court, {len(tokens)} jetons ; il en faut au moins {at_least}. "
            "Donnez plus de texte, ou baissez batch_size et num_steps."
        )
    return tokens.long()


def fit(
    model,
    train,
    valid=None,
    num_epochs=20,
    batch_size=64,
    num_steps=32,
    lr=3e-3,
    weight_decay=0.01,
    clip=1.0,
    carry_state=True,
    patience=None,
    checkpoint=None,
    seed=0,
    progress=True,
):
    """Entraîne ``model`` sur la suite de jetons ``train`` (N,) ; rend un ``History``.

    AdamW, dont le taux décroît en ligne droite de ``lr`` à 0. ``carry_state`` : lots séquentiels
    qui se passent l'état ; sinon, fenêtres au hasard, toutes froides. Avec ``valid`` (N',), les
    poids rendus sont ceux de la meilleure époque, et ``patience=p`` arrête après p époques sans
    progrès. Ctrl-C arrête aussi, sans rien perdre. ``checkpoint`` nomme un fichier, récrit à
    chaque époque ; s'il existe, l'entraînement reprend là, comme s'il n'avait pas été coupé.
    Lève ``ValueError`` pour un réglage impossible, une suite trop courte ou le point de reprise
    d'un autre entraînement ; ``FloatingPointError`` si la perte ou le gradient déborde (le
    modèle garde les poids de la meilleure époque ou, sans ``valid``, ceux d'avant le lot fautif).
    Page : rnn-scratch.
    """
    check_count(num_epochs=num_epochs, batch_size=batch_size, num_steps=num_steps,
                patience=1 if patience is None else patience)  # fmt: skip
    if lr <= 0 or weight_decay < 0 or (clip is not None and clip <= 0):
        raise ValueError(
            f"lr = {lr}, weight_decay = {weight_decay}, clip = {clip} : il faut un taux et un "
            "seuil strictement positifs (clip=None pour ne pas écrêter), un déclin positif ou nul."
        )
    if patience is not None and valid is None:
        raise ValueError("patience demande un passage de validation : fit(model, train, valid, …).")
    train = _tokens(train, model, "train", num_steps + (batch_size if carry_state else 1))
    valid = None if valid is None else _tokens(valid, model, "valid", 2)
    settings = {
        "num_epochs": num_epochs, "batch_size": batch_size, "num_steps": num_steps, "lr": lr,
        "weight_decay": weight_decay, "clip": clip, "carry_state": carry_state, "seed": seed,
        "train": fingerprint(train), "valid": None if valid is None else fingerprint(valid),
    }  # fmt: skip
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=weight_decay)
    history, best = History(), None
    if checkpoint is not None:
        past, best = load_checkpoint(checkpoint, model, optimizer, settings)
        history = History(**past) if past else history
    epochs = range(len(history.train), num_epochs)
    # tqdm ne regarde TQDM_DISABLE que hors des notebooks.
    hidden = not progress or bool(os.environ.get("TQDM_DISABLE"))
    bar = tqdm(total=num_epochs, initial=epochs.start, unit="époque", disable=hidden)
    try:
        with torch.random.fork_rng(), bar:
            for epoch in epochs:
                if patience is not None and epoch - history.best_epoch >= patience:
                    break
                improved = _one_epoch(model, optimizer, train, valid, history, epoch, settings)
                if improved and valid is not None:
                    best = copy.deepcopy(model.state_dict())
                bar.set_postfix_str(_summary(history))
                bar.update()
                if checkpoint is not None:
                    save_checkpoint(checkpoint, model, optimizer, settings, asdict(history), best)
    except KeyboardInterrupt:
        history.interrupted = True
    finally:
        if best is not None:
            model.load_state_dict(best)
    return history
