"""Words of a command line that are a file, a command or an option of a short command, where none of these can stand."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Sequence
from itertools import islice, takewhile
from pathlib import Path

from mi_cli import cli, schema
from mi_cli.cli.short_commands import SHORT, is_table
from mi_cli.errors import ABSENT, ConfigError, Fault, closest
from mi_cli.files import expanded_path
from mi_cli.tabular.files import FILES, is_known_format
from mi_cli.tabular.queries import is_url
from mi_cli.tabular.selection import typed_paths

__all__ = ["refuse_misplaced"]

_COMMANDS = (*SHORT, "show", "open", "compare", "list", "schema", "encode", "score")
_LISTED = 10_000  # files of a folder that are looked at
_ALONE = ("list", "schema")  # after which nothing can follow
_KEYS = {option: key for command in SHORT.values() for option, key in command.keys.items()}
_EXPERIMENTS = {command.experiment: name for name, command in SHORT.items()}


def refuse_misplaced(words: Sequence[str]) -> None:
    """Refuse a command line that is no short command, but has words that look as if it were meant as one.

    Args:
        words: of the command line, with a table or a command first where there is one.

    Raises:
        ConfigError: further words follow a table, an option of a short command stands without one, or the first word is
            a misspelt command or a folder.
    """
    if not words or {"--help", "-h", "--version"} & set(words):
        return
    first, *rest = words
    tables = list(takewhile(is_table, words))
    if tables == list(words):
        return
    if tables:
        raise ConfigError(_after_tables(tables, words[len(tables) :]))
    if first in _ALONE and rest:
        raise ConfigError(Fault(f"mi-run {first}", problem=f"takes no further words, such as {rest[0]}"))
    if first not in _COMMANDS and (fault := _no_command(first, rest) or _option_alone(words) or _files_alone(words)):
        raise ConfigError(fault)


def _after_tables(tables: Sequence[str], rest: Sequence[str]) -> Fault:
    if rest[0] in SHORT:
        command = _typed(rest[0], *tables, *rest[1:])
        return Fault(rest[0], problem="is a command, which stands before the file", command=command)
    options = [f"-{word}" if f"-{word}" in _KEYS else word for word in rest]
    if not any("=" in word or word.startswith("-") for word in rest):
        options = ["--y", *rest]
    problem = f"takes further words only after a command ({', '.join(SHORT)})"
    return Fault(tables[-1], problem=problem, command=_command_for(tables, options))


def _command_for(tables: Sequence[str], options: Sequence[str]) -> str:
    """The command line that was most likely meant by tables that options and settings follow."""
    experiment = next((word.removeprefix("experiment=") for word in options if word.startswith("experiment=")), None)
    if experiment is not None and (experiment not in _EXPERIMENTS or "-" in tables):
        return _typed(options[0], f"dataset.path={typed_paths(tables)}", *options[1:])
    options = [word for word in options if not word.startswith("experiment=")]
    typed = {word.partition("=")[0] for word in options} & _KEYS.keys()
    name = next((name for name in SHORT if typed <= SHORT[name].keys.keys()), "estimate")
    name = _EXPERIMENTS.get(experiment or "", name)
    names_side = any(re.match(r"--[xy]\b|--label\b|dataset\.(x|y|pair|label)=", word) for word in options)
    needed: list[str] = []
    if not names_side and SHORT[name].example.startswith(("--y ", "--label ")):
        needed = _needed(tables)
    if "--label" in SHORT[name].keys:  # it fills missing values by itself
        needed = ["--label" if word == "--y" else word for word in needed if "=" not in word]
    given = {word.partition("=")[0] for word in options}
    return _typed(name, *tables, *(word for word in needed if word.partition("=")[0] not in given), *options)


def _needed(tables: Sequence[str]) -> list[str]:
    """What ``mi-run estimate`` needs beside the tables; a column to fill in where they cannot be looked at."""
    try:
        return cli.describe_command.options_of_estimate(tables) if "-" not in tables else ["--y", "COLUMN"]
    except ConfigError:  # which the command that is printed tells
        return []


def _no_command(first: str, rest: Sequence[str]) -> Fault | None:
    """The fault of a first word that is no command, where one was most likely meant."""
    if "=" in first or first.startswith(("-", "~", "+")) or first in schema.Config.model_fields:
        return None
    meant = _EXPERIMENTS.get(first) or closest(first, _COMMANDS)
    if meant is not None:
        return Fault(first, problem="no such command", command=_typed(meant, *rest))
    if any(map(is_table, rest)):
        return Fault(first, problem="no such command", accepted=", ".join(SHORT))
    if first and not rest and expanded_path(first).is_dir():
        accepted = f"a file, {FILES}, or mi-run show FOLDER for a run"
        return Fault(first, problem="is a folder", accepted=accepted, command=_files_of(first))
    return None


def _files_of(folder: str) -> str:
    """The command that describes the tables in a folder: those of the format that most of them have."""
    tables = [path for path in islice(expanded_path(folder).iterdir(), _LISTED) if is_known_format(path)]
    if not tables:
        return ""
    suffix = Counter(path.suffix for path in tables).most_common(1)[0][0]
    return _typed(str(Path(folder, f"*{suffix}")))


def _files_alone(words: Sequence[str]) -> Fault | None:
    """The fault of files that stand by themselves among settings."""
    files = [word for word in words if (is_url(word) or "=" not in word) and word != "-" and is_table(word)]
    if not files:
        return None
    before = [word.removeprefix("dataset.path=") for word in words if word.startswith("dataset.path=")]
    cut = " ".join([*before, *files])
    paths = [cut] if before and expanded_path(cut).is_file() else [*before, *files]
    rest = [word for word in words if word not in files and not word.startswith("dataset.path=")]
    command = _typed(*rest, f"dataset.path={typed_paths(paths)}")
    if not before and not any(word.startswith("experiment=") for word in rest):
        command = _command_for(files, rest)
    return Fault(", ".join(files), problem="stands without a key", accepted="key=value", command=command)


def _short_meant(words: Sequence[str]) -> Fault | None:
    """The fault of options of a short command beside the experiment that it is short for."""
    given = [word.removeprefix("experiment=") for word in words if word.startswith("experiment=")]
    name = _EXPERIMENTS.get(given[0]) if len(given) == 1 else None
    files = [word for word in words if word.startswith("dataset.path=") or ("=" not in word and is_table(word))]
    options = [word for word in words if name is not None and word.partition("=")[0] in SHORT[name].keys]
    if name is None or not files or not options:
        return None
    rest = [word for word in words if not word.startswith("experiment=") and word not in files]
    command = _typed(name, *(file.removeprefix("dataset.path=") for file in files), *rest)
    return Fault(options[0], problem=f"is an option of mi-run {name}", command=command)


def _option_alone(words: Sequence[str]) -> Fault | None:
    """The fault of an option of a short command without such a command."""
    if (fault := _short_meant(words)) is not None:
        return fault
    for word, following in zip(words, [*words[1:], ""], strict=True):
        option, equals, value = word.partition("=")
        if option in _KEYS:
            column = value if equals else following
            name = next(name for name, command in SHORT.items() if option in command.keys)
            accepted = f"mi-run {name} FILE {option} COLUMN, or {_KEYS[option]}=[COLUMN] without a command"
            return Fault(option, column or ABSENT, "is an option of a short command", accepted)
    return None


def _typed(*words: str) -> str:
    return shlex.join(["mi-run", *words])
