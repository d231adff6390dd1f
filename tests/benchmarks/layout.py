"""Seconds a trial and step against the size of a stack: ``python -m tests.benchmarks.layout``.

It sets ``mi_cli.training.chunks.chunks``: small stacks pay for each operation's fixed cost, large ones leave the cache.
"""

from __future__ import annotations

import statistics
import time

import torch
from threadpoolctl import threadpool_limits

from mi_cli.compose.resolve import resolve
from mi_cli.procedures.base import procedure
from mi_cli.training.context import Context

STEPS = 200
WORK = {
    "gaussian_sweep (2-10-10-1, 2 × 2,000 rows)": [
        "experiment=gaussian_sweep",
        "variant=published",
        "training.carry=null",
    ],
    "gaussian_sweep (2-32-32-1, 2 × 1,000 rows)": ["experiment=gaussian_sweep"],
    "dimension_sweep (10 columns, 3,000 rows)": ["experiment=dimension_sweep", "sweep.representation.dim=[5]"],
}


def microseconds(overrides: list[str], k: int) -> float:
    seeds = f"sweep.seed={list(range(k))}"
    trials = resolve([*overrides, f"training.steps={STEPS}", "split.test=500", seeds]).expansion.trials
    context = Context(torch.device("cpu"))
    procedure(trials[0].config).run(trials, context)
    return context.clock.seconds["training"] / STEPS / k * 1e6


def main() -> None:
    torch.set_num_threads(1)
    sizes = (1, 2, 4, 8, 12, 16, 24, 32)
    with threadpool_limits(1):
        for name, overrides in WORK.items():
            rounds = [[microseconds(overrides, k) for k in sizes] for _ in range(3)]
            medians = [statistics.median(column) for column in zip(*rounds, strict=True)]
            cells = "  ".join(f"{k}: {value:.0f}" for k, value in zip(sizes, medians, strict=True))
            print(f"{name}, µs a trial and step by trials in the stack: {cells}", flush=True)


if __name__ == "__main__":
    start = time.perf_counter()
    main()
    print(f"{time.perf_counter() - start:.0f} s")
