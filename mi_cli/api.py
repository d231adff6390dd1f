"""``mi_cli.estimate``: what ``mi-run experiment=estimate`` does, for arrays and frames in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mi_cli.problems import Estimate

if TYPE_CHECKING:
    import polars as pl

__all__ = ["estimate"]


def estimate(
    x: Any,
    y: Any,
    estimator: str = "auto",
    *,
    seed: int = 0,
    groups: Any = None,
    time: Any = None,
    overrides: Sequence[str] = (),
) -> Estimate:
    """MI of x and y in nats, cross-fitted: every row is tested once, by what was trained on others.

    Args:
        x: rows of numbers, booleans or text, ``(n,)`` or ``(n, dim_x)``: a NumPy array, a tensor, a frame or series of
            Polars or pandas, or what NumPy makes an array of. Text and booleans are classes.
        y: as many rows.
        estimator: any that ``mi-run --help`` lists.
        seed: of folds, weights and batches; the same one gives the same estimate.
        groups: a label for each row; rows of one group are never on both sides of a split, and the error allows for
            their dependence.
        time: a value for each row by which rows follow each other, for the same with neighbours in time.
        overrides: whatever else ``mi-run experiment=estimate`` takes, such as ``"training.steps=800"``.

    Returns:
        The estimate with its standard error, interval, lower confidence bound, p-value and traces. ``status`` is
        ``ok``, or ``diverged`` or ``failed`` with a ``reason`` and no value.

    Raises:
        ValueError: one line for each fault of the rows or settings.

    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=500)
    >>> found = estimate(x, x + np.random.default_rng(1).normal(size=500), "copula")
    >>> found.status, round(found.value, 1)
    ('ok', 0.4)
    """
    import polars as pl
    import torch

    from mi_cli.compose.resolve import resolve
    from mi_cli.errors import ConfigError
    from mi_cli.procedures.estimate import estimated
    from mi_cli.schema.sweep import expand
    from mi_cli.training.context import Context

    columns = (
        {"x": x, "y": y} | ({} if groups is None else {"group": groups}) | ({} if time is None else {"time": time})
    )
    frames = [_frame(name, side) for name, side in columns.items()]
    if len({len(frame) for frame in frames}) > 1:
        told = ", ".join(f"{name} {len(frame):,}" for name, frame in zip(columns, frames, strict=True))
        raise ValueError(f"rows: {told}; accepted: as many of each")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.parquet")
        pl.concat(frames, how="horizontal").write_parquet(path)
        given = [f"dataset.path='{path}'", "dataset.x=['x_*']", "dataset.y=['y_*']", f"estimator={estimator}"]
        given += [f"dataset.{key}={name}_0" for key, name in (("groups", "group"), ("time", "time")) if name in columns]
        try:
            values = resolve(["experiment=estimate", *given, f"seed={seed}", *overrides]).values
            (trial,) = expand(values)
        except ConfigError as fault:
            raise ValueError(str(fault)) from None
        before = torch.get_num_threads()
        torch.set_num_threads(1)  # narrow networks gain nothing by more, and lose much where cores are busy
        try:
            return estimated(trial.config, Context(torch.device("cpu")))
        finally:
            torch.set_num_threads(before)


def _frame(name: str, rows: Any) -> pl.DataFrame:
    """Rows as columns ``name_0``, ``name_1``, …"""
    import numpy as np
    import polars as pl

    if type(rows).__module__.startswith("pandas"):
        frame = pl.from_pandas(rows.to_frame() if rows.ndim == 1 else rows)
    elif isinstance(rows, pl.Series):
        frame = rows.to_frame()
    elif isinstance(rows, pl.DataFrame):
        frame = rows
    else:
        array = np.asarray(rows.detach().cpu() if hasattr(rows, "detach") else rows)
        if array.ndim not in (1, 2):
            raise ValueError(f"{name}: {array.ndim} dimensions; accepted: 1 or 2, a row for each sample")
        frame = pl.DataFrame(array if array.ndim == 2 else array[:, None])
    return frame.rename({column: f"{name}_{index}" for index, column in enumerate(frame.columns)})
