"""The default estimator: several critics, weighed against each other on validation rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from mi_cli.estimators.base import Estimator
from mi_cli.estimators.variational import DonskerVaradhan
from mi_cli.fields import Positive, Widths
from mi_cli.problems import Estimate, Kind, Problem, Rows

if TYPE_CHECKING:
    from torch import Tensor

    from mi_cli.networks.critics import Scores
    from mi_cli.training.context import Context
    from mi_cli.training.settings import Evaluation, Training
    from mi_cli.training.stack import Trained

__all__ = ["Auto"]


class Auto(Estimator):
    r"""Donsker–Varadhan's bound of a mixture of critics, each of another kind.

    .. math:: T = \sum_m w_m T_m, \qquad w \ge 0 \text{ maximises the bound on validation rows}

    The members are: log-ratios of the Gaussian and of Student copulas, which need no training and are exact where the
    dependence is elliptical, however the columns are scaled or bent; a separable network; and a network over both
    sides, for hard edges. All see columns made normal by rank, so that no row lies further out than those a network has
    seen: what it says of such rows, as heavy tails have them, may be anything. The bound is concave in w, so that the
    weights are a small convex problem; being free to shrink T they make up for members that overfit. T is clipped to
    ±ln of the number of training rows. Test rows take no part in any of it.

    A lower bound, with DV's ceiling; it errs low by what no member has learned. Its members' traces and weights are in
    the history. Copulas: Demarta & McNeil 2005; mixing of estimators by validation: Wolpert 1992 (stacking).
    """

    kind: ClassVar[Kind] = "lower bound"
    trains_on_fresh_rows: ClassVar[bool] = True
    validates: ClassVar[bool] = True

    name: Literal["auto"] = "auto"
    freedoms: tuple[Positive, ...] = (1, 2, 3, 5, 10)
    separable: Widths = (128, 128, 128)
    concat: Widths = (64, 64, 64)

    def networks(self) -> dict[str, DonskerVaradhan]:
        """The members that are trained."""
        joint = DonskerVaradhan(
            critic="concat",
            hidden=self.concat,
            activation="relu",
            product="derangement",
            n_product=4,
            norms=False,
        )
        return {"separable": DonskerVaradhan(hidden=self.separable), "concat": joint}

    def faults(self, training: Training) -> list[str]:
        """It carries nothing along an axis."""
        if training.carry is None:
            return []
        return [f"training.carry={training.carry}: estimator=auto trains anew at every value; accepted: null"]

    def trainings(self) -> int:
        """How often ``training.steps`` are taken."""
        return len(self.networks())

    def cost(self, dims: tuple[int, int], training: Training, rows: int) -> tuple[int, int]:
        """The mean of its networks' multiply-adds, the most of their bytes."""
        costs = [network.cost(dims, training, rows) for network in self.networks().values()]
        return sum(work for work, _ in costs) // len(costs), max(memory for _, memory in costs)

    def estimate(
        self,
        problems: Sequence[Problem],
        training: Training,
        evaluation: Evaluation,
        context: Context,
        start: Any = None,
    ) -> tuple[list[Estimate], Any]:
        """Fit the members, weigh them on validation rows and evaluate the mixture once on test rows."""
        del start
        members = {f"student_{nu:g}": nu for nu in self.freedoms}
        with context.clock("evaluation"):
            scores = _elliptical(problems, {"gaussian": math.inf} | members, evaluation.shifts, context)
        trained: dict[str, Trained] = {}
        for name, network in self.networks().items():
            scores[name], trained[name] = _network(network, problems, training, evaluation.shifts, context)
        with context.clock("evaluation"):
            return [
                _weighed(
                    {name: of_problem[index] for name, of_problem in scores.items()},
                    {name: of_stack.traces(index) for name, of_stack in trained.items()},
                    evaluation,
                    problem,
                )
                for index, problem in enumerate(problems)
            ], None


_TRAINING_ROWS = 2000  # that tell how much more is said of rows that were trained on
_WEIGHING_SHIFTS = 64
_PRIOR = 0.5  # standard deviation of a weight: log-ratios that share one dependence weigh about 1 together

Parts = list["Scores"]  # of validation, test and training rows, and of fresh ones if there are any


def _elliptical(
    problems: Sequence[Problem], freedoms: dict[str, float], shifts: int, context: Context
) -> dict[str, list[Parts]]:
    """Scores of copulas, by degrees of freedom and problem."""
    from mi_cli.training import critic_fit

    found: dict[str, list[Parts]] = {name: [] for name in freedoms}
    for problem in problems:
        context.check()
        normal = critic_fit.prepared(problem, "rank_gaussianise", norms=False)
        for name, nu in freedoms.items():
            parts = [(_quantiles(rows, nu), partners) for rows, partners in _parts(normal, shifts)]
            found[name].append(_copula_scores(_quantiles(normal.sample, nu), parts, nu))
    return found


def _parts(problem: Problem, shifts: int) -> list[tuple[Rows, int]]:
    """The rows that are scored, each with so many partners."""
    trained_on = problem.sample.of(slice(_TRAINING_ROWS))
    parts = [(problem.val, min(shifts, _WEIGHING_SHIFTS)), (problem.test, shifts), (trained_on, 8)]
    if problem.fresh is not None:
        parts.append((problem.fresh, shifts))
    return [(rows, min(partners, len(rows) - 1)) for rows, partners in parts]


