"""Files that are whole or not there, and standard output that may end before what is printed does."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["OutputError", "printing", "silence", "write_bytes"]


class OutputError(Exception):
    """Standard output cannot be written to; whatever goes to files is there."""


@contextmanager
def printing() -> Iterator[None]:
    """See that what is printed inside reaches standard output; a closed pipe is no fault, and the rest is dropped.

    Raises:
        OutputError: it cannot be written to.
    """
    complains, logging.raiseExceptions = logging.raiseExceptions, False  # Hydra prints by way of logging
    try:
        yield
        print(end="", flush=True)
    except BrokenPipeError:
        silence(1)
    except OSError as error:
        silence(1)
        reason = error.strerror or type(error).__name__
        raise OutputError(f"standard output cannot be written to ({reason})") from None
    finally:
        logging.raiseExceptions = complains


def silence(descriptor: int) -> None:
    """Let whatever else is written there go nowhere, also what Python still holds when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


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
