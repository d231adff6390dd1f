"""Measure what several columns tell of each other together: redundancy and synergy."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, Any, ClassVar

from mi_cli import procedures, training
from mi_cli.bounds.interaction import MEASURES
from mi_cli.datasets.base import Dataset
from mi_cli.datasets.table import Table
from mi_cli.errors import Fault, counted, listed
from mi_cli.estimators import interaction_measures
from mi_cli.estimators.training_free import Index, block_numbers
from mi_cli.lazy import np, special, torch
from mi_cli.problems import Array, is_discrete
from mi_cli.procedures.base import Cost, Outcome, Procedure
from mi_cli.schema.config import Config
from mi_cli.schema.sweep import Trial
from mi_cli.tabular.joint_columns import FEWEST_COLUMNS
from mi_cli.training.context import Context

if TYPE_CHECKING:
    from mi_cli.estimators.interaction_measures import Measured

__all__ = ["Interaction"]

_NORMAL, _ANY, _CRITICS = ("copula", "gaussian"), "nearest", "auto"
_MOST, _MOST_TOGETHER = 30, 20  # columns: of triples, and of all measures
_MOST_BY_NEIGHBOURS = 6  # columns whose triples are measured by nearest neighbours
_TRIPLE_ROWS = 1000  # for each of them


class Interaction(Procedure):
    """Estimate total correlation, dual total correlation and O-information of three or more columns.

    The columns are all of x, y and z, and all rows are used. Of four columns or more, each triple is measured as well,
    as a method that is a JSON list of its columns; its O-information is its co-information.
    """

    name = "interaction"
    ignores: ClassVar[tuple[str, ...]] = ("time", "selection", "representation")
    least_rows: ClassVar[Mapping[str, int]] = {}
    takes_z: ClassVar[bool] = True

    def faults(self, config: Config) -> list[Fault]:
        """Another estimator, or too few or too many columns."""
        faults, given = [], config.estimator.name
        accepted = (*_NORMAL, _ANY, _CRITICS)
        if given not in accepted:
            problem = "does not measure several columns together"
            faults.append(Fault("estimator.name", given, problem, ", ".join(accepted)))
        names = _names(config)
        if not FEWEST_COLUMNS <= len(names) <= _MOST:
            problem = f"has {counted(len(names), 'column')} in all"
            key, value = _says_columns(config.dataset)
            faults.append(Fault(key, value, problem, f"{FEWEST_COLUMNS} to {_MOST} columns"))
        return faults

    def cost(self, config: Config) -> Cost:
        """One step over all pairs of rows, or over all columns."""
        n, d = config.dataset.n_samples or 0, len(_names(config))
        if config.estimator.name == _CRITICS:
            training, estimator = config.training, config.estimator
            work, memory = estimator.cost((d - 1, 1), training, training.batch_of(n))
            return Cost(training.steps * estimator.trainings() * config.folds * (d - 1), work, memory * config.folds)
        work = n * n * d * 4 if config.estimator.name == _ANY else n * d * d * 20
        return Cost(1, work, sys.maxsize)

    def trained_method(self, config: Config) -> str:
        """The O-information; of critics, the total correlation."""
        return MEASURES[1 if config.estimator.name == _CRITICS else 0]

    def run(self, trials: Sequence[Trial], context: Context) -> list[Outcome]:
        """Measure the columns of one trial after another."""
        outcomes = []
        for trial in trials:
            context.check()
            with context.clock("data"):
                columns = _Columns.of(trial.config)
            with context.clock("evaluation"):
                outcomes.append(Outcome(trial, _methods(trial.config, columns, context)))
            context.advance(1)
        return outcomes


@dataclass(frozen=True, eq=False)
class _Columns:
    """The columns of a trial.

    Attributes:
        names: of the columns.
        values: ``(n, d)``, of classes their numbers.
        classes: whether each column is classes.
        block: the number of each row's block; None where rows are independent.
    """

    names: tuple[str, ...]
    values: Array
    classes: tuple[bool, ...]
    block: Any = None

    @classmethod
    def of(cls, config: Config) -> _Columns:
        dataset = config.dataset
        source = procedures.seeds.generator(config.seed, "train")
        rows = dataset.rows(dataset.n_samples or 0, source, torch.float64)
        x = config.noise.apply(rows.x, source)
        every = torch.cat([x, rows.y] if rows.z is None else [x, rows.y, rows.z], 1).numpy()
        block = block_numbers(rows)
        if not isinstance(dataset, Table):
            return cls(_names(config), every, tuple(is_discrete(column) for column in every.T), block)
        infos = (*dataset.encoded.info.x, *dataset.encoded.info.y, *dataset.encoded.info.z)
        ends = np.cumsum([info.width for info in infos])
        parts = [every[:, end - info.width : end] for info, end in zip(infos, ends, strict=True)]
        values = np.stack([part[:, 0] if part.shape[1] == 1 else part.argmax(1) for part in parts], 1)
        return cls(_names(config), values, tuple(info.kind != "number" for info in infos), block)

    def select(self, chosen: Sequence[int], rows: Any = slice(None)) -> _Columns:
        """Some of the columns, and some of the rows."""
        block = None if self.block is None else np.unique(self.block[rows], return_inverse=True)[1]
        names, classes = tuple(self.names[i] for i in chosen), tuple(self.classes[i] for i in chosen)
        return _Columns(names, self.values[rows][:, list(chosen)], classes, block)

    def scores(self, *, ranked: bool) -> Array:
        """The columns of numbers as normal scores, or only standardised; those of classes as they are."""
        numbers = [i for i, of_classes in enumerate(self.classes) if not of_classes]
        values = self.values.astype(np.float64)
        if ranked and numbers:
            given = torch.from_numpy(values[:, numbers])
            values[:, numbers] = training.fit_preprocess("rank_gaussianise", given)(given).numpy()
        spread = values[:, numbers].std(0)
        values[:, numbers] = (values[:, numbers] - values[:, numbers].mean(0)) / np.where(spread > 0, spread, 1)
        return values

    @cached_property
    def _correlations(self) -> list[Array]:
        """``(d, d)``, of the numbers as they are and of their ranks; those of classes are 0."""
        numbers = np.flatnonzero(~np.array(self.classes))
        found = []
        for ranked in (False, True) if len(numbers) > 1 else ():
            whole = np.eye(len(self.names))
            whole[np.ix_(numbers, numbers)] = np.corrcoef(self.scores(ranked=ranked)[:, numbers].T)
            found.append(whole)
        return found

    def relations(self, chosen: Index) -> dict[tuple[int, ...], str]:
        """Why columns have infinite measures, for those of the sets of columns ``(T, k)`` that have."""
        found: dict[tuple[int, ...], str] = {}
        for correlations in self._correlations:
            parts = correlations[chosen[:, :, None], chosen[:, None, :]]
            for place in np.flatnonzero(interaction_measures.relations(parts)):
                names = [self.names[chosen[place][i]] for i in interaction_measures.related_columns(parts[place])]
                reason = f"{listed(names, 'and')} determine each other, so that their total correlation is infinite"
                found.setdefault(tuple(map(int, chosen[place])), reason)
        return found


def _says_columns(dataset: Dataset) -> tuple[str, Any]:
    """The key that says which columns a dataset has, and its value."""
    if isinstance(dataset, Table):
        return "dataset.x", list(dataset.x) or None
    key = "columns" if "columns" in type(dataset).model_fields else "name"
    return f"dataset.{key}", getattr(dataset, key)


def _names(config: Config) -> tuple[str, ...]:
    dataset = config.dataset
    if isinstance(dataset, Table):
        info = dataset.encoded.info
        return tuple(column.name for column in (*info.x, *info.y, *info.z))
    sides = {"x": dataset.dim_x, "y": dataset.dim_y, "z": dataset.dim_z}
    return tuple(name if dim == 1 else f"{name}_{i}" for name, dim in sides.items() for i in range(dim))


def _methods(config: Config, columns: _Columns, context: Context) -> dict[str, dict[str, Any]]:
    """Result fields by measure, and by triple."""
    methods: dict[str, dict[str, Any]] = {}
    d, n = len(columns.names), len(columns.values)
    truth = config.dataset.true_interactions() if not config.noise.scale else None
    more = {"rows": n, "kind": "point estimate"}
    if d <= _MOST_TOGETHER:
        by_critics = config.estimator.name == _CRITICS
        names = MEASURES[1:2] if by_critics else MEASURES
        measured: Mapping[str, Measured] = {}
        reason = next(iter(columns.relations(np.arange(d)[None]).values()), "")
        try:
            if not reason:
                measured, reason = _by_critics(config, columns, context) if by_critics else _measured(config, columns)
        except ValueError as error:
            reason = str(error)
        if not measured:
            methods |= dict.fromkeys(names, _failed(reason) | more)
        for name in measured:
            methods[name] = _fields(config, measured[name]) | more
            methods[name]["true_mi"] = None if truth is None else truth[name]
            methods[name] |= {"reason": reason} if name == MEASURES[0] else {"reason": "", "p_value": None}
    if d > FEWEST_COLUMNS:
        for chosen, one, reason in _triples(config, columns, context):
            name = json.dumps([columns.names[i] for i in chosen], ensure_ascii=False)
            methods[name] = (_failed(reason) if one is None else _fields(config, one) | {"reason": reason}) | more
    return methods


def _by_critics(config: Config, columns: _Columns, context: Context) -> tuple[Mapping[str, Measured], str]:
    """The total correlation, and no remark."""
    scores = columns.scores(ranked=False)
    return {
        MEASURES[1]: procedures.critic_total.critic_total(config, scores, columns.classes, columns.block, context)
    }, ""


def _measured(config: Config, columns: _Columns) -> tuple[Mapping[str, Measured], str]:
    """The measures of all columns, and a remark.

    Raises:
        ValueError: they cannot be measured.
    """
    measures = interaction_measures
    if config.estimator.name in _NORMAL:
        scores = columns.scores(ranked=config.estimator.name == _NORMAL[0])
        return measures.normal_measures(scores, columns.block), ""
    if all(columns.classes):
        return measures.counted_measures(columns.values.astype(np.int64), columns.block), "by counting"
    n, random = len(columns.values), np.random.default_rng(procedures.seeds.integer(config.seed, "probe"))
    used = columns
    if n > measures.MOST_NEIGHBOUR_ROWS:
        rows = np.sort(random.choice(n, measures.MOST_NEIGHBOUR_ROWS, replace=False))
        used = columns.select(range(len(columns.names)), rows)
    remark = "" if used is columns else f"from {len(used.values):,} of {n:,} rows"
    found = measures.neighbour_measures(used.scores(ranked=True), used.classes, random, block=used.block)
    return found, remark


def _triples(config: Config, columns: _Columns, context: Context) -> list[tuple[tuple[int, ...], Measured | None, str]]:
    """The O-information of every triple, with a remark; None where it cannot be measured."""
    d, name = len(columns.names), config.estimator.name
    if name == _CRITICS or (name == _ANY and d > _MOST_BY_NEIGHBOURS and not all(columns.classes)):
        return []
    every = np.array(list(combinations(range(d), FEWEST_COLUMNS)))
    related = columns.relations(every)
    found: list[tuple[tuple[int, ...], Measured | None, str]] = [(key, None, why) for key, why in related.items()]
    free = np.array([chosen for chosen in every.tolist() if tuple(chosen) not in related]).reshape(-1, FEWEST_COLUMNS)
    if name in _NORMAL:
        scores = columns.scores(ranked=name == _NORMAL[0])
        of_triples = interaction_measures.normal_triples(scores, free, columns.block) if len(free) else {}
        return found + [(chosen, one, "") for chosen, one in of_triples.items()]
    for chosen in map(tuple, free.tolist()):
        context.check()
        rows = slice(None) if all(columns.classes) else slice(_TRIPLE_ROWS)
        measured, reason = _measured(config, columns.select(chosen, rows))
        few = not reason and len(columns.values) > _TRIPLE_ROWS
        found.append((chosen, measured[MEASURES[0]], f"from {_TRIPLE_ROWS:,} rows" if few else reason))
    return found


def _failed(reason: str) -> dict[str, Any]:
    return {"status": "failed", "reason": reason}


def _fields(config: Config, measured: Measured) -> dict[str, Any]:
    """A measure as result fields; unlike MI, it may be negative."""
    level, freedom = config.evaluation.level, measured.freedom
    quantile = special.ndtri(0.5 + level / 2) if math.isinf(freedom) else special.stdtrit(freedom, 0.5 + level / 2)
    half = float(quantile) * measured.stderr
    p_value = None
    if measured.stderr > 0:
        z = abs(measured.value) / measured.stderr
        p_value = 2 * float(special.ndtr(-z) if math.isinf(freedom) else special.stdtr(freedom, -z))
    return {
        "status": "ok",
        "estimate": measured.value,
        "stderr": measured.stderr,
        "ci_low": measured.value - half,
        "ci_high": measured.value + half,
        "p_value": p_value,
    }
