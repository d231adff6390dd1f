"""Estimates of total correlation, dual total correlation and O-information, with their errors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mi_cli.bounds.interaction import MEASURES, interactions
from mi_cli.estimators.subsampling import subsampled, subset_rows
from mi_cli.estimators.training_free import Index, Part, mean_error
from mi_cli.lazy import special
from mi_cli.problems import Array

__all__ = [
    "MOST_NEIGHBOUR_ROWS",
    "Measured",
    "counted_measures",
    "neighbour_measures",
    "normal_measures",
    "normal_triples",
    "related_columns",
    "relations",
]

MOST_NEIGHBOUR_ROWS = 3000  # between all pairs of which distances are measured
_DRAWS = 200  # of the parametric bootstrap
_BLOCK = 256  # rows whose distances are in memory together
_TRIPLES = 2000  # likewise
_EXTRAPOLATED = 0.8  # drifts for each column that are added: a bias that falls as n to the −1/d is about 1.4 d drifts
_OF_DRIFT = 0.6  # drifts for each column in the error, as those that are added may be too many or too few
_OF_TOTAL = 0.15  # drifts of the total correlation in the error of the O-information, which is a difference of two
_HALVINGS = 4  # partitions into halves, for the drift
_SINGULAR = 1e-10  # smallest eigenvalue of correlations, below which a column is a linear function of others
_TAKES_PART = 1e-3  # smallest weight of a column in such a relation
_FAR = 100.0  # the distance of two classes; normal scores are within ±10


@dataclass(frozen=True)
class Measured:
    """A measure in nats, its standard error, and the degrees of freedom of that."""

    value: float
    stderr: float
    freedom: float = math.inf


def relations(correlations: Array) -> Any:
    """Whether a column is a linear function of the others, ``(…,)``, for correlations ``(…, d, d)``."""
    return np.linalg.eigvalsh(correlations)[..., 0] < _SINGULAR


def related_columns(correlations: Array) -> list[int]:
    """The columns of a linear relation, for correlations ``(d, d)`` that have one."""
    weights = np.linalg.eigh(correlations)[1][:, 0]
    return [int(i) for i in np.flatnonzero(np.abs(weights) > _TAKES_PART)]


def normal_measures(scores: Array, block: Index | None = None) -> dict[str, Measured]:
    r"""The measures of normal columns, in closed form from their correlations R.

    .. math:: TC = -\tfrac12 \ln\det R, \qquad O = -\ln\det R - \tfrac12 \textstyle\sum_i \ln (R^{-1})_{ii}

    less the exact bias of each log-determinant for normal rows. The error is the larger of two: that of the influences
    of the rows, which allows for blocks and for other distributions; and that of samples of normal rows with the
    correlations R, which is the larger one where measures are flat, as O is for independent columns.

    Args:
        scores: ``(n, d)`` of mean 0 and variance 1: normal scores for a Gaussian copula. None may be a linear function
            of the others (:func:`relations`): the measures are then infinite.
        block: the number of each row's block, ``(n,)``.

    Reference:
        Goodman 1963 (Annals of Mathematical Statistics 34, 178–180), for log-determinants of covariances; Ince et al.
        2017 (Human Brain Mapping 38, 1541–1573), for Gaussian copulas.
    """
    n, d = scores.shape
    correlations = np.asarray(np.corrcoef(scores.T))
    precision = np.linalg.inv(correlations)
    values = {name: value - _normal_bias(n, d)[name] for name, value in _of_correlations(correlations[None]).items()}
    weighted = scores @ precision
    whole = (weighted * scores).sum(1)
    of_rows = interactions(
        0.5 * whole, list(0.5 * scores.T**2), list(0.5 * (whole[:, None] - weighted**2 / np.diag(precision)).T)
    )
    drawn = _of_correlations(_drawn_correlations(np.asarray(np.linalg.cholesky(correlations))[None], n)[0])
    found = {}
    for name in MEASURES:
        error, freedom = mean_error(of_rows[name], block)
        found[name] = Measured(float(values[name][0]), max(error, float(drawn[name].std())), freedom)
    return found


def normal_triples(scores: Array, triples: Index, block: Index | None = None) -> dict[tuple[int, int, int], Measured]:
    r"""The O-information of triples ``(T, 3)`` of normal columns ``(n, d)``, as :func:`normal_measures` has it.

    .. math:: O = \tfrac12 \ln\det R - \tfrac12 \textstyle\sum \ln(1 - r^2), the sum over the three pairs
    """
    n, d = scores.shape
    every, (of_products, freedom) = np.asarray(np.corrcoef(scores.T)), _product_covariance(scores, block)
    correlations = every[triples[:, :, None], triples[:, None, :]]
    values = _of_three(correlations) - _normal_bias(n, 3)["o_information"]
    precision = np.linalg.inv(correlations)
    scaled = precision / np.sqrt(np.diagonal(precision, axis1=1, axis2=2))[:, None, :]
    form = 0.5 * np.eye(3) - precision + 0.5 * scaled @ np.swapaxes(scaled, 1, 2)  # of the influence of a row
    first, second = np.triu_indices(3)
    weights = form[:, first, second] * np.where(first == second, 1, 2)
    place = np.zeros((d, d), np.int64)
    place[np.triu_indices(d)] = np.arange(d * (d + 1) // 2)
    pairs = place[triples[:, first], triples[:, second]]
    variance = np.einsum("ti,tij,tj->t", weights, of_products[pairs[:, :, None], pairs[:, None, :]], weights)
    spread = np.concatenate(
        [
            _of_three(_drawn_correlations(np.asarray(np.linalg.cholesky(part), np.float64), n)).std(1)
            for part in np.array_split(correlations, math.ceil(len(correlations) / _TRIPLES))
        ]
    )
    errors = np.maximum(np.sqrt(np.maximum(variance, 0)), spread)
    return {
        (one, two, three): Measured(float(value), float(error), freedom)
        for (one, two, three), value, error in zip(triples.tolist(), values, errors, strict=True)
    }


def _product_covariance(scores: Array, block: Index | None) -> tuple[Array, float]:
    """The covariance of the means of products of two columns ``(n, d)``, and its degrees of freedom."""
    n, d = scores.shape
    first, second = np.triu_indices(d)
    products = scores[:, first] * scores[:, second]
    products -= products.mean(0)
    if block is None:
        return products.T @ products / (n - 1) / n, math.inf
    sums = np.zeros((int(block.max()) + 1, products.shape[1]))
    np.add.at(sums, block, products)
    groups = len(sums)
    return sums.T @ sums * groups / (groups - 1) / n**2, groups - 1


def _of_three(correlations: Array) -> Array:
    """The O-information of correlations ``(…, 3, 3)``."""
    r = correlations[..., [0, 0, 1], [1, 2, 2]] ** 2
    return np.asarray(0.5 * np.linalg.slogdet(correlations)[1] - 0.5 * np.log1p(-r).sum(-1))


def _of_correlations(correlations: Array) -> dict[str, Array]:
    """The measures of correlations ``(…, d, d)``."""
    whole = 0.5 * np.linalg.slogdet(correlations)[1]
    diagonal = np.diagonal(np.linalg.inv(correlations), axis1=-2, axis2=-1)
    without = [whole + 0.5 * np.log(diagonal[..., i]) for i in range(correlations.shape[-1])]
    return interactions(whole, [np.zeros_like(whole)] * len(without), without)


def _normal_bias(n: int, d: int) -> dict[str, float]:
    """The bias of the measures of d normal columns with the covariance of n rows."""

    def of_entropy(columns: int) -> float:
        j = np.arange(1, columns + 1)
        return float(0.5 * (special.digamma((n - j) / 2) - math.log((n - 1) / 2)).sum())

    return interactions(of_entropy(d), [of_entropy(1)] * d, [of_entropy(d - 1)] * d)


def _drawn_correlations(factors: Array, n: int) -> Array:
    """Correlations ``(T, draws, d, d)`` of n normal rows, by Bartlett's decomposition of ``factors`` ``(T, d, d)``."""
    random, d = np.random.default_rng(0), factors.shape[-1]
    lower = np.tril(random.normal(size=(_DRAWS, d, d)), -1)
    lower[:, range(d), range(d)] = np.sqrt(random.chisquare(n - 1 - np.arange(d), size=(_DRAWS, d)))
    product = factors[:, None] @ lower[None]
    product /= np.linalg.norm(product, axis=-1, keepdims=True)
    return np.asarray(product @ np.swapaxes(product, -1, -2))


