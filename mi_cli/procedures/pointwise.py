"""The pointwise MI of the rows of trials, as a table with what tells the rows apart."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from mi_cli.datasets.table import Table
from mi_cli.lazy import pl
from mi_cli.problems import Pointwise
from mi_cli.schema.sweep import Trial
from mi_cli.tabular.columns import Column, class_names
from mi_cli.tabular.encoded_table import EncodedTable

__all__ = ["IDENTIFIER", "pointwise_file", "pointwise_frame"]

IDENTIFIER = "id."  # before the name of a column that tells rows apart


def pointwise_file(trial: Trial, method: str, pointwise: Pointwise) -> dict[str, bytes]:
    """The file that keeps the pointwise MI of the rows of a trial, by its path in the folder of a run."""
    buffer = io.BytesIO()
    pointwise_frame(trial, method, pointwise).write_parquet(buffer)
    return {f"pointwise/{trial.index}.parquet": buffer.getvalue()}


def pointwise_frame(trial: Trial, method: str, pointwise: Pointwise) -> pl.DataFrame:
    """A row for each test row of a trial, in their order.

    Returns:
        ``trial`` and ``method``; ``row``, the number of the row from 0 on; ``pmi``, its pointwise MI, and ``true_pmi``,
        both in nats; ``rank``, from 1 for the largest; ``x`` and ``y``, where they are single columns; and of a file,
        ``id.`` and the name of each column that tells its rows apart: those of ``dataset.id``, of groups and of time,
        and those that were left out since they only number or name the rows.
    """
    dataset = trial.config.dataset
    columns: dict[str, Any] = {
        "trial": np.full(len(pointwise.nats), trial.index),
        "method": [method] * len(pointwise.nats),
        "row": pointwise.number,
        "pmi": pointwise.nats,
        "true_pmi": pointwise.truth,
        "rank": pointwise.rank,
        "x": pointwise.x,
        "y": pointwise.y,
    }
    if isinstance(dataset, Table):
        columns |= _of_table(dataset.encoded, pointwise.number, dataset.id)
    absent = {name: pl.Float64 for name in ("true_pmi", "x", "y") if columns[name] is None}
    return pl.DataFrame(
        {name: [None] * len(pointwise.nats) if name in absent else values for name, values in columns.items()},
        schema_overrides=absent,
    )


def _of_table(table: EncodedTable, numbers: Any, named: Sequence[str]) -> dict[str, Any]:
    """``x`` and ``y`` as they are in the table, where each is one column of it, and what tells its rows apart."""
    settings, info, rows = table.settings, table.info, table.rows()
    assert rows.numbers is not None  # noqa: S101 (only transforms lack them, which are refused)
    columns: dict[str, Any] = {}
    order = np.argsort(rows.numbers)
    places = order[np.searchsorted(rows.numbers, numbers, sorter=order)]
    for side, of_side in (("x", rows.x), ("y", rows.y)):
        if len(of_side) == 1:
            (column,) = of_side
            values = column.values[places]
            columns[side] = values if column.info.kind == "number" else np.array(column.classes)[values]
    left_out = [one.name for one in info.left_out if one.reason in ("index", "text")]
    names = dict.fromkeys(name for name in (*named, settings.groups, settings.time, *left_out) if name is not None)
    if names:
        sample = settings.source.sample(list(names), settings.max_rows)
        of_sample: Any = np.searchsorted(sample.numbers, numbers)
        columns |= {IDENTIFIER + name: _written(sample.column(name), of_sample) for name in names}
    return columns


def _written(column: Column, rows: Any) -> pl.Series:
    """The values of a column at some rows, as they are in its table."""
    values = column.values[rows]
    if column.labels:
        known = np.where(np.isnan(values), 0, values)
        texts = class_names(known, column.labels)
        return pl.Series([None if np.isnan(value) else text for value, text in zip(values, texts, strict=True)])
    numbers = pl.Series(values).fill_nan(None)
    return numbers.cast(pl.Int64) if column.kind in ("integer", "time") else numbers
