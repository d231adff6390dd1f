"""Estimate the transfer entropy between columns whose rows follow each other in time."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, ClassVar

from mi_cli import procedures
from mi_cli.datasets.series import SeriesDataset
from mi_cli.errors import Fault
from mi_cli.estimators.training_free import TrainingFree
from mi_cli.procedures.base import Cost, Outcome, Part, Procedure
from mi_cli.procedures.time_faults import series_faults
from mi_cli.schema.config import Config
from mi_cli.schema.sweep import Trial
from mi_cli.training.context import Context

__all__ = ["TransferEntropy"]


class TransferEntropy(Procedure):
    """Estimate the transfer entropy of each direction between columns of x and of y, or of all columns of x.

    A method of the outcome is a direction, or the net flow of two. A part of a trial is some of its directions.
    """

    name = "transfer_entropy"
    ignores: ClassVar[tuple[str, ...]] = ("time.lags", "selection", "representation")
    least_rows: ClassVar[dict[str, int]] = {}
    takes_z: ClassVar[bool] = True
    shows_truth: ClassVar[bool] = True

    def faults(self, config: Config) -> list[Fault]:
        """Rows in no order, an estimator that takes no z, a single column, and histories longer than recordings."""
        dataset, time = config.dataset, config.time
        if not isinstance(dataset, SeriesDataset):
            return series_faults(config)
        if not dataset.directions:
            problem = "is a single column, and dataset.y=null"
            return [Fault("dataset.x", list(dataset.names["x"]), problem, "two columns or more, or a column of y")]
        most = {side: self._most(config, side) for side in ("source_history", "target_history")}
        longest = max(most["target_history"], time.lag + most["source_history"] - 1)
        side = max(most, key=lambda one: most[one])
        key = side if most[side] >= time.lag else "lag"
        key = "max_history" if getattr(time, key) == "auto" else key
        faults = series_faults(config, f"time.{key}", getattr(time, key), longest)
        if not config.estimator.takes_z and isinstance(config.estimator, TrainingFree):
            problem = "takes no z, and a transfer entropy is given the past of the target"
            accepted = "copula, gaussian, ksg, mixed, nearest"
            faults.append(Fault("estimator.name", config.estimator.name, problem, accepted))
        return faults

    @staticmethod
    def _most(config: Config, side: str) -> int:
        """The most past values that a history has."""
        history = getattr(config.time, side)
        return config.time.max_history if history == "auto" else int(history)

    def trained_method(self, config: Config) -> str:
        """The first direction."""
        assert isinstance(config.dataset, SeriesDataset)  # noqa: S101 (see faults)
        return _method(*config.dataset.directions[0])

    def cost(self, config: Config) -> Cost:
        """An estimate for each direction and shift."""
        dataset, estimator = config.dataset, config.estimator
        assert isinstance(dataset, SeriesDataset) and isinstance(estimator, TrainingFree)  # noqa: S101, PT018
        one = estimator.multiply_adds(dataset.n_samples or 0, 1, 2)
        return Cost(len(dataset.directions), one * (1 + config.evaluation.permutations), sys.maxsize)

    def max_parts(self, config: Config) -> int:
        """The number of directions."""
        return len(config.dataset.directions) if isinstance(config.dataset, SeriesDataset) else 1

    def run(self, trials: Sequence[Trial], context: Context) -> list[Outcome]:
        """Run trials one after another."""
        return self.join(trials, [self.run_part(trials, context, Part(0, 1))])

    def run_part(self, trials: Sequence[Trial], context: Context, part: Part) -> list[dict[str, dict[str, Any]]]:
        """Every ``part.count``-th direction of each trial, from ``part.index`` on."""
        return [_directions(trial, context, part) for trial in trials]

    def join(self, trials: Sequence[Trial], parts: Sequence[Sequence[dict[str, dict[str, Any]]]]) -> list[Outcome]:
        """Outcomes of trials, with the net flow of each pair of directions."""
        outcomes = []
        for trial, *of_trial in zip(trials, *parts, strict=True):
            found = {method: fields for part in of_trial for method, fields in part.items()}
            outcomes.append(Outcome(trial, _with_net_flows(trial.config, found)))
        return outcomes


def _method(source: str, target: str) -> str:
    return f"{source} -> {target}"


def _directions(trial: Trial, context: Context, part: Part) -> dict[str, dict[str, Any]]:
    config, dataset, estimator = trial.config, trial.config.dataset, trial.config.estimator
    assert isinstance(dataset, SeriesDataset) and isinstance(estimator, TrainingFree)  # noqa: S101, PT018 (see faults)
    with context.clock("data"):
        series = dataset.series(procedures.seeds.generator(config.seed, "train"))
    chosen = dataset.directions[part.index :: part.count]
    with context.clock("evaluation"):
        found = procedures.transferred.transfers(
            config, estimator, series, chosen, procedures.seeds.integer(config.seed, "order"), context
        )
    return {_method(*direction): fields for direction, fields in zip(chosen, found, strict=True)}


def _with_net_flows(config: Config, found: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The fields of all directions in order, then the net flow of each pair of columns."""
    assert isinstance(config.dataset, SeriesDataset)  # noqa: S101 (see faults)
    directions = config.dataset.directions
    methods = {_method(*direction): found[_method(*direction)] for direction in directions}
    done: set[frozenset[str]] = set()
    for source, target in directions:
        if frozenset((source, target)) in done:
            continue
        done.add(frozenset((source, target)))
        there, back = methods[_method(source, target)], methods[_method(target, source)]
        net = procedures.transferred.net_flow(there, back, config.evaluation.level)
        methods[f"net {_method(source, target)}"] = net
    return methods
