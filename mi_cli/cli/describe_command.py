"""``mi-run data.csv``: what is in a table, and the commands to go on with."""

from __future__ import annotations

import glob
import shlex
from collections.abc import Sequence

from rich.table import Table

from mi_cli.cli.exits import FINE
from mi_cli.cli.short_commands import typed_option
from mi_cli.console import printing
from mi_cli.errors import counted, shown
from mi_cli.tabular.encoding import FEWEST_ROWS
from mi_cli.tabular.overview import ColumnOverview, TableOverview, overview
from mi_cli.tabular.stack import FileStack, faults_of_data, files_of_glob, table_source
from mi_cli.terminal import standard_output

__all__ = ["describe", "options_of_estimate"]

_MOST_COLUMNS = 40  # of which each has a line
_COMMAND = "  mi-run "  # which a line of a command begins with, and which is never cut
_FEW_FILES = 3  # that are typed one by one
_ROWS_OF_SERIES = 60  # that the lags of experiment=lags, up to 20, need for 40 windows


def describe(paths: Sequence[str]) -> int:
    """Print the columns of a table and the commands to go on with; return the exit code.

    Args:
        paths: of its files; globs among them.

    Raises:
        ConfigError: the files are no table that can be read.
    """
    with faults_of_data(paths):
        source = table_source(paths)
        found = overview(source)
    what = f"{len(source.files)} files" if isinstance(source, FileStack) else paths[0]
    console = standard_output()
    with printing():
        sampled = f", judged by {found.looked_at:,} of them" if found.looked_at < found.rows else ""
        heading = f"{what}: {counted(found.rows, 'row')} of {counted(len(found.columns), 'column')}{sampled}"
        console.print(heading, markup=False, highlight=False, soft_wrap=True)
        console.print(_table(found, found.columns[:_MOST_COLUMNS]))
        if len(found.columns) > _MOST_COLUMNS:
            print(f"and {counted(len(found.columns) - _MOST_COLUMNS, 'more column')}")
        for line in _advice(shlex.join(_shortened(paths)), found, console.width):
            console.print(line, markup=False, highlight=False, soft_wrap=line.startswith(_COMMAND))
    return FINE


def _table(found: TableOverview, columns: tuple[ColumnOverview, ...]) -> Table:
    table = Table()
    for title in ("column", "kind", "values"):
        table.add_column(title, overflow="fold")
    for title in ("different", "missing"):
        table.add_column(title, justify="right")
    table.add_column("looks like")
    for column in columns:
        missing = f"{column.missing:,} ({column.missing / found.looked_at:.0%})" if column.missing else ""
        cells = (column.name, column.kind, column.values, f"{column.distinct:,}", missing, column.role)
        table.add_row(*cells)
    return table


def options_of_estimate(paths: Sequence[str]) -> list[str]:
    """The options and settings with which ``mi-run estimate`` takes a table; none where the table cannot be used.

    Raises:
        ConfigError: the files are no table that can be read.
    """
    found = overview(table_source(paths))
    if _problem(found):
        return []
    return shlex.split(f"{typed_option('--y', str(found.target))}{_settings(found)}")


def _problem(found: TableOverview) -> str:
    """Why no command can be run on a table; empty where some can."""
    if found.rows < FEWEST_ROWS:
        return f"These are too few rows: an estimate needs at least {FEWEST_ROWS}."
    if found.target is None or len(found.usable) < 2:
        return "No two columns can be used: an estimate needs two that vary, of numbers or classes."
    return ""


def _is_incomplete(found: TableOverview) -> bool:
    return any(column.missing and column.is_usable for column in found.columns)


def _settings(found: TableOverview) -> str:
    """What a command on all columns needs: columns that are left out, and what is done about missing values."""
    settings = [typed_option("--exclude", column.name) for column in found.columns if column.kind == "differs"]
    if _is_incomplete(found):
        settings.append(f"dataset.missing={'drop' if found.complete >= FEWEST_ROWS else 'impute'}")
    return "".join(f" {setting}" for setting in settings)


def _advice(file: str, found: TableOverview, columns: int) -> list[str]:
    """The commands to go on with, for the column that is most likely the target, in lines of so many columns."""
    if problem := _problem(found):
        return [problem]
    target, settings = str(found.target), _settings(found)
    y, label = typed_option("--y", target), typed_option("--label", target)
    left_out = [typed_option("--exclude", column.name) for column in found.columns if column.kind == "differs"]
    commands = {
        f"estimate {file} {y}{settings}": "what all columns tell of it",
        f"select {file} {y}{settings}": "which columns to keep for it",
        " ".join([f"represent {file} {label}", *left_out]): "does learning without labels help to predict it?",
        f"pairs {file}{settings}": "all pairs of columns",
    }
    if found.has_equal_steps and (sides := _series(found, target)):
        options = f"{typed_option('--time', sides[0])} {typed_option('--x', sides[1])} {typed_option('--y', sides[2])}"
        commands[f"lags {file} {options}"] = "after how many steps?"
    lines = ["Go on with one of these.", f"Where {shown(target)} is not the column to explain, name another."]
    lines = [" ".join(lines)] if len(" ".join(lines)) <= columns else lines
    width = max(map(len, commands)) + 2
    for command, what in commands.items():
        beside = f"{_COMMAND}{command.ljust(width)}{what}"
        lines += [beside] if len(beside) <= columns else [f"{_COMMAND}{command}", f"      {what}"]
    if _is_incomplete(found):
        lines.append("dataset.missing=drop leaves out rows with missing values, and impute fills them.")
    return lines


def _shortened(paths: Sequence[str]) -> list[str]:
    """Paths as one types them; many that a glob stands for, by the glob."""
    if len(paths) <= _FEW_FILES:
        return list(paths)
    first = _common_start(paths)
    last = _common_start([path[len(first) :][::-1] for path in paths])[::-1]
    pattern = f"{glob.escape(first)}*{glob.escape(last)}"
    return [pattern] if files_of_glob(pattern) == list(paths) else list(paths)


def _common_start(texts: Sequence[str]) -> str:
    low, high = min(texts), max(texts)
    return low[: next((at for at, letter in enumerate(low) if letter != high[at]), len(low))]


def _series(found: TableOverview, target: str) -> tuple[str, str, str] | None:
    """The columns of time, x and y of a series without gaps that is long enough; None where there are none."""
    complete = [column.name for column in found.columns if not column.missing]
    others = [name for name in found.timeless if name != target and name in complete and name.isprintable()]
    if found.time is None or not others or target not in complete or found.rows < _ROWS_OF_SERIES:
        return None
    return found.time, others[0], target
