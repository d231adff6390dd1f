"""How often answers are given, right, and surrounded by an interval that holds the truth: by kind of data, and of all.

An answer is *solved* where it is within 0.05 nats or 10 % of the truth, whichever is more, as tasks are
(:mod:`mi_cli.analysis.task_scores`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import Any

from mi_cli.analysis.answer import answers, settings
from mi_cli.analysis.facts import Facts
from mi_cli.analysis.intervals import share_interval
from mi_cli.analysis.rows import Row, Traces, grouped
from mi_cli.analysis.task_scores import ABSOLUTE, RELATIVE

__all__ = ["ALL", "SHARES", "answer_scores", "answered"]

ALL = "all"  # the kind of the row of all answers
SHARES = ("answered", "solved", "covers_truth", "too_high", "small_p")

_ALPHA = 0.05


def answered(rows: Iterable[Row], axes: Sequence[str], facts: Callable[[Row], Facts]) -> list[dict[str, Any]]:
    """The answer of each setting and seed, as :func:`~mi_cli.analysis.answer.answers` has it, with what it is held to.

    Args:
        rows: result rows.
        axes: the sweep's axes other than the seed.
        facts: of the data that a row is from.

    Returns:
        What ``answers`` returns, with ``kind`` of the data and ``true_mi`` in nats, None where it is not known.
    """
    given = list(rows)
    groups = settings(given, axes)[1]
    return [
        one | {"kind": facts(group[0]).kind, "true_mi": _truth(group)}
        for group, one in zip(groups, answers(given, axes, facts), strict=True)
    ]


def _truth(group: Iterable[Row]) -> float | None:
    return next((row["true_mi"] for row in group if row.get("true_mi") is not None), None)


def answer_scores(rows: Iterable[Row], axes: Sequence[str], level: float, traces: Traces) -> list[dict[str, Any]]:
    """A row for each kind of data, and one for all, of the answers whose truth is known and finite.

    Args:
        rows: answers, as :func:`answered` returns them.
        axes: not used, since the answers of all settings of a kind are taken together.
        level: of the intervals of shares; those of the answers are 95 %.
        traces: not used.

    Returns:
        ``kind``, which is ``all`` in the last row; ``trials``, the number of settings and seeds; ``absolute_error``,
        the mean over the answers with a value, and ``width``, the median of the intervals, both in nats. Then shares,
        each with its ``_low`` and ``_high`` (Wilson's): ``answered``, of trials with an answer; ``solved``, of answers
        that are near the truth; ``covers_truth``, of intervals that hold the truth, whatever the verdict; ``too_high``,
        of lower bounds above the truth; ``small_p``, of p-values of at most .05 where the truth is 0.
    """
    del axes, traces
    usable = [row for row in rows if row["true_mi"] is not None and math.isfinite(row["true_mi"])]
    if not usable:
        return []
    kinds = {group[0]["kind"]: group for group in grouped(usable, ["kind"]) if group[0]["kind"]}
    return [_scores(kind, group, level) for kind, group in {**kinds, ALL: usable}.items()]


def _scores(kind: str, group: Sequence[Row], level: float) -> dict[str, Any]:
    valued = [row for row in group if row["value"] is not None]
    bounded = [row for row in group if row["ci_low"] is not None]
    errors = [abs(row["value"] - row["true_mi"]) for row in valued]
    flags = {
        "answered": [row["verdict"] == "answer" for row in group],
        "solved": [
            error <= max(ABSOLUTE, RELATIVE * row["true_mi"]) for error, row in zip(errors, valued, strict=True)
        ],
        "covers_truth": [row["ci_low"] <= row["true_mi"] <= row["ci_high"] for row in bounded],
        "too_high": [row["lower"] > row["true_mi"] for row in group if row["lower"] is not None],
        "small_p": [row["p_value"] <= _ALPHA for row in group if row["true_mi"] == 0 and row["p_value"] is not None],
    }
    return {
        "kind": kind,
        "trials": len(group),
        "absolute_error": math.fsum(errors) / len(errors) if errors else None,
        "width": median(row["ci_high"] - row["ci_low"] for row in bounded) if bounded else None,
    } | {key: value for name in SHARES for key, value in _share(name, flags[name], level).items()}


def _share(name: str, flags: Sequence[bool], level: float) -> dict[str, float | None]:
    low, high = share_interval(sum(flags), len(flags), level) if flags else (None, None)
    return {name: sum(flags) / len(flags) if flags else None, f"{name}_low": low, f"{name}_high": high}
