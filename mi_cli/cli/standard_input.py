"""A table from standard input, kept as a file, so that a run of it can be repeated."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mi_cli.errors import ConfigError, Fault
from mi_cli.files import write_bytes
from mi_cli.tabular.files import FILES

__all__ = ["StandardInput"]

_FOLDER = Path("outputs") / "standard_input"
_FORMATS = {
    b"PAR1": ".parquet",
    b"ARROW1": ".feather",
    b"\x1f\x8b": ".csv.gz",
    b"BZh": ".csv.bz2",
    b"\xfd7zXZ\x00": ".csv.xz",
    b"\x93NUMPY": ".npy",
}  # by their first bytes
_ZIP = b"PK\x03\x04"  # .xlsx, which has a folder xl, or .npz


@dataclass
class StandardInput:
    """The standard input of one command.

    Attributes:
        file: that it is kept in, as typed; None as long as it is not read.
        made: what was made to keep it, folders first: nothing where the same input was kept before.
    """

    file: str | None = None
    made: list[Path] = field(default_factory=list)

    def paths(self, words: Sequence[str]) -> list[str]:
        """Words with the path of the file in place of ``-``.

        Raises:
            ConfigError: ``-`` is there twice, or as of :meth:`keep`.
        """
        if words.count("-") > 1:
            raise _twice()
        return [self.keep() if word == "-" else word for word in words]

    def keep(self) -> str:
        """Write it to ``outputs/standard_input``, say so, and return the path of the file.

        The file is named by a digest of its contents, so that the same input is kept once.

        Raises:
            ConfigError: standard input is closed, a terminal, empty, of no known format or read already, or the file
                cannot be written.
        """
        if self.file is not None:
            raise _twice()
        content = _content()
        path = _FOLDER / f"{hashlib.sha256(content).hexdigest()[:12]}{_suffix(content)}"
        self.file = str(path)
        if not path.exists():
            try:
                for folder in (_FOLDER.parent, _FOLDER):
                    if not folder.is_dir():
                        folder.mkdir()
                        self.made.append(folder)
                write_bytes(path, content)
            except OSError as error:
                problem = f"cannot be kept in {_FOLDER} ({error.strerror})"
                raise ConfigError(Fault("-", problem=problem, accepted="a folder that one can write to")) from None
            self.made.append(path)
        print(f"mi-run: standard input is kept in {path}", file=sys.stderr)
        return self.file

    def discard(self) -> None:
        """Remove what was made, but for folders that other files are in."""
        for path in reversed(self.made):
            try:
                path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
            except OSError:  # there are other files in the folder
                break
        self.made.clear()


def _twice() -> ConfigError:
    return ConfigError(Fault("-", problem="standard input is given twice", accepted="it once, and files"))


def _content() -> bytes:
    if sys.stdin is None:
        raise ConfigError(Fault("-", problem="standard input is closed", accepted="a table by a pipe"))
    if sys.stdin.isatty():
        problem = "standard input is a terminal"
        raise ConfigError(Fault("-", problem=problem, accepted="a table by a pipe, such as cat data.csv | mi-run -"))
    content = sys.stdin.buffer.read()
    if not content.strip():
        raise ConfigError(Fault("-", problem="standard input is empty", accepted="a table by a pipe"))
    return content


def _suffix(content: bytes) -> str:
    """The format of a table."""
    if content.startswith(_ZIP):
        return ".xlsx" if b"xl/workbook.xml" in content else ".npz"
    for start, suffix in _FORMATS.items():
        if content.startswith(start):
            return suffix
    try:
        content.decode()
    except UnicodeDecodeError:
        problem = "standard input is of no known format"
        raise ConfigError(Fault("-", problem=problem, accepted=f"a CSV in UTF-8, or the contents of {FILES}")) from None
    return ".csv"
