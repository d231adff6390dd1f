"""The summary of a run: aggregates over seeds, tables, verdicts on claims."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mi_cli.analysis.agreement import advice
from mi_cli.analysis.claims import judge
from mi_cli.analysis.intervals import mean_interval
from mi_cli.analysis.tables import TABLES
from mi_cli.report.tables import Row

if TYPE_CHECKING:
    from mi_cli.schema.config import Config

__all__ = ["summarise"]


_AGGREGATED = ("estimate", "stderr", "train_mi", "val_mi", "test_mse", "split_mse", "seconds")


_BASELINE = "linear_regression"


def summarise(
    config: Config, rows: Sequence[Row], axes: Sequence[str], traces: Mapping[int, Mapping[str, Sequence[float]]]
) -> dict[str, Any]:
    """``summary.json``: counts of statuses, a cell for each setting and method, and a verdict for each claim.

    Args:
        config: of the run.
        rows: result rows.
        axes: the sweep's axes other than the seed.
        traces: validation traces of each trial, on common steps.
    """
    status: dict[int, str] = {}
    for row in rows:
        if status.get(row["trial"], "ok") == "ok":
            status[row["trial"]] = row["status"]
    level = config.evaluation.level
    return {
        "name": config.name,
        "summary": config.summary,
        "procedure": config.procedure,
        "variant": config.variant,
        "budget": config.budget.name,
        "axes": list(axes),
        "level": level,
        "shown_in": config.units,  # numbers are in nats
        "data": config.dataset.describe(),
        "trials": dict(sorted(Counter(status.values()).items())),
        "tables": {name: TABLES[name](rows, axes, level, traces) for name in config.tables},
        "advice": _advice(config, rows, axes) if "estimates" in config.tables else [],
        "claims": [judge(claim, rows, axes, traces, level) for claim in config.claims],
        "cells": list(_cells(rows, axes, level)),
    }


def _advice(config: Config, rows: Sequence[Row], axes: Sequence[str]) -> list[str]:
    dataset, described = config.dataset, config.dataset.describe()
    duplicates = 0 if dataset.with_classes else described.get("duplicates") or 0  # classes repeat themselves
    blocks = bool(described.get("groups") or described.get("time"))
    columns = dataset.dim_x + dataset.dim_y  # of a table its own, not one for each class
    if "x" in described and "y" in described:
        columns = len(described["x"]) + len(described["y"])
    return advice(rows, axes, columns, duplicates, blocks=blocks)


def _cells(rows: Sequence[Row], axes: Sequence[str], level: float) -> Iterable[dict[str, Any]]:
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
    """Test error minus the baseline's, over the seeds that both have."""
    errors, baseline = (
        {row["seed"]: row["test_mse"] for row in rows if _is_finite(row, "test_mse")} for rows in (group, other)
    )
    found = [errors[seed] - baseline[seed] for seed in errors if seed in baseline]
    return {"from": _BASELINE} | _interval(found, level) if found else None


def _is_finite(row: Row, column: str) -> bool:
    return row.get(column) is not None and math.isfinite(row[column])


def _interval(values: Sequence[float], level: float) -> dict[str, Any]:
    found = mean_interval(values, level)
    return {"mean": found.mean, "sd": found.sd, "ci_low": found.low, "ci_high": found.high}
