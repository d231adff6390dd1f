import numpy as np
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

import mi_cli
from mi_cli import ConfigError, InfoMaxEncoder
from mi_cli.representations.objectives.two_view import TwoView


@parametrize_with_checks(
    [
        InfoMaxEncoder(dim=3, hidden=(8,), steps=10, random_state=0),
        InfoMaxEncoder(dim=3, hidden=(8,), steps=10, objective="supervised", random_state=0),
    ]
)
def test_scikit_learn_accepts_it(estimator, check):
    check(estimator)


def rows(n=120, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 4))


def small(**settings):
    return InfoMaxEncoder(**({"dim": 2, "hidden": (8,), "steps": 20, "random_state": 0} | settings))


def test_grid_search_over_its_dimension():
    x = rows()
    pipeline = make_pipeline(small(), Ridge())
    search = GridSearchCV(pipeline, {"infomaxencoder__dim": [1, 4]}, cv=3).fit(x, x[:, 0])
    assert search.best_params_ == {"infomaxencoder__dim": 4}  # one number cannot hold four columns
    assert search.predict(x[:5]).shape == (5,)


@pytest.mark.parametrize("objective", ["infomax", "vicreg", "denoising", TwoView(views="subsets")])
def test_objectives_by_name_and_with_settings(objective):
    encoder = small(objective=objective)
    assert clone(encoder).fit(rows()).transform(rows(5)).shape == (5, 2)


def test_names_and_frames():
    frame = pl.DataFrame(rows(), schema=["a", "b", "c", "d"]).with_columns(kind=pl.Series(["x", "y", "z"] * 40))
    encoder = small().fit(frame)
    assert encoder.feature_names_in_.tolist() == ["a", "b", "c", "d", "kind"]
    assert encoder.get_feature_names_out().tolist() == ["infomaxencoder0", "infomaxencoder1"]
    framed = encoder.set_output(transform="polars").transform(frame)
    assert framed.columns == ["infomaxencoder0", "infomaxencoder1"]
    other = frame.with_columns(kind=pl.lit("x"))
    assert not framed.equals(encoder.transform(other))
    with pytest.raises(ValueError, match="feature names"):
        encoder.transform(frame.rename({"a": "other"}))


def test_missing_values_are_taken():
    x = rows()
    x[::5, 0] = np.nan
    codes = small().fit_transform(x)
    assert np.isfinite(codes).all()


def test_random_state_decides():
    first, same, other = (small(random_state=seed).fit_transform(rows()) for seed in (0, 0, 1))
    assert (first == same).all()
    assert np.abs(first - other).max() > 1e-3


def test_supervised_codes_predict_the_label():
    x = rows(300)
    y = np.where(np.abs(x[:, 0]) > 0.7, "far", "near")
    encoder = small(objective="supervised", steps=300, hidden=(32,), lr=0.01).fit(x[:200], y[:200])
    codes = encoder.transform(x)
    probe = LogisticRegression().fit(codes[:200], y[:200])
    assert probe.score(codes[200:], y[200:]) > 0.85
    assert LogisticRegression().fit(x[:200], y[:200]).score(x[200:], y[200:]) < 0.75


def test_supervised_codes_of_numbers():
    x = rows(200)
    encoder = small(objective="supervised", steps=200, lr=0.01).fit(x, np.abs(x[:, 0]))
    probe = Ridge().fit(encoder.transform(x), np.abs(x[:, 0]))
    assert probe.score(encoder.transform(x), np.abs(x[:, 0])) > 0.5


def test_kept_encoder_is_loaded_with_the_same_codes(tmp_path):
    encoder = small().fit(rows())
    encoder.save(tmp_path)
    assert (mi_cli.load_encoder(tmp_path).transform(rows()) == encoder.transform(rows())).all()
    with pytest.raises(NotFittedError):
        small().save(tmp_path)


def test_settings_and_rows_that_cannot_be_used():
    with pytest.raises(ValueError, match="objective=nothing"):
        small(objective="nothing").fit(rows())
    with pytest.raises(ValueError, match="diverged"):
        small(lr=1e30, objective="autoencoder").fit(rows())
    with pytest.raises(ValueError, match="at least 2"):
        small().fit(pl.DataFrame(rows(1)))
    with pytest.raises(ValueError, match="dim"):
        small(dim=0).fit(rows())


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("validation", 1.5, "a number from 0 to below 1"),
        ("validation", 0.999, "a share that leaves 2 or more"),
        ("dim", 0, "a whole number from 1"),
        ("dim", 2.5, "a whole number from 1"),
        ("steps", 0, "a whole number from 1"),
        ("activation", "x", "relu, gelu, tanh or elu"),
        ("batch", 0, "a whole number from 1, or full"),
        ("hidden", [0], "at most 16 whole numbers from 1"),
        ("hidden", 5, "at most 16 whole numbers from 1"),
        ("lr", -1.0, "a finite number above 0"),
        ("classes", ["zz"], "x_0, x_1, x_2, x_3"),
        ("classes", "zz", "auto, or a list of columns"),
    ],
)
def test_bad_parameters_are_named_in_one_line_by_fit(name, value, accepted):
    encoder = small(**{name: value})
    with pytest.raises(ConfigError) as error:
        encoder.fit(rows())
    (fault,) = error.value.faults
    assert (fault.key, fault.value, fault.accepted) == (name, value, accepted)


def test_parameters_may_be_of_numpy():
    encoder = small(dim=np.int64(3), hidden=np.array([4]), steps=np.int64(2), lr=np.float64(0.01))
    assert encoder.fit_transform(rows()).shape == (120, 3)


def test_objective_may_be_a_mapping():
    given = {"name": "two_view", "views": "subsets"}
    codes = small(objective=given).fit_transform(rows())
    assert (codes == small(objective=TwoView(views="subsets")).fit_transform(rows())).all()


@pytest.mark.parametrize(
    ("objective", "key", "value"),
    [
        ("no_such", "objective", "no_such"),
        ({"views": "subsets"}, "objective", "None"),
        ({"name": "two_view", "views": "x"}, "objective.views", "x"),
        ({"name": "two_view", "zz": 1}, "objective.zz", 1),
    ],
)
def test_bad_objectives_are_named_in_one_line_by_fit(objective, key, value):
    with pytest.raises(ConfigError) as error:
        small(objective=objective).fit(rows())
    (fault,) = error.value.faults
    assert (fault.key, fault.value) == (key, value)
    assert len(str(error.value).splitlines()) == 1
