"""Traduit le journal de Sphinx : une ligne par problème, avec le fichier et la ligne."""

import contextlib
import errno
import io
import os
import re
import shutil
import sys
import traceback


class BuildError(Exception):
    """La construction a échoué ; le message dit quoi, où, et que faire."""


STOPPED = "le calcul s'est arrêté net : noyau tué, ou mémoire épuisée ; relancez"
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
PLACE = re.compile(r"Cell In\[(\d+)\], line (\d+)")
OURS = {"ConversionError", "DeckError", "ExerciseError", "FormulaError", "QuestionError"}
SYSTEM = {
    errno.ENOSPC: "le disque est plein ; libérez de la place et relancez",
    errno.EDQUOT: "le quota de disque est atteint ; libérez de la place et relancez",
    errno.EFBIG: "un fichier dépasse la taille permise ; relevez la limite (ulimit -f) et relancez",
    errno.EROFS: "le dossier est en lecture seule",
    errno.EACCES: "l'accès est refusé",
    errno.EPERM: "l'accès est refusé",
    errno.ENOENT: "ce fichier manque",
    errno.EMFILE: "trop de fichiers sont ouverts",
}  # fmt: skip
LINE = re.compile(r"^(?P<place>.*?):?\s*(?P<kind>WARNING|ERROR|CRITICAL|SEVERE): (?P<text>.*)$")

# Ce que Sphinx dit le plus souvent → ce que l'auteur d'une page doit lire.
KNOWN = [
    (r"undefined label: '?([^' ]+)'?", "renvoi vers une étiquette inconnue : « {} »"),
    (r"Failed to create a cross reference.*?: '?([^' ]+)'?", "renvoi sans cible : « {} »"),
    (r"'myst' cross-reference target not found: '([^']+)'", "lien sans cible : « {} »"),
    (r"unknown document: '?([^' ]+)'?", "renvoi vers une page inconnue : « {} »"),
    (r"image file not readable: (\S+)", "image introuvable : {}"),
    (r"could not find bibtex key \"([^\"]+)\"", "référence absente de references.bib : « {} »"),
    (r"equation not found: (\S+)", "renvoi vers une équation inconnue : « {} »"),
    (r"No key '?([^' ]+)'? found in", "nombre jamais calculé : {{glue}} « {} »"),
    (r"(?s)Malformed YAML.*", "en-tête mal formé : ce n'est pas du YAML"),
    (r"unexpected `code-cell`", "cellule qui n'en est pas une : l'en-tête de la page manque"),
    (r"Executing notebook failed: CellTimeoutError", "une cellule dépasse le temps permis"),
    (r"syntax error in line (\d+): (.*)", "book/references.bib, ligne {} : mal formé ({})"),
    (r"Unknown interpreted text role \"([^\"]+)\"", "rôle inconnu : « {} »"),
    (r"local id not found in doc '(.*?)': '(.*?)'", "lien sans cible : « {}.md#{} »"),
    (r"Could not import extension (\S+)", "extension introuvable : « {} »"),
    (r"term not in glossary: '?([^']+?)'?(?: \[|$)", "terme absent du glossaire : « {} »"),
    (r"Unknown directive type:? '?\"?([\w:-]+)", "directive inconnue : « {} »"),
    (r"duplicate label:? '?([^',;]+)'?", "étiquette définie deux fois : « {} »"),
    (r"Executing notebook failed: (\w+)", "une cellule échoue à l'exécution ({})"),
    (r"document isn't included in any toctree", "page absente de book/_toc.yml"),
    (r"toctree contains reference to nonexisting document '([^']+)'",
     "book/_toc.yml nomme une page qui n'existe pas : « {} »"),
]  # fmt: skip


here = ""  # la page que Sphinx lit ou écrit
# Page → (première ligne, nombre de lignes) du texte que chaque exercice y met, à la place de deux.
spans = {}
_terminal = sys.stderr


def at(page):
    """Note la page en cours, pour situer une erreur qui ne dit pas d'où elle vient."""
    global here
    here = page


def say(text):
    """Écrit une ligne de progression à l'écran, même quand le reste va dans le journal."""
    print(text, file=_terminal, flush=True)


class _Log(io.TextIOBase):
    """Le journal. Sur un disque plein, ``logging`` dirait son échec là même où il vient d'échouer :

    rien n'échoue ici, et ``lost`` garde la première erreur.
    """

    encoding = "utf-8"

    def __init__(self, path):
        self.path, self.lost = path, None
        self.descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)

    def fileno(self):
        return self.descriptor

    def write(self, text):
        try:
            os.write(self.descriptor, text.encode("utf-8", "replace"))
        except OSError as error:
            self.lost = self.lost or OSError(error.errno, error.strerror, str(self.path))
        return len(text)

    def close(self):
        if not self.closed:
            os.close(self.descriptor)
        super().close()


@contextlib.contextmanager
def redirected(path):
    """Envoie dans un fichier tout ce qui s'écrit, noyaux Jupyter compris."""
    global _terminal
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    _terminal = os.fdopen(os.dup(2), "w", encoding="utf-8")
    log = _Log(path)
    try:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
            yield
        if log.lost:
            raise log.lost
    finally:
        log.close()
        os.dup2(saved[0], 1)
        os.dup2(saved[1], 2)
        for descriptor in saved:
            os.close(descriptor)
        _terminal.close()
        _terminal = sys.stderr


def _french(text):
    for pattern, french in KNOWN:
        if match := re.search(pattern, text):
            return french.format(*match.groups())
    return text


def source_line(page, line):
    """La ligne de la page, d'après celle du texte que Sphinx lit, exercices compris."""
    shift = 0
    for start, length in spans.get(page, ()):
        if line < start:
            break
        if line < start + length:
            return start - shift
        shift += length - 2
    return line - shift


