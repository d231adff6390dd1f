"""Claims: what an experiment should show, and the verdict of its own numbers.

A claim is judged in every cell (one setting of the axes), over seeds, with a t interval. It *holds* in a cell where
the interval lies wholly on the claimed side, *fails* where it lies wholly on the other, and is *undecided* between.
The claim as a whole holds where it holds in every cell, and fails where it fails in any.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from mi_cli.analysis.answer_scores import ALL, answer_scores
from mi_cli.analysis.coverage import coverage
from mi_cli.analysis.intervals import Interval, mean_interval
from mi_cli.analysis.rows import Row, Traces, grouped
from mi_cli.analysis.task_scores import ABSOLUTE, RELATIVE, Score, scores, totals
from mi_cli.fields import Count, NonNegative, Number, Section, Switch

__all__ = ["Claim", "judge"]

Verdict = Literal["holds", "fails", "undecided"]
Column = Literal["estimate", "train_mi", "val_mi", "test_mse", "split_mse", "stderr"]
Trace = Literal["train_mi", "val_mi", "train_mse", "val_mse"]


Cell = tuple[dict[str, Any], list[float], float | None, float | None]
Measured = tuple[dict[str, Any], Interval, float | None, float | None]


class _AnyClaim(Section, ABC):
    of_answers: ClassVar[bool] = False  # whether it is judged by answers (``answer_scores.answered``), not result rows

    text: str
    where: dict[str, Any] = Field(default_factory=dict)

    @abstractmethod
    def measure(self, rows: Sequence[Row], axes: Sequence[str], traces: Traces, level: float) -> Iterator[Measured]:
        """For each setting: the setting, a value with its interval, and the bounds that it is claimed to lie in."""


class _Claim(_AnyClaim):
    """A claim on the mean over seeds."""

    def measure(self, rows: Sequence[Row], axes: Sequence[str], traces: Traces, level: float) -> Iterator[Measured]:
        """The cells' means, of the rows that succeeded."""
        good = [row for row in rows if row["status"] == "ok"]
        for where, values, low, high in self.cells(good, axes, traces):
            if values:
                yield where, mean_interval(values, level), low, high

    @abstractmethod
    def cells(self, rows: Sequence[Row], axes: Sequence[str], traces: Traces) -> Iterator[Cell]:
        """For each setting: the setting, a value a seed, and the bounds that their mean is claimed to lie in."""


class _Along(_Claim):
    """A claim on how something changes along an axis. A run without that axis leaves it undecided."""

    axis: str


class EqualsTruth(_Claim):
    """The mean of ``estimate`` is within ``absolute`` + ``relative`` · truth of the true MI."""

    kind: Literal["equals_truth"]
    method: str | None = None
    absolute: NonNegative = 0.0
    relative: NonNegative = 0.0

    def cells(self, rows: Sequence[Row], axes: Sequence[str], traces: Traces) -> Iterator[Cell]:
        """Deviations from the truth, where it is known and finite."""
        for where, truth, deviations in _deviations(rows, axes, self.method):
            tolerance = self.absolute + self.relative * truth
            yield where, deviations, -tolerance, tolerance


class BelowTruth(_Claim):
    """The mean of ``estimate`` is below the true MI."""

    kind: Literal["below_truth"]
    method: str | None = None

    def cells(self, rows: Sequence[Row], axes: Sequence[str], traces: Traces) -> Iterator[Cell]:
        """Deviations from the truth, where it is known and finite."""
        for where, _, deviations in _deviations(rows, axes, self.method):
            yield where, deviations, None, 0.0


class Within(_Claim):
    """The mean of a column lies between ``low`` and ``high``."""

    kind: Literal["within"]
    column: Column = "estimate"
    method: str | None = None
    low: Number | None = None
    high: Number | None = None

    def cells(self, rows: Sequence[Row], axes: Sequence[str], traces: Traces) -> Iterator[Cell]:
        """Values of the column."""
        for where, cell in _by_cell(_of_method(rows, self.method, self.column), axes):
            yield where, [row[self.column] for row in cell], self.low, self.high


class Lower(_Claim):
    """``method`` has a lower mean of ``column`` than another, paired over seeds.

    ``scale: log`` compares logarithms. It is for columns that are huge for some seeds, which would decide the mean of
    the differences alone.
    """

    kind: Literal["lower"]
    column: Column = "test_mse"
    method: str
    than: str
    scale: Literal["linear", "log"] = "linear"

    def cells(self, rows: Sequence[Row], axes: Sequence[str], traces: Traces) -> Iterator[Cell]:
        """Differences (of logarithms), of the seeds that both methods have."""
        for where, cell in _by_cell(rows, axes):
            own, other = (
                {row["seed"]: row[self.column] for row in _of_method(cell, method, self.column)}
                for method in (self.method, self.than)
            )
            both = [(own[seed], other[seed]) for seed in own if seed in other]
            yield where, _differences(both, self.scale), None, 0.0


