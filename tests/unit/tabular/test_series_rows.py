"""Tables whose rows follow each other: columns, times, units, recordings and gaps."""

from __future__ import annotations

import datetime

import numpy as np
import polars as pl
import pytest

from mi_cli.datasets.time_series import TimeSeries
from mi_cli.errors import ConfigError
from mi_cli.tabular.columns import column_of_array, column_of_series

N = 60
RNG = np.random.default_rng(0)
A, B, C = RNG.normal(size=(3, N)).round(6)
DAYS = [datetime.date(2024, 1, 1) + datetime.timedelta(days=day) for day in range(N)]


@pytest.fixture
def opened(tmp_path):
    def opened(frame: pl.DataFrame, suffix: str = ".csv", **fields):
        path = tmp_path / f"rows{suffix}"
        (frame.write_csv if suffix == ".csv" else frame.write_parquet)(path)
        return TimeSeries(path=str(path), **fields).opened()

    return opened


def frame(**columns) -> pl.DataFrame:
    return pl.DataFrame({"a": A, "b": B} | columns)


def step(table) -> tuple[float, str]:
    found = table.describe()["step"]
    return found["size"], found["unit"]


def stamps(start: datetime.datetime, every: datetime.timedelta) -> list[datetime.datetime]:
    return [start + number * every for number in range(N)]


