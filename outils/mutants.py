"""Les mutants : de petites fautes mises une à une dans le paquet, que les tests doivent voir.

``python -m outils.mutants rnn`` (ou ``make mutants MODULES=rnn``) ; sans nom, tous les modules. Les
fautes sont celles de mutmut, qui ne sait pas en mettre dans une fonction décorée ni hors des
fonctions : d'où ce programme. PyTorch et pytest se chargent une fois ; chaque mutant est essayé
dans un processus né de celui-là, et par les seuls tests qui passent par la ligne changée.
"""

import argparse
import importlib
import importlib.machinery
import importlib.util
import itertools
import json
import os
import resource
import signal
import sys
import time
from collections import defaultdict
from pathlib import Path

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.mutators import mutation_operators

ROOT = Path(__file__).resolve().parents[1]
LEAST = 85  # le moins de mutants tués, en pour cent
# Ce qui n'est pas au paquet : le père peut le charger, chaque fils en hérite.
OURS = ("d2l_fr", "conftest", "test_", "outils")
# Les tests d'un module, quand ce ne sont pas ceux qui portent son nom.
TESTS = {
    "language_model": ["language_model", "ngrams"],
    "training": ["training", "fit_defaults", "checkpoint"],
    "setup": ["package"],
    "notebook": ["package"],
    "palette": ["palette", "plot"],
    "corpora": ["corpora", "gutenberg"],
    "corpora/messages": ["messages"],
    "corpora/cache": ["cache", "corpora"],
    "corpora/catalog": ["catalog", "corpora"],
    "corpora/download": ["download", "corpora"],
    "corpora/gutenberg": ["gutenberg"],
}
MODULES = [
    "sequence", "text_sequence", "language_model", "rnn", "rnn_scratch", "rnn_concise", "bptt",
    "training", "checkpoint", "french", "results", "notebook", "setup", "palette", "plot",
    "corpora/__init__", "corpora/cache", "corpora/catalog", "corpora/download",
    "corpora/gutenberg", "corpora/messages", "exercises/compare", "exercises/checks",
    "exercises/source", "assignments/wire", "assignments/examples", "assignments/course",
    "assignments/marks", "assignments/collect", "assignments/grading", "assignments/worker",
]  # fmt: skip


def test_files(module):
    """Les fichiers de tests d'un module : ceux qui portent son nom, ou celui de son dossier."""
    folder, _, name = module.rpartition("/")
    names = TESTS.get(module) or TESTS.get(folder) or [name]
    files = [ROOT / "tests" / f"test_{name}.py" for name in names]
    return [str(file) for file in files if file.exists()]


