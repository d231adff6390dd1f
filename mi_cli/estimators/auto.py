"""The default estimator: several critics, weighted by how well they do on validation rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

from mi_cli import networks
from mi_cli import training as fitting
from mi_cli.errors import Fault
from mi_cli.estimators.base import Estimator
from mi_cli.estimators.dv import DonskerVaradhan
from mi_cli.fields import Positive, Widths
from mi_cli.lazy import np, optimize, special, torch
from mi_cli.problems import Estimate, Kind, Problem, Rows
from mi_cli.training.context import Context
from mi_cli.training.settings import Evaluation, Training

__all__ = ["Auto"]

_TRAINING_ROWS = 2000  # training rows on which the bound is reported beside that on test rows
_WEIGHTING_SHIFTS = 64
_PRIOR = 0.5  # standard deviation of a weight: log-ratios that share one dependence weigh about 1 together

# Scores of validation, test and training rows, and of fresh ones if there are any.
Parts = list["networks.Scores"]


class Auto(Estimator):
    r"""Donsker–Varadhan's bound of a mixture of critics, each of another kind.

    .. math:: T = \sum_m w_m T_m, \qquad w \ge 0 \text{ maximises the bound on validation rows}

    The members are:

    - log-ratios of the Gaussian copula and of Student copulas. They need no training, and are exact where the
      dependence is elliptical, for any scales and margins of the columns;
    - a separable network;
    - a network over x and y side by side, for densities with hard edges.

    All members see columns that are mapped to normal scores by rank. So no row lies further out than those that a
    network was trained on; on such rows, which heavy tails have, its output may be anything.

    The bound is concave in w, so that the weights are the solution of a small convex problem. They can shrink T, which
    makes up for members that overfit. T is clipped to ±ln of the number of training rows. Test rows are used for
    nothing but the reported value.

    The estimate is a lower bound with the ceiling of Donsker–Varadhan. It is too low by what no member has learned.
    The history has the traces of all members and their weights.

    Reference:
        Demarta & McNeil 2005 (copulas); Wolpert 1992 (mixing estimators by validation, stacking).
    """

    kind: ClassVar[Kind] = "lower bound"
    trains_on_fresh_rows: ClassVar[bool] = True
    validates: ClassVar[bool] = True

    name: Literal["auto"] = "auto"
    freedoms: tuple[Positive, ...] = (1, 2, 3, 5, 10)
    separable: Widths = (128, 128, 128)
    concat: Widths = (64, 64, 64)

    def networks(self) -> dict[str, DonskerVaradhan]:
        """The members that are trained, by name."""
        joint = DonskerVaradhan(
            critic="concat",
            hidden=self.concat,
            activation="relu",
            product="derangement",
            n_product=4,
            norms=False,
        )
        return {"separable": DonskerVaradhan(hidden=self.separable), "concat": joint}

    def faults(self, training: Training) -> list[Fault]:
        """It cannot carry weights along an axis."""
        if training.carry is None:
            return []
        return [Fault("training.carry", training.carry, "estimator=auto trains anew at every value", "null")]

    def trainings(self) -> int:
        """One training for each network."""
        return len(self.networks())

    def cost(self, dims: tuple[int, int], training: Training, rows: int) -> tuple[int, int]:
        """The mean of the networks' multiply-adds, and the most bytes that one of them needs."""
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
        """Fit the members, weight them on validation rows, and evaluate the mixture once on test rows."""
        del start
        members = {f"student_{nu:g}": nu for nu in self.freedoms}
        with context.clock("evaluation"):
            scores = _copulas(problems, {"gaussian": math.inf} | members, evaluation.shifts, context)
        trained: dict[str, fitting.Trained] = {}
        for name, network in self.networks().items():
            scores[name], trained[name] = _network(network, problems, training, evaluation.shifts, context)
        with context.clock("evaluation"):
            return [
                _mixed(
                    {name: of_problem[index] for name, of_problem in scores.items()},
                    {name: of_stack.traces(index) for name, of_stack in trained.items()},
                    evaluation,
                    problem,
                )
                for index, problem in enumerate(problems)
            ], None


def _copulas(
    problems: Sequence[Problem], freedoms: dict[str, float], shifts: int, context: Context
) -> dict[str, list[Parts]]:
    """Scores of the copulas, by name and problem; ``freedoms`` are their degrees of freedom by name."""
    scores: dict[str, list[Parts]] = {name: [] for name in freedoms}
    for problem in problems:
        context.check()
        normal = fitting.prepare_for_critic(problem, "rank_gaussianise", norms=False)
        for name, nu in freedoms.items():
            parts = [(_quantiles(rows, nu), partners) for rows, partners in _parts(normal, shifts)]
            scores[name].append(_copula_scores(_quantiles(normal.sample, nu), parts, nu))
    return scores


def _parts(problem: Problem, shifts: int) -> list[tuple[Rows, int]]:
    """The rows that are scored, each with a number of partners."""
    trained_on = problem.sample.select(slice(_TRAINING_ROWS))
    parts = [(problem.val, min(shifts, _WEIGHTING_SHIFTS)), (problem.test, shifts), (trained_on, 8)]
    if problem.fresh is not None:
        parts.append((problem.fresh, shifts))
    return [(rows, min(partners, len(rows) - 1)) for rows, partners in parts]


