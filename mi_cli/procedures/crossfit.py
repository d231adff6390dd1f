"""Cross-fitting: every row is a test row once, for an estimator that was trained on other rows."""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch

from mi_cli.bounds.uncertainty import interval, lower_limit, p_value
from mi_cli.problems import Estimate, Problem, Rows

__all__ = ["border", "folded", "in_random_order", "pooled"]

_SHARED = 1.3  # see pooled


def folded(problem: Problem, folds: int) -> list[Problem]:
    """The problem of each fold: one part of all rows is for testing, and the others are for validation and training.

    A fold has as many validation rows as the problem. No block of rows is cut. All folds are given equal numbers of
    training rows and of validation rows, those of the smallest fold; where their test rows are equal in number as well,
    they can be trained as one stack.

    Raises:
        ValueError: there are too few rows, or too few blocks of rows, for the number of folds.
    """
    rows, n_val = problem.rows, len(problem.val)
    n = len(rows)
    whole = _borders(rows)
    cuts = [_nearest(whole, n * fold // folds) for fold in range(folds + 1)]
    found = []
    for low, high in pairwise(cuts):
        rolled = rows.select((torch.arange(n) + low) % n)
        middle = border(rolled, high - low + n_val)
        parts = (slice(high - low), slice(high - low, middle), slice(middle, n))
        found.append([rolled.select(part) for part in parts])
    least = [min(len(parts[side]) for parts in found) for side in range(3)]
    if least[0] < 2 or least[1] < min(n_val, 2) or least[2] < 2:
        of = "" if rows.block is None else f" in {len(whole) - 1} blocks"
        raise ValueError(f"{n} rows{of} are too few for folds={folds} with {n_val} validation rows")
    return [
        replace(
            problem,
            train=train.select(slice(least[2])),
            val=in_random_order(val.select(slice(least[1])), problem.order),
            test=in_random_order(test, problem.order),
            init=_next(problem.init),
            order=_next(problem.order),
        )
        for test, val, train in found
    ]


def in_random_order(rows: Rows, generator: torch.Generator) -> Rows:
    """Shuffle rows that have blocks, so that rows paired by a shift are of one block by chance only."""
    return rows if rows.block is None else rows.select(torch.randperm(len(rows), generator=generator))


def border(rows: Rows, target: int) -> int:
    """The number of rows nearest to ``target`` after which no block is cut."""
    return target if rows.block is None else _nearest(_borders(rows), target)


def _borders(rows: Rows) -> list[int]:
    """The places where rows can be cut: before the first and after the last row of each block."""
    if rows.block is None:
        return list(range(len(rows) + 1))
    return [0, *(1 + torch.nonzero(rows.block.diff()).flatten()).tolist(), len(rows)]


def _nearest(borders: Sequence[int], target: int) -> int:
    at = bisect(borders, target)
    return min(borders[max(at - 1, 0) : at + 1], key=lambda found: abs(found - target))


def _next(generator: torch.Generator) -> torch.Generator:
    return torch.Generator().manual_seed(int(torch.randint(2**62, (), generator=generator)))


def pooled(estimates: Sequence[Estimate], rows: Sequence[int], level: float) -> Estimate:
    r"""Pool the estimates of the folds, weighted by their test rows.

    The test rows of folds are disjoint, so the errors of their means are nearly independent. They are not quite so,
    because each critic was trained on the test rows of the other folds. A critic's excess δ over the best one costs
    ½ E[δ²] on rows that it has not seen, and gains as much on those that it has; the error of its mean on n test rows
    is E[δ²] / n. The gap between training and test rows therefore measures this error, and

    .. math:: \mathrm{var} = \sum_f w_f^2 \mathrm{var}_f + \max(0, \hat I_{train} - \hat I) / n.

    For the same reason the pooled statistic of re-pairings spreads less than that of the rows under independence: by
    up to \sqrt 2 for critics that are linear in what they learned, and by 1.24 to 1.35 as measured on networks. The
    statistics of re-pairings are spread by 1.3 to make up for it.
    """
    for number, estimate in enumerate(estimates, start=1):
        if estimate.status != "ok":
            return replace(estimate, reason=f"fold {number} of {len(estimates)}: {estimate.reason}", history={})
    weights = np.asarray(rows) / sum(rows)

    def mean(field: str) -> float | None:
        values = [getattr(estimate, field) for estimate in estimates]
        return None if None in values else float(weights @ values)

    value, train = mean("value"), mean("train_mi")
    assert value is not None  # noqa: S101 (all are ok)
    alone = sum((w * (e.stderr or 0.0)) ** 2 for w, e in zip(weights, estimates, strict=True))
    shared = max(0.0, train - value) / sum(rows) if train is not None and math.isfinite(train) else 0.0
    error = math.sqrt(alone + shared)
    low, high = interval(value, error, level)
    nulls = [estimate.null for estimate in estimates if estimate.null is not None]
    repairings = min((len(null) for null in nulls), default=0)
    null = None
    if len(nulls) == len(estimates):
        null = np.asarray(weights @ np.stack([null[:repairings] for null in nulls]))
        null[1:] = null[1:].mean() + _SHARED * (null[1:] - null[1:].mean())
    steps = [estimate.steps for estimate in estimates if estimate.steps is not None]
    return replace(
        estimates[0],
        reason="; ".join(sorted({estimate.reason for estimate in estimates} - {""})),
        value=value,
        stderr=error,
        ci_low=low,
        ci_high=high,
        ceiling=mean("ceiling"),
        lower=None if estimates[0].lower is None else lower_limit(value, error, level),
        p_value=None if null is None else p_value(null),
        effective=None if estimates[0].effective is None else sum(e.effective or 0.0 for e in estimates),
        critic_mi=mean("critic_mi"),
        critic_stderr=mean("critic_stderr"),  # of the same fresh rows
        null=null,
        train_mi=train,
        val_mi=mean("val_mi"),
        steps=max(steps) if steps else None,
        history={
            name: (steps_of, np.mean([estimate.history[name][1] for estimate in estimates], 0))
            for name, (steps_of, _) in estimates[0].history.items()
        },
    )
