"""The plot ``mi_and_mse_against_step``: MI of a code and error of the label, during training."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from plotted import (
    COMPARE,
    MAXIMISE,
    Write,
    compared,
    draw,
    encoded,
    heading,
    legend,
    notes,
)


def test_columns_rows_and_colours(write: Write) -> None:
    axes = {"representation.dim": [1, 2, 3], "noise.scale": [0.0, 0.05]}
    figure = draw("mi_and_mse_against_step", write(compared(growth="noise.scale"), axes, history=_by_dim, **MAXIMISE))
    assert len(figure.axes) == 6
    above, below = figure.axes[:3], figure.axes[3:]
    assert [ax.get_title() for ax in above] == [f"code dimension = {dim}" for dim in (1, 2, 3)]
    assert above[0].get_ylabel() == "mutual information (nats)"
    assert below[0].get_ylabel() == "MSE (label units²)"
    assert {ax.get_yscale() for ax in below} == {"log"}
    assert {ax.get_yscale() for ax in above} == {"linear"}
    assert legend(figure) == [
        "validation rows", "training rows", "noise = 0", "noise = 0.05",
        "linear regression (test rows)", "PCA code (test rows)",
    ]  # fmt: skip


def test_the_line_is_the_mean_over_seeds_and_the_band_their_range(write: Write) -> None:
    figure = draw("mi_and_mse_against_step", write(compared(), {}, history=encoded, **MAXIMISE))
    below = figure.axes[1]
    last = [1.5 * 0.2 / (1 + seed) / math.sqrt(200) for seed in range(3)]
    heights = [line.get_ydata()[-1] for line in below.get_lines() if len(line.get_ydata()) == 20]
    assert heights[0] == pytest.approx(np.mean(last))
    band = below.collections[0].get_paths()[0].vertices
    assert [band[band[:, 0] == 200, 1].min(), band[band[:, 0] == 200, 1].max()] == pytest.approx([min(last), max(last)])


def test_baselines_at_their_height_or_in_words(write: Write) -> None:
    errors = {"linear_regression": 1e-30, "pca": 0.02, "mi_encoder": 0.03}
    below = draw("mi_and_mse_against_step", write(compared(errors), {}, history=encoded, **MAXIMISE)).axes[1]
    heights = [line.get_ydata()[0] for line in below.get_lines() if len(line.get_ydata()) == 2]
    assert heights == [pytest.approx(0.02 * 1.01)]
    assert notes(below) == "linear regression: 1e−30 ↓"
    assert below.get_ylim()[0] > 1e-4


def test_comparisons_have_no_baselines_and_equal_columns_are_one(write: Write) -> None:
    run = write(compared(), {"split.labelled": [20, 50]}, history=encoded, **COMPARE)
    figure = draw("mi_and_mse_against_step", run)
    assert len(figure.axes) == 2
    assert "the same for every value of: labelled rows" in heading(figure)
    assert not any("test rows" in label for label in legend(figure))


def test_without_validation_rows(write: Write) -> None:
    def history(setting: dict[str, Any], seed: int) -> dict[str, Any]:
        return {name: trace for name, trace in encoded(setting, seed).items() if name.startswith("train")}

    figure = draw("mi_and_mse_against_step", write(compared(), {}, history=history, **MAXIMISE))
    assert legend(figure)[0] == "training rows"
    assert "validation rows" not in legend(figure)


def test_a_seed_that_stopped_early_keeps_its_last_value(write: Write) -> None:
    def history(setting: dict[str, Any], seed: int) -> dict[str, Any]:
        steps = np.arange(1, 6 if seed == 0 else 11)
        return {"train_mi": (steps, steps.astype(float)), "train_mse": (steps, 1 / steps)}

    above, _ = draw("mi_and_mse_against_step", write(compared(), {}, [0, 1], history, **MAXIMISE)).axes
    (curve,) = [line for line in above.get_lines() if len(line.get_ydata()) == 10]
    assert curve.get_ydata()[-1] == pytest.approx((5 + 10) / 2)


def test_lost_trials(write: Write) -> None:
    run = write(compared(), {"representation.dim": [1, 2]}, [0, 1], _by_dim, lost={0: "diverged"}, **MAXIMISE)
    assert notes(draw("mi_and_mse_against_step", run).axes[0]) == "1 of 2 lost"


def _by_dim(setting: dict[str, Any], seed: int) -> dict[str, Any]:
    factor = 1 + setting["representation.dim"] + setting.get("noise.scale", 0)
    return {name: (at, values / factor) for name, (at, values) in encoded(setting, seed).items()}
