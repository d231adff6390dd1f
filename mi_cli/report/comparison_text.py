"""The comparison of two runs as it is printed."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from mi_cli.report.run_comparison import RunComparison

__all__ = ["show"]

_MOST_ROWS = 30  # the table that is written has all of them


def show(comparison: RunComparison, console: Console) -> None:
    """Print which runs are compared, how many numbers moved, what differs, and the numbers."""
    for word, run in (("before", comparison.before), ("after", comparison.after)):
        folder = "" if run.name == run.path else f"  ({run.path})"
        _print(f"{word + ':':<7} {run.name}{folder}", console)
    _print(comparison.sentence, console)
    for line in comparison.lines():
        _print(line, console)
    titles, rows = comparison.table
    table = Table()
    for title, is_number in titles.items():
        table.add_column(title, justify="right" if is_number else "left", overflow="fold")
    for row in rows[:_MOST_ROWS]:
        table.add_row(*row)
    console.print(table)
    if len(rows) > _MOST_ROWS:
        _print(f"and {len(rows) - _MOST_ROWS} more; table=FILE.csv writes all of them", console)
    if comparison.noise:
        _print(comparison.noise, console)


def _print(line: str, console: Console) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)
