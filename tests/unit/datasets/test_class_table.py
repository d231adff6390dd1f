"""Pairs of classes: their probabilities, and rows drawn from them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from mi_cli.datasets.class_table import ClassTable

FORMS = ("diagonal", "uneven", "random")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("classes", "y_classes"), [(4, None), (3, 7), (7, 3)])
def test_sides_keep_their_shares_at_every_strength(form, classes, y_classes):
    tables = [
        ClassTable(form=form, classes=classes, y_classes=y_classes, strength=s).probabilities for s in (0, 0.4, 1)
    ]
    for table in tables:
        assert table.shape == (classes, y_classes or classes)
        assert table.sum() == pytest.approx(1)
        assert table.sum(0) == pytest.approx(tables[0].sum(0))
        assert table.sum(1) == pytest.approx(tables[0].sum(1))


def test_information_grows_from_nothing_to_that_of_copies():
    values = [ClassTable(classes=6, strength=s).true_mi() for s in (0, 0.3, 0.9, 1)]
    assert values[0] == pytest.approx(0, abs=1e-12)
    assert values == sorted(values)
    assert values[-1] == pytest.approx(math.log(6))
    assert ClassTable(classes=12, y_classes=3, strength=1).true_mi() == pytest.approx(math.log(3))
    assert ClassTable().true_mi(0.1) is None


def test_random_tables_follow_from_their_draw():
    first, again, other = (ClassTable(form="random", strength=1, draw=d).probabilities for d in (0, 0, 1))
    assert (first == again).all()
    assert abs(first - other).max() > 0.01


@pytest.mark.parametrize("form", FORMS)
def test_rows_are_drawn_with_the_probabilities(form):
    # A chi-squared test at 1e-4; the rows are the same in every run.
    dataset = ClassTable(form=form, classes=4, y_classes=3)
    x, y = dataset.sample(5000, torch.Generator().manual_seed(0))
    counts = np.zeros((4, 3))
    np.add.at(counts, (x[:, 0].long().numpy(), y[:, 0].long().numpy()), 1)
    assert stats.chisquare(counts.ravel(), 5000 * dataset.probabilities.ravel()).pvalue > 1e-4
