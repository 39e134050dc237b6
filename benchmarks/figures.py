"""Le temps que prennent les figures vivantes, dans Chromium ralenti quatre fois.

    .venv/bin/python -m benchmarks.figures

Pour chacune : le premier affichage (chargement des scripts compris, sans ralentissement puis avec),
puis la durée d'une image quand on bouge chaque réglage : médiane, 95ᵉ centile et pire cas. On
compte le calcul, le dessin et la mise en page, non la peinture, ni ce que le thème du site fait
à chaque clic. Le livre doit être construit.
"""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from conftest import CHROMIUM_FLAGS, FIGURES, _find_chromium  # noqa: E402

SLOWDOWN = 4
# Bouge chaque réglage vingt fois, une image à la fois, et mesure chacune.
MEASURE = """async (root) => {
  const ui = root.d2l, times = [];
  const send = (input, name) => input.dispatchEvent(new Event(name, { bubbles: true }));
  const time = async (change) => {
    await new Promise((done) => setTimeout(done, 30));
    const start = performance.now();
    change();
    ui.flush();
    root.getBoundingClientRect();
    times.push(performance.now() - start);
  };
  for (const input of root.querySelectorAll("input, textarea")) {
    const start = input.value;
    if (input.type === "radio" || input.type === "checkbox") {
      const group = input.name ? [...root.querySelectorAll(`[name="${input.name}"]`)] : [input];
      for (let i = 0; i < 20; i++) {
        const one = group[i % group.length];
        await time(() => {
          one.checked = one.type === "radio" || !one.checked;
          send(one, "change");
        });
      }
      continue;
    }
    const [low, high] = [Number(input.min), Number(input.max)];
    for (let i = 0; i < 20; i++) {
      const value = input.type === "range" ? low + (high - low) * i / 19 : input.value + "e";
      await time(() => { input.value = value; send(input, "input"); });
    }
    await time(() => { input.value = start; send(input, "input"); });
  }
  times.sort((a, b) => a - b);
  const quantile = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))];
  return [times.length, quantile(0.5), quantile(0.95), quantile(1)];
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
    print("figure        affichage   ralenti  images  médiane     95 %    pire  (ms)")
    with sync_playwright() as playwright:
        path = _find_chromium(playwright)
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        for page, names in FIGURES.items():
            for name in names:
                plain = measure(browser, page, name, 1)[0]
                first, images, median, late, worst = measure(browser, page, name, SLOWDOWN)
                print(
                    f"{name:12} {plain:10.0f} {first:9.0f} {images:7}"
                    f" {median:8.1f} {late:8.1f} {worst:7.1f}",
                    flush=True,
                )
        browser.close()


if __name__ == "__main__":
    main()
