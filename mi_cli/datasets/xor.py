"""The exclusive or of two bits: any two of three bits are independent, and each is determined by the others."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Field

from mi_cli.datasets.base import Side
from mi_cli.datasets.conditional import Triple, Triples
from mi_cli.fields import Number
from mi_cli.lazy import torch

__all__ = ["Xor"]


class Xor(Triples):
    r"""Fair bits x and z, and y = x xor z, which is flipped with probability q.

    .. math:: I(X; Y) = 0, \qquad I(X; Y | Z) = \ln 2 + q \ln q + (1 - q) \ln(1 - q)

    Given z, y is x through a binary symmetric channel (Cover & Thomas 2006, *Elements of Information Theory*, section
    7.1.4).
    """

    name: Literal["xor"] = "xor"
    flip: Annotated[Number, Field(ge=0, le=0.5)] = 0.0

    @property
    def discrete(self) -> frozenset[Side]:
        """Both bits."""
        return frozenset({"x", "y"})

    def triples(self, n: int, generator: torch.Generator, dtype: torch.dtype) -> Triple:
        """Draw ``n`` rows of 0 and 1; shapes ``(n, 1)`` each."""
        x, z = torch.randint(2, (2, n, 1), generator=generator)
        flipped = torch.rand((n, 1), generator=generator) < self.flip
        return x.to(dtype), (x ^ z ^ flipped).to(dtype), z.to(dtype)

    def describe(self) -> dict[str, Any]:
        """``kind``, and ``entropy``: of x, y and z, ln 2 each."""
        return super().describe() | {"entropy": dict.fromkeys("xyz", math.log(2))}

    def true_interactions(self) -> dict[str, float] | None:
        """Any two of the bits are independent: all measures are multiples of I(x; y | z)."""
        given = self.true_mi() or 0.0
        return {"o_information": -given, "total_correlation": given, "dual_total_correlation": 2 * given}

    def true_mi(self, noise: float = 0.0) -> float | None:
        """I(x; y | z) in closed form; not known with noise."""
        if noise:
            return None
        return math.log(2) + sum(q * math.log(q) for q in (self.flip, 1 - self.flip) if q)
