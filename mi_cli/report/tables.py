"""From result rows to a summary: aggregates over seeds, verdicts on claims, and tables for the terminal."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mi_cli.errors import counted

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


__all__ = ["INFORMATION", "SCALES", "decision", "heading", "means", "number", "overall", "show"]

Row = Mapping[str, Any]

SCALES = {"nats": 1.0, "bits": 1 / math.log(2)}
INFORMATION = {  # columns of tables that are in nats
    *("estimate", "stderr", "ci_low", "ci_high", "lower", "ceiling", "gap", "true_mi", "mean", "sd"),
    *("bias", "rmse", "limit", "limit_low", "limit_high"),
}
_SHARES = ("covers_truth", "covers_claim", "too_high", "small_p")  # whose intervals are in the file only
# Columns that are left to the file where the terminal is narrow.
_LESS = ("effective", "gap", "kind", "ceiling", "stderr", "sd", "p_holm", "slope")
_MANY = 40  # settings; a longer table nobody reads in a terminal


def show(summary: Mapping[str, Any], console: Console) -> None:
    """Print the summary's tables and verdicts; of very many settings only what was made of all of them."""
    units = summary["shown_in"]
    if "estimates" in summary["tables"]:
        pass  # which says all that the means over seeds would, and more
    elif not summary["tables"] or len(summary["cells"]) <= _MANY:
        title = f"{summary['name']} ({summary['variant']}, {summary['budget']}); MI in {units}, means over seeds"
        _print(title, console)
        console.print(_table(summary))
    else:
        _print(f"{summary['name']}: means of {len(summary['cells'])} settings are in summary.json", console)
    for name, rows in summary["tables"].items():
        _print(heading(name, rows, summary), console)
        if rows:
            console.print(_overall(rows[:_MANY], summary, console.width))
            for row in rows[:_MANY]:
                if row.get("reason") and row.get("status") == "ok":
                    _print(f"{row['method']}: {row['reason']}", console)
        if len(rows) > _MANY:
            _print(f"and {len(rows) - _MANY} more rows in tables/{name}.csv", console)
    for line in summary["advice"]:
        _print(line, console)
    for claim in summary["claims"]:
        console.print(_verdict(claim), highlight=False, soft_wrap=True)


