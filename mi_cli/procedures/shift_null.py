"""Estimates from rows in time, and their distribution where the source is shifted in time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mi_cli import bounds
from mi_cli.estimators.conditional_table import Tables
from mi_cli.estimators.contingency import Table
from mi_cli.estimators.training_free import Measurement, Statistic, TrainingFree, Unmeasurable
from mi_cli.lazy import special
from mi_cli.problems import Array, with_names
from mi_cli.procedures.time_windows import Index, Windows, window_problem
from mi_cli.training.context import Context

__all__ = [
    "Null",
    "WindowEstimator",
    "adjusted_fields",
    "draw_offsets",
    "failed_fields",
    "few_rows",
    "is_the_estimate",
    "null_of",
    "pairings",
    "shift_p_value",
    "shifted",
]

_REMEASURED = 10  # shifts at which the estimate itself is computed, where its statistic is another
_NOTHING = 0.05  # an autocorrelation that is taken for 0
_SAME = 1e-6  # nats by which a statistic that is the estimate may be off


@dataclass(frozen=True)
class Null:
    """What an estimate is where the source is shifted, in nats.

    Attributes:
        mean: the bias of the estimate that the dependence of neighbouring rows makes.
        sd: its spread.
    """

    mean: float
    sd: float


@dataclass(frozen=True)
class WindowEstimator:
    """An estimator of windows.

    Attributes:
        estimator: one that trains nothing.
        block: rows of a block of neighbours in time.
        seed: of what is drawn.
        context: of the run.
    """

    estimator: TrainingFree
    block: int
    seed: int
    context: Context

    def measured(self, windows: Windows, order: Index | None = None) -> Measurement:
        """The estimate of windows, given what is given, with rows of the source in an order, ``(n,)``.

        Raises:
            Unmeasurable: the estimator cannot be used on these rows.
        """
        self.context.check()
        source = windows.source if order is None else windows.source[order]
        problem = window_problem(windows, self.block, self.seed, source)
        of = self.estimator.measure if problem.test.z is None else self.estimator.measure_given
        try:
            result = of(problem, self.context)
        except Unmeasurable as error:
            raise Unmeasurable(with_names(str(error), problem.names)) from None
        return replace(result, remark=with_names(result.remark, problem.names))

    def random(self) -> np.random.Generator:
        """A generator of the seed."""
        return np.random.default_rng(self.seed)


def draw_offsets(lengths: Sequence[int], away: int, count: int, random: np.random.Generator) -> Index:
    """By how many rows each recording is shifted, ``(shifts, recordings)``.

    The offsets of a single recording are spread over it evenly, so that the shifts show all of it. Those of several
    are independent of each other. An offset is at least ``away`` rows, or a quarter of the recording where that is
    shorter, to either side.

    Args:
        lengths: rows of each recording.
        away: rows from which on source and target are as good as independent.
        count: of shifts; a single recording may have fewer different ones.
        random: the source of the offsets.
    """
    least = [max(1, min(away, length // 4)) for length in lengths]
    spans = [max(1, length - 2 * low + 1) for length, low in zip(lengths, least, strict=True)]
    if len(lengths) == 1:
        places = np.arange(spans[0]) if spans[0] <= count else (np.arange(count) + random.random()) * spans[0] / count
        return (least[0] + places.astype(np.int64))[:, None]
    return np.stack([low + random.integers(span, size=count) for low, span in zip(least, spans, strict=True)], 1)


def shifted(recording: Index, offsets: Index) -> Index:
    """The row that takes the place of each row, ``(n,)``, where recordings are shifted around their ends.

    >>> shifted(np.array([0, 0, 0, 1, 1]), np.array([1, 0])).tolist()
    [2, 0, 1, 3, 4]
    """
    lengths = np.bincount(recording, minlength=len(offsets))
    starts = (np.cumsum(lengths) - lengths)[recording]
    place = np.arange(len(recording)) - starts
    return np.asarray(starts + (place - offsets[recording]) % lengths[recording])


def pairings(measured: Measurement) -> Statistic | None:
    """The statistic of rows that are paired anew; of counted rows, their plug-in MI. None where there is none."""
    statistic = measured.statistic
    if isinstance(statistic, Statistic):
        return statistic
    if not isinstance(statistic, Table | Tables):
        return None
    x, y = statistic.x, statistic.y
    z = statistic.z if isinstance(statistic, Tables) else np.zeros_like(x)

    def plug_in(of_x: Index, of_y: Index) -> float:
        xz, own = x[of_x] + (int(x.max()) + 1) * z[of_x], z[of_x]
        yz, both = y[of_y] + (int(y.max()) + 1) * own, y[of_y] + (int(y.max()) + 1) * xz
        return _entropy(xz) + _entropy(yz) - _entropy(both) - _entropy(own)

    return Statistic(plug_in, len(x), len(x))


def _entropy(codes: Index) -> float:
    """The entropy of the shares of codes, in nats."""
    shares = np.unique(codes, return_counts=True)[1] / len(codes)
    return float(-(shares * np.log(shares)).sum())


def shift_p_value(observed: float, null: Array) -> float:
    r"""The p-value of no dependence, from statistics under shifts in the order of their offsets.

    .. math:: p = \frac{τ + \#\{k : S_k \ge S_0\}}{τ + m}

    Shifts by similar offsets have similar statistics, so that m of them are worth m / τ independent ones, where τ is
    the integrated autocorrelation time of the statistics. No offset near 0 is among them, so that the rows themselves
    count for τ of them. With τ = 1 for two AR(1) of .98, 8 % of samples of 1,000 rows have p ≤ .05, and with τ as it is
    4 to 5 %. Where no shift has at least the statistic of the rows, the cube roots of the statistics' distance from the
    smallest one are taken for normal, which those of gamma variables nearly are, and p is the tail of the next value of
    a normal sample of m / τ, if that is smaller.

    Args:
        observed: the statistic of the rows.
        null: those under shifts, ``(m,)``.

    Reference:
        Phipson & Smyth 2010 (arXiv 1603.05766), the share; Wilson & Hilferty 1931 (Proceedings of the National Academy
        of Sciences 17, 684–688), cube roots; Priestley 1981, *Spectral Analysis and Time Series*, section 5.3.2, τ.

    >>> shift_p_value(1.0, np.array([0.5, 1.5, 0.2, 0.1] * 10)) > 0.25
    True
    """
    m, larger = len(null), int((null >= observed).sum())
    time = _autocorrelation_time(null)
    share = (time + larger) / (time + m)
    if larger or not null.std():
        return share
    if math.isinf(observed):
        return min(share, bounds.SMALLEST_P)
    roots, root = np.cbrt(null - null.min()), np.cbrt(observed - null.min())
    worth = max(3.0, m / time)
    z = (root - roots.mean()) / (roots.std(ddof=1) * math.sqrt(1 + 1 / worth))
    return min(share, max(bounds.SMALLEST_P, float(special.stdtr(worth - 1, -z))))


def _autocorrelation_time(values: Array) -> float:
    """1 and twice the autocorrelations, up to the first that is hardly above 0."""
    centred = values - values.mean()
    total, time = float((centred**2).sum()), 1.0
    for lag in range(1, len(values) // 3) if total else ():
        correlation = float((centred[lag:] * centred[:-lag]).sum()) / total
        if correlation <= _NOTHING:
            break
        time += 2 * correlation
    return time


def few_rows(statistic: Statistic, random: np.random.Generator) -> Index:
    """The rows that statistics are computed from: all, or as many as that takes no longer than a second or two."""
    return np.sort(random.permutation(statistic.n)[: statistic.most])


def null_of(
    values: Array, is_estimate: bool, remeasured: Callable[[int], float], shifts: int, context: Context
) -> Null:
    """Mean and spread of the estimate under shifts.

    Args:
        values: statistics under shifts.
        is_estimate: whether these are estimates from all rows.
        remeasured: the estimate at the shift of this number.
        shifts: how many there are.
        context: of the run.
    """
    if not is_estimate:
        chosen = np.unique(np.linspace(0, shifts - 1, min(_REMEASURED, shifts)).astype(int)).tolist()
        values = np.array(context.map(remeasured, chosen))
    values = values[np.isfinite(values)]
    if len(values) < 2:
        return Null(0.0, 0.0)
    return Null(float(values.mean()), float(values.std(ddof=1)))


def is_the_estimate(statistic: Statistic, value: float, rows: Index) -> bool:
    """Whether a statistic of all rows is the estimate itself."""
    return len(rows) == statistic.n and abs(statistic.value(rows, rows) - value) < _SAME


def adjusted_fields(measured: Measurement, null: Null, level: float) -> dict[str, Any]:
    """An estimate as result fields: less its mean under shifts, with an interval that has their spread too.

    The error is that of the blocks, which is right to first order where there is dependence, and the spread under
    shifts, which is what is left where there is none, as the root of the sum of their squares.
    """
    if math.isinf(measured.value):
        return {"status": "ok", "reason": measured.remark, "estimate": math.inf, "kind": "point estimate"}
    value, stderr = measured.value - null.mean, math.hypot(measured.stderr, null.sd)
    if not math.isfinite(value) or not math.isfinite(stderr):
        return failed_fields(f"the estimate is {value} ± {stderr}: values of the rows are too large or too small")
    low, high = bounds.interval(value, stderr, level, measured.freedom)
    fields = {"estimate": value, "stderr": stderr, "ci_low": low, "ci_high": high, "null_mean": null.mean}
    return {"status": "ok", "reason": measured.remark, "kind": "point estimate", "ceiling": measured.ceiling} | fields


def failed_fields(reason: str) -> dict[str, Any]:
    """The result fields of an estimate that failed."""
    return {"status": "failed", "reason": reason, "kind": "point estimate"}
