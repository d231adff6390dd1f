"""Mean estimates of every estimator on every task, coloured by their error relative to the true MI."""

from __future__ import annotations

import bisect
import math
import textwrap
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mi_cli.analysis.task_scores import ABSOLUTE, RELATIVE, Score
from mi_cli.plots.parts import figures, labels, series
from mi_cli.plots.parts.values import Value, exact, tell
from mi_cli.records.results import Records

__all__ = ["plot"]

_WHAT = "Mean estimate (nats) of each estimator on each task"

# Brewer's RdBu (colorbrewer2.org), which colour-blind readers can tell apart: too low is blue, too high is red.
_ENDS = (-0.5, -0.25, -RELATIVE, RELATIVE, 0.25, 0.5)
_COLOURS = ("#2166AC", "#67A9CF", "#D1E5F0", "#F7F7F7", "#FDDBC7", "#EF8A62", "#B2182B")
_DARK = ("#2166AC", "#B2182B")
_LEAST_TRUTH = ABSOLUTE / RELATIVE  # nats; errors on tasks with a smaller true MI are relative to this
_UNKNOWN, _MISSING, _LOST = "#E8E8E8", "white", "white"
_HATCH = "////"

_WIDTH, _HEIGHT, _LINE = 0.62, 0.27, 0.12  # inches of a cell, and of each further line of a label
_LABEL_COLUMNS = 44  # characters
_CHARACTER = 0.062  # inches
_LARGE = 1000.0  # nats; larger numbers are written with one digit
_SHORT = 7  # characters that fit above a column


def plot(records: Records) -> Figure:
    """Draw a row for each task with its true MI, a column for each estimator, and how many tasks each solved."""
    scores = series.scores(records)
    if not any(score.estimates for score in scores):
        return figures.empty_figure(records, _WHAT, "no trial gave an estimate")
    look_of = series.looks(series.key(score) for score in scores)
    cells = {(series.task(score), series.key(score)): score for score in scores}
    tasks = list(dict.fromkeys(task for task, _ in cells))
    labels = ["\n".join(textwrap.wrap(label, _LABEL_COLUMNS)) for label in series.task_labels(tasks)]
    lines = max(label.count("\n") for label in labels)
    size = (
        _WIDTH * (len(look_of) + 1) + _CHARACTER * max(len(line) for label in labels for line in label.split("\n")),
        (_HEIGHT + _LINE * lines) * (len(tasks) + 1) + _header([look.label for look in look_of.values()]),
    )
    grid = figures.Grid.with_panels([(0, 0)], size)
    ax = grid.panels[0, 0]
    for row, task in enumerate(tasks):
        of_task = [cells.get((task, key)) for key in look_of]
        _truth(ax, row, [score for score in of_task if score], labels[row])
        for column, (score, look) in enumerate(zip(of_task, look_of.values(), strict=True), 1):
            _cell(ax, row, column, score)
            if score is not None and score.mean is not None:
                _tell(ax, row, column, score.mean, look.label, labels[row])
    _footer(ax, len(tasks), [[cells[task, key] for task in tasks if (task, key) in cells] for key in look_of])
    _frame(ax, [*labels, "solved"], ["true MI", *(look.label for look in look_of.values())])
    _key(ax, any(score.lost for score in scores))
    figures.add_legend(grid.figure)
    figures.add_title(grid.figure, records, _WHAT, *_remarks(scores))
    return grid.figure


def _header(labels: Sequence[str]) -> float:
    """Inches of height for the names above the columns."""
    longest = max(map(len, labels))
    return 0.2 if longest <= _SHORT else 0.2 + 0.7 * _CHARACTER * longest


def _tell(ax: Axes, row: int, column: int, value: float, name: str, task: str) -> None:
    tell(ax, column + 0.5, row + 0.5, Value("mean estimate (nats)", name, task, exact(value)))


def _truth(ax: Axes, row: int, scores: Sequence[Score], task: str) -> None:
    true_mi = next((score.true_mi for score in scores if score.true_mi is not None), None)
    if true_mi is not None:
        _tell(ax, row, 0, true_mi, "true MI", task)
    text = "unknown" if true_mi is None else "∞" if math.isinf(true_mi) else f"{true_mi:.2f}"
    ax.text(0.5, row + 0.5, text, ha="center", va="center", fontsize=7.5, fontweight="bold")


