"""Result rows, and groups of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

__all__ = ["Row", "Traces", "grouped"]

Row = Mapping[str, Any]  # a row of the results: one trial and method
Traces = Mapping[int, Mapping[str, Sequence[float]]]  # by trial, then by name: values at common steps

R = TypeVar("R", bound=Row)


def grouped(rows: Iterable[R], keys: Sequence[str]) -> list[list[R]]:
    """Rows with equal values of ``keys``, compared as text; groups are in the order of their first rows.

    >>> grouped([{"a": 1}, {"a": 2}, {"a": 1}], ["a"])
    [[{'a': 1}, {'a': 1}], [{'a': 2}]]
    """
    groups: dict[tuple[str, ...], list[R]] = {}
    for row in rows:
        groups.setdefault(tuple(str(row[key]) for key in keys), []).append(row)
    return list(groups.values())
