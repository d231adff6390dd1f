"""The base class of datasets: a generator of rows (x, y) that may know its own MI."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal, Self

from mi_cli.fields import Count, Section
from mi_cli.lazy import torch
from mi_cli.problems import Rows

__all__ = ["Dataset", "Side"]

Side = Literal["x", "y"]


class Dataset(Section, ABC):
    """A distribution of pairs (x, y), configured by its fields.

    ``n_samples`` is the number of rows that a trial draws. Without it, ``procedure: estimate`` draws fresh rows at
    every training step, with estimators that can. In ``maximise`` and ``compare``, x are the columns that an encoder
    sees, and y is the label that is predicted from its representation.
    """

    finite: ClassVar[bool] = False  # whether there are no rows beside those that are drawn once, as in a table

    name: str
    n_samples: Count | None = None

    def opened(self) -> Self:
        """This dataset, ready to draw from: one that reads a file opens it here, and knows its number of rows then.

        Fields are validated without touching a file. So a dataset with a file knows its columns, rows and notes only
        once it is opened.

        Raises:
            ConfigError: the file cannot be read, or lacks what the fields ask for.
        """
        return self

    @property
    def discrete(self) -> frozenset[Side]:
        """The sides all of whose columns are classes."""
        return frozenset()

    @property
    def with_classes(self) -> frozenset[Side]:
        """The sides that have a column of classes, alone or among others."""
        return self.discrete

    @property
    def few_valued(self) -> tuple[str, ...]:
        """Columns of numbers that have few values, each many times."""
        return ()

    @property
    def column_names(self) -> dict[str, tuple[str, ...]]:
        """The name of each column of a side, ``dim_x`` of x and so on; a side whose columns have none is not there."""
        return {}

    @property
    def ties(self) -> dict[str, float]:
        """Columns of numbers many of whose values repeat another, each with the share of such values."""
        return {}

    @property
    @abstractmethod
    def dim_x(self) -> int:
        """Columns of x."""

    @property
    @abstractmethod
    def dim_y(self) -> int:
        """Columns of y."""

    @property
    def dim_z(self) -> int:
        """Columns of z, which the MI is conditional on; 0 where it is that of x and y alone."""
        return 0

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

    def rows(self, n: int, generator: torch.Generator, dtype: torch.dtype | None = None) -> Rows:
        """Draw rows as :meth:`sample` does, with z, and the block of each row where rows depend on each other."""
        return Rows(*self.sample(n, generator, dtype))

    def pointwise_rows(self, n: int, generator: torch.Generator, dtype: torch.dtype | None = None) -> Rows:
        r"""The rows of :meth:`rows`, with the true pointwise MI of each where it is known.

        .. math:: i(x, y) = \ln \frac{p(x, y)}{p(x) p(y)}
        """
        return self.rows(n, generator, dtype)

    def describe(self) -> dict[str, Any]:
        """Facts for the summary of a run; the lines of ``notes`` are shown in the terminal as well."""
        return {}

    def digest(self) -> str | None:
        """The digest of the dataset's file, which fingerprints have in place of ``path``; None without a file."""
        return None

    @abstractmethod
    def true_mi(self, noise: float = 0.0) -> float | None:
        """I(x; y), or I(x; y | z) with z, in nats, with N(0, noise²) added to every column of x; None if not known."""

    def true_interactions(self) -> dict[str, float] | None:
        """Total correlation, dual total correlation and O-information of all columns, in nats; None if not known.

        The columns are those of x, y and z. The names are :data:`mi_cli.bounds.interaction.MEASURES`.
        """
        return None

    def true_mi_stderr(self, noise: float = 0.0) -> float:
        """Standard error of ``true_mi`` in nats; 0 where it is exact, not by Monte Carlo."""
        del noise
        return 0.0
