"""Une classe dans un vrai JupyterHub : un devoir pris, rendu, ramassé, corrigé et reçu.

Les commandes, la configuration, le lien et les droits sont ceux de la page ``book/classe.md``, lus
dans la page même. Tous les serveurs tournent sous le compte de qui lance les tests : chaque
élève dit donc à nbgrader, dans son dossier, qui il est.
"""

import contextlib
import json
import logging
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import nbformat
import psutil
import pytest
import requests
import websocket
import yaml
from filelock import FileLock
from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange import ExchangeError
from traitlets.config import Config

from classe import OWN, RIGHT, created, fill, own_course, points, recorded, run, verdict
from conftest import ROOT, _give_up
from d2l_fr.assignments.course import Course
from d2l_fr.assignments.exchange import Collect, Release
from d2l_fr.assignments.notebook import mark_id
from outils import npm
from outils.chantier import BUILD, fingerprint

PAGE = (ROOT / "book" / "classe.md").read_text("utf-8")
HERE = ROOT / "tests" / "jupyterhub"
BIN = Path(sys.executable).parent
TEACHER, STUDENTS = "enseignante", ["alice", "bruno"]
WAIT = 240  # secondes : de quoi finir sur une machine chargée
PASSWORD = secrets.token_hex(8)
NAME = "semaine-1"
QUESTION = "essai.pourquoi"
EXCHANGE = "/srv/nbgrader/exchange"
# Bruno se trompe dans chaque exercice : 2 points sur 3, puis 1 sur 3.
WRONG = {
    "essai.double": "def double(x):\n    return 2 * x if len(x) > 1 else x\n",
    "essai.total": "def total(numbers):\n    return sum(numbers) / max(1, len(numbers))\n",
}


def blocks(heading):
    """Les blocs d'une section de la page, jusqu'au titre suivant : (langage, texte)."""
    section = re.split(r"^##+ ", PAGE.split(f" {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)
    return re.findall(r"^```(\w+)\n(.*?)^```$", section[0], re.MULTILINE | re.DOTALL)


def commands(heading):
    """Les commandes d'une section, bloc par bloc."""
    return [text for language, text in blocks(heading) if language == "console"]


def wait(condition, seconds, what):
    """Attend qu'une fonction rende une valeur vraie, et la rend."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.2)
    pytest.fail(f"{what} : rien après {seconds} s")


@pytest.fixture(scope="module")
def proxy():
    """La commande de configurable-http-proxy, installé par npm dans _build."""
    folder, stamp = BUILD / "jupyterhub", fingerprint("tests/jupyterhub/package-lock.json")
    command = [npm.program("node"), str(folder / "node_modules/configurable-http-proxy/bin")]
    command[1] += "/configurable-http-proxy"
    BUILD.mkdir(exist_ok=True)
    with FileLock(BUILD / "jupyterhub.verrou"):
        done = folder / ".fait"
        if done.is_file() and done.read_text() == stamp:
            return command
        with contextlib.suppress(subprocess.TimeoutExpired):
            npm.install(HERE, folder, timeout=120)
        if not Path(command[1]).is_file():
            _give_up("configurable-http-proxy", "npm n'a pas pu l'installer depuis son registre")
        done.write_text(stamp)
    return command


def free_ports(count):
    """Des ports libres, tous différents."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


class Hub:
    """Le hub et ses dossiers : ``home``, un dossier par utilisateur, et ``exchange``."""

    def __init__(self, folder, proxy):
        self.folder, self.exchange = folder, folder / "exchange"
        self.home = folder / "home"
        ports = free_ports(3)
        self.address = f"http://127.0.0.1:{ports[0]}"
        self.environment = {k: v for k, v in os.environ.items() if "JUPYTER" not in k} | {
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": f"{ROOT}{os.pathsep}{HERE / 'rapide'}",
            "D2L_HUB": str(folder),
            "D2L_HUB_PORTS": " ".join(map(str, ports)),
            "D2L_HUB_PROXY": "\n".join(proxy),
            "D2L_HUB_PASSWORD": PASSWORD,
            "D2L_HUB_USERS": " ".join([TEACHER, *STUDENTS]),
            "D2L_HUB_BIN": str(BIN),
        }
        command = [sys.executable, "-m", "jupyterhub", "-f", str(HERE / "jupyterhub_config.py")]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command, cwd=folder, env=self.environment, stdout=log, stderr=log
            )

    @property
    def log(self):
        """Le journal du hub et de tous les serveurs."""
        return self.folder / "journal"

    def wait(self):
        """Attend que le hub réponde."""

        def answers():
            if self.process.poll() is not None:
                pytest.fail(f"le hub s'est arrêté :\n{self.log.read_text('utf-8')[-3000:]}")
            with contextlib.suppress(requests.ConnectionError):
                return requests.get(f"{self.address}/hub/api", timeout=5).ok

        wait(answers, WAIT, "démarrage du hub")

    def stop(self):
        """Arrête le hub, puis tout ce qui en reste."""
        self.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(20)
        left = list(self.left())
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, 10)

    def left(self):
        """Les processus nés de ce hub : ils portent son dossier dans leur environnement."""
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("D2L_HUB") == str(self.folder):
                    yield process

    def here(self, text):
        """Un texte de la page, aux dossiers de ce hub."""
        return text.replace(EXCHANGE, str(self.exchange)).replace(
            f"/home/jupyter-{TEACHER}", str(self.home / TEACHER)
        )


