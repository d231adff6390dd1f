"""Fitting of a stack of critics, and their evaluation on held-out rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from mi_cli.bounds.uncertainty import interval, lower_limit, p_value
from mi_cli.fields import Preprocess
from mi_cli.networks.critics import Critic, Scores
from mi_cli.networks.elliptical import CanonicalVariates
from mi_cli.networks.product_samples import Partners
from mi_cli.problems import Estimate, Kind, Problem
from mi_cli.training.batches import make_batches, stacked
from mi_cli.training.checkpoints import Generators
from mi_cli.training.context import Context
from mi_cli.training.critic_rows import prepare_for_critic
from mi_cli.training.kept_critics import with_critic, with_pointwise
from mi_cli.training.settings import Evaluation, Training
from mi_cli.training.stack import Parameters, State, Trained, train

__all__ = [
    "CriticEstimator",
    "CriticStack",
    "estimate_from_scores",
    "fit_critics",
    "held_out",
    "held_out_scores",
    "outcomes",
    "validation_mi",
]

_VALIDATION_SHIFTS = 2
_VALIDATION_SHIFTS_OF_ALL = 16  # for critics that are trained on all pairs

Array = np.ndarray[Any, np.dtype[np.float64]]


class CriticEstimator(Protocol):
    """What training needs of an estimator that fits a critic: its network, its bound, and how rows are paired.

    :class:`~mi_cli.estimators.variational.Variational` documents each part.
    """

    kind: ClassVar[Kind]

    @property
    def preprocess(self) -> Preprocess: ...  # noqa: D102

    @property
    def norms(self) -> bool: ...  # noqa: D102

    @property
    def product(self) -> Literal["all", "derangement", "shuffle"]: ...  # noqa: D102

    @property
    def n_product(self) -> int: ...  # noqa: D102

    @property
    def keep(self) -> bool: ...  # noqa: D102

    def fit_log_ratio(self, problem: Problem) -> CanonicalVariates | None: ...  # noqa: D102

    def network(  # noqa: D102
        self,
        dim_x: int,
        dim_y: int,
        log_ratios: Sequence[CanonicalVariates | None] = (),
        device: torch.device | None = None,
    ) -> Critic: ...

    def objective(self) -> Callable[[Scores], tuple[Tensor, Tensor]]: ...  # noqa: D102

    def criterion(self, scores: Scores) -> Tensor: ...  # noqa: D102

    def bound(self, scores: Scores) -> Tensor: ...  # noqa: D102

    def influence(self, scores: Scores) -> Tensor: ...  # noqa: D102

    def error(self, scores: Scores, block: Tensor | None = None) -> Tensor: ...  # noqa: D102

    def ceiling(self, rows: int, partners: int) -> float | None: ...  # noqa: D102

    def pointwise(self, scores: Scores) -> Tensor: ...  # noqa: D102


def fit_critics(
    estimator: CriticEstimator,
    problems: Sequence[Problem],
    training: Training,
    evaluation: Evaluation,
    context: Context,
    start: State | None = None,
) -> tuple[list[Estimate], State | None]:
    """Train one critic for each problem, as a stack, and evaluate it once on the test rows.

    A problem whose columns cannot be prepared has an estimate with the status ``failed``; the others are not affected.

    Args:
        estimator: the estimator that is fitted.
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
    with context.clock("data"):
        ready = [_ready(estimator, problem) for problem in problems]
    estimates = [Estimate(estimator.kind, status="failed", reason=reason) for _, _, reason in ready]
    good = [index for index, (_, _, reason) in enumerate(ready) if not reason]
    if not good:
        return estimates, start
    prepared = [ready[index][0] for index in good]
    critics = CriticStack(estimator, prepared, training, context, [ready[index][1] for index in good])
    if start is None:
        start = State.fresh(torch.stack([critics.critic.initial(problem.init) for problem in problems]))
    with context.clock("training"):
        trained = critics.train(start.select(good))
    with context.clock("evaluation"):
        tested = _tested(critics, trained.best, prepared, evaluation, context)
    for index, estimate in zip(good, outcomes(trained, tested), strict=True):
        estimates[index] = estimate
    if estimator.keep or evaluation.pointwise:
        rows = stacked([problem.test for problem in prepared], context.device)
        scores = held_out_scores(critics.critic, trained.best, rows, evaluation.shifts, context)
        for place, index in enumerate(good):
            if evaluation.pointwise:
                nats = estimator.pointwise(scores[place])
                estimates[index] = with_pointwise(estimates[index], nats, problems[index].test)
            if estimator.keep:
                kept = problems[index], estimator.preprocess, estimator.norms, trained.best[place], scores[place]
                estimates[index] = with_critic(estimates[index], *kept)
    return estimates, start.replaced(good, trained.state)


