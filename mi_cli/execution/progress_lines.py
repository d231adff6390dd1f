"""Progress as lines, where there is no terminal for a bar."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta

from rich.console import Console

from mi_cli.errors import counted
from mi_cli.terminal import redraws

__all__ = ["ProgressLines"]

_SECONDS = 10.0  # between lines


@dataclass
class ProgressLines:
    """Prints how far a training is, every ten seconds; on a terminal, which has a bar, nothing.

    Args:
        console: that is printed to.
        total: steps of training in all.
        trials: of the run.
    """

    console: Console
    total: int
    trials: int
    _begun: float = field(init=False)
    _next: float = _SECONDS

    def __post_init__(self) -> None:
        self._begun = time.monotonic()

    def show(self, steps: int, finished: int) -> None:
        """Print a line if it is time for one, with the steps that are done and the trials that are finished."""
        seconds = time.monotonic() - self._begun
        if redraws(self.console) or seconds < self._next:
            return
        self._next = seconds + _SECONDS
        parts = [f"{steps:,} of {counted(self.total, 'step')}", f"{finished:,} of {counted(self.trials, 'trial')}"]
        if 0 < steps < self.total:
            parts.append(f"about {_clock(seconds * (self.total - steps) / steps)} left")
        line = f"mi-run: training for {_clock(seconds)}: {', '.join(parts)}"
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)


def _clock(seconds: float) -> str:
    """Seconds as hours, minutes and seconds."""
    return str(timedelta(seconds=round(seconds)))
