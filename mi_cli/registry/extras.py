"""Optional libraries, and whether they are installed."""

from __future__ import annotations

import importlib.util

from mi_cli.errors import ConfigError, listed

__all__ = ["TRACKERS", "check_tracker"]


TRACKERS = {  # the modules that each needs
    "mlflow": ("mlflow", "sqlalchemy", "alembic"),
    "tensorboard": ("tensorboard",),
}


def check_tracker(name: str | None) -> None:
    """Raise ConfigError if the tracker ``name`` (None: none) lacks its library."""
    missing = [module for module in TRACKERS.get(name or "", ()) if importlib.util.find_spec(module) is None]
    if missing:
        raise ConfigError(f"tracker={name}: needs {listed(missing, 'and')}; pip install 'mi-cli[{name}]'")
