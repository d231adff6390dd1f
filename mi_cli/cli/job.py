"""What Hydra calls for each run: the runner with its resolved config, its exit codes, and signals on the way."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from mi_cli.errors import ConfigError, OutputError
from mi_cli.schema.locations import PRIMARY

if TYPE_CHECKING:
    from types import FrameType

    from mi_cli.compose.resolve import Resolved
    from mi_cli.records.run_folder import NewFolder

__all__ = [
    "BAD_INPUT",
    "FAILED",
    "FAILURES",
    "FINE",
    "INTERRUPTED",
    "TERMINATED",
    "TOO_EARLY",
    "Reported",
    "Terminated",
    "begun",
    "complain",
    "end_at_once",
    "handled",
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


def job(config: Any) -> int:
    """One job of a multirun: Hydra calls it, in this process or, by its launcher, in another."""
    from hydra.core.hydra_config import HydraConfig

    from mi_cli.compose.resolve import resolve
    from mi_cli.runs.hardware import check_device, share_of_cores

    if over.is_set():
        return TERMINATED
    settings, started = HydraConfig.get(), time.time()
    folder = Path(settings.runtime.output_dir)
    try:
        overrides = [*settings.overrides.hydra, *settings.overrides.task]
        resolved = resolve(overrides, config_name=settings.job.config_name or PRIMARY)
        shard = resolved.values["shard"] is not None
        if not shard and any(path.name != settings.output_subdir for path in folder.iterdir()):
            raise ConfigError(
                f"hydra.sweep.subdir={settings.sweep.subdir}: {folder} holds files of another job; "
                "accepted: a subfolder for each, as ${hydra.job.num} names"
            )
        resume = shard and (folder / f"{PRIMARY}.yaml").is_file()  # of a run that goes on
        check_device(resolved.values["device"])
        if (cores := share_of_cores(resolved.values["threads"], settings)) is not None:
            resolved = resolved.changed(threads=cores)
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
            from mi_cli.runs import forkserver

            if forkserver.AVAILABLE:
                forkserver.context()  # it imports what workers need while this process imports the same
        runner = importlib.import_module("mi_cli.runs.runner")
        publisher = importlib.import_module("mi_cli.report.publish").Publisher()
        imported = time.time() - started
        begun.set()
        try:
            with _ended_once():
                code = runner.run(
                    resolved.values,
                    resolved.expansion,
                    folder,
                    publisher,
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


class Reported(KeyboardInterrupt):
    """An interruption of which the user knows where it left things."""


class Terminated(Reported):
    """SIGTERM, as schedulers send it some time before they kill: what is finished is recorded, and nothing is begun."""


@contextmanager
def _ended_once() -> Iterator[None]:
    """Have Ctrl-C and SIGTERM end a run in order, whatever a launcher makes of them, and the first of them only.

    Another exception on the way out of the first one finds locks of threads half taken.
    """

    def end(number: int, frame: FrameType | None) -> None:
        if not over.is_set():
            over.set()
            raise Terminated if number == signal.SIGTERM else KeyboardInterrupt

    on_interrupt(end_at_once, signal.default_int_handler)
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with handled(end, signal.SIGTERM, *([signal.SIGINT] if ours else [])):
        yield


@contextmanager
def handled(handler: Any, *signals: int) -> Iterator[None]:
    """Have a handler for signals, in the thread that gets them; afterwards what was there before."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in signals}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, signal.SIG_DFL if earlier is None else earlier)  # None: not Python's


def end_at_once(number: int, frame: FrameType | None) -> NoReturn:
    """Ctrl-C before the runner begins: nothing to keep, and imports have swallowed KeyboardInterrupt."""
    os.write(2, TOO_EARLY.encode())
    for folder in made:
        folder.discard_if_empty()
    if "mi_cli.runs.forkserver" in sys.modules:
        sys.modules["mi_cli.runs.forkserver"].discard()
    os._exit(INTERRUPTED)


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
