"""The folder of a run: how it is made, claimed and locked."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mi_cli.errors import ABSENT, ConfigError, Fault

try:
    import fcntl
except ImportError:  # Windows has no such locks: there, nothing keeps two runs out of one folder
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "SHARDS",
    "NewFolder",
    "claim_folder",
    "is_locked",
    "locked",
    "new_folder",
    "shard_folders",
    "stamp",
]

SHARDS = "shards"  # the subfolder of a run that holds the folders of its shards

_LOCK = ".lock"
_MULTIRUN = "multirun.yaml"  # Hydra's own notes of a multirun


@dataclass(frozen=True)
class NewFolder:
    """A run's folder, with what has to be removed if the run leaves nothing in it.

    Args:
        path: the run's folder.
        made: the uppermost of the folders that were made for it; None where ``path`` was there before.
        claim: the empty file that claims the folder, if there is one.
    """

    path: Path
    made: Path | None
    claim: Path | None = None

    def discard_if_empty(self) -> None:
        """Remove the folders that were made, unless they hold files other than the claim and Hydra's notes."""
        files = [path for path in self.path.rglob("*") if not path.is_dir()]
        if any(file.name != _MULTIRUN and (file != self.claim or file.stat().st_size) for file in files):
            return
        if self.made is None:  # the folder was there before, and empty
            for file in files:
                file.unlink(missing_ok=True)
            for child in self.path.iterdir():
                shutil.rmtree(child, ignore_errors=True)
            return
        shutil.rmtree(self.path, ignore_errors=True)
        for folder in self.path.parents:
            if not folder.is_relative_to(self.made):
                return
            try:
                folder.rmdir()
            except OSError:  # another run's folder is in it
                return


def shard_folders(run: Path) -> list[Path]:
    """Return the folders of a run's shards, in order."""
    return sorted(path for path in (run / SHARDS).glob("*") if path.is_dir())


def stamp() -> str:
    """Return date and time, and six hexadecimal digits that differ between runs that start in the same second."""
    return f"{time.strftime('%Y-%m-%d_%H-%M-%S')}_{secrets.token_hex(3)}"


def new_folder(parent: Path, key: str, value: str) -> NewFolder:
    """Make a new folder below ``parent``.

    Args:
        parent: the folder to make it in, which is made too where it is missing.
        key: the setting that names ``parent``, for messages.
        value: the value of this setting.

    Raises:
        ConfigError: the folder cannot be made.
    """
    with _faults_of(key, Path(value)):
        made = _first_missing(parent)
        while True:
            path = parent / stamp()
            try:
                path.mkdir(parents=True)
            except FileExistsError:
                if not path.is_dir():  # a file has the name of one of the folders
                    raise
            else:
                return NewFolder(path, made or path)


def claim_folder(path: Path, key: str, value: str, first: str) -> NewFolder:
    """Claim a folder that the user chose, which must be new or empty.

    Of several runs that claim one folder at the same time, one gets it: that which makes the file ``first``.

    Args:
        path: the folder, which is made where it is missing.
        key: the setting that names it, for messages.
        value: the value of this setting.
        first: the name of the file that claims it, the first of those that the run writes.

    Raises:
        ConfigError: it holds files already, or cannot be made or written to.
    """
    with _faults_of(key, Path(value)):
        made = _first_missing(path)
        path.mkdir(parents=True, exist_ok=True)
        try:
            empty = not any(path.iterdir())
            if empty:
                (path / first).touch(exist_ok=False)
        except FileExistsError:
            empty = False
        if not empty:
            raise ConfigError(Fault(key, Path(value), "holds files already", "a folder that is new or empty"))
        return NewFolder(path, made, path / first)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Lock a run's folder against other runs. The lock ends with the process, also where that is killed.

    Raises:
        ConfigError: another run has locked it, or it cannot be written to.
    """
    if fcntl is None:
        yield
        return
    lock = path / _LOCK
    with _faults_of(str(path), ABSENT):
        descriptor = lock.open("a")
    with descriptor as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            problem = "another run is using this folder; wait for it or choose another"
            raise ConfigError(Fault("resume", path, problem)) from None
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # the folder may be read-only by now; the file itself locks nobody out
                lock.unlink()


def is_locked(path: Path) -> bool:
    """Whether a run has locked this folder."""
    if fcntl is None:
        return False
    try:
        with (path / _LOCK).open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # there is no such file
        return False
    return False


@contextmanager
def _faults_of(key: str, value: Any) -> Iterator[None]:
    """Turn errors of the file system into a fault of the setting that names a folder."""
    try:
        yield
    except OSError as error:
        reason = "it is a file" if isinstance(error, FileExistsError) else error.strerror or type(error).__name__
        raise ConfigError(Fault(key, value, f"cannot be written to ({reason})", "a folder that can")) from None


def _first_missing(path: Path) -> Path | None:
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    return missing[-1] if missing else None
