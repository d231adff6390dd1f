"""Entropies of the classes of a table, which its MI cannot exceed."""

from __future__ import annotations

from collections.abc import Sequence

from mi_cli.lazy import np
from mi_cli.tabular.encoding import EncodedColumn

__all__ = ["class_entropy"]


def class_entropy(columns: Sequence[EncodedColumn]) -> float | None:
    """The joint entropy of columns of classes, in nats, from the shares of their values; None if one has numbers."""
    if any(column.info.kind == "number" for column in columns):
        return None
    code = np.zeros(len(columns[0].values), np.int64)
    for column in columns:
        pairs = code * (int(column.values.max()) + 1) + column.values
        code = np.unique(pairs, return_inverse=True)[1].reshape(-1)
    share = np.bincount(code) / len(code)
    return float(-(share * np.log(share)).sum())
