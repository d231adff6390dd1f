"""Rows that follow each other in time: their type, and the base classes of datasets that have them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from mi_cli.datasets.base import Dataset
from mi_cli.datasets.conditional import Triple
from mi_cli.fields import Count
from mi_cli.lazy import np, torch
from mi_cli.problems import Array, Rows

__all__ = ["GeneratedSeries", "History", "Series", "SeriesDataset"]


@dataclass(frozen=True)
class History:
    """Which past values a transfer entropy is of.

    Attributes:
        source: how many values of the source.
        target: how many values of the target, of which the newest is one step old.
        lag: the age of the newest value of the source, in steps.
    """

    source: int = 1
    target: int = 1
    lag: int = 1


@dataclass(frozen=True, eq=False)
class Series:
    """Columns measured at equal steps of time, in one recording or several.

    Attributes:
        columns: values of each column by its name, ``(n, width)`` in float64. A column of classes has a column of 0 and
            1 for each class, or a single one where there are two.
        recording: the number of each row's recording, ``(n,)``, from 0 on and ascending. Rows of a recording are in the
            order of time.
        x: names of the columns of x; so are ``y`` and ``z``. Without y, all columns are of x.
    """

    columns: Mapping[str, Array]
    recording: np.ndarray[Any, np.dtype[np.int64]]
    x: tuple[str, ...]
    y: tuple[str, ...] = ()
    z: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.recording)

    @property
    def lengths(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """The rows of each recording."""
        return np.bincount(self.recording)

    def side(self, names: tuple[str, ...]) -> Array:
        """Columns beside each other, ``(n, width of all)``."""
        return np.concatenate([self.columns[name] for name in names], 1)


class SeriesDataset(Dataset, ABC):
    """A dataset whose rows follow each other in time."""

    @property
    @abstractmethod
    def lengths(self) -> tuple[int, ...]:
        """The rows of each recording."""

    @property
    @abstractmethod
    def names(self) -> dict[Literal["x", "y", "z"], tuple[str, ...]]:
        """The columns of x, of y and of z. Without y, those of x are paired with each other."""

    @property
    def directions(self) -> list[tuple[str, str]]:
        """The pairs of columns, source and target: of x and y both ways, or of all columns of x without y."""
        x, y = self.names["x"], self.names["y"]
        if not y:
            return [(one, other) for one in x for other in x if one != other]
        return [pair for one in x for other in y for pair in ((one, other), (other, one))]

    @abstractmethod
    def series(self, generator: torch.Generator) -> Series:
        """All rows, in the order of time."""

    def true_lagged_mi(self, lag: int) -> float | None:
        """The MI of x and of y ``lag`` steps later, in nats; None if not known."""
        del lag
        return None

    def true_transfer(self, source: str, target: str, history: History) -> float | None:
        """The transfer entropy from one column to another, in nats; None if not known."""
        del source, target, history
        return None


class GeneratedSeries(SeriesDataset, ABC):
    r"""A process whose transfer entropy from x to y is known.

    As a series it has ``n_samples`` rows in ``recordings`` of equal length (but for the last one). As a dataset of
    independent rows, x are the last ``history`` values of the source, y is the value of the target and z are its last
    ``history`` values, so that the MI given z is the transfer entropy:

    .. math:: T_{X \to Y} = I(Y_t; X_{t - 1}, \dots, X_{t - l} | Y_{t - 1}, \dots, Y_{t - k})

    with k = l = ``history``.

    Reference:
        Schreiber 2000 (Physical Review Letters 85, 461–464; arXiv nlin/0001042).
    """

    n_samples: Count | None = 1000
    history: Annotated[Count, Field(le=20)] = 1
    recordings: Annotated[Count, Field(le=1000)] = 1

    @property
    def dim_x(self) -> int:
        """Past values of the source."""
        return self.history

    @property
    def dim_y(self) -> int:
        """One value of the target."""
        return 1

    @property
    def dim_z(self) -> int:
        """Past values of the target."""
        return self.history

    @abstractmethod
    def windows(self, n: int, generator: torch.Generator, dtype: torch.dtype) -> Triple:
        """Draw ``n`` independent rows of x, y and z; shapes ``(n, history)``, ``(n, 1)`` and ``(n, history)``."""

    @abstractmethod
    def path(self, n: int, generator: torch.Generator) -> Array:
        """One recording of ``n`` rows, ``(n, columns)``."""

    def sample(
        self, n: int, generator: torch.Generator, dtype: torch.dtype | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` independent rows without z; shapes ``(n, history)`` and ``(n, 1)``."""
        x, y, _ = self.windows(n, generator, dtype or torch.float32)
        return x, y

    def rows(self, n: int, generator: torch.Generator, dtype: torch.dtype | None = None) -> Rows:
        """Draw ``n`` independent rows with z."""
        x, y, z = self.windows(n, generator, dtype or torch.float32)
        return Rows(x, y, z=z)

    def series(self, generator: torch.Generator) -> Series:
        """Recordings in the order of time."""
        values = np.concatenate([self.path(length, generator) for length in self.lengths])
        columns = {name: values[:, [place]] for place, name in enumerate(self.columns)}
        recording = np.repeat(np.arange(len(self.lengths)), self.lengths)
        return Series(columns, recording, self.names["x"], self.names["y"])

    @property
    def lengths(self) -> tuple[int, ...]:
        """The rows of each recording; the first ones have one more where they do not divide the rows."""
        each, more = divmod(self.n_samples or 0, self.recordings)
        return tuple(each + (number < more) for number in range(self.recordings))

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return "x", "y"

    @property
    def names(self) -> dict[Literal["x", "y", "z"], tuple[str, ...]]:
        """The first column is x, the last one is y."""
        return {"x": self.columns[:1], "y": self.columns[-1:], "z": ()}

    def true_mi(self, noise: float = 0.0) -> float | None:
        """The transfer entropy with histories of ``history`` values; not known with noise."""
        source, target = self.columns[0], self.columns[-1]
        return None if noise else self.true_transfer(source, target, History(self.history, self.history))