def counted_measures(codes: Index, block: Index | None = None) -> dict[str, Measured]:
    r"""The measures of classes by counting, with Miller and Madow's correction of each entropy.

    .. math:: \hat H = -\sum_c \frac{n_c}{n} \ln \frac{n_c}{n} + \frac{K - 1}{2n}

    with K the number of combinations that occur. The error is the larger of that of the influences of the rows and that
    of tables that are drawn from the counts.

    Args:
        codes: ``(n, d)``, the class of each row in each column, from 0 on.
        block: the number of each row's block, ``(n,)``.

    Reference:
        Miller 1955 (Information Theory in Psychology, 95–100).
    """
    n, d = codes.shape
    cells, of_row, counts = np.unique(codes, axis=0, return_inverse=True, return_counts=True)
    of_row = of_row.reshape(-1)
    columns = range(d)
    kept = [list(columns), *([i] for i in columns), *([j for j in columns if j != i] for i in columns)]
    maps = [np.unique(cells[:, chosen], axis=0, return_inverse=True)[1].reshape(-1) for chosen in kept]

    def entropies(tables: Array, *, corrected: bool) -> list[Array]:
        """Of each set of columns, for tables of counts ``(m, cells)``."""
        found = []
        for number in maps:
            sums = np.zeros((len(tables), int(number.max()) + 1))
            np.add.at(sums.T, number, tables.T)
            found.append(special.entr(sums / n).sum(1) + corrected * (np.count_nonzero(sums, axis=1) - 1) / (2 * n))
        return found

    def measures(of_sets: Sequence[Array]) -> dict[str, Array]:
        return interactions(of_sets[0], of_sets[1 : d + 1], of_sets[d + 1 :])

    values = measures(entropies(counts[None].astype(float), corrected=True))
    drawn = np.random.default_rng(0).multinomial(n, counts / n, size=_DRAWS)
    spread = measures(entropies(drawn.astype(float), corrected=False))
    surprises = [-np.log(np.bincount(number, counts)[number] / n)[of_row] for number in maps]
    found = {}
    for name, of_rows in measures(surprises).items():
        error, freedom = mean_error(of_rows, block)
        found[name] = Measured(float(values[name][0]), max(error, float(spread[name].std())), freedom)
    return found


