"""Launchers of Hydra: how they start jobs, and how the jobs end with the command."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from mi_cli.cli.exits import ReportedInterrupt, Terminated
from mi_cli.cli.hydra_app import run_hydra
from mi_cli.cli.invocation import Invocation
from mi_cli.cli.job import Job
from mi_cli.cli.signals import signal_handlers
from mi_cli.compose.composer import Composer
from mi_cli.console import shown_from_here
from mi_cli.errors import ConfigError, Fault
from mi_cli.records.run_folder import is_locked

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["BASIC", "ending_jobs", "launch", "launcher_class", "overrides_of_all_jobs"]

BASIC = "hydra._internal.core_plugins.basic_"  # of the launcher and the sweeper that run jobs in this process
_GRACE_SECONDS = 15.0  # for jobs to end in after SIGTERM
_POLL_SECONDS = 0.1  # between two looks at whether they have ended


def overrides_of_all_jobs(overrides: Sequence[str], composer: Composer) -> list[str]:
    """The overrides that are the same for all jobs."""
    return [override.input_line or "" for override in composer.parse(overrides) if not override.is_sweep_override()]


def launcher_class(shared: Sequence[str], composer: Composer) -> str:
    """The dotted path of the class that starts the jobs, by the overrides that all of them share."""
    return str(composer.setting("hydra.launcher", shared)["_target_"])


def launch(args: argparse.Namespace, invocation: Invocation, launcher: str, more: Sequence[str], jobs: Path) -> bool:
    """Have a launcher run jobs, and wait for them.

    Args:
        args: the command line.
        invocation: the state of the command, for jobs in this process.
        launcher: its class.
        more: overrides beside those that were typed.
        jobs: the folder that the folders of the jobs will be in.

    Returns:
        Whether all jobs came back.

    Raises:
        ConfigError: no job has begun.
        Terminated: the jobs that ran in this process were told to end.
    """
    before = _log_sizes(jobs)
    try:
        run_hydra(args, ["--multirun", *more], Job(invocation))
    except ConfigError as fault:
        cause = fault.__cause__
        if cause is None or isinstance(cause, HydraException | OmegaConfBaseException):  # of the config
            raise
        reason = f"{type(cause).__name__}: {str(cause).strip().partition(chr(10))[0]}"
        if _log_sizes(jobs) == before:
            name = launcher.rpartition(".")[2]
            problem = f"{name} cannot start jobs ({reason})"
            raise ConfigError(Fault("hydra/launcher", problem=problem, accepted="one that can")) from None
        _wait_for_jobs(jobs, reason)
        return False
    if invocation.is_ending:
        raise Terminated
    return True


def _wait_for_jobs(jobs: Path, reason: str) -> None:
    """Say that the launcher lost jobs, and wait for those that go on without it."""
    running = [path for path in jobs.glob("*") if is_locked(path)]
    waits = f"; waiting for {', '.join(path.name for path in running)}" if running else ""
    print(f"mi-run: the launcher lost jobs ({reason}){waits}", file=sys.stderr)
    while any(map(is_locked, running)):
        time.sleep(_POLL_SECONDS)


def _log_sizes(jobs: Path) -> dict[Path, int]:
    """The size of each job's log in bytes. A job that has begun has made its log longer."""
    return {path: path.stat().st_size for path in jobs.glob("*/run.log")}


@contextmanager
def ending_jobs(folder: Path, launcher: str, *, can_resume: bool) -> Iterator[None]:
    """End jobs in other processes in order, on Ctrl-C or SIGTERM, while a launcher runs them.

    Jobs that Slurm has queued go on: a lost connection is no reason to stop a cluster.

    Args:
        folder: the folder that the folders of the jobs are in.
        launcher: its class.
        can_resume: whether ``resume=`` goes on with the whole, which the message says then.
    """
    if launcher.startswith(BASIC):  # its jobs run in this process, and handle signals themselves
        yield
        return
    signals = signal.SIGINT, signal.SIGTERM

    def end(number: int, frame: FrameType | None) -> NoReturn:
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        is_queued = launcher.endswith("SlurmLauncher")
        if not is_queued:
            _end_jobs(folder)
        queued = "; what Slurm was given goes on" if is_queued else ""
        where = f"what jobs have recorded is in {shown_from_here(folder)}"
        resume = f"; mi-run resume={shown_from_here(folder)} goes on" if can_resume else ""
        sys.stderr.write(f"mi-run: interrupted{queued}; {where}{resume}\n")
        raise Terminated if number == signal.SIGTERM else ReportedInterrupt

    with signal_handlers(end, *signals):
        yield


def _end_jobs(folder: Path) -> None:
    """Send SIGTERM to the processes of jobs, wait until those that have begun end, and kill what is left.

    So no other job begins.
    """
    for child in _children({os.getpid()}):
        _send(child, signal.SIGTERM)
    deadline = time.monotonic() + _GRACE_SECONDS
    while any(is_locked(lock.parent) for lock in folder.glob("*/**/.lock")) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    ending, children = {os.getpid()}, _children({os.getpid()})
    while children - ending:  # children of children
        ending |= children
        children = _children(ending)
    for process in ending - {os.getpid()}:
        _send(process, signal.SIGKILL)


def _send(process: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)


def _children(parents: set[int]) -> set[int]:
    """The processes that these have started, without the resource trackers, which tidy up after them."""
    return {pid for pid, parent, args in _processes() if parent in parents and "resource_tracker" not in args}


def _processes() -> Iterator[tuple[int, int, str]]:
    """The id, the parent's id and the command line of each process."""
    if not Path("/proc/self/stat").exists():
        ps = ["ps", "-A", "-ww", "-o", "pid=,ppid=,args="]
        table = subprocess.run(ps, capture_output=True, text=True, check=False).stdout  # noqa: S603 (nobody's input)
        for line in table.splitlines():
            pid, parent, args = line.split(None, 2)
            yield int(pid), int(parent), args
        return
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended
            state = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
            yield int(folder.name), int(state[1]), (folder / "cmdline").read_text(errors="replace")
