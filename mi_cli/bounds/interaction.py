"""Total correlation, dual total correlation and O-information of several columns, from entropies in closed form."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from mi_cli.lazy import np

__all__ = ["MEASURES", "interactions", "normal_interactions", "table_interactions"]

MEASURES = ("o_information", "total_correlation", "dual_total_correlation")

_Array = Any  # an array, or a number in place of one


def interactions(whole: _Array, singles: Sequence[_Array], without: Sequence[_Array]) -> dict[str, _Array]:
    r"""The measures of d columns by name, from their entropies.

    .. math:: TC = \sum_i H(X_i) - H(X), \quad DTC = \sum_i H(X_{-i}) - (d - 1) H(X), \quad O = TC - DTC

    O is positive where columns share what they tell (redundancy), and negative where they tell it only together
    (synergy). Of three columns it is the co-information I(X; Y) − I(X; Y | Z). The measures are linear, so that
    influences of entropies give those of the measures.

    Args:
        whole: H(X), or any number or array in its place.
        singles: H(X_i) of each column.
        without: H(X_{-i}), of all columns but one.

    Reference:
        Watanabe 1960 (IBM Journal of Research and Development 4, 66–82); Han 1978 (Information and Control 36,
        133–156); Rosas, Mediano, Gastpar & Jensen 2019 (Physical Review E 100, 032305; arXiv 1902.11239).

    >>> ln2 = math.log(2)
    >>> {name: round(value / ln2) for name, value in interactions(2 * ln2, [ln2] * 3, [2 * ln2] * 3).items()}
    {'o_information': -1, 'total_correlation': 1, 'dual_total_correlation': 2}
    """
    d = len(singles)
    total = sum(singles[1:], singles[0]) - whole
    dual = sum(without[1:], without[0]) - (d - 1) * whole
    return dict(zip(MEASURES, (total - dual, total, dual), strict=True))


def normal_interactions(covariance: np.ndarray[Any, Any]) -> dict[str, float]:
    """The measures of normal columns with a covariance ``(d, d)``, in nats.

    >>> equal = np.full((3, 3), 0.5) + 0.5 * np.eye(3)
    >>> {name: round(value, 4) for name, value in normal_interactions(equal).items()}
    {'o_information': 0.0849, 'total_correlation': 0.3466, 'dual_total_correlation': 0.2616}
    """
    columns = np.arange(len(covariance))

    def entropy(chosen: np.ndarray[Any, Any]) -> float:  # less a constant for each column, which cancels
        return float(0.5 * np.linalg.slogdet(covariance[np.ix_(chosen, chosen)])[1])

    return interactions(
        entropy(columns),
        [entropy(columns[[i]]) for i in columns],
        [entropy(np.delete(columns, i)) for i in columns],
    )


def table_interactions(probabilities: np.ndarray[Any, Any]) -> dict[str, float]:
    """The measures of classes with a table of probabilities, an axis for each column, in nats.

    >>> copies = np.zeros((2, 2, 2))
    >>> copies[0, 0, 0] = copies[1, 1, 1] = 0.5
    >>> round(table_interactions(copies)["o_information"], 4)
    0.6931
    """
    axes = range(probabilities.ndim)

    def entropy(away: tuple[int, ...]) -> float:
        rest = probabilities.sum(axis=away).ravel()
        return -math.fsum(p * math.log(p) for p in rest.tolist() if p > 0)

    return interactions(
        entropy(()),
        [entropy(tuple(j for j in axes if j != i)) for i in axes],
        [entropy((i,)) for i in axes],
    )
