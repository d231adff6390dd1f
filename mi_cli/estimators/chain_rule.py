"""Conditional MI by critics: the difference of the MI of (x, z) and y and that of z and y."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from mi_cli import bounds
from mi_cli.estimators.conditioning import Condition, normalised
from mi_cli.estimators.neighbour_search import REPEATED, repeated_shares
from mi_cli.estimators.residuals import without_z
from mi_cli.estimators.training_free import Unmeasurable, check_columns, numpy_generator
from mi_cli.lazy import np, torch
from mi_cli.problems import Array, Estimate, Pointwise, Problem, Rows, midpoint

__all__ = ["by_chain_rule"]

Fit: TypeAlias = Callable[[Sequence[Problem], Any], tuple[list[Estimate], Any]]
Trace: TypeAlias = "tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]"


def by_chain_rule(fit: Fit, problems: Sequence[Problem], level: float, start: Any = None) -> tuple[list[Estimate], Any]:
    r"""Estimates of the MI given z by an estimator of the MI; without z, they are those of the estimator.

    .. math:: I(X; Y | Z) = I(\tilde X, Z; \tilde Y) - I(Z; \tilde Y)

    :math:`\tilde X` and :math:`\tilde Y` are what z leaves of x and of y (:func:`~.residuals.without_z`), which does
    not change the MI given z. As z tells little of :math:`\tilde Y`, the second term is small. Columns of classes stay
    as they are, and the chain rule holds for them as well. Where y has such columns and x has none, both change places,
    as the MI given z is the same and z may tell much of classes.

    Both terms are estimated on the same rows. The influences of a row on both are subtracted before their spread is
    taken, so that the error allows for the dependence of the terms. A difference of lower bounds is no bound: the
    estimate is a point estimate without a lower limit. It has no p-value.

    Args:
        fit: from problems without z and a state to estimates and a state.
        problems: of equal shapes; either all or none have z.
        level: the confidence level of the interval.
        start: the state that an earlier call returned, for problems without z.

    Returns:
        An estimate for each problem, in nats, and the state of problems without z; a problem whose rows cannot be used
        has an estimate that says so.

    Reference:
        Mukherjee, Asnani & Kannan 2020 (UAI; arXiv 1906.01824), the difference of two estimates by classifiers.
    """
    if problems[0].test.z is None:
        return fit(problems, start)
    stacks: dict[tuple[int, int, int], dict[int, Problem]] = {}
    estimates = [Estimate("point estimate", status="failed") for _ in problems]
    for index, problem in enumerate(problems):
        try:
            ready = _residual(problem)
        except Unmeasurable as error:
            estimates[index] = replace(estimates[index], reason=str(error))
            continue
        shape = ready.dim_x, ready.dim_y, _dim_z(ready.test)  # which differs where a fold has lost a rare class
        stacks.setdefault(shape, {})[index] = ready
    for stack in stacks.values():
        whole, part = (fit([_term(one, with_x) for one in stack.values()], None)[0] for with_x in (True, False))
        for index, of_xz, of_z in zip(stack, whole, part, strict=True):
            estimates[index] = _difference(of_xz, of_z, problems[index].test, level)
    return estimates, None


def _dim_z(rows: Rows) -> int:
    return 0 if rows.z is None else rows.z.shape[1]


def _residual(problem: Problem) -> Problem:
    """The problem with what z leaves of x and of y, and with the columns of z that vary, preprocessed.

    Raises:
        Unmeasurable: a value is not finite, no column of z varies, or z determines a column.
    """
    rows = problem.rows
    assert rows.z is not None  # noqa: S101 (its caller sees to it)
    z = _array(rows.z)
    varied = z.min(0) < z.max(0)  # a fold may have lost a rare class
    z = z[:, varied] if varied.any() else z
    check_columns("z", z)
    condition = Condition.of(Rows(rows.x, rows.y, z=torch.from_numpy(z)), "rank_gaussianise")
    random = numpy_generator(problem)
    x, y = (_left(name, _array(side), condition, random) for name, side in (("x", rows.x), ("y", rows.y)))
    if _is_continuous(x) and not _is_continuous(y):
        x, y = y, x
    left = replace(rows, **dict(zip("xyz", map(torch.from_numpy, (x, y, z)), strict=True)))
    train, val, test = (left.select(slice(*ends)) for ends in _ends(problem))
    return _with_columns(replace(problem, fresh=None), train, val, test)


def _array(side: torch.Tensor) -> Array:
    values: Array = side.detach().double().cpu().numpy()
    return values


def _left(name: str, side: Array, condition: Condition, random: np.random.Generator) -> Array:
    """What z leaves of a side; columns that do not vary, as those of a class that a fold has lost, stay as they are."""
    varied = side.min(0) < side.max(0)
    scores = side.copy()
    if varied.any():
        check_columns(name, side[:, varied])
        scores[:, varied] = normalised("rank_gaussianise", side[:, varied])
    return without_z(name, scores, condition, "rank_gaussianise", random)


def _is_continuous(side: Array) -> bool:
    return max(repeated_shares(side)) <= REPEATED


def _ends(problem: Problem) -> list[tuple[int, int]]:
    """Where the training, validation and test rows begin and end among all rows."""
    assert problem.train is not None  # noqa: S101 (``Problem.rows`` has seen to it)
    first, second = len(problem.train), len(problem.train) + len(problem.val)
    return [(0, first), (first, second), (second, second + len(problem.test))]


def _with_columns(problem: Problem, train: Rows, val: Rows, test: Rows) -> Problem:
    dims = train.x.shape[1], train.y.shape[1]
    return replace(problem, train=train, val=val, test=test, dim_x=dims[0], dim_y=dims[1])


def _term(problem: Problem, with_x: bool) -> Problem:
    """The problem of (x, z) and y, or that of z and y."""

    def side(rows: Rows) -> Rows:
        assert rows.z is not None  # noqa: S101 (as above)
        return replace(rows, x=torch.cat([rows.x, rows.z], 1) if with_x else rows.z, z=None)

    assert problem.train is not None  # noqa: S101 (as above)
    return _with_columns(problem, *map(side, (problem.train, problem.val, problem.test)))


def _difference(whole: Estimate, part: Estimate, test: Rows, level: float) -> Estimate:
    """The estimate of the MI given z from those of both terms on the same test rows."""
    for term, name in ((whole, "(x, z) and y"), (part, "z and y")):
        if term.status != "ok":
            return replace(term, kind="point estimate", reason=f"MI of {name}: {term.reason}")
    assert whole.influence is not None and part.influence is not None  # noqa: S101, PT018 (critics have them)

    def difference(name: str) -> float | None:
        one, other = getattr(whole, name), getattr(part, name)
        return None if one is None or other is None else one - other

    influence = whole.influence - part.influence
    held_out, train, value = difference("test_mi"), difference("train_mi"), difference("value")
    assert value is not None  # noqa: S101 (both are ok)
    if held_out is not None:
        value = midpoint(held_out, train)
    stderr = float(bounds.influence_error(torch.from_numpy(influence), test.block))
    low, high = bounds.interval(value, stderr, level)
    return Estimate(
        "point estimate",
        reason="; ".join(filter(None, dict.fromkeys((whole.reason, part.reason)))),
        value=value,
        stderr=stderr,
        ci_low=low,
        ci_high=high,
        ceiling=whole.ceiling,
        effective=whole.effective,
        test_mi=held_out,
        train_mi=train,
        val_mi=difference("val_mi"),
        rise=whole.rise,
        steps=max((term.steps for term in (whole, part) if term.steps is not None), default=None),
        influence=influence,
        history=_traces(whole.history, part.history),
        pointwise=_pointwise(whole.pointwise, part.pointwise, test, value),
    )


def _traces(whole: Mapping[str, Trace], part: Mapping[str, Trace]) -> dict[str, Trace]:
    """Differences of the traces of MI at the steps that both have; the other traces are those of (x, z) and y."""
    traces = {}
    for name, (steps, values) in whole.items():
        traces[name] = steps, values
        if name.endswith("_mi") and name in part:
            other_steps, other_values = part[name]
            both, here, there = np.intersect1d(steps, other_steps, return_indices=True)
            traces[name] = both, values[here] - other_values[there]
    return traces


def _pointwise(whole: Pointwise | None, part: Pointwise | None, test: Rows, value: float) -> Pointwise | None:
    if whole is None or part is None:
        return None
    own = Pointwise.of(np.zeros(len(test)), test)  # with the values of x and y as they came
    return replace(own, nats=whole.nats - part.nats).with_mean(value)
