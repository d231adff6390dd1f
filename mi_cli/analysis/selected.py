"""Selected columns, in the order in which they were chosen."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from mi_cli.analysis.rows import Row, Traces

__all__ = ["selected"]

_VALUES = ("gain", "p_value", "frequency", "estimate", "ci_low", "ci_high", "status", "reason")


def selected(rows: Iterable[Row], axes: Sequence[str], level: float, traces: Traces) -> list[dict[str, Any]]:
    """A row for each column: those that were chosen by rank, then others, the most relevant first.

    Args:
        rows: result rows of ``procedure=select``.
        axes: the sweep's axes other than the seed.
        level: not used, since the rows have their intervals.
        traces: not used.

    Returns:
        Values of the axes, ``seed``, ``method`` (the column; ``forward``, ``mrmr``, ``jmi`` or ``cmim`` for all chosen
        columns together, which comes first) and ``rank``; ``gain``, what it added, in nats; ``p_value`` and
        ``frequency``, the share of subsamples that choose it; ``estimate``, its own MI with y, with its interval;
        ``status`` and ``reason``.
    """
    del level, traces
    found = []
    setting: dict[tuple[Any, ...], str] = {}
    for row in rows:
        key = (*(str(row[axis]) for axis in axes), row["seed"])
        first = setting.setdefault(key, row["method"])
        rank = row.get("rank")
        place = -1.0 if row["method"] == first else math.inf if rank is None else float(rank)
        found.append((list(setting).index(key), place, -(row.get("estimate") or 0.0), row))
    found.sort(key=lambda entry: entry[:3])
    return [
        {axis: row[axis] for axis in axes}
        | {"seed": row["seed"], "method": row["method"], "rank": None if row.get("rank") is None else int(row["rank"])}
        | {name: row.get(name) for name in _VALUES}
        for *_, row in found
    ]
