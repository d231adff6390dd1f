"""Fitting a stack of critics to rows, and what they are worth on rows they have not seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from mi_cli.bounds.uncertainty import interval, lower_limit, p_value
from mi_cli.fields import Preprocess
from mi_cli.networks.critics import Critic, Scores
from mi_cli.networks.product_samples import Partners
from mi_cli.problems import Estimate, Kind, Problem, Rows
from mi_cli.training.batches import make_batches, stacked
from mi_cli.training.checkpoints import Generators
from mi_cli.training.context import Context
from mi_cli.training.preprocessing import fit_preprocess
from mi_cli.training.stack import Parameters, State, Trained, train

if TYPE_CHECKING:
    from mi_cli.networks.elliptical import CanonicalVariates
    from mi_cli.training.settings import Evaluation, Training

__all__ = [
    "CriticEstimator",
    "CriticStack",
    "estimate_from_scores",
    "fit_critics",
    "held_out",
    "held_out_scores",
    "outcomes",
    "prepare_for_critic",
    "validation_mi",
]

_VALIDATION_SHIFTS = 2
_VALIDATION_SHIFTS_OF_ALL = 16  # where training, too, pairs each row with all others

Array = np.ndarray[Any, np.dtype[np.float64]]


class CriticEstimator(Protocol):
    """What training needs to know of an estimator that fits a critic: its network, its bound, and how rows are paired.

    ``Variational`` in ``estimators/variational.py`` documents each part.
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

    def error(self, scores: Scores, block: Tensor | None = None) -> Tensor: ...  # noqa: D102

    def ceiling(self, rows: int, partners: int) -> float | None: ...  # noqa: D102


def fit_critics(
    estimator: CriticEstimator,
    problems: Sequence[Problem],
    training: Training,
    evaluation: Evaluation,
    context: Context,
    start: State | None = None,
) -> tuple[list[Estimate], State | None]:
    """Train one critic a problem as a stack; report each on its test rows.

    A problem whose columns cannot be prepared has the status ``failed`` and leaves the others as they are.
    """
    with context.clock("data"):
        ready = [_ready(estimator, problem) for problem in problems]
    estimates = [Estimate(estimator.kind, status="failed", reason=reason) for _, _, reason in ready]
    good = [index for index, (_, _, reason) in enumerate(ready) if not reason]
    if not good:
        return estimates, start
    posed = [ready[index][0] for index in good]
    critics = CriticStack(estimator, posed, training, context, [ready[index][1] for index in good])
    if start is None:
        start = State.fresh(torch.stack([critics.critic.initial(problem.init) for problem in problems]))
    with context.clock("training"):
        trained = critics.train(start.select(good))
    with context.clock("evaluation"):
        found = _tested(critics, trained.best, posed, evaluation, context)
    for index, estimate in zip(good, outcomes(trained, found), strict=True):
        estimates[index] = estimate
    return estimates, start.replaced(good, trained.state)


def _ready(estimator: CriticEstimator, problem: Problem) -> tuple[Problem, CanonicalVariates | None, str]:
    """The problem prepared and what is analytic in its critic, or why that cannot be."""
    try:
        problem = prepare_for_critic(problem, estimator.preprocess, estimator.norms)
        return problem, estimator.fit_log_ratio(problem), ""
    except ValueError as fault:
        return problem, None, str(fault)


