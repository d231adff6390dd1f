"""Log-ratios of two numbers by counts in nested squares, for :mod:`~mi_cli.estimators.auto`."""

from __future__ import annotations

from collections.abc import Sequence

from mi_cli import networks
from mi_cli.lazy import np, torch
from mi_cli.problems import Array, Problem, Rows

__all__ = ["grid_scores", "pair_scores"]

_ROWS = 0.5  # that the density of the larger square counts as, times the square of the level
_FEWEST = 4  # rows a square of the finest level, on average
_MOST_PAIRS = 100  # of a column of x and one of y that are tried
_KEPT_PAIRS = 6  # that are members
_LEAST_ERRORS = 2  # standard errors that the mean log-ratio of a pair that is kept is above 0, on validation rows


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
    return _of_numbers((_number(sample.x), _number(sample.y)), [(_number(r.x), _number(r.y), s) for r, s in parts])


def pair_scores(normal: Problem, parts: Sequence[tuple[Rows, int]]) -> dict[str, list[networks.Scores]]:
    """Scores by :func:`grid_scores` of single columns, where x and y together have more than two.

    Each pair of a column of x and one of y has a log-ratio of its own. Those whose means on validation rows are
    largest, in standard errors, are kept. Their weighted sum is right where columns depend on each other in pairs, in
    any form.

    Args:
        normal: a problem, with columns mapped to normal scores.
        parts: the rows that are scored, the validation rows first, each with a number of partners.

    Returns:
        The scores of the parts, by the numbers of the columns; none where there are too many pairs.
    """
    x, y = _array(normal.sample.x), _array(normal.sample.y)
    if not 1 < x.shape[1] * y.shape[1] <= _MOST_PAIRS:
        return {}
    val, _ = parts[0]
    gains = {
        (i, j): _gain((x[:, i], y[:, j]), (_array(val.x)[:, i], _array(val.y)[:, j]))
        for i in range(x.shape[1])
        for j in range(y.shape[1])
    }
    kept = sorted(gains, key=lambda pair: -gains[pair])[:_KEPT_PAIRS]
    return {
        f"grid_{i}_{j}": _of_numbers(
            (x[:, i], y[:, j]), [(_array(rows.x)[:, i], _array(rows.y)[:, j], shifts) for rows, shifts in parts]
        )
        for i, j in kept
        if gains[i, j] > _LEAST_ERRORS
    }


def _gain(sample: tuple[Array, Array], val: tuple[Array, Array]) -> float:
    """The mean log-ratio of validation rows, in its standard errors; 0 where it does not vary."""
    log_ratio, seen = _fitted(*sample)
    x, y = _cells(_uniform(*val, seen), len(log_ratio))
    scores = log_ratio[x, y]
    spread = scores.std()
    return float(scores.mean() / spread * len(scores) ** 0.5) if spread > 0 else 0.0


def _of_numbers(sample: tuple[Array, Array], parts: Sequence[tuple[Array, Array, int]]) -> list[networks.Scores]:
    log_ratio, seen = _fitted(*sample)
    return [_scores(log_ratio, _uniform(x, y, seen), shifts) for x, y, shifts in parts]


def _fitted(of_x: Array, of_y: Array) -> tuple[Array, tuple[Array, Array]]:
    """The log-ratio of each of the finest squares, and the sorted numbers of both sides."""
    seen = np.sort(of_x), np.sort(of_y)
    x, y = _uniform(of_x, of_y, seen)
    levels = max(1, int(np.log2(len(x) / _FEWEST) / 2))
    log_ratio = np.zeros((1, 1))
    before = np.full((1, 1), float(len(x)))
    for level in range(1, levels + 1):
        counts = np.histogram2d(x, y, bins=2**level, range=[[0, 1], [0, 1]])[0]
        outer = np.kron(before, np.ones((2, 2)))
        extra = _ROWS * level**2
        log_ratio = np.kron(log_ratio, np.ones((2, 2))) + np.log((4 * counts + extra) / (outer + extra))
        before = counts
    return log_ratio, seen


def _array(side: torch.Tensor) -> Array:
    values: Array = side.double().cpu().numpy()
    return values


def _number(side: torch.Tensor) -> Array:
    values = _array(side)
    return values[:, 0] if values.shape[1] == 1 else (values**2).sum(1)


def _uniform(of_x: Array, of_y: Array, seen: tuple[Array, Array]) -> tuple[Array, Array]:
    """Shares of the training rows whose number is smaller, in (0, 1); half of those whose number is the same count."""
    x, y = (
        (np.searchsorted(known, number, "left") + np.searchsorted(known, number, "right") + 1) / (2 * len(known) + 2)
        for known, number in zip(seen, (of_x, of_y), strict=True)
    )
    return x, y


def _cells(uniform: tuple[Array, Array], count: int) -> tuple[Array, Array]:
    x, y = ((side * count).astype(int) for side in uniform)
    return x, y


def _scores(log_ratio: Array, uniform: tuple[Array, Array], shifts: int) -> networks.Scores:
    x, y = _cells(uniform, len(log_ratio))
    columns = [log_ratio[x, np.roll(y, -shift)] for shift in range(shifts + 1)]
    return networks.Scores.of_partners(torch.from_numpy(np.stack(columns)[None]))
