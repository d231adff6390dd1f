"""How many past values a transfer entropy needs, by how well they predict rows that are held out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from mi_cli.datasets.series import History, Series
from mi_cli.lazy import distance
from mi_cli.problems import Array
from mi_cli.procedures.time_windows import reach, transfer_windows
from mi_cli.training.settings import Time

__all__ = ["HistoryChoice"]

_FOLDS = 5  # of neighbouring rows
_MOST_ROWS = 4000  # the first ones
_CENTRES = 40  # of the kernels
_WIDTHS = (0.5, 1.5)  # of the kernels, in standard deviations times the root of the number of columns
_PENALTIES = (1e-3, 1e-1, 1e1)  # on the squares of weights, for each row


class HistoryChoice:
    """Chooses histories of targets and of sources, the same for one direction however often it is asked.

    A value of the target is predicted from the past of the target and of what is given, and then from that of the
    source as well: linearly and by Gaussian kernels around some of the rows, with a ridge penalty, on folds of
    neighbouring rows that are held out. The shortest history is taken whose error is no more than one standard error of
    the difference above the smallest one.

    Args:
        series: the rows.
        time: settings, of which a history may be given and not chosen.

    Reference:
        Wibral, Vicente & Lizier 2014, *Directed Information Measures in Neuroscience*, chapter 1, on too short a
        history of the target; Breiman, Friedman, Olshen & Stone 1984, section 3.4.3, the rule of one standard error.
    """

    def __init__(self, series: Series, time: Time) -> None:
        self._series, self._time = series, time
        self._errors = cache(self._held_out)
        longest = [
            time.max_history if history == "auto" else history for history in (time.source_history, time.target_history)
        ]
        self._first = reach(History(longest[0], longest[1], time.lag))

    def choose(self, source: str, target: str, given: Sequence[str]) -> History:
        """The histories of one direction."""
        of_target, of_source = self._time.target_history, self._time.source_history
        if of_target == "auto":
            of_target = self._shortest([self._errors(target, (), number, 0) for number in self._range()])
        if of_source == "auto":
            columns = (source, *given)
            of_source = self._shortest([self._errors(target, columns, of_target, number) for number in self._range()])
        return History(of_source, of_target, self._time.lag)

    def _range(self) -> range:
        return range(1, self._time.max_history + 1)

    @staticmethod
    def _shortest(errors: Sequence[Array]) -> int:
        """The smallest number of values, from 1, whose error is not clearly above the smallest error."""
        best = min(errors, key=lambda one: float(one.mean()))
        for number, one in enumerate(errors, 1):
            difference = one - best
            if difference.mean() <= difference.std() / len(difference) ** 0.5:
                return number
        return len(errors)

    def _held_out(self, target: str, columns: tuple[str, ...], of_target: int, of_source: int) -> Array:
        """The squared error of each row that was held out, ``(n,)``, in variances of the target."""
        history = History(max(1, of_source), of_target, self._time.lag)
        windows = transfer_windows(self._series, (columns or (target,))[0], target, columns[1:], history, self._first)
        sides = (windows.given, windows.source) if columns else (windows.given,)
        past = np.concatenate([side for side in sides if side is not None], 1)
        return _errors(past[:_MOST_ROWS], windows.target[:_MOST_ROWS])


def _errors(past: Array, target: Array) -> Array:
    """The squared error of each row of a target, predicted by fits to the other folds; ``(n,)``, in variances."""
    target = (target - target.mean(0)) / max(float(target.std(0).max()), np.finfo(float).tiny)
    features = _features(past)
    errors = np.empty((len(_PENALTIES), len(target)))
    for fold in np.array_split(np.arange(len(target)), _FOLDS):
        inside = np.ones(len(target), bool)
        inside[fold] = False
        fitted, of_target = features[inside], target[inside]
        centre, mean = fitted.mean(0), of_target.mean(0)
        products, with_target = (fitted - centre).T @ (fitted - centre), (fitted - centre).T @ (of_target - mean)
        for place, penalty in enumerate(_PENALTIES):
            weights = np.linalg.solve(products + penalty * inside.sum() / 100 * np.eye(len(products)), with_target)
            errors[place, fold] = ((target[fold] - mean - (features[fold] - centre) @ weights) ** 2).sum(1)
    return np.asarray(errors[errors.mean(1).argmin()])


def _features(past: Array) -> Array:
    """Past values of spread 1, and kernels around some of the rows, ``(n, d)``."""
    spread = past.std(0)
    past = (past - past.mean(0)) / np.where(spread > 0, spread, 1)
    centres = past[np.linspace(0, len(past) - 1, min(_CENTRES, len(past))).astype(int)]
    squares = distance.cdist(past, centres, "sqeuclidean") / past.shape[1]
    return np.concatenate([past, *(np.exp(-squares / (2 * width**2)) for width in _WIDTHS)], 1)
