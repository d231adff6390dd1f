"""Fitting a stack of critics to rows, and what they are worth on rows they have not seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from mi_cli.bounds import donsker_varadhan, donsker_varadhan_error
from mi_cli.context import Context
from mi_cli.critics import ConcatCritic
from mi_cli.estimators.base import Estimate, Kind, Problem, Rows
from mi_cli.pairing import Partners, pair, shifted
from mi_cli.perceptron import with_ones
from mi_cli.stack import Parameters, State, Trained, train

if TYPE_CHECKING:
    from mi_cli.estimators.variational import Variational
    from mi_cli.schema import Evaluation, Training

__all__ = ["fit_critics", "held_out", "held_out_scores", "outcomes", "split_scores", "stacked", "validation_mi"]

_POOL_ROWS = 16384  # fresh rows drawn at once for each trial: calls of a generator cost more than what they draw
_BLOCK_ROWS = 1024  # test rows scored at once for each trial, so that hidden layers stay small
_VALIDATION_SHIFTS = 2

Batches = Callable[[], tuple[Tensor, Tensor]]


def fit_critics(
    estimator: Variational,
    problems: Sequence[Problem],
    training: Training,
    evaluation: Evaluation,
    context: Context,
    start: State | None = None,
) -> tuple[list[Estimate], State]:
    """Train one critic a problem as a stack; report each on its test rows."""
    dim_x, dim_y = problems[0].dim_x, problems[0].dim_y
    critic = estimator.critic(dim_x, dim_y)
    with context.clock("data"):
        batches, rows = _batches(problems, training, context.device)
        val = stacked([problem.val for problem in problems], context.device) if len(problems[0].val) else None
    partners = Partners(estimator.product, estimator.n_product, rows, [p.order for p in problems], context.device)
    objective = estimator.objective()

    def step(layers: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        x, y = batches()
        return objective(*split_scores(critic(layers, x, pair(y, partners()))))

    def validate(layers: Sequence[Tensor]) -> dict[str, Tensor]:
        assert val is not None  # noqa: S101 (for the type checker: only called where there are rows)
        return {"val_mi": validation_mi(critic, layers, *val)}

    with context.clock("training"):
        if start is None:
            start = State.fresh(torch.stack([critic.initial(problem.init) for problem in problems]))
        lr = torch.tensor([problem.lr for problem in problems])
        trained = train(critic.shapes, start, lr, step, validate if val is not None else None, training, context)
    with context.clock("evaluation"):
        test = stacked([problem.test for problem in problems], context.device)
        estimates = held_out(critic, trained.best, test, estimator.kind, evaluation, context)
    return outcomes(trained, estimates), trained.state


def split_scores(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Scores ``(K, 1 + C, n)`` as joint ``(K, n)`` and product ``(K, C · n)``."""
    joint, product = scores.split([1, scores.shape[1] - 1], 1)
    return joint.flatten(1), product.flatten(1)


