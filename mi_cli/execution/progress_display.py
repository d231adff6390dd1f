"""How far a training is: a bar on a terminal or in a notebook, and lines where there is neither."""

from __future__ import annotations

import html
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Protocol, Self, TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from mi_cli.errors import counted
from mi_cli.lazy import ipython_display
from mi_cli.records.results import SCALES
from mi_cli.terminal import Terminal, in_notebook, messages, redraws

__all__ = [
    "Display",
    "NoDisplay",
    "NotebookBar",
    "ProgressLines",
    "Standing",
    "TerminalBar",
    "Watch",
    "display",
    "lowest_and_highest",
    "watching",
]

Result = TypeVar("Result")

_LINE_SECONDS = 10.0  # between lines
_NOTEBOOK_SECONDS = 0.5  # between updates of a cell
_TEXT_WIDTH = 72  # columns beside the bar
_BAR_WIDTHS = 8, 40


@dataclass(frozen=True)
class Standing:
    """How far a training is.

    Attributes:
        steps: that are done, of all trials.
        total: steps in all.
        finished: trials that have results.
        trials: in all.
        current: the lowest and the highest MI on validation rows among the trials that train now, in nats; None before
            the first is known, and where no trial trains a critic.
        units: ``nats`` or ``bits``, in which MI is shown.
        noun: what the trials are.
    """

    steps: int
    total: int
    finished: int
    trials: int
    current: tuple[float, float] | None = None
    units: str = "nats"
    noun: str = "trial"

    def parts(self, seconds: float) -> list[str]:
        """What there is to say after so many seconds: trials, the current MI, and the time left.

        >>> Standing(200, 1000, 1, 4, (0.0123, 1.2)).parts(10)
        ['1 of 4 trials', 'MI 0.012 to 1.200 nats', 'about 0:00:40 left']
        """
        parts = [f"{self.finished:,} of {counted(self.trials, self.noun)}"]
        if self.current is not None:
            ends = dict.fromkeys(f"{SCALES[self.units] * value:.3f}" for value in self.current)
            parts.append(f"MI {' to '.join(ends)} {self.units}")
        if 0 < self.steps < self.total:
            parts.append(f"about {_clock(seconds * (self.total - self.steps) / self.steps)} left")
        return parts


class Display(AbstractContextManager["Display"], Protocol):
    """Shows how far a training is, inside a ``with`` block."""

    def show(self, standing: Standing) -> None:
        """Show it, unless that was done a moment ago."""


def display(kind: str, console: Console) -> Display:
    """The display that a setting asks for.

    Args:
        kind: ``auto`` (a bar on a terminal and in a notebook, otherwise lines), ``bar``, ``lines`` or ``none``.
        console: that messages are printed to.
    """
    if kind == "none":
        return NoDisplay()
    if kind != "lines" and in_notebook():
        return NotebookBar()
    if kind != "lines" and redraws(console):
        return TerminalBar(console)
    if kind == "bar":
        return TerminalBar(Terminal(file=console.file, force_terminal=True))
    return ProgressLines(console)


@dataclass
class Watch:
    """What computes trials in this process tells a display how far it is."""

    shown: Display
    standing: Standing

    def advance(self, steps: int) -> None:
        """Add steps that are done."""
        self._show(steps=self.standing.steps + steps)

    def watch(self, lowest: float, highest: float) -> None:
        """Show another current MI."""
        self._show(current=(lowest, highest))

    def finished(self, result: Result) -> Result:
        """Add a trial that is finished; its result is passed on."""
        self._show(finished=self.standing.finished + 1, current=None)
        return result

    def _show(self, **changed: Any) -> None:
        self.standing = replace(self.standing, **changed)
        self.shown.show(self.standing)


@contextmanager
def watching(kind: str, total: int, trials: int, units: str, noun: str) -> Iterator[Watch]:
    """Show how far trials are that this process computes.

    Args:
        kind: of display (:func:`display`).
        total: steps in all.
        trials: their number.
        units: in which MI is shown.
        noun: what the trials are.
    """
    with display(kind, messages()) as shown:
        yield Watch(shown, Standing(0, total, 0, trials, units=units, noun=noun))


class NoDisplay:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def show(self, standing: Standing) -> None:
        """Show nothing."""


@dataclass
class ProgressLines(NoDisplay):
    """Prints a line every ten seconds.

    Args:
        console: that is printed to.
    """

    console: Console
    _begun: float = field(default_factory=lambda: time.monotonic())
    _next: float = _LINE_SECONDS

    def show(self, standing: Standing) -> None:
        """Print a line if it is time for one."""
        seconds = time.monotonic() - self._begun
        if seconds < self._next:
            return
        self._next = seconds + _LINE_SECONDS
        trials, *more = standing.parts(seconds)
        parts = [trials, f"{standing.steps:,} of {counted(standing.total, 'step')}", *more]
        line = f"mi-run: training for {_clock(seconds)}: {', '.join(parts)}"
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)


class TerminalBar:
    """A bar on a terminal, which is removed at the end.

    Args:
        console: of the terminal.
    """

    def __init__(self, console: Console) -> None:
        least, most = _BAR_WIDTHS
        bar = BarColumn(bar_width=min(max(console.width - _TEXT_WIDTH, least), most))
        self._progress = Progress(TextColumn("training"), bar, _Text(), console=console, transient=True)
        self._task = self._progress.add_task("", text="")
        self._begun = time.monotonic()

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def show(self, standing: Standing) -> None:
        """Move the bar."""
        text = ", ".join(standing.parts(time.monotonic() - self._begun))
        self._progress.update(self._task, completed=standing.steps, total=standing.total, text=text)


class _Text(TextColumn):
    """The words beside the bar."""

    def __init__(self) -> None:
        super().__init__("{task.fields[text]}", markup=False)


class NotebookBar:
    """A bar in the output of a notebook's cell. At the end, a line says how long the training took."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._next = 0.0
        self._last: Standing | None = None
        self._handle: Any = None

    def __enter__(self) -> Self:
        self._handle = ipython_display.display(_Shown("training"), display_id=True)
        return self

    def __exit__(self, *error: object) -> None:
        if self._last is not None:
            seconds = time.monotonic() - self._begun
            trials = counted(self._last.trials, self._last.noun)
            self._handle.update(_Shown(f"training: {self._last.finished:,} of {trials} in {_clock(seconds)}"))

    def show(self, standing: Standing) -> None:
        """Move the bar, at most twice a second."""
        seconds, self._last = time.monotonic() - self._begun, standing
        if seconds >= self._next:
            self._next = seconds + _NOTEBOOK_SECONDS
            share = standing.steps / standing.total if standing.total else None
            self._handle.update(_Shown("training: " + ", ".join(standing.parts(seconds)), share))


@dataclass(frozen=True)
class _Shown:
    """A line of text, with a bar in HTML where a share from 0 to 1 is done."""

    text: str
    share: float | None = None

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        bar = "" if self.share is None else f'<progress value="{self.share:.3f}" aria-label="training"></progress> '
        return f'<div style="font-variant-numeric: tabular-nums">{bar}{html.escape(self.text)}</div>'


def lowest_and_highest(values: Sequence[float]) -> tuple[float, float] | None:
    """The ends of the values that are numbers; None where there is none.

    >>> lowest_and_highest([0.5, float("nan"), 0.1]), lowest_and_highest([])
    ((0.1, 0.5), None)
    """
    numbers = [value for value in values if value == value]
    return (min(numbers), max(numbers)) if numbers else None


def _clock(seconds: float) -> str:
    """Seconds as hours, minutes and seconds."""
    return str(timedelta(seconds=round(seconds)))
