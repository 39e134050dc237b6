"""Le suivi de la construction : ce qui doit être relu, et où l'on en est.

Une page est relue quand ses exercices changent, et réexécutée quand le paquet change :
jupyter-cache ne compare que les cellules, alors que les résultats dépendent aussi de d2l_fr.
"""

import time
from pathlib import Path

from outils.journal import at, say

ROOT = Path(__file__).resolve().parents[2]
EXERCISES = ROOT / "d2l_fr" / "exercises"


def outdated(app, env, added, changed, removed):
    """Toutes les pages sont à relire quand le paquet n'est plus celui de la dernière fois."""
    current = app.config.empreinte_paquet
    previous, env.empreinte_paquet = getattr(env, "empreinte_paquet", ""), current
    pages = set() if previous == current else set(env.found_docs)
    app.suivi = {"total": len(added | changed | pages), "lues": 0}
    return pages - added


def reading(app, docname, source):
    at(docname)
    app.suivi["lues"] += 1
    app.suivi["debut"] = time.monotonic()
    exercises = EXERCISES / f"{docname}.md"
    if exercises.is_file():
        app.env.note_dependency(str(exercises))
    say(f"  [{app.suivi['lues']}/{app.suivi['total']}] {docname} : lecture et exécution…")


def read(app, doctree):
    seconds = time.monotonic() - app.suivi["debut"]
    if seconds > 1:
        say(f"        {app.env.docname} : {seconds:.0f} s")


def writing(app, doctree, docname):
    at(docname)


def written(app, *args):
    """Ce qui suit ne regarde plus une page en particulier ; une erreur, si."""
    if not (args and isinstance(args[-1], Exception)):
        at("")


def setup(app):
    app.add_config_value("empreinte_paquet", "", "")
    app.connect("env-get-outdated", outdated)
    app.connect("source-read", reading, priority=100)
    app.connect("doctree-read", read)
    app.connect("env-updated", written)
    app.connect("doctree-resolved", writing)
    app.connect("html-collect-pages", lambda app: written(app) or [])
    app.connect("build-finished", written, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
