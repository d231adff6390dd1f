"""Runs as jobs of one of Hydra's launchers: multiruns, and one run's trials in shards."""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from mi_cli.cli import hydra_app
from mi_cli.cli.job import (
    FAILED,
    FAILURES,
    FINE,
    Reported,
    Terminated,
    handled,
    job,
    over,
    shown_from_here,
    start,
)
from mi_cli.console import printing
from mi_cli.errors import ConfigError, OutputError
from mi_cli.records.run_folder import SHARDS, is_locked, locked, shard_folders

if TYPE_CHECKING:
    from types import FrameType

    from mi_cli.compose.resolve import Resolved

__all__ = ["multirun", "prepare", "shard_count", "sharded", "subfolder"]

_BASIC = "hydra._internal.core_plugins.basic_"
_GRACE_SECONDS = 15.0  # in which jobs end that were told to
_LOOK_SECONDS = 0.1  # between two looks at whether they have


def multirun(args: argparse.Namespace) -> int:
    """A run for each job that Hydra's sweeper makes, all of them checked before anything is made."""
    from mi_cli.compose.compose import composing

    with composing(hydra_app.config_path(args)):
        plain, launcher = _launcher(args)
        jobs = _jobs(args, plain, launcher)
        if jobs[0].values["plan"]:
            return max(hydra_app.plan(resolved, f"# {index}: ") for index, resolved in enumerate(jobs))
        typed = [text for text in args.overrides if hydra_app.sets("hydra.sweep.dir", text)]
        asked = hydra_app.asked_for("hydra.sweep.dir", typed, args.config_name)
    folder = hydra_app.folder(args, "hydra.sweep.dir", asked, jobs[0], "multirun", "multirun.yaml")
    try:
        with _ending_jobs(folder.path, launcher, resumed=False):
            all_came_back = _launch(args, launcher, [hydra_app.quoted("hydra.sweep.dir", folder.path)], folder.path)
    finally:
        folder.discard_if_empty()
    failures = folder.path / FAILURES
    with printing():
        print(f"mi-run: every job has a folder in {shown_from_here(folder.path)}")
    if failures.exists():
        print(f"mi-run: jobs failed, or have failed trials: see {shown_from_here(failures)}", file=sys.stderr)
    return FAILED if failures.exists() or not all_came_back else FINE


def sharded(args: argparse.Namespace, started: float) -> int:
    """A run whose trials are cut into jobs for a launcher, and what these leave collected, whatever became of them."""
    from mi_cli.compose.compose import composing
    from mi_cli.compose.resolve import resolve

    with composing(hydra_app.config_path(args)):
        resolved = resolve(args.overrides, config_name=args.config_name)
        if resolved.values["plan"]:
            return hydra_app.plan(resolved)
        count = shard_count(resolved)
        _, launcher = _launcher(args)
        asked = hydra_app.asked_for("hydra.run.dir", args.overrides, args.config_name)
    folder = hydra_app.run_folder(args, asked, resolved)
    whole = resolved.changed(shards=1)
    codes: list[int] = []

    @functools.wraps(job)
    def collect(config: Any) -> int:
        codes.append(start(whole, started, collect=True))
        return codes[0]

    ours = ("shards", "hydra.run.dir")
    typed = [text for text in args.overrides if not any(hydra_app.sets(key, text) for key in ours)]
    only = argparse.Namespace(**(vars(args) | {"overrides": typed}))
    try:
        if not args.resume:
            prepare(folder.path, whole)
        cut = [f"++shards={count}", f"++shard={','.join(map(str, range(count)))}"]
        place = [hydra_app.quoted("hydra.sweep.dir", folder.path), subfolder(folder.path, count)]
        with locked(folder.path), _ending_jobs(folder.path, launcher, resumed=True):
            _launch(only, launcher, [*cut, *place], folder.path / SHARDS)
        only.overrides = [text for text in typed if not text.startswith(("hydra/launcher", "hydra.launcher"))]
        hydra_app.hydra(only, [hydra_app.quoted("hydra.run.dir", folder.path)], collect)
    finally:
        folder.discard_if_empty()
    return codes[0] if codes else FAILED


def _launch(args: argparse.Namespace, launcher: str, more: Sequence[str], jobs: Path) -> bool:
    """Have a launcher run jobs, whose folders will be in ``jobs``; whether all of them came back.

    Raises:
        ConfigError: it began none.
        Terminated: the jobs that ran in this process were to end.
    """
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    before = _logs(jobs)
    try:
        hydra_app.hydra(args, ["--multirun", *more], job)
    except ConfigError as fault:
        cause = fault.__cause__
        if cause is None or isinstance(cause, HydraException | OmegaConfBaseException):  # of the config
            raise
        lost = f"{type(cause).__name__}: {str(cause).strip().partition(chr(10))[0]}"
        if _logs(jobs) == before:
            name = launcher.rpartition(".")[2]
            raise ConfigError(f"hydra/launcher: {name} cannot start jobs ({lost}); accepted: one that can") from None
        going_on = [path for path in jobs.glob("*") if is_locked(path)]
        waits = f"; waiting for {', '.join(path.name for path in going_on)}" if going_on else ""
        print(f"mi-run: the launcher lost jobs ({lost}){waits}", file=sys.stderr)
        while any(map(is_locked, going_on)):
            time.sleep(_LOOK_SECONDS)
        return False
    if over.is_set():
        raise Terminated
    return True


def _logs(jobs: Path) -> dict[Path, int]:
    """How long the log of each job is."""
    return {path: path.stat().st_size for path in jobs.glob("*/run.log")}


