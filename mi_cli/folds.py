"""Cross-fitting: every row is tested once, by an estimator that was trained on others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch

from mi_cli.estimators.base import Estimate, Problem, Rows, interval

__all__ = ["folded", "pooled"]


def folded(problem: Problem, folds: int) -> list[Problem]:
    """The problem ``folds`` times over, each with another part of all its rows as test rows.

    Of the others, as many as the problem has validate, and the rest train.

    Raises:
        ValueError: there are too few rows for so many folds.
    """
    rows, n_val = problem.rows, len(problem.val)
    n = len(rows)
    borders = [n * fold // folds for fold in range(folds + 1)]
    largest = max(high - low for low, high in pairwise(borders))
    if n // folds < 2 or n - largest - n_val < 2:
        raise ValueError(f"{n} rows are too few for folds={folds} with {n_val} validation rows")
    found = []
    for low, high in pairwise(borders):
        rolled = Rows(rows.x.roll(-low, 0), rows.y.roll(-low, 0))
        test, val, train = (
            Rows(rolled.x[part], rolled.y[part])
            for part in (slice(high - low), slice(high - low, high - low + n_val), slice(high - low + n_val, n))
        )
        init, order = _next(problem.init), _next(problem.order)
        found.append(replace(problem, train=train, val=val, test=test, init=init, order=order))
    return found


def _next(generator: torch.Generator) -> torch.Generator:
    return torch.Generator().manual_seed(int(torch.randint(2**62, (), generator=generator)))


def pooled(estimates: Sequence[Estimate], rows: Sequence[int], level: float) -> Estimate:
    """One estimate of those of the folds, weighted by their test rows.

    The test rows of folds are disjoint, so that their errors add up as independent ones, given the critics. The spread
    that training rows have in common is not part of it.
    """
    for number, estimate in enumerate(estimates, start=1):
        if estimate.status != "ok":
            return replace(estimate, reason=f"fold {number} of {len(estimates)}: {estimate.reason}", history={})
    weights = np.asarray(rows) / sum(rows)

    def mean(field: str) -> float | None:
        values = [getattr(estimate, field) for estimate in estimates]
        return None if None in values else float(weights @ values)

    value, error = mean("value"), math.sqrt(sum((w * e.stderr) ** 2 for w, e in zip(weights, estimates, strict=True)))
    assert value is not None  # noqa: S101 (all are ok)
    low, high = interval(value, error, level)
    steps = [estimate.steps for estimate in estimates if estimate.steps is not None]
    return replace(
        estimates[0],
        reason="; ".join(sorted({estimate.reason for estimate in estimates} - {""})),
        value=value,
        stderr=error,
        ci_low=low,
        ci_high=high,
        ceiling=mean("ceiling"),
        train_mi=mean("train_mi"),
        val_mi=mean("val_mi"),
        steps=max(steps) if steps else None,
        history={
            name: (steps_of, np.mean([estimate.history[name][1] for estimate in estimates], 0))
            for name, (steps_of, _) in estimates[0].history.items()
        },
    )
