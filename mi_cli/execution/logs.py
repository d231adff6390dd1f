"""The log of a run: messages of mi-run and all warnings, of this process and of its workers."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["log_to", "logging_to"]

_LOGGERS = ("mi_cli", "py.warnings")


class _LogFile(logging.FileHandler):
    """A log file that ignores errors of the disk: the run reports these where it writes its results."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        """Print an error in a message, but not one in writing it."""
        if not isinstance(sys.exception(), OSError):
            super().handleError(record)


def log_to(path: Path) -> logging.Handler:
    """Send messages and warnings of this process to the end of a file, and nowhere else."""
    handler = _LogFile(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.captureWarnings(True)
    for logger in map(logging.getLogger, _LOGGERS):
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
    return handler


@contextmanager
def logging_to(path: Path) -> Iterator[None]:
    """Send messages and warnings to the end of a file inside a ``with`` block, and note how the block ends."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [(logger.level, logger.propagate) for logger in loggers]
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
        for logger, (level, propagates) in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)
            logger.propagate = propagates
        handler.close()
