"""What is needed to repeat a run: its config and overrides, versions, host, device and times."""

from __future__ import annotations

import importlib.metadata
import json
import logging
import math
import os
import platform
import shlex
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml

from mi_cli._version import __version__
from mi_cli.files import PACKAGE
from mi_cli.records.results import write_json, write_text
from mi_cli.records.saved_config import config_text

__all__ = ["Provenance", "recorded", "recorded_overrides", "write_config"]

log = logging.getLogger("mi_cli")

_PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "polars", "hydra-core", "omegaconf", "pydantic", "matplotlib")
_PHASES = ("import", "data", "training", "evaluation", "plots")


def write_config(folder: Path, values: Mapping[str, Any], overrides: Sequence[str]) -> None:
    """Write ``config.yaml``, the resolved config, which ``mi-run`` can run again, and ``overrides.yaml``."""
    write_text(folder / "config.yaml", config_text(values))
    write_text(folder / "overrides.yaml", yaml.safe_dump(list(overrides), allow_unicode=True))


def recorded_overrides(folder: Path) -> list[str]:
    """Return the overrides that a run was started with; none where the folder has no ``overrides.yaml``."""
    path = folder / "overrides.yaml"
    overrides = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else None
    return [str(text) for text in overrides] if isinstance(overrides, list) else []


def recorded(folder: Path) -> dict[str, Any]:
    """Return what ``provenance.json`` of a run's folder holds; nothing where it is missing or cannot be read."""
    path = folder / "provenance.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except (OSError, ValueError) as error:
        log.warning("%s cannot be read, so its history is lost: %r", path, error)
        return {}
    return found if isinstance(found, dict) else {}


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
        before: what the file held when the run went on (:func:`recorded`); empty for a run that begins.
        resumed_by: what was typed beside ``resume=``.
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
    before: Mapping[str, Any] = field(default_factory=dict)
    resumed_by: Sequence[str] = ()

    def write(self, seconds: Mapping[str, float], status: str) -> None:
        """Write the file, with the seconds spent in each phase.

        ``sessions`` lists each time that the run began or went on. ``started`` is that of the first; ``seconds`` and
        ``wall_time`` are sums over all of them. The other fields are those of the last.
        """
        times = {"import": self.import_seconds} | dict(seconds)
        earlier = self.before.get("wall_time") or {}
        sessions = [*self._earlier, self._session(status)]
        write_json(
            self.folder / "provenance.json",
            {
                "status": status,
                "command": shlex.join(["mi-run", *self.overrides]),
                "again": shlex.join(["mi-run", f"--config-path={self.folder.absolute()}"]),
                "started": sessions[0]["started"],
                "seconds": round(math.fsum(session["seconds"] or 0.0 for session in sessions), 3),
                "wall_time": {phase: round(times.get(phase, 0.0) + earlier.get(phase, 0.0), 3) for phase in _PHASES},
                "sessions": sessions,
                "versions": _versions(),
                "plugins": list(self.plugins),
                "taken": list(dict.fromkeys([*(self.before.get("taken") or ()), *self.taken])),
                "notes": list(self.notes),
                "git": self._checkout,
                "host": _host(),
                "device": self.device,
                "threads": self.threads,
            },
        )

    @property
    def _earlier(self) -> list[dict[str, Any]]:
        """The times before, of which a killed one could not say how it ended; older files tell the last one only."""
        before = self.before
        if not before:
            return []
        git, versions = before.get("git") or {}, before.get("versions") or {}
        last = {key: before.get(key) for key in ("started", "command", "status", "seconds")}
        last |= {"version": versions.get("mi-cli"), "commit": git.get("commit")}
        sessions = [dict(session) for session in before.get("sessions") or [last]]
        return [session | {"status": "killed"} if session["status"] == "running" else session for session in sessions]

    def _session(self, status: str) -> dict[str, Any]:
        """This time: when, by what command and version, and how it ended."""
        again = ["mi-run", f"resume={self.folder.absolute()}", *self.resumed_by]
        return {
            "started": datetime.fromtimestamp(self.started).astimezone().isoformat(timespec="seconds"),
            "command": shlex.join(again if self.before else ["mi-run", *self.overrides]),
            "version": __version__,
            "commit": (self._checkout or {}).get("commit"),
            "status": status,
            "seconds": round(max(0.0, time.time() - self.started), 3),
        }

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
