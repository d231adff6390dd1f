"""The plot ``error_against_seconds``: errors against the time of a trial."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from plotted import (
    BENCHMARK,
    CONTENDERS,
    TASK,
    Write,
    benchmarked,
    draw,
    heading,
    overlap,
    timed,
)

from mi_cli.plots.parts import looks


def test_points_are_labelled_and_the_front_is_drawn(write: Write) -> None:
    seconds = {"ksg": 1.0, "infonce": 2.0, "mine": 3.0, "dv": 4.0}  # infonce and dv are beaten at both
    run = write(timed(seconds), {"estimator": [*CONTENDERS], TASK: ["normal"]})
    ax = draw("error_against_seconds", run).axes[0]
    assert sorted(text.get_text() for text in ax.texts) == ["DV", "MINE", "infonce", "ksg"]
    (front,) = [line for line in ax.get_lines() if line.get_color() == looks.GREY]
    inner = [(x, y) for x, y in zip(*front.get_data(), strict=True) if max(x, y) < 100]
    assert np.ravel(inner) == pytest.approx([1, 0.2, 3, 0.2, 3, 0.02 / 3])
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")


def test_labels_do_not_cover_each_other(write: Write) -> None:
    methods = [f"estimator_{n}" for n in range(20)]
    run = write(timed({name: 1.2**n for n, name in enumerate(methods)}), {"estimator": methods})
    figure = draw("error_against_seconds", run)
    FigureCanvasAgg(figure).draw()
    boxes = [Text.get_window_extent(text) for text in figure.axes[0].texts]  # without the lines that lead to them
    assert len(boxes) == 20
    assert all(overlap(one, two) < 1 for one, two in itertools.combinations(boxes, 2))


def test_settings_of_one_method_are_a_line(write: Write) -> None:
    run = write(timed({"dv": 1, "ksg": 2}), {"training.steps": [10, 100], "estimator": ["dv", "ksg"]})
    ax = draw("error_against_seconds", run).axes[0]
    assert "DV, steps = 100" in [text.get_text() for text in ax.texts]
    (curve,) = [line for line in ax.get_lines() if list(line.get_xdata()) == [10, 100]]
    assert curve.get_color() == looks.look("dv").colour


def test_estimators_without_an_estimate_for_a_task_are_left_out(write: Write) -> None:
    figure = draw("error_against_seconds", write(benchmarked, BENCHMARK, [0], lost={1: "diverged"}))
    assert "left out, since a task has no estimate: DV" in heading(figure)
    assert "DV" not in [text.get_text() for text in figure.axes[0].texts]
