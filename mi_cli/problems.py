"""The value types of the science: rows of a sample, a problem to estimate, and an estimate."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self, TypeAlias

from mi_cli.display.interval_svg import Drawn
from mi_cli.display.numbers import interval_text, p_text
from mi_cli.display.results import html_of
from mi_cli.display.units import SCALES, Units, scaled, text_in
from mi_cli.lazy import np, torch

__all__ = [
    "Array",
    "Draw",
    "Estimate",
    "Kind",
    "Pointwise",
    "Problem",
    "Rows",
    "column_place",
    "is_discrete",
    "midpoint",
    "with_names",
]


_SAMPLE_ROWS = 16384
_PLACE = re.compile(r"column (\d+) of ([xyz])\b")  # as column_place writes it

Array: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"
Kind = Literal["lower bound", "upper bound", "point estimate"]


@dataclass(frozen=True)
class Rows:
    """Joint samples.

    Attributes:
        x: ``(n, dim_x)``.
        y: ``(n, dim_y)``.
        block: the block of each row, ``(n,)``. Rows of one block may depend on each other, such as those of one patient
            or neighbours in time. If it is None, all rows are independent.
        z: the columns that the MI is conditional on, ``(n, dim_z)``. If it is None, the MI is that of x and y alone.
        number: of each row where it comes from, ``(n,)``, from 0 on; None where nobody asks.
        pointwise: the true pointwise MI of each row, ``(n,)`` in nats; None where it is not known, or nobody asks.
    """

    x: torch.Tensor
    y: torch.Tensor
    block: torch.Tensor | None = None
    z: torch.Tensor | None = None
    number: torch.Tensor | None = None
    pointwise: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.x)

    def concat(self, *others: Rows) -> Rows:
        """These rows followed by others."""
        parts = (self, *others)

        def joined(name: str) -> torch.Tensor | None:
            sides = [side for part in parts if (side := getattr(part, name)) is not None]
            return torch.cat(sides) if len(sides) == len(parts) else None

        return Rows(
            torch.cat([part.x for part in parts]),
            torch.cat([part.y for part in parts]),
            **{name: joined(name) for name in _OPTIONAL},
        )

    def select(self, index: Any) -> Rows:
        """The rows at an index or in a slice."""
        sides = {name: None if (side := getattr(self, name)) is None else side[index] for name in _OPTIONAL}
        return Rows(self.x[index], self.y[index], **sides)


_OPTIONAL = ("block", "z", "number", "pointwise")  # what rows may have beside x and y


@dataclass(frozen=True)
class Draw:
    """A source of fresh rows: ``draw(n)`` gives n of them. ``generator`` is its only source of randomness."""

    rows: Callable[[int], Rows]
    generator: torch.Generator

    def __call__(self, n: int) -> Rows:
        """The next n rows."""
        return self.rows(n)

    def map(self, function: Callable[[Rows], Rows]) -> Draw:
        """A source that applies a function to the rows."""
        return Draw(lambda n: function(self.rows(n)), self.generator)


@dataclass(frozen=True)
class Problem:
    """What an estimator gets of one trial.

    Attributes:
        dim_x: columns of x.
        dim_y: columns of y.
        train: fixed training rows; None if ``draw`` gives fresh ones.
        draw: a source of fresh training rows; None if ``train`` are fixed.
        val: validation rows.
        test: test rows.
        init: the trial's generator for initial weights.
        order: the trial's generator for pairing and batching.
        lr: learning rate.
        fresh: more rows of the same distribution, on which a fitted critic is evaluated once more.
        names: of the columns of each side, where they have some; remarks and reasons are said with them.
    """

    dim_x: int
    dim_y: int
    train: Rows | None
    draw: Draw | None
    val: Rows
    test: Rows
    init: torch.Generator
    order: torch.Generator
    lr: float
    fresh: Rows | None = None
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def sample(self) -> Rows:
        """The training rows, or enough fresh ones to fit maps of the columns to."""
        if self.train is not None:
            return self.train
        assert self.draw is not None  # noqa: S101 (a problem has train or draw)
        return self.draw(_SAMPLE_ROWS)

    @property
    def rows(self) -> Rows:
        """All fixed rows, for estimators that hold none out.

        Raises:
            ValueError: training rows are fresh, so that there is no end of them.
        """
        if self.train is None:
            raise ValueError("there is no end of fresh rows; accepted: a number of rows")
        return self.train.concat(self.val, self.test)


@dataclass(frozen=True, eq=False)
class Pointwise:
    """The pointwise MI of rows: the log-ratio of each by a critic that has not seen it.

    Their mean is the estimate.

    Attributes:
        nats: ``(n,)``, in the order of ``number``.
        number: of each row, ``(n,)``, from 0 on: in the file or in memory, or among the rows that were drawn.
        truth: the true pointwise MI, ``(n,)`` in nats; None where it is not known.
        x: the values of x where it is a single column, ``(n,)``; otherwise None. ``y`` likewise.
    """

    nats: Array
    number: np.ndarray[Any, np.dtype[np.int64]]
    truth: Array | None = None
    x: Array | None = None
    y: Array | None = None

    @classmethod
    def of(cls, nats: Array, rows: Rows) -> Pointwise:
        """Log-ratios ``(n,)`` of rows."""
        number: Any = np.arange(len(nats)) if rows.number is None else rows.number.cpu().numpy()
        order = np.argsort(number, kind="stable")

        def sorted_values(side: torch.Tensor | None) -> Array | None:
            return None if side is None else side.double().cpu().numpy()[order]

        x, y = (sorted_values(side[:, 0] if side.shape[1] == 1 else None) for side in (rows.x, rows.y))
        return cls(nats[order], number[order], sorted_values(rows.pointwise), x, y)

    @property
    def bits(self) -> Array:
        """``nats`` in bits."""
        return self.nats * SCALES["bits"]

    @property
    def rank(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """The rank of each row by its pointwise MI, ``(n,)``; 1 is the largest."""
        ranks = np.empty(len(self.nats), np.int64)
        ranks[np.argsort(-self.nats, kind="stable")] = np.arange(1, len(self.nats) + 1)
        return ranks

    def with_mean(self, mean: float) -> Pointwise:
        """The same, less a constant that makes ``mean`` the mean."""
        return replace(self, nats=self.nats - self.nats.mean() + mean)

    def concat(self, *others: Pointwise) -> Pointwise:
        """The pointwise MI of these rows and of others, such as those of all folds."""
        parts = (self, *others)
        order = np.argsort(np.concatenate([part.number for part in parts]), kind="stable")

        def joined(name: str) -> Any:
            sides = [getattr(part, name) for part in parts]
            return None if any(side is None for side in sides) else np.concatenate(sides)[order]

        return Pointwise(*(joined(name) for name in ("nats", "number", "truth", "x", "y")))


@dataclass(frozen=True)
class Estimate:
    """An estimate of MI, and what is needed to judge it; in nats, unless ``units`` says otherwise.

    Attributes:
        kind: a lower bound, an upper bound, or neither.
        status: ``ok``; ``diverged``, if a number became non-finite; or ``failed``, if there can be no estimate.
        reason: why the status is not ``ok``, or a remark on the value.
        value: the estimate; None unless the status is ``ok``.
        stderr: its standard error.
        ci_low: the lower end of its interval.
        ci_high: the upper end of its interval.
        ceiling: the largest value that it can take; None without one.
        lower: a one-sided lower confidence limit of the MI, at the level of the interval; for lower bounds.
        p_value: the p-value of no dependence, by re-pairing rows.
        effective: Kish's effective number of product samples in the partition term.
        critic_mi: the bound of the same critic on ``Problem.fresh``, which ``value`` estimates.
        critic_stderr: its standard error.
        test_mi: the lower bound on test rows, to which ``lower`` belongs, where it is not the value itself.
        train_mi: the value on training rows.
        val_mi: the value on validation rows.
        rise: by how much the last round of a training in rounds raised the value on validation rows; large where
            training ended too early. None without rounds.
        drift: the value less its mean over two halves of the rows; large where it still grows with the number of rows.
            None where it is not computed.
        misfit: by how many standard errors the rows depart from the distribution that the estimator assumes; None
            without such a test.
        steps: training steps taken; None without training.
        null: the statistic of the rows, then of each re-pairing, ``(1 + m,)``.
        influence: the influence of each test row on ``value``, ``(n,)`` in nats, up to a constant; of critics on the
            rows of one split or fold, None elsewhere.
        history: steps ``(T,)`` and values ``(T,)`` by metric.
        kept: the critics that are kept, one for each fold (:class:`mi_cli.training.KeptCritic`).
        pointwise: the pointwise MI of the test rows, where it is asked for (``evaluation.pointwise``); always in nats.
        units: of all numbers that are an MI or its error.
        level: of the interval and of ``lower``.
    """

    kind: Kind
    status: Literal["ok", "diverged", "failed"] = "ok"
    reason: str = ""
    value: float | None = None
    stderr: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    ceiling: float | None = None
    lower: float | None = None
    p_value: float | None = None
    effective: float | None = None
    critic_mi: float | None = None
    critic_stderr: float | None = None
    test_mi: float | None = None
    train_mi: float | None = None
    val_mi: float | None = None
    rise: float | None = None
    drift: float | None = None
    misfit: float | None = None
    steps: int | None = None
    null: np.ndarray[Any, Any] | None = field(default=None, compare=False, repr=False)
    influence: Array | None = field(default=None, compare=False, repr=False)
    history: dict[str, tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]] = field(
        default_factory=dict, compare=False, repr=False
    )
    kept: tuple[Any, ...] = field(default=(), compare=False, repr=False)
    pointwise: Pointwise | None = field(default=None, compare=False, repr=False)
    units: Units = "nats"
    level: float = 0.95

    def changed(self, **fields: Any) -> Self:
        """The same with other values of some fields. What is not computed yet stays so."""
        made = object.__new__(type(self))
        vars(made).update(vars(self) | fields)
        return made

    def in_units(self, units: Units) -> Self:
        """The same in nats or bits: numbers, traces and remarks."""
        scale = SCALES[units] / SCALES[self.units]
        fields = {name: scaled(vars(self)[name], scale) for name in _OF_MI}
        history = {
            name: (steps, values * scale if name.endswith("_mi") else values)
            for name, (steps, values) in self.history.items()
        }
        return self.changed(**fields, history=history, units=units, reason=text_in(units, self.reason))

    def __str__(self) -> str:
        if self.status != "ok":
            return f"{self.status}: {self.reason}"
        p_value = vars(self)["p_value"]  # one that nobody has read is not computed for this
        parts = [interval_text(self.value, self.ci_low, self.ci_high, self.units, self.level), self.kind]
        return ", ".join([*parts, *([] if p_value is None else [p_text(p_value)])])

    def __repr__(self) -> str:
        return f"<Estimate: {self}>"

    def _repr_html_(self) -> str:
        drawn = [Drawn("", self.value, self.ci_low, self.ci_high)] if self.status == "ok" else []
        remark = self.reason if self.status == "ok" else ""
        return html_of(str(self), drawn, self.units, self.level, [remark])


_OF_MI = (  # fields of an estimate that are in its units
    *("value", "stderr", "ci_low", "ci_high", "ceiling", "lower", "critic_mi", "critic_stderr", "test_mi"),
    *("train_mi", "val_mi", "rise", "drift", "influence"),
)


def midpoint(test: float, train: float | None) -> float:
    """A bound without the pessimism of test rows and the optimism of training rows, which are equal, in nats.

    Critics that are fitted to n rows do better on these than in truth, and worse on others by as much: by half the
    number of their parameters divided by n (Akaike 1974, IEEE Transactions on Automatic Control 19, 716–723).

    Args:
        test: the bound on test rows.
        train: the bound on training rows; None, or a number below ``test``, changes nothing.

    >>> midpoint(1.0, 1.5), midpoint(1.0, 0.9)
    (1.25, 1.0)
    """
    return test if train is None or not train > test else (test + train) / 2


def column_place(number: int, side: str) -> str:
    """How remarks and reasons of estimators say a column; :func:`with_names` puts its name there.

    Args:
        number: of the column, from 0 on.
        side: x, y or z.
    """
    return f"column {number} of {side}"


def with_names(text: str, names: Mapping[str, Sequence[str]]) -> str:
    """A remark or reason with the names of columns in place of their numbers.

    Args:
        text: in which columns are said as :func:`column_place` does.
        names: of all columns, by side; a side without names keeps its numbers.

    >>> with_names("column 1 of x is constant, column 0 of y varies", {"x": ("age", "weight (kg)")})
    'column weight (kg) is constant, column 0 of y varies'
    """

    def named(place: re.Match[str]) -> str:
        number, of_side = int(place[1]), names.get(place[2], ())
        return f"column {of_side[number]}" if number < len(of_side) else place[0]

    return _PLACE.sub(named, text)


def is_discrete(values: Array) -> bool:
    """Whether a column takes few values: at most 2 √n distinct ones, which occur at least twice on average.

    So ten classes are discrete from a hundred rows on, and values that are rounded to a hundredth of their spread are
    not discrete in ten thousand rows.

    Args:
        values: numbers ``(n,)``, or rows ``(n, d)``.
    """
    distinct = len(np.unique(values, axis=0))
    return distinct <= min(2 * math.sqrt(len(values)), len(values) / 2)
