"""The optuna study of a search: where it is stored, how it chooses points, and what it records of each.

A point of the space is a trial of the study. Beside its value, the study records the result rows and traces of the
point's own trials, so that a search can be resumed.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mi_cli.errors import ConfigError, Fault
from mi_cli.files import expanded_path
from mi_cli.lazy import np, optuna, optuna_journal
from mi_cli.records.results import Row
from mi_cli.registry.extras import how_to_install
from mi_cli.schema.search_space import Search
from mi_cli.schema.sweep import Trial

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial
    from optuna.trial import Trial as OptunaTrial

__all__ = [
    "REASON",
    "SAME",
    "best_point",
    "check_storage",
    "counts",
    "finished_points",
    "is_recorded",
    "open_storage",
    "open_study",
    "record",
    "recorded",
    "set_sampler_and_pruner",
]

REASON = "reason"  # attribute of a point that could not be evaluated: why
SAME = "same_as"  # attribute of a point with the same choices as an earlier one: its number
_ROWS, _HISTORY = "rows", "history_of_"
_STARTUP = 5  # points that are trained in full before any is pruned
_RANDOM = 10  # points that are chosen at random before the sampler uses what is recorded
_ADDRESS = "an address such as sqlite:///search.db"


def open_study(storage: str, name: str, *, maximise: bool) -> Study:
    """Open the study ``name``, which is made if it is missing.

    Raises:
        ConfigError: the storage cannot be used.
    """
    direction: Any = "maximize" if maximise else "minimize"
    with _faults_of(storage):
        return optuna.create_study(
            storage=open_storage(storage), study_name=name, direction=direction, load_if_exists=True
        )


def open_storage(storage: str) -> Any:
    """Open the storage of studies, a file or a database, which is made if it is missing.

    Raises:
        ConfigError: the storage cannot be used.
    """
    with _faults_of(storage):
        if _is_address(storage):
            return optuna.storages.get_storage(storage)
        backend = optuna_journal.JournalFileBackend(str(expanded_path(storage)))
        return optuna.storages.JournalStorage(backend)


@contextmanager
def _faults_of(storage: str) -> Iterator[None]:
    """Turn errors of the file system, a database or its driver into a fault of ``search.storage``."""
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        problem = f"cannot be opened ({type(error).__name__}: {reason})"
        accepted = f"a new file, one that a search has written, or {_ADDRESS}"
        raise ConfigError(Fault("search.storage", _location(storage), problem, accepted)) from None


def _is_address(storage: str) -> bool:
    return "://" in storage


def _location(storage: str) -> str | Path:
    """A storage as messages show it: paths are not cut."""
    return storage if _is_address(storage) else Path(storage)


def check_storage(storage: str | None, *, plan: bool) -> None:
    """Check that optuna is installed and that the storage, if one is given, can be used.

    With ``plan`` the storage is not opened, since that makes it.

    Raises:
        ConfigError: optuna is missing, or the storage cannot be used.
    """
    if importlib.util.find_spec("optuna") is None:
        raise ConfigError(Fault("search", "optuna", "needs optuna", command=how_to_install("search")))
    if storage is not None and not _is_address(storage):
        path = expanded_path(storage)
        if path.is_dir() or not path.absolute().parent.is_dir():
            problem = "is a folder" if path.is_dir() else "its folder does not exist"
            accepted = f"a file in a folder that exists, or {_ADDRESS}"
            raise ConfigError(Fault("search.storage", _location(storage), problem, accepted))
    if storage is not None and not plan:
        open_storage(storage)


def set_sampler_and_pruner(study: Study, section: Search, seed: int) -> None:
    """Set what chooses points and what prunes them.

    The sampler counts the points of a batch, which have no values yet, as bad, so that they differ.
    """
    study.sampler = (
        optuna.samplers.RandomSampler(seed=seed)
        if section.sampler == "random"
        else optuna.samplers.TPESampler(seed=seed, constant_liar=True, n_startup_trials=_RANDOM)
    )
    study.pruner = (
        optuna.pruners.NopPruner()
        if section.pruner == "none"
        else optuna.pruners.MedianPruner(n_startup_trials=_STARTUP)
    )


def record(
    point: OptunaTrial,
    trials: Sequence[Trial],
    rows: Mapping[int, Sequence[Row]],
    histories: Mapping[int, Mapping[str, Any]],
) -> None:
    """Record the result rows and traces of a point's trials in the study."""
    for trial in trials:
        traces = histories.get(trial.index, {})
        lists = {name: [values.tolist() for values in trace] for name, trace in traces.items()}
        point.set_user_attr(f"{_HISTORY}{trial.index}", lists)
    kept = [{key: _plain(value) for key, value in row.items()} for trial in trials for row in rows[trial.index]]
    point.set_user_attr(_ROWS, kept)


def is_recorded(point: FrozenTrial) -> bool:
    """Whether the study has result rows of a point."""
    return _ROWS in point.user_attrs


def recorded(point: FrozenTrial, index: int) -> tuple[list[Row], dict[str, Any]]:
    """Return the rows and traces that the study has of the trial ``index`` of a point."""
    rows = [row for row in point.user_attrs[_ROWS] if row["trial"] == index]
    traces = point.user_attrs.get(f"{_HISTORY}{index}", {})
    return rows, {name: tuple(map(np.array, trace)) for name, trace in traces.items()}


def finished_points(study: Study) -> list[FrozenTrial]:
    """Return the points that were evaluated, could not be, or repeat another one; not those that were interrupted."""
    points = study.get_trials(deepcopy=False)
    return [point for point in points if point.state.is_finished() and {_ROWS, SAME, REASON} & {*point.user_attrs}]


def counts(points: Sequence[FrozenTrial]) -> dict[str, int]:
    """Return the number of points by how they ended."""
    states = optuna.trial.TrialState
    names = {states.COMPLETE: "complete", states.PRUNED: "pruned", states.FAIL: "failed"}
    numbers = dict.fromkeys((*names.values(), "repeated"), 0)
    for point in points:
        numbers["repeated" if SAME in point.user_attrs else names[point.state]] += 1
    return numbers


def best_point(points: Sequence[FrozenTrial], *, maximise: bool) -> FrozenTrial | None:
    """Return the point with the best value, the first of several; None where no point has a value."""
    complete = [point for point in points if point.value is not None and SAME not in point.user_attrs]
    return max(complete, key=lambda point: (point.value or 0.0) * (1 if maximise else -1), default=None)


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
