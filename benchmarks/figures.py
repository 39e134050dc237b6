"""Le temps que prennent les figures vivantes, dans Chromium ralenti quatre fois.

    .venv/bin/python -m benchmarks.figures

Pour chacune : le premier affichage (chargement des scripts compris, sans ralentissement puis avec),
puis la durée d'une image quand on bouge chaque réglage (calcul, dessin et mise en page ; la
peinture n'est pas comptée), médiane et pire cas. Le livre doit être construit.
"""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from conftest import CHROMIUM_FLAGS, FIGURES, _find_chromium  # noqa: E402

SLOWDOWN = 4
# Bouge chaque curseur d'un bout à l'autre, chaque case et chaque champ, et mesure chaque image.
MEASURE = """async (root) => {
  const ui = root.d2l, times = [];
  const time = (change) => {
    const start = performance.now();
    change();
    ui.flush();
    root.getBoundingClientRect();
    times.push(performance.now() - start);
  };
  const send = (input, name) => input.dispatchEvent(new Event(name, { bubbles: true }));
  for (const input of root.querySelectorAll("input, textarea")) {
    if (input.type === "range") {
      const [low, high] = [Number(input.min), Number(input.max)], start = input.value;
      for (let i = 0; i <= 20; i++) {
        time(() => { input.value = low + (high - low) * i / 20; send(input, "input"); });
      }
      time(() => { input.value = start; send(input, "input"); });
    } else if (input.type === "radio" || input.type === "checkbox") {
      for (let i = 0; i < 2; i++) time(() => input.click());
    } else {
      const start = input.value;
      for (let i = 0; i < 10; i++) time(() => { input.value += "e"; send(input, "input"); });
      time(() => { input.value = start; send(input, "input"); });
    }
    await new Promise((done) => setTimeout(done, 20));
  }
  times.sort((a, b) => a - b);
  return [times.length, times[Math.floor(times.length / 2)], times.at(-1)];
}"""


def measure(browser, page, name, rate):
    tab = browser.new_page(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    session = tab.context.new_cdp_session(tab)
    session.send("Emulation.setCPUThrottlingRate", {"rate": rate})
    tab.goto((ROOT / "_build" / "html" / f"{page}.html").as_uri())
    box = tab.locator(f'.figure-vivante[data-figure="{name}"]')
    box.scroll_into_view_if_needed()
    tab.wait_for_selector(f'.figure-vivante.prete[data-figure="{name}"]')
    first = float(box.get_attribute("data-duree"))
    tab.wait_for_timeout(500)
    result = box.locator(".d2l-fig").evaluate(MEASURE)
    tab.close()
    return first, *result


def main():
    print("figure        affichage   ralenti  images  médiane    pire  (ms)")
    with sync_playwright() as playwright:
        path = _find_chromium(playwright)
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        for page, names in FIGURES.items():
            for name in names:
                plain = measure(browser, page, name, 1)[0]
                first, images, median, worst = measure(browser, page, name, SLOWDOWN)
                print(f"{name:12} {plain:10.0f} {first:9.0f} {images:7} {median:8.1f} {worst:7.1f}")
        browser.close()


if __name__ == "__main__":
    main()
