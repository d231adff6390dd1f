"""What tells whether a recorded trial is the one that is wanted: its settings, the data it reads, and the code."""

from __future__ import annotations

import hashlib
import importlib.metadata
from functools import lru_cache
from pathlib import Path

__all__ = ["code", "file_digest"]

# What makes no number of a trial's: words, pictures, and which trials there are and where they go.
_SHOWS = (
    "plots page trackers configs again.py arguments.py claims.py cli.py collect.py composition.py "
    "config_sources.py dispatch.py estimates.py faults.py fingerprints.py folders.py forking.py handing.py journal.py "
    "launching.py logs.py objective.py output.py overview.py points.py provenance.py report.py report_cli.py "
    "reuse.py runner.py search.py shards.py space.py spreading.py study.py tables.py trust.py"
)
_VERSIONS = ("torch", "numpy", "scipy", "scikit-learn")
_WHOLE = 1 << 30  # bytes up to which a file is read whole
_PIECES, _PIECE = 256, 1 << 20


@lru_cache(maxsize=1)
def code() -> str:
    """The digest of all code that trials are computed by, and the versions of what it computes with."""
    package = Path(__file__).resolve().parent
    found = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        if path.relative_to(package).parts[0] not in _SHOWS.split():
            found.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
    for name in _VERSIONS:
        found.update(f"{name} {importlib.metadata.version(name)}".encode())
    return found.hexdigest()


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
