"""Lines of progress where output is no terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from mi_cli.execution import progress_lines
from mi_cli.execution.progress_lines import ProgressLines


@pytest.fixture
def seconds(monkeypatch):
    """The time, which a test sets."""
    now = [0.0]
    monkeypatch.setattr(progress_lines.time, "monotonic", lambda: now[0])
    return now


class Output(io.StringIO):
    """Text that a terminal shows, or not."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


def lines(seconds, *, terminal: bool, forced: bool = False, every: float = 1.0, until: float = 25.0) -> list[str]:
    out = Output(terminal)
    shown = ProgressLines(Console(file=out, force_terminal=terminal or forced), total=1000, trials=4)
    while seconds[0] < until:
        seconds[0] += every
        shown.show(steps=round(20 * seconds[0]), finished=int(seconds[0] // 10))
    return out.getvalue().splitlines()


def test_there_is_a_line_every_ten_seconds(seconds):
    assert lines(seconds, terminal=False) == [
        "mi-run: training for 0:00:10: 200 of 1,000 steps, 1 of 4 trials, about 0:00:40 left",
        "mi-run: training for 0:00:20: 400 of 1,000 steps, 2 of 4 trials, about 0:00:30 left",
    ]


def test_a_terminal_has_a_bar_instead(seconds):
    assert lines(seconds, terminal=True) == []


def test_colours_that_are_forced_make_no_terminal(seconds):
    assert len(lines(seconds, terminal=False, forced=True)) == 2


def test_a_short_training_has_no_line_and_a_finished_one_no_time_left(seconds):
    assert lines(seconds, terminal=False, until=9) == []
    assert lines(seconds, terminal=False, every=50, until=50) == [
        "mi-run: training for 0:00:50: 1,180 of 1,000 steps, 5 of 4 trials"
    ]
