import numpy as np
import polars as pl
import pytest
import torch

from mi_cli.datasets.table import Table
from mi_cli.errors import ConfigError
from mi_cli.tabular.frozen_columns import FrozenColumn, encode_rows, frozen
from mi_cli.tabular.in_memory import named_columns


def test_rows_are_encoded_as_the_table_was():
    rng = np.random.default_rng(0)
    columns = {
        "a": rng.normal(size=60),
        "two": np.array(["p", "q", "q"] * 20),
        "three": np.array([5, 7, 9] * 20),
        "flag": rng.random(60) < 0.5,
    }
    x = {name: columns[name] for name in columns}
    table = Table.from_memory(pl.DataFrame(x), rng.normal(size=60))
    encoded = table.encoded.rows()
    specs = frozen(encoded.x)
    assert [(spec.of, spec.classes) for spec in specs] == [
        ("number", ()),
        ("text", ("p", "q")),
        ("number", ("5", "7", "9")),
        ("number", ("0", "1")),
    ]
    drawn = table.rows(60, torch.Generator().manual_seed(0), torch.float64).x.numpy()
    own = encode_rows(specs, named_columns(x))
    assert sorted(map(tuple, own)) == sorted(map(tuple, drawn))
    new = named_columns({"a": [1.0], "two": np.array(["r"]), "three": [7], "flag": np.array([True])})
    assert np.isnan(encode_rows(specs, new)).tolist() == [[False, True, False, False, False, False]]


def test_other_columns_are_refused():
    spec = FrozenColumn(name="a", of="number")
    with pytest.raises(ConfigError, match="column a is absent"):
        encode_rows([spec], named_columns({"b": [1.0]}))
    with pytest.raises(ConfigError, match="column a holds text values"):
        encode_rows([spec], named_columns({"a": np.array(["x"])}))