def neighbour_measures(
    columns: Array, classes: Sequence[bool], random: np.random.Generator, k: int = 5, block: Index | None = None
) -> dict[str, Measured]:
    r"""The measures of columns by nearest neighbours, each entropy within the same distance of a row.

    The distance ε of a row is that of its k-th neighbour in all columns (the largest of the distances in each). With
    n_A the number of rows nearer than ε in the columns A, the entropy of A is −⟨ψ(n_A + 1)⟩ up to terms that cancel. A
    row with k equals or more has ε = 0 and counts those, so that classes and numbers may be mixed.

    Where columns depend strongly in a structure finer than ε, entropies of fewer columns and of all of them are smeared
    differently, so that a measure is too near 0, by a bias that falls slowly with the rows: as n to the −1/d in the
    worst case. Its drift, which is the value less its mean over halves of the rows, says so. Of d columns, .8 d drifts
    are added, less what of the drift may be chance. The error is the larger of that by disjoint subsets of the rows and
    that of the mean of the rows' own terms, joined with .6 d drifts. That of the O-information has .15 drifts of the
    total correlation as well: where a column is nearly a function of another, both totals are smeared by much, and not
    by equally much. The dual total correlation is the total one less the O-information.

    Args:
        columns: ``(n, d)``: normal scores of numbers, and numbers of classes.
        classes: whether each column is classes, ``(d,)``.
        random: the source of the subsets.
        k: neighbours.
        block: the number of each row's block, ``(n,)``.

    Raises:
        Unmeasurable: there are too few rows.

    Reference:
        Kraskov, Stögbauer & Grassberger 2004 (Physical Review E 69, 066138), for total correlation; Gao, Kannan, Oh &
        Viswanath 2017 (arXiv 1709.06212) and Mesner & Shalizi 2021 (arXiv 1912.00387), for mixtures.
    """
    (n, d), are_classes = columns.shape, np.asarray(classes)
    known: dict[bytes, dict[str, Array]] = {}

    def measures(part: Part) -> dict[str, Array]:
        rows = np.arange(n)[part]
        if (key := rows.tobytes()) not in known:
            known[key] = _of_neighbours(columns[rows], are_classes, k)
        return known[key]

    least, aim = subset_rows(n, k)
    state = random.bit_generator.state
    found, drifts = {}, {}
    for name, of_rows in measures(slice(None)).items():
        random.bit_generator.state = state  # the same subsets for each measure

        def one(part: Part, name: str = name) -> float:
            return float(measures(part)[name].mean())

        result = subsampled(one, n, least, aim, random, block, _HALVINGS)
        chance, drifts[name] = max(result.stderr, mean_error(of_rows, block)[0]), result.drift
        value = result.value + _EXTRAPOLATED * d * _beyond_chance(result.drift, chance)
        found[name] = Measured(value, math.hypot(chance, _OF_DRIFT * d * result.drift), result.freedom)
    smeared = _OF_TOTAL * drifts[MEASURES[1]]
    found[MEASURES[0]] = replace(found[MEASURES[0]], stderr=math.hypot(found[MEASURES[0]].stderr, smeared))
    o, total, dual = (found[name] for name in MEASURES)
    rest = total.value - o.value  # so that O stays the difference of both
    return found | {MEASURES[2]: Measured(rest, math.hypot(dual.stderr, rest - dual.value), dual.freedom)}


