"""Trackers: what other programs show of a run, written once at its end, from its records and the trials' configs.

A tracker is an extra. Its library is imported when there is something to write, and asked for before anything is
trained.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mi_cli.schema.sweep import Trial

__all__ = ["track"]

log = logging.getLogger("mi_cli")


def track(name: str | None, folder: Path, trials: Sequence[Trial]) -> bool:
    """Write the finished run in ``folder`` for the tracker ``name``; False if that failed, which is logged."""
    if name is None:
        return True
    try:
        from mi_cli.trackers.content import Told

        importlib.import_module(f"mi_cli.trackers.{name}_store").write(Told(folder, trials))
    except Exception:
        log.exception("tracker %s failed", name)
        print(f"mi-run: tracker {name} failed; see {folder / 'run.log'}", file=sys.stderr)
        return False
    return True
