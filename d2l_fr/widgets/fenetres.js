// « fenetres » : un texte coupé en fenêtres ; jusqu'où vont les valeurs, jusqu'où les gradients.
import { count, decode, dots, figure, fr, path } from "./shared.js";

const SHOWN = 128, LONGEST = 64;
const HEAD = 26, LINE = 90; // l'en-tête, puis une ligne de texte
const LABEL = 13, STATES = 27, TOP = 36, MIDDLE = 47, BOTTOM = 58, BACK = 68; // dans une ligne
const STARTS = ["porté", "étranger", "à zéro"];
const STYLES = { porté: "c-hidden", étranger: "c-data dotted", "à zéro": "c-heldout dashed" };
const THIN = "\u202f", HARD = "\u00a0";

/** Les premières positions dont un pari dépend, par la valeur et par le gradient (d2l : reach). */
function reach(position, length, carry, detach) {
  const edge = position - position % length;
  return { value: carry ? 0 : edge, gradient: carry && !detach ? 0 : edge };
}

/** Un caractère, tel qu'il se montre dans le texte. */
function seen(character) {
  return character === "\n" ? "¶" : /\s/.test(character) ? HARD : character;
}

/** Le même, nommé dans une phrase. */
function named(character) {
  if (character === "\n") return "fin de ligne";
  return /\s/.test(character) ? "espace" : `«${HARD}${character}${HARD}»`;
}

/** Un chevron : vers la droite (side = 1) ou vers la gauche (−1), la pointe en (x, y). */
function chevron(x, y, side) {
  return [[x - 5 * side, y - 4.5], [x, y], [x - 5 * side, y + 4.5], [NaN, NaN]];
}

function render({ model, el }) {
  const ui = figure({ model, el }, { label: "un long texte coupé en fenêtres" });
  const losses = decode(ui.get("arrays").losses).data;
  const score = ui.plot({ label: "Le texte en fenêtres, les valeurs au-dessus, les gradients au-dessous",
    height: (width) => HEAD + LINE * (width > 544 ? 2 : 4) });
  const curves = ui.plot({ label: "Perte selon la place dans la fenêtre, pour trois états de départ", height: 232 });
  score.svg.classList.add("fenetres-texte");
  ui.controls.classList.add("fenetres-reglages");
  ui.status.classList.add("fenetres-bilan");

  ui.slider("position", { label: "Caractère suivi", max: SHOWN - 1, step: 1, format: (v) => fr(v + 1) });
  ui.choice("shuffled", { label: "Fenêtres", options: [[false, "à la suite"], [true, "au hasard"]] });
  ui.choice("num_steps", { label: "Longueur", options: [8, 16, 32, 64].map((n) => [n, String(n)]) });
  ui.choice("carry", { label: "État de départ", options: [[true, "porté"], [false, "à zéro"]] });
  ui.toggle("detach", { label: "Détacher l’état porté" });

  // La mise en page d'une largeur et d'une longueur : où tombe chaque caractère.
  let layout = { key: "" };
  const arrange = (width, length) => {
    const key = `${width} ${length}`;
    if (layout.key === key) return layout;
    const across = width > 544 ? 64 : 32, edge = 10, gap = 8;
    const size = (width - 2 * edge - gap * Math.max(0, across / length - 1)) / across;
    const x = (p) => edge + (p % across + 0.5) * size + Math.floor(p % across / length) * gap;
    const y = (p) => HEAD + Math.floor(p / across) * LINE;
    return (layout = { key, across, size, length, x, y, width, lines: SHOWN / across });
  };

  const pick = (event) => {
    const box = score.svg.getBoundingClientRect(), { across, lines, length } = layout;
    const px = (event.clientX - box.left) * layout.width / box.width;
    const line = Math.floor(((event.clientY - box.top) * layout.width / box.width - HEAD) / LINE);
    const start = Math.max(0, Math.min(lines - 1, line)) * across;
    let best = start;
    for (let p = start; p < start + across; p++) if (Math.abs(layout.x(p) - px) < Math.abs(layout.x(best) - px)) best = p;
    if (length) ui.set("position", best, false);
  };
  let held = false;
  // La souris tire ; le doigt, qui fait défiler la page, touche.
  score.svg.addEventListener("pointerdown", (event) => {
    held = event.pointerType === "mouse" && !event.button;
    if (held) score.svg.setPointerCapture(event.pointerId);
  });
  score.svg.addEventListener("click", (event) => { pick(event); model.save_changes(); });
  score.svg.addEventListener("pointermove", (event) => held && pick(event));
  score.svg.addEventListener("lostpointercapture", () => { held = false; model.save_changes(); });

  return ui.start(() => {
    const length = ui.get("num_steps"), shuffled = ui.get("shuffled"), carry = ui.get("carry");
    const detach = ui.get("detach"), here = ui.get("position");
    const { value, gradient } = reach(here, length, carry, detach);
    const { texts: joined, numbers } = ui.get("passages")[`${shuffled ? "hasard" : "suite"} ${length}`];
    const texts = joined.map((text) => Array.from(text));
    const order = Math.floor(here / length), step = here % length, edge = order * length;
    const start = !carry || order === 0 ? "à zéro" : shuffled ? "étranger" : "porté";
    const loss = (name, j) => losses[STARTS.indexOf(name) * LONGEST + j];
    const means = Object.fromEntries(STARTS.map((name) => {
      let sum = 0;
      for (let j = 0; j < length; j++) sum += loss(name, j);
      return [name, sum / length];
    }));
    const graph = (carry && !detach ? order + 1 : 1) * length;
    const foreign = shuffled && carry ? edge : 0;
    const place = { here, step, order, length, value, gradient, graph, foreign, start,
      target: texts[order][step + 1], character: texts[order][step] };
    ui.values = { ...place, means, bits: Object.fromEntries(STARTS.map((name) => [name, loss(name, step)])) };

    score.resize();
    drawText(score, arrange(score.width, length), place, { texts, numbers, carry, detach, shuffled });
    drawCurves(curves, loss, means, place);
    ui.say(sentence(place, { shuffled, carry, detach }, means));
  });
}

