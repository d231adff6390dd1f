"""The plot ``method_comparison``: test errors of all methods."""

from __future__ import annotations

import numpy as np
import pytest
from plotted import (
    METHODS,
    NOISE,
    Write,
    compared,
    draw,
    legend,
    means,
    notes,
)

from mi_cli.plots.parts import looks


def test_lines_against_numbers(write: Write) -> None:
    run = write(compared(growth="noise.scale"), NOISE)
    figure = draw("method_comparison", run)
    left, right = figure.axes
    assert legend(figure) == [looks.look(method).label for method in METHODS]
    assert left.get_yscale() == "log"
    assert left.get_xscale() == "linear"
    assert left.get_xlabel() == "noise on the columns of x (standard deviation)"
    assert left.get_ylabel() == "test MSE (label units²)"
    assert means(left, "ridge regression") == [pytest.approx(0.002 * 1.01 * (1 + n)) for n in NOISE["noise.scale"]]
    differences = [
        cell["difference"]["mean"] for cell in run.summary["cells"] if cell["method"] == "ridge"
    ]  # as the summary has them
    assert means(right, "ridge regression") == [pytest.approx(value) for value in differences]
    assert any(set(line.get_ydata()) == {0} for line in right.get_lines())
    assert "better" in right.get_ylabel()
    assert len(left.collections[0].get_offsets()) == 4 * 3


def test_an_axis_of_decades_is_logarithmic(write: Write) -> None:
    figure = draw("method_comparison", write(compared(), {"split.labelled": [20, 100, 500]}))
    assert figure.axes[0].get_xscale() == "log"
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["20", "100", "500"]


def test_columns_are_counted_as_columns(write: Write) -> None:
    left = draw("method_comparison", write(compared(), {"dataset.powers": [4, 7, 19]})).axes[0]
    assert list(left.get_xticks()) == [28, 49, 133]
    assert left.get_xlabel().startswith("columns of x")


def test_groups_where_the_axis_has_few_values_or_words(write: Write) -> None:
    figure = draw("method_comparison", write(compared(), {"shift": ["none", "scale_shift"]}))
    assert len(figure.axes) == 4
    assert [ax.get_title() for ax in figure.axes[::2]] == ["shift = none", "shift = scale_shift"]
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == [looks.look(method).label for method in METHODS]
    assert figure.axes[0].get_xscale() == "log"
    assert not figure.legends


def test_a_row_for_each_value_of_the_other_axes(write: Write) -> None:
    figure = draw("method_comparison", write(compared(), {"shift": ["none", "scale_shift"]} | NOISE))
    assert len(figure.axes) == 4
    assert figure.axes[0].get_lines()


def test_one_method_exploding_leaves_the_others_readable(write: Write) -> None:
    errors = dict.fromkeys(METHODS, 0.004) | {"ridge": 0.003, "pca": 0.005, "mi_encoder": 1500.0}
    right = draw("method_comparison", write(compared(errors), NOISE)).axes[1]
    assert right.get_yscale() == "symlog"
    low, high = right.get_ylim()
    ends = right.transData.transform([(0.1, low), (0.1, -0.001), (0.1, 0), (0.1, 0.001), (0.1, high)])[:, 1]
    assert (np.diff(ends)[1:3] > 0.1 * (ends[-1] - ends[0])).all()
    assert low < 0 < 1400 < high


def test_an_error_of_zero_is_shown_as_text(write: Write) -> None:
    errors = {"linear_regression": 3e-31, "pca": 0.02, "mi_encoder": 0.03}
    left = draw("method_comparison", write(compared(errors), {})).axes[0]
    assert notes(left) == "← 3e−31"
    assert left.get_xlim()[0] > 1e-3
    lines_ = draw("method_comparison", write(compared(errors), NOISE)).axes[0]
    assert notes(lines_) == "linear regression: 3e−31 ↓"


def test_a_method_without_result_is_named(write: Write) -> None:
    lost = {0: "diverged", 1: "diverged"}
    assert notes(draw("method_comparison", write(compared(), {}, [0, 1], lost=lost)).axes[0]) == "no result"
    axes = {"shift": ["a", "b"]} | NOISE
    run = write(compared(), axes, [0], lost=dict.fromkeys(range(4), "diverged"))
    first, _, second, _ = draw("method_comparison", run).axes
    assert notes(first) == "no result: MI encoder"
    assert notes(second) == ""


def test_without_linear_regression(write: Write) -> None:
    right = draw("method_comparison", write(compared({"ridge": 0.1, "pca": 0.2}), {})).axes[1]
    assert notes(right) == "no linear regression to compare with"
