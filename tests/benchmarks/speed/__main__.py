"""Training time of stacks against the study's plain loops on the same work: ``python -m tests.benchmarks.speed``.

Reference and ours take turns, pinned to one core (to all cores where the sweep may use them); medians of five rounds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections import Counter
from collections.abc import Callable

import torch
from threadpoolctl import threadpool_limits

from mi_cli.compose.resolve import resolve
from mi_cli.execution.stacks import stacks
from mi_cli.execution.workers import Workers
from mi_cli.procedures.base import procedure
from tests.benchmarks.reference import gaussian_loop, maximiser_loop

GAUSSIAN = ["experiment=gaussian_sweep", "variant=published", "training.carry=null", "split.test=1000"]
RHOS = (0.0, 0.2, 0.4, 0.6, 0.8, 0.99)
MAXIMISER = ["experiment=dimension_sweep", "variant=published", "split.test=1000"]


def ours(overrides: list[str], threads: int) -> Callable[[], float]:
    """Seconds of training for what the overrides say, everything that is drawn while training included."""
    trials = resolve(overrides).expansion.trials

    def run() -> float:
        start = time.perf_counter()
        found = stacks(trials, threads)
        workers = Workers(threads, len(found), threads, "cpu")
        phases: Counter[str] = Counter()
        for future in [workers.submit(stack.trials) for stack in found]:
            phases.update(future.result().phases)
        workers.close()
        return (time.perf_counter() - start) * phases["training"] / sum(phases.values())

    return run


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compare(name: str, reference: Callable[[], float], mine: Callable[[], float], trials: int, rounds: int) -> None:
    """Print medians of seconds a trial, and of the rounds' ratios."""
    pairs = [(reference(), mine() / trials) for _ in range(rounds)]
    loop, stack = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"{name}: loop {loop:.3f} s, stack {stack:.3f} s a trial; {ratio:.1f} times (median of {rounds})", flush=True)


def matmul_share(name: str, overrides: list[str], seconds: float) -> None:
    """Print which part of one core's matrix-product speed the training reached."""
    a = torch.randn(1024, 1024)
    best = min(timed(lambda: a @ a) for _ in range(10))
    trials = resolve(overrides).expansion.trials
    cost = procedure(trials[0].config).cost(trials[0].config)
    reached = 2 * cost.multiply_adds * cost.steps / seconds
    peak = 2 * 1024**3 / best
    print(f"{name}: {reached / 1e9:.1f} GFLOP/s of {peak / 1e9:.0f} that one core does on 1024 × 1024 products "
          f"({100 * reached / peak:.0f} %)")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=500, help="of the maximiser")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    torch.set_num_threads(1)
    rounds = options.rounds
    generator = torch.Generator().manual_seed(0)
    with threadpool_limits(1):
        os.sched_setaffinity(0, cores[:1])
        six = [*GAUSSIAN, "sweep.seed=[0]", f"sweep.dataset.rho={list(RHOS)}"]
        sixty = [*GAUSSIAN, f"sweep.seed={list(range(10))}", f"sweep.dataset.rho={list(RHOS)}"]
        gaussian_loop(0.5, 50)  # warm up

        def loops() -> float:
            return timed(lambda: [gaussian_loop(rho) for rho in RHOS]) / len(RHOS)

        compare("gaussian_sweep, 6 trials, one thread", loops, ours(six, 1), 6, rounds)
        compare("gaussian_sweep, 60 trials, one thread", loops, ours(sixty, 1), 60, rounds)
        one = [*MAXIMISER, f"training.steps={options.steps}", "sweep.noise=null", "sweep.representation.dim=[5]"]
        ten = [*one, f"sweep.seed={list(range(10))}"]
        dataset = resolve(one).expansion.trials[0].config.dataset
        x, label = (part.numpy() for part in dataset.sample(3000, generator, torch.float64))

        def loop() -> float:
            return timed(lambda: maximiser_loop(x, label, 5, options.steps))

        compare(f"maximiser, 10 seeds, {options.steps} steps, one thread", loop, ours(ten, 1), 10, rounds)
        matmul_share("gaussian_sweep", sixty, ours(sixty, 1)() / 60)
        matmul_share("maximiser", ten, ours(ten, 1)() / 10)
        if len(cores) > 1:

            def pinned() -> float:
                os.sched_setaffinity(0, cores[:1])
                seconds = loops()
                os.sched_setaffinity(0, cores)
                return seconds

            os.sched_setaffinity(0, cores)
            for name, work, count in (("6", six, 6), ("60", sixty, 60)):
                compare(
                    f"gaussian_sweep, {name} trials, {len(cores)} threads",
                    pinned,
                    ours(work, len(cores)),
                    count,
                    rounds,
                )


if __name__ == "__main__":
    main()
