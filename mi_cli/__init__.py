"""Experiment runner for mutual information: estimate it, maximise it, compare what it is worth."""

from typing import Any

from mi_cli._version import __version__

__all__ = ["__version__", "estimate"]


def __getattr__(name: str) -> Any:
    """``estimate``, imported when it is asked for: the command line starts without it."""
    if name == "estimate":
        from mi_cli.api import estimate

        return estimate
    raise AttributeError(f"module 'mi_cli' has no attribute {name!r}")
