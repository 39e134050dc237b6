"""Les exercices du livre et leur correction immédiate.

Un exercice s'écrit une seule fois, dans ``d2l_fr/exercises/<section>.md`` (voir CONTRIBUER.md) ;
la page, le notebook et ``d2l.check`` le lisent là.
"""

from d2l_fr.exercises.checks import CheckResult, check
from d2l_fr.exercises.source import Exercise, ExerciseError, load_exercise, load_exercises

__all__ = ["CheckResult", "Exercise", "ExerciseError", "check", "load_exercise", "load_exercises"]
