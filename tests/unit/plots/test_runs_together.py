"""Estimates of several runs in one figure: a colour for each, the truth, and a legend beside the data."""

from __future__ import annotations

import math

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from runs import leave_run

from mi_cli.plots.parts.looks import BLACK, PALETTE
from mi_cli.plots.runs_together import METHOD, plot
from mi_cli.records.results import Records

RHO = "dataset.rho"
SWEEP = {"dataset": {"rho": [0.0, 0.6, 1.0]}, "seed": [0, 1]}


def leave(folder, n, sweep=SWEEP):
    return [(f"run {index}", Records(leave_run(folder / str(index), sweep, plots=()))) for index in range(n)]


def drawn(ax, label):
    (line,) = [line for line in ax.lines if line.get_label() == label]
    return line


def labelled(ax):
    return dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))


def test_each_run_has_a_colour_and_a_marker_and_the_truth_is_drawn(tmp_path):
    runs = leave(tmp_path, 3)
    top, below = plot("small", runs, RHO).axes
    marks = labelled(top)
    assert list(marks) == ["true MI", "run 0", "run 1", "run 2"]
    lines = [marks[f"run {index}"].lines[0] for index in range(3)]
    assert [to_hex(line.get_color()).upper() for line in lines] == [colour.upper() for colour in PALETTE[:3]]
    assert len({line.get_marker() for line in lines}) == 3
    truth = drawn(top, "true MI")
    assert truth.get_color() == BLACK
    np.testing.assert_allclose(truth.get_ydata(), [0.0, -math.log(1 - 0.36) / 2])
    np.testing.assert_allclose(lines[0].get_xdata(), [0.0, 0.6, 1.0])
    assert "true MI = ∞ at ρ = 1" in {text.get_text() for text in top.texts}
    assert below.get_ylabel() == "estimate − true MI (nats)"
    np.testing.assert_allclose(labelled(below)["run 1"].lines[0].get_xdata(), [0.0, 0.6])


def test_fifteen_runs_differ_in_colour_or_marker(tmp_path):
    top = plot("small", leave(tmp_path, 15, {"dataset": {"rho": [0.0, 0.6]}, "seed": [0]}), RHO).axes[0]
    looks = {
        (to_hex(mark.lines[0].get_color()), mark.lines[0].get_marker()) for mark in list(labelled(top).values())[1:]
    }
    assert len(looks) == 15


def test_the_legend_covers_no_panel(tmp_path):
    figure = plot("small", leave(tmp_path, 9), RHO)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    (legend,) = figure.legends
    box = legend.get_window_extent()
    assert not any(box.overlaps(ax.get_window_extent()) for ax in figure.axes)
    assert figure.bbox.y0 <= box.y0


def test_other_axes_have_a_panel_for_each_setting(tmp_path):
    sweep = {"dataset": {"rho": [0.0, 0.6]}, "training": {"lr": [0.1, 0.2, 0.3]}, "seed": [0]}
    figure = plot("small", leave(tmp_path, 2, sweep), RHO)
    assert [ax.get_title() for ax in figure.axes] == [f"learning rate = {lr}" for lr in (0.1, 0.2, 0.3)]
    assert all(list(labelled(ax)) == ["true MI", "run 0", "run 1"] for ax in figure.axes)


def test_runs_of_one_setting_stand_above_their_methods(tmp_path):
    figure = plot("small", leave(tmp_path, 2, {"seed": [0]}), METHOD, "bits")
    top, below = figure.axes
    assert [tick.get_text() for tick in below.get_xticklabels()] == ["MINE"]
    assert top.get_ylabel() == "MI (bits)"
    truth = -math.log(1 - 0.36) / 2
    assert labelled(top)["run 0"].lines[0].get_ydata() == pytest.approx([truth / math.log(2)])


def test_the_title_says_how_many_runs_and_seeds(tmp_path):
    title = plot("small", leave(tmp_path, 2), RHO).get_suptitle()
    assert title.splitlines() == [
        "Estimates of 2 runs of small",
        "2 seeds; bars: 95 % interval of the mean over seeds",
    ]
