"""Random streams: each use of randomness in a trial has its own generator, which depends on the trial's seed only.

Trials with equal seeds share their draws, whatever else differs, so that comparisons across an axis are paired.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from mi_cli.lazy import torch

__all__ = ["Stream", "generator", "integer"]

Stream = Literal[
    "train", "val", "labelled", "test", "fresh", "noise", "shift", "init", "order", "code", "probe", "critic"
]
_STREAMS: tuple[Stream, ...] = Stream.__args__  # type: ignore[attr-defined]


def integer(seed: int, stream: Stream) -> int:
    """A seed of 63 bits for a stream of a trial."""
    return int(np.random.SeedSequence([seed, _STREAMS.index(stream)]).generate_state(1, np.uint64)[0] >> np.uint64(1))


def generator(seed: int, stream: Stream) -> torch.Generator:
    """The generator of a stream, on the CPU, so that a trial draws the same numbers on every device."""
    return torch.Generator().manual_seed(integer(seed, stream))
