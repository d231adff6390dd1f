"""Which pairs of a table's columns there are. Nothing here imports torch."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mi_cli.errors import ConfigError, Fault
from mi_cli.tabular.columns import Column
from mi_cli.tabular.encoding import column_type, looks_like_classes
from mi_cli.tabular.files import FILES
from mi_cli.tabular.selection import named_columns, selected_columns
from mi_cli.tabular.source import Sample, Source, dataset_error, name_list
from mi_cli.tabular.stack import table_source
from mi_cli.tabular.unfit_columns import Unfit, left_out_notes, refuse, unfit
from mi_cli.tabular.unfit_pairs import PairRows, unfit_pairs, unfit_pairs_notes

__all__ = ["column_pairs", "pairs_and_notes"]

_MOST = 20_000
_ROWS = 100_000  # read to find the types of columns, where the config has no valid number of rows


def column_pairs(section: Mapping[str, Any]) -> list[list[str]]:
    """Pairs of columns of a file, in its order: of x with y, or all pairs of x where y has no value.

    Columns that are not named, but selected in another way, are left out where they cannot be used (``unfit``). So are
    pairs of two columns that cannot be estimated together, such as a column and its copy (``unfit_pairs``).

    Args:
        section: the section ``dataset`` of a config, with ``name: table``. Where x has no value it is all columns but
            those of y, z, groups and time.

    Raises:
        ConfigError: as of :func:`pairs_and_notes`.
    """
    return pairs_and_notes(section)[0]


def pairs_and_notes(section: Mapping[str, Any]) -> tuple[list[list[str]], list[str]]:
    """The pairs of :func:`column_pairs`, and what there is to say of columns and pairs that are left out.

    Raises:
        ConfigError: the file cannot be read, a column does not exist, or there is no pair, or more than 20,000.
    """
    path = section.get("path")
    if not isinstance(path, str | list | tuple):
        raise ConfigError(Fault("dataset.path", path, accepted=f"a file, {FILES}"))
    table = table_source(path)
    entries = {key: _texts(section.get(key)) for key in ("x", "y", "z", "exclude")}
    entries["classes"] = _texts(section.get("classes", "auto"))
    given = section.get("max_rows")
    choice = _Choice(table, entries["classes"], given if isinstance(given, int) else _ROWS)
    excluded = [name for key in ("exclude", "z") for name in choice.columns(key, entries[key])]
    y = [name for name in choice.columns("y", entries["y"]) if name not in excluded]
    others = {*y, section.get("groups"), section.get("time")}
    x = choice.columns("x", entries["x"]) or [name for name in table.names if name not in others]
    x = [name for name in x if name not in excluded]
    named = named_columns(table, (*entries["x"], *entries["y"]))
    unused = {name: one for name in dict.fromkeys((*x, *y)) if name not in named and (one := choice.unfit(name))}
    unused = {name: one for name, one in unused.items() if not one.is_refused(named=False)}
    x, y, had_y = [name for name in x if name not in unused], [name for name in y if name not in unused], bool(y)
    differing = [one for name in dict.fromkeys((*x, *y)) if (one := choice.unfit(name)) and one.reason == "differs"]
    refuse({"x": differing}, {"x": x, "y": y} if y else {"x": x}, entries, entries["exclude"])
    pairs: dict[frozenset[str], list[str]] = {}
    for pair in itertools.product(x, y) if had_y else itertools.combinations(x, 2):
        if len(set(pair)) == 2:
            pairs.setdefault(frozenset(pair), list(pair))
    if not pairs:
        problem = f"makes no pair of columns of {name_list(table.names)}"
        of_file = left_out_notes(unused.values(), of_file=True)
        raise dataset_error("x", entries["x"] or None, "; ".join([problem, *of_file]), "at least two columns to pair")
    if len(pairs) > _MOST:
        raise dataset_error("x", entries["x"] or None, f"makes {len(pairs):,} pairs", f"at most {_MOST:,}")
    rows = choice.rows_of_pairs(section)
    fit = {name for name in dict.fromkeys((*x, *y)) if choice.unfit(name) is None}
    left_out = unfit_pairs([pair for pair in pairs.values() if fit.issuperset(pair)], rows)
    notes = unfit_pairs_notes(left_out, rows)
    kept = [pair for pair in pairs.values() if (pair[0], pair[1]) not in left_out]
    if not kept:
        raise dataset_error(
            "x", entries["x"] or None, f"makes no pair that can be estimated: {'; '.join(notes)}", "other columns"
        )
    return kept, [*left_out_notes(list(unused.values()), of_file=True), *notes]


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    return list(map(str, value)) if isinstance(value, list | tuple) else [str(value)]


@dataclass(frozen=True)
class _Choice:
    """Columns of a file by what one types.

    Args:
        table: the file.
        classes: what ``dataset.classes`` says.
        max_rows: rows that are read to find the types of columns.
    """

    table: Source
    classes: Sequence[str]
    max_rows: int

    def column(self, name: str) -> Column:
        """A column of the file."""
        return self.sample.column(name)

    @cached_property
    def sample(self) -> Sample:
        """Rows of all columns."""
        return self.table.sample(self.table.names, self.max_rows)

    @cached_property
    def listed(self) -> frozenset[str]:
        """The columns that are classes as ``dataset.classes`` says."""
        return frozenset() if self.classes == ["auto"] else frozenset(self.columns("classes", self.classes))

    def columns(self, key: str, entries: Sequence[str]) -> list[str]:
        """The columns that the entries of a key select, in the order of the table."""
        selected = {name for entry in entries for name in selected_columns(self.table, key, entry, entries, self._type)}
        return [name for name in self.table.names if name in selected]

    def _type(self, name: str) -> str:
        column = self.column(name)
        return column_type(column, classes=looks_like_classes(column))

    def _listed_type(self, name: str) -> str:
        column = self.column(name)
        guess = self.classes == ["auto"]
        return column_type(column, classes=looks_like_classes(column) if guess else name in self.listed)

    def unfit(self, name: str) -> Unfit | None:
        """Why a column is not used, if it is not."""
        classes = self._listed_type(name) == "class"
        return unfit(
            self.column(name), self.table, self.sample.total, classes=classes, listed_class=name in self.listed
        )

    def rows_of_pairs(self, section: Mapping[str, Any]) -> PairRows:
        """Which rows pairs have."""
        z = self.columns("z", _texts(section.get("z")))
        of_rows = [name for name in (section.get("groups"), section.get("time")) if name in self.table.names]
        others = [*z, *map(str, of_rows)]
        drops = section.get("missing") == "drop"
        return PairRows(self.column, lambda name: self._listed_type(name) == "number", others, z, drops)