def _ready(estimator: CriticEstimator, problem: Problem) -> tuple[Problem, CanonicalVariates | None, str]:
    """The prepared problem, the analytic part of its critic, and the reason if it cannot be prepared."""
    try:
        problem = prepare_for_critic(problem, estimator.preprocess, estimator.norms)
        return problem, estimator.fit_log_ratio(problem), ""
    except ValueError as error:
        return problem, None, str(error)


class CriticStack:
    """The critics of one stack of prepared problems, ready to be trained.

    Args:
        estimator: the estimator that is fitted.
        problems: problems of equal shapes, prepared by :func:`prepare_for_critic`.
        training: the settings of training.
        context: device, progress and the request to stop.
        log_ratios: the analytic part of each critic; fitted here unless given.
    """

    def __init__(
        self,
        estimator: CriticEstimator,
        problems: Sequence[Problem],
        training: Training,
        context: Context,
        log_ratios: Sequence[CanonicalVariates | None] | None = None,
    ) -> None:
        self.estimator, self.problems, self.training, self.context = estimator, problems, training, context
        dims = problems[0].dim_x, problems[0].dim_y
        with context.clock("data"):
            if log_ratios is None:
                log_ratios = [estimator.fit_log_ratio(problem) for problem in problems]
            self.critic = estimator.network(*dims, log_ratios, context.device)
            self.batches, rows = make_batches(problems, training, context.device)
            val = [problem.val for problem in problems]
            self.val = stacked(val, context.device) if len(val[0]) else None
        self.partners: Partners | None = None
        self.orders = [problem.order for problem in problems]
        if estimator.product != "all":
            self.partners = Partners(estimator.product, estimator.n_product, rows, self.orders, context.device)
        self.objective = estimator.objective()

    def train(self, start: State | None = None) -> Trained:
        """Train from ``start``, or from initial weights drawn from each problem's generator."""
        if start is None:
            start = State.fresh(torch.stack([self.critic.initial(problem.init) for problem in self.problems]))
        lr = torch.tensor([problem.lr for problem in self.problems])
        validate = None if self.val is None else self.validate
        stateful = (Generators(self.orders), self.batches, self.partners, self.objective)
        return train(self.critic.shapes, start, lr, self.step, validate, self.training, self.context, stateful=stateful)

    def step(self, layers: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Loss and bound on the next batch, ``(K,)`` each."""
        x, y = self.batches()
        return self.objective(self.critic.scores(layers, x, y, self.partners() if self.partners else None))

    def validate(self, layers: Sequence[Tensor]) -> dict[str, Tensor]:
        """The lower bound on validation rows, ``(K,)`` in nats, which chooses the checkpoint."""
        assert self.val is not None  # noqa: S101 (for the type checker: only called where there are rows)
        return {"val_mi": validation_mi(self.estimator, self.critic, layers, *self.val)}


def validation_mi(estimator: CriticEstimator, critic: Critic, layers: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
    """The lower bound on validation rows, each x with a few fixed partners.

    Args:
        estimator: the estimator that is fitted.
        critic: the critics of the stack.
        layers: their parameters, ``(K, *shape)`` each.
        x: with its row of ones, ``(K, dim_x + 1, n)``.
        y: ``(K, dim_y, n)``.

    Returns:
        ``(K,)`` in nats.
    """
    wanted = _VALIDATION_SHIFTS_OF_ALL if estimator.product == "all" else _VALIDATION_SHIFTS
    return estimator.criterion(critic.held_out(layers, x, y, min(wanted, y.shape[2] - 1)))


def held_out(
    estimator: CriticEstimator,
    critic: Critic,
    flat: Tensor,
    rows: tuple[Tensor, Tensor],
    evaluation: Evaluation,
    context: Context,
    blocks: Sequence[Tensor | None] | None = None,
) -> list[Estimate]:
    """Estimates by K trained critics on held-out rows.

    Args:
        estimator: the estimator that was fitted.
        critic: the critics of the stack.
        flat: their parameters, ``(K, P)``.
        rows: x with its row of ones ``(K, dim_x + 1, n)``, and y ``(K, dim_y, n)``.
        evaluation: the settings of the reported numbers.
        context: the request to stop.
        blocks: the block of each row, ``(n,)`` for each trial, where rows depend on each other.

    Returns:
        An estimate for each trial, in nats.
    """
    scores = held_out_scores(critic, flat, rows, evaluation.shifts, context)
    return [
        estimate_from_scores(estimator, trial, evaluation.level, block, evaluation.shifts)
        for trial, block in zip(scores, blocks or [None] * len(scores), strict=True)
    ]


def _tested(
    critics: CriticStack, flat: Tensor, problems: Sequence[Problem], evaluation: Evaluation, context: Context
) -> list[Estimate]:
    """:func:`held_out` on test rows, together with the value on fresh rows, if there are any."""
    estimator, critic = critics.estimator, critics.critic
    test = stacked([problem.test for problem in problems], context.device)
    blocks = [problem.test.block for problem in problems]
    tested = held_out(estimator, critic, flat, test, evaluation, context, blocks)
    fresh = [problem.fresh for problem in problems if problem.fresh is not None]
    if not fresh:
        return tested
    on_fresh = held_out(estimator, critic, flat, stacked(fresh, context.device), evaluation, context)
    return [
        replace(estimate, critic_mi=other.value, critic_stderr=other.stderr)
        for estimate, other in zip(tested, on_fresh, strict=True)
    ]


def estimate_from_scores(
    estimator: CriticEstimator, scores: Scores, level: float, block: Tensor | None = None, repairings: int = 0
) -> Estimate:
    """The estimate of one trial from its scores, capped at the ceiling of the estimator.

    Donsker–Varadhan exceeds its ceiling ln m where none of m product samples has a large score. The mean of e^T is then
    far too small, and neither the value nor its standard error shows it. No bound above ln m can be trusted with m
    samples (McAllester & Stratos 2020, arXiv 1811.04251).

    The p-value compares the mean score of the rows with that of their cyclic shifts. The rows are in random order, so
    that without dependence these are exchangeable (Hemerik & Goeman 2018, arXiv 1411.7565). Rows in blocks have no
    p-value. If there are fewer rows than ``repairings``, rows are permuted instead of shifted.

    Args:
        estimator: the estimator that was fitted.
        scores: scores of the trial, ``(1, …)``, in float64 on the CPU.
        level: the confidence level of the interval.
        block: the block of each row, ``(n,)``, where rows depend on each other.
        repairings: how many re-pairings the p-value is made from.

    Returns:
        The estimate in nats; its status is ``diverged`` if the scores are not finite.
    """
    value, error = estimator.bound(scores).item(), estimator.error(scores, block).item()
    if not math.isfinite(value + error):
        return Estimate(estimator.kind, status="diverged", reason="scores of the test rows are not finite")
    rows, partners = scores.joint.shape[1], scores.count
    ceiling, reason = estimator.ceiling(rows, partners), ""
    if ceiling is not None and value > ceiling:
        reason = (
            f"estimate capped at ln {math.exp(ceiling):.0f}: {rows * partners} product samples cannot support "
            f"{value:.4g} nats"
        )
        value = ceiling
    low, high = interval(value, error, level)
    null = _null(scores, repairings) if block is None else None
    return Estimate(
        estimator.kind,
        reason=reason,
        value=value,
        stderr=error,
        ci_low=low,
        ci_high=high,
        ceiling=ceiling,
        lower=lower_limit(value, error, level) if estimator.kind == "lower bound" else None,
        p_value=None if null is None else p_value(null),
        effective=_effective(scores.product[0]),
        null=null,
        influence=estimator.influence(scores).numpy(),
    )


def _null(scores: Scores, repairings: int) -> Array:
    """The mean score of the rows, then of each re-pairing: shifts, or permutations where there are few rows."""
    joint, shifted = scores.joint[0], scores.by_row[0]
    n = len(joint)
    if shifted.shape[1] < n - 1 or repairings < n:
        return torch.cat([joint.mean(0, keepdim=True), shifted.mean(0)]).numpy()
    every = torch.cat([joint[:, None], shifted], 1).gather(1, (torch.arange(n) - torch.arange(n)[:, None]) % n)
    source = torch.Generator().manual_seed(n)
    partners = torch.stack([torch.arange(n), *(torch.randperm(n, generator=source) for _ in range(repairings))])
    return every[torch.arange(n), partners].mean(1).numpy()


def _effective(product: Tensor) -> float:
    """Kish's effective number of product samples with weights e^T."""
    return math.exp(2 * torch.logsumexp(product, 0).item() - torch.logsumexp(2 * product, 0).item())


@torch.no_grad()
def held_out_scores(
    critic: Critic, flat: Tensor, rows: tuple[Tensor, Tensor], shifts: int, context: Context
) -> list[Scores]:
    """Scores of K trained critics on held-out rows: of joint samples, and of y shifted by 1, 2, … rows.

    Args:
        critic: the critics of the stack.
        flat: their parameters, ``(K, P)``.
        rows: x with its row of ones ``(K, dim_x + 1, n)``, and y ``(K, dim_y, n)``.
        shifts: the number of shifts.
        context: the request to stop.

    Returns:
        The scores of each trial, ``(1, …)``, in float64 on the CPU.
    """
    context.check()
    x, y = rows
    layers = Parameters(critic.shapes, flat).tensors
    scores = critic.held_out(layers, x, y, min(shifts, x.shape[2] - 1))
    return [
        Scores(
            scores.joint[k : k + 1].double().cpu(),
            scores.by_row[k : k + 1].double().cpu(),
            dual=None if scores.dual is None else scores.dual[k : k + 1].double().cpu(),
        )
        for k in range(len(x))
    ]


def outcomes(trained: Trained, estimates: Sequence[Estimate]) -> list[Estimate]:
    """Estimates together with the status, steps, traces and values of their training."""
    completed = []
    for index, estimate in enumerate(estimates):
        history = trained.traces(index)
        steps = trained.steps[index]
        fields = {"steps": steps, "history": history}
        if trained.diverged[index]:
            completed.append(Estimate(estimate.kind, status="diverged", reason=trained.reasons[index], **fields))  # type: ignore[arg-type]
            continue
        fields |= {"train_mi": _tail(history["train_mi"], steps), "val_mi": trained.chosen("val_mi", index)}
        completed.append(Estimate(**{**estimate.__dict__, **fields}))
    return completed


def _tail(trace: tuple[np.ndarray, np.ndarray], steps: int, last: int = 50) -> float:
    """Mean of a trace over the last steps of a trial."""
    values = trace[1][(trace[0] > steps - last) & np.isfinite(trace[1])]
    return float(values.mean()) if len(values) else float("nan")
