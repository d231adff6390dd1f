import numpy as np
import polars as pl
import pytest

from mi_cli import ConfigError
from mi_cli.representations import ClassColumn, ColumnEncoder, NumberColumn
from mi_cli.tabular.columns import column_of_array, column_of_series
from mi_cli.tabular.files import table_file
from mi_cli.tabular.in_memory import rows_in_memory


def columns(**values):
    made = {name: np.asarray(column) for name, column in values.items()}
    return {name: column_of_array(name, column) for name, column in made.items()}


def numbers(n=200, seed=0):
    return np.random.default_rng(seed).normal(size=n)


def problem(error):
    (fault,) = error.value.faults
    return fault.problem


def test_numbers_are_scaled_by_quartiles_and_clipped_smoothly():
    values = np.concatenate([numbers(), [1e9, -1e300]])
    encoder = ColumnEncoder.fit(columns(a=values), classes=[])
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
    u = (values[:200] - median) / (high - low)
    encoded = encoder.transform(columns(a=values))
    assert encoded.dtype == np.float32
    assert encoded[:200, 0] == pytest.approx(u / np.sqrt(1 + (u / 3) ** 2), rel=1e-5, abs=1e-6)
    assert encoded[200:, 0] == pytest.approx([3, -3])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0] * 19 + [4.0], 2 / np.sqrt(1 + (2 / 3) ** 2)),  # equal quartiles: scaled by the range
        ([7.5] * 20, 0.0),  # constant
    ],
)
def test_near_constant_columns_have_finite_values(values, expected):
    encoded = ColumnEncoder.fit(columns(a=values), classes=[]).transform(columns(a=values))
    assert encoded[-1, 0] == pytest.approx(expected)
    assert encoded[0, 0] == 0


def test_constant_column_ignores_what_new_rows_have():
    encoder = ColumnEncoder.fit(columns(a=[7.5] * 20))
    assert (encoder.transform(columns(a=[1.0, 9.0])) == 0).all()


def test_only_the_selected_rows_are_fitted_to():
    values = np.concatenate([numbers(100), 100 + numbers(100)])
    train = np.arange(100)
    one, other = ColumnEncoder.fit(columns(a=values), select=train), ColumnEncoder.fit(columns(a=values[:100]))
    assert one == other
    selected = one.transform(columns(a=values), select=train)
    assert (selected == other.transform(columns(a=values[:100]))).all()


def test_classes_have_a_column_each_and_unseen_ones_none():
    encoder = ColumnEncoder.fit(columns(c=np.array(["b", "a", "c"] * 10)))
    assert encoder.encoded_names == ("c=a", "c=b", "c=c")
    assert encoder.transform(columns(c=np.array(["b", "unseen"]))).tolist() == [[0, 1, 0], [0, 0, 0]]


def test_rare_classes_are_pooled():
    values = np.array(["a"] * 30 + ["b"] * 30 + ["r", "s"])
    encoder = ColumnEncoder.fit(columns(c=values))
    assert encoder.encoded_names == ("c=a", "c=b", "c=(other)")
    assert encoder.transform(columns(c=values))[-2:].tolist() == [[0, 0, 1], [0, 0, 1]]


def test_single_rare_class_keeps_its_column():
    assert ColumnEncoder.fit(columns(c=np.array(["a"] * 30 + ["r"]))).encoded_names == ("c=a", "c=r")


def test_missing_values_have_an_indicator():
    gappy = np.where(np.arange(200) % 4 == 0, np.nan, numbers())
    text = pl.Series(["x", None, "y", "x"] * 50)
    table = columns(a=gappy) | {"c": column_of_series("c", text)}
    encoder = ColumnEncoder.fit(table)
    assert encoder.encoded_names == ("a", "a=(missing)", "c=x", "c=y", "c=(missing)")
    assert encoder.groups == (0, 0, 1, 1, 1)
    assert encoder.transform(table)[:2, 1:].tolist() == [[1, 1, 0, 0], [0, 0, 0, 1]]
    assert encoder.transform(table)[0, 0] == 0  # the median


def test_value_missing_for_the_first_time_is_the_median():
    encoder = ColumnEncoder.fit(columns(a=numbers()))
    assert encoder.transform(columns(a=[np.nan, 1.0]))[0].tolist() == [0.0]
    assert encoder.transform({"a": column_of_array("a", np.array([np.nan, np.nan]))}).tolist() == [[0.0], [0.0]]


def test_whole_numbers_are_classes_where_asked():
    few = np.array([1, 2, 3, 3] * 10)
    assert ColumnEncoder.fit(columns(a=few), classes="auto").encoded_names == ("a=1", "a=2", "a=3")
    assert ColumnEncoder.fit(columns(a=few)).encoded_names == ("a",)
    assert ColumnEncoder.fit(columns(a=numbers().round()), classes=["a"]).columns[0].kind == "class"


