"""Monte une figure vivante seule dans une page, comme le site le fait, pour l'essayer.

.venv/bin/python tests/atelier.py Memoire sortie.png --width 360 --scheme dark
"""

import argparse
import ast
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "book" / "_ext"), str(ROOT / "tests")]

import figures  # noqa: E402
import habillage  # noqa: E402
import vivantes  # noqa: E402
from d2l_fr import widgets  # noqa: E402
from d2l_fr.widgets import bundle  # noqa: E402
from outils import polices  # noqa: E402

PAGE = """<!doctype html>
<html lang="fr" data-theme="{scheme}"><head><meta charset="utf-8"><title>Atelier</title>
<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="tout.css">
<script defer src="figures.js"></script></head>
<body><main style="max-width: 44rem; margin: 1rem auto; padding: 0 1rem"><h1>Atelier</h1>
{boxes}</main></body></html>"""


# Les textes d'une figure qui se touchent, ou sortent de leur dessin ; les graduations entre elles
# ne comptent pas. Une boîte est plus haute que ses lettres : on lui passe trois pixels.
TOUCHING = """(texts) => {
  const found = [], seen = [];
  for (const node of document.querySelectorAll(`.d2l-fig svg :is(${texts})`)) {
    const box = node.getBoundingClientRect(), edge = node.ownerSVGElement.getBoundingClientRect();
    const name = node.textContent || node.getAttribute("class"), axis = node.closest(".d2l-axes");
    if (!box.width) continue;
    if (box.left < edge.left - 1 || box.right > edge.right + 1
      || box.top < edge.top - 1 || box.bottom > edge.bottom + 1) found.push(`${name} sort`);
    for (const [other, q, on] of seen) {
      const across = Math.min(box.right, q.right) - Math.max(box.left, q.left);
      const down = Math.min(box.bottom, q.bottom) - Math.max(box.top, q.top);
      if (across > 0.5 && down > 3 && !(axis && on)) found.push(`${name} × ${other}`);
    }
    seen.push([name, box, axis]);
  }
  return found;
}"""


def touching(tab, texts="text:not(.fenetres-lettres)"):
    """Les textes des dessins qui se chevauchent ou débordent, tels que la page les montre."""
    return tab.evaluate(TOUCHING, texts)


def embedded(widget):
    """L'état d'un widget, tel que l'exécution d'un notebook le garde."""
    from ipywidgets.embed import embed_data

    data = embed_data(views=[widget], drop_defaults=False)
    return data["manager_state"]["state"][widget.model_id]


def mount(folder, *shown, scheme="light"):
    """Écrit dans ``folder`` une page qui montre ces figures ; rend son adresse (file://)."""
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    boxes = []
    for i, widget in enumerate(shown):
        svg = widget._repr_mimebundle_()[0]["image/svg+xml"]
        name, _, place = vivantes.MARK.search(svg).groups()
        key, script = vivantes.state_script(name, embedded(widget))
        (folder / "figures" / f"{name}.js").write_text(bundle.script(name), "utf-8")
        (folder / "figures" / f"{key}.js").write_text(script, "utf-8")
        inlined, unknown = figures.inline(svg, f"f{i}", "Forme imprimée")
        assert not unknown, f"couleurs hors palette : {unknown}"
        boxes.append(vivantes.wrap(inlined, name, key, place))
    static = ROOT / "book" / "statique"
    (folder / "figures.js").write_text((static / "figures.js").read_text("utf-8"), "utf-8")
    fonts = ROOT / "_build" / "tiers"  # celles du livre, s'il est construit
    for font in fonts.glob("*.woff2"):
        (folder / font.name).write_bytes(font.read_bytes())
    sheet = fonts / "polices.css"
    # On attend les polices : une figure se mesure dans les siennes.
    faces = sheet.read_text("utf-8") if sheet.is_file() else ""
    css = [polices.awaited(faces)]
    css += [
        habillage.palette_styles(),
        (static / "livre.css").read_text("utf-8"),
        bundle.stylesheet(),
    ]
    css.append("body { margin: 0; background: var(--c-background); color: var(--c-data); }")
    (folder / "tout.css").write_text("\n".join(css), "utf-8")
    page = folder / "index.html"
    page.write_text(PAGE.format(scheme=scheme, boxes="\n".join(boxes)), "utf-8")
    return page.as_uri()


def open_figure(browser, folder, widget, *, width=1000, scheme="light", height=900):
    """Ouvre une figure dans ``browser`` ; rend l'onglet, où la figure est prête."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, locale="fr-FR",
        has_touch=width < 500,
    )  # fmt: skip
    tab = context.new_page()
    tab.problems = []
    tab.on("console", lambda m: m.type in ("error", "warning") and tab.problems.append(m.text))
    tab.on("pageerror", lambda e: tab.problems.append(str(e)))
    tab.goto(mount(Path(folder), widget, scheme=scheme))
    tab.wait_for_selector(".figure-vivante.prete, .figure-vivante > p", timeout=10_000)
    return tab


def values(tab):
    """Ce que la figure dit avoir calculé, une fois redessinée."""
    return tab.evaluate(
        """() => { const ui = document.querySelector('.d2l-fig').d2l; ui.flush();
          return JSON.parse(JSON.stringify(ui.values, (key, v) =>
            ArrayBuffer.isView(v) ? Array.from(v) : v === Infinity ? 'inf' : v)); }"""
    )


def change(tab, **settings):
    """Change des réglages, comme le ferait le lecteur ; rend ce que la figure a calculé."""
    tab.evaluate(
        """(settings) => {
          const ui = document.querySelector('.d2l-fig').d2l;
          for (const [key, value] of Object.entries(settings)) ui.set(key, value);
        }""",
        settings,
    )
    return values(tab)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("figure")
    parser.add_argument("image")
    parser.add_argument("--width", type=int, default=1000)
    parser.add_argument("--scheme", default="light")
    parser.add_argument("--fixed", action="store_true", help="la forme imprimée")
    parser.add_argument("--set", default="{}", help="des réglages : \"{'radius': 1.0}\"")
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    from outils import navigateur

    # Une figure à modèle : un fichier Python dont la fonction figure() la rend.
    if options.figure.endswith(".py"):
        scope = {}
        exec(Path(options.figure).read_text("utf-8"), scope)
        widget = scope["figure"]()
    else:
        widget = getattr(widgets, options.figure)()
    for key, value in ast.literal_eval(options.set).items():
        setattr(widget, key, value)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        chromium = playwright.chromium.launch(
            executable_path=navigateur.find(playwright), args=navigateur.FLAGS
        )
        tab = open_figure(chromium, folder, widget, width=options.width, scheme=options.scheme)
        if options.fixed:
            tab.emulate_media(media="print")
        box = tab.locator(".figure-vivante")
        if not options.fixed and box.locator(".d2l-fig").count():
            live = tab.locator(".d2l-fig").bounding_box()["height"]
            place = tab.locator(".vive").bounding_box()["height"]
            size = tab.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)")
            wide = tab.evaluate("document.documentElement.scrollWidth")
            print(f"hauteur {live / size:.1f} rem, place {place / size:.1f} rem, "
                  f"déborde : {wide > options.width}, "
                  f"démarrée en {box.get_attribute('data-duree')} ms")  # fmt: skip
            print(tab.locator(".d2l-status").inner_text())
        print("\n".join(tab.problems))
        box.screenshot(path=options.image)
        chromium.close()


if __name__ == "__main__":
    main()
