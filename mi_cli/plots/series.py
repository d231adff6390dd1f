"""Estimators as figures of errors show them: a name and a look for each, told apart from all others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mi_cli.analysis import task_scores
from mi_cli.plots import style
from mi_cli.plots.settings import Setting, Value, setting

if TYPE_CHECKING:
    from mi_cli.analysis.task_scores import Score, Total
    from mi_cli.records.results import Records

__all__ = ["Key", "key", "looks", "read", "task", "task_labels"]

Key = tuple[Setting, str]


def read(records: Records) -> list[Score]:
    """The scores of a run."""
    return task_scores.scores(records.results.iter_rows(named=True), records.summary["axes"])


def key(found: Score | Total) -> Key:
    """What tells an estimator from the others: its setting and its method."""
    return setting(found.setting), found.method


def task(score: Score) -> Setting:
    """What a score is of."""
    return setting(score.task)


def task_labels(tasks: Sequence[Setting]) -> list[str]:
    """Tasks in words: values of what varies, words by themselves and numbers with the names of their axes."""
    axes = tasks[0].axes
    varied = [axis for axis in axes if len({task[axis] for task in tasks}) > 1] or axes[:1]
    labels = [[_value(axis, task[axis], len(varied) == 1) for axis in varied] for task in tasks]
    return [", ".join(label) or "the only task" for label in labels]


def _value(axis: str, value: Value, alone: bool) -> str:
    is_word = isinstance(value, str) and value not in ("true", "false")
    return style.value_label(axis, value) if alone or is_word else style.setting_label(Setting(((axis, value),)))


def looks(keys: Iterable[Key]) -> dict[Key, style.Look]:
    """A look for each estimator, in the order of methods; one method's settings share its colour."""
    unique = sorted(dict.fromkeys(keys), key=lambda found: style.rank(found[1]))
    of_method = _of_methods(list(dict.fromkeys(method for _, method in unique)))
    found: dict[Key, style.Look] = {}
    for method, look in of_method.items():
        same = [kept for kept, name in unique if name == method]
        told = _telling(same)
        for index, own in enumerate(same):
            rest = own.only(told)
            found[own, method] = look.among(style.setting_label(rest), index) if rest and len(same) > 1 else look
    return found


def _of_methods(methods: Sequence[str]) -> dict[str, style.Look]:
    """The look of each method; one that is not listed gets a colour of its own while there are such."""
    places = len(style.PALETTE)
    pairs = [(style.PALETTE[n % places], style.MARKERS[(n + n // places) % places]) for n in range(places**2)]
    found: dict[str, style.Look] = {}
    for method in methods:
        look = style.look(method)
        taken = [(other.colour, other.marker) for other in found.values() if other.filled == look.filled]
        colours = {colour for colour, _ in taken}
        free = [pair for pair in pairs if pair not in taken]
        apart = [pair for pair in free if pair[0] not in colours] or free
        accepted = apart if style.rank(method) == style.rank("") else free  # listed ones look the same in every figure
        if free and (look.colour, look.marker) not in accepted:
            look = replace(look, colour=apart[0][0], marker=apart[0][1])
        found[method] = look
    return found


def _telling(settings: Sequence[Setting]) -> list[str]:
    """The axes that tell settings of one method apart."""
    axes = settings[0].axes if settings else []
    return [axis for axis in axes if axis != "estimator" and len({own[axis] for own in settings}) > 1]
