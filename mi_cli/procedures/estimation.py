"""Estimates of the MI of x and y for trials, from their own rows, with and without cross-fitting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mi_cli.problems import Estimate, Problem
from mi_cli.procedures.crossfit import folded, in_random_order, pooled
from mi_cli.procedures.seeds import generator
from mi_cli.procedures.splits import fresh_rows, parts
from mi_cli.schema.config import Config
from mi_cli.training.context import Context

__all__ = ["crossfits", "estimate_folds", "estimate_problems", "estimated", "pool_folds", "problem_of"]


def crossfits(config: Config) -> bool:
    """Whether estimates are cross-fitted: the config asks for it, and its estimator holds rows out at all."""
    return config.fit == "crossfit" and config.estimator.holds_out


def estimated(config: Config, context: Context) -> Estimate:
    """The estimate of one trial, in nats."""
    (found,), _ = estimate_problems(config, [problem_of(config)], context)
    return found


def problem_of(config: Config) -> Problem:
    """A trial as its estimator sees it. Every call draws the same rows and starts the same random streams."""
    rows, fresh = parts(config), config.dataset.n_samples is None
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
    if not crossfits(config):
        shuffled = [
            replace(
                problem,
                val=in_random_order(problem.val, problem.order),
                test=in_random_order(problem.test, problem.order),
            )
            for problem in problems
        ]
        return _by_shape(config, shuffled, context, start)
    folds = [folded(problem, config.folds) for problem in problems]
    found, state = _by_shape(config, [fold for problem in folds for fold in problem], context, start)
    k = config.folds
    return [
        pooled(found[k * i : k * (i + 1)], [len(fold.test) for fold in folds[i]], config.evaluation.level)
        for i in range(len(problems))
    ], state


def estimate_folds(
    config: Config, problems: Sequence[Problem], chosen: Sequence[int], context: Context
) -> list[dict[int, Estimate]]:
    """Estimate some of the folds of each problem, all as one stack; estimates by fold, for each problem."""
    folds = [folded(problem, config.folds) for problem in problems]
    found, _ = _by_shape(config, [problem[fold] for problem in folds for fold in chosen], context, None)
    n = len(chosen)
    return [dict(zip(chosen, found[n * i : n * (i + 1)], strict=True)) for i in range(len(problems))]


def pool_folds(config: Config, estimates: Iterable[Mapping[int, Estimate]]) -> Estimate:
    """The estimate of a trial from those of its folds, given by fold in any number of mappings."""
    by_fold = {fold: estimate for some in estimates for fold, estimate in some.items()}
    rows = [len(fold.test) for fold in folded(problem_of(config), config.folds)]
    return pooled([by_fold[fold] for fold in range(config.folds)], rows, config.evaluation.level)


def _by_shape(config: Config, problems: Sequence[Problem], context: Context, start: Any) -> tuple[list[Estimate], Any]:
    """Estimates of all problems, those with equal numbers of rows as one stack, and the state of the last stack."""
    found: dict[int, Estimate] = {}
    shapes: dict[tuple[int, ...], list[int]] = {}
    for index, problem in enumerate(problems):
        sizes = (0 if problem.train is None else len(problem.train), len(problem.val), len(problem.test))
        shapes.setdefault(sizes, []).append(index)
    for members in shapes.values():
        estimates, start = config.estimator.estimate(
            [problems[index] for index in members], config.training, config.evaluation, context, start=start
        )
        found |= zip(members, estimates, strict=True)
    return [found[index] for index in range(len(problems))], start
