"""A fixture that writes the records of runs for plots."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml
from plotted import (
    Fields,
    Write,
)

from mi_cli.records import results
from mi_cli.report.summary import summarise
from mi_cli.schema.config import validate


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes the folder of a run whose trials are the product of ``axes`` and seeds, and reads it back."""
    number = itertools.count()

    def write(
        rows: Callable[[dict[str, Any], int], Fields],
        axes: Mapping[str, Sequence[Any]] | None = None,
        seeds: Sequence[int] = (0, 1, 2),
        history: Callable[[dict[str, Any], int], dict[str, Any]] | None = None,
        sampled: bool = False,
        lost: Mapping[int, str] | None = None,
        **config: Any,
    ) -> results.Records:
        folder = tmp_path / str(next(number))
        folder.mkdir()
        axes, lost = axes or {}, lost or {}
        config = {"name": "a_run", "estimator": {"name": "mine"}, "dataset": {"name": "gaussian"}} | config
        points = [*itertools.product(*axes.values(), seeds)]
        table: list[dict[str, Any]] = []
        traces, samples = {}, []
        for trial, (*values, seed) in enumerate(points):
            setting = dict(zip(axes, values, strict=True))
            head = {"trial": trial, "seed": seed, "dataset": "gaussian", "estimator": "mine"}
            head |= {axis: json.dumps(value) if isinstance(value, list) else value for axis, value in setting.items()}
            status = lost.get(trial, "ok")
            if status == "failed":
                table.append(head | {"method": "", "status": "failed", "reason": "an error"})
                continue
            for method, fields in rows(setting, seed).items():
                gone = status != "ok" and method in ("mine", "dv", "mi_encoder")
                kept = {"status": status, "reason": "not finite", "true_mi": fields.get("true_mi")} if gone else fields
                table.append(head | {"method": method} | kept)
            traces[trial] = history(setting, seed) if history else {}
            if sampled and seed == seeds[0]:
                x = np.linspace(-2, 2, 20)
                samples.append(pl.DataFrame({"trial": [trial] * 20, "x": x, "y": x**2}))
        resolved = validate(config)
        results.write_results(folder / "results.csv", table, list(axes))
        results.write_frame(folder / "history.parquet", results.history_frame(traces))
        if samples:
            results.write_frame(folder / "samples.parquet", pl.concat(samples))
        results.write_json(folder / "summary.json", summarise(resolved, table, list(axes), {}))
        (folder / "config.yaml").write_text(yaml.safe_dump(resolved.model_dump(mode="json")))
        return results.Records(folder)

    return write