class User:
    """Quelqu'un qui s'est connecté au hub, avec son mot de passe, et a démarré son serveur."""

    def __init__(self, hub, name):
        self.hub, self.name, self.home = hub, name, hub.home / name
        self.browser = requests.Session()
        self.browser.get(f"{hub.address}/hub/login", timeout=30).raise_for_status()
        form = {"username": name, "password": PASSWORD, "_xsrf": self.browser.cookies["_xsrf"]}
        answer = self.browser.post(
            f"{hub.address}/hub/login", data=form, timeout=60, allow_redirects=False
        )
        assert answer.status_code == 302, answer.text
        api = f"{hub.address}/hub/api/users/{name}"
        self.browser.headers["X-XSRFToken"] = self.browser.cookies.get("_xsrf", path="/hub/")
        token = self.browser.post(f"{api}/tokens", json={"expires_in": 900}, timeout=30)
        token.raise_for_status()
        self.headers = {"Authorization": f"token {token.json()['token']}"}
        requests.post(f"{api}/server", headers=self.headers, timeout=120).raise_for_status()
        wait(
            lambda: requests.get(api, headers=self.headers, timeout=30).json()["server"],
            WAIT, f"serveur de {name}",
        )  # fmt: skip
        self.server = f"{hub.address}/user/{name}"

    def ask(self, path, method="GET", **options):
        """Une requête au serveur de l'utilisateur ; rend le JSON de la réponse."""
        answer = requests.request(
            method, f"{self.server}/{path}", headers=self.headers, timeout=60, **options
        )
        assert answer.ok, f"{path} : {answer.status_code} {answer.text[:500]}"
        return answer.json() if answer.content else None

    @contextlib.contextmanager
    def channel(self, path):
        """Un canal ouvert avec le serveur."""
        address = f"{self.server}/{path}".replace("http:", "ws:")
        header = [f"{key}: {value}" for key, value in self.headers.items()]
        socket = websocket.create_connection(address, header=header, timeout=WAIT)
        try:
            yield socket
        finally:
            socket.close()

    def terminal(self, text, expected=0):
        """Tape des commandes dans un terminal de JupyterLab ; rend ce qui s'affiche."""
        name = self.ask("api/terminals", "POST")["name"]
        shown, deadline = "", time.monotonic() + WAIT
        with self.channel(f"terminals/websocket/{name}") as socket:
            socket.send(json.dumps(["stdin", f"( set -e\n{text}\n); echo FIN=$?=\n"]))
            while not (end := re.search(r"FIN=(\d+)=", shown)):
                assert time.monotonic() < deadline, shown
                kind, *content = json.loads(socket.recv())
                shown += content[0] if kind == "stdout" else ""
        self.ask(f"api/terminals/{name}", "DELETE")
        assert int(end[1]) == expected, f"{self.name} : {text}\n{shown}"
        return shown

    def read(self, path):
        """Ouvre un notebook, par le serveur."""
        return nbformat.from_dict(self.ask(f"api/contents/{path}")["content"])

    def save(self, path, notebook):
        """Enregistre un notebook, par le serveur."""
        self.ask(f"api/contents/{path}", "PUT", json={"type": "notebook", "content": notebook})

    def execute(self, path, notebook):
        """Exécute toutes les cellules par un noyau du serveur, et en garde les sorties."""
        session = self.ask(
            "api/sessions", "POST",
            json={"path": path, "name": path, "type": "notebook", "kernel": {"name": "python3"}},
        )  # fmt: skip
        with self.channel(f"api/kernels/{session['kernel']['id']}/channels") as socket:
            for number, cell in enumerate(notebook.cells):
                if cell.cell_type == "code":
                    cell.outputs = self._outputs(socket, number, cell.source)
        self.ask(f"api/sessions/{session['id']}", "DELETE")

    def _outputs(self, socket, number, source):
        head = {"msg_id": f"c{number}", "msg_type": "execute_request", "version": "5.3"}
        head |= {"username": self.name, "session": "essai", "date": ""}
        content = {"code": source, "silent": False, "store_history": True, "allow_stdin": False}
        socket.send(json.dumps({
            "header": head, "parent_header": {}, "metadata": {}, "content": content,
            "buffers": [], "channel": "shell",
        }))  # fmt: skip
        outputs, deadline = [], time.monotonic() + WAIT
        while time.monotonic() < deadline:
            message = json.loads(socket.recv())
            kind, content = message["msg_type"], message["content"]
            if message["parent_header"].get("msg_id") != head["msg_id"]:
                continue
            if kind == "status" and content["execution_state"] == "idle":
                return outputs
            if kind in ("stream", "display_data", "execute_result", "error"):
                content.pop("transient", None)
                outputs.append(nbformat.v4.new_output(kind, **content))
        pytest.fail(f"la cellule {number} ne finit pas")


