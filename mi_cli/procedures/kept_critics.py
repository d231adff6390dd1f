"""Critics that a run has kept, in files without code, and the pointwise MI of the rows of other tables by them.

A folder ``critic/`` has two files. ``weights.safetensors`` has the parameters of the critic of each fold, the maps of
its columns, some rows of y, and marks of the rows that it has seen. ``critic.json`` says how columns are encoded, and
what the estimator was.
"""

from __future__ import annotations

import hashlib
import json
import math
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
import torch
from pydantic import Field, JsonValue, ValidationError
from safetensors.torch import save
from torch import Tensor

from mi_cli._version import __version__
from mi_cli.errors import ConfigError, Fault, shown
from mi_cli.estimators.variational import Variational
from mi_cli.fields import Number, Section
from mi_cli.files import expanded_path
from mi_cli.networks.critics import Critic
from mi_cli.problems import Rows
from mi_cli.registry.builtin import ESTIMATORS
from mi_cli.registry.lookup import section_class
from mi_cli.tabular.columns import Column
from mi_cli.tabular.frozen_columns import FrozenColumn, encode_rows
from mi_cli.tabular.in_memory import named_columns
from mi_cli.tabular.source import name_list
from mi_cli.tabular.stack import faults_of_data, table_source
from mi_cli.training.critic_rows import CriticMap
from mi_cli.training.kept_critics import KeptCritic, pointwise_mi, row_marks
from mi_cli.training.preprocessing import restored_preprocess
from mi_cli.training.tensor_files import broken_file, read_file, tensors_of

__all__ = ["CRITIC_FOLDER", "CriticFile", "KeptCritics", "critic_files", "load_critics"]

Array: TypeAlias = np.ndarray[Any, Any]

CRITIC_FOLDER = "critic"
_JSON, _WEIGHTS = "critic.json", "weights.safetensors"
_MOST_JSON, _MOST_WEIGHTS = 16 << 20, 2 << 30  # bytes
_MOST_NUMBERS = 1 << 22  # encoded numbers that are in memory together
_FOLDER = f"a run's folder with {CRITIC_FOLDER}/, which estimator.keep=true leaves, or that folder itself"

Text = Annotated[str, Field(max_length=500)]


class CriticFile(Section):
    """The contents of ``critic.json``.

    Attributes:
        format: of the file.
        estimator: its settings.
        x: how the columns of x are encoded; ``y`` likewise.
        partitions: ln E[exp T] of the critic of each fold.
        weights: the SHA-256 of ``weights.safetensors``.
        fingerprint: of the trial, or null.
        versions: of what trained the critics.
    """

    format: Literal[1] = 1
    estimator: dict[Text, JsonValue]
    x: Annotated[tuple[FrozenColumn, ...], Field(min_length=1)]
    y: Annotated[tuple[FrozenColumn, ...], Field(min_length=1)]
    partitions: Annotated[tuple[Number, ...], Field(min_length=1, max_length=1000)]
    weights: Text
    fingerprint: Text | None = None
    versions: Annotated[dict[Text, Text], Field(default_factory=dict, max_length=64)]


def critic_files(
    estimator: Variational,
    sides: tuple[Sequence[FrozenColumn], Sequence[FrozenColumn]],
    critics: Sequence[KeptCritic],
    fingerprint: str | None = None,
    name: str = "",
) -> dict[str, bytes]:
    """The files that keep critics, by their paths in the folder of a run.

    Args:
        estimator: that trained them.
        sides: how the columns of x and of y are encoded.
        critics: one for each fold.
        fingerprint: of the trial.
        name: of a folder in ``critic/``; without one the files are in ``critic/`` itself.
    """
    tensors: dict[str, Tensor] = {}
    for number, critic in enumerate(critics):
        parts = {"parameters": critic.parameters.float(), "reference": critic.reference}
        parts["seen"] = torch.from_numpy(critic.seen.copy())
        for side, of in (("x", critic.of_x), ("y", critic.of_y)):
            parts |= {f"{side}.{key}": value for key, value in of.columns.tensors().items()}
            if of.length is not None:
                parts |= {f"{side}.length.{key}": value for key, value in of.length.tensors().items()}
        tensors |= {f"{number}.{key}": value.contiguous() for key, value in parts.items()}
    weights: bytes = save(tensors)
    described = CriticFile(
        estimator=estimator.model_dump(mode="json"),
        x=tuple(sides[0]),
        y=tuple(sides[1]),
        partitions=tuple(critic.partition for critic in critics),
        weights=hashlib.sha256(weights).hexdigest(),
        fingerprint=fingerprint,
        versions={"mi-cli": __version__, "torch": torch.__version__, "python": platform.python_version()},
    )
    text = json.dumps(described.model_dump(mode="json"), indent=1) + "\n"
    place = "/".join(filter(None, (CRITIC_FOLDER, name)))
    return {f"{place}/{_WEIGHTS}": weights, f"{place}/{_JSON}": text.encode()}


