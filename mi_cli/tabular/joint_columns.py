"""Columns of a table that are taken together, without sides. Nothing here imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from mi_cli.tabular.encoding import column_type, looks_like_classes
from mi_cli.tabular.selection import SELECTIONS, excluded_columns, selected_columns
from mi_cli.tabular.source import Source, dataset_error
from mi_cli.tabular.unfit_columns import Unfit, left_out_notes, unfit

__all__ = ["FEWEST_COLUMNS", "joint_columns"]

FEWEST_COLUMNS = 3


def joint_columns(
    source: Source,
    entries: Sequence[str],
    exclude: Sequence[str],
    by_name_only: Sequence[str],
    classes: Sequence[str] | Literal["auto"],
    max_rows: int,
) -> tuple[tuple[str, ...], list[str]]:
    """The columns that are used, in the order of the source, and what there is to say of those that are left out.

    Args:
        source: where the columns are.
        entries: selections (``SELECTIONS``); all columns where there are none.
        exclude: selections of columns that are not used.
        by_name_only: columns that no pattern selects.
        classes: columns of numbers that are classes, or ``auto``.
        max_rows: of the sample by which columns are judged.

    Raises:
        ConfigError: an entry selects no column, or fewer than three are left.
    """
    sample = source.sample(source.names, max_rows)

    def is_class(name: str) -> bool:
        return looks_like_classes(sample.column(name)) if classes == "auto" else name in classes

    def type_of(name: str) -> str:
        return column_type(sample.column(name), classes=is_class(name))

    excluded = excluded_columns(source, exclude, type_of)
    named = frozenset(entries) & frozenset(source.names)
    selected = {name for entry in entries for name in selected_columns(source, "x", entry, entries, type_of)}
    chosen = selected if entries else set(source.names)
    chosen -= excluded | (set(by_name_only) - named)
    left_out: list[Unfit] = []
    for name in source.names:
        if name in chosen - named:
            column = sample.column(name)
            classed = type_of(name) == "class"
            wrong = unfit(column, source, sample.total, classes=classed, listed_class=name in classes)
            if wrong is not None and not wrong.is_refused(named=False):
                left_out.append(wrong)
    kept = tuple(name for name in source.names if name in chosen - {one.name for one in left_out})
    notes = left_out_notes(left_out, of_file=True)
    if len(kept) < FEWEST_COLUMNS:
        many = f"{len(kept)} column{'s' * (len(kept) != 1)}{' (' + ', '.join(kept) + ')' if kept else ''}"
        problem = "; ".join([f"leaves {many}, and interaction is of {FEWEST_COLUMNS} or more", *notes])
        raise dataset_error("x", list(entries) or None, problem, SELECTIONS)
    return kept, notes
