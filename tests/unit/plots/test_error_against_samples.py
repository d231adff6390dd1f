"""The plot ``error_against_samples``: errors against the number of rows."""

from __future__ import annotations

import math

import pytest
from plotted import (
    ROWS,
    SIZES,
    TASK,
    Write,
    benchmarked,
    draw,
    heading,
    legend,
    means,
    notes,
)


def test_errors_of_the_mean_task_and_of_each(write: Write) -> None:
    figure = draw("error_against_samples", write(benchmarked, SIZES))
    assert [ax.get_title() for ax in figure.axes] == ["mean over 2 tasks", "normal", "large"]
    assert legend(figure) == ["MINE", "DV", "ksg", "infonce"]
    mean, normal, large = (means(ax, "ksg") for ax in figure.axes)
    assert normal == pytest.approx([0.2 * math.sqrt(1000 / n) for n in SIZES[ROWS]])
    assert mean == pytest.approx([(a + b) / 2 for a, b in zip(normal, large, strict=True)])
    ax = figure.axes[1]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["500", "1000", "4000"]
    assert ax.get_xlabel() == "rows of the data set"


def test_one_task_has_one_panel(write: Write) -> None:
    assert len(draw("error_against_samples", write(benchmarked, {ROWS: [500, 1000]})).axes) == 1


def test_many_tasks_have_one_panel(write: Write) -> None:
    axes = {TASK: [f"task {n}" for n in range(12)], ROWS: [500, 1000]}
    figure = draw("error_against_samples", write(benchmarked, axes))
    assert [ax.get_title() for ax in figure.axes] == ["mean over 12 tasks"]


def test_a_task_without_estimate_leaves_a_gap_that_is_named(write: Write) -> None:
    run = write(benchmarked, SIZES, [0, 1], lost={0: "failed", 1: "failed"})
    figure = draw("error_against_samples", run)
    assert [len(means(ax, "MINE")) for ax in figure.axes] == [2, 2, 3]
    assert "left out where a task has no estimate: MINE" in heading(figure)


def test_without_numbers_of_rows(write: Write) -> None:
    assert "no axis (dataset.n_samples)" in notes(draw("error_against_samples", write(benchmarked)).axes[0])