def prepare(hub):
    """Ce que l'administrateur et l'enseignante écrivent, d'après la page, avant le cours."""
    etc = hub.folder / "etc"
    etc.mkdir()
    installed = commands("L'échange et le dossier du cours")
    subprocess.run(hub.here(installed[0]).replace("sudo ", ""), shell=True, check=True)
    shared, own = (t for k, t in blocks("L'échange et le dossier du cours") if k == "python")
    _, single = (t for k, t in blocks("Zero to JupyterHub : plusieurs machines") if k != "yaml")
    (etc / "nbgrader_config.py").write_text(hub.here(shared) + single, "utf-8")
    shell = {"ServerApp": {"terminado_settings": {"shell_command": ["/bin/bash", "--norc"]}}}
    (etc / "jupyter_server_config.json").write_text(json.dumps(shell), "utf-8")
    who = "c = get_config()\nc.CourseDirectory.student_id = {!r}\n"
    for name in (TEACHER, *STUDENTS):
        personal = hub.home / name / ".jupyter" / "nbgrader_config.py"
        personal.parent.mkdir(parents=True)
        personal.write_text(hub.here(own) if name == TEACHER else who.format(name), "utf-8")


@pytest.fixture(scope="module")
def hub(proxy, bubblewrap):
    """Un hub en marche ; à la fin, il n'en reste rien."""
    folder = Path(tempfile.mkdtemp(prefix="hub-"))
    folder.chmod(0o755)  # comme une vraie machine : les droits de l'échange décident seuls
    hub = Hub(folder, proxy)
    try:
        prepare(hub)
        hub.wait()
        yield hub
    finally:
        hub.stop()
        left = list(hub.left())
        shutil.rmtree(folder, ignore_errors=True)
    assert not left, left


@pytest.fixture(scope="module")
def people(hub):
    """Les trois utilisateurs, connectés : nom → ``User``."""
    names = [TEACHER, *STUDENTS]
    with ThreadPoolExecutor(len(names)) as pool:
        return dict(zip(names, pool.map(lambda name: User(hub, name), names), strict=True))


