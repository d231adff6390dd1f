"""Cross-fitting: every row is a test row once, for an estimator that was trained on other rows."""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np

from mi_cli.bounds.uncertainty import interval, lower_limit, p_value
from mi_cli.lazy import torch
from mi_cli.problems import Array, Estimate, Pointwise, Problem, Rows, midpoint

__all__ = ["block_boundary", "pool", "shuffle_blocks", "split_into_folds"]

_NULL_SPREAD = 1.3  # see pool


def split_into_folds(problem: Problem, folds: int) -> list[Problem]:
    """Make one problem for each fold. Every row is a test row of exactly one fold.

    The rows of a fold that are not test rows are its validation and training rows. A fold has as many validation rows
    as the problem. No block of rows is cut. All folds have equal numbers of training rows and of validation rows: those
    of the smallest fold. Folds whose numbers of test rows are equal as well can be trained as one stack.

    Args:
        problem: the rows of a trial, and its random streams, which advance.
        folds: the number of folds.

    Returns:
        A problem for each fold, each with random streams of its own.

    Raises:
        ValueError: there are too few rows, or too few blocks of rows, for the number of folds.
    """
    rows, n_val = problem.rows, len(problem.val)
    n = len(rows)
    boundaries = _block_boundaries(rows)
    cuts = [_nearest(boundaries, n * fold // folds) for fold in range(folds + 1)]
    splits = []
    for low, high in pairwise(cuts):
        rolled = rows.select((torch.arange(n) + low) % n)
        val_end = block_boundary(rolled, high - low + n_val)
        slices = (slice(high - low), slice(high - low, val_end), slice(val_end, n))
        splits.append([rolled.select(part) for part in slices])
    least_test, least_val, least_train = (min(len(split[part]) for split in splits) for part in range(3))
    if least_test < 2 or least_val < min(n_val, 2) or least_train < 2:
        blocks = "" if rows.block is None else f" in {len(boundaries) - 1} blocks"
        raise ValueError(f"{n} rows{blocks} are too few for folds={folds} with {n_val} validation rows")
    return [
        replace(
            problem,
            train=train.select(slice(least_train)),
            val=shuffle_blocks(val.select(slice(least_val)), problem.order),
            test=shuffle_blocks(test, problem.order),
            init=_next(problem.init),
            order=_next(problem.order),
        )
        for test, val, train in splits
    ]


def shuffle_blocks(rows: Rows, generator: torch.Generator) -> Rows:
    """Shuffle the rows if they have blocks; otherwise return them as they are.

    Product samples pair each row with a shifted one. In random order, both are of one block by chance only.
    """
    return rows if rows.block is None else rows.select(torch.randperm(len(rows), generator=generator))


def block_boundary(rows: Rows, target: int) -> int:
    """The number of rows nearest to ``target`` after which a cut goes through no block."""
    return target if rows.block is None else _nearest(_block_boundaries(rows), target)


def _block_boundaries(rows: Rows) -> list[int]:
    """The places where rows can be cut: before the first and after the last row of each block."""
    if rows.block is None:
        return list(range(len(rows) + 1))
    return [0, *(1 + torch.nonzero(rows.block.diff()).flatten()).tolist(), len(rows)]


def _nearest(boundaries: Sequence[int], target: int) -> int:
    after = bisect(boundaries, target)
    return min(boundaries[max(after - 1, 0) : after + 1], key=lambda boundary: abs(boundary - target))


def _next(generator: torch.Generator) -> torch.Generator:
    return torch.Generator().manual_seed(int(torch.randint(2**62, (), generator=generator)))


def pool(estimates: Sequence[Estimate], rows: Sequence[int], level: float) -> Estimate:
    r"""Pool the estimates of the folds, weighted by their numbers of test rows.

    The test rows of folds are disjoint, so the errors of their means are nearly independent. They are not quite so,
    because each critic was trained on the test rows of the other folds. Let δ be the difference between a critic and
    the best one. It lowers the estimate by ½ E[δ²] on rows that the critic has not seen, and raises it by as much on
    its training rows; the variance of its mean over n test rows is E[δ²] / n. The gap between training and test rows
    therefore measures this variance:

    .. math:: \mathrm{var} = \sum_f w_f^2 \mathrm{var}_f + \max(0, \hat I_{train} - \hat I) / n.

    For the same reason the pooled statistics of re-paired rows spread less than the statistic of rows that are
    independent: by a factor of up to √2 for critics that are linear in what they learned, and of 1.24 to 1.35 as
    measured on networks. Their deviations from their mean are therefore multiplied by 1.3.

    Args:
        estimates: of the folds, in nats.
        rows: the number of test rows of each fold.
        level: the confidence level of the interval and of the lower limit.

    Returns:
        The pooled estimate, in nats. If a fold has diverged or failed, it is that fold's, with the fold in its reason.
    """
    if (failed := _failed_fold(estimates)) is not None:
        return failed
    weights = np.asarray(rows) / sum(rows)
    mean = partial(_mean, estimates, weights)
    value, test, train = mean("value"), mean("test_mi"), mean("train_mi")
    assert value is not None  # noqa: S101 (all are ok)
    held_out, value = (value, value) if test is None else (test, midpoint(test, train))
    error = _pooled_error(estimates, weights, 0.0 if train is None else train - held_out, sum(rows))
    low, high = interval(value, error, level)
    null = _pool_nulls(estimates, weights)
    return replace(
        estimates[0],
        reason="; ".join(sorted({estimate.reason for estimate in estimates} - {""})),
        value=value,
        stderr=error,
        ci_low=low,
        ci_high=high,
        ceiling=mean("ceiling"),
        lower=None if estimates[0].lower is None else lower_limit(held_out, error, level),
        p_value=None if null is None else p_value(null),
        effective=None if estimates[0].effective is None else sum(e.effective or 0.0 for e in estimates),
        critic_mi=mean("critic_mi"),
        critic_stderr=mean("critic_stderr"),  # of the same fresh rows
        null=null,
        influence=None,
        test_mi=test,
        train_mi=train,
        val_mi=mean("val_mi"),
        rise=mean("rise"),
        steps=max((estimate.steps for estimate in estimates if estimate.steps is not None), default=None),
        history=_mean_history(estimates),
        kept=tuple(kept for estimate in estimates for kept in estimate.kept),
        pointwise=_pool_pointwise(estimates, value),
    )


def _mean(estimates: Sequence[Estimate], weights: Array, field: str) -> float | None:
    values = [getattr(estimate, field) for estimate in estimates]
    return None if None in values else float(weights @ values)


def _failed_fold(estimates: Sequence[Estimate]) -> Estimate | None:
    """The first estimate that is not ok, with its fold in its reason."""
    for number, estimate in enumerate(estimates, start=1):
        if estimate.status != "ok":
            return replace(estimate, reason=f"fold {number} of {len(estimates)}: {estimate.reason}", history={})
    return None


def _pooled_error(estimates: Sequence[Estimate], weights: Array, gap: float, rows: int) -> float:
    """The standard error over all folds; ``gap`` is how much larger the value is on training rows than on test rows."""
    alone = sum((w * (e.stderr or 0.0)) ** 2 for w, e in zip(weights, estimates, strict=True))
    return math.sqrt(alone + (max(0.0, gap) / rows if math.isfinite(gap) else 0.0))


def _pool_pointwise(estimates: Sequence[Estimate], value: float) -> Pointwise | None:
    """The pointwise MI of the rows of all folds, whose mean is the pooled ``value``; None if a fold has none."""
    parts = [estimate.pointwise for estimate in estimates if estimate.pointwise is not None]
    return parts[0].concat(*parts[1:]).with_mean(value) if len(parts) == len(estimates) else None


def _pool_nulls(estimates: Sequence[Estimate], weights: Array) -> Array | None:
    """The statistic of the rows, then of each re-pairing, over all folds, ``(1 + m,)``; None if a fold has none."""
    nulls = [estimate.null for estimate in estimates if estimate.null is not None]
    if len(nulls) < len(estimates):
        return None
    repairings = min(len(null) for null in nulls)
    null = np.asarray(weights @ np.stack([null[:repairings] for null in nulls]))
    null[1:] = null[1:].mean() + _NULL_SPREAD * (null[1:] - null[1:].mean())
    return null


def _mean_history(estimates: Sequence[Estimate]) -> dict[str, tuple[Array, Array]]:
    """For each metric its steps and its mean over the folds that have a value there, ``(T,)`` each."""
    names = dict.fromkeys(name for estimate in estimates for name in estimate.history)
    return {
        name: _mean_trace([estimate.history[name] for estimate in estimates if name in estimate.history])
        for name in names
    }


def _mean_trace(traces: Sequence[tuple[Array, Array]]) -> tuple[Array, Array]:
    """Steps and means of traces, of which some may end earlier than others."""
    steps = np.unique(np.concatenate([steps for steps, _ in traces]))
    total, count = np.zeros(len(steps)), np.zeros(len(steps))
    for own, values in traces:
        places = np.searchsorted(steps, own)
        total[places] += values
        count[places] += 1
    return steps, total / count
