"""Libraries that are extras: how they are installed, which each tracker needs, and whether they are there."""

from __future__ import annotations

import importlib.util

from mi_cli.errors import ConfigError, Fault, listed

__all__ = ["TRACKERS", "check_tracker", "how_to_install"]


TRACKERS = {  # the modules that each tracker needs
    "mlflow": ("mlflow", "sqlalchemy", "alembic"),
    "tensorboard": ("tensorboard",),
}


def how_to_install(extra: str) -> str:
    """What installs an extra of mi-run, which is not on a package index: it is installed from its checkout.

    >>> how_to_install("search")
    "pip install '.[search]' in a checkout of mi-run"
    """
    return f"pip install '.[{extra}]' in a checkout of mi-run"


def check_tracker(name: str | None) -> None:
    """Raise ConfigError unless the libraries of the tracker ``name`` (None for no tracker) are installed."""
    missing = [module for module in TRACKERS.get(name or "", ()) if importlib.util.find_spec(module) is None]
    if missing:
        needs = f"needs {listed(missing, 'and')}"
        raise ConfigError(Fault("tracker", name, needs, command=how_to_install(str(name))))
