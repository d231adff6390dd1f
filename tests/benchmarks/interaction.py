"""How often the intervals of total correlation, dual total correlation and O-information hold the truth.

Run with ``python -m tests.benchmarks.interaction [replicates] [replicates of nearest neighbours]``. It draws 2,000 and
500 rows of systems whose measures are exact, and prints for each system, estimator and measure the share of 95 %
intervals that hold the truth, the mean error, its standard deviation, and the mean standard error that is reported.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy import stats

from mi_cli.bounds.interaction import MEASURES, normal_interactions, table_interactions
from mi_cli.estimators.interaction_measures import Measured, counted_measures, neighbour_measures, normal_measures

Array = np.ndarray[Any, Any]


def scores(rows: Array) -> Array:
    normal = stats.norm.ppf((stats.rankdata(rows, axis=0) - 0.5) / len(rows))
    return np.asarray((normal - normal.mean(0)) / normal.std(0))


def normals() -> Iterator[tuple[str, Array]]:
    for d, rho in ((3, 0.0), (3, 0.5), (5, 0.5), (10, 0.5)):
        yield f"equicorrelated, {d} columns, rho {rho}", np.full((d, d), rho) + (1 - rho) * np.eye(d)
    yield "a pair of correlation .5, and a third", np.array([[1, 0.5, 0], [0.5, 1, 0], [0, 0, 1]])
    yield "chain of .8 and .7", np.array([[1, 0.56, 0.8], [0.56, 1, 0.7], [0.8, 0.7, 1]])
    yield "collider", np.array([[1, 0, 1], [0, 1, 1], [1, 1, 2.25]])


def bits() -> Iterator[tuple[str, Array]]:
    for name, last in (("xor", lambda a, b: a ^ b), ("copies", lambda a, b: a)):
        for flip in (0.0, 0.1):
            table = np.zeros((2, 2, 2))
            for a, b, e in np.ndindex(2, 2, 2):
                second = a if name == "copies" else b
                share = 0.25 * (flip if e else 1 - flip)
                table[a, second, last(a, second) ^ e] += share
            yield f"{name}, flipped with {flip}", table
    yield "independent bits", np.full((2, 2, 2), 0.125)


def drawn_bits(table: Array, n: int, random: np.random.Generator) -> Array:
    cells = random.choice(table.size, size=n, p=table.ravel())
    return np.stack(np.unravel_index(cells, table.shape), 1)


def report(label: str, truth: dict[str, float], found: list[dict[str, Measured]]) -> None:
    for name in MEASURES:
        values = np.array([one[name].value for one in found])
        errors = np.array([one[name].stderr for one in found])
        quantiles = np.array([stats.t.ppf(0.975, min(one[name].freedom, 1e6)) for one in found])
        covered = np.abs(values - truth[name]) <= quantiles * errors + 1e-12
        print(
            f"{label:64} {name:24} {covered.mean():.3f}  true {truth[name]:7.4f}"
            f"  bias {values.mean() - truth[name]:8.4f}  sd {values.std():.4f}  stderr {errors.mean():.4f}",
            flush=True,
        )


def main(replicates: int = 400, of_neighbours: int = 50) -> None:
    random = np.random.default_rng(1)
    for n in (500, 2000):
        for label, covariance in normals():
            factor, truth = np.linalg.cholesky(covariance).T, normal_interactions(covariance)

            def rows(factor: Array = factor, n: int = n) -> Array:
                return scores(random.normal(size=(n, len(factor))) @ factor)

            report(f"copula, n={n}, {label}", truth, [normal_measures(rows()) for _ in range(replicates)])
            if len(covariance) == 3 and n == 500:
                small = [neighbour_measures(rows(), [False] * 3, random) for _ in range(of_neighbours)]
                report(f"nearest, n={n}, {label}", truth, small)
        for label, table in bits():
            truth = table_interactions(table)
            count: Callable[[], Array] = lambda table=table, n=n: drawn_bits(table, n, random)  # noqa: E731
            report(f"counts, n={n}, {label}", truth, [counted_measures(count()) for _ in range(replicates)])


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
