"""Chromium : celui du système, sinon celui de Playwright. Le PDF et les tests s'en servent."""

import contextlib
import shutil
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class NoBrowser(Exception):
    """Aucun Chromium sur cette machine."""


def find(playwright):
    """Le chemin d'un Chromium, ou None."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    own = Path(playwright.chromium.executable_path)
    return str(own) if own.exists() else None


def locate():
    """Le chemin d'un Chromium ; ``NoBrowser`` s'il n'y en a pas."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise NoBrowser("Playwright") from error
    with sync_playwright() as playwright:
        path = find(playwright)
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
