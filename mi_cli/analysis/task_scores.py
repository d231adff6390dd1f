"""How far estimates are from the truth: of one estimator on one task over seeds, and on all of its tasks.

A *task* is what is estimated: a value for each axis but those of the estimator. A task is *solved* where the mean over
seeds is within 0.05 nats or 10 % of the truth, whichever is more, and no trial was lost.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from mi_cli.analysis.intervals import Interval, mean_interval
from mi_cli.analysis.rows import Row

__all__ = ["ABSOLUTE", "RELATIVE", "Score", "Total", "axes_of_estimators", "scores", "totals"]

ABSOLUTE, RELATIVE = 0.05, 0.1

Pairs = tuple[tuple[str, Any], ...]

_OF_ESTIMATORS = ("estimator", "training", "representation")


@dataclass(frozen=True)
class Score:
    """The estimates of one estimator on one task.

    Args:
        task: values of the axes that choose what is estimated.
        setting: values of the axes that choose how it is estimated.
        method: the name of the estimator in the results.
        kind: of the estimates; empty where there is none.
        true_mi: in nats; None where it is not known.
        estimates: of the trials that succeeded, by seed, in nats.
        covered: whether its interval holds the truth, for each trial with an interval.
        seconds: of the trials that succeeded.
        lost: statuses of the trials that did not succeed.
    """

    task: Pairs
    setting: Pairs
    method: str
    kind: str
    true_mi: float | None
    estimates: Mapping[int, float] = field(default_factory=dict)
    covered: Sequence[bool] = ()
    seconds: Sequence[float] = ()
    lost: Sequence[str] = ()

    @property
    def mean(self) -> float | None:
        """Mean estimate over seeds, in nats."""
        return math.fsum(self.estimates.values()) / len(self.estimates) if self.estimates else None

    @property
    def truth(self) -> float | None:
        """The true MI where it is known and finite, else None."""
        return self.true_mi if self.true_mi is not None and math.isfinite(self.true_mi) else None

    @property
    def bias(self) -> float | None:
        """Mean estimate less the truth, in nats."""
        return None if self.mean is None or self.truth is None else self.mean - self.truth

    def tolerance(self, absolute: float = ABSOLUTE, relative: float = RELATIVE) -> float:
        """The largest error with which the task counts as solved, in nats; infinite without a truth."""
        return math.inf if self.truth is None else max(absolute, relative * self.truth)

    def solved(self, absolute: float = ABSOLUTE, relative: float = RELATIVE) -> bool:
        """Whether the mean is within the tolerance, and no trial was lost."""
        return self.bias is not None and not self.lost and abs(self.bias) <= self.tolerance(absolute, relative)

    def bias_interval(self, level: float) -> Interval | None:
        """The bias with its interval over seeds."""
        truth = self.truth
        if truth is None or not self.estimates:
            return None
        return mean_interval([estimate - truth for estimate in self.estimates.values()], level)


@dataclass(frozen=True)
class Total:
    """The scores of one estimator on all tasks whose truth is known.

    Args:
        setting: values of the axes that choose how it estimates.
        method: its name in the results.
        scores: one for each task.
    """

    setting: Pairs
    method: str
    scores: Sequence[Score]

    @property
    def solved(self) -> int:
        """Tasks solved."""
        return sum(score.solved() for score in self.scores)

    @property
    def answered(self) -> list[Score]:
        """The tasks on which some trial succeeded."""
        return [score for score in self.scores if score.estimates]

    @property
    def lost(self) -> int:
        """Trials that did not succeed."""
        return sum(len(score.lost) for score in self.scores)

    @property
    def trials(self) -> int:
        """All trials."""
        return self.lost + sum(len(score.estimates) for score in self.scores)

    @property
    def bias(self) -> float | None:
        """Mean of the biases on the tasks, in nats."""
        return _mean([score.bias for score in self.answered if score.bias is not None])

    @property
    def seconds(self) -> float | None:
        """Median time of a trial."""
        seconds = [each for score in self.scores for each in score.seconds]
        return median(seconds) if seconds else None

    @property
    def covered(self) -> list[bool]:
        """Whether its interval holds the truth, for each trial with an interval."""
        return [held for score in self.scores for held in score.covered]

    def error(self, level: float) -> Interval | None:
        """Mean absolute error, in nats: over the seeds of each task, then over the tasks.

        Its interval is over seeds, each with its own mean over tasks. There is none where a trial was lost, since a
        seed that has lost a hard task would look better than it is.
        """
        errors = {
            id(score): {seed: abs(value - score.truth) for seed, value in score.estimates.items()}
            for score in self.answered
            if score.truth is not None
        }
        mean = _mean([_mean(list(by_seed.values())) for by_seed in errors.values()])
        if mean is None:
            return None
        seeds = {frozenset(by_seed) for by_seed in errors.values()}
        if self.lost or len(seeds) > 1:
            return Interval(mean, None, None, None, max(map(len, seeds)))
        (common,) = seeds
        means = [math.fsum(by_seed[seed] for by_seed in errors.values()) / len(errors) for seed in common]
        return mean_interval(means, level)


def axes_of_estimators(axes: Iterable[str]) -> list[str]:
    """The axes that choose how something is estimated, rather than what."""
    return [axis for axis in axes if axis.partition(".")[0] in _OF_ESTIMATORS]


def scores(rows: Iterable[Row], axes: Sequence[str]) -> list[Score]:
    """A score for every method in every setting that was tried.

    Args:
        rows: result rows, one a trial and method; a trial that raised has one, without a method.
        axes: the sweep's axes other than the seed.
    """
    how = axes_of_estimators(axes)
    what = [axis for axis in axes if axis not in how]
    cells: dict[tuple[Pairs, Pairs], list[Row]] = {}
    methods: dict[Pairs, dict[str, None]] = {}
    truths: dict[Pairs, float] = {}
    for row in rows:
        task, setting = (tuple((axis, row.get(axis)) for axis in part) for part in (what, how))
        cells.setdefault((task, setting), []).append(row)
        methods.setdefault(setting, {})
        if row["method"]:
            methods[setting][row["method"]] = None
        if row.get("true_mi") is not None:
            truths.setdefault(task, row["true_mi"])
    return [
        _score(task, setting, method, truths.get(task), cell)
        for (task, setting), cell in cells.items()
        for method in methods[setting] or {str(cell[0].get("estimator", "")): None}
    ]


def _score(task: Pairs, setting: Pairs, method: str, truth: float | None, cell: Iterable[Row]) -> Score:
    rows = [row for row in cell if row["method"] in (method, "", None)]
    good = [row for row in rows if row["status"] == "ok" and row.get("estimate") is not None]
    kinds = [row["kind"] for row in rows if row.get("kind")]
    known = truth is not None and math.isfinite(truth)
    bounded = [row for row in good if known and row.get("ci_low") is not None and row.get("ci_high") is not None]
    return Score(
        task,
        setting,
        method,
        kinds[0] if kinds else "",
        truth,
        {row["seed"]: row["estimate"] for row in good},
        [row["ci_low"] <= truth <= row["ci_high"] for row in bounded],
        [row["seconds"] for row in good if row.get("seconds") is not None],
        [row["status"] for row in rows if row["status"] != "ok"],
    )


def totals(scored: Iterable[Score]) -> list[Total]:
    """A total for every estimator, over the tasks whose truth is known."""
    groups: dict[tuple[Pairs, str], list[Score]] = {}
    for score in scored:
        if score.truth is not None:
            groups.setdefault((score.setting, score.method), []).append(score)
    return [Total(setting, method, members) for (setting, method), members in groups.items()]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None
