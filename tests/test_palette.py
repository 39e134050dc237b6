"""La palette : des contrastes suffisants, en clair et en sombre, et une seule source."""

import colorsys
import itertools

import pytest

import habillage
from d2l_fr import palette

TEXT = [role for role in palette.LIGHT if role not in ("rule", "background")]


def channels(code):
    return [int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def luminance(code):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels(code)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a, b):
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("role", TEXT)
@pytest.mark.parametrize(
    "colors", [palette.LIGHT, palette.SEPIA, palette.DARK], ids=["clair", "sépia", "sombre"]
)
def test_every_role_is_readable_as_text(role, colors):
    assert contrast(colors[role], colors["background"]) >= 4.5


@pytest.mark.parametrize("tint", palette.TINTS)
def test_text_is_readable_on_every_tint(tint):
    light, dark = palette.TINTS[tint]
    assert contrast(palette.LIGHT["data"], light) >= 7
    assert contrast(palette.DARK["data"], dark) >= 7
    assert contrast(palette.SEPIA["data"], palette.SEPIA[tint]) >= 7


def test_sepia_names_every_role():
    assert set(palette.SEPIA) == set(palette.LIGHT) | set(palette.TINTS)


def test_code_is_readable_on_its_background():
    for name, (_, variable) in habillage.TOKENS.items():
        role = variable.removeprefix("var(--c-").removesuffix(")")
        light, dark = palette.TINTS["neutral-tint"]
        assert contrast(palette.LIGHT[role], light) >= 4.5, name
        assert contrast(palette.DARK[role], dark) >= 4.5, name
        assert contrast(palette.SEPIA[role], palette.SEPIA["neutral-tint"]) >= 4.5, name


def test_roles_that_meet_on_a_plot_differ_for_colour_blind_readers():
    # Deutéranopie (Viénot 1999, en valeurs linéaires) : le rouge et le vert s'y confondent.
    def deuteranope(code):
        r, g, b = (c**2.2 for c in channels(code))
        y = 0.29275 * r + 0.70725 * g
        return y, y, -0.02234 * r + 0.02234 * g + b

    for colors in (palette.LIGHT, palette.DARK):
        for a, b in itertools.combinations(("input", "hidden", "output", "gradient"), 2):
            distance = sum(
                (x - y) ** 2
                for x, y in zip(deuteranope(colors[a]), deuteranope(colors[b]), strict=True)
            )
            same_dash = palette.DASHES[a] == palette.DASHES[b]
            assert distance**0.5 > (0.08 if same_dash else 0.02), (a, b)


def test_light_and_dark_keep_the_hue_of_each_role():
    for role in ("input", "hidden", "output", "gradient"):
        hues = [colorsys.rgb_to_hls(*channels(c[role]))[0] for c in (palette.LIGHT, palette.DARK)]
        assert abs(hues[0] - hues[1]) < 0.06, role


def test_every_role_has_both_modes_and_a_dash():
    assert palette.LIGHT.keys() == palette.DARK.keys()
    assert set(palette.DASHES) == set(TEXT)
