"""P-values that are computed when they are read."""

from __future__ import annotations

import copy
import pickle
from dataclasses import asdict, replace

import numpy as np
import pytest

from mi_cli import estimate
from mi_cli.bounds import p_value
from mi_cli.estimators.deferred import DeferredEstimate
from mi_cli.problems import Estimate

NULL = np.array([2.5, *range(99)])


class Counted:
    """Returns the statistic, and counts how often it was asked to."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return NULL


def deferred():
    null = Counted()
    return DeferredEstimate.from_estimate(Estimate("point estimate", value=0.3), null), null


def test_it_is_computed_once_and_only_when_it_is_read():
    result, null = deferred()
    assert (result.value, result.kind, null.calls) == (0.3, "point estimate", 0)
    assert result.p_value == p_value(NULL)
    assert result.null is NULL
    assert null.calls == 1


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_copies_hold_the_values(copied):
    result, null = deferred()
    other = copied(result)
    assert other.p_value == result.p_value == p_value(NULL)
    assert null.calls == 1


def test_what_changes_an_estimate_has_the_values():
    assert asdict(deferred()[0])["p_value"] == p_value(NULL)
    assert replace(deferred()[0], value=0.4).p_value == p_value(NULL)


def test_showing_an_estimate_or_changing_its_units_computes_nothing():
    result, null = deferred()
    bits = result.in_units("bits")
    assert "p " not in str(result) + repr(bits) + bits._repr_html_()
    assert null.calls == 0
    assert bits.p_value == p_value(NULL)
    assert "p < 1e-4" in str(bits) or "p = " in str(bits)


def test_reading_it_later_gives_the_same_number():
    x, noise = np.random.default_rng(0).normal(size=(2, 200))
    first, second = (estimate(x, x + noise, "ksg") for _ in range(2))
    one = first.p_value
    estimate(noise, x, "ksg", seed=1)
    assert one == second.p_value
    assert np.array_equal(first.null, second.null)
