// Le seul script du livre : ouvrir la solution que vise un lien, rendre le défilement accessible
// au clavier, et tout ouvrir avant l'impression. Sans lui, tout reste lisible.
(() => {
  const openAround = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let box = target?.closest("details"); box; box = box.parentElement?.closest("details")) box.open = true;
  };
  addEventListener("hashchange", openAround);
  // Ce qui déborde défile : le clavier doit pouvoir y entrer.
  const makeReachable = () => document
    .querySelectorAll(".figure-svg, div.math, div.highlight pre, .pst-scrollable-table-container")
    .forEach((box) => box.toggleAttribute("tabindex", box.scrollWidth > box.clientWidth) && (box.tabIndex = 0));
  addEventListener("DOMContentLoaded", () => { openAround(); makeReachable(); });
  addEventListener("resize", makeReachable);
  const printed = new Set();
  addEventListener("beforeprint", () => document.querySelectorAll("details:not([open])").forEach((box) => {
    printed.add(box);
    box.open = true;
  }));
  addEventListener("afterprint", () => { printed.forEach((box) => { box.open = false; }); printed.clear(); });
})();
