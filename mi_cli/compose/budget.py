"""The budget of a config: fewer steps, rows and seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pydantic import ValidationError

from mi_cli.compose.draft import Draft
from mi_cli.schema.config import Budget
from mi_cli.schema.sweep import put

__all__ = ["apply_budget", "scaled"]

_LEAST_STEPS = 20
_LEAST_POINTS = 4
_LEAST_ROWS = {
    "dataset.n_samples": 50,
    "dataset.max_rows": 500,
    "training.batch": 50,
    "split.train": 50,
    "split.val": 50,
    "split.labelled": 10,
    "split.labels": 10,
    "split.test": 50,
    "split.fresh": 50,
}


def apply_budget(draft: Draft) -> Draft:
    """Scale steps, rows and seeds by the budget, but for what was typed. The budget is then 1."""
    try:
        budget = Budget.model_validate(draft.values.get("budget") or {})
    except ValidationError:
        return draft  # every trial reports it
    factors = {"training.steps": (budget.steps, _LEAST_STEPS), "search.trials": (budget.steps, _LEAST_POINTS)}
    factors |= {path: (budget.samples, least) for path, least in _LEAST_ROWS.items()}
    values = draft.copied()
    for path, (factor, least) in factors.items():
        _scale(values, path, partial(scaled, factor=factor, least=least), draft.typed)
    seeds = draft.get("sweep.seed")
    if isinstance(seeds, list) and "sweep.seed" not in draft.typed:
        values["sweep"]["seed"] = seeds[: budget.seeds]
    values["budget"] = {"name": budget.name, "steps": 1.0, "samples": 1.0, "seeds": None}
    return draft.changed(values)


def _scale(values: dict[str, Any], path: str, scale: Callable[[Any], Any], typed: Mapping[str, Any]) -> None:
    """Scale the value at ``path``, the axis of it, and the value in each option of its group's axis."""
    group, _, key = path.partition(".")
    axes = values.get("sweep") or {}
    of_group = axes.get(group) if isinstance(axes, dict) else None
    if path not in typed:
        for section in [values.get(group), *(of_group if isinstance(of_group, list) else [])]:
            if isinstance(section, dict) and key in section:
                section[key] = scale(section[key])
    axis = of_group.get(key) if isinstance(of_group, dict) else None
    if isinstance(axis, list) and f"sweep.{path}" not in typed:
        distinct: list[Any] = []
        for value in map(scale, axis):
            if value not in distinct:
                distinct.append(value)
        put(values, f"sweep.{path}", distinct)


def scaled(value: Any, factor: float, least: int) -> Any:
    """``value`` times ``factor``, at least ``least``, never more than it was; shares (up to 1) stay."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 < value < math.inf or factor == 1:
        return value
    return int(min(value, max(least, round(value * factor))))
