"""Met les mesures en page : les tableaux et les deux courbes de l'annexe « Banc d'essai »."""

import datetime
import statistics

import matplotlib.pyplot as plt

import d2l_fr as d2l
from benchmarks.debit import BEST, LOOP, OURS, PRODUCT, THEIRS, TORCH
from benchmarks.donnees import growth
from benchmarks.mesure import ROOT
from benchmarks.toit import intensity
from d2l_fr import plot

TABLES, IMAGES = ROOT / "book" / "mesures", ROOT / "book" / "img"
fr = d2l.fr
MONTHS = [
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre",
    "octobre", "novembre", "décembre",
]  # fmt: skip


def today():
    """La date du jour, en toutes lettres."""
    day = datetime.date.today()
    return f"{'1er' if day.day == 1 else day.day} {MONTHS[day.month - 1]} {day.year}"


def spread(values, digits=2):
    """« 1,52 (1,47 à 1,55) » : la médiane, et les deux quartiles."""
    low, high = fr(values["low"], digits), fr(values["high"], digits)
    return f"{fr(values['median'], digits)} ({low} à {high})"


def table(name, caption, head, rows):
    """Un tableau MyST, numéroté, une ligne par liste de cases."""
    lines = [f"```{{list-table}} {caption}", f":name: {name}", ":header-rows: 1", ""]
    for row in [head, *rows]:
        lines += [f"{'*' if i == 0 else ' '} - {cell}" for i, cell in enumerate(row)]
    return "\n".join([*lines, "```", ""])


def throughput(found):
    def against(values, other):
        return f"{spread(values[f'{OURS}/{other}'])} ; {fr(values[f'{BEST}/{other}']['median'], 2)}"

    def share(values, name):
        return f"{fr(100 * values[name]['median'])} %"

    rows = [
        [
            f"$m = {m}$, $B = {B}$, $T = {T}$",
            fr(values[OURS]["median"] / 1000),
            *(against(values, other) for other in (THEIRS, TORCH, LOOP)),
            f"{share(values, 'part')} ; {share(values, 'part possible')}",
        ]
        for (m, B, T), values in found
    ]
    head = [
        "Taille", "Milliers de jetons par seconde", "Contre D2L", "Contre `nn.RNN`",
        "Contre notre boucle", "Part de la machine",
    ]  # fmt: skip
    caption = (
        "Aller et retour d'un réseau récurrent, rétropropagation écrite à la main : débit, "
        "rapports aux autres (plus de 1 : le nôtre va plus vite), et part du débit de deux grandes "
        "matrices carrées. Après le point-virgule, le mieux possible : les produits seuls."
    )
    return table("tab-banc-debit", caption, head, rows)


def _duration(seconds):
    return f"{fr(seconds, 1)} s" if seconds >= 1 else f"{fr(1000 * seconds, 1)} ms"


def preparation(found):
    def row(name, part, one, other="nous"):
        return [
            name,
            _duration(part[one]["median"]),
            _duration(part[other]["median"]),
            spread(part["rapport"], 1),
        ]

    windows, writing, imported = found["fenêtres"], found["écriture"], found["import"]
    rows = [
        row(f"Préparer {fr(windows['fenêtres'])} fenêtres", windows, "d2l"),
        row(f"Écrire {writing['caractères']} caractères, 256 unités", writing, "d2l"),
        row(
            f"Importer le paquet (PyTorch seul : {_duration(imported['torch']['median'])})",
            imported, "d2l",
        ),
    ]  # fmt: skip
    head = ["", "D2L", "Ici", "Rapport"]
    return table("tab-banc-donnees", "Préparer, écrire, importer : les durées.", head, rows)


def memory(found):
    rows = []
    for name, sizes in found["vocabulaire"].items():
        label = f"Vocabulaire, {name}" if name != "d2l" else "Vocabulaire, caractères, D2L"
        rows.append(_scaling(label, sizes))
    rows.append(_scaling("N-grammes d'ordre 5, caractères", found["n-grammes"]))
    head = [
        "", "Texte (millions de signes)", "Durée", "Exposant de la durée", "Octets par signe",
    ]  # fmt: skip
    caption = (
        "Compter un long texte. L'exposant vaut 1 quand doubler le texte double la durée ; les "
        "octets par signe sont la mémoire demandée en plus du texte lui-même, au plus fort."
    )
    return table("tab-banc-memoire", caption, head, rows)


def _scaling(label, sizes):
    size, seconds, _ = sizes[-1]
    bytes_each = " puis ".join(fr(p / n, 1) for n, _, p in sizes)
    return [label, fr(size / 1e6), _duration(seconds), fr(growth(sizes), 2), bytes_each]


