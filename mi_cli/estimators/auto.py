"""The default estimator: several critics, weighted by how well they do on validation rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

from mi_cli import networks
from mi_cli import training as fitting
from mi_cli.bounds.uncertainty import interval
from mi_cli.errors import Fault
from mi_cli.estimators.base import Estimator
from mi_cli.estimators.chain_rule import by_chain_rule
from mi_cli.estimators.class_members import Parts, class_members
from mi_cli.estimators.dv import DonskerVaradhan
from mi_cli.estimators.grid_member import grid_scores, pair_scores
from mi_cli.estimators.mixture import fit_mixture, with_independence
from mi_cli.fields import Count, Positive, Widths
from mi_cli.lazy import np, special, torch
from mi_cli.problems import Estimate, Kind, Problem, Rows, midpoint
from mi_cli.training.context import Context
from mi_cli.training.settings import Evaluation, Training

__all__ = ["Auto"]

_WEIGHTING_SHIFTS = 64

# In many columns networks overfit before they are undertrained: on a spiral of 25 columns each, the rate of few columns
# gave .89 of 1.02 nats, and this share of it .92. On a sine of four periods ``training.lr`` itself gave .48 of 1.15.
_FEW_COLUMNS, _MANY_COLUMNS_RATE = 10, 0.4


class Auto(Estimator):
    r"""The MI by a mixture of critics, each of another kind.

    .. math:: T = \sum_m w_m T_m, \qquad w \ge 0 \text{ maximises the bound on validation rows}

    The members are:

    - log-ratios of the Gaussian copula and of Student copulas. They need no training, and are exact where the
      dependence is elliptical, for any scales and margins of the columns;
    - a Gaussian copula of which some rows are paired at random;
    - counts in nested squares, of two single columns, of the lengths of several, and of the pairs of a column of x and
      one of y that depend on each other most, for dependence in any form;
    - where one side is classes, linear and quadratic discriminant analysis; where both are, counts;
    - a separable network;
    - a network over x and y side by side, for densities with hard edges.

    All members see columns that are mapped to normal scores by rank. So no row lies further out than those that a
    network was trained on; on such rows, which heavy tails have, its output may be anything.

    The bound is concave in w, so that the weights are the solution of a small convex problem. They can shrink T, which
    makes up for members that overfit. T is clipped to ±ln of the number of training rows. Test rows are used for
    nothing but the reported value.

    The bound of T on test rows is too low, and that on training rows too high by as much, as both are by half the
    number of parameters divided by the number of rows (Akaike 1974). The estimate is the midpoint of both. ``lower`` is
    the lower confidence limit of the bound on test rows (``test_mi``), so that it is guaranteed. Where the bound on
    training rows is the lower one, the estimate is that on test rows.

    The separable network is trained in rounds (:func:`~mi_cli.training.rounds.train_in_rounds`): longer, while the
    bound on validation rows rises. The estimate has the ceiling of Donsker–Varadhan. It is too low by what no member
    has learned. The history has the traces of all members and their weights.

    Attributes:
        freedoms: degrees of freedom of the Student copulas.
        separable: widths of the hidden layers of f and of g.
        concat: widths of the hidden layers of the network over both sides.
        rounds: of the training of the separable network, at most; the other network has two.
        rate: learning rate of the networks, as a multiple of ``training.lr``; in more than ten columns, 0.4 of it. This
            bound trains steadily at rates at which others diverge.

    Reference:
        Demarta & McNeil 2005 (copulas); Wolpert 1992 (mixing estimators by validation, stacking).
    """

    kind: ClassVar[Kind] = "point estimate"
    trains_on_fresh_rows: ClassVar[bool] = True
    validates: ClassVar[bool] = True
    takes_z: ClassVar[bool] = True

    name: Literal["auto"] = "auto"
    freedoms: tuple[Positive, ...] = (1, 2, 3, 5, 10)
    separable: Widths = (128, 128, 128)
    concat: Widths = (64, 64, 64)
    rounds: Count = 5
    rate: Positive = 5

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

    def _rounds(self, network: str) -> int:
        return self.rounds if network == "separable" else min(2, self.rounds)

    def _at_rate(self, problems: Sequence[Problem]) -> list[Problem]:
        columns = problems[0].dim_x + problems[0].dim_y
        rate = self.rate if columns <= _FEW_COLUMNS else _MANY_COLUMNS_RATE * self.rate
        return [replace(problem, lr=problem.lr * rate) for problem in problems]

    @property
    def is_validated_by_a_bound(self) -> bool:
        """The mixture's bound on validation rows is one."""
        return True

    def faults(self, training: Training) -> list[Fault]:
        """It cannot carry weights along an axis."""
        if training.carry is None:
            return []
        return [Fault("training.carry", training.carry, "estimator=auto trains anew at every value", "null")]

    def trainings(self) -> int:
        """One training for each network."""
        return len(self.networks())

    def most_steps(self, training: Training) -> int:
        """Those of all rounds of the separable network."""
        return sum(fitting.round_steps(training, self.rounds))

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
        """Fit the members, weight them on validation rows, and evaluate the mixture once on test rows.

        Given z there are two mixtures for each problem (:func:`~.chain_rule.by_chain_rule`).
        """
        del start

        def fit(problems: Sequence[Problem], start: Any) -> tuple[list[Estimate], Any]:
            del start
            return self._mixtures(problems, training, evaluation, context), None

        return by_chain_rule(fit, problems, evaluation.level)

    def _mixtures(
        self, problems: Sequence[Problem], training: Training, evaluation: Evaluation, context: Context
    ) -> list[Estimate]:
        """The estimates of problems without z."""
        members = {f"student_{nu:g}": nu for nu in self.freedoms}
        with context.clock("evaluation"):
            fixed = [
                _fixed_members(problem, {"gaussian": math.inf} | members, evaluation.shifts, context)
                for problem in problems
            ]
        scores: dict[str, list[Parts]] = {}
        trained: dict[str, fitting.TrainedInRounds] = {}
        for name, network in self.networks().items():
            scores[name], trained[name] = _network(
                network, self._at_rate(problems), training, self._rounds(name), evaluation.shifts, context
            )
        with context.clock("evaluation"):
            return [
                _mixed(
                    fixed[index] | {name: of_problem[index] for name, of_problem in scores.items()},
                    {name: of_stack.traces[index] for name, of_stack in trained.items()},
                    evaluation,
                    problem,
                    trained["separable"].rises[index],
                )
                for index, problem in enumerate(problems)
            ]


