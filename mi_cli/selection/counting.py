"""MI and conditional MI of all columns at once, from tables that one product of matrices counts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mi_cli.estimators.training_free import Index
from mi_cli.lazy import special
from mi_cli.problems import Array
from mi_cli.selection.codes import Codes

__all__ = ["Counter", "Information"]


@dataclass(frozen=True)
class Information:
    """MI of each column with a code, perhaps given another.

    Attributes:
        plug_in: of the shares of the cells, ``(p,)`` in nats.
        freedom: degrees of freedom of each G-test, ``(p,)``.
        n: rows.
    """

    plug_in: Array
    freedom: Array
    n: int

    @property
    def values(self) -> Array:
        """The plug-in less its bias of first order, freedom / 2n; ``(p,)`` in nats."""
        return self.plug_in - self.freedom / (2 * self.n)

    @property
    def p_values(self) -> Array:
        """Those of the G-test, ``(p,)``."""
        freedom = np.maximum(self.freedom, 1e-9)
        return np.asarray(special.chdtrc(freedom, np.maximum(0.0, 2 * self.n * self.plug_in)))

    @property
    def scores(self) -> Array:
        """How far G is above its mean without dependence, in standard deviations, ``(p,)``."""
        freedom = np.maximum(self.freedom, 1e-9)
        return np.where(self.freedom > 0, (2 * self.n * self.plug_in - freedom) / np.sqrt(2 * freedom), -np.inf)


class Counter:
    """Counts the tables of all columns with a code by one product of matrices.

    Args:
        codes: of the columns.
    """

    def __init__(self, codes: Codes) -> None:
        self.codes = codes
        self.n, self.p = codes.columns.shape

    @cached_property
    def _columns(self) -> Array:
        return np.ascontiguousarray(self.codes.one_hot.T)

    @cached_property
    def _m_log_m(self) -> Array:
        counts = np.arange(self.n + 1.0)
        return np.asarray(special.xlogy(counts, counts))

    def information(self, y: Index, given: Index | None = None) -> Information:
        """The MI of each column with y, given another code.

        Args:
            y: codes ``(n,)`` from 0 on.
            given: codes ``(n,)`` from 0 on; None for none.
        """
        c = np.zeros(self.n, np.int64) if given is None else given
        k_y, k_c = int(y.max()) + 1, int(c.max()) + 1
        both = np.zeros((self.n, k_y * k_c), np.float32)
        both[np.arange(self.n), y * k_c + c] = 1
        counts = (self._columns @ both).astype(np.int64).reshape(self.p, self.codes.levels, k_y, k_c)
        of_x, of_y, of_c = counts.sum(2), counts[:1].sum(1), counts[:1].sum((1, 2))
        return self._from_tables(counts, of_x, of_y, of_c)

    def of_pairs_with(self, column: int, y: Index, given: Index | None = None) -> Information:
        """The MI of y with each column together with ``column``, given another code."""
        c = np.zeros(self.n, np.int64) if given is None else given
        own, levels = self.codes.columns[:, column], self.codes.levels
        k_y, k_c = int(y.max()) + 1, int(c.max()) + 1
        parts = np.zeros((self.n, levels * k_y * k_c), np.float32)
        parts[np.arange(self.n), (own * k_y + y) * k_c + c] = 1
        counts = (self._columns @ parts).astype(np.int64).reshape(self.p, levels * levels, k_y, k_c)
        of_x, of_y, of_c = counts.sum(2), counts[:1].sum(1), counts[:1].sum((1, 2))
        return self._from_tables(counts, of_x, of_y, of_c)

    def _from_tables(self, counts: Index, of_x: Index, of_y: Index, of_c: Index) -> Information:
        total = self._m_log_m
        terms = total[counts].sum((1, 2, 3)) - total[of_x].sum((1, 2))
        plug_in = (terms - total[of_y].sum((1, 2)) + total[of_c].sum(1)) / self.n
        seen_x, seen_y = (of_x > 0).sum(1), (of_y > 0).sum(1)
        freedom = (np.maximum(0, seen_x - 1) * np.maximum(0, seen_y - 1)).sum(1)
        return Information(plug_in, freedom.astype(float), self.n)
