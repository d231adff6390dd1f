"""Tables over all settings of a run, by the name that a config gives them (``tables``), made from result rows alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from mi_cli.analysis.answer_scores import answer_scores
from mi_cli.analysis.coverage import coverage
from mi_cli.analysis.estimates import estimates
from mi_cli.analysis.extrapolation import extrapolated
from mi_cli.analysis.interaction import measures, triples
from mi_cli.analysis.label_efficiency import label_efficiency
from mi_cli.analysis.pairwise import pairs
from mi_cli.analysis.rows import Row, Traces
from mi_cli.analysis.selected import selected
from mi_cli.analysis.self_consistency import self_consistency
from mi_cli.analysis.task_scores import Total, scores, totals
from mi_cli.analysis.time_tables import lags, net_flows, transfers

__all__ = ["OF_ANSWERS", "TABLES", "per_step", "solved"]


def solved(rows: Iterable[Row], axes: Sequence[str], level: float, traces: Traces) -> list[dict[str, Any]]:
    """A row for each estimator, the best first: how many tasks it solves, its errors and its time.

    Args:
        rows: result rows, one a trial and method.
        axes: the sweep's axes other than the seed.
        level: of the interval of the mean absolute error.
        traces: not used.

    Returns:
        Values of the estimators' axes; ``method`` and ``kind``; how many ``tasks`` have a known truth, how many of them
        were ``answered`` by some trial, and ``solved`` (see :mod:`mi_cli.analysis.task_scores`); ``error``, the mean
        absolute error on those answered, with its interval over seeds, and ``bias``, both in nats; ``coverage``, the
        share of trials whose interval holds the truth, of those that have one; ``seconds``, the median of a trial;
        ``trials``, and how many of them were ``lost``.
    """
    del traces
    solved_by = [_solved(total, level) for total in totals(scores(rows, axes))]
    return sorted(solved_by, key=lambda row: (-row["solved"], math.inf if row["error"] is None else row["error"]))


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


def per_step(rows: Iterable[Row], axes: Sequence[str], level: float, traces: Traces) -> list[dict[str, Any]]:
    """A row for each trial: the estimates on the training batches of the second half of its steps.

    The staircase of Poole et al. 2019 (arXiv 1905.06922) is read in this way. No rows are held out, but each batch is
    new.

    Args:
        rows: result rows.
        axes: the sweep's axes other than the seed.
        level: not used.
        traces: of each trial; ``train_mi`` is read.

    Returns:
        Values of the axes, ``method`` and ``seed``; ``true_mi``; ``steps``, how many estimates there are; their
        ``mean``, standard deviation ``sd``, ``bias`` and root of the mean squared error ``rmse``, in nats.
    """
    del level
    per_trial = []
    for row in rows:
        trace = traces.get(row["trial"], {}).get("train_mi", ())
        values = trace[len(trace) // 2 :]
        if row["method"] != row["estimator"] or len(values) < 2:
            continue
        mean = math.fsum(values) / len(values)
        variance = math.fsum((value - mean) ** 2 for value in values) / len(values)
        truth = row["true_mi"] if row["true_mi"] is not None and math.isfinite(row["true_mi"]) else None
        per_trial.append(
            {axis: row[axis] for axis in axes}
            | {"method": row["method"], "seed": row["seed"], "true_mi": truth, "steps": len(values)}
            | {"mean": mean, "sd": math.sqrt(variance), "bias": None if truth is None else mean - truth}
            | {"rmse": None if truth is None else math.hypot(mean - truth, math.sqrt(variance))}
        )
    return per_trial


TABLES: dict[str, Callable[[Iterable[Row], Sequence[str], float, Traces], list[dict[str, Any]]]] = {
    "answers": answer_scores,
    "coverage": coverage,
    "estimates": estimates,
    "extrapolated": extrapolated,
    "label_efficiency": label_efficiency,
    "measures": measures,
    "lags": lags,
    "net_flows": net_flows,
    "pairs": pairs,
    "per_step": per_step,
    "selected": selected,
    "self_consistency": self_consistency,
    "solved": solved,
    "triples": triples,
    "transfers": transfers,
}
OF_ANSWERS = frozenset({"answers"})  # tables that are made from answers (``answer_scores.answered``), not result rows
