"""Le temps que prennent les figures vivantes, dans Chromium ralenti quatre fois.

    .venv/bin/python -m benchmarks.figures

Pour chacune : le premier affichage (chargement des scripts compris, sans ralentissement puis avec),
puis la durée d'une image quand on bouge chaque réglage : médiane, 95ᵉ centile et pire cas. Une
image va du geste à la fin du travail du fil principal, peinture comprise ; « sans peinture »
s'arrête à la mise en page. Le livre doit être construit.
"""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from conftest import FIGURES  # noqa: E402
from outils import navigateur  # noqa: E402

SLOWDOWN = 4
# Bouge chaque réglage vingt fois, une image à la fois, et mesure chacune.
MEASURE = """async (root) => {
  const ui = root.d2l, times = [], drawn = [];
  const send = (input, name) => input.dispatchEvent(new Event(name, { bubbles: true }));
  const time = async (change) => {
    await new Promise((done) => setTimeout(done, 30));
    // Un message posté pendant l'image n'est lu qu'après elle.
    await new Promise((done) => requestAnimationFrame(() => {
      const start = performance.now(), { port1, port2 } = new MessageChannel();
      port1.onmessage = () => { times.push(performance.now() - start); done(); };
      change();
      ui.flush();
      root.getBoundingClientRect();
      drawn.push(performance.now() - start);
      port2.postMessage(null);
    }));
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
  for (const list of [drawn, times]) list.sort((a, b) => a - b);
  const quantile = (list, p) => list[Math.min(list.length - 1, Math.floor(list.length * p))];
  return [times.length, quantile(drawn, 0.5), quantile(drawn, 0.95),
    quantile(times, 0.5), quantile(times, 0.95), quantile(times, 1)];
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
    print("              premier affichage           sans peinture      image entière (ms)")
    print("figure        affichage   ralenti  images  médiane     95 %  médiane     95 %    pire")
    with sync_playwright() as playwright:
        path = navigateur.find(playwright)
        browser = playwright.chromium.launch(executable_path=path, args=navigateur.FLAGS)
        for page, names in FIGURES.items():
            for name in names:
                plain = measure(browser, page, name, 1)[0]
                first, images, *times = measure(browser, page, name, SLOWDOWN)
                row = " ".join(f"{time:8.1f}" for time in times)
                print(f"{name:12} {plain:10.0f} {first:9.0f} {images:7} {row}", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
