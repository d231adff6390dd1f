"""A selection of columns as a transformer of scikit-learn."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
from pydantic import ValidationError
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from mi_cli.errors import ConfigError, Fault
from mi_cli.problems import Array, is_discrete
from mi_cli.selection.path import Table, select
from mi_cli.selection.settings import Method, Selection

__all__ = ["MISelector"]

_ACCEPTED = {
    "method": "forward, mrmr, jmi or cmim",
    "columns": "a whole number from 1",
    "alpha": "a number above 0 and below 1",
    "bins": "auto, or a whole number from 2 to 20",
    "permutations": "a whole number from 19",
    "pairs": "true or false",
}


class MISelector(SelectorMixin, BaseEstimator):  # type: ignore[misc]
    """Select the columns that tell most of a target, and little of each other, by mutual information.

    Numbers are cut into bins of equal counts, and MI is counted for all columns at once. Copies of a column are left
    out. Where no single column is significant, pairs of columns are screened, so that two columns that tell of the
    target only together are found.

    Args:
        columns: the most that are selected.
        method: ``"jmi"``, ``"mrmr"`` and ``"cmim"`` select so many; ``"forward"`` adds the column with the largest MI
            with the target given those before it, and stops where it is not significant, perhaps at once.
        alpha: the level of that test, and the one from which pairs are screened.
        bins: of a column of numbers; ``"auto"`` for about (n / 10)^⅓, from 2 to 6.
        permutations: of the target, for the test of ``"forward"``.
        pairs: whether pairs are screened.
        classes: which columns are classes: ``"auto"`` for those of few values, or a mask ``(d,)``.
        random_state: of the permutations.

    Attributes:
        path_: numbers of the selected columns, in the order in which they were added.
        gains_: what each of them added, in nats, as the method counts it.
        p_values_: those of ``"forward"``; NaN for other methods.
        relevance_: the MI of each column with the target in nats, ``(d,)``.
        copies_: columns that are left out as copies, and the column that they copy, by number.
        n_features_in_: columns of the rows that were fitted to.
        feature_names_in_: their names, where they have some.

    Example:
        >>> from mi_cli import MISelector
        >>> x = np.random.default_rng(0).normal(size=(500, 5))
        >>> MISelector(2, random_state=0).fit(x, (x[:, 1] > 0) ^ (x[:, 4] > 0)).get_support(indices=True).tolist()
        [1, 4]
    """

    def __init__(
        self,
        columns: int = 10,
        *,
        method: Method = "jmi",
        alpha: float = 0.05,
        bins: int | Literal["auto"] = "auto",
        permutations: int = 99,
        pairs: bool = True,
        classes: Any = "auto",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.columns = columns
        self.method = method
        self.alpha = alpha
        self.bins = bins
        self.permutations = permutations
        self.pairs = pairs
        self.classes = classes
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803 (scikit-learn's names)
        """Select columns.

        Args:
            X: rows ``(n, d)`` of numbers, without missing values.
            y: the target ``(n,)``: classes, or numbers.

        Raises:
            ValueError: rows or parameters cannot be used.
        """
        settings = self._settings()
        x, y = validate_data(self, X, y, dtype=np.float64, ensure_min_samples=2)
        y = column_or_1d(y)
        y_classes = not type_of_target(y).startswith("continuous")
        if y_classes:
            check_classification_targets(y)
            y = np.unique(y, return_inverse=True)[1]
            y_classes = y.max() < 2 or is_discrete(y.astype(float))  # counts of many values are numbers
        table = Table(x, self._classes(x), y.astype(np.float64), y_classes)
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        path = select(table, settings, np.random.default_rng(seed))
        self.path_ = np.array(path.columns, dtype=np.int64)
        self.gains_ = np.array([step.gain for step in path.steps])
        self.p_values_ = np.array([np.nan if step.p_value is None else step.p_value for step in path.steps])
        self.relevance_: Array = path.relevance
        self.copies_ = path.copies
        return self

    def _get_support_mask(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        check_is_fitted(self)
        mask = np.zeros(self.n_features_in_, dtype=bool)
        mask[self.path_] = True
        return mask

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    def _settings(self) -> Selection:
        given = {name: getattr(self, name) for name in _ACCEPTED}
        given = {name: value.tolist() if hasattr(value, "tolist") else value for name, value in given.items()}
        try:
            return Selection(**given, subsamples=0)
        except ValidationError as error:
            wrong = dict.fromkeys(str(details["loc"][0]) for details in error.errors())
            raise ConfigError(*(Fault(name, given[name], accepted=_ACCEPTED[name]) for name in wrong)) from None

    def _classes(self, x: Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
        d = x.shape[1]
        if isinstance(self.classes, str) and self.classes == "auto":
            return np.array([is_discrete(column) for column in x.T], dtype=bool)
        mask = np.asarray(self.classes)
        if mask.shape != (d,) or mask.dtype != bool:
            raise ConfigError(Fault("classes", self.classes, accepted=f"auto, or a mask of {d} columns"))
        return mask
