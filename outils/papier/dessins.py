"""Les dessins du site, aux couleurs du papier : plus une variable CSS, des identifiants à part."""

import re

from d2l_fr import palette

SANS, MONO = "Source Sans 3", "Source Code Pro"
VALUES = {f"--c-{role}": code for role, code in palette.LIGHT.items()}
VALUES |= {f"--c-{role}": tint[0] for role, tint in palette.TINTS.items()}
VALUES |= {
    "--police": f"'{SANS}', 'Signes rares', sans-serif",
    "--chasse-fixe": f"'{MONO}', 'Signes rares', monospace",
}
VARIABLE = re.compile(r"var\((--[\w-]+)\)")
ALT = re.compile(r'aria-label="([^"]*)"')


def resolved(text):
    """Le texte, ses variables remplacées par leur valeur en clair."""
    return VARIABLE.sub(lambda m: VALUES[m[1]], text)


def prefixed(svg, prefix):
    """Le dessin, ses identifiants précédés de ``prefix`` : un seul livre en contient cent."""
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    svg = re.sub(r'\bhref="#', f'href="#{prefix}-', svg)
    return re.sub(r"url\(#", f"url(#{prefix}-", svg)


def alt(svg):
    """Le texte de remplacement, tel qu'il s'écrit dans un attribut."""
    return ALT.search(svg)[1]
