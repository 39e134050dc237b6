"""Le code enseigné dans le livre *Réseaux récurrents*, un module par section.

``import d2l_fr as d2l`` est le seul import des pages. Chaque module n'est chargé
qu'au premier emploi d'un de ses noms : l'import lui-même ne coûte que torch et NumPy.
"""

import importlib

import numpy as np  # noqa: F401  chargé ici pour que les pages puissent compter dessus
import torch  # noqa: F401

__version__ = "1.0.0"

# Nom public → module qui le définit. Tenu à la main plutôt que calculé : le calcul
# exigerait de charger les modules. tests/test_package.py vérifie qu'il est complet.
_EXPORTS = {
    "assignments": ("check_examples",),
    "corpora": ("load_corpus", "list_corpora"),
    "exercises": ("check",),
    "french": ("fr", "typography"),
    "notebook": ("glue",),
    "results": ("result",),
    "setup": ("device", "set_seed"),
    "sequence": (
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
    ),
    "text_sequence": (
        "BPE",
        "Vocab",
        "merge_pair",
        "ngram_counts",
        "normalize",
        "tokenize",
        "train_bpe",
        "words",
        "zipf_exponent",
    ),
    "language_model": (
        "NGramModel",
        "bits_per_token",
        "perplexity",
        "random_windows",
        "sequential_batches",
        "split_text",
    ),
    "rnn": (
        "InitialState",
        "init_rnn",
        "length_mask",
        "masked_cross_entropy",
        "pad_sequences",
        "rnn_step",
        "spectral_radius",
    ),
    "rnn_scratch": (
        "RNNLMScratch",
        "RNNScratch",
        "clip_gradients",
        "generate",
        "loop_recurrence",
        "one_hot",
        "sample_next",
    ),
    "training": ("History", "detach", "evaluate", "fit", "train_epoch"),
    "checkpoint": ("load_checkpoint", "save_checkpoint"),
    "rnn_concise": ("RNNLM", "copy_weights"),
    "bptt": (
        "BPTT",
        "bptt_recurrence",
        "gradient_norms_by_lag",
        "jacobian_products",
        "random_gates",
        "regular_gates",
        "step_jacobian",
    ),
}
_MODULES = (*_EXPORTS, "palette", "plot", "widgets")
_WHERE = {name: module for module, names in _EXPORTS.items() for name in names}

__all__ = [*_WHERE, *_MODULES]


def __getattr__(name):
    if name in _WHERE:
        value = getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
    elif name in _MODULES:
        value = importlib.import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(
            f"d2l_fr ne contient pas « {name} ». Noms disponibles : {', '.join(sorted(__all__))}."
        )
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})
