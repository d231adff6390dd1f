"""Short commands for a table of one's own: ``mi-run estimate data.csv --y target`` for the overrides of an experiment.

A short command is another spelling of a command line, nothing else. What it stands for is printed, and every override
can follow it.
"""

from __future__ import annotations

import csv
import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mi_cli.cli.standard_input import kept_input
from mi_cli.errors import ConfigError, Fault, closest
from mi_cli.files import expanded_path
from mi_cli.tabular.selection import list_of_names

__all__ = ["SHORT", "ShortCommand", "expanded", "help_of", "is_table", "usage"]

_SUFFIXES = re.compile(r"\.((csv|tsv)(\.(gz|bz2|xz))?|parquet|feather|arrow|ipc|npy|npz|xlsx)$", re.IGNORECASE)
_OVERRIDE = re.compile(r"(\+\+?|~)?[A-Za-z_][\w./@:-]*=")
_WITH_VALUE = {"-cd", "-cn", "-p", "-c", "--config-dir", "--config-name", "--package", "--cfg"}
_OF_MI_RUN = {"--multirun", "--run", "--resolve", "--info", *_WITH_VALUE}


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
    """Whether a word that was typed is a file, or is spelled like a table."""
    return word == "-" or ("=" not in word and (expanded_path(word).is_file() or bool(_SUFFIXES.search(word))))


def help_of(name: str) -> str:
    """The options of a short command, each with the setting that it stands for."""
    command = SHORT[name]
    lines = [f"mi-run {name} FILE [options] [key=value ...]: short for experiment={command.experiment}", ""]
    lines += [f"  {option} COLUMN[,COLUMN ...]".ljust(34) + f"{key}=[...]" for option, key in command.options.items()]
    lines += [f"  {option} COLUMN".ljust(34) + f"{key}=..." for option, key in command.single.items()]
    lines += ["", f"Every setting of the experiment can follow as key=value. For example: {usage(name)}"]
    return "\n".join(lines)


def expanded(argv: Sequence[str]) -> list[str]:
    """The command line that a short command stands for; any other command line as it is.

    What it stands for is printed to standard error.

    Raises:
        ConfigError: no file or several are given, or an option is not known.
    """
    if not argv or argv[0] not in SHORT:
        return list(argv)
    name, command = argv[0], SHORT[argv[0]]
    files, values, rest = _read(name, command, argv[1:])
    if len(files) != 1:
        problem = "needs a file" if not files else f"takes one file, not {len(files)} ({', '.join(files)})"
        raise ConfigError(Fault(f"mi-run {name}", problem=problem, command=usage(name)))
    own = [f"experiment={command.experiment}", f"dataset.path={_text(kept_input() if files[0] == '-' else files[0])}"]
    own += [
        f"{command.options[option]}={list_of_names(given)}"
        for option, given in values.items()
        if option in command.options
    ]
    own += [
        f"{command.single[option]}={_text(given[-1])}" for option, given in values.items() if option in command.single
    ]
    whole = [*own, *rest]
    print(f"mi-run: the same as {shlex.join(['mi-run', *whole])}", file=sys.stderr)
    return whole


def _read(name: str, command: ShortCommand, words: Sequence[str]) -> tuple[list[str], dict[str, list[str]], list[str]]:
    """Files, the values of each option, and what is passed on: overrides and options of ``mi-run`` itself."""
    files: list[str] = []
    values: dict[str, list[str]] = {}
    rest: list[str] = []
    waiting = iter(words)
    for word in waiting:
        option, equals, value = word.partition("=")
        if option in command.keys:
            if not equals and (value := next(waiting, "")) == "":
                raise ConfigError(Fault(option, problem="needs a column", command=usage(name)))
            columns = [value] if option in command.single else _columns(value)
            values.setdefault(option, []).extend(columns)
        elif word in _WITH_VALUE:
            rest += [word, *([following] if (following := next(waiting, None)) is not None else [])]
        elif word.startswith("--") and option not in _OF_MI_RUN:
            raise _unknown(name, command, option)
        elif (word.startswith("-") and word != "-") or (_OVERRIDE.match(word) and not Path(word).is_file()):
            rest.append(word)
        else:
            files.append(word)
    return files, values, rest


def _unknown(name: str, command: ShortCommand, option: str) -> ConfigError:
    meant = closest(option, command.keys)
    accepted = meant or ", ".join((*command.keys, "and settings key=value"))
    return ConfigError(Fault(option, problem=f"is no option of mi-run {name}", accepted=accepted, command=usage(name)))


def _columns(value: str) -> list[str]:
    """The columns of one value: ``a,b`` are two, as ``[a, b]`` is elsewhere; ``"a, b"`` with its quotes is one."""
    inner = value[1:-1] if value.startswith("[") and value.endswith("]") else value
    (names,) = csv.reader([inner], skipinitialspace=True)
    return [name.strip() for name in names if name.strip()]


def _text(value: str) -> str:
    """A value as Hydra's grammar takes it, whatever characters it has."""
    if re.fullmatch(r"[\w./~+-]+", value) and not re.fullmatch(
        r"[\d.eE+-]+|true|false|null|nan|inf", value, re.IGNORECASE
    ):
        return value
    return "'" + value.replace("'", r"\'") + "'"
