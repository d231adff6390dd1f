"""Representations of a table against its raw columns: who wins where, what is refused, and the encoder that is kept."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from examples import config, context, trials

from mi_cli import representations
from mi_cli.analysis.label_efficiency import verdicts
from mi_cli.errors import ConfigError
from mi_cli.procedures.represent import Represent, objectives
from mi_cli.procedures.represented import encoded_table
from mi_cli.records.results import result_rows

pytestmark = pytest.mark.usefixtures("few_trees")

N = 160
BASE = {
    "procedure": "represent",
    "estimator": {"name": "infonce", "critic": "separable", "hidden": [8], "embedding": 4},
    "representation": {"dim": 2, "hidden": [8], "objectives": ["infomax"]},
    "training": {"steps": 40, "batch": 64, "lr": 0.01, "validate_every": 20},
    "split": {"train": 0.6, "val": 0.1, "test": 0.3},
    "threads": 1,
}


@pytest.fixture
def file(tmp_path):
    """Writes a table of columns, and returns what a config says of it."""

    def write(**columns):
        pl.DataFrame(columns).write_csv(tmp_path / "t.csv")
        return {"name": "labelled_table", "path": str(tmp_path / "t.csv"), "label": "target"}

    return write


def low_variance(n=N):
    """Two factors make up nearly all of six columns, and the label is what is left of the first."""
    rng = np.random.default_rng(0)
    factors, rest = rng.normal(size=(2, n)), rng.normal(size=n)
    first = factors[0] + 0.1 * rest
    columns = {"a": first, "b": factors[0], "c": factors[0] + factors[1], "d": factors[1]}
    return columns | {"e": factors[0] - factors[1], "f": 2 * factors[1] - factors[0], "target": rest}


def independent(n=N):
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=n) for name in ("a", "b", "c", "target")}


def run(dataset, sweep, **more):
    made = trials(BASE, sweep, dataset=dataset, **more)
    outcomes = Represent().run(made, context())
    return [row for outcome in outcomes for row in result_rows(outcome, 1.0)]


def verdict(rows):
    (one,) = verdicts(rows, [], 0.95)
    return one


@pytest.mark.parametrize("make", [low_variance, independent])
def test_raw_columns_are_recommended_where_infomax_ought_to_lose(make, file):
    rows = run(file(**make()), {"split": {"labels": [20, 60]}, "seed": [0, 1, 2, 3]})
    one = verdict(rows)
    assert one["verdict"] == "raw columns"
    scores = {(row["method"], row["labels"], row["seed"]): row["test_r2"] for row in rows}
    if make is low_variance:
        for seed in range(4):
            assert scores["raw_columns", 60, seed] > 0.9
            assert scores["infomax", 60, seed] < 0.6
    else:
        assert max(row["test_r2"] for row in rows if row["labels"] == 60) < 0.2


def test_representation_is_recommended_where_it_ought_to_win(file):
    """Ten columns say the same and thirty are noise: the label is the first component, which few labels cannot tell."""
    rng = np.random.default_rng(0)
    shared = rng.normal(size=N)
    columns = {f"a{i}": shared + 0.3 * rng.normal(size=N) for i in range(10)}
    columns |= {f"b{i}": rng.normal(size=N) for i in range(30)}
    table = file(**columns, target=shared)
    one = verdict(run(table, {"seed": list(range(6))}, split={"labels": 10}))
    assert (one["verdict"], one["method"]) == ("representation", "pca")
    assert one["steps"][0]["ci_low"] > 0


def test_labels_that_are_more_than_there_are_show_all(file):
    rows = run(file(**independent()), {"split": {"labels": [500, 1.0]}})
    one, two = ([row for row in rows if row["trial"] == trial] for trial in (0, 1))
    assert {row["labels"] for row in rows} == {112}
    assert [row["test_r2"] for row in one] == [row["test_r2"] for row in two]


def test_every_method_predicts_with_the_scores_of_its_kind(file):
    columns = independent() | {"kind": np.random.default_rng(1).choice(["u", "v"], N)}
    classes = np.where(columns["a"] > 0, "yes", "no")
    numbers = run(file(**columns), {}, split={"labels": 30})
    of_classes = run(file(**columns | {"target": classes}), {}, split={"labels": 30})
    methods = {"no_columns", "raw_columns", "pls", "pca", "untrained", "infomax", "supervised_network"}
    assert {row["method"] for row in numbers} == methods | {"gradient_boosting"}
    for row in numbers:
        assert row["test_mse"] > 0
        assert "test_accuracy" not in row
    for row in of_classes:
        assert 0 <= row["test_balanced_accuracy"] <= 1
        assert row["test_log_loss"] > 0
        assert "test_mse" not in row


def test_several_labels_are_averaged(file):
    columns = independent()
    both = file(**columns) | {"label": ["a", "target"]}
    one, two = (run(both | {"label": [name], "x": ["b", "c"]}, {}, split={"labels": 30}) for name in ("a", "target"))
    mean = run(both, {}, split={"labels": 30})
    for row, first, second in zip(mean, one, two, strict=True):
        if row["method"] in ("no_columns", "raw_columns", "gradient_boosting"):
            assert row["test_mse"] == pytest.approx((first["test_mse"] + second["test_mse"]) / 2)


def test_mi_of_codes_is_finite_with_noise_and_infinite_without(file):
    table = file(**independent())
    noisy = run(table, {}, split={"labels": 20}, representation={"noise": 0.5})
    plain = run(table, {}, split={"labels": 20}, representation={"noise": 0.0})
    codes = {"pca", "untrained", "infomax"}
    for row in noisy:
        assert (row.get("estimate") is not None) == (row["method"] in codes)
        assert row.get("kind") in (None, "lower bound")
    for row in plain:
        assert row.get("estimate") is None
        assert (row.get("true_mi") == float("inf")) == (row["method"] in codes)


def test_encodings_are_fitted_to_training_rows(file):
    """A test row that lies far away changes nothing but its own numbers."""
    columns = independent()
    split = encoded_table(config(BASE, dataset=file(**columns))).split
    before = encoded_table(config(BASE, dataset=file(**columns)))
    far = columns | {"a": columns["a"].copy()}
    far["a"][split.test] = 1e6
    after = encoded_table(config(BASE, dataset=file(**far)))
    assert before.encoder == after.encoder
    others = np.setdiff1d(np.arange(N), split.test)
    np.testing.assert_array_equal(before.x[others], after.x[others])


def test_rows_without_a_label_are_trained_on(file, tmp_path):
    columns = independent()
    table = file(**columns)
    pl.DataFrame({name: columns[name][:50] for name in "abc"}).write_csv(tmp_path / "more.csv")
    more = table | {"unlabelled": str(tmp_path / "more.csv")}
    split = encoded_table(config(BASE, dataset=more)).split
    assert len(split.train) == 96 + 50
    assert set(range(N, N + 50)) <= set(split.train)
    assert not set(split.order) & set(range(N, N + 50))


def test_encoder_that_is_kept_encodes_new_rows(file, tmp_path):
    columns = independent()
    (trial,) = trials(BASE, {}, dataset=file(**columns))
    said = Represent().keep(trial, "infomax", tmp_path, context())
    assert said == "infomax, trained on all rows (144, and 16 that chose its checkpoint)"
    kept = representations.load_encoder(tmp_path)
    assert kept.names == ("a", "b", "c")
    codes = kept.transform(pl.DataFrame({name: columns[name] for name in "abc"}))
    assert codes.shape == (N, 2)
    assert np.isfinite(codes).all()


def test_two_tables_of_columns_have_canonical_correlations(file):
    rng = np.random.default_rng(0)
    shared = rng.normal(size=N)
    columns = {"a": shared + 0.1 * rng.normal(size=N), "b": rng.normal(size=N)}
    columns |= {"c": shared + 0.1 * rng.normal(size=N), "d": rng.normal(size=N), "target": shared}
    chosen = [{"name": "two_table", "first": ["a", "b"]}]
    rows = run(file(**columns), {}, split={"labels": 20}, representation={"objectives": chosen})
    scores = {row["method"]: row["test_r2"] for row in rows}
    assert scores["cca"] > 0.95


def test_encoders_are_fine_tuned_from_where_they_are(file):
    """With so few steps that the networks stay near where they start."""
    steps = {"training": {"steps": 2, "validate_every": 1}}
    rows = run(file(**independent()), {}, split={"labels": 30}, representation={"finetune": True}, **steps)
    scores = {row["method"]: row for row in rows}
    assert scores["infomax_finetuned"]["status"] == "ok"
    assert scores["infomax_finetuned"]["test_mse"] != scores["supervised_network"]["test_mse"]
    assert "untrained_finetuned" not in scores


@pytest.mark.parametrize(("classes", "rare"), [(("A", "B"), "B"), ((7, 8), "8")])
def test_class_of_too_few_rows_is_refused(classes, rare, file):
    usual, other = classes
    dataset = {"dataset": file(**independent() | {"target": [usual] * (N - 1) + [other]})}
    with pytest.raises(ConfigError) as error:
        trials(BASE, {}, **dataset)
    (fault,) = error.value.faults
    assert (fault.key, fault.value) == ("dataset.label", "target")
    assert fault.problem == f"has the class {rare} in 1 row"
    assert fault.accepted.startswith("classes of at least 3 rows each")


def test_objectives_have_names_of_their_own():
    section = {"name": "two_view", "views": "noise"}
    made = config(BASE, dataset=DRAWN, representation={"objectives": ["two_view", "vicreg", section]})
    assert list(objectives(made)) == ["two_view", "vicreg", "two_view_2"]
    assert objectives(made)["two_view_2"].views == "noise"


DRAWN = {"name": "polynomial_differences", "terms": 3, "n_samples": 100}
BAD = [
    ({"representation": {"objectives": ["nothing"]}}, "representation.objectives", "no such objective"),
    ({"representation": {"objectives": ["supervised"]}}, "representation.objectives", "is compared in any case"),
    ({"representation": {"objectives": []}}, "representation.objectives", "is empty"),
    (
        {"representation": {"objectives": [{"name": "two_view", "views": "none"}]}},
        *("representation.objectives.two_view.views", ""),
    ),
    ({"representation": {"objectives": ["two_table"]}}, "representation.objective.first", "leaves no column"),
    ({"estimator": {"name": "ksg"}}, "estimator.name", "trains no critic"),
    ({"split": {"labels": 3}}, "split.labels", "makes 3 of 70 rows show their label"),
    ({"split": {"labels": 10.5}}, "split.labels", "above 1, it is a number of rows"),
    ({"procedure": "estimate", "split": {"labels": 20}}, "split.labels", "procedure=estimate hides no labels"),
]


@pytest.mark.parametrize(("fields", "key", "problem"), BAD, ids=[f"{key} {problem}" for _, key, problem in BAD])
def test_what_cannot_be_compared_is_refused(fields, key, problem):
    base = BASE | {"estimator": {"name": "infonce"}} if "estimator" in fields else BASE
    with pytest.raises(ConfigError) as error:
        config(base, dataset=DRAWN, **fields)
    (fault,) = error.value.faults
    assert fault.key == key
    assert fault.problem.startswith(problem)