def _beyond_chance(drift: float, chance: float) -> float:
    """A drift, shrunk towards 0 by as much of its square as the error would make by chance (James & Stein 1961)."""
    return drift * (1 - (chance / drift) ** 2) if abs(drift) > chance else 0.0


def _of_neighbours(columns: Array, classes: Any, k: int) -> dict[str, Array]:
    """The term of each row, ``(n,)``, by measure."""
    n, d = columns.shape
    inside = np.zeros((1 + 2 * d, n))  # rows as near, itself included: in all columns, in each, in all but each
    radii = np.zeros(n)
    for low in range(0, n, _BLOCK):
        rows = np.arange(low, min(low + _BLOCK, n))
        nearest = _Nearest.of(columns, classes, rows, k)
        inside[:, rows], radii[rows] = nearest.inside, nearest.radius
    positive = radii > 0
    inside[0] = np.where(positive, k, np.maximum(inside[0] - 1, k))
    inside[1:] -= ~positive  # equals of a row do not include the row
    terms = special.digamma(n) - special.digamma(inside)
    return interactions(terms[0], terms[1 : d + 1], terms[d + 1 :])


@dataclass(frozen=True)
class _Nearest:
    """Of some rows: the distance of the k-th neighbour, ``(m,)``, and how many rows are nearer, ``(1 + 2d, m)``."""

    radius: Array
    inside: Array

    @classmethod
    def of(cls, columns: Array, classes: Any, rows: Index, k: int) -> _Nearest:
        m, (n, d) = len(rows), columns.shape
        largest, second = np.zeros((m, n)), np.zeros((m, n))
        furthest, every = np.zeros((m, n), np.int8), []
        for i in range(d):
            apart = np.abs(columns[rows, i, None] - columns[None, :, i])
            if classes[i]:
                apart = _FAR * (apart > 0)
            is_larger = apart > largest
            second = np.maximum(second, np.minimum(apart, largest))
            furthest[is_larger] = i
            largest = np.maximum(largest, apart)
            every.append(apart)
        radius = np.partition(largest, k, 1)[:, k]  # the row itself is the nearest one
        bound = np.where(radius > 0, np.nextafter(radius, 0), 0.0)[:, None]  # nearer than ε, or equal where ε is 0
        outside = largest > bound
        whole = n - outside.sum(1)
        beyond = outside & (second <= bound)  # in one column only
        counts = [whole, *((apart <= bound).sum(1) for apart in every)]
        counts += [whole + (beyond & (furthest == i)).sum(1) for i in range(d)]
        return cls(radius, np.stack(counts))
