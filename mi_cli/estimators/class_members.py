"""Log-ratios of x and y of which one side is classes, for the mixture of :mod:`~mi_cli.estimators.auto`.

A log-ratio is made of the probability of each class given the other side: T(x, c) = ln q(c | x) − ln q(c).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from mi_cli import networks
from mi_cli.lazy import np, special, torch
from mi_cli.problems import Array, Problem, Rows, is_discrete

__all__ = ["Parts", "class_members"]

# Scores of each part of the rows.
Parts = list["networks.Scores"]
_Codes: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"  # the number of the class of each row
_LogProbabilities = Callable[[Array], Array]  # from rows (n, d) to ln q(c | row), (n, classes)

_UNSEEN = 1.0  # rows that a class, or a value of the other side, counts in addition to those that were seen


def class_members(normal: Problem, parts: Sequence[tuple[Rows, int]]) -> dict[str, Parts]:
    """Scores by members for classes; none where neither side is classes.

    Classes given numbers have two members, of linear and of quadratic discriminant analysis. Classes given classes have
    one, of counts.

    Args:
        normal: the problem, with columns mapped to normal scores.
        parts: the rows that are scored, each with a number of partners.

    Returns:
        The scores of the parts, by name.

    Reference:
        Friedman 1989 (regularised discriminant analysis, JASA 84, 165–175).
    """
    sample = normal.sample
    sides = {"x": _array(sample.x), "y": _array(sample.y)}
    classes = [name for name, side in sides.items() if is_discrete(side)]
    if not classes:
        return {}
    of = classes[-1]  # of y, if both are
    labels, codes = np.unique(sides[of], axis=0, return_inverse=True)
    given = sides["x" if of == "y" else "y"]
    if len(classes) == 2:
        fitted = {"counts": _counts(given, codes.ravel(), len(labels))}
    else:
        fitted = {
            f"{name}_discriminant": _discriminant(given, codes.ravel(), len(labels), shared)
            for name, shared in (("linear", True), ("quadratic", False))
        }
    prior = np.log((np.bincount(codes.ravel(), minlength=len(labels)) + _UNSEEN) / (len(given) + _UNSEEN * len(labels)))
    return {
        name: [_scores(probabilities, prior, labels, rows, shifts, of) for rows, shifts in parts]
        for name, probabilities in fitted.items()
    }


def _array(side: torch.Tensor) -> Array:
    values: Array = side.double().cpu().numpy()
    return values


def _scores(
    probabilities: _LogProbabilities, prior: Array, labels: Array, rows: Rows, shifts: int, of: str
) -> networks.Scores:
    """Scores of rows, and of their cyclic shifts, ``(1, n)`` and ``(1, n, shifts)``."""
    classes, given = (rows.y, rows.x) if of == "y" else (rows.x, rows.y)
    ratio = np.hstack([probabilities(_array(given)) - prior, np.zeros((len(rows), 1))])
    known = {tuple(label): code for code, label in enumerate(labels)}
    unseen = len(labels)  # a class of which nothing is known has a log-ratio of 0
    codes = np.array([known.get(tuple(row), unseen) for row in _array(classes)])
    at = np.arange(len(rows))
    columns = []
    for shift in range(shifts + 1):  # y moves up by the shift, whichever side the classes are on
        moved = np.roll(at, -shift)
        columns.append(ratio[at, codes[moved]] if of == "y" else ratio[moved, codes])
    return networks.Scores.of_partners(torch.from_numpy(np.stack(columns)[None]))


def _counts(given: Array, codes: _Codes, classes: int) -> _LogProbabilities:
    """ln q(c | value) by counting; a value that was not seen has the prior probabilities."""
    values, rows = np.unique(given, axis=0, return_inverse=True)
    counts = np.zeros((len(values) + 1, classes))
    np.add.at(counts, (rows.ravel(), codes), 1)
    prior = (counts.sum(0) + _UNSEEN) / (counts.sum() + _UNSEEN * classes)
    logs = np.log((counts + _UNSEEN * prior) / (counts.sum(1, keepdims=True) + _UNSEEN))
    known = {tuple(value): index for index, value in enumerate(values)}

    def log_probabilities(others: Array) -> Array:
        of_rows: Array = logs[[known.get(tuple(row), len(values)) for row in others]]
        return of_rows

    return log_probabilities


def _discriminant(given: Array, codes: _Codes, classes: int, shared: bool) -> _LogProbabilities:
    """ln q(c | row) of normal classes, with one covariance for all, or with one for each that is shrunk towards it."""
    n, d = given.shape
    count = np.bincount(codes, minlength=classes)
    prior = np.log((count + _UNSEEN) / (n + _UNSEEN * classes))
    means = np.stack([given[codes == c].mean(0) for c in range(classes)])
    centred = given - means[codes]
    pooled = _regular(centred.T @ centred / max(1, n - classes), n)
    covariances = np.repeat(pooled[None], 1 if shared else classes, 0)
    if not shared:
        extra = 2 * (d + 1)  # rows that the shared covariance counts as
        for c in range(classes):
            own = centred[codes == c]
            covariances[c] = (own.T @ own + extra * pooled) / (count[c] + extra)
    roots = np.linalg.cholesky(covariances)
    log_volume = np.log(np.einsum("cii->ci", roots)).sum(1)

    def log_probabilities(others: Array) -> Array:
        deviation = (others[None] - means[:, None]).transpose(0, 2, 1)
        white = np.linalg.solve(np.broadcast_to(roots, (classes, d, d)), deviation)
        logs: Array = prior - log_volume - 0.5 * (white**2).sum(1).T
        shares: Array = logs - special.logsumexp(logs, axis=1, keepdims=True)
        return shares

    return log_probabilities


def _regular(covariance: Array, n: int) -> Array:
    """A covariance that is invertible: its diagonal counts as d further rows."""
    d = len(covariance)
    diagonal = np.diag(np.diag(covariance) + 1e-9 * np.trace(covariance) / d)
    regular: Array = (n * covariance + d * diagonal) / (n + d)
    return regular
