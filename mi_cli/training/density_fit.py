"""Fitting stacks of conditional densities by maximum likelihood, and what they say of MI on rows they have not seen."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from scipy.special import ndtri
from torch import Tensor

from mi_cli.bounds.conditional import entropy_difference, entropy_difference_error, gaussian_log_density
from mi_cli.fields import Preprocess
from mi_cli.networks.densities import ConditionalGaussian, Density
from mi_cli.problems import Estimate, Kind, Problem
from mi_cli.training.batches import make_batches, stacked
from mi_cli.training.checkpoints import Generators
from mi_cli.training.context import Context
from mi_cli.training.critic_fit import outcomes
from mi_cli.training.density_rows import prepare_for_densities
from mi_cli.training.stack import Parameters, State, Trained, train

if TYPE_CHECKING:
    from mi_cli.training.settings import Evaluation, Training

__all__ = ["Bound", "EntropyFit", "Fit", "GaussianFit", "fit_densities"]

_BLOCK_ROWS = 1024  # rows whose densities are computed at once, so that hidden layers stay small

Bound = Callable[[Tensor, Tensor, Tensor], Tensor]
Tensors = Sequence[Tensor]
Value = tuple[float, float]


class Fit(ABC):
    """What is fitted for each trial and how MI is read from it; ``members`` densities a trial, each with its rows."""

    kind: ClassVar[Kind]
    members: ClassVar[int] = 1
    criterion: ClassVar[str] = "val_mi"
    density: Density

    def rows(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Rows for all members, ``(members · K, …)``, from those of the trials."""
        return x, y

    @abstractmethod
    def step(self, tensors: Tensors, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The loss and what training records, a value for each member."""

    @abstractmethod
    def validate(self, tensors: Tensors, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Metrics of each member; the highest ``criterion`` chooses its checkpoint."""

    @abstractmethod
    def evaluate(self, tensors: Tensors, x: Tensor, y: Tensor, context: Context) -> list[Value]:
        """MI in nats and its standard error, of each trial."""

    @abstractmethod
    def ignores_x(self, trained: Trained) -> list[bool]:
        """Of each trial, whether the q that its validation rows chose is the same whatever x."""

    def outcomes(self, trained: Trained, estimates: Sequence[Estimate]) -> list[Estimate]:
        """The estimates with what the training of their members has to say."""
        return outcomes(trained, estimates)


class GaussianFit(Fit):
    """q(y | x) of each trial; a bound and its error are functions of y, means and log-variances, ``(..., d, n)`` each.

    In training, the bound is recorded of the first ``traced`` rows of a step.
    """

    kind = "upper bound"
    criterion = "val_log_density"

    def __init__(self, density: ConditionalGaussian, bound: Bound, error: Bound, traced: int | None = None) -> None:
        self.density: ConditionalGaussian = density
        self.bound, self.error, self.traced = bound, error, traced

    def step(self, tensors: Tensors, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The negative log-likelihood, and the bound on the rows of the step."""
        mean, log_var = self.density.moments(tensors, x)
        loss = -gaussian_log_density(y, mean, log_var).mean(-1)
        part = slice(self.traced)
        with torch.no_grad():
            return loss, self.bound(y[..., part], mean[..., part], log_var[..., part])

    def validate(self, tensors: Tensors, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """The bound, and the log-likelihood, which chooses: a poor q makes a bound that is none."""
        moments = self.density.moments(tensors, x)
        return {"val_mi": self.bound(y, *moments), self.criterion: gaussian_log_density(y, *moments).mean(-1)}

    def evaluate(self, tensors: Tensors, x: Tensor, y: Tensor, context: Context) -> list[Value]:
        """The bound in float64, of one trial after another."""
        moments = _in_blocks(lambda part, _: torch.cat(self.density.moments(tensors, part), 1), x, y, context)
        found = []
        for own_y, own in zip(y.cpu().double(), moments, strict=True):
            context.check()
            rows = own_y, *own.chunk(2)
            found.append((self.bound(*rows).item(), self.error(*rows).item()))
        return found

    def ignores_x(self, trained: Trained) -> list[bool]:
        """Where no output of its networks depends on x."""
        return self.density.ignores_x(Parameters(self.density.shapes, trained.best).tensors)


class EntropyFit(Fit):
    """q(y | x) and r(y) of each trial; r is of the same form, with zeros for x. Each has its own checkpoint.

    r is a q that ignores x: where it fits the validation rows at least as well as q, it takes its place.
    """

    kind = "point estimate"
    members = 2

    def __init__(self, density: Density) -> None:
        self.density = density

    def rows(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Those of the conditional densities, then those of the marginal ones."""
        blank = torch.zeros_like(x)
        blank[:, -1] = 1
        return torch.cat([x, blank]), torch.cat([y, y])

    def step(self, tensors: Tensors, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The negative log-likelihood and the log-likelihood."""
        likelihood = self.density(tensors, x, y).mean(-1)
        return -likelihood, likelihood

    def validate(self, tensors: Tensors, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """The log-likelihood of each density by itself."""
        return {self.criterion: self.density(tensors, x, y).mean(-1)}

    def evaluate(self, tensors: Tensors, x: Tensor, y: Tensor, context: Context) -> list[Value]:
        """The difference of the two cross-entropies, and its standard error."""
        conditional, marginal = _in_blocks(lambda *part: self.density(tensors, *part), x, y, context).chunk(2)
        pairs = zip(conditional, marginal, strict=True)  # one by one: sums over many trials round otherwise
        return [(entropy_difference(*pair).item(), entropy_difference_error(*pair).item()) for pair in pairs]

    def ignores_x(self, trained: Trained) -> list[bool]:
        """Where r fits the validation rows at least as well as q."""
        return [q is not None and r is not None and q <= r for q, r in self._chosen(trained)]

    def outcomes(self, trained: Trained, estimates: Sequence[Estimate]) -> list[Estimate]:
        """As of one training: its traces are differences, and it lasts as long as the longer one."""
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
        found = []
        for estimate, (q, r) in zip(outcomes(joined, estimates), self._chosen(trained), strict=True):
            measured = estimate.status == "ok" and q is not None and r is not None
            found.append(replace(estimate, val_mi=q - r if measured else None))
        return found

    @staticmethod
    def _chosen(trained: Trained) -> list[tuple[Any, Any]]:
        return _pairs([trained.chosen("val_mi", index) for index in range(len(trained.steps))])


def _pairs(values: Sequence[Any]) -> list[tuple[Any, Any]]:
    k = len(values) // 2
    return list(zip(values[:k], values[k:], strict=True))


def _held(values: np.ndarray) -> np.ndarray:
    """Values ``(T, K)`` with the last one kept where a training has ended: its parameters are kept as well."""
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
    """Fit the densities of all problems as a stack, and report each problem on its test rows.

    Training begins with linear regressions, and where validation rows choose the checkpoint, they may choose those, as
    step 0: on few rows of many columns the first steps may already fit worse. Where they choose a density that ignores
    x, the MI is 0, without an error, and ``reason`` says so. A problem whose rows have no density is reported as
    failed, and takes no part.
    """
    k = len(problems)
    with context.clock("data"):
        ready, reasons = prepare_for_densities(problems, preprocess)
        if start is None:
            start = State.fresh(_initial(fit, problems, ready))
    found = {index: Estimate(fit.kind, status="failed", reason=reason) for index, reason in reasons.items()}
    context.advance(training.steps * len(found))
    if ready:
        members = [index + k * member for member in range(fit.members) for index in ready]
        own = State(start.flat[members], start.mean[members], start.square[members], start.steps)
        estimates, own = _fit(fit, list(ready.values()), own, training, evaluation, context)
        found |= dict(zip(ready, estimates, strict=True))
        start = _put(start, members, own)
    return [found[index] for index in range(k)], start


def _initial(fit: Fit, problems: Sequence[Problem], ready: Mapping[int, Problem]) -> Tensor:
    """Parameters of all members ``(members · K, P)``, regressions where a problem has rows."""
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


def _put(whole: State, members: Sequence[int], part: State) -> State:
    """The state of all members, where some have been trained."""
    index = torch.tensor(members, device=part.flat.device)
    flat, mean, square = (
        old.to(new.device).index_copy(0, index, new)
        for old, new in ((whole.flat, part.flat), (whole.mean, part.mean), (whole.square, part.square))
    )
    return State(flat, mean, square, part.steps)


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
        memory = (Generators([problem.order for problem in problems]), draw)
        by_trial = replace(context, advance=lambda steps: context.advance(steps // fit.members))
        trained = train(
            fit.density.shapes, start, lr, step, validate if val else None, training, by_trial, fit.criterion, memory
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
    """The outcome of a training that was validated before its first step as well."""
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
    """A value with its interval; one that is below 0 bounds nothing from above, so an upper bound is then 0.

    Its interval still begins where that of the value as found does.
    """
    if not math.isfinite(value + error):
        return Estimate(kind, status="diverged", reason="densities of the test rows are not finite")
    reason = ""
    if ignored:
        value = error = 0.0
        reason = "no density that training found fits the validation rows better than one that ignores x"
    half, reported = float(ndtri(0.5 + evaluation.level / 2)) * error, value
    if kind == "upper bound" and value < 0:
        reported = 0.0
        reason = f"found at {value:.3g} ± {error:.2g}, and raised to 0 because no MI is below 0"
    low, high = value - half, reported + half
    return Estimate(kind, reason=reason, value=reported, stderr=error, ci_low=low, ci_high=high)


def _in_blocks(of: Callable[[Tensor, Tensor], Tensor], x: Tensor, y: Tensor, context: Context) -> Tensor:
    """A function of rows ``(K, …, n)``, computed on blocks of about one size, in float64 on the CPU."""
    count = math.ceil(x.shape[2] / _BLOCK_ROWS)
    found = []
    for part in zip(x.tensor_split(count, 2), y.tensor_split(count, 2), strict=True):
        context.check()
        found.append(of(*part).cpu().double())
    return torch.cat(found, -1)
