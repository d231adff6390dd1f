"""The terminal, by rich: tables and messages."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console

from mi_cli.console import silence

__all__ = ["Terminal", "in_notebook", "messages", "redraws", "standard_output"]

_PIPED_WIDTH = 140  # columns, where output goes to a file or pipe


class Terminal(Console):
    """A console whose reader may stop reading early. The program goes on.

    Text is printed as it is: names of columns and classes may look like rich's markup or the names of its emoji.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, force_jupyter=False, **options)

    def on_broken_pipe(self) -> None:
        """Drop whatever is printed from now on."""
        silence(self.file.fileno())


def standard_output() -> Console:
    """A console on standard output. Where output is piped, it is as wide as tables need."""
    console = Terminal()
    return console if console.is_terminal else Terminal(width=_PIPED_WIDTH)


def messages(*, quiet: bool = False) -> Console:
    """A console for messages: standard error, or the output of a notebook's cell.

    A notebook shows standard error as if it were an error.

    Args:
        quiet: whether it prints nothing.
    """
    if in_notebook():
        return Terminal(quiet=quiet, force_terminal=False)
    return Terminal(quiet=quiet, stderr=True)


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    return getattr(ipython.get_ipython(), "kernel", None) is not None if ipython is not None else False


def redraws(console: Console) -> bool:
    """Whether what was printed to a console can be drawn anew, as a bar of progress is.

    ``FORCE_COLOR``, which Jupyter sets, makes any output a terminal to rich, so that colours are printed to pipes too.
    """
    return console.is_terminal and console.file.isatty()