def test_booleans_are_classes():
    encoder = ColumnEncoder.fit(columns(a=np.array([True, False, True])))
    assert encoder.encoded_names == ("a=0", "a=1")
    assert encoder.transform(columns(a=np.array([True, False]))).tolist() == [[0, 1], [1, 0]]


def test_order_of_the_columns_of_a_table_does_not_matter_and_others_are_ignored():
    table = columns(a=numbers(), b=numbers(seed=1))
    encoder = ColumnEncoder.fit(table)
    other = columns(c=numbers(), b=numbers(seed=1), a=numbers())
    assert (encoder.transform(table) == encoder.transform(other)).all()
    assert encoder.extra_columns(other) == ["c"]
    with pytest.raises(ConfigError) as error:
        encoder.transform(other, extra="refuse")
    assert problem(error) == "column c is not among the columns of the training rows (1 such)"


@pytest.mark.parametrize(
    ("new", "words"),
    [
        ({"b": [1.0, 2.0]}, "column a is absent (1 column missing)"),
        ({"a": ["x", "y"], "b": [1.0, 2.0]}, "column a holds text"),
        ({"a": np.array(["2020-01-01"] * 2, "M8[D]"), "b": [1.0, 2.0]}, "column a holds dates or times"),
        ({"a": [np.inf, 2.0], "b": [1.0, 2.0]}, "column a has 1 infinite value"),
    ],
)
def test_other_columns_are_one_line(new, words):
    encoder = ColumnEncoder.fit(columns(a=numbers(), b=numbers()))
    with pytest.raises(ConfigError) as error:
        encoder.transform(columns(**new))
    assert problem(error) == words


def test_text_among_numbers_of_a_file_is_named(tmp_path):
    encoder = ColumnEncoder.fit(columns(a=numbers(), b=numbers()))
    path = tmp_path / "new.csv"
    path.write_text("a,b\n1,2\n3,4\nlow,6\n")
    with pytest.raises(ConfigError) as error:
        encoder.transform(table_file(str(path)))
    assert problem(error) == "column a has the text low in row 3"


def test_rows_that_are_fitted_to_need_values_and_no_text_among_numbers(tmp_path):
    late = np.where(np.arange(40) < 20, np.nan, 1.0)
    with pytest.raises(ConfigError) as error:
        ColumnEncoder.fit(columns(a=late), select=np.arange(20))
    assert problem(error) == "column a has no value in the training rows"
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\nlow,4\n5,6\n7,8\n")
    with pytest.raises(ConfigError) as error:
        ColumnEncoder.fit(table_file(str(path)))
    assert problem(error) == "column a has the text low in row 2, among numbers"
    assert ColumnEncoder.fit(table_file(str(path)), classes=["a"]).columns[0].kind == "class"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.array(["2020-01-01"] * 20, "M8[D]"), "column a holds dates or times"),
        (np.full(20, np.nan), "column a has no values"),
        (np.array([f"t{i}" for i in range(300)]), "column a is a class of 300 different values in 300 training rows"),
        (np.array([np.inf] + [1.0] * 19), "column a has 1 infinite value"),
    ],
)
def test_unfit_columns_are_refused(values, words):
    with pytest.raises(ConfigError) as error:
        ColumnEncoder.fit(columns(a=values))
    assert problem(error) == words


def test_encoding_survives_json():
    gappy = np.where(np.arange(60) == 3, np.nan, numbers(60))
    table = columns(a=gappy, c=np.array(["x", "y"] * 29 + ["r", "s"]))
    encoder = ColumnEncoder.fit(table)
    again = ColumnEncoder.from_json(encoder.as_json())
    assert again == encoder
    assert (again.transform(table) == encoder.transform(table)).all()


@pytest.mark.parametrize(
    "values",
    [
        [],
        {"columns": []},
        {"columns": [{"kind": "number", "name": "a", "median": float("nan"), "scale": 1}]},
        {"columns": [{"kind": "number", "name": "a", "median": 0, "scale": 1, "more": 1}]},
        {"columns": [{"kind": "date", "name": "a"}]},
        {"columns": [NumberColumn(name="a", median=0, scale=1).model_dump()] * 2},
        {"columns": [ClassColumn(name="a", of="text", classes=("x",)).model_dump() | {"of": "bytes"}]},
    ],
)
def test_what_is_no_encoding_is_refused(values):
    with pytest.raises(ConfigError):
        ColumnEncoder.from_json(values)


def test_source_and_columns_are_encoded_alike(tmp_path):
    frame = pl.DataFrame({"a": numbers(40), "c": ["x", "y"] * 20})
    frame.write_csv(tmp_path / "t.csv")
    of_file = ColumnEncoder.fit(table_file(str(tmp_path / "t.csv")))
    in_memory = rows_in_memory(frame.select("a"), frame.select("c"))
    of_memory = ColumnEncoder.fit(in_memory, ["a", "c"])
    assert of_file == of_memory
    assert (of_file.transform(table_file(str(tmp_path / "t.csv"))) == of_memory.transform(in_memory)).all()
