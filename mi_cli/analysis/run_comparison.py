"""Two runs, setting by setting: how far each number moved, and whether that is beyond its noise.

Numbers of the same setting and method are compared over the seeds that both runs have, by paired differences and
Student's t. Runs without two common seeds are compared by Welch's t over their seeds, and where one of them has a
single seed, by the two standard errors and the normal distribution. The p-values of all comparisons together are
corrected by Holm's method, so that the chance of any false alarm stays below 1 - level.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from mi_cli.analysis.intervals import mean_interval
from mi_cli.analysis.pairwise import adjusted
from mi_cli.analysis.rows import Row, grouped
from mi_cli.lazy import special

__all__ = ["QUANTITIES", "Compared", "Side", "compared_answers", "compared_rows", "corrected"]

QUANTITIES = (  # columns of result rows that are compared
    *("estimate", "test_mse", "test_r2", "test_accuracy", "test_balanced_accuracy", "test_log_loss"),
)
_ROUNDING = 1e-12  # of a value: differences that vary by less have no noise that could be estimated

Outcome = Literal["moved", "within the noise", "the same", "cannot tell"]
How = Literal["paired over seeds", "two sets of seeds", "two standard errors", "two intervals", ""]


@dataclass(frozen=True)
class Side:
    """A number of one run.

    Attributes:
        value: the mean over seeds; infinite and None are possible for an answer.
        low: the lower end of its interval; None where there is none.
        high: the upper end.
        n: the number of seeds.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Compared:
    """A number of two runs.

    Attributes:
        what: the column of the results, or ``answer``; MI is in nats.
        where: values of the axes.
        methods: of the first run and of the second.
        before: of the first run.
        after: of the second.
        how: what the noise is estimated from; empty where it cannot be.
        n: of the pairs, or of the smaller side.
        difference: the second less the first; of pairs, the mean over them. None where one of them is not finite.
        low: the lower end of the interval of the difference, for this comparison alone.
        high: the upper end.
        p_value: of no difference; None where the noise is not known.
        p_holm: corrected for the number of comparisons.
        outcome: by ``p_holm``; ``the same`` where no number differs at all.
    """

    what: str
    where: Mapping[str, Any]
    methods: tuple[str, str]
    before: Side
    after: Side
    how: How
    n: int
    difference: float | None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    p_holm: float | None = None
    outcome: Outcome = "cannot tell"


def compared_rows(before: Sequence[Row], after: Sequence[Row], axes: Sequence[str], level: float) -> list[Compared]:
    """Compare the result rows of two runs; :func:`corrected` judges what comes out.

    Args:
        before: result rows of the first run, each with the columns ``axes``. Rows that are not ``ok`` are left out.
        after: those of the second.
        axes: what tells settings apart, other than the seed. Settings with equal values are compared.
        level: of the intervals.

    Returns:
        A comparison for each setting, method and column of :data:`QUANTITIES` that both have. Methods are matched by
        name; one method without a counterpart in each run is compared with the other.
    """
    good = [[row for row in rows if row["status"] == "ok"] for rows in (before, after)]
    settings = [
        {tuple(str(group[0][axis]) for axis in axes): group for group in grouped(rows, list(axes))} for rows in good
    ]
    pairs = _method_pairs(*([row["method"] for row in rows] for rows in good))
    found: list[Compared] = []
    for key, group in settings[0].items():
        other = settings[1].get(key, ())
        where = {axis: group[0][axis] for axis in axes}
        for methods in pairs:
            for column in QUANTITIES:
                first, second = (
                    {row["seed"]: row for row in rows if row["method"] == method and _is_number(row.get(column))}
                    for rows, method in zip((group, other), methods, strict=True)
                )
                is_told = (
                    column == "test_r2" and found and found[-1].what == "test_mse"
                )  # by the error on the same rows
                if first and second and not is_told:
                    found.append(_compared(column, where, methods, first, second, level))
    return found


