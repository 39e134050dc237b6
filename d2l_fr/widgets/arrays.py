"""Des tableaux serrés pour le navigateur : float16, int16 ou int8, avec de quoi les relire."""

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

__all__ = ["pack", "unpack"]

Values: TypeAlias = ArrayLike | Tensor
Kind: TypeAlias = Literal["float32", "float16", "int16", "int8", "uint8", "uint16", "int32"]


class Packed(TypedDict):
    """Un tableau rangé en octets."""

    dtype: Kind
    shape: list[int]
    data: bytes
    scale: NotRequired[bytes]


KINDS = ("float32", "float16", "int16", "int8", "uint8", "uint16", "int32")


def pack(values: Values, kind: Kind = "float32") -> Packed:
    """Range un tableau en octets ; rend ``dtype``, ``shape``, ``data`` et parfois ``scale``.

    Paramètres : ``values``, un tableau ou un tenseur de forme quelconque ; ``kind``, l'un de
    float32, float16, int16, int8, uint8, uint16, int32. En int8, chaque colonne (dernier axe) a
    sa propre échelle, max|w| / 127, en float32 ; en int16, max|w| / 32767, ce qui arrondit dix
    fois moins que float16, à place égale. Lève ``ValueError`` pour un autre ``kind``, ou si un
    entier ne tient pas. Les octets sont en petit-boutiste, l'ordre des navigateurs.
    """
    array = np.asarray(values.detach().cpu() if hasattr(values, "detach") else values)
    if kind not in KINDS:
        raise ValueError(f"kind = {kind!r} : il faut l'un de {', '.join(KINDS)}.")
    shape, scales = list(array.shape), None
    if kind in ("int8", "int16"):
        array = array.astype(np.float32)
        largest = np.abs(array).max(axis=tuple(range(array.ndim - 1)), keepdims=True)
        scale = np.where(largest > 0, largest, 1) / np.float32(np.iinfo(kind).max)
        scales = scale.astype("<f4").tobytes()
        array = np.round(array / scale)
    elif kind not in ("float32", "float16"):
        info = np.iinfo(kind)
        if array.size and not (info.min <= array.min() and array.max() <= info.max):
            raise ValueError(f"Des valeurs ne tiennent pas en {kind}.")
    data = np.ascontiguousarray(array, np.dtype(kind).newbyteorder("<")).tobytes()
    if scales is None:
        return {"dtype": kind, "shape": shape, "data": data}
    return {"dtype": kind, "shape": shape, "scale": scales, "data": data}


def unpack(packed: Packed) -> NDArray[Any]:
    """Relit ce que ``pack`` a rangé, tel que le navigateur le voit ; rend un tableau NumPy."""
    dtype = np.dtype(packed["dtype"]).newbyteorder("<")
    values: NDArray[Any] = np.frombuffer(packed["data"], dtype).reshape(packed["shape"])
    if "scale" in packed:
        scale: NDArray[np.float32] = np.frombuffer(packed["scale"], "<f4")
        return values.astype(np.float32) * scale
    return values.astype(np.float32) if dtype.kind == "f" else values
