"""Compare deux résultats Python, NumPy ou PyTorch et décrit en français la première différence."""

import math
from collections.abc import Iterable, Mapping
from numbers import Number
from typing import Any, TypeGuard

import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["difference", "show"]

_KINDS = {"b": "booléens", "i": "entiers", "u": "entiers", "f": "réels", "c": "complexes"}


def show(value: object, limit: int = 90) -> str:
    """Écrit une valeur en une ligne courte, avec sa forme si c'est un grand tableau."""
    if isinstance(value, np.generic):
        value = value.item()  # 0.5, plutôt que np.float64(0.5)
    if isinstance(value, (np.ndarray, torch.Tensor)):
        kind = "tenseur" if isinstance(value, torch.Tensor) else "tableau"
        array = _array(value)
        if array is None:
            return f"{kind} {_kind(value)}"
        if array.size > 8:
            return f"{kind} de forme {tuple(array.shape)}"
        text = " ".join(np.array2string(array, separator=", ", threshold=8).split())
    else:
        try:
            text = repr(value)
        except ValueError:  # un entier de plus de 4 300 chiffres
            text = "un nombre démesuré"
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _array(value: NDArray[Any] | torch.Tensor) -> NDArray[Any] | None:
    """Le tableau NumPy, ou None pour un tenseur qui n'en a pas (creux, ou ``bfloat16``)."""
    if isinstance(value, np.ndarray):
        return value
    try:
        array: NDArray[Any] = value.detach().cpu().resolve_conj().resolve_neg().numpy()
    except (TypeError, RuntimeError):
        return None
    return array


def _kind(value: NDArray[Any] | torch.Tensor) -> str:
    """Ce qu'un tableau ou un tenseur a de particulier : son type, ou sa façon d'être rangé."""
    layout = getattr(value, "layout", torch.strided)
    return str(value.dtype if layout is torch.strided else layout)


def _type_name(value: object) -> str:
    if isinstance(value, torch.Tensor):
        return "torch.Tensor"
    return "numpy.ndarray" if isinstance(value, np.ndarray) else type(value).__name__


def _is_number(value: object) -> TypeGuard[float]:
    """Dit si c'est un nombre de Python, un complexe peut-être, ou de NumPy."""
    return isinstance(value, Number)


def _numbers(got: float, expected: float, rtol: float, atol: float, reveal: bool) -> str | None:
    complexes = isinstance(got, complex) or isinstance(expected, complex)
    try:
        if complexes:
            # Un entier de plus de 64 bits n'est un nombre, pour NumPy, qu'une fois converti.
            close = bool(np.isclose(complex(got), complex(expected), rtol, atol, equal_nan=True))
        else:
            close = math.isclose(got, expected, rel_tol=rtol, abs_tol=atol)
            close = close or (math.isnan(got) and math.isnan(expected))
    except OverflowError:  # un entier trop grand pour un réel
        close = got == expected
    if close:
        return None
    if reveal:
        return f"on attend {show(expected)} ; votre réponse est {show(got)}."
    if complexes:
        return f"votre réponse, {show(got)}, n'est pas la bonne valeur."
    return f"votre réponse, {show(got)}, est trop {'grande' if got > expected else 'petite'}."


def _arrays(got: NDArray[Any], expected: NDArray[Any]) -> str | None:
    if got.shape != expected.shape:
        return f"on attend la forme {expected.shape} ; votre réponse a la forme {got.shape}."
    kinds = [_KINDS.get(a.dtype.kind, str(a.dtype)) for a in (expected, got)]
    if kinds[0] != kinds[1]:
        return f"on attend des {kinds[0]} ; votre réponse contient des {kinds[1]} ({got.dtype})."
    return None