class Faults(cst.CSTVisitor):
    """Relève les fautes possibles : (nœud, remplaçant, premières et dernières lignes)."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self):
        self.found, self.statements, self.messages = [], [], 0

    def lines(self, node):
        place = self.get_metadata(PositionProvider, node, None)
        return (place.start.line, place.end.line) if place else None

    def on_visit(self, node):
        if self._is_skipped(node):
            return False
        if isinstance(node, (cst.BaseStatement, cst.SimpleStatementLine)):
            self.statements.append(self.lines(node)[0])
        self.messages += isinstance(node, cst.Raise)
        span = self.lines(node)
        if not self.statements:  # le module lui-même
            return True
        for kind, operator in mutation_operators:
            # Le texte d'un message est libre ; qu'il y en ait un, les tests le vérifient.
            if isinstance(node, kind) and not (self.messages and kind is cst.BaseString):
                first = self.statements[-1]
                last = span[1] if span else first
                # Une seule faute par chaîne : changer aussi sa casse n'apprendrait rien.
                some = itertools.islice(operator(node), 1 if kind is cst.BaseString else None)
                self.found += [(node, fault, first, last) for fault in some]
        return True

    def on_leave(self, node):
        if isinstance(node, (cst.BaseStatement, cst.SimpleStatementLine)) and self.statements:
            self.statements.pop()
        self.messages -= isinstance(node, cst.Raise)

    def _is_skipped(self, node):
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Name):
            return node.func.value in ("len", "isinstance")
        if isinstance(node, cst.Assign) and isinstance(node.targets[0].target, cst.Name):
            return node.targets[0].target.value == "__all__"
        return isinstance(node, (cst.Annotation, cst.Decorator))


def mutants(source, step=1):
    """Rend les mutants d'un module, un sur ``step`` : (texte, première et dernière lignes)."""
    wrapper, faults = MetadataWrapper(cst.parse_module(source)), Faults()
    wrapper.visit(faults)
    for node, fault, first, last in faults.found[step // 2 :: step]:
        text = wrapper.module.deep_replace(node, fault).code
        try:
            compile(text, "mutant", "exec")
        except SyntaxError:
            continue
        yield text, first, last


class Mutated(importlib.machinery.SourceFileLoader):
    """Charge un module d'après un autre texte que celui de son fichier."""

    def __init__(self, name, path, text):
        super().__init__(name, str(path))
        self.text = text

    def get_code(self, fullname):
        return compile(self.text, self.path, "exec")

    def find_spec(self, fullname, path=None, target=None):
        if fullname == self.name:
            return importlib.util.spec_from_file_location(fullname, self.path, loader=self)
        return None


class Chosen:
    """L'extension de pytest : garde les tests voulus, les plus courts d'abord, et les suit."""

    def __init__(self, wanted=None, coverage=None):
        self.wanted, self.coverage, self.seconds = wanted, coverage, defaultdict(float)

    def pytest_collection_modifyitems(self, items):
        if self.wanted is not None:
            items[:] = [item for item in items if item.nodeid in self.wanted]
            items.sort(key=lambda item: self.wanted[item.nodeid])

    def pytest_runtest_setup(self, item):
        if self.coverage:
            self.coverage.switch_context(item.nodeid)

    def pytest_runtest_logreport(self, report):
        self.seconds[report.nodeid] += report.duration


def child(work, cpu=None):
    """Fait ``work()`` dans un processus fils, muet et borné ; rend (code, ce qu'il a rendu)."""
    reader, writer = os.pipe()
    if not (pid := os.fork()):
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        if cpu:
            resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
            resource.setrlimit(resource.RLIMIT_DATA, (6 << 30, 6 << 30))
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(20 * cpu)
        code, result = work()
        with os.fdopen(writer, "w") as pipe:
            json.dump(result, pipe)
        os._exit(code)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return code, json.loads(text) if text else None


def run_tests(files, plugin):
    import pytest
    from hypothesis import settings

    settings.register_profile(
        "mutants", max_examples=30, derandomize=True, database=None, deadline=None
    )
    settings.load_profile("mutants")
    # Une machine chargée ne tue pas de mutant : les durées sont celles du processeur.
    time.perf_counter = time.process_time
    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:randomly"]
    return int(pytest.main([*options, *files], plugins=[plugin]))


def first_run(name, path, files):
    """Les tests sur le module intact : qui passe par quelle ligne, en combien de temps."""
    import coverage

    cov = coverage.Coverage(data_file=None, include=[str(path)], config_file=False)
    plugin = Chosen(coverage=cov)
    cov.start()
    importlib.import_module(name)  # hors des tests : ce qui s'exécute à l'import les concerne tous
    code = run_tests(files, plugin)
    cov.stop()
    loaded = [n for n in sys.modules if not n.startswith(OURS) and not n.startswith("__")]
    lines = {k: v for k, v in cov.get_data().contexts_by_lineno(str(path)).items() if v}
    return code, {
        "lines": lines, "seconds": plugin.seconds, "loaded": loaded, "cpu": time.process_time(),
    }  # fmt: skip


def concerned(lines, first, last, seconds):
    """Les tests qui passent par ces lignes ; tous, si elles s'exécutent à l'import."""
    seen = set().union(*(lines.get(str(line), ()) for line in range(first, last + 1)))
    chosen = seconds if "" in seen else seen
    return {name: seconds[name] for name in chosen if name in seconds}


def difference(source, text):
    """La ligne changée, avant et après."""
    pairs = zip(source.splitlines(), text.splitlines(), strict=False)
    number, (before, after) = next((i, p) for i, p in enumerate(pairs, 1) if p[0] != p[1])
    return f"{number} : {before.strip()}  →  {after.strip()}"


def prepare(module):
    """Rend de quoi essayer un mutant (une fonction du texte et des tests), et ce que l'on sait.

    Le module intact doit passer les tests, aussi chargé à la façon d'un mutant.
    """
    path, files = ROOT / "d2l_fr" / f"{module}.py", test_files(module)
    name = "d2l_fr." + module.replace("/", ".").removesuffix(".__init__")
    code, known = child(lambda: first_run(name, path, files))
    if code:
        sys.exit(f"{module} : les tests échouent sur le module intact (pytest rend {code}).")
    for other in known["loaded"]:
        try:
            importlib.import_module(other)
        except Exception:  # un module né d'un autre, que l'on ne sait pas nommer
            continue
    limit = 10 + int(3 * known["cpu"])

    def passes(text, wanted):
        def work():
            sys.meta_path.insert(0, Mutated(name, path, text))
            return run_tests(files, Chosen(wanted)), None

        return child(work, limit)[0] == 0

    source = path.read_text("utf-8")
    if not passes(source, known["seconds"]):
        sys.exit(f"{module} : les tests ne passent pas sur le module intact, rechargé.")
    return passes, source, known


def judge(module, step=1):
    """Essaie les mutants d'un module ; dit les survivants ; rend (nombre, tués)."""
    passes, source, known = prepare(module)
    total, killed, start = 0, 0, time.monotonic()
    for text, first, last in mutants(source, step):
        total += 1
        wanted = concerned(known["lines"], first, last, known["seconds"])
        if wanted and not passes(text, wanted):
            killed += 1
        else:
            why = "" if wanted else "  (aucun test n'y passe)"
            print(f"  {difference(source, text)}{why}", flush=True)
    minutes = (time.monotonic() - start) / 60
    score = 100 * killed / max(total, 1)
    print(f"{module} : {killed} tués sur {total}, {score:.0f} %, en {minutes:.1f} min", flush=True)
    return total, killed


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m outils.mutants", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="module", help="sequence, corpora/cache…")
    parser.add_argument("--sur", type=int, default=1, metavar="N", help="un mutant sur N")
    options = parser.parse_args(argv)
    os.environ["OMP_NUM_THREADS"] = "1"
    # Lancée en arrière-plan, la commande l'ignorerait, et un test de Ctrl-C échouerait.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(ROOT)
    sys.path[:0] = [str(ROOT)]
    scores = [judge(module, options.sur) for module in options.modules or MODULES]
    return int(any(100 * killed < LEAST * total for total, killed in scores))


if __name__ == "__main__":
    sys.exit(main())
