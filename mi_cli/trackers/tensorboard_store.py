"""TensorBoard: event files in the run's folder, one for the run and one for each trial.

Event files of trials are written here record by record, with all metrics of a step in one record. ``SummaryWriter``,
which starts a thread for each file and writes a record for each number, takes 54 ms for a trial of 750 numbers; this
takes 4 ms.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from matplotlib import image

from mi_cli.lazy import event_pb2, record_writer, summary_pb2, torch_tensorboard
from mi_cli.trackers.tracked_run import TrackedRun, TrackedTrial

__all__ = ["write"]


def write(run: TrackedRun) -> None:
    """Write ``tensorboard/run`` and ``tensorboard/trial_…`` in the run's folder."""
    folder = run.folder / "tensorboard"
    _write_run(folder / "run", run)
    for trial in run.trials:
        _write_trial(folder / trial.name.replace(" ", "_"), trial)


def _write_run(folder: Path, run: TrackedRun) -> None:
    with torch_tensorboard.SummaryWriter(str(folder)) as writer:
        for name, value in run.metrics.items():
            writer.add_scalar(name, value)
        rows = [f"| {name} | {value} |" for name, value in run.tags.items()]
        writer.add_text("run", "\n".join(["| tag | value |", "|---|---|", *rows]))
        for path in run.files:
            text = path.read_text(encoding="utf-8")
            writer.add_text(path.name, "\n".join(f"    {line}" for line in text.splitlines()))
        for path in run.figures:
            writer.add_image(f"plots/{path.stem}", image.imread(path)[..., :3], dataformats="HWC")


def _write_trial(folder: Path, trial: TrackedTrial) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    now = time.time()
    with (folder / f"events.out.tfevents.{int(now)}").open("wb") as file:
        writer = record_writer.RecordWriter(file)
        writer.write(event_pb2.Event(wall_time=now, file_version="brain.Event:2").SerializeToString())
        for step, summary in _summaries(trial):
            writer.write(event_pb2.Event(wall_time=now, step=step, summary=summary).SerializeToString())


def _summaries(trial: TrackedTrial) -> Iterator[tuple[int, Any]]:
    parameters = {key: _plain(value) for key, value in trial.parameters.items()}
    for summary in torch_tensorboard.summary.hparams(parameters, trial.metrics):
        yield 0, summary
    for name, text in trial.tags.items():
        yield 0, torch_tensorboard.summary.text(name, text)
    for row in trial.history.iter_rows(named=True):
        yield (
            row["step"],
            _scalars({f"history/{name}": value for name, value in row.items() if name != "step" and value is not None}),
        )
    yield trial.steps, _scalars(trial.metrics)


def _plain(value: Any) -> bool | int | float | str:
    return value if isinstance(value, bool | int | float | str) else str(value)


def _scalars(values: Mapping[str, float]) -> Any:
    summary = summary_pb2.Summary
    return summary(value=[summary.Value(tag=name, simple_value=value) for name, value in values.items()])
