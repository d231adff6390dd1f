"""MI against lag: an estimate at each lag, and p-values of each and of the largest by shifts of the source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mi_cli.datasets.series import Series
from mi_cli.estimators.training_free import TrainingFree, Unmeasurable, join_remarks
from mi_cli.problems import Array
from mi_cli.procedures.shift_null import (
    WindowEstimator,
    adjusted_fields,
    draw_offsets,
    failed_fields,
    few_rows,
    is_the_estimate,
    null_of,
    pairings,
    shift_p_value,
    shifted,
)
from mi_cli.procedures.time_windows import Index, Windows, block_rows, lagged_windows, positions
from mi_cli.schema.config import Config
from mi_cli.training.context import Context

__all__ = ["lagged_estimates"]

_FEWEST = 20  # rows of a p-value


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
    windowed, away = WindowEstimator(estimator, block, seed, context), last - first + block
    offsets = draw_offsets(series.lengths.tolist(), away, config.evaluation.permutations, windowed.random())
    try:
        scan = _Scan.of(windowed, series, offsets)
        estimates = scan.under_shifts(scan.rows, lags) if scan.is_estimate else np.empty(0)
        null = null_of(estimates.ravel(), scan.is_estimate, scan.remeasured, len(offsets), context)
        tests, remark = scan.p_values(lags)
    except Unmeasurable as error:
        return [failed_fields(str(error)) for _ in lags]
    found = []
    for place, lag in enumerate(lags):
        windows = lagged_windows(series, lag)
        try:
            result = windowed.measured(windows)
        except Unmeasurable as error:
            found.append(failed_fields(str(error)))
            continue
        fields = adjusted_fields(result, null, config.evaluation.level) | tests[place]
        fields["reason"] = join_remarks(fields["reason"], remark)
        found.append(fields | {"rows": len(windows)})
        context.advance(1)
    return found


@dataclass(frozen=True)
class _Scan:
    """Statistics of y and of x at any shift.

    Attributes:
        series: the rows.
        offsets: by how many rows recordings are shifted, ``(shifts, recordings)``.
        context: of the run.
        rows: of y, that the statistic is computed from, ``(m,)``.
        value: the statistic of rows of y and of rows of x.
        is_estimate: whether the statistic of all rows is the estimate.
        remeasured: the estimate at the shift of this number.
    """

    series: Series
    offsets: Index
    context: Context
    rows: Index
    value: Callable[[Index, Index], float]
    is_estimate: bool
    remeasured: Callable[[int], float]

    @classmethod
    def of(cls, windowed: WindowEstimator, series: Series, offsets: Index) -> _Scan:
        """Measure y and shifted x once, for a statistic of all other pairings, if the estimator has one.

        Raises:
            Unmeasurable: the estimator cannot be used on these rows.
        """
        aligned = lagged_windows(series, 0)
        order = shifted(series.recording, offsets[0])  # at no lag are both sides dependent, or even equal
        result = windowed.measured(aligned, order)
        statistic, rows, place, is_estimate = pairings(result), np.arange(len(series)), np.argsort(order), False
        if statistic is not None:
            rows = few_rows(statistic, windowed.random())
            is_estimate = is_the_estimate(statistic, result.value, rows)

        def value(of_y: Index, of_x: Index) -> float:
            if statistic is not None:
                return statistic.value(of_y, place[of_x])
            windows = Windows(aligned.target[of_y], aligned.source[of_x], None, aligned.recording[of_y], aligned.names)
            return windowed.measured(windows).value

        def remeasured(number: int) -> float:
            return windowed.measured(aligned, shifted(series.recording, offsets[number])).value

        return cls(series, offsets, windowed.context, rows, value, is_estimate, remeasured)

    def p_values(self, lags: range) -> tuple[list[dict[str, float]], str]:
        """The p-values of each lag, and a remark where there are none.

        Only rows of y that have a row of x at each lag are tested. With other rows at each lag, a statistic would tell
        how many there are: of a periodic series, shifts hardly differ, and the least difference would be significant.
        """
        rows = self.rows
        place, length = positions(self.series)[rows], self.series.lengths[self.series.recording[rows]]
        rows = rows[(place >= lags[-1]) & (place - lags[0] < length)]
        if len(rows) < _FEWEST:
            of = f"only {len(rows)} rows have a row at each of the lags {lags[0]} to {lags[-1]}"
            return [{} for _ in lags], f"no p-value: {of}; it needs {_FEWEST}, and fewer lags leave more"
        observed = np.round(self.context.map(lambda lag: self.value(rows, rows - lag), lags), 12)
        under_null = self.under_shifts(rows, lags)
        largest = under_null.max(1)
        return [
            {"p_value": shift_p_value(one, null), "p_corrected": shift_p_value(one, largest)}
            for one, null in zip(observed, under_null.T, strict=True)
        ], ""

    def under_shifts(self, rows: Index, lags: range) -> Array:
        """The statistic of some rows at each lag under each shift ``(shifts, lags)``."""
        lengths = self.series.lengths
        every = {tuple(offset + lag) for offset in self.offsets for lag in lags}
        distinct = sorted({tuple(np.array(shift) % lengths) for shift in every})

        def under(shift: tuple[int, ...]) -> float:
            self.context.check()
            return self.value(rows, shifted(self.series.recording, np.array(shift))[rows])

        by_shift = dict(zip(distinct, self.context.map(under, distinct), strict=True))
        null = [[by_shift[tuple((offset + lag) % lengths)] for lag in lags] for offset in self.offsets]
        return np.round(null, 12)
