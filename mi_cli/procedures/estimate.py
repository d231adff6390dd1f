"""Estimate the MI of x and y."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from mi_cli.context import Context
from mi_cli.data import fresh_rows, parts
from mi_cli.estimators.base import Estimate, Problem, Rows
from mi_cli.estimators.direct import Direct
from mi_cli.estimators.variational import Variational
from mi_cli.procedures.base import Cost, Outcome, estimate_fields, group, stack_key
from mi_cli.schema import Config
from mi_cli.seeds import generator
from mi_cli.sweep import Trial, put

__all__ = ["cost", "run", "signature", "training_key"]

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
    values: dict[str, Any] = json.loads(config.model_dump_json(exclude={"claims", "plots", "sweep"}))
    if config.training.carry:
        put(values, config.training.carry, None)
    return json.dumps(values, sort_keys=True)


def cost(config: Config) -> Cost:
    """Of one training, or of an estimate without any, which counts as one step."""
    training, dims = config.training, (config.dataset.dim_x, config.dataset.dim_y)
    if isinstance(config.estimator, Direct):
        n = sum(config.rows[part] for part in ("train", "val", "test"))
        # So large that each trial is a stack of its own: nothing is gained by more, and each is recorded when done.
        return Cost(1, config.estimator.multiply_adds(n, *dims), sys.maxsize)
    rows = training.batch if config.dataset.n_samples is None else training.batch_of(config.rows["train"])
    assert rows != "full"  # noqa: S101 (the schema refuses it for fresh rows)
    if isinstance(config.estimator, Variational):
        net = config.estimator.critic(*dims).net
        rows *= 1 + config.estimator.n_product
        # Backward multiplies each layer twice: for its weights and for its inputs.
        return Cost(training.steps, 3 * net.multiplications * rows, 4 * net.floats * rows)
    return Cost(training.steps, *config.estimator.cost(dims, training, rows))


def run(trials: Sequence[Trial], context: Context) -> list[Outcome]:
    """Run trials of one signature as one stack; with ``training.carry``, one stack after another along that axis."""
    carry, estimates, problems, state = trials[0].config.training.carry, {}, {}, None
    for link in group(trials, lambda config: json.dumps(_value(config, carry))):
        config = link[0].config
        with context.clock("data"):
            posed = [_problem(trial.config) for trial in link]
        found, state = config.estimator.estimate(
            posed, config.training, config.evaluation, context, start=state if carry else None
        )
        for trial, problem, estimate in zip(link, posed, found, strict=True):
            estimates[trial.index], problems[trial.index] = estimate, problem
    return [_outcome(trial, estimates[trial.index], problems[trial.index].test) for trial in trials]


def _value(config: Config, path: str | None) -> Any:
    if path is None:
        return None
    value: Any = config
    for part in path.split("."):
        value = getattr(value, part)
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value


def _problem(config: Config) -> Problem:
    rows, fresh = parts(config), config.dataset.n_samples is None
    return Problem(
        dim_x=config.dataset.dim_x,
        dim_y=config.dataset.dim_y,
        train=None if fresh else rows["train"],
        draw=fresh_rows(config) if fresh else None,
        val=rows["val"],
        test=rows["test"],
        init=generator(config.seed, "init"),
        order=generator(config.seed, "order"),
        lr=config.training.lr,
    )


def _outcome(trial: Trial, estimate: Estimate, test: Rows) -> Outcome:
    config = trial.config
    truth = config.dataset.true_mi(config.noise.scale)
    fields = estimate_fields(estimate) | {"true_mi": truth}
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