def _array_values(
    got: NDArray[Any], expected: NDArray[Any], rtol: float, atol: float
) -> str | None:
    if expected.dtype.kind in "fc":
        wrong = ~np.isclose(got, expected, rtol, atol, equal_nan=True)
    else:
        wrong = got != expected
    if not wrong.any():
        return None
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    place = f" (la première à l'indice {index if len(index) > 1 else index[0]})" if index else ""
    count = int(wrong.sum())
    values = "1 valeur est fausse" if count == 1 else f"{count} valeurs sont fausses"
    return (
        f"{values} sur {wrong.size}{place} : on attend {show(expected[index].item())} ; "
        f"votre réponse est {show(got[index].item())}."
    )


def _children(
    pairs: Iterable[tuple[str, object, object]], rtol: float, atol: float, reveal: bool
) -> str | None:
    for place, a, b in pairs:
        if problem := difference(a, b, rtol, atol, reveal):
            return f"à {place}, {problem}"
    return None


def difference(
    got: object, expected: object, rtol: float = 1e-5, atol: float = 1e-7, reveal: bool = True
) -> str | None:
    """Rend None si les deux valeurs sont les mêmes, sinon une phrase qui dit ce qui diffère.

    Paramètres : ``rtol`` et ``atol``, les tolérances relative et absolue des nombres ;
    ``reveal`` à faux tait la valeur attendue (un calcul dont elle est toute la réponse).
    Entiers et réels ne se distinguent que dans les tableaux : 2 et 2.0 sont le même nombre.
    """
    if isinstance(expected, bool) or isinstance(got, (bool, np.bool_)):
        if not isinstance(got, (bool, np.bool_)) or not isinstance(expected, (bool, np.bool_)):
            return f"on attend un objet {_type_name(expected)} ; vous donnez {_type_name(got)}."
        return None if bool(got) == bool(expected) else f"on attend {expected} ; vous avez {got}."
    if _is_number(expected):
        if isinstance(got, (np.ndarray, torch.Tensor)) and got.ndim == 0:
            got = got.item()
        if not _is_number(got):
            return f"on attend un nombre ; vous donnez un objet {_type_name(got)}."
        return _numbers(got, expected, rtol, atol, reveal)
    if isinstance(expected, (np.ndarray, torch.Tensor)):
        if not isinstance(got, type(expected)):
            return f"on attend un {_type_name(expected)} ; vous donnez un {_type_name(got)}."
        a, b = _array(got), _array(expected)
        if a is None or b is None:
            return f"votre tenseur est d'un type que l'on n'attend pas ({_kind(got)})."
        return _arrays(a, b) or _array_values(a, b, rtol, atol)
    if isinstance(expected, str) or expected is None:
        same = isinstance(got, type(expected)) and got == expected
        return None if same else f"on attend {show(expected)} ; votre réponse est {show(got)}."
    if isinstance(expected, Mapping):
        if not isinstance(got, Mapping):
            return f"on attend un dictionnaire ; vous donnez un objet {_type_name(got)}."
        for key in expected:
            if key not in got:
                return f"il manque la clé {show(key)} à votre dictionnaire."
        for key in got:
            if key not in expected:
                return f"votre dictionnaire a une clé de trop : {show(key)}."
        pairs = ((f"la clé {show(k)}", got[k], expected[k]) for k in expected)
        return _children(pairs, rtol, atol, reveal)
    if isinstance(expected, (list, tuple)):
        if not isinstance(got, type(expected)):
            wanted = "un tuple" if isinstance(expected, tuple) else "une liste"
            return f"on attend {wanted} ; vous donnez un objet {_type_name(got)}."
        if len(got) != len(expected):
            return f"on attend {len(expected)} éléments ; votre réponse en a {len(got)}."
        pairs = (
            (f"l'élément {i}", a, b) for i, (a, b) in enumerate(zip(got, expected, strict=True))
        )
        return _children(pairs, rtol, atol, reveal)
    try:
        same = bool(got == expected)
    except Exception:
        same = False
    return None if same else f"on attend {show(expected)} ; votre réponse est {show(got)}."
