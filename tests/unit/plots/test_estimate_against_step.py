"""The plot ``estimate_against_step``: estimates during training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from plotted import (
    RHO,
    Write,
    draw,
    estimated,
    legend,
    lines,
    notes,
    trained,
    truth,
)


def test_lines_and_truth(write: Write) -> None:
    rhos = [0.0, 0.2, 0.6]
    figure = draw("estimate_against_step", write(estimated(), {RHO: rhos}, history=trained))
    for rho, ax in zip(rhos, figure.axes, strict=True):
        (line,) = lines(ax, "true MI")
        assert list(line.get_ydata()) == pytest.approx([truth(rho)] * 2)
        low, high = ax.get_ylim()
        assert low < truth(rho) < high
        assert len(lines(ax, "training rows")) == len(lines(ax, "validation rows")) == 3
    assert legend(figure) == ["training rows", "validation rows", "true MI"]
    assert figure.axes[0].get_ylabel() == "mutual information (nats)"


def test_an_infinite_truth_has_no_line(write: Write) -> None:
    figure = draw("estimate_against_step", write(estimated(), {RHO: [1.0]}, history=trained))
    assert not lines(figure.axes[0], "true MI")
    assert "∞" in notes(figure.axes[0])
    assert "ceiling of the held-out estimate" not in legend(figure)


def test_a_ceiling_in_reach_is_drawn(write: Write) -> None:
    def high(setting: dict[str, Any], seed: int) -> dict[str, Any]:
        return {"train_mi": (np.arange(5), np.linspace(0, 10, 5))}

    figure = draw("estimate_against_step", write(estimated(), {RHO: [1.0]}, history=high))
    (line,) = lines(figure.axes[0], "ceiling of the held-out estimate")
    assert set(line.get_ydata()) == {12.0}
    assert figure.axes[0].get_ylim()[1] > 12


def test_lost_trials_are_counted_in_their_panel(write: Write) -> None:
    run = write(estimated(), {RHO: [0.2, 0.4]}, [0, 1], trained, lost={1: "diverged", 2: "failed", 3: "failed"})
    first, second = draw("estimate_against_step", run).axes
    assert notes(first) == "1 of 2 diverged"
    assert notes(second) == "2 of 2 failed"
    assert len(lines(first, "last value before divergence")) == 2


def test_spikes_do_not_set_the_scale(write: Write) -> None:
    def spiked(setting: dict[str, Any], seed: int) -> dict[str, Any]:
        values = np.full(200, 0.2)
        values[3], values[4] = -1e6, np.inf
        return {"train_mi": (np.arange(200), values)}

    low, high = draw("estimate_against_step", write(estimated(), {}, history=spiked)).axes[0].get_ylim()
    assert 0 < low < high < 1
