"""A function of one linear combination of several columns: its direction, and columns that span the fit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mi_cli.problems import Array

__all__ = ["single_index"]

_BUMPS = 12  # around quantiles of the combination
_WIDTH = 1.5  # of a bump, in distances between two of them
_SCALES = (1.0, 2.0, 4.0)  # of the widths that are offered
_PENALTY = 1e-4  # of the coefficients of bumps, for each row
_DAMPING = 1e-2  # of a step, relative to its mean curvature
_STEPS = 20
_SETTLED = 1e-3  # share of the error by which the last step must have lowered it


def single_index(target: Array, z: Array, random: np.random.Generator) -> Iterator[Array]:
    r"""Columns for a regression of the form :math:`f(w^T z)`, for each width of the bumps that make up f.

    The direction w is that of the smallest squared error, by Gauss–Newton steps from several starts: the direction of
    the linear regression, the two in which the curvature of the target is largest, and two random ones. Beside the
    bumps there are the tangents :math:`f'(w^T z) z_k`, so that the leverage of a regression on the columns counts the
    choice of w as well, to first order.

    Args:
        target: what is predicted, ``(n,)``.
        z: columns that vary, ``(n, d)``.
        random: the source of two starts.

    Returns:
        Columns ``(n, 12 + d)``.

    Reference:
        Härdle, Hall & Ichimura 1993 (Annals of Statistics 21, 157–178); Li 1992 (Journal of the American Statistical
        Association 87, 1025–1039), directions of curvature.
    """
    z = (z - z.mean(0)) / z.std(0)
    target = target - target.mean()
    fits = [_descend(target, z, start) for start in _starts(target, z, random)]
    _, direction, slope = min(fits, key=lambda fit: fit[0])
    index = z @ direction
    tangents = slope[:, None] * z
    tangents /= np.maximum(tangents.std(0), np.finfo(float).tiny)
    for scale in _SCALES:
        yield np.concatenate([_bumps(index, scale)[0], tangents], 1)


def _starts(target: Array, z: Array, random: np.random.Generator) -> list[Array]:
    """Directions to start from, ``(d,)`` each."""
    n, dims = z.shape
    curvature, vectors = np.linalg.eigh((z * target[:, None]).T @ z / n)
    bent = vectors[:, np.argsort(-np.abs(curvature))[:2]].T
    return [z.T @ target + np.finfo(float).tiny, *bent, *random.standard_normal((2, dims))]


def _descend(target: Array, z: Array, direction: Array) -> tuple[float, Array, Array]:
    """The smallest squared error on the way from a direction, where it is, and the slope of f at each row there."""
    direction = direction / np.linalg.norm(direction)
    best, last = (np.inf, direction, np.zeros(len(z))), np.inf
    for _ in range(_STEPS):
        error, rest, slope = _fit(target, z @ direction)
        if error < best[0]:
            best = error, direction, slope
        if error > last * (1 - _SETTLED):
            break
        last = error
        tangents = slope[:, None] * z
        squares = tangents.T @ tangents
        damping = _DAMPING * (np.trace(squares) / len(squares) + np.finfo(float).tiny)
        direction = direction + np.linalg.solve(squares + damping * np.eye(len(squares)), tangents.T @ rest)
        direction = direction / np.linalg.norm(direction)
    return best


def _fit(target: Array, index: Array) -> tuple[float, Array, Array]:
    """The squared error, the rest and the slope of a regression on one number, ``(n,)``, by bumps and a line."""
    bumps, slopes = _bumps(index)
    columns = np.concatenate([bumps, np.ones((len(index), 1)), index[:, None]], 1)
    squares = columns.T @ columns + _PENALTY * len(index) * np.eye(columns.shape[1])
    weights = np.linalg.solve(squares, columns.T @ target)
    rest = target - columns @ weights
    return float(rest @ rest), rest, slopes @ weights[:-2] + weights[-1]


def _bumps(index: Array, scale: float = 1.0) -> tuple[Array, Array]:
    """Gaussian bumps around quantiles of one number, ``(n, 12)``, and their slopes."""
    centres = np.quantile(index, (np.arange(_BUMPS) + 0.5) / _BUMPS)
    width = scale * _WIDTH * max((centres[-1] - centres[0]) / _BUMPS, np.finfo(float).tiny)
    distance = (index[:, None] - centres) / width
    bumps = np.exp(-(distance**2) / 2)
    return bumps, -distance / width * bumps