def _print(line: str, console: Console) -> None:
    """Print a line as it is, however wide."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def means(summary: Mapping[str, Any]) -> tuple[dict[str, bool], list[list[str]]]:
    """The means over seeds as text: columns, each with whether it is of numbers, and a row for each cell."""
    cells, scale = summary["cells"], SCALES[summary["shown_in"]]
    percent = f"{100 * summary['level']:g} %"
    columns = [column for column in ("estimate", "test_mse", "difference") if any(column in cell for cell in cells)]
    titles = {
        "estimate": f"estimate ± {percent}",
        "test_mse": f"test MSE ± {percent}",
        "difference": "MSE − linear regression's",
    }
    with_truth = summary["procedure"] == "estimate" and any("true_mi" in cell for cell in cells)
    found = (
        dict.fromkeys([*summary["axes"], "method"], False) | {"seeds": True} | ({"true MI": True} if with_truth else {})
    )
    found |= {titles[column]: True for column in columns}
    scales = [scale if column == "estimate" else 1.0 for column in columns]
    rows = []
    for cell in cells:
        row = [str(cell[axis]) for axis in summary["axes"]] + [cell["method"], str(cell["n"])]
        if with_truth:
            row.append(number(cell.get("true_mi"), scale))
        rows.append([*row, *(_mean(cell.get(column), by) for column, by in zip(columns, scales, strict=True))])
    return found, rows


def _table(summary: Mapping[str, Any]) -> RenderableType:
    from rich.table import Table

    columns, rows = means(summary)
    table = Table()
    for title, is_number in columns.items():
        if title == "true MI":
            table.add_column(title, justify="right")
        else:
            table.add_column(title, justify="right" if is_number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def heading(name: str, rows: Sequence[Row], summary: Mapping[str, Any]) -> str:
    """What a table of all settings is of."""
    if not rows:
        return f"{name}: no task has a true MI that is known and finite"
    data = summary.get("data") or {}
    if name == "estimates" and data.get("file"):
        sides = [", ".join(column["column"] for column in data[side][:6]) for side in ("x", "y")]
        sides = [text + ", ..." * (len(data[side]) > 6) for text, side in zip(sides, ("x", "y"), strict=True)]
        rows_of = f"{data['rows_used']:,} rows of {data['file']}"
        return f"MI in {summary['shown_in']}; x = {sides[0]}; y = {sides[1]}; {rows_of}"
    if "tasks" not in rows[0]:
        return f"{name}: {counted(len(rows), 'row')} of {summary['name']}, in {summary['shown_in']}"
    tasks = counted(max(row["tasks"] for row in rows), "task")
    return f"{name}: {tasks} of {summary['name']} with a finite true MI; errors in nats"


def overall(rows: Sequence[Row], summary: Mapping[str, Any]) -> tuple[dict[str, str], list[dict[str, str]]]:
    """A table of all settings as text: titles of the columns that say something, by key, and the rows."""
    percent = f"{100 * summary['level']:g} %"
    titles = {"error": f"mean |error| ± {percent}", "coverage": f"coverage ({percent})", "seconds": "median s"}
    cells = [_shown(row, SCALES[summary["shown_in"]]) for row in rows]
    told = {"reason"} | ({"status"} if all(row.get("status") == "ok" for row in rows) else set())
    cells = [{key: text for key, text in cell.items() if key not in told} for cell in cells]
    titles |= {"ci": f"{percent} interval", "lower": f"at least ({percent})", "p_value": "p", "gap": "training − test"}
    columns = [key for key in cells[0] if any(cell.get(key) not in ("", "0", None) for cell in cells)]
    return {key: titles.get(key, key) for key in columns}, cells


def _overall(rows: Sequence[Row], summary: Mapping[str, Any], width: int) -> RenderableType:
    """The same for a terminal: numbers to the right."""
    from rich.table import Table

    columns, cells = overall(rows, summary)
    for key in _LESS:
        wide = [max(len(title), *(len(cell.get(name, "")) for cell in cells)) for name, title in columns.items()]
        if sum(wide) + 3 * len(columns) + 1 > width:
            columns.pop(key, None)
    table = Table()
    for key, title in columns.items():
        is_text = all(isinstance(row.get(key), str) for row in rows)
        table.add_column(title, justify="left" if is_text else "right", no_wrap=True)
    for cell in cells:
        table.add_row(*(cell.get(key, "") for key in columns))
    return table


def _shown(row: Mapping[str, Any], scale: float) -> dict[str, str]:
    """A row of a table as text: the ends of an interval as one, the tasks behind those solved."""
    told: tuple[str, ...] = ("tasks", "answered", "trials", "error_ci_low", "error_ci_high")
    found = {
        key: number(value, scale if key in INFORMATION else 1) if isinstance(value, float) else str(value)
        for key, value in row.items()
        if key.rpartition("_")[0] not in _SHARES
    }
    found |= {key: f"{100 * row[key]:.1f} %" for key in _SHARES if row.get(key) is not None}
    row = {key: row[key] for key in found}
    if "tasks" not in row:
        if row.get("estimator") == row.get("method"):
            found.pop("estimator", None)
        return _with_ends({key: "" if row[key] is None else text for key, text in found.items()})
    error = {"mean": row["error"], "ci_low": row["error_ci_low"], "ci_high": row["error_ci_high"]}
    found |= {"solved": f"{row['solved']} of {row['tasks']}", "error": "" if row["error"] is None else _mean(error)}
    told += ("estimator",) if row.get("estimator") == row["method"] else ()
    return {key: "" if row[key] is None or key in told else text for key, text in found.items()}


def _with_ends(row: dict[str, str]) -> dict[str, str]:
    """``a``, ``a_low``, ``a_high`` as one text of ``a``."""
    found: dict[str, str] = {}
    for key, text in row.items():
        stem, _, end = key.rpartition("_")
        if end == "high" and f"{stem}_low" in row:
            continue
        if end == "low" and f"{stem}_high" in row:
            ends = f"[{text}, {row[f'{stem}_high']}]" if text else ""
            found[stem] = f"{found.get(stem, '')} {ends}".strip()
        else:
            found[key] = text
    return found


def _verdict(claim: Mapping[str, Any]) -> str:
    from rich.markup import escape

    colour = {"holds": "green", "fails": "red", "undecided": "yellow"}[claim["verdict"]]
    text = f"[bold {colour}]{claim['verdict']}[/]: {escape(claim['text'])}"
    decided = escape(decision(claim))
    return f"{text}\n    {decided}" if claim["cells"] else f"{text} ({decided})"


def decision(claim: Mapping[str, Any]) -> str:
    """What decides a judged claim: a value with its interval, where, and in how many settings it holds."""
    cells = claim["cells"]
    if not cells:
        return "no numbers"
    # The cell that decides: a failing one, else one that does not hold, else the first.
    decisive = min(cells, key=lambda cell: ("fails", "undecided", "holds").index(cell["verdict"]))
    where = ", ".join(f"{axis}={value}" for axis, value in decisive["where"].items())
    counts = Counter(cell["verdict"] for cell in cells)
    held = "" if len(cells) == 1 else f"; {counts['holds']} of {len(cells)} settings hold"
    unit = f"{claim['unit']} " if claim["unit"] else ""
    value = unit + _with_interval(dict(decisive, mean=decisive["value"]))
    return f"{value}{' at ' + where if where else ''}{held}"


def _mean(value: Mapping[str, Any] | None, scale: float = 1) -> str:
    """A mean and the half-width of its interval."""
    if not value:
        return ""
    if value.get("ci_low") is None:
        return number(value["mean"], scale)
    return f"{number(value['mean'], scale)} ± {number((value['ci_high'] - value['ci_low']) / 2, scale)}"


def _with_interval(value: Mapping[str, Any]) -> str:
    if value.get("ci_low") is None:
        return number(value["mean"])
    return f"{number(value['mean'])} [{number(value['ci_low'])}, {number(value['ci_high'])}]"


def number(value: float | None, scale: float = 1) -> str:
    """A number as it is shown; nothing where there is none."""
    if value is None:
        return ""
    if math.isinf(value):
        return "∞"
    value *= scale
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:.4f}"
    return f"{value:.1e}"
