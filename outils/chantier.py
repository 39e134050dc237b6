"""La construction du livre : ce qui manque, et rien de plus.

Le site se construit dans ``_build/travail`` et ne remplace ``_build/html`` qu'une fois complet :
une construction qui échoue laisse le livre précédent en place.
"""

import contextlib
import functools
import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from filelock import FileLock, Timeout

from outils import controle, journal, npm, poids, relecture, tiers
from outils.journal import BuildError

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "_build"
WORK = BUILD / "travail"
SITE = BUILD / "html"
STATE = BUILD / "etat.json"
MARK = WORK / "en-cours"
LOG = BUILD / "livre.log"
# Ce que la publication d'une fourche change au site.
SETTINGS = ("GITHUB_REPOSITORY", "D2L_FR_PUBLICATION", "D2L_FR_BRANCHE", "D2L_FR_ADRESSE")
# Ce que Jupyter Book charge d'ordinaire, moins ce dont aucune page ne se sert (thebe, boutons,
# onglets, commentaires, et le thème : le nôtre est book/_theme). _config.yml ajoute les nôtres.
EXTENSIONS = [
    "myst_nb",
    "jupyter_book",
    "sphinx_external_toc",
    "sphinx_multitoc_numbering",
    "sphinx_exercise",
    "sphinxcontrib.bibtex",
]
READY = f"Ouvrez {SITE / 'index.html'}, ou lancez « make lire »."


def _files(*patterns):
    for pattern in patterns:
        for path in sorted(ROOT.glob(pattern)):
            skip = {"__pycache__", "node_modules"} & set(path.parts)
            if path.is_file() and not skip and path.suffix != ".pyc":
                yield path


