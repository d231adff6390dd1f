"""TensorBoard: event files in the run's folder, one for the run and one for each trial.

Trials are written record by record, all metrics of a step in one: ``SummaryWriter`` has a thread for each file and a
record for each number, which took 54 ms for a trial of 750 numbers, against 4.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mi_cli.trackers.content import Told, TrialTold

__all__ = ["write"]


def write(told: Told) -> None:
    """Write ``tensorboard/run`` and ``tensorboard/trial_…`` below the run's folder."""
    folder = told.folder / "tensorboard"
    _write_run(folder / "run", told)
    for trial in told.trials:
        _write_trial(folder / trial.name.replace(" ", "_"), trial)


def _write_run(folder: Path, told: Told) -> None:
    from matplotlib import image
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder)) as writer:
        for name, value in told.metrics.items():
            writer.add_scalar(name, value)
        rows = [f"| {name} | {value} |" for name, value in told.tags.items()]
        writer.add_text("run", "\n".join(["| tag | value |", "|---|---|", *rows]))
        for path in told.files:
            text = path.read_text(encoding="utf-8")
            writer.add_text(path.name, "\n".join(f"    {line}" for line in text.splitlines()))
        for path in told.figures:
            writer.add_image(f"plots/{path.stem}", image.imread(path)[..., :3], dataformats="HWC")


def _write_trial(folder: Path, trial: TrialTold) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    folder.mkdir(parents=True, exist_ok=True)
    now = time.time()
    with (folder / f"events.out.tfevents.{int(now)}").open("wb") as file:
        writer = RecordWriter(file)
        writer.write(Event(wall_time=now, file_version="brain.Event:2").SerializeToString())
        for step, summary in _summaries(trial):
            writer.write(Event(wall_time=now, step=step, summary=summary).SerializeToString())


def _summaries(trial: TrialTold) -> Iterator[tuple[int, Any]]:
    from torch.utils.tensorboard.summary import hparams

    parameters = {key: _plain(value) for key, value in trial.parameters.items()}
    start, session, end = hparams(parameters, trial.metrics)
    yield from ((0, summary) for summary in (start, session, end))
    for name, text in trial.tags.items():
        yield 0, _text(name, text)
    for row in trial.history.iter_rows(named=True):
        yield (
            row["step"],
            _scalars({f"history/{name}": value for name, value in row.items() if name != "step" and value is not None}),
        )
    yield trial.steps, _scalars(trial.metrics)


def _plain(value: Any) -> bool | int | float | str:
    return value if isinstance(value, bool | int | float | str) else str(value)


def _scalars(values: Mapping[str, float]) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary

    return Summary(value=[Summary.Value(tag=name, simple_value=value) for name, value in values.items()])


def _text(name: str, text: str) -> Any:
    from torch.utils.tensorboard.summary import text as made

    return made(name, text)
