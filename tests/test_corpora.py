"""Les corpus : lecture, téléchargement (depuis un serveur local), pannes."""

import dataclasses
import errno
import hashlib
import http.server
import io
import os
import pickle
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pooch
import pytest
import tqdm.auto  # noqa: F401  chargé avant qu'un test ne change d'utilisateur

from d2l_fr import corpora
from d2l_fr.corpora import cache, catalog, download, messages

ROOT = Path(__file__).resolve().parents[1]
NAME = "time-machine"
BODY = b"Once upon a time.\r\n" * 2000
TEXT = BODY.decode().replace("\r\n", "\n")
OLD = b"un ancien fichier"


# Le serveur local : chaque demande consomme une réponse, la dernière sert ensuite toujours.


def send(body=BODY, status=200, length=None, **headers):
    def answer(handler):
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def silence(handler):
    handler.server.closing.wait(10)


def silence_midway(handler):
    send(BODY[:5000], length=len(BODY))(handler)
    silence(handler)


def hang_up(handler):
    handler.connection.shutdown(socket.SHUT_RDWR)


def interrupt(handler):
    send(BODY[:5000], length=len(BODY))(handler)
    os.kill(os.getpid(), signal.SIGINT)
    silence(handler)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.hits += 1
        answers = self.server.answers
        (answers.pop(0) if len(answers) > 1 else answers[0])(self)
        self.close_connection = True

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.hits, server.answers, server.closing = 0, [send()], threading.Event()
        server.url = f"http://127.0.0.1:{server.server_port}/un/dossier/conte.txt"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.closing.set()
        server.shutdown()


def redirect(monkeypatch, **changes):
    corpus = dataclasses.replace(catalog.CORPORA[NAME], **changes)
    monkeypatch.setitem(catalog.CORPORA, NAME, corpus)


@pytest.fixture
def folder(server, monkeypatch, tmp_path):
    """Le dossier des corpus, pas encore créé ; « time-machine » y viendrait du serveur local."""
    redirect(monkeypatch, url=server.url, sha256=hashlib.sha256(BODY).hexdigest(), size=len(BODY))
    monkeypatch.setattr(download, "WAIT", 0)
    monkeypatch.setenv("D2L_FR_DONNEES", str(tmp_path / "corpus"))
    return tmp_path / "corpus"


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def failure(kind, *words):
    with pytest.raises(kind) as caught:
        corpora.load_corpus(NAME)
    assert type(caught.value) is kind
    message = str(caught.value)
    assert all(word in message for word in ("conte.txt", "Que faire", "D2L_FR_DONNEES", *words)), (
        message
    )
    return caught.value


# Ce qui réussit


def test_downloads_once(server, folder):
    assert corpora.load_corpus(NAME) == corpora.load_corpus(NAME) == TEXT
    assert server.hits == 1 and content(folder) == {"conte.txt": BODY}
    assert (folder / "conte.txt").stat().st_mode & 0o777 == 0o666 & ~umask()


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("value", [None, ""])
def test_default_folder_is_the_system_cache(server, folder, monkeypatch, tmp_path, value):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("D2L_FR_DONNEES") if value is None else monkeypatch.setenv(
        "D2L_FR_DONNEES", value
    )
    assert corpora.load_corpus(NAME) == TEXT
    assert tmp_path in pooch.os_cache("d2l_fr").parents
    assert content(pooch.os_cache("d2l_fr")) == {"conte.txt": BODY}