def _fixed_members(problem: Problem, freedoms: dict[str, float], shifts: int, context: Context) -> dict[str, Parts]:
    """Scores of the members that need no training, by name; ``freedoms`` are the degrees of freedom of copulas."""
    context.check()
    normal = fitting.prepare_for_critic(problem, "rank_gaussianise", norms=False)
    parts = _parts(normal, shifts)
    scores = {}
    for name, nu in freedoms.items():
        mapped = [(_quantiles(rows, nu), partners) for rows, partners in parts]
        scores[name] = _copula_scores(_quantiles(normal.sample, nu), mapped, nu)
    scores["inliers"] = _inlier_scores(normal.sample, parts)
    classes = class_members(normal, parts)
    if not classes:
        scores |= {"grid": grid_scores(normal, parts)} | pair_scores(normal, parts)
    return scores | classes


def _parts(problem: Problem, shifts: int) -> list[tuple[Rows, int]]:
    """The rows that are scored, each with a number of partners.

    There are as many training rows as test rows. So both bounds have the bias of equally many product samples, which is
    large where the MI is, and their midpoint is not raised by it.
    """
    trained_on = problem.sample.select(slice(len(problem.test)))
    parts = [(problem.val, min(shifts, _WEIGHTING_SHIFTS)), (problem.test, shifts), (trained_on, shifts)]
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


