"""The device and the cores that a run uses."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from mi_cli.errors import ConfigError, listed
from mi_cli.schema.config import Config

if TYPE_CHECKING:
    import torch

__all__ = ["check_device", "device", "share_of_cores", "threads"]


def check_device(device: str) -> None:
    """Raise ConfigError if ``device`` is not on this machine; imports torch only where that is in doubt."""
    if device not in ("cuda", "mps"):
        return
    import torch

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there[device]:
        accepted = ["auto", "cpu", *(name for name, found in there.items() if found)]
        raise ConfigError(f"device={device}: is not on this machine; accepted: {listed(accepted)}")


def threads(config: Config) -> int:
    """How many cores to use."""
    if config.threads != "auto":
        return config.threads
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def device(config: Config) -> torch.device:
    """The device to train on; ``auto`` takes an accelerator where there is one."""
    import torch

    if config.device != "auto":
        return torch.device(config.device)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("cpu")


def share_of_cores(threads: int | str, settings: Any) -> int | None:
    """How many cores a job of a multirun uses: other jobs run beside it.

    The share is what the scheduler gives the job (``cpus_per_task``), or else all cores divided by the number of jobs
    at a time. It is one core where the launcher starts all jobs at once.

    Args:
        threads: the setting of the job's config.
        settings: Hydra's own settings, with ``launcher`` and ``sweeper``.

    Returns:
        None where ``threads`` stays as it is: it was set, or jobs run one after another.
    """
    launcher = settings.launcher
    name = str(launcher.get("_target_", "")).rpartition(".")[2]
    if threads != "auto" or name == "BasicLauncher":
        return None
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    at_once = launcher.get("n_jobs") or settings.sweeper.get("max_batch_size") or cores
    share = launcher.get("cpus_per_task") or max(1, cores // (at_once if at_once > 0 else cores))
    return int(share)
