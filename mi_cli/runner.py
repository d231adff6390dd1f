"""Runs: trials are grouped into stacks, stacks are given to their procedure, and what comes back is recorded."""

from __future__ import annotations

import importlib
import logging
import math
import os
import textwrap
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from mi_cli import plugins, points, provenance, records, report, search, trackers
from mi_cli.context import Clock, Context, Stopped
from mi_cli.jobs import Stack, split, stacks, trained
from mi_cli.logs import logging_to
from mi_cli.output import printing, silence
from mi_cli.procedures import estimate
from mi_cli.procedures.base import WHOLE, Partial, procedure
from mi_cli.schema import Config
from mi_cli.sweep import Trial
from mi_cli.workers import Done, Workers, work

__all__ = ["plan", "run", "stacks"]

log = logging.getLogger("mi_cli")

_POLL_SECONDS = 0.1
_LEAVE_SECONDS = 1.0  # how long an interrupted run waits for its workers to notice
_LONGEST_REASON = 200  # characters of a failed trial's; the log has all of it
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
    more = "evaluation, probes and plots come on top, and take memory of their own"
    console.print(f"{seconds}, by this machine's speed just now; {more}", soft_wrap=True)


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


@dataclass
class _Run:
    """The state of a run: what came back so far, and where it is written."""

    folder: Path
    trials: list[Trial]
    axes: list[str]
    rows: dict[int, list[records.Row]] = field(default_factory=dict)
    histories: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    samples: dict[int, Any] = field(default_factory=dict)
    phases: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0  # of training, on the wall
    parts: dict[int, list[Done]] = field(default_factory=dict)  # of a stack in parts, by its first trial

    @property
    def config(self) -> Config:
        """What all trials have in common (and the first one's values of the axes)."""
        return self.trials[0].config

    @property
    def all_rows(self) -> list[records.Row]:
        """Result rows of all finished trials, in order."""
        return [row for index in sorted(self.rows) for row in self.rows[index]]

    def take(self, done: Done) -> None:
        """Record outcomes of a stack; a trial's seconds are its share of the stack's."""
        self.phases.update(done.phases)
        first_seed = min(trial.config.seed for trial in self.trials)
        for outcome in done.outcomes:
            index = outcome.trial.index
            self.rows[index] = records.result_rows(outcome, done.seconds / len(done.outcomes))
            self.histories[index] = outcome.history
            if outcome.samples is not None and outcome.trial.config.seed == first_seed:
                self.samples[index] = outcome.samples
        self.write()

    def take_part(self, done: Done, stack: Stack) -> None:
        """Record a stack once all of its parts are done."""
        first = stack.trials[0]
        parts = self.parts.setdefault(first.index, [])
        parts.append(done)
        if len(parts) < stack.part[1] or first.index in self.rows:
            return
        phases: Counter[str] = Counter()
        for part in parts:
            phases.update(part.phases)
        partial: list[list[Partial]] = [part.partial for part in parts]
        outcomes = estimate.join(stack.trials, partial)
        self.take(Done(outcomes, sum(part.seconds for part in parts), dict(phases)))

    def fail(self, trial: Trial, error: BaseException, seconds: float) -> None:
        """Record a trial that raised."""
        reason = textwrap.shorten(f"{type(error).__name__}: {error}", _LONGEST_REASON, placeholder=" ... (see run.log)")
        log.error("trial %d failed: %s", trial.index, reason, exc_info=error)
        self.rows[trial.index] = [records.failed_row(trial, reason, seconds)]
        self.write()

    def write(self) -> None:
        """Bring the files up to date."""
        records.write_results(self.folder / "results.csv", self.all_rows, self.axes)
        records.write_frame(self.folder / "history.parquet", records.history_frame(self.histories))
        if self.samples:
            records.write_frame(self.folder / "samples.parquet", records.samples_frame(self.samples))


