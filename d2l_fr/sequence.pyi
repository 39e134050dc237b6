"""Les types de ``sequence``, dont les pages montrent le code tel quel."""

from collections.abc import Callable
from typing import Any, TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "LinearAR",
    "ar_roots",
    "as_series",
    "check_count",
    "fit_ar",
    "free_forecast",
    "k_step_forecasts",
    "lag_windows",
    "noisy_sine",
    "rmse",
    "time_split",
]

_Reals: TypeAlias = NDArray[np.float64]
_Vector: TypeAlias = np.ndarray[tuple[int], np.dtype[np.float64]]
_Matrix: TypeAlias = np.ndarray[tuple[int, int], np.dtype[np.float64]]

def check_count(**counts: object) -> None: ...
def as_series(x: ArrayLike, min_length: int = 1) -> _Reals: ...
def noisy_sine(
    num_steps: int = 1000,
    period: float = 50.0,
    noise: float = 0.2,
    phase: float = 0.0,
    seed: int = 0,
) -> _Reals: ...
def lag_windows(x: ArrayLike, tau: int, horizon: int = 1) -> tuple[_Reals, _Reals]: ...
def time_split(x: ArrayLike, num_train: int, context: int = 0) -> tuple[_Reals, _Reals]: ...

class LinearAR:
    coefs: _Reals
    intercept: float
    tau: int
    def __init__(self, coefs: ArrayLike, intercept: float = 0.0) -> None: ...
    def __call__(self, windows: _Reals) -> _Reals: ...

def fit_ar(x: ArrayLike, tau: int, horizon: int = 1) -> LinearAR: ...
def k_step_forecasts(
    predict: Callable[[_Reals], _Reals], x: ArrayLike, tau: int, k: int
) -> tuple[_Reals, _Reals]: ...
def free_forecast(
    predict: Callable[[_Reals], _Reals], start: ArrayLike, num_steps: int
) -> _Reals: ...

# Des réels, si aucune racine n'est complexe.
def ar_roots(coefs: ArrayLike) -> NDArray[np.complex128] | _Reals: ...
@overload
def rmse(forecasts: _Vector, targets: _Vector) -> np.float64: ...
@overload
def rmse(forecasts: _Matrix, targets: _Matrix) -> _Vector: ...
@overload
def rmse(forecasts: ArrayLike, targets: ArrayLike) -> Any: ...
