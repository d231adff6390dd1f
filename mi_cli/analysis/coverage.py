"""How often intervals and lower confidence bounds hold, and p-values are small, over seeds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from mi_cli.analysis.intervals import share_interval
from mi_cli.analysis.rows import Row, Traces, grouped

__all__ = ["coverage"]

_ALPHA = 0.05


def coverage(rows: Iterable[Row], axes: Sequence[str], level: float, traces: Traces) -> list[dict[str, Any]]:
    """A row for each setting and method: shares over seeds, each with its interval (Wilson's).

    Args:
        rows: result rows.
        axes: the sweep's axes other than the seed.
        level: of the intervals of shares; the level of the intervals of estimates is in the config.
        traces: not used.

    Returns:
        Values of the axes and ``method``; ``trials`` that are ok; in nats ``true_mi``, which is a mean where trials
        differ in it, the ``mean`` and ``sd`` of the estimates over seeds, and their mean ``stderr``. Then shares, each
        with its ``_low`` and ``_high``: ``covers_truth``, of intervals that hold the true MI; ``covers_claim``, of
        intervals that hold the quantity that is estimated, which is the value of a lower bound for the trained critics
        (``critic_mi``, whose own error widens the interval) or else the true MI; ``too_high``, of lower confidence
        bounds above the truth; ``small_p``, of p-values of at most .05.
    """
    del traces
    usable = [
        row
        for row in rows
        if row["status"] == "ok" and None not in (row.get("true_mi"), row.get("ci_low"), row.get("stderr"))
    ]
    return [_row(group, axes, level) for group in grouped(usable, (*axes, "method"))]


def _row(group: Sequence[Row], axes: Sequence[str], level: float) -> dict[str, Any]:
    first, values = group[0], [row["estimate"] for row in group]
    mean = math.fsum(values) / len(values)
    sd = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / max(1, len(values) - 1))
    result = {axis: first[axis] for axis in axes} | {"method": first["method"], "trials": len(group)}
    result |= {"true_mi": math.fsum(row["true_mi"] for row in group) / len(group), "mean": mean, "sd": sd}
    result["stderr"] = math.fsum(row["stderr"] for row in group) / len(group)
    shares = {
        "covers_truth": [row["ci_low"] <= row["true_mi"] <= row["ci_high"] for row in group],
        "covers_claim": [_covers_claim(row) for row in group],
        "too_high": [row["lower"] > row["true_mi"] for row in group if row.get("lower") is not None],
        "small_p": [row["p_value"] <= _ALPHA for row in group if row.get("p_value") is not None],
    }
    for name, flags in shares.items():
        low, high = share_interval(sum(flags), len(flags), level) if flags else (None, None)
        result |= {name: sum(flags) / len(flags) if flags else None, f"{name}_low": low, f"{name}_high": high}
    return result


def _covers_claim(row: Row) -> bool:
    """Whether an interval holds the quantity that is estimated; it is widened by the error of that quantity."""
    if row.get("critic_mi") is None or row.get("test_mi") is not None:  # the truth is estimated, not a bound of it
        return bool(row["ci_low"] <= row["true_mi"] <= row["ci_high"])
    wider = math.hypot(1.0, (row.get("critic_stderr") or 0.0) / row["stderr"]) if row["stderr"] else 1.0
    half = wider * (row["ci_high"] - row["ci_low"]) / 2
    return bool(abs(row["estimate"] - row["critic_mi"]) <= half)
