"""Random streams: every use of chance in a trial has a generator of its own, derived from the trial's seed alone.

Trials that differ in something else than the seed share their draws, so that comparisons across an axis are paired.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch

__all__ = ["Stream", "generator", "integer"]

Stream = Literal[
    "train", "val", "labelled", "test", "fresh", "noise", "shift", "init", "order", "code", "probe", "critic"
]
_STREAMS: tuple[Stream, ...] = Stream.__args__  # type: ignore[attr-defined]


def integer(seed: int, stream: Stream) -> int:
    """A seed of 63 bits for a stream of a trial."""
    return int(np.random.SeedSequence([seed, _STREAMS.index(stream)]).generate_state(1, np.uint64)[0] >> np.uint64(1))


def generator(seed: int, stream: Stream) -> torch.Generator:
    """A generator on the CPU, so that a trial draws the same numbers on every device."""
    return torch.Generator().manual_seed(integer(seed, stream))
