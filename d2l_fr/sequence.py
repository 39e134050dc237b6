"""Séries, fenêtres de retards et modèles autorégressifs linéaires.

Page : sequence. Tout y est en NumPy et en float64 : les moindres carrés et
les racines d'un polynôme demandent la double précision, et aucun gradient.
Une série est un vecteur (T,) ; les retards se comptent en pas de temps.
"""

import numpy as np

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


def check_count(**counts):
    """Vérifie que chaque nombre nommé (``tau=…``) est un entier d'au moins 1.

    Lève ``ValueError``, avec le nom du fautif, sinon. Page : sequence.
    """
    for name, value in counts.items():
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if not whole or value < 1:
            raise ValueError(f"{name} = {value!r} : il faut un entier supérieur ou égal à 1.")


def as_series(x, min_length=1):
    """Rend ``x`` en vecteur (T,) de float64, sans copie s'il en est déjà un.

    Lève ``ValueError`` si ``x`` a plusieurs dimensions, moins de
    ``min_length`` valeurs, ou une valeur qui n'est pas un nombre fini (texte,
    NaN, infini). Page : sequence.
    """
    try:
        x = np.asarray(x, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError("Une série ne contient que des nombres (« 0,5 » s'écrit 0.5).") from None
    if x.ndim != 1:
        raise ValueError(f"Une série a une seule dimension ; celle-ci a la forme {x.shape}.")
    if len(x) < min_length:
        raise ValueError(f"Série trop courte : {len(x)} valeurs, il en faut au moins {min_length}.")
    if not np.isfinite(x).all():
        first = int(np.flatnonzero(~np.isfinite(x))[0])
        raise ValueError(
            f"La valeur d'indice {first} n'est pas un nombre fini ({x[first]}). "
            "Retirez ou comblez les trous avant de découper la série."
        )
    return x


def noisy_sine(num_steps=1000, period=50.0, noise=0.2, phase=0.0, seed=0):
    """Fabrique un sinus d'amplitude 1 plus un bruit gaussien : (num_steps,).

    Paramètres : ``period``, en pas de temps ; ``noise``, l'écart type du
    bruit ; ``phase``, en radians ; ``seed``, la graine. À graine égale, le
    bruit est le même, à l'écart type près. Lève ``ValueError`` si
    ``num_steps`` < 1, ``period`` <= 0 ou ``noise`` < 0. Page : sequence.
    """
    check_count(num_steps=num_steps)
    if period <= 0 or noise < 0:
        raise ValueError(f"Il faut period > 0 et noise >= 0 ; reçu : {period}, {noise}.")
    angle = 2 * np.pi * np.arange(num_steps) / period + phase
    rng = np.random.default_rng(seed)
    return np.sin(angle) + noise * rng.normal(size=num_steps)


def lag_windows(x, tau, horizon=1):
    """Découpe une série (T,) en fenêtres et en cibles, sans rien copier.

    Rend ``windows`` (n, tau), de la valeur la plus ancienne à la plus
    récente, et ``targets`` (n,), prises ``horizon`` pas après la fin de
    chaque fenêtre ; n = T - tau - horizon + 1. Les fenêtres sont une vue en
    lecture seule de la série. Lève ``ValueError`` si ``tau`` ou ``horizon``
    n'est pas un entier d'au moins 1, ou si la série est trop courte. Page :
    sequence.
    """
    check_count(tau=tau, horizon=horizon)
    x = as_series(x, min_length=tau + horizon)
    targets = x[tau + horizon - 1 :]
    windows = np.lib.stride_tricks.sliding_window_view(x, tau)
    return windows[: len(targets)], targets


def time_split(x, num_train, context=0):
    """Coupe une série (T,) dans le temps : l'entraînement, puis le reste.

    Rend ``train`` (num_train,) et ``heldout`` (T - num_train + context,),
    deux vues. Les ``context`` premières valeurs de ``heldout`` sont les
    dernières de ``train`` : elles ne servent qu'à remplir la première
    fenêtre. Lève ``ValueError`` si l'une des deux parties est vide, ou si
    ``context`` n'est pas un entier entre 0 et ``num_train``. Page : sequence.
    """
    check_count(num_train=num_train)
    x = as_series(x, min_length=num_train + 1)
    if context not in range(num_train + 1):
        raise ValueError(f"context = {context} : il faut un entier entre 0 et {num_train}.")
    return x[:num_train], x[num_train - context :]


class LinearAR:
    """Un modèle autorégressif : ``x̂_t = b + a_1 x_{t-1} + … + a_τ x_{t-τ}``.

    ``coefs`` (tau,), dans l'ordre des retards : ``coefs[0]`` pèse la valeur
    la plus récente ; ``intercept``, la constante b. Un modèle s'appelle comme
    une fonction. Page : sequence.
    """

    def __init__(self, coefs, intercept=0.0):
        self.coefs, self.intercept = as_series(coefs), float(intercept)
        self.tau = len(self.coefs)

    def __call__(self, windows):
        """Prédit la valeur (n,) qui suit chaque fenêtre (n, tau)."""
        if windows.shape[-1] != self.tau:
            raise ValueError(f"Fenêtres de forme {windows.shape} : il faut {self.tau} colonnes.")
        return windows @ self.coefs[::-1] + self.intercept


def fit_ar(x, tau, horizon=1):
    """Ajuste un ``LinearAR`` à ``tau`` retards sur la série ``x`` (T,).

    Les moindres carrés visent ``horizon`` pas plus loin (1 : la valeur qui
    suit). Si plusieurs solutions se valent (une série sans bruit), rend celle
    dont les coefficients sont les plus petits. Lève ``ValueError`` s'il y a
    moins de fenêtres que d'inconnues (tau + 1). Page : sequence.
    """
    check_count(tau=tau, horizon=horizon)
    x = as_series(x, min_length=2 * tau + horizon)
    windows, targets = lag_windows(x, tau, horizon)
    lags = windows[:, ::-1]  # (n, tau) : la colonne j porte le retard j + 1
    design = np.column_stack([lags, np.ones(len(lags))])  # (n, tau + 1)
    solution = np.linalg.lstsq(design, targets, rcond=None)[0]  # (tau + 1,)
    return LinearAR(solution[:-1], solution[-1])


def k_step_forecasts(predict, x, tau, k):
    """Prévoit de 1 à ``k`` pas, depuis toutes les origines de ``x`` (T,).

    ``predict`` est une fonction ``(n, tau) → (n,)``, un ``LinearAR`` par exemple.
    Passé le premier pas, elle reçoit ses propres prévisions. Rend
    ``forecasts`` et ``targets``, de forme (n, k), n = T - tau - k + 1 : la
    ligne i part de la fenêtre x[i : i + tau], la colonne j prévoit j + 1 pas
    plus loin. Lève ``ValueError`` si ``tau`` ou ``k`` n'est pas un entier
    d'au moins 1, ou si la série est trop courte. Page : sequence.
    """
    check_count(tau=tau, k=k)
    x = as_series(x, min_length=tau + k)
    targets = np.lib.stride_tricks.sliding_window_view(x[tau:], k)  # (n, k)
    history = np.empty((len(targets), tau + k))  # relevés, puis prévisions
    history[:, :tau] = lag_windows(x, tau, horizon=k)[0]
    for j in range(k):
        history[:, tau + j] = predict(history[:, j : j + tau])
    return history[:, tau:], targets


def free_forecast(predict, start, num_steps):
    """Prolonge une fenêtre ``start`` (tau,) de ``num_steps`` prévisions.

    ``predict`` est une fonction ``(n, tau) → (n,)``. Lève ``ValueError`` si
    ``start`` est vide ou si ``num_steps`` n'est pas un entier d'au moins 1.
    Page : sequence.
    """
    check_count(num_steps=num_steps)
    start = as_series(start)
    history = np.append(start, np.empty(num_steps))
    for t in range(len(start), len(history)):
        history[t] = predict(history[None, t - len(start) : t])[0]
    return history[len(start) :]


def ar_roots(coefs):
    """Rend les racines complexes (tau,) de z^τ - a_1 z^(τ-1) - … - a_τ.

    ``coefs`` (tau,) est dans l'ordre des retards ; les racines viennent par
    module décroissant. Le module de la première dit si les prévisions
    s'éteignent (< 1), durent (= 1) ou explosent (> 1). Page : sequence.
    """
    roots = np.roots(np.append(1.0, -as_series(coefs)))
    return roots[np.argsort(-np.abs(roots), kind="stable")]


def rmse(forecasts, targets):
    """Rend la racine de l'erreur quadratique moyenne, dans l'unité reçue.

    Deux vecteurs (n,) donnent un nombre ; deux tableaux (n, k), un vecteur
    (k,), une valeur par horizon. Lève ``ValueError`` si les formes
    diffèrent : (n,) contre (n, 1) donnerait un tableau (n, n) sans prévenir.
    Page : sequence.
    """
    forecasts, targets = np.asarray(forecasts), np.asarray(targets)
    if forecasts.shape != targets.shape:
        raise ValueError(f"Formes différentes : {forecasts.shape} et {targets.shape}.")
    return np.sqrt(np.mean((forecasts - targets) ** 2, axis=0))
