"""The rules by which several estimates of one MI give one answer: which to take, how far its interval reaches, doubts.

Estimators fail in different ways. A bound on held-out rows (``auto``) is too low where its critics have not learned
all of the dependence. Nearest neighbours are accurate in few columns; they are too low in many columns and at strong
dependence. A Gaussian copula is right only if the dependence is that of a Gaussian copula.

Each rule is a function. :func:`choose_source` takes an estimate. The functions in ``UP`` and ``DOWN`` widen its
interval, each with a cause; those in ``DOUBTS`` say why there can be no answer. The constants are the thresholds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from mi_cli.analysis.evidence import (
    COPULA,
    FEW_COLUMNS,
    NEAREST,
    Evidence,
    UsableEstimate,
    Z,
    agree,
    are_both_classes,
    are_counted,
    bound_of,
    critics_of,
    first,
)
from mi_cli.analysis.facts import Facts
from mi_cli.errors import listed

__all__ = [
    "ALPHA",
    "DOUBTS",
    "DOWN",
    "UP",
    "Doubt",
    "Reach",
    "ReachRule",
    "choose_source",
    "has_copies",
    "is_wide",
]

ALPHA = 0.05  # p-values below it show dependence
APART = 0.25  # share of the larger one by which two estimates may differ, beyond their errors, in many columns
FEWEST_ROWS = 50  # with numbers; for classes on both sides the interval decides
COPIES = 0.01  # share of the rows that repeat others, above which there is no answer
NEAR_CEILING = 0.8  # share of its ceiling above which an estimate may be limited by it
GAP = 1.25  # share of the difference between training and test rows that the interval is widened by
RISE = 1.0  # times the rise of the last round of training that the interval is widened by
MISSED_PER_COLUMN, MISSED = 0.1, 0.65  # share of a lower bound that its critics may have missed where no other agrees
DRIFT, DRIFT_NOISE = 2.4, 0.5  # times the drift of nearest neighbours, beyond so many standard errors, likewise
WIDEST, WIDEST_SHARE = 0.3, 1.0  # nats, and share of the value, that the interval of an answer may be wide

_MORE_ROWS = "more rows"
_FEWER_COLUMNS = "more rows, or fewer columns"


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


# Which estimate is taken


def choose_source(estimates: Sequence[UsableEstimate], facts: Facts) -> tuple[UsableEstimate, str]:
    """The estimate to take, and why, as a sentence.

    Args:
        estimates: at least one.
        facts: of the data.
    """
    bound, nearest, copula = bound_of(estimates), first(estimates, NEAREST), first(estimates, COPULA)
    if bound is None and facts.columns_z and nearest is not None:
        return _given_z(nearest, copula, critics_of(estimates), facts)
    if bound is None:
        one = nearest or copula or estimates[0]
        if are_both_classes(facts) and one is nearest:
            return one, "x and y are classes, and their pairs are counted"
        return one, f"{one.name} is taken, and no lower bound on held-out rows checks it"
    if are_both_classes(facts) and nearest is not None and nearest.value >= bound.bottom:
        return nearest, "x and y are classes, and their pairs are counted"
    if (higher := _higher(bound, nearest, copula, facts)) is not None:
        return higher
    if len(estimates) == 1:
        return bound, f"{bound.name} is evaluated on held-out rows, and no other estimate checks it"
    return bound, _why_bound(bound, nearest, estimates, facts)


def _given_z(
    nearest: UsableEstimate, copula: UsableEstimate | None, critics: UsableEstimate | None, facts: Facts
) -> tuple[UsableEstimate, str]:
    """Which estimate is taken for the MI given z: that of critics if it is higher, as all of them are rather too low.

    It is taken if it is higher by more than chance, and in place of nearest neighbours if it is higher at all.
    """
    if are_counted(facts):
        return nearest, "x, y and z are classes, and their triples are counted"
    one, why = _without_critics(nearest, copula, facts)
    if critics is None:
        return one, why
    if agree(critics, one):
        taken = critics if one is nearest and critics.value > one.value else one
        return taken, f"{one.name} and {critics.name} agree, though they fail in different ways"
    if critics.value > one.value:
        return critics, f"{critics.name} is above {one.name}, which misses a part: critics learn any form of dependence"
    return one, why


def _without_critics(
    nearest: UsableEstimate, copula: UsableEstimate | None, facts: Facts
) -> tuple[UsableEstimate, str]:
    """Which of nearest neighbours and the copula is taken for the MI given z."""
    few = facts.columns <= FEW_COLUMNS
    if copula is not None and not few and copula.fits and copula.value > nearest.value:
        return copula, "nearest neighbours are too low in many columns, and nothing speaks against a Gaussian copula"
    if copula is not None and copula.fits and agree(nearest, copula):
        precise = min(nearest, copula, key=lambda one: one.stderr)
        why = f"{nearest.name} and {copula.name} agree, though they fail in different ways"
        return precise, f"{why}, and {precise.name} has the smaller error"
    if few:
        return nearest, "nearest neighbours are accurate in few columns"
    return nearest, f"{nearest.name} is taken, and no other estimate checks it"


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
    above = [(one, why) for one, why in right if one.value > bound.best and not agree(one, bound)]
    if not above:
        return None
    one, why = max(above, key=lambda pair: pair[0].value)
    return one, f"{one.name} is above {bound.name}, which misses a part: {why}"


def _why_bound(
    bound: UsableEstimate, nearest: UsableEstimate | None, estimates: Sequence[UsableEstimate], facts: Facts
) -> str:
    few = facts.columns <= FEW_COLUMNS
    agreeing = [one.name for one in estimates if one is not bound and agree(one, bound) and (few or one.fits)]
    if agreeing:
        return f"{listed([bound.name, *agreeing], 'and')} agree, though they fail in different ways"
    if nearest is not None and nearest.value < bound.value:
        where = "at strong dependence" if few else "in many columns"
        return f"{bound.name} is evaluated on held-out rows, and nearest neighbours are too low {where}"
    return f"{bound.name} is evaluated on held-out rows, and the others have no guarantee here"


# How far the interval reaches


def _up_by_error(evidence: Evidence) -> Reach:
    return Reach(evidence.source.top, "the standard error is large", _MORE_ROWS)


def _up_by_counts(evidence: Evidence) -> Reach | None:
    """The interval of a table of counts, which is not that of a normal error."""
    source = evidence.source
    if not evidence.is_counted or source.high is None:
        return None
    return Reach(source.high, "the table of the classes has few rows in a cell", _MORE_ROWS)


def _up_to_others(evidence: Evidence) -> Reach | None:
    """The other estimates that may be right: nearest neighbours, and the copula of one column each.

    Given z they are nearest neighbours, the copula, if nothing speaks against it, and critics.
    """
    copula = first(evidence.estimates, COPULA)
    may_be_right = copula is not None and (copula.fits if evidence.facts.columns_z else evidence.facts.columns == 2)
    others = [evidence.nearest, copula if may_be_right else None, evidence.critics]
    above = [one for one in others if one is not None and one.value > evidence.source.value]
    if not above:
        return None
    highest = max(above, key=lambda one: one.value)
    end = highest.top if evidence.has_few_columns else highest.value
    if agree(highest, evidence.source):
        return Reach(end, "the standard error is large", _MORE_ROWS)
    cause = f"{highest.name} is higher than {evidence.source.name}, and nothing says which is right"
    return Reach(end, cause, _FEWER_COLUMNS)


def _up_by_drift(evidence: Evidence) -> Reach | None:
    """What nearest neighbours miss at strong dependence, as their growth with the number of rows shows.

    A bias that falls as n to the power −½ is 2.4 times the drift, one that falls as 1/n is the drift. Without a bias
    the drift still varies, by about .8 standard errors of the estimate.
    """
    nearest = evidence.nearest
    if nearest is None or not (evidence.has_few_columns or nearest is evidence.source):
        return None
    drift = nearest.drift - DRIFT_NOISE * nearest.stderr
    if drift <= 0:
        return None
    cause = f"{nearest.name} still grows with the number of rows"
    return Reach(nearest.top + DRIFT * drift, cause, _MORE_ROWS)


def _up_by_gap(evidence: Evidence) -> Reach | None:
    """What the source has learned of training rows that it does not find in test rows; given z, critics as well."""
    source, critics = evidence.source, evidence.critics
    one = source if critics is None or critics.value < source.value else critics
    if one.gap <= 0:
        return None
    cause = f"{one.name} is much larger on training rows than on test rows, as it overfits"
    return Reach(one.top + GAP * one.gap, cause, _FEWER_COLUMNS)


def _up_by_unlearned(evidence: Evidence) -> Reach | None:
    """What critics miss in many columns, where no other estimator agrees.

    Critics of 5,000 rows of correlated columns that were bent and mixed by an unknown map missed a third of the MI,
    with 10, 25 and 100 columns on each side, and nothing in their own values showed it. A Gaussian copula that agrees
    with them is no evidence unless the columns are jointly normal, since it is among the critics.
    """
    source, columns = evidence.source, evidence.facts.columns
    others = [one for one in evidence.estimates if one is not source]
    if not source.is_bound or evidence.has_few_columns or any(one.fits and agree(one, source) for one in others):
        return None
    end = source.top + min(MISSED, MISSED_PER_COLUMN * columns) * max(0.0, source.best)
    cause = f"{source.name} may have missed a part, and no other estimator agrees with it"
    return Reach(end, cause, _FEWER_COLUMNS)


def _up_by_z(evidence: Evidence) -> Reach | None:
    """What is missed where the regression on the numbers of z has not learned all that z predicts.

    At 200 rows of `confounded` it is up to 12 % with one column of z, 17 % with three, and 30 % with five
    (``docs/conditional-mi.md``).
    """
    facts, source = evidence.facts, evidence.source
    if not facts.columns_z or facts.entropy_z is not None or source.is_bound:
        return None
    end = source.top + min(MISSED, MISSED_PER_COLUMN * facts.columns_z) * max(0.0, source.best)
    return Reach(end, "z predicts more of x and y than was learned, perhaps", "more rows, or fewer columns of z")


def _up_by_rise(evidence: Evidence) -> Reach | None:
    """What a critic would have learned in further rounds: the last round's rise, if each adds half as much."""
    source = evidence.source
    if source.rise <= 0:
        return None
    cause = f"{source.name} still learned when its training ended"
    return Reach(source.top + RISE * source.rise, cause, "more training.steps")


