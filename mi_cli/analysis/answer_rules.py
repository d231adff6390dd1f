"""The rules by which several estimates of one MI give one answer: which to take, how far its interval reaches, doubts.

Estimators fail in different ways. A bound on held-out rows (``auto``) is too low where its critics have not learned
all of the dependence. Nearest neighbours are accurate in few columns; they are too low in many columns and at strong
dependence. A Gaussian copula is right only if the dependence is that of a Gaussian copula.

Each rule is a function. :func:`choose_source` takes an estimate. The functions in ``UP`` and ``DOWN`` widen its
interval, each with a cause; those in ``DOUBTS`` say why there can be no answer. The constants are the thresholds of all
rules.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from mi_cli.analysis.facts import Facts
from mi_cli.analysis.rows import Row

__all__ = [
    "ALPHA",
    "DOUBTS",
    "DOWN",
    "UP",
    "Doubt",
    "Evidence",
    "Reach",
    "ReachRule",
    "UsableEstimate",
    "choose_source",
    "combined_p",
    "has_copies",
    "is_wide",
    "usable",
    "why_infinite",
]

Z = 1.959964  # standard errors on each side of a 95 % interval
ALPHA = 0.05  # p-values below it show dependence
ABSOLUTE, RELATIVE = 0.02, 0.05  # nats, and share of the larger one, by which estimates that agree may differ
APART = 0.25  # share of the larger one by which two estimates may differ, beyond their errors, in many columns
FEW_COLUMNS = 4  # of x and y together, up to which nearest neighbours are accurate
FEWEST_ROWS = 50  # with numbers; for classes on both sides the interval decides
COPIES = 0.01  # share of the rows that repeat others, above which there is no answer
NEAR_CEILING = 0.8  # share of its ceiling above which an estimate may be limited by it
GAP = 1.25  # share of the difference between training and test rows that the interval is widened by
RISE = 1.0  # times the rise of the last round of training that the interval is widened by
MIDDLE = 0.5  # share of that difference that the value of a bound is raised by
MISSED_PER_COLUMN, MISSED = 0.05, 0.65  # share of a lower bound that its critics may have missed where no other agrees
WIDEST, WIDEST_SHARE = 0.3, 1.0  # nats, and share of the value, that the interval of an answer may be wide

NEAREST = ("nearest", "ksg", "ross", "mixed", "histogram")
COPULA = ("copula", "gaussian")

_MORE_ROWS = "more rows"
_FEWER_COLUMNS = "more rows, or fewer columns"


@dataclass(frozen=True)
class UsableEstimate:
    """An estimate with finite numbers, in nats, and what the rules ask of it.

    Attributes:
        name: of the estimator.
        value: the estimate.
        stderr: its standard error.
        is_bound: whether it is a lower bound on held-out rows.
        lower: its lower confidence bound; None without one.
        ceiling: the most that it can show; None without one.
        gap: how much larger it is on training rows, at least 0.
        rise: how much the last round of its training added, at least 0.
    """

    name: str
    value: float
    stderr: float
    is_bound: bool = False
    lower: float | None = None
    ceiling: float | None = None
    gap: float = 0.0
    rise: float = 0.0

    @property
    def best(self) -> float:
        """The estimate without the optimism of training rows and the pessimism of test rows, which are equal.

        Critics that are fitted to n rows do better on these than in truth, and worse on others by as much: by half the
        number of their parameters divided by n (Akaike 1974, IEEE Transactions on Automatic Control 19, 716–723).
        """
        return self.value + MIDDLE * self.gap if self.is_bound else self.value

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
        return _first(self.estimates, NEAREST)

    @property
    def bound(self) -> UsableEstimate | None:
        """The lower bound on held-out rows."""
        return _bound(self.estimates)

    @property
    def certain(self) -> float:
        """What the MI is at least: the lower end of the two-sided interval of the bound; 0 without one."""
        return 0.0 if self.bound is None else self.bound.bottom

    @property
    def is_counted(self) -> bool:
        """Whether the value is that of a table of counts."""
        return _both_classes(self.facts) and self.source.name in NEAREST


@dataclass(frozen=True)
class Reach:
    """How far the interval reaches by one rule, in nats; the cause, as a sentence; and what would help."""

    end: float
    cause: str
    advice: str


@dataclass(frozen=True)
class Doubt:
    """Why it cannot be told, as a sentence, and what would help."""

    reason: str
    advice: str


ReachRule: TypeAlias = Callable[[Evidence], Reach | None]


def _first(estimates: Iterable[UsableEstimate], names: Sequence[str]) -> UsableEstimate | None:
    return next((one for one in estimates if one.name in names), None)


def _bound(estimates: Iterable[UsableEstimate]) -> UsableEstimate | None:
    return next((one for one in estimates if one.is_bound), None)


def _both_classes(facts: Facts) -> bool:
    return facts.classes_x and facts.classes_y


# Which rows can be used


def _number(row: Row, key: str) -> float | None:
    """A finite number of a row; None where there is none."""
    value = row.get(key)
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def usable(row: Row) -> UsableEstimate | None:
    """The estimate of a result row; None if it failed, or its value or its standard error is no finite number."""
    value, stderr = _number(row, "estimate"), _number(row, "stderr")
    if row.get("status") != "ok" or value is None or stderr is None or stderr < 0:
        return None
    lower, train = _number(row, "lower"), _number(row, "train_mi")
    return UsableEstimate(
        name=str(row.get("method") or row.get("estimator") or ""),
        value=value,
        stderr=stderr,
        is_bound=row.get("kind") == "lower bound",
        lower=lower if lower is not None and lower <= value else None,
        ceiling=_number(row, "ceiling"),
        gap=0.0 if train is None else max(0.0, train - value),
        rise=max(0.0, _number(row, "rise") or 0.0),
    )


def why_infinite(rows: Iterable[Row], facts: Facts) -> str | None:
    """The reason of an estimator whose estimate is infinite, which the MI of classes cannot be; None without one."""
    if facts.classes_x or facts.classes_y:
        return None
    infinite = (row for row in rows if row.get("status") == "ok" and row.get("estimate") == math.inf)
    return next(
        (str(row.get("reason") or "x and y determine each other: the MI is infinite") for row in infinite), None
    )


def combined_p(rows: Iterable[Row]) -> float | None:
    """The smallest p-value, corrected for their number (Bonferroni): each estimator is a test of its own."""
    values = [p for row in rows if row.get("status") == "ok" and (p := _number(row, "p_value")) is not None]
    return min(1.0, len(values) * max(0.0, min(values))) if values else None


# Which estimate is taken


def choose_source(estimates: Sequence[UsableEstimate], facts: Facts) -> tuple[UsableEstimate, str]:
    """The estimate to take, and why, as a sentence.

    Args:
        estimates: at least one.
        facts: of the data.
    """
    bound, nearest, copula = _bound(estimates), _first(estimates, NEAREST), _first(estimates, COPULA)
    if bound is None:
        one = nearest or copula or estimates[0]
        if _both_classes(facts) and one is nearest:
            return one, "x and y are classes, and their pairs are counted"
        return one, f"{one.name} is taken, and no lower bound on held-out rows checks it"
    if _both_classes(facts) and nearest is not None and nearest.value >= bound.bottom:
        return nearest, "x and y are classes, and their pairs are counted"
    if (higher := _higher(bound, nearest, copula, facts)) is not None:
        return higher
    if len(estimates) == 1:
        return bound, f"{bound.name} is a lower bound on held-out rows, and no other estimate checks it"
    return bound, _why_bound(bound, nearest, estimates, facts)


def _higher(
    bound: UsableEstimate, nearest: UsableEstimate | None, copula: UsableEstimate | None, facts: Facts
) -> tuple[UsableEstimate, str] | None:
    """An estimate above the bound that is right where the bound has missed a part; None without one."""
    right = []
    if nearest is not None and facts.columns <= FEW_COLUMNS and not facts.blocks:
        right.append((nearest, "nearest neighbours are accurate in few columns"))
    if copula is not None and facts.columns == 2:
        # Of all copulas of one column each, the Gaussian one has the least MI for its correlation.
        right.append((copula, "one column each has at least the MI of a Gaussian copula with its correlation"))
    above = [(one, why) for one, why in right if one.value > bound.best and not _agree(one, bound)]
    if not above:
        return None
    one, why = max(above, key=lambda pair: pair[0].value)
    return one, f"{one.name} is above the lower bound {bound.name}, which misses a part: {why}"


def _why_bound(
    bound: UsableEstimate, nearest: UsableEstimate | None, estimates: Sequence[UsableEstimate], facts: Facts
) -> str:
    agreeing = [one.name for one in estimates if one is not bound and _agree(one, bound)]
    if agreeing:
        return f"{' and '.join([bound.name, *agreeing])} agree, though they fail in different ways"
    if nearest is not None and nearest.value < bound.value:
        where = "at strong dependence" if facts.columns <= FEW_COLUMNS else "in many columns"
        return f"{bound.name} is a lower bound on held-out rows, and nearest neighbours are too low {where}"
    return f"{bound.name} is a lower bound on held-out rows, and the others have no guarantee here"


def _agree(one: UsableEstimate, other: UsableEstimate) -> bool:
    """Whether the 95 % interval of the difference reaches a difference that does not matter."""
    room = ABSOLUTE + RELATIVE * max(abs(one.best), abs(other.best))
    return abs(one.best - other.best) <= room + Z * math.hypot(one.stderr, other.stderr)


# How far the interval reaches


def _up_by_error(evidence: Evidence) -> Reach:
    return Reach(evidence.source.top, "the standard error is large", _MORE_ROWS)


def _up_to_others(evidence: Evidence) -> Reach | None:
    """The other estimates that may be right: nearest neighbours, and the copula of one column each."""
    others = [evidence.nearest, _first(evidence.estimates, COPULA) if evidence.facts.columns == 2 else None]
    above = [one for one in others if one is not None and one.value > evidence.source.value]
    if not above:
        return None
    highest = max(above, key=lambda one: one.value)
    cause = f"{highest.name} is higher than {evidence.source.name}, and nothing says which is right"
    return Reach(highest.value, cause, _FEWER_COLUMNS)


def _up_by_gap(evidence: Evidence) -> Reach | None:
    source = evidence.source
    if source.gap <= 0:
        return None
    cause = f"{source.name} is much larger on training rows than on test rows, as it overfits"
    return Reach(source.top + GAP * source.gap, cause, _FEWER_COLUMNS)


def _up_by_unlearned(evidence: Evidence) -> Reach | None:
    """What critics miss in many columns, where no other estimator agrees.

    Critics of 5,000 rows of correlated columns that were bent and mixed by an unknown map missed a third of the MI,
    with 10, 25 and 100 columns on each side, and nothing in their own values showed it.
    """
    source, columns = evidence.source, evidence.facts.columns
    others = [one for one in evidence.estimates if one is not source]
    if not source.is_bound or evidence.has_few_columns or any(_agree(one, source) for one in others):
        return None
    end = source.top + min(MISSED, MISSED_PER_COLUMN * columns) * max(0.0, source.best)
    cause = f"{source.name} may have missed a part, and no other estimator agrees with it"
    return Reach(end, cause, _FEWER_COLUMNS)


def _up_by_rise(evidence: Evidence) -> Reach | None:
    """What a critic would have learned in further rounds: the last round's rise, if each adds half as much."""
    source = evidence.source
    if not source.is_bound or source.rise <= 0:
        return None
    cause = f"{source.name} still learned when its training ended"
    return Reach(source.top + RISE * source.rise, cause, "more training.steps")


