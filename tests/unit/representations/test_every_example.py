"""The examples of docs/representations.md run."""

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

DOCS = Path(__file__).parents[3] / "docs" / "representations.md"


@pytest.mark.slow
def test_examples_run_one_after_the_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(rng.normal(size=(200, 3)), schema=["a", "b", "c"]).with_columns(k=pl.Series(["x", "y"] * 100))
    frame.write_csv("table.csv")
    frame.write_csv("new.csv")
    frame.write_parquet("large.parquet")
    names = {"frame": frame, "target": frame["a"].to_numpy()}
    examples = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) == 5
    for example in examples:
        if "mi_cli.load_encoder" in example:
            names["encoder"].save("folder")
        exec(example, names)
    assert names["codes"].shape == (200, 8)
