"""The rows of a trial of ``procedure: represent``: parts of a table, which labels are shown, and folds of those."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mi_cli.datasets.labelled_table import LabelledTable
from mi_cli.procedures.label_probes import Target
from mi_cli.procedures.seeds import generator
from mi_cli.schema.config import Config
from mi_cli.tabular.columns import Column

__all__ = ["LabelSplit", "folds", "label_split"]

Array = np.ndarray[Any, Any]

FEW = 100  # labels below which candidates are chosen by cross-validation
_FOLDS = 4  # of fewer labels
_HELD_OUT = 4  # of more labels, one row in so many chooses among candidates


@dataclass(frozen=True, eq=False)
class LabelSplit:
    """The rows of one seed, as indices of all rows of a table.

    Attributes:
        columns: all columns of x, ``(n,)`` each, as they are in the table.
        classes: the columns of x that are classes.
        targets: the labels, each ``(n,)``.
        train: rows that encodings and encoders are fitted to, with those that have no label.
        val: rows that choose the checkpoints of encoders.
        test: rows that every method is tested on.
        order: rows whose labels may be shown (those of ``train`` and ``val`` that have one), in the order in which
            they are. A smaller number of labels is part of a larger one.
    """

    columns: Mapping[str, Column]
    classes: tuple[str, ...]
    targets: tuple[Target, ...]
    train: Array
    val: Array
    test: Array
    order: Array

    def shown(self, labels: float) -> Array:
        """The rows whose labels are shown: a share of those that there are, or a number of them, or else all."""
        n = len(self.order)
        return self.order[: min(n, round(labels * n) if labels <= 1 else int(labels))]


def label_split(config: Config) -> LabelSplit:
    """Draw and split the rows of a trial. They depend on the seed and the dataset, and not on ``split.labels``."""
    counts, source = config.rows, generator(config.seed, "train")
    sizes = [counts["train"], counts["val"], counts["test"]]
    if isinstance(config.dataset, LabelledTable):
        table = config.dataset.table
        drawn, others = config.dataset.order(sum(sizes), source).numpy(), table.others
        columns = {name: table.columns[name] for name in table.x_names}
        classes = table.classes
        targets = tuple(
            _target(one.name, table.columns[one.name].values, table.labelled, table.of_classes) for one in table.labels
        )
    else:
        columns, targets = _of_numbers(config, sum(sizes), source)
        drawn, others, classes = np.arange(sum(sizes)), np.empty(0, np.int64), ()
    drawn = _with_every_class(drawn, counts["test"], targets)
    train, val, test = np.split(drawn, np.cumsum(sizes)[:2])
    order = torch.randperm(len(train) + len(val), generator=generator(config.seed, "labelled")).numpy()
    return LabelSplit(
        columns, classes, targets, np.concatenate([train, others]), val, test, np.concatenate([train, val])[order]
    )


def _with_every_class(drawn: Array, n_test: int, targets: Sequence[Target]) -> Array:
    """The rows, of which the last ``n_test`` are tested, with every class both among those and among the others.

    A class that either part lacks swaps a row for one whose class stays in its part. A class of a single row stays
    where it is.
    """
    drawn = drawn.copy()
    of_classes = [target.values for target in targets if target.classes]
    learned, tested = np.split(np.arange(len(drawn)), [len(drawn) - n_test])
    for values in of_classes:
        for one in np.unique(values[drawn]):
            for lacking, other in ((tested, learned), (learned, tested)):
                if one in values[drawn[lacking]]:
                    continue
                given = other[_spare(of_classes, drawn[other]) & (values[drawn[other]] == one)]
                taken = lacking[_spare(of_classes, drawn[lacking])]
                if len(given) and len(taken):
                    drawn[[given[0], taken[0]]] = drawn[[taken[0], given[0]]]
    return drawn


def _spare(labels: Sequence[Array], rows: Array) -> Array:
    """Which of ``rows`` can leave them, so that every label keeps a row of the same class."""
    spare = np.ones(len(rows), bool)
    for values in labels:
        _, number, counts = np.unique(values[rows], return_inverse=True, return_counts=True)
        spare &= counts[number] > 1
    return spare


def _target(name: str, values: Array, labelled: Array, of_classes: bool) -> Target:
    """A label. Classes are numbered in their order; the value of a row without a label means nothing."""
    if not of_classes:
        return Target(name, values, 0)
    distinct = np.unique(values[labelled])
    return Target(name, np.searchsorted(distinct, values).clip(0, len(distinct) - 1), len(distinct))


def _of_numbers(config: Config, n: int, source: torch.Generator) -> tuple[dict[str, Column], tuple[Target, ...]]:
    """Columns and labels of a dataset that draws numbers; a side of classes with several columns has one for each."""
    rows = config.dataset.rows(n, source, torch.float64)
    x, y = config.noise.apply(rows.x, source).numpy(), rows.y.numpy()
    columns = {f"x_{j}": Column(f"x_{j}", "real", x[:, j]) for j in range(x.shape[1])}
    if "y" in config.dataset.discrete:
        values = y.argmax(1) if y.shape[1] > 1 else y[:, 0]
        return columns, (_target("y", values, np.arange(n), True),)
    return columns, tuple(Target(f"y_{j}", y[:, j], 0) for j in range(y.shape[1]))


def folds(target: Target) -> list[tuple[Array, Array]]:
    """The folds by which candidates are chosen, as places of labelled rows: those fitted, and those predicted.

    Fewer than ``FEW`` labels make four folds, each of which is predicted once. Of more labels, one fold of a quarter of
    them is predicted. Classes have about equal shares of each fold.

    Args:
        target: the labels that are shown, in random order.
    """
    n = len(target.values)
    order = np.argsort(target.values, kind="stable") if target.classes else np.arange(n)
    count = min(_FOLDS, n // 2) if n < FEW else _HELD_OUT
    fold = np.empty(n, np.int64)
    fold[order] = np.arange(n) % count
    chosen: Sequence[int] = range(count) if n < FEW else (0,)
    return [(np.flatnonzero(fold != one), np.flatnonzero(fold == one)) for one in chosen]