def _up_at_ceiling(evidence: Evidence) -> Reach | None:
    """The ceiling of the source; that of critics is at most ln n, as ``auto`` clips its scores there."""
    source, n = evidence.source, evidence.facts.rows
    ceilings = [source.ceiling] if source.ceiling is not None else []
    if (source.is_bound or source is evidence.critics) and n > 1:
        ceilings.append(math.log(n))
    if not ceilings or source.value <= NEAR_CEILING * min(ceilings):
        return None
    cause = f"{source.name} is near the most that so many rows can show, and the MI may be far larger"
    return Reach(math.inf, cause, "more rows, or noise added to one side")


def _down_by_error(evidence: Evidence) -> Reach:
    return Reach(evidence.source.bottom, "the standard error is large", _MORE_ROWS)


def _down_by_counts(evidence: Evidence) -> Reach | None:
    source = evidence.source
    if not evidence.is_counted or source.low is None:
        return None
    return Reach(source.low, "the table of the classes has few rows in a cell", _MORE_ROWS)


def _down_to_others(evidence: Evidence) -> Reach | None:
    """Nearest neighbours, the bound and critics, where they are lower than the source and agree with it."""
    others = [one for one in (evidence.nearest, evidence.bound, evidence.critics) if one is not None]
    below = [one for one in others if one.value < evidence.source.value and agree(one, evidence.source)]
    if not below:
        return None
    lowest = min(below, key=lambda one: one.value)
    return Reach(lowest.value, f"{lowest.name} is lower than {evidence.source.name}", _MORE_ROWS)


