"""Rows of trials that learn from few labels: disjoint parts, nested labels, and folds."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from examples import ROWS, config

from mi_cli.procedures.label_probes import Target
from mi_cli.procedures.label_split import FEW, folds, label_split

BASE = {
    "procedure": "represent",
    "estimator": {"name": "infonce"},
    "dataset": {"name": "labelled_table", "path": ROWS, "label": "b"},
    "split": {"train": 0.6, "val": 0.15, "test": 0.25},
}


def test_parts_are_disjoint_and_labels_are_those_of_train_and_val():
    split = label_split(config(BASE))
    parts = [split.train, split.val, split.test]
    assert [len(part) for part in parts] == [240, 60, 100]
    assert len(np.unique(np.concatenate(parts))) == 400
    assert sorted(split.order) == sorted(np.concatenate([split.train, split.val]))


def test_fewer_labels_are_among_more_and_no_more_than_there_are():
    split = label_split(config(BASE))
    few, many = split.shown(10), split.shown(30)
    assert (few == many[:10]).all()
    assert len(split.shown(0.1)) == 30
    assert len(split.shown(5000)) == len(split.shown(1.0)) == 300


def test_rows_depend_on_the_seed_and_not_on_the_number_of_labels():
    one, other = label_split(config(BASE)), label_split(config(BASE, split={"labels": 20}))
    assert (one.test == other.test).all()
    assert (one.order == other.order).all()
    assert not (one.test == label_split(config(BASE, seed=1)).test).all()


def test_datasets_that_draw_numbers_have_columns_of_their_own():
    dataset = {"name": "polynomial_differences", "terms": 3, "n_samples": 100}
    split = label_split(config({key: value for key, value in BASE.items() if key != "dataset"}, dataset=dataset))
    assert list(split.columns) == ["x_0", "x_1", "x_2"]
    (target,) = split.targets
    assert len(target.values) == 100


def test_every_class_is_in_both_parts(tmp_path):
    """Classes of three rows: by chance alone, 42 % of splits would test none of one of them."""
    values = np.array(["A"] * 94 + ["B"] * 3 + ["C"] * 3)
    pl.DataFrame({"a": np.random.default_rng(0).normal(size=100), "target": values}).write_csv(tmp_path / "t.csv")
    table = {"name": "labelled_table", "path": str(tmp_path / "t.csv"), "label": "target"}
    of_table = {key: value for key, value in BASE.items() if key != "dataset"}
    for seed in range(10):
        split = label_split(config(of_table, dataset=table, seed=seed))
        for part in (split.test, split.order):
            assert set(values[part]) == {"A", "B", "C"}
        parts = np.concatenate([split.train, split.val, split.test])
        assert [len(split.train), len(split.val), len(split.test)] == [60, 15, 25]
        assert sorted(parts) == list(range(100))


@pytest.mark.parametrize("n", [4, 5, 10, FEW - 1])
def test_few_labels_are_predicted_once_each(n):
    parts = folds(Target("y", np.arange(n, dtype=float), 0))
    assert sorted(np.concatenate([held_out for _, held_out in parts])) == list(range(n))
    for fit, held_out in parts:
        assert sorted([*fit, *held_out]) == list(range(n))
        assert len(fit)
        assert len(held_out)


def test_many_labels_have_one_fold():
    ((fit, held_out),) = folds(Target("y", np.arange(FEW, dtype=float), 0))
    assert (len(fit), len(held_out)) == (75, 25)


def test_folds_have_shares_of_each_class():
    values = np.random.default_rng(0).permutation(np.repeat([0, 1], [60, 20]))
    for _, held_out in folds(Target("c", values, 2)):
        assert np.bincount(values[held_out]).tolist() == [15, 5]
