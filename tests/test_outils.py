"""La construction : ce qu'elle refait, ce qu'elle laisse, ce qu'elle dit quand elle échoue."""

import dataclasses
import errno
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest

from conftest import ROOT
from d2l_fr import exercises
from outils import __main__ as command
from outils import chantier, couverture, journal, npm, polices

ROOT_TEXT = "/livre"


def log(line):
    return "\x1b[91m" + line + "\x1b[39;49;00m"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "/livre/book/sequence.md:12: WARNING: undefined label: 'fig-x' [ref.ref]",
            "book/sequence.md, ligne 12 : renvoi vers une étiquette inconnue : « fig-x »",
        ),
        (
            "/livre/book/a.md:3: WARNING: image file not readable: img/x.svg [image.not_readable]",
            "book/a.md, ligne 3 : image introuvable : img/x.svg",
        ),
        (
            '/livre/book/a.md:3: WARNING: could not find bibtex key "absent2020"',
            "book/a.md, ligne 3 : référence absente de references.bib : « absent2020 »",
        ),
        ("WARNING: quelque chose d'autre", "le livre : quelque chose d'autre"),
    ],
)
def test_sphinx_warnings_become_french_lines(line, said):
    assert journal.problems(log(line), ROOT_TEXT) == [said]


def test_lines_are_those_of_the_page_not_of_its_exercises(monkeypatch):
    # Deux exercices, dont le texte prend 10 et 6 lignes à la place des deux de leur directive.
    monkeypatch.setattr(journal, "spans", {"a": [(5, 10), (20, 6)]})
    lines = {4: 4, 5: 5, 14: 5, 15: 7, 19: 11, 20: 12, 25: 12, 26: 14}
    for read, written in lines.items():
        found = journal.problems(f"/livre/book/a.md:{read}: WARNING: x", ROOT_TEXT)
        assert found == [f"book/a.md, ligne {written} : x"]


def test_the_summary_counts_what_it_does_not_show():
    text = "\n".join(f"/livre/book/a.md:{i}: WARNING: problème {i}" for i in range(20))
    summary = journal.summary(text, 1, ROOT_TEXT)
    assert "… et 8 autres" in summary
    assert "_build/livre.log" in summary
    assert journal.summary("", ValueError("trop court"), ROOT_TEXT).count("trop court") == 1
    assert "– TimeoutError" in journal.summary("", TimeoutError(), ROOT_TEXT)


def test_a_kernel_that_stops_is_told_from_a_failing_cell():
    try:
        code = compile("assert False", "/venv/nbclient/client.py", "exec")
        exec(code, {})
    except AssertionError as error:
        assert journal.STOPPED in journal.summary("", error, ROOT_TEXT)


def test_a_failing_cell_is_shown_with_its_line():
    text = (
        log("/livre/book/a.md: WARNING: Executing notebook failed: CellExecutionError")
        + "\nTraceback (most recent call last)\n----> 3 x = inconnu\n"
        + "\x1b[31mNameError\x1b[39m: name 'inconnu' is not defined\n\n [mystnb.exec]\n"
        + "Exception occurred: please report this"
    )
    summary = journal.summary(text, RuntimeError("x"), ROOT_TEXT)
    assert "book/a.md : une cellule échoue à l'exécution (CellExecutionError)" in summary
    assert "----> 3 x = inconnu\nNameError: name 'inconnu' is not defined" in summary
    assert "please report" not in summary


def test_output_is_redirected_and_restored(tmp_path, capfd):
    with journal.redirected(tmp_path / "log"):
        print("dedans")
        subprocess.run(["echo", "sous-processus"], check=True)
        journal.say("à l'écran")
    print("dehors")
    captured = capfd.readouterr()
    assert captured.out == "dehors\n"
    assert captured.err == "à l'écran\n"
    assert set((tmp_path / "log").read_text("utf-8").split()) == {"dedans", "sous-processus"}