def validation_mi(critic: ConcatCritic, layers: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
    """Donsker–Varadhan ``(K,)`` on validation rows, each x with a few fixed partners."""
    shifts = min(_VALIDATION_SHIFTS, y.shape[2] - 1)
    return donsker_varadhan(*split_scores(critic(layers, x, shifted(y, shifts))))


def stacked(rows: Sequence[Rows], device: torch.device) -> tuple[Tensor, Tensor]:
    """Rows of K trials, feature-major in float32: x with its row of ones ``(K, dim_x + 1, n)``, y ``(K, dim_y, n)``."""
    x = torch.stack([_columns(part.x.float()) for part in rows]).to(device)
    y = torch.stack([_columns(part.y.float()) for part in rows]).to(device)
    return with_ones(x), y


def _columns(rows: Tensor) -> Tensor:
    """Rows ``(n, d)`` as ``(d, n)``; torch takes a slow path to copy the transpose of a single column."""
    return rows.reshape(1, -1) if rows.shape[1] == 1 else rows.T


def held_out(
    critic: ConcatCritic,
    flat: Tensor,
    rows: tuple[Tensor, Tensor],
    kind: Kind,
    evaluation: Evaluation,
    context: Context,
) -> list[Estimate]:
    """Donsker–Varadhan of K critics on rows they were not trained on, with standard error and interval."""
    from scipy.special import ndtri

    scores = held_out_scores(critic, flat, rows, evaluation.shifts, context)
    z = float(ndtri(0.5 + evaluation.level / 2))
    estimates = []
    for trial in scores:
        joint, product = trial[0], trial[1:]
        value = donsker_varadhan(joint, product.flatten()).item()
        error = donsker_varadhan_error(joint, product).item()
        if not math.isfinite(value + error):
            estimates.append(Estimate(kind, status="diverged", reason="scores of the test rows are not finite"))
            continue
        estimates.append(
            Estimate(
                kind,
                value=value,
                stderr=error,
                ci_low=value - z * error,
                ci_high=value + z * error,
                ceiling=math.log(product.numel()),
            )
        )
    return estimates


@torch.no_grad()
def held_out_scores(
    critic: ConcatCritic, flat: Tensor, rows: tuple[Tensor, Tensor], shifts: int, context: Context
) -> Tensor:
    """Scores ``(K, 1 + shifts, n)`` in float64 on the CPU: of joint samples, then of y shifted by 1, 2, … rows."""
    layers = Parameters(critic.shapes, flat).tensors
    x, y = rows
    n = x.shape[2]
    partners = shifted(y, min(shifts, n - 1))
    scores = torch.empty((len(x), partners.shape[2], n), dtype=torch.float64)
    for low in range(0, n, _BLOCK_ROWS):
        context.check()
        block = slice(low, low + _BLOCK_ROWS)
        scores[:, :, block] = critic(layers, x[:, :, block], partners[:, :, :, block])
    return scores


def outcomes(trained: Trained, estimates: Sequence[Estimate]) -> list[Estimate]:
    """Estimates with what training has to say about them: its status, steps, traces and values."""
    found = []
    for index, estimate in enumerate(estimates):
        history = {name: (steps, values[:, index]) for name, (steps, values) in trained.history.items()}
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


def _batches(problems: Sequence[Problem], training: Training, device: torch.device) -> tuple[Batches, int]:
    """A source of batches, x with ones ``(K, dim_x + 1, n)`` and y ``(K, dim_y, n)``, and their n."""
    if problems[0].train is None:
        assert training.batch != "full"  # noqa: S101 (the schema refuses it)
        return _fresh(problems, training.batch, device), training.batch
    rows = stacked([problem.train for problem in problems if problem.train is not None], device)
    n = rows[0].shape[2]
    batch = training.batch_of(n)
    if batch == n:
        return lambda: rows, n
    return _minibatches(rows, batch, [problem.order for problem in problems]), batch


def _fresh(problems: Sequence[Problem], batch: int, device: torch.device) -> Batches:
    steps = max(1, _POOL_ROWS // batch)
    x = torch.ones((len(problems), problems[0].dim_x + 1, steps * batch), device=device)
    y = torch.ones((len(problems), problems[0].dim_y, steps * batch), device=device)
    used = steps

    def draw() -> tuple[Tensor, Tensor]:
        nonlocal used
        if used == steps:
            used = 0
            for index, problem in enumerate(problems):
                assert problem.draw is not None  # noqa: S101 (a problem has train or draw)
                rows = problem.draw(steps * batch)
                x[index, :-1], y[index] = _columns(rows.x), _columns(rows.y)
        part = slice(used * batch, (used + 1) * batch)
        used += 1
        return x[:, :, part], y[:, :, part]

    return draw


def _minibatches(rows: tuple[Tensor, Tensor], batch: int, generators: Sequence[torch.Generator]) -> Batches:
    x, y = rows
    k, _, n = x.shape
    order, used = torch.empty(0), n

    def draw() -> tuple[Tensor, Tensor]:
        nonlocal order, used
        if used + batch > n:
            order = torch.stack([torch.randperm(n, generator=g) for g in generators]).to(x.device).unsqueeze(1)
            used = 0
        index = order[:, :, used : used + batch]
        used += batch
        return tuple(part.gather(2, index.expand(k, part.shape[1], batch)) for part in (x, y))  # type: ignore[return-value]

    return draw
