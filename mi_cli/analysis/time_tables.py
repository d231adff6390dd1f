"""Tables of MI against lag, of transfer entropies and of net flows, from result rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from mi_cli.analysis.pairwise import adjusted
from mi_cli.analysis.rows import Row, Traces, grouped

__all__ = ["NET", "lags", "net_flows", "transfers"]

NET = "net "  # how the method of a net flow begins
_ESTIMATE = ("estimate", "ci_low", "ci_high", "true_mi", "null_mean")


def lags(rows: Iterable[Row], axes: Sequence[str], level: float, traces: Traces) -> list[dict[str, Any]]:
    """A row for each lag of each trial, in order.

    Args:
        rows: result rows of lags.
        axes: the sweep's axes other than the seed.
        level: not used, since the rows have their intervals.
        traces: not used.

    Returns:
        Values of the axes, the estimator as ``method`` and ``seed``; ``lag`` in steps; the estimate with its interval,
        the true MI where it is known and ``null_mean``, what was subtracted, in nats; ``p_value`` of that lag and
        ``p_corrected`` for all lags (the largest statistic of all lags under the same shifts); ``status``, ``reason``.
    """
    del level, traces
    return [
        _head(row, axes)
        | {"lag": int(row["lag"])}
        | _values(row, (*_ESTIMATE, "p_value", "p_corrected"))
        | _status(row)
        for row in rows
        if row.get("lag") is not None and row.get("source") is None
    ]


def transfers(rows: Iterable[Row], axes: Sequence[str], level: float, traces: Traces) -> list[dict[str, Any]]:
    """A row for each direction of each trial, the largest estimate first; those without one come last.

    Args:
        rows: result rows of directions.
        axes: the sweep's axes other than the seed.
        level: not used, since the rows have their intervals.
        traces: not used.

    Returns:
        Values of the axes, the estimator as ``method`` and ``seed``; ``source`` and ``target``; the estimate with its
        interval, the true value where it is known and ``null_mean``, what was subtracted, in nats; ``p_value``;
        ``p_holm`` and ``q_value``, corrected over all directions of that trial: the chance of any false discovery (Holm
        1979), and the expected share of false ones among those that rank as high (Benjamini & Hochberg 1995);
        ``source_history`` and ``target_history``; ``lag``; ``status`` and ``reason``.
    """
    del level, traces
    found = [
        _head(row, axes)
        | {"source": row["source"], "target": row["target"]}
        | _values(row, (*_ESTIMATE, "p_value"))
        | {"p_holm": None, "q_value": None}
        | {key: None if row.get(key) is None else int(row[key]) for key in ("source_history", "target_history", "lag")}
        | _status(row)
        for row in rows
        if row.get("source") is not None and not row["method"].startswith(NET)
    ]
    tested = [row for row in found if row["p_value"] is not None]
    for family in grouped(tested, (*_rest(axes), "method", "seed")):
        holm, q = adjusted([row["p_value"] for row in family])
        for row, of_holm, of_q in zip(family, holm, q, strict=True):
            row["p_holm"], row["q_value"] = of_holm, of_q
    return sorted(found, key=lambda row: (row["estimate"] is None, -(row["estimate"] or 0.0)))


def net_flows(rows: Iterable[Row], axes: Sequence[str], level: float, traces: Traces) -> list[dict[str, Any]]:
    """A row for each pair of columns of each trial, the largest net flow first.

    Args:
        rows: result rows of net flows.
        axes: the sweep's axes other than the seed.
        level: not used, since the rows have their intervals.
        traces: not used.

    Returns:
        Values of the axes, the estimator as ``method`` and ``seed``; ``source`` and ``target``, so that the net flow is
        not negative; the estimate with its interval and the true value, in nats; ``status`` and ``reason``.
    """
    del level, traces
    found = []
    for row in rows:
        if row.get("source") is None or not row["method"].startswith(NET):
            continue
        values = _values(row, ("estimate", "ci_low", "ci_high", "true_mi"))
        ends = {"source": row["source"], "target": row["target"]}
        if (values["estimate"] or 0.0) < 0:
            ends = {"source": row["target"], "target": row["source"]}
            low, high = values["ci_low"], values["ci_high"]
            values = {key: None if value is None else -value for key, value in values.items()}
            values |= {"ci_low": -high, "ci_high": -low}
        found.append(_head(row, axes) | ends | values | _status(row))
    return sorted(found, key=lambda row: (row["estimate"] is None, -(row["estimate"] or 0.0)))


def _rest(axes: Sequence[str]) -> list[str]:
    return [axis for axis in axes if axis != "estimator"]


def _head(row: Row, axes: Sequence[str]) -> dict[str, Any]:
    return {axis: row[axis] for axis in _rest(axes)} | {"method": row["estimator"], "seed": row["seed"]}


def _values(row: Row, keys: Sequence[str]) -> dict[str, Any]:
    return {key: row.get(key) for key in keys}


def _status(row: Row) -> dict[str, Any]:
    return {"status": row["status"], "reason": row["reason"]}
