"""What is printed: standard output, whose reader may stop reading early, and paths as they are shown."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mi_cli.errors import OutputError

__all__ = ["printing", "shown_from_here", "silence"]


@contextmanager
def printing() -> Iterator[None]:
    """Write out whatever is printed inside. Once a reader has closed its pipe, the rest is dropped without an error.

    Raises:
        OutputError: standard output cannot be written to.
    """
    raises, logging.raiseExceptions = logging.raiseExceptions, False  # Hydra prints by way of logging
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
        logging.raiseExceptions = raises


def silence(descriptor: int) -> None:
    """Drop whatever is written to a file descriptor from now on, and what Python's buffers still hold for it."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, descriptor)
    os.close(null)


def shown_from_here(path: Path) -> Path:
    """The path from the current folder, if it lies below."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
