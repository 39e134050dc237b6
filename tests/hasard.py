"""Le réglage des essais au hasard : peu d'exemples, toujours les mêmes, dans « make test ».

``HYPOTHESIS_PROFILE=long`` en tire bien plus, nouveaux à chaque fois :

    HYPOTHESIS_PROFILE=long .venv/bin/python -m pytest tests/test_fuzz_*.py
"""

import os

from hypothesis import HealthCheck, settings

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"


def fuzz(examples):
    """Borne une propriété à ``examples`` exemples ; cent fois plus dans le long réglage."""
    return settings(
        max_examples=examples * (100 if LONG else 1),
        derandomize=not LONG,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