def _down_by_sparse_table(evidence: Evidence) -> Reach | None:
    """The bias of counting, m_z (m_x − 1)(m_y − 1) / 2n, with exp H as the effective number m of classes."""
    facts = evidence.facts
    if not evidence.is_counted or facts.entropy_x is None or facts.entropy_y is None or not facts.rows:
        return None
    tables = math.exp(facts.entropy_z) if facts.entropy_z is not None else 1
    bias = tables * math.expm1(facts.entropy_x) * math.expm1(facts.entropy_y) / (2 * facts.rows)
    cause = "the table of the classes has few rows in a cell"
    return Reach(evidence.source.bottom - bias, cause, "more rows, or fewer classes")


UP: tuple[ReachRule, ...] = (
    _up_by_error,
    _up_by_counts,
    _up_to_others,
    _up_by_drift,
    _up_by_gap,
    _up_by_z,
    _up_by_rise,
    _up_by_unlearned,
    _up_at_ceiling,
)
DOWN: tuple[ReachRule, ...] = (_down_by_error, _down_by_counts, _down_to_others, _down_by_sparse_table)


# Why it cannot be told


def has_copies(facts: Facts) -> bool:
    """Whether more rows repeat others than an answer may have."""
    return facts.copies > COPIES * facts.rows


def is_wide(low: float, high: float, value: float) -> bool:
    """Whether an interval, in nats, is too wide for an answer."""
    return high - low > max(WIDEST, WIDEST_SHARE * value)


def _few_rows(evidence: Evidence) -> Doubt | None:
    facts = evidence.facts
    if are_both_classes(facts) or not 0 < facts.rows < FEWEST_ROWS:
        return None
    return Doubt(f"{facts.rows} rows are too few", f"at least {FEWEST_ROWS} rows")


def _far_apart(evidence: Evidence) -> Doubt | None:
    """Nearest neighbours far above the source, where columns are many or rows depend on each other."""
    nearest, source = evidence.nearest, evidence.source
    if nearest is None or nearest is source or (evidence.has_few_columns and not evidence.facts.blocks):
        return None
    apart = nearest.value - source.value - Z * math.hypot(nearest.stderr, source.stderr)
    if apart <= APART * nearest.value or agree(nearest, source):
        return None
    where = "where rows depend on each other" if evidence.has_few_columns else "in so many columns"
    reason = f"{nearest.name} is far above {source.name}, and {where} nothing says which is right"
    return Doubt(reason, f"{_FEWER_COLUMNS}, or more training.steps")


DOUBTS: tuple[Callable[[Evidence], Doubt | None], ...] = (_few_rows, _far_apart)
