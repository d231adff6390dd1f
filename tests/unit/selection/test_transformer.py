"""The selector of scikit-learn: its checks, pipelines, and bad parameters in one line."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from mi_cli import ConfigError, MISelector


@parametrize_with_checks([MISelector(random_state=0), MISelector(method="mrmr", pairs=False, random_state=0)])
def test_scikit_learn_accepts_it(estimator, check):
    check(estimator)


def rows(n=300, d=6, seed=0):
    x = np.random.default_rng(seed).normal(size=(n, d))
    return x, x[:, 2] + 0.5 * x[:, 4]


@pytest.mark.parametrize("method", ["forward", "jmi", "mrmr", "cmim"])
def test_columns_of_the_target_are_selected(method):
    x, y = rows()
    selector = MISelector(2, method=method, random_state=0).fit(x, y)
    assert selector.path_.tolist() == [2, 4]
    assert selector.get_support(indices=True).tolist() == [2, 4]
    assert selector.transform(x).shape == (300, 2)
    assert np.isnan(selector.p_values_).all() == (method != "forward")
    assert selector.relevance_.argmax() == 2


def test_search_over_the_number_of_columns():
    x, y = rows()
    pipeline = make_pipeline(MISelector(random_state=0), Ridge())
    search = GridSearchCV(pipeline, {"miselector__columns": [1, 2]}, cv=3).fit(x, y)
    assert search.best_params_ == {"miselector__columns": 2}


def test_copies_and_classes():
    x, y = rows()
    kinds = np.random.default_rng(1).integers(0, 3, (300, 1)).astype(float)
    x = np.concatenate([x, x[:, 2:3], -x[:, 4:5], kinds], 1)
    selector = MISelector(9, random_state=0).fit(x, np.where(y + kinds[:, 0] > 1, "high", "low"))
    assert selector.copies_ == {6: 2, 7: 4}
    assert 8 in selector.path_[:3]
    masked = MISelector(2, classes=np.arange(9) == 8, random_state=0).fit(x, y)
    assert masked.path_.tolist() == [2, 4]


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("method", "best", "forward, mrmr, jmi or cmim"),
        ("columns", 0, "a whole number from 1"),
        ("alpha", 1.0, "a number above 0 and below 1"),
        ("bins", 1, "auto, or a whole number from 2 to 20"),
        ("permutations", 5, "a whole number from 19"),
        ("classes", [True], "auto, or a mask of 6 columns"),
    ],
)
def test_bad_parameters_are_named_in_one_line_by_fit(name, value, accepted):
    with pytest.raises(ConfigError) as error:
        MISelector(**{name: value}).fit(*rows())
    (fault,) = error.value.faults
    assert (fault.key, fault.value, fault.accepted) == (name, value, accepted)
