"""The columns of a trial that are selected, as rows of results."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from mi_cli.datasets.base import Dataset
from mi_cli.datasets.table import Table as FileTable
from mi_cli.estimators.contingency import measure_table
from mi_cli.estimators.neighbour_search import numbered
from mi_cli.estimators.training_free import Index
from mi_cli.problems import Array
from mi_cli.procedures.seeds import generator
from mi_cli.schema.config import Config
from mi_cli.selection.codes import coded
from mi_cli.selection.path import Path, Table, select, stability
from mi_cli.training.context import Context

__all__ = ["column_infos", "results"]

_OTHERS = 20  # columns that are not chosen, of which results have the most relevant


def column_infos(dataset: Dataset) -> dict[str, list[tuple[str, int]]]:
    """The columns of x and of y: their names, and how many columns of numbers each is; 0 for a column of numbers."""
    if isinstance(dataset, FileTable):
        info = dataset.encoded.info
        return {
            side: [(column.name, 0 if column.kind == "number" else column.width) for column in getattr(info, side)]
            for side in ("x", "y")
        }
    dims = {"x": dataset.dim_x, "y": dataset.dim_y}
    return {
        side: [(f"{side}_{i}" if dim > 1 else side, int(side in dataset.discrete)) for i in range(dim)]
        for side, dim in dims.items()
    }


def results(config: Config, context: Context) -> dict[str, dict[str, Any]]:
    """Result fields by method: the selection as a whole, the columns chosen, copies, and the most relevant others."""
    with context.clock("data"):
        names, table = _table(config)
    settings, random = config.selection, np.random.default_rng([config.seed, 1])
    with context.clock("evaluation"):
        path = select(table, settings, random, context.check)
        frequency = stability(table, path, settings, random, context.check)
    codes = coded(table.x, table.classes, settings.bins)
    y = coded(table.y[:, None], np.array([table.y_classes]), settings.bins).columns[:, 0]
    methods: dict[str, dict[str, Any]] = {settings.method: _whole(path, names, codes.columns, y, config)}
    steps = {step.column: step for step in path.steps}
    others = [int(i) for i in np.argsort(-path.relevance, kind="stable") if i not in steps and i not in path.copies]
    for column in (*steps, *path.copies, *others[:_OTHERS]):
        step, fields = steps.get(column), _relevance(codes.columns[:, column], y, config.evaluation.level)
        if step is not None:
            reason = "" if step.partner is None else f"as a pair with {names[step.partner]}"
            rank = path.columns.index(column) + 1
            fields |= {"rank": rank, "gain": step.gain, "p_value": step.p_value, "reason": reason}
        elif column in path.copies:
            fields["reason"] = f"left out: parts the rows as {names[path.copies[column]]} does"
        if settings.subsamples and path.steps:
            fields["frequency"] = float(frequency[column])
        name = names[column] if names[column] not in methods else f"column {names[column]}"
        methods[name] = fields
    return methods


def _whole(path: Path, names: list[str], columns: Index, y: Index, config: Config) -> dict[str, Any]:
    """The MI of y with the chosen columns together, as far as their table can be counted."""
    kept: list[int] = []
    for column in path.columns:
        if numbered(columns[:, [*kept, column]]).max() < len(y) / 10:
            kept.append(column)
    together = numbered(columns[:, kept]) if kept else np.zeros(len(y), np.int64)
    reason = ""
    if len(kept) < len(path.columns):
        reason = f"MI of {', '.join(names[column] for column in kept) or 'none'}, as the table of all is too large; "
    if path.stopped is not None:
        alpha = config.selection.alpha
        reason += f"stopped: the next column has p = {path.stopped:.2g}, above selection.alpha={alpha:g}"
    elif len(path.steps) == config.selection.columns:
        reason += f"ended at selection.columns={config.selection.columns}"
    return _relevance(together, y, config.evaluation.level) | {"reason": reason.removesuffix("; ")}


def _relevance(x: Index, y: Index, level: float) -> dict[str, Any]:
    """The MI of a code with y, from counts."""
    found = measure_table(numbered(x[:, None]), y)
    low, high = found.ends(level)
    return {
        "status": "ok",
        "reason": "",
        "estimate": found.value,
        "stderr": found.stderr,
        "ci_low": low,
        "ci_high": high,
        "kind": "point estimate",
        "ceiling": found.ceiling,
    }


def _table(config: Config) -> tuple[list[str], Table]:
    """Names of the columns of x, and the rows."""
    dataset, n = config.dataset, config.rows["train"]
    rows = dataset.rows(n, generator(config.seed, "train"), torch.float64)
    infos = column_infos(dataset)
    x, y = (_merged(side.numpy(), infos[name]) for name, side in (("x", rows.x), ("y", rows.y)))
    classes = np.array([width > 0 for _, width in infos["x"]], dtype=bool)
    return [name for name, _ in infos["x"]], Table(x, classes, y[:, 0], infos["y"][0][1] > 0)


def _merged(side: Array, infos: list[tuple[str, int]]) -> Array:
    """The columns of a side, with one number for each class of a column of classes."""
    columns, place = [], 0
    for _, width in infos:
        part = side[:, place : place + max(1, width)]
        columns.append(part.argmax(1).astype(float) if width > 1 else part[:, 0])
        place += max(1, width)
    return np.stack(columns, 1)
