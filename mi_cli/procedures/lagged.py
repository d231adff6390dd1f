"""MI against lag: an estimate at each lag, and p-values of each and of the largest by shifts of the source."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mi_cli.datasets.series import Series
from mi_cli.estimators.training_free import TrainingFree, Unmeasurable
from mi_cli.problems import Array
from mi_cli.procedures.shift_null import (
    adjusted_fields,
    draw_offsets,
    few_rows,
    is_the_estimate,
    measure,
    null_of,
    pairings,
    shift_p_value,
    shifted,
)
from mi_cli.procedures.time_windows import Index, Windows, block_rows, lagged_windows, positions, window_problem
from mi_cli.schema.config import Config
from mi_cli.training.context import Context

__all__ = ["lagged_estimates"]

_Value = Callable[[Index, Index], float]  # of rows of y and of x, (m,) each


def lagged_estimates(
    config: Config, estimator: TrainingFree, series: Series, seed: int, context: Context
) -> list[dict[str, Any]]:
    r"""Result fields at each lag.

    p-values compare the statistic of the rows at lag l with those where x is shifted around each recording by s + l
    rows, for the same offsets s at all lags. ``p_value`` is that of one lag. ``p_corrected`` compares with the largest
    statistic over all lags, so that with independent x and y any lag is significant as often as the level says.

    Reference:
        Theiler, Eubank, Longtin, Galdrikian & Farmer 1992 (Physica D 58, 77–94), surrogates; Westfall & Young 1993,
        *Resampling-Based Multiple Testing*, the correction by the maximum.
    """
    first, last = config.time.lags
    lags = range(first, last + 1)
    block = block_rows(series, [*series.x, *series.y])
    random = np.random.default_rng(seed)
    away = last - first + block
    offsets = draw_offsets(series.lengths.tolist(), away, config.evaluation.permutations, random)
    aligned = lagged_windows(series, 0)
    try:
        scan = _Scan.of(estimator, series, aligned, block, offsets, seed, context)
        observed, under_null = scan.statistics(lags)
        null, _ = null_of(under_null.ravel(), scan.is_estimate, scan.remeasured, len(offsets), context)
    except Unmeasurable as error:
        return [_failed(str(error)) for _ in lags]
    largest = under_null.max(1)
    found = []
    for place, lag in enumerate(lags):
        windows = lagged_windows(series, lag)
        try:
            result = measure(estimator, window_problem(windows, block, seed), context)
        except Unmeasurable as error:
            found.append(_failed(str(error)))
            continue
        fields = adjusted_fields(result, null, config.evaluation.level)
        fields["p_value"] = shift_p_value(observed[place], under_null[:, place])
        fields["p_corrected"] = shift_p_value(observed[place], largest)
        found.append(fields | {"rows": len(windows)})
        context.advance(1)
    return found


def _failed(reason: str) -> dict[str, Any]:
    return {"status": "failed", "reason": reason, "kind": "point estimate"}


class _Scan:
    """Statistics of y and of x at any shift.

    Attributes:
        is_estimate: whether the statistic is the estimate from all rows.
    """

    def __init__(self, value: _Value, rows: Index, series: Series, offsets: Index, context: Context) -> None:
        self._value, self._rows, self._series, self._offsets, self._context = value, rows, series, offsets, context
        self.is_estimate = False
        self.remeasured: Callable[[int], float] = lambda number: 0.0

    @classmethod
    def of(
        cls,
        estimator: TrainingFree,
        series: Series,
        aligned: Windows,
        block: int,
        offsets: Index,
        seed: int,
        context: Context,
    ) -> _Scan:
        """Measure y and shifted x once, for a statistic of all other pairings, if the estimator has one.

        Raises:
            Unmeasurable: the estimator cannot be used on these rows.
        """

        def remeasured(number: int) -> float:
            source = aligned.source[shifted(aligned.recording, offsets[number])]
            return measure(estimator, window_problem(aligned, block, seed, source), context).value

        order = shifted(aligned.recording, offsets[0])  # at no lag are both sides dependent, or even equal
        problem = window_problem(aligned, block, seed, aligned.source[order])
        result = measure(estimator, problem, context)
        statistic = pairings(result)
        if statistic is None:
            rows = np.arange(len(aligned))
            scan = cls(_paired(estimator, aligned, block, seed, context), rows, series, offsets, context)
        else:
            place, value = np.argsort(order), statistic.value
            rows = few_rows(statistic, np.random.default_rng(seed))
            scan = cls(lambda of_y, of_x: value(of_y, place[of_x]), rows, series, offsets, context)
            scan.is_estimate = is_the_estimate(statistic, result.value, rows)
        scan.remeasured = remeasured
        return scan

    def statistics(self, lags: range) -> tuple[Array, Array]:
        """The statistic at each lag ``(lags,)``, and under each shift ``(shifts, lags)``."""
        rows, place = self._rows, positions(self._series)[self._rows]
        length = self._series.lengths[self._series.recording[rows]]

        def at(lag: int) -> float:
            inside = rows[(place >= lag) & (place - lag < length)]
            return self._value(inside, inside - lag)

        observed = np.array(self._context.map(at, lags))
        every = {tuple(offset + lag) for offset in self._offsets for lag in lags}
        lengths = self._series.lengths
        distinct = sorted({tuple(np.array(shift) % lengths) for shift in every})

        def under(shift: tuple[int, ...]) -> float:
            self._context.check()
            return self._value(rows, shifted(self._series.recording, np.array(shift))[rows])

        by_shift = dict(zip(distinct, self._context.map(under, distinct), strict=True))
        null = [[by_shift[tuple((offset + lag) % lengths)] for lag in lags] for offset in self._offsets]
        return np.round(observed, 12), np.round(null, 12)


def _paired(estimator: TrainingFree, aligned: Windows, block: int, seed: int, context: Context) -> _Value:
    """The estimate of rows of y and of x, for an estimator that has no statistic of pairings."""

    def value(of_y: Index, of_x: Index) -> float:
        target, source, recording = aligned.target[of_y], aligned.source[of_x], aligned.recording[of_y]
        windows = Windows(target, source, None, recording, aligned.names)
        return measure(estimator, window_problem(windows, block, seed), context).value

    return value