def _method_pairs(before: Sequence[str], after: Sequence[str]) -> list[tuple[str, str]]:
    first, second = dict.fromkeys(before), dict.fromkeys(after)
    rest = [name for name in first if name not in second], [name for name in second if name not in first]
    pairs = {name: name for name in first if name in second}
    if len(rest[0]) == len(rest[1]) == 1:
        pairs[rest[0][0]] = rest[1][0]
    return [(name, pairs[name]) for name in first if name in pairs]


def _is_number(value: Any) -> bool:
    return value is not None and not math.isnan(value)


def _compared(
    column: str,
    where: Mapping[str, Any],
    methods: tuple[str, str],
    before: Mapping[Any, Row],
    after: Mapping[Any, Row],
    level: float,
) -> Compared:
    sides = _side(column, before, level), _side(column, after, level)
    base = Compared(column, where, methods, *sides, "", min(side.n for side in sides), None)
    values = [[row[column] for row in rows.values()] for rows in (before, after)]
    both = [(before[seed][column], after[seed][column]) for seed in before if seed in after]
    if all(_are_same(a, b) for a, b in both) and len(both) == len(before) == len(after):
        return replace(base, difference=0.0, n=len(both), outcome="the same")
    if not all(math.isfinite(value) for side in values for value in side):
        return base
    if len(both) > 1:
        shared = [{seed: rows[seed] for seed in before if seed in after} for rows in (before, after)]
        means = [_side(column, rows, level) for rows in shared]  # of the pairs alone, so that they differ by their mean
        return _paired(replace(base, before=means[0], after=means[1]), both, level)
    if base.n > 1:
        return _welch(base, values[0], values[1], level)
    if len(before) == len(after):
        return _by_errors(base, _error(column, before), _error(column, after), level)
    return _by_errors(base, None, None, level)  # of one seed the spread over seeds is not known


def _are_same(a: float, b: float) -> bool:
    """Whether two numbers differ by rounding at most, as by other threads or machines."""
    return math.isclose(a, b, rel_tol=_ROUNDING)


def _side(column: str, rows: Mapping[Any, Row], level: float) -> Side:
    values = [row[column] for row in rows.values()]
    if len(values) == 1 or not all(map(math.isfinite, values)):
        row = next(iter(rows.values()))
        ends = (row.get("ci_low"), row.get("ci_high")) if column == "estimate" and len(values) == 1 else (None, None)
        return Side(math.fsum(values) / len(values) if len(values) > 1 else values[0], *ends, len(values))
    interval = mean_interval(values, level)
    return Side(interval.mean, interval.low, interval.high, interval.n)


def _paired(base: Compared, both: Sequence[tuple[float, float]], level: float) -> Compared:
    """By Student's t over pairs; without p-value where all differences are the same, which is no noise to judge by."""
    interval = mean_interval([b - a for a, b in both], level)
    size = max(abs(value) for pair in both for value in pair)
    if interval.sd is None or interval.sd <= _ROUNDING * size:
        return replace(base, n=interval.n, difference=interval.mean)
    p = _t_tail(interval.mean / (interval.sd / math.sqrt(interval.n)), interval.n - 1)
    found = replace(base, how="paired over seeds", n=interval.n, difference=interval.mean, p_value=p)
    return replace(found, low=interval.low, high=interval.high)


def _welch(base: Compared, before: Sequence[float], after: Sequence[float], level: float) -> Compared:
    """By Welch's t over the seeds of each run."""
    first, second = (mean_interval(values, level) for values in (before, after))
    parts = [(side.sd or 0.0) ** 2 / side.n for side in (first, second)]
    difference = second.mean - first.mean
    if not sum(parts):
        return replace(base, difference=difference)
    error = math.sqrt(sum(parts))
    freedom = sum(parts) ** 2 / sum(part**2 / (side.n - 1) for part, side in zip(parts, (first, second), strict=True))
    half = float(special.stdtrit(freedom, 0.5 + level / 2)) * error
    found = replace(base, how="two sets of seeds", difference=difference, p_value=_t_tail(difference / error, freedom))
    return replace(found, low=difference - half, high=difference + half)


