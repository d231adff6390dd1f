"""One run, in a folder of its own."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mi_cli import execution, report
from mi_cli.cli.exits import FAILED, FINE
from mi_cli.cli.folders import folder_override, make_run_folder, typed_folder
from mi_cli.cli.hydra_app import composer, run_hydra
from mi_cli.cli.invocation import Invocation
from mi_cli.cli.job import start_run
from mi_cli.cli.show_command import show
from mi_cli.compose.resolve import Resolved, resolve
from mi_cli.console import printing, shown_from_here
from mi_cli.errors import OutputError, listed
from mi_cli.execution.hardware import check_device
from mi_cli.records.run_folder import locked

__all__ = ["print_plan", "single_run"]


def single_run(args: argparse.Namespace, invocation: Invocation) -> int:
    """Run one config, new or resumed; return the exit code."""
    source = composer(args)
    resolved = resolve(args.overrides, source)
    check_device(resolved.values["device"])
    if resolved.values["plan"]:
        return print_plan(resolved)
    if args.resume and (code := complete(args.resume, resolved)) is not None:
        return code
    typed = typed_folder("hydra.run.dir", args.overrides, source)
    folder = make_run_folder(args, invocation, typed, resolved)
    codes: list[int] = []

    def run(config: Any) -> int:
        codes.append(start_run(invocation, resolved, invocation.started, resume=args.resume is not None))
        return codes[0]

    try:
        run_hydra(args, [folder_override("hydra.run.dir", folder.path)], run)
    finally:
        folder.discard_if_empty()
    return codes[0] if codes else FAILED


def complete(folder: Path, resolved: Resolved) -> int | None:
    """Complete the files of a run whose trials are done, and print what it printed at its end.

    Returns:
        The exit code; None where there is more to do (:mod:`mi_cli.execution.completed`), and nothing is done.
    """
    absent = execution.completed.missing(folder, resolved.values, resolved.expansion)
    if absent is None:
        return None
    done = "no file is changed"
    if absent:
        made = "which was missing, is made" if len(absent) == 1 else "which were missing, are made"
        done = f"{listed(absent, 'and')}, {made}; no other file is changed"
    print(f"mi-run: {shown_from_here(folder)} is complete: nothing is run, and {done}", file=sys.stderr)
    written = make_missing(folder, absent, resolved)
    return max(show([str(folder)]), FINE if written else FAILED)


def is_completed(folder: Path, resolved: Resolved) -> bool:
    """Whether the trials of a run are done; then files that it lacks are made, and it is not run."""
    absent = execution.completed.missing(folder, resolved.values, resolved.expansion)
    if absent is None:
        return False
    make_missing(folder, absent, resolved)
    return True


def make_missing(folder: Path, absent: Sequence[str], resolved: Resolved) -> bool:
    """Make the files of a finished run that are missing; whether that worked.

    Raises:
        OutputError: the folder cannot be written to.
    """
    if not absent:
        return True
    try:
        with locked(folder):
            finished = partial(execution.completed.finished_run, folder, resolved.expansion)
            return report.missing.write_missing(folder, absent, finished)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written to ({error.strerror or type(error).__name__})") from None


def print_plan(resolved: Resolved, heading: str = "") -> int:
    """Print what would be run; return the exit code."""
    for notice in resolved.notices:
        print(f"mi-run: {notice}", file=sys.stderr)
    plan = execution.plan.plan
    with printing():
        if heading:
            print(heading + " ".join(resolved.overrides))
        plan(resolved.expansion)
    return FINE
