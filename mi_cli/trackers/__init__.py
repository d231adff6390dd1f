"""Trackers: MLflow and TensorBoard get a run once it is finished, from its records and the configs of its trials.

The library of a tracker is an extra. A run checks that it is installed before anything is trained.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path

from mi_cli.records.finished import attempt
from mi_cli.schema.sweep import Trial
from mi_cli.trackers.tracked_run import TrackedRun

__all__ = ["track"]


def track(name: str | None, folder: Path, trials: Sequence[Trial]) -> bool:
    """Write a finished run to a tracker.

    Args:
        name: of the tracker; None for none.
        folder: of the run.
        trials: of the run.

    Returns:
        Whether that worked.
    """
    if name is None:
        return True

    def write() -> None:
        importlib.import_module(f"mi_cli.trackers.{name}_store").write(TrackedRun(folder, trials))

    return attempt(f"tracker {name}", folder, write)
