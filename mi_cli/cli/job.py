"""What Hydra calls for each run: the runner is given the resolved config, and its errors become exit codes."""

from __future__ import annotations

import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig

from mi_cli import execution, report
from mi_cli.cli.exits import FAILED, TERMINATED, ReportedInterrupt, Terminated, print_error
from mi_cli.cli.invocation import Invocation
from mi_cli.compose.composer import Composer
from mi_cli.compose.resolve import Resolved, resolve
from mi_cli.console import shown_from_here
from mi_cli.errors import ConfigError, Fault, OutputError
from mi_cli.execution.hardware import check_device, share_of_cores
from mi_cli.schema.locations import PRIMARY

__all__ = ["FAILURES", "Job", "start_run"]

FAILURES = "failed_jobs.txt"


@dataclass(frozen=True)
class Job:
    """One job of a multirun. Hydra calls it, in this process or, pickled by a launcher, in another one."""

    invocation: Invocation

    def __call__(self, config: Any) -> int:
        """Resolve the job's overrides and run what they come to; return the exit code."""
        if self.invocation.is_ending:
            return TERMINATED
        settings = HydraConfig.get()
        try:
            code = self._run(settings, time.time())
        except ConfigError as error:
            code = print_error(error)
        except Terminated:  # reported; launchers wait for ever for jobs that end without a result
            code = TERMINATED
        if code:
            _note_failure(settings)
        return code

    def _run(self, settings: Any, started: float) -> int:
        overrides = [*settings.overrides.hydra, *settings.overrides.task]
        resolved = resolve(overrides, Composer.of_job(settings.job.config_name or PRIMARY))
        folder = Path(settings.runtime.output_dir)
        is_shard = resolved.values["shard"] is not None
        if not is_shard and any(path.name != settings.output_subdir for path in folder.iterdir()):
            problem = f"{folder} holds files of another job"
            accepted = "a subfolder for each, as ${hydra.job.num} names"
            raise ConfigError(Fault("hydra.sweep.subdir", settings.sweep.subdir, problem, accepted))
        resume = is_shard and (folder / f"{PRIMARY}.yaml").is_file()  # the run that it is a part of is resumed
        check_device(resolved.values["device"])
        if (cores := share_of_cores(resolved.values["threads"], settings)) is not None:
            resolved = resolved.changed(threads=cores)
        return start_run(self.invocation, resolved, started, resume=resume)


def _note_failure(settings: Any) -> None:
    """Add a job to the list of those that failed."""
    failures = Path(settings.sweep.dir) / FAILURES
    try:
        with failures.open("a", encoding="utf-8") as file:
            file.write(f"{settings.job.num}: {' '.join(settings.overrides.task)}\n")
    except OSError as error:
        print_error(OutputError(f"{failures} cannot be written to ({error.strerror})"))


def start_run(
    invocation: Invocation, resolved: Resolved, started: float, *, resume: bool = False, collect: bool = False
) -> int:
    """Call the runner on a resolved config, in the folder of the Hydra job that runs now; return the exit code.

    Raises:
        ReportedInterrupt: the run was interrupted.
    """
    folder = shown_from_here(Path(HydraConfig.get().runtime.output_dir))
    is_new = not (resume or collect)
    if is_new:  # before anything else is imported, as a sign of life
        print(f"mi-run: folder: {folder}", file=sys.stderr)
    try:
        if resolved.values["threads"] != 1 and resolved.values["device"] in ("auto", "cpu"):
            invocation.start_fork_server()  # it imports what workers need while this process imports the same
        runner, publisher = execution.runner, report.publish.Publisher()
        imported = time.time() - started
        try:
            with invocation.running():
                return runner.run(
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
                    announced=is_new,
                )
        except KeyboardInterrupt as error:  # the runner has said what is recorded
            raise (Terminated if isinstance(error, Terminated) else ReportedInterrupt) from None
    except ConfigError as error:
        return print_error(error)
    except OutputError as error:
        return print_error(error, FAILED)
    except Exception as error:
        return _keep_traceback(error, folder)


def _keep_traceback(error: Exception, folder: Path) -> int:
    """Write the traceback of an unexpected error to the run's log and print a line; return the exit code.

    A folder that has no room for the traceback is what went wrong, and the line says so.
    """
    log = folder / "run.log"
    try:
        with log.open("a", encoding="utf-8") as file:
            traceback.print_exc(file=file)
    except OSError as full:
        reason = full.strerror or type(full).__name__
        return print_error(OutputError(f"{folder} cannot be written to ({reason})"), FAILED)
    reason = " ".join(str(error).split())
    print(f"mi-run: unexpected {type(error).__name__}: {reason}; the traceback is in {log}", file=sys.stderr)
    return FAILED
