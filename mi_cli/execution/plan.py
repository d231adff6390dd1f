"""What a run would train, and about how long that takes."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import torch
from rich.table import Table

from mi_cli.errors import counted
from mi_cli.execution.hardware import threads
from mi_cli.execution.shards import shard_trials
from mi_cli.execution.stacks import Stack, stacks, trained_trials
from mi_cli.procedures.base import procedure
from mi_cli.schema.sweep import Trial
from mi_cli.search.expansion import Expansion
from mi_cli.terminal import standard_output

__all__ = ["plan"]


def plan(expansion: Expansion) -> None:
    """Print the trials, the stacks they are trained in and what each costs; train nothing."""
    trials, space, console = expansion.trials, expansion.space, standard_output()
    config = trials[0].config
    workers = threads(config)
    planned = stacks(trials, workers)
    per_point = "" if space is None else f" of each of {space.search.trials} points; those of the first"
    console.print(f"{config.name}: {counted(len(trials), 'trial')}{per_point}", _trial_table(expansion, planned))
    if config.shards > 1:
        console.print(f"in {config.shards} jobs, of {_trials_per_job(trials)} trials each", soft_wrap=True)
    speed = _multiply_adds_a_second()
    seconds = [float(stack.work) / speed for stack in planned]
    console.print(f"{counted(len(planned), 'stack')} on {counted(workers, 'thread')}", _stack_table(planned, seconds))
    busy = min(workers, len(planned))
    about = f"about {sum(seconds) / busy:.0f} s of training on {counted(busy, 'thread')}"
    if config.shards > 1:
        about = f"about {sum(seconds) / config.shards:.0f} s of training for each job on a thread"
    more = "evaluation, probes and plots come on top, and take memory of their own"
    console.print(f"{about}, by this machine's speed just now; {more}", soft_wrap=True)


def _trial_table(expansion: Expansion, planned: Sequence[Stack]) -> Table:
    """The values of each trial on the axes, and the number of its stack."""
    table = Table()
    for column in ("trial", *expansion.axes, "stack"):
        table.add_column(column, justify="right" if column in ("trial", "stack") else "left")
    stack_of = {trial.index: number for number, stack in enumerate(planned) for trial in stack.trials}
    for trial in expansion.trials:
        table.add_row(str(trial.index), *map(str, trial.axes.values()), str(stack_of[trial.index]))
    return table


def _stack_table(planned: Sequence[Stack], seconds: Sequence[float]) -> Table:
    """What each stack costs."""
    table = Table()
    for column in ("stack", "trials", "trainings", "steps", "multiply-adds", "about"):
        table.add_column(column, justify="right")
    for number, (stack, took) in enumerate(zip(planned, seconds, strict=True)):
        config = stack.trials[0].config
        trainings = sum(len(trained_trials(unit)) for unit in stack.units)
        steps = procedure(config).cost(config).steps
        table.add_row(
            *(str(number), str(len(stack.trials)), str(trainings), str(steps), f"{stack.work:.1e}", f"{took:.1f} s")
        )
    return table


def _trials_per_job(trials: Sequence[Trial]) -> str:
    """How many of the trials each job of a run with shards has."""
    sizes = [len(shard_trials(trials, shard)) for shard in range(trials[0].config.shards)]
    return str(sizes[0]) if len(set(sizes)) == 1 else f"{min(sizes)} to {max(sizes)}"


def _multiply_adds_a_second() -> float:
    """The speed of one thread in the steps of a stack: half of what it reaches in batched products of a narrow layer.

    The other half of a step's time goes into sampling, activations and the optimiser. This is rough: four experiments
    took .8 to 2 times as long as ``plan=true`` said.
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
