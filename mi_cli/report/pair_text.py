"""What the pairs of a table's columns say, as lines of text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mi_cli.analysis.pairwise import AXIS
from mi_cli.analysis.rows import grouped
from mi_cli.errors import counted
from mi_cli.records.results import SCALES
from mi_cli.report.smoke_text import NO_VERDICT, is_smoke
from mi_cli.report.tables import information

__all__ = ["pair_lines"]

_ALPHA = 0.05
_MOST = 4  # pairs that are listed
_MOST_LINES = 6

Row = Mapping[str, Any]


def pair_lines(summary: Mapping[str, Any]) -> list[str]:
    """Which pairs depend on each other: a line for each estimator and setting; no lines for other runs."""
    rows: Sequence[Row] = summary["tables"].get("pairs") or ()
    if not rows:
        return []
    if is_smoke(summary):
        return [NO_VERDICT]
    keys = [axis for axis in summary["axes"] if axis not in (AXIS, "estimator")]
    keys += ["seed"] if len({row["seed"] for row in rows}) > 1 else []
    groups = grouped(rows, (*keys, "method"))
    if len(groups) > _MOST_LINES:
        return []
    lines = []
    for group in groups:
        head = ", ".join([group[0]["method"], *(f"{key}={group[0][key]}" for key in keys)])
        said = _said(group, summary)
        lines.append(f"{head}: {said}" if len(groups) > 1 else said)
    return lines


def _said(rows: Sequence[Row], summary: Mapping[str, Any]) -> str:
    measured = [row for row in rows if row["estimate"] is not None]
    if not measured:
        return f"No pair has an estimate ({rows[0]['reason']})."
    tested = [row for row in measured if math.isinf(row["estimate"]) or row["p_holm"] is not None]
    if not tested:
        return f"MI{_given(summary)} is largest for {_pair(measured[0], summary)}. No pair has a p-value{_why(rows)}."
    found = [row for row in tested if math.isinf(row["estimate"]) or row["p_holm"] <= _ALPHA]  # ∞ needs no p-value
    about = f"at {100 * _ALPHA:g} % after Holm's correction"
    if not found:
        given, n = _given(summary), counted(len(tested), "pair")
        return f"No two columns are shown to depend on each other{given}, {about} for {n}."
    listed = ", ".join(_pair(row, summary) for row in found[:_MOST])
    more = f" and {len(found) - _MOST} more" if len(found) > _MOST else ""
    n = f"{len(found)} of {counted(len(tested), 'pair')} of columns {'depends' if len(found) == 1 else 'depend'}"
    return f"{n} on each other{_given(summary)} {about}: {listed}{more}."


def _pair(row: Row, summary: Mapping[str, Any]) -> str:
    value = information(row["estimate"], SCALES[summary["shown_in"]])
    return f"{row['x']} and {row['y']} ({value} {summary['shown_in']})"


def _why(rows: Sequence[Row]) -> str:
    """Why estimates have no p-value, where all say the same of it."""
    reasons = {part for row in rows for part in str(row["reason"]).split("; ") if part.startswith("no p-value")}
    return reasons.pop().removeprefix("no p-value") if len(reasons) == 1 else ""


def _given(summary: Mapping[str, Any]) -> str:
    names = [column["column"] for column in (summary.get("data") or {}).get("z", ())]
    return f" given {', '.join(names[:3])}{', ...' * (len(names) > 3)}" if names else ""
