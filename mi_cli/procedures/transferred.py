"""The transfer entropy from one column to another, with its p-value by shifts of the source."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mi_cli import bounds
from mi_cli.datasets.series import Series, SeriesDataset
from mi_cli.estimators.training_free import Measurement, TrainingFree, Unmeasurable
from mi_cli.problems import Array
from mi_cli.procedures.history_choice import HistoryChoice
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
from mi_cli.procedures.time_windows import Index, Windows, block_rows, transfer_windows, window_problem
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
        history = choice.choose(source, target, given)
        windows = transfer_windows(series, source, target, given, history)
        block = block_rows(series, [source, target])
        fields: dict[str, Any] = {"status": "ok", "reason": "", "kind": "point estimate"}
        try:
            fields = _Direction(estimator, windows, block, seed, context).fields(config)
        except Unmeasurable as error:
            fields |= {"status": "failed", "reason": str(error)}
        fields |= {"source": source, "target": target, "lag": history.lag, "rows": len(windows)}
        fields |= {"source_history": history.source, "target_history": history.target}
        fields["true_mi"] = None if given else config.dataset.true_transfer(source, target, history)
        found.append(fields)
        context.advance(1)
    return found


@dataclass(frozen=True)
class _Direction:
    estimator: TrainingFree
    windows: Windows
    block: int
    seed: int
    context: Context

    def fields(self, config: Config) -> dict[str, Any]:
        """The estimate, its interval and its p-value.

        Raises:
            Unmeasurable: the estimator cannot be used on these rows.
        """
        evaluation, recording = config.evaluation, self.windows.recording
        result = self._measured(self.windows.source)
        lengths = np.bincount(recording).tolist()
        random = np.random.default_rng(self.seed)
        offsets = draw_offsets(lengths, self.block, evaluation.permutations, random)
        rows, value, is_estimate = self._statistic(result)

        def under(offset: Index) -> float:
            self.context.check()
            return value(shifted(recording, offset)[rows])

        def remeasured(number: int) -> float:
            return self._measured(self.windows.source[shifted(recording, offsets[number])]).value

        statistics = np.round([value(rows), *self.context.map(under, list(offsets))], 12)
        null, _ = null_of(statistics[1:], is_estimate, remeasured, len(offsets), self.context)
        return adjusted_fields(result, null, evaluation.level) | {
            "p_value": shift_p_value(statistics[0], statistics[1:])
        }

    def _measured(self, source: Array) -> Measurement:
        return measure(self.estimator, window_problem(self.windows, self.block, self.seed, source), self.context)

    def _statistic(self, result: Measurement) -> tuple[Index, Callable[[Index], float], bool]:
        """Rows of the target, a function from rows of the source that are paired with them, and whether it estimates.

        The estimate itself is computed anew where the estimator has no statistic of pairings.
        """
        statistic = pairings(result)
        if statistic is not None:
            rows = few_rows(statistic, np.random.default_rng(self.seed))
            of_pairs = statistic.value
            is_estimate = is_the_estimate(statistic, result.value, rows)
            return rows, lambda of_source: of_pairs(rows, of_source), is_estimate
        everything = np.arange(len(self.windows))
        return everything, lambda of_source: self._measured(self.windows.source[of_source]).value, True


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
