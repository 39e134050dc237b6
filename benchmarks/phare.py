"""Lighthouse sur chaque page du livre construit : performance, accessibilité, pratiques, recherche.

.venv/bin/python -m benchmarks.phare [page …]

Réglages par défaut de Lighthouse : un téléphone moyen, réseau et processeur ralentis par le calcul.
npm installe l'outil dans _build ; Chromium est celui des tests. Le site est servi compressé, comme
par un hébergeur.
"""

import argparse
import functools
import gzip
import http.server
import json
import os
import subprocess
import threading
from statistics import median

from outils import chantier, navigateur, npm

VERSION = "13.5.0"
CATEGORIES = ["performance", "accessibility", "best-practices", "seo"]
METRICS = {
    "FCP": "first-contentful-paint", "LCP": "largest-contentful-paint",
    "TBT": "total-blocking-time", "CLS": "cumulative-layout-shift",
}  # fmt: skip


class Compressed(http.server.SimpleHTTPRequestHandler):
    """Sert le site compressé, avec une mémoire de dix minutes."""

    def do_GET(self):
        path = self.translate_path(self.path)
        if not os.path.isfile(path):
            return super().do_GET()
        with open(path, "rb") as file:
            body = file.read()
        self.send_response(200)
        if not path.endswith(".woff2"):
            body = gzip.compress(body, 6)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "max-age=600")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Rien à dire."""


def install():
    """Installe Lighthouse s'il manque ; rend la commande."""
    folder = chantier.BUILD / "phare"
    folder.mkdir(parents=True, exist_ok=True)
    command = folder / "node_modules" / "lighthouse" / "cli" / "index.js"
    if not command.is_file():
        npm.run(folder, "install", "--no-save", f"lighthouse@{VERSION}").check_returncode()
    return [npm.program("node"), str(command)]


def audit(command, url, chromium):
    """Un passage : les notes sur 100, et les mesures."""
    flags = " ".join(["--headless", *navigateur.FLAGS])
    run = subprocess.run(
        [*command, url, "--quiet", "--output=json", "--locale=fr", f"--chrome-flags={flags}",
         f"--only-categories={','.join(CATEGORIES)}"],
        env=os.environ | {"CHROME_PATH": chromium}, capture_output=True, text=True,
    )  # fmt: skip
    if run.returncode:
        raise SystemExit(f"Lighthouse a échoué sur {url} :\n{run.stderr[-1500:]}")
    report = json.loads(run.stdout)
    notes = {name: round(100 * report["categories"][name]["score"]) for name in CATEGORIES}
    failed = [
        audit["title"]
        for name in CATEGORIES[1:]
        for reference in report["categories"][name]["auditRefs"]
        if (audit := report["audits"][reference["id"]])["score"] == 0 and reference["weight"]
    ]
    return notes, {n: report["audits"][k]["displayValue"] for n, k in METRICS.items()}, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", help="noms de pages ; toutes, sinon")
    parser.add_argument("--fois", type=int, default=1, help="passages par page (médiane)")
    options = parser.parse_args()
    chromium = navigateur.locate(navigateur.WINDOWED)  # celui des lecteurs
    command = install()
    pages = options.pages or sorted(
        p.stem for p in chantier.SITE.glob("*.html") if p.stem not in ("404", "hors-ligne")
    )
    handler = functools.partial(Compressed, directory=str(chantier.SITE))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"{'page':<16}" + "".join(f"{name[:13]:>15}" for name in CATEGORIES))
        for page in pages:
            url = f"http://127.0.0.1:{server.server_address[1]}/{page}.html"
            runs = [audit(command, url, chromium) for _ in range(options.fois)]
            notes = [median(run[0][name] for run in runs) for name in CATEGORIES]
            measures = "  ".join(f"{name} {value}" for name, value in runs[-1][1].items())
            print(f"{page:<16}" + "".join(f"{note:>15.0f}" for note in notes) + f"   {measures}")
            for title in runs[-1][2]:
                print(f"{'':<16}  ✗ {title}")
        server.shutdown()


if __name__ == "__main__":
    main()
