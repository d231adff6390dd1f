"""How many past values a transfer entropy needs, by how well they predict rows that are left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from mi_cli.datasets.series import History, Series
from mi_cli.lazy import distance
from mi_cli.problems import Array
from mi_cli.procedures.shift_null import shifted
from mi_cli.procedures.time_windows import Index, Windows, reach, transfer_windows
from mi_cli.training.settings import Time

__all__ = ["DirectionHistory", "HistoryChoice"]

_MOST_ROWS = 4000  # the first ones
_CENTRES, _ROWS_A_CENTRE = 40, 10  # of the kernels: at most so many, and as many rows for each
_WIDTHS = (0.5, 1.5)  # of the kernels, in standard deviations times the root of the number of columns
_PENALTIES = np.array([1e-5, 1e-3, 1e-1])  # on the squares of weights, for each row
_NEGLIGIBLE = 1e-3  # squared lengths of directions that no fit uses, for each row, in the smallest penalty
_LEAST_LEFT = 1e-3  # of the weight of a row that its own fit does not have
_AT_A_TIME = 4_000_000  # errors: of histories, rows and shifts


class HistoryChoice:
    """Chooses histories of targets and of sources.

    A value of the target is predicted from the past of the target and of what is given, and then from that of the
    source as well: linearly and by Gaussian kernels around some of the rows, with a ridge penalty, by fits to all rows
    but the one that is predicted. The shortest history is taken whose error is no more than one standard error of the
    difference above the smallest one. That of the target is chosen first, without the source.

    Args:
        series: the rows.
        time: settings, of which a history may be given and not chosen.

    Reference:
        Wibral, Vicente & Lizier 2014, *Directed Information Measures in Neuroscience*, chapter 1, on too short a
        history of the target; Breiman, Friedman, Olshen & Stone 1984, section 3.4.3, the rule of one standard error;
        Allen 1974 (Technometrics 16, 125–127), the errors of rows that are left out.
    """

    def __init__(self, series: Series, time: Time) -> None:
        self._series, self._time = series, time
        of_source, of_target = (
            time.max_history if history == "auto" else history for history in (time.source_history, time.target_history)
        )
        self._first = reach(History(of_source, of_target, time.lag))
        self._of_target = cache(self._choose_of_target)

    def choose(self, source: str, target: str, given: Sequence[str]) -> DirectionHistory:
        """The histories of one direction."""
        of_target, of_source = self._time.target_history, self._time.source_history
        if of_target == "auto":
            of_target = self._of_target(target)
        numbers = self._range() if of_source == "auto" else (of_source,)

        def windows(history: History) -> Windows:
            return transfer_windows(self._series, source, target, given, history, self._first)

        return DirectionHistory([History(number, of_target, self._time.lag) for number in numbers], windows)

    def _range(self) -> range:
        return range(1, self._time.max_history + 1)

    def _choose_of_target(self, target: str) -> int:
        """How many values of a target predict the next one."""
        errors = []
        for number in self._range():
            windows = transfer_windows(self._series, target, target, (), History(1, number), self._first)
            windows = windows.first(_MOST_ROWS)
            basis = _Basis.of(_features(windows.past_given))
            errors.append(_Left.of(windows.target).errors(basis, np.arange(len(windows))[:, None]))
        return 1 + int(_shortest(np.stack(errors))[0])


class DirectionHistory:
    """The history of one direction, and what would be chosen were the source shifted in time.

    The history of a source is chosen by what the source tells of the target, so that p-values would be too small if
    shifts kept it. They choose again: what the past of the target leaves of the source's features is shifted.

    Attributes:
        windows: from a history to its rows, which are as many for each.
        history: that of the rows as they are.
    """

    def __init__(self, histories: Sequence[History], windows: Callable[[History], Windows]) -> None:
        self.windows, self._histories, self._fits = windows, histories, list[tuple[_Left, _Basis]]()
        bases: dict[int, tuple[_Left, _Basis]] = {}  # by how many columns are given: the same ones if as many
        for tested in map(self.tested, histories) if self.is_chosen else ():
            given = tested.past_given
            if given.shape[1] not in bases:
                base = _Basis.of(_features(given))
                bases[given.shape[1]] = _Left.of(tested.target).less(base), base
            left, base = bases[given.shape[1]]
            both = _features(np.concatenate([tested.source, given], 1))
            self._fits.append((left, _Basis.of(both, base)))
        self._recording = self.tested(histories[0]).recording
        self.history = self.under(np.zeros((1, len(np.bincount(self._recording))), np.int64))[0]

    @property
    def is_chosen(self) -> bool:
        """Whether there are several histories."""
        return len(self._histories) > 1

    def tested(self, history: History) -> Windows:
        """The rows that p-values are from: all of a history, or the first ones if it is chosen, by these."""
        windows = self.windows(history)
        return windows.first(_MOST_ROWS) if self.is_chosen else windows

    def under(self, offsets: Index) -> list[History]:
        """The history were the source shifted by as many rows in each recording, ``(shifts, recordings)``."""
        if not self.is_chosen:
            return [self._histories[0]] * len(offsets)
        size, chosen = max(1, _AT_A_TIME // (len(self._fits) * len(self._recording))), list[History]()
        for start in range(0, len(offsets), size):
            some = offsets[start : start + size]  # features of a row come to the target as many rows later
            paired = np.stack([shifted(self._recording, -offset) for offset in some], 1)
            errors = np.stack([left.errors(basis, paired) for left, basis in self._fits])
            chosen += [self._histories[number] for number in _shortest(errors)]
        return chosen


def _shortest(errors: Array) -> Index:
    """The first error of ``(histories, n, orders)`` that is not clearly above the smallest, for each order."""
    best = errors.mean(1).argmin(0)
    differences = errors - np.take_along_axis(errors, best[None, None], 0)
    near = differences.mean(1) <= differences.std(1) / errors.shape[1] ** 0.5
    return np.asarray(near.argmax(0))


@dataclass(frozen=True)
class _Basis:
    """Features as orthonormal directions ``(n, r)``, and how a fit shrinks each by penalty, ``(r, penalties)``."""

    directions: Array
    shares: Array

    @classmethod
    def of(cls, features: Array, base: _Basis | None = None) -> _Basis:
        """Those of features ``(n, d)``, less their means and what a base predicts of them."""
        features, n = features - features.mean(0), len(features)
        if base is not None:
            features = features - base.directions @ (base.directions.T @ features)
        squares, vectors = np.linalg.eigh(features.T @ features)
        kept = squares > _NEGLIGIBLE * _PENALTIES[0] * n
        squares = squares[kept]
        shares = squares[:, None] / (squares[:, None] + n * _PENALTIES)
        return cls(np.asarray(features @ (vectors[:, kept] / np.sqrt(squares))), shares)


@dataclass(frozen=True)
class _Left:
    """What fits leave of a target, ``(n, width)``, and the weight of each row in its own fit, ``(n,)``."""

    values: Array
    leverage: Array

    @classmethod
    def of(cls, target: Array) -> _Left:
        """What the mean leaves."""
        return cls(target - target.mean(0), np.full(len(target), 1 / len(target)))

    def less(self, basis: _Basis) -> _Left:
        """What the best fit leaves."""
        itself = np.arange(len(self.values))[:, None]
        fits = [_Left(values, leverage[:, 0]) for values, leverage in self._fits(basis, itself)]
        return min(fits, key=lambda fit: float(_squares(fit.values, fit.leverage[:, None]).mean()))

    def errors(self, basis: _Basis, paired: Index) -> Array:
        """The squared error of each row that is left out of the best fit, ``(n, pairings)``.

        Args:
            basis: of the features.
            paired: the row of the target for each row of the features, ``(n, pairings)``.
        """
        squares = np.stack([_squares(*fit) for fit in self._fits(basis, paired)])
        best = squares.mean(1).argmin(0)
        return np.asarray(np.take_along_axis(squares, best[None, None], 0)[0])

    def _fits(self, basis: _Basis, paired: Index) -> Iterator[tuple[Array, Array]]:
        """What is left ``(n, pairings · width)``, and the leverage ``(n, pairings)``, for each penalty."""
        values = self.values[paired].reshape(len(paired), -1)
        projected = basis.directions.T @ values
        for shares in basis.shares.T:
            leverage = self.leverage[paired] + (basis.directions**2 @ shares)[:, None]
            yield values - basis.directions @ (shares[:, None] * projected), leverage


def _squares(left: Array, leverage: Array) -> Array:
    """The squared error of rows that are left out of their fit, ``(n, pairings)``."""
    errors = left.reshape(*leverage.shape, -1) / (1 - leverage).clip(_LEAST_LEFT)[:, :, None]
    return np.asarray((errors**2).sum(2))


def _features(past: Array) -> Array:
    """Past values of spread 1, and kernels around some of the rows, ``(n, d)``."""
    spread = past.std(0)
    past = (past - past.mean(0)) / np.where(spread > 0, spread, 1)
    centres = past[np.linspace(0, len(past) - 1, min(_CENTRES, 1 + len(past) // _ROWS_A_CENTRE)).astype(int)]
    squares = distance.cdist(past, centres, "sqeuclidean") / past.shape[1]
    return np.concatenate([past, *(np.exp(-squares / (2 * width**2)) for width in _WIDTHS)], 1)
