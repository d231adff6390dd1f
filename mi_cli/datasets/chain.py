"""A chain x, z, y of normal columns: x and y depend on each other through z only."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field

from mi_cli.bounds.interaction import normal_interactions
from mi_cli.datasets.conditional import Triple, Triples
from mi_cli.fields import Number
from mi_cli.lazy import np, torch

__all__ = ["Chain"]

_Correlation = Annotated[Number, Field(ge=-1, le=1)]


class Chain(Triples):
    r"""Standard normal x, z and y, with correlation ``xz`` of x and z, and ``zy`` of z and y, in a chain x → z → y.

    .. math:: I(X; Y | Z) = 0, \qquad I(X; Y) = -\tfrac12 \ln(1 - ρ_{xz}^2 ρ_{zy}^2)

    Given z, x and y are independent (Cover & Thomas 2006, *Elements of Information Theory*, section 2.8).
    """

    name: Literal["chain"] = "chain"
    xz: _Correlation = 0.8
    zy: _Correlation = 0.7

    def triples(self, n: int, generator: torch.Generator, dtype: torch.dtype) -> Triple:
        """Draw ``n`` rows; shapes ``(n, 1)`` each."""
        z, a, b = torch.empty((3, n, 1), dtype=dtype).normal_(generator=generator)
        return self.xz * z + math.sqrt(1 - self.xz**2) * a, self.zy * z + math.sqrt(1 - self.zy**2) * b, z

    def true_interactions(self) -> dict[str, float] | None:
        """From the correlations of x, y and z."""
        xy = self.xz * self.zy
        return normal_interactions(np.array([[1, xy, self.xz], [xy, 1, self.zy], [self.xz, self.zy, 1]]))

    def true_mi(self, noise: float = 0.0) -> float | None:
        """I(x; y | z) is 0, with and without noise."""
        del noise
        return 0.0
