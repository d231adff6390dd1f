"""Estimate the MI of x and y."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mi_cli.estimators.training_free import TrainingFree
from mi_cli.fields import Affects
from mi_cli.problems import Estimate, Problem
from mi_cli.procedures.base import Cost, Outcome, Part, Partial, estimate_fields, group, stack_key
from mi_cli.procedures.crossfit import folded, in_random_order, pooled
from mi_cli.procedures.seeds import generator
from mi_cli.procedures.splits import fresh_rows
from mi_cli.procedures.splits import parts as parts_of
from mi_cli.schema.config import Config
from mi_cli.schema.effects import excluding
from mi_cli.schema.sweep import Trial, put
from mi_cli.training.context import Context

__all__ = ["cost", "estimated", "join", "parts", "run", "run_part", "signature", "training_key"]

_SHOWN_ROWS = 500
_INFINITE = {
    True: "the true MI is infinite: the estimate is bounded by the critic, and, like any lower bound that can be "
    "trusted, by ln of the number of product samples",
    False: "the true MI is infinite, which no estimate from finitely many rows can be",
}


def signature(config: Config) -> str:
    """Equal for trials that can be trained as one stack."""
    return stack_key(config)


def training_key(config: Config) -> str:
    """A trial's own, but for a model that is carried along an axis: then one for the whole chain."""
    values: dict[str, Any] = json.loads(config.model_dump_json(exclude=excluding(Affects.NOTHING)))
    if config.training.carry:
        put(values, config.training.carry, None)
    return json.dumps(values, sort_keys=True)


def cost(config: Config) -> Cost:
    """Of one training, or of an estimate without any, which counts as one step."""
    training, dims = config.training, (config.dataset.dim_x, config.dataset.dim_y)
    if isinstance(config.estimator, TrainingFree):
        n = sum(config.rows[part] for part in ("train", "val", "test"))
        # So large that each trial is a stack of its own: nothing is gained by more, and each is recorded when done.
        return Cost(1, config.estimator.multiply_adds(n, *dims), sys.maxsize)
    rows = training.batch if config.dataset.n_samples is None else training.batch_of(config.rows["train"])
    assert rows != "full"  # noqa: S101 (the schema refuses it for fresh rows)
    work, memory = config.estimator.cost(dims, training, rows)
    folds = config.folds if _crossfits(config) else 1
    return Cost(training.steps * config.estimator.trainings() * folds, work, memory * folds)


def run(trials: Sequence[Trial], context: Context) -> list[Outcome]:
    """Run trials of one signature as one stack; with ``training.carry``, one stack after another along that axis."""
    carry, estimates, problems, state = trials[0].config.training.carry, {}, {}, None
    for link in group(trials, lambda config: json.dumps(_value(config, carry))):
        config = link[0].config
        with context.clock("data"):
            posed = [_problem(trial.config) for trial in link]
        found, state = _estimated(config, posed, context, state if carry else None)
        for trial, problem, estimate in zip(link, posed, found, strict=True):
            estimates[trial.index], problems[trial.index] = estimate, problem
    return [_outcome(trial, estimates[trial.index], problems[trial.index]) for trial in trials]


def parts(config: Config) -> int:
    """The folds, where there are any that nothing is carried along."""
    return config.folds if _crossfits(config) and not config.training.carry else 1


def run_part(trials: Sequence[Trial], context: Context, part: Part) -> list[Partial]:
    """Estimates of every so many folds of each trial."""
    config = trials[0].config
    with context.clock("data"):
        folds = [folded(_problem(trial.config), config.folds) for trial in trials]
    chosen = range(part[0], config.folds, part[1])
    found, _ = _by_shape(config, [problem[fold] for problem in folds for fold in chosen], context, None)
    return [dict(zip(chosen, found[len(chosen) * i : len(chosen) * (i + 1)], strict=True)) for i in range(len(trials))]


def join(trials: Sequence[Trial], parts: Sequence[Sequence[Partial]]) -> list[Outcome]:
    """Outcomes of trials all of whose folds are estimated."""
    outcomes = []
    for trial, *partial in zip(trials, *parts, strict=True):
        config, problem = trial.config, _problem(trial.config)
        found = {fold: estimate for part in partial for fold, estimate in part.items()}
        rows = [len(fold.test) for fold in folded(_problem(config), config.folds)]
        estimate = pooled([found[fold] for fold in range(config.folds)], rows, config.evaluation.level)
        outcomes.append(_outcome(trial, estimate, problem))
    return outcomes


def estimated(config: Config, context: Context) -> Estimate:
    """The estimate of one trial."""
    (found,), _ = _estimated(config, [_problem(config)], context, None)
    return found


def _crossfits(config: Config) -> bool:
    return config.fit == "crossfit" and config.estimator.holds_out


def _estimated(config: Config, posed: Sequence[Problem], context: Context, start: Any) -> tuple[list[Estimate], Any]:
    """Estimates of all problems, and the state that training ended in."""
    if not _crossfits(config):
        shuffled = [
            replace(
                problem,
                val=in_random_order(problem.val, problem.order),
                test=in_random_order(problem.test, problem.order),
            )
            for problem in posed
        ]
        return _by_shape(config, shuffled, context, start)
    folds = [folded(problem, config.folds) for problem in posed]
    found, state = _by_shape(config, [fold for problem in folds for fold in problem], context, start)
    k = config.folds
    return [
        pooled(found[k * i : k * (i + 1)], [len(fold.test) for fold in folds[i]], config.evaluation.level)
        for i in range(len(posed))
    ], state


def _by_shape(config: Config, problems: Sequence[Problem], context: Context, start: Any) -> tuple[list[Estimate], Any]:
    """Estimates of all problems, those with as many rows as each other together, and the state of the last of these."""
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


def _value(config: Config, path: str | None) -> Any:
    if path is None:
        return None
    value: Any = config
    for part in path.split("."):
        value = getattr(value, part)
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value


def _problem(config: Config) -> Problem:
    rows, fresh = parts_of(config), config.dataset.n_samples is None
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


def _outcome(trial: Trial, estimate: Estimate, problem: Problem) -> Outcome:
    config, test = trial.config, problem.test
    rows = None if problem.train is None else len(problem.rows)
    truth = config.dataset.true_mi(config.noise.scale)
    fields = estimate_fields(estimate) | {"rows": rows, "true_mi": truth}
    if truth is not None and math.isinf(truth) and estimate.status == "ok":
        fields["reason"] = "; ".join(filter(None, (estimate.reason, _INFINITE[estimate.kind == "lower bound"])))
    methods = {config.estimator.name: fields}
    if config.evaluation.last_steps and estimate.status == "ok" and estimate.steps:
        methods[f"{config.estimator.name}_training"] = _last_steps(estimate, config) | {"true_mi": truth}
    samples = None
    if "gaussian_samples" in config.plots:
        samples = test.x[:_SHOWN_ROWS, 0].numpy(), test.y[:_SHOWN_ROWS, 0].numpy()
    return Outcome(trial, methods, estimate.history, samples)


def _last_steps(estimate: Estimate, config: Config) -> dict[str, Any]:
    """The training value over the last steps: what the study's first version reported as its result."""
    steps, values = estimate.history["train_mi"]
    tail = values[steps > (estimate.steps or 0) - config.evaluation.last_steps]
    return {
        "status": "ok",
        "reason": f"mean of the training value over the last {config.evaluation.last_steps} steps, not held out",
        "estimate": float(np.mean(tail)),
        "kind": "point estimate",
        "train_mi": float(np.mean(tail)),
        "steps": estimate.steps,
    }
