"""Fait passer des valeurs d'un processus à l'autre, en JSON, sans jamais exécuter ce qui arrive.

Le correcteur envoie des entrées au processus où tourne le code d'un élève, et en reçoit des
résultats. Un ``pickle`` reçu pourrait exécuter n'importe quoi ; du JSON ne le peut pas, et ce qui
en sort n'est fait que de types de Python, de NumPy et de PyTorch.
"""

import base64
import json
import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

__all__ = ["Opaque", "WireError", "decode", "dumps", "encode", "loads"]

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

DEPTH = 40  # listes imbriquées : au-delà, ce n'est plus une réponse
_KINDS = "biufcU"


class WireError(ValueError):
    """Un message mal formé, ou une valeur qui ne voyage pas."""


@dataclass(frozen=True)
class Opaque:
    """Ce qui reste d'un objet qui ne voyage pas : le nom de son type."""

    kind: str

    def __repr__(self) -> str:
        return f"un objet {self.kind}"


def _pack(array: ArrayLike) -> list[Json]:
    array = np.asarray(array)
    data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return [array.dtype.str, list(array.shape), data]


def _unpack(dtype: str, shape: list[int], data: str) -> NDArray[Any]:
    kind = np.dtype(dtype)
    if kind.kind not in _KINDS or kind.hasobject:
        raise WireError(f"type de tableau refusé : {kind}")
    if not all(type(n) is int and n >= 0 for n in shape):
        raise WireError("forme de tableau refusée")
    raw = base64.b64decode(data, validate=True)
    if math.prod(shape) * kind.itemsize != len(raw):
        raise WireError("la forme d'un tableau ne correspond pas à ses données")
    return np.frombuffer(raw, kind).reshape(shape).copy()


def encode(value: object, depth: int = 0) -> Json:
    """Rend la forme JSON d'une valeur ; un objet inconnu devient ``{"objet": nom du type}``.

    Lève ``WireError`` au-delà de 40 niveaux d'imbrication.
    """
    if depth > DEPTH:
        raise WireError("trop de niveaux d'imbrication")
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, np.generic):
        return {"scalaire": _pack(value)}
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, complex):
        return {"complexe": [value.real, value.imag]}
    if isinstance(value, np.ndarray) and value.dtype.kind in _KINDS:
        return {"tableau": _pack(value)}
    if isinstance(value, torch.Tensor):
        try:
            return {"tenseur": _pack(value.detach().cpu().resolve_conj().resolve_neg().numpy())}
        except (TypeError, RuntimeError):  # NumPy n'en a pas l'équivalent
            return {"objet": f"tenseur {value.dtype}"}
    if isinstance(value, (list, tuple)):
        name = "liste" if isinstance(value, list) else "tuple"
        return {name: [encode(item, depth + 1) for item in value]}
    if isinstance(value, dict):
        pairs: list[Json] = [[encode(k, depth + 1), encode(v, depth + 1)] for k, v in value.items()]
        return {"dictionnaire": pairs}
    return {"objet": type(value).__name__[:80]}


def decode(data: Any) -> Any:
    """Rend la valeur d'une forme JSON. Lève ``WireError`` si la forme n'est pas la bonne."""
    if data is None or isinstance(data, (bool, int, float, str)):
        return data
    try:
        ((tag, body),) = data.items()
        match tag:
            case "liste":
                return [decode(item) for item in body]
            case "tuple":
                return tuple(decode(item) for item in body)
            case "dictionnaire":
                return {decode(key): decode(value) for key, value in body}
            case "tableau":
                return _unpack(*body)
            case "scalaire":
                return _unpack(*body)[()]
            case "tenseur":
                return torch.from_numpy(_unpack(*body))
            case "complexe":
                return complex(*body)
            case "objet":
                return Opaque(str(body)[:80])
    except WireError:
        raise
    except (AttributeError, TypeError, ValueError, RecursionError) as error:
        raise WireError(f"message mal formé : {type(error).__name__}") from error
    raise WireError("message mal formé : étiquette inconnue")


def dumps(value: object) -> str:
    """Rend le texte JSON d'une valeur, en une ligne."""
    return json.dumps(encode(value), ensure_ascii=True, separators=(",", ":"))


def loads(text: str) -> Any:
    """Relit ce qu'a écrit ``dumps``. Lève ``WireError`` si le texte n'est pas de cette forme."""
    try:
        return decode(json.loads(text))
    except WireError:
        raise
    except (ValueError, RecursionError) as error:
        raise WireError("message mal formé : ce n'est pas du JSON") from error
