"""Des tableaux serrés pour le navigateur : float16, int16 ou int8, avec de quoi les relire."""

import numpy as np

__all__ = ["pack", "unpack"]

KINDS = ("float32", "float16", "int16", "int8", "uint8", "uint16", "int32")


def pack(values, kind="float32"):
    """Range un tableau en octets ; rend ``dtype``, ``shape``, ``data`` et parfois ``scale``.

    Paramètres : ``values``, un tableau ou un tenseur de forme quelconque ; ``kind``, l'un de
    float32, float16, int16, int8, uint8, uint16, int32. En int8, chaque colonne (dernier axe) a
    sa propre échelle, max|w| / 127, en float32 ; en int16, max|w| / 32767, ce qui arrondit dix
    fois moins que float16, à place égale. Lève ``ValueError`` pour un autre ``kind``, ou si un
    entier ne tient pas. Les octets sont en petit-boutiste, l'ordre des navigateurs.
    """
    values = np.asarray(values.detach().cpu() if hasattr(values, "detach") else values)
    if kind not in KINDS:
        raise ValueError(f"kind = {kind!r} : il faut l'un de {', '.join(KINDS)}.")
    packed = {"dtype": kind, "shape": list(values.shape)}
    if kind in ("int8", "int16"):
        values = values.astype(np.float32)
        largest = np.abs(values).max(axis=tuple(range(values.ndim - 1)), keepdims=True)
        scale = np.where(largest > 0, largest, 1) / np.float32(np.iinfo(kind).max)
        packed["scale"] = scale.astype("<f4").tobytes()
        values = np.round(values / scale)
    elif kind not in ("float32", "float16"):
        info = np.iinfo(kind)
        if values.size and not (info.min <= values.min() and values.max() <= info.max):
            raise ValueError(f"Des valeurs ne tiennent pas en {kind}.")
    packed["data"] = np.ascontiguousarray(values, np.dtype(kind).newbyteorder("<")).tobytes()
    return packed


def unpack(packed):
    """Relit ce que ``pack`` a rangé, tel que le navigateur le voit ; rend un tableau NumPy."""
    dtype = np.dtype(packed["dtype"]).newbyteorder("<")
    values = np.frombuffer(packed["data"], dtype).reshape(packed["shape"])
    if "scale" in packed:
        return values.astype(np.float32) * np.frombuffer(packed["scale"], "<f4")
    return values.astype(np.float32) if dtype.kind == "f" else values
