"""The MI of two tables of the same rows, maximised: two instruments that measure one object."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from mi_cli.errors import ConfigError, Fault
from mi_cli.lazy import torch
from mi_cli.representations.objectives.contrast import Contrast
from mi_cli.representations.shape import Sizes
from mi_cli.tabular.source import name_list

if TYPE_CHECKING:
    from torch import Tensor

    from mi_cli.representations.step import Step

__all__ = ["TwoTable"]


class TwoTable(Contrast):
    """A bound on the MI of the codes of two groups of columns.

    The encoder sees one group at a time, with the other columns as 0, and the code of a row is the mean of both codes.

    Attributes:
        first: the columns of the first table, by their names or as globs; all others are the second table.

    Reference:
        Becker & Hinton 1992 (Nature 355, 161–163); Tian, Krishnan & Isola 2020 (arXiv 1906.05849).
    """

    name: Literal["two_table"] = "two_table"
    first: tuple[str, ...] = ()

    def loss(self, step: Step) -> tuple[Tensor, Tensor]:
        """Minus the bound or its surrogate, and the bound."""
        first, second = (step.x * step.x.new_tensor(part).unsqueeze(1) for part in self.parts(step.sizes))
        return self.contrast(step, step.encode(torch.cat([first, second], 2)))

    def parts(self, sizes: Sizes) -> list[list[bool]]:
        """The encoded columns of the first table, and those of the second.

        Raises:
            ConfigError: one of the tables has no column.
        """
        if faults := self.faults(sizes.names):
            raise ConfigError(*faults)
        chosen = self._chosen(sizes.names)
        first = [sizes.names[group] in chosen for group in sizes.groups]
        return [first, [not flag for flag in first]]

    def faults(self, names: Sequence[str]) -> list[Fault]:
        """Entries of ``first`` that select no column, and a second table without columns."""
        key, value = "representation.objective.first", list(self.first)
        for entry in self.first:
            if not self._matches(entry, names):
                return [Fault(key, value, f"no such column: {entry}", name_list(names))]
        if not self.first or len(self._chosen(names)) == len(names):
            problem = "leaves no column for one of the tables"
            return [Fault(key, value, problem, f"some of {name_list(names)}")]
        return []

    def _chosen(self, names: Sequence[str]) -> set[str]:
        return {name for entry in self.first for name in self._matches(entry, names)}

    @staticmethod
    def _matches(entry: str, names: Sequence[str]) -> list[str]:
        return [entry] if entry in names else fnmatch.filter(names, entry)
