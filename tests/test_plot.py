"""Les courbes : un appel, une figure ; virgules décimales ; les couleurs de la palette."""

import io
import re
import sys

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex

from d2l_fr import palette, plot
from d2l_fr.french import NNBSP

AXES = {"xlabel": "pas de temps", "ylabel": "valeur (m)"}


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def drawn():
    ax = plt.gcf().axes[0]
    plt.gcf().canvas.draw()
    return ax


def grid():
    """Y a-t-il une grille : (verticale, horizontale)."""
    ax = drawn()
    return tuple(axis.get_gridlines()[0].get_visible() for axis in (ax.xaxis, ax.yaxis))


def labels(axis):
    return [t.get_text() for t in axis.get_ticklabels() if t.get_text()]


def test_lines_draws_one_curve_per_series():
    assert plot.lines({"un": [1, 2, 3], "deux": ([0, 4], [5, 6])}, **AXES) is None
    ax = drawn()
    first, second = ax.get_lines()
    assert first.get_xdata().tolist() == [0, 1, 2]
    assert second.get_xdata().tolist() == [0, 4]
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["un", "deux"]
    assert ax.get_xlabel() == "pas de temps"


def test_a_single_curve_has_no_legend():
    plot.lines({"seule": [1, 2]}, **AXES)
    assert drawn().get_legend() is None


def test_roles_give_colour_and_dash():
    plot.lines({"a": [1, 2], "b": [2, 1]}, roles={"a": "heldout", "b": "train"}, **AXES)
    a, b = drawn().get_lines()
    assert a.get_color() == palette.LIGHT["heldout"]
    assert b.get_color() == palette.LIGHT["train"]
    assert b.get_linestyle() == palette.DASHES["train"]


def test_decimals_have_a_comma_and_thousands_a_space():
    plot.lines({"a": ([0, 0.5], [0, 20_000])}, **AXES)
    ax = drawn()
    assert "0,1" in labels(ax.xaxis)
    assert f"20{NNBSP}000" in labels(ax.yaxis)
    assert not any("." in text for text in labels(ax.xaxis) + labels(ax.yaxis))


def test_negative_ticks_have_a_true_minus():
    plot.lines({"a": [-1.5, 1.5]}, **AXES)
    assert "−1,5" in labels(drawn().yaxis)


def test_tensors_lists_and_arrays_are_accepted():
    for values in ([1.0, 2.0], np.array([1.0, 2.0]), torch.tensor([1.0, 2.0], requires_grad=True)):
        plot.lines({"a": values}, **AXES)
        assert drawn().get_lines()[0].get_ydata().tolist() == [1.0, 2.0]
        plt.close("all")


@pytest.mark.parametrize("draw", [plot.lines, plot.points])
def test_unequal_lengths_are_refused(draw):
    with pytest.raises(ValueError, match="« a » : 3 abscisses pour 2 valeurs"):
        draw({"a": [1, 2]}, x=[0, 1, 2], **AXES)


@pytest.mark.parametrize("draw", [plot.lines, plot.points])
def test_an_unknown_role_lists_the_known_ones(draw):
    with pytest.raises(ValueError, match=r"Rôle inconnu : 'rouge'.*input, hidden"):
        draw({"a": [1, 2]}, roles={"a": "rouge"}, **AXES)


def test_guides_are_drawn_with_their_text():
    plot.lines({"a": [0, 1]}, vlines=[0.5, (0.7, "coupe")], hlines=[(0.2, "seuil")], **AXES)
    ax = drawn()
    assert len(ax.get_lines()) == 4
    threshold, cut = ax.texts
    assert [threshold.get_text(), cut.get_text()] == ["seuil", "coupe"]
    # Chacun dans le cadre, au bord de sa droite.
    assert threshold.get_ha() == "right" and cut.get_ha() == "left" and cut.get_va() == "top"


def test_points_have_marks_and_no_line():
    plot.points({"a": ([1, 10], [1, 100]), "b": [3, 4]}, xscale="log", yscale="log", **AXES)
    a, b = drawn().get_lines()
    assert a.get_linestyle() == "None"
    assert a.get_marker() != b.get_marker()
    assert drawn().get_xscale() == "log"
    plt.close("all")
    plot.points({"a": [1, 10]}, **AXES)
    assert (drawn().get_xscale(), drawn().get_yscale()) == ("linear", "linear")


