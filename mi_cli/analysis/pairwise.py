"""MI of every pair of columns: ranked, with p-values corrected for their number."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from mi_cli.analysis.rows import Row, Traces, grouped
from mi_cli.lazy import np

__all__ = ["AXIS", "adjusted", "pairs"]

AXIS = "dataset.pair"


def pairs(rows: Iterable[Row], axes: Sequence[str], level: float, traces: Traces) -> list[dict[str, Any]]:
    """A row for each pair of columns, method and seed, the largest estimate first; those without one come last.

    Args:
        rows: result rows, with the axis ``dataset.pair``.
        axes: the sweep's axes other than the seed.
        level: not used, since the rows have their intervals.
        traces: not used.

    Returns:
        ``x`` and ``y``, the columns, and values of the other axes; ``method`` and ``seed``; the estimate with its
        interval and lower confidence bound, in nats; ``p_value``; ``p_holm`` and ``q_value``, corrected over all pairs
        of that method, seed and setting: the chance of any false discovery (Holm 1979), and the expected share of false
        ones among those that rank as high (Benjamini & Hochberg 1995); ``status`` and ``reason``.
    """
    del level, traces
    rest = [axis for axis in axes if axis not in (AXIS, "estimator")]
    ranked: list[dict[str, Any]] = []
    for row in rows:
        if row.get(AXIS) is None:
            continue
        x, y = json.loads(row[AXIS]) if isinstance(row[AXIS], str) else row[AXIS]
        ranked.append(
            {"x": x, "y": y}
            | {axis: row[axis] for axis in rest}
            | {"method": row["method"] or row["estimator"], "seed": row["seed"]}
            | {key: row.get(key) for key in ("estimate", "ci_low", "ci_high", "lower", "p_value")}
            | {"p_holm": None, "q_value": None, "status": row["status"], "reason": row["reason"]}
        )
    tested = [row for row in ranked if row["p_value"] is not None]
    for family in grouped(tested, (*rest, "method", "seed")):
        holm, q = adjusted([row["p_value"] for row in family])
        for row, of_holm, of_q in zip(family, holm, q, strict=True):
            row["p_holm"], row["q_value"] = of_holm, of_q
    return sorted(ranked, key=lambda row: (row["estimate"] is None, -(row["estimate"] or 0.0)))


def adjusted(p_values: Sequence[float]) -> tuple[list[float], list[float]]:
    """p-values corrected for their number: by Holm's method, and as q-values of Benjamini and Hochberg's.

    >>> holm, q = adjusted([0.01, 0.04, 0.03])
    >>> [round(value, 4) for value in holm], [round(value, 4) for value in q]
    ([0.03, 0.06, 0.06], [0.03, 0.04, 0.04])
    """
    p, m = np.asarray(p_values), len(p_values)
    order = np.argsort(p, kind="stable")
    ranks = np.arange(1, m + 1)
    holm, q = np.empty(m), np.empty(m)
    holm[order] = np.minimum(1, np.maximum.accumulate(p[order] * (m - ranks + 1)))
    q[order] = np.minimum(1, np.minimum.accumulate((p[order] * m / ranks)[::-1])[::-1])
    return holm.tolist(), q.tolist()
