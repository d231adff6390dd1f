"""Encoders that are kept in a folder, and what they make of new rows.

A folder ``encoder/`` has two files. ``weights.safetensors`` has the parameters, and ``encoder.json`` says how columns
are encoded and which shape the network has. Neither can hold code, and nothing is unpickled. Both are checked before
anything is made of them, since a folder may come from somebody else.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
import torch
from pydantic import Field, JsonValue, ValidationError
from safetensors.torch import save
from torch import Tensor

from mi_cli._version import __version__
from mi_cli.errors import ConfigError, Fault, counted, shown
from mi_cli.fields import Section
from mi_cli.files import expanded_path, write_bytes
from mi_cli.representations.column_encoder import ColumnEncoder, TableRows
from mi_cli.representations.networks import encoder_net
from mi_cli.representations.objectives.base import Objective
from mi_cli.representations.shape import MLP, EncoderShape
from mi_cli.representations.training import TrainedEncoder
from mi_cli.representations.unseen_classes import UnseenClasses
from mi_cli.tabular.in_memory import named_columns
from mi_cli.tabular.source import Source, StoredSource, name_list
from mi_cli.tabular.stack import faults_of_data, table_source
from mi_cli.training.tensor_files import MOST_HEADER, Layout, broken_file, read_file, tensors_of

__all__ = ["ENCODER_FOLDER", "EncoderFile", "KeptEncoder", "encoder_files", "load_encoder", "save_encoder"]

log = logging.getLogger("mi_cli")

Array: TypeAlias = np.ndarray[Any, Any]

ENCODER_FOLDER = "encoder"
_JSON, _WEIGHTS = "encoder.json", "weights.safetensors"
_MOST_JSON, _MOST_WEIGHTS = 16 << 20, 2 << 30  # bytes
_MOST_NUMBERS = 1 << 22  # encoded numbers that are in memory together
_ROWS = 1024  # of which a batch of a file has a multiple, so that rows are encoded together as those in memory are
_FOLDER = f"a run's folder with {ENCODER_FOLDER}/, or that folder itself"

Text = Annotated[str, Field(max_length=500)]


class EncoderFile(Section):
    """The contents of ``encoder.json``.

    Attributes:
        format: of the file.
        shape: of the network.
        objective: what the encoder was trained to do; for the reader only.
        encoding: how the columns of a table are encoded.
        parts: the groups of encoded columns whose codes are averaged, as flags.
        weights: the SHA-256 of ``weights.safetensors``.
        fingerprint: of the trial that trained the encoder, or null.
        versions: of what trained it.
        checksum: the SHA-256 of all the rest, as :func:`_checksum` has it.
    """

    format: Literal[1] = 1
    shape: EncoderShape
    objective: Annotated[dict[Text, JsonValue], Field(default_factory=dict)]
    encoding: ColumnEncoder
    parts: Annotated[tuple[tuple[bool, ...], ...], Field(min_length=1, max_length=64)]
    weights: Text
    fingerprint: Text | None = None
    versions: Annotated[dict[Text, Text], Field(default_factory=dict, max_length=64)]
    checksum: Text


@dataclass(frozen=True, eq=False)
class KeptEncoder:
    """An encoder of a table's rows: how columns are encoded, and the network.

    Attributes:
        encoding: of the columns.
        network: from encoded columns to codes.
        objective: what it was trained to do.
        fingerprint: of the trial that trained it, or None.
        versions: of what trained it.
    """

    encoding: ColumnEncoder
    network: TrainedEncoder
    objective: Mapping[str, Any] = field(default_factory=dict)
    fingerprint: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    _ignored: set[str] = field(default_factory=set, repr=False)

    def __repr__(self) -> str:
        """What it is, without its weights."""
        objective = self.objective.get("name")
        return f"KeptEncoder(objective={objective}, dim={self.dim}, columns=[{name_list(self.names)}])"

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that it takes."""
        return self.encoding.names

    @property
    def dim(self) -> int:
        """Columns of a code."""
        return self.network.shape.dim

    @property
    def code_names(self) -> tuple[str, ...]:
        """The columns of a code: ``z_0``, ``z_1`` and so on."""
        return tuple(f"z_{number}" for number in range(self.dim))

    def transform(self, rows: Any, extra: Literal["ignore", "refuse"] = "ignore") -> Array:
        """Codes ``(n, dim)`` in float64.

        Args:
            rows: the path of a file (CSV, TSV, Parquet, Feather, NumPy) or a glob; a frame of Polars or pandas; a
                mapping from names to columns; or an array ``(n, d)`` with the columns of the training rows in their
                order.
            extra: whether other columns are ignored, which is logged once, or refused.

        Raises:
            ConfigError: a column is absent or of another type than it was in the training rows, or the file cannot be
                read.
        """
        if isinstance(rows, str | Path):
            batches = list(self.batches(rows, extra))
            return np.concatenate(batches) if batches else np.empty((0, self.dim))
        table = rows if isinstance(rows, Source) else named_columns(rows, self.names)
        self._check_extra(table, extra)
        return self.network.codes(self.encoding.transform(table))

    def batches(
        self, path: str | Path | Sequence[str | Path], extra: Literal["ignore", "refuse"] = "ignore"
    ) -> Iterator[Array]:
        """Codes of the rows of files, some thousands at a time, so that they need not fit in memory.

        Args:
            path: a path, a glob, or several, whose rows come one after another.
            extra: as :meth:`transform`.

        Raises:
            ConfigError: as :meth:`transform`. That no value of a column is one of its classes is known after the last
                batch only.
        """
        with faults_of_data(path):
            file = table_source(path)
            self._check_present(file)
            self._check_extra(file, extra)
            text = {column.name for column in self.encoding.columns if column.kind == "class" and column.of == "text"}
            unseen = UnseenClasses()
            for columns in file.batches(self.names, self._batch_rows, text):
                yield self.network.codes(self.encoding.transform(columns, unseen=unseen))
            unseen.refuse()

    @cached_property
    def _batch_rows(self) -> int:
        return max(1, _MOST_NUMBERS // (self.network.columns + len(self.names)) // _ROWS) * _ROWS

    def _check_present(self, file: StoredSource) -> None:
        absent = [name for name in self.names if name not in set(file.names)]
        if absent:
            problem = f"column {shown(absent[0])} is absent ({counted(len(absent), 'column')} missing)"
            raise file.error(problem, f"a file with {name_list(self.names)}")

    def _check_extra(self, table: TableRows, extra: Literal["ignore", "refuse"]) -> None:
        more = self.encoding.extra_columns(table)
        if more and extra == "refuse":
            what = "columns that the training rows do not have"
            raise ConfigError(Fault("", problem=f"{what}: {name_list(more)}", accepted=name_list(self.names)))
        if new := [name for name in more if name not in self._ignored]:
            self._ignored.update(new)
            log.warning("columns that the encoder does not take are ignored: %s", name_list(new))


def encoder_files(
    encoder: TrainedEncoder,
    encoding: ColumnEncoder,
    objective: Objective,
    fingerprint: str | None = None,
    name: str = "",
) -> dict[str, bytes]:
    """The files that keep an encoder, by their paths in the folder of a run.

    Args:
        encoder: which is kept.
        encoding: of the columns that it was trained on.
        objective: that it was trained by.
        fingerprint: of the trial.
        name: of a folder in ``encoder/``; without one the files are in ``encoder/`` itself, which is what
            :func:`load_encoder` loads of a run that has several.

    Raises:
        ValueError: the encoder diverged, or takes another number of columns than the encoding makes.
    """
    if encoder.status != "ok" or encoder.columns != len(encoding.groups):
        what = encoder.reason or f"{encoder.columns} columns, where the encoding makes {len(encoding.groups)}"
        raise ValueError(f"an encoder that cannot be kept ({what})")
    weights: bytes = save({name: tensor.contiguous().float() for name, tensor in sorted(encoder.weights.items())})
    described = EncoderFile(
        shape=encoder.shape,
        objective=objective.model_dump(mode="json"),
        encoding=encoding,
        parts=encoder.parts,
        weights=hashlib.sha256(weights).hexdigest(),
        fingerprint=fingerprint,
        versions={"mi-cli": __version__, "torch": torch.__version__, "python": platform.python_version()},
        checksum="",
    )
    values = described.model_dump(mode="json") | {"checksum": _checksum(described)}
    text = json.dumps(values, indent=1) + "\n"
    place = "/".join(filter(None, (ENCODER_FOLDER, name)))
    return {f"{place}/{_WEIGHTS}": weights, f"{place}/{_JSON}": text.encode()}


def save_encoder(
    folder: Path,
    encoder: TrainedEncoder,
    encoding: ColumnEncoder,
    objective: Objective,
    fingerprint: str | None = None,
) -> Path:
    """Keep an encoder in a folder, in ``encoder/``; return the folder with both files.

    The arguments after the folder are those of :func:`encoder_files`.

    Raises:
        ValueError: the encoder cannot be kept.
        OSError: a file cannot be written.
    """
    for path, contents in encoder_files(encoder, encoding, objective, fingerprint).items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(place, contents)
    return folder / ENCODER_FOLDER


def load_encoder(folder: str | Path, trust: bool = False) -> KeptEncoder:
    """The encoder that a run has kept. It is checked before it is used, and no code is run that comes with it.

    Args:
        folder: of the run, its ``encoder/``, or a folder in that.
        trust: whether the network may be a module of another installed package, which is imported then.

    Raises:
        ConfigError: there is none, its files are not what they should be, or its network is that of another package.
    """
    if not isinstance(folder, str | os.PathLike):
        raise ConfigError(Fault("folder", folder, accepted=_FOLDER))
    place = expanded_path(folder)
    if (place / ENCODER_FOLDER).is_dir():
        place /= ENCODER_FOLDER
    if not (place / _JSON).exists():
        raise ConfigError(Fault(str(folder), problem=f"has no encoder ({_JSON})", accepted=_FOLDER))
    described = _described(place / _JSON, read_file(place, _JSON, _MOST_JSON))
    columns = len(described.encoding.groups)
    if any(len(part) != columns for part in described.parts):
        raise broken_file(place / _JSON, "parts do not fit the columns", f"{columns} flags each")
    if described.shape.name != MLP and not trust:
        problem = f"the network is {shown(described.shape.name)}, of another package"
        raise broken_file(place / _JSON, problem, f"{MLP}, or trust=True to import what the package has installed")
    weights = _weights(place, described)
    network = TrainedEncoder(described.shape, columns, weights, described.parts)
    return KeptEncoder(described.encoding, network, described.objective, described.fingerprint, described.versions)


def _described(path: Path, contents: bytes) -> EncoderFile:
    try:
        described = EncoderFile.model_validate_json(contents)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = " ".join(str(first["msg"]).split())
        raise broken_file(path, f"{where}: {message}" if where else message, "what save_encoder wrote") from None
    if _checksum(described) != described.checksum:
        raise broken_file(path, "is not as it was written: its contents do not have its checksum", "an unchanged file")
    return described


def _checksum(described: EncoderFile) -> str:
    """The SHA-256 of all but the checksum, as JSON with sorted keys."""
    values = described.model_dump(mode="json", exclude={"checksum"})
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _weights(place: Path, described: EncoderFile) -> dict[str, Tensor]:
    """The parameters of the network.

    Raises:
        ConfigError: they are not those of a network of this shape, or not finite.
    """
    path = place / _WEIGHTS
    net = encoder_net(len(described.encoding.groups), described.shape)
    expected = {name: Layout("F32", shape) for name, shape in zip(net.names, net.shapes, strict=True)}
    size = sum(layout.bytes for layout in expected.values())
    if size > _MOST_WEIGHTS:
        raise broken_file(place / _JSON, f"describes weights of {size:,} bytes", f"at most {_MOST_WEIGHTS:,}")
    contents = read_file(place, _WEIGHTS, size + MOST_HEADER)
    if hashlib.sha256(contents).hexdigest() != described.weights:
        raise broken_file(path, f"is not the file that {_JSON} was written with", "both files of one encoder")
    return tensors_of(path, contents, expected)
