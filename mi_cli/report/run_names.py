"""Names of runs: the fewest settings that tell runs of one experiment apart, then the date where none differs."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mi_cli.fields import Affects, Rule
from mi_cli.records.saved_config import by_path
from mi_cli.schema.effects import affecting, ruled
from mi_cli.schema.groups import GROUPS
from mi_cli.schema.sweep import axes

if TYPE_CHECKING:
    from mi_cli.report.recorded_run import RecordedRun

__all__ = ["is_compared", "named", "settings_of", "text_of"]

_FIRST = ("estimator", "dataset", "dataset.path", "dataset.x", "dataset.y", "dataset.z", "budget", "variant")
_UNNAMED = {"name", "sweep", "claims", "plots", "tables"}
# Settings in which runs may differ without being said to differ: they change no number. The last two leave a file more.
_NOT_COMPARED = (*ruled(Rule.NOT_COMPARED), "estimator.keep", "evaluation.pointwise")
_LAST = {path for path in affecting(Affects.NOTHING) if path not in GROUPS}
_MOST_TRIED = 20_000  # sets of settings; beyond these, settings are chosen one by one
_LONGEST = 32  # characters of a value
_RANGE = 4  # consecutive whole numbers, from which on they are written as a range
_STAMP = re.compile(r"(\d{4}-\d\d-\d\d)_(\d\d)-(\d\d)-(\d\d)_[0-9a-f]{6}")


def named(runs: Sequence[RecordedRun]) -> list[str]:
    """Return a name for each run, each name once.

    A name has the experiment, if there are several; then the fewest settings that tell the run apart from the others
    of that experiment, such as ``estimator=dv, training.lr=0.01``. Runs in which no setting differs have the date as
    well, or the path of the folder where the folder is not named by the date, or several have the same.
    """
    several = len({run.experiment for run in runs}) > 1
    names = [run.experiment if several else "" for run in runs]
    for experiment in dict.fromkeys(run.experiment for run in runs):
        members = [index for index, run in enumerate(runs) if run.experiment == experiment]
        for index, text in zip(members, _setting_texts([runs[index] for index in members]), strict=True):
            names[index] = _joined(names[index], text)
    return _told_apart(names, runs)


def is_compared(path: str) -> bool:
    """Whether runs that differ in a setting are said to differ.

    >>> is_compared("training.lr"), is_compared("reuse"), is_compared("search.storage")
    (True, False, False)
    """
    return not any(path == left_out or path.startswith(f"{left_out}.") for left_out in _NOT_COMPARED)


def settings_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a config by dotted path: a swept one has the list of its values, a group its option.

    >>> settings_of({"seed": 0, "estimator": {"name": "dv", "ema": 1}, "sweep": {"seed": [0, 1]}})
    {'seed': [0, 1], 'estimator': 'dv', 'estimator.ema': 1}
    """
    flat = dict(by_path({key: value for key, value in config.items() if key != "sweep"}))
    for path, values in sorted(axes(config).items(), key=lambda item: item[0].count(".")):
        if path not in GROUPS:
            flat[path] = values
            continue
        flat = {key: value for key, value in flat.items() if not key.startswith(f"{path}.")}
        options = [dict(by_path(value)) if isinstance(value, Mapping) else {"name": value} for value in values]
        for key in dict.fromkeys(key for option in options for key in option if key != "option"):
            column = [option.get(key) for option in options]
            alike = key != "name" and len({repr(value) for value in column}) == 1
            flat[f"{path}.{key}"] = column[0] if alike else column
    return {_of_group(path): value for path, value in flat.items()}


def _of_group(path: str) -> str:
    """The path of a group, for that of its option's name."""
    group = path.removesuffix(".name")
    return group if group in GROUPS else path


def _setting_texts(runs: Sequence[RecordedRun]) -> list[str]:
    """The settings that tell these runs apart, as text for each run; empty texts where none differs."""
    values = [{path: text_of(value) for path, value in settings_of(run.config).items()} for run in runs]
    paths = _fewest(_ranked(values, runs), values)
    needed = [_needed(paths, own, values) for own in values]
    return [
        _joined(*(f"{path}={own[path]}" for path in some if path in own))
        for some, own in zip(needed, values, strict=True)
    ]


def _needed(paths: Sequence[str], own: Mapping[str, str], values: Sequence[Mapping[str, str]]) -> Sequence[str]:
    """The fewest of ``paths`` that tell a run apart from all that differ from it in one of them."""
    others = [other for other in values if any(other.get(path) != own.get(path) for path in paths)]
    for count in range(1, len(paths)):
        for some in itertools.combinations(paths, count):
            shown = any(path in own for path in some)
            if shown and all(any(other.get(path) != own.get(path) for path in some) for other in others):
                return some
    return paths


