"""What the rules of an answer are given: the estimates of one MI that have numbers, and the one that is taken."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mi_cli.analysis.facts import Facts
from mi_cli.analysis.rows import Row
from mi_cli.problems import midpoint

__all__ = [
    "COPULA",
    "FEW_COLUMNS",
    "NEAREST",
    "Evidence",
    "UsableEstimate",
    "Z",
    "agree",
    "are_both_classes",
    "are_counted",
    "bound_of",
    "combined_p",
    "critics_of",
    "first",
    "usable",
    "why_infinite",
]

Z = 1.959964  # standard errors on each side of a 95 % interval
ABSOLUTE, RELATIVE = 0.02, 0.05  # nats, and share of the larger one, by which estimates that agree may differ
FEW_COLUMNS = 4  # of x and y together, up to which nearest neighbours are accurate
MISFIT = 4.0  # standard errors beyond which the assumption of an estimator does not hold

NEAREST = ("nearest", "ksg", "ross", "mixed", "histogram", "discrete")
COPULA = ("copula", "gaussian")


@dataclass(frozen=True)
class UsableEstimate:
    """An estimate with finite numbers, in nats, and what the rules ask of it.

    Attributes:
        name: of the estimator.
        value: the estimate; of a bound, its value on held-out rows.
        stderr: its standard error.
        is_bound: whether it is a lower bound on held-out rows.
        lower: its lower confidence bound; None without one.
        ceiling: the most that it can show; None without one.
        gap: how much larger it is on training rows, at least 0.
        rise: how much the last round of its training added, at least 0.
        drift: how much it is larger than on half the rows, at least 0.
        fits: whether nothing speaks against its assumption, where it has one that is tested.
        low: the lower end of the interval that it came with; None without one.
        high: its upper end.
    """

    name: str
    value: float
    stderr: float
    is_bound: bool = False
    lower: float | None = None
    ceiling: float | None = None
    gap: float = 0.0
    rise: float = 0.0
    drift: float = 0.0
    fits: bool = True
    low: float | None = None
    high: float | None = None

    @property
    def best(self) -> float:
        """The estimate, of a bound without the pessimism of held-out rows."""
        return midpoint(self.value, self.value + self.gap) if self.is_bound else self.value

    @property
    def top(self) -> float:
        """The upper end of its own interval, which holds a possible value of MI even if the estimate is negative."""
        return max(0.0, self.best) + Z * self.stderr

    @property
    def bottom(self) -> float:
        """The lower end of its own interval."""
        return self.value - Z * self.stderr


@dataclass(frozen=True)
class Evidence:
    """What the rules are given: all estimates, and the one that is taken, with the reason as a sentence."""

    facts: Facts
    estimates: tuple[UsableEstimate, ...]
    source: UsableEstimate
    because: str

    @property
    def has_few_columns(self) -> bool:
        """Whether nearest neighbours are accurate."""
        return self.facts.columns <= FEW_COLUMNS

    @property
    def nearest(self) -> UsableEstimate | None:
        """The estimate by nearest neighbours or by counting."""
        return first(self.estimates, NEAREST)

    @property
    def bound(self) -> UsableEstimate | None:
        """The lower bound on held-out rows."""
        return bound_of(self.estimates)

    @property
    def critics(self) -> UsableEstimate | None:
        """The estimate given z by critics, which is no bound; None without z."""
        return critics_of(self.estimates) if self.facts.columns_z else None

    @property
    def certain(self) -> float:
        """What the MI is at least: the lower end of the two-sided interval of the bound; 0 without one."""
        return 0.0 if self.bound is None else self.bound.bottom

    @property
    def is_counted(self) -> bool:
        """Whether the value is that of a table of counts."""
        return are_counted(self.facts) and self.source.name in NEAREST


def first(estimates: Iterable[UsableEstimate], names: Sequence[str]) -> UsableEstimate | None:
    """The first estimate by one of the named estimators; None without one."""
    return next((one for one in estimates if one.name in names), None)


def bound_of(estimates: Iterable[UsableEstimate]) -> UsableEstimate | None:
    """The first lower bound on held-out rows; None without one."""
    return next((one for one in estimates if one.is_bound), None)


def critics_of(estimates: Iterable[UsableEstimate]) -> UsableEstimate | None:
    """The first estimate that is none of nearest neighbours, of counting and of a copula; None without one."""
    return next((one for one in estimates if one.name not in (*NEAREST, *COPULA)), None)


def are_both_classes(facts: Facts) -> bool:
    """Whether x and y are classes."""
    return facts.classes_x and facts.classes_y


def are_counted(facts: Facts) -> bool:
    """Whether nearest neighbours count: x and y are classes, and z is as well where there is one."""
    return are_both_classes(facts) and (not facts.columns_z or facts.entropy_z is not None)


def _number(row: Row, key: str) -> float | None:
    """A finite number of a row; None where there is none."""
    value = row.get(key)
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def usable(row: Row) -> UsableEstimate | None:
    """The estimate of a result row; None if it failed, or its value or its standard error is no finite number."""
    value, stderr = _number(row, "estimate"), _number(row, "stderr")
    if row.get("status") != "ok" or value is None or stderr is None or stderr < 0:
        return None
    lower, train, test = (_number(row, key) for key in ("lower", "train_mi", "test_mi"))
    is_bound = row.get("kind") == "lower bound" or (test is not None and lower is not None)
    held_out = test if is_bound and test is not None else value
    return UsableEstimate(
        name=str(row.get("method") or row.get("estimator") or ""),
        value=held_out,
        stderr=stderr,
        is_bound=is_bound,
        lower=lower if lower is not None and lower <= held_out else None,
        ceiling=_number(row, "ceiling"),
        gap=0.0 if train is None else max(0.0, train - (held_out if test is None else test)),
        rise=max(0.0, _number(row, "rise") or 0.0),
        drift=max(0.0, _number(row, "drift") or 0.0),
        fits=abs(_number(row, "misfit") or 0.0) <= MISFIT,
        low=_number(row, "ci_low"),
        high=_number(row, "ci_high"),
    )


def why_infinite(rows: Iterable[Row], facts: Facts) -> str | None:
    """Why the MI is infinite, as the last estimator says that finds it so; None where none does, and of classes.

    The last one of ``experiment=estimate`` is `copula`, which tells values from ranks.
    """
    if facts.classes_x or facts.classes_y:
        return None
    infinite = [row for row in rows if row.get("status") == "ok" and row.get("estimate") == math.inf]
    if not infinite:
        return None
    return str(infinite[-1].get("reason") or "x and y determine each other: the MI is infinite")


def combined_p(rows: Iterable[Row]) -> float | None:
    """The smallest p-value, corrected for their number (Bonferroni): each estimator is a test of its own."""
    values = [p for row in rows if row.get("status") == "ok" and (p := _number(row, "p_value")) is not None]
    return min(1.0, len(values) * max(0.0, min(values))) if values else None


def agree(one: UsableEstimate, other: UsableEstimate) -> bool:
    """Whether the 95 % interval of the difference reaches a difference that does not matter.

    Both are of the same rows, so that they err together. The error of their difference is taken to be the larger one.
    """
    room = ABSOLUTE + RELATIVE * max(abs(one.best), abs(other.best))
    return abs(one.best - other.best) <= room + Z * max(one.stderr, other.stderr)