def run(
    values: Mapping[str, Any],
    folder: Path,
    *,
    overrides: Sequence[str] = (),
    notices: Sequence[str] = (),
    started: float | None = None,
    import_seconds: float = 0.0,
) -> int:
    """Run a resolved config into an empty folder; return the exit code, 0, or 1 if a trial failed or diverged.

    Raises:
        KeyboardInterrupt: it was interrupted; finished trials are recorded and said so.
    """
    begun = time.time()
    console = _Console(stderr=True)
    with logging_to(folder / "run.log"):
        state = _Run(folder, *points.first_trials(values))
        notes = (note for trial in state.trials for note in trial.config.dataset.describe().get("notes", ()))
        for notice in (*notices, *dict.fromkeys(notes)):
            console.print(f"mi-run: {notice}", highlight=False, markup=False, soft_wrap=True)
            log.info(notice)
        n_threads, target, clock = threads(state.config), device(state.config), Clock()
        added = plugins.used((s, getattr(t.config, s).name) for t in state.trials for s in plugins.REGISTRIES)
        record = provenance.Provenance(
            folder, started or begun, str(target), n_threads, import_seconds, overrides, added
        )
        try:
            provenance.write_config(folder, values, overrides)
            if not points.searches(values):
                _train(state, state.trials, target, n_threads, clock, console)
                return _close(state, clock, record)
            found = search.search(
                values,
                state,
                lambda trials: _train(state, trials, target, n_threads, clock, console),
                lambda line: console.print(f"mi-run: {line}", highlight=False, markup=False, soft_wrap=True),
            )
            code = _close(state, clock, record)
            with printing():
                print("\n".join(found))
            return code
        except KeyboardInterrupt:
            state.write()
            record.write(clock.seconds, "interrupted")
            done = f"{len(state.rows)} of {len(state.trials)} trials are finished"
            log.warning("interrupted: %s", done)
            console.print(f"mi-run: interrupted; {done}, in {folder}", markup=False, highlight=False, soft_wrap=True)
            raise


def _close(state: _Run, clock: Clock, record: provenance.Provenance) -> int:
    """Summarise, plot and print; the exit code."""
    folder, config = state.folder, state.config
    summary = report.summarise(config, state.all_rows, [a for a in state.axes if a != "seed"], _traces(state))
    records.write_json(folder / "summary.json", summary)
    for name, rows in summary["tables"].items():
        records.write_table(folder / "tables" / f"{name}.csv", rows)
    with clock("plots"):
        failed_plots = _plot(config, folder)
    record.write(clock.seconds, "finished")
    tracked = trackers.track(config.tracker, folder, state.trials)
    console = _console()
    with printing():
        report.show(summary, console)
        for row in state.all_rows:
            if row["status"] not in _FINE:
                what = f"trial {row['trial']} {row['method']}".rstrip()  # a trial that raised has no method
                console.print(f"{what} {row['status']}: {row['reason']}", style="yellow", markup=False, soft_wrap=True)
        console.print(f"results: {folder}", markup=False, highlight=False, soft_wrap=True)
    statuses = Counter(row["status"] for row in state.all_rows)
    return 1 if failed_plots or not tracked or set(statuses) - _FINE else 0


def _train(
    state: _Run, trials: Sequence[Trial], target: torch.device, n_threads: int, clock: Clock, console: Console
) -> None:
    """Run trials as stacks on a pool of workers."""
    found = split(stacks(trials, n_threads), n_threads)
    start = time.perf_counter()
    workers = Workers(max(1, min(n_threads, len(found))), len(found), n_threads, target, state.folder / "run.log")
    pending: dict[Future[Done], Stack] = {}
    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("steps"),
        TimeElapsedColumn(),
        TextColumn("ETA"),
        TimeRemainingColumn(),
    )
    try:
        pending.update((workers.submit(stack.trials, stack.part), stack) for stack in found)
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task("", total=sum(stack.steps for stack in found))
            while pending:
                finished, _ = wait(pending, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
                progress.update(task, completed=workers.steps)
                for future in finished:
                    _take(state, future, pending.pop(future), workers.context)
        workers.close()
    except BaseException:  # whatever it is, training on would be in vain
        workers.stop()
        wait(pending, timeout=_LEAVE_SECONDS)
        raise
    finally:
        state.seconds += time.perf_counter() - start
        clock.seconds = _share(state.phases, state.seconds)


def _take(state: _Run, future: Future[Done], stack: Stack, context: Context) -> None:
    """Record a stack; where it raised, run its units one by one, so that a fault costs no other trial."""
    error = future.exception()
    if error is None and stack.part != WHOLE:
        state.take_part(future.result(), stack)
    elif error is None:
        state.take(future.result())
    elif not isinstance(error, Exception):
        raise error
    elif stack.trials[0].index in state.rows:  # by the whole of what this is another part of
        pass
    elif len(stack.units) == 1 and stack.part == WHOLE and not isinstance(error, BrokenExecutor):  # by another stack
        for trial in stack.trials:
            state.fail(trial, error, 0.0)
    else:
        log.warning("a stack of %d trials raised %r; they are run one by one", len(stack.trials), error)
        for unit in stack.units:
            alone: Future[Done] = Future()
            try:
                alone.set_result(work(unit, context))
            except Stopped:
                raise
            except Exception as fault:
                alone.set_exception(fault)
            _take(state, alone, Stack([unit]), context)


def _share(busy: Mapping[str, float], seconds: float) -> dict[str, float]:
    """Seconds of wall time by phase: threads work side by side, so each phase gets its share of the time they took."""
    total = sum(busy.values())
    return {phase: seconds * value / total for phase, value in busy.items()} if total else {}


def _traces(state: _Run) -> dict[int, dict[str, list[float]]]:
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