def _cell(ax: Axes, row: int, column: int, score: Score | None) -> None:
    """Draw a square with the estimate. Where trials were lost, it is hatched and says so."""
    if score is None or not (score.estimates or score.lost):
        _square(ax, row, column, _MISSING, "–")
        return
    colour, lost = _colour(score), Counter(score.lost)
    words = " ".join(lost) if len(lost) == 1 else "lost"
    if score.mean is None:
        _square(ax, row, column, colour, words, hatched=True)
        return
    text = _number(score.mean)
    if lost:
        text += f"\n{sum(lost.values())} {words}"
    elif score.solved():
        text += " ✓"
    _square(ax, row, column, colour, text, hatched=bool(lost))


def _square(ax: Axes, row: int, column: int, colour: str, text: str, *, hatched: bool = False) -> None:
    edge, hatch = ("0.75", _HATCH) if hatched else ("white", None)
    ax.add_patch(Rectangle((column, row), 1, 1, facecolor=colour, linewidth=0.8, edgecolor=edge, hatch=hatch))
    size, ink = 6 if "\n" in text or len(text) > _SHORT else 7.5, "white" if colour in _DARK else "black"
    box = {"facecolor": colour, "edgecolor": "none", "pad": 0.8} if hatched else None
    ax.text(column + 0.5, row + 0.5, text, ha="center", va="center", linespacing=1, bbox=box, fontsize=size, color=ink)


def _colour(score: Score) -> str:
    if score.mean is None:
        return _LOST
    if score.bias is None or score.truth is None:
        return _UNKNOWN
    error = score.bias / max(score.truth, _LEAST_TRUTH)
    if abs(score.bias) <= score.tolerance():  # so that rounding cannot give a solved task another colour
        return _COLOURS[len(_COLOURS) // 2]
    return _COLOURS[bisect.bisect(_ENDS, error)]


def _number(value: float) -> str:
    text = labels.number(value) if abs(value) >= _LARGE else f"{value:.2f}"
    return text.replace("-0.00", "0.00").replace("-", "\N{MINUS SIGN}")


def _footer(ax: Axes, row: int, columns: Sequence[Sequence[Score]]) -> None:
    """Write below each column how many of the tasks with a finite true MI the estimator solved."""
    for column, members in enumerate(columns, 1):
        known = [score for score in members if score.truth is not None]
        text = f"{sum(score.solved() for score in known)} of {len(known)}" if known else "–"
        ax.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=7.5, fontweight="bold")


def _frame(ax: Axes, rows: Sequence[str], columns: Sequence[str]) -> None:
    ax.set_xlim(0, len(columns))
    ax.set_ylim(len(rows), 0)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0, labelsize=8)
    ax.xaxis.tick_top()
    ax.set_yticks([row + 0.5 for row in range(len(rows))], rows)
    ax.set_xticks([column + 0.5 for column in range(len(columns))], columns)
    if max(map(len, columns[1:])) > _SHORT:
        for label in ax.get_xticklabels():
            label.set(rotation=45, ha="left", rotation_mode="anchor")


def _key(ax: Axes, lost: bool) -> None:
    """Add entries of the legend that explain the colours."""
    ends = [f"{100 * end:g} %".replace("-", "\N{MINUS SIGN}") for end in _ENDS]
    middle = len(_ENDS) // 2
    between = [f"{low[:-2]} to {high}" for low, high in pairwise(ends)]
    between[middle - 1] = f"within {100 * RELATIVE:g} %"
    for colour, label in zip(_COLOURS, [f"below {ends[0]}", *between, f"above {ends[-1]}"], strict=True):
        ax.add_patch(Rectangle((0, 0), 0, 0, facecolor=colour, edgecolor="0.6", linewidth=0.5, label=label))
    if lost:
        label = "trials lost"
        ax.add_patch(Rectangle((0, 0), 0, 0, facecolor=_LOST, edgecolor="0.6", hatch=_HATCH, label=label))


def _remarks(scores: Sequence[Score]) -> list[str]:
    remarks = [
        f"colour: signed error relative to the true MI (to {_LEAST_TRUTH:g} nats if that is smaller)",
        "✓ solved: within 10 % or 0.05 nats, no trial lost",
    ]
    if any(score.estimates and score.truth is None for score in scores):
        remarks.append("grey: no finite true MI to compare with")
    return remarks
