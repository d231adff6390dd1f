"""What a regression on chosen columns leaves of a target."""

from __future__ import annotations

import numpy as np
import pytest

from mi_cli.selection.remainder import Remainder, normal_scores

NONE = np.zeros((600, 0), np.int64)


@pytest.mark.parametrize("form", [lambda x: x, np.square, lambda x: np.sin(2 * x)])
def test_most_of_a_function_is_predicted(form):
    x = np.random.default_rng(0).normal(size=(600, 1))
    noise = 0.1 * np.random.default_rng(1).normal(size=600)
    found = Remainder.of(normal_scores(x), NONE, form(x[:, 0]) + noise, "auto")
    assert np.var(found.scores - found.predicted) < 0.3 * np.var(found.scores)


def test_classes_are_levels_and_equal_values_stay_equal():
    codes = np.arange(600)[:, None] % 3
    y = np.array([0.0, 5.0, 1.0])[codes[:, 0]]
    found = Remainder.of(np.zeros((600, 0)), codes, y, "auto")
    assert len(np.unique(found.scores)) == 3
    assert found.predicted == pytest.approx(found.scores)
    assert set(found.codes(np.arange(600))) <= {0, 1, 2}


def test_rows_take_the_y_of_other_rows():
    x = np.random.default_rng(0).normal(size=(600, 1))
    found = Remainder.of(normal_scores(x), NONE, x[:, 0], "auto")
    other = np.roll(np.arange(600), 1)
    left = found.scores[other] - found.predicted
    assert np.corrcoef(found.codes(other), left)[0, 1] > 0.8