def _error(column: str, rows: Mapping[Any, Row]) -> float | None:
    """The standard error over held-out rows of the estimate of a single seed."""
    return next(iter(rows.values())).get("stderr") if column == "estimate" else None


def _by_errors(base: Compared, before: float | None, after: float | None, level: float) -> Compared:
    """By the normal distribution. Estimates on the same rows vary together, which makes this careful."""
    if base.before.value is None or base.after.value is None:
        return base
    difference = base.after.value - base.before.value
    if not before or not after:
        return replace(base, difference=difference)
    error = math.hypot(before, after)
    half = float(special.ndtri(0.5 + level / 2)) * error
    found = replace(base, how="two standard errors", difference=difference, p_value=_normal_tail(difference / error))
    return replace(found, low=difference - half, high=difference + half)


def _t_tail(t: float, freedom: float) -> float:
    return min(1.0, 2 * float(special.stdtr(freedom, -abs(t))))


def _normal_tail(z: float) -> float:
    return min(1.0, 2 * float(special.ndtr(-abs(z))))


def compared_answers(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]], level: float = 0.95
) -> list[Compared]:
    """Compare the answers of two runs, by their intervals.

    The interval of the difference is recovered from the two intervals, which need not be symmetric (Zou & Donner 2008,
    Statistics in Medicine 27, 1693-1702).

    Args:
        before: answers as mappings (:meth:`mi_cli.analysis.answer.Answer.as_mapping`), with the axes and the seed of
            their setting.
        after: those of the second run. Settings are matched by their axes and seed; single answers are compared
            whatever their seed.
        level: of the intervals of the answers.
    """
    alone = len(before) == len(after) == 1
    others = {_setting(one, alone): one for one in after}
    found = []
    for one in before:
        key = _setting(one, alone)
        if key in others:
            found.append(_of_answers(dict(key), one, others[key], level))
    return found


def _setting(one: Mapping[str, Any], alone: bool) -> tuple[tuple[str, Any], ...]:
    names = list(one)[: list(one).index("verdict")]
    return tuple((name, str(one[name])) for name in names if not (alone and name == "seed"))


def _of_answers(
    where: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any], level: float
) -> Compared:
    sides = [Side(one["value"], one["ci_low"], one["ci_high"], 1) for one in (before, after)]
    base = Compared("answer", where, (before["source"], after["source"]), sides[0], sides[1], "", 1, None)
    if sides[0] == sides[1] and sides[0].value is not None:
        return replace(base, difference=0.0 if math.isfinite(sides[0].value) else None, outcome="the same")
    numbers = [
        number
        for side in sides
        for number in (side.value, side.low, side.high)
        if number is not None and math.isfinite(number)
    ]
    if len(numbers) < 6:  # a value and two ends for each run
        return base
    a, a_low, a_high, b, b_low, b_high = numbers
    down, up = math.hypot(b - b_low, a_high - a), math.hypot(b_high - b, a - a_low)
    difference = b - a
    toward_zero = down if difference > 0 else up
    if not toward_zero:
        return replace(base, difference=difference)
    p = _normal_tail(difference / toward_zero * float(special.ndtri(0.5 + level / 2)))
    found = replace(base, how="two intervals", difference=difference, p_value=p)
    return replace(found, low=difference - down, high=difference + up)


def corrected(compared: Sequence[Compared], level: float) -> list[Compared]:
    """Correct the p-values for their number (Holm), and say of each comparison whether it moved beyond its noise."""
    tested = [one.p_value for one in compared if one.p_value is not None]
    holm = iter(adjusted(tested)[0] if tested else ())
    judged = []
    for one in compared:
        if one.p_value is None:
            judged.append(one)
            continue
        p_holm = next(holm)
        outcome: Outcome = "moved" if p_holm <= 1 - level else "within the noise"
        judged.append(replace(one, p_holm=p_holm, outcome=outcome))
    return judged