@dataclass(frozen=True, eq=False)
class KeptCritics:
    """The critics of a run, one for each fold, and how the columns of a table are encoded for them.

    Attributes:
        x: how the columns of x are encoded; ``y`` likewise.
        network: of all critics.
        critics: their parameters and maps.
        by_row: whether they are normalised for each row.
    """

    x: tuple[FrozenColumn, ...]
    y: tuple[FrozenColumn, ...]
    network: Critic
    critics: tuple[KeptCritic, ...]
    by_row: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that rows need."""
        return tuple(dict.fromkeys(column.name for column in (*self.x, *self.y)))

    def score(self, rows: Any) -> Array:
        """The pointwise MI of rows, ``(n, 3)``.

        A row is scored by the critics that have not seen it, and where all have, by all of them. It has no value where
        it lacks one, or has a class that the run did not have.

        Args:
            rows: a frame of Polars or pandas, or a mapping from names to columns.

        Returns:
            The mean pointwise MI in nats, NaN where there is none; 1 where it is held out and 0 elsewhere; and the
            number of critics that it is the mean of.

        Raises:
            ConfigError: a column is absent, or of another type.
        """
        return self._scored(named_columns(rows))

    def batches(self, path: str | Path | Sequence[str | Path]) -> Iterator[Array]:
        """:meth:`score` of the rows of files, some thousands at a time.

        Args:
            path: a path, a glob, or several, whose rows come one after another.

        Raises:
            ConfigError: as :meth:`score`, or the file cannot be read.
        """
        with faults_of_data(path):
            file = table_source(path)
            if absent := [name for name in self.names if name not in set(file.names)]:
                raise file.error(f"column {shown(absent[0])} is absent", f"a file with {name_list(self.names)}")
            text = {column.name for column in (*self.x, *self.y) if column.of == "text"}
            width = sum(max(1, len(column.classes)) for column in (*self.x, *self.y))
            for columns in file.batches(self.names, max(1, _MOST_NUMBERS // width), text):
                yield self._scored(columns)

    def _scored(self, columns: Mapping[str, Column]) -> Array:
        x, y = encode_rows(self.x, columns), encode_rows(self.y, columns)
        whole = np.flatnonzero(np.isfinite(x).all(1) & np.isfinite(y).all(1))
        rows = Rows(torch.from_numpy(x[whole]), torch.from_numpy(y[whole]))
        marks = row_marks(rows)
        values = np.stack([pointwise_mi(self.network, kept, rows.x, rows.y, self.by_row) for kept in self.critics], 1)
        unseen: Any = np.stack([~np.isin(marks, kept.seen) for kept in self.critics], 1)
        held_out = unseen.any(1)
        used = unseen | ~held_out[:, None]
        scored = np.full((len(x), 3), np.nan)
        scored[:, 1:] = 0
        scored[whole] = np.stack([np.where(used, values, 0).sum(1) / used.sum(1), held_out, used.sum(1)], 1)
        return scored


def load_critics(folder: str | Path) -> KeptCritics:
    """The critics that a run has kept. They are checked before they are used, and no code is run that comes with them.

    Args:
        folder: of the run, its ``critic/``, or a folder in that.

    Raises:
        ConfigError: there are none, or their files are not what they should be.
    """
    place = expanded_path(folder)
    if (place / CRITIC_FOLDER).is_dir():
        place /= CRITIC_FOLDER
    if not (place / _JSON).exists():
        raise ConfigError(Fault(str(folder), problem=f"has no critics ({_JSON})", accepted=_FOLDER))
    path = place / _JSON
    try:
        described = CriticFile.model_validate_json(read_file(place, _JSON, _MOST_JSON))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise broken_file(path, f"{where}: {' '.join(str(first['msg']).split())}", "what a run wrote") from None
    estimator = _estimator(path, described.estimator)
    contents = read_file(place, _WEIGHTS, _MOST_WEIGHTS)
    if hashlib.sha256(contents).hexdigest() != described.weights:
        raise broken_file(place / _WEIGHTS, f"is not the file that {_JSON} was written with", "both files of one run")
    tensors = tensors_of(place / _WEIGHTS, contents)
    dims = tuple(
        sum(len(column.classes) if len(column.classes) > 2 else 1 for column in side)
        for side in (described.x, described.y)
    )
    network = estimator.network(dims[0] + estimator.norms, dims[1] + estimator.norms)
    try:
        critics = [
            _critic(estimator, network, (dims[0], dims[1]), _own(tensors, str(number)), partition)
            for number, partition in enumerate(described.partitions)
        ]
    except (ValueError, RuntimeError, KeyError) as error:
        problem = f"has critics that do not fit {_JSON} ({' '.join(str(error).split())})"
        raise broken_file(place / _WEIGHTS, problem, "both files of one run") from None
    return KeptCritics(described.x, described.y, network, tuple(critics), estimator.normalised_by_row)


def _estimator(path: Path, values: Mapping[str, Any]) -> Variational:
    """The estimator that a file describes; one that mi-run has itself."""
    name = str(values.get("name"))
    chosen = section_class("estimator", name) if name in ESTIMATORS else None
    if chosen is None or not issubclass(chosen, Variational):
        raise broken_file(path, f"the estimator is {shown(name)}", "one of mi-run's own that train a critic")
    try:
        estimator = chosen.model_validate(values)
    except ValidationError as error:
        message = " ".join(str(error.errors()[0]["msg"]).split())
        raise broken_file(path, f"the settings of {name}: {message}", "those that a run wrote") from None
    if estimator.critic == "hybrid":
        raise broken_file(path, "the critic is hybrid", "separable, concat, bilinear or quadratic")
    return estimator


def _own(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with ``prefix`` and a dot, by the rest of their names."""
    start = f"{prefix}."
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}


