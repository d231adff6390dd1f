"""Checkpoints of the trainings inside a stack, which a run that ended early goes on from.

A stack that is run again does everything as before, up to its trainings: those that had ended have their outcome
already, and the one that was going on goes on where its checkpoint says. The files, in ``checkpoints/`` of the run's
folder, hold arrays only (``.npz``); nothing is pickled. They are taken away with the outcome of the stack recorded.
"""

from __future__ import annotations

import io
import logging
import shutil
import time
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from mi_cli.files import write_bytes

__all__ = ["Arrays", "Checkpoints", "Generators", "Stateful"]

log = logging.getLogger("mi_cli")

_SHARE = 20  # writing takes at most one part in so many of the time
_GOING_ON = "going_on.npz"
_BROKEN = (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile)

Arrays = Mapping[str, np.ndarray]


@runtime_checkable
class Stateful(Protocol):
    """What a training needs beside its own state to go on as if nothing had happened."""

    def state_dict(self) -> dict[str, Tensor]:
        """It as tensors that nothing changes later."""

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Have it as it was."""


class Generators:
    """The memory of random generators on the CPU."""

    def __init__(self, generators: Sequence[torch.Generator]) -> None:
        self.generators = generators

    def state_dict(self) -> dict[str, Tensor]:
        """Their states, ``(K, bytes)``."""
        return {"generators": torch.stack([generator.get_state() for generator in self.generators])}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Set the generators to saved states."""
        for generator, own in zip(self.generators, state["generators"], strict=True):
            generator.set_state(own.clone())  # torch takes a tensor to begin where its memory does


class Checkpoints:
    """Those of one stack, or of a part of it: written every so many seconds, and read where there are any.

    ``before`` are the seconds that the stack took up to the checkpoint that it goes on from.
    """

    def __init__(self, folder: Path, every: float) -> None:
        self.folder, self.every, self.before = folder, every, 0.0
        self.begun = self.written = time.monotonic()
        self.cost = 0.0
        self.trainings = 0  # that have begun
        self.ended: dict[str, Arrays] = {}  # whose outcomes are not on disk yet
        self.files = 0
        self.found = self._read()

    def begin(self) -> tuple[str, Arrays | None]:
        """The name of the next training, and where it goes on, if anything is known of it."""
        name = str(self.trainings)
        self.trainings += 1
        return name, self.found.pop(name, None)

    def due(self) -> bool:
        """Whether it is time to write."""
        return time.monotonic() - self.written > max(self.every, _SHARE * self.cost)

    def end(self, name: str, state: Arrays) -> None:
        """Keep the outcome of a training for the next time that something is written."""
        self.ended[name] = state
        if self.due():
            self.write({})

    def write(self, going_on: Mapping[str, Arrays]) -> None:
        """Have on disk all that ended, and the training that is ``going_on``.

        Where that cannot be, the training goes on without: its results matter more.
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
        """What there is, by training; of one that went on and then ended, that it ended."""
        files = sorted(self.folder.glob("ended_*.npz"))
        self.files = len(files)
        found: dict[str, Arrays] = {}
        try:
            for file in (self.folder / _GOING_ON, *files):
                if file.exists():
                    found |= self._trainings(file)
        except _BROKEN as error:
            log.warning("checkpoints in %s cannot be read (%r); training begins anew", self.folder, error)
            shutil.rmtree(self.folder, ignore_errors=True)
            self.before, self.files = 0.0, 0
            return {}
        return found

    def _trainings(self, file: Path) -> dict[str, dict[str, np.ndarray]]:
        found: dict[str, dict[str, np.ndarray]] = {}
        with np.load(file, allow_pickle=False) as arrays:
            if str(arrays["stack"]) != self.folder.name:
                raise ValueError(f"{file} is of other trials")
            for path in arrays:
                name, _, key = path.partition("/")
                if key:
                    found.setdefault(name, {})[key] = arrays[path]
                elif path == "seconds":
                    self.before = max(self.before, float(arrays[path]))
        return found
