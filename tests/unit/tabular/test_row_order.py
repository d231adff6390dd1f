"""Rows that follow each other, and blocks of them."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch

from mi_cli.datasets.table import Table
from mi_cli.tabular.row_order import alike_neighbours, block_length

N = 1000


def series(rng, n=N, memory=0.9):
    """A stationary series with autocorrelation ``memory`` to the power of the lag."""
    values, noise = np.zeros(n), rng.normal(size=n)
    values[0] = noise[0]
    for t in range(1, n):
        values[t] = memory * values[t - 1] + np.sqrt(1 - memory**2) * noise[t]
    return values


def order_notes(x, y, **more) -> list[str]:
    return [note for note in Table.from_memory(x, y, **more).describe()["notes"] if "neighbouring rows" in note]


def encoded(x, y):
    return Table.from_memory(x, y).encoded.rows()


def test_rows_that_follow_each_other_are_noted():
    rng = np.random.default_rng(0)
    x, y = series(rng), series(rng)
    (note,) = order_notes(x, y)
    alike = alike_neighbours(encoded(x, y))
    assert alike is not None
    assert (alike.x[0], alike.y[0]) == ("x", "y")
    ranks = np.argsort(np.argsort(x))
    assert alike.x[1] == pytest.approx(np.corrcoef(ranks[1:], ranks[:-1])[0, 1], abs=0.01)
    assert note.startswith(
        f"neighbouring rows are alike (autocorrelation {alike.x[1]:.2f} of x and {alike.y[1]:.2f} of y)"
    )
    assert order_notes(np.stack([rng.normal(size=N), x], 1), y > 0)  # one column of several, and classes


def test_independent_rows_sorted_ones_and_those_of_which_time_or_groups_are_given_are_not_noted():
    rng = np.random.default_rng(0)
    x, y = series(rng), series(rng)
    assert order_notes(x, y, time=np.arange(N)) == []
    assert order_notes(x, y, groups=np.arange(N) // 10) == []
    assert order_notes(x, rng.normal(size=N)) == []  # errors and p-values hold if one side is independent
    order = rng.permutation(N)
    assert order_notes(x[order], x[order] + y[order]) == []
    a = rng.normal(size=N)
    b = a + rng.normal(size=N)
    by = np.argsort(a)
    assert order_notes(a[by], b[by]) == []  # sorted by a column of the table


def test_false_alarms_are_rare():
    # At most 1 in 1,000 tables, and fewer, as both sides must be alike: 3 of 400 are seen in less than 1 %.
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(400):
        x = rng.normal(size=(200, 10))
        alarms += alike_neighbours(encoded(x, x[:, :3] + rng.standard_t(2, size=(200, 3)))) is not None
    assert alarms <= 2


def test_blocks_are_as_long_as_rows_depend_on_each_other():
    rng = np.random.default_rng(0)
    lengths = {
        memory: block_length(encoded(series(rng, 4000, memory), series(rng, 4000, memory))) for memory in (0, 0.5, 0.9)
    }
    assert lengths[0] <= 2
    assert 4 <= lengths[0.5] <= 20  # .5 to the power of 4 is .06, where noise begins
    assert 30 <= lengths[0.9] <= 120
    trend = np.arange(4000) + 100 * rng.normal(size=4000)
    assert block_length(encoded(trend, rng.normal(size=4000))) == 200  # 20 blocks


def test_rows_of_time_come_in_such_blocks():
    rng = np.random.default_rng(0)
    x, y, time = series(rng), series(rng), np.arange(N)
    table = Table.from_memory(x, y, time=time)
    length = block_length(table.encoded.rows())
    sizes = torch.bincount(table.rows(N, torch.Generator()).block)
    assert set(sizes[:-1].tolist()) == {length}
    half = torch.bincount(table.rows(N // 2, torch.Generator()).block)  # every other row or so
    assert set(half[:-1].tolist()) == {-(-length // 2)}
    independent = Table.from_memory(rng.normal(size=N), rng.normal(size=N), time=time)
    assert torch.bincount(independent.rows(N, torch.Generator()).block).max() <= 2


def test_dependence_that_lasts_too_long_is_noted():
    rng = np.random.default_rng(0)
    note = "rows depend on each other over 50 rows of dataset.time and more"
    trend = Table.from_memory(np.arange(N) + rng.normal(size=N), rng.normal(size=N), time=np.arange(N))
    assert any(line.startswith(note) for line in trend.describe()["notes"])
    short = Table.from_memory(series(rng, memory=0.5), rng.normal(size=N), time=np.arange(N))
    assert not any("rows depend on each other" in line for line in short.describe()["notes"])


def test_note_names_the_column_of_dates_if_there_is_one(tmp_path):
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"x": series(rng), "y": series(rng), "n": range(N)})
    for dates, name in ((frame["n"].cast(pl.Date), "day"), (None, "n")):
        table = frame if dates is None else frame.with_columns(day=dates)
        table.write_csv(tmp_path / f"{name}.csv")
        notes = Table(path=str(tmp_path / f"{name}.csv"), y="y").opened().describe()["notes"]
        assert any(f"dataset.time={name}, for instance, makes errors" in note for note in notes)
    assert "dataset.time, a column of their order, makes" in order_notes(series(rng), series(rng))[0]