def _up_at_ceiling(evidence: Evidence) -> Reach | None:
    """The ceiling of the source; that of a bound is at most ln n, as ``auto`` clips its scores there."""
    source, n = evidence.source, evidence.facts.rows
    ceilings = [source.ceiling] if source.ceiling is not None else []
    if source.is_bound and n > 1:
        ceilings.append(math.log(n))
    if not ceilings or source.value <= NEAR_CEILING * min(ceilings):
        return None
    cause = f"{source.name} is near the most that so many rows can show, and the MI may be far larger"
    return Reach(math.inf, cause, "more rows, or noise added to one side")


def _down_by_error(evidence: Evidence) -> Reach:
    return Reach(evidence.source.bottom, "the standard error is large", _MORE_ROWS)


def _down_to_others(evidence: Evidence) -> Reach | None:
    """Nearest neighbours and the bound, where they are lower than the source and agree with it."""
    others = [one for one in (evidence.nearest, evidence.bound) if one is not None]
    below = [one for one in others if one.value < evidence.source.value and _agree(one, evidence.source)]
    if not below:
        return None
    lowest = min(below, key=lambda one: one.value)
    return Reach(lowest.value, f"{lowest.name} is lower than {evidence.source.name}", _MORE_ROWS)


def _down_by_sparse_table(evidence: Evidence) -> Reach | None:
    """The bias of counting, (m_x − 1)(m_y − 1) / 2n, with exp H as the effective number m of classes."""
    facts = evidence.facts
    if not evidence.is_counted or facts.entropy_x is None or facts.entropy_y is None or not facts.rows:
        return None
    bias = math.expm1(facts.entropy_x) * math.expm1(facts.entropy_y) / (2 * facts.rows)
    cause = "the table of the classes has few rows in a cell"
    return Reach(evidence.source.bottom - bias, cause, "more rows, or fewer classes")


