"""Les devoirs notés : créés depuis les exercices du livre, corrigés à l'abri.

La commande ``d2l-fr devoir`` (``cli``) crée un devoir (``course``), le ramasse (``collect``), le
corrige dans des processus isolés (``grading``, ``sandbox``, ``worker``), et rend notes et copies
(``marks``, ``feedback``). Les élèves n'ont besoin que de ``d2l.check_examples``.
"""

from d2l_fr.assignments.examples import check_examples

__all__ = ["check_examples"]
