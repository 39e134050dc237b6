"""Corrige une grande classe d'un seul passage, et dit le débit et la mémoire.

    .venv/bin/python -m benchmarks.correction --eleves 300

Les copies sont celles d'une classe : six sur dix justes, trois fautives, et des cas difficiles
(boucle sans fin, mémoire sans fin, copie tronquée). Chaque élève a son propre devoir.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from classe import (  # noqa: E402
    created,
    expected_source,
    hand_in,
    handed_out,
    mistaken_source,
    recorded,
    submit,
    verdict,
)

LOOP = "\n\n\ndef {name}(*args, **kwargs):\n    while True:\n        pass\n"
HUNGRY = "\n\n\ndef {name}(*args, **kwargs):\n    return bytearray(10_000_000_000)\n"


def hand_in_all(course, assignment, students):
    """Rend les copies ; rend élève → points attendus (None : pas attendus au point près)."""
    expected = {}
    full = float(sum(e.points for e in assignment.code))
    for number, student in enumerate(students):
        code = {e.identifier: expected_source(assignment, e, student) for e in assignment.code}
        first = assignment.code[0]
        kind = number % 50
        expected[student] = full
        if kind == 49:
            text = nbformat.writes(handed_out(course, assignment, student))
            hand_in(course, assignment, student, text[:3000])
            expected[student] = 0.0
            continue
        if kind in (47, 48):
            trap = LOOP if kind == 47 else HUNGRY
            code[first.identifier] += trap.format(name=first.answer_name)
            expected[student] = full - first.points
        elif number % 10 in (6, 7, 8):
            code[first.identifier] = mistaken_source(assignment, first, student)[0]
            expected[student] = None
        submit(course, assignment, student, code)
    return expected


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--eleves", type=int, default=300)
    options = parser.parse_args()
    students = [f"e{number:03}" for number in range(1, options.eleves + 1)]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "liste.csv").write_text("\n".join(["identifiant", *students]), "utf-8")
        start = time.perf_counter()
        course, assignment = created(root, "semaine-1", "--par-etudiant", root / "liste.csv")
        print(f"création : {time.perf_counter() - start:.0f} s")
        expected = hand_in_all(course, assignment, students)
        command = [sys.executable, "-m", "d2l_fr.assignments.cli", "devoir", "corriger"]
        command += ["semaine-1", "--cours", str(root)]
        start = time.perf_counter()
        subprocess.run(command, check=True)
        seconds = time.perf_counter() - start
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        marks = recorded(course, assignment)
        wrong = {s: (marks[s], e) for s, e in expected.items() if e not in (None, marks[s])}
        spent = [verdict(course, assignment, student)["seconds"] for student in students]
        print(
            f"{len(marks)} copies en {seconds:.0f} s, {60 * len(marks) / seconds:.0f} par minute ; "
            f"processeur : {children.ru_utime + children.ru_stime:.0f} s\n"
            f"copie : médiane {sorted(spent)[len(spent) // 2]:.1f} s, au plus {max(spent):.1f}\n"
            f"notes : {dict(sorted(Counter(marks.values()).items()))}\n"
            f"notes inattendues : {wrong or 'aucune'}"
        )


if __name__ == "__main__":
    main()
