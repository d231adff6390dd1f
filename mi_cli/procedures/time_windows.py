"""Windows of rows that follow each other in time, none of which crosses recordings, and blocks of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from mi_cli.datasets.series import History, Series
from mi_cli.errors import counted
from mi_cli.problems import Array, Problem, Rows
from mi_cli.tabular.row_order import FEWEST_BLOCKS, dependent_rows

__all__ = [
    "Index",
    "Windows",
    "block_rows",
    "lagged_windows",
    "positions",
    "reach",
    "transfer_windows",
    "window_problem",
]

Index = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, eq=False)
class Windows:
    """Values of a target with what came before them.

    Attributes:
        target: ``(n, width)``.
        source: past values of the source, the newest first, ``(n, values · width)``.
        given: what is given, ``(n, d)``; None where nothing is.
        recording: the number of each row's recording, ``(n,)``, ascending.
        names: of the columns of ``x`` (the target), ``y`` (the source) and ``z`` (what is given).
    """

    target: Array
    source: Array
    given: Array | None
    recording: Index
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.target)

    @property
    def past_given(self) -> Array:
        """What is given, ``(n, d)``, of no columns where nothing is."""
        return self.target[:, :0] if self.given is None else self.given

    def first(self, most: int) -> Windows:
        """At most so many, the first ones."""
        given = None if self.given is None else self.given[:most]
        return replace(
            self,
            target=self.target[:most],
            source=self.source[:most],
            given=given,
            recording=self.recording[:most],
        )


def positions(series: Series) -> Index:
    """The place of each row in its recording, ``(n,)``, from 0 on."""
    lengths = series.lengths
    return np.asarray(np.arange(len(series)) - np.repeat(np.cumsum(lengths) - lengths, lengths))


def lagged_windows(series: Series, lag: int) -> Windows:
    """y, and x ``lag`` steps before (after it, where the lag is negative)."""
    place, length = positions(series), series.lengths[series.recording]
    rows = np.flatnonzero((place >= lag) & (place - lag < length))
    names = {"x": _names(series, series.y), "y": _names(series, series.x)}
    target, source = series.side(series.y)[rows], series.side(series.x)[rows - lag]
    return Windows(target, source, None, series.recording[rows], names)


def _names(series: Series, columns: Iterable[str], ages: Sequence[int] = (0,)) -> list[str]:
    """The name of each column of the values of ``columns``, so many steps before the target."""
    return [
        f"{name} {counted(age, 'step')} before" if age else name
        for name in columns
        for age in ages
        for _ in range(series.columns[name].shape[1])
    ]


def reach(history: History) -> int:
    """How many steps before the target the oldest value of a window is."""
    return max(history.target, history.lag + history.source - 1)


def transfer_windows(
    series: Series, source: str, target: str, given: Sequence[str], history: History, first: int = 0
) -> Windows:
    """The value of a target, past values of a source, and those of the target and of other columns, which are given.

    Args:
        series: the rows.
        source: a column.
        target: a column.
        given: columns whose last values are given, as many as of the source.
        history: how many past values there are.
        first: the least number of rows before a target in its recording.
    """
    rows = np.flatnonzero(positions(series) >= max(first, reach(history)))
    own = [series.columns[target][rows - age] for age in range(1, history.target + 1)]
    others = [series.columns[name][rows - age] for name in given for age in range(1, history.source + 1)]
    past = [series.columns[source][rows - age] for age in range(history.lag, history.lag + history.source)]
    names = {
        "x": _names(series, [target]),
        "y": _names(series, [source], range(history.lag, history.lag + history.source)),
        "z": [
            *_names(series, [target], range(1, history.target + 1)),
            *_names(series, given, range(1, history.source + 1)),
        ],
    }
    return Windows(
        series.columns[target][rows],
        np.concatenate(past, 1),
        np.concatenate([*own, *others], 1),
        series.recording[rows],
        names,
    )


def block_rows(series: Series, names: Sequence[str]) -> int:
    """How many rows make a block that is nearly independent of others, from the autocorrelations of columns.

    They are those of the longest recording (:func:`~mi_cli.tabular.row_order.block_length`). There are at least 20
    blocks.
    """
    rows = series.recording == series.lengths.argmax()
    values = np.concatenate([series.columns[name][rows] for name in names], 1)
    return max(1, min(dependent_rows(values), len(series) // FEWEST_BLOCKS))


def window_problem(windows: Windows, block: int, seed: int, source: Array | None = None) -> Problem:
    """The problem of the MI of target and source, given what is given.

    Args:
        windows: the rows.
        block: rows of a block, within a recording.
        seed: of what an estimator draws.
        source: rows in place of those of the windows, ``(n, d)``.
    """
    place = np.arange(len(windows)) - np.searchsorted(windows.recording, windows.recording)
    longest = int(place.max()) // block + 1
    rows = Rows(
        torch.from_numpy(windows.target),
        torch.from_numpy(np.ascontiguousarray(windows.source if source is None else source)),
        torch.from_numpy(windows.recording * longest + place // block),
        None if windows.given is None else torch.from_numpy(windows.given),
    )
    order = torch.Generator().manual_seed(seed)
    none = rows.select(slice(0, 0))
    return Problem(rows.x.shape[1], rows.y.shape[1], none, None, none, rows, order, order, 0.0, names=windows.names)
