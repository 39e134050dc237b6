"""Des copies qui cherchent des points, des secrets, ou la panne : aucune n'y arrive.

Toutes sont corrigées dans le même passage, avec des copies honnêtes au milieu.
"""

import copy
import json
import os
import socket
import threading
import time
from pathlib import Path

import nbformat
import pytest

from classe import RIGHT, fill, hand_in, handed_out, own_course, points, recorded, run, verdict

pytestmark = pytest.mark.usefixtures("bubblewrap")

# Chaque texte remplace la réponse à « essai.double » ; la réponse à « essai.total » est juste.
# Celles qui cherchent quelque chose lèvent KeyError si elles l’ont trouvé, ZeroDivisionError sinon.
FOUND = "    raise KeyError if found else ZeroDivisionError\n"
HOSTILE = {
    "boucle-sans-fin": "def double(x):\n    while True: pass\n",
    "boucle-qui-avale-tout": (
        "def double(x):\n"
        "    while True:\n"
        "        try:\n"
        "            while True: pass\n"
        "        except BaseException: pass\n"
    ),
    "boucle-dans-la-cellule": "while True: pass\ndef double(x): return 2 * x\n",
    "signaux-bloques": (
        "import signal\n"
        "for s in range(1, 64):\n"
        "    try: signal.signal(s, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\n"
        "def double(x):\n    while True: pass\n"
    ),
    "os-exit": "import os\ndef double(x):\n    os._exit(0)\n",
    "os-exit-dans-la-cellule": "import os\nos._exit(0)\n",
    "bombe-de-fork": "import os\ndef double(x):\n    while True: os.fork()\n",
    "bombe-de-processus": (
        "import subprocess\ndef double(x):\n    while True: subprocess.Popen(['sleep', '99'])\n"
    ),
    "dix-giga-octets": "def double(x):\n    return bytearray(10_000_000_000)\n",
    "memoire-petit-a-petit": (
        "kept = []\ndef double(x):\n    while True: kept.append(bytearray(40_000_000))\n"
    ),
    "disque-plein": (
        "def double(x):\n"
        "    for folder in ('/copie', '/tmp', '/dev/shm', '/var/tmp', '.'):\n"
        "        for i in range(2000):\n"
        "            try:\n"
        "                with open(f'{folder}/{i}', 'wb') as f: f.write(bytes(20_000_000))\n"
        "            except OSError: break\n"
    ),
    "egal-a-tout": (
        "class Egal:\n"
        "    shape, dtype, ndim, size = (5,), float, 1, 5\n"
        "    def __eq__(self, other): return True\n"
        "    def __ne__(self, other): return False\n"
        "    def __array__(self, *a, **k): return np.zeros(5)\n"
        "    def __len__(self): return 5\n"
        "def double(x): return Egal()\n"
    ),
    "tableau-egal-a-tout": (
        "class Egal(np.ndarray):\n"
        "    def __eq__(self, other): return np.ones(self.shape, bool)\n"
        "    def __array_function__(self, *a): return True\n"
        "def double(x): return np.asarray(x).view(Egal)\n"
    ),
    "allclose-change": (
        "np.allclose = np.isclose = np.array_equal = lambda *a, **k: np.array(True)\n"
        "torch.allclose = torch.equal = lambda *a, **k: True\n"
        "np.testing.assert_allclose = lambda *a, **k: None\n"
        "def double(x): return x * 0\n"
    ),
    "assert-change": (
        "import builtins, sys\n"
        "builtins.AssertionError = type('Rien', (BaseException,), {})\n"
        "builtins.all = builtins.any = builtins.isinstance = lambda *a: True\n"
        "sys.excepthook = lambda *a: None\n"
        "def double(x): return x * 0\n"
    ),
    "check-change": (
        "import d2l_fr.exercises.checks as c, d2l_fr.exercises.compare as m\n"
        "d2l.check = d2l.check_examples = lambda *a, **k: True\n"
        "c.difference = m.difference = lambda *a, **k: None\n"
        "c.grade = c.run_checks = lambda *a, **k: []\n"
        "def double(x): return x * 0\n"
    ),
    "horloge-arretee": (
        "import time\n"
        "time.time = time.monotonic = time.perf_counter = lambda: 0.0\n"
        "def double(x):\n    while True: time.sleep(1)\n"
    ),
    "lit-le-cours": (
        "import os\n"
        "def double(x):\n"
        "    found, big = [], {'proc', 'sys', 'usr', 'site-packages'}\n"
        "    for d, inside, names in os.walk('/'):\n"
        "        inside[:] = set(inside) - big\n"
        "        private = {'essai-1.ipynb', 'gradebook.db'} & set(names)\n"
        "        if private or 'essai-1' in d or '.d2l-fr' in d:\n"
        "            found.append(d)\n" + FOUND
    ),
    "lit-les-solutions": (
        "import pathlib\n"
        "def double(x):\n"
        "    folder = pathlib.Path(d2l.__file__).parent / 'exercises'\n"
        "    found = []\n"
        "    for path in folder.glob('*.md'):\n"
        "        try: found += [path.read_text()] if path.read_text() else []\n"
        "        except OSError: pass\n" + FOUND
    ),
    "lit-l-environnement": (
        "import os\n"
        "def double(x):\n"
        "    found = 'D2L_SECRET' in os.environ\n"
        "    for path in os.listdir('/proc'):\n"
        "        try: found |= b'D2L_SECRET' in open(f'/proc/{path}/environ', 'rb').read()\n"
        "        except OSError: pass\n" + FOUND
    ),
    "ouvre-une-prise": (
        "import socket\n"
        "def double(x):\n"
        "    found = False\n"
        "    for address in (('127.0.0.1', PORT), ('1.1.1.1', 53), ('::1', PORT)):\n"
        "        try: socket.create_connection(address, 1); found = True\n"
        "        except OSError: pass\n"
        "    for path in ('/var/run/docker.sock', '/run/dbus/system_bus_socket'):\n"
        "        try:\n"
        "            s = socket.socket(socket.AF_UNIX); s.connect(path); found = True\n"
        "        except OSError: pass\n" + FOUND
    ),
    "tue-le-correcteur": (
        "import os\n"
        "def double(x):\n"
        "    for pid in (os.getppid(), 1, -1, PARENT):\n"
        "        try: os.kill(pid, 9)\n"
        "        except OSError: pass\n"
        "    return x * 0\n"
    ),
    "imprime-un-giga": (
        "def double(x):\n"
        "    for _ in range(1000): print('x' * 1_000_000)\n"
        "    return x * 0\n"
    ),
    "inonde-les-tuyaux": (
        "import os\n"
        "def double(x):\n"
        "    for fd in range(64):\n"
        "        try:\n"
        "            while True: os.write(fd, b'x' * 1_000_000)\n"
        "        except OSError: pass\n"
    ),
    "forge-des-reponses": (
        "import os\n"
        "def double(x):\n"
        "    for fd in range(3, 64):\n"
        "        for text in (b'{\"valeur\": true}\\n', b'{}\\n', b'[]\\n', b'{\"pret\": 1}\\n'):\n"
        "            try: os.write(fd, text)\n"
        "            except OSError: pass\n"
        "    return True\n"
    ),
    "resultat-enorme": "def double(x):\n    return list(range(20_000_000))\n",
    "resultat-sans-fond": (
        "def double(x):\n"
        "    deep = []\n"
        "    for _ in range(100_000): deep = [deep]\n"
        "    return deep\n"
    ),
    "pickle-piege": (
        "import os\n"
        "class Piege:\n"
        "    def __reduce__(self): return os.system, ('touch /tmp/piege-d2l',)\n"
        "def double(x): return Piege()\n"
    ),
    "cherche-la-reponse-en-memoire": (
        "import gc, inspect, sys\n"
        "def double(x):\n"
        "    for frame in inspect.stack():\n"
        "        for value in frame.frame.f_locals.values():\n"
        "            if isinstance(value, np.ndarray) and value is not x: return value\n"
        "    for value in gc.get_objects():\n"
        "        if isinstance(value, np.ndarray) and value.shape == x.shape and value is not x:\n"
        "            return value\n"
        "    return x * 0\n"
    ),
    "remplace-le-serveur": (
        "import __main__, json\n"
        "__main__.describe = lambda error: {'valeur': True}\n"
        "json.dumps = lambda *a, **k: '{\"valeur\": true}'\n"
        "import d2l_fr.assignments.wire as w\n"
        "w.encode = lambda value, depth=0: True\n"
        "def double(x): return x * 0\n"
    ),
    "empoisonne-les-paquets": (
        "import pathlib, sys\n"
        "def double(x):\n"
        "    found = False\n"
        "    for module in (np, torch, d2l):\n"
        "        try:\n"
        "            with open(module.__file__, 'a') as f: f.write('#')\n"
        "            found = True\n"
        "        except OSError: pass\n" + FOUND
    ),
    "laisse-un-demon": (
        "import os, time\n"
        "def double(x):\n"
        "    if os.fork() == 0:\n"
        "        os.setsid()\n"
        "        if os.fork() == 0:\n"
        "            os.execv('/bin/sleep', ['sleep', '98765'])\n"
        "        os._exit(0)\n"
        "    return x * 0\n"
    ),
    "sort-de-la-cage": (
        "import ctypes, os\n"
        "def double(x):\n"
        "    libc = ctypes.CDLL(None, use_errno=True)\n"
        "    found = libc.unshare(0x10000000) == 0 and os.getuid() == 0\n"
        "    found |= libc.mount(b'none', b'/tmp', b'tmpfs', 0, None) == 0\n"
        "    found |= libc.ptrace(16, PARENT, None, None) == 0\n"
        "    try: os.chroot('/'); found = True\n"
        "    except OSError: pass\n"
        "    try: os.setuid(0); found = True\n"
        "    except OSError: pass\n" + FOUND
    ),
}  # fmt: skip
SEARCHES = [name for name, code in HOSTILE.items() if FOUND in code]
SCRIPT = "<script>pirate = 1; fetch('https://pirate.invalid/')</script><img src=x onerror=a()>"