def test_home_is_expanded(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("D2L_FR_DONNEES", "~/textes")
    assert cache.folder() == tmp_path / "textes"


@pytest.mark.parametrize(
    "first",
    [
        send(b"", 500),
        send(b"", 503),
        send(BODY[:99], length=len(BODY)),
        send(OLD),
        silence,
        hang_up,
    ],
)
def test_transient_failure_is_tried_again(server, folder, monkeypatch, first):
    if first is silence:
        monkeypatch.setattr(download, "SILENCE_TIMEOUT", 1)
    server.answers = [first, send()]
    assert corpora.load_corpus(NAME) == TEXT
    assert server.hits == 2 and content(folder) == {"conte.txt": BODY}


def test_progress_bar_is_optional(server, folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    assert corpora.load_corpus(NAME) == TEXT


@pytest.mark.parametrize("old", [OLD, b"", b"<html>", BODY[:-1]])
def test_altered_file_is_replaced(server, folder, old):
    folder.mkdir()
    (folder / "conte.txt").write_bytes(old)
    # Qui lisait l'ancien fichier le lit jusqu'au bout : le nouveau prend son nom, non ses octets.
    with open(folder / "conte.txt", "rb") as reader:
        assert corpora.load_corpus(NAME) == TEXT
        assert reader.read() == old
    assert content(folder) == {"conte.txt": BODY}


# Ce qui échoue : un message complet, un dossier intact

HTML = b"<!DOCTYPE html>\n<html><body>Bienvenue sur le Wi-Fi</body></html>"
FAILURES = {
    "404": (send(b"", 404), corpora.DownloadError, ["404", "introuvable"], 1),
    "500": (send(b"", 500), corpora.DownloadError, ["500", "panne du serveur"], 3),
    "418": (send(b"", 418), corpora.DownloadError, ["418"], 1),
    "silence": (silence, corpora.DownloadError, ["0,300\u00a0s"], 3),
    "silence au milieu": (silence_midway, corpora.DownloadError, ["0,300\u00a0s"], 3),
    "coupure": (send(BODY[:5000], length=len(BODY)), corpora.CorruptedFileError, ["tronqué"], 3),
    "coupure au début": (
        hang_up,
        corpora.CorruptedFileError,
        ["tronqué", "Reçu\u00a0: 0\u00a0octets"],
        3,
    ),
    "court": (
        send(BODY[:5000]),
        corpora.CorruptedFileError,
        ["tronqué", "Reçu\u00a0: 5000\u00a0octets"],
        3,
    ),
    "altéré": (
        send(BODY[::-1]),
        corpora.CorruptedFileError,
        ["altéré", "38\u202f000\u00a0octets"],
        3,
    ),
    "page": (send(HTML), corpora.HTMLPageError, ["page web", "portail"], 1),
    "gzip faux": (
        send(OLD, **{"Content-Encoding": "gzip"}),
        corpora.DownloadError,
        ["invalide"],
        1,
    ),
    "boucle": (send(b"", 302, Location="/"), corpora.DownloadError, ["invalide"], 1),
    "longueur fausse": (send(length="beaucoup"), corpora.DownloadError, ["invalide"], 1),
}


@pytest.mark.parametrize(
    "before", [{}, {"conte.txt": OLD, "autre.txt": BODY}], ids=["vide", "plein"]
)
@pytest.mark.parametrize("case", FAILURES)
def test_failed_download_leaves_the_folder_alone(server, folder, monkeypatch, case, before):
    answer, kind, words, hits = FAILURES[case]
    if answer in (silence, silence_midway):
        monkeypatch.setattr(download, "SILENCE_TIMEOUT", 0.3)
    server.answers = [answer]
    folder.mkdir()
    for name, data in before.items():
        (folder / name).write_bytes(data)
    error = failure(kind, *words)
    # Le fichier altéré que l'on voulait remplacer n'est pas oublié.
    assert isinstance(error.__cause__, corpora.CorruptedFileError) == bool(before)
    if kind is corpora.CorruptedFileError:
        expected, received = re.findall(r"\b[0-9a-f]{64}\b", str(error))
        assert expected == hashlib.sha256(BODY).hexdigest() != received
    assert content(folder) == before
    assert server.hits == hits or case == "boucle"


def test_closed_port(server, folder, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        redirect(monkeypatch, url=f"http://127.0.0.1:{free.getsockname()[1]}/conte.txt")
        failure(corpora.NoNetworkError, "127.0.0.1", "connexion")
    assert content(folder) == {}


def test_interruption_leaves_no_temporary_file(server, folder):
    server.answers = [interrupt]
    with pytest.raises(KeyboardInterrupt):
        corpora.load_corpus(NAME)
    assert content(folder) == {}


@pytest.fixture
def plain_user(folder, monkeypatch):
    """Un dossier à soi, et les droits d'un utilisateur : ceux de root passent outre chmod."""
    with tempfile.TemporaryDirectory() as home:
        shared = Path(home, "corpus")
        shared.mkdir()
        Path(home).chmod(0o755)
        monkeypatch.setenv("D2L_FR_DONNEES", str(shared))
        root = os.geteuid() == 0
        if root:
            os.chown(shared, 65534, -1)
            os.seteuid(65534)
        yield shared
        if root:
            os.seteuid(0)
        shared.chmod(0o755)


def test_read_only_folder(server, plain_user):
    plain_user.chmod(0o555)
    failure(corpora.CacheReadOnlyError, str(plain_user), "lecture seule")
    plain_user.chmod(0o755)
    (plain_user / "conte.txt").write_bytes(OLD)
    plain_user.chmod(0o555)
    failure(
        corpora.CorruptedFileError,
        "supprimez ce fichier",
        "tronqué",
        str(plain_user),
        hashlib.sha256(OLD).hexdigest(),
    )
    assert content(plain_user) == {"conte.txt": OLD}
    plain_user.chmod(0o755)
    (plain_user / "conte.txt").write_bytes(BODY)
    plain_user.chmod(0o555)
    assert corpora.load_corpus(NAME) == TEXT
    assert server.hits == 0


def test_forbidden_folder(server, plain_user):
    plain_user.chmod(0o000)
    failure(corpora.CacheError, "impossible de lire", "accès refusé")


def test_misplaced_file_and_folder(server, folder):
    (folder / "conte.txt").mkdir(parents=True)
    failure(corpora.CacheError, "un dossier occupe la place du fichier")
    shutil.rmtree(folder)
    folder.write_bytes(OLD)
    failure(corpora.CacheError, str(folder), "un fichier occupe la place d’un dossier")
    assert folder.read_bytes() == OLD and server.hits == 0


def test_disk_full(server, folder, monkeypatch):
    folder.mkdir()
    (folder / "conte.txt").write_bytes(OLD)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        failure(corpora.CacheFullError, str(folder), "plus de place", "38\u202f000\u00a0octets")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    # Un vrai ENOSPC : le fichier temporaire s'écrit dans /dev/full, où rien ne tient.
    if Path("/dev/full").exists():
        full = io.FileIO("/dev/full", "w")
        monkeypatch.setattr(download, "open", lambda path, mode: full, raising=False)
        failure(corpora.CacheFullError, "plus de place")
    assert content(folder) == {"conte.txt": OLD}


def test_errors_survive_pickling(server, folder):
    server.answers = [send(HTML)]
    with pytest.raises(corpora.CorpusError) as caught:
        corpora.load_corpus(NAME)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


# Dans d'autres processus, sur une copie du seul sous-paquet : rien d'autre n'y charge torch


@pytest.fixture
def package(tmp_path):
    source, copy = ROOT / "d2l_fr", tmp_path / "copie" / "d2l_fr"
    shutil.copytree(
        source / "corpora", copy / "corpora", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(source / "french.py", copy)
    tale = copy / "corpora" / "recit.txt"
    if not tale.exists():
        tale.write_text("Il était une fois un récit.\n", encoding="utf-8")
    return copy


def start(package, code, **environment):
    command = [sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(package.parent), **environment}
    return subprocess.Popen(
        command,
        env=environment,
        cwd=package,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finish(process):
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out


def test_two_processes_at_once(server, folder, package):
    together = threading.Barrier(2)

    def answer(handler):
        together.wait(60)
        send()(handler)

    server.answers = [answer]
    corpus = catalog.CORPORA[NAME]
    code = f"""
import dataclasses, hashlib
from d2l_fr.corpora import catalog, load_corpus
catalog.CORPORA["{NAME}"] = dataclasses.replace(
    catalog.CORPORA["{NAME}"], url="{corpus.url}", sha256="{corpus.sha256}", size={corpus.size})
print(hashlib.sha256(load_corpus("{NAME}").encode()).hexdigest())
"""
    outputs = [finish(process) for process in [start(package, code), start(package, code)]]
    assert [out.strip() for out in outputs] == [hashlib.sha256(TEXT.encode()).hexdigest()] * 2
    assert server.hits == 2 and content(folder) == {"conte.txt": BODY}


def test_tale_needs_neither_network_nor_pooch(package):
    code = """
import sys
from d2l_fr.corpora import list_corpora, load_corpus
text = load_corpus()
assert text and text == load_corpus("recit") and "\\r" not in text
assert list_corpora()[0].size >= len(text) and len(list_corpora()[0].sha256) == 64
loaded = {"pooch", "requests", "torch", "tqdm", "d2l_fr.corpora.download"} & set(sys.modules)
assert not loaded, loaded
"""
    finish(start(package, code))


def test_the_tale_says_its_size_and_its_digest():
    tale, *classics = corpora.list_corpora()
    data = (ROOT / "d2l_fr" / "corpora" / "recit.txt").read_bytes()
    assert (tale.name, tale.size, tale.sha256) == (
        "recit",
        len(data),
        hashlib.sha256(data).hexdigest(),
    )
    assert corpora.load_corpus() == data.decode() and tale.embedded
    assert classics == [c for c in catalog.CORPORA.values() if c.url]


def test_a_trouble_without_a_name_keeps_the_words_of_the_system():
    corpus, error = catalog.CORPORA[NAME], OSError(errno.EIO, "la clé a été retirée")
    for make in (messages.unreadable, messages.unwritable):
        trouble = make(corpus, "/media/cle", error)
        assert type(trouble) is corpora.CacheError and "la clé a été retirée" in str(trouble)
        assert "/media/cle" in str(trouble) and "Que faire" in str(trouble)


def test_missing_tale(monkeypatch):
    tale = dataclasses.replace(catalog.CORPORA["recit"], name="absent")
    monkeypatch.setitem(catalog.CORPORA, "absent", tale)
    with pytest.raises(corpora.CorruptedFileError, match=r"absent\.txt.*Réinstallez"):
        corpora.load_corpus("absent")


# Le catalogue


@pytest.mark.parametrize(
    "name, near", [("terre-lun", "terre-lune"), ("Time Machine", "time-machine")]
)
def test_unknown_name_suggests_the_nearest(name, near):
    with pytest.raises(corpora.UnknownCorpusError, match=f"Vouliez-vous dire «\u00a0{near}\u00a0»"):
        corpora.load_corpus(name)


@pytest.mark.parametrize("name", ["", "Zola", None, 3, [1]])
def test_unknown_name_far_from_all(name):
    with pytest.raises(ValueError, match="recit, terre-lune, centre-terre, time-machine") as caught:
        corpora.load_corpus(name)
    assert isinstance(caught.value, corpora.CorpusError) and "Vouliez-vous" not in str(caught.value)


def test_catalog_is_pinned_and_readable():
    for corpus in catalog.CORPORA.values():
        assert (
            str(corpus) == repr(corpus)
            and corpus.name in str(corpus)
            and corpus.title in str(corpus)
        )
        assert corpus.embedded == (corpus.url is None)
        if not corpus.embedded:
            assert re.search(r"/[0-9a-f]{40}/", corpus.url) and re.fullmatch(
                "[0-9a-f]{64}", corpus.sha256
            )
    assert "377\u202f368\u00a0octets" in str(catalog.CORPORA["terre-lune"])
    with pytest.raises(dataclasses.FrozenInstanceError):
        catalog.CORPORA["recit"].name = "autre"
