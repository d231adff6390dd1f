"""The summary of a run: its answer, means over seeds, tables, and verdicts on claims."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from mi_cli.analysis.answer import answers
from mi_cli.analysis.answer_scores import answered
from mi_cli.analysis.claims import judge
from mi_cli.analysis.facts import Facts
from mi_cli.analysis.intervals import mean_interval
from mi_cli.analysis.label_efficiency import verdicts
from mi_cli.analysis.tables import OF_ANSWERS, TABLES
from mi_cli.datasets.base import Dataset
from mi_cli.records.results import Row, trial_statuses
from mi_cli.schema.config import Config

__all__ = ["summarise"]

_AGGREGATED = (
    *("estimate", "stderr", "train_mi", "val_mi", "test_mse", "split_mse", "seconds"),
    *("test_r2", "test_accuracy", "test_balanced_accuracy", "test_log_loss"),
)
_BASELINE = "linear_regression"


def summarise(
    config: Config,
    rows: Sequence[Row],
    axes: Sequence[str],
    traces: Mapping[int, Mapping[str, Sequence[float]]],
    datasets: Mapping[int, Dataset] | None = None,
) -> dict[str, Any]:
    """Return what ``summary.json`` holds; MI is in nats.

    Args:
        config: of the run.
        rows: result rows.
        axes: dotted paths of the sweep's axes other than the seed.
        traces: traces of each trial by its index, with all metrics at the same steps.
        datasets: the dataset of each trial by its index; that of ``config`` for all, unless given.

    Returns:
        The number of trials of each status, the answer of all estimators together, a cell for each setting and method
        with means over seeds, the tables that the config asks for, and a verdict for each claim.
    """
    level = config.evaluation.level
    facts = _facts(config, datasets or {})
    with_answers = any(claim.of_answers for claim in config.claims) or OF_ANSWERS & set(config.tables)
    all_answers = answered(rows, axes, facts) if with_answers else []
    return {
        "name": config.name,
        "summary": config.summary,
        "procedure": config.procedure,
        "variant": config.variant,
        "budget": config.budget.name,
        "axes": list(axes),
        "level": level,
        "shown_in": config.units,
        **({"measure": "I(x; y | z)"} if config.dataset.dim_z else {}),
        "data": config.dataset.describe(),
        "trials": dict(sorted(Counter(trial_statuses(rows).values()).items())),
        "answer": _answer(config, rows, axes, facts),
        "verdicts": _verdicts(config, rows, axes),
        "tables": {
            name: TABLES[name](all_answers if name in OF_ANSWERS else rows, axes, level, traces)
            for name in config.tables
        },
        "claims": [
            judge(claim, all_answers if claim.of_answers else rows, axes, traces, level) for claim in config.claims
        ],
        "cells": list(_cells(rows, axes, level)),
    }


def _facts(config: Config, datasets: Mapping[int, Dataset]) -> Callable[[Mapping[str, Any]], Facts]:
    """A function from a result row to the facts of the data that it is from."""

    def facts(row: Mapping[str, Any]) -> Facts:
        dataset = datasets.get(row["trial"], config.dataset)
        return Facts.of(dataset.describe(), (dataset.dim_x, dataset.dim_y), dataset.discrete, dataset.dim_z)

    return facts


def _answer(
    config: Config, rows: Sequence[Row], axes: Sequence[str], facts: Callable[[Mapping[str, Any]], Facts]
) -> dict[str, Any] | list[dict[str, Any]] | None:
    """The answer to the question of a table ``estimates``; None without that table, and at ``budget=smoke``.

    It is one mapping where the run has one setting and seed, and otherwise a list with one for each.
    """
    if "estimates" not in config.tables or config.budget.name == "smoke":
        return None
    of_settings = answers(rows, axes, facts)
    return of_settings[0] if len(of_settings) == 1 else of_settings


def _verdicts(config: Config, rows: Sequence[Row], axes: Sequence[str]) -> list[dict[str, Any]]:
    """The verdicts on representations, one for each setting, beside a table ``label_efficiency``."""
    if "label_efficiency" not in config.tables or config.budget.name == "smoke":
        return []
    return verdicts(rows, axes, config.evaluation.level)


def _cells(rows: Sequence[Row], axes: Sequence[str], level: float) -> Iterable[dict[str, Any]]:
    """Yield a cell for each setting and method: means over seeds, and the difference from the baseline."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        if row["status"] == "ok":
            groups.setdefault(tuple(str(row[key]) for key in (*axes, "method")), []).append(row)
    for key, group in groups.items():
        first = group[0]
        cell = {axis: first[axis] for axis in axes} | {"method": first["method"], "n": len(group)}
        if first.get("true_mi") is not None:
            cell["true_mi"] = first["true_mi"]
        for column in _AGGREGATED:
            values = [row[column] for row in group if _is_finite(row, column)]
            if values:
                cell[column] = _interval(values, level)
        other = groups.get((*key[:-1], _BASELINE))
        if other is not None and other is not group:
            cell["difference"] = _paired(group, other, level)
        yield {name: value for name, value in cell.items() if value is not None}


def _paired(group: Sequence[Row], other: Sequence[Row], level: float) -> dict[str, Any] | None:
    """Return the test error less the baseline's, over the seeds that both have."""
    errors, baseline = (
        {row["seed"]: row["test_mse"] for row in rows if _is_finite(row, "test_mse")} for rows in (group, other)
    )
    differences = [errors[seed] - baseline[seed] for seed in errors if seed in baseline]
    return {"from": _BASELINE} | _interval(differences, level) if differences else None


def _is_finite(row: Row, column: str) -> bool:
    return row.get(column) is not None and math.isfinite(row[column])


def _interval(values: Sequence[float], level: float) -> dict[str, Any]:
    interval = mean_interval(values, level)
    return {"mean": interval.mean, "sd": interval.sd, "ci_low": interval.low, "ci_high": interval.high}
