"""What lags and transfer entropies say, as lines of text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mi_cli.analysis.rows import grouped
from mi_cli.errors import counted
from mi_cli.records.results import SCALES
from mi_cli.report.answer_text import p_text
from mi_cli.report.smoke_text import NO_VERDICT, is_smoke
from mi_cli.report.tables import information
from mi_cli.tabular.time_axis import Step, step_text

__all__ = ["time_lines"]

_ALPHA = 0.05
_MOST = 6  # directions that are listed
_COLUMNS = {  # of the tables, that are no axes
    *("method", "seed", "lag", "source", "target", "estimate", "ci_low", "ci_high", "true_mi", "null_mean", "p_value"),
    *("p_corrected", "p_holm", "q_value", "source_history", "target_history", "status", "reason"),
}

Row = Mapping[str, Any]


def time_lines(summary: Mapping[str, Any]) -> list[str]:
    """A line for each estimator and setting of tables ``lags`` and ``transfers``; no lines for other runs."""
    tables = summary["tables"]
    if not {"lags", "transfers"} & set(tables):
        return []
    if is_smoke(summary):
        return [NO_VERDICT]
    lines = []
    for name, line in (("lags", _of_lags), ("transfers", _of_transfers)):
        rows = tables.get(name) or []
        axes = [key for key in (rows[0] if rows else {}) if key not in _COLUMNS]
        keys = [*axes, "seed"] if len({row["seed"] for row in rows}) > 1 else axes
        groups = grouped(rows, (*keys, "method"))
        for group in groups if len(groups) <= _MOST else ():
            head = ", ".join([group[0]["method"], *(f"{key}={group[0][key]}" for key in keys)])
            lines.append(f"{head}: {line(group, summary)}")
    return lines


def _of_lags(rows: Sequence[Row], summary: Mapping[str, Any]) -> str:
    measured = [row for row in rows if row["estimate"] is not None]
    if not measured:
        return f"no lag has an estimate ({rows[0]['reason']})"
    largest = max(measured, key=lambda row: row["estimate"])
    found = [row for row in measured if row["p_corrected"] is not None and row["p_corrected"] <= _ALPHA]
    value = f"{information(largest['estimate'], SCALES[summary['shown_in']])} {summary['shown_in']}"
    at = f"MI is largest at lag {_lag(largest['lag'], summary)}: {value}{_ends(largest, summary)}"
    p = "" if largest["p_corrected"] is None else f", p {p_text(largest['p_corrected'])} corrected for {len(rows)} lags"
    if not found:
        return f"no lag is significant at {100 * _ALPHA:g} %. {at}{p}."
    return f"{at}{p}. Significant at {100 * _ALPHA:g} %: {_ranges([row['lag'] for row in found])}."


def _lag(lag: int, summary: Mapping[str, Any]) -> str:
    step = (summary.get("data") or {}).get("step")
    return f"{lag} ({step_text(lag, Step(step['size'], step['unit']))})" if step and step["unit"] else str(lag)


def _ends(row: Row, summary: Mapping[str, Any]) -> str:
    if row["ci_low"] is None:
        return ""
    scale = SCALES[summary["shown_in"]]
    return f" [{information(row['ci_low'], scale)}, {information(row['ci_high'], scale)}]"


def _ranges(lags: Sequence[int]) -> str:
    """Lags as prose.

    >>> _ranges([1]), _ranges([0, 1, 2, 5])
    ('lag 1', 'lags 0 to 2, 5')
    """
    runs: list[list[int]] = []
    for lag in sorted(lags):
        if runs and lag == runs[-1][-1] + 1:
            runs[-1].append(lag)
        else:
            runs.append([lag])
    texts = [str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs]
    return f"lag{'s' * (len(lags) > 1)} {', '.join(texts)}"


def _of_transfers(rows: Sequence[Row], summary: Mapping[str, Any]) -> str:
    scale, units = SCALES[summary["shown_in"]], summary["shown_in"]
    found = [row for row in rows if row["p_holm"] is not None and row["p_holm"] <= _ALPHA]
    about = f"at {100 * _ALPHA:g} % after Holm's correction for {counted(len(rows), 'direction')}"
    if not any(row["estimate"] is not None for row in rows):
        return f"no direction has an estimate ({rows[0]['reason']})"
    if not found:
        return f"no direction is significant {about}."
    parts = []
    for row in found[:_MOST]:
        value = "∞" if math.isinf(row["estimate"]) else f"{information(row['estimate'], scale)}{_ends(row, summary)}"
        parts.append(f"{row['source']} → {row['target']} {value}")
    more = f" and {len(found) - _MOST} more" if len(found) > _MOST else ""
    return f"{', '.join(parts)}{more} in {units}, significant {about}."
