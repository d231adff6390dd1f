"""The verdict on representations as lines of text, and the scores of all methods as a table of labels by methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mi_cli.errors import counted
from mi_cli.report.smoke_text import NO_VERDICT, is_smoke

__all__ = ["efficiency_tables", "verdict_lines"]

_NAME = "label_efficiency"
_NO_INTERVAL = "fewer than three seeds, or equal differences in all of them, have no interval"
_FIELDS = {"verdict", "method", "measure", "level", "compared", "encoder", "steps"}
_COLUMNS = {  # of the long table, that are no axes
    *("labels", "method", "seeds", "measure", "score", "score_low", "score_high", "difference", "difference_low"),
    *("over_network", "over_network_low", "over_network_high"),
    *("difference_high", "test_mse", "test_accuracy", "test_log_loss", "estimate"),
}


def verdict_lines(summary: Mapping[str, Any]) -> list[str]:
    """What to use with how many labels, and which encoder is best; no lines for a run without such a table."""
    if _NAME not in summary["tables"]:
        return []
    if is_smoke(summary):
        return [NO_VERDICT]
    lines = []
    for verdict in summary.get("verdicts") or ():
        setting = ", ".join(f"{key}={value}" for key, value in verdict.items() if key not in _FIELDS)
        first, *rest = _lines(verdict)
        lines += [f"{setting}: {first}" if setting else first, *rest]
    return lines


def _lines(verdict: Mapping[str, Any]) -> list[str]:
    steps = verdict["steps"]
    if verdict["verdict"] == "cannot tell":
        return [f"Cannot tell: {_NO_INTERVAL}. What would help: sweep.seed=[0,1,2,3,4]."]
    every = [labels for step in steps for labels in step["labels"]]
    lines = [_step(step, verdict["measure"], every) for step in steps]
    percent = f"{100 * verdict['level']:.4g} %"
    about = f"Intervals are of paired differences over seeds, at {percent} each for {verdict['compared']} comparisons."
    if verdict["verdict"] == "raw columns":
        said = "Use the raw columns: no representation and no trees are better by more than their interval."
        lines = [said + "".join(_no_better(step, verdict["measure"]) for step in steps)]
    return [*lines, about]


def _step(step: Mapping[str, Any], measure: str, every: Sequence[int]) -> str:
    labels = step["labels"]
    if labels == list(every):
        span = f"from {labels[0]:,} labels on" if len(labels) > 1 else f"with {labels[0]:,} labels"
    elif len(labels) == 1:
        span = f"with {labels[0]:,} labels"
    elif labels[-1] == every[-1]:
        span = f"from {labels[0]:,} labels on"
    else:
        span = f"with {labels[0]:,} to {labels[-1]:,} labels"
    if step["use"] == "cannot tell":
        return f"Cannot tell {span}: {_NO_INTERVAL}."
    if step["use"] == "raw columns":
        return f"Use the raw columns {span}: nothing is better by more than its interval.{_no_better(step, measure)}"
    what = "gradient-boosted trees" if step["use"] == "trees" else f"the representation {step['method']}"
    gain = f"{step['gain']:.4f} [{step['ci_low']:.4f}, {step['ci_high']:.4f}]"
    at = f", at {step['at']:,} labels" if len(labels) > 1 else ""
    return f"Use {what} {span}: {measure} higher by {gain} than with the raw columns{at}."


def _no_better(step: Mapping[str, Any], measure: str) -> str:
    """A sentence where the raw columns do not predict; summaries of older versions do not know."""
    labels = step.get("no_better")
    if not labels or step["use"] != "raw columns":
        return ""
    constant = "the mean of the labels" if measure == "R²" else "the shares of the classes"
    where = "" if labels == step["labels"] else f" with {', '.join(f'{n:,}' for n in labels)} labels"
    return f" They are not better than {constant}{where}."


def efficiency_tables(
    rows: Sequence[Mapping[str, Any]], *, judged: bool = True
) -> list[tuple[str, dict[str, bool], list[list[str]]]]:
    """The scores of a long table (``label_efficiency``), for each setting a table of methods by numbers of labels.

    Args:
        rows: of the table.
        judged: whether scores are marked as better or worse than those of the raw columns.

    Returns:
        For each setting a title; titles of columns, each with whether it has numbers; and rows as text. Scores have a +
        where they are better than those of the raw columns by more than the corrected interval, and a − where worse.
    """
    axes = [key for key in (rows[0] if rows else {}) if key not in _COLUMNS]
    settings: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        settings.setdefault(tuple(str(row[axis]) for axis in axes), []).append(row)
    return [_table(axes, setting, members, judged=judged) for setting, members in settings.items()]


def _table(
    axes: Sequence[str], setting: Sequence[str], rows: Sequence[Mapping[str, Any]], *, judged: bool
) -> tuple[str, dict[str, bool], list[list[str]]]:
    labels = list(dict.fromkeys(row["labels"] for row in rows))
    methods = list(dict.fromkeys(row["method"] for row in rows))
    cells = {(row["method"], row["labels"]): row for row in rows}
    texts = {key: _cell(row, judged=judged) for key, row in cells.items()}
    body = [[method, *(texts.get((method, n), "") for n in labels)] for method in methods]
    where = "".join(f"{axis}={value}, " for axis, value in zip(axes, setting, strict=True))
    marks = "; + better, − worse than the raw columns by more than the interval" if judged else ""
    title = f"{where}{rows[0]['measure']} by number of labels, means over {counted(rows[0]['seeds'], 'seed')}{marks}"
    return title, {"method": False} | {f"{n:,}": True for n in labels}, body


def _cell(row: Mapping[str, Any], *, judged: bool) -> str:
    mark = " "
    if judged and row["difference_low"] is not None:
        mark = "+" if row["difference_low"] > 0 else "−" if row["difference_high"] < 0 else " "
    return f"{row['score']:.3f} {mark}".replace("-", "−")
