"""What Hydra calls for each run: the runner with its resolved config, its exit codes, and signals on the way."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from mi_cli.arguments import PRIMARY
from mi_cli.faults import ConfigError
from mi_cli.output import OutputError

if TYPE_CHECKING:
    from types import FrameType

    from mi_cli.folders import NewFolder
    from mi_cli.resolve import Resolved

__all__ = [
    "BAD_INPUT",
    "FAILED",
    "FAILURES",
    "FINE",
    "INTERRUPTED",
    "TERMINATED",
    "TOO_EARLY",
    "LostJobs",
    "Reported",
    "Terminated",
    "begun",
    "complain",
    "end_at_once",
    "ending_with_us",
    "job",
    "made",
    "on_interrupt",
    "over",
    "shown_from_here",
    "start",
]

FINE, FAILED, BAD_INPUT, INTERRUPTED, TERMINATED = 0, 1, 2, 130, 143
FAILURES = "failed_jobs.txt"
TOO_EARLY = "mi-run: interrupted before anything was run\n"

made: list[NewFolder] = []  # folders of runs, for whoever ends the process to tidy
begun = threading.Event()  # that something is run
over = threading.Event()  # that this process was told to end: it begins no other job
_GRACE_SECONDS = 15.0  # in which jobs end that were told to


def job(config: Any) -> int:
    """One job of a multirun: Hydra calls it, in this process or, by its launcher, in another."""
    from hydra.core.hydra_config import HydraConfig

    from mi_cli.resolve import check_device, resolve
    from mi_cli.shards import share_cores

    if over.is_set():
        return TERMINATED
    settings, started = HydraConfig.get(), time.time()
    folder = Path(settings.runtime.output_dir)
    try:
        shard = any(text.startswith("++shard=") for text in settings.overrides.task)
        resume = shard and (folder / f"{PRIMARY}.yaml").is_file()  # of a run that goes on
        if not shard and any(path.name != settings.output_subdir for path in folder.iterdir()):
            raise ConfigError(
                f"hydra.sweep.subdir={settings.sweep.subdir}: {folder} holds files of another job; "
                "accepted: a subfolder for each, as ${hydra.job.num} names"
            )
        overrides = [*settings.overrides.hydra, *settings.overrides.task]
        resolved = resolve(overrides, config_name=settings.job.config_name or PRIMARY)
        check_device(resolved.values["device"])
        share_cores(resolved.values, settings)
        code = start(resolved, started, resume=resume)
    except ConfigError as error:
        code = complain(error)
    except Terminated:  # said so; launchers wait for jobs that end without a result
        code = TERMINATED
    if code:
        failures = Path(settings.sweep.dir) / FAILURES
        try:
            with failures.open("a", encoding="utf-8") as file:
                file.write(f"{settings.job.num}: {' '.join(settings.overrides.task)}\n")
        except OSError as error:
            complain(OutputError(f"{failures} cannot be written to ({error.strerror})"))
    return code


def start(resolved: Resolved, started: float, *, resume: bool = False, collect: bool = False) -> int:
    """Hand a resolved config to the runner, and answer for its unexpected errors."""
    from hydra.core.hydra_config import HydraConfig

    folder = shown_from_here(Path(HydraConfig.get().runtime.output_dir))
    try:
        if resolved.values["threads"] != 1 and resolved.values["device"] in ("auto", "cpu"):
            from mi_cli import forking

            if forking.AVAILABLE:
                forking.context()  # it imports what workers need while this process imports the same
        runner = importlib.import_module("mi_cli.runner")
        imported = time.time() - started
        begun.set()
        try:
            with _ended_once():
                code = runner.run(
                    resolved.values,
                    folder,
                    overrides=list(resolved.overrides),
                    notices=list(resolved.notices),
                    started=started,
                    import_seconds=imported,
                    resume=resume,
                    collect=collect,
                )
        except KeyboardInterrupt as error:  # which the runner has reported
            raise (Terminated if isinstance(error, Terminated) else Reported) from None
    except ConfigError as error:
        return complain(error)
    except OutputError as error:
        return complain(error, FAILED)
    except Exception as error:
        return _unexpected(error, folder)
    return int(code)


def _unexpected(error: Exception, folder: Path) -> int:
    """Say so in a line, and keep the traceback; where the folder has no room for it, that is what happened."""
    log = folder / "run.log"
    try:
        with log.open("a", encoding="utf-8") as file:
            traceback.print_exc(file=file)
    except OSError as full:
        return complain(OutputError(f"{folder} cannot be written to ({full.strerror or type(full).__name__})"), FAILED)
    reason = " ".join(str(error).split())
    print(f"mi-run: unexpected {type(error).__name__}: {reason}; the traceback is in {log}", file=sys.stderr)
    return FAILED


class LostJobs(Exception):  # noqa: N818 (of others; what they have recorded is there)
    """A launcher gave up on jobs that had begun: one was killed, say."""

    def __init__(self, error: BaseException) -> None:
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
        super().__init__(f"the launcher lost jobs ({type(error).__name__}: {reason})")


class Reported(KeyboardInterrupt):
    """An interruption of which the user knows where it left things."""


class Terminated(Reported):
    """SIGTERM, as schedulers send it some time before they kill: what is finished is recorded, and nothing is begun."""


@contextmanager
def _ended_once() -> Iterator[None]:
    """Have Ctrl-C and SIGTERM end a run in order, whatever a launcher makes of them, and the first of them only.

    Another exception on the way out of the first one finds locks of threads half taken.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        if not over.is_set():
            over.set()
            raise Terminated if number == signal.SIGTERM else KeyboardInterrupt

    before = {signal.SIGTERM: signal.signal(signal.SIGTERM, end)}
    if signal.getsignal(signal.SIGINT) in (end_at_once, signal.default_int_handler):
        signal.signal(signal.SIGINT, end)
        before[signal.SIGINT] = signal.default_int_handler
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)  # None: not Python's


