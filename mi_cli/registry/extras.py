"""Libraries that are extras: which modules each tracker needs, and whether they are installed."""

from __future__ import annotations

import importlib.util

from mi_cli.errors import ConfigError, Fault, listed

__all__ = ["TRACKERS", "check_tracker"]


TRACKERS = {  # the modules that each tracker needs
    "mlflow": ("mlflow", "sqlalchemy", "alembic"),
    "tensorboard": ("tensorboard",),
}


def check_tracker(name: str | None) -> None:
    """Raise ConfigError unless the libraries of the tracker ``name`` (None for no tracker) are installed."""
    missing = [module for module in TRACKERS.get(name or "", ()) if importlib.util.find_spec(module) is None]
    if missing:
        needs = f"needs {listed(missing, 'and')}"
        raise ConfigError(Fault("tracker", name, needs, command=f"pip install 'mi-cli[{name}]'"))