def work(user, assignment, answers):
    """Répond, exécute, enregistre ; rend ce que disent les exemples, exercice par exercice."""
    path = f"{NAME}/{NAME}.ipynb"
    notebook = fill(user.read(path), assignment, answers)
    user.execute(path, notebook)
    user.save(path, notebook)
    cells = {c.metadata.nbgrader.grade_id: c for c in notebook.cells if "nbgrader" in c.metadata}
    return {e.identifier: json.dumps(cells[mark_id(e)].outputs) for e in assignment.code}


@pytest.fixture(scope="module")
def journey(hub, people):
    """Le tour complet, commande par commande ; rend ce que chacun a vu en chemin."""
    teacher, seen = people[TEACHER], {"examples": {}, "shown": {}}
    teacher.terminal(commands("L'échange et le dossier du cours")[1])
    root = teacher.home / "recurrents"
    (root / "exercices").mkdir()
    (root / "exercices" / "essai.md").write_text(OWN, "utf-8")
    rows = ["identifiant;nom;prénom;courriel", "alice;Martin;Alice;", "bruno;Petit;Bruno;"]
    (root / "liste.csv").write_text("\n".join([*rows, "zoe;Zola;Zoé;"]), "utf-8")
    (create,) = commands("L'enseignante crée et publie")
    chosen = f"creer {NAME} --exercices essai.double essai.total {QUESTION}"
    assert create.count(f"creer {NAME}") == 1
    teacher.terminal(create.replace(f"creer {NAME}", chosen))
    course = Course(root)
    assignment = course.load(NAME)
    seen |= {"course": course, "assignment": assignment}
    fetch, submit = commands("L'élève prend, travaille et rend")

    def study(name, answers):
        people[name].terminal(fetch)
        seen["examples"][name] = work(people[name], assignment, answers)
        seen["shown"][name] = people[name].terminal(submit)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(study, STUDENTS, [RIGHT | {QUESTION: "Zéro ne change rien."}, WRONG]))
    # Zoé, elle, voudrait faire ramasser le corrigé.
    link = course.root / "corriges" / NAME / f"{NAME}.ipynb"
    drop(hub.exchange / "recurrents" / "inbound", "zoe", {f"{NAME}.ipynb": link}, NAME)
    collect, again = commands("L'enseignante ramasse et corrige")
    seen["graded"] = teacher.terminal(collect)
    seen["first"] = {s: verdict(course, assignment, s) for s in STUDENTS}
    seen["points"] = [{s: points(course, assignment, s) for s in STUDENTS}]
    # La question ouverte se note dans Formgrader ; Bruno, lui, rend une meilleure copie.
    grade_by_hand(teacher, course, assignment, "alice", 2)
    work(people["bruno"], assignment, RIGHT)
    people["bruno"].terminal(submit)
    teacher.terminal(again)
    seen["second"] = {s: verdict(course, assignment, s) for s in STUDENTS}
    seen["points"].append({s: points(course, assignment, s) for s in STUDENTS})
    release, receive = commands("Les comptes rendus")
    teacher.terminal(release)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: people[name].terminal(receive), STUDENTS))
    return seen


def grade_by_hand(teacher, course, assignment, student, score):
    """Note la question ouverte d'un élève, comme le fait la page de Formgrader."""
    (notebook,) = [
        found for found in teacher.ask(f"formgrader/api/submitted_notebooks/{NAME}/{NAME}")
        if found["student"] == student
    ]  # fmt: skip
    (question,) = assignment.questions
    (grade,) = [
        found for found in teacher.ask(f"formgrader/api/grades?submission_id={notebook['id']}")
        if found["name"] == mark_id(question)
    ]  # fmt: skip
    teacher.ask(f"formgrader/api/grade/{grade['id']}", "PUT", json={"manual_score": score})


