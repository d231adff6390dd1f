"""Fitting of stacks of conditional densities by maximum likelihood, and estimates of MI on held-out rows."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from mi_cli.bounds.conditional import entropy_difference, entropy_difference_error, gaussian_log_density
from mi_cli.bounds.uncertainty import interval
from mi_cli.fields import Preprocess
from mi_cli.networks.densities import ConditionalGaussian, Density
from mi_cli.problems import Estimate, Kind, Problem
from mi_cli.training.batches import make_batches, stacked
from mi_cli.training.checkpoints import Generators
from mi_cli.training.context import Context
from mi_cli.training.critic_fit import outcomes
from mi_cli.training.density_rows import prepare_for_densities
from mi_cli.training.settings import Evaluation, Training
from mi_cli.training.stack import Parameters, State, Trained, train

__all__ = ["Bound", "BoundWithError", "EntropyFit", "Fit", "GaussianFit", "fit_densities"]

_BLOCK_ROWS = 1024  # rows whose densities are computed at once, so that hidden layers stay small

Bound = Callable[[Tensor, Tensor, Tensor], Tensor]
BoundWithError = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
Tensors = Sequence[Tensor]
Value = tuple[float, float]


class Fit(ABC):
    """The densities of a stack, and how MI is computed from them.

    Attributes:
        kind: whether the estimates are upper bounds or neither bound.
        members: the number of densities of each trial.
        criterion: the validation metric that chooses the checkpoint.
        density: the form of the densities.
    """

    kind: ClassVar[Kind]
    members: ClassVar[int] = 1
    criterion: ClassVar[str] = "val_mi"
    density: Density

    def rows(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The rows of all members, ``(members · K, …)``, from those of the trials, ``(K, …)``."""
        return x, y

    @abstractmethod
    def step(self, tensors: Tensors, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The loss, and the value that training records, ``(members · K,)`` each."""

    @abstractmethod
    def validate(self, tensors: Tensors, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Metrics of each member, ``(members · K,)``; the highest ``criterion`` chooses its checkpoint."""

    @abstractmethod
    def evaluate(self, tensors: Tensors, x: Tensor, y: Tensor, context: Context) -> list[Value]:
        """MI and its standard error in nats, for each trial."""

    @abstractmethod
    def ignores_x(self, trained: Trained) -> list[bool]:
        """Whether the chosen q of each trial is the same for all x."""

    def outcomes(self, trained: Trained, estimates: Sequence[Estimate]) -> list[Estimate]:
        """Estimates together with the status, steps and traces of the training of their members."""
        return outcomes(trained, estimates)


class GaussianFit(Fit):
    """A Gaussian q(y | x) for each trial, and an upper bound on MI.

    Args:
        density: the densities.
        bound: from y, means and log-variances, ``(..., d, n)`` each, to the bound ``(...)`` in nats.
        measure: from the same to the bound and its standard error, ``(...)`` in nats each.
        traced: the bound is recorded during training on the first ``traced`` rows of a step; None takes all.
    """

    kind = "upper bound"
    criterion = "val_log_density"

    def __init__(
        self, density: ConditionalGaussian, bound: Bound, measure: BoundWithError, traced: int | None = None
    ) -> None:
        self.density: ConditionalGaussian = density
        self.bound, self.measure, self.traced = bound, measure, traced

    def step(self, tensors: Tensors, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The negative log-likelihood, and the bound on the rows of the step."""
        mean, log_var = self.density.moments(tensors, x)
        loss = -gaussian_log_density(y, mean, log_var).mean(-1)
        part = slice(self.traced)
        with torch.no_grad():
            return loss, self.bound(y[..., part], mean[..., part], log_var[..., part])

    def validate(self, tensors: Tensors, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """The bound, and the log-likelihood, which chooses the checkpoint: with a poor q the bound may be invalid."""
        moments = self.density.moments(tensors, x)
        return {"val_mi": self.bound(y, *moments), self.criterion: gaussian_log_density(y, *moments).mean(-1)}

    def evaluate(self, tensors: Tensors, x: Tensor, y: Tensor, context: Context) -> list[Value]:
        """The bound and its error in float64, for one trial after another."""
        moments = _in_blocks(lambda part, _: torch.cat(self.density.moments(tensors, part), 1), x, y, context)
        values = []
        for own_y, own in zip(y.cpu().double(), moments, strict=True):
            context.check()
            value, error = self.measure(own_y, *own.chunk(2))
            values.append((value.item(), error.item()))
        return values

    def ignores_x(self, trained: Trained) -> list[bool]:
        """Whether no output of the networks depends on x."""
        return self.density.ignores_x(Parameters(self.density.shapes, trained.best).tensors)


class EntropyFit(Fit):
    """Densities q(y | x) and r(y) for each trial, and the difference of their cross-entropies.

    r has the form of q, with zeros for x. Each has its own checkpoint. If r fits the validation rows at least as well
    as q, it replaces q, and the estimate is 0.
    """

    kind = "point estimate"
    members = 2

    def __init__(self, density: Density) -> None:
        self.density = density

    def rows(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The rows of q, then those of r."""
        blank = torch.zeros_like(x)
        blank[:, -1] = 1
        return torch.cat([x, blank]), torch.cat([y, y])

    def step(self, tensors: Tensors, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The negative log-likelihood and the log-likelihood."""
        likelihood = self.density(tensors, x, y).mean(-1)
        return -likelihood, likelihood

    def validate(self, tensors: Tensors, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """The log-likelihood of each density."""
        return {self.criterion: self.density(tensors, x, y).mean(-1)}

    def evaluate(self, tensors: Tensors, x: Tensor, y: Tensor, context: Context) -> list[Value]:
        """The difference of the two cross-entropies, and its standard error."""
        conditional, marginal = _in_blocks(lambda *part: self.density(tensors, *part), x, y, context).chunk(2)
        pairs = zip(conditional, marginal, strict=True)  # one by one: sums over several trials round differently
        return [(entropy_difference(*pair).item(), entropy_difference_error(*pair).item()) for pair in pairs]

    def ignores_x(self, trained: Trained) -> list[bool]:
        """Whether r fits the validation rows at least as well as q."""
        return [q is not None and r is not None and q <= r for q, r in self._chosen(trained)]

    def outcomes(self, trained: Trained, estimates: Sequence[Estimate]) -> list[Estimate]:
        """The outcome of q and r as that of one training: differences of traces, and the larger number of steps."""
        k = len(estimates)
        joined = replace(
            trained,
            steps=[max(pair) for pair in _pairs(trained.steps)],
            diverged=[first or second for first, second in _pairs(trained.diverged)],
            reasons=[first or second for first, second in _pairs(trained.reasons)],
            history={
                name: (steps, values[:, :k] - values[:, k:])
                for name, (steps, held) in trained.history.items()
                for values in [_held(held)]
            },
        )
        completed = []
        for estimate, (q, r) in zip(outcomes(joined, estimates), self._chosen(trained), strict=True):
            measured = estimate.status == "ok" and q is not None and r is not None
            completed.append(replace(estimate, val_mi=q - r if measured else None))
        return completed

    @staticmethod
    def _chosen(trained: Trained) -> list[tuple[Any, Any]]:
        """The validation log-likelihoods of the chosen q and r, by trial."""
        return _pairs([trained.chosen("val_mi", index) for index in range(len(trained.steps))])


def _pairs(values: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Values of q and of r, by trial."""
    k = len(values) // 2
    return list(zip(values[:k], values[k:], strict=True))


def _held(values: np.ndarray) -> np.ndarray:
    """Values ``(T, K)`` in which the last value of a trial that ended is repeated, as its parameters stay the same."""
    last = np.maximum.accumulate(np.where(np.isnan(values), 0, np.arange(len(values))[:, None]))
    return np.take_along_axis(values, last, 0)


def fit_densities(
    fit: Fit,
    preprocess: Preprocess,
    problems: Sequence[Problem],
    training: Training,
    evaluation: Evaluation,
    context: Context,
    start: State | None = None,
) -> tuple[list[Estimate], State]:
    """Fit the densities of all problems as a stack, and evaluate each problem once on its test rows.

    Training starts from linear regressions. Validation rows can choose these, as step 0: with few rows of many columns
    even the first steps may fit worse. If they choose a density that ignores x, the estimate is 0 with no error, and
    ``reason`` says so. A problem whose rows have no density has an estimate with the status ``failed``.

    Args:
        fit: the densities, and how MI is computed from them.
        preprocess: the map of the columns, fitted to training rows.
        problems: problems of equal shapes.
        training: the settings of training.
        evaluation: the settings of the reported numbers.
        context: device, progress and the request to stop.
        start: the state that an earlier call returned, from which training continues.

    Returns:
        An estimate for each problem, in nats, and the state after the last step.

    Raises:
        Stopped: the run was asked to stop.
        TooLong: the time limit of the trials has passed.
    """
    k = len(problems)
    with context.clock("data"):
        ready, reasons = prepare_for_densities(problems, preprocess)
        if start is None:
            start = State.fresh(_initial(fit, problems, ready))
    estimates = {index: Estimate(fit.kind, status="failed", reason=reason) for index, reason in reasons.items()}
    context.advance(training.steps * len(estimates))
    if ready:
        members = [index + k * member for member in range(fit.members) for index in ready]
        fitted, state = _fit(fit, list(ready.values()), start.select(members), training, evaluation, context)
        estimates |= dict(zip(ready, fitted, strict=True))
        start = start.replaced(members, state)
    return [estimates[index] for index in range(k)], start


def _initial(fit: Fit, problems: Sequence[Problem], ready: Mapping[int, Problem]) -> Tensor:
    """Initial parameters of all members, ``(members · K, P)``: regressions, if a problem has rows for densities."""
    parts: list[list[Tensor]] = [[] for _ in range(fit.members)]
    for index, problem in enumerate(problems):
        if index in ready:
            x, y = fit.rows(*stacked([ready[index].sample], torch.device("cpu")))
            rows: list[tuple[Tensor, Tensor] | None] = list(zip(x, y, strict=True))
        else:
            rows = [None] * fit.members
        for part, own in zip(parts, rows, strict=True):
            part.append(fit.density.initial(problem.init, own))
    return torch.stack([flat for part in parts for flat in part])


def _fit(
    fit: Fit,
    problems: Sequence[Problem],
    start: State,
    training: Training,
    evaluation: Evaluation,
    context: Context,
) -> tuple[list[Estimate], State]:
    with context.clock("data"):
        draw, _ = make_batches(problems, training, context.device)
        val = stacked([problem.val for problem in problems], context.device) if len(problems[0].val) else None

    def step(tensors: Tensors) -> tuple[Tensor, Tensor]:
        return fit.step(tensors, *fit.rows(*draw()))

    def validate(tensors: Tensors) -> dict[str, Tensor]:
        assert val is not None  # noqa: S101 (for the type checker: only called where there are rows)
        return fit.validate(tensors, *fit.rows(*val))

    with context.clock("training"):
        lr = torch.tensor([problem.lr for problem in problems] * fit.members)
        stateful = (Generators([problem.order for problem in problems]), draw)
        by_trial = replace(context, advance=lambda steps: context.advance(steps // fit.members))
        trained = train(
            fit.density.shapes, start, lr, step, validate if val else None, training, by_trial, fit.criterion, stateful
        )
        choosing = val is not None and training.checkpoint == "best"
        if choosing:
            trained = _or_start(trained, start.flat.to(context.device), fit, validate)
    with context.clock("evaluation"), torch.no_grad():
        test = fit.rows(*stacked([problem.test for problem in problems], context.device))
        values = fit.evaluate(Parameters(fit.density.shapes, trained.best).tensors, *test, context)
    ignored = fit.ignores_x(trained) if choosing else [False] * len(problems)
    estimates = [_reported(fit.kind, *value, none, evaluation) for value, none in zip(values, ignored, strict=True)]
    return fit.outcomes(trained, estimates), trained.state


@torch.no_grad()
def _or_start(trained: Trained, flat: Tensor, fit: Fit, validate: Callable[[Tensors], Mapping[str, Tensor]]) -> Trained:
    """The outcome of a training that can also choose its initial parameters, as step 0."""
    metrics = {
        name: value.cpu().numpy()[None]
        for name, value in validate(Parameters(fit.density.shapes, flat).tensors).items()
    }
    history = dict(trained.history)
    for name, first in metrics.items():
        steps, values = history[name]
        history[name] = np.append(0, steps), np.concatenate([first, values])
    chosen = [trained.chosen(fit.criterion, index) for index in range(len(flat))]
    kept = [best is not None and best >= first for best, first in zip(chosen, metrics[fit.criterion][0], strict=True)]
    best = torch.where(torch.tensor(kept, device=flat.device).unsqueeze(1), trained.best, flat)
    steps_chosen = [step if keep else 0 for step, keep in zip(trained.chosen_steps, kept, strict=True)]
    return replace(trained, best=best, history=history, chosen_steps=steps_chosen)


def _reported(kind: Kind, value: float, error: float, ignored: bool, evaluation: Evaluation) -> Estimate:
    """The estimate of one trial. An upper bound below 0 is raised to 0; its interval keeps its lower end.

    Args:
        kind: the kind of the estimate.
        value: in nats.
        error: its standard error in nats.
        ignored: whether the chosen density ignores x.
        evaluation: the settings of the reported numbers.
    """
    if not math.isfinite(value + error):
        return Estimate(kind, status="diverged", reason="densities of the test rows are not finite")
    reason = ""
    if ignored:
        value = error = 0.0
        reason = "no trained density fits the validation rows better than one that ignores x"
    reported = value
    if kind == "upper bound" and value < 0:
        reported = 0.0
        reason = f"estimate of {value:.3g} ± {error:.2g} raised to 0: no MI is below 0"
    low, high = interval(value, error, evaluation.level)[0], interval(reported, error, evaluation.level)[1]
    return Estimate(kind, reason=reason, value=reported, stderr=error, ci_low=low, ci_high=high)


def _in_blocks(function: Callable[[Tensor, Tensor], Tensor], x: Tensor, y: Tensor, context: Context) -> Tensor:
    """The result of a function of rows, ``(K, …, n)`` in float64 on the CPU, computed in blocks of rows."""
    count = math.ceil(x.shape[2] / _BLOCK_ROWS)
    results = []
    for part in zip(x.tensor_split(count, 2), y.tensor_split(count, 2), strict=True):
        context.check()
        results.append(function(*part).cpu().double())
    return torch.cat(results, -1)
