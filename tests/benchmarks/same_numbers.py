"""Whether two versions of the code give the same numbers, over every experiment.

    PYTHONPATH=CHECKOUT python -m tests.benchmarks.same_numbers keep FOLDER      # run everything, keep each results.csv
    python -m tests.benchmarks.same_numbers compare BEFORE AFTER                 # compare two such folders by value

``keep`` runs the ``mi_cli`` of ``PYTHONPATH``: every experiment at ``budget=smoke`` (``coverage`` with two of its data
sets), as corrected and, where there is one, as published; ``gaussian_sweep`` in full; ``dimension_sweep`` at
``budget=quick``; and ``estimate`` in full on a fixed file. Both versions must run on the same machine, with as many
threads. ``compare`` leaves out seconds and fingerprints (a fingerprint names the code) and exits with 1 if another
value differs.
"""

from __future__ import annotations

import argparse
import csv
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TABLE = f"dataset.path='{ROOT / 'tests' / 'data' / 'rows.csv'}'"
COLUMNS = {
    "estimate": ["dataset.x=[a]", "dataset.y=[b]"],
    "pairwise": ["dataset.x=[a,b,c]"],
    "sample_size_bias": ["dataset.x=[a]", "dataset.y=[b]"],
    "self_consistency": ["dataset.x=[a]", "dataset.y=[b]"],
}
FEWER = {"coverage": ["sweep.dataset=[{name:off_benchmark,task:normal_200_rows},{name:bend_and_mix,task:1v1-AI}]"]}
IGNORED = ("seconds", "fingerprint")


def commands() -> Iterator[tuple[str, list[str]]]:
    """A name for each run, and what is typed after ``mi-run``."""
    variants = {path.stem.removeprefix("published_") for path in (ROOT / "configs" / "experiment_variant").glob("*")}
    for path in sorted((ROOT / "configs" / "experiment").glob("*.yaml")):
        name = path.stem
        typed = [
            f"experiment={name}",
            "budget=smoke",
            *([TABLE, *COLUMNS[name]] if name in COLUMNS else []),
            *FEWER.get(name, []),
        ]
        yield f"{name}_smoke", typed
        if name in variants:
            yield f"{name}_published_smoke", [*typed, "variant=published"]
    yield "gaussian_sweep", ["experiment=gaussian_sweep"]
    yield "dimension_sweep_quick", ["experiment=dimension_sweep", "budget=quick"]
    yield "estimate", ["experiment=estimate", TABLE, *COLUMNS["estimate"]]
    yield "estimate_classes", ["experiment=estimate", TABLE, "dataset.x=[a,c,kind]", "dataset.y=[b]"]


def keep(folder: Path) -> int:
    """Run every command and keep its results; the number of commands that left none."""
    folder.mkdir(parents=True, exist_ok=True)
    lost = 0
    for name, typed in commands():
        kept = folder / f"{name}.csv"
        if kept.exists():
            continue
        with tempfile.TemporaryDirectory() as place:
            command = [sys.executable, "-P", "-m", "mi_cli", *typed, "reuse=false", "hydra.run.dir=run"]
            done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False, env=os.environ)
            results = Path(place, "run", "results.csv")
            if results.exists():
                shutil.copy(results, kept)
            else:
                lost += 1
            print(f"{name}: exit code {done.returncode}", "" if results.exists() else done.stderr[-500:], flush=True)
    return lost


def compare(before: Path, after: Path) -> int:
    """Print every value that differs; their number."""
    different = 0
    names = sorted({path.name for folder in (before, after) for path in folder.glob("*.csv")})
    for name in names:
        if not (before / name).exists() or not (after / name).exists():
            print(f"{name}: is in one folder only")
            different += 1
            continue
        old, new = (list(csv.DictReader((folder / name).open(encoding="utf-8"))) for folder in (before, after))
        faults = [] if len(old) == len(new) else [f"{len(old)} rows before, {len(new)} after"]
        columns = [column for column in (old[0] if old else {}) if not column.endswith(IGNORED)]
        faults += [
            f"row {number}, {column}: {row[column]} before, {other.get(column)} after"
            for number, (row, other) in enumerate(zip(old, new, strict=False))
            for column in columns
            if row[column] != other.get(column)
        ]
        print(f"{name}: {len(old)} rows, {len(columns)} columns, {len(faults)} differences", *faults[:5], sep="\n    ")
        different += len(faults)
    return different


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("keep").add_argument("folder", type=Path)
    comparing = actions.add_parser("compare")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("after", type=Path)
    args = parser.parse_args()
    return min(1, keep(args.folder.absolute()) if args.action == "keep" else compare(args.before, args.after))


if __name__ == "__main__":
    raise SystemExit(main())