def _place(match):
    return f"book/{match[1]}.md, ligne {source_line(match[1], int(match[2]))}"


def problems(log, root):
    """Les avertissements et les erreurs du journal, dans l'ordre, sans doublon."""
    found = []
    for line in ESCAPES.sub("", log).splitlines():
        if match := LINE.match(line):
            place = match["place"].replace(f"{root}/", "").strip()
            place = re.sub(r"^book/(.+)\.md:(\d+)$", _place, place)
            place = re.sub(r":(\d+)$", r", ligne \1", place)
            found.append(f"{place or 'le livre'} : {_french(match['text'])}")
    return list(dict.fromkeys(found))


def _cell_error(log):
    """Ce que l'auteur d'une cellule qui échoue doit voir : où, et la fin de son erreur."""
    match = re.search(r"Executing notebook failed[^\n]*\n(.*?)\[mystnb\.exec\]", log, re.DOTALL)
    if not match:
        return ""
    if preview := re.search(r"cell contents:\n-+\n(.*?)\n-+\n", match[1], re.DOTALL):
        return preview[1]
    trace = match[1][max(match[1].rfind("Cell In["), 0) :].strip()
    return PLACE.sub(r"Cellule \1, ligne \2 :", "\n".join(trace.splitlines()[-12:]))


def _frames(error):
    """Les étages d'une exception, du premier au dernier, avec le fichier et la ligne."""
    return [(frame, line) for frame, line in traceback.walk_tb(error.__traceback__)]


def _stopped_cell(error):
    """Le rang de la cellule que calculait un noyau qui n'est plus là pour répondre, ou 0.

    L'erreur vient alors de nbclient ; une cellule qui échoue a la sienne, et sa trace au journal.
    """
    for frame, _ in _frames(error):
        cells, index = frame.f_locals.get("self"), frame.f_locals.get("cell_index")
        if frame.f_code.co_name == "async_execute_cell" and isinstance(index, int):
            return sum(cell.cell_type == "code" for cell in cells.nb.cells[: index + 1])
    return 0


def interrupted(error):
    """Vrai si un signal a arrêté le calcul : nbclient l'intercepte, et perd son noyau."""
    mark = "_async_cleanup_kernel_future"
    return isinstance(error, Exception) and any(
        getattr(frame.f_locals.get("self"), mark, None) is not None for frame, _ in _frames(error)
    )


def _kernel_stopped(error):
    return any("nbclient" in frame.f_code.co_filename for frame, _ in _frames(error))


def _origin(error):
    """L'exception que Sphinx a enveloppée dans la sienne."""
    while str(error).startswith("Handler ") and getattr(error, "orig_exc", None):
        error = error.orig_exc
    return error.__cause__ if type(error).__name__ == "ThemeError" and error.__cause__ else error


def _own_place(error, root):
    """Le dernier de nos fichiers où est passée l'erreur : un module, ou un gabarit."""
    for frame, line in reversed(_frames(error)):
        path = os.path.relpath(frame.f_code.co_filename, root)
        if not path.startswith(("..", ".venv", "<")):
            return f"{path}, ligne {line}"
    return ""


def explain(error):
    """Dit en français une erreur du système de fichiers."""
    if isinstance(error, shutil.Error):  # une copie : la liste de tout ce qui n'a pu l'être
        _, target, why = error.args[0][0]
        number = re.match(r"\[Errno (\d+)\]", str(why))
        error = OSError(int(number[1]) if number else 0, str(why), target)
    text = SYSTEM.get(error.errno, error.strerror or str(error) or type(error).__name__)
    return f"{text} ({error.filename})" if error.filename else text


def told(error, root):
    """Ce qu'une exception a d'utile : où, et quoi."""
    origin = _origin(error)
    module = type(origin).__module__.partition(".")[0]
    if type(origin).__name__ == "NoSuchKernel":
        text = f"noyau Jupyter inconnu : « {origin.name} »"
    elif _kernel_stopped(origin):
        cell = _stopped_cell(origin)
        text = f"cellule {cell} : {STOPPED}" if cell else STOPPED
    elif module == "jinja2":
        place = _own_place(origin, root) or "book/_theme"
        text = f"un gabarit ne peut être rempli ({place}) : {origin}"
    elif isinstance(origin, OSError):
        text = explain(origin)
    elif module in ("sphinx", "pybtex") or type(origin).__name__ in OURS:
        text = _french(str(origin))
    else:
        kind, place = type(origin).__name__, _own_place(origin, root)
        text = f"erreur imprévue, {kind} : {origin}" + (f" ({place})" if place else "")
    text = text.replace(f"{root}/", "")
    return f"book/{here}.md : {text}" if here else text


def keep_trace(error, path):
    """Garde au journal la trace d'une erreur imprévue, si le disque le veut bien."""
    with contextlib.suppress(OSError), path.open("a", encoding="utf-8") as log:
        traceback.print_exception(error, file=log)


def refusal(found):
    """Le message d'échec, d'après la liste de ce qui ne va pas."""
    lines = ["le livre n'est pas construit ; le précédent, s'il existe, est intact."]
    lines += [f"  – {problem}" for problem in found[:12]]
    if len(found) > 12:
        lines.append(f"  … et {len(found) - 12} autres")
    return "\n".join(lines)


def summary(log, status, root):
    """Le message d'échec : ce qui ne va pas, où, et où lire le reste."""
    found = problems(log, root)
    detail = _cell_error(ESCAPES.sub("", log))
    if isinstance(status, BaseException) and not detail:
        found.append(told(status, root))
    return "\n".join(filter(None, [refusal(found), detail, "Journal complet : _build/livre.log"]))
