"""Where a run keeps the checkpoints of its stacks."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path

from mi_cli.procedures.base import Part
from mi_cli.schema.sweep import Trial

__all__ = ["FOLDER", "checkpoint_folder", "remove"]

FOLDER = "checkpoints"


def checkpoint_folder(run: Path, trials: Iterable[Trial], part: Part) -> Path:
    """The folder, inside that of a run, for the checkpoints of a stack of trials, or of a part of it."""
    text = " ".join([*(trial.fingerprint for trial in trials), str(part)])
    return run / FOLDER / hashlib.sha256(text.encode()).hexdigest()[:16]


def remove(folder: Path) -> None:
    """Remove a folder of checkpoints, and the one around it if that is empty then."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.parent.rmdir()
    except OSError:  # it holds others, or does not exist
        return