def test_an_up_to_date_book_is_left_alone(site):
    before = {p: p.stat().st_mtime_ns for p in site.rglob("*")}
    run = subprocess.run(
        [sys.executable, "-m", "outils", "livre"], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0
    assert "à jour" in run.stdout
    assert {p: p.stat().st_mtime_ns for p in site.rglob("*")} == before


@pytest.fixture
def workshop(tmp_path, monkeypatch):
    """Un chantier à part, dans un dossier temporaire."""
    build = tmp_path / "_build"
    for name, path in {
        "ROOT": tmp_path, "BUILD": build, "WORK": build / "travail", "SITE": build / "html",
        "STATE": build / "etat.json", "MARK": build / "travail/en-cours",
        "LOG": build / "livre.log",
    }.items():  # fmt: skip
        monkeypatch.setattr(chantier, name, path)
    (build / "travail" / "html").mkdir(parents=True)
    (build / "travail" / "html" / "index.html").write_text("nouveau", "utf-8")
    return build


def test_a_finished_site_replaces_the_old_one(workshop):
    (workshop / "html").mkdir()
    (workshop / "html" / "vieille-page.html").write_text("vieux", "utf-8")
    chantier._publish()
    assert (workshop / "html" / "index.html").read_text("utf-8") == "nouveau"
    assert not (workshop / "html" / "vieille-page.html").exists()
    assert sorted(p.name for p in workshop.iterdir()) == ["html", "travail"]


def test_a_full_disk_leaves_the_old_site(workshop, monkeypatch, capsys):
    (workshop / "html").mkdir()
    (workshop / "html" / "index.html").write_text("vieux", "utf-8")

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device", "x.html")

    monkeypatch.setattr(shutil, "copytree", full)
    monkeypatch.setattr(chantier, "livre", chantier._publish)
    assert command.main(["livre"]) == 1
    assert "le disque est plein" in capsys.readouterr().err
    assert (workshop / "html" / "index.html").read_text("utf-8") == "vieux"


def test_an_interrupted_build_says_so(monkeypatch, capsys):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(chantier, "livre", interrupted)
    assert command.main(["livre"]) == 130
    assert "Interrompu" in capsys.readouterr().err


def test_a_failed_build_says_why(monkeypatch, capsys):
    def fails():
        raise chantier.BuildError("une raison précise")

    monkeypatch.setattr(chantier, "livre", fails)
    assert command.main(["livre"]) == 1
    assert "Échec : une raison précise" in capsys.readouterr().err


def test_a_copy_that_fails_says_why_and_where(tmp_path):
    error = shutil.Error([("a", "/livre/b", "[Errno 28] No space left on device: 'a' -> 'b'")])
    assert journal.told(error, ROOT_TEXT) == (
        "le disque est plein ; libérez de la place et relancez (b)"
    )


def test_a_full_disk_when_noting_what_was_done_loses_nothing(workshop, monkeypatch):
    monkeypatch.setattr(chantier, "_check", lambda: None)
    monkeypatch.setattr(chantier, "vendor", lambda: None)
    monkeypatch.setattr(chantier.relecture, "problems", lambda *args: [])

    class Full(type(Path())):
        def write_text(self, *args):
            raise OSError(errno.ENOSPC, "No space left on device", str(self))

    monkeypatch.setattr(chantier, "STATE", Full(chantier.STATE))

    def sphinx():
        (workshop / "travail" / "html").mkdir(exist_ok=True)
        (workshop / "travail" / "html" / "index.html").write_text("nouveau", "utf-8")

    monkeypatch.setattr(chantier, "_sphinx", sphinx)
    with pytest.raises(OSError, match="No space left"):
        chantier._livre()
    assert (workshop / "html" / "index.html").read_text("utf-8") == "nouveau"


@pytest.mark.parametrize("content", [b"[]", b"null", b"\xff\xfe{", b'{"tout": "a'])
def test_an_unreadable_state_is_no_state(workshop, content):
    chantier.STATE.write_bytes(content)
    assert chantier._load_state() == {}


class FakeNpm:
    """npm, joué : ce qu'il installe, ou ce qu'il dit en échouant."""

    def __init__(self, error=""):
        self.error, self.calls = error, 0

    def __call__(self, command, cwd, **options):
        self.calls += 1
        (cwd / "node_modules").mkdir()
        return subprocess.CompletedProcess(command, bool(self.error), "", self.error)


@pytest.fixture
def installer(workshop, monkeypatch):
    """De quoi installer sans réseau : npm est joué, et ne donne qu'un fichier."""
    shutil.copytree(ROOT / "outils", workshop.parent / "outils")
    fake = FakeNpm()
    monkeypatch.setattr(npm.subprocess, "run", fake)

    def write(source, build):
        (build / "tiers").mkdir(exist_ok=True)
        (build / "tiers" / "temml.css").write_text("math { }", "utf-8")

    monkeypatch.setattr(chantier.tiers, "write", write)
    return fake


def test_what_came_from_npm_is_installed_again_once_damaged(workshop, installer):
    sheet = workshop / "tiers" / "temml.css"
    for calls, damage in enumerate([None, lambda: sheet.write_text("ma"), sheet.unlink], 1):
        if damage:
            damage()
        for _ in range(2):  # la seconde fois, il n'y a rien à faire
            chantier.vendor()
        assert sheet.read_text("utf-8") == "math { }"
        assert installer.calls == calls


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("npm error code EINTEGRITY", "n'est pas celui que décrit outils/package-lock.json"),
        ("npm error network", "vérifiez la connexion au registre"),
    ],
)
def test_what_npm_refuses_is_told(workshop, installer, error, said):
    installer.error = error
    with pytest.raises(chantier.BuildError, match=said):
        chantier.vendor()
    assert not (workshop / "tiers" / ".fait").exists()


