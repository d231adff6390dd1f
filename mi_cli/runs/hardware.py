"""The device and the cores that a run uses."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from mi_cli.errors import ConfigError, listed
from mi_cli.schema.config import Config

if TYPE_CHECKING:
    import torch

__all__ = ["check_device", "device", "share_cores", "threads"]


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
