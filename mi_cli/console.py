"""Standard output, whose reader may leave before everything is printed."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from mi_cli.errors import OutputError

__all__ = ["printing", "silence"]


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
