"""Les exemples visibles d'un devoir : des entrées, et ce que la réponse doit en faire.

Le notebook de l'élève ne contient ni solution ni épreuve cachée, seulement ces résultats.
"""

import base64
import zlib
from typing import TypeAlias

from d2l_fr.assignments.wire import dumps, loads
from d2l_fr.exercises.checks import (
    Call,
    CheckResult,
    Compare,
    _judge,
    _names,
    _namespace,
    nothing_written,
)
from d2l_fr.exercises.source import Exercise

__all__ = ["check_examples", "pack_examples", "visible_cases"]

# Un essai : arguments, nommés, résultat attendu, tolérances relative et absolue.
Example: TypeAlias = tuple[tuple[object, ...], dict[str, object], object, float, float]


class _Recorder(Compare):
    """Passe les vérifications d'un exercice pour n'en garder que les essais."""

    def __call__(
        self,
        *args: object,
        call: Call | None = None,
        rtol: float = 1e-5,
        atol: float = 1e-7,
        **kwargs: object,
    ) -> None:
        if call is None:
            super().__call__(*args, call=None, rtol=rtol, atol=atol, **kwargs)


def visible_cases(exercise: Exercise, reference: object, seed: int) -> list[Example]:
    """Rend les essais visibles : (arguments, nommés, attendu, tolérances) de chacun."""
    import numpy as np

    namespace = _namespace()
    _names(exercise.checks, namespace)
    recorder = _Recorder(reference, reference)
    # Les propriétés valent pour la solution du livre, pas forcément pour une variante.
    namespace["verification"](recorder, lambda *_: None, np.random.default_rng(seed))
    return [
        (args, kwargs, expected, rtol, atol)
        for _, args, kwargs, rtol, atol, expected in recorder.cases
    ]


def pack_examples(cases: list[Example]) -> str:
    """Rend les essais en un texte court, pour une cellule de notebook."""
    return base64.b85encode(zlib.compress(dumps(cases).encode(), 9)).decode()


def check_examples(identifier: str, answer: object, examples: str) -> CheckResult:
    """Essaie une réponse sur les exemples d'un devoir et dit, en français, ce qui ne va pas.

    Paramètres : ``identifier``, ``"section.nom"`` ; ``answer``, la fonction écrite ; ``examples``,
    le texte que le devoir contient. Rend un ``CheckResult``. Réussir les exemples ne rapporte
    rien : la note vient d'autres épreuves. Lève ``ValueError`` si les exemples sont illisibles.
    Page : devoirs.
    """
    try:
        cases = loads(zlib.decompress(base64.b85decode(examples)).decode())
    except (ValueError, zlib.error) as error:
        raise ValueError(
            "Les exemples de cette cellule ne se lisent plus : elle a été modifiée. Reprenez-la "
            "dans le notebook d'origine."
        ) from error
    if not callable(answer):
        return CheckResult(identifier, False, nothing_written(answer))

    def verification(compare: Compare, require: object, rng: object) -> None:
        for args, kwargs, expected, rtol, atol in cases:
            compare.reference = lambda *_, expected=expected, **__: expected
            compare(*args, rtol=rtol, atol=atol, **kwargs)

    result = _judge(identifier, verification, Compare(answer, None), [], 0)
    if not result:
        return result
    where = f"les {len(cases)} exemples" if len(cases) > 1 else "l'exemple donné"
    return CheckResult(identifier, True, f"Juste sur {where}.")
