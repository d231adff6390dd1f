"""Claims: what an experiment says it shows, and the verdict of its own numbers.

A claim is judged in every cell (one setting of the axes), over seeds, with a t interval. It *holds* in a cell where
the interval lies wholly on the claimed side, *fails* where it lies wholly on the other, and is *undecided* between.
The claim as a whole holds where it holds in every cell, and fails where it fails in any.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from mi_cli.fields import NonNegative, Number, Positive, Section
from mi_cli.intervals import Interval, mean_interval

__all__ = ["Claim", "judge"]

Row = Mapping[str, Any]
Verdict = Literal["holds", "fails", "undecided"]
Column = Literal["estimate", "train_mi", "val_mi", "test_mse", "split_mse", "stderr"]
Trace = Literal["train_mi", "val_mi", "train_mse", "val_mse"]


class _Claim(Section):
    text: str
    where: dict[str, Any] = Field(default_factory=dict)


class EqualsTruth(_Claim):
    """The mean of ``estimate`` is within ``absolute`` + ``relative`` · truth of the true MI."""

    kind: Literal["equals_truth"]
    method: str | None = None
    absolute: NonNegative = 0.0
    relative: NonNegative = 0.0


class Within(_Claim):
    """The mean of a column lies between ``low`` and ``high``."""

    kind: Literal["within"]
    column: Column = "estimate"
    method: str | None = None
    low: Number | None = None
    high: Number | None = None


class Lower(_Claim):
    """``method`` has a lower mean of ``column`` than another, paired over seeds."""

    kind: Literal["lower"]
    column: Column = "test_mse"
    method: str
    than: str


class Trend(_Claim):
    """The slope of a column along an axis has a sign, or (``none``) stays within ±``margin``."""

    kind: Literal["trend"]
    column: Column
    method: str | None = None
    axis: str
    direction: Literal["increasing", "decreasing", "none"]
    margin: Positive | None = None


class Correlation(_Claim):
    """Two traces of a run correlate with a sign (Pearson's coefficient within each run)."""

    kind: Literal["correlation"]
    x: Trace
    y: Trace
    direction: Literal["positive", "negative"]


Claim = Annotated[EqualsTruth | Within | Lower | Trend | Correlation, Field(discriminator="kind")]


def judge(
    claim: Claim,
    rows: Iterable[Row],
    axes: Sequence[str],
    traces: Mapping[int, Mapping[str, Sequence[float]]],
    level: float = 0.95,
) -> dict[str, Any]:
    """The verdict on one claim.

    Args:
        claim: what is claimed.
        rows: result rows, one a trial and method.
        axes: the sweep's axes other than the seed.
        traces: for each trial, its traces on common steps.
        level: of the intervals.

    Returns:
        ``text``, ``verdict``, and ``cells`` with the setting, value, interval and verdict of each.
    """
    rows = [row for row in rows if row["status"] == "ok" and _matches(row, claim.where)]
    cells = [
        {"where": where, "n": interval.n, "value": interval.mean, "ci_low": interval.low, "ci_high": interval.high,
         "accepted": [low, high], "verdict": _verdict(interval, low, high)}  # fmt: skip
        for where, values, low, high in _cells(claim, rows, axes, traces)
        if values and (interval := mean_interval(values, level))
    ]
    verdicts = {cell["verdict"] for cell in cells}
    overall: Verdict = "fails" if "fails" in verdicts else "holds" if verdicts == {"holds"} else "undecided"
    return {"text": claim.text, "kind": claim.kind, "verdict": overall, "cells": cells}


Cell = tuple[dict[str, Any], list[float], float | None, float | None]


def _cells(claim: Claim, rows: list[Row], axes: Sequence[str], traces: Mapping[int, Any]) -> Iterable[Cell]:
    match claim:
        case EqualsTruth():
            for where, cell in _by_cell(_of_method(rows, claim.method, "estimate"), axes):
                truth = cell[0]["true_mi"]
                if truth is not None and math.isfinite(truth):
                    tolerance = claim.absolute + claim.relative * truth
                    yield where, [row["estimate"] - truth for row in cell], -tolerance, tolerance
        case Within():
            for where, cell in _by_cell(_of_method(rows, claim.method, claim.column), axes):
                yield where, [row[claim.column] for row in cell], claim.low, claim.high
        case Lower():
            for where, cell in _by_cell(rows, axes):
                mine, other = ({r["seed"]: r[claim.column] for r in _of_method(cell, m, claim.column)}
                               for m in (claim.method, claim.than))  # fmt: skip
                yield where, [mine[seed] - other[seed] for seed in mine if seed in other], None, 0.0
        case Trend():
            low, high = {"increasing": (0.0, None), "decreasing": (None, 0.0), "none": (-(claim.margin or 0), claim.margin)}[
                claim.direction
            ]
            rest = [axis for axis in axes if axis != claim.axis]
            for where, cell in _by_cell(_of_method(rows, claim.method, claim.column), rest):
                yield where, _by_seed(cell, lambda seed: _slope([(r[claim.axis], r[claim.column]) for r in seed])), low, high
        case Correlation():
            low, high = (0.0, None) if claim.direction == "positive" else (None, 0.0)
            for where, cell in _by_cell(rows, axes):
                pairs = (traces.get(trial, {}) for trial in dict.fromkeys(row["trial"] for row in cell))
                found = [_correlation(pair[claim.x], pair[claim.y]) for pair in pairs if claim.x in pair and claim.y in pair]
                yield where, [value for value in found if value is not None], low, high


def _matches(row: Row, where: Mapping[str, Any]) -> bool:
    return all(row.get(key) in (value if isinstance(value, list) else [value]) for key, value in where.items())


def _of_method(rows: Iterable[Row], method: str | None, column: str) -> list[Row]:
    return [row for row in rows if row.get(column) is not None and (method is None or row["method"] == method)]


def _by_cell(rows: Iterable[Row], axes: Sequence[str]) -> Iterable[tuple[dict[str, Any], list[Row]]]:
    cells: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        cells[tuple(str(row[axis]) for axis in axes)].append(row)
    return [({axis: cell[0][axis] for axis in axes}, cell) for cell in cells.values()]


def _by_seed(rows: Iterable[Row], statistic: Callable[[list[Row]], float | None]) -> list[float]:
    seeds: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        seeds[row["seed"]].append(row)
    return [value for seed in seeds.values() if (value := statistic(seed)) is not None]


def _slope(points: Sequence[tuple[float, float]]) -> float | None:
    mean_x = math.fsum(x for x, _ in points) / len(points)
    spread = math.fsum((x - mean_x) ** 2 for x, _ in points)
    return math.fsum((x - mean_x) * y for x, y in points) / spread if spread else None


def _correlation(xs: Sequence[float], ys: Sequence[float]) -> float | None:
    mean_x, mean_y = math.fsum(xs) / len(xs), math.fsum(ys) / len(ys)
    spread = math.fsum((x - mean_x) ** 2 for x in xs) * math.fsum((y - mean_y) ** 2 for y in ys)
    return math.fsum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / math.sqrt(spread) if spread else None


def _verdict(interval: Interval, low: float | None, high: float | None) -> Verdict:
    if interval.low is None or interval.high is None:
        return "undecided"
    if (low is not None and interval.high < low) or (high is not None and interval.low > high):
        return "fails"
    if (low is None or interval.low >= low) and (high is None or interval.high <= high):
        return "holds"
    return "undecided"
