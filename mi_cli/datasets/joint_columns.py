"""Columns of a table of one's own that are taken together, without sides x and y."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, Self

from pydantic import PrivateAttr, model_validator

from mi_cli.datasets.table import Table
from mi_cli.errors import ConfigError, Fault
from mi_cli.tabular.joint_columns import joint_columns
from mi_cli.tabular.source import Source, dataset_error

__all__ = ["JointColumns"]


class JointColumns(Table):
    """Three or more columns of a file, which ``x`` selects: all rows, or a sample of ``max_rows``.

    They are encoded as those of :class:`~mi_cli.datasets.table.Table` are. As a table of two sides, the last one is y
    and the others are x; what is measured of all of them together does not depend on their order.
    """

    name: Literal["columns"] = "columns"  # type: ignore[assignment]
    _notes: list[str] = PrivateAttr(default_factory=list)

    @model_validator(mode="after")
    def _has_one_side(self) -> Self:
        given: dict[str, Any] = {"y": list(self.y), "z": list(self.z), "pair": self.pair}
        given["transform"] = None if self.transform == "none" else self.transform
        for key, value in given.items():
            if value:
                problem = "is for two sides, and dataset.name=columns has one, dataset.x"
                raise dataset_error(key, value, problem, "none" if key == "transform" else "null")
        return self

    def _opened(self, source: Source) -> Self:
        others = [name for name in (self.groups, self.time) if name is not None]
        exclude = (*self.exclude, *(name for name in self.id if name in source.names))
        names, notes = joint_columns(source, self.x, exclude, others, self.classes, self.max_rows)
        sides = {"x": names[:-1], "y": names[-1:], "exclude": ()}
        try:
            table = super(JointColumns, self.model_copy(update=sides))._opened(source)
        except ConfigError as error:
            raise ConfigError(*(self._of_one_side(fault) for fault in error.faults)) from None
        table = table.model_copy(update={"x": self.x, "y": (), "exclude": self.exclude})
        table._notes = notes
        return table

    def _of_one_side(self, fault: Fault) -> Fault:
        """A fault of a side, as one of the columns that were given."""
        is_of_side = fault.key in ("dataset.x", "dataset.y")
        return replace(fault, key="dataset.x", value=list(self.x) or None) if is_of_side else fault

    def describe(self) -> dict[str, Any]:
        """What was read, and what its user should know of it (``notes``)."""
        described = super().describe()
        return described | {"x": described["x"] + described["y"], "y": [], "notes": self._notes + described["notes"]}
