"""Les messages des corpus : le fichier, la cause, ce qu'il faut faire, et rien d'abîmé."""

import errno
import re
from pathlib import Path

import pytest

from d2l_fr.corpora import catalog, errors, messages

CORPUS = catalog.Corpus(
    name="conte", title="Un conte", author="A. Nonyme", year=1900, language="français",
    license="domaine public", url="http://ici.fr/un/dossier/conte.txt", sha256="ab" * 32,
    encoding="utf-8", size=38000,
)  # fmt: skip
PLACE = Path("/un dossier ; {à} soi")  # la typographie n'y touche pas
BY_HAND = (
    "procurez-vous conte.txt (38\u202f000\u00a0octets) à l’adresse "
    "http://ici.fr/un/dossier/conte.txt, depuis un autre réseau au besoin, déposez-le dans un "
    "dossier, puis indiquez ce dossier avant d’appeler load_corpus\u00a0:\n"
    '    os.environ["D2L_FR_DONNEES"] = "/chemin/du/dossier"\n'
    "Le corpus «\u00a0recit\u00a0», lui, n’a besoin ni de réseau ni de ce dossier."
)


def parts(error, kind):
    """La cause, le conseil et ce qui suit, d'un message ; le reste en est toujours le même."""
    assert type(error) is kind
    start, message = "Corpus «\u00a0conte\u00a0»\u00a0: ", str(error)
    assert message.startswith(start) and message.count(BY_HAND) == 1
    before, after = message.removeprefix(start).split(" Sinon, " + BY_HAND)
    cause, advice = before.split("\nQue faire\u00a0: ")
    assert advice.endswith(".") and "XX" not in before + after
    return cause, advice[:-1], after


def test_no_network():
    error = messages.no_network(CORPUS, "Refus: {non} ; 'si'")
    cause, advice, after = parts(error, errors.NoNetworkError)
    assert cause.startswith("impossible de joindre ici.fr pour télécharger conte.txt. Le réseau ")
    assert "HTTPS_PROXY" in advice and not error.transient
    assert after == "\nDétail\u00a0: Refus: {non} ; 'si'"


@pytest.mark.parametrize(("seconds", "shown"), [(30, "30"), (0.5, "0,500")])
def test_a_silent_server(seconds, shown):
    error = messages.timeout(CORPUS, seconds)
    cause, advice, after = parts(error, errors.DownloadError)
    assert cause == (
        f"ici.fr n’a rien envoyé de conte.txt pendant {shown}\u00a0s\u00a0: le téléchargement est "
        "abandonné."
    )
    assert (advice, after, error.transient) == ("recommencez plus tard", "", True)


@pytest.mark.parametrize(
    ("code", "reason", "transient"),
    [
        (400, "réponse inattendue", False),
        (401, "identification exigée", False),
        (403, "accès interdit", False),
        (404, "fichier introuvable à cette adresse", False),
        (407, "le serveur mandataire exige une identification", False),
        (410, "fichier retiré de cette adresse", False),
        (428, "réponse inattendue", False),
        (429, "trop de demandes en peu de temps", True),
        (430, "réponse inattendue", False),
        (499, "réponse inattendue", False),
        (500, "panne du serveur", True),
        (502, "panne d’un serveur intermédiaire", True),
        (503, "serveur indisponible", True),
        (504, "un serveur intermédiaire n’a pas répondu à temps", True),
        (510, "réponse inattendue", True),
        (511, "portail captif\u00a0: le réseau demande une connexion", False),
        (512, "réponse inattendue", False),
    ],
)
def test_an_error_of_the_server(code, reason, transient):
    error = messages.status(CORPUS, code)
    cause, advice, after = parts(error, errors.DownloadError)
    assert cause == f"ici.fr répond par l’erreur {code} ({reason}) à la demande de conte.txt."
    assert (advice, after, error.transient) == ("recommencez plus tard", "", transient)


def test_a_refused_exchange():
    error = messages.refused(CORPUS, "SSLError: 'x'")
    cause, advice, after = parts(error, errors.DownloadError)
    assert cause.startswith("le téléchargement de conte.txt depuis ici.fr a échoué (certificat")
    assert "l’horloge" in advice and after == "\nDétail\u00a0: SSLError: 'x'"
    assert not error.transient