def test_the_course_is_the_one_the_students_know(hub, journey):
    written = (journey["course"].root / "nbgrader_config.py").read_text("utf-8")
    (name,) = re.findall(r'course_id = "(\w+)"', PAGE)
    assert f"course_id = '{name}'" in written
    assert (hub.exchange / name / "outbound" / NAME / f"{NAME}.ipynb").is_file()


def test_the_examples_tell_right_from_wrong(journey):
    right, wrong = (journey["examples"][name] for name in STUDENTS)
    assert all("Juste sur les 3 exemples" in shown for shown in right.values())
    assert all("Juste" not in shown for shown in wrong.values())
    assert "Traceback" not in json.dumps(journey["examples"])


def test_the_marks_are_those_expected(journey):
    expected = {"essai.double": 3, "essai.total": 3}
    first, second = journey["points"]
    assert first == {"alice": expected, "bruno": {"essai.double": 2, "essai.total": 1}}
    assert second == dict.fromkeys(STUDENTS, expected)
    assert journey["first"]["alice"] == journey["second"]["alice"]  # pas corrigée deux fois
    # 2 points donnés à la main à Alice, dont Bruno laisse la question ; Zoé n'a rien de lisible.
    assert recorded(journey["course"], journey["assignment"]) == {"alice": 8, "bruno": 6, "zoe": 0}
    rows = (journey["course"].root / "notes" / NAME / "moodle.csv").read_text("utf-8").split("\n")
    assert [row.strip() for row in rows[1:]] == ["alice,8", "bruno,6", ""]
    assert "aucun notebook" in journey["graded"]  # Zoé


def test_each_student_receives_their_own_feedback(people, journey):
    for name, score in (("alice", "8 sur 9 points"), ("bruno", "6 sur 9 points")):
        found = list((people[name].home / NAME / "feedback").glob(f"*/{NAME}.html"))
        (page,) = (path.read_text("utf-8") for path in found)
        assert name in page and score in re.sub(r"\s", " ", page)
        assert {"alice": "bruno", "bruno": "alice"}[name] not in page


def test_students_do_not_see_each_other(hub, people, journey):
    alice, bruno = (people[name] for name in STUDENTS)
    for path in ("api/contents", f"files/{NAME}/{NAME}.ipynb", "api/terminals", "formgrader/"):
        answer = requests.get(f"{bruno.server}/{path}", headers=alice.headers, timeout=30)
        assert answer.status_code == 403, path
    answer = requests.get(f"{hub.address}/hub/api/users/bruno", headers=alice.headers, timeout=30)
    assert answer.status_code == 404
    # Ce que montre l'onglet des devoirs : le cours, et ses propres copies.
    listed = json.dumps(alice.ask("assignments?course_id=recurrents"))
    assert NAME in listed and "alice" in listed and "bruno" not in listed


def test_the_rights_are_those_of_the_page(hub, people, journey):
    rows = re.findall(r"^\| `([^`]+)` \| `(\d+)` \|", PAGE, re.MULTILINE)
    assert len(rows) == 5
    for place, mode in rows:
        inside = hub.exchange / "recurrents" / place
        known = {"~/recurrents": journey["course"].root, "exchange": hub.exchange}
        found = known.get(place, inside).stat().st_mode & 0o7777
        assert oct(found) == f"0o{mode}", place
    if os.geteuid():
        return  # la suite demande un second compte
    inbound = hub.exchange / "recurrents" / "inbound"
    other = {"user": 65534, "group": 65534, "extra_groups": [], "capture_output": True}
    assert subprocess.run(["ls", inbound], **other).returncode
    assert subprocess.run(["ls", inbound.parent / "feedback"], **other).returncode
    assert subprocess.run(["ls", people[TEACHER].home / "recurrents"], **other).returncode
    assert not subprocess.run(["ls", inbound.parent / "outbound" / NAME], **other).returncode
    assert not subprocess.run(["touch", inbound / "depot"], **other).returncode
    (inbound / "depot").unlink()
    assert subprocess.run(["mv", inbound.parent, hub.exchange / "x"], **other).returncode


