"""Words of a command line that are a file, a command or an option of a short command, where none of these can stand."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from mi_cli import schema
from mi_cli.cli.short_commands import SHORT, is_table
from mi_cli.errors import ABSENT, ConfigError, Fault, closest
from mi_cli.files import expanded_path
from mi_cli.tabular.files import FILES

__all__ = ["refuse_misplaced"]

_COMMANDS = (*SHORT, "show", "open", "compare", "list", "schema", "encode", "score")
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
    if is_table(first) and rest:
        raise ConfigError(_after_table(first, rest))
    if first in _ALONE and rest:
        raise ConfigError(Fault(f"mi-run {first}", problem=f"takes no further words, such as {rest[0]}"))
    if first not in _COMMANDS and (fault := _no_command(first, rest) or _option_alone(words)):
        raise ConfigError(fault)


def _after_table(table: str, rest: Sequence[str]) -> Fault:
    if others := [word for word in rest if is_table(word)]:
        return Fault("mi-run", problem=f"takes one file, not {1 + len(others)} ({', '.join([table, *others])})")
    if rest[0] in SHORT:
        command = _typed(rest[0], table, *rest[1:])
        return Fault(rest[0], problem="is a command, which stands before the file", command=command)
    options = [f"-{word}" if f"-{word}" in _KEYS else word for word in rest]
    if not any("=" in word or word.startswith("-") for word in rest):
        options = ["--y", *rest]
    problem = f"takes further words only after a command ({', '.join(SHORT)})"
    return Fault(table, problem=problem, command=_typed("estimate", table, *options))


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
        return Fault(first, problem="is a folder", accepted=f"a file, {FILES}, or mi-run show FOLDER for a run")
    return None


def _option_alone(words: Sequence[str]) -> Fault | None:
    """The fault of an option of a short command without such a command."""
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