def _quantiles(rows: Rows, nu: float) -> Rows:
    """Normal scores mapped to the same quantiles of Student's distribution with ``nu`` degrees of freedom."""
    if math.isinf(nu):
        return rows
    sides = (special.stdtrit(nu, special.ndtr(side.cpu().numpy())) for side in (rows.x, rows.y))
    return Rows(*(torch.from_numpy(side) for side in sides))


def _copula_scores(sample: Rows, parts: Sequence[tuple[Rows, int]], nu: float) -> Parts:
    """Scores of the parts by a log-ratio fitted to the sample; zero where columns are linearly dependent."""
    try:
        variates = networks.fit_elliptical(sample.x, sample.y, nu)
    except networks.SingularScatterError:
        return _zero_scores(parts)
    ratio = networks.LogRatio([variates], nu)
    return [
        networks.Scores.of_partners(ratio.shifted(*fitting.stacked([rows], sample.x.device), shifts).double().cpu())
        for rows, shifts in parts
    ]


def _zero_scores(parts: Sequence[tuple[Rows, int]]) -> Parts:
    """Scores of a member that could not be fitted."""
    return [
        networks.Scores.of_partners(torch.zeros(1, 1 + shifts, len(rows), dtype=torch.float64))
        for rows, shifts in parts
    ]


def _network(
    estimator: DonskerVaradhan, problems: Sequence[Problem], training: Training, shifts: int, context: Context
) -> tuple[list[Parts], fitting.Trained]:
    """Scores of a trained member by problem, zero where its training failed, and the outcome of its training."""
    with context.clock("data"):
        prepared = [fitting.prepare_for_critic(problem, estimator.preprocess, estimator.norms) for problem in problems]
    critics = fitting.CriticStack(estimator, prepared, training, context)
    with context.clock("training"):
        trained = critics.train()
    with context.clock("evaluation"):
        of_parts = []
        for part in zip(*(_parts(problem, shifts) for problem in prepared), strict=True):
            rows = fitting.stacked([rows for rows, _ in part], context.device)
            of_parts.append(fitting.held_out_scores(critics.critic, trained.best, rows, part[0][1], context))
    scores = []
    for problem, *parts in zip(problems, *of_parts, strict=True):
        finite = all(bool(torch.isfinite(side).all()) for part in parts for side in (part.joint, part.by_row))
        scores.append(parts if finite else _zero_scores(_parts(problem, shifts)))
    return scores, trained


def _mixed(
    scores: dict[str, Parts], traces: dict[str, dict[str, Any]], evaluation: Evaluation, problem: Problem
) -> Estimate:
    """The estimate of one problem by the mixture of all members."""
    bound, most = DonskerVaradhan(), math.log(len(problem.sample))
    members = [[_clipped(part, most) for part in parts] for parts in scores.values()]
    weights = _weights([parts[0] for parts in members])
    val, test, trained_on, *fresh = (_mixture(part, weights, most) for part in zip(*members, strict=True))
    steps = max(int(trace["train_mi"][0][-1]) for trace in traces.values())
    history = {f"{name}_{metric}": values for name, trace in traces.items() for metric, values in trace.items()}
    for name, weight in zip(scores, weights.tolist(), strict=True):
        history[f"weight_{name}"] = (np.array([steps]), np.array([weight]))
    worth = fitting.estimate_from_scores(bound, fresh[0], evaluation.level) if fresh else None
    return replace(
        fitting.estimate_from_scores(bound, test, evaluation.level, problem.test.block, evaluation.shifts),
        critic_mi=None if worth is None else worth.value,
        critic_stderr=None if worth is None else worth.stderr,
        train_mi=float(bound.bound(trained_on)),
        val_mi=float(bound.bound(val)),
        steps=steps,
        history=history,
    )


def _clipped(scores: networks.Scores, most: float) -> networks.Scores:
    """Scores clipped to ±``most``, ln n: n training rows support no larger log-ratio, and one could undo all others."""
    return networks.Scores(scores.joint.clamp(-most, most), scores.by_row.clamp(-most, most))


def _mixture(scores: Sequence[networks.Scores], weights: torch.Tensor, most: float) -> networks.Scores:
    """The weighted sum of all members' scores, clipped."""
    pairs = list(zip(weights, scores, strict=True))
    joint: Any = sum(weight * part.joint for weight, part in pairs)
    return _clipped(networks.Scores(joint, sum(weight * part.by_row for weight, part in pairs)), most)


def _weights(scores: Sequence[networks.Scores]) -> torch.Tensor:
    """Weights of at least 0 that maximise Donsker–Varadhan of the mixture, which is concave in them.

    Few validation rows would make some weights huge, so that each has a normal prior around 0 beside the evidence of
    the rows.
    """
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
    solution = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(scores))
    return torch.from_numpy(solution.x)
