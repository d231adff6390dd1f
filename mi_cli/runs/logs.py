"""The run's log file: our messages and all warnings, of this process and of workers."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["log_to", "logging_to"]

_LOGGERS = ("mi_cli", "py.warnings")


class _Log(logging.FileHandler):
    """A log that ends with the disk's room: what the run has to say of that, it says where it keeps its results."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        """Print nothing for what is no fault of the message."""
        if not isinstance(sys.exception(), OSError):
            super().handleError(record)


def log_to(path: Path) -> logging.Handler:
    """Send messages and warnings of this process to the end of a file, and nowhere else."""
    handler = _Log(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.captureWarnings(True)
    for logger in map(logging.getLogger, _LOGGERS):
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
    return handler


@contextmanager
def logging_to(path: Path) -> Iterator[None]:
    """The same for a while."""
    handler, log = log_to(path), logging.getLogger("mi_cli")
    log.info("mi-run starts in %s", path.parent)
    try:
        yield
    except BaseException as error:
        log.info("ends with %s", type(error).__name__)
        raise
    else:
        log.info("ends")
    finally:
        logging.captureWarnings(False)
        for logger in map(logging.getLogger, _LOGGERS):
            logger.removeHandler(handler)
        handler.close()
