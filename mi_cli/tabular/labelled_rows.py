"""The rows of a table with labels, and further rows without: columns as they are in the files.

Nothing is filled in or scaled here, so that what is fitted to columns can be fitted to training rows only. Nothing here
imports torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from mi_cli.errors import ConfigError, Fault, counted, shown
from mi_cli.lazy import np
from mi_cli.tabular.columns import Array, Column
from mi_cli.tabular.encoding import (
    FEWEST_ROWS,
    ColumnInfo,
    EncodedRows,
    TableInfo,
    TableSettings,
    column_type,
    encode,
    looks_like_classes,
)
from mi_cli.tabular.joined_columns import joined_pair, types_of
from mi_cli.tabular.selection import excluded_columns, override, selected_columns
from mi_cli.tabular.source import StoredSource, name_list
from mi_cli.tabular.unfit_columns import left_out_notes, unfit

__all__ = ["LabelledRows", "facts", "label_notes", "labelled_rows"]

_MANY_NAMES = 20  # of columns, of which more are cut in a note


@dataclass(frozen=True, eq=False)
class LabelledRows:
    """Columns of x and of labels, for the rows of a table and then for those of a file without labels.

    Attributes:
        settings: what the rows were read by; ``y`` are the labels.
        unlabelled: the file of further rows without labels; None without one.
        info: of the table, as it is encoded as a whole; ``y`` are the labels.
        columns: all columns of x and all labels, ``(n,)`` each, by name. A missing value is NaN.
        labelled: indices of the rows that have every label, in the order of the table.
        others: indices of the other rows.
        encoded: the table as a whole, with values in place of missing ones.
    """

    settings: TableSettings
    unlabelled: StoredSource | None
    info: TableInfo
    columns: Mapping[str, Column]
    labelled: Array
    others: Array
    encoded: EncodedRows

    @property
    def x_names(self) -> tuple[str, ...]:
        """The columns of x."""
        return tuple(column.name for column in self.info.x)

    @property
    def classes(self) -> tuple[str, ...]:
        """The columns of x that encoders take for classes: whole numbers only where ``dataset.classes`` names them.

        A network loses the order of numbers that are classes; on tables with few labels this cost more than it gave.
        """
        guessed = set(self.info.guessed)
        return tuple(one.name for one in self.info.x if one.kind != "number" and one.name not in guessed)

    @property
    def labels(self) -> tuple[ColumnInfo, ...]:
        """The labels."""
        return self.info.y

    @property
    def of_classes(self) -> bool:
        """Whether the labels are classes."""
        return self.labels[0].kind != "number"

    @property
    def dim_x(self) -> int:
        """Columns of x, with one for each class."""
        return sum(column.width for column in self.info.x)


@lru_cache(maxsize=4)
def labelled_rows(settings: TableSettings, unlabelled: StoredSource | None) -> LabelledRows:
    """Read the rows of a table, and those of a file of rows without labels.

    Args:
        settings: of the table; ``y`` are the labels, and ``missing`` is ``impute``.
        unlabelled: has all columns of x and no columns that the table does not have.

    Raises:
        ConfigError: a file cannot be read, or rows, columns or labels are not what they have to be.
    """
    _check_sides(settings)
    try:
        encoded, info = encode(settings)
    except ConfigError as error:
        raise ConfigError(*map(_of_label, error.faults)) from None
    names = [column.name for column in (*info.x, *info.y)]
    sample = settings.source.sample(names, settings.max_rows)
    columns = {name: sample.column(name) for name in names}
    has_label = ~np.isnan(np.stack([columns[column.name].values for column in info.y])).any(0)
    if unlabelled is not None:
        _check_columns(settings, info, unlabelled)
        more = unlabelled.sample([column.name for column in info.x], settings.max_rows)
        n = len(more.numbers)
        for column in info.x:
            columns[column.name] = _joined(columns[column.name], more.column(column.name), unlabelled)
        for column in info.y:
            empty = Column(column.name, "empty", np.full(n, np.nan))
            columns[column.name] = _joined(columns[column.name], empty, unlabelled)
        has_label = np.concatenate([has_label, np.zeros(n, bool)])
    rows = LabelledRows(
        settings, unlabelled, info, columns, np.flatnonzero(has_label), np.flatnonzero(~has_label), encoded
    )
    _check_labels(rows)
    return rows


def _error(key: str, value: Any, problem: str, accepted: str, command: str = "") -> ConfigError:
    """What is wrong with the value of a key of ``dataset``."""
    return ConfigError(Fault(f"dataset.{key}", value, problem, accepted, command))


def _of_label(fault: Fault) -> Fault:
    """A fault of ``dataset.y`` as one of ``dataset.label``."""
    return replace(fault, key="dataset.label") if fault.key == "dataset.y" else fault


def _check_sides(settings: TableSettings) -> None:
    """Refuse labels that are absent, or that are among x or the excluded columns."""
    source, labels = settings.source, list(settings.y)
    if not labels:
        problem = "is missing: which column is to be predicted?"
        usable = _usable(settings) or list(source.names)
        command = override("label", usable[-1:]) + ", for instance"
        raise _error("label", None, problem, name_list(usable, 12), command)
    by_name = {
        name: entry for entry in labels for name in selected_columns(source, "label", entry, labels, lambda name: "")
    }
    for entry in settings.x:
        if entry in by_name or entry in labels:
            problem = f"has the label {shown(entry)} among the columns that predict it"
            kept = [other for other in settings.x if other != entry]
            command = override("x", kept) if kept else "dataset.x=null for all other columns"
            raise _error("x", list(settings.x), problem, "columns other than dataset.label", command)
    excluded = excluded_columns(source, settings.exclude, lambda name: "")
    if both := [name for name in by_name if name in excluded]:
        problem = f"has the label {name_list(both)}"
        raise _error("exclude", list(settings.exclude), problem, "columns other than dataset.label")


def _usable(settings: TableSettings) -> list[str]:
    """The columns that could be a label: neither an index of the rows nor what cannot be used."""
    source = settings.source
    sample = source.sample(source.names, settings.max_rows)

    def is_usable(name: str) -> bool:
        column = sample.column(name)
        classes = column_type(column, classes=looks_like_classes(column)) == "class"
        return unfit(column, source, sample.total, classes=classes, listed_class=False) is None

    return [name for name in source.names if is_usable(name)]


def _check_columns(settings: TableSettings, info: TableInfo, unlabelled: StoredSource) -> None:
    """Refuse a file of rows without labels whose columns are not those of the table."""
    names = set(unlabelled.names)
    if absent := [column.name for column in info.x if column.name not in names]:
        problem = f"lacks {name_list(absent)}, which dataset.path has"
        raise unlabelled.error(problem, "a file with every column of x")
    if new := [name for name in unlabelled.names if name not in set(settings.source.names)]:
        problem = f"has {name_list(new)}, which dataset.path does not have"
        raise unlabelled.error(problem, "a file with the columns of dataset.path")


def _joined(column: Column, more: Column, unlabelled: StoredSource) -> Column:
    """A column of the table followed by the same column of the file without labels."""
    both = None if more.stray_text else joined_pair(column, more)
    if both is None:
        has = f"has {_what(more)} in {shown(column.name)}, and dataset.path has {types_of(column)}"
        raise unlabelled.error(has, "columns of the same types")
    return both


def _what(column: Column) -> str:
    if column.stray_text:
        return f"the text {shown(column.stray_text[0])} in {column.stray_text[1]}"
    return types_of(column)


def _check_labels(rows: LabelledRows) -> None:
    """Refuse labels of both kinds, too few of them, and more columns than rows."""
    settings, info = rows.settings, rows.info
    names, n = list(settings.y), len(rows.labelled)
    if len({column.kind == "number" for column in info.y}) > 1:
        numbers = [column.name for column in info.y if column.kind == "number"]
        problem = f"has numbers ({name_list(numbers)}) and classes"
        accepted = "labels of one kind (dataset.classes lists the columns of numbers that are classes)"
        raise _error("label", names, problem, accepted)
    if n < FEWEST_ROWS:
        raise _error("label", names, f"{counted(n, 'row')} have a label", f"at least {FEWEST_ROWS}")
    for column in info.y:
        values = rows.columns[column.name].values[rows.labelled]
        if values.min() == values.max():
            problem = f"{shown(column.name)} has a single value in the rows that have every label"
            raise _error("label", names, problem, "labels that vary")
    total = n + len(rows.others)
    if rows.dim_x > total:
        problem = (
            f"{counted(rows.dim_x, 'column')} of x, with one for each class, are more than {counted(total, 'row')}"
        )
        raise _error("x", list(settings.x) or None, problem, "at most as many columns as rows")


def label_notes(rows: LabelledRows) -> list[str]:
    """What the user of labelled rows should know of them: which columns are used, what is predicted, and from what."""
    settings, info = rows.settings, rows.info
    notes = [*settings.source.notes, *(() if rows.unlabelled is None else rows.unlabelled.notes)]
    notes += [] if settings.x else [f"x is all other columns: {name_list(rows.x_names, _MANY_NAMES)}"]
    notes += left_out_notes(info.left_out, of_file=True)
    names = [column.name for column in info.y]
    verb = "is" if len(names) == 1 else "are"
    if rows.of_classes:
        counts = [f"{name} ({n})" for name, n in _class_names(rows).items()]
        guessed = [name for name in names if name in info.guessed]
        how = "; dataset.classes=[] takes whole numbers for numbers" if guessed else ""
        notes.append(f"{name_list(counts)} {verb} predicted as classes{how}")
    else:
        notes.append(f"{name_list(names)} {verb} predicted as {'a number' if len(names) == 1 else 'numbers'}")
    if len(rows.others):
        notes.append(f"{counted(len(rows.others), 'row')} without a label train encoders only")
    if info.read < info.in_source:
        notes.append(f"{info.read:,} of {info.in_source:,} rows are used, drawn at random (dataset.max_rows)")
    return notes


def facts(rows: LabelledRows) -> dict[str, Any]:
    """What there is to know of the rows, for the summary of a run."""
    settings, info = rows.settings, rows.info
    columns = {
        side: [{"column": one.name, "kind": one.kind, "width": one.width} for one in infos]
        for side, infos in (("x", info.x), ("y", info.y))
    }
    return settings.source.facts | {
        "rows_in_file": info.in_source,
        "rows_used": len(rows.labelled),
        "rows_without_label": len(rows.others),
        **columns,
        "missing": {name: column.missing for name, column in rows.columns.items() if column.missing},
        "left_out": {one.name: one.reason for one in info.left_out},
        "classes": _class_names(rows),
    }


def _class_names(rows: LabelledRows) -> dict[str, int]:
    """The number of classes of each label that is classes."""
    return {
        one.name: len(np.unique(rows.columns[one.name].values[rows.labelled])) for one in rows.labels if rows.of_classes
    }
