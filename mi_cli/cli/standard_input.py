"""A table from standard input, kept as a file, so that a run of it can be repeated."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from mi_cli.errors import ConfigError, Fault
from mi_cli.files import write_bytes
from mi_cli.tabular.files import FILES

__all__ = ["kept_input"]

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


def kept_input() -> str:
    """Write standard input to ``outputs/standard_input``, say so, and return the path of the file.

    It is named by a digest of its contents, so that the same input is kept once.

    Raises:
        ConfigError: standard input is closed, a terminal, empty or of no known format, or the file cannot be written.
    """
    if sys.stdin is None:
        raise ConfigError(Fault("-", problem="standard input is closed", accepted="a table by a pipe"))
    if sys.stdin.isatty():
        problem = "standard input is a terminal"
        raise ConfigError(Fault("-", problem=problem, accepted="a table by a pipe, such as cat data.csv | mi-run -"))
    content = sys.stdin.buffer.read()
    if not content.strip():
        raise ConfigError(Fault("-", problem="standard input is empty", accepted="a table by a pipe"))
    path = _FOLDER / f"{hashlib.sha256(content).hexdigest()[:12]}{_suffix(content)}"
    if not path.exists():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(path, content)
        except OSError as error:
            problem = f"cannot be kept in {_FOLDER} ({error.strerror})"
            raise ConfigError(Fault("-", problem=problem, accepted="a folder that one can write to")) from None
    print(f"mi-run: standard input is kept in {path}", file=sys.stderr)
    return str(path)


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
