"""Le téléchargement, pièce par pièce : attentes, délais, barre, et l'erreur traduite."""

import contextlib
import hashlib
import sys

import pytest
import requests
import tqdm.auto
from urllib3.exceptions import MaxRetryError, ProtocolError, ReadTimeoutError

from d2l_fr.corpora import CorruptedFileError, DownloadError, NoNetworkError, catalog, download

CORPUS = catalog.CORPORA["terre-lune"]


@pytest.fixture
def naps(monkeypatch):
    """Les attentes demandées, sans attendre."""
    asked = []
    monkeypatch.setattr(download.time, "sleep", asked.append)
    return asked


def failing(monkeypatch, *transients):
    """Fait échouer un essai par valeur, puis réussir ; rend le nombre d'essais faits."""
    tried = []

    def attempt(corpus, path):
        tried.append((corpus, path))
        if len(tried) > len(transients):
            return b"texte"
        error = DownloadError(f"essai {len(tried)}")
        error.transient = transients[len(tried) - 1]
        raise error

    monkeypatch.setattr(download, "_attempt", attempt)
    return tried


@pytest.mark.parametrize(("failures", "slept"), [(0, []), (1, [1]), (2, [1, 2])])
def test_each_new_attempt_waits_longer(monkeypatch, naps, failures, slept):
    tried = failing(monkeypatch, *[True] * failures)
    assert download.download(CORPUS, "là") == b"texte"
    assert tried == [(CORPUS, "là")] * (failures + 1) and naps == slept


def test_the_third_failure_is_the_last(monkeypatch, naps):
    tried = failing(monkeypatch, True, True, True)
    with pytest.raises(DownloadError, match="essai 3"):
        download.download(CORPUS, "là")
    assert tried == [(CORPUS, "là")] * 3 and naps == [1, 2]


def test_a_failure_that_will_last_is_not_tried_again(monkeypatch, naps):
    tried = failing(monkeypatch, True, False)
    with pytest.raises(DownloadError, match="essai 2"):
        download.download(CORPUS, "là")
    assert len(tried) == 2 and naps == [1]


def test_the_transfer_has_delays_and_a_bar(monkeypatch, tmp_path):
    asked = []

    def downloader(**options):
        return lambda *arguments: asked.append((options, arguments))

    monkeypatch.setattr(download, "HTTPDownloader", downloader)
    monkeypatch.setattr(download, "_progress", lambda corpus: contextlib.nullcontext(corpus.name))
    download._transfer(CORPUS, "fichier")
    [(options, arguments)] = asked
    assert options["progressbar"] == "terre-lune" and arguments == (CORPUS.url, "fichier", None)
    connect, silence = options["timeout"]
    assert (connect, silence) == (download.CONNECT_TIMEOUT, download.SILENCE_TIMEOUT)
    assert 5 <= connect < silence <= 60


def test_the_bar_counts_the_bytes_of_the_file(monkeypatch):
    asked = []
    monkeypatch.setattr(tqdm.auto, "tqdm", lambda **options: asked.append(options))
    download._progress(CORPUS)
    assert asked == [
        {"desc": "799-0.txt", "total": 377368, "unit": "o", "unit_scale": True, "leave": False}
    ]


def test_without_tqdm_there_is_no_bar(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with download._progress(CORPUS) as bar:
        assert bar is False


def answered(code):
    response = requests.Response()
    response.status_code = code
    return requests.HTTPError(response=response)


REFUSED = MaxRetryError(None, "/")
CASES = [
    (answered(404), DownloadError, "répond par l’erreur 404"),
    (requests.ReadTimeout(), DownloadError, "n’a rien envoyé de 799-0.txt pendant 30"),
    (requests.ConnectionError(ReadTimeoutError(None, "/", "")), DownloadError, "n’a rien envoyé"),
    (requests.ConnectionError(REFUSED), NoNetworkError, "Détail\u00a0: ConnectionError: "),
    (requests.exceptions.SSLError(REFUSED), DownloadError, "a échoué (certificat refusé"),
    (requests.exceptions.SSLError(), DownloadError, "Détail\u00a0: SSLError: "),
    (ValueError("adresse"), DownloadError, "Détail\u00a0: ValueError: adresse"),
]


@pytest.mark.parametrize(("error", "kind", "said"), CASES)
def test_each_exception_has_its_message(tmp_path, error, kind, said):
    translated = download._translate(error, CORPUS, tmp_path / "absent")
    assert type(translated) is kind and said in str(translated)


def test_a_cut_is_told_with_what_has_arrived(tmp_path):
    (tmp_path / "reçu").write_bytes(b"Il")
    error = requests.exceptions.ChunkedEncodingError(ProtocolError())
    translated = download._translate(error, CORPUS, tmp_path / "reçu")
    assert type(translated) is CorruptedFileError
    received = f"2\u00a0octets, SHA-256 {hashlib.sha256(b'Il').hexdigest()}"
    assert f"(origine\u00a0: {CORPUS.url})" in str(translated) and received in str(translated)
