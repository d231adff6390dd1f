"""``mi-run shards=N``: one run, whose trials are cut into jobs for a launcher.

:mod:`mi_cli.execution.shards` says which trials a shard has. Here the jobs are made, and what they record is collected.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mi_cli import records
from mi_cli.cli.arguments import gives
from mi_cli.cli.exits import FAILED
from mi_cli.cli.folders import folder_override, make_run_folder, typed_folder
from mi_cli.cli.hydra_app import composer, run_hydra
from mi_cli.cli.invocation import Invocation
from mi_cli.cli.job import start_run
from mi_cli.cli.launchers import ending_jobs, launch, launcher_class, overrides_of_all_jobs
from mi_cli.cli.single_run import complete, print_plan
from mi_cli.compose.resolve import Resolved, resolve
from mi_cli.errors import ConfigError, Fault, OutputError
from mi_cli.records.run_folder import SHARDS, locked, shard_folders

__all__ = ["prepare", "shard_count", "sharded", "subfolder"]


def sharded(args: argparse.Namespace, invocation: Invocation) -> int:
    """Run the shards as jobs, and collect what they recorded, whatever became of them; return the exit code."""
    source = composer(args)
    resolved = resolve(args.overrides, source)
    if resolved.values["plan"]:
        return print_plan(resolved)
    if args.resume and (code := complete(args.resume, resolved)) is not None:
        return code
    count = shard_count(resolved)
    launcher = launcher_class(overrides_of_all_jobs(args.overrides, source), source)
    typed = typed_folder("hydra.run.dir", args.overrides, source)
    folder = make_run_folder(args, invocation, typed, resolved)
    whole = resolved.changed(shards=1)
    codes: list[int] = []

    def collect(config: Any) -> int:
        codes.append(start_run(invocation, whole, invocation.started, collect=True))
        return codes[0]

    of_shards = [text for text in args.overrides if not (gives("shards", text) or gives("hydra.run.dir", text))]
    of_whole = [text for text in of_shards if not text.startswith(("hydra/launcher", "hydra.launcher"))]
    try:
        if not args.resume:
            prepare(folder.path, whole)
        cut = [f"++shards={count}", f"++shard={','.join(map(str, range(count)))}"]
        place = [folder_override("hydra.sweep.dir", folder.path), subfolder(folder.path, count)]
        with locked(folder.path), ending_jobs(folder.path, launcher, can_resume=True):
            launch(_with(args, of_shards), invocation, launcher, [*cut, *place], folder.path / SHARDS)
        run_hydra(_with(args, of_whole), [folder_override("hydra.run.dir", folder.path)], collect)
    finally:
        folder.discard_if_empty()
    return codes[0] if codes else FAILED


def _with(args: argparse.Namespace, overrides: list[str]) -> argparse.Namespace:
    """The command line with other overrides."""
    return argparse.Namespace(**(vars(args) | {"overrides": overrides}))


def shard_count(resolved: Resolved) -> int:
    """How many jobs to make: no more than there are trials.

    Raises:
        ConfigError: the config is a search, or a shard itself.
    """
    values, expansion = resolved.values, resolved.expansion
    if expansion.space is not None:
        raise ConfigError(Fault("shards", values["shards"], "a search is one job", "1 with a search"))
    if values["shard"] is not None:
        raise ConfigError(Fault("shard", values["shard"], "is set for each of the jobs that shards makes", "null"))
    return min(int(values["shards"]), len(expansion.trials))


def subfolder(run: Path, count: int) -> str:
    """The override that gives each shard its folder: the one it had before, if the run had as many shards."""
    before = [path for path in shard_folders(run) if path.name.isdigit()]
    of_count = f"of_{count}_" if before and len(before) != count else ""
    return f"hydra.sweep.subdir='{SHARDS}/{of_count}${{hydra.job.num}}'"


def prepare(folder: Path, resolved: Resolved) -> None:
    """Write the config into the folder, so that the run can be resumed even if the command is killed.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        records.provenance.write_config(folder, resolved.values, resolved.overrides)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written to ({error.strerror or type(error).__name__})") from None
