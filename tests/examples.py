"""Small configs, trials and problems that tests are made of."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch
from pydantic import ValidationError

from mi_cli.datasets.gaussian import Gaussian
from mi_cli.datasets.sources import AdditiveUniform, Normal, Source, Student
from mi_cli.errors import Fault
from mi_cli.execution import workers
from mi_cli.lazy import LazyModule
from mi_cli.problems import Draw, Estimate, Problem, Rows
from mi_cli.schema.config import Config, validate
from mi_cli.schema.sweep import Trial, expand
from mi_cli.training.context import Context

torch.set_num_threads(1)

stats: Any = LazyModule("scipy.stats")  # its import takes a second in each process that a test starts

TESTS = Path(__file__).parent
ROWS = str(TESTS / "data" / "rows.csv")  # a table of three columns of numbers, classes and groups
CPU = torch.device("cpu")
PLAIN: dict[str, Any] = {  # the critic of the study: one network over the columns as they are
    "critic": "concat",
    "activation": "relu",
    "product": "derangement",
    "preprocess": "none",
    "norms": False,
}
SMALL: dict[str, Any] = {
    "estimator": {"name": "mine", "hidden": [8, 8], **PLAIN},
    "dataset": {"name": "gaussian", "rho": 0.6},
    "training": {"steps": 60, "batch": 200, "validate_every": 20},
    "split": {"val": 200, "test": 500},
    "threads": 1,
}
COLUMNS: dict[str, Any] = {
    "dataset": {"name": "polynomial_differences", "terms": 4, "n_samples": 400},
    "estimator": {"name": "dv", "hidden": [8], **PLAIN},
    "representation": {"dim": 2, "hidden": [6]},
    "training": {"steps": 40, "batch": "full", "validate_every": 20},
    "threads": 1,
}
MAXIMISE = COLUMNS | {"procedure": "maximise", "split": {"val": 100, "test": 200}}
COMPARE = COLUMNS | {
    "procedure": "compare",
    "noise": {"scale": 0.05},
    "split": {"train": 0.7, "val": 0.1, "labelled": 0.1, "test": 0.1, "fresh": 300},
}


def merged(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with sections overlaid by ``more``, key by key."""
    found = dict(base)
    for key, value in more.items():
        old = found.get(key)
        found[key] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return found


def config(base: Mapping[str, Any] = SMALL, **more: Any) -> Config:
    return validate(merged(base, more))


def values(base: Mapping[str, Any] = SMALL, sweep: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A resolved config as plain values, every key said."""
    return config(base, **more).model_dump(mode="json") | {"sweep": dict(sweep or {})}


def trials(base: Mapping[str, Any] = SMALL, sweep: Mapping[str, Any] | None = None, **more: Any) -> list[Trial]:
    return expand(values(base, sweep, **more))


def context() -> Context:
    return Context(CPU)


def gaussian_rows(n: int, rho: float, seed: int, dim: int = 1) -> Rows:
    x, noise = torch.randn(2, n, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return Rows(x, rho * x + math.sqrt(1 - rho**2) * noise)


def problem(rho: float = 0.6, seed: int = 0, n: int = 500, lr: float = 0.01, **parts: Any) -> Problem:
    """Estimation from fixed rows of correlated Gaussians."""
    fields: dict[str, Any] = {
        "train": gaussian_rows(n, rho, 10 * seed + 1),
        "val": gaussian_rows(n, rho, 10 * seed + 2),
        "test": gaussian_rows(n, rho, 10 * seed + 3),
        "init": torch.Generator().manual_seed(10 * seed + 4),
        "order": torch.Generator().manual_seed(10 * seed + 5),
    }
    if (rows := parts.get("draw")) is not None:
        parts["draw"] = Draw(rows, torch.Generator())
    return Problem(**({"dim_x": 1, "dim_y": 1, "draw": None, "lr": lr} | fields | parts))


def fault_of(error: ValidationError) -> Fault:
    """The one fault that a validator of a section raised."""
    (details,) = error.errors()
    (fault,) = details["ctx"]["error"].faults
    return fault


def failing_at(rho: float, fail: Callable[[], NoReturn]) -> Any:
    """A ``Gaussian.sample`` that cannot draw rows of that correlation."""
    draw = Gaussian.sample

    def sample(self: Gaussian, *args: Any, **more: Any) -> Any:
        return fail() if self.rho == rho else draw(self, *args, **more)

    return sample


def no_rows() -> NoReturn:
    raise ValueError("no such\nrows")


def death() -> NoReturn:
    os._exit(9)  # as a process that ran out of memory


def begin_with_fault(*shared: Any) -> None:
    """In a worker's process: rows at a correlation of 0.4 cannot be drawn."""
    Gaussian.sample = failing_at(0.4, no_rows)
    workers._begin(*shared)


def begin_with_death(*shared: Any) -> None:
    """In a worker's process: it ends at a correlation of 0.4."""
    Gaussian.sample = failing_at(0.4, death)
    workers._begin(*shared)


def slowdown() -> float:
    """How many times longer this process needs than on a core of its own: limits in seconds are multiplied by it."""
    wall, cpu = time.perf_counter(), time.process_time()
    while time.process_time() - cpu < 0.1:
        sum(range(10_000))
    return (time.perf_counter() - wall) / (time.process_time() - cpu)


@contextmanager
def endless_command(folder: Path, threads: int) -> Iterator[subprocess.Popen[str]]:
    """``mi-run``, from when its first trial of two is finished; the second would take many minutes."""
    command = [
        Path(sys.executable).with_name("mi-run"), "experiment=gaussian_sweep", "sweep.training.steps=[20,1000000]",
        "sweep.dataset.rho=[0.5]", "sweep.seed=[0]", "split.test=500", "plots=[]", f"threads={threads}",
        f"hydra.run.dir={folder}",
    ]  # fmt: skip
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, start_new_session=True) as process:
        try:
            deadline = time.monotonic() + 120
            while not (folder / "results.csv").exists() and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.05)
            yield process
        finally:
            process.kill()


