"""A critic that is linear in fixed features, trained by gradients in closed form."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from mi_cli import bounds
from mi_cli.errors import Fault, shown
from mi_cli.estimators.base import Estimator
from mi_cli.fields import Count, Switch
from mi_cli.lazy import torch
from mi_cli.problems import Array, Estimate, Kind, Pointwise, Problem, Rows
from mi_cli.training.context import Context
from mi_cli.training.settings import Evaluation, Training

__all__ = ["LinearDiscriminator"]

_SUPPORTED = {"schedule": "constant", "batch": "full", "ema": 0.0, "patience": 0, "carry": None}
_LARGEST = float(np.finfo(np.float32).max)  # above it the critics in float32 diverge, too


class LinearDiscriminator(Estimator):
    r"""T(x, y) = w · φ(x, y), trained by plain gradient ascent on the Donsker–Varadhan bound.

    .. math:: ∇_w = E_{joint}[φ] - E_{product}[φ\,e^T] / E_{product}[e^T]

    φ is x, y (``linear``), all products x_i y_j (``bilinear``), or x, y and all their products (``quadratic``). An
    additive critic a(x) + b(y), such as the linear one, has DV ≤ 0 on every distribution (Jensen's inequality), so that
    it shows no dependence. The quadratic critic contains the log-ratio of correlated Gaussians, so that the bound is
    tight on them.

    ``units: mixed`` reproduces a mistake of the study's first version: a logarithm to base 2 of a natural exponential.
    The gradient of a bias is then the constant 1 − 1/ln 2 instead of 0, and the "estimate" grows without limit.
    """

    kind: ClassVar[Kind] = "lower bound"
    name: Literal["linear"] = "linear"
    critic: Literal["linear", "bilinear", "quadratic"] = "linear"
    bias: Switch = False
    units: Literal["nats", "mixed"] = "nats"
    init: Literal["zeros", "ones"] = "zeros"
    n_product: Count = 5

    def faults(self, training: Training) -> list[Fault]:
        """It takes plain steps of constant size on all rows only."""
        return [
            Fault(f"training.{key}", given, "estimator=linear takes plain full-batch steps", shown(value))
            for key, value in _SUPPORTED.items()
            if (given := getattr(training, key)) != value
        ]

    def features(self, x: Array, y: Array) -> Array:
        """φ of rows ``(n, dim_x)`` and ``(n, dim_y)``: ``(n, features)``, the constant first if there is a bias."""
        both = np.concatenate([x, y], 1)
        if self.critic == "linear":
            columns = [both]
        elif self.critic == "bilinear":
            columns = [(x[:, :, None] * y[:, None, :]).reshape(len(x), -1)]
        else:
            first, second = np.triu_indices(both.shape[1])
            columns = [both, both[:, first] * both[:, second]]
        return np.concatenate([np.ones((len(x), int(self.bias))), *columns], 1)

    def estimate(
        self,
        problems: Sequence[Problem],
        training: Training,
        evaluation: Evaluation,
        context: Context,
        start: Any = None,
    ) -> tuple[list[Estimate], Any]:
        """Train on the training rows of one problem after another, and evaluate each once on its test rows."""
        return [self._one(problem, training, evaluation, context) for problem in problems], None

    def value(self, joint: Array, product: Array) -> float:
        """Donsker–Varadhan of scores ``(n,)`` and ``(m,)``, in nats; with ``units: mixed``, in no unit."""
        top = product.max()
        log_z = top + math.log(np.exp(product - top).mean())
        return float(joint.mean() - log_z / (math.log(2) if self.units == "mixed" else 1))

    def gradient(self, weights: Array, joint: Array, product: Array) -> Array:
        """Gradient ``(p,)`` of :meth:`value` in the weights, for features ``(n, p)`` of joint and ``(m, p)`` of product
        rows."""
        scores = product @ weights
        tilt = np.exp(scores - scores.max())
        expected = tilt @ product / tilt.sum()
        return np.asarray(joint.mean(0) - expected / (math.log(2) if self.units == "mixed" else 1))

    def _one(self, problem: Problem, training: Training, evaluation: Evaluation, context: Context) -> Estimate:
        if problem.train is None:
            raise ValueError("estimator=linear needs fixed training rows")
        with context.clock("data"):
            x, y = _arrays(problem.train)
            joint, product = self.features(x, y), self._product(x, y, problem)
        with context.clock("training"):
            weights, trace, diverged = self._ascend(joint, product, training.steps, problem.lr, context)
        history = {"train_mi": (np.arange(1, len(trace) + 1), np.asarray(trace))}
        if diverged:
            reason = f"the bound left the range of float32 at step {diverged}"
            return Estimate(self.kind, status="diverged", reason=reason, steps=diverged, history=history)
        with context.clock("evaluation"):
            value, error = self._held_out(weights, problem.test, evaluation.shifts)
            scores = self.features(*_arrays(problem.test)) @ weights if evaluation.pointwise else None
        low, high = bounds.interval(value, error, evaluation.level)
        return Estimate(
            self.kind,
            value=value,
            stderr=error,
            ci_low=low,
            ci_high=high,
            ceiling=math.log(len(problem.test) * min(evaluation.shifts, len(problem.test) - 1)),
            train_mi=trace[-1],
            val_mi=self._validation(weights, problem.val),
            steps=training.steps,
            history=history,
            pointwise=None if scores is None else Pointwise.of(scores - scores.mean() + value, problem.test),
        )

    def _product(self, x: Array, y: Array, problem: Problem) -> Array:
        """Features of x with shuffled copies of y, ``(n_product · n, p)``."""
        orders = [torch.randperm(len(y), generator=problem.order).numpy() for _ in range(self.n_product)]
        return np.concatenate([self.features(x, y[order]) for order in orders])

    def _ascend(
        self, joint: Array, product: Array, steps: int, lr: float, context: Context
    ) -> tuple[Array, list[float], int]:
        """Final weights, the bound after each step, and the step that diverged, or 0."""
        weights = np.full(joint.shape[1], 1.0 if self.init == "ones" else 0.0)
        trace = []
        with np.errstate(all="ignore"):  # values that are not finite end the training below
            for step in range(1, steps + 1):
                context.check()
                weights = weights + lr * self.gradient(weights, joint, product)
                value = self.value(joint @ weights, product @ weights)
                trace.append(value)
                if not abs(value) < _LARGEST:
                    context.advance(steps - step + 1)
                    return weights, trace[:-1], step
                context.advance(1)
        return weights, trace, 0

    def _held_out(self, weights: Array, rows: Rows, shifts: int) -> tuple[float, float]:
        """The bound on other rows, and its standard error."""
        x, y = _arrays(rows)
        joint = self.features(x, y) @ weights
        product = np.stack(
            [self.features(x, np.roll(y, -s, 0)) @ weights for s in range(1, min(shifts, len(x) - 1) + 1)]
        )
        error = bounds.donsker_varadhan_error(torch.from_numpy(joint), torch.from_numpy(product)).item()
        return self.value(joint, product.ravel()), error

    def _validation(self, weights: Array, rows: Rows) -> float | None:
        if len(rows) < 2:
            return None
        return self._held_out(weights, rows, 2)[0]


def _arrays(rows: Rows) -> tuple[Array, Array]:
    return rows.x.double().numpy(), rows.y.double().numpy()
