"""The names of the tasks of a suite, as a config gives them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection

from mi_cli.errors import ConfigError, Fault

__all__ = ["task_of"]


def task_of(names: Collection[str], dataset: str) -> Callable[[str], str]:
    """A validator of ``dataset.task``.

    Args:
        names: of all tasks.
        dataset: the name of the dataset, whose yaml lists the tasks.

    Returns:
        A function that returns a name, or raises ConfigError with the three names that are most like it.
    """

    def check(name: str) -> str:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=3, cutoff=0.0)
            accepted = f"one of the {len(names)} names in dataset/{dataset}.yaml, such as {', '.join(near)}"
            raise ConfigError(Fault("dataset.task", name, "no such task", accepted))
        return name

    return check
