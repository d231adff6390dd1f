"""How far a training is, on a terminal, in a notebook and where output is neither."""

from __future__ import annotations

import io

import pytest

from mi_cli.execution import progress_display
from mi_cli.execution.progress_display import NoDisplay, NotebookBar, ProgressLines, Standing, TerminalBar, display
from mi_cli.terminal import Terminal


class Tty(io.StringIO):
    """A file that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def seconds(monkeypatch):
    """The time, which a test sets."""
    now = [0.0]
    monkeypatch.setattr(progress_display.time, "monotonic", lambda: now[0])
    return now


def lines(seconds, *, every: float = 1.0, until: float = 25.0) -> list[str]:
    out = io.StringIO()
    with ProgressLines(Terminal(file=out)) as shown:
        while seconds[0] < until:
            seconds[0] += every
            shown.show(Standing(round(20 * seconds[0]), 1000, int(seconds[0] // 10), 4, (0.1, seconds[0] / 10)))
    return out.getvalue().splitlines()


def test_there_is_a_line_every_ten_seconds(seconds):
    assert lines(seconds) == [
        "mi-run: training for 0:00:10: 1 of 4 trials, 200 of 1,000 steps, MI 0.100 to 1.000 nats, about 0:00:40 left",
        "mi-run: training for 0:00:20: 2 of 4 trials, 400 of 1,000 steps, MI 0.100 to 2.000 nats, about 0:00:30 left",
    ]


def test_a_short_training_has_no_line_and_a_finished_one_no_time_left(seconds):
    assert lines(seconds, until=9) == []
    assert lines(seconds, every=50, until=50) == [
        "mi-run: training for 0:00:50: 5 of 4 trials, 1,180 of 1,000 steps, MI 0.100 to 5.900 nats"
    ]


@pytest.mark.parametrize(
    ("kind", "is_terminal", "expected"),
    [
        ("auto", True, TerminalBar),
        ("auto", False, ProgressLines),
        ("bar", True, TerminalBar),
        ("bar", False, TerminalBar),
        ("lines", True, ProgressLines),
        ("lines", False, ProgressLines),
        ("none", True, NoDisplay),
        ("none", False, NoDisplay),
    ],
)
def test_the_setting_chooses_the_display(kind, is_terminal, expected):
    console = Terminal(file=Tty() if is_terminal else io.StringIO())
    assert type(display(kind, console)) is expected


def test_colours_in_a_pipe_make_no_terminal_of_it():
    assert type(display("auto", Terminal(file=io.StringIO(), force_terminal=True))) is ProgressLines


@pytest.mark.parametrize("kind", ["auto", "bar", "lines", "none"])
def test_a_notebook_has_a_bar_of_its_own(kind, monkeypatch):
    monkeypatch.setattr(progress_display, "in_notebook", lambda: True)
    expected = {"lines": ProgressLines, "none": NoDisplay}.get(kind, NotebookBar)
    assert type(display(kind, Terminal(file=io.StringIO()))) is expected


@pytest.mark.parametrize("kind", ["bar", "none"])
def test_a_bar_shows_trials_the_current_mi_and_the_time_left(kind, seconds):
    out = Tty()
    console = Terminal(file=out, width=80, color_system=None)
    with display(kind, console) as shown:
        seconds[0] = 10.0
        shown.show(Standing(250, 1000, 12, 60, (0.0123, 1.2), "bits"))
    text = "12 of 60 trials, MI 0.018 to 1.731 bits, about 0:00:30 left"
    assert (text in out.getvalue()) == (kind == "bar")
    assert bool(out.getvalue()) == (kind == "bar")


class Handle:
    def __init__(self, first):
        self.shown = [first]

    def update(self, shown):
        self.shown.append(shown)


def test_a_notebook_is_updated_at_most_twice_a_second_and_told_the_end(seconds, monkeypatch):
    handles = []

    class Library:
        @staticmethod
        def display(first, display_id):
            handles.append(Handle(first))
            return handles[0]

    monkeypatch.setattr(progress_display, "ipython_display", Library)
    with NotebookBar() as shown:
        for _ in range(20):
            seconds[0] += 0.1
            shown.show(Standing(50, 100, 1, 2, (0.5, 0.5)))
    texts = [repr(one) for one in handles[0].shown]
    assert texts[0] == "training"
    assert 3 <= len(texts) <= 6
    assert texts[1].startswith("training: 1 of 2 trials, MI 0.500 nats, about")
    assert texts[-1] == "training: 1 of 2 trials in 0:00:02"
    assert 'value="0.500" aria-label="training"' in handles[0].shown[1]._repr_html_()
    assert "<progress" not in handles[0].shown[-1]._repr_html_()