def test_a_package_that_is_not_what_we_expect_is_named(workshop, installer, monkeypatch):
    def write(source, build):
        raise FileNotFoundError(errno.ENOENT, "No such file", "temml/dist/Temml-Local.css")

    monkeypatch.setattr(chantier.tiers, "write", write)
    with pytest.raises(chantier.BuildError, match="Temml-Local"):
        chantier.vendor()


def test_a_reduced_font_does_not_know_what_day_it_is(site, tmp_path, monkeypatch):
    monkeypatch.setattr("fontTools.ttLib.tables._h_e_a_d.timestampNow", lambda: 3_000_000_000)
    name, _, file, _, _, axes, characters, features = polices.FACES[-1]
    source = ROOT / "_build/npm/node_modules" / polices.VARIABLE / f"{file}.woff2"
    polices.reduce(source, tmp_path / "police.woff2", characters, features, axes)
    made = ROOT / "_build" / "tiers" / f"{name}.woff2"
    assert (tmp_path / "police.woff2").read_bytes() == made.read_bytes()


def test_a_second_build_waits_for_the_first(workshop, monkeypatch, capsys):
    order = []
    first, second = threading.Event(), threading.Event()

    def build():
        order.append("début")
        first.set()
        second.wait(10)
        order.append("fin")

    monkeypatch.setattr(chantier, "_livre", build)
    threads = [threading.Thread(target=chantier.livre) for _ in range(2)]
    threads[0].start()
    assert first.wait(10)
    threads[1].start()
    for _ in range(100):
        if "on attend qu'elle finisse" in (said := capsys.readouterr().out):
            break
        time.sleep(0.05)
    assert "on attend qu'elle finisse" in said
    second.set()
    for thread in threads:
        thread.join(10)
    assert order == ["début", "fin", "début", "fin"]


def test_fingerprints_follow_content_not_dates(tmp_path, monkeypatch):
    monkeypatch.setattr(chantier, "ROOT", tmp_path)
    page = tmp_path / "a.md"
    page.write_text("un", "utf-8")
    first = chantier.fingerprint("*.md")
    page.touch()
    assert chantier.fingerprint("*.md") == first
    page.write_text("deux", "utf-8")
    assert chantier.fingerprint("*.md") != first
    page.write_text("un", "utf-8")
    page.rename(tmp_path / "b.md")
    assert chantier.fingerprint("*.md") != first


def test_results_depend_on_the_code_of_exercises_not_on_their_prose(monkeypatch):
    before, loader = chantier._package_fingerprint(), exercises.load_exercises

    def changed(**changes):
        def load(section):
            return {n: dataclasses.replace(e, **changes) for n, e in loader(section).items()}

        monkeypatch.setattr(exercises, "load_exercises", load)
        return chantier._package_fingerprint()

    assert changed(statement="Un autre énoncé.", explanation="Autrement dit.") == before
    for block in ("solution", "checks", "mistakes"):
        assert changed(**{block: "x = 1"}) != before, block


def test_reading_without_a_book_says_what_to_do(workshop):
    shutil.rmtree(workshop / "html", ignore_errors=True)
    with pytest.raises(chantier.BuildError, match="make livre"):
        chantier.lire()


def test_the_book_is_served_with_its_own_404(site):
    process = subprocess.Popen(
        [sys.executable, "-m", "outils", "lire"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    killer = threading.Timer(60, process.kill)
    killer.start()
    try:
        address = process.stdout.readline().split(" sur ")[1].split()[0]
        with urllib.request.urlopen(address) as answer:
            assert "<html" in answer.read().decode()
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(address + "rien/du/tout")
        assert error.value.code == 404
        assert "Cette page n’existe pas" in error.value.read().decode()
    finally:
        killer.cancel()
        process.terminate()
        process.wait()


def test_the_repository_address_is_empty_by_default():
    assert chantier.read_config()["repository"]["url"] == ""
    assert "github.com" not in Path(ROOT / "_config.yml").read_text("utf-8")


def test_the_coverage_leaves_out_what_runs_elsewhere_and_nothing_else():
    assert all((ROOT / "tests" / f"test_{name}.py").is_file() for name in couverture.ELSEWHERE)
    kept = {Path(file).name for file in couverture.test_files()}
    assert {"test_rnn.py", "test_devoirs.py", "test_vivantes.py"} <= kept
    assert "test_site.py" not in kept
    items = [SimpleNamespace(fixturenames=names) for names in (["tmp_path"], ["tab", "browser"])]
    couverture.Near().pytest_collection_modifyitems(items)
    assert [item.fixturenames for item in items] == [["tmp_path"]]
