"""What representations are worth where few rows have labels: paired differences over seeds, and a verdict.

Each method is compared with linear regression (and neighbours) on the raw columns, at each number of labels, by
Student's t interval of the paired differences over seeds. The level of an interval is corrected for the number of
comparisons, of methods times numbers of labels (Bonferroni), so that the verdict recommends something that is no better
in at most 5 % of runs. Fewer than three seeds, or equal differences in all of them, have no interval: scores of few
test rows take few values, so that two seeds often differ by the same number by chance. The score is R² of numbers, and
balanced accuracy of classes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from mi_cli.analysis.intervals import Interval, mean_interval
from mi_cli.analysis.rows import Row, Traces, grouped

__all__ = ["LABELS_AXIS", "SCORES", "Comparison", "best_encoder", "compared", "label_efficiency", "verdicts"]

LABELS_AXIS = "split.labels"
SCORES = {"test_r2": "R²", "test_balanced_accuracy": "balanced accuracy"}  # the first that rows have is compared

_RAW, _TREES, _NOTHING = "raw_columns", "gradient_boosting", "no_columns"
_NETWORK = "supervised_network"
_NO_REPRESENTATIONS = (_RAW, _TREES, _NOTHING, _NETWORK, "pls", "untrained")
_NO_ENCODERS = (*_NO_REPRESENTATIONS, "pca", "cca")
_FINETUNED = "_finetuned"  # after the name of an encoder
_OTHERS = ("test_mse", "test_accuracy", "test_log_loss", "estimate")  # means that the table has beside the score

FEWEST_SEEDS = 3  # of differences that have an interval
_ROUNDING = 1e-9  # standard deviations of differences that are no larger are rounding

Use = Literal["representation", "trees", "raw columns", "cannot tell"]


@dataclass(frozen=True)
class Comparison:
    """A method with one number of labels.

    Attributes:
        labels: how many rows show their label.
        method: its name.
        score: the mean over seeds, with an interval of the run's level.
        difference: from the raw columns, paired over seeds, with a corrected interval, whose ends are None where the
            seeds are too few or the differences equal; None of the raw columns.
        chance: the same from predictions without any column; None of those.
        network: the same from the supervised network; None of that.
        others: means of other results.
    """

    labels: int
    method: str
    score: Interval
    difference: Interval | None
    chance: Interval | None
    network: Interval | None
    others: Mapping[str, float]

    @property
    def helps(self) -> bool:
        """Whether it is better than the raw columns, and than no columns, by more than its interval."""
        return _is_above(self.difference) and _is_above(self.chance)

    @property
    def fails(self) -> bool:
        """Whether it is worse than the raw columns by more than its interval."""
        return self.difference is not None and self.difference.high is not None and self.difference.high < 0


def _is_above(difference: Interval | None) -> bool:
    return difference is not None and difference.low is not None and difference.low > 0


def compared(rows: Iterable[Row], level: float) -> tuple[str, list[Comparison]]:
    """Compare the methods of one setting at each number of labels.

    Args:
        rows: result rows of one setting, of all seeds and numbers of labels. Where two trials of a seed have equally
            many labels, the first one counts.
        level: of the intervals, before it is corrected.

    Returns:
        The column of the score, empty where no row has one; and a comparison for each number of labels, in ascending
        order, and method.
    """
    good = [row for row in rows if row["status"] == "ok" and row.get("labels") is not None]
    column = next((name for name in SCORES if any(row.get(name) is not None for row in good)), "")
    scored = [row for row in good if row.get(column) is not None]
    methods = list(dict.fromkeys(str(row["method"]) for row in scored))
    numbers = sorted({int(row["labels"]) for row in scored})
    corrected = _corrected(level, len(set(methods) - {_RAW, _NOTHING}) * len(numbers))
    comparisons = []
    for labels in numbers:
        cells: dict[str, dict[int, Row]] = {method: {} for method in methods}
        for row in scored:
            if int(row["labels"]) == labels:
                cells[str(row["method"])].setdefault(row["seed"], row)
        for method, by_seed in cells.items():
            if by_seed:
                comparisons.append(_comparison(labels, method, cells, column, (level, corrected)))
    return column, comparisons


def _corrected(level: float, comparisons: int) -> float:
    return 1 - (1 - level) / max(1, comparisons)


def _comparison(
    labels: int, method: str, cells: Mapping[str, Mapping[int, Row]], column: str, levels: tuple[float, float]
) -> Comparison:
    own = cells[method]

    def difference(other: str) -> Interval | None:
        base = cells.get(other, {})
        values = [row[column] - base[seed][column] for seed, row in own.items() if seed in base]
        return _paired(values, levels[1]) if values and other != method else None

    others = {}
    for name in _OTHERS:
        values = [row[name] for row in own.values() if row.get(name) is not None]
        if values and all(map(math.isfinite, values)):
            others[name] = math.fsum(values) / len(values)
    score = mean_interval([row[column] for row in own.values()], levels[0])
    return Comparison(labels, method, score, difference(_RAW), difference(_NOTHING), difference(_NETWORK), others)


def _paired(differences: Sequence[float], level: float) -> Interval:
    """The interval of the mean difference; without ends where seeds are few, or where they do not vary."""
    interval = mean_interval(differences, level)
    if interval.n < FEWEST_SEEDS or interval.sd is None or interval.sd <= _ROUNDING:
        return replace(interval, low=None, high=None)
    return interval


def _settings(rows: Iterable[Row], axes: Sequence[str]) -> tuple[list[str], list[list[Row]]]:
    keys = [axis for axis in axes if axis != LABELS_AXIS]
    return keys, grouped(rows, keys)


def label_efficiency(rows: Iterable[Row], axes: Sequence[str], level: float, traces: Traces) -> list[dict[str, Any]]:
    """A row for each setting, number of labels and method.

    Args:
        rows: result rows.
        axes: the sweep's axes other than the seed; all but ``split.labels`` make settings.
        level: of the intervals; those of differences are corrected for the number of comparisons.
        traces: not used.

    Returns:
        Values of the other axes; ``labels``, ``method`` and ``seeds``; the ``score``, which ``measure`` names, with its
        interval; its ``difference`` from the raw columns, and ``over_network`` from the supervised network, paired over
        seeds, each with a corrected interval; and means of other results.
    """
    del traces
    keys, groups = _settings(rows, axes)
    table: list[dict[str, Any]] = []
    for setting in groups:
        column, comparisons = compared(setting, level)
        table += [
            {key: setting[0][key] for key in keys}
            | {"labels": one.labels, "method": one.method, "seeds": one.score.n, "measure": SCORES[column]}
            | _columns("score", one.score)
            | _columns("difference", one.difference)
            | _columns("over_network", one.network)
            | {name: one.others.get(name) for name in _OTHERS}
            for one in comparisons
        ]
    return table


def _columns(name: str, interval: Interval | None) -> dict[str, float | None]:
    if interval is None:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    return {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}


def verdicts(rows: Iterable[Row], axes: Sequence[str], level: float) -> list[dict[str, Any]]:
    """A verdict for each setting: the axes, then what to use, with how many labels, and by how much it is better.

    Returns:
        For each setting its axes, and ``verdict``: ``representation``, ``trees``, ``raw columns``, or ``cannot tell``
        without differences over seeds; ``method``, the representation or None; ``measure``; ``level``, the corrected
        one of the intervals, and ``compared``, the number of comparisons it is corrected for; ``encoder``, the best
        encoder, whether it helps or not; and ``steps``: for each range of ``labels`` (a list) what to ``use``, the
        ``method``, and its ``gain`` over the raw columns with its interval, ``at`` the labels where it is the largest;
        and ``no_better``, the labels with which the raw columns are not better than no columns.
    """
    keys, groups = _settings(rows, axes)
    return [
        {key: setting[0][key] for key in keys} | verdict
        for setting in groups
        if (verdict := _verdict(setting, level)) is not None
    ]


def _verdict(rows: Sequence[Row], level: float) -> dict[str, Any] | None:
    column, comparisons = compared(rows, level)
    if not comparisons:
        return None
    by_labels: dict[int, dict[str, Comparison]] = {}
    for one in comparisons:
        by_labels.setdefault(one.labels, {})[one.method] = one
    steps: list[dict[str, Any]] = []
    for labels, methods in by_labels.items():
        use, chosen = _use(methods)
        name = chosen.method if chosen and use == "representation" else None
        if not steps or (steps[-1]["use"], steps[-1]["method"]) != (use, name):
            gain = {"gain": None, "ci_low": None, "ci_high": None}
            steps.append({"use": use, "method": name, "labels": [], "no_better": []} | gain)
        steps[-1]["labels"].append(labels)
        raw = methods.get(_RAW)
        if raw is not None and raw.chance is not None and not _is_above(raw.chance):
            steps[-1]["no_better"].append(labels)
        difference = chosen.difference if chosen else None
        if difference is not None and (steps[-1]["gain"] is None or difference.mean > steps[-1]["gain"]):
            steps[-1] |= {"gain": difference.mean, "ci_low": difference.low, "ci_high": difference.high, "at": labels}
    tests = len({one.method for one in comparisons} - {_RAW, _NOTHING}) * len(by_labels)
    overall, method = _overall(steps)
    return {
        "verdict": overall,
        "method": method,
        "measure": SCORES[column],
        "level": _corrected(level, tests),
        "compared": tests,
        "encoder": _best_encoder(comparisons),
        "steps": steps,
    }


def _use(methods: Mapping[str, Comparison]) -> tuple[Use, Comparison | None]:
    """What to use with one number of labels, and the method that is better than the raw columns, if one is."""
    trees, raw = methods.get(_TREES), methods.get(_RAW)
    if raw is None or all(one.difference is None or one.difference.low is None for one in methods.values()):
        return "cannot tell", None
    helping = [one for name, one in methods.items() if name not in _NO_REPRESENTATIONS and one.helps]
    best = max(helping, key=lambda one: one.score.mean, default=None)
    if trees is not None and trees.helps and (best is None or trees.score.mean > best.score.mean):
        return "trees", trees
    return ("raw columns", None) if best is None else ("representation", best)


def _overall(steps: Sequence[Mapping[str, Any]]) -> tuple[Use, str | None]:
    """A representation if one helps with some number of labels, or else trees if these do, or else the raw columns."""
    counts: dict[str, int] = {}
    for step in steps:
        if step["use"] == "representation":
            counts[step["method"]] = counts.get(step["method"], 0) + len(step["labels"])
    if counts:
        return "representation", max(counts, key=lambda name: counts[name])
    uses = {step["use"] for step in steps}
    return next((use for use in ("trees", "raw columns") if use in uses), "cannot tell"), None


def _is_encoder(method: str) -> bool:
    return method not in _NO_ENCODERS and not method.endswith(_FINETUNED)


def _best_encoder(comparisons: Sequence[Comparison]) -> str | None:
    """The encoder with the best mean rank over all numbers of labels; None without any."""
    places: dict[str, list[int]] = {}
    for labels in {one.labels for one in comparisons}:
        encoders = [one for one in comparisons if one.labels == labels and _is_encoder(one.method)]
        for place, one in enumerate(sorted(encoders, key=lambda one: -one.score.mean)):
            places.setdefault(one.method, []).append(place)
    return min(places, key=lambda name: sum(places[name]) / len(places[name]), default=None)


def best_encoder(rows: Iterable[Row], axes: Sequence[str], level: float) -> str | None:
    """The encoder that a run keeps: that of the verdict, or else the one with the best mean rank.

    It is the one of the first setting. Where the verdict names a fine-tuned encoder, it is that before fine-tuning.
    None where no encoder has a score.
    """
    for verdict in verdicts(rows, axes, level):
        method: str | None = verdict["method"]
        encoder: str | None = verdict["encoder"]
        method = method and method.removesuffix(_FINETUNED)
        return method if method and _is_encoder(method) else encoder
    return None
