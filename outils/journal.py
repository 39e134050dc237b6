"""Traduit le journal de Sphinx : une ligne par problème, avec le fichier et la ligne."""

import contextlib
import os
import re
import sys
import traceback

STOPPED = "le calcul d'une page s'est arrêté net : Ctrl-C, ou mémoire épuisée ; relancez"
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
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
    (r"Unknown directive type:? '?\"?([\w:-]+)", "directive inconnue : « {} »"),
    (r"duplicate label:? '?([^',;]+)'?", "étiquette définie deux fois : « {} »"),
    (r"Executing notebook failed: (\w+)", "une cellule échoue à l'exécution ({})"),
    (r"document isn't included in any toctree", "page absente de book/_toc.yml"),
    (r"toctree contains reference to nonexisting document '([^']+)'",
     "book/_toc.yml nomme une page qui n'existe pas : « {} »"),
]  # fmt: skip


_terminal = sys.stderr


def say(text):
    """Écrit une ligne de progression à l'écran, même quand le reste va dans le journal."""
    print(text, file=_terminal, flush=True)


@contextlib.contextmanager
def redirected(path):
    """Envoie dans un fichier tout ce qui s'écrit, noyaux Jupyter compris."""
    global _terminal
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    _terminal = os.fdopen(os.dup(2), "w", encoding="utf-8")
    log = path.open("w", encoding="utf-8")
    try:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
            yield
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


def problems(log, root):
    """Les avertissements et les erreurs du journal, dans l'ordre, sans doublon."""
    found = []
    for line in ESCAPES.sub("", log).splitlines():
        if match := LINE.match(line):
            place = match["place"].replace(f"{root}/", "").strip()
            place = re.sub(r":(\d+)$", r", ligne \1", place)
            found.append(f"{place or 'le livre'} : {_french(match['text'])}")
    return list(dict.fromkeys(found))


def _cell_error(log):
    """La fin de la trace d'une cellule qui échoue : ce que son auteur doit voir."""
    match = re.search(r"Executing notebook failed[^\n]*\n(.*?)\[mystnb\.exec\]", log, re.DOTALL)
    return "\n".join(match[1].strip().splitlines()[-12:]) if match else ""


def _kernel_stopped(error):
    """Vrai si l'erreur vient de nbclient lui-même : le noyau n'est plus là pour répondre.

    Une cellule qui échoue n'en est pas : elle a sa propre erreur, et sa trace dans le journal.
    """
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and any("nbclient" in frame.filename for frame in frames)


def summary(log, status, root):
    """Le message d'échec : ce qui ne va pas, où, et où lire le reste."""
    found = problems(log, root)
    if isinstance(status, BaseException) and not found:
        found = [STOPPED if _kernel_stopped(status) else str(status) or type(status).__name__]
    lines = ["le livre n'est pas construit ; le précédent, s'il existe, est intact."]
    lines += [f"  – {problem}" for problem in found[:12]]
    if len(found) > 12:
        lines.append(f"  … et {len(found) - 12} autres")
    if detail := _cell_error(ESCAPES.sub("", log)):
        lines.append(detail)
    lines.append("Journal complet : _build/livre.log")
    return "\n".join(lines)
