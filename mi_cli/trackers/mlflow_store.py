"""MLflow: a parent run for the run, and a child run for each trial."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mi_cli.files import expanded_path
from mi_cli.lazy import mlflow, mlflow_entities, sqlalchemy
from mi_cli.trackers.tracked_run import TrackedRun, TrackedTrial

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["URI", "local_store", "write"]

URI = "MLFLOW_TRACKING_URI"
_METRICS, _PARAMETERS = 1000, 100  # a server accepts no more in one request
_LONGEST = 5000  # characters of a tag or parameter


def write(run: TrackedRun) -> None:
    """Write a run to the store that ``MLFLOW_TRACKING_URI`` names, or else to one in the run's output root."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when MLflow is imported; users never agreed to it
    for logger in ("mlflow", "alembic"):
        logging.getLogger(logger).setLevel(logging.WARNING)  # they log each table of a new store
    if uri := os.environ.get(URI):
        _write(run, mlflow.MlflowClient(tracking_uri=uri), None)
        return
    folder = expanded_path(run.records.config["output_root"]).absolute() / "mlruns"
    with _unsynchronised_commits():
        _write(run, mlflow.MlflowClient(tracking_uri=local_store(folder)), (folder / "artifacts").as_uri())


def local_store(folder: Path) -> str:
    """Return the address of the SQLite store in ``folder``, which is made, with a write-ahead log, if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "mlflow.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    return f"sqlite:///{path}"


@contextmanager
def _unsynchronised_commits() -> Iterator[None]:
    """Let SQLite commit without waiting for the disk, since a trial takes several commits.

    With a write-ahead log, a power cut may lose the last commits, but the store stays whole.
    """

    def set_pragma(connection: Any, record: Any) -> None:
        connection.execute("PRAGMA synchronous=NORMAL")

    engine = sqlalchemy.engine.Engine
    sqlalchemy.event.listen(engine, "connect", set_pragma)
    try:
        yield
    finally:
        sqlalchemy.event.remove(engine, "connect", set_pragma)


def _write(run: TrackedRun, client: MlflowClient, artifacts: str | None) -> None:
    experiment = _experiment(client, run.experiment, artifacts)
    parent = client.create_run(experiment, tags=_cut(run.tags), run_name=run.folder.name).info.run_id
    _log(client, parent, metrics=_metrics(run.metrics, 0))
    for path in run.files:
        client.log_artifact(parent, str(path))
    for path in run.figures:
        client.log_artifact(parent, str(path), "plots")
    for trial in run.trials:
        tags = {"mlflow.parentRunId": parent} | _cut(trial.tags)
        child = client.create_run(experiment, tags=tags, run_name=trial.name).info.run_id
        _log(client, child, _metrics(trial.metrics, trial.steps) + _history(trial), _parameters(trial))
        client.set_terminated(child, "FINISHED" if trial.ok else "FAILED")
    client.set_terminated(parent)


def _experiment(client: MlflowClient, name: str, artifacts: str | None) -> str:
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        return str(client.create_experiment(name, artifact_location=artifacts))
    return str(experiment.experiment_id)


def _log(client: MlflowClient, run: str, metrics: Sequence[Any], parameters: Sequence[Any] = ()) -> None:
    """Log metrics and parameters in as few requests as their limits allow."""
    metrics, parameters = list(metrics), list(parameters)
    while metrics or parameters:
        room = _METRICS - min(len(parameters), _PARAMETERS)  # the limit is on both together
        client.log_batch(run, metrics=metrics[:room], params=parameters[:_PARAMETERS])
        metrics, parameters = metrics[room:], parameters[_PARAMETERS:]


def _metrics(values: dict[str, float], step: int) -> list[Any]:
    now = int(time.time() * 1000)
    return [mlflow_entities.Metric(key, value, now, step) for key, value in values.items()]


def _history(trial: TrackedTrial) -> list[Any]:
    now, steps = int(time.time() * 1000), trial.history["step"].to_list()
    return [
        mlflow_entities.Metric(f"history/{column.name}", value, now, step)
        for column in trial.history.drop("step")
        for step, value in zip(steps, column.to_list(), strict=True)
        if value is not None
    ]


def _parameters(trial: TrackedTrial) -> list[Any]:
    return [mlflow_entities.Param(key, text) for key, text in _cut(trial.parameters).items()]


def _cut(values: dict[str, Any]) -> dict[str, str]:
    return {key: str(value)[:_LONGEST] for key, value in values.items()}
