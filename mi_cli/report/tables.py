"""The tables of a summary as text, for the terminal and for the page."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from mi_cli.bounds.uncertainty import SMALLEST_P
from mi_cli.errors import counted
from mi_cli.procedures.base import recorded_procedure
from mi_cli.records.results import SCALES
from mi_cli.report.smoke_text import is_smoke
from mi_cli.tabular.joint_columns import FEWEST_COLUMNS
from mi_cli.tabular.time_axis import Step, step_text

__all__ = [
    "IN_NATS",
    "OF_ALL_NUMBERS",
    "SMALLEST_P",
    "Row",
    "decision",
    "has_all_numbers",
    "information",
    "mean_table",
    "number",
    "remarks",
    "setting_table",
    "title_of",
]

Row = Mapping[str, Any]

OF_ALL_NUMBERS = {  # tables that make means over seeds superfluous
    *("estimates", "label_efficiency", "lags", "measures", "net_flows", "selected", "transfers"),
}
IN_NATS = {  # columns of tables whose numbers are in nats
    *("estimate", "stderr", "ci_low", "ci_high", "lower", "ceiling", "gap", "gain", "true_mi", "mean", "sd"),
    *("bias", "rmse", "limit", "limit_low", "limit_high", "absolute_error", "width"),
    "null_mean",
}
_OF_TIME = {  # titles of tables
    "lags": "MI of x and of y so many steps later",
    "transfers": "transfer entropy from source to target",
    "net_flows": "net flow: the transfer entropy from source to target less that in the other direction",
}
# Shares; the file has their intervals too. A table of tasks has numbers of them by the first two names.
_P_VALUES = ("p_value", "p_corrected", "p_holm", "q_value")
_SHARES = ("answered", "solved", "covers_truth", "covers_claim", "too_high", "small_p")


def has_all_numbers(summary: Mapping[str, Any]) -> bool:
    """Whether the tables have the numbers of all settings, so that their means over seeds are superfluous."""
    is_of_one_seed = all(cell["n"] == 1 for cell in summary["cells"])
    return bool(OF_ALL_NUMBERS & set(summary["tables"])) or ("pairs" in summary["tables"] and is_of_one_seed)


def remarks(rows: Sequence[Row]) -> list[str]:
    """What the rows of a table have to say beside their numbers; what several rows of a method say is there once."""
    return list(dict.fromkeys(f"{row.get('method')}: {row['reason']}" for row in rows if row.get("reason")))


def mean_table(summary: Mapping[str, Any]) -> tuple[dict[str, bool], list[list[str]]]:
    """Return the means over seeds as text.

    Returns:
        Titles of the columns, each with whether it has numbers; and a row for each cell of the summary.
    """
    cells, scale = summary["cells"], SCALES[summary["shown_in"]]
    percent = _percent(summary)
    columns = [
        column for column in ("estimate", "test_mse", "test_r2", "difference") if any(column in cell for cell in cells)
    ]
    titles = {
        "estimate": f"estimate ± {percent}",
        "test_mse": f"test MSE ± {percent}",
        "test_r2": f"test R² ± {percent}",
        "difference": "MSE − linear regression's",
    }
    recorded = recorded_procedure(summary["procedure"])
    with_truth = recorded is not None and recorded.shows_truth and any("true_mi" in cell for cell in cells)
    header = (
        dict.fromkeys([*summary["axes"], "method"], False) | {"seeds": True} | ({"true MI": True} if with_truth else {})
    )
    header |= {titles[column]: True for column in columns}
    rows = []
    for cell in cells:
        row = [str(cell[axis]) for axis in summary["axes"]] + [cell["method"], str(cell["n"])]
        if with_truth:
            row.append(information(cell.get("true_mi"), scale))
        rows.append([*row, *(_mean(cell.get(column), scale if column == "estimate" else None) for column in columns)])
    return header, rows


def title_of(name: str, rows: Sequence[Row], summary: Mapping[str, Any]) -> str:
    """Return the title of a table of settings."""
    data = summary.get("data") or {}
    if name in ("measures", "triples"):
        return _title_of_interactions(name, rows, summary)
    if not rows:
        return f"{name}: no task has a true MI that is known and finite"
    if name == "estimates" and data.get("file"):
        columns = {side: [column["column"] for column in data[side]] for side in "xyz" if side in data}
        sides = [f"{side} = {', '.join(names[:6])}{', ...' * (len(names) > 6)}" for side, names in columns.items()]
        rows_of = f"{data['rows_used']:,} rows of {data['file']}"
        return "; ".join([f"{summary.get('measure', 'MI')} in {summary['shown_in']}", *sides, rows_of])
    if name in _OF_TIME:
        return f"{_OF_TIME[name]}, in {summary['shown_in']}{_step(data.get('step'))}"
    if name == "pairs" and data.get("file"):
        given = f" given {', '.join(column['column'] for column in data['z'])}" if data.get("z") else ""
        return f"MI of {counted(len(rows), 'pair')} of columns{given} of {data['file']}, in {summary['shown_in']}"
    if name == "selected" and data.get("file"):
        y = ", ".join(column["column"] for column in data["y"])
        head = f"MI with {y} in {summary['shown_in']}, of columns in bins, which lose some of it"
        return f"{head}; gain: what a column adds to those above it; {rows[0]['method']}: all chosen columns together"
    if name == "label_efficiency":
        measures = f"score is {rows[0]['measure']} on test rows, estimate the MI of the code in {summary['shown_in']}"
        return f"{name}: {counted(len(rows), 'row')} of {summary['name']}; {measures}"
    if "tasks" not in rows[0]:
        units = f", in {summary['shown_in']}" if IN_NATS & rows[0].keys() else ""
        return f"{name}: {counted(len(rows), 'row')} of {summary['name']}{units}"
    tasks = counted(max(row["tasks"] for row in rows), "task")
    return f"{name}: {tasks} of {summary['name']} with a finite true MI; errors in nats"


def _title_of_interactions(name: str, rows: Sequence[Row], summary: Mapping[str, Any]) -> str:
    """The verdict on all columns together, or how many triples have which; at ``budget=smoke`` neither."""
    if not rows:
        return "measures: none was measured" if name == "measures" else _why_no_triples(summary)
    verdicts = Counter(row["interaction"] for row in rows if row["interaction"])
    judged = not is_smoke(summary)
    if name == "triples" and not judged:
        return f"Triples of columns by co-information, in {summary['shown_in']}"
    if name == "triples":
        told = ", ".join(f"{n:,} {verdict}" for verdict, n in verdicts.most_common())
        estimators = len({row["method"] for row in rows})
        several = f" (estimates of {estimators} estimators)" if estimators > 1 else ""
        return f"Triples of columns by co-information, in {summary['shown_in']}: {told}{several}"
    decided = [verdict for verdict in verdicts if verdict != "undecided"]
    verdict = decided[0] if len(decided) == 1 else "undecided, as estimators disagree" if decided else "undecided"
    data = summary.get("data") or {}
    names = [column["column"] for column in data.get("x", ())]
    of = f" of {', '.join(names[:6])}{', ...' * (len(names) > 6)}" if names else ""
    rows_of = f"; {data['rows_used']:,} rows of {data['file']}" if data.get("file") else ""
    meaning = "O-information above 0 is redundancy, below 0 synergy"
    head = f"Interaction{of}: {verdict}" if judged else f"Interaction{of}"
    return f"{head}; {meaning}, in {summary['shown_in']}{rows_of}"


def _why_no_triples(summary: Mapping[str, Any]) -> str:
    if len((summary.get("data") or {}).get("x", ())) == FEWEST_COLUMNS:
        return "triples: the measures above are those of the only one"
    return "triples: none was measured; nearest takes those of up to 6 columns, and copula of up to 30 of numbers"


def _step(step: Mapping[str, Any] | None) -> str:
    """What a lag of 1 is, where a column of time says it."""
    return f"; a step is {step_text(1, Step(step['size'], step['unit']))}" if step else ""


def setting_table(rows: Sequence[Row], summary: Mapping[str, Any]) -> tuple[dict[str, str], list[dict[str, str]]]:
    """Return a table of settings as text.

    Returns:
        Titles by key, of the columns that are not empty throughout; and the rows.
    """
    percent = _percent(summary)
    titles = {"error": f"mean |error| ± {percent}", "coverage": f"coverage ({percent})", "seconds": "median s"}
    cells = [_cells(row, SCALES[summary["shown_in"]]) for row in rows]
    hidden = {"reason"} | ({"interaction"} if is_smoke(summary) else set())
    hidden |= {"status"} if all(row.get("status") == "ok" for row in rows) else set()
    cells = [{key: text for key, text in cell.items() if key not in hidden} for cell in cells]
    titles |= {"ci": f"{percent} interval", "lower": f"at least ({percent})", "p_value": "p", "gap": "training − test"}
    titles |= {"p_corrected": "p, all lags", "source_history": "values of source", "target_history": "of target"}
    titles |= {"absolute_error": "mean |error|", "width": "median width"}
    columns = [key for key in cells[0] if any(cell.get(key) not in ("", "0", None) for cell in cells)]
    return {key: titles.get(key, key) for key in columns}, cells


def _percent(summary: Mapping[str, Any]) -> str:
    """The confidence level of intervals."""
    return f"{100 * summary['level']:g} %"


def _cells(row: Row, scale: float) -> dict[str, str]:
    """The cells of a row as text: an interval is one cell, and so are the numbers of solved and of all tasks."""
    hidden: tuple[str, ...] = ("tasks", "answered", "trials", "error_ci_low", "error_ci_high")
    cells = {
        key: _text(key, value, scale) if isinstance(value, float) else str(value)
        for key, value in row.items()
        if key.rpartition("_")[0] not in _SHARES
    }
    if "tasks" not in row:
        cells |= {key: f"{100 * row[key]:.1f} %" for key in _SHARES if row.get(key) is not None}
    row = {key: row[key] for key in cells}
    if "tasks" not in row:
        if row.get("estimator") == row.get("method"):
            cells.pop("estimator", None)
        return _joined_intervals({key: "" if row[key] is None else text for key, text in cells.items()})
    error = {"mean": row["error"], "ci_low": row["error_ci_low"], "ci_high": row["error_ci_high"]}
    cells |= {
        "solved": f"{row['solved']} of {row['tasks']}",
        "error": "" if row["error"] is None else _mean(error, 1.0),
    }
    hidden += ("estimator",) if row.get("estimator") == row["method"] else ()
    return {key: "" if row[key] is None or key in hidden else text for key, text in cells.items()}


def _text(key: str, value: float, scale: float) -> str:
    if key in _P_VALUES and value <= SMALLEST_P:
        return f"< {SMALLEST_P:.0e}"
    return information(value, scale) if key in IN_NATS else number(value)


def _joined_intervals(row: dict[str, str]) -> dict[str, str]:
    """The cells with ``a``, ``a_low`` and ``a_high`` joined to ``a``."""
    cells: dict[str, str] = {}
    for key, text in row.items():
        stem, _, end = key.rpartition("_")
        if end == "high" and f"{stem}_low" in row:
            continue
        if end == "low" and f"{stem}_high" in row:
            ends = f"[{text}, {row[f'{stem}_high']}]" if text else ""
            cells[stem] = f"{cells.get(stem, '')} {ends}".strip()
        else:
            cells[key] = text
    return cells


def decision(claim: Mapping[str, Any]) -> str:
    """Return what decides the verdict on a claim: a value with its interval and setting, and how many settings hold."""
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


def _mean(value: Mapping[str, Any] | None, scale: float | None) -> str:
    """A mean with the half-width of its interval: of nats, multiplied by ``scale``, or with None of something else."""
    if not value:
        return ""
    numbers = (
        [value["mean"]] if value.get("ci_low") is None else [value["mean"], (value["ci_high"] - value["ci_low"]) / 2]
    )
    return " ± ".join(number(one) if scale is None else information(one, scale) for one in numbers)


def _with_interval(value: Mapping[str, Any]) -> str:
    if value.get("ci_low") is None:
        return number(value["mean"])
    return f"{number(value['mean'])} [{number(value['ci_low'])}, {number(value['ci_high'])}]"


def number(value: float | None, scale: float = 1) -> str:
    """Return a number with four decimals or two digits, multiplied by ``scale``; an empty text for None."""
    if value is None:
        return ""
    if math.isinf(value):
        return "∞"
    value *= scale
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:.4f}"
    return f"{value:.1e}"


def information(value: float | None, scale: float = 1) -> str:
    """Return a number of nats with four decimals, however small it is, so that a column has one format.

    >>> information(-3e-4), information(1e-9), information(0.25, 2), information(None)
    ('-0.0003', '0.0000', '0.5000', '')
    """
    if value is not None and abs(value * scale) < 1e-3:
        return f"{value * scale:.4f}".replace("-0.0000", "0.0000")
    return number(value, scale)
