"""The summary of a run as it is printed: its answer, tables, and verdicts on claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mi_cli.report.answer_text import answer_lines
from mi_cli.report.selection_text import selection_lines
from mi_cli.report.tables import Row, decision, has_all_numbers, mean_table, remarks, setting_table, title_of
from mi_cli.report.time_text import time_lines
from mi_cli.report.verdict_text import efficiency_tables, verdict_lines

__all__ = ["show"]

_DROPPED_FIRST = (
    "effective",
    "gap",
    "kind",
    "ceiling",
    "stderr",
    "sd",
    "p_holm",
    "slope",
    "null_mean",
    "seed",
)  # on a narrow terminal
_DIAGNOSTICS = ("kind", "ceiling", "effective", "gap")  # of a table of estimates; the page has them
_MOST_ROWS = 40  # of a table; the file has all of them
_COLOURS = {"holds": "green", "fails": "red", "undecided": "yellow"}


def show(summary: Mapping[str, Any], console: Console, *, verbose: bool = False) -> None:
    """Print the answer, the tables and the verdicts of a summary.

    Means over seeds are left out where a table has their numbers (:func:`~mi_cli.report.tables.has_all_numbers`), and
    where there are very many settings and other tables. Diagnostics of estimators are left out unless ``verbose``.
    """
    for line in (*answer_lines(summary), *verdict_lines(summary), *time_lines(summary), *selection_lines(summary)):
        _print(line, console)
    if not has_all_numbers(summary):
        if summary["tables"] and len(summary["cells"]) > _MOST_ROWS:
            _print(f"{summary['name']}: means of {len(summary['cells'])} settings are in summary.json", console)
        else:
            measure = f"{summary.get('measure', 'MI')} in {summary['shown_in']}"
            _print(f"{_run(summary)}; {measure}, means over seeds", console)
            console.print(_mean_table(summary))
    for title, columns, body in efficiency_tables(summary["tables"].get("label_efficiency", ())):
        _print(title, console)
        console.print(_table(columns, body))
    for name, rows in summary["tables"].items():
        if name == "label_efficiency":
            continue
        _print(title_of(name, rows, summary), console)
        if rows:
            hidden = () if verbose or name != "estimates" else _DIAGNOSTICS
            console.print(_setting_table(rows[:_MOST_ROWS], summary, console.width, hidden))
            for line in remarks([row for row in rows[:_MOST_ROWS] if row.get("status") == "ok"]):
                _print(line, console)
        if len(rows) > _MOST_ROWS:
            _print(f"and {len(rows) - _MOST_ROWS} more rows in tables/{name}.csv", console)
    for claim in summary["claims"]:
        console.print(_verdict(claim), highlight=False, soft_wrap=True)


def _run(summary: Mapping[str, Any]) -> str:
    """The name of a run, with its variant and its budget where they are not the default ones."""
    variant = f"{summary['variant']} variant" if summary["variant"] != "corrected" else ""
    budget = f"budget={summary['budget']}" if summary["budget"] != "full" else ""
    more = ", ".join(filter(None, (variant, budget)))
    return f"{summary['name']} ({more})" if more else str(summary["name"])


def _print(line: str, console: Console) -> None:
    """Print a line unchanged, however wide the terminal is."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def _mean_table(summary: Mapping[str, Any]) -> Table:
    return _table(*mean_table(summary))


def _table(columns: Mapping[str, bool], rows: Sequence[Sequence[str]]) -> Table:
    """A table of texts; ``columns`` has for each title whether the column has numbers."""
    table = Table()
    for title, is_number in columns.items():
        if title == "true MI":
            table.add_column(title, justify="right")
        else:
            table.add_column(title, justify="right" if is_number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def _setting_table(rows: Sequence[Row], summary: Mapping[str, Any], width: int, hidden: Sequence[str] = ()) -> Table:
    """A table of settings with numbers to the right, without the least important columns if it is too wide."""
    columns, cells = setting_table(rows, summary)
    columns = {key: title for key, title in columns.items() if key not in hidden}
    for key in _DROPPED_FIRST:
        widths = [max(len(title), *(len(cell.get(name, "")) for cell in cells)) for name, title in columns.items()]
        if sum(widths) + 3 * len(columns) + 1 > width:
            columns.pop(key, None)
    table = Table()
    for key, title in columns.items():
        is_text = all(isinstance(row.get(key), str) for row in rows)
        table.add_column(title, justify="left" if is_text else "right", no_wrap=True)
    for cell in cells:
        table.add_row(*(cell.get(key, "") for key in columns))
    return table


def _verdict(claim: Mapping[str, Any]) -> Text:
    verdict, reason = (claim["verdict"], f"bold {_COLOURS[claim['verdict']]}"), decision(claim)
    return Text.assemble(verdict, f": {claim['text']}", f"\n    {reason}" if claim["cells"] else f" ({reason})")
