"""The parts of a run that ``shards=N`` makes jobs of."""

from __future__ import annotations

from collections.abc import Sequence

from mi_cli.procedures.base import group, procedure
from mi_cli.schema.sweep import Trial

__all__ = ["shard_trials"]


def shard_trials(trials: Sequence[Trial], shard: int | None) -> list[Trial]:
    """The trials of one shard, or all of them without a shard. Trials that share a training stay together."""
    if shard is None:
        return list(trials)
    config = trials[0].config
    units = group(trials, procedure(config).training_key)[shard :: config.shards]
    return sorted((trial for unit in units for trial in unit), key=lambda trial: trial.index)
