"""Runs: trials are grouped into stacks, stacks are given to their procedure, and what comes back is recorded."""

from __future__ import annotations

import importlib
import logging
import math
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from mi_cli import plugins, points, provenance, records, report, search, trackers
from mi_cli.context import Clock
from mi_cli.dispatch import Progressing, train
from mi_cli.folders import locked
from mi_cli.jobs import stacks, trained
from mi_cli.logs import logging_to
from mi_cli.output import printing, silence
from mi_cli.procedures.base import group, procedure
from mi_cli.reuse import lose, of_itself, restore, take
from mi_cli.schema import Config
from mi_cli.sweep import Trial

__all__ = ["plan", "run", "stacks"]

log = logging.getLogger("mi_cli")

_MOST_NOTICES = 8  # on the terminal; pairs of a table may each have one
_FINE = {"ok", "pruned"}  # statuses of trials that nothing went wrong in
_PIPED_WIDTH = 140  # columns of tables that go to a file


def threads(config: Config) -> int:
    """How many cores to use."""
    if config.threads != "auto":
        return config.threads
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def device(config: Config) -> torch.device:
    """The device to train on; ``auto`` takes an accelerator where there is one."""
    if config.device != "auto":
        return torch.device(config.device)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("cpu")


class _Console(Console):
    """One whose reader may leave before the end, which ends nothing else."""

    def on_broken_pipe(self) -> None:
        """Go on, and print to nobody."""
        silence(self.file.fileno())


def _console() -> Console:
    """Standard output; piped, it is as wide as tables need."""
    console = _Console()
    return console if console.is_terminal else _Console(width=_PIPED_WIDTH)


def plan(values: Mapping[str, Any]) -> None:
    """Print the trials, the stacks they are trained in and what each costs; train nothing."""
    trials, paths = points.first_trials(values)
    config = trials[0].config
    workers = threads(config)
    found = stacks(trials, workers)
    console = _console()
    listed = Table()
    for column in ("trial", *paths, "stack"):
        listed.add_column(column, justify="right" if column in ("trial", "stack") else "left")
    place = {trial.index: number for number, stack in enumerate(found) for trial in stack.trials}
    for trial in trials:
        listed.add_row(str(trial.index), *map(str, trial.axes.values()), str(place[trial.index]))
    of = "" if not points.searches(values) else f" of each of {values['search']['trials']} points; those of the first"
    console.print(f"{config.name}: {report.counted(len(trials), 'trial')}{of}", listed)
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
    console.print(f"{report.counted(len(found), 'stack')} on {report.counted(workers, 'thread')}", table)
    busy = min(workers, len(found))
    seconds = f"about {total / busy:.0f} s of training on {report.counted(busy, 'thread')}"
    if config.shards > 1:
        seconds = f"about {total / config.shards:.0f} s of training for each job on a thread"
    more = "evaluation, probes and plots come on top, and take memory of their own"
    console.print(f"{seconds}, by this machine's speed just now; {more}", soft_wrap=True)


def _counts(trials: list[Trial]) -> str:
    """How many of the trials each shard gets."""
    sizes = [len(_of_shard(trials, shard)) for shard in range(trials[0].config.shards)]
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


def run(
    values: Mapping[str, Any],
    folder: Path,
    *,
    overrides: Sequence[str] = (),
    notices: Sequence[str] = (),
    started: float | None = None,
    import_seconds: float = 0.0,
    resume: bool = False,
    collect: bool = False,
) -> int:
    """Run a resolved config into an empty folder; return the exit code, 0, or 1 if a trial failed or diverged.

    With ``resume`` the folder is that of a run of this config, and what it has recorded is kept; with ``collect`` that
    is all there will be: its jobs are done.

    Raises:
        ConfigError: another run is at the folder.
        KeyboardInterrupt: it was interrupted; finished trials are recorded and said so.
        OutputError: the folder cannot be written to any more.
    """
    begun = time.time()
    console, searches = _Console(stderr=True), points.searches(values)
    with locked(folder), logging_to(folder / "run.log"):
        trials, paths = points.first_trials(values)
        state = Progressing(folder, _of_shard(trials, values.get("shard")), paths)
        notes = (note for trial in state.trials for note in trial.config.dataset.describe().get("notes", ()))
        taken = [] if searches else restore(state, resume=resume, collect=collect)
        _tell([*notices, *dict.fromkeys(notes), *taken], console)
        n_threads, target, clock = threads(state.config), device(state.config), Clock()
        added = plugins.used((s, getattr(t.config, s).name) for t in state.trials for s in plugins.REGISTRIES)
        if resume or collect:  # what makes it again is what was typed first
            overrides = provenance.typed(folder)
        record = provenance.Provenance(
            folder, started or begun, str(target), n_threads, import_seconds, overrides, added, taken
        )
        try:
            with state.writing():
                if searches or not (resume or collect):  # a search that goes on may go further
                    provenance.write_config(folder, values, overrides)
                record.write({}, "running")
            found: list[str] = []
            if searches:
                entries = of_itself(folder) if resume else {}

                def train_batch(trials: Sequence[Trial]) -> None:
                    take(state, entries, trials)
                    train(state, trials, target, n_threads, clock, console)

                found = search.search(values, state, train_batch, lambda line: _tell([line], console))
            elif collect:
                lose(state)
            else:
                train(state, state.trials, target, n_threads, clock, console)
            with state.writing():
                code = _close(state, clock, record)
            with printing():
                print("\n".join(found), end="\n" * bool(found))
            return code
        except KeyboardInterrupt:
            state.close()
            record.write(clock.seconds, "interrupted")
            done = f"{len(state.rows)} of {len(state.trials)} trials are finished"
            log.warning("interrupted: %s", done)
            whole = folder if state.config.shard is None else folder.parents[1]
            line = f"mi-run: interrupted; {done}, in {folder}; mi-run resume={whole} goes on"
            console.print(line, markup=False, highlight=False, soft_wrap=True)
            raise


