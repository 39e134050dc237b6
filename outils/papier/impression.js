// Dans le livre ouvert : ajuster ce qui est trop large, remplir les numéros de page.
const papier = {
  // Formules et tableaux trop larges rapetissent, jusqu'aux trois quarts.
  adjust() {
    for (const block of document.querySelectorAll("div.math")) this.shrink(block, block.querySelector("math"));
    for (const block of document.querySelectorAll(".tableau")) this.shrink(block, block.querySelector("table"));
    for (const line of document.querySelectorAll(".ligne")) this.elbows(line);
  },
  // Un coude devant chaque suite d'une ligne de code repliée.
  elbows(line) {
    const height = parseFloat(getComputedStyle(line).lineHeight);
    for (let row = 1; row < Math.round(line.offsetHeight / height); row++) {
      const elbow = document.createElement("span");
      elbow.className = "coude";
      elbow.style.top = `${row * height + height * 0.2}px`;
      line.append(elbow);
    }
  },
  shrink(block, inner) {
    const size = parseFloat(getComputedStyle(inner).fontSize);
    for (let scale = 0.97; block.scrollWidth > block.clientWidth && scale > 0.7; scale -= 0.03)
      inner.style.fontSize = `${size * scale}px`;
  },
  overflows() {
    const page = document.documentElement.clientWidth + 1, found = [];
    for (const block of document.querySelectorAll("article :is(p, li, dd, dt, pre, table, figure, svg, div.math, math, h1, h2, h3, h4, .ligne), nav p")) {
      const box = block.getBoundingClientRect();
      const inside = block.namespaceURI.endsWith("xhtml") && block.scrollWidth > block.clientWidth + 1 &&
        getComputedStyle(block).display !== "inline" && !block.querySelector("svg");
      if (box.right > page || box.left < -1 || inside)
        found.push(`${block.closest("[id]")?.id} (${block.localName}) : ${block.textContent.trim().slice(0, 60)}`);
    }
    return [...new Set(found)];
  },
  // Rend les ancres dont on ne connaît pas la page.
  // Un bloc que Chromium met tantôt au bas d'une page, tantôt en tête de la suivante : en tête.
  settle(name) {
    const target = document.getElementById(name);
    (target.closest("dl") ?? target).style.breakBefore = "page";
  },
  fill(numbers) {
    const missing = [];
    for (const place of document.querySelectorAll(".page[data-cible]")) {
      const page = numbers[place.dataset.cible];
      if (page === undefined) missing.push(place.dataset.cible);
      else place.textContent = page;
    }
    // L'index ne répète pas une page.
    for (const row of document.querySelectorAll(".pages")) {
      const seen = new Set();
      for (const link of row.querySelectorAll("a")) {
        const key = link.textContent + (link.querySelector("em") ? "*" : "");
        link.hidden = seen.has(key);
        seen.add(key);
      }
    }
    return missing;
  },
};
