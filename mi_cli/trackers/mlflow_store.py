"""MLflow: a parent run for the run, a child run for each trial."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mi_cli.trackers.content import Told, TrialTold

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["URI", "local_store", "write"]

URI = "MLFLOW_TRACKING_URI"
_METRICS, _PARAMETERS = 1000, 100  # that a server takes in one request
_LONGEST = 5000  # characters of a tag or parameter


def write(told: Told) -> None:
    """Write a run where ``MLFLOW_TRACKING_URI`` says, or else beside the runs of the same output root."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # whoever runs an experiment has not agreed to any
    import mlflow

    for logger in ("mlflow", "alembic"):
        logging.getLogger(logger).setLevel(logging.WARNING)  # a new store tells of each of its tables
    if uri := os.environ.get(URI):
        _write(told, mlflow.MlflowClient(tracking_uri=uri), None)
        return
    folder = Path(told.records.config["output_root"]).expanduser().absolute() / "mlruns"
    with _few_flushes():
        _write(told, mlflow.MlflowClient(tracking_uri=local_store(folder)), (folder / "artifacts").as_uri())


def local_store(folder: Path) -> str:
    """The address of the SQLite store in ``folder``, which is made if it is not there; it has a write-ahead log."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "mlflow.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    return f"sqlite:///{path}"


@contextmanager
def _few_flushes() -> Iterator[None]:
    """Let commits wait for no disk, of which a trial takes several: a power cut may lose the last, but no more."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def wait_for_no_disk(connection: Any, record: Any) -> None:
        connection.execute("PRAGMA synchronous=NORMAL")

    event.listen(Engine, "connect", wait_for_no_disk)
    try:
        yield
    finally:
        event.remove(Engine, "connect", wait_for_no_disk)


def _write(told: Told, client: MlflowClient, artifacts: str | None) -> None:
    experiment = _experiment(client, told.experiment, artifacts)
    parent = client.create_run(experiment, tags=_cut(told.tags), run_name=told.folder.name).info.run_id
    _log(client, parent, metrics=_metrics(told.metrics, 0))
    for path in told.files:
        client.log_artifact(parent, str(path))
    for path in told.figures:
        client.log_artifact(parent, str(path), "plots")
    for trial in told.trials:
        tags = {"mlflow.parentRunId": parent} | _cut(trial.tags)
        run = client.create_run(experiment, tags=tags, run_name=trial.name).info.run_id
        _log(client, run, _metrics(trial.metrics, trial.steps) + _history(trial), _parameters(trial))
        client.set_terminated(run, "FINISHED" if trial.ok else "FAILED")
    client.set_terminated(parent)


def _experiment(client: MlflowClient, name: str, artifacts: str | None) -> str:
    found = client.get_experiment_by_name(name)
    if found is None:
        return str(client.create_experiment(name, artifact_location=artifacts))
    return str(found.experiment_id)


def _log(client: MlflowClient, run: str, metrics: Sequence[Any], parameters: Sequence[Any] = ()) -> None:
    """Log as few batches as the limits of a request allow."""
    metrics, parameters = list(metrics), list(parameters)
    while metrics or parameters:
        room = _METRICS - min(len(parameters), _PARAMETERS)  # of both together
        client.log_batch(run, metrics=metrics[:room], params=parameters[:_PARAMETERS])
        metrics, parameters = metrics[room:], parameters[_PARAMETERS:]


def _metrics(values: dict[str, float], step: int) -> list[Any]:
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    return [Metric(key, value, now, step) for key, value in values.items()]


def _history(trial: TrialTold) -> list[Any]:
    from mlflow.entities import Metric

    now, steps = int(time.time() * 1000), trial.history["step"].to_list()
    return [
        Metric(f"history/{column.name}", value, now, step)
        for column in trial.history.drop("step")
        for step, value in zip(steps, column.to_list(), strict=True)
        if value is not None
    ]


def _parameters(trial: TrialTold) -> list[Any]:
    from mlflow.entities import Param

    return [Param(key, text) for key, text in _cut(trial.parameters).items()]


def _cut(values: dict[str, Any]) -> dict[str, str]:
    return {key: str(value)[:_LONGEST] for key, value in values.items()}