@pytest.mark.parametrize("origin", [CORPUS.url, PLACE / "conte.txt"])
def test_a_web_page_instead_of_the_text(origin):
    cause, advice, after = parts(messages.html_page(CORPUS, origin), errors.HTMLPageError)
    assert cause.startswith(
        f"une page web est arrivée à la place de conte.txt (origine\u00a0: {origin}). Le portail"
    )
    assert advice.endswith("connectez-vous au portail, puis recommencez") and after == ""


@pytest.mark.parametrize(
    ("size", "damage"), [(0, "tronqué"), (37_999, "tronqué"), (38_000, "altéré"), (10**6, "altéré")]
)
@pytest.mark.parametrize(
    ("origin", "advice"),
    [
        (CORPUS.url, "recommencez, la transmission a pu être coupée"),
        (PLACE / "conte.txt", "supprimez ce fichier ou remplacez-le"),
    ],
)
def test_a_damaged_file(size, damage, origin, advice):
    error = messages.corrupted(CORPUS, origin, size, "cd" * 32)
    cause, told, after = parts(error, errors.CorruptedFileError)
    first, expected, received = cause.split("\n")
    assert first == f"le fichier conte.txt est {damage} (origine\u00a0: {origin})."
    assert expected == f"  Attendu\u00a0: 38\u202f000\u00a0octets, SHA-256 {'ab' * 32}"
    assert re.fullmatch(
        f"  Reçu\u00a0: [0-9\u202f]+\u00a0octets, SHA-256 {'cd' * 32}", received
    ) and str(size) == re.sub(r"\D", "", received.split("octets")[0])
    assert (told, after, error.transient) == (advice, "", True)


def test_a_file_of_unknown_size_is_only_altered():
    import dataclasses

    unknown = dataclasses.replace(CORPUS, size=None)
    message = str(messages.corrupted(unknown, "là", 0, "cd"))
    assert "est altéré" in message and "Attendu\u00a0: taille inconnue, SHA-256" in message


FULL = "il n’y a plus de place sur le disque, ou votre quota est atteint"
READ_ONLY = "accès refusé, ou dossier en lecture seule"
REASONS = [
    (errno.ENOSPC, FULL, errors.CacheFullError),
    (errno.EDQUOT, FULL, errors.CacheFullError),
    (errno.EFBIG, FULL, errors.CacheFullError),
    (errno.EROFS, READ_ONLY, errors.CacheReadOnlyError),
    (errno.EACCES, READ_ONLY, errors.CacheReadOnlyError),
    (errno.EPERM, READ_ONLY, errors.CacheReadOnlyError),
    (errno.ENOTDIR, "un fichier occupe la place d’un dossier", errors.CacheError),
    (errno.EEXIST, "un fichier occupe la place d’un dossier", errors.CacheError),
    (errno.EISDIR, "un dossier occupe la place du fichier", errors.CacheError),
    (errno.EIO, "[Errno 5] Entrée ; sortie", errors.CacheError),
]


@pytest.mark.parametrize(("code", "reason", "kind"), REASONS)
def test_a_folder_that_cannot_be_written(code, reason, kind):
    error = messages.unwritable(CORPUS, PLACE, OSError(code, "Entrée ; sortie"))
    cause, advice, after = parts(error, kind)
    assert cause == (
        f"impossible d’écrire conte.txt dans le dossier {PLACE} ({reason}). Rien n’y a été changé."
    )
    choose = "choisissez par la variable D2L_FR_DONNEES un dossier où vous pouvez écrire"
    room = "libérez de la place (38\u202f000\u00a0octets suffisent), ou "
    assert advice == (room if reason == FULL else "") + choose
    assert after == "" and not error.transient


@pytest.mark.parametrize(("code", "reason", "kind"), REASONS)
def test_a_file_that_cannot_be_read(code, reason, kind):
    error = messages.unreadable(CORPUS, PLACE / "conte.txt", OSError(code, "Entrée ; sortie"))
    cause, advice, after = parts(error, errors.CacheError)
    assert cause == f"impossible de lire {PLACE / 'conte.txt'} ({reason})."
    assert "D2L_FR_DONNEES" in advice and advice.endswith("le droit d’y lire") and after == ""
