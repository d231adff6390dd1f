"""The transfer entropy from one column to another, with its p-value by shifts of the source."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from mi_cli import bounds
from mi_cli.datasets.series import History, Series, SeriesDataset
from mi_cli.estimators.local_dependence import LocalDependence
from mi_cli.estimators.training_free import Measurement, TrainingFree, Unmeasurable
from mi_cli.procedures.history_choice import DirectionHistory, HistoryChoice
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
from mi_cli.procedures.time_windows import Index, Windows, block_rows
from mi_cli.schema.config import Config
from mi_cli.training.context import Context

__all__ = ["given_columns", "net_flow", "transfers"]


def given_columns(config: Config, source: str, target: str) -> tuple[str, ...]:
    """The columns whose past is given: those of z and, if the config says so, all columns but source and target."""
    assert isinstance(config.dataset, SeriesDataset)  # noqa: S101 (the procedure refuses others)
    names = config.dataset.names
    others = (*names["x"], *names["y"]) if config.time.condition == "others" else ()
    return tuple(name for name in (*names["z"], *others) if name not in (source, target))


def transfers(
    config: Config,
    estimator: TrainingFree,
    series: Series,
    directions: Sequence[tuple[str, str]],
    seed: int,
    context: Context,
) -> list[dict[str, Any]]:
    r"""Result fields of the transfer entropy of each direction.

    .. math:: T_{X \to Y} = I(Y_t; X_{t - u}, \dots, X_{t - u - l + 1} | Y_{t - 1}, \dots, Y_{t - k}, Z^-)

    The past of the source is shifted in time around each recording, by as much as makes it independent of the target.
    An estimator with a statistic of pairings shifts what the given past leaves of it, so that the source keeps its
    autocorrelation and the rest keeps its own.

    Reference:
        Schreiber 2000 (Physical Review Letters 85, 461–464; arXiv nlin/0001042); Marschinski & Kantz 2002 (European
        Physical Journal B 30, 275–281), the mean under surrogates as a bias.
    """
    choice = HistoryChoice(series, config.time)
    found = []
    for source, target in directions:
        context.check()
        assert isinstance(config.dataset, SeriesDataset)  # noqa: S101 (the procedure refuses others)
        given = given_columns(config, source, target)
        chosen = choice.choose(source, target, given)
        history, block = chosen.history, block_rows(series, [source, target])
        try:
            fields = _Direction(WindowEstimator(estimator, block, seed, context), chosen).fields(config)
        except Unmeasurable as error:
            fields = failed_fields(str(error))
        fields |= {"source": source, "target": target, "lag": history.lag, "rows": len(chosen.windows(history))}
        fields |= {"source_history": history.source, "target_history": history.target}
        fields["true_mi"] = None if given else config.dataset.true_transfer(source, target, history)
        found.append(fields)
        context.advance(1)
    return found


@dataclass(frozen=True)
class _Paired:
    """A statistic of rows of the target as a function of the rows of the source that they are paired with.

    Attributes:
        rows: of the target, ``(m,)``.
        value: from rows of the source, ``(m,)``, to nats.
        is_estimate: whether it is the estimate of all rows.
    """

    rows: Index
    value: Callable[[Index], float]
    is_estimate: bool


@dataclass(frozen=True)
class _Direction:
    windowed: WindowEstimator
    chosen: DirectionHistory

    def fields(self, config: Config) -> dict[str, Any]:
        """The estimate, its interval and its p-value.

        Raises:
            Unmeasurable: the estimator cannot be used on these rows.
        """
        windowed, evaluation, history = self.windowed, config.evaluation, self.chosen.history
        windows, tested = self.chosen.windows(history), self.chosen.tested(history)
        result, offsets = windowed.measured(windows), self._offsets(tested, evaluation.permutations)
        histories = self.chosen.under(offsets)
        own = self._paired(tested, result if len(tested) == len(windows) else windowed.measured(tested))
        paired = {}
        for other in set(histories) - {history}:
            with suppress(Unmeasurable):  # shifts that choose what cannot be measured have the history of the rows
                rows = self.chosen.tested(other)
                paired[other] = self._paired(rows, windowed.measured(rows))

        def value(one: _Paired, offset: Index) -> float:
            windowed.context.check()
            return round(one.value(shifted(tested.recording, offset)[one.rows]), 12)

        def under(shift: tuple[History, Index]) -> float:
            return value(paired.get(shift[0], own), shift[1])

        def under_own(offset: Index) -> float:
            return value(own, offset)

        def remeasured(number: int) -> float:
            every = self._offsets(windows, evaluation.permutations)
            return windowed.measured(windows, shifted(windows.recording, every[number])).value

        null = np.array(windowed.context.map(under, list(zip(histories, offsets, strict=True))))
        is_estimate = own.is_estimate and len(tested) == len(windows)
        of_own = np.array(windowed.context.map(under_own, list(offsets))) if is_estimate and paired else null
        moments = null_of(of_own, is_estimate, remeasured, len(offsets), windowed.context)
        observed = value(own, np.zeros_like(offsets[0]))
        return adjusted_fields(result, moments, evaluation.level) | {"p_value": shift_p_value(observed, null)}

    def _offsets(self, windows: Windows, count: int) -> Index:
        """By how many rows each recording of the source is shifted, ``(shifts, recordings)``."""
        lengths = np.bincount(windows.recording).tolist()
        return draw_offsets(lengths, self.windowed.block, count, self.windowed.random())

    def _paired(self, windows: Windows, result: Measurement) -> _Paired:
        """The statistic of an estimate of windows; the estimate itself, computed anew, if the estimator has none."""
        random = self.windowed.random()
        if isinstance(local := result.statistic, LocalDependence):
            rows = local.few_rows(random)
            return _Paired(rows, local.paired_with(rows, random), False)
        statistic = pairings(result)
        if statistic is None:
            return _Paired(np.arange(len(windows)), lambda order: self.windowed.measured(windows, order).value, True)
        rows, of_pairs = few_rows(statistic, random), statistic.value
        is_estimate = is_the_estimate(statistic, result.value, rows)
        return _Paired(rows, lambda of_source: of_pairs(rows, of_source), is_estimate)


def net_flow(there: dict[str, Any], back: dict[str, Any], level: float) -> dict[str, Any]:
    """Result fields of the transfer entropy from one column to another, less that in the other direction.

    Errors of the two are taken for independent: they are of different values of the target.
    """
    names = {"source": there["source"], "target": there["target"], "lag": there["lag"], "kind": "point estimate"}
    value, other = there.get("estimate"), back.get("estimate")
    if value is None or other is None or not math.isfinite(value) or not math.isfinite(other):
        return names | {"status": "ok", "reason": "a direction has no finite estimate"}
    value, stderr = value - other, math.hypot(there["stderr"], back["stderr"])
    half = bounds.interval(0.0, stderr, level)[1]
    truth = None if None in (there["true_mi"], back["true_mi"]) else there["true_mi"] - back["true_mi"]
    fields = {"estimate": value, "stderr": stderr, "ci_low": value - half, "ci_high": value + half}
    return names | fields | {"status": "ok", "reason": "", "true_mi": truth, "rows": there["rows"]}
