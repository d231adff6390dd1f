"""The table of the estimates of one data set, side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from mi_cli.analysis.rows import Row, Traces

__all__ = ["estimates"]

_COLUMNS = ("estimate", "stderr", "ci_low", "ci_high", "lower", "p_value", "ceiling", "effective")


def estimates(rows: Iterable[Row], axes: Sequence[str], level: float, traces: Traces) -> list[dict[str, Any]]:
    """A row for each trial and method, in nats, in the order of the trials.

    Args:
        rows: result rows.
        axes: the sweep's axes other than the seed.
        level: not used, since the rows have their intervals.
        traces: not used.

    Returns:
        Values of the axes, ``method``, ``seed``, ``kind``; the estimate with its standard error, interval, lower
        confidence bound, p-value of no dependence, ceiling and effective number of product samples; ``gap``, the
        value on training rows less that on test rows; ``status`` and ``reason``.
    """
    del level, traces
    return [
        {axis: row[axis] for axis in axes if axis != "estimator"}
        | {"method": row["method"] or row["estimator"], "seed": row["seed"], "kind": row.get("kind") or ""}
        | {column: row.get(column) for column in _COLUMNS}
        | {"gap": _gap(row), "status": row["status"], "reason": row["reason"]}
        for row in rows
    ]


def _gap(row: Row) -> float | None:
    train, test = row.get("train_mi"), row.get("test_mi")
    test = row.get("estimate") if test is None else test
    return None if train is None or test is None else float(train - test)
