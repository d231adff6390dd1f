"""The words of a short command as they were meant: what the shell has cut is joined, and keys are those that exist."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from mi_cli import schema
from mi_cli.errors import closest
from mi_cli.tabular.queries import is_url

__all__ = ["FILE_KEYS", "mended"]

_KEY = re.compile(r"[+~]*[A-Za-z_][\w./@-]*")
FILE_KEYS = ("data", "file", "path")
_SAME = {  # what other commands and programs call an option
    **dict.fromkeys(("label", "target", "outcome"), ("--y", "--label")),
    "y": ("--label",),
    **dict.fromkeys(("z", "given", "condition"), ("--given",)),
    **dict.fromkeys(("features", "columns"), ("--x",)),
    "group": ("--groups",),
}


def mended(words: Sequence[str], options: Collection[str]) -> list[str]:
    """The words as they were most likely meant.

    >>> " ".join(mended(["a.csv", "--x", "[b,", "c]", "--seed", "3", "units", "=", "bits"], ["--x", "--y"]))
    'a.csv --x b,c seed=3 units=bits'
    """
    found: list[str] = []
    place = 0
    while place < len(words):
        meant, used = _next(words[place:], options)
        found += meant
        place += used
    return found


def _next(words: Sequence[str], options: Collection[str]) -> tuple[list[str], int]:
    """What the first of some words means, and how many words that is."""
    word, rest = words[0], words[1:]
    key, equals, value = word.partition("=")
    if is_url(word):
        cut = _plain(rest, allows_files=True)
        return [" ".join([word, *rest[:cut]])], 1 + cut
    if key in options and not equals and rest:
        cut = _plain(rest[1:])
        names = re.split(r"[,\s]+", " ".join(rest[: 1 + cut]).strip("[], ")) if cut else [rest[0]]
        return [word, ",".join(names)], 2 + cut
    if word.startswith("-") and word != "-":
        return _of_option(key, equals, value, rest, options)
    if rest[:1] == ["="] and len(rest) > 1:
        return _setting(key, rest[1], options), 3
    if equals and not value and rest:
        return _setting(key, rest[0], options), 2
    if equals and (opened := _open(word)):
        end = next((at for at in range(1, len(rest) + 1) if not _open(" ".join(words[: at + 1]))), 0)
        return [" ".join(words[: end + 1])] if opened and end else [word], 1 + end
    if equals:
        return _setting(key, value, options), 1
    if _is_setting(word) and rest and not rest[0].startswith("-"):
        return [f"{word}={rest[0]}"], 2
    return [word], 1


def _of_option(
    option: str, equals: str, value: str, rest: Sequence[str], options: Collection[str]
) -> tuple[list[str], int]:
    """A word with dashes: an option as the command calls it, or a setting, which has none."""
    name = option.lstrip("-")
    same = next((one for one in (f"--{name}", *_SAME.get(name, ())) if one in options), closest(option, options))
    if same is not None:
        return [same + equals + value], 1
    if _is_setting(name) and (equals or rest):
        return [f"{name}={value if equals else rest[0]}"], 1 if equals else 2
    return [option + equals + value], 1


def _setting(key: str, value: str, options: Collection[str]) -> list[str]:
    """A setting, or what is an option or the file here."""
    if key in (*FILE_KEYS, "dataset.path"):
        return [value]
    if f"--{key}" in options:
        return [f"--{key}", value.strip("[]")]
    return [f"{key}={value}"]


def _is_setting(word: str) -> bool:
    return _KEY.fullmatch(word) is not None and word.split(".")[0] in schema.Config.model_fields


def _open(text: str) -> bool:
    """Whether a bracket is open."""
    return text.count("[") > text.count("]") or text.count("{") > text.count("}")


def _plain(words: Sequence[str], allows_files: bool = False) -> int:
    """How many words at the beginning are no options, settings or files."""
    for at, word in enumerate(words):
        key = word.partition("=")[0]
        if word.startswith("--") or word in ("-m", "-") or (key != word and _is_setting(key)):
            return at
        if not allows_files and (_is_setting(word) or re.search(r"\.\w+$", word) or is_url(word)):
            return at
    return len(words)
