"""Columns of classes none of whose values is a class of the training rows. Nothing here imports torch."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from mi_cli.errors import ConfigError, Fault, shown
from mi_cli.tabular.source import name_list

__all__ = ["UnseenClasses"]


class UnseenClasses:
    """The columns of a table that had values so far, but none of their classes.

    A table is added as a whole, or batch by batch: a batch may well have new values only.
    """

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._values: dict[str, set[str]] = {}
        self._classes: dict[str, Sequence[str]] = {}

    def add(self, column: str, values: Iterable[str], classes: Sequence[str]) -> None:
        """Add the distinct values of rows, as text.

        Args:
            column: its name.
            values: in these rows.
            classes: of the training rows.
        """
        if column in self._known:
            return
        values = set(values)
        if values & set(classes):
            self._known.add(column)
            self._values.pop(column, None)
        elif values:
            self._classes[column] = classes
            self._values.setdefault(column, set()).update(values)

    def refuse(self) -> None:
        """Refuse a column with none of its classes.

        One new value alone is accepted, as in a table of a single new class, if it is of the same kind as the classes.

        Raises:
            ConfigError: there is such a column.
        """
        for column, values in self._values.items():
            classes = self._classes[column]
            numbers = _are_numbers(values)
            if len(values) == 1 and not (numbers and not _are_numbers(classes)):
                continue
            kind = "numbers" if numbers else "text"
            problem = f"column {shown(column)} holds {kind} ({name_list(sorted(values), 3)}), and none of its classes"
            raise ConfigError(Fault("", problem=problem, accepted=f"{name_list(classes)}, as in the training rows"))


def _are_numbers(values: Collection[str]) -> bool:
    """Whether all texts are numbers."""
    try:
        for value in values:
            float(value)
    except ValueError:
        return False
    return True
