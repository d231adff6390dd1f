"""What a run would train, and about how long that takes."""

from __future__ import annotations

import math
import time

import torch
from rich.table import Table

from mi_cli.errors import counted
from mi_cli.procedures.base import procedure
from mi_cli.runs import shards
from mi_cli.runs.hardware import threads
from mi_cli.runs.stacks import stacks, trained
from mi_cli.schema.sweep import Trial
from mi_cli.search.expansion import Expansion
from mi_cli.terminal import standard_output

__all__ = ["plan"]


def plan(expansion: Expansion) -> None:
    """Print the trials, the stacks they are trained in and what each costs; train nothing."""
    trials, space = expansion.trials, expansion.space
    config = trials[0].config
    workers = threads(config)
    found = stacks(trials, workers)
    console = standard_output()
    listed = Table()
    for column in ("trial", *expansion.axes, "stack"):
        listed.add_column(column, justify="right" if column in ("trial", "stack") else "left")
    place = {trial.index: number for number, stack in enumerate(found) for trial in stack.trials}
    for trial in trials:
        listed.add_row(str(trial.index), *map(str, trial.axes.values()), str(place[trial.index]))
    of = "" if space is None else f" of each of {space.search.trials} points; those of the first"
    console.print(f"{config.name}: {counted(len(trials), 'trial')}{of}", listed)
    speed = _multiply_adds_a_second()
    table = Table()
    for column in ("stack", "trials", "trainings", "steps", "multiply-adds", "about"):
        table.add_column(column, justify="right")
    if config.shards > 1:
        console.print(f"in {config.shards} jobs, of {_counts(trials)} trials each", soft_wrap=True)
    total = 0.0
    for number, stack in enumerate(found):
        cost = procedure(config).cost(stack.trials[0].config)
        work = float(cost.multiply_adds) * stack.steps
        total += work / speed
        trainings = sum(len(trained(unit)) for unit in stack.units)
        table.add_row(
            str(number), str(len(stack.trials)), str(trainings), str(cost.steps), f"{work:.1e}", f"{work / speed:.1f} s"
        )
    console.print(f"{counted(len(found), 'stack')} on {counted(workers, 'thread')}", table)
    busy = min(workers, len(found))
    seconds = f"about {total / busy:.0f} s of training on {counted(busy, 'thread')}"
    if config.shards > 1:
        seconds = f"about {total / config.shards:.0f} s of training for each job on a thread"
    more = "evaluation, probes and plots come on top, and take memory of their own"
    console.print(f"{seconds}, by this machine's speed just now; {more}", soft_wrap=True)


def _counts(trials: list[Trial]) -> str:
    """How many of the trials each shard gets."""
    sizes = [len(shards.trials_of(trials, shard)) for shard in range(trials[0].config.shards)]
    return str(sizes[0]) if len(set(sizes)) == 1 else f"{min(sizes)} to {max(sizes)}"


def _multiply_adds_a_second() -> float:
    """What one thread does in a stack's steps: measured on batched products of a narrow layer.

    Half of that is what is left for a step's products beside sampling, activating and descending, roughly: four
    experiments took .8 to 2 times what ``plan=true`` had said.
    """
    torch.set_num_threads(1)
    a, b = torch.ones(8, 16, 16), torch.ones(8, 16, 2000)
    out = torch.empty(8, 16, 2000)
    best = math.inf
    for _ in range(20):
        start = time.perf_counter()
        torch.bmm(a, b, out=out)
        best = min(best, time.perf_counter() - start)
    return 8 * 16 * 16 * 2000 / best / 2
