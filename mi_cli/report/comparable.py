"""Which runs measure the same quantity over the same axis, so that their estimates can be laid over each other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mi_cli.report.recorded_run import RecordedRun
from mi_cli.report.run_names import settings_of

__all__ = ["METHOD", "Together", "comparable"]

METHOD = "method"  # the axis of runs with a single setting
_QUANTITY = ("dataset", "noise", "shift", "representation")  # settings that choose what is measured
_SIZES = ("dataset.n_samples",)  # of the data, whose MI is the same


@dataclass(frozen=True)
class Together:
    """Runs of one experiment that measure the same quantity.

    Attributes:
        experiment: its name.
        axis: dotted path of the axis that they share, or :data:`METHOD`.
        runs: at least two.
    """

    experiment: str
    axis: str
    runs: tuple[RecordedRun, ...]


def comparable(runs: Sequence[RecordedRun]) -> tuple[list[Together], list[RecordedRun]]:
    """Return the groups of runs that can be laid over each other, and the finished runs that are in none of them.

    Runs are in one group if they are of one experiment, sweep the same first axis, and agree in all settings that
    choose what is measured: dataset, noise, shift and representation.
    """
    groups: dict[str, list[RecordedRun]] = {}
    axes: dict[str, str] = {}
    for run in runs:
        if run.summary is None or not any("estimate" in cell for cell in run.summary.cells):
            continue
        axis = _axis(run)
        key = json.dumps([run.experiment, axis, _quantity(run, axis)], default=str, sort_keys=True)
        groups.setdefault(key, []).append(run)
        axes[key] = axis
    together = [Together(own[0].experiment, axes[key], tuple(own)) for key, own in groups.items() if len(own) > 1]
    return together, [own[0] for own in groups.values() if len(own) == 1]


def _axis(run: RecordedRun) -> str:
    """The first axis with several numbers, else the first with several values, else the methods."""
    assert run.summary is not None  # noqa: S101 (for the type checker: unfinished runs are left out)
    values: dict[str, list[Any]] = {
        axis: list(dict.fromkeys(str(cell.get(axis)) for cell in run.summary.cells)) for axis in run.summary.axes
    }
    varied = [axis for axis in values if len(values[axis]) > 1 and axis.split(".")[0] != "estimator"]
    return next(iter([*(axis for axis in varied if all(map(_is_number, values[axis]))), *varied]), METHOD)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _quantity(run: RecordedRun, axis: str) -> dict[str, Any]:
    """The settings that choose what is measured, other than the axis; of a table, its rows and columns."""
    settings = {
        path: value
        for path, value in settings_of(run.config).items()
        if path.split(".")[0] in _QUANTITY and path != axis and path not in _SIZES
    }
    summary = run.summary
    data = dict(summary.data) if summary else {}
    return settings | {"data": {key: data.get(key) for key in ("file", "rows_used", "x", "y", "z")}}
