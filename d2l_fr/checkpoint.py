"""Le point de reprise d'un entraînement : tout ce qu'il faut pour continuer comme sans coupure.

Page : rnn-scratch. Le fichier est écrit à côté puis renommé : une coupure pendant l'écriture
laisse le précédent intact.
"""

import copy
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias, TypedDict

import torch
from torch import nn
from torch.optim import Optimizer

__all__ = ["load_checkpoint", "save_checkpoint"]

_FORMAT = "d2l_fr.fit"

Weights: TypeAlias = dict[str, torch.Tensor]


# Ce qui distingue un modèle d'un autre.
Identity = TypedDict("Identity", {"class": str, "shapes": dict[str, list[int]]})


def _shapes(model: nn.Module) -> Identity:
    """Le nom du modèle et les formes de ses poids : ce qui le distingue d'un autre."""
    weights = model.state_dict().items()
    shapes = {name: list(tensor.shape) for name, tensor in weights}
    return {"class": type(model).__name__, "shapes": shapes}


def fingerprint(tokens: torch.Tensor) -> str:
    """De quoi reconnaître une suite de jetons (N,) sans la garder : sa longueur, une empreinte."""
    data = tokens.cpu().contiguous().numpy().tobytes()
    return f"{len(tokens)} jetons, empreinte {zlib.crc32(data):08x}"


def save_checkpoint(
    path: str | os.PathLike[str],
    model: nn.Module,
    optimizer: Optimizer,
    settings: Mapping[str, object],
    progress: dict[str, Any],
    best: Weights | None,
) -> None:
    """Écrit le point de reprise : poids, optimiseur, réglages, avancement, meilleurs poids.

    ``progress`` est un dictionnaire de nombres et de listes ; ``best``, les meilleurs poids ou
    None. Lève ``OSError`` si le dossier n'existe pas ou n'est pas accessible. Page : rnn-scratch.
    """
    path = Path(path)
    content = {
        "format": _FORMAT,
        "identity": _shapes(model),
        "settings": settings,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "progress": progress,
        "best": best,
    }
    partial = path.with_name(path.name + ".partiel")
    try:
        torch.save(content, partial)
        os.replace(partial, path)
    except (OSError, RuntimeError) as error:
        raise OSError(f"Impossible d'écrire le point de reprise {path} : {error}.") from error
    finally:
        partial.unlink(missing_ok=True)  # même après un Ctrl-C au milieu de l'écriture


def load_checkpoint(
    path: str | os.PathLike[str],
    model: nn.Module,
    optimizer: Optimizer,
    settings: Mapping[str, object],
) -> tuple[dict[str, Any], Weights | None] | tuple[None, None]:
    """Relit un point de reprise dans ``model`` et ``optimizer`` ; rend ``progress`` et ``best``.

    Rend (None, None) si le fichier n'existe pas. Lève ``FileNotFoundError`` si son dossier
    n'existe pas non plus, et ``ValueError``, sans rien toucher, si ce n'est pas un point de
    reprise, s'il vient d'un autre modèle ou d'autres réglages ; le message dit lesquels.
    Page : rnn-scratch.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"Le dossier {path.parent} n'existe pas : créez-le d'abord.")
    if not path.exists():
        return None, None
    remedy = "Supprimez-le, ou donnez un autre nom à checkpoint."
    content = _read(path)
    if content is None:
        raise ValueError(f"{path} n'est pas un point de reprise lisible. {remedy}")
    identity, here = content["identity"], _shapes(model)
    if identity != here:
        raise ValueError(
            f"{path} vient d'un autre modèle ({identity['class']}, {_num_weights(identity)} "
            f"poids ; ici {here['class']}, {_num_weights(here)} poids). {remedy}"
        )
    before = content["settings"]
    changed = [name for name in settings if before.get(name) != settings[name]]
    if changed:
        shown = ", ".join(f"{name} = {before.get(name)}, ici {settings[name]}" for name in changed)
        raise ValueError(f"{path} vient d'un entraînement réglé autrement ({shown}). {remedy}")
    past = copy.deepcopy(optimizer.state_dict())
    try:
        optimizer.load_state_dict(content["optimizer"])
    except Exception:  # écrit par un autre programme, ou un autre PyTorch
        optimizer.load_state_dict(past)
        raise ValueError(f"{path} n'est pas un point de reprise lisible. {remedy}") from None
    model.load_state_dict(content["model"])
    return content["progress"], content["best"]


def _read(path: Path) -> dict[str, Any] | None:
    """Rend le contenu d'un point de reprise, ou None si le fichier n'en est pas un."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception:  # un fichier abîmé fait lever à peu près n'importe quoi
        return None
    return content if _is_whole(content) else None


def _is_whole(content: object) -> bool:
    """Vrai si le contenu a toutes ses parties, et si les poids ont les formes qu'il annonce."""
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        return False
    parts = [content.get(name) for name in ("identity", "settings", "progress", "optimizer")]
    if not all(isinstance(part, dict) for part in parts) or not {"model", "best"} <= set(content):
        return False
    if not _is_even(content["optimizer"].get("state")):
        return False
    weights = [content["model"]] + ([] if content["best"] is None else [content["best"]])
    identity = content["identity"]
    shapes = identity.get("shapes")
    return "class" in identity and all(_weight_shapes(each) == shapes for each in weights)


def _is_even(state: object) -> bool:
    """Vrai si un optimiseur a gardé la même chose de chaque poids ; PyTorch 2.2 n'y regarde pas."""
    if not isinstance(state, dict) or not all(isinstance(kept, dict) for kept in state.values()):
        return False
    return len({frozenset(kept) for kept in state.values()}) <= 1


def _weight_shapes(weights: object) -> dict[str, list[int]] | None:
    """Les formes de poids rangés par nom ; None si ce n'en est pas."""
    if not isinstance(weights, dict):
        return None
    if not all(isinstance(tensor, torch.Tensor) for tensor in weights.values()):
        return None
    return {name: list(tensor.shape) for name, tensor in weights.items()}


def _num_weights(identity: Identity) -> int:
    return sum(torch.Size(shape).numel() for shape in identity["shapes"].values())
