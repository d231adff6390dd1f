"""What is run as one: trials of equal shape as a stack, and folds of a stack that would keep others waiting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mi_cli.procedures.base import WHOLE, Part, group, procedure
from mi_cli.schema.sweep import Trial
from mi_cli.training.stack import chunks

__all__ = ["Stack", "split", "stacks", "trained"]


@dataclass(frozen=True)
class Stack:
    """Trials that are trained as one; those of one ``unit`` share a training."""

    units: list[list[Trial]]
    part: Part = WHOLE

    @property
    def trials(self) -> list[Trial]:
        """All trials, in order."""
        return sorted((trial for unit in self.units for trial in unit), key=lambda trial: trial.index)

    @property
    def steps(self) -> int:
        """Steps of all trainings together."""
        index, count = self.part
        total = sum(
            sum(procedure(trial.config).cost(trial.config).steps for trial in trained(unit)) for unit in self.units
        )
        return total * (index + 1) // count - total * index // count

    @property
    def work(self) -> int:
        """Multiply-adds of them."""
        config = self.trials[0].config
        return self.steps * procedure(config).cost(config).multiply_adds


def trained(unit: Sequence[Trial]) -> Sequence[Trial]:
    """The trials of a unit that are trained: all along a carried axis, otherwise one for the others."""
    return unit if unit[0].config.training.carry else unit[:1]


def stacks(trials: Sequence[Trial], workers: int) -> list[Stack]:
    """Trials in stacks: as many together as have equal shapes and fit the cache, in order of first appearance."""
    found = []
    for members in group(trials, lambda config: procedure(config).signature(config)):
        shared = procedure(members[0].config)
        units = group(members, shared.training_key)
        start = 0
        for size in chunks(len(units), shared.cost(members[0].config).bytes, workers):
            found.append(Stack(units[start : start + size]))
            start += size
    return found


def split(found: Sequence[Stack], workers: int) -> list[Stack]:
    """Stacks in parts where one has more than its worker's share of the work, and trials that can be cut into parts."""
    work = [stack.work for stack in found]
    cut: list[Stack] = []
    for stack, own in zip(found, work, strict=True):
        config = stack.trials[0].config
        count = min(workers, procedure(config).parts(config))
        too_much = count > 1 and own > sum(work) / workers
        cut += [replace(stack, part=(index, count)) for index in range(count)] if too_much else [stack]
    return cut
