"""The estimators of benchmark-mi on exported samples, with their defaults, on one core.

Runs in the environment of the original, which ``beyond_normal.py`` tells how to make, on the samples it writes:

    ORIGINAL/bin/python tests/benchmarks/original_estimators.py DIR --output FILE.csv [--tasks A B] [--estimators MINE]

Writes a line for each task and estimator as soon as it is known (task, true, estimator, estimate, seconds) and goes on
where an earlier run of the same file stopped. Seconds include compilation, as a user waits for it.
"""

from __future__ import annotations

import os

# Before jax is imported: one core, and no threads beside it.
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import argparse
import csv
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

COLUMNS = ("task", "true", "estimator", "estimate", "seconds")


def estimators() -> dict[str, Callable[[], Any]]:
    """By the name in the table; all as they come, but silent."""
    import bmi.estimators as original

    return {
        "CCA": original.CCAMutualInformationEstimator,
        "KSG10": lambda: original.KSGEnsembleFirstEstimator(neighborhoods=(10,)),
        "MINE": lambda: original.MINEEstimator(verbose=False),
        "InfoNCE": lambda: original.InfoNCEEstimator(verbose=False),
        "NWJ": lambda: original.NWJEstimator(verbose=False),
        "DV": lambda: original.DonskerVaradhanEstimator(verbose=False),
    }


def pin() -> None:
    """Keep to one core, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def done(output: Path) -> set[tuple[str, str]]:
    """Tasks and estimators that the file has already."""
    if not output.exists():
        return set()
    with output.open(encoding="utf-8", newline="") as file:
        return {(row["task"], row["estimator"]) for row in csv.DictReader(file)}


def main() -> None:
    found = estimators()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of the samples")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--tasks", nargs="+", help="by default all in the folder")
    parser.add_argument("--estimators", nargs="+", choices=found, default=list(found))
    arguments = parser.parse_args()
    pin()
    tasks = arguments.tasks or sorted(path.stem for path in arguments.folder.glob("*.npz"))
    finished, is_new = done(arguments.output), not arguments.output.exists()
    with arguments.output.open("a", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        if is_new:
            table.writerow(COLUMNS)
        for task in tasks:
            with np.load(arguments.folder / f"{task}.npz") as saved:
                x, y, truth = saved["x"], saved["y"], float(saved["mi"])
            for name in arguments.estimators:
                if (task, name) in finished:
                    continue
                start = time.perf_counter()
                estimate = float(found[name]().estimate(x, y))
                seconds = time.perf_counter() - start
                table.writerow([task, truth, name, estimate, f"{seconds:.2f}"])
                file.flush()
                print(f"{task} {name}: {estimate:.4f} (truth {truth:.4f}), {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    main()
