"""What every dataset is: a generator of (x, y) rows that may know its own MI."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal

from mi_cli.fields import Count, Section

if TYPE_CHECKING:
    import torch

__all__ = ["Dataset"]


class Dataset(Section, ABC):
    """A distribution of pairs (x, y), configured by its fields.

    ``n_samples`` is the size of the data set a study draws; empty, a study that can (``procedure: estimate``)
    draws fresh rows at every training step instead. In ``maximise`` and ``compare``, x are the columns that an
    encoder sees and y is the label that its code is probed for.
    """

    discrete: ClassVar[frozenset[Literal["x", "y"]]] = frozenset()  # which of them take few values, each many times

    name: str
    n_samples: Count | None = None

    @property
    @abstractmethod
    def dim_x(self) -> int:
        """Columns of x."""

    @property
    @abstractmethod
    def dim_y(self) -> int:
        """Columns of y."""

    @abstractmethod
    def sample(
        self, n: int, generator: torch.Generator, dtype: torch.dtype | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` independent rows.

        Args:
            n: number of rows.
            generator: the only source of randomness.
            dtype: of the rows; float32 unless given.

        Returns:
            x of shape ``(n, dim_x)`` and y of shape ``(n, dim_y)``.
        """

    @abstractmethod
    def true_mi(self, noise: float = 0.0) -> float | None:
        """I(x; y) in nats when N(0, noise²) is added to every column of x; None where it is not known."""

    def true_mi_stderr(self, noise: float = 0.0) -> float:
        """Standard error of ``true_mi`` in nats; 0 where it is exact, not by Monte Carlo."""
        del noise
        return 0.0
