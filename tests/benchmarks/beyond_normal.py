"""The forty tasks against their original's samples: ``python -m tests.benchmarks.beyond_normal``.

The original is benchmark-mi 0.1.3, which needs an environment of its own, because its pins are older than ours:

    python3.11 -m venv ORIGINAL
    ORIGINAL/bin/pip install benchmark-mi==0.1.3 jax==0.4.30 jaxlib==0.4.30 'numpy<2' 'scikit-learn<2'

Its rows are written there, and read here:

    ORIGINAL/bin/python tests/benchmarks/beyond_normal.py --export DIR [--seed 0] [--rows 10000]
    python -m tests.benchmarks.beyond_normal DIR

Each task is tested for being the same distribution: Kolmogorov and Smirnov's test of every column and of 32 random
projections of (x, y) after a rank-free scaling; the energy distance of (x, y), by permutations; and Kendall's τ of
every x_i with y_j, by its standard error. A task's p-values are corrected after Bonferroni; so is the smallest of all.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

import numpy as np

PROJECTIONS = 32
ENERGY_ROWS, PERMUTATIONS, TAU_ROWS = 1000, 999, 2000


def export(folder: Path, seed: int, rows: int) -> None:
    """Write x, y and mi of every task, as the original draws them; runs in its environment."""
    from bmi.benchmark import BENCHMARK_TASKS

    folder.mkdir(parents=True, exist_ok=True)
    for name, task in BENCHMARK_TASKS.items():
        x, y = task.sample(rows, seed)
        arrays = {"x": np.asarray(x), "y": np.asarray(y), "mi": np.float64(task.mutual_information)}
        np.savez(folder / f"{name}.npz", **arrays)
        print(f"{name}: x {arrays['x'].shape}, y {arrays['y'].shape}, MI {arrays['mi']:.6f}", flush=True)


def p_values(ours: tuple[np.ndarray, np.ndarray], theirs: tuple[np.ndarray, np.ndarray], seed: int) -> dict[str, float]:
    """Smallest p-value of each kind of test, corrected for how many of the kind there are."""
    from scipy import stats

    rng = np.random.default_rng(seed)
    one, other = np.concatenate(ours, 1), np.concatenate(theirs, 1)
    centre = np.median(other, 0)
    scale = np.median(np.abs(other - centre), 0)
    # Bounded, so that a few rows of a heavy tail do not drown the rest; the same for both.
    one, other = np.arcsinh((one - centre) / scale), np.arcsinh((other - centre) / scale)
    columns = [stats.ks_2samp(a, b).pvalue for a, b in zip(one.T, other.T, strict=True)]
    directions = rng.standard_normal((one.shape[1], PROJECTIONS))
    projections = [
        stats.ks_2samp(a, b).pvalue for a, b in zip((one @ directions).T, (other @ directions).T, strict=True)
    ]
    corrected = {"columns": columns, "projections": projections, "kendall": kendall(ours, theirs)}
    found = {kind: min(1.0, min(values) * len(values)) for kind, values in corrected.items()}
    return found | {"energy": energy(one[:ENERGY_ROWS], other[:ENERGY_ROWS], rng)}


def kendall(ours: tuple[np.ndarray, np.ndarray], theirs: tuple[np.ndarray, np.ndarray]) -> list[float]:
    """p-values of differences of τ(x_i, y_j), by their standard errors."""
    from scipy.special import ndtr

    (one, error), (other, other_error) = tau(*ours), tau(*theirs)
    return list((2 * ndtr(-np.abs(one - other) / np.hypot(error, other_error))).ravel())


def tau(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Kendall's τ of every x_i with every y_j, and its standard error: the spread of each row's own share of it."""
    x, y = x[:TAU_ROWS], y[:TAU_ROWS]
    shares = []
    for row in range(0, len(x), 100):
        # Concordance of a block of rows with all rows: (rows, dim_x, n) times (rows, n, dim_y).
        of_x = np.sign(x[row : row + 100, :, None] - x.T[None]).astype(np.float32)
        of_y = np.sign(y[row : row + 100, None, :] - y[None]).astype(np.float32)
        shares.append(of_x @ of_y / (len(x) - 1))
    every = np.concatenate(shares).astype(float)
    return every.mean(0), 2 * every.std(0) / math.sqrt(len(x))


def energy(one: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> float:
    """p-value of the energy distance (Székely and Rizzo, 2004) by permutations of the rows."""
    from scipy.spatial.distance import cdist

    n, both = len(one), np.concatenate([one, other])
    distances = cdist(both, both)
    signs = np.concatenate([np.ones(n), -np.ones(len(other))])
    # With equal sizes the statistic is −s'Ds / n² for signs s of the two samples.
    orders = np.stack([signs, *(rng.permutation(signs) for _ in range(PERMUTATIONS))])
    statistics = -np.einsum("ij,ij->i", orders @ distances, orders)
    return float((statistics >= statistics[0] * (1 - 1e-12)).sum() / len(statistics))


def compare(folder: Path, seed: int) -> None:
    """Test every task of ``folder`` against ours."""
    import torch

    from mi_cli.datasets.beyond_normal import TASKS, BeyondNormal

    results = {}
    for name in TASKS:
        with np.load(folder / f"{name}.npz") as saved:
            x, y, mi = saved["x"].astype(float), saved["y"].astype(float), float(saved["mi"])
        dataset = BeyondNormal(task=name)
        drawn = dataset.sample(len(x), torch.Generator().manual_seed(seed), torch.float64)
        results[name] = p_values((drawn[0].numpy(), drawn[1].numpy()), (x, y), seed)
        cells = "  ".join(f"{kind} {p:.4f}" for kind, p in results[name].items())
        print(f"{name:52s} MI differs by {abs(dataset.true_mi() / mi - 1):.1e}  {cells}", flush=True)  # type: ignore[operator]
    every = {(name, kind): p for name, found in results.items() for kind, p in found.items()}
    (name, kind), least = min(every.items(), key=lambda item: item[1])
    print(f"smallest of {len(every)}: p = {least:.4g} ({kind}, {name}); corrected {min(1.0, least * len(every)):.4g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of the original's samples")
    parser.add_argument("--export", action="store_true", help="write them (in the original's environment)")
    parser.add_argument("--seed", type=int, default=0, help="of the original's sampler, or of ours (12345 is added)")
    parser.add_argument("--rows", type=int, default=10_000)
    arguments = parser.parse_args()
    if arguments.export:
        export(arguments.folder, arguments.seed, arguments.rows)
    else:
        compare(arguments.folder, arguments.seed + 12345)


if __name__ == "__main__":
    sys.exit(main())