def chapter(found):
    rows = []
    for name, seconds in found["nous"].items():
        other = found["d2l"].get(name)
        rows.append([f"{{doc}}`{name}`", f"{fr(other)} s" if other else "–", f"{fr(seconds)} s"])
    totals = [f"{fr(sum(found[who].values()))} s" for who in ("d2l", "nous")]
    rows.append(["Le chapitre", *totals])
    caption = "Le chapitre exécuté d'un bout à l'autre, noyaux et importations compris."
    return table("tab-banc-chapitre", caption, ["Section", "D2L", "Ici"], rows)


def _save(name, title):
    about = {"Date": None, "Creator": None, "Title": title}
    plt.savefig(IMAGES / f"{name}.svg", metadata=about)
    plt.close()


def curves(found):
    """Dessine les courbes ; rend la phrase qui les résume."""
    plot.use_style()
    series, roles = {}, {}
    for who, label, role in (("d2l", "D2L, 32 unités", "input"), ("nous", "ici", "hidden")):
        for i, curve in enumerate(found[who]):
            name = label if i == 0 else f"_{who}{i}"
            series[name], roles[name] = tuple(zip(*curve, strict=True)), role
    plot.lines(
        series, roles=roles, xlabel="durée d'apprentissage (s)", ylabel="perplexité", ylim=(3, 15),
        hlines=[(found["comptage"], "n-gramme")], size=(5.6, 3.2),
    )  # fmt: skip
    _save("banc-courbes", "La perplexité contre la durée d'apprentissage")
    ends = {who: [curve[-1] for curve in found[who]] for who in ("d2l", "nous")}
    seconds = {who: statistics.median(s for s, _ in rows) for who, rows in ends.items()}
    said = {}
    for who, rows in ends.items():
        values = sorted(value for _, value in rows)
        low, middle, high = values[0], statistics.median(values), values[-1]
        said[who] = f"{fr(middle, 2)} (de {fr(low, 2)} à {fr(high, 2)})"
    return (
        f"Sur {len(found['nous'])} graines, l'exemple de D2L finit à {said['d2l']} en "
        f"{fr(seconds['d2l'])} secondes ; le nôtre, en {fr(seconds['nous'])} secondes, à "
        f"{said['nous']}. Le comptage fait {fr(found['comptage'], 2)}.\n"
    )


def roofline(found, throughputs):
    """Dessine le toit, les produits d'un pas de temps et nos apprentissages ; rend la légende."""
    plot.use_style()
    peak, slope, points = found["plafond"], found["pente"], found["points"]
    giga, right = 1e9, 300
    roof = [0.1, peak / slope, right]
    series = {"toit": (roof, [min(peak, slope * x) / giga for x in roof])}
    roles, markers, styles = {"toit": "data"}, {}, {"toit": "-"}
    for (width, rows), role, mark in zip(
        points.items(), ("input", "hidden", "output"), "os^", strict=True
    ):
        label = f"un pas, m = {width}"
        series[label] = ([x for _, x, _ in rows], [y / giga for *_, y in rows])
        roles[label], markers[label], styles[label] = role, mark, ":"
    whole = [
        (intensity(B, m), values["part"]["median"] * values[PRODUCT]["median"] / giga)
        for (m, B, _), values in throughputs
    ]
    label = "apprentissage entier"
    series[label] = tuple(zip(*whole, strict=True))
    roles[label], markers[label], styles[label] = "gradient", "D", "none"
    plot.lines(
        series, roles=roles, markers=markers, styles=styles, xscale="log", yscale="log",
        xlabel="opérations par octet lu ou écrit", ylabel="milliards d'opérations par seconde",
        size=(5.6, 3.8),
    )  # fmt: skip
    _save("banc-toit", "Le toit de la machine, et ce qu'en tire un réseau")
    alone = {width: fr(rows[0][2] / giga, 1) for width, rows in points.items()}
    return (
        f"Ici, le plafond est à {fr(peak / giga)} milliards d'opérations par seconde, la mémoire "
        f"déplace {fr(slope / giga)} milliards d'octets par seconde, et un appel, même pour un "
        f"seul nombre, coûte {fr(1e6 * found['appel'], 1)} µs. Avec une seule séquence ($B = 1$), "
        f"le produit d'un pas ne tire de la machine que {alone['32']} milliard d'opérations par "
        f"seconde à 32 unités, et {alone['512']} à 512.\n"
    )


def write(results):
    """Écrit les tableaux dans ``book/mesures`` et les courbes dans ``book/img``."""
    TABLES.mkdir(exist_ok=True)
    parts = {
        "machine": f"Mesuré le {results['date']}, par `make bench` : {results['machine']}.\n",
        "debit": throughput(results["debit"]),
        "toit": roofline(results["toit"], results["debit"]),
        "courbes": curves(results["courbes"]),
        "donnees": preparation(results["donnees"]),
        "memoire": memory(results["donnees"]),
        "chapitre": chapter(results["chapitre"]),
    }
    for name, text in parts.items():
        (TABLES / f"{name}.txt").write_text(text, "utf-8")
