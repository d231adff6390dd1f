"""What an answer needs to know of the data beside the estimates: rows, columns, classes, copies and dependence."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Facts"]


@dataclass(frozen=True)
class Facts:
    """Facts of a data set.

    Attributes:
        rows: number of rows; 0 where it is not known.
        columns_x: columns of x, as the file has them: a column of classes counts once.
        columns_y: columns of y, counted in the same way.
        classes_x: whether all columns of x are classes.
        classes_y: whether all columns of y are classes.
        entropy_x: H(x) in nats where x is classes; None where it is numbers or not known.
        entropy_y: H(y) in nats where y is classes; None where it is numbers or not known.
        copies: rows that repeat an earlier one, beyond those that chance repeats.
        blocks: whether rows depend on each other, as those of one group or neighbours in time do.
        kind: what the data are an example of, such as rings; empty where the dataset does not say.
        columns_z: columns of z, counted in the same way; 0 where the MI is that of x and y alone.
        entropy_z: H(z) in nats where z is classes; None where there is no z, or it has numbers or is not known.
    """

    rows: int
    columns_x: int = 1
    columns_y: int = 1
    classes_x: bool = False
    classes_y: bool = False
    entropy_x: float | None = None
    entropy_y: float | None = None
    copies: int = 0
    blocks: bool = False
    kind: str = ""
    columns_z: int = 0
    entropy_z: float | None = None

    @classmethod
    def of(
        cls, described: Mapping[str, Any], dims: tuple[int, int], discrete: Collection[str], dim_z: int = 0
    ) -> Facts:
        """The facts of a dataset.

        Args:
            described: what its ``describe()`` returns.
            dims: columns of x and of y, which are taken where ``described`` does not list the columns. A side of
                classes is one column then.
            discrete: the sides all of whose columns are classes.
            dim_z: columns of z, which are taken likewise.
        """
        columns = {
            side: len(described[side]) if side in described else 1 if side in discrete else dim
            for side, dim in zip("xy", dims, strict=True)
        }
        entropy = described.get("entropy") or {}
        return cls(
            rows=described.get("rows_used") or 0,
            columns_x=columns["x"],
            columns_y=columns["y"],
            classes_x="x" in discrete,
            classes_y="y" in discrete,
            entropy_x=entropy.get("x"),
            entropy_y=entropy.get("y"),
            copies=described.get("duplicates") or 0,
            blocks=bool(described.get("groups") or described.get("time")),
            kind=described.get("kind") or "",
            columns_z=len(described["z"]) if "z" in described else dim_z,
            entropy_z=entropy.get("z"),
        )

    @property
    def columns(self) -> int:
        """Columns of x, y and z together."""
        return self.columns_x + self.columns_y + self.columns_z

    @property
    def most(self) -> float:
        """The most that the MI can be, in nats: the smaller entropy of the sides that are classes; else infinite."""
        return min((h for h in (self.entropy_x, self.entropy_y) if h is not None), default=math.inf)

    @property
    def most_in_truth(self) -> float:
        """:attr:`most` for the distribution that the rows are from, of whose entropy that of the rows is too low.

        For m classes of equal size it is too low by χ² / 2n with m − 1 degrees of freedom (Miller 1955), which is below
        2 (m − 1) / n in 95 % of samples of two classes, and more often of more. exp H is the effective number m.
        """
        if not self.rows or math.isinf(self.most):
            return self.most
        return self.most + 2 * math.expm1(self.most) / self.rows