@pytest.mark.parametrize(
    ("times", "unit"),
    [
        (DAYS, (1, "day")),
        (stamps(datetime.datetime(2024, 1, 1), datetime.timedelta(hours=6)), (6, "h")),
        (stamps(datetime.datetime(2024, 1, 1), datetime.timedelta(weeks=2)), (2, "week")),
        (stamps(datetime.datetime(2024, 1, 1), datetime.timedelta(milliseconds=250)), (250, "ms")),
        ([datetime.date(2000 + month // 12, month % 12 + 1, 1) for month in range(N)], (1, "month")),
        ([datetime.date(1900 + year, 12, 31) for year in range(N)], (12, "month")),
    ],
)
def test_the_unit_of_dates_is_found_out(opened, times, unit):
    for suffix in (".csv", ".parquet"):
        assert step(opened(frame(t=times), suffix, time="t", x="a", y="b")) == unit


def test_the_unit_of_numbers_is_said(opened):
    table = frame(t=np.arange(N) / 4)
    assert step(opened(table, time="t", time_unit="s", x="a", y="b")) == (0.25, "s")
    named = opened(table, time="t", x="a", y="b")
    assert step(named) == (0.25, "")
    assert any("0.25 of t" in note for note in named.describe()["notes"])
    with pytest.raises(ConfigError, match=r"time_unit=s.*whose unit is known"):
        opened(frame(t=DAYS), time="t", time_unit="s", x="a", y="b")
    with pytest.raises(ConfigError, match=r"time_unit=s.*none"):
        opened(frame(), time_unit="s", x="a", y="b")


def test_rows_without_times_are_at_equal_steps(opened):
    table = opened(frame(), x="a", y="b")
    assert table.describe()["step"] is None
    assert any("equal steps" in note for note in table.describe()["notes"])
    assert table.lengths == (N,)


def test_recordings_may_be_interleaved(opened):
    rec, place = np.tile(["p", "q"], N // 2), np.repeat(np.arange(N // 2), 2)
    for fields in ({"time": "t"}, {}):
        table = opened(frame(r=rec, t=place), x="a", y="b", groups="r", **fields)
        assert table.lengths == (N // 2, N // 2)
        series = table.series(None)
        np.testing.assert_allclose(series.columns["a"][:, 0], np.concatenate([A[::2], A[1::2]]))
        assert any("2 recordings of 30 rows" in note for note in table.describe()["notes"])


def test_gaps_end_recordings_if_they_may(opened):
    table = frame(t=DAYS)
    cut = pl.concat([table[:20], table[25:]])
    with pytest.raises(ConfigError, match=r"dataset.time=t: has a gap of 6 steps of 1 day between rows 20 and 21"):
        opened(cut, time="t", x="a", y="b")
    found = opened(cut, time="t", x="a", y="b", gaps="split")
    assert found.lengths == (20, 35)
    assert any("1 gap in time" in note for note in found.describe()["notes"])


def test_missing_values_are_gaps(opened):
    lacking = frame().with_columns(pl.when(pl.int_range(N) == 30).then(None).otherwise(pl.col("a")).alias("a"))
    with pytest.raises(ConfigError, match=r"1 column with missing values: a 1"):
        opened(lacking, x="a", y="b")
    with pytest.raises(ConfigError, match=r"dataset.missing=drop: leaves gaps"):
        opened(lacking, x="a", y="b", missing="drop")
    assert opened(lacking, x="a", y="b", missing="drop", gaps="split").lengths == (30, 29)
    few = frame().with_columns(pl.when(pl.int_range(N) > 10).then(None).otherwise(pl.col("a")).alias("a"))
    with pytest.raises(ConfigError, match=r"leaves 11 rows"):
        opened(few, x="a", y="b", missing="drop")


def swapped(values, one, other):
    values = list(values)
    values[one], values[other] = values[other], values[one]
    return values


@pytest.mark.parametrize(
    ("columns", "fields", "message"),
    [
        ({"t": swapped(DAYS, 5, 6)}, {"time": "t"}, "is earlier in row 7 than in row 6"),
        ({"t": DAYS[:5] + DAYS[4:-1]}, {"time": "t"}, "has the same time in rows 5 and 6"),
        (
            {"t": [0.0, 0.5, *map(float, range(1, N - 1))]},
            {"time": "t"},
            "is 0.5 steps of 1, the median, from row 1 to 2",
        ),
        ({"t": list("uvw") * 20}, {"time": "t"}, "is neither dates nor numbers"),
        ({}, {"time": "t"}, "no such column"),
        ({}, {"groups": "t"}, "no such column"),
        ({"t": DAYS}, {"time": "t", "groups": "t"}, "is dataset.time as well"),
        ({"t": range(N)}, {"time": "t", "x": ["a", "t"]}, "takes t, the column of time"),
        ({"c": C}, {"z": "b"}, "both take b"),
        ({"k": ["one"] * N}, {"x": "k"}, "constant"),
        ({}, {"x": [], "y": [], "exclude": ["a", "b"]}, "leaves no column for x"),
        ({"t": DAYS}, {"x": ["t*"], "y": []}, "leaves no column for x"),
    ],
)
def test_what_is_no_series_is_refused_in_one_line(opened, columns, fields, message):
    with pytest.raises(ConfigError) as raised:
        opened(frame(**columns), **({"x": ["a"], "y": ["b"]} | fields))
    assert len(raised.value.lines) == 1
    assert message in raised.value.lines[0]


def test_too_few_rows_are_refused(opened):
    with pytest.raises(ConfigError, match="has 10 rows"):
        opened(frame()[:10], x="a", y="b")


def test_columns_are_classes_or_numbers_and_others_are_left_out(opened):
    table = frame(k=np.arange(N) % 3, id=[f"row {number}" for number in range(N)], c=C)
    found = opened(table, y="b", z="c")
    assert found.names == {"x": ("a", "k"), "y": ("b",), "z": ("c",)}
    assert (found.dim_x, found.dim_y, found.dim_z) == (4, 1, 1)
    notes = found.describe()["notes"]
    assert any("k is taken for classes" in note for note in notes)
    assert any("id" in note and "left out" in note for note in notes)
    assert opened(table, x=["a", "k"], y="b", classes=[]).few_valued == ("k",)
    assert opened(table, x="k", y="b", classes=["k"]).discrete == {"x"}


def test_the_first_rows_are_used(opened):
    found = opened(frame(), x="a", y="b", n_samples=30)
    assert found.n_samples == 30
    assert found.lengths == (30,)
    assert len(found.series(None)) == 30


def test_columns_of_time_know_their_resolution():
    assert column_of_series("t", pl.Series(DAYS)).seconds == 86_400
    assert column_of_array("t", np.array(DAYS, "datetime64[s]")).seconds == 1
    assert column_of_array("t", np.array(DAYS, object)).seconds == 1e-6
    assert column_of_array("t", np.arange(3.0)).seconds == 0