UP: tuple[ReachRule, ...] = (_up_by_error, _up_to_others, _up_by_gap, _up_by_rise, _up_by_unlearned, _up_at_ceiling)
DOWN: tuple[ReachRule, ...] = (_down_by_error, _down_to_others, _down_by_sparse_table)


# Why it cannot be told


def has_copies(facts: Facts) -> bool:
    """Whether more rows repeat others than an answer may have."""
    return facts.copies > COPIES * facts.rows


def is_wide(low: float, high: float, value: float) -> bool:
    """Whether an interval, in nats, is too wide for an answer."""
    return high - low > max(WIDEST, WIDEST_SHARE * value)


def _few_rows(evidence: Evidence) -> Doubt | None:
    facts = evidence.facts
    if _both_classes(facts) or not 0 < facts.rows < FEWEST_ROWS:
        return None
    return Doubt(f"{facts.rows} rows are too few", f"at least {FEWEST_ROWS} rows")


def _far_apart(evidence: Evidence) -> Doubt | None:
    """Nearest neighbours far above the source, where columns are many or rows depend on each other."""
    nearest, source = evidence.nearest, evidence.source
    if nearest is None or nearest is source or (evidence.has_few_columns and not evidence.facts.blocks):
        return None
    apart = nearest.value - source.value - Z * math.hypot(nearest.stderr, source.stderr)
    if apart <= APART * nearest.value or _agree(nearest, source):
        return None
    where = "where rows depend on each other" if evidence.has_few_columns else "in so many columns"
    reason = f"{nearest.name} is far above {source.name}, and {where} nothing says which is right"
    return Doubt(reason, f"{_FEWER_COLUMNS}, or more training.steps")


DOUBTS: tuple[Callable[[Evidence], Doubt | None], ...] = (_few_rows, _far_apart)
