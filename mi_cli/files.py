"""Files that are whole or absent, and digests of files."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path

__all__ = ["PACKAGE", "file_digest", "write_bytes"]


PACKAGE = Path(__file__).resolve().parent  # the folder of mi_cli

_WHOLE = 1 << 30  # bytes up to which a file is read whole


_PIECES, _PIECE = 256, 1 << 20


@lru_cache(maxsize=64)
def file_digest(file: Path, size: int, changed: int) -> str:
    """The digest of a file of this ``size`` in bytes, last ``changed`` at this time.

    Of more than a gigabyte, 256 pieces of a megabyte are read, evenly spread, and the time of its last change counts.
    """
    found = hashlib.sha256(f"{size}".encode())
    with file.open("rb") as opened:
        if size <= _WHOLE:
            return hashlib.file_digest(opened, lambda: found).hexdigest()
        found.update(f"{changed}".encode())
        for piece in range(_PIECES):
            opened.seek((size - _PIECE) * piece // (_PIECES - 1))
            found.update(opened.read(_PIECE))
    return found.hexdigest()


def write_bytes(path: Path, data: bytes) -> None:
    """A file that is there whole or not at all, whatever happens."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
