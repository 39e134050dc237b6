"""Le surveillant du processus isolé : ce qui l'arrête, ce qu'il en reste, quand il se refuse.

Un petit programme remplace celui qui exécute les copies : il fait ce que lui dit chaque ordre.
"""

import os
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from d2l_fr.assignments import sandbox
from d2l_fr.assignments.sandbox import IsolationError, Limits, Sandbox, Stopped, check_isolation

OBEY = """\
import json, os, subprocess, sys, time
print('{"pret": true}', flush=True)
for line in sys.stdin:
    order = json.loads(line)
    def say(**answer): print(json.dumps({"ticket": order["ticket"]} | answer), flush=True)
    exec(order["faire"])
"""


@pytest.fixture
def obeying(tmp_path, monkeypatch):
    """Fait des processus obéissants ; rien ne doit rester de leurs dossiers."""
    program, places = tmp_path / "obéit.py", tmp_path / "copies"
    program.write_text(OBEY, "utf-8")
    places.mkdir()
    monkeypatch.setattr(sandbox, "WORKER", program)
    monkeypatch.setattr(tempfile, "tempdir", str(places))

    def start(**limits):
        return Sandbox(Limits(**limits), isolated=False)

    yield start
    assert list(places.iterdir()) == []


def stopped(box, action, seconds=20):
    """Donne un ordre qui arrête le processus ; rend la raison."""
    with pytest.raises(Stopped) as info:
        box.ask({"faire": action}, seconds)
    assert not box.alive
    return str(info.value)


def test_an_order_has_its_answer(obeying):
    with obeying() as box:
        assert box.ask({"faire": "say(x=os.getcwd())"}, 20)["x"].startswith(tempfile.tempdir)
        assert box.ask({"faire": "say(x=sorted(os.environ))"}, 20)["x"].count("PATH") == 1
        assert box.alive and box.peak > 1_000_000
    box.close()  # une fois de plus ne fait rien
    assert not box.alive


@pytest.mark.parametrize(
    "action",
    [
        "print('bonjour', flush=True)",
        "print('[]', flush=True)",
        "print('{}', flush=True)",
        "order['ticket'] = 'x'; say(x=1)",
        "print('[' * 100_000, flush=True)",
    ],
)
def test_nonsense_stops_the_process(obeying, action):
    with obeying() as box:
        assert stopped(box, action) == "le processus s'est arrêté ou a répondu n'importe quoi"
        assert stopped(box, "say()") == "le processus était déjà arrêté"


def test_the_end_of_the_process_is_told(obeying):
    with obeying() as box:
        assert stopped(box, "sys.exit()") == "le processus s'est arrêté de lui-même"


def test_time_does_not_pass_without_end(obeying):
    with obeying() as box:
        assert stopped(box, "time.sleep(60)", 0.2) == "le temps est dépassé (0.2 s)"


def test_an_answer_without_end_is_cut(obeying, monkeypatch):
    monkeypatch.setattr(sandbox, "ANSWER_BYTES", 100_000)
    with obeying() as box:
        assert stopped(box, "print('x' * 10**6, flush=True)") == "la réponse est trop grosse"


def running(pid):
    """Dit si un processus vit encore."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_too_many_processes_die_with_the_first(obeying, tmp_path):
    """Même ceux qui ont quitté le groupe : on les a vus naître."""
    born = tmp_path / "nés"
    action = (
        "import pathlib; born = pathlib.Path(" + repr(str(born)) + ")\n"
        "def sleep(): return subprocess.Popen(['/bin/sleep', '60'], start_new_session=True).pid\n"
        "born.write_text(f'{sleep()} {sleep()}')\n"
        "sleep(); time.sleep(60)"
    )
    with obeying(processes=3) as box:
        assert stopped(box, action) == "trop de processus (plus de 3)"
    pids = [int(pid) for pid in born.read_text().split()]
    deadline = time.monotonic() + 20  # tués, ils mettent un instant à mourir
    while any(map(running, pids)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(pids) == 2 and not any(map(running, pids))


def test_a_process_too_big_or_too_slow_does_not_start(obeying):
    with pytest.raises(Stopped, match="trop de mémoire"):
        obeying(memory=1)
    with pytest.raises(Stopped, match=r"le temps est dépassé \(0 s\)"):
        obeying(start=0)


def test_a_vanished_process_weighs_nothing():
    gone = 2**22 + 1  # plus que le noyau n'en numérote
    assert sandbox._resident([gone]) == 0
    assert sandbox._descendants(gone) == [gone]
    assert os.getpid() in sandbox._descendants(os.getpid())
    assert sandbox._resident([os.getpid()]) > 10_000_000


# ---------- se refuser


def test_grading_needs_linux(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Path, "exists", lambda self: False)
        for wanted in (True, False):
            with pytest.raises(IsolationError, match="demande Linux : sous Windows"):
                check_isolation(wanted)
    check_isolation(wanted=False)


def test_a_bubblewrap_that_fails_is_quoted(monkeypatch):
    monkeypatch.setattr(sandbox, "_bubblewrap", lambda: "/bin/false")
    refuse = ["/bin/sh", "-c", "echo « espace refusé » >&2; exit 1"]
    monkeypatch.setattr(sandbox, "_command", lambda limits: refuse)
    with pytest.raises(IsolationError) as info:
        check_isolation()
    said = str(info.value)
    assert "ne peut pas isoler un processus ici : « espace refusé »" in said
    assert sandbox.RISK in said and "--sans-isolation" in said


def test_the_cage_shows_neither_the_solutions_nor_the_course(monkeypatch, tmp_path):
    """Ce que la commande montre, et ce qu'elle cache, avec un vieux bubblewrap ou un nouveau."""
    found = {}
    for known in (True, False):
        monkeypatch.setattr(sandbox, "_knows", lambda option, known=known: known)
        found[known] = sandbox._command(Limits(disk=123))
    assert ("--disable-userns" in found[True], "--disable-userns" in found[False]) == (True, False)
    command = " ".join(found[False])
    for source in (sandbox.PACKAGE / "exercises").glob("*.md"):
        assert f"--ro-bind /dev/null {source}" in command
    assert "--size 123 --tmpfs /copie" in command and "--unshare-all" in command
    shown = [found[False][i + 1] for i, word in enumerate(found[False]) if word == "--ro-bind"]
    assert not any(Path(path) in (Path("/"), Path.home(), tmp_path) for path in shown)