function drawText(P, L, { here, value, gradient, foreign, length, target }, { texts, numbers, carry, detach, shuffled }) {
  const { x, y, size, across, width } = L, last = width - 2;
  const through = carry && !detach;
  P.draw(() => {
    P.mark("nom valeurs", "text", { class: "named c-hidden", x: 2, y: 14 }, "valeurs →");
    P.mark("nom gradients", "text", { class: "named c-gradient", x: 82, y: 14 }, "← gradients");
    P.mark("nom cible", "text", { class: "named c-output", x: last, y: 14, "text-anchor": "end" }, `à prédire${HARD}: ${named(target)}`);

    // Ce dont le pari dépend : en haut par les valeurs, en bas par les gradients.
    const band = (first, until, top, bottom) => {
      let d = "";
      for (let p = first; p <= until;) {
        const end = Math.min(until, p - p % Math.min(length, across) + Math.min(length, across) - 1);
        d += `M${(x(p) - size / 2).toFixed(1)} ${y(p) + top}H${(x(end) + size / 2).toFixed(1)}V${y(p) + bottom}H${(x(p) - size / 2).toFixed(1)}Z`;
        p = end + 1;
      }
      return d;
    };
    P.mark("fond valeurs", "path", { class: "fenetres-valeurs", d: band(value, here, 18, MIDDLE) });
    P.mark("fond gradients", "path", { class: "fenetres-gradients", d: band(gradient, here, MIDDLE, 77) });

    // Les fenêtres, leur numéro, leur texte.
    const part = Math.min(length, across);
    for (let p = 0; p < SHOWN; p += part) {
      const order = Math.floor(p / length), from = x(p) - size / 2, to = x(p + part - 1) + size / 2;
      const strange = p < foreign;
      P.mark(`cadre ${p}`, "rect", { class: strange ? "fenetres-cadre dashed" : "fenetres-cadre", x: from - 2, y: y(p) + TOP, width: to - from + 4, height: BOTTOM - TOP });
      const text = texts[order].slice(p % length, p % length + part).map(seen);
      P.mark(`texte ${p}`, "text", { class: "fenetres-lettres", x: text.flatMap((c, i) => Array(c.length).fill(x(p + i).toFixed(1))).join(" "), y: y(p) + 52 }, text.join(""));
      if (p % length) continue;
      const room = part * size, number = fr(numbers[order]);
      const name = room < 120 ? `n°${HARD}${number}` : `fenêtre ${number}`;
      P.mark(`numéro ${p}`, "text", { class: "d2l-tick", x: from, y: y(p) + LABEL },
        strange ? (room < 120 ? `${name} ≠` : room < 220 ? `${name}${THIN}: ailleurs` : `${name}${HARD}: un autre passage`) : name);
    }

    // Les liens d'un état au suivant : ceux des valeurs avancent, ceux des gradients remontent.
    const lanes = [["valeurs", STATES, 1, carry, value, "c-hidden"], ["gradients", BACK, -1, through, gradient, "c-gradient"]];
    for (const [name, height, side, crosses, first, color] of lanes) {
      const lit = [], dim = [], stops = [], dimStops = [];
      for (let p = 0; p < SHOWN - 1; p++) {
        const inside = (p + 1) % length !== 0, on = p >= first && p < here, into = on ? lit : dim;
        const row = y(p) + height, next = y(p + 1) + height, wraps = row !== next;
        if (inside || crosses) {
          if (wraps) into.push([x(p), row], [last, row], [NaN, NaN], [2, next], [x(p + 1), next], [NaN, NaN]);
          else into.push([x(p), row], [x(p + 1), row], [NaN, NaN]);
          if (!inside || wraps) {
            const middle = (x(p) + x(p + 1)) / 2;
            into.push(...(side > 0 ? chevron(wraps ? last : middle + 2.5, row, 1) : chevron(wraps ? 2 : middle - 2.5, next, -1)));
          }
        } else if (side < 0) (p + 1 === first ? stops : dimStops).push(p + 1);
      }
      P.mark(`${name} pâles`, "path", { class: "line c-rule fenetres-lien", d: path(dim) });
      P.mark(name, "path", { class: `line ${color}`, d: path(lit) });
      if (side > 0) {
        const states = (from, to) => dots(Array.from({ length: Math.max(0, to - from) }, (_, i) => [x(from + i), y(from + i) + height]));
        P.mark("états pâles", "path", { class: "dots c-reference", d: states(0, value) + states(here + 1, SHOWN) });
        P.mark("états", "path", { class: "dots c-hidden", d: states(value, here + 1) });
        for (let p = 0; p < SHOWN; p += length) {
          if (p && carry) continue;
          P.mark(`zéro ${p}`, "text", { class: p === value ? "named c-hidden" : "d2l-tick", x: x(p) - size / 2 - 4, y: y(p) + height + 4.5, "text-anchor": "middle" }, "0");
        }
      } else {
        const bar = (p) => `M${(x(p) - size / 2 - 4).toFixed(1)} ${y(p) + height - 8}v16`;
        const start = path([[x(first), y(first) + height], [x(first) - size / 2 + 2, y(first) + height], ...[[NaN, NaN]], ...chevron(x(first) - size / 2 + 1, y(first) + height, -1)]);
        P.mark("bout", "path", { class: "line c-gradient", d: start });
        P.mark("butées pâles", "path", { class: "line c-reference", d: dimStops.map(bar).join("") });
        P.mark("butée", "path", { class: "line c-gradient fenetres-butee", d: [...stops, ...(first ? [] : [0])].map(bar).join("") });
      }
    }
    P.mark("suivi haut", "circle", { class: "area c-hidden", cx: x(here), cy: y(here) + STATES, r: 5 });
    P.mark("suivi bas", "circle", { class: "area c-gradient", cx: x(here), cy: y(here) + BACK, r: 5 });
    P.mark("suivi", "rect", { class: "fenetres-suivi", x: x(here) - size / 2 - 1, y: y(here) + TOP - 1, width: size + 2, height: BOTTOM - TOP + 2 });
    // La lettre à prédire n'est montrée que si la fenêtre continue, ou si la suivante la prolonge.
    const next = here + 1;
    const visible = next < SHOWN && (next % length || !shuffled);
    P.mark("cible", "rect", { class: "fenetres-cible", x: visible ? x(next) - size / 2 + 1 : 0, y: y(visible ? next : here) + TOP, width: visible ? size - 1 : 0, height: BOTTOM - TOP });
  });
}

