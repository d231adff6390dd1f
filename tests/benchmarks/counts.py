"""Errors of every correction of ``estimator=discrete``, and how often its interval holds the MI, on known tables.

Run ``python -m tests.benchmarks.counts [SAMPLES]``; 200 samples of each table by default, a few minutes on one core.
"""

from __future__ import annotations

import sys
from typing import get_args

import numpy as np
from scipy.special import xlogy

from mi_cli.estimators.contingency import Correction, Table, measure_table, table_estimates
from mi_cli.problems import Array

CORRECTIONS = get_args(Correction)


def even(*sizes: int) -> Array:
    return np.ones(sizes)


def zipf(rows: int, columns: int) -> Array:
    return np.outer(1 / np.arange(1, rows + 1), 1 / np.arange(1, columns + 1))


def diagonal(size: int, weight: float) -> Array:
    """Equal shares, of which the diagonal has ``weight`` more."""
    return even(size, size) / size + weight * np.eye(size)


def drawn(rows: int, columns: int, concentration: float, seed: int) -> Array:
    return np.random.default_rng(seed).dirichlet([concentration] * columns, rows)


CASES = {  # shares of the cells, and rows
    "2 × 2, independent": (even(2, 2), 40),
    "2 × 2": (np.array([[0.3, 0.1], [0.15, 0.45]]), 40),
    "3 × 4": (drawn(3, 4, 1, 5), 60),
    "5 × 5, weak": (diagonal(5, 0.1), 1000),
    "5 × 5, independent": (even(5, 5), 200),
    "10 × 10, independent": (even(10, 10), 400),
    "10 × 10, weak": (diagonal(10, 0.2), 400),
    "10 × 10": (diagonal(10, 1), 400),
    "10 × 10, few off the diagonal": (diagonal(10, 10), 400),
    "10 × 10, diagonal": (np.eye(10), 400),
    "10 × 10, unequal": (drawn(10, 10, 0.5, 3), 4000),
    "8 × 8, independent, 1/rank": (zipf(8, 8), 256),
    "12 × 3, 1/rank": (drawn(12, 3, 1, 13) * zipf(12, 1), 150),
    "20 × 20, weak": (diagonal(20, 0.3), 1600),
    "20 × 20, 1/rank": (drawn(20, 20, 1, 9) * zipf(20, 1), 1600),
    "10 × 10, independent, sparse": (even(10, 10), 100),
    "10 × 10, independent, 1/rank, sparse": (zipf(10, 10), 100),
    "20 × 20, independent, sparse": (even(20, 20), 500),
    "20 × 20, sparse": (diagonal(20, 1), 500),
    "50 × 50, independent, sparse": (even(50, 50), 1000),
    "50 × 50, few cells of each row, sparse": (drawn(50, 50, 0.1, 0), 1000),
}


def information(shares: Array) -> float:
    shares = shares / shares.sum()
    return float(xlogy(shares, shares).sum() - sum(xlogy(side, side).sum() for side in (shares.sum(0), shares.sum(1))))


def codes(shares: Array, n: int, seed: int) -> tuple[Array, ...]:
    cells = np.random.default_rng([seed, n]).choice(shares.size, n, p=shares.ravel() / shares.sum())
    return tuple(np.unique(side, return_inverse=True)[1] for side in np.divmod(cells, shares.shape[1]))


def main(samples: int) -> None:
    print(
        f"{'bias/root mean square error':38}  rows     MI ", *(f"{name:>13}" for name in CORRECTIONS), " holds  width"
    )
    for name, (shares, n) in CASES.items():
        truth, values, held, widths = information(shares), [], [], []
        for seed in range(samples):
            x, y = codes(shares, n, seed)
            values.append([table_estimates(Table(x, y), correction).value for correction in CORRECTIONS])
            low, high = measure_table(x, y).ends(0.95)
            held.append(low - 1e-9 <= truth <= high + 1e-9)
            widths.append(high - max(0, low))
        error = np.array(values) - truth
        cells = (f"{b:+.3f}/{r:.3f}" for b, r in zip(error.mean(0), np.sqrt((error**2).mean(0)), strict=True))
        shown = " ".join(f"{cell:>13}" for cell in cells)
        print(f"{name:38} {n:5} {truth:6.3f} {shown} {100 * np.mean(held):4.0f} % {np.mean(widths):6.3f}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
