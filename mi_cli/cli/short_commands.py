"""Short commands for a table of one's own: ``mi-run estimate data.csv --y target`` for the overrides of an experiment.

A short command is another spelling of a command line, nothing else. What it stands for is printed, and every override
can follow it.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mi_cli.cli.mended_words import FILE_KEYS, mended
from mi_cli.cli.standard_input import StandardInput
from mi_cli.errors import ConfigError, Fault, closest
from mi_cli.files import expanded_path
from mi_cli.tabular.queries import is_url
from mi_cli.tabular.selection import list_of_names, typed_paths, typed_value
from mi_cli.tabular.stack import files_of_glob, is_glob

__all__ = ["SHORT", "ShortCommand", "expanded", "help_of", "is_table", "typed_option", "usage"]

_SUFFIXES = re.compile(r"\.((csv|tsv)(\.(gz|bz2|xz))?|parquet|feather|arrow|ipc|npy|npz|xlsx)$", re.IGNORECASE)
_OVERRIDE = re.compile(r"(\+\+?|~)?[A-Za-z_][\w./@:-]*=")
_COLUMN = re.compile(r'\s*(?:"((?:[^"]|"")*)"\s*|([^,]*))(?:,|$)')  # of a list; in quotes it may have commas
_WITH_VALUE = {"-cd", "-cn", "-p", "-c", "--config-dir", "--config-name", "--package", "--cfg"}
_INFO = {"-i", "--info"}
_INFOS = {"all", "config", "defaults", "defaults-tree", "plugins", "searchpath"}  # that may follow --info
_OF_MI_RUN = {"-m", "--multirun", "-r", "--run", "--resolve", *_INFO, *_WITH_VALUE}


@dataclass(frozen=True)
class ShortCommand:
    """What a short command stands for.

    Args:
        experiment: that it runs.
        example: of its options, without the file.
        options: the key of a list of columns, by the option's name; all may be given several times.
        single: the key of one value, by the option's name.
    """

    experiment: str
    example: str
    options: dict[str, str]
    single: dict[str, str] = field(default_factory=dict)

    @property
    def keys(self) -> dict[str, str]:
        """The key of every option."""
        return self.options | self.single


_SIDES = {"--x": "dataset.x", "--y": "dataset.y"}
_LABEL = {"--label": "dataset.label", "--x": "dataset.x"}
_TIME = {"--time": "dataset.time", "--groups": "dataset.groups"}
_LEFT_OUT = {"--exclude": "dataset.exclude"}

SHORT = {
    "estimate": ShortCommand("estimate", "--y target", _SIDES | {"--given": "dataset.z"} | _LEFT_OUT, _TIME),
    "pairs": ShortCommand("pairwise", "[--y target]", _SIDES | {"--given": "dataset.z"} | _LEFT_OUT, _TIME),
    "select": ShortCommand("select", "--y target", _SIDES | _LEFT_OUT),
    "represent": ShortCommand("represent", "--label target", _LABEL | _LEFT_OUT),
    "lags": ShortCommand("lags", "--time date --x rain --y river", _SIDES | _LEFT_OUT, _TIME),
    "transfer": ShortCommand("transfer_entropy", "--time date", _SIDES | _LEFT_OUT, _TIME),
    "interaction": ShortCommand("interaction", "--x a,b,c", {"--x": "dataset.x"} | _LEFT_OUT),
}  # fmt: skip


def usage(name: str) -> str:
    """A short command as one types it."""
    return f"mi-run {name} data.csv {SHORT[name].example}"


def is_table(word: str) -> bool:
    """Whether a word that was typed is a file, a glob of files or a URL, or is spelled like a table."""
    if word == "-" or is_url(word) or expanded_path(word).is_file():
        return True
    return "=" not in word and bool(_SUFFIXES.search(word) or (is_glob(word) and files_of_glob(word)))


def typed_option(option: str, column: str) -> str:
    """An option with a column as one types it in a shell, whatever characters the name has.

    >>> print(typed_option("--y", "age"), typed_option("--y", "weight, kg"), typed_option("--y", "--dose"))
    --y age --y '"weight, kg"' --y=--dose
    """
    plain = column == column.strip() and not column.startswith("[") and not set(column) & set(',"')
    value = column if plain else '"' + column.replace('"', '""') + '"'
    return shlex.quote(f"{option}={value}") if value.startswith("--") else f"{option} {shlex.quote(value)}"


def help_of(name: str) -> str:
    """The options of a short command, each with the setting that it stands for."""
    command = SHORT[name]
    lines = [f"mi-run {name} FILE ... [options] [key=value ...]: short for experiment={command.experiment}", ""]
    lines += [f"  {option} COLUMN[,COLUMN ...]".ljust(34) + f"{key}=[...]" for option, key in command.options.items()]
    lines += [f"  {option} COLUMN".ljust(34) + f"{key}=..." for option, key in command.single.items()]
    lines += ["", f"Every setting of the experiment can follow as key=value. For example: {usage(name)}"]
    return "\n".join(lines)


def expanded(argv: Sequence[str], standard_input: StandardInput | None = None) -> list[str]:
    """The command line that a short command stands for; any other command line as it is.

    What it stands for is printed to standard error.

    Args:
        argv: what was typed.
        standard_input: what ``-`` stands for.

    Raises:
        ConfigError: no file is given, an option is not known, or another experiment is named.
    """
    standard_input = standard_input or StandardInput()
    argv = _command_first(argv)
    if not argv or argv[0] not in SHORT:
        return argv
    name, command = argv[0], SHORT[argv[0]]
    try:
        files, values, rest = _checked(name, command, argv[1:])
    except ConfigError as error:
        (fault,) = error.faults
        raise ConfigError(replace(fault, command=_better(name, argv[1:], fault.command))) from None
    if other := next((text for text in rest if text.startswith("experiment=")), None):
        problem = f"cannot follow mi-run {name}, which is short for experiment={command.experiment}"
        raise ConfigError(Fault("experiment", other.partition("=")[2], problem, command=usage(name)))
    paths = standard_input.paths(files)
    own = [f"experiment={command.experiment}", f"dataset.path={typed_paths(paths)}"]
    own += [
        f"{command.options[option]}={list_of_names(given)}"
        for option, given in values.items()
        if option in command.options
    ]
    own += [
        f"{command.single[option]}={typed_value(given[0])}"
        for option, given in values.items()
        if option in command.single
    ]
    whole = [*own, *rest]
    print(f"mi-run: the same as {shlex.join(['mi-run', *whole])}", file=sys.stderr)
    return whole


def _checked(
    name: str, command: ShortCommand, words: Sequence[str]
) -> tuple[list[str], dict[str, list[str]], list[str]]:
    """The words as :func:`_read` has them.

    Raises:
        ConfigError: there is no file, or a word that is none; or an option or a setting is not known.
    """
    files, values, rest = _read(name, command, words)
    others = [word for word in files[1:] if not is_table(word)]
    if not files or others:
        are = "is no file" if len(others) == 1 else "are no files"
        problem = f"takes files and options, and {', '.join(others)} {are}" if others else "needs a file"
        tables = [word for word in files if word not in others]
        raise ConfigError(Fault(f"mi-run {name}", problem=problem, command=_meant(name, tables, others)))
    for word in rest:
        key, equals, value = word.partition("=")
        names_file = key in (*FILE_KEYS, "dataset.path")
        if equals and (names_file or f"--{key}" in command.keys):
            accepted = "FILE" if names_file else f"--{key} COLUMN"
            raise ConfigError(Fault(key, value, f"is no setting of mi-run {name}", accepted, usage(name)))
    return files, values, rest


def _better(name: str, words: Sequence[str], command: str) -> str:
    """The command line that was most likely meant; ``command`` where none can be told."""
    meant = mended(words, SHORT[name].keys)
    try:
        _checked(name, SHORT[name], meant)
    except ConfigError as error:
        return error.faults[0].command if meant != list(words) and not error.faults[0].key.startswith("-") else command
    return shlex.join(["mi-run", name, *meant]) if meant != list(words) else command


def _command_first(argv: Sequence[str]) -> list[str]:
    """A command line with its command or its table before the options of ``mi-run`` that stand before it."""
    at = 0
    while at < len(argv) and argv[at].partition("=")[0] in _OF_MI_RUN:
        takes_next = argv[at] in _WITH_VALUE or (argv[at] in _INFO and set(argv[at + 1 : at + 2]) <= _INFOS)
        at += 2 if takes_next else 1
    moves = at < len(argv) and (argv[at] in SHORT or is_table(argv[at]))
    return [*argv[at:], *argv[:at]] if moves else list(argv)


def _read(name: str, command: ShortCommand, words: Sequence[str]) -> tuple[list[str], dict[str, list[str]], list[str]]:
    """Files, the values of each option, and what is passed on: overrides and options of ``mi-run`` itself."""
    files: list[str] = []
    values: dict[str, list[str]] = {}
    rest: list[str] = []
    waiting = list(reversed(words))
    while waiting:
        word = waiting.pop()
        option, equals, value = word.partition("=")
        if option in command.keys:
            if not equals:
                value = waiting.pop() if waiting and not waiting[-1].startswith("--") else ""
            found = _columns(value)
            values.setdefault(option, []).extend(found)
            _check(name, command, option, values[option] if found else [])
        elif word.startswith("-") and word != "-" and option not in _OF_MI_RUN:
            raise _unknown(name, command, option)
        elif word.startswith("-") and word != "-":
            takes_next = word in _WITH_VALUE or (word in _INFO and waiting[-1:] and waiting[-1] in _INFOS)
            rest += [word, *([waiting.pop()] if takes_next and waiting else [])]
        elif not is_url(word) and _OVERRIDE.match(word) and not Path(word).is_file():
            rest.append(word)
        else:
            files.append(word)
    return files, values, rest


def _check(name: str, command: ShortCommand, option: str, columns: Sequence[str]) -> None:
    """Refuse an option without a column, and several columns where one is expected."""
    if not columns:
        accepted = f"the name of a column, and {option}=NAME where it begins with --"
        raise ConfigError(Fault(option, problem="has no column", accepted=accepted, command=usage(name)))
    if option in command.single and len(set(columns)) > 1:
        accepted = "one column; a name with a comma stands in double quotes within single ones"
        raise ConfigError(Fault(option, ", ".join(columns), f"has {len(columns)} columns", accepted))


def _meant(name: str, files: Sequence[str], others: Sequence[str]) -> str:
    """What was meant by a command line without a file, or with words beside files that are most likely columns."""
    if not others:
        return usage(name)
    option = next(word for word in ("--label", "--y", "--x") if word in SHORT[name].keys)
    return shlex.join(["mi-run", name, *files, option, ",".join(others)])


def _unknown(name: str, command: ShortCommand, option: str) -> ConfigError:
    meant = closest(option, command.keys)
    accepted = meant or ", ".join((*command.keys, "and settings key=value"))
    if Path(option).is_file():
        accepted = f"./{option} for the file of this name"
    return ConfigError(Fault(option, problem=f"is no option of mi-run {name}", accepted=accepted, command=usage(name)))


def _columns(value: str) -> list[str]:
    """The columns of one value: ``a,b`` are two, as ``[a, b]`` is elsewhere; ``"a, b"`` with its quotes is one."""
    inner = value[1:-1] if value.startswith("[") and value.endswith("]") else value
    names = [
        plain.strip() if plain else in_quotes.replace('""', '"') for in_quotes, plain in _COLUMN.findall(inner.strip())
    ]
    return [name for name in names if name.strip()]
