"""Random bits, and their copies some steps later."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field

from mi_cli.datasets.base import Side
from mi_cli.datasets.conditional import Triple
from mi_cli.datasets.series import GeneratedSeries, History
from mi_cli.fields import Count, Number
from mi_cli.lazy import np, torch
from mi_cli.problems import Array

__all__ = ["CopiedBits"]


class CopiedBits(GeneratedSeries):
    r"""Independent fair bits x, and :math:`y_t = x_{t - d}` for a ``delay`` d, flipped with probability q.

    .. math:: T_{X \to Y} = I(X_{t - d}; Y_t) = \ln 2 + q \ln q + (1 - q) \ln(1 - q)

    where the history of x reaches the delay; at all other lags, and from y to x, it is 0. y is x through a binary
    symmetric channel (Cover & Thomas 2006, *Elements of Information Theory*, section 7.1.4).
    """

    name: Literal["copied_bits"] = "copied_bits"
    delay: Annotated[Count, Field(le=1000)] = 1
    flip: Annotated[Number, Field(ge=0, le=0.5)] = 0.0

    @property
    def discrete(self) -> frozenset[Side]:
        """Both are bits."""
        return frozenset({"x", "y"})

    def path(self, n: int, generator: torch.Generator) -> Array:
        """One recording of 0 and 1."""
        x = torch.randint(2, (n + self.delay,), generator=generator)
        flipped = torch.rand((n,), generator=generator) < self.flip
        return np.stack([x[self.delay :].numpy(), (x[:n] ^ flipped).numpy()], 1).astype(float)

    def windows(self, n: int, generator: torch.Generator, dtype: torch.dtype) -> Triple:
        """Draw ``n`` independent rows of 0 and 1. A copy is older than the history of x if the delay is longer."""
        x = torch.randint(2, (n, self.history), generator=generator)
        older, z = torch.randint(2, (n, 1 + self.history), generator=generator).split([1, self.history], 1)
        flipped = torch.rand((n, 1), generator=generator) < self.flip
        copied = x[:, [self.delay - 1]] if self.delay <= self.history else older
        return x.to(dtype), (copied ^ flipped).to(dtype), z.to(dtype)

    @property
    def _information(self) -> float:
        return math.log(2) + sum(q * math.log(q) for q in (self.flip, 1 - self.flip) if q)

    def true_lagged_mi(self, lag: int) -> float:
        """That of a bit and its copy at the delay, and 0 at other lags."""
        return self._information if lag == self.delay else 0.0

    def true_transfer(self, source: str, target: str, history: History) -> float:
        """That of a bit and its copy, if the history of x has it."""
        del target
        reached = history.lag <= self.delay < history.lag + history.source
        return self._information if source == "x" and reached else 0.0