def dressed(notebook):
    """Un notebook dont tout est piégé : sorties, Markdown, métadonnées, points, épreuves."""
    for cell in notebook.cells:
        data = cell.metadata.get("nbgrader", {})
        if data.get("grade"):
            data["points"] = 1000
            data["locked"] = False
            if cell.cell_type == "code":
                cell.source = "1000.0"
        if data.get("solution") and cell.cell_type == "markdown":
            cell.source = (
                f"# {SCRIPT}\n\n[clic](javascript:alert(1)) ![x](https://pirate.invalid/x)"
            )
        if cell.cell_type == "code":
            cell.outputs = [
                nbformat.v4.new_output("display_data", {"text/html": SCRIPT}),
                nbformat.v4.new_output("execute_result", {"text/plain": "1000.0"}),
            ]
    notebook.cells.append(nbformat.v4.new_markdown_cell(SCRIPT))
    notebook.metadata["d2l_fr"] = {"devoir": "un-autre"}
    return notebook


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Le cours, après un seul passage sur toutes les copies."""
    root = tmp_path_factory.mktemp("cours")
    exercises = ("essai.double", "essai.total", "essai.pourquoi")
    course, assignment = own_course(root, exercises=exercises)
    outside = tmp_path_factory.mktemp("ailleurs")
    release = handed_out(course, assignment)

    def give(student, double=RIGHT["essai.double"], change=lambda notebook: notebook):
        answers = {"essai.double": double, "essai.total": RIGHT["essai.total"]}
        return hand_in(
            course, assignment, student, change(fill(copy.deepcopy(release), assignment, answers))
        )

    for honest in ("aline", "maud", "zoe"):
        give(honest)
    listener = socket.create_server(("127.0.0.1", 0))
    touched = []
    threading.Thread(target=lambda: touched.append(listener.accept()), daemon=True).start()
    for student, code in HOSTILE.items():
        port = str(listener.getsockname()[1])
        give(student, code.replace("PORT", port).replace("PARENT", str(os.getpid())))
    give("lien-vers-une-autre-copie").unlink()
    target = course.submission("aline", "essai-1") / "essai-1.ipynb"
    (course.submission("lien-vers-une-autre-copie", "essai-1") / "essai-1.ipynb").symlink_to(target)
    (course.root / "submitted" / "dossier-lien").mkdir()
    course.submission("dossier-lien", "essai-1").symlink_to(course.submission("aline", "essai-1"))
    hand_in(course, assignment, "vers-le-carnet", "{}").unlink()
    (course.submission("vers-le-carnet", "essai-1") / "essai-1.ipynb").symlink_to(
        course.root / "gradebook.db"
    )
    with (hand_in(course, assignment, "giga", "{}")).open("wb") as stream:
        stream.truncate(1_000_000_000)
    give("deguisee", "def double(x): return x * 0\n", dressed)
    os.environ["D2L_SECRET"] = "1"
    start = time.monotonic()
    limits = ["--temps-cellule", 3, "--temps-appel", 2, "--temps-total", 40, "--memoire", 1.5]
    code = run("corriger", "essai-1", *limits, root=root)
    seconds = time.monotonic() - start
    del os.environ["D2L_SECRET"]
    assert run("notes", "essai-1", root=root) == 0
    return {
        "course": course, "assignment": assignment, "code": code, "touched": touched,
        "seconds": seconds, "outside": outside,
    }  # fmt: skip


def test_the_run_goes_to_its_end(graded):
    assert graded["code"] == 0
    assert len(recorded(graded["course"], graded["assignment"])) == len(HOSTILE) + 8


@pytest.mark.parametrize("student", HOSTILE)
def test_a_hostile_copy_earns_nothing_for_the_hostile_answer(graded, student):
    earned = points(graded["course"], graded["assignment"], student)
    assert earned["essai.double"] == 0
    # Ce qu'elle a mérité ailleurs lui reste, au plus.
    assert recorded(graded["course"], graded["assignment"])[student] == earned["essai.total"]
    assert earned["essai.total"] in (0, 3)


@pytest.mark.parametrize(
    "student",
    [
        "boucle-sans-fin", "boucle-qui-avale-tout", "boucle-dans-la-cellule", "os-exit",
        "os-exit-dans-la-cellule", "bombe-de-fork", "dix-giga-octets", "disque-plein",
        "egal-a-tout", "imprime-un-giga", "resultat-enorme", "tue-le-correcteur",
    ],
)  # fmt: skip
def test_one_bad_answer_does_not_cost_the_others(graded, student):
    assert points(graded["course"], graded["assignment"], student)["essai.total"] == 3


@pytest.mark.parametrize("student", SEARCHES)
def test_what_is_sought_is_not_found(graded, student):
    marks = verdict(graded["course"], graded["assignment"], student)["marks"]["essai.double"]
    assert "ZeroDivisionError" in marks[0]["detail"], marks[0]["detail"]


@pytest.mark.parametrize("student", ["aline", "maud", "zoe"])
def test_honest_copies_are_not_harmed(graded, student):
    assert points(graded["course"], graded["assignment"], student) == {
        "essai.double": 3,
        "essai.total": 3,
    }


def test_nothing_got_out(graded):
    assert not graded["touched"]
    assert not Path("/tmp/piege-d2l").exists()
    commands = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                commands.append((entry / "cmdline").read_bytes())
            except OSError:
                continue
    assert not any(b"98765" in command or b"worker.py" in command for command in commands)


@pytest.mark.parametrize(
    ("student", "said"),
    [
        ("lien-vers-une-autre-copie", "pas un fichier ordinaire"),
        ("vers-le-carnet", "pas un fichier ordinaire"),
        ("dossier-lien", "un lien"),
        ("giga", "trop gros"),
    ],
)
def test_a_link_or_a_giant_is_not_read(graded, student, said):
    found = verdict(graded["course"], graded["assignment"], student)
    assert said in found["problem"]
    assert recorded(graded["course"], graded["assignment"])[student] == 0


def test_edited_points_tests_and_metadata_change_nothing(graded):
    assert points(graded["course"], graded["assignment"], "deguisee") == {
        "essai.double": 0,
        "essai.total": 3,
    }
    assert recorded(graded["course"], graded["assignment"])["deguisee"] == 3
    path = graded["course"].root / "autograded" / "deguisee" / "essai-1" / "essai-1.ipynb"
    notebook = nbformat.read(path, 4)
    for cell in notebook.cells:
        data = cell.metadata.get("nbgrader", {})
        assert data.get("points", 3) == 3
        assert "pirate" not in json.dumps(cell.get("outputs", []))
        if cell.cell_type == "markdown":
            assert "<script" not in cell.source
            assert "<img" not in cell.source
            assert "![" not in cell.source


def test_the_feedback_of_a_booby_trapped_copy_runs_nothing(graded, browser):
    path = graded["course"].root / "feedback" / "deguisee" / "essai-1" / "essai-1.html"
    with browser.new_context() as context:
        tab = context.new_page()
        asked, errors = [], []
        tab.on("request", lambda request: asked.append(request.url))
        tab.on("console", lambda message: errors.append(message.text))
        tab.goto(path.as_uri())
        tab.wait_for_timeout(300)
        assert tab.evaluate("window.pirate") is None
        assert tab.locator("script, img, iframe, a[href]").count() == 0
        assert asked == [path.as_uri()]
        assert errors == []
        assert "1,5" not in tab.title()
        assert "3 sur 9 points" in tab.inner_text("main").replace("\u00a0", " ")