def _inlier_scores(sample: Rows, parts: Sequence[tuple[Rows, int]]) -> Parts:
    """Scores of a Gaussian copula of which some rows are independent; zero where no column varies."""
    try:
        variates, share = networks.fit_inliers(sample.x, sample.y)
    except networks.SingularScatterError:
        return _zero_scores(parts)
    ratio = networks.LogRatio([variates])
    scored = (ratio.shifted(*fitting.stacked([rows], sample.x.device), shifts).double().cpu() for rows, shifts in parts)
    return [networks.Scores.of_partners(with_independence(scores, share)) for scores in scored]


def _zero_scores(parts: Sequence[tuple[Rows, int]]) -> Parts:
    """Scores of a member that could not be fitted."""
    return [
        networks.Scores.of_partners(torch.zeros(1, 1 + shifts, len(rows), dtype=torch.float64))
        for rows, shifts in parts
    ]


def _network(
    estimator: DonskerVaradhan,
    problems: Sequence[Problem],
    training: Training,
    rounds: int,
    shifts: int,
    context: Context,
) -> tuple[list[Parts], fitting.TrainedInRounds]:
    """Scores of a trained member by problem, zero where its training failed, and the outcome of its training."""
    with context.clock("data"):
        prepared = [fitting.prepare_for_critic(problem, estimator.preprocess, estimator.norms) for problem in problems]
    with context.clock("training"):
        trained = fitting.train_in_rounds(estimator, prepared, training, rounds, context)
    with context.clock("evaluation"):
        of_parts = []
        for part in zip(*(_parts(problem, shifts) for problem in prepared), strict=True):
            rows = fitting.stacked([rows for rows, _ in part], context.device)
            of_parts.append(fitting.held_out_scores(trained.critics.critic, trained.best, rows, part[0][1], context))
    scores = []
    for problem, *parts in zip(problems, *of_parts, strict=True):
        finite = all(bool(torch.isfinite(side).all()) for part in parts for side in (part.joint, part.by_row))
        scores.append(parts if finite else _zero_scores(_parts(problem, shifts)))
    return scores, trained


def _mixed(
    scores: dict[str, Parts],
    traces: dict[str, dict[str, Any]],
    evaluation: Evaluation,
    problem: Problem,
    rise: float | None,
) -> Estimate:
    """The estimate of one problem by the mixture of all members."""
    bound, most = DonskerVaradhan(), math.log(len(problem.sample))
    mixture = fit_mixture([parts[0] for parts in scores.values()], most)
    val, test, trained_on, *fresh = (mixture(part) for part in zip(*scores.values(), strict=True))
    steps = max(int(trace["train_mi"][0][-1]) for trace in traces.values())
    history = {f"{name}_{metric}": values for name, trace in traces.items() for metric, values in trace.items()}
    for name, weight in zip([*scores, "independence"], [*mixture.weights.tolist(), mixture.independence], strict=True):
        history[f"weight_{name}"] = (np.array([steps]), np.array([weight]))
    worth = fitting.estimate_from_scores(bound, fresh[0], evaluation.level) if fresh else None
    tested = fitting.estimate_from_scores(bound, test, evaluation.level, problem.test.block, evaluation.shifts)
    train = float(bound.bound(trained_on))
    estimate = replace(
        tested if tested.value is None else _as_point(tested, train, evaluation.level),
        critic_mi=None if worth is None else worth.value,
        critic_stderr=None if worth is None else worth.stderr,
        train_mi=train,
        val_mi=float(bound.bound(val)),
        rise=rise,
        steps=steps,
        history=history,
    )
    return fitting.with_pointwise(estimate, bound.pointwise(test), problem.test) if evaluation.pointwise else estimate


def _as_point(tested: Estimate, train: float, level: float) -> Estimate:
    """The midpoint of the bound on test rows and that on training rows; its lower limit remains that of test rows."""
    assert tested.value is not None  # noqa: S101 (its caller sees to it)
    assert tested.stderr is not None  # noqa: S101
    value = midpoint(tested.value, train)
    if tested.ceiling is not None:
        value = min(value, tested.ceiling)
    low, high = interval(value, tested.stderr, level)
    return replace(tested, kind="point estimate", value=value, ci_low=low, ci_high=high, test_mi=tested.value)
