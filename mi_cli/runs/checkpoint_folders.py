"""Where a run keeps the checkpoints of its stacks."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mi_cli.schema.sweep import Trial

__all__ = ["FOLDER", "forget", "place"]


FOLDER = "checkpoints"


def place(folder: Path, trials: Iterable[Trial], part: Any) -> Path:
    """Where in a run's folder the checkpoints of a stack of trials, or of a part of it, are."""
    told = " ".join([*(trial.fingerprint for trial in trials), str(part)])
    return folder / FOLDER / hashlib.sha256(told.encode()).hexdigest()[:16]


def forget(found: Path) -> None:
    """Take checkpoints away."""
    shutil.rmtree(found, ignore_errors=True)
    try:
        found.parent.rmdir()
    except OSError:  # others are there, or none ever were
        return
