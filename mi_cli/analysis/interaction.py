"""Verdicts on interactions: redundant, synergistic or undecided, of all columns together and of triples."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from mi_cli.analysis.pairwise import adjusted
from mi_cli.analysis.rows import Row, Traces, grouped

__all__ = ["LABELS", "REDUNDANT", "SYNERGISTIC", "UNDECIDED", "measures", "triples"]

REDUNDANT, SYNERGISTIC, UNDECIDED = "redundant", "synergistic", "undecided"
LABELS = {  # of methods
    "o_information": "O-information",
    "total_correlation": "total correlation",
    "dual_total_correlation": "dual total correlation",
}
_NUMBERS = ("estimate", "stderr", "ci_low", "ci_high", "p_value")


def measures(rows: Iterable[Row], axes: Sequence[str], level: float, traces: Traces) -> list[dict[str, Any]]:
    """A row for each trial and measure of all columns, in the order of the trials.

    Args:
        rows: result rows.
        axes: the sweep's axes other than the seed.
        level: not used, since the rows have their intervals.
        traces: not used.

    Returns:
        ``measure``; ``method``, the estimator; values of the other axes and ``seed``; the estimate with its standard
        error and interval, and ``true_mi``, the true value, in nats; of the O-information, the ``p_value`` of 0 and the
        ``interaction``, which is ``redundant`` where the interval is above 0, ``synergistic`` where it is below, and
        else ``undecided``; ``status`` and ``reason``.
    """
    del level, traces
    return [
        {"measure": LABELS[row["method"]], "method": row["estimator"]}
        | {axis: row[axis] for axis in axes if axis != "estimator"}
        | {"seed": row["seed"]}
        | {key: row.get(key) for key in (*_NUMBERS, "true_mi")}
        | {"interaction": _verdict(row) if row["method"] == "o_information" else ""}
        | {"status": row["status"], "reason": row["reason"]}
        for row in rows
        if row["method"] in LABELS
    ]


def triples(rows: Iterable[Row], axes: Sequence[str], level: float, traces: Traces) -> list[dict[str, Any]]:
    """A row for each triple of columns and trial, those farthest from 0 in standard errors first.

    Args:
        rows: result rows; the method of a triple is a JSON list of its columns.
        axes: the sweep's axes other than the seed.
        level: of the verdicts.
        traces: not used.

    Returns:
        ``first``, ``second`` and ``third``, the columns; ``method``, the estimator; values of the other axes and
        ``seed``; the co-information, which is the O-information of three columns, with its standard error and interval
        in nats; ``p_value`` of 0, and ``q_value``, corrected over all triples of that estimator, seed and setting
        (Benjamini & Hochberg 1995); the ``interaction``, which is ``undecided`` where q is above 1 − level.
    """
    del traces
    rest = [axis for axis in axes if axis != "estimator"]
    found = [_triple(row, rest) for row in rows if str(row["method"]).startswith("[") and row["status"] == "ok"]
    for family in grouped(found, ("method", *rest, "seed")):
        _, q_values = adjusted([1.0 if row["p_value"] is None else row["p_value"] for row in family])
        for row, q in zip(family, q_values, strict=True):
            row["q_value"] = q
            sign = REDUNDANT if row["estimate"] > 0 else SYNERGISTIC
            row["interaction"] = sign if q <= 1 - level else UNDECIDED
    return sorted(found, key=lambda row: (row["q_value"], -abs(row["estimate"]) / (row["stderr"] or 1.0)))


def _triple(row: Row, rest: Sequence[str]) -> dict[str, Any]:
    columns = dict(zip(("first", "second", "third"), json.loads(row["method"]), strict=True))
    return (
        columns
        | {"method": row["estimator"]}
        | {axis: row[axis] for axis in rest}
        | {"seed": row["seed"]}
        | {key: row.get(key) for key in _NUMBERS}
        | {"q_value": None, "interaction": UNDECIDED}
    )


def _verdict(row: Row) -> str:
    if row.get("ci_low") is None or row.get("ci_high") is None:
        return UNDECIDED
    return REDUNDANT if row["ci_low"] > 0 else SYNERGISTIC if row["ci_high"] < 0 else UNDECIDED