class CriticStack:
    """The critics of one stack of prepared problems, ready to be trained."""

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
        """Train from ``start``, or from initial weights."""
        if start is None:
            start = State.fresh(torch.stack([self.critic.initial(problem.init) for problem in self.problems]))
        lr = torch.tensor([problem.lr for problem in self.problems])
        validate = None if self.val is None else self.validate
        memory = (Generators(self.orders), self.batches, self.partners, self.objective)
        return train(self.critic.shapes, start, lr, self.step, validate, self.training, self.context, stateful=memory)

    def step(self, layers: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Loss and bound on the next batch."""
        x, y = self.batches()
        return self.objective(self.critic.scores(layers, x, y, self.partners() if self.partners else None))

    def validate(self, layers: Sequence[Tensor]) -> dict[str, Tensor]:
        """The lower bound that chooses checkpoints, on validation rows."""
        assert self.val is not None  # noqa: S101 (for the type checker: only called where there are rows)
        return {"val_mi": validation_mi(self.estimator, self.critic, layers, *self.val)}


def prepare_for_critic(problem: Problem, preprocess: Preprocess, norms: bool) -> Problem:
    """The problem with columns preprocessed, as its training rows say; with ``norms``, one more column for x and y."""
    if preprocess == "none" and not norms:
        return problem
    sample, others = problem.sample, problem.val.concat(problem.test)
    of_x = _column_map(preprocess, norms, sample.x, others.x, "x")
    of_y = _column_map(preprocess, norms, sample.y, others.y, "y")

    def mapped(rows: Rows) -> Rows:
        if not len(rows):
            return Rows(rows.x.new_empty(0, 1), rows.y.new_empty(0, 1))
        return Rows(of_x(rows.x), of_y(rows.y), rows.block)

    return replace(
        problem,
        dim_x=problem.dim_x + norms,
        dim_y=problem.dim_y + norms,
        train=None if problem.train is None else mapped(problem.train),
        draw=None if problem.draw is None else problem.draw.map(mapped),
        val=mapped(problem.val),
        test=mapped(problem.test),
        fresh=None if problem.fresh is None else mapped(problem.fresh),
    )


def _column_map(
    preprocess: Preprocess, norms: bool, sample: Tensor, others: Tensor, name: str
) -> Callable[[Tensor], Tensor]:
    columns = fit_preprocess(preprocess, sample, name, others)
    if not norms:
        return columns
    of_length = fit_preprocess("standardise", _square_length(columns(sample)), f"|{name}|²")

    def apply(rows: Tensor) -> Tensor:
        found = columns(rows)
        return torch.cat([found, of_length(_square_length(found))], 1)

    return apply


def _square_length(rows: Tensor) -> Tensor:
    return (rows**2).sum(1, keepdim=True)


def validation_mi(estimator: CriticEstimator, critic: Critic, layers: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
    """The lower bound ``(K,)`` on validation rows, each x with a few fixed partners."""
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
    """What K critics are worth on rows they were not trained on, with standard error and interval."""
    scores = held_out_scores(critic, flat, rows, evaluation.shifts, context)
    return [
        estimate_from_scores(estimator, trial, evaluation.level, block, evaluation.shifts)
        for trial, block in zip(scores, blocks or [None] * len(scores), strict=True)
    ]


def _tested(
    critics: CriticStack, flat: Tensor, problems: Sequence[Problem], evaluation: Evaluation, context: Context
) -> list[Estimate]:
    """:func:`held_out` on test rows, with what the critics are worth on fresh ones where there are any."""
    estimator, critic = critics.estimator, critics.critic
    test = stacked([problem.test for problem in problems], context.device)
    found = held_out(estimator, critic, flat, test, evaluation, context, [problem.test.block for problem in problems])
    fresh = [problem.fresh for problem in problems if problem.fresh is not None]
    if not fresh:
        return found
    worth = held_out(estimator, critic, flat, stacked(fresh, context.device), evaluation, context)
    return [
        replace(estimate, critic_mi=its.value, critic_stderr=its.stderr)
        for estimate, its in zip(found, worth, strict=True)
    ]


def estimate_from_scores(
    estimator: CriticEstimator, scores: Scores, level: float, block: Tensor | None = None, repairings: int = 0
) -> Estimate:
    """The estimate of one trial, from its scores ``(1, …)``; never above its ceiling.

    Donsker–Varadhan exceeds it where none of m product samples has a large score: from there on the mean of e^T is far
    too small, and neither the value nor its error tells. With m samples no bound above ln m can be trusted
    (McAllester & Stratos 2020, arXiv 1811.04251).

    The p-value compares the mean score of the rows with that of their cyclic shifts. The rows come in random order, so
    that without dependence all of them are alike (Hemerik & Goeman 2018, arXiv 1411.7565); where ``block`` says that
    some rows depend on each other, there is none. Rows too few for so many shifts as ``repairings`` are permuted.
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
    )


def _null(scores: Scores, repairings: int) -> Array:
    """The mean score of the rows as they are, and of their re-pairings: shifts, or permutations where rows are few."""
    joint, shifted = scores.joint[0], scores.by_row[0]
    n = len(joint)
    if shifted.shape[1] < n - 1 or repairings < n:
        return torch.cat([joint.mean(0, keepdim=True), shifted.mean(0)]).numpy()
    every = torch.cat([joint[:, None], shifted], 1).gather(1, (torch.arange(n) - torch.arange(n)[:, None]) % n)
    source = torch.Generator().manual_seed(n)
    partners = torch.stack([torch.arange(n), *(torch.randperm(n, generator=source) for _ in range(repairings))])
    return every[torch.arange(n), partners].mean(1).numpy()


def _effective(product: Tensor) -> float:
    """Kish's effective number of product samples, whose weights are e^T."""
    return math.exp(2 * torch.logsumexp(product, 0).item() - torch.logsumexp(2 * product, 0).item())


@torch.no_grad()
def held_out_scores(
    critic: Critic, flat: Tensor, rows: tuple[Tensor, Tensor], shifts: int, context: Context
) -> list[Scores]:
    """Scores of each trial, ``(1, …)`` in float64 on the CPU: of joint samples, and of y shifted by 1, 2, … rows."""
    context.check()
    x, y = rows
    layers = Parameters(critic.shapes, flat).tensors
    found = critic.held_out(layers, x, y, min(shifts, x.shape[2] - 1))
    return [
        Scores(
            found.joint[k : k + 1].double().cpu(),
            found.by_row[k : k + 1].double().cpu(),
            dual=None if found.dual is None else found.dual[k : k + 1].double().cpu(),
        )
        for k in range(len(x))
    ]


def outcomes(trained: Trained, estimates: Sequence[Estimate]) -> list[Estimate]:
    """Estimates with what training has to say about them: its status, steps, traces and values."""
    found = []
    for index, estimate in enumerate(estimates):
        history = trained.traces(index)
        steps = trained.steps[index]
        fields = {"steps": steps, "history": history}
        if trained.diverged[index]:
            found.append(Estimate(estimate.kind, status="diverged", reason=trained.reasons[index], **fields))  # type: ignore[arg-type]
            continue
        fields |= {"train_mi": _tail(history["train_mi"], steps), "val_mi": trained.chosen("val_mi", index)}
        found.append(Estimate(**{**estimate.__dict__, **fields}))
    return found


def _tail(trace: tuple[np.ndarray, np.ndarray], steps: int, last: int = 50) -> float:
    """Mean of a trace over the last steps that a trial took."""
    values = trace[1][(trace[0] > steps - last) & np.isfinite(trace[1])]
    return float(values.mean()) if len(values) else float("nan")
