"""Sizes of stacks. It imports nothing heavy: a run plans its stacks before anything is trained."""

from __future__ import annotations

import math

__all__ = ["chunks"]

# Activations of this size stay in the last-level cache of common machines. Larger ones slow a step down; with smaller
# ones the fixed cost of each operation matters. Measured by tests/benchmarks/layout.py.
_CACHE_BYTES = 32 << 20
_MOST = 64  # trials of a stack


def chunks(k: int, bytes_each: int, workers: int) -> list[int]:
    """Sizes of the stacks that k trials are split into.

    A stack fits the cache, and there is a stack for every worker if there are enough trials.

    Args:
        k: number of trials.
        bytes_each: bytes of activations of one trial.
        workers: number of workers.
    """
    fit = max(1, min(_MOST, _CACHE_BYTES // max(1, bytes_each)))
    count = math.ceil(k / fit)
    count = min(k, math.ceil(count / workers) * workers)
    return [k // count + (i < k % count) for i in range(count)]