class Change(_Along):
    """From one value of an axis to another, a column's mean changes by ``low`` to ``high``, paired over seeds."""

    kind: Literal["change"]
    column: Column = "test_mse"
    method: str
    start: str | int | float
    end: str | int | float
    scale: Literal["linear", "log"] = "linear"
    low: Number | None = None
    high: Number | None = None

    def cells(self, rows: Sequence[Row], axes: Sequence[str], traces: Traces) -> Iterator[Cell]:
        """Changes (of the logarithm), one a seed that has both."""
        rest = [axis for axis in axes if axis != self.axis]
        for where, cell in _by_cell(_of_method(rows, self.method, self.column), rest):
            before, after = (
                {row["seed"]: row[self.column] for row in cell if row[self.axis] == value}
                for value in (self.start, self.end)
            )
            both = [(after[seed], before[seed]) for seed in before if seed in after]
            yield where, _differences(both, self.scale), self.low, self.high


class Trend(_Along):
    """The slope of a column along an axis has a sign, or (``none``) stays within ±``margin``."""

    kind: Literal["trend"]
    column: Column
    method: str | None = None
    direction: Literal["increasing", "decreasing", "none"]
    margin: NonNegative = 0.0

    def cells(self, rows: Sequence[Row], axes: Sequence[str], traces: Traces) -> Iterator[Cell]:
        """Slopes by least squares, one a seed."""
        low = {"increasing": 0.0, "decreasing": None, "none": -self.margin}[self.direction]
        high = {"increasing": None, "decreasing": 0.0, "none": self.margin}[self.direction]
        rest = [axis for axis in axes if axis != self.axis]
        for where, cell in _by_cell(_of_method(rows, self.method, self.column), rest):
            seeds = (group for _, group in _by_cell(cell, ["seed"]))
            slopes = (_slope([(row[self.axis], row[self.column]) for row in group]) for group in seeds)
            yield where, [slope for slope in slopes if slope is not None], low, high


class Correlation(_Claim):
    """Two traces of a run correlate with a sign (Pearson's coefficient within each run)."""

    kind: Literal["correlation"]
    x: Trace
    y: Trace
    direction: Literal["positive", "negative"]

    def cells(self, rows: Sequence[Row], axes: Sequence[str], traces: Traces) -> Iterator[Cell]:
        """Coefficients, one a trial."""
        low, high = (0.0, None) if self.direction == "positive" else (None, 0.0)
        for where, cell in _by_cell(rows, axes):
            pairs = [traces.get(trial, {}) for trial in dict.fromkeys(row["trial"] for row in cell)]
            values = [_correlation(pair[self.x], pair[self.y]) for pair in pairs if self.x in pair and self.y in pair]
            yield where, [value for value in values if value is not None], low, high


class Solves(_AnyClaim):
    """An estimator solves at least ``at_least`` tasks (all, unless given), with a mean absolute error up to ``error``.

    A task is solved where the mean over seeds is within ``absolute`` nats or ``relative`` · truth, whichever is more,
    and no trial was lost (:mod:`mi_cli.analysis.task_scores`). The interval of the count starts at the tasks that are
    solved by every value in the interval of their mean, and ends at those that are solved by some value in it.
    """

    kind: Literal["solves"]
    method: str | None = None
    at_least: Count | None = None
    absolute: NonNegative = ABSOLUTE
    relative: NonNegative = RELATIVE
    error: NonNegative | None = None

    def measure(self, rows: Sequence[Row], axes: Sequence[str], traces: Traces, level: float) -> Iterator[Measured]:
        """The number of tasks solved, and the mean absolute error, of each estimator."""
        del traces
        for total in totals(scores(rows, axes)):
            if self.method not in (None, total.method):
                continue
            where = dict(total.setting) | {"method": total.method}
            least = len(total.scores) if self.at_least is None else self.at_least
            yield where | {"of": "tasks solved"}, self._count(total.scores, level), least, None
            error = None if self.error is None else total.error(level)
            if error is not None:
                yield where | {"of": "mean absolute error"}, error, None, self.error

    def _count(self, tasks: Sequence[Score], level: float) -> Interval:
        solved = sum(score.solved(self.absolute, self.relative) for score in tasks)
        sure, possible = 0, 0
        for score in tasks:
            bias, reach = score.bias_interval(level), score.tolerance(self.absolute, self.relative)
            verdict = _verdict(bias, -reach, reach) if bias and not score.lost else "fails"
            sure += verdict == "holds"
            possible += verdict != "fails"
        return Interval(solved, sure, possible, None, len(tasks))


class Covers(_AnyClaim):
    """A share of trials (:mod:`mi_cli.analysis.coverage`) lies between ``low`` and ``high``.

    There is a share for each method and each setting of the axes ``by``, of the trials of all other settings.
    """

    kind: Literal["covers"]
    share: Literal["covers_truth", "covers_claim", "too_high", "small_p"]
    by: tuple[str, ...] = ()
    low: Number | None = None
    high: Number | None = None

    def measure(self, rows: Sequence[Row], axes: Sequence[str], traces: Traces, level: float) -> Iterator[Measured]:
        """The shares, with Wilson's interval."""
        by = [axis for axis in axes if axis in self.by]
        for row in coverage(rows, by, level, traces):
            if row[self.share] is not None:
                ends = row[f"{self.share}_low"], row[f"{self.share}_high"]
                where = {axis: row[axis] for axis in (*by, "method")}
                yield where, Interval(row[self.share], *ends, None, row["trials"]), self.low, self.high


