"""Files that are whole or absent, and digests of files."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path

__all__ = ["PACKAGE", "expanded_path", "file_digest", "write_bytes"]


PACKAGE = Path(__file__).resolve().parent  # the folder of mi_cli

_WHOLE = 1 << 30  # bytes up to which a file is read whole


_PIECES, _PIECE = 256, 1 << 20


@lru_cache(maxsize=64)
def file_digest(file: Path, size: int, changed: int) -> str:
    """The digest of a file.

    Of a file of more than a gigabyte, 256 evenly spread pieces of a megabyte are read. Its digest then also depends on
    the time of its last change.

    Args:
        file: its path.
        size: its size in bytes.
        changed: when it was last changed, in nanoseconds since the epoch.

    Raises:
        OSError: the file cannot be read.
    """
    digest = hashlib.sha256(f"{size}".encode())
    with file.open("rb") as opened:
        if size <= _WHOLE:
            return hashlib.file_digest(opened, lambda: digest).hexdigest()
        digest.update(f"{changed}".encode())
        for piece in range(_PIECES):
            opened.seek((size - _PIECE) * piece // (_PIECES - 1))
            digest.update(opened.read(_PIECE))
    return digest.hexdigest()


def expanded_path(path: str | Path) -> Path:
    """A path with ``~`` expanded; where it is the home of a user who does not exist, the path as it is.

    >>> str(expanded_path("~nobody-at-all/table.csv"))
    '~nobody-at-all/table.csv'
    """
    return Path(os.path.expanduser(path))  # noqa: PTH111 (Path.expanduser raises where there is no such user)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file atomically: if the process dies, the path has all of the data or what it had before.

    Raises:
        OSError: the file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