def end_at_once(number: int, frame: FrameType | None) -> NoReturn:
    """Ctrl-C before the runner begins: nothing to keep, and imports have swallowed KeyboardInterrupt."""
    os.write(2, TOO_EARLY.encode())
    for folder in made:
        folder.discard_if_empty()
    if "mi_cli.forking" in sys.modules:
        sys.modules["mi_cli.forking"].discard()
    os._exit(INTERRUPTED)


@contextmanager
def ending_with_us(folder: Path, launcher: str, *, resumed: bool) -> Iterator[None]:
    """While a launcher runs jobs in other processes, have Ctrl-C and SIGTERM end these in order, too.

    That the whole can be ``resumed`` is told then.
    What Slurm was given it keeps: a connection that is lost is no reason to stop a cluster.
    """
    if launcher.endswith("BasicLauncher") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> NoReturn:
        for each in before:
            signal.signal(each, signal.SIG_IGN)
        queued = launcher.endswith("SlurmLauncher")
        if not queued:
            _end_jobs(folder)
        goes_on = "; what Slurm was given goes on" if queued else ""
        where = f"what jobs have recorded is in {shown_from_here(folder)}"
        then = f"; mi-run resume={shown_from_here(folder)} goes on" if resumed else ""
        sys.stderr.write(f"mi-run: interrupted{goes_on}; {where}{then}\n")
        raise Terminated if number == signal.SIGTERM else Reported

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)  # None: not Python's


def _end_jobs(folder: Path) -> None:
    """Tell jobs in processes of ours to end, wait until those that have begun did, and see that no other begins."""
    for child in _started({os.getpid()}):
        _signal(child, signal.SIGTERM)
    deadline = time.monotonic() + _GRACE_SECONDS
    while any(folder.glob("*/**/.lock")) and time.monotonic() < deadline:
        time.sleep(0.05)
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


def on_interrupt(instead_of: Any, handler: Any) -> None:
    """Have SIGINT call a handler where it would call another, if that is for us to say."""
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is instead_of:
        signal.signal(signal.SIGINT, handler)


def shown_from_here(path: Path) -> Path:
    """The path from here, if it lies below."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def complain(error: ConfigError | OutputError, code: int = BAD_INPUT) -> int:
    """Print an error's lines; the exit code."""
    for line in str(error).splitlines():
        print(f"mi-run: {line}", file=sys.stderr)
    return code