def test_the_backup_holds_the_seed_and_the_marks(people, journey):
    teacher = people[TEACHER]
    (save,) = commands("Sauvegarder, et fermer")
    teacher.terminal(save)
    listed = teacher.terminal("tar -tzf recurrents.tar.gz")
    for path in (f".d2l-fr/devoirs/{NAME}.json", "gradebook.db", f"submitted/alice/{NAME}/"):
        assert f"recurrents/{path}" in listed
    assert (teacher.home / "recurrents.tar.gz").stat().st_mode & 0o777 == 0o600


def test_a_link_brings_the_notebooks(hub, people, tmp_path):
    depot = tmp_path / "reseaux-recurrents"
    shutil.copytree(ROOT / "notebooks", depot / "notebooks")
    author = ["-c", "user.name=essai", "-c", "user.email=essai@exemple.fr"]
    for step in (["init", "-q", "-b", "main"], ["add", "."], [*author, "commit", "-qm", "essai"]):
        subprocess.run(["git", *step], cwd=depot, check=True)
    (code,) = (t for k, t in blocks("Distribuer les notebooks du livre") if k == "python")
    (example,) = (t for k, t in blocks("Distribuer les notebooks du livre") if k == "text")
    run_code = [sys.executable, "-c"]
    assert subprocess.check_output([*run_code, code], text=True) == example
    code = code.replace("https://VOTRE-HUB", hub.address)
    code = code.replace("https://VOTRE-DEPOT", f"file://{depot}")
    link = subprocess.check_output([*run_code, code], text=True).strip()
    alice = people["alice"]
    page = alice.browser.get(link, timeout=60)
    assert page.ok and page.url.startswith(f"{alice.server}/git-pull?"), page.url
    # Ce que la page fait elle-même, une fois ouverte.
    query = {k: v[0] for k, v in parse_qs(urlsplit(page.url).query).items()}
    wanted = {"repo": query["repo"], "branch": query["branch"], "targetpath": depot.name}
    address = f"{alice.server}/git-pull/api"
    events = requests.get(address, params=wanted, headers=alice.headers, timeout=60).text
    assert '"phase": "finished"' in events and '"error"' not in events, events
    opened = alice.home / query["urlpath"].removeprefix("lab/tree/")
    assert opened.read_bytes() == (ROOT / "notebooks" / "sequence.ipynb").read_bytes()
    assert alice.browser.get(f"{alice.server}/{query['urlpath']}", timeout=60).ok


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Un cours, sans hub."""
    return own_course(tmp_path_factory.mktemp("sans-hub") / "recurrents")[0]


@pytest.fixture
def inbound(course, tmp_path):
    """Le cours, sans copie, et le dossier où les élèves déposent."""
    shutil.rmtree(course.root / "submitted", ignore_errors=True)
    folder = tmp_path / "exchange" / "recurrents" / "inbound"
    folder.mkdir(parents=True)
    return course, folder


def drop(folder, student, files, name="essai-1", minutes=0):
    """Dépose une copie à la main, comme le ferait un élève ; rend son dossier."""
    stamp = (datetime(2030, 1, 1) + timedelta(minutes=minutes)).strftime("%Y-%m-%d %H:%M:%S.%f UTC")
    path = folder / f"{student}+{name}+{stamp}+hasard"
    path.mkdir()
    for file, content in files.items():
        if isinstance(content, Path):
            (path / file).symlink_to(content)
        else:
            (path / file).write_bytes(content)
    return path


def collected(inbound, **options):
    """Ramasse ; rend les fichiers ramassés : élève → noms."""
    course, folder = inbound
    config = Config({"ExchangeCollect": {"check_owner": False} | options})
    config.Exchange.root = str(folder.parents[1])
    directory = CourseDirectory(root=str(course.root), course_id="recurrents")
    directory.assignment_id = "essai-1"
    collector = Collect(coursedir=directory, config=config)
    collector.log = logging.getLogger("essai")
    collector.start()
    found = {}
    for path in sorted((course.root / "submitted").rglob("*")):
        if path.is_file():
            found.setdefault(path.parts[-3], set()).add(path.name)
    return found


STAMPS = {"timestamp.txt", "submission_secret.txt"}


def test_collecting_follows_no_link(inbound, caplog):
    course, folder = inbound
    secret = course.root / "corriges" / "essai-1" / "essai-1.ipynb"
    assert secret.is_file()
    drop(folder, "lien", {"essai-1.ipynb": secret, "note.txt": b"bonjour"})
    drop(folder, "date", {"essai-1.ipynb": b"{}", "timestamp.txt": secret})
    (folder / "dossier+essai-1+2030-01-01 00:00:00 UTC+x").symlink_to(secret.parent)
    pipe = drop(folder, "tuyau", {})
    os.mkfifo(pipe / "essai-1.ipynb")
    (pipe / "submission_secret.txt").mkdir()
    assert collected(inbound) == {
        "lien": {"note.txt", *STAMPS},
        "date": {"essai-1.ipynb", *STAMPS},
        "tuyau": STAMPS,
    }
    assert caplog.text.count("est laissé") >= 4


def test_a_bad_copy_does_not_stop_the_class(inbound):
    course, folder = inbound
    good = {"essai-1.ipynb": b"{}", "submission_secret.txt": b"0123456789abcdef" * 8}
    drop(folder, "alice", good)
    drop(folder, "bruno", {"essai-1.ipynb": b"{}", "submission_secret.txt": b"\xff" * 300})
    drop(folder, "..", good)
    (folder / "chloe+essai-1+jamais+x").mkdir()
    locked = drop(folder, "ferme", good)
    locked.chmod(0)
    found = collected(inbound)
    locked.chmod(0o700)
    assert set(found) - {"ferme"} == {"alice", "bruno"}
    submitted = course.root / "submitted"
    for student in ("alice", "bruno"):
        text = (submitted / student / "essai-1" / "submission_secret.txt").read_text("utf-8")
        assert re.fullmatch("[0-9a-f]{128}", text)
        assert (text == "0123456789abcdef" * 8) == (student == "alice")
    drop(folder, "alice", {"essai-1.ipynb": b"[]"}, minutes=5)
    collected(inbound, update=True)
    assert (submitted / "alice" / "essai-1" / "essai-1.ipynb").read_bytes() == b"[]"
    assert run("corriger", "essai-1", "--eleve", "alice", root=course.root) == 0


def test_a_borrowed_name_is_refused(inbound, caplog):
    import pwd

    _, folder = inbound
    mine = pwd.getpwuid(os.getuid()).pw_name
    drop(folder, mine, {"essai-1.ipynb": b"{}"})
    drop(folder, "alice", {"essai-1.ipynb": b"{}"})
    assert set(collected(inbound, check_owner=True)) == {mine}
    assert "porte le nom de alice" in caplog.text


def test_an_assignment_for_each_student_cannot_be_released(course, tmp_path):
    (tmp_path / "liste.csv").write_text("identifiant\nalice\n", "utf-8")
    created(
        course.root, NAME, "--exercices", "essai.double", "--par-etudiant", tmp_path / "liste.csv"
    )
    directory = CourseDirectory(root=str(course.root), course_id="recurrents")
    directory.assignment_id = NAME
    release = Release(coursedir=directory)
    release.root = str(tmp_path / "exchange")
    with pytest.raises(ExchangeError, match="différent pour chaque élève"):
        release.start()
    assert not any((tmp_path / "exchange").iterdir())


def test_the_page_names_the_versions_that_were_tried():
    for package, name in (
        ("jupyterhub", "JupyterHub"), ("nbgrader", "nbgrader"), ("nbgitpuller", "nbgitpuller"),
    ):  # fmt: skip
        assert f"{name} {version(package)}" in PAGE


def test_the_kubernetes_configuration_reads():
    kinds = dict(blocks("Zero to JupyterHub : plusieurs machines"))
    single = yaml.safe_load(kinds["yaml"])["singleuser"]
    volumes, mounts = single["storage"]["extraVolumes"], single["storage"]["extraVolumeMounts"]
    assert {v["name"] for v in volumes.values()} == {m["name"] for m in mounts.values()}
    assert {m["mountPath"] for m in mounts.values()} == {EXCHANGE}
