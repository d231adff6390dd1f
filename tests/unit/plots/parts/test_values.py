"""What marks stand for, in words and at their places."""

from __future__ import annotations

import math

import pytest
from matplotlib.figure import Figure

from mi_cli.plots.parts.values import Value, exact, span, tell, told


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.220912, "0.2209"), (-4e-5, "−4e−5"), (123456.0, "1.235e5"), (math.inf, "∞"), (-math.inf, "−∞")],
)
def test_numbers_have_four_digits(value: float, text: str) -> None:
    assert exact(value) == text
    assert exact(None) == exact(math.nan) == ""


def test_an_interval_needs_both_ends() -> None:
    assert span((0.1, 0.3), 2) == "[0.2, 0.6]"
    assert span((0.1, None)) == ""


def test_places_are_shares_of_the_figure_from_its_top_left() -> None:
    figure = Figure((4, 2), facecolor="white")
    ax = figure.add_axes((0.25, 0.5, 0.5, 0.5))
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    value = Value("MI (nats)", "MINE", "ρ = 0.5", "0.14")
    tell(ax, 0.0, 0.0, value)
    tell(ax, 0.5, 1.0, value)
    tell(ax, 9.0, 0.0, value)  # outside of the figure
    tell(ax, math.nan, 0.0, value)
    assert [(x, y) for x, y, _ in told(figure)] == [pytest.approx((0.25, 0.5)), pytest.approx((0.5, 0.0))]
    assert told(Figure()) == []