def _ranked(values: Sequence[Mapping[str, str]], runs: Sequence[RecordedRun]) -> list[str]:
    """The settings that differ, those that people choose runs by before others."""
    all_paths = dict.fromkeys(path for own in values for path in own)
    differing = [path for path in all_paths if path.split(".")[0] not in _UNNAMED and is_compared(path)]
    differing = [path for path in differing if len({own.get(path) for own in values}) > 1]
    chosen = {_of_group(_key(text)) for run in runs for text in run.overrides} | {
        path for run in runs for path in run.axes
    }

    def rank(path: str) -> int:
        if path in _FIRST:
            return _FIRST.index(path)
        if path in _LAST or path.split(".")[0] in _LAST:
            return len(_FIRST) + 3
        return len(_FIRST) + (1 if path == "seed" else 0 if path in chosen else 2)

    return sorted(differing, key=rank)


def _key(override: str) -> str:
    """The path that an override of the command line sets."""
    return override.lstrip("+~").partition("=")[0].removeprefix("sweep.")


def _fewest(ranked: Sequence[str], values: Sequence[Mapping[str, str]]) -> list[str]:
    """The fewest of the settings that tell as many runs apart as all of them; of equally few, the first in rank."""
    classes: dict[tuple[str | None, ...], str] = {}
    for path in ranked:
        column = [own.get(path) for own in values]
        numbers = {value: str(number) for number, value in enumerate(dict.fromkeys(column))}
        classes.setdefault(tuple(numbers[value] for value in column), path)  # others tell the same runs apart
    columns = {path: column for column, path in classes.items()}

    def told(paths: Iterable[str]) -> int:
        return len(set(zip(*(columns[path] for path in paths), strict=True)))

    wanted = told(columns) if columns else 0
    for count in range(1, len(columns) + 1):
        if math.comb(len(columns), count) > _MOST_TRIED:
            break
        for paths in itertools.combinations(columns, count):
            if told(paths) == wanted:
                return list(paths)
    return _one_by_one(list(columns), wanted, told) if columns else []


def _one_by_one(paths: Sequence[str], wanted: int, told: Any) -> list[str]:
    """Settings chosen one after another, each the one that tells the most runs apart."""
    chosen: list[str] = []
    while not chosen or told(chosen) < wanted:
        chosen.append(max((path for path in paths if path not in chosen), key=lambda path: told([*chosen, path])))
    for path in list(chosen):
        rest = [other for other in chosen if other != path]
        if rest and told(rest) == wanted:
            chosen = rest
    return [path for path in paths if path in chosen]


def text_of(value: Any) -> str:
    """A value of a setting as it may be typed, cut in its middle where it is long."""
    if isinstance(value, list) and len(value) == 1:
        return text_of(value[0])
    if isinstance(value, str):
        return value
    if isinstance(value, list) and len(value) >= _RANGE and _is_range(value):
        return f"[{value[0]}..{value[-1]}]"
    text = json.dumps(value, ensure_ascii=False, default=str, separators=(",", ":")).replace('"', "")
    if len(text) > _LONGEST and isinstance(value, list):
        text = f"{text[: _LONGEST // 2]}…{text[-_LONGEST // 3 :]}"
    return text


def _is_range(values: Sequence[Any]) -> bool:
    whole = all(isinstance(value, int) and not isinstance(value, bool) for value in values)
    return whole and list(values) == list(range(values[0], values[0] + len(values)))


def _date(run: RecordedRun) -> str:
    """When a run began, as its folder is named; an empty text where somebody chose another name for the folder."""
    found = _STAMP.fullmatch(run.folder.name)
    return f"{found[1]} {found[2]}:{found[3]}:{found[4]}" if found else ""


def _told_apart(names: Sequence[str], runs: Sequence[RecordedRun]) -> list[str]:
    """The names; those that are empty, or the same as others, with the date, or the path where dates agree as well."""
    dated = [_joined(name, _date(run)) for name, run in zip(names, runs, strict=True)]
    counts, counts_dated = Counter(names), Counter(dated)
    return [
        name
        if name and counts[name] == 1
        else with_date
        if with_date != name and counts_dated[with_date] == 1
        else _joined(name, run.path)
        for name, with_date, run in zip(names, dated, runs, strict=True)
    ]


def _joined(*parts: str) -> str:
    return ", ".join(filter(None, parts))
