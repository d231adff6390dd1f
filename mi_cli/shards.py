"""One experiment's trials cut into jobs for Hydra's launchers, and the cores that jobs share."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mi_cli.faults import ConfigError
from mi_cli.output import OutputError

if TYPE_CHECKING:
    from mi_cli.resolve import Resolved

__all__ = ["FOLDER", "number", "of", "prepare", "share_cores", "subfolder"]

FOLDER = "shards"


def number(values: Mapping[str, Any]) -> int:
    """How many jobs to make: no more than there are trials.

    Raises:
        ConfigError: a shard was asked for besides, or a search.
    """
    from mi_cli.points import searches
    from mi_cli.sweep import expand

    if searches(values):
        raise ConfigError(f"shards={values['shards']}: a search is one job; accepted with search: 1")
    if values["shard"] is not None:
        raise ConfigError(f"shard={values['shard']}: is set for each of the jobs that shards makes; accepted: null")
    return min(int(values["shards"]), len(expand(values)))


def of(run: Path) -> list[Path]:
    """The folders of a run's jobs."""
    return sorted(path for path in (run / FOLDER).glob("*") if path.is_dir())


def subfolder(run: Path, count: int) -> str:
    """Where each job goes, for Hydra; on from where it was, if the run was cut into so many before."""
    before = [path for path in of(run) if path.name.isdigit()]
    cut = f"of_{count}_" if before and len(before) != count else ""
    return f"hydra.sweep.subdir='{FOLDER}/{cut}${{hydra.job.num}}'"


def prepare(folder: Path, resolved: Resolved) -> None:
    """Leave in the folder what it takes to go on should all be lost but that.

    Raises:
        OutputError: it cannot be written to.
    """
    from mi_cli.provenance import write_config

    try:
        write_config(folder, resolved.values, resolved.overrides)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written to ({error.strerror or type(error).__name__})") from None


def share_cores(values: dict[str, Any], settings: Any) -> None:
    """Give a job its share of the cores, where it would take all: others run beside it.

    That is what its scheduler gives it (``cpus_per_task``), or all of them by the number of jobs at a time; of a
    launcher that starts all at once, one.
    """
    launcher = settings.launcher
    name = str(launcher.get("_target_", "")).rpartition(".")[2]
    if values["threads"] != "auto" or name == "BasicLauncher":
        return
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    at_once = launcher.get("n_jobs") or settings.sweeper.get("max_batch_size") or cores
    share = launcher.get("cpus_per_task") or max(1, cores // (at_once if at_once > 0 else cores))
    values["threads"] = int(share)
