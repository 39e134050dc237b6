"""La construction du livre, et ce qui l'entoure : ``python -m outils``."""

import os

# Un fil de PyTorch qui attend en tournant à vide prend le cœur de celui qu'il attend : dès qu'un
# autre programme calcule à côté, un apprentissage va vingt fois moins vite. Cette attente est
# courte ; un apprentissage seul n'y perd rien. Les noyaux des notebooks en héritent.
os.environ.setdefault("GOMP_SPINCOUNT", "3000")
