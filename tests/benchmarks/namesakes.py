"""Our estimators beside the original package's of the same name: same samples, same core, in turns, whole fits.

    python -m tests.benchmarks.namesakes DIR ORIGINAL/bin/python [--tasks A B] [--estimators InfoNCE DV] [--alone]

on the samples that ``beyond_normal.py --export`` writes, in the environment that it tells how to make. Prints a line
for each task and estimator, then mean absolute errors, median seconds and peak memory. Seconds of the original are
of its ``estimate`` alone, compilation included; ours are of the whole call, with its config. ``--alone`` leaves the
original out: what it makes of seed 0 is known.
"""

from __future__ import annotations

import argparse
import csv
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

NAMESAKES = {"MINE": "mine", "InfoNCE": "infonce", "NWJ": "nwj", "DV": "dv"}
SPLIT = {"fit": "split", "evaluation": {"shifts": 64, "permutations": 0}}


def ours(samples: Path, name: str) -> tuple[float, float]:
    """The estimate and its seconds, in this process."""
    from mi_cli import estimate

    with np.load(samples) as saved:
        x, y = saved["x"], saved["y"]
    start = time.perf_counter()
    found = estimate(x, y, NAMESAKES[name], settings=SPLIT)
    assert found.value is not None, found.reason
    return found.value, time.perf_counter() - start


def original(samples: Path, name: str, python: str) -> tuple[float, float, float]:
    """The estimate, its seconds and the peak memory of its process in MiB."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "found.csv")
        script = Path(__file__).with_name("original_estimators.py")
        arguments = [str(samples.parent), "--output", str(output), "--tasks", samples.stem, "--estimators", name]
        subprocess.run([python, str(script), *arguments], check=True, stdout=subprocess.DEVNULL)
        with output.open(encoding="utf-8", newline="") as file:
            (row,) = csv.DictReader(file)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return float(row["estimate"]), float(row["seconds"]), peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("python", nargs="?", default=sys.executable)
    parser.add_argument("--tasks", nargs="+")
    parser.add_argument("--estimators", nargs="+", choices=NAMESAKES, default=list(NAMESAKES))
    parser.add_argument("--alone", action="store_true")
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    tasks = arguments.tasks or sorted(path.stem for path in arguments.folder.glob("*.npz"))
    found: dict[str, list[tuple[float, ...]]] = {name: [] for name in arguments.estimators}
    peak = 0.0
    for task in tasks:
        samples = arguments.folder / f"{task}.npz"
        with np.load(samples) as saved:
            truth = float(saved["mi"])
        for name in arguments.estimators:
            value, seconds = ours(samples, name)
            line = [abs(value - truth), seconds]
            told = f"{task} {name}: truth {truth:.3f}; ours {value:.3f}, {seconds:.2f} s"
            if not arguments.alone:
                other, its_seconds, its_peak = original(samples, name, arguments.python)
                peak = max(peak, its_peak)
                line += [abs(other - truth), its_seconds]
                told += f"; original {other:.3f}, {its_seconds:.2f} s: {its_seconds / seconds:.1f} times"
            found[name].append(tuple(line))
            print(told, flush=True)
    for name, lines in found.items():
        columns = list(zip(*lines, strict=True))
        told = (
            f"{name}, {len(lines)} tasks: ours {statistics.mean(columns[0]):.4f}, {statistics.median(columns[1]):.2f} s"
        )
        if len(columns) > 2:
            told += f"; original {statistics.mean(columns[2]):.4f}, {statistics.median(columns[3]):.2f} s"
        print(told)
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory: ours {own:.0f} MiB" + ("" if arguments.alone else f", original {peak:.0f} MiB"))


if __name__ == "__main__":
    main()