def _launcher(args: argparse.Namespace) -> tuple[list[str], str]:
    """What was typed for all jobs alike, and the class of what starts them."""
    from mi_cli.compose.compose import parse, setting

    plain = [override.input_line or "" for override in parse(args.overrides) if not override.is_sweep_override()]
    return plain, str(setting("hydra.launcher", plain, args.config_name)["_target_"])


def _jobs(args: argparse.Namespace, plain: list[str], launcher: str) -> list[Resolved]:
    """The jobs of a multirun, resolved; of a sweeper that searches, the config it starts from."""
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

    from mi_cli.compose.compose import parse, setting
    from mi_cli.compose.resolve import resolve
    from mi_cli.runs.hardware import check_device

    parsed = parse(args.overrides)
    sweeper = setting("hydra.sweeper", plain, args.config_name)
    jobs = [plain]
    if sweeper["_target_"].startswith(_BASIC):
        swept = [f"{key}={value}" for key, value in (sweeper.get("params") or {}).items()]
        task = parse([*swept, *(o.input_line or "" for o in parsed if not o.is_hydra_override())])
        hydra_part = [o.input_line or "" for o in parsed if o.is_hydra_override()]
        for override in task:
            if override.is_sweep_override() and not override.is_discrete_sweep():
                raise ConfigError(f"{override.input_line}: needs a sweeper that searches; accepted: values, range()")
            if override.is_sweep_override() and not list(override.sweep_string_iterator()):
                raise ConfigError(f"{override.input_line}: has no values; accepted: at least one")
        jobs = [[*hydra_part, *job] for job in BasicSweeper.split_arguments(task, None)[0]]
    resolved: list[Resolved] = []
    faults: list[str] = []
    for overrides in jobs:
        try:
            resolved.append(resolve(overrides, config_name=args.config_name))
            if launcher.startswith(_BASIC):
                check_device(resolved[-1].values["device"])
        except ConfigError as error:
            faults += error.lines
    if faults:
        raise ConfigError(*dict.fromkeys(faults))
    return resolved


@contextmanager
def _ending_jobs(folder: Path, launcher: str, *, resumed: bool) -> Iterator[None]:
    """While a launcher runs jobs in other processes, have Ctrl-C and SIGTERM end these in order, too.

    That the whole can be ``resumed`` is told then. What Slurm was given it keeps: a connection that is lost is no
    reason to stop a cluster.
    """
    if launcher.startswith(_BASIC):  # whose jobs are in this process, and answer for themselves
        yield
        return
    signals = signal.SIGINT, signal.SIGTERM

    def end(number: int, frame: FrameType | None) -> NoReturn:
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        queued = launcher.endswith("SlurmLauncher")
        if not queued:
            _end_jobs(folder)
        goes_on = "; what Slurm was given goes on" if queued else ""
        where = f"what jobs have recorded is in {shown_from_here(folder)}"
        then = f"; mi-run resume={shown_from_here(folder)} goes on" if resumed else ""
        sys.stderr.write(f"mi-run: interrupted{goes_on}; {where}{then}\n")
        raise Terminated if number == signal.SIGTERM else Reported

    with handled(end, *signals):
        yield


def _end_jobs(folder: Path) -> None:
    """Tell jobs in processes of ours to end, wait until those that have begun did, and see that no other begins."""
    for child in _started({os.getpid()}):
        _signal(child, signal.SIGTERM)
    deadline = time.monotonic() + _GRACE_SECONDS
    while any(is_locked(lock.parent) for lock in folder.glob("*/**/.lock")) and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
    doomed, found = {os.getpid()}, _started({os.getpid()})
    while found - doomed:  # and what these have started
        doomed |= found
        found = _started(doomed)
    for process in doomed - {os.getpid()}:
        _signal(process, signal.SIGKILL)


def _signal(process: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)


def _started(parents: set[int]) -> set[int]:
    """The processes that these have started, but for those that tidy up after them."""
    return {pid for pid, parent, args in _processes() if parent in parents and "resource_tracker" not in args}


def _processes() -> Iterator[tuple[int, int, str]]:
    """Each process, its parent, and what it was started as."""
    if not Path("/proc/self/stat").exists():
        ps = ["ps", "-A", "-ww", "-o", "pid=,ppid=,args="]
        told = subprocess.run(ps, capture_output=True, text=True, check=False).stdout  # noqa: S603 (nobody's input)
        for line in told.splitlines():
            pid, parent, args = line.split(None, 2)
            yield int(pid), int(parent), args
        return
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended
            state = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
            yield int(folder.name), int(state[1]), (folder / "cmdline").read_text(errors="replace")


def shard_count(resolved: Resolved) -> int:
    """How many jobs to make: no more than there are trials.

    Raises:
        ConfigError: a shard was asked for besides, or a search.
    """
    values, expansion = resolved.values, resolved.expansion
    if expansion.space is not None:
        raise ConfigError(f"shards={values['shards']}: a search is one job; accepted with search: 1")
    if values["shard"] is not None:
        raise ConfigError(f"shard={values['shard']}: is set for each of the jobs that shards makes; accepted: null")
    return min(int(values["shards"]), len(expansion.trials))


def subfolder(run: Path, count: int) -> str:
    """Where each job goes, for Hydra; on from where it was, if the run was cut into so many before."""
    before = [path for path in shard_folders(run) if path.name.isdigit()]
    cut = f"of_{count}_" if before and len(before) != count else ""
    return f"hydra.sweep.subdir='{SHARDS}/{cut}${{hydra.job.num}}'"


def prepare(folder: Path, resolved: Resolved) -> None:
    """Leave in the folder what it takes to go on should all be lost but that.

    Raises:
        OutputError: it cannot be written to.
    """
    from mi_cli.records.provenance import write_config

    try:
        write_config(folder, resolved.values, resolved.overrides)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written to ({error.strerror or type(error).__name__})") from None