function drawCurves(P, loss, means, { length, step, start }) {
  const all = STARTS.flatMap((name) => Array.from({ length: LONGEST }, (_, j) => loss(name, j)));
  const low = Math.floor(Math.min(...all)), high = Math.ceil(Math.max(...all));
  P.frame({ x: [1, LONGEST], y: [low, high], xlog: true,
    xlabel: "place dans la fenêtre (échelle logarithmique)", ylabel: "bits par caractère",
    // Le repère ne part pas de zéro : tous les entiers, le premier compris, pour que cela se voie.
    xticks: [1, 2, 4, 8, 16, 32, 64], yticks: Array.from({ length: high - low + 1 }, (_, i) => low + i), xformat: (v) => fr(v), margins: [28, 14, 44, 30] });
  P.draw(() => {
    const { top, bottom, left, right } = P.box, end = P.x(length);
    const columns = [right - 64, right], from = Math.max(left + 58, right - 290);
    const now = P.x(step + 1), above = Math.min(...STARTS.map((name) => P.y(loss(name, step))));
    P.mark("fond", "rect", { class: "fenetres-fond", x: from - 8, y: top - 1, width: right - from + 9, height: 80 });
    P.mark("fin", "line", { class: "d2l-rule", x1: end, x2: end, y1: top + 84, y2: bottom });
    P.mark("nom fin", "text", { class: "d2l-tick", x: end + (length < 32 ? 5 : -5), y: top + 97, "text-anchor": length < 32 ? "start" : "end" }, "fin de la fenêtre");
    P.mark("place", "line", { class: "line dotted c-reference", x1: now, x2: now, y1: above, y2: bottom });
    P.mark("tête", "text", { class: "d2l-tick", x: from, y: top + 10 }, "départ");
    P.mark("tête place", "text", { class: "d2l-tick", x: columns[0], y: top + 10, "text-anchor": "end" }, `place ${step + 1}`);
    P.mark("tête moyenne", "text", { class: "d2l-tick", x: columns[1], y: top + 10, "text-anchor": "end" }, "moyenne");
    ["étranger", "à zéro", "porté"].forEach((name, i) => {
      const active = name === start, thick = active ? "3.4px" : "1.6px", y = top + 30 + 20 * i;
      const points = Array.from({ length }, (_, j) => [P.x(j + 1), P.y(loss(name, j))]);
      const style = { "stroke-width": thick }, color = `named ${STYLES[name].split(" ")[0]}`;
      P.mark(`courbe ${name}`, "path", { class: `line ${STYLES[name]}`, style, d: path(points) });
      P.mark(`trait ${name}`, "path", { class: `line ${STYLES[name]}`, style, d: `M${from} ${y - 4}h16` });
      P.mark(`nom ${name}`, "text", { class: color, x: from + 21, y }, `${name}${active ? " ◂" : ""}`);
      P.mark(`ici ${name}`, "text", { class: color, x: columns[0], y, "text-anchor": "end" }, fr(loss(name, step), 2));
      P.mark(`moyenne ${name}`, "text", { class: color, x: columns[1], y, "text-anchor": "end" }, fr(means[name], 2));
    });
    P.mark("point", "circle", { class: `area ${STYLES[start].split(" ")[0]}`, cx: now, cy: P.y(loss(start, step)), r: 5 });
  });
}

function sentence({ here, step, order, length, graph, foreign }, { shuffled, carry, detach }, means) {
  const back = step ? count(step + 1, "caractère") : "un seul caractère", elided = step ? "e " : "’";
  if (!carry) {
    return `L’état repart de zéro à chaque fenêtre${HARD}: valeurs et gradient du pari ne voient qu${elided}${back}. Détacher n’y change rien.`;
  }
  if (order === 0) {
    return `Premier lot${HARD}: il n’y a pas encore d’état à porter. Valeurs et gradient du pari viennent d${elided}${back}.`;
  }
  const far = detach ? `Le gradient s’arrête au bord${HARD}: ${back}.`
    : `Le gradient remonte aussi loin${HARD}: un graphe de ${graph} pas, et ${length} de plus par lot.`;
  if (shuffled) {
    return `Faux souvenir${HARD}: ${fr(foreign)} des ${fr(here + 1)} caractères lus viennent d’autres passages. Perte moyenne${HARD}: ${fr(means.étranger, 2)} bits, contre ${fr(means["à zéro"], 2)} à zéro. ${far}`;
  }
  return `Les valeurs viennent des ${fr(here + 1)} caractères lus, depuis le premier lot. ${far}`;
}

export default { render };
