"""How often lags and transfer entropies are significant, and intervals hold the truth, on series of known MI.

    python -m tests.benchmarks.time_levels [estimator] [replicates] [case ...]

Cases are independent AR(1) of a coefficient (``0.8``, ``0.9``, ``0.98``) with 1,000 rows, ``var1`` and ``graph`` (five
independent AR(1) of .9, all directions). Histories of transfer entropies are of one value, and chosen. A line for each
says what share of replicates has p ≤ .05, and what share of 95 % intervals holds the truth. Of one replicate, numpy is
faster with OPENBLAS_NUM_THREADS=1.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import torch

from mi_cli.analysis.time_tables import transfers
from mi_cli.procedures.base import procedure
from mi_cli.records.results import result_rows
from mi_cli.schema.sweep import expand
from mi_cli.training.context import Context

ROWS = 1000
LAGS = (0, 20)
PERMUTATIONS = 99
HISTORIES: dict[str, dict[str, int]] = {"1": {"source_history": 1, "target_history": 1}, "auto": {}}
Fields = dict[str, Any]


def outcome(name: str, dataset: Fields, estimator: str, seed: int, time: Fields) -> list[Fields]:
    """Result rows of one trial."""
    values = {
        "procedure": name,
        "dataset": dataset | {"n_samples": ROWS},
        "estimator": {"name": estimator},
        "evaluation": {"permutations": PERMUTATIONS},
        "split": {"train": 0.8, "val": 0.1, "test": 0.1},
        "seed": seed,
        "time": time,
    }
    (trial,) = expand(values)
    (found,) = procedure(trial.config).run([trial], Context(torch.device("cpu")))
    return result_rows(found, 0.0)


def independent(phi: float, columns: int = 2) -> Fields:
    """Independent AR(1) of one coefficient."""
    matrix = [[phi if row == column else 0.0 for column in range(columns)] for row in range(columns)]
    return {"name": "var", "coefficients": [matrix]}


def holds(row: Fields) -> bool:
    """Whether the interval holds the truth."""
    return bool(row["ci_low"] <= row["true_mi"] <= row["ci_high"])


def flags(case: str, estimator: str, seed: int) -> Iterator[tuple[str, bool]]:
    """What is counted of one replicate, by its name."""
    if case == "graph":
        rows = outcome("transfer_entropy", independent(0.9, 5), estimator, seed, {"max_history": 3})
        table = transfers(rows, [], 0.95, {})
        yield "graph, any of 20 directions after Holm", any(row["p_holm"] <= 0.05 for row in table)
        return
    dataset = {"name": "var"} if case == "var1" else independent(float(case))
    lags = outcome("lags", dataset, estimator, seed, {"lags": LAGS})
    yield "lags, any of 21 after correction", min(row["p_corrected"] for row in lags) <= 0.05
    yield "lags, interval at lag 0", holds(lags[0])
    yield "lags, interval at lag 10", holds(lags[10])
    for name, time in HISTORIES.items():
        rows = outcome("transfer_entropy", dataset, estimator, seed, time)
        for way, row in zip(("x -> y", "y -> x"), rows, strict=False):
            yield f"TE {way}, histories {name}, p <= .05", row["p_value"] <= 0.05
            yield f"TE {way}, histories {name}, interval", holds(row)


def main() -> None:
    """Print the shares of each case."""
    estimator = sys.argv[1] if len(sys.argv) > 1 else "copula"
    replicates = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    torch.set_num_threads(1)
    for case in sys.argv[3:] or ("0.8", "0.9", "0.98", "var1"):
        counts: Counter[str] = Counter()
        for seed in range(replicates):
            for name, flag in flags(case, estimator, seed):
                counts[name] += flag
                counts.setdefault(name, 0)
            if seed + 1 in (replicates, replicates // 4, replicates // 2):
                for name, count in counts.items():
                    share = count / (seed + 1)
                    error = (share * (1 - share) / (seed + 1)) ** 0.5
                    print(f"{case} {estimator}: {name}: {share:.1%} ± {error:.1%} of {seed + 1}", flush=True)


if __name__ == "__main__":
    main()