def _critic(
    estimator: Variational,
    network: Critic,
    dims: tuple[int, int],
    tensors: dict[str, Tensor],
    partition: float,
) -> KeptCritic:
    """One critic of its tensors.

    Raises:
        ValueError, RuntimeError, KeyError: they do not fit the estimator or the columns.
    """
    parameters, reference, seen = (tensors.pop(name) for name in ("parameters", "reference", "seen"))
    if parameters.shape != (sum(map(math.prod, network.shapes)),):
        raise ValueError(f"parameters of shape {tuple(parameters.shape)}")
    if reference.ndim != 2 or reference.shape[1] != dims[1] or not len(reference) or seen.dtype != torch.int64:
        raise ValueError(f"reference rows of shape {tuple(reference.shape)}")
    maps = []
    for side, dim in zip("xy", dims, strict=True):
        own = _own(tensors, side)
        of_length = _own(own, "length")
        own = {name: tensor for name, tensor in own.items() if not name.startswith("length.")}
        columns = restored_preprocess(estimator.preprocess, own)
        mapped = CriticMap(columns, restored_preprocess("standardise", of_length) if estimator.norms else None)
        if mapped(torch.zeros(1, dim)).shape != (1, dim + estimator.norms):
            raise ValueError(f"a map of {side} with other columns")
        maps.append(mapped)
    return KeptCritic(maps[0], maps[1], parameters, partition, reference.double(), seen.numpy())
