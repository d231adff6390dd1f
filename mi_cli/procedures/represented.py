"""Representations of the tables of a stack of trials: encoded columns, codes of encoders, and the MI of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mi_cli.problems import Estimate, Problem, Rows
from mi_cli.procedures.label_probes import standardised
from mi_cli.procedures.label_split import LabelSplit, label_split
from mi_cli.procedures.seeds import Stream, generator
from mi_cli.representations import (
    ColumnEncoder,
    EncoderShape,
    EncodingTask,
    Sizes,
    TrainedEncoder,
    fit_encoders,
    save_encoder,
)
from mi_cli.representations.objectives.base import Objective
from mi_cli.representations.objectives.two_table import TwoTable
from mi_cli.representations.objectives.untrained import Untrained
from mi_cli.schema.config import Config
from mi_cli.training.context import Context

__all__ = [
    "CCA",
    "OTHER_CODES",
    "PCA",
    "UNTRAINED",
    "EncodedTable",
    "encoded_table",
    "encoder_shape",
    "information",
    "keep_encoder",
    "represent",
]

Array = np.ndarray[Any, Any]

CCA, PCA, UNTRAINED = "cca", "pca", "untrained"
OTHER_CODES = (PCA, UNTRAINED)  # that are there whatever the objectives
_RIDGE = 1e-3  # on the covariances of standardised columns


@dataclass(frozen=True, eq=False)
class EncodedTable:
    """The table of one seed, with its columns encoded by its training rows.

    Attributes:
        config: of a trial with this seed.
        split: of the rows.
        encoder: of the columns.
        x: encoded columns of all rows, ``(n, d)`` in float32.
        codes: of all rows, ``(n, dim)``, by the name of what makes them; without encoders that diverged.
        encoders: those that were trained, by their names.
        lost: why an encoder diverged, by its name.
        history: traces of the trainings.
    """

    config: Config
    split: LabelSplit
    encoder: ColumnEncoder
    x: Array
    codes: dict[str, Array] = field(default_factory=dict)
    encoders: dict[str, TrainedEncoder] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)
    history: dict[str, tuple[Array, Array]] = field(default_factory=dict)

    def task(self, seed: int) -> EncodingTask:
        """What an encoder is trained on."""
        return EncodingTask(
            x=self.x[self.split.train],
            groups=self.encoder.groups,
            x_val=self.x[self.split.val],
            seed=seed,
            lr=self.config.training.lr,
            names=self.encoder.names,
        )


def encoder_shape(config: Config) -> EncoderShape:
    """The shape of all encoders."""
    settings = config.representation
    return EncoderShape(name=settings.name, dim=settings.dim, hidden=settings.hidden, activation=settings.activation)


def encoded_table(config: Config) -> EncodedTable:
    """The table of a trial; encodings are fitted to training rows and to rows without a label."""
    split = label_split(config)
    encoder = ColumnEncoder.fit(split.columns, classes=split.classes, select=split.train)
    return EncodedTable(config, split, encoder, encoder.transform(split.columns))


def represent(tables: Sequence[EncodedTable], objectives: Mapping[str, Objective], context: Context) -> None:
    """Train an encoder of each table for each objective, and add the codes of all rows to the tables.

    PCA, an untrained encoder and, where there are two tables of columns, CCA are added as well.
    """
    for table in tables:
        table.codes[PCA] = _principal(table.x, table.split.train, table.config.representation.dim)
        for objective in objectives.values():
            if isinstance(objective, TwoTable):
                table.codes[CCA] = _canonical(table, objective)
    for name, objective in ({UNTRAINED: Untrained()} | dict(objectives)).items():
        tasks = [table.task(table.config.seed) for table in tables]
        config = tables[0].config
        encoders = fit_encoders(objective, encoder_shape(config), tasks, config.training, context)
        for table, encoder in zip(tables, encoders, strict=True):
            _add(table, name, encoder)


def _add(table: EncodedTable, name: str, encoder: TrainedEncoder) -> None:
    for metric, trace in encoder.history.items():
        table.history[f"{name}_{metric}"] = trace
    if encoder.status == "ok":
        table.codes[name] = encoder.codes(table.x).astype(np.float32)
        if name != UNTRAINED:
            table.encoders[name] = encoder
    else:
        table.lost[name] = encoder.reason


def _principal(x: Array, train: Array, dim: int) -> Array:
    """Codes of all rows by principal components of the encoded columns of training rows."""
    fitted = x[train].astype(np.float64)
    centre = fitted.mean(0)
    values, vectors = np.linalg.eigh((fitted - centre).T @ (fitted - centre))
    chosen = vectors[:, np.argsort(-values)[:dim]]
    return np.asarray((x - centre) @ chosen, np.float32)


def _canonical(table: EncodedTable, objective: TwoTable) -> Array:
    """Codes of all rows by canonical correlations of two tables of columns: the variates of both.

    Reference:
        Hotelling 1936 (Biometrika 28, 321–377).
    """
    shape, encoder = encoder_shape(table.config), table.encoder
    sizes = Sizes(table.x.shape[1], shape.dim, 0, False, shape.hidden, encoder.names, encoder.groups)
    first = np.array(objective.parts(sizes)[0])
    x = standardised(table.x, table.split.train)
    sides = [x[:, first], x[:, ~first]]
    whitened = [side @ _whitening(side[table.split.train]) for side in sides]
    one, two = (side[table.split.train] for side in whitened)
    left, _, right = np.linalg.svd(one.T @ two / len(one), full_matrices=False)
    k = max(1, min(table.config.representation.dim // 2, len(right)))
    return np.concatenate([whitened[0] @ left[:, :k], whitened[1] @ right[:k].T], 1).astype(np.float32)


def _whitening(x: Array) -> Array:
    values, vectors = np.linalg.eigh(x.T @ x / len(x) + _RIDGE * np.eye(x.shape[1]))
    return np.asarray(vectors / np.sqrt(values))


def keep_encoder(config: Config, objective: Objective, folder: Path, fingerprint: str, context: Context) -> str:
    """Train an encoder on all rows of a table, but for those that choose its checkpoint, and keep it in ``folder``.

    Returns:
        What it was trained on, in words.

    Raises:
        ValueError: the encoder diverged.
    """
    split = label_split(config)
    rows = np.concatenate([split.train, split.test])
    encoding = ColumnEncoder.fit(split.columns, classes=split.classes, select=rows)
    table = EncodedTable(config, replace(split, train=rows), encoding, encoding.transform(split.columns))
    (encoder,) = fit_encoders(objective, encoder_shape(config), [table.task(config.seed)], config.training, context)
    save_encoder(folder, encoder, encoding, objective, fingerprint)
    return f"{objective.name}, trained on all rows ({len(rows):,}, and {len(split.val):,} that chose its checkpoint)"


def information(tables: Sequence[EncodedTable], context: Context) -> list[dict[str, Estimate]]:
    """For each table, the MI of its columns and of the noisy code of each encoder, by critics of their own.

    Codes are standardised, and normal noise of ``representation.noise`` is added to them, so that the MI is finite. The
    estimator of the config is trained on the training rows and evaluated on the test rows. Where there is no noise,
    nothing is estimated.
    """
    found: list[dict[str, Estimate]] = [{} for _ in tables]
    config = tables[0].config
    if not config.representation.noise:
        return found
    places: dict[tuple[str, int, int], list[tuple[int, str]]] = {}  # one code at a time, as each has a copy of the rows
    for index, table in enumerate(tables):
        for name, codes in table.codes.items():
            places.setdefault((name, table.x.shape[1], codes.shape[1]), []).append((index, name))
    for members in places.values():
        problems = [_problem(tables[index], name) for index, name in members]
        estimates, _ = config.estimator.estimate(problems, config.training, config.evaluation, context)
        for (index, name), estimate in zip(members, estimates, strict=True):
            found[index][name] = estimate
    return found


def _problem(table: EncodedTable, name: str) -> Problem:
    """The problem of estimating the MI of the columns and a code."""
    config, split = table.config, table.split
    codes, noise = standardised(table.codes[name], split.train), generator(config.seed, "code")

    def rows(part: Array) -> Rows:
        z = torch.from_numpy(codes[part])
        z = z + config.representation.noise * torch.empty_like(z).normal_(generator=noise)
        return Rows(torch.from_numpy(table.x[part]).double(), z)

    def stream(name: Stream) -> torch.Generator:
        return generator(config.seed, name)

    return Problem(
        dim_x=table.x.shape[1],
        dim_y=codes.shape[1],
        train=rows(split.train),
        draw=None,
        val=rows(split.val),
        test=rows(split.test),
        init=stream("probe"),
        order=stream("order"),
        lr=config.training.lr,
    )
