"""Ce qui arrête la construction en chemin, ou l'abîme : elle reprend d'elle-même, à l'identique."""

import os
import shutil
import signal
import time

import pytest

from petit import Workshop

FIRST = {"PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8"}
JAIL = ["bwrap", "--bind", "/", "/", "--dev-bind", "/dev", "/dev"]
SECOND = {
    "PYTHONHASHSEED": "2", "TZ": "America/Montreal", "LC_ALL": "C",
    "SOURCE_DATE_EPOCH": "946684800",
}  # fmt: skip
PAUSE = "import os, time; open({!r}, 'w').write(f'{{os.getpid()}}\\n'); time.sleep(600)"


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    """Le petit livre, construit une fois ; tout doit y ramener."""
    shop = Workshop(tmp_path_factory.mktemp("premier"))
    status, said = shop.run("archive", **FIRST)
    assert status == 0, said
    shop.good = shop.tree()
    yield shop
    shop.close()


def same_again(workshop):
    """Construit de nouveau : sans rien effacer à la main, le site est le même, octet par octet."""
    status, said = workshop.run()
    assert status == 0, said
    assert workshop.tree() == workshop.good
    assert not list(workshop.build.glob("html.*"))
    return said


# ---------- deux constructions, un seul livre


def test_two_builds_give_the_same_book(workshop, tmp_path):
    other = Workshop(tmp_path / "un autre dossier, été")
    for command in ("archive", "diapos"):
        status, said = other.run_alone(command, **SECOND)
        assert status == 0, said
    status, said = workshop.run("diapos", **FIRST)
    assert status == 0, said
    for folder in ("_build/html", "_build/diapos", "_build/travail/styles", "notebooks"):
        mine, yours = workshop.tree(workshop.root / folder), other.tree(other.root / folder)
        mine.pop(".fait", None), yours.pop(".fait", None)
        assert mine.keys() == yours.keys()
        assert [name for name in mine if mine[name] != yours[name]] == [], folder
    name = "archive/reseaux-recurrents.zip"
    assert (workshop.build / name).read_bytes() == (other.build / name).read_bytes()


# ---------- interrompue


@pytest.fixture
def stopped(workshop, tmp_path):
    """Lance une construction qui s'arrête à l'endroit voulu, et lui envoie un signal."""

    def stop(name, after, indent, number):
        mark = tmp_path / "ici"
        pause = f"{after}{indent}{PAUSE.format(str(mark))}\n"
        with workshop.broken({name: lambda text: text.replace(after, pause)}):
            pid = workshop.launch()
            while not (mark.exists() and mark.read_text().endswith("\n")):
                os.kill(pid, 0)  # elle tourne encore
                time.sleep(0.05)
            os.killpg(pid, number)
            return *workshop.result(), int(mark.read_text())

    return stop


# Où s'arrêter : le fichier, la ligne après laquelle faire une pause, et son retrait.
IN_A_CELL = "book/compte.md", "```{code-cell} ipython3\n", ""
WHILE_WRITING = "book/_ext/suivi.py", "def writing(app, doctree, docname):\n", "    "
WHILE_PUBLISHING = "outils/chantier.py", "            SITE.rename(old)\n", "        "


@pytest.mark.parametrize("place", [IN_A_CELL, WHILE_WRITING, WHILE_PUBLISHING])
def test_ctrl_c_stops_cleanly_anywhere(workshop, stopped, place):
    status, said, process = stopped(*place, signal.SIGINT)
    assert status == 130, said
    assert "Interrompu. Le livre déjà construit est intact" in said
    assert "Traceback" not in said
    assert workshop.tree() == workshop.good
    assert gone(process)


def gone(process):
    """Vrai une fois le processus fini : ni lui ni un noyau ne reste derrière."""
    for _ in range(200):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def test_a_publication_killed_half_way_is_put_right(workshop, stopped):
    status, *_ = stopped(*WHILE_PUBLISHING, signal.SIGKILL)
    assert status == -signal.SIGKILL
    assert not workshop.site.exists()
    with workshop.broken({"book/_toc.yml": "x: ["}):  # même si la suite échoue, le site est revenu
        status, _ = workshop.run()
    assert status == 1
    assert workshop.tree() == workshop.good
    same_again(workshop)


# ---------- abîmée


def cut(path):
    """Ne garde que la moitié d'un fichier."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def touched(workshop):
    """Un changement sans effet sur le site : il y a quelque chose à construire."""
    workshop.change("book/texte.md", lambda text: text + "\n")


def lose_work(workshop):
    """Une page lue, une page écrite et des nombres, coupés en deux."""
    for name in ("doctrees/calcul.doctree", "html/calcul.html", "jupyter_execute/calcul.glue.json"):
        cut(workshop.build / "travail" / name)


def lose_base(workshop):
    (base,) = workshop.build.glob("cache/*/global.db")
    base.write_bytes(b"rien" * 999)


def lose_outputs(workshop):
    """De deux exécutions gardées, l'une est coupée, l'autre absente."""
    first, second = sorted(workshop.build.glob("cache/*/executed/*"))
    cut(first / "base.ipynb")
    shutil.rmtree(second)


@pytest.mark.parametrize("harm", [lose_base, lose_outputs])
def test_what_is_damaged_is_made_again(workshop, harm):
    touched(workshop)
    lose_work(workshop)
    harm(workshop)
    assert "Le cache ne se lit plus" in same_again(workshop)


# ---------- plus de place


REFUSED = "le disque est plein ; libérez de la place et relancez"


def test_a_journal_that_cannot_be_written_says_the_disk_is_full(workshop):
    touched(workshop)
    log = workshop.build / "livre.log"
    log.unlink()
    log.symlink_to("/dev/full")  # le système y refuse toute écriture, faute de place
    status, said = workshop.run()
    log.unlink()
    assert status == 1, said
    assert f"{REFUSED} (_build/livre.log)" in said
    assert workshop.tree() == workshop.good
    same_again(workshop)


def test_a_full_disk_stops_the_publication(workshop, bubblewrap):
    """Un vrai disque, où tiennent les pages écrites, et la moitié de la copie que l'on publie."""
    work, site = (
        sum(map(len, workshop.tree(workshop.build / name).values())) for name in ("travail", "html")
    )
    binds = [
        argument
        for name in ("tiers", "npm", "police-notebooks", "reveal", "cache")
        for argument in ("--bind", workshop.build / name, workshop.build / name)
    ]
    disk = ["--size", str(work + site // 2), "--tmpfs", workshop.build]
    status, said = workshop.run_alone(*JAIL, *disk, *binds, "livre")
    assert status == 1, said
    assert f"{REFUSED} (_build/html.nouveau/" in said
    assert "Traceback" not in said


def test_a_read_only_folder_is_named(workshop, bubblewrap):
    touched(workshop)
    status, said = workshop.run_alone(*JAIL, "--ro-bind", workshop.build, workshop.build, "livre")
    assert status == 1, said
    assert "le dossier est en lecture seule (_build" in said
    assert "Traceback" not in said
    assert workshop.tree() == workshop.good
    same_again(workshop)
