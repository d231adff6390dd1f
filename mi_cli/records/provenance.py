"""What is needed to repeat a run: its config and overrides, versions, host, device and times."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shlex
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml

from mi_cli._version import __version__
from mi_cli.files import PACKAGE
from mi_cli.records.results import write_json, write_text
from mi_cli.records.saved_config import SAVED_HEADER

__all__ = ["Provenance", "recorded_overrides", "write_config"]

_PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "polars", "hydra-core", "omegaconf", "pydantic", "matplotlib")
_PHASES = ("import", "data", "training", "evaluation", "plots")


def write_config(folder: Path, values: Mapping[str, Any], overrides: Sequence[str]) -> None:
    """Write ``config.yaml``, the resolved config, which ``mi-run`` can run again, and ``overrides.yaml``."""
    dumped = yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True)
    write_text(folder / "config.yaml", SAVED_HEADER + dumped)
    write_text(folder / "overrides.yaml", yaml.safe_dump(list(overrides), allow_unicode=True))


def recorded_overrides(folder: Path) -> list[str]:
    """Return the overrides that a run was started with; none where the folder has no ``overrides.yaml``."""
    path = folder / "overrides.yaml"
    overrides = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else None
    return [str(text) for text in overrides] if isinstance(overrides, list) else []


@dataclass(frozen=True)
class Provenance:
    """Writes ``provenance.json``.

    Args:
        folder: of the run.
        started: when the command began, in seconds since the epoch.
        device: that trials are computed on.
        threads: of each worker.
        import_seconds: that importing libraries took.
        overrides: of the command line.
        plugins: estimators and datasets of other packages that the run uses.
        taken: a line for each earlier run whose recorded trials are reused.
        notes: lines that were printed when the run began, on its settings and its rows.
    """

    folder: Path
    started: float
    device: str
    threads: int
    import_seconds: float
    overrides: Sequence[str] = ()
    plugins: Sequence[Mapping[str, str]] = ()
    taken: Sequence[str] = ()
    notes: Sequence[str] = ()

    def write(self, seconds: Mapping[str, float], status: str) -> None:
        """Write the file, with the seconds spent in each phase."""
        times = {"import": self.import_seconds} | dict(seconds)
        write_json(
            self.folder / "provenance.json",
            {
                "status": status,
                "command": shlex.join(["mi-run", *self.overrides]),
                "again": shlex.join(["mi-run", f"--config-path={self.folder.absolute()}"]),
                "started": datetime.fromtimestamp(self.started).astimezone().isoformat(timespec="seconds"),
                "seconds": round(max(0.0, time.time() - self.started), 3),
                "wall_time": {phase: round(times.get(phase, 0.0), 3) for phase in _PHASES},
                "versions": _versions(),
                "plugins": list(self.plugins),
                "taken": list(self.taken),
                "notes": list(self.notes),
                "git": self._checkout,
                "host": _host(),
                "device": self.device,
                "threads": self.threads,
            },
        )

    @cached_property
    def _checkout(self) -> dict[str, Any] | None:
        """The state of the code as the run begins: what is changed later is not what runs."""
        return _git(PACKAGE.parent)


@cache
def _versions() -> dict[str, str]:
    """Return the versions of this package, of Python, and of the packages that numbers may depend on."""
    own = {"mi-cli": __version__, "python": platform.python_version()}
    return own | {name: importlib.metadata.version(name) for name in _PACKAGES}


def _host() -> dict[str, Any]:
    """Return what computer this is."""
    return {
        "name": platform.node(),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
    }


def _git(checkout: Path) -> dict[str, Any] | None:
    """Return the commit of the checkout that the code is in, and whether files were changed since; None outside one."""
    if not (checkout / ".git").exists():
        return None
    try:
        commit, changes = (
            subprocess.run(["git", "-C", str(checkout), *command], capture_output=True, text=True, check=True).stdout  # noqa: S603, S607
            for command in (("rev-parse", "HEAD"), ("status", "--porcelain"))
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return {"commit": commit.strip(), "changed": bool(changes.strip())}


def _processor() -> str:
    """Return the processor's name, which Python's platform module does not have on Linux."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()
