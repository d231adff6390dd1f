"""The device and the cores that a run uses."""

from __future__ import annotations

import os
from importlib import metadata
from typing import Any

from mi_cli.errors import ConfigError, Fault, listed
from mi_cli.lazy import torch
from mi_cli.schema.config import Config

__all__ = ["check_device", "device", "share_of_cores", "threads"]


def check_device(device: str) -> None:
    """Raise ConfigError if ``device`` is not on this machine. Only for a GPU is torch imported."""
    if device not in ("cuda", "mps"):
        return
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not available[device]:
        accepted = ["auto", "cpu", *(name for name, is_available in available.items() if is_available)]
        raise ConfigError(Fault("device", device, "is not on this machine", listed(accepted)))


def threads(config: Config) -> int:
    """The number of cores to use."""
    return _cores() if config.threads == "auto" else config.threads


def device(config: Config) -> str:
    """The device to train on; ``auto`` is a CUDA device where there is one, and the CPU elsewhere."""
    if config.device != "auto":
        return config.device
    # A build for CPUs alone says so in its version, so it need not be imported: workers that are processes do that.
    is_cpu_build = metadata.version("torch").endswith("+cpu")
    return "cpu" if is_cpu_build or not torch.cuda.is_available() else "cuda"


def share_of_cores(threads: int | str, settings: Any) -> int | None:
    """The number of cores for a job of a multirun, since other jobs run beside it.

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
    cores = _cores()
    at_once = launcher.get("n_jobs") or settings.sweeper.get("max_batch_size") or cores
    share = launcher.get("cpus_per_task") or max(1, cores // (at_once if at_once > 0 else cores))
    return int(share)


def _cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
