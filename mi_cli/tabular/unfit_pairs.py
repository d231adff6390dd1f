"""Which pairs of columns have no MI that can be estimated, though each column can be used. Nothing here imports torch.

Two columns are equal, or one is a straight line of the other, or rises or falls with it in all rows; or missing values
leave too few rows of both, or rows in which one of them is constant.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mi_cli.errors import counted, listed, shown
from mi_cli.lazy import np
from mi_cli.tabular.columns import Array, Column
from mi_cli.tabular.encoding import FEWEST_ROWS

__all__ = ["PairRows", "unfit_pairs", "unfit_pairs_notes"]

_EXACT = 1e-12  # up to which a correlation differs from 1 by rounding alone
_FIRST = 20  # rows of a pair, which are looked at before all of them
_MANY = 4  # pairs with one reason, of which each is named

Reason = Literal["copy", "rescaled", "monotone", "given z", "few rows", "constant"]
Pair = tuple[str, str]


@dataclass(frozen=True)
class PairRows:
    """How rows of pairs are chosen.

    Args:
        column: a column of the sample, by its name.
        is_number: whether it is taken for numbers, by its name.
        others: columns of z, groups and time, whose missing values leave out rows of every pair.
        z: columns that the MI is conditional on.
        drops: whether rows with missing values are left out.
    """

    column: Callable[[str], Column]
    is_number: Callable[[str], bool]
    others: Sequence[str]
    z: Sequence[str]
    drops: bool

    def reason(self, pair: Pair) -> Reason | None:
        """Why a pair cannot be estimated; None where it can."""
        one, other = map(self.column, pair)
        rows: Array | slice = slice(None)
        if self.drops and any(self.column(name).missing for name in (*pair, *self.others)):
            rows = np.flatnonzero(~np.isnan([self.column(name).values for name in (*pair, *self.others)]).any(0))
            if len(rows) < FEWEST_ROWS:
                return "few rows"
            if any(_is_constant(column.values[rows]) for column in (one, other)):
                return "constant"
        for name in self.z:
            if any(_are_equal(self.column(name), column, rows) for column in (one, other)):
                return "given z"
        if _are_equal(one, other, rows):
            return "copy"
        if not all(map(self.is_number, pair)):
            return None
        values = one.values[rows], other.values[rows]
        return "rescaled" if _is_line(*values) else "monotone" if _is_monotone(*values) else None


def unfit_pairs(pairs: Iterable[Sequence[str]], rows: PairRows) -> dict[Pair, Reason]:
    """The pairs that cannot be estimated, each with what is wrong with it."""
    every = [(str(x), str(y)) for x, y in pairs]
    return {pair: reason for pair in every if (reason := rows.reason(pair)) is not None}


def unfit_pairs_notes(found: Mapping[Pair, Reason], rows: PairRows) -> list[str]:
    """What is said of pairs that are left out, in lines."""
    notes = []
    for reason in dict.fromkeys(found.values()):
        pairs = [pair for pair in found if found[pair] == reason]
        if reason == "copy":
            notes += _notes_on_copies(pairs, rows)
        elif reason in _FUNCTIONS:
            for names in _together(pairs):
                how = _FUNCTIONS[reason][len(names) > 2]
                notes.append(
                    f"{listed(names[1:], 'and')} {how} {shown(names[0])}: {_left_out(names)}, as the MI is infinite"
                )
        else:
            some = [f"{shown(x)} with {shown(y)}" for x, y in pairs[:_MANY]]
            more = f" and {len(pairs) - _MANY:,} more" if len(pairs) > _MANY else ""
            notes.append(f"left out: {', '.join(some)}{more} ({_REASONS[reason]})")
    return notes


_FUNCTIONS: dict[Reason, tuple[str, str]] = {  # of one column, and of several
    "rescaled": ("is a straight line of", "are straight lines of"),
    "monotone": ("rises or falls with", "rise or fall with"),
}
_REASONS: dict[Reason, str] = {
    "given z": "a column equals one of z, and given z nothing is left of it",
    "few rows": f"fewer than {FEWEST_ROWS} rows have values of both",
    "constant": "a column is constant in the rows that have values of both",
}


def _notes_on_copies(pairs: Sequence[Pair], rows: PairRows) -> list[str]:
    """Which columns are equal, and what the MI of such a pair is."""
    notes = []
    for names in _together(pairs):
        mi = "is infinite"
        if not rows.is_number(names[0]):
            mi = f"is the entropy of the column, {_entropy(rows.column(names[0]).values):.3f} nats"
        notes.append(f"{listed(names, 'and')} are equal: {_left_out(names)}, as the MI {mi}")
    return notes


def _left_out(names: Sequence[str]) -> str:
    return (
        "this pair is left out" if len(names) == 2 else f"pairs of these {counted(len(names), 'column')} are left out"
    )


def _together(pairs: Iterable[Pair]) -> list[list[str]]:
    """The columns that pairs link to each other, in groups, in the order in which they come."""
    groups: list[list[str]] = []
    for pair in pairs:
        linked = [group for group in groups if set(group) & set(pair)]
        groups = [group for group in groups if group not in linked]
        groups.append(list(dict.fromkeys(itertools.chain(*linked, pair))))
    return groups


def _are_equal(one: Column, other: Column, rows: Array | slice) -> bool:
    return one.labels == other.labels and np.array_equal(one.values[rows], other.values[rows], equal_nan=True)


def _is_constant(values: Array) -> bool:
    return bool(values.min() == values.max())


def _is_line(x: Array, y: Array) -> bool:
    """Whether one column of numbers is a straight line of the other, but for rounding."""
    x, y = x - x.mean(), y - y.mean()
    size = float(np.sqrt(x @ x) * np.sqrt(y @ y))
    return size > 0 and abs(float(x @ y)) >= (1 - _EXACT) * size


def _is_monotone(x: Array, y: Array) -> bool:
    """Whether y is larger, or smaller, wherever x is larger, and equal wherever x is equal."""
    if len(x) > _FIRST and not _is_monotone(x[:_FIRST], y[:_FIRST]):  # so that few pairs are sorted as a whole
        return False
    steps = np.diff(y[np.argsort(x, kind="stable")])
    equal = np.diff(np.sort(x)) == 0
    return bool((steps[equal] == 0).all() and ((steps[~equal] > 0).all() or (steps[~equal] < 0).all()))


def _entropy(values: Array) -> float:
    shares = np.unique(values[~np.isnan(values)], return_counts=True)[1] / np.count_nonzero(~np.isnan(values))
    return float(-(shares * np.log(shares)).sum())
