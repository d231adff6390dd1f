"""Stacks: trials that are trained together, and parts of stacks that would keep other workers waiting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mi_cli.procedures.base import WHOLE, Part, group, procedure
from mi_cli.schema.sweep import Trial
from mi_cli.training.chunks import chunks

__all__ = ["Stack", "split_stacks", "stacks", "trained_trials"]


@dataclass(frozen=True)
class Stack:
    """Trials that are trained together, or a part of each of them.

    Attributes:
        units: the trials; those of one unit share a training.
        part: the part of each trial, for a procedure whose trials can be split.
    """

    units: list[list[Trial]]
    part: Part = WHOLE

    @property
    def trials(self) -> list[Trial]:
        """All trials, in order."""
        return sorted((trial for unit in self.units for trial in unit), key=lambda trial: trial.index)

    @property
    def steps(self) -> int:
        """The optimiser steps of all trainings."""
        index, count = self.part.index, self.part.count
        trained = [trial.config for unit in self.units for trial in trained_trials(unit)]
        total = sum(procedure(config).cost(config).steps for config in trained)
        return total * (index + 1) // count - total * index // count

    @property
    def work(self) -> int:
        """The multiply-adds of all steps."""
        config = self.trials[0].config
        return self.steps * procedure(config).cost(config).multiply_adds


def trained_trials(unit: Sequence[Trial]) -> Sequence[Trial]:
    """The trials of a unit that are trained: all along a carried axis, otherwise the first one for all of them."""
    return unit if unit[0].config.training.carry else unit[:1]


def stacks(trials: Sequence[Trial], workers: int) -> list[Stack]:
    """Group trials of equal shapes into stacks that fit the cache, in the order in which they first appear."""
    grouped = []
    for members in group(trials, lambda config: procedure(config).signature(config)):
        shared = procedure(members[0].config)
        units = group(members, shared.training_key)
        start = 0
        for size in chunks(len(units), shared.cost(members[0].config).bytes, workers):
            grouped.append(Stack(units[start : start + size]))
            start += size
    return grouped


def split_stacks(whole: Sequence[Stack], workers: int) -> list[Stack]:
    """Split each stack that has more than one worker's share of all work, if its trials can be run in parts."""
    work = [stack.work for stack in whole]
    split: list[Stack] = []
    for stack, own in zip(whole, work, strict=True):
        config = stack.trials[0].config
        count = min(workers, procedure(config).max_parts(config))
        is_large = count > 1 and own > sum(work) / workers
        split += [replace(stack, part=Part(index, count)) for index in range(count)] if is_large else [stack]
    return split
