"""The log-ratio of two numbers by counts in nested squares, for :mod:`~mi_cli.estimators.auto`."""

from __future__ import annotations

from collections.abc import Sequence

from mi_cli import networks
from mi_cli.lazy import np, torch
from mi_cli.problems import Array, Problem, Rows

__all__ = ["grid_scores"]

_ROWS = 0.5  # that the density of the larger square counts as, times the square of the level
_FEWEST = 4  # rows a square of the finest level, on average


def grid_scores(normal: Problem, parts: Sequence[tuple[Rows, int]]) -> list[networks.Scores]:
    r"""Scores by a Pólya tree of the copula density of one number of x and one of y.

    The number of a side is its only column, or the squared length of its columns. The unit square of the ranks of both
    is cut into four, each of these into four, and so on. The density of a square is that
    of the larger square around it, corrected by the rows that fall into it:

    .. math:: r_l = r_{l-1} \frac{4 n_l + a l^2}{n_{l-1} + a l^2}

    Args:
        normal: a problem, with columns mapped to normal scores.
        parts: the rows that are scored, each with a number of partners.

    Returns:
        The scores of the parts.

    Reference:
        Lavine 1992 (Pólya trees, Annals of Statistics 20, 1222–1235).
    """
    sample = normal.sample
    seen = np.sort(_number(sample.x)), np.sort(_number(sample.y))
    x, y = _uniform(sample, seen)
    levels = max(1, int(np.log2(len(x) / _FEWEST) / 2))
    log_ratio = np.zeros((1, 1))
    before = np.full((1, 1), float(len(x)))
    for level in range(1, levels + 1):
        counts = np.histogram2d(x, y, bins=2**level, range=[[0, 1], [0, 1]])[0]
        outer = np.kron(before, np.ones((2, 2)))
        extra = _ROWS * level**2
        log_ratio = np.kron(log_ratio, np.ones((2, 2))) + np.log((4 * counts + extra) / (outer + extra))
        before = counts
    return [_scores(log_ratio, _uniform(rows, seen), shifts) for rows, shifts in parts]


def _number(side: torch.Tensor) -> Array:
    values: Array = side.double().cpu().numpy()
    return values[:, 0] if values.shape[1] == 1 else (values**2).sum(1)


def _uniform(rows: Rows, seen: tuple[Array, Array]) -> tuple[Array, Array]:
    """Shares of the training rows whose number is smaller, in (0, 1); half of those whose number is the same count."""
    x, y = (
        (np.searchsorted(known, number, "left") + np.searchsorted(known, number, "right") + 1) / (2 * len(known) + 2)
        for known, number in zip(seen, (_number(rows.x), _number(rows.y)), strict=True)
    )
    return x, y


def _scores(log_ratio: Array, uniform: tuple[Array, Array], shifts: int) -> networks.Scores:
    cells = len(log_ratio)
    x, y = ((side * cells).astype(int) for side in uniform)
    columns = [log_ratio[x, np.roll(y, -shift)] for shift in range(shifts + 1)]
    return networks.Scores.of_partners(torch.from_numpy(np.stack(columns)[None]))