def members(session: int) -> list[int]:
    """Processes of a session that have not ended."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                state, _, _, theirs = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            except OSError:  # it has ended
                continue
            if int(theirs) == session and state != "Z":
                found.append(int(folder.name))
    return found


def agree(one: Estimate, other: Estimate) -> bool:
    """Whether two estimates are equal, bit for bit, with their histories."""
    plain = [replace(estimate, null=None, history={}) for estimate in (one, other)]
    nulls = [np.empty(0) if estimate.null is None else estimate.null for estimate in (one, other)]
    return plain[0] == plain[1] and np.array_equal(*nulls) and same_trace(one.history, other.history)


def same_trace(a: Mapping[str, Sequence[Any]], b: Mapping[str, Sequence[Any]]) -> bool:
    """Whether two histories are equal, bit for bit.

    How well the label is predicted is a diagnosis in float64, by LAPACK: equal to its precision.
    """
    return a.keys() == b.keys() and all(
        np.allclose(one, other, rtol=1e-9, atol=1e-15, equal_nan=True)
        if "mse" in name
        else np.array_equal(one, other, equal_nan=True)
        for name in a
        for one, other in zip(a[name], b[name], strict=True)
    )


def pointwise(source: Source, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """ln p(x, y) / p(x) p(y) of rows of a source, by scipy's densities; its mean is their MI."""
    split, both = x.shape[1], np.concatenate([x, y], 1)
    match source:
        case Normal():
            density, spread = stats.multivariate_normal, source.covariance
            more = {}
        case Student():
            density, spread = stats.multivariate_t, source.normal.covariance
            more = {"df": source.df}
        case AdditiveUniform(epsilon=epsilon):
            of_y = (np.minimum(1, y + epsilon) - np.maximum(0, y - epsilon)) / (2 * epsilon)
            return (np.log(0.5 / epsilon) - np.log(of_y)).sum(1)
        case _:
            raise TypeError(f"scipy has no density of {source}")
    parts = [(both, spread), (x, spread[:split, :split]), (y, spread[split:, split:])]
    joint, of_x, of_y = (density(np.zeros(len(shape)), shape, **more).logpdf(rows) for rows, shape in parts)
    return joint - of_x - of_y


def resembles(fault: Fault, expected: Fault) -> bool:
    """Whether a fault has the fields that are expected; what is accepted may go on, as long lists of names do."""
    accepted = expected.accepted if fault.accepted.startswith(expected.accepted) else fault.accepted
    return replace(fault, accepted=accepted) == expected


def matches(line: str, text: str) -> bool:
    """Whether a line begins with a text in which ``.*`` stands for anything."""
    return re.match(r"\.\*".join(map(re.escape, text.split(".*"))).replace(r"\.\*", ".*"), line) is not None
