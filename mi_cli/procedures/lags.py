"""Estimate the MI of x and of y some steps later, at each of some lags."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import ClassVar

from mi_cli import procedures
from mi_cli.datasets.series import SeriesDataset
from mi_cli.errors import Fault
from mi_cli.estimators.training_free import TrainingFree
from mi_cli.procedures.base import Cost, Outcome, Procedure
from mi_cli.procedures.time_faults import series_faults
from mi_cli.schema.config import Config
from mi_cli.schema.sweep import Trial
from mi_cli.training.context import Context

__all__ = ["Lags"]


class Lags(Procedure):
    """Estimate I(x_{t − l}; y_t) at each lag l of ``time.lags``, from rows in the order of time.

    A method of the outcome is a lag. Its ``p_corrected`` allows for all of them.
    """

    name = "lags"
    ignores: ClassVar[tuple[str, ...]] = (
        *("time.lag", "time.source_history", "time.target_history", "time.max_history", "time.condition"),
        *("selection", "representation"),
    )
    least_rows: ClassVar[dict[str, int]] = {}
    takes_z: ClassVar[bool] = True  # which generated series have, for transfer entropy
    shows_truth: ClassVar[bool] = True

    def faults(self, config: Config) -> list[Fault]:
        """Rows in no order, an estimator that is trained, no y, and lags that are longer than recordings."""
        dataset = config.dataset
        if not isinstance(dataset, SeriesDataset):
            return series_faults(config)
        if not dataset.names["y"]:
            problem = "is missing: which columns may follow x?"
            return [Fault("dataset.y", None, problem, "columns other than those of x")]
        if z := dataset.names["z"]:
            problem = f"is not used by procedure={config.procedure}"
            return [Fault("dataset.z", list(z), problem, "null, or experiment=transfer_entropy")]
        lags = config.time.lags
        return series_faults(config, "time.lags", list(lags), max(map(abs, lags)))

    def trained_method(self, config: Config) -> str:
        """The first lag."""
        return _method(config.time.lags[0])

    def cost(self, config: Config) -> Cost:
        """An estimate at each lag, and one for each shift."""
        first, last = config.time.lags
        n, dataset = config.dataset.n_samples or 0, config.dataset
        estimator = config.estimator
        one = estimator.multiply_adds(n, dataset.dim_x, dataset.dim_y) if isinstance(estimator, TrainingFree) else n
        lags = last - first + 1
        return Cost(lags, one * (1 + min(n, config.evaluation.permutations * lags) // lags), sys.maxsize)

    def run(self, trials: Sequence[Trial], context: Context) -> list[Outcome]:
        """Run trials one after another."""
        return [_outcome(trial, context) for trial in trials]


def _method(lag: int) -> str:
    return f"lag_{lag}"


def _outcome(trial: Trial, context: Context) -> Outcome:
    config, dataset, estimator = trial.config, trial.config.dataset, trial.config.estimator
    assert isinstance(dataset, SeriesDataset) and isinstance(estimator, TrainingFree)  # noqa: S101, PT018 (see faults)
    with context.clock("data"):
        series = dataset.series(procedures.seeds.generator(config.seed, "train"))
    with context.clock("evaluation"):
        found = procedures.lagged.lagged_estimates(
            config, estimator, series, procedures.seeds.integer(config.seed, "order"), context
        )
    first, last = config.time.lags
    return Outcome(
        trial,
        {
            _method(lag): fields | {"lag": lag, "true_mi": dataset.true_lagged_mi(lag)}
            for lag, fields in zip(range(first, last + 1), found, strict=True)
        },
    )
