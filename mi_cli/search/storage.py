"""A search's study, kept by optuna on disk: opened, told how to choose, and read. optuna is imported late."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mi_cli.errors import ConfigError
from mi_cli.schema.search_space import Search

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

__all__ = [
    "HISTORY",
    "REASON",
    "ROWS",
    "SAME",
    "best",
    "check_storage",
    "connected",
    "counts",
    "finished",
    "guide",
    "opened",
]

ROWS, HISTORY, REASON, SAME = "rows", "history_of_", "reason", "same_as"  # what is kept of a point beside its value
_STARTUP = 5  # points that are trained in full before any is pruned
_RANDOM = 10  # points that are chosen at random before any by what is known


def opened(storage: str, name: str, *, maximise: bool) -> Study:
    """The study ``name``, which is made if it is not there.

    Raises:
        ConfigError: the storage cannot be used.
    """
    import optuna

    direction: Any = "maximize" if maximise else "minimize"
    with _in_one_line(storage):
        return optuna.create_study(
            storage=connected(storage), study_name=name, direction=direction, load_if_exists=True
        )


def connected(storage: str) -> Any:
    """What studies are kept in, which is made if it is not there.

    Raises:
        ConfigError: it cannot be used.
    """
    import optuna
    from optuna.storages.journal import JournalFileBackend

    with _in_one_line(storage):
        if "://" in storage:
            return optuna.storages.get_storage(storage)
        return optuna.storages.JournalStorage(JournalFileBackend(str(Path(storage).expanduser())))


@contextmanager
def _in_one_line(storage: str) -> Iterator[None]:
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:  # of the file system, a database or its driver
        reason = " ".join(str(error).split())[:200]
        raise ConfigError(
            f"search.storage={storage}: cannot be opened ({type(error).__name__}: {reason}); accepted: a new file, one "
            "that a search has written, or an address such as sqlite:///search.db"
        ) from None


def guide(study: Study, section: Search, seed: int) -> None:
    """Give a study its sampler and pruner.

    The points of a batch, whose values are not known yet, count as bad, so that they differ.
    """
    from optuna import pruners, samplers

    study.sampler = (
        samplers.RandomSampler(seed=seed)
        if section.sampler == "random"
        else samplers.TPESampler(seed=seed, constant_liar=True, n_startup_trials=_RANDOM)
    )
    study.pruner = pruners.NopPruner() if section.pruner == "none" else pruners.MedianPruner(n_startup_trials=_STARTUP)


def finished(study: Study) -> list[FrozenTrial]:
    """Points that were evaluated, could not be, or are the same as one that was; not those that were interrupted."""
    trials = study.get_trials(deepcopy=False)
    return [trial for trial in trials if trial.state.is_finished() and {ROWS, SAME, REASON} & {*trial.user_attrs}]


def counts(trials: Sequence[FrozenTrial]) -> dict[str, int]:
    """Points by how they ended."""
    from optuna.trial import TrialState

    names = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}
    found = dict.fromkeys((*names.values(), "repeated"), 0)
    for trial in trials:
        found["repeated" if SAME in trial.user_attrs else names[trial.state]] += 1
    return found


def best(trials: Sequence[FrozenTrial], *, maximise: bool) -> FrozenTrial | None:
    """The point of the best value, the first of several; None where none has one."""
    complete = [trial for trial in trials if trial.value is not None and SAME not in trial.user_attrs]
    return max(complete, key=lambda trial: (trial.value or 0.0) * (1 if maximise else -1), default=None)


def check_storage(storage: str | None, *, plan: bool) -> None:
    """Raise ConfigError if optuna is missing, or a study cannot be kept where it is to be; to ``plan``, none is."""
    if importlib.util.find_spec("optuna") is None:
        raise ConfigError("search=optuna: needs optuna; pip install 'mi-cli[search]'")
    if storage is not None and "://" not in storage:
        path = Path(storage).expanduser()
        if path.is_dir() or not path.absolute().parent.is_dir():
            raise ConfigError(f"search.storage={storage}: accepted: a file in a folder that is there, or an address")
    if storage is not None and not plan:
        connected(storage)
