"""What it takes to run something again: the resolved config, versions, host, and where the time went."""

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
from pathlib import Path
from typing import Any

import yaml

from mi_cli._version import __version__
from mi_cli.files import PACKAGE
from mi_cli.records.results import write_json, write_text
from mi_cli.records.saved_config import SAVED_HEADER

__all__ = ["Provenance", "typed", "write_config"]

_PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "polars", "hydra-core", "omegaconf", "pydantic", "matplotlib")
_PHASES = ("import", "data", "training", "evaluation", "plots")


def write_config(folder: Path, values: Mapping[str, Any], overrides: Sequence[str]) -> None:
    """``config.yaml``, which runs again as it stands, and ``overrides.yaml``, what was typed."""
    dumped = yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True)
    write_text(folder / "config.yaml", SAVED_HEADER + dumped)
    write_text(folder / "overrides.yaml", yaml.safe_dump(list(overrides), allow_unicode=True))


def typed(folder: Path) -> list[str]:
    """What was typed for the run of a folder, as it was begun."""
    path = folder / "overrides.yaml"
    found = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else None
    return [str(text) for text in found] if isinstance(found, list) else []


@dataclass(frozen=True)
class Provenance:
    """``provenance.json``."""

    folder: Path
    started: float
    device: str
    threads: int
    import_seconds: float
    overrides: Sequence[str] = ()
    plugins: Sequence[Mapping[str, str]] = ()
    taken: Sequence[str] = ()  # of earlier runs

    def write(self, seconds: Mapping[str, float], status: str) -> None:
        """Write it, with the wall time of each phase in seconds."""
        known = {"import": self.import_seconds} | dict(seconds)
        write_json(
            self.folder / "provenance.json",
            {
                "status": status,
                "command": shlex.join(["mi-run", *self.overrides]),
                "again": shlex.join(["mi-run", f"--config-path={self.folder.absolute()}"]),
                "started": datetime.fromtimestamp(self.started).astimezone().isoformat(timespec="seconds"),
                "seconds": round(max(0.0, time.time() - self.started), 3),
                "wall_time": {phase: round(known.get(phase, 0.0), 3) for phase in _PHASES},
                "versions": {"mi-cli": __version__, "python": platform.python_version()}
                | {name: importlib.metadata.version(name) for name in _PACKAGES},
                "plugins": list(self.plugins),
                "taken": list(self.taken),
                "git": _git(PACKAGE.parent),
                "host": {
                    "name": platform.node(),
                    "system": platform.platform(),
                    "processor": _processor(),
                    "cores": os.cpu_count(),
                },
                "device": self.device,
                "threads": self.threads,
            },
        )


def _git(checkout: Path) -> dict[str, Any] | None:
    """Commit of the checkout that the code runs from, if it does, and whether it was changed since."""
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
    """The processor's name; on Linux the platform module does not know it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()
