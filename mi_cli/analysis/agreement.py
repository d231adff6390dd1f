"""Estimates of one data set side by side, and a sentence on whether they agree and which to trust."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from mi_cli.analysis.rows import Row, Traces, grouped
from mi_cli.lazy import special

__all__ = ["advice", "estimates"]

_COLUMNS = ("estimate", "stderr", "ci_low", "ci_high", "lower", "p_value", "ceiling", "effective")
_ABSOLUTE, _RELATIVE = 0.02, 0.05  # difference of two estimates that agree, in addition to their errors
_LEVEL = 0.05  # p-values below it show dependence
_FEW_COLUMNS = 4  # of x and y together, up to which nearest neighbours are accurate
_MANY_DUPLICATES = 0.01  # share of the rows
_NEAR_CEILING = 0.8  # share of its ceiling above which an estimate may be limited by it
_NEAREST = ("ksg", "ross", "mixed", "nearest")
_MONOTONE = ("gaussian", "copula")


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
        estimate on training rows less that on test rows; ``status`` and ``reason``.
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
    train, test = row.get("train_mi"), row.get("estimate")
    return None if train is None or test is None else float(train - test)


def advice(
    rows: Sequence[Row], axes: Sequence[str], columns: int, duplicates: int = 0, *, blocks: bool = False
) -> list[str]:
    """Whether there is dependence, whether the estimators agree, and which to trust and why; a line for each setting.

    Args:
        rows: result rows.
        axes: the sweep's axes other than the seed.
        columns: of x and y together.
        duplicates: rows that repeat an earlier one.
        blocks: whether some rows depend on each other.
    """
    keys = [*(axis for axis in axes if axis.split(".")[0] != "estimator"), "seed"]
    settings = grouped(rows, keys)
    lines = []
    for setting in settings:
        ok = [row for row in setting if row["status"] == "ok" and row.get("stderr") is not None]
        if ok:
            label = "" if len(settings) == 1 else f"{', '.join(f'{key}={ok[0][key]}' for key in keys)}: "
            lines.append(label + _of_setting(ok, columns, duplicates, blocks))
    return lines


def _of_setting(rows: Sequence[Row], columns: int, duplicates: int, blocks: bool) -> str:
    if duplicates > _MANY_DUPLICATES * max(row.get("rows") or 0 for row in rows):
        return (
            f"{duplicates} rows repeat others, and copies on both sides of a split are dependence to every estimator, "
            "lower bounds among them: trust none of these before the copies are removed, or kept together by "
            "dataset.groups."
        )
    limited = [row["method"] for row in rows if row.get("ceiling") and row["estimate"] > _NEAR_CEILING * row["ceiling"]]
    near = (
        f" {' and '.join(limited)} is near the most that so many rows can show: the MI may be far larger, or infinite."
    )
    return f"{_dependence(rows)} {_agreement(rows, columns, blocks)}" + (near if limited else "")


def _dependence(rows: Sequence[Row]) -> str:
    values = [row["p_value"] for row in rows if row.get("p_value") is not None]
    if not values:
        sure = any((row.get("lower") or 0) > 0 for row in rows)
        return "x and y depend on each other." if sure else "Whether x and y depend on each other was not tested."
    p = min(1.0, len(values) * min(values))  # Bonferroni: each estimator is a test of its own
    if p < _LEVEL:
        return f"x and y depend on each other (p = {p:.2g})."
    return f"No dependence is seen (p = {p:.2g})."


def _agreement(rows: Sequence[Row], columns: int, blocks: bool) -> str:
    bound = next((row for row in rows if row["kind"] == "lower bound"), None)
    others = [row for row in rows if row is not bound]
    if bound is None:
        return "None of them is a lower bound, which the others could be compared with."
    if bound["lower"] is not None and bound["lower"] <= 0:
        return (
            f"{bound['method']}'s lower confidence bound is not above 0: these rows are too few to tell how strongly."
        )
    if not others:
        return "There is no second estimator to compare with."
    apart = [row for row in others if not _agree(row, bound)]
    if not apart:
        return (
            f"The estimators agree. Trust {bound['method']}: rows it was not trained on vouch for it, "
            f"and with {_percent(bound)} confidence the MI is at least its lower bound."
        )
    return " ".join(["The estimators differ.", *(_difference(row, bound, columns, blocks) for row in apart)])


def _percent(bound: Row) -> str:
    z = (bound["estimate"] - bound["lower"]) / bound["stderr"] if bound["stderr"] else 1.6448536
    return f"{100 * float(special.ndtr(z)):.3g} %"


def _difference(row: Row, bound: Row, columns: int, blocks: bool) -> str:
    name, base, below = row["method"], bound["method"], row["estimate"] < bound["estimate"]
    if name in _MONOTONE and below:
        return f"{name} is lower: part of the dependence is not that of a Gaussian copula; trust {base}."
    if name in _MONOTONE:
        return f"{name} is higher, and right only if the dependence is that of a Gaussian copula; {base} is safe."
    if name in _NEAREST and below:
        why = "in many columns or at strong dependence" if columns > _FEW_COLUMNS else "at strong dependence"
        return f"{name} is lower, as nearest neighbours are {why}; trust {base}, whose lower bound is a guarantee."
    if name in _NEAREST and blocks:
        return f"{name} is higher, as it counts what rows of one group or time share as dependence; trust {base}."
    if name in _NEAREST and columns <= _FEW_COLUMNS:
        return f"{name} is higher: {base} is a lower bound and may have missed a part; in few columns trust {name}."
    if name in _NEAREST:
        return f"{name} is higher; in {columns} columns it has no guarantee, and {base}'s lower bound has: trust that."
    return f"{name} says {'less' if below else 'more'} than {base}, whose lower bound is a guarantee."


def _agree(one: Row, other: Row) -> bool:
    room = _ABSOLUTE + _RELATIVE * max(abs(one["estimate"]), abs(other["estimate"]))
    return bool(abs(one["estimate"] - other["estimate"]) <= room + 1.96 * math.hypot(one["stderr"], other["stderr"]))
