"""Estimates of the MI of x and y for trials, from their own rows, with and without cross-fitting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from mi_cli.problems import Estimate, Problem, with_names
from mi_cli.procedures.crossfit import pool, shuffle_blocks, split_into_folds
from mi_cli.procedures.seeds import generator
from mi_cli.procedures.splits import fresh_rows, split_rows
from mi_cli.schema.config import Config
from mi_cli.training.context import Context

__all__ = [
    "FoldEstimates",
    "estimate_folds",
    "estimate_problems",
    "estimate_trial",
    "is_crossfitted",
    "pool_folds",
    "trial_problem",
]

FoldEstimates: TypeAlias = Mapping[int, tuple[Estimate, int]]  # in nats, each with its number of test rows, by fold


def is_crossfitted(config: Config) -> bool:
    """Whether estimates are cross-fitted: the config asks for it, and its estimator holds rows out."""
    return config.fit == "crossfit" and config.estimator.holds_out


def estimate_trial(config: Config, context: Context) -> Estimate:
    """The estimate of one trial, in nats."""
    (estimate,), _ = estimate_problems(config, [trial_problem(config)], context)
    return estimate


def trial_problem(config: Config) -> Problem:
    """The problem that a trial gives to its estimator. Every call draws the same rows and starts the same streams."""
    rows, fresh = split_rows(config), config.dataset.n_samples is None
    return Problem(
        dim_x=config.dataset.dim_x,
        dim_y=config.dataset.dim_y,
        train=None if fresh else rows["train"],
        draw=fresh_rows(config) if fresh else None,
        val=rows["val"],
        test=rows["test"],
        fresh=rows["fresh"] if len(rows["fresh"]) else None,
        init=generator(config.seed, "init"),
        order=generator(config.seed, "order"),
        lr=config.training.lr,
        names=config.dataset.column_names,
    )


def estimate_problems(
    config: Config, problems: Sequence[Problem], context: Context, start: Any = None
) -> tuple[list[Estimate], Any]:
    """Estimate the problems of trials as one stack.

    Args:
        config: the config of one of the trials.
        problems: of all of them.
        context: device, progress and the request to stop.
        start: the state that an earlier call returned, from which training goes on.

    Returns:
        An estimate for each problem, and the state in which training ended.
    """
    if not is_crossfitted(config):
        shuffled = [
            replace(
                problem,
                val=shuffle_blocks(problem.val, problem.order),
                test=shuffle_blocks(problem.test, problem.order),
            )
            for problem in problems
        ]
        return _by_shape(config, shuffled, context, start)
    folds = [split_into_folds(problem, config.folds) for problem in problems]
    estimates, state = _by_shape(config, [fold for problem in folds for fold in problem], context, start)
    k = config.folds
    return [
        pool(estimates[k * i : k * (i + 1)], [len(fold.test) for fold in folds[i]], config.evaluation.level)
        for i in range(len(problems))
    ], state


def estimate_folds(
    config: Config, problems: Sequence[Problem], chosen: Sequence[int], context: Context
) -> list[FoldEstimates]:
    """Estimate some of the folds of each problem, all as one stack.

    Args:
        config: the config of one of the trials.
        problems: of all of them.
        chosen: the indices of the folds, from 0 on.
        context: device, progress and the request to stop.

    Returns:
        For each problem, the estimates of these folds.
    """
    folds = [split_into_folds(problem, config.folds) for problem in problems]
    estimates, _ = _by_shape(config, [problem[fold] for problem in folds for fold in chosen], context, None)
    n = len(chosen)
    return [
        {
            fold: (estimate, len(problem[fold].test))
            for fold, estimate in zip(chosen, estimates[n * i : n * (i + 1)], strict=True)
        }
        for i, problem in enumerate(folds)
    ]


def pool_folds(config: Config, parts: Iterable[FoldEstimates]) -> Estimate:
    """The estimate of a trial, in nats, from those of its folds. Together, ``parts`` have every fold once."""
    by_fold = {fold: pair for part in parts for fold, pair in part.items()}
    estimates, rows = zip(*(by_fold[fold] for fold in range(config.folds)), strict=True)
    return pool(estimates, rows, config.evaluation.level)


def _by_shape(config: Config, problems: Sequence[Problem], context: Context, start: Any) -> tuple[list[Estimate], Any]:
    """Estimates of all problems, those with equal numbers of rows as one stack, and the state of the last stack."""
    by_index: dict[int, Estimate] = {}
    shapes: dict[tuple[int, ...], list[int]] = {}
    for index, problem in enumerate(problems):
        sizes = (0 if problem.train is None else len(problem.train), len(problem.val), len(problem.test))
        shapes.setdefault(sizes, []).append(index)
    for members in shapes.values():
        estimates, start = config.estimator.estimate(
            [problems[index] for index in members], config.training, config.evaluation, context, start=start
        )
        for index, estimate in zip(members, estimates, strict=True):
            reason = with_names(estimate.reason, problems[index].names)
            # A copy of an estimate computes its p-value; those without training have the names already.
            by_index[index] = estimate if reason == estimate.reason else replace(estimate, reason=reason)
    return [by_index[index] for index in range(len(problems))], start
