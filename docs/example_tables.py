"""The tables that commands of the pages name: small, with columns that depend on each other."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import numpy as np
import polars as pl

__all__ = ["write"]

ROWS = 200
MANY = ("beans.csv", "letters.csv")  # of which commands take 1 %
CLASSES = ("class", "colour", "kind", "method", "site")
NUMBERS = "age weight dose effect risk target outcome gene_1 gene_2"
COLUMNS = {  # of files that do not have the columns of NUMBERS
    "abalone.csv": "sex whole_weight shell_weight rings",
    "beans.csv": "area length class",
    "clinic.db": "age bmi dose",
    "cmc.csv": "age children method",
    "diabetes.csv": "age bmi bp target",
    "digits.csv": "pixel_1 pixel_2 pixel_3 target",
    "letters.csv": "width height class",
    "people.csv": "id age",
    "t.csv": "colour kind",
    "table.csv": "age dose target",
    "visits/2024.parquet": "id dose",
}
OF_PAGES = {
    "conditional-mi.md": "age site dose effect",
    "interaction.md": "id stress load strain",
    "pointwise-mi.md": "patient dose effect",
}
NAMED = re.compile(r"(?<!output=)(?<!table=)\b(?:\w+/)*\w+\.(?:csv|parquet|db)\b")


def write(folder: Path, page: str, text: str) -> None:
    """Write the tables to which a page refers, to a folder."""
    names = set(NAMED.findall(text))
    if "data/" in text:
        names |= {"data/2023.csv", "data/2024.csv", "data/2024.parquet"}
    if "visits/" in text:
        names |= {"visits/2024.parquet"}
    for seed, name in enumerate(sorted(names)):
        columns = OF_PAGES.get(page, NUMBERS) if name == "data.csv" else COLUMNS.get(name, NUMBERS)
        _write(folder / name, _frame(columns.split(), seed, 1000 if name in MANY else ROWS))


def _frame(columns: list[str], seed: int, rows: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    common = rng.normal(size=rows)
    return pl.DataFrame({name: _column(name, common + rng.normal(size=rows)) for name in columns})


def _column(name: str, values: np.ndarray) -> pl.Series:
    if name in ("id", "patient"):
        return pl.Series(range(len(values)))
    if name in CLASSES:
        return pl.Series(np.where(values > 0, "high", "low"))
    return pl.Series(values)


def _write(path: Path, frame: pl.DataFrame) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        frame.write_csv(path)
    elif path.suffix == ".parquet":
        frame.write_parquet(path)
    elif importlib.util.find_spec("duckdb"):
        import duckdb

        _write(path.with_suffix(".csv"), frame)
        with duckdb.connect(path) as database:
            database.execute("CREATE TABLE visits AS FROM read_csv(?)", [str(path.with_suffix(".csv"))])
