"""Estimates from rows that share no information."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from mi_cli import procedures
from mi_cli.lazy import torch
from mi_cli.problems import Estimate, Problem, Rows
from mi_cli.procedures.base import Cost, Outcome, Procedure, estimate_fields
from mi_cli.schema.config import Config
from mi_cli.schema.sweep import Trial
from mi_cli.training.context import Context

__all__ = ["Shuffled"]


class Shuffled(Procedure):
    """Estimate the MI of x with the y of other rows, which is 0: what an estimator reports where there is nothing.

    The rows of each part of the split are paired anew among themselves, so that x and y keep their distributions.
    """

    name = "shuffled"
    shows_truth: ClassVar[bool] = True

    def cost(self, config: Config) -> Cost:
        """The cost of the estimator's own training."""
        dims, rows = (config.dataset.dim_x, config.dataset.dim_y), config.training.batch_of(config.rows["train"])
        multiply_adds, memory = config.estimator.cost(dims, config.training, rows)
        return Cost(config.training.steps * config.estimator.trainings(), multiply_adds, memory)

    def run(self, trials: Sequence[Trial], context: Context) -> list[Outcome]:
        """Estimate all trials as one stack."""
        with context.clock("data"):
            problems = [_shuffled(trial.config) for trial in trials]
        estimates, _ = procedures.estimation.estimate_problems(trials[0].config, problems, context)
        return [_outcome(*each) for each in zip(trials, problems, estimates, strict=True)]


def _shuffled(config: Config) -> Problem:
    problem = procedures.estimation.trial_problem(config)
    generator = torch.Generator().manual_seed(config.seed)

    def shuffled(rows: Rows) -> Rows:
        return replace(rows, y=rows.y[torch.randperm(len(rows), generator=generator)])

    assert problem.train is not None  # draws_fresh_rows is False
    return replace(problem, train=shuffled(problem.train), val=shuffled(problem.val), test=shuffled(problem.test))


def _outcome(trial: Trial, problem: Problem, estimate: Estimate) -> Outcome:
    fields = estimate_fields(estimate) | {"rows": len(problem.rows), "true_mi": 0.0}
    shown = problem.test.select(slice(500))
    samples = shown.x[:, 0].numpy(), shown.y[:, 0].numpy()
    return Outcome(trial, {trial.config.estimator.name: fields}, estimate.history, samples)
