"""Where the rows of a table come from: what files (``files.py``) and rows in memory (``in_memory.py``) share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from mi_cli.errors import ConfigError, Fault, shown
from mi_cli.lazy import np
from mi_cli.tabular.columns import Array, Column

__all__ = [
    "FILE_LABEL",
    "Sample",
    "Source",
    "StoredSource",
    "absent_column",
    "dataset_error",
    "name_list",
    "sampled_rows",
]

FILE_LABEL = ":file"  # names the file of a row, in ``dataset.groups``
_ONLY_GROUPS = f"{FILE_LABEL} is the file of a row, which only dataset.groups takes"
_SEED = 20_230_611  # of the sample of rows
_PATHS = ("path", "unlabelled")  # whose values are never cut in a message


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows of a source, in its order.

    Args:
        numbers: of the rows in the source, from 0.
        total: rows of the source.
        make: a column of these rows, by its name.
    """

    numbers: Array
    total: int
    make: Callable[[str], Column]
    _made: dict[str, Column] = field(default_factory=dict)

    def column(self, name: str) -> Column:
        """A column of the sample; it is made when it is first asked for."""
        if name not in self._made:
            self._made[name] = self.make(name)
        return self._made[name]


class Source(ABC):
    """Where rows come from."""

    in_memory: ClassVar[bool]

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """All columns, in order."""

    @property
    @abstractmethod
    def arrays(self) -> Mapping[str, tuple[str, ...]]:
        """Names that stand for several columns each: those of arrays with two dimensions."""

    @property
    def nameless(self) -> frozenset[str]:
        """The columns that have no name where they come from, by the names that they get."""
        return frozenset()

    @property
    def labels(self) -> tuple[str, ...]:
        """What ``dataset.groups`` can name beside columns: a label that the source has for each row."""
        return ()

    @property
    def notes(self) -> list[str]:
        """What there is to say of where the rows come from."""
        return []

    @property
    def together(self) -> frozenset[str]:
        """The columns that came as part of a whole array or frame, so that nobody has named each of them."""
        return frozenset()

    def may_have_index(self, name: str) -> bool:
        """Whether a column may be one that only numbers or names the rows, as it has a name of its own."""
        del name
        return True

    @abstractmethod
    def sample(self, wanted: Sequence[str], max_rows: int) -> Sample:
        """All rows, or a uniform sample of ``max_rows`` of them, always the same one.

        Args:
            wanted: columns that the sample must have.
            max_rows: how many rows to keep.
        """

    @property
    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """``file``, ``format`` and ``bytes``, for the summary of a run."""

    @property
    @abstractmethod
    def digest(self) -> str:
        """A digest of the contents."""

    @abstractmethod
    def error(self, problem: str, accepted: str) -> ConfigError:
        """What is wrong with the source as a whole."""


class StoredSource(Source):
    """Rows that are read where they are stored, as often as they are needed."""

    in_memory: ClassVar[bool] = False

    @abstractmethod
    def batches(self, names: Sequence[str], rows: int, text: Collection[str] = ()) -> Iterator[dict[str, Column]]:
        """The named columns of all rows, ``rows`` at a time."""


def sampled_rows(n: int, max_rows: int) -> Array:
    """Which of ``n`` rows are used, ascending: all, or the same ``max_rows`` of them every time."""
    if n <= max_rows:
        return np.arange(n)
    return np.sort(np.random.default_rng(_SEED).choice(n, max_rows, replace=False, shuffle=False))


def dataset_error(key: str, value: Any, problem: str, accepted: str) -> ConfigError:
    """What is wrong with the value of a key of ``dataset``."""
    is_path = key in _PATHS and isinstance(value, str) and "://" not in value
    shown_whole = is_path and value  # an empty path would be shown as the current folder
    return ConfigError(Fault(f"dataset.{key}", Path(value) if shown_whole else value, problem, accepted))


def name_list(names: Sequence[str], most: int = 6) -> str:
    """Names of columns as prose, cut where they are many."""
    more = f", ... ({len(names):,} in all)" if len(names) > most else ""
    return ", ".join(map(shown, names[:most])) + more


def absent_column(key: str, value: Any, name: str, names: Sequence[str], or_null: bool = False) -> ConfigError:
    """What is wrong with a key of ``dataset`` that names a column that the table does not have.

    Args:
        key: of ``dataset``.
        value: of the key.
        name: of the column.
        names: of the columns that there are.
        or_null: whether the key takes null as well.
    """
    accepted = f"{'null, ' if or_null else ''}{name_list(names)}"
    if name != FILE_LABEL:
        return dataset_error(key, value, "no such column", accepted)
    if key == "groups":
        problem = "is the file of a row, and all rows are of one file"
        return dataset_error(key, value, problem, f"{accepted}, or several files (dataset.path)")
    return dataset_error(key, value, _ONLY_GROUPS, accepted)