class Answers(_AnyClaim):
    """A share of the answers (:mod:`mi_cli.analysis.answer_scores`) lies between ``low`` and ``high``.

    It is the share of all answers, or with ``by_kind`` a share for each kind of data.
    """

    of_answers: ClassVar[bool] = True

    kind: Literal["answers"]
    share: Literal["answered", "solved", "covers_truth", "too_high", "small_p"]
    by_kind: Switch = False
    low: Number | None = None
    high: Number | None = None

    def measure(self, rows: Sequence[Row], axes: Sequence[str], traces: Traces, level: float) -> Iterator[Measured]:
        """The shares, with Wilson's interval."""
        for row in answer_scores(rows, axes, level, traces):
            if row[self.share] is not None and (row["kind"] != ALL) == self.by_kind:
                ends = row[f"{self.share}_low"], row[f"{self.share}_high"]
                where = {"kind": row["kind"]} if self.by_kind else {}
                yield where, Interval(row[self.share], *ends, None, row["trials"]), self.low, self.high


Claim = Annotated[
    EqualsTruth | BelowTruth | Within | Lower | Change | Trend | Correlation | Solves | Covers | Answers,
    Field(discriminator="kind"),
]


def judge(
    claim: Claim,
    rows: Iterable[Row],
    axes: Sequence[str],
    traces: Traces,
    level: float = 0.95,
) -> dict[str, Any]:
    """The verdict on one claim.

    Args:
        claim: what is claimed.
        rows: result rows, one a trial and method; answers, where the claim is ``of_answers``.
        axes: the sweep's axes other than the seed.
        traces: for each trial, its traces on common steps.
        level: of the intervals.

    Returns:
        ``text``, ``verdict``, and ``cells`` with the setting, value, interval and verdict of each.
    """
    if isinstance(claim, _Along) and claim.axis not in axes:
        rows = []
    rows = [row for row in rows if _matches(row, claim.where)]
    cells = [
        {
            "where": where,
            "n": interval.n,
            "value": interval.mean,
            "ci_low": interval.low,
            "ci_high": interval.high,
            "accepted": [low, high],
            "verdict": _verdict(interval, low, high),
        }
        for where, interval, low, high in claim.measure(rows, axes, traces, level)
    ]
    verdicts = {cell["verdict"] for cell in cells}
    overall: Verdict = "fails" if "fails" in verdicts else "holds" if verdicts == {"holds"} else "undecided"
    unit = "ln ratio" if isinstance(claim, Lower | Change) and claim.scale == "log" else ""
    return {"text": claim.text, "kind": claim.kind, "unit": unit, "verdict": overall, "cells": cells}


def _matches(row: Row, where: Mapping[str, Any]) -> bool:
    return all(row.get(key) in (value if isinstance(value, list) else [value]) for key, value in where.items())


def _of_method(rows: Iterable[Row], method: str | None, column: str) -> list[Row]:
    return [row for row in rows if row.get(column) is not None and (method is None or row["method"] == method)]


def _by_cell(rows: Iterable[Row], axes: Sequence[str]) -> Iterable[tuple[dict[str, Any], list[Row]]]:
    """The rows of each setting of the axes."""
    return [({axis: cell[0][axis] for axis in axes}, cell) for cell in grouped(rows, axes)]


def _differences(pairs: Sequence[tuple[float, float]], scale: Literal["linear", "log"]) -> list[float]:
    return [math.log(a / b) if scale == "log" else a - b for a, b in pairs]


def _deviations(
    rows: Iterable[Row], axes: Sequence[str], method: str | None
) -> Iterator[tuple[dict[str, Any], float, list[float]]]:
    for where, cell in _by_cell(_of_method(rows, method, "estimate"), axes):
        truth = cell[0]["true_mi"]
        if truth is not None and math.isfinite(truth):
            yield where, truth, [row["estimate"] - truth for row in cell]


def _slope(points: Sequence[tuple[float, float]]) -> float | None:
    mean_x = math.fsum(x for x, _ in points) / len(points)
    spread = math.fsum((x - mean_x) ** 2 for x, _ in points)
    return math.fsum((x - mean_x) * y for x, y in points) / spread if spread else None


def _correlation(xs: Sequence[float], ys: Sequence[float]) -> float | None:
    mean_x, mean_y = math.fsum(xs) / len(xs), math.fsum(ys) / len(ys)
    spread = math.fsum((x - mean_x) ** 2 for x in xs) * math.fsum((y - mean_y) ** 2 for y in ys)
    return (
        math.fsum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / math.sqrt(spread)
        if spread
        else None
    )


def _verdict(interval: Interval, low: float | None, high: float | None) -> Verdict:
    if interval.low is None or interval.high is None:
        return "undecided"
    if (low is not None and interval.high < low) or (high is not None and interval.low > high):
        return "fails"
    if (low is None or interval.low >= low) and (high is None or interval.high <= high):
        return "holds"
    return "undecided"
