"""The tasks off the benchmark, by name: some of each kind, and each once more with x and y independent."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import chain
from types import MappingProxyType
from typing import Any, Protocol

from mi_cli.datasets.maps import PAIR_MAPS, Map, PairMap
from mi_cli.datasets.normal_mixture import NormalMixture, Part
from mi_cli.datasets.off_benchmark import classes, counts, injections, planes
from mi_cli.datasets.off_benchmark.regressions import (
    Regression,
    chi_grid,
    normal_grid,
    uniform_plane,
)
from mi_cli.datasets.off_benchmark.task import Distribution, Kind, Task, Truth, independent
from mi_cli.datasets.off_benchmark.truths import TRUTHS
from mi_cli.lazy import torch

__all__ = ["INDEPENDENT", "TASKS"]

INDEPENDENT = "_independent"  # ends the name of a task whose x and y are independent

Named = tuple[str, Task]
_X, _Y = frozenset({"x"}), frozenset({"y"})
_BOTH = _X | _Y


class _Exact(Distribution, Protocol):
    """A distribution whose MI has a closed form."""

    @property
    def mi(self) -> float:
        """I(x; y) in nats."""


def _exact(name: str, kind: Kind, source: _Exact, **more: Any) -> Named:
    """A task with the MI of its source."""
    return name, Task(kind, source, Truth(source.mi), **more)


def _task(name: str, kind: Kind, source: Distribution, **more: Any) -> Named:
    """A task whose MI is in ``truths.py``."""
    return name, Task(kind, source, TRUTHS[name], **more)


def _both(f: Map, g: Map) -> PairMap:
    return PairMap((f,), (g,))


def _sine(periods: float, trend: float = 0.0) -> Map:
    return lambda x: (2 * math.pi * periods * x).sin() + trend * x


def _product_of_waves(x: torch.Tensor) -> torch.Tensor:
    return (4 * math.pi * x).sin().prod(1, keepdim=True)


def _two_waves(x: torch.Tensor) -> torch.Tensor:
    return (4 * math.pi * x[:, :1]).sin() + (6 * math.pi * x[:, 1:]).cos()


def _steps(x: torch.Tensor) -> torch.Tensor:
    levels = torch.tensor([2.0, 0.0, 3.0, 5.0, 1.0, 4.0], dtype=torch.float64)
    return levels[(6 * x).long().clamp(max=5)]


def _distance(x: torch.Tensor) -> torch.Tensor:
    return x.square().sum(1, keepdim=True).sqrt()


def _spiral(t: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    angle = 4 * math.pi * t
    return (0.2 + t) * angle.cos(), (0.2 + t) * angle.sin()


def _lissajous(t: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return (6 * math.pi * t).sin(), (4 * math.pi * t + 0.5).sin()


def _smooth() -> Iterator[Named]:
    for periods in (2, 4, 6):
        yield _task(f"sine_{periods}", "periodic", Regression(_sine(periods), 0.2))
    yield _task("sine_trend", "periodic", Regression(_sine(5, trend=1.0), 0.2))
    yield _task("product_of_waves", "periodic", Regression(_product_of_waves, 0.1, uniform_plane, dim=2))
    yield _task("two_waves", "periodic", Regression(_two_waves, 0.3, uniform_plane, dim=2))
    for size in (4, 6):
        yield _exact(f"chequerboard_{size}", "piecewise constant", planes.Chequerboard(size, anywhere=0.1))
    yield _task("steps", "piecewise constant", Regression(_steps, 0.3))
    yield _exact("parity_2", "parity", planes.Parity(2, wrong=0.02, dim=2))
    yield _exact("parity_3", "parity", planes.Parity(3, wrong=0.02, dim=3))
    yield _exact("parity_2_of_6", "parity", planes.Parity(2, wrong=0.05, dim=6))
    normal = partial(Regression, grid=normal_grid, columns="normal")
    kind: Kind = "multiplicative noise"
    yield _task("spread", kind, normal(_zeros, _spread_of(0.1, 1.0)))
    yield _task("trend_and_spread", kind, normal(_itself, _spread_of(0.1, 0.5)))
    yield _task("product", kind, planes.Product(0.5))
    yield _task("cauchy_noise", "heavy tails", normal(_itself, 0.3, noise="cauchy"))
    pair = planes.Pairs(1, 0.8, 1)
    yield _exact("exp_4", "heavy tails", pair, maps=PairMap(y=(injections.Exponential(4),)))
    yield _exact("exp_3_both", "heavy tails", pair, maps=_both(*[injections.Exponential(3)] * 2))
    yield _task("outliers", "outliers", _contaminated(0.01, 1.0, 1e6))
    yield _task("outliers_both", "outliers", _contaminated(0.02, 1e4, 1e4))


def _itself(x: torch.Tensor) -> torch.Tensor:
    return x


def _zeros(x: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(x)


def _spread_of(least: float, slope: float) -> Map:
    return lambda x: least + slope * x.abs()


def _contaminated(share: float, of_x: float, of_y: float) -> NormalMixture:
    """Pairs of correlation .8; a share of rows has independent x and y of these variances."""
    pair, outlier = ((1.0, 0.8), (0.8, 1.0)), ((of_x, 0.0), (0.0, of_y))
    return NormalMixture((Part(1 - share, (0, 0), pair), Part(share, (0, 0), outlier)), 1)


def _few_values() -> Iterator[Named]:
    yield _task("counts", "counts", counts.SharedRate(2.0, 8.0), few_values=_BOTH)
    yield _task("counts_3", "counts", counts.SharedRate(2.0, 4.0, dim=3), few_values=_BOTH)
    yield _task("small_counts", "counts", counts.SharedRate(1.0, 1.0), few_values=_BOTH)
    yield _task("count_of_rate", "counts", counts.PoissonOfRate(2.0, 5.0), few_values=_Y)
    yield _task("zero_inflated_count", "zeros", counts.PoissonOfRate(2.0, 8.0, zeros=0.5), few_values=_Y)
    yield _task("censored", "zeros", counts.Censored(0.8))
    yield _task("both_censored", "zeros", counts.BothCensored(0.8))
    yield _task("rounded", "ties", counts.Rounded(0.8, 1.0), few_values=_Y)
    yield _task("both_rounded", "ties", counts.BothRounded(0.8, 0.5), few_values=_BOTH)


def _classes() -> Iterator[Named]:
    def given(
        name: str, weights: tuple[float, ...], distance: float, dim: int, spreads: tuple[float, ...] | None = None
    ) -> Named:
        source = classes.NormalGivenClass(weights, distance, dim, spreads)
        two = len(weights) == 2
        maps = PAIR_MAPS["none"] if two else PairMap(y=(classes.OneHot(len(weights)),))
        return _task(
            name, "classes", source, maps=maps, dims=(dim, 1 if two else len(weights)), class_shares={"y": weights}
        )

    five, rare = (0.2,) * 5, (0.9, 0.08, 0.02)
    yield given("classes_1", five, 2.0, 1)
    yield given("classes_10", five, 2.0, 10)
    yield given("classes_20", five, 2.0, 20)
    yield given("classes_50", five, 2.0, 50)
    yield given("rare_1", rare, 2.0, 1)
    yield given("rare_10", rare, 2.5, 10)
    yield given("rare_50", rare, 2.5, 50)
    yield given("two_classes_20", (0.5, 0.5), 1.5, 20)
    yield given("rare_of_two_20", (0.97, 0.03), 2.5, 20)
    yield given("class_spreads", (1 / 3,) * 3, 0.0, 2, spreads=(0.5, 1.0, 3.0))
    source = classes.Swapped(classes.NormalGivenClass((1 / 40,) * 40, 0.1, 1))
    maps = PairMap(x=(classes.OneHot(40),))
    yield _task("forty_codes", "classes", source, maps=maps, dims=(40, 1), class_shares={"x": (1 / 40,) * 40})
    table = classes.ClassTable(((0.2, 0.05, 0.05), (0.05, 0.15, 0.05), (0.02, 0.03, 0.1), (0.1, 0.1, 0.1)))
    maps = _both(classes.OneHot(4), classes.OneHot(3))
    shares = {"x": (0.3, 0.25, 0.15, 0.3), "y": (0.37, 0.33, 0.3)}  # sums of its rows and columns
    yield _exact("table_of_classes", "classes", table, maps=maps, dims=(4, 3), class_shares=shares)


def _many_columns() -> Iterator[Named]:
    yield _exact("near_copy", "near copies", planes.Pairs(1, 1 / math.sqrt(1 + 1e-6), 1))
    yield _exact("pairs_20", "near copies", planes.Pairs(20, 0.9, 20))
    yield _task("ring", "rings", planes.Ring(0.1))
    for dim in (2, 5):
        source = Regression(_distance, 0.2, partial(chi_grid, dim), dim, "normal")
        yield _task(f"radius_{dim}", "rings", source)
    five = planes.Pairs(5, 0.5, 5)
    maps = PairMap(x=(injections.Repeated(),))
    yield _exact("repeated_columns", "redundant columns", five, maps=maps, dims=(7, 5))
    maps = PairMap(x=(classes.OneHot(3),))
    more: dict[str, Any] = {"maps": maps, "dims": (8, 5), "some_classes": _X}
    yield "unrelated_class", Task("redundant columns", classes.WithClass(five, 3), Truth(five.mi), **more)
    yield _task("spiral", "curves", planes.Curve(_spiral, 0.06))
    yield _task("lissajous", "curves", planes.Curve(_lissajous, 0.08))
    blob = injections.Blob(8)
    yield _exact("blobs_8", "images", planes.Pairs(2, 0.9, 2), maps=_both(blob, blob), dims=(64, 64))
    bars = injections.Bars(16)
    yield _exact("bars_16", "images", planes.Pairs(2, 0.95, 1), maps=_both(bars, bars), dims=(256, 256))
    maps = _both(injections.Shapes(12), classes.OneHot(3))
    more = {"maps": maps, "dims": (144, 3), "class_shares": {"y": (1 / 3,) * 3}}
    yield _exact("shapes_12", "images", classes.NoisyLabel(3, wrong=0.1, others=2), **more)
    for dim, pairs, rho, layers in ((10, 5, 0.7, 2), (25, 5, 0.8, 1), (100, 10, 0.7, 1)):
        maps = _both(*(injections.RandomBijection(dim, layers, seed) for seed in (dim, dim + 1)))
        yield _exact(f"bijection_{dim}", "bijections", planes.Pairs(dim, rho, pairs), maps=maps)


def _few_rows() -> Iterator[Named]:
    yield _exact("normal_200_rows", "few rows", planes.Pairs(1, 0.6, 1), rows=200)
    yield _exact("normal_5_500_rows", "few rows", planes.Pairs(5, 0.6, 5), rows=500)
    of = dict(chain(_smooth(), _few_values(), _classes(), _many_columns()))
    for name, rows in (("sine_2", 200), ("radius_2", 500), ("counts", 200), ("classes_10", 500)):
        yield f"{name}_{rows}_rows", replace(of[name], kind="few rows", rows=rows)


def _all() -> Iterator[Named]:
    for name, task in chain(_smooth(), _few_values(), _classes(), _many_columns(), _few_rows()):
        yield name, task
        yield name + INDEPENDENT, independent(task)


TASKS: Mapping[str, Task] = MappingProxyType(dict(_all()))
