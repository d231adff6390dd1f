"""One run, in a folder of its own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from mi_cli import execution
from mi_cli.cli.exits import FAILED, FINE
from mi_cli.cli.folders import folder_override, make_run_folder, typed_folder
from mi_cli.cli.hydra_app import composer, run_hydra
from mi_cli.cli.invocation import Invocation
from mi_cli.cli.job import start_run
from mi_cli.cli.show_command import show
from mi_cli.compose.resolve import Resolved, resolve
from mi_cli.console import printing, shown_from_here
from mi_cli.execution.hardware import check_device

__all__ = ["print_plan", "single_run"]


def single_run(args: argparse.Namespace, invocation: Invocation) -> int:
    """Run one config, new or resumed; return the exit code."""
    source = composer(args)
    resolved = resolve(args.overrides, source)
    check_device(resolved.values["device"])
    if resolved.values["plan"]:
        return print_plan(resolved)
    if args.resume and is_complete(args.resume, resolved):
        return show_complete(args.resume)
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


def is_complete(folder: Path, resolved: Resolved) -> bool:
    """Whether the run in a folder has nothing left to do (:mod:`mi_cli.execution.completed`)."""
    return execution.completed.is_complete(folder, resolved.values, resolved.expansion)


def show_complete(folder: Path) -> int:
    """Say that nothing is left to do, and print what the run printed at its end; return the exit code."""
    print(f"mi-run: {shown_from_here(folder)} is complete: nothing is run, and no file is changed", file=sys.stderr)
    return show([str(folder)])


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
