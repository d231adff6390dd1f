"""Memory and seconds of a run on a CSV of 5 GB: ``python -m tests.benchmarks.large_csv [FOLDER] [--gigabytes 5]``.

The file is written to the folder and deleted after. Memory is that of all processes of the run together, sampled ten
times a second: the sum of what each has for itself and its share of what several have (PSS), and of all that each has
(RSS), which counts shared pages once for each.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

ROWS = 200_000  # that are made; the file repeats them


def write(path: Path, size: float) -> int:
    """A CSV of ten correlated columns and a class; its number of rows."""
    rng = np.random.default_rng(0)
    common = rng.normal(size=ROWS)
    columns = {f"c{i}": common + rng.normal(size=ROWS) for i in range(10)}
    head, _, body = pl.DataFrame(columns | {"group": rng.choice(["a", "b", "c"], ROWS)}).write_csv().partition("\n")
    rows, text = 0, body.encode()
    with path.open("wb") as file:
        file.write(head.encode() + b"\n")
        while file.tell() < size:
            file.write(text)
            rows += ROWS
    return rows


def tree(pid: int) -> list[int]:
    """A process and all that it started."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [other for child in task.read_text().split() for other in tree(int(child))]
    return found


def memory(pids: list[int]) -> tuple[float, float]:
    """PSS and RSS of processes, in GB."""
    totals = {"Pss": 0, "Rss": 0}
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                name, _, rest = line.partition(":")
                if name in totals:
                    totals[name] += int(rest.split()[0])
    return totals["Pss"] * 1024 / 1e9, totals["Rss"] * 1024 / 1e9


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?", default=tempfile.gettempdir())
    parser.add_argument("--gigabytes", type=float, default=5.0)
    args, more = parser.parse_known_args()  # the rest are overrides
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        path = Path(folder, "large.csv")
        rows = write(path, args.gigabytes * 1e9)
        print(f"{path.stat().st_size / 1e9:.2f} GB, {rows:,} rows", flush=True)
        command = [sys.executable, "-m", "mi_cli", "dataset=table", f"dataset.path={path}", "dataset.x=[c0,c1,c2]"]
        command += ["dataset.y=[c3]", "split.train=0.5", "split.val=0.2", "split.test=0.3", "training.steps=200"]
        start, peak, parts = time.perf_counter(), (0.0, 0.0), []
        process = subprocess.Popen([*command, f"output_root={folder}", *more])
        while process.poll() is None:
            found = memory(tree(process.pid))
            peak = max(peak[0], found[0]), max(peak[1], found[1])
            parts.append((time.perf_counter() - start, found[1]))
            time.sleep(0.1)
        seconds = time.perf_counter() - start
        print(f"exit code {process.returncode}, {seconds:.1f} s, at most {peak[0]:.2f} GB PSS, {peak[1]:.2f} GB RSS")
        print("RSS over time: " + ", ".join(f"{at:.0f} s {gb:.2f}" for at, gb in parts[:: max(1, len(parts) // 20)]))


if __name__ == "__main__":
    main()
