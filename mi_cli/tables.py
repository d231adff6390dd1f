"""Tables over all settings of a run, by the name a config gives them (``tables``): each made from result rows alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from mi_cli.scores import Total, scores, totals

__all__ = ["TABLES", "solved"]

Row = Mapping[str, Any]


def solved(rows: Iterable[Row], axes: Sequence[str], level: float) -> list[dict[str, Any]]:
    """A row for each estimator, the best first: how many tasks it solves, its errors and its time.

    Args:
        rows: result rows, one a trial and method.
        axes: the sweep's axes other than the seed.
        level: of the interval of the mean absolute error.

    Returns:
        Values of the estimators' axes; ``method`` and ``kind``; how many ``tasks`` have a known truth, how many of them
        were ``answered`` by some trial, and ``solved`` (see :mod:`mi_cli.scores`); ``error``, the mean absolute error
        on those answered, with its interval over seeds, and ``bias``, both in nats; ``coverage``, the share of trials
        whose interval holds the truth, of those that have one; ``seconds``, the median of a trial; ``trials``, and how
        many of them were ``lost``.
    """
    found = [_solved(total, level) for total in totals(scores(rows, axes))]
    return sorted(found, key=lambda row: (-row["solved"], math.inf if row["error"] is None else row["error"]))


def _solved(total: Total, level: float) -> dict[str, Any]:
    error, covered = total.error(level), total.covered
    return dict(total.setting) | {
        "method": total.method,
        "kind": next((score.kind for score in total.scores if score.kind), ""),
        "tasks": len(total.scores),
        "answered": len(total.answered),
        "solved": total.solved,
        "error": error and error.mean,
        "error_ci_low": error and error.low,
        "error_ci_high": error and error.high,
        "bias": total.bias,
        "coverage": sum(covered) / len(covered) if covered else None,
        "seconds": total.seconds,
        "trials": total.trials,
        "lost": total.lost,
    }


TABLES: dict[str, Callable[[Iterable[Row], Sequence[str], float], list[dict[str, Any]]]] = {"solved": solved}
