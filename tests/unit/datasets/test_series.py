"""Series of known transfer entropy, and tables of series."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch
from pydantic import ValidationError

from mi_cli.datasets.copied_bits import CopiedBits
from mi_cli.datasets.coupled_maps import CoupledMaps
from mi_cli.datasets.series import History
from mi_cli.datasets.time_series import TimeSeries
from mi_cli.datasets.var import Var
from mi_cli.errors import ConfigError

COPY = Var(coefficients=[[[0, 0], [1, 0]]], sd=[1, 0.7])
ONE = History(1, 1, 1)


def drawn(dataset, seed=0):
    return dataset.series(torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("dataset", "history", "nats"),
    [(Var(), ONE, 0.198895), (Var(), History(2, 2), 0.189234), (COPY, ONE, 0.556063), (CopiedBits(), ONE, 0.693147)],
)
def test_transfer_entropies_are_those_of_the_reference(dataset, history, nats):
    assert dataset.true_transfer("x", "y", history) == pytest.approx(nats, abs=1e-6)
    assert dataset.true_transfer("y", "x", history) == pytest.approx(0, abs=1e-9)


def test_a_history_that_does_not_reach_the_cause_has_no_transfer_entropy():
    assert COPY.true_transfer("x", "y", History(1, 1, lag=2)) == pytest.approx(0, abs=1e-12)
    assert COPY.true_lagged_mi(1) == pytest.approx(0.556063, abs=1e-6)
    assert COPY.true_lagged_mi(0) == COPY.true_lagged_mi(-1) == pytest.approx(0, abs=1e-12)
    bits = CopiedBits(delay=3)
    assert bits.true_transfer("x", "y", History(2, 1)) == 0
    assert bits.true_transfer("x", "y", History(2, 1, lag=2)) == pytest.approx(np.log(2))
    assert [bits.true_lagged_mi(lag) > 0 for lag in (2, 3, 4)] == [False, True, False]


def test_a_var_has_the_covariances_that_it_says():
    # 100,000 rows with an autocorrelation time of 9: errors of correlations below .01; false alarms below 1e-4.
    series = drawn(Var(n_samples=100_000, coefficients=[[[0.5, 0], [0.4, 0.3]], [[0.2, 0], [0, 0.1]]]))
    x, y = (series.columns[name][:, 0] for name in "xy")
    dataset = Var(coefficients=[[[0.5, 0], [0.4, 0.3]], [[0.2, 0], [0, 0.1]]])
    for lag in (-2, 0, 1, 3):
        rows = slice(max(0, lag), len(x) + min(0, lag)), slice(max(0, -lag), len(x) + min(0, -lag))
        r = np.corrcoef(y[rows[0]], x[rows[1]])[0, 1]
        assert r**2 == pytest.approx(-np.expm1(-2 * dataset.true_lagged_mi(lag)), abs=0.04)


def test_coupled_maps_have_the_noise_that_their_truth_is_from():
    # With two values of y, the newest is known up to wrapped noise of variance 6 sd². Histogram: error about .005.
    dataset = CoupledMaps(n_samples=20_000)
    y = drawn(dataset).columns["y"][:, 0]
    steps = (y[1:] - 2 * y[:-1]) % 1
    left = (steps[1:] - 2 * steps[:-1]) % 1
    density = np.histogram(left, 40, (0, 1))[0] / len(left) * 40
    entropy = -(density * np.log(density)).mean()
    assert dataset.true_transfer("x", "y", History(1, 2)) - dataset.true_transfer("x", "y", ONE) == pytest.approx(
        entropy, abs=0.02
    )
    assert dataset.true_transfer("x", "y", History(1, 3)) is None
    assert dataset.true_transfer("y", "x", History(1, 3)) == dataset.true_lagged_mi(1) == 0


def test_what_is_absent_is_exactly_zero():
    alone = Var(coefficients=[[[0.98, 0], [0, 0.98]]])
    assert {alone.true_transfer("x", "y", History(k, k)) for k in range(1, 6)} == {0.0}


def test_recordings_share_the_rows():
    series = drawn(Var(n_samples=10, recordings=3))
    assert series.lengths.tolist() == [4, 3, 3]
    assert Var(n_samples=10, recordings=3).lengths == (4, 3, 3)


def test_more_columns_have_numbers():
    matrix = [[0.5, 0, 0], [0.5, 0, 0], [0, 0.5, 0]]
    dataset = Var(coefficients=[matrix])
    assert dataset.names == {"x": ("x1",), "y": ("x3",), "z": ()}
    assert dataset.true_transfer("x1", "x2", ONE) > 0
    assert dataset.directions == [("x1", "x3"), ("x3", "x1")]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"coefficients": [[[1.0, 0], [0, 0.5]]]}, "is not stationary"),
        ({"coefficients": [[[0.5, 0], [0, 0.5]], [[0.1, 0, 0]] * 3]}, "several shapes"),
        ({"sd": [1.0]}, "dataset.sd"),
    ],
)
def test_a_var_that_is_none_is_refused(fields, message):
    with pytest.raises((ConfigError, ValidationError), match=message):
        Var(**fields)


def test_a_table_without_y_pairs_the_columns_of_x(tmp_path):
    rng = np.random.default_rng(0)
    pl.DataFrame({"a": rng.normal(size=60), "b": rng.normal(size=60), "k": list("uv") * 30}).write_csv(
        tmp_path / "t.csv"
    )
    table = TimeSeries(path=str(tmp_path / "t.csv")).opened()
    assert len(table.directions) == 6
    assert table.with_classes == {"x", "y"}
    assert table.discrete == frozenset()
    assert table.dim_x == table.dim_y == 3
    assert table.true_mi() is None
    assert table.digest()
    x, y = table.sample(60, torch.Generator().manual_seed(0))
    assert torch.equal(x, y)
    with pytest.raises(ValueError, match="at most so many"):
        table.sample(61, torch.Generator())


def test_a_table_that_is_not_opened_says_so():
    table = TimeSeries(path="nothing.csv")
    assert table.describe() == {}
    assert table.digest() is None
    with pytest.raises(RuntimeError, match="not opened"):
        _ = table.read