def test_bars_stand_or_lie():
    plot.bars(["e", "s"], [15, 8], **AXES)
    assert [p.get_height() for p in drawn().patches] == [15, 8]
    assert labels(drawn().xaxis) == ["e", "s"]
    assert grid() == (False, True)
    plt.close("all")
    plot.bars(["e", "s"], [15, 8], horizontal=True, role="output", **AXES)
    assert [p.get_width() for p in drawn().patches] == [15, 8]
    assert drawn().yaxis_inverted()
    assert grid() == (True, False)
    assert to_hex(drawn().patches[0].get_facecolor()) == palette.LIGHT["output"]
    with pytest.raises(ValueError, match="1 étiquettes pour 2 valeurs"):
        plot.bars(["e"], [1, 2], **AXES)


def test_the_unit_circle_is_round_and_holds_every_root():
    families = {"bruit": [0.5 + 1j, 0.5 - 1j], "sans": np.array([2.0])}
    plot.unit_circle(families, title="Racines", roles={"sans": "output"})
    ax = drawn()
    assert ax.get_title(loc="left") == "Racines"
    assert ax.get_aspect() == 1.0
    assert ax.get_xlim() == ax.get_ylim() == pytest.approx((-2.3, 2.3))
    circle, noise, without = ax.get_lines()
    assert np.allclose(np.hypot(circle.get_xdata(), circle.get_ydata()), 1)
    turn = np.unwrap(np.arctan2(circle.get_ydata(), circle.get_xdata()))
    assert turn[0] == 0 and turn[-1] == pytest.approx(2 * np.pi)
    assert without.get_color() == palette.LIGHT["output"] != noise.get_color()
    assert noise.get_marker() != without.get_marker()
    # La légende est sous le dessin.
    legend = ax.get_legend().get_window_extent()
    assert legend.y1 < ax.get_window_extent().y0


def test_a_diverging_map_is_symmetric():
    plot.heatmap(
        np.array([[-1.0, 3.0]]), diverging=True, xticks=["a", "b"], label="poids (bits)", **AXES
    )
    image = drawn().images[0]
    assert image.colorbar.ax.get_ylabel() == "poids (bits)"
    assert image.get_clim() == (-3.0, 3.0)
    assert labels(drawn().xaxis) == ["a", "b"]


def test_panels_are_given_flat():
    axes = plot.panels(2, 2)
    assert axes.shape == (4,)
    plot.lines({"a": [1, 2]}, ax=axes[3], **AXES)
    assert len(axes[3].get_lines()) == 1
    assert len(axes[0].get_lines()) == 0


def test_two_drawings_give_the_same_bytes():
    def svg():
        plot.lines({"a": [1, 2, 3]}, **AXES)
        out = io.BytesIO()
        plt.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
        plt.close("all")
        return out.getvalue()

    assert svg() == svg()


def test_drawings_use_only_the_palette():
    plot.lines({"a": [1, 2], "b": [2, 1]}, hlines=[1.5], title="Titre", **AXES)
    out = io.StringIO()
    plt.savefig(out, format="svg")
    used = set(re.findall(r"#[0-9a-f]{6}\b", out.getvalue()))
    assert used <= set(palette.LIGHT.values())


def test_limits_and_ticks_are_those_asked_for():
    plot.lines({"a": [1, 5, 9]}, xlim=(0, 1.5), ylim=(-2, 10), xticks=[0, 1], **AXES)
    ax = drawn()
    assert ax.get_xlim() == (0, 1.5) and ax.get_ylim() == (-2, 10)
    assert labels(ax.xaxis) == ["0", "1"] and ax.xaxis.get_minorticklocs().size == 0


def test_each_reference_line_carries_its_name():
    plot.lines({"a": [1, 5]}, hlines=[(2, "seuil"), 3], vlines=[(1, "coupe")], **AXES)
    ax = drawn()
    assert [t.get_text() for t in ax.texts] == ["seuil", "coupe"]
    curve, *lines = ax.get_lines()
    assert [line.get_ydata()[0] for line in lines[:2]] == [2, 3]
    assert all(line.get_zorder() < curve.get_zorder() for line in lines)  # sous la courbe


def test_one_family_of_roots_has_no_legend():
    plot.unit_circle({"bruit": [0.5 + 1j, 0.5 - 1j]})
    assert drawn().get_legend() is None


def test_in_a_notebook_the_figures_are_drawings_and_always_the_same(monkeypatch):
    import IPython
    from matplotlib_inline import backend_inline

    asked = []
    monkeypatch.setattr(
        backend_inline, "set_matplotlib_formats", lambda *a, **k: asked.append((a, k))
    )
    with matplotlib.rc_context():
        plot.use_style()
        assert asked == []
        monkeypatch.setattr(IPython, "get_ipython", object)
        plot.use_style()
        assert asked == [(("svg",), {"metadata": {"Date": None, "Creator": None}})]
        monkeypatch.setitem(sys.modules, "IPython", None)
        plot.use_style()
        assert matplotlib.rcParams["figure.facecolor"] == palette.LIGHT["background"]
    assert len(asked) == 1
