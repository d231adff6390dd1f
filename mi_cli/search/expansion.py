"""The trials of a config, with or without a search, each validated once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mi_cli.errors import ConfigError, Fault, listed
from mi_cli.procedures.base import procedure
from mi_cli.schema import sweep
from mi_cli.schema.config import Config, validate
from mi_cli.schema.search_space import Search, searches
from mi_cli.schema.sweep import Trial
from mi_cli.search.objective import objectives
from mi_cli.search.space import Space

__all__ = ["Expansion", "expand"]


@dataclass(frozen=True)
class Expansion:
    """The trials of a config; of a search, those of its first point.

    Args:
        trials: in order.
        axes: dotted paths of the values in which trials differ.
        space: what a search chooses from; None without a search.
        left_out: how many trials are left out, by what is said of that (:func:`mi_cli.schema.sweep.left_out_note`).
    """

    trials: list[Trial]
    axes: list[str]
    space: Space | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)

    def changed(self, **settings: Any) -> Expansion:
        """Return the same trials with other settings that do not change their numbers, such as ``threads``."""
        trials = [replace(trial, config=trial.config.model_copy(update=settings)) for trial in self.trials]
        space = None if self.space is None else replace(self.space, values={**self.space.values, **settings})
        return Expansion(trials, self.axes, space, self.left_out)


def expand(values: Mapping[str, Any]) -> Expansion:
    """Return the trials of a prepared config. Of a search, each choice is validated beside the first of all others.

    Raises:
        ConfigError: some trial or choice cannot be run; it has a fault for each reason.
    """
    if not searches(values):
        trials, left_out = sweep.expand_fitting(values)
        return Expansion(trials, list(trials[0].axes), left_out=left_out)
    space = Space.from_config(values)
    faults: dict[str, Fault] = {}  # by their texts, since several points may have the same
    first: list[Trial] = []
    without_sweep = {key: value for key, value in values.items() if key != "sweep"}
    for index, point in enumerate(space.variations()):
        try:
            trials = space.trials(point, every=index == 0)
            for trial in trials:
                faults |= {str(fault): fault for fault in _objective_faults(space.search, trial.config)}
            if not index:
                first = trials
                validate(without_sweep)
        except ConfigError as error:
            faults |= {str(fault): fault for fault in error.faults}
    if faults:
        raise ConfigError(*faults.values())
    return Expansion(first, space.paths, space)


def _objective_faults(search: Search, config: Config) -> list[Fault]:
    """Return why the objective cannot be computed, or not from rows other than those whose numbers are reported."""
    possible, typed, estimator = objectives(config), search.objective, config.estimator
    if not possible:
        problem = f"procedure={config.procedure} has no value that trials are judged by"
        return [Fault("search.name", search.name, problem, "none")]
    if typed is not None and typed not in possible:
        problem, accepted = f"procedure={config.procedure} has no such value", listed(possible)
        if typed in procedure(config).objectives:
            problem, accepted = "needs rows to test the best point on", f"split.fresh above 0, or {accepted}"
        return [Fault("search.objective", typed, problem, accepted)]
    if (typed or possible[0]) != "val_mi":
        return []
    if not estimator.holds_out:
        problem = f"estimator={estimator.name} has no validation value"
        return [Fault("search.objective", "val_mi", problem, "an estimator that has one")]
    if search.direction is not None:
        return []
    if config.dataset.dim_z:
        problem = "more is not better given z, where the value is a difference of two bounds"
        return [Fault("search.direction", None, problem, "maximise or minimise")]
    if not estimator.is_validated_by_a_bound:
        problem = f"more is not better for estimator={estimator.name}, which is no lower bound (but: {estimator.kind})"
        return [Fault("search.direction", None, problem, "maximise or minimise")]
    return []
