"""Where configs are found, and where runs go."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mi_cli.errors import ConfigError

__all__ = [
    "SHARDS",
    "NewFolder",
    "given_folder",
    "is_locked",
    "locked",
    "new_folder",
    "shard_folders",
    "stamp",
]

SHARDS = "shards"  # the folder in a run that its shards are in


@dataclass(frozen=True)
class NewFolder:
    """A run's own folder, the uppermost of the folders that were made for it, and the file that claimed it."""

    path: Path
    made: Path | None
    claim: Path | None = None

    def discard_if_empty(self) -> None:
        """Remove what was made, as far as nothing is in it but folders, the claim and Hydra's notes of a multirun."""
        files = [path for path in self.path.rglob("*") if not path.is_dir()]
        if any(file.name != "multirun.yaml" and (file != self.claim or file.stat().st_size) for file in files):
            return
        if self.made is None:  # whoever made it, it was empty
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
            except OSError:  # somebody else's run is in it
                return


def shard_folders(run: Path) -> list[Path]:
    """The folders of the shards of a run."""
    return sorted(path for path in (run / SHARDS).glob("*") if path.is_dir())


def stamp() -> str:
    """Date, time, and six hexadecimal digits that tell apart what starts in the same second."""
    return f"{time.strftime('%Y-%m-%d_%H-%M-%S')}_{secrets.token_hex(3)}"


def new_folder(parent: Path, key: str) -> NewFolder:
    """Make a folder that nobody else has below ``parent``, which the value of ``key`` names.

    Raises:
        ConfigError: it cannot be made.
    """
    with _one_line(key):
        made = _first_missing(parent)
        while True:
            path = parent / stamp()
            try:
                path.mkdir(parents=True)
            except FileExistsError:
                if not path.is_dir():  # a file is in the way
                    raise
            else:
                return NewFolder(path, made or path)


def given_folder(path: Path, key: str, first: str) -> NewFolder:
    """Take the folder that somebody asked for, which the value of ``key`` names: it must be new or empty.

    It is claimed by making the ``first`` of the files that will be in it, so that of two runs at once one gets it.

    Raises:
        ConfigError: it holds files already, or cannot be made or written to.
    """
    with _one_line(key):
        made = _first_missing(path)
        path.mkdir(parents=True, exist_ok=True)
        try:
            empty = not any(path.iterdir())
            if empty:
                (path / first).touch(exist_ok=False)
        except FileExistsError:
            empty = False
        if not empty:
            raise ConfigError(f"{key}: holds files already; accepted: a folder that is new or empty")
        return NewFolder(path, made, path / first)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep all other runs out of a folder for as long as this one is at it; a run that is killed keeps nobody out.

    Raises:
        ConfigError: another run is at it, or nobody can write to it.
    """
    try:
        import fcntl
    except ImportError:  # not to be had on this system
        yield
        return
    lock = path / ".lock"
    with _one_line(str(path)):
        opened = lock.open("a")
    with opened as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(f"resume={path}: another run is at it; accepted: a folder of which none is") from None
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # of a folder gone read-only; what is left there keeps nobody out
                lock.unlink()


def is_locked(path: Path) -> bool:
    """Whether a run is at a folder."""
    try:
        import fcntl
    except ImportError:
        return False
    try:
        with (path / ".lock").open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # there is none
        return False
    return False


@contextmanager
def _one_line(key: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = "it is a file" if isinstance(error, FileExistsError) else error.strerror or type(error).__name__
        raise ConfigError(f"{key}: cannot be written to ({reason}); accepted: a folder that can") from None


def _first_missing(path: Path) -> Path | None:
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    return missing[-1] if missing else None
