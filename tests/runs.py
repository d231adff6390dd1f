"""Folders of runs as ``mi-run`` leaves them, without a run."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from examples import SMALL, values

from mi_cli.execution import runner
from mi_cli.records import results
from mi_cli.records.provenance import Provenance, write_config
from mi_cli.report.publish import Publisher
from mi_cli.report.summary import summarise
from mi_cli.schema.config import validate
from mi_cli.schema.sweep import axes
from mi_cli.search.expansion import expand

DOT = base64.b64decode(  # a PNG of one pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
)
CLAIM = {"text": "it is near the truth", "kind": "equals_truth", "absolute": 0.1}


def run_config(values: Mapping[str, Any], folder: Path, **more: Any) -> int:
    """Run a resolved config as the command does, with its summary, plots and page; the exit code."""
    return runner.run(values, expand(values), folder, Publisher(), **more)


def leave_run(
    folder: Path,
    sweep: Mapping[str, Any] | None = None,
    *,
    done: int | None = None,
    status: str | None = "finished",
    overrides: Sequence[str] = (),
    base: Mapping[str, Any] = SMALL,
    lost: Mapping[int, str] | None = None,
    plots: Sequence[str] = ("forest",),
    **config: Any,
) -> Path:
    """Leave what a run leaves; of its trials, ``done`` have results, and those in ``lost`` failed with a reason.

    ``status`` is that of its provenance; without one the run has not ended.
    """
    folder.mkdir(parents=True)
    swept = sweep if sweep is not None else {"dataset": {"rho": [0.0, 0.6, 1.0]}, "seed": [0, 1]}
    whole = values(base, swept, **{"name": "small", "claims": [CLAIM]} | config)
    write_config(folder, whole, overrides)
    points: list[dict[str, Any]] = [{}]
    for path, axis in axes(whole).items():
        points = [point | {path: value} for point in points for value in axis]
    rows = []
    for trial, point in enumerate(points[:done]):
        head = {"trial": trial, "seed": 0, "dataset": "gaussian", "estimator": "mine"} | point
        rho = point.get("dataset.rho", 0.6)
        truth = math.inf if rho == 1 else -math.log(1 - rho**2) / 2
        fields = {"true_mi": truth, "estimate": min(truth, 4.0) + 0.01 * trial, "stderr": 0.02, "kind": "lower bound"}
        if trial in (lost or {}):
            fields = {"status": "failed", "reason": (lost or {})[trial]}
        rows.append(head | {"method": "mine", "status": "ok", "seconds": 0.5} | fields)
    if done != 0:
        results.write_results(folder / "results.csv", rows, list(axes(whole)))
    if status == "finished":
        named = [axis for axis in axes(whole) if axis != "seed"]
        resolved = validate({key: value for key, value in whole.items() if key != "sweep"})
        results.write_json(folder / "summary.json", summarise(resolved, rows, named, {}))
        (folder / "plots").mkdir()
        for plot in plots:
            (folder / "plots" / f"{plot}.png").write_bytes(DOT)
    if status:
        Provenance(folder, 0.0, "cpu", 1, 0.1, overrides).write({"training": 1.5}, status)
    return folder
