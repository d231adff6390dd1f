"""Datasets of several columns, of which the last one is y."""

from __future__ import annotations

from abc import ABC
from typing import Any

from mi_cli.datasets.base import Dataset

__all__ = ["LastColumn"]


class LastColumn(Dataset, ABC):
    """``columns`` columns; y is the last one, and x are the others."""

    columns: Any

    @property
    def dim_x(self) -> int:
        """All columns but one."""
        return int(self.columns) - 1

    @property
    def dim_y(self) -> int:
        """The last column."""
        return 1
