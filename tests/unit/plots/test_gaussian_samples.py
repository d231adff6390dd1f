"""The plot ``gaussian_samples``: samples of x and y."""

from __future__ import annotations

from typing import Any

from plotted import (
    RHO,
    Fields,
    Write,
    draw,
    estimated,
    notes,
    trained,
)


def test_a_panel_for_each_data_set_and_not_for_other_axes(write: Write) -> None:
    axes = {RHO: [0.0, 0.6, 1.0], "estimator.hidden": [[8], [16]]}
    figure = draw("gaussian_samples", write(estimated(), axes, history=trained, sampled=True))
    assert [ax.get_title() for ax in figure.axes] == [
        "ρ = 0\ntrue MI = 0.0000 nats",
        "ρ = 0.6\ntrue MI = 0.2231 nats",
        "ρ = 1\ntrue MI = ∞",
    ]
    assert [len(ax.collections[0].get_offsets()) for ax in figure.axes] == [20, 20, 20]
    assert figure.axes[0].get_ylabel() == "y"


def test_an_unknown_truth_is_left_out(write: Write) -> None:
    def rows(setting: dict[str, Any], seed: int) -> Fields:
        return {"mine": {"status": "ok", "estimate": 0.1}}

    figure = draw("gaussian_samples", write(rows, {}, [0], sampled=True))
    assert [ax.get_title() for ax in figure.axes] == ["ρ = 0.6"]


def test_no_samples(write: Write) -> None:
    assert "no samples" in notes(draw("gaussian_samples", write(estimated())).axes[0])
