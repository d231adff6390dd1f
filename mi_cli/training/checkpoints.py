"""Checkpoints of the trainings of a stack, from which an interrupted run continues.

A stack that is run again repeats everything but its trainings. A training that had ended takes its final state from a
checkpoint, and one that was interrupted continues from its last saved state. The files are in the folder
``checkpoints/`` of the run. They hold arrays only (``.npz``); nothing is pickled. They are deleted when the results of
the stack are recorded.
"""

from __future__ import annotations

import io
import logging
import shutil
import time
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from mi_cli.files import write_bytes
from mi_cli.lazy import np, torch

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Arrays", "Checkpoints", "Generators", "Stateful"]

log = logging.getLogger("mi_cli")

_SHARE = 20  # writing takes at most 1/20 of the time
_GOING_ON = "going_on.npz"
_BROKEN = (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile)

Arrays = Mapping[str, np.ndarray]


@runtime_checkable
class Stateful(Protocol):
    """A part of a training with a state that checkpoints save."""

    def state_dict(self) -> dict[str, Tensor]:
        """The state, as tensors that are not changed later."""

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Continue from a saved state."""


class Generators:
    """The states of random generators on the CPU."""

    def __init__(self, generators: Sequence[torch.Generator]) -> None:
        self.generators = generators

    def state_dict(self) -> dict[str, Tensor]:
        """The states of the K generators, ``(K, bytes)``."""
        return {"generators": torch.stack([generator.get_state() for generator in self.generators])}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Set the generators to saved states."""
        for generator, own in zip(self.generators, state["generators"], strict=True):
            generator.set_state(own.clone())  # torch ignores the offset of a view


class Checkpoints:
    """The checkpoints of one stack, or of a part of it.

    Args:
        folder: where the files are. Existing ones are read at once.
        every: seconds between two times of writing.

    Attributes:
        before: seconds that the stack took before the checkpoint that it continues from.
    """

    def __init__(self, folder: Path, every: float) -> None:
        self.folder, self.every, self.before = folder, every, 0.0
        self.begun = self.written = time.monotonic()
        self.cost = 0.0
        self.trainings = 0  # number of trainings that have begun
        self.ended: dict[str, Arrays] = {}  # final states that are not on disk yet
        self.files = 0
        self.saved = self._read()

    def begin(self) -> tuple[str, Arrays | None]:
        """The name of the next training, and its saved state, if there is one."""
        name = str(self.trainings)
        self.trainings += 1
        return name, self.saved.pop(name, None)

    def due(self) -> bool:
        """Whether it is time to write."""
        return time.monotonic() - self.written > max(self.every, _SHARE * self.cost)

    def end(self, name: str, state: Arrays) -> None:
        """Keep the final state of a training; it is written with the next checkpoint."""
        self.ended[name] = state
        if self.due():
            self.write({})

    def write(self, going_on: Mapping[str, Arrays]) -> None:
        """Write the final states of trainings that ended, and the state of the training that is ``going_on``.

        If a file cannot be written, training continues without it: its results matter more.
        """
        begun = time.monotonic()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if self.ended:
                self._save(f"ended_{self.files:06}.npz", self.ended)
                self.files += 1
                self.ended = {}
            if going_on:
                self._save(_GOING_ON, going_on)
        except OSError as error:
            log.warning("a checkpoint cannot be written (%s)", error)
        self.written = time.monotonic()
        self.cost = self.written - begun

    def _save(self, file: str, trainings: Mapping[str, Arrays]) -> None:
        seconds = np.array(self.before + time.monotonic() - self.begun)
        arrays: dict[str, Any] = {"seconds": seconds, "stack": np.array(self.folder.name)}
        arrays |= {f"{name}/{key}": array for name, state in trainings.items() for key, array in state.items()}
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        write_bytes(self.folder / file, buffer.getvalue())

    def _read(self) -> dict[str, Arrays]:
        """The saved states by training; a final state replaces one of a training that was going on."""
        files = sorted(self.folder.glob("ended_*.npz"))
        self.files = len(files)
        states: dict[str, Arrays] = {}
        try:
            for file in (self.folder / _GOING_ON, *files):
                if file.exists():
                    states |= self._trainings(file)
        except _BROKEN as error:
            log.warning("checkpoints in %s cannot be read (%r); training begins anew", self.folder, error)
            shutil.rmtree(self.folder, ignore_errors=True)
            self.before, self.files = 0.0, 0
            return {}
        return states

    def _trainings(self, file: Path) -> dict[str, dict[str, np.ndarray]]:
        """The states in one file, by training."""
        states: dict[str, dict[str, np.ndarray]] = {}
        with np.load(file, allow_pickle=False) as arrays:
            if str(arrays["stack"]) != self.folder.name:
                raise ValueError(f"{file} belongs to other trials")
            for path in arrays:
                name, _, key = path.partition("/")
                if key:
                    states.setdefault(name, {})[key] = arrays[path]
                elif path == "seconds":
                    self.before = max(self.before, float(arrays[path]))
        return states
