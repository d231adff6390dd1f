"""Settings, and the places of their panels."""

from __future__ import annotations

import itertools

import pytest
from plotted import (
    RHO,
)

from mi_cli.plots.parts.settings import Setting, panel_places


@pytest.mark.parametrize(
    ("n", "grid"), [(1, (1, 1)), (3, (1, 3)), (4, (2, 2)), (6, (2, 3)), (12, (3, 4)), (24, (4, 6))]
)
def test_panels_are_wrapped(n: int, grid: tuple[int, int]) -> None:
    places = panel_places([Setting(((RHO, index / n),)) for index in range(n)])
    assert len(set(places)) == n
    assert (max(row for row, _ in places) + 1, max(column for _, column in places) + 1) == grid


def test_the_first_axis_runs_along_the_columns() -> None:
    settings = [Setting((("a", x), ("b", y))) for x, y in itertools.product((2.0, 1.0), "uv")]
    assert panel_places(settings) == [(0, 1), (1, 1), (0, 0), (1, 0)]
