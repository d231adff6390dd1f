"""Product samples: each x paired with the y of another row. Arrays are feature-major, ``(K, dim, n)``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from mi_cli.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Partners", "Product", "shifted"]

Product = Literal["derangement", "shuffle"]

_DRAWN_AT_ONCE = 256  # steps whose shifts are drawn in one call


class Partners:
    """Draws the rows that each row is paired with, anew at every call, from each trial's own generator.

    A *derangement* is a cyclic shift by 1 … n − 1 rows. Rows are independent and in random order, so that a shift is as
    good as any other derangement, and it needs no permutation. A *shuffle* is a uniform permutation, in which a row may
    keep its own y; this caps the estimate of a bound near ln n.

    Args:
        product: derangement or shuffle.
        copies: partners of each row.
        n: number of rows.
        generators: one for each of K trials.
        device: where the indices are returned.
    """

    def __init__(
        self, product: Product, copies: int, n: int, generators: Sequence[torch.Generator], device: torch.device
    ) -> None:
        self.product, self.copies, self.n = product, copies, n
        self.generators, self.device = generators, device
        self.cycle = torch.arange(2 * n) % n
        self.shifts: list[list[list[int]]] = []
        self.drawn = torch.empty((len(generators), copies, n), dtype=torch.int64)

    def __call__(self) -> Tensor:
        """Indices of the partners, ``(K, copies, n)``; on the CPU the next call overwrites them."""
        if self.product == "shuffle":
            for trial, g in zip(self.drawn, self.generators, strict=True):
                for copy in trial:
                    torch.randperm(self.n, generator=g, out=copy)
        else:
            if not self.shifts:
                size = (_DRAWN_AT_ONCE, self.copies)
                drawn = [torch.randint(1, self.n, size, generator=g) for g in self.generators]
                self.shifts = torch.stack(drawn, 1).tolist()
            indices = [self.cycle[shift : shift + self.n] for trial in self.shifts.pop() for shift in trial]
            torch.stack(indices, out=self.drawn.flatten(0, 1))
        return self.drawn.to(self.device)

    def state_dict(self) -> dict[str, Tensor]:
        """Shifts that are drawn and not used yet."""
        return {"shifts": torch.tensor(self.shifts, dtype=torch.int64)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Load such shifts."""
        self.shifts = state["shifts"].tolist()


def shifted(y: Tensor, shifts: int) -> Tensor:
    """y ``(K, d, n)``, then its cyclic shifts by 1 … ``shifts`` rows: ``(K, d, 1 + shifts, n)``."""
    return torch.stack([y.roll(-shift, dims=2) for shift in range(shifts + 1)], 2)
