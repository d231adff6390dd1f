"""The columns of a table as they were encoded once, for the rows of other tables. Nothing here imports torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from mi_cli.errors import ConfigError, Fault, shown
from mi_cli.fields import Section
from mi_cli.lazy import np
from mi_cli.tabular.columns import Array, Column, class_names
from mi_cli.tabular.encoding import EncodedColumn

__all__ = ["FrozenColumn", "encode_rows", "frozen"]

_NUMBERS = ("integer", "real", "boolean")


class FrozenColumn(Section):
    """How a column of a table was encoded.

    Attributes:
        name: in the table.
        of: what its values are there; text, or numbers and booleans.
        classes: in order, as text; none for numbers. Two classes are one column of 0 and 1, more are one each.
    """

    name: str
    of: Literal["number", "text"]
    classes: tuple[str, ...] = ()

    def encode(self, column: Column) -> Array:
        """Encoded columns ``(n, width)`` in float64; NaN in rows without a value, or of a class that was not there.

        Raises:
            ConfigError: the column is of another type.
        """
        if column.kind != "empty" and column.kind not in (_NUMBERS if self.of == "number" else ("text",)):
            problem = f"column {shown(self.name)} holds {column.kind} values"
            raise ConfigError(Fault("", problem=problem, accepted=f"{self.of} as in the run"))
        if not self.classes:
            return column.values[:, None]
        gap = np.isnan(column.values)
        distinct, of_row = np.unique(column.values[~gap], return_inverse=True)
        places = {name: place for place, name in enumerate(self.classes)}
        found = np.array([places.get(name, -1) for name in class_names(distinct, column.labels)], np.int64)
        place = np.full(len(gap), -1)
        place[~gap] = found[of_row.reshape(-1)]
        if len(self.classes) <= 2:
            encoded = place.astype(np.float64)[:, None]
        else:
            encoded = (place[:, None] == np.arange(len(self.classes))).astype(np.float64)
        encoded[place < 0] = np.nan
        return encoded


def frozen(columns: Sequence[EncodedColumn]) -> tuple[FrozenColumn, ...]:
    """How columns of a table are encoded."""
    return tuple(
        FrozenColumn(name=column.info.name, of="text" if column.of_text else "number", classes=column.classes)
        for column in columns
    )


def encode_rows(columns: Sequence[FrozenColumn], rows: Mapping[str, Column]) -> Array:
    """The encoded columns of rows side by side, ``(n, width of all)`` in float64.

    Raises:
        ConfigError: a column is absent, or of another type.
    """
    for column in columns:
        if column.name not in rows:
            raise ConfigError(Fault("", problem=f"column {shown(column.name)} is absent"))
    return np.concatenate([column.encode(rows[column.name]) for column in columns], 1)
