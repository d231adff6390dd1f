"""The contracts of datasets: independent rows from one generator, and an MI that agrees with a reference estimate."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from scipy.spatial import cKDTree
from scipy.special import digamma, ndtri
from scipy.stats import rankdata
from sklearn.feature_selection import mutual_info_classif, mutual_info_regression
from sklearn.metrics import mutual_info_score

from mi_cli.datasets.base import Dataset
from mi_cli.problems import is_discrete
from mi_cli.testing.checks import Check, checks, described, expect, run_all, section_contracts

__all__ = ["check_dataset", "dataset_checks", "nearest_neighbours"]

NOISES = (0.0, 0.3, 1.0)
_FEW_PLACES = 100
Array = np.ndarray[Any, np.dtype[np.float64]]


def check_dataset(cls: type[Dataset], fields: Mapping[str, Any] | None = None, *, paired: bool = False) -> None:
    """Check that a dataset keeps the contracts of :class:`~mi_cli.datasets.base.Dataset`.

    Its rows must have the shapes and types that it says, be independent and in no order, and depend on the generator
    alone. The MI that it claims must agree with nearest neighbours on 5,000 rows; with z, that is the MI
    given z. Its fields must survive JSON and
    pickle, and its module must not import torch. Checking takes a few seconds.

    Args:
        cls: the class.
        fields: fields in place of its defaults. Check several settings in several calls.
        paired: columns of x and y are pairs that are independent of each other. The reference is then the sum over the
            pairs, which errs less than one estimate of all columns.

    Raises:
        AssertionError: a contract is broken. The message names it.

    >>> from mi_cli.datasets.gaussian import Gaussian
    >>> check_dataset(Gaussian, {"rho": 0.9})
    """
    run_all(dataset_checks(cls, fields, paired=paired))


def dataset_checks(cls: type[Dataset], fields: Mapping[str, Any] | None = None, *, paired: bool = False) -> list[Check]:
    """The checks of :func:`check_dataset` one by one, for ``pytest.mark.parametrize``."""
    return checks(_Case(cls, dict(fields or {}), paired), (*section_contracts, *CONTRACTS))


@dataclass(frozen=True)
class _Case:
    """A dataset's class and its fields."""

    cls: type[Dataset]
    fields: dict[str, Any]
    paired: bool

    @property
    def label(self) -> str:
        """What messages call it."""
        return self.cls.__name__ + described(self.fields)

    @cached_property
    def made(self) -> Dataset:
        """The dataset as a config has it."""
        return self.cls(**self.fields)

    @cached_property
    def opened(self) -> Dataset:
        """The dataset, ready to draw from."""
        return self.made.opened()

    def draw(self, n: int = 50, seed: int = 0, dtype: torch.dtype | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Rows of a generator with this seed."""
        return self.opened.sample(n, torch.Generator().manual_seed(seed), dtype)


def rows_have_their_shapes_and_type(case: _Case) -> None:
    """``(n, dim_x)`` and ``(n, dim_y)`` of finite numbers, float32 unless another type is asked for."""
    dims = case.opened.dim_x, case.opened.dim_y
    for dtype in (None, torch.float32, torch.float64):
        for n in (0, 1, 2, 50):  # 0: a part of the data that a procedure does not use
            sides = case.draw(n, dtype=dtype)
            for name, side, dim in zip("xy", sides, dims, strict=True):
                expect(
                    side.shape == (n, dim), f"{name} of {n} rows has shape {tuple(side.shape)}; expected: {(n, dim)}"
                )
                wanted = dtype or torch.float32
                expect(side.dtype == wanted, f"{name} for dtype={dtype} is {side.dtype}; expected: {wanted}")
                expect(torch.isfinite(side).all(), f"{name} has values that are not finite")


def generator_is_the_only_source_of_chance(case: _Case) -> None:
    """The same seed gives the same rows, whatever else draws random numbers; another seed gives others."""
    torch.manual_seed(1)
    one = case.draw(seed=3)
    torch.manual_seed(2)
    other = case.draw(seed=3)
    expect(all(map(torch.equal, one, other)), "generators of one seed give different rows")
    expect(not torch.equal(one[0], case.draw(seed=4)[0]), "generators of two seeds give the same rows")


def drawing_goes_on_where_it_ended(case: _Case) -> None:
    """A second draw from one generator gives other rows."""
    generator = torch.Generator().manual_seed(0)
    first, second = case.opened.sample(50, generator), case.opened.sample(50, generator)
    expect(not torch.equal(first[0], second[0]), "a second draw from one generator gives the same rows")


def rows_are_independent_and_in_no_order(case: _Case) -> None:
    """By the autocorrelation of x's first column; false alarms: one in a million at each lag."""
    x, _ = case.draw(4000, dtype=torch.float64)
    column = (x[:, 0] - x[:, 0].mean()) / x[:, 0].std()
    for lag in (1, 2, 2000):
        n = len(column) - lag
        correlation, most = float((column[lag:] * column[:-lag]).mean()), 4.9 / n**0.5
        expect(
            abs(correlation) < most,
            f"rows {lag} apart have a correlation of {correlation:.3f}; expected: at most {most:.3f}",
        )


def discrete_sides_are_x_or_y(case: _Case) -> None:
    """``discrete`` and ``with_classes`` are sets of sides; a side of classes only has a column of classes."""
    for name in ("discrete", "with_classes"):
        expect(
            getattr(case.opened, name) <= {"x", "y"}, f"{name} is {getattr(case.opened, name)}; expected: of x and y"
        )
    expect(case.opened.discrete <= case.opened.with_classes, "a side of discrete is missing in with_classes")


def claimed_information_is_a_number_of_nats_or_none(case: _Case) -> None:
    """Not negative, and no more with noise on x than without."""
    for noise in NOISES:
        truth = case.opened.true_mi(noise)
        expect(truth is None or truth >= 0, f"true_mi({noise}) is {truth}; expected: None, or 0 or more nats")
        plain = case.opened.true_mi()
        if truth is not None and plain is not None:
            expect(truth <= plain, f"true_mi({noise}) is {truth:.4g}, more than {plain:.4g} without noise")


def claimed_information_agrees_with_nearest_neighbours(case: _Case) -> None:
    """By Kraskov, Stögbauer & Grassberger's estimate on 5,000 rows, whose spread is below 0.02 nats a column.

    False alarms: 1e-4 (4 sigma), were the seed not fixed. Where pairs of columns are independent of each other, each is
    estimated by itself, by scikit-learn. Otherwise all columns are estimated together, which errs towards 0 by up to
    15 % more. An MI that is infinite or not known is not checked.
    """
    for noise in NOISES:
        truth, room = case.opened.true_mi(noise), 0.08 * case.opened.dim_x**0.5
        if truth is None or math.isinf(truth):
            continue
        reference, least = _reference(case, noise), -room
        if not (case.opened.discrete == {"y"} or _pairs(case)):
            least -= 0.15 * truth
        expect(
            least < reference - truth < room,
            f"true_mi({noise}) is {truth:.4g} nats; nearest neighbours give {reference:.4g}, more than {room:.2g} away",
        )


def pointwise_information_has_the_mean_that_is_claimed(case: _Case) -> None:
    """On 5,000 rows, which are those of ``rows``, where it is known; false alarms: 6e-7 (5 sigma)."""
    plain, rows = (
        draw(5000, torch.Generator().manual_seed(0)) for draw in (case.opened.rows, case.opened.pointwise_rows)
    )
    expect(
        torch.equal(plain.x, rows.x) and torch.equal(plain.y, rows.y),
        "pointwise_rows gives other rows than rows",
    )
    truth, pointwise = case.opened.true_mi(), rows.pointwise
    if pointwise is None or truth is None:
        return
    expect(pointwise.shape == (5000,), f"pointwise has shape {tuple(pointwise.shape)}; expected: (5000,)")
    mean = pointwise.mean().item()
    room = 5 * math.hypot(pointwise.std().item() / math.sqrt(5000), case.opened.true_mi_stderr()) + 1e-6
    expect(abs(mean - truth) < room, f"the mean of pointwise is {mean:.4g}, more than {room:.2g} from {truth:.4g}")


CONTRACTS: tuple[Callable[[_Case], None], ...] = (
    rows_have_their_shapes_and_type,
    generator_is_the_only_source_of_chance,
    drawing_goes_on_where_it_ended,
    rows_are_independent_and_in_no_order,
    discrete_sides_are_x_or_y,
    claimed_information_is_a_number_of_nats_or_none,
    claimed_information_agrees_with_nearest_neighbours,
    pointwise_information_has_the_mean_that_is_claimed,
)


def _pairs(case: _Case) -> bool:
    return case.paired and case.opened.dim_x == case.opened.dim_y


def _reference(case: _Case, noise: float) -> float:
    """An estimate in nats from 5,000 rows, with noise on x."""
    rows = case.opened.rows(5000, torch.Generator().manual_seed(0), torch.float64)
    x, y = rows.x, rows.y
    x = x + noise * torch.randn(x.shape, generator=torch.Generator().manual_seed(9), dtype=x.dtype)
    if rows.z is not None:
        return _conditional_reference(x.numpy(), y.numpy(), rows.z.numpy())
    if case.opened.discrete == {"y"}:
        labels = y[:, 0].numpy().astype(int)
        return float(mutual_info_classif(x.numpy(), labels, n_neighbors=5, random_state=0)[0])
    if case.opened.discrete == {"x", "y"} and not noise:
        codes = (np.unique(side.numpy(), axis=0, return_inverse=True)[1].reshape(-1) for side in (x, y))
        return float(mutual_info_score(*codes))
    if _pairs(case):
        columns = zip(x.T.numpy(), y.T.numpy(), strict=True)
        return sum(float(mutual_info_regression(a[:, None], b, n_neighbors=5, random_state=0)[0]) for a, b in columns)
    return nearest_neighbours(x.numpy(), y.numpy(), k=5)


def _conditional_reference(x: Array, y: Array, z: Array) -> float:
    """An estimate of I(x; y | z) in nats: the mean over the classes of z; of numbers, I(x; y, z) − I(x; z)."""
    if not is_discrete(z):
        return nearest_neighbours(x, np.concatenate([y, z], 1), k=5) - nearest_neighbours(x, z, k=5)
    parts = [(z == value).all(1) for value in np.unique(z, axis=0)]
    if is_discrete(x) and is_discrete(y):
        return sum(float(part.mean()) * float(mutual_info_score(x[part, 0], y[part, 0])) for part in parts)
    return sum(float(part.mean()) * nearest_neighbours(x[part], y[part], k=5) for part in parts)


def nearest_neighbours(x: Array, y: Array, k: int) -> float:
    """Kraskov's first estimate in nats, of rows ``(n, dim_x)`` and ``(n, dim_y)``.

    Distances are by the maximum norm, of columns that were ranked, which keeps their MI. It shares no code with the
    estimators that are checked.

    Reference:
        Kraskov, Stögbauer & Grassberger 2004 (Physical Review E 69, 066138; arXiv cond-mat/0305641).

    >>> x = np.random.default_rng(0).normal(size=(2000, 1))
    >>> bool(abs(nearest_neighbours(x, np.flip(x, 0) ** 3, 5)) < 0.05)  # unpaired
    True
    """
    x, y = (ndtri((rankdata(rows, axis=0) - 0.5) / len(rows)) for rows in (x, y))
    both = np.concatenate([x, y], 1)
    inside = np.nextafter(cKDTree(both).query(both, k + 1, p=np.inf)[0][:, -1], 0)
    counts = [_within(rows, inside) for rows in (x, y)]
    return float(digamma(k) + digamma(len(x)) - sum(digamma(count).mean() for count in counts))


def _within(rows: Array, distances: Array) -> Any:
    """How many rows are within a distance of each row, itself among them, as an array of whole numbers."""
    places, at, weights = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
    if len(places) <= _FEW_PLACES:  # as of classes, of which a tree would look at each row
        apart = np.abs(places[:, None] - places).max(-1)
        return (apart[at.reshape(-1)] <= distances[:, None]) @ weights
    if rows.shape[1] > 1:
        return cKDTree(rows).query_ball_point(rows, distances, p=np.inf, return_length=True)
    column = rows[:, 0]
    ordered = np.sort(column)
    last = np.searchsorted(ordered, column + distances, side="right")
    return last - np.searchsorted(ordered, column - distances, side="left")
