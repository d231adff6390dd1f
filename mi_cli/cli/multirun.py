"""A multirun: one run for each combination of the values that were typed."""

from __future__ import annotations

import argparse
import sys

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

from mi_cli.cli.arguments import gives
from mi_cli.cli.exits import FAILED, FINE
from mi_cli.cli.folders import folder_override, make_folder, typed_folder
from mi_cli.cli.hydra_app import composer
from mi_cli.cli.invocation import Invocation
from mi_cli.cli.job import FAILURES
from mi_cli.cli.launchers import BASIC, ending_jobs, launch, launcher_class, overrides_of_all_jobs
from mi_cli.cli.single_run import print_plan
from mi_cli.compose.composer import Composer
from mi_cli.compose.resolve import Resolved, resolve
from mi_cli.console import printing, shown_from_here
from mi_cli.errors import ConfigError, Fault
from mi_cli.execution.hardware import check_device

__all__ = ["multirun"]


def multirun(args: argparse.Namespace, invocation: Invocation) -> int:
    """Run each job that Hydra's sweeper makes, once all of them are checked; return the exit code."""
    source = composer(args)
    shared = overrides_of_all_jobs(args.overrides, source)
    launcher = launcher_class(shared, source)
    jobs = _resolved_jobs(args, shared, launcher, source)
    if jobs[0].values["plan"]:
        return max(print_plan(resolved, f"# {index}: ") for index, resolved in enumerate(jobs))
    key = "hydra.sweep.dir"
    typed = typed_folder(key, [text for text in args.overrides if gives(key, text)], source)
    folder = make_folder(args, invocation, key, typed, jobs[0], name="multirun", first="multirun.yaml")
    try:
        with ending_jobs(folder.path, launcher, can_resume=False):
            all_came_back = launch(args, invocation, launcher, [folder_override(key, folder.path)], folder.path)
    finally:
        folder.discard_if_empty()
    failures = folder.path / FAILURES
    with printing():
        print(f"mi-run: every job has a folder in {shown_from_here(folder.path)}")
    if failures.exists():
        print(f"mi-run: jobs failed, or have failed trials: see {shown_from_here(failures)}", file=sys.stderr)
    return FAILED if failures.exists() or not all_came_back else FINE


def _resolved_jobs(args: argparse.Namespace, shared: list[str], launcher: str, source: Composer) -> list[Resolved]:
    """The jobs of a multirun, resolved. Of a sweeper that searches, only the config that it starts from.

    Raises:
        ConfigError: one line for each fault, whichever jobs have it.
    """
    resolved: list[Resolved] = []
    faults: dict[str, Fault] = {}  # by their texts, since several jobs may have the same
    for overrides in _job_overrides(args, shared, source):
        try:
            resolved.append(resolve(overrides, source))
            if launcher.startswith(BASIC):  # jobs elsewhere may have other devices
                check_device(resolved[-1].values["device"])
        except ConfigError as error:
            faults |= {str(fault): fault for fault in error.faults}
    if faults:
        raise ConfigError(*faults.values())
    return resolved


def _job_overrides(args: argparse.Namespace, shared: list[str], source: Composer) -> list[list[str]]:
    """The overrides of each job.

    Raises:
        ConfigError: an override needs a sweeper that searches, or has no values.
    """
    sweeper = source.setting("hydra.sweeper", shared)
    if not sweeper["_target_"].startswith(BASIC):
        return [shared]
    parsed = source.parse(args.overrides)
    swept = [f"{key}={value}" for key, value in (sweeper.get("params") or {}).items()]
    task = source.parse([*swept, *(o.input_line or "" for o in parsed if not o.is_hydra_override())])
    of_hydra = [o.input_line or "" for o in parsed if o.is_hydra_override()]
    for override in task:
        if not override.is_sweep_override():
            continue
        key, _, value = (override.input_line or "").partition("=")
        if not override.is_discrete_sweep():
            raise ConfigError(Fault(key, value, "needs a sweeper that searches", "values, range()"))
        if not list(override.sweep_string_iterator()):
            raise ConfigError(Fault(key, value, "has no values", "at least one"))
    return [[*of_hydra, *job] for job in BasicSweeper.split_arguments(task, None)[0]]
