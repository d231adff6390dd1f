"""Somebody's own table, from a file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, model_validator

from mi_cli.datasets.base import Dataset, Side
from mi_cli.errors import counted
from mi_cli.fields import Count, Number
from mi_cli.files import file_digest
from mi_cli.tabular.encoding import FEWEST_ROWS, Chosen, Request
from mi_cli.tabular.files import FILES, SELECTIONS, fault, source
from mi_cli.tabular.notes import coarse, described

if TYPE_CHECKING:
    import numpy as np
    import torch

    from mi_cli.problems import Rows
    from mi_cli.tabular.encoding import Part

__all__ = ["Table"]

_BLOCKS = 100  # of neighbours in time


def _text(value: Any) -> Any:
    """A name as text, whatever a config takes it for."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _texts(value: Any) -> Any:
    if value is None or value == "auto":
        return () if value is None else value
    return tuple(map(_text, value)) if isinstance(value, list | tuple) else (_text(value),)


Name = Annotated[str, BeforeValidator(_text)]
Names = Annotated[tuple[str, ...], BeforeValidator(_texts)]


class Table(Dataset):
    """Columns of a file: its rows, or a uniform sample of ``max_rows`` of them; its MI is not known.

    A column of classes is one column of 0 and 1 for each class, or a single one where there are two. ``n_samples`` is
    the number of rows that there are, or as many of them as it was set to; of these, or of a ``share`` of all rows,
    every seed draws its own.

    The transforms make tables whose MI is known in relation to this one's: ``shuffle`` pairs x with y of other rows
    (MI 0); ``function`` replaces columns of y by whether they lie above their median, or are the most frequent class
    (no more MI); ``two_copies`` puts two rows beside each other in one (twice the MI, on half the rows).
    """

    finite: ClassVar[bool] = True

    name: Literal["table"] = "table"
    path: Annotated[str, Field(description=f"a file; accepted: {FILES}")]
    x: Annotated[Names, Field(description=SELECTIONS)] = ()
    y: Annotated[Names, Field(description=SELECTIONS)] = ()
    pair: Annotated[tuple[Name, Name] | None, Field(description="null, or a column of x and one of y")] = None
    missing: Literal["error", "drop", "impute"] = "error"
    groups: Name | None = None
    time: Name | None = None
    classes: Annotated[Names | Literal["auto"], Field(description="auto or a list of columns")] = "auto"
    max_rows: Count = 100_000
    share: Annotated[Number, Field(gt=0, le=1)] = 1.0
    transform: Literal["none", "shuffle", "function", "two_copies"] = "none"
    _chosen: Chosen = PrivateAttr()

    @model_validator(mode="after")
    def _has_pair_or_sides(self) -> Table:
        if self.pair is not None and (self.x or self.y):
            side = "x" if self.x else "y"
            text = "is beside dataset.pair, which says both columns; accepted: one of the two"
            raise fault(side, list(getattr(self, side)), text)
        return self

    def opened(self) -> Table:
        """This table with its file opened: ``n_samples`` is the number of rows that a seed draws.

        Raises:
            ConfigError: the file cannot be read, or its columns and rows are not what the fields ask for.
        """
        values = {name: getattr(self, name) for name in Request.FIELDS}
        if self.pair is not None:
            values |= {"x": self.pair[:1], "y": self.pair[1:]}
        chosen = Chosen(Request(source(self.path), **values))
        rows = round(self.share * chosen.facts.rows)
        if rows < FEWEST_ROWS:
            raise fault("share", self.share, f"leaves {counted(rows, 'row')}; accepted: at least {FEWEST_ROWS}")
        table = self.model_copy(update={"n_samples": min(rows, self.n_samples or rows)})
        table._chosen = chosen
        return table

    @property
    def discrete(self) -> frozenset[Side]:
        """The sides all of whose columns are classes."""
        facts = self._chosen.facts
        sides: dict[Side, Any] = {"x": facts.x, "y": facts.y}
        return frozenset(side for side, parts in sides.items() if all(part.kind != "number" for part in parts))

    @property
    def with_classes(self) -> frozenset[Side]:
        """The sides that have a column of classes."""
        facts = self._chosen.facts
        sides: dict[Side, Any] = {"x": facts.x, "y": facts.y}
        return frozenset(side for side, parts in sides.items() if any(part.kind != "number" for part in parts))

    @property
    def coarse(self) -> tuple[str, ...]:
        """Columns that are taken for numbers, but have few values, each many times."""
        return coarse(self._chosen)

    @property
    def dim_x(self) -> int:
        """Columns of x, one for each class of a column of classes."""
        return sum(part.width for part in self._chosen.facts.x)

    @property
    def dim_y(self) -> int:
        """Columns of y, one for each class of a column of classes."""
        return sum(part.width for part in self._chosen.facts.y)

    def sample(
        self, n: int, generator: torch.Generator, dtype: torch.dtype | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` different rows, as :meth:`rows` does; shapes ``(n, dim_x)`` and ``(n, dim_y)``."""
        rows = self.rows(n, generator, dtype)
        return rows.x, rows.y

    def rows(self, n: int, generator: torch.Generator, dtype: torch.dtype | None = None) -> Rows:
        """Draw ``n`` different rows; those of a group stay together, and those of a time series in its order.

        Blocks are the groups, or a hundred stretches of time.

        Raises:
            ValueError: there are fewer rows.
        """
        import torch

        from mi_cli.problems import Rows

        data, dtype = self._chosen.data(), dtype or torch.float32
        if n > data.rows:
            raise ValueError(f"{n:,} rows of {self.path}, which gives {data.rows:,}; accepted: at most so many")
        block = None
        if self.time is not None:
            order = torch.randperm(data.rows, generator=generator)[:n].sort().values.numpy()
            block = torch.arange(n) // max(1, math.ceil(n / _BLOCKS))
        elif data.groups is not None:
            places = torch.randperm(int(data.groups.max()) + 1, generator=generator)
            groups = torch.from_numpy(data.groups)
            order = torch.argsort(places[groups], stable=True)[:n].numpy()
            block = groups[order]
        else:
            order = torch.randperm(data.rows, generator=generator)[:n].numpy()
        x, y = (torch.from_numpy(_matrix(parts, order)).to(dtype) for parts in (data.x, data.y))
        if self.transform == "shuffle":
            y = y[torch.randperm(n, generator=generator)]
        return Rows(x, y, block)

    def describe(self) -> dict[str, Any]:
        """What was read, and what its user should know of it (``notes``)."""
        return described(self._chosen, self.n_samples or 0)

    def digest(self) -> str:
        """That of the file."""
        found = self._chosen.request.source
        return file_digest(found.file, found.size, found.changed)

    def true_mi(self, noise: float = 0.0) -> float | None:
        """Not known, but for shuffled rows: 0."""
        del noise
        return 0.0 if self.transform == "shuffle" else None


def _matrix(parts: Sequence[Part], order: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Rows of encoded columns, ``(len(order), width of all)`` in float64."""
    import numpy as np

    matrix = np.zeros((len(order), sum(part.label.width for part in parts)))
    at = 0
    for part in parts:
        values = part.values[order]
        if part.label.width == 1:
            matrix[:, at] = values
        else:
            matrix[np.arange(len(order)), at + values.astype(np.int64)] = 1.0
        at += part.label.width
    return matrix
