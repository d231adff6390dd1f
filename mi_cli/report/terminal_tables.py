"""The summary of a run as it is printed: its answer, tables, and verdicts on claims."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mi_cli.report.said_text import said_lines
from mi_cli.report.smoke_text import NOT_JUDGED, is_smoke
from mi_cli.report.tables import Row, decision, has_all_numbers, mean_table, remarks, setting_table, title_of
from mi_cli.report.verdict_text import efficiency_tables

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
_SHORT_NAME, _LEAST_NAME = 12, 6  # characters of a name on a line, while numbers need not break, and at least
_COLOURS = {"holds": "green", "fails": "red", "undecided": "yellow"}


def show(summary: Mapping[str, Any], console: Console, *, verbose: bool = False) -> None:
    """Print the answer, the tables and the verdicts of a summary.

    Means over seeds are left out where a table has their numbers (:func:`~mi_cli.report.tables.has_all_numbers`), and
    where there are very many settings and other tables. Diagnostics of estimators are left out unless ``verbose``.
    """
    for line in said_lines(summary):
        _print(line, console)
    if not has_all_numbers(summary):
        if summary["tables"] and len(summary["cells"]) > _MOST_ROWS:
            _print(f"{summary['name']}: means of {len(summary['cells'])} settings are in summary.json", console)
        else:
            measure = f"{summary.get('measure', 'MI')} in {summary['shown_in']}"
            _print(f"{_run(summary)}; {measure}, means over seeds", console)
            console.print(_mean_table(summary, console.width), crop=False)
    judged = not is_smoke(summary)
    for title, columns, body in efficiency_tables(summary["tables"].get("label_efficiency", ()), judged=judged):
        _print(title, console)
        console.print(_table(columns.items(), body, console.width), crop=False)
    for name, rows in summary["tables"].items():
        if name == "label_efficiency":
            continue
        _print(title_of(name, rows, summary), console)
        if rows:
            hidden = () if verbose or name != "estimates" else _DIAGNOSTICS
            console.print(_setting_table(rows[:_MOST_ROWS], summary, console.width, hidden), crop=False)
            for line in remarks([row for row in rows[:_MOST_ROWS] if row.get("status") == "ok"]):
                _print(line, console)
        if len(rows) > _MOST_ROWS:
            _print(f"and {len(rows) - _MOST_ROWS} more rows in tables/{name}.csv", console)
    for claim in summary["claims"]:
        text = _verdict(claim) if judged else Text(f"{NOT_JUDGED}: {claim['text']}")
        console.print(text, highlight=False, soft_wrap=True)


def _run(summary: Mapping[str, Any]) -> str:
    """The name of a run, with its variant and its budget where they are not the default ones."""
    variant = f"{summary['variant']} variant" if summary["variant"] != "corrected" else ""
    budget = f"budget={summary['budget']}" if summary["budget"] != "full" else ""
    more = ", ".join(filter(None, (variant, budget)))
    return f"{summary['name']} ({more})" if more else str(summary["name"])


def _print(line: str, console: Console) -> None:
    """Print a line unchanged, however wide the terminal is."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def _mean_table(summary: Mapping[str, Any], width: int) -> Table:
    columns, rows = mean_table(summary)
    return _table(columns.items(), rows, width)


def _table(columns: Iterable[tuple[str, bool]], rows: Sequence[Sequence[str]], width: int) -> Table:
    """A table of texts; ``columns`` has each title, and whether the column has numbers.

    Where it is too wide for the terminal, cells and titles break at spaces, and long names anywhere. No number is cut.
    """
    titles = list(columns)
    cells = [[row[number] for row in rows] for number in range(len(titles))]
    widths = _widths(
        [(title, column, is_number) for (title, is_number), column in zip(titles, cells, strict=True)], width
    )
    table = Table(width=sum(widths) + 3 * len(widths) + 1)  # or else numbers are cut where all of this is too wide
    for (title, is_number), least in zip(titles, widths, strict=True):
        table.add_column(title, justify="right" if is_number else "left", width=least, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def _widths(columns: Sequence[tuple[str, Sequence[str], bool]], width: int) -> list[int]:
    """The width of each column (title, cells, whether they are numbers) of a table that fits into ``width``.

    First the titles of numbers break, then numbers at their spaces, and names share what is left. The least widths,
    which may be too wide, are those of the longest word of a column of numbers, and six characters of a name.
    """
    room = width - 3 * len(columns) - 1
    names = [max(map(len, (title, *cells))) for title, cells, is_number in columns if not is_number]
    numbers: list[int] = []
    for broken in (0, 1, 2):  # how many of cells and title break
        numbers = [_number_width(title, cells, broken) for title, cells, is_number in columns if is_number]
        rest = room - sum(numbers)
        if sum(names) <= rest or (names and rest >= _SHORT_NAME * len(names) and broken):
            break
    for taken, place in enumerate(sorted(range(len(names)), key=names.__getitem__)):  # the shortest first
        names[place] = min(names[place], max(_LEAST_NAME, rest // (len(names) - taken)))
        rest -= names[place]
    found = {True: iter(numbers), False: iter(names)}
    return [next(found[is_number]) for _, _, is_number in columns]


def _number_width(title: str, cells: Sequence[str], broken: int) -> int:
    whole = [len(word) for word in title.split()] if broken else [len(title)]
    return max(*whole, *(len(word) for cell in cells for word in (cell.split() if broken > 1 else [cell])), 1)


def _setting_table(rows: Sequence[Row], summary: Mapping[str, Any], width: int, hidden: Sequence[str] = ()) -> Table:
    """A table of settings with numbers to the right, without the least important columns if it is too wide."""
    columns, cells = setting_table(rows, summary)
    columns = {key: title for key, title in columns.items() if key not in hidden}
    for key in _DROPPED_FIRST:
        widths = [max(len(title), *(len(cell.get(name, "")) for cell in cells)) for name, title in columns.items()]
        if sum(widths) + 3 * len(columns) + 1 > width:
            columns.pop(key, None)
    titles = [(title, not all(isinstance(row.get(key), str) for row in rows)) for key, title in columns.items()]
    return _table(titles, [[cell.get(key, "") for key in columns] for cell in cells], width)


def _verdict(claim: Mapping[str, Any]) -> Text:
    verdict, reason = (claim["verdict"], f"bold {_COLOURS[claim['verdict']]}"), decision(claim)
    return Text.assemble(verdict, f": {claim['text']}", f"\n    {reason}" if claim["cells"] else f" ({reason})")