def _quantiles(rows: Rows, nu: float) -> Rows:
    """Normal scores as those of Student's distribution."""
    import torch
    from scipy.special import ndtr, stdtrit

    if math.isinf(nu):
        return rows
    return Rows(*(torch.from_numpy(stdtrit(nu, ndtr(side.cpu().numpy()))) for side in (rows.x, rows.y)))


def _copula_scores(sample: Rows, parts: Sequence[tuple[Rows, int]], nu: float) -> Parts:
    from mi_cli.networks import elliptical
    from mi_cli.networks.critics import Scores
    from mi_cli.training.batches import stacked

    try:
        fitted = elliptical.fit(sample.x, sample.y, nu)
    except elliptical.Singular:  # columns that others add up to: this member then knows nothing
        return _ignorant(parts)
    ratio = elliptical.LogRatio([fitted], nu)
    return [
        Scores.of_partners(ratio.shifted(*stacked([rows], sample.x.device), shifts).double().cpu())
        for rows, shifts in parts
    ]


def _ignorant(parts: Sequence[tuple[Rows, int]]) -> Parts:
    import torch

    from mi_cli.networks.critics import Scores

    return [Scores.of_partners(torch.zeros(1, 1 + shifts, len(rows), dtype=torch.float64)) for rows, shifts in parts]


def _network(
    estimator: DonskerVaradhan, problems: Sequence[Problem], training: Training, shifts: int, context: Context
) -> tuple[list[Parts], Trained]:
    """Scores of a trained member by problem; where its training failed, it knows nothing."""
    import torch

    from mi_cli.training import critic_fit
    from mi_cli.training.batches import stacked

    with context.clock("data"):
        prepared = [critic_fit.prepared(problem, estimator.preprocess, estimator.norms) for problem in problems]
    critics = critic_fit.Critics(estimator, prepared, training, context)
    with context.clock("training"):
        trained = critics.train()
    with context.clock("evaluation"):
        of_parts = []
        for part in zip(*(_parts(problem, shifts) for problem in prepared), strict=True):
            rows = stacked([rows for rows, _ in part], context.device)
            of_parts.append(critic_fit.held_out_scores(critics.critic, trained.best, rows, part[0][1], context))
    found = []
    for problem, *parts in zip(problems, *of_parts, strict=True):
        sound = all(bool(torch.isfinite(side).all()) for part in parts for side in (part.joint, part.by_row))
        found.append(parts if sound else _ignorant(_parts(problem, shifts)))
    return found, trained


def _weighed(
    scores: dict[str, Parts], traces: dict[str, dict[str, Any]], evaluation: Evaluation, problem: Problem
) -> Estimate:
    """The estimate of one problem."""
    from dataclasses import replace

    import numpy as np

    from mi_cli.training import critic_fit

    bound, most = DonskerVaradhan(), math.log(len(problem.sample))
    members = [[_clipped(part, most) for part in parts] for parts in scores.values()]
    weights = _weights([parts[0] for parts in members])
    val, test, trained_on, *fresh = (_mixture(part, weights, most) for part in zip(*members, strict=True))
    steps = max(int(trace["train_mi"][0][-1]) for trace in traces.values())
    history = {f"{name}_{metric}": values for name, trace in traces.items() for metric, values in trace.items()}
    for name, weight in zip(scores, weights.tolist(), strict=True):
        history[f"weight_{name}"] = (np.array([steps]), np.array([weight]))
    worth = critic_fit.measured(bound, fresh[0], evaluation.level) if fresh else None
    return replace(
        critic_fit.measured(bound, test, evaluation.level, problem.test.block, evaluation.shifts),
        critic_mi=None if worth is None else worth.value,
        critic_stderr=None if worth is None else worth.stderr,
        train_mi=float(bound.bound(trained_on)),
        val_mi=float(bound.bound(val)),
        steps=steps,
        history=history,
    )


def _clipped(scores: Scores, most: float) -> Scores:
    """Scores in ±ln n: n training rows support no larger log-ratio, and one such pair could undo all others."""
    from mi_cli.networks.critics import Scores

    return Scores(scores.joint.clamp(-most, most), scores.by_row.clamp(-most, most))


def _mixture(scores: Sequence[Scores], weights: Tensor, most: float) -> Scores:
    from mi_cli.networks.critics import Scores

    pairs = list(zip(weights, scores, strict=True))
    joint: Any = sum(weight * part.joint for weight, part in pairs)
    return _clipped(Scores(joint, sum(weight * part.by_row for weight, part in pairs)), most)


def _weights(scores: Sequence[Scores]) -> Tensor:
    """Weights that are not negative and maximise Donsker–Varadhan of the mixture, which is concave in them.

    A few validation rows would make some of them huge: each has a normal prior around 0, against n rows' evidence.
    """
    import numpy as np
    import torch
    from scipy.optimize import minimize

    joint = torch.stack([part.joint[0].mean() for part in scores])
    product = torch.stack([part.product[0] for part in scores])
    precision = 1 / (_PRIOR**2 * scores[0].joint.shape[1])

    def loss(weights: Any) -> tuple[float, Any]:
        w = torch.from_numpy(weights)
        mixed = w @ product
        top = mixed.max()
        tilt = torch.exp(mixed - top)
        total = tilt.sum()
        value = top + torch.log(total) - math.log(len(mixed)) - w @ joint
        gradient = product @ tilt / total - joint + precision * w
        return value.item() + precision * float(w @ w) / 2, gradient.numpy()

    start = np.full(len(scores), 1 / len(scores))
    return torch.from_numpy(minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(scores)).x)
