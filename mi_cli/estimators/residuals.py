"""What z does not predict of a column: residuals of a smooth regression, each by a fit to the other rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from mi_cli.estimators.conditioning import Condition, normalised
from mi_cli.estimators.neighbour_search import REPEATED, repeated_shares
from mi_cli.estimators.single_index import single_index
from mi_cli.estimators.training_free import Index, Unmeasurable
from mi_cli.fields import Preprocess
from mi_cli.lazy import distance
from mi_cli.problems import Array, column_place

__all__ = ["linear_residuals", "refuse_determined", "smooth_residuals", "without_z"]

_CENTRES = 150  # of the kernel, at most; a fit takes time like their square
_QUANTILES = 10  # of each column of z, around which there are kernels of it alone
_SCALES = (
    0.5,
    1.0,
    2.0,
    4.0,
)  # of the kernels, in standard deviations (of all columns together: times the root of their number)
_PENALTIES = np.geomspace(1e-3, 1e3, 13)
_DETERMINED = 1e-10  # smallest spread of a residual, relative to its column, that float64 can tell from 0
_LEAST_LEFT = 1e-3  # of the weight of a row that its own fit does not have
_TINY = 1e-12  # of the mean square, added to squares before their logarithm
# By how many shares 1/n of their variance the logarithms must be predicted better for a scale: the best of so many fits
# to noise is better by a few.
_SCALE_GAIN = 15
_EXACT = 1e-10  # smallest singular value of columns of z relative to the largest, which float64 can tell from 0
_LEAST = 1e-6  # the same of kernels, whose singular values are computed from squares


def refuse_determined(name: str, left: Array, side: Array, numbers: Index | None = None) -> None:
    """Refuse a side, such as x, with a column of which z leaves nothing.

    Args:
        name: of the side.
        left: what z leaves of its columns, ``(n, d)``.
        side: its columns, ``(n, d)``.
        numbers: of the columns, ``(d,)``, where these are some of all columns.

    Raises:
        Unmeasurable: z determines a column.
    """
    for number in np.flatnonzero(left.std(0) <= _DETERMINED * side.std(0)):
        place = column_place(int(number if numbers is None else numbers[number]), name)
        raise Unmeasurable(f"{place} is a function of z; it must vary where z does not")


def linear_residuals(side: Array, z: Array) -> Array:
    """Columns of ``(n, d)`` less their least-squares fit by the columns of z ``(n, dim_z)`` and a constant."""
    basis = _basis(z)
    return np.asarray(side - basis @ (basis.T @ side))


def smooth_residuals(side: Array, z: Array, random: np.random.Generator) -> Array:
    r"""Columns less what z predicts of them, over the scale that z predicts, by fits to all rows but the one predicted.

    .. math:: r_i = \frac{x_i - \hat g_{-i}(z_i)}{\hat s_{-i}(z_i)}

    MI given z does not change when a function of z is subtracted from x, or x is divided by one, whatever the
    functions: :math:`I(X; Y | Z) = I((X - g(Z)) / s(Z); (Y - h(Z)) / t(Z) | Z)`. So a poor fit does no harm, and a good
    one leaves columns that hardly depend on z, for which nearest neighbours have a small bias and permutations among
    neighbours of z hardly change the distribution.

    Both regressions are linear in z, plus Gaussian kernels, with a ridge penalty. The kernels are around at most 150 of
    the rows; or, of several columns of z, around quantiles of each, for a sum of functions of one column, or around
    quantiles of one linear combination (:func:`~.single_index.single_index`). The kind, the width and the penalty
    for each column are those of the smallest error of rows that are left out, which has a closed form. The logarithm of
    :math:`|x - \hat g|` is regressed for the scale, which is 1 where that predicts no better than a constant.

    Args:
        side: columns ``(n, d)``.
        z: numbers on one scale, ``(n, dim_z)``; without any, columns less their mean are divided by their spread.
        random: the source of the kernels' centres.

    Returns:
        ``(n, d)``; with too few rows for a fit, the columns less their means.

    Reference:
        Saunders, Gammerman & Vovk 1998 (ridge regression in dual variables); Hastie & Tibshirani 1986 (Statistical
        Science 1, 297–310), sums of functions of one column; Allen 1974 (Technometrics 16, 125–127),
        the errors of rows that are left out.
    """
    n, dims = z.shape
    if n < 2 * (dims + 2) + 10:
        return np.asarray(side - side.mean(0))
    if not dims:
        return np.asarray((side - side.mean(0)) / np.maximum(side.std(0), np.finfo(float).tiny))
    left = _left_out(side, z, random)
    squares = left**2
    logarithms = 0.5 * np.log(squares + _TINY * squares.mean(0) + np.finfo(float).tiny)
    rest = _left_out(logarithms, z, random)
    scale = np.exp(logarithms - rest - logarithms.mean(0))
    varies = (rest**2).mean(0) < (1 - _SCALE_GAIN / n) * logarithms.var(0)
    return np.asarray(np.where(varies, left / scale, left))


def without_z(
    name: str, side: Array, condition: Condition, preprocess: Preprocess, random: np.random.Generator
) -> Array:
    """A side ``(n, d)`` whose continuous columns are residuals given z (:func:`smooth_residuals`), preprocessed anew.

    Where z has classes, the regressions are within its classes. Columns with many equal values stay as they are.

    Args:
        name: of the side, such as x.
        side: its columns, preprocessed, ``(n, d)``.
        condition: the classes and the numbers of z.
        preprocess: of the residuals.
        random: the source of what the regressions draw.

    Raises:
        Unmeasurable: z determines a column.
    """
    continuous = np.array(repeated_shares(side)) <= REPEATED
    if not continuous.any():
        return side
    left = side[:, continuous]
    for part in condition.strata:
        left[part] = smooth_residuals(left[part], condition.numbers[part], random)
    refuse_determined(name, left, side[:, continuous], np.flatnonzero(continuous))
    result = side.copy()
    result[:, continuous] = normalised(preprocess, left)
    return result


def _left_out(side: Array, z: Array, random: np.random.Generator) -> Array:
    """The columns ``(n, d)`` less the regression that predicts rows best that are left out, each row being left out."""
    n, dims = z.shape
    linear = _basis(z)
    leverage = (linear**2).sum(1)[:, None]
    left = side - linear @ (linear.T @ side)
    best = left / (1 - leverage).clip(_LEAST_LEFT)
    error = (best**2).mean(0)

    def offer(features: Array, columns: Iterable[int], handicap: float = 1.0) -> None:
        features = features - linear @ (linear.T @ features)
        basis, lengths = _components(features)
        projected, weights = basis.T @ left, lengths[:, None] ** 2 / (lengths[:, None] ** 2 + _PENALTIES)
        total = leverage + basis**2 @ weights  # (n, penalties)
        for column in columns:
            fitted = basis @ (weights * projected[:, column, None])
            candidates = (left[:, column, None] - fitted) / (1 - total).clip(_LEAST_LEFT)
            errors = handicap * (candidates**2).mean(0)
            least = int(errors.argmin())
            if errors[least] < error[column]:
                best[:, column], error[column] = candidates[:, least], errors[least]

    for features in _kernels(z, z[random.permutation(n)[:_CENTRES]]):
        offer(features, range(side.shape[1]))
    if dims > 1:
        for column in range(side.shape[1]):
            for features in single_index(left[:, column], z, random):
                offer(features, [column], 1 + 2 * dims / n)  # Akaike's, for the choice of a direction
    return np.asarray(best)


def _kernels(z: Array, centres: Array) -> Iterator[Array]:
    """Values of kernels at the rows of z, ``(n, m)``, for each width: of all columns together, and of each of several.

    Args:
        z: ``(n, dim_z)``.
        centres: rows of z, ``(m, dim_z)``.
    """
    dims = z.shape[1]
    spread = z.std(0)
    squares = distance.cdist(z, centres, "sqeuclidean")
    for scale in _SCALES:
        yield np.exp(-squares / (2 * (scale * spread.mean()) ** 2 * dims))
    if dims == 1:
        return
    quantiles = np.quantile(z, (np.arange(_QUANTILES) + 0.5) / _QUANTILES, axis=0)
    differences = (z[:, None] - quantiles) / spread  # (n, quantiles, dim_z)
    for scale in _SCALES:
        yield np.exp(-(differences**2) / (2 * scale**2)).reshape(len(z), -1)


def _basis(z: Array) -> Array:
    """An orthonormal basis of a constant and the columns of z, which vary, ``(n, 1 + rank)``."""
    centred = z - z.mean(0)
    constant = np.full((len(z), 1), len(z) ** -0.5)
    if not z.shape[1]:
        return constant
    basis, lengths, _ = np.linalg.svd(centred / centred.std(0), full_matrices=False)
    return np.concatenate([constant, basis[:, lengths > _EXACT * lengths[0]]], 1)


def _components(columns: Array) -> tuple[Array, Array]:
    """An orthonormal basis of columns ``(n, d)``, ``(n, rank)``, and the length of each of its directions."""
    values, vectors = np.linalg.eigh(columns.T @ columns)
    lengths = np.sqrt(np.maximum(values, 0))
    kept = lengths > _LEAST * max(lengths.max(), np.finfo(float).tiny)
    return np.asarray(columns @ (vectors[:, kept] / lengths[kept])), lengths[kept]