def _of_shard(trials: list[Trial], shard: int | None) -> list[Trial]:
    """The trials of one job of several; those that share a training stay together."""
    config = trials[0].config
    if shard is None:
        return trials
    units = group(trials, procedure(config).training_key)[shard :: config.shards]
    return sorted((trial for unit in units for trial in unit), key=lambda trial: trial.index)


def _tell(notices: Sequence[str], console: Console) -> None:
    """What the user should know before it begins."""
    for notice in notices:
        log.info(notice)
    for notice in notices[:_MOST_NOTICES]:
        console.print(f"mi-run: {notice}", highlight=False, markup=False, soft_wrap=True)
    if len(notices) > _MOST_NOTICES:
        console.print(f"mi-run: {len(notices) - _MOST_NOTICES} more such notes are in run.log", soft_wrap=True)


def _close(state: Progressing, clock: Clock, record: provenance.Provenance) -> int:
    """Summarise, plot and print; the exit code."""
    folder, config = state.folder, state.config
    state.close()
    summary = report.summarise(config, state.all_rows, [a for a in state.axes if a != "seed"], _traces(state))
    records.write_json(folder / "summary.json", summary)
    for name, rows in summary["tables"].items():
        records.write_table(folder / "tables" / f"{name}.csv", rows)
    with clock("plots"):
        failed_plots = _plot(config, folder) if config.shard is None else []  # the whole of them is drawn
    record.write(clock.seconds, "finished")
    page_left = config.shard is not None or importlib.import_module("mi_cli.page").leave(folder)
    tracked = config.shard is not None or trackers.track(config.tracker, folder, state.trials)
    console = _console()
    with printing():
        if config.shard is None:  # what a part of the trials says, the whole may not
            report.show(summary, console)
        for row in state.all_rows:
            if row["status"] not in _FINE:
                what = f"trial {row['trial']} {row['method']}".rstrip()  # a trial that raised has no method
                console.print(f"{what} {row['status']}: {row['reason']}", style="yellow", markup=False, soft_wrap=True)
        console.print(f"results: {folder}", markup=False, highlight=False, soft_wrap=True)
    statuses = Counter(row["status"] for row in state.all_rows)
    return 1 if failed_plots or not page_left or not tracked or set(statuses) - _FINE else 0


def _traces(state: Progressing) -> dict[int, dict[str, list[float]]]:
    """Traces of each trial at the steps where all of its metrics were measured."""
    found = {}
    for index, history in state.histories.items():
        frame = records.history_frame({index: history}).drop_nulls()
        found[index] = {name: frame[name].to_list() for name in frame.columns if name not in ("trial", "step")}
    return {index: traces for index, traces in found.items() if len(next(iter(traces.values()), [])) > 2}


def _plot(config: Config, folder: Path) -> list[str]:
    """Draw the plots from the records; a fault in one is logged and costs no other."""
    failed = []
    for name in config.plots:
        try:
            figure = importlib.import_module(f"mi_cli.plots.{name}").plot(records.Records(folder))
            (folder / "plots").mkdir(exist_ok=True)
            temporary = folder / "plots" / f".{name}.png"
            figure.savefig(temporary, dpi=150, format="png")
            temporary.replace(folder / "plots" / f"{name}.png")
        except Exception:
            log.exception("plot %s failed", name)
            text = f"mi-run: plot {name} failed; see {folder / 'run.log'}"
            _Console(stderr=True).print(text, highlight=False, markup=False, soft_wrap=True)
            failed.append(name)
    return failed
