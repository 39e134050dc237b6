"""Chromium : celui du système, sinon celui de Playwright. Le PDF et les tests s'en servent."""

import contextlib
import shutil
from pathlib import Path

# Le Chromium sans fenêtre, de Debian, ouvre un onglet trois fois plus vite que l'autre.
BARE = "chromium-headless-shell"
WINDOWED = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--font-render-hinting=none",  # sans fenêtre, il arrondirait la largeur des lettres
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class NoBrowser(Exception):
    """Aucun Chromium sur cette machine."""


def find(playwright, names=(BARE, *WINDOWED)):
    """Le chemin d'un Chromium, ou None ; ``names``, les programmes à essayer dans l'ordre."""
    for name in names:
        if path := shutil.which(name):
            return path
    own = Path(playwright.chromium.executable_path)
    return str(own) if own.exists() else None


def locate(names=(BARE, *WINDOWED)):
    """Comme ``find`` ; ``NoBrowser`` s'il n'y a pas de Chromium."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise NoBrowser("Playwright") from error
    with sync_playwright() as playwright:
        path = find(playwright, names)
    if path is None:
        raise NoBrowser("Chromium")
    return path


@contextlib.contextmanager
def chromium():
    """Un Chromium lancé, fermé à la sortie ; ``NoBrowser`` s'il n'y en a pas."""
    path = locate()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()
