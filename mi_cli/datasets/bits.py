"""Bits that are copies of one, or whose last is the parity of the others."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Field

from mi_cli.bounds.interaction import table_interactions
from mi_cli.datasets.base import Side
from mi_cli.datasets.last_column import LastColumn
from mi_cli.fields import Count, Number
from mi_cli.lazy import np, torch

__all__ = ["Bits"]


class Bits(LastColumn):
    r"""``columns`` bits; y is the last one, and x are the others. A flip of probability q makes the last one noisy.

    ``parity``: all bits but the last are fair and independent, and the last is 1 where an odd number of them is. The
    O-information is (2 − d) ln 2 without flips, for d columns.
    ``copies``: all are one fair bit. The O-information is (d − 2) ln 2 without flips.

    .. math:: I(X; Y) = \ln 2 + q \ln q + (1 - q) \ln(1 - q)

    Reference:
        Rosas, Mediano, Gastpar & Jensen 2019 (Physical Review E 100, 032305; arXiv 1902.11239), section III.
    """

    name: Literal["bits"] = "bits"
    form: Literal["parity", "copies"] = "parity"
    columns: Annotated[Count, Field(ge=2, le=12)] = 3
    flip: Annotated[Number, Field(ge=0, le=0.5)] = 0.0
    n_samples: Count | None = 2000

    @property
    def discrete(self) -> frozenset[Side]:
        """All columns; two or more of x are classes side by side."""
        return frozenset({"x", "y"})

    def sample(
        self, n: int, generator: torch.Generator, dtype: torch.dtype | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows of 0 and 1; shapes ``(n, columns − 1)`` and ``(n, 1)``."""
        drawn = torch.randint(2, (n, self.dim_x), generator=generator)
        x = drawn if self.form == "parity" else drawn[:, :1].expand(-1, self.dim_x)
        flipped = torch.rand((n, 1), generator=generator) < self.flip
        y = (x.sum(1, keepdim=True) % 2 if self.form == "parity" else x[:, :1]) ^ flipped
        return x.to(dtype or torch.float32), y.to(dtype or torch.float32)

    def true_mi(self, noise: float = 0.0) -> float | None:
        """The MI of the last bit and the others, in closed form; not known with noise."""
        if noise:
            return None
        return math.log(2) + sum(q * math.log(q) for q in (self.flip, 1 - self.flip) if q)

    def true_interactions(self) -> dict[str, float] | None:
        """By the sum over all combinations of bits."""
        return table_interactions(self._probabilities())

    def _probabilities(self) -> np.ndarray[Any, Any]:
        """Of each combination, an axis of 2 for each column."""
        bits = np.indices((2,) * self.columns)
        others, last = bits[:-1], bits[-1]
        if self.form == "parity":
            expected, shares = others.sum(0) % 2, 0.5**self.dim_x
        else:
            expected, shares = others[0], 0.5 * (others == others[0]).all(0)
        return np.asarray(shares * np.where(last == expected, 1 - self.flip, self.flip))
