"""Le poids des pages : ce qu'un premier lecteur télécharge, et ce que coûte la page suivante."""

import gzip
from urllib.parse import urlsplit

import pytest

from conftest import PAGES
from outils import poids

# Octets compressés (gzip, niveau 6, ce que font les hébergeurs) et requêtes.
FIRST, NEXT, REQUESTS = 250_000, 80_000, 25


@pytest.fixture(scope="module")
def table(site):
    return poids.measure(site)


@pytest.mark.parametrize("page", [*PAGES, "search", "genindex"])
def test_a_page_is_light(table, page):
    row = table[page]
    assert row.first <= FIRST
    assert row.next <= NEXT
    assert row.requests <= REQUESTS


@pytest.mark.parametrize("page", ["index", "bptt", "sequence", "glossaire", "search"])
def test_the_table_counts_what_the_browser_asks_for(browser, served, site, table, page):
    """La table est calculée depuis le HTML : un vrai navigateur doit demander la même chose."""
    context = browser.new_context(viewport={"width": 400, "height": 800}, locale="fr-FR")
    tab = context.new_page()
    asked = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(f"{served}{page}.html", wait_until="networkidle")
    context.close()
    paths = {urlsplit(url).path.lstrip("/") for url in asked}
    live = {path for path in paths if path.startswith("_static/figures/")}
    paths -= live | {"hors-ligne.js"}  # chargées à l'approche de l'écran ; après la page
    assert len(paths) <= table[page].requests
    weight = sum(len(gzip.compress((site / path).read_bytes(), 6)) for path in paths)
    assert weight <= table[page].first


def test_the_table_is_printed():
    rows = {"page": poids.Row(first=123_456, next=78_901, requests=7)}
    text = poids.show(rows)
    assert "page" in text and "123" in text and "79" in text and "7" in text
