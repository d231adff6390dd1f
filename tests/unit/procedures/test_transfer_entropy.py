"""Transfer entropy: values, direction, histories, what is given, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
import torch

from mi_cli.datasets.series import History
from mi_cli.datasets.var import Var
from mi_cli.errors import ConfigError
from mi_cli.procedures.base import Part
from mi_cli.procedures.history_choice import HistoryChoice
from mi_cli.procedures.time_windows import transfer_windows
from mi_cli.procedures.transfer_entropy import TransferEntropy
from mi_cli.procedures.transferred import net_flow
from mi_cli.schema.config import validate
from mi_cli.schema.sweep import expand
from mi_cli.training.context import Context
from mi_cli.training.settings import Time

CPU = Context(torch.device("cpu"))
SPLIT = {"train": 0.8, "val": 0.1, "test": 0.1}
COPY = {"name": "var", "coefficients": [[[0.0, 0.0], [1.0, 0.0]]], "sd": [1.0, 0.7]}
GIVEN = {"source_history": 1, "target_history": 1}


def values(dataset, estimator="gaussian", permutations=99, time=None, **more):
    return {
        "procedure": "transfer_entropy",
        "dataset": dataset,
        "estimator": {"name": estimator},
        "evaluation": {"permutations": permutations},
        "time": GIVEN if time is None else time,
        "split": SPLIT,
    } | more


def found(*args, **more):
    (outcome,) = TransferEntropy().run(expand(values(*args, **more)), CPU)
    return outcome.methods


@pytest.mark.parametrize(
    ("dataset", "history", "nats"),
    [({"name": "var"}, 1, 0.198895), ({"name": "var"}, 2, 0.189234), (COPY, 1, 0.556063)],
)
@pytest.mark.parametrize("estimator", ["gaussian", "copula"])
def test_transfer_entropies_are_exact_ones(dataset, history, nats, estimator):
    # The mean of four estimates from 2,000 rows has an error of .0064 to .009 nats; false alarms below 1e-4.
    time = {"source_history": history, "target_history": history}
    runs = [found(dataset | {"n_samples": 2000}, estimator, time=time, seed=seed) for seed in range(4)]
    assert np.mean([run["x -> y"]["estimate"] for run in runs]) == pytest.approx(nats, abs=0.02 + 0.05 * nats)
    assert all(run["x -> y"]["p_value"] < 1e-6 for run in runs)
    assert np.mean([run["y -> x"]["estimate"] for run in runs]) == pytest.approx(0, abs=0.02)
    net = runs[0]["net x -> y"]
    assert net["estimate"] == pytest.approx(runs[0]["x -> y"]["estimate"] - runs[0]["y -> x"]["estimate"])
    assert net["ci_low"] > 0
    assert net["true_mi"] == pytest.approx(nats, abs=1e-6)


def test_copied_bits_go_one_way():
    run = found({"name": "copied_bits", "n_samples": 2000}, "nearest")
    assert run["x -> y"]["estimate"] == pytest.approx(math.log(2), abs=0.02 + 0.05 * math.log(2))
    assert run["x -> y"]["p_value"] < 0.001
    assert run["y -> x"]["p_value"] > 0.05
    assert run["y -> x"]["ci_low"] <= 0 <= run["y -> x"]["ci_high"]


def test_coupled_maps_are_seen_by_nearest_neighbours_only():
    dataset = {"name": "coupled_maps", "n_samples": 600, "sd": 0.1}
    near = found(dataset, "nearest", 19)["x -> y"]
    assert near["estimate"] > 0.4
    assert near["ci_low"] > 0.2
    assert found(dataset, "copula")["x -> y"]["estimate"] < 0.05


def test_parts_are_some_of_the_directions():
    trials = expand(values({"name": "var", "n_samples": 300}, permutations=19))
    procedure = TransferEntropy()
    assert procedure.max_parts(trials[0].config) == 2
    (part,) = procedure.run_part(trials, CPU, Part(1, 2))
    assert list(part) == ["y -> x"]
    assert procedure.trained_method(trials[0].config) == "x -> y"


def test_windows_have_the_ages_that_they_say():
    series = Var(n_samples=60, recordings=3).series(torch.Generator().manual_seed(0))
    windows = transfer_windows(series, "x", "y", [], History(source=2, target=3, lag=2))
    assert len(windows) == 3 * (20 - 3)
    x, y = (series.columns[name][:, 0] for name in "xy")
    first = 20 + 3  # of the second recording
    at = 17
    assert windows.target[at, 0] == y[first]
    assert windows.source[at].tolist() == [x[first - 2], x[first - 3]]
    assert windows.given[at].tolist() == [y[first - 1], y[first - 2], y[first - 3]]


def chosen(dataset, source="x", target="y", **time):
    series = dataset.series(torch.Generator().manual_seed(1))
    return HistoryChoice(series, Time(**time)).choose(source, target, ()).history


def test_histories_are_as_long_as_they_predict():
    late = Var(coefficients=[[[0, 0], [0, 0]], [[0, 0], [0, 0]], [[0, 0], [0.8, 0.5]]], n_samples=1500)
    assert chosen(late) == History(source=3, target=3, lag=1)
    assert chosen(late, "y", "x") == History(1, 1, 1)
    assert chosen(late, target_history=2) == History(3, 2, 1)
    assert chosen(late, lag=3, max_history=3).source == 1
    assert chosen(late, source_history=4, target_history=2) == History(4, 2, 1)


def test_shifts_choose_histories_again():
    late = Var(coefficients=[[[0, 0], [0, 0]], [[0, 0], [0, 0]], [[0, 0], [0.8, 0.5]]], n_samples=6000)
    series = late.series(torch.Generator().manual_seed(1))
    direction = HistoryChoice(series, Time()).choose("x", "y", ())
    assert direction.history == History(3, 3, 1)
    assert len(direction.windows(direction.history)) == 5995
    assert len(direction.tested(direction.history)) == 4000
    shifts = direction.under(np.arange(200, 3800, 300)[:, None])
    assert {history.target for history in shifts} == {3}
    assert sum(history.source == 1 for history in shifts) > len(shifts) / 2
    given = HistoryChoice(series, Time(source_history=2)).choose("x", "y", ())
    assert given.under(np.array([[500]])) == [given.history] == [History(2, 3, 1)]
    assert len(given.tested(given.history)) == 5995


def test_recordings_beyond_those_that_choose_histories_count_for_the_estimate():
    dataset = {"name": "var", "n_samples": 4600, "recordings": 46}
    run = found(dataset, permutations=19, time={"max_history": 2})
    assert run["x -> y"]["rows"] == 46 * 98
    assert run["x -> y"]["p_value"] < 1e-6
    assert run["x -> y"]["estimate"] == pytest.approx(0.19, abs=0.03)


@pytest.fixture
def chain(tmp_path):
    """A table of a → b → c, and classes that say nothing."""
    rng, n = np.random.default_rng(2), 800
    a, b, c = rng.normal(size=(3, n))
    b[1:] += 1.2 * a[:-1]
    c[1:] += 1.2 * b[:-1]
    path = tmp_path / "chain.csv"
    pl.DataFrame({"a": a, "b": b, "c": c, "k": rng.choice(list("uvw"), n)}).write_csv(path)
    return str(path)


def test_what_goes_through_a_third_column_is_gone_given_it(chain):
    time = {"source_history": 2, "target_history": 1}
    table = {"name": "time_series", "path": chain, "x": ["a"], "y": ["c"]}
    assert found(table, time=time)["a -> c"]["p_value"] < 1e-4
    given = found(table | {"z": ["b"]}, time=time)["a -> c"]
    assert given["p_value"] > 0.05
    assert given["true_mi"] is None
    graph = {"name": "time_series", "path": chain, "x": ["a", "b", "c"]}
    run = found(graph, time=time | {"condition": "others"})
    sure = {method for method, row in run.items() if row.get("p_value") is not None and row["p_value"] < 0.001}
    assert sure == {"a -> b", "b -> c"}
    assert len(run) == 9


def test_classes_and_numbers_go_together(chain):
    table = {"name": "time_series", "path": chain, "x": ["a"], "y": ["k"], "n_samples": 300}
    run = found(table, "nearest", 19, {"source_history": 1, "target_history": 1})
    assert {row["status"] for row in run.values()} == {"ok"}
    assert run["a -> k"]["estimate"] < 0.1


def test_an_exact_copy_is_found_whatever_histories_shifts_choose():
    # With two values of x, the older one is the given value of y, and the rows have no estimate.
    copied = {"name": "var", "coefficients": [[[0.5, 0.0], [1.0, 0.0]]], "sd": [1.0, 1e-12], "n_samples": 400}
    run = found(copied, time={})
    assert run["x -> y"]["source_history"] == 1
    assert run["x -> y"]["estimate"] == np.inf
    assert run["x -> y"]["p_value"] < 1e-6


def test_a_direction_that_fails_is_recorded_and_has_no_net_flow():
    # Each value of x is that before it, so that what z leaves of it does not vary.
    frozen = {
        "name": "var",
        "coefficients": [[[0.999999999999, 0.0], [0.0, 0.5]]],
        "sd": [1e-12, 1.0],
        "n_samples": 100,
    }
    run = found(frozen, "copula", 19)
    assert run["x -> y"]["status"] in ("ok", "failed")
    failed = {"source": "x", "target": "y", "lag": 1, "status": "failed", "reason": "no", "true_mi": None, "rows": 9}
    net = net_flow(failed, failed | {"source": "y", "target": "x"}, 0.95)
    assert net["status"] == "ok"
    assert net.get("estimate") is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dataset": {"name": "gaussian", "n_samples": 200}}, "has rows in no order of time"),
        ({"estimator": {"name": "histogram"}}, "takes no z|given z"),
        ({"time": {"target_history": 90}}, "time.target_history=90: reaches over 90 steps"),
        ({"time": {"lag": 90, "max_history": 1}}, "time.lag=90: reaches over 90 steps"),
        ({"time": {"max_history": 80}}, "time.max_history=80: reaches over 80 steps"),
    ],
)
def test_what_cannot_be_estimated_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        validate(values({"name": "var", "n_samples": 100}) | changes)


def test_a_single_column_has_no_directions(chain):
    with pytest.raises(ConfigError, match="is a single column"):
        validate(values({"name": "time_series", "path": chain, "x": ["a"]}))


@pytest.mark.slow
def test_the_direction_of_a_var_is_found_always_and_the_other_one_seldom():
    # 100 samples: more than 14 of 7 % significant in the other direction: 1 in 100.
    runs = [found({"name": "var", "n_samples": 1000}, seed=seed) for seed in range(100)]
    assert all(run["x -> y"]["p_value"] <= 0.05 for run in runs)
    assert sum(run["y -> x"]["p_value"] <= 0.05 for run in runs) <= 14


@pytest.mark.slow
def test_independent_series_keep_the_level_with_chosen_histories():
    # 200 directions of AR(1) with .8: more than 23 of 7 % significant: 1 in 100.
    dataset = {"name": "var", "coefficients": [[[0.8, 0.0], [0.0, 0.8]]], "n_samples": 1000}
    runs = [found(dataset, time={}, seed=seed) for seed in range(100)]
    assert sum(row["p_value"] <= 0.05 for run in runs for row in run.values() if row.get("p_value")) <= 23