def fingerprint(*patterns, salt="", without=None):
    """L'empreinte du contenu des fichiers qui répondent aux motifs, hors du dossier ``without``."""
    digest = hashlib.sha256(salt.encode())
    for path in _files(*patterns):
        if without and without in path.parts:
            continue
        digest.update(f"{path.relative_to(ROOT)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:20]


def _package_fingerprint():
    """Ce dont dépendent les résultats des pages, hors de leurs propres cellules."""
    from d2l_fr.exercises import load_exercises
    from d2l_fr.exercises.source import sections

    code = [
        (e.solution, e.checks, e.mistakes)
        for section in sections()
        for e in load_exercises(section).values()
    ]
    return fingerprint(
        "d2l_fr/**/*.py", "d2l_fr/corpora/*.txt", salt=repr((code, _versions())),
        without="assignments",  # aucune page n'appelle le correcteur
    )  # fmt: skip


def _versions():
    """Les versions qu'exécutent les pages : dans ``requirements.txt``, « Le code enseigné »."""
    text = (ROOT / "requirements.txt").read_text("utf-8")
    return text.partition("# Le code enseigné")[2].partition("\n\n")[0].split()


def _sources():
    """Tout ce que la construction lit."""
    setting = [os.environ.get(k, "") for k in SETTINGS]
    return fingerprint(
        "book/**/*", "d2l_fr/**/*", "outils/*", "_config.yml", "requirements.txt",
        salt=repr((setting, sys.version)),
    )  # fmt: skip


def _with_notebooks(sources):
    """Les sources, et les notebooks : la construction les écrit, mais on peut y toucher."""
    return f"{sources} {fingerprint('notebooks/*.ipynb')}"


def _engine():
    """Ce qui change toutes les pages sans changer leur texte."""
    return fingerprint(
        "book/_ext/*", "book/_theme/*", "book/statique/*", "outils/*", "d2l_fr/palette.py"
    )


def _work():
    """Ce que la dernière construction a laissé à la suivante."""
    return fingerprint("_build/travail/**/*")


def _load_state():
    try:
        found = json.loads(STATE.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def vendor():
    """Installe formules et polices (npm ci), et n'en garde que ce que le site sert.

    Ce qui manque, ou n'est plus ce qui a été posé, se réinstalle.
    """
    recipe = fingerprint("outils/package-lock.json", "outils/tiers.py", "outils/polices.py")
    done = BUILD / "tiers" / ".fait"
    if done.is_file() and done.read_bytes().decode(errors="replace") == _installed(recipe):
        return
    print("Formules et polices : installation…", flush=True)
    modules = BUILD / "npm"
    run = npm.install(ROOT / "outils", modules)
    if run.returncode:
        said = (run.stderr or run.stdout).strip()[-1500:]
        why = (
            "un paquet de npm n'est pas celui que décrit outils/package-lock.json."
            if "EINTEGRITY" in said
            else "npm n'a pas pu installer formules et polices ; vérifiez la connexion au registre"
        )
        raise BuildError(f"{why}\n{said}")
    try:
        tiers.write(modules / "node_modules", BUILD)
    except (ValueError, FileNotFoundError) as error:
        raise BuildError(f"un paquet de npm n'est pas ce qu'on attend : {error}") from error
    done.write_text(_installed(recipe), "utf-8")


def _installed(recipe):
    """Ce qui est posé dans _build, et d'après quoi."""
    return f"{recipe} {fingerprint(*tiers.KEPT)}"


def read_config():
    """Ce que dit _config.yml ; lève ``BuildError`` s'il ne se lit pas."""
    try:
        return controle.read_config(ROOT)
    except ValueError as error:
        raise BuildError(str(error)) from None


def _check():
    """Refuse ce qui ne peut pas donner un livre, avant de rien exécuter."""
    read_config()
    if found := controle.problems(ROOT):
        raise BuildError(journal.refusal(found))


def _status(build, *arguments, **options):
    """Ce que rend la construction : zéro, un statut, ou l'exception qui l'a arrêtée."""
    try:
        return build(*arguments, **options)
    except Exception as error:
        return error


def _sphinx():
    """Lance Jupyter Book ; sa sortie va dans le journal, les avertissements sont des erreurs."""
    package = _package_fingerprint()
    cache = BUILD / "cache" / package
    for other in (BUILD / "cache").glob("*"):
        if other != cache:
            shutil.rmtree(other, ignore_errors=True)
    if cache.exists() and not controle.cache_is_sound(cache):
        print("Le cache ne se lit plus : toutes les pages s'exécutent de nouveau.", flush=True)
        shutil.rmtree(cache)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    os.environ["TQDM_DISABLE"] = "1"  # une barre de progression n'a rien à faire dans une page
    for folder in (ROOT, ROOT / "book" / "_ext"):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
    from jupyter_book.sphinx import build_sphinx

    config = read_config()
    with journal.redirected(LOG):
        status = _status(build_sphinx,
            ROOT / "book", WORK / "html", path_config=ROOT / "_config.yml", noconfig=True,
            doctreedir=WORK / "doctrees", warningiserror=True, keep_going=True,
            confoverrides={
                "extensions": EXTENSIONS + list(config["sphinx"]["local_extensions"]),
                "latex_individualpages": False,
                "external_toc_path": str(ROOT / "book" / "_toc.yml"),
                "nb_execution_cache_path": str(cache),
                "empreinte_paquet": package,
                "depot_configure": (config["repository"].get("url") or "").rstrip("/"),
                "branche_configuree": config["repository"].get("branch") or "main",
            },
        )  # fmt: skip
    if isinstance(status, KeyboardInterrupt) or journal.interrupted(status):  # non levée
        raise KeyboardInterrupt
    if status:
        log = LOG.read_text("utf-8", errors="replace")
        raise BuildError(journal.summary(log, status, ROOT))


def _restore():
    """Remet à sa place le site qu'une publication, tuée net, avait écarté."""
    old = BUILD / "html.ancien"
    if old.exists() and not SITE.exists():
        old.rename(SITE)


def _publish():
    """Remplace le site d'un seul geste ; en cas d'échec, l'ancien reste."""
    new, old = BUILD / "html.nouveau", BUILD / "html.ancien"
    for leftover in (new, old):
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        left = shutil.ignore_patterns(".buildinfo", "objects.inv")
        shutil.copytree(WORK / "html", new, ignore=left)
        if SITE.exists():
            SITE.rename(old)
        new.rename(SITE)
    finally:  # ce qui n'a pas servi ne garde pas la place qu'il prend
        _restore()
        shutil.rmtree(new, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def alone():
    """Une seule construction à la fois : une seconde attend que la première ait fini."""
    BUILD.mkdir(exist_ok=True)
    lock = FileLock(BUILD / "verrou")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print("Une autre construction est en cours ; on attend qu'elle finisse…", flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def livre():
    """Construit ce qui doit l'être, puis dit quoi ouvrir."""
    with alone():
        _livre()


def _livre():
    start = time.monotonic()
    _restore()
    sources = _sources()  # ce qui change pendant la construction sera pour la suivante
    if (SITE / "index.html").is_file() and _load_state().get("tout") == _with_notebooks(sources):
        print(f"Le livre est à jour. {READY}")
        return
    _check()
    vendor()
    engine = _engine()
    state = _load_state()
    # Ce qu'a laissé la dernière construction sert de nouveau, si elle a fini et si c'est intact.
    if MARK.exists() or state.get("moteur") != engine or state.get("travail") != _work():
        shutil.rmtree(WORK, ignore_errors=True)
    MARK.parent.mkdir(parents=True, exist_ok=True)
    MARK.touch()
    STATE.unlink(missing_ok=True)
    print("Construction du livre (détails dans _build/livre.log)…", flush=True)
    _sphinx()
    if found := relecture.problems(WORK / "html", ROOT):
        raise BuildError(journal.refusal(found))
    _publish()
    MARK.unlink()
    state = {"tout": _with_notebooks(sources), "moteur": engine, "travail": _work()}
    STATE.write_text(json.dumps(state), "utf-8")
    seconds = time.monotonic() - start
    print(poids.show(poids.measure(SITE)))
    print(f"Livre construit en {seconds:.0f} s. {READY}")


def notebooks():
    """Régénère les notebooks : ils sortent de la même construction que le site."""
    livre()
    found = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
    print(f"notebooks/ : {', '.join(found)}")


def lire(port=0):
    """Sert le site sur 127.0.0.1 et dit l'adresse."""
    if not (SITE / "index.html").is_file():
        raise BuildError("le livre n'est pas construit ; lancez d'abord « make livre ».")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def send_error(self, code, message=None, explain=None):
            if code != 404:
                return super().send_error(code, message, explain)
            body = (SITE / "404.html").read_bytes()
            self.send_response(404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *args):
            """Le journal des requêtes n'apprend rien au lecteur."""

    handler = functools.partial(Handler, directory=str(SITE))
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        address = f"http://127.0.0.1:{server.server_address[1]}/"
        print(f"Le livre est servi sur {address} (Ctrl-C pour arrêter).", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("\nServeur arrêté.")


def lab_environment():
    """L'environnement d'un JupyterLab en français ; ses réglages restent dans _build."""
    settings = BUILD / "lab"
    folder = settings / "@jupyterlab" / "translation-extension"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plugin.jupyterlab-settings").write_text('{"locale": "fr_FR"}\n', "utf-8")
    return os.environ | {"JUPYTERLAB_SETTINGS_DIR": str(settings)}


def lab():
    """Ouvre JupyterLab en français sur les notebooks."""
    # news_url vide : JupyterLab ne demande pas s'il peut aller chercher des nouvelles.
    options = ["--LabApp.news_url=", f"--notebook-dir={ROOT / 'notebooks'}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # dans un conteneur, le plus souvent
        options.append("--allow-root")
    command = [sys.executable, "-m", "jupyter", "lab", *options]
    return subprocess.call(command, env=lab_environment())


def propre():
    """Efface _build ; l'environnement .venv reste."""
    shutil.rmtree(BUILD, ignore_errors=True)
    print("_build est effacé (l'environnement .venv reste : supprimez-le à la main s'il le faut).")
