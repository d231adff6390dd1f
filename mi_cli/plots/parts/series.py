"""Estimators and tasks as plots of errors show them: a look for each estimator, a label for each task."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from mi_cli.analysis import task_scores
from mi_cli.analysis.task_scores import Score, Total
from mi_cli.plots.parts.labels import setting_label, value_label
from mi_cli.plots.parts.looks import MARKERS, PALETTE, Look, look, rank
from mi_cli.plots.parts.settings import Setting, Value
from mi_cli.records.results import Records

__all__ = ["Key", "key", "looks", "scores", "task", "task_labels"]

Key = tuple[Setting, str]  # an estimator: its setting and its method


def scores(records: Records) -> list[Score]:
    """Return the score of each estimator on each task of a run."""
    return task_scores.scores(records.results.iter_rows(named=True), records.summary["axes"])


def key(score: Score | Total) -> Key:
    """Return the estimator of a score."""
    return Setting.from_pairs(score.setting), score.method


def task(score: Score) -> Setting:
    """Return the task of a score."""
    return Setting.from_pairs(score.task)


def task_labels(tasks: Sequence[Setting]) -> list[str]:
    """Return labels of tasks: the values in which they differ, words alone and numbers with the name of the axis."""
    axes = tasks[0].axes
    varied = [axis for axis in axes if len({task[axis] for task in tasks}) > 1] or axes[:1]
    labels = [[_value(axis, task[axis], len(varied) == 1) for axis in varied] for task in tasks]
    return [", ".join(label) or "the only task" for label in labels]


def _value(axis: str, value: Value, alone: bool) -> str:
    is_word = isinstance(value, str) and value not in ("true", "false")
    return value_label(axis, value) if alone or is_word else setting_label(Setting(((axis, value),)))


def looks(keys: Iterable[Key]) -> dict[Key, Look]:
    """Return a look for each estimator, in the order of methods. Settings of one method share its colour."""
    unique = sorted(dict.fromkeys(keys), key=lambda own: rank(own[1]))
    by_method = _method_looks(list(dict.fromkeys(method for _, method in unique)))
    by_key: dict[Key, Look] = {}
    for method, base in by_method.items():
        settings = [setting for setting, name in unique if name == method]
        varied = _varied_axes(settings)
        for index, setting in enumerate(settings):
            rest = setting.only(varied)
            is_one_of_several = rest and len(settings) > 1
            by_key[setting, method] = base.among(setting_label(rest), index) if is_one_of_several else base
    return by_key


def _method_looks(methods: Sequence[str]) -> dict[str, Look]:
    """The look of each method. Methods without a look of their own get different colours as long as there are any."""
    n = len(PALETTE)
    pairs = [(PALETTE[i % n], MARKERS[(i + i // n) % n]) for i in range(n**2)]
    by_method: dict[str, Look] = {}
    for method in methods:
        own = look(method)
        taken = [(other.colour, other.marker) for other in by_method.values() if other.filled == own.filled]
        colours = {colour for colour, _ in taken}
        free = [pair for pair in pairs if pair not in taken]
        new_colours = [pair for pair in free if pair[0] not in colours] or free
        # A method that is listed looks the same in every figure.
        accepted = new_colours if rank(method) == rank("") else free
        if free and (own.colour, own.marker) not in accepted:
            own = replace(own, colour=new_colours[0][0], marker=new_colours[0][1])
        by_method[method] = own
    return by_method


def _varied_axes(settings: Sequence[Setting]) -> list[str]:
    """The axes in which settings of one method differ."""
    axes = settings[0].axes if settings else []
    return [axis for axis in axes if axis != "estimator" and len({own[axis] for own in settings}) > 1]
