"""How often intervals, lower confidence bounds and p-values keep what they promise, over seeds."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mi_cli.analysis.intervals import share_interval

__all__ = ["coverage"]

Row = Mapping[str, Any]
Traces = Mapping[int, Mapping[str, Sequence[float]]]

_ALPHA = 0.05


def coverage(rows: Iterable[Row], axes: Sequence[str], level: float, traces: Traces) -> list[dict[str, Any]]:
    """A row for each setting and method: shares over seeds, each with its interval (Wilson's).

    Args:
        rows: result rows.
        axes: the sweep's axes other than the seed.
        level: of the shares' intervals; that of the estimates' own intervals is in the config.
        traces: not used.

    Returns:
        Values of the axes and ``method``; ``trials`` that are ok; ``true_mi``, ``mean`` estimate and ``sd`` over
        seeds, ``stderr``, its mean, in nats; ``covers_truth``: intervals that hold the true MI; ``covers_claim``: those
        that hold what they are of, a lower bound's value for the critics at hand (``critic_mi``, whose own error is
        allowed for) or else the true MI;
        ``too_high``: lower confidence bounds above the truth; ``small_p``: p-values of at most .05. Of each share its
        ``_low`` and ``_high``.
    """
    del traces
    groups: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        if row["status"] == "ok" and None not in (row.get("true_mi"), row.get("ci_low"), row.get("stderr")):
            groups[tuple(str(row[key]) for key in (*axes, "method"))].append(row)
    return [_row(group, axes, level) for group in groups.values()]


def _row(group: Sequence[Row], axes: Sequence[str], level: float) -> dict[str, Any]:
    first, values = group[0], [row["estimate"] for row in group]
    mean = math.fsum(values) / len(values)
    sd = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / max(1, len(values) - 1))
    found = {axis: first[axis] for axis in axes} | {"method": first["method"], "trials": len(group)}
    found |= {"true_mi": first["true_mi"], "mean": mean, "sd": sd}
    found["stderr"] = math.fsum(row["stderr"] for row in group) / len(group)
    shares = {
        "covers_truth": [row["ci_low"] <= row["true_mi"] <= row["ci_high"] for row in group],
        "covers_claim": [_covers_claim(row) for row in group],
        "too_high": [row["lower"] > row["true_mi"] for row in group if row.get("lower") is not None],
        "small_p": [row["p_value"] <= _ALPHA for row in group if row.get("p_value") is not None],
    }
    for name, kept in shares.items():
        low, high = share_interval(sum(kept), len(kept), level) if kept else (None, None)
        found |= {name: sum(kept) / len(kept) if kept else None, f"{name}_low": low, f"{name}_high": high}
    return found


def _covers_claim(row: Row) -> bool:
    """Whether an interval, as much wider as what it is of is itself uncertain, holds that."""
    if row.get("critic_mi") is None:
        return bool(row["ci_low"] <= row["true_mi"] <= row["ci_high"])
    wider = math.hypot(1.0, (row.get("critic_stderr") or 0.0) / row["stderr"]) if row["stderr"] else 1.0
    half = wider * (row["ci_high"] - row["ci_low"]) / 2
    return bool(abs(row["estimate"] - row["critic_mi"]) <= half)
