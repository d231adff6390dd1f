"""The MI given z as a difference of two: what both terms are given, and how their estimates are subtracted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from examples import context, problem

from mi_cli.estimators.chain_rule import by_chain_rule
from mi_cli.estimators.dv import DonskerVaradhan
from mi_cli.estimators.lower_bounds import InfoNce
from mi_cli.problems import Estimate, Pointwise, Rows
from mi_cli.training.settings import Evaluation, Training

N, VAL, TEST = 300, 60, 90


def posed(x, y, z, **fields):
    sides = (torch.as_tensor(side, dtype=torch.float64).reshape(N, -1) for side in (x, y, z))
    x, y, z = sides
    rows = Rows(x, y, z=z, **fields)
    parts = {
        "train": rows.select(slice(N - VAL - TEST)),
        "val": rows.select(slice(N - VAL - TEST, N - TEST)),
        "test": rows.select(slice(N - TEST, N)),
    }
    return problem(dim_x=x.shape[1], dim_y=y.shape[1], **parts)


def confounded(seed=0):
    z, a, b = np.random.default_rng(seed).normal(size=(3, N))
    return np.sin(2 * z) + a, z**2 + 0.6 * a + 0.8 * b, z


class Recorded:
    """A fit that keeps its problems, and whose values and influences are what it is given."""

    def __init__(self, *terms):
        self.terms, self.calls = list(terms), []

    def __call__(self, problems, start):
        self.calls.append((problems, start))
        return [self.terms[len(self.calls) - 1]] * len(problems), f"state {len(self.calls)}"


def term(value, influence, **fields):
    return Estimate("lower bound", value=value, stderr=0.1, lower=0.0, p_value=0.5, influence=influence, **fields)


def test_both_terms_are_of_what_z_leaves():
    fit = Recorded(term(0.5, np.zeros(TEST)), term(0.1, np.zeros(TEST)))
    x, y, z = confounded()
    (found,), state = by_chain_rule(fit, [posed(x, y, z)], 0.95)
    assert found.value == pytest.approx(0.4)
    assert state is None
    ((whole,), _), ((part,), _) = fit.calls
    assert (whole.dim_x, part.dim_x, whole.dim_y) == (2, 1, 1)
    assert whole.test.z is part.test.z is None
    assert [len(rows) for rows in (whole.train, whole.val, whole.test)] == [N - VAL - TEST, VAL, TEST]
    torch.testing.assert_close(whole.rows.x[:, 1:], part.rows.x)
    torch.testing.assert_close(part.rows.x[:, 0], torch.as_tensor(z))
    torch.testing.assert_close(whole.rows.y, part.rows.y)
    left, right = whole.rows.x[:, 0].numpy(), whole.rows.y[:, 0].numpy()
    for function in (z, np.sin(2 * z), z**2):  # 4.9 standard errors of a correlation: a false alarm in a million
        assert abs(np.corrcoef(left, function)[0, 1]) < 4.9 / N**0.5
        assert abs(np.corrcoef(right, function)[0, 1]) < 4.9 / N**0.5


def test_error_allows_for_the_dependence_of_the_terms():
    influence = np.random.default_rng(1).normal(size=TEST)
    fit = Recorded(term(0.5, 3 * influence), term(0.1, 2 * influence))
    (found,), _ = by_chain_rule(fit, [posed(*confounded())], 0.95)
    assert found.stderr == pytest.approx(influence.std(ddof=1) / TEST**0.5)
    assert found.ci_high - found.value == pytest.approx(1.96 * found.stderr, rel=1e-3)
    assert (found.kind, found.lower, found.p_value) == ("point estimate", None, None)


def test_rows_of_a_block_count_together():
    influence = np.repeat(np.random.default_rng(1).normal(size=TEST // 2), 2)
    found = []
    for block in (None, torch.arange(N) // 2):
        fit = Recorded(term(0.5, influence), term(0.1, 0 * influence))
        found.append(by_chain_rule(fit, [posed(*confounded(), block=block)], 0.95)[0][0].stderr)
    assert found[1] == pytest.approx(2**0.5 * found[0], rel=0.05)


def test_value_is_the_midpoint_where_the_terms_are():
    zeros = np.zeros(TEST)
    fit = Recorded(term(0.6, zeros, test_mi=0.5, train_mi=0.7), term(0.1, zeros, test_mi=0.05, train_mi=0.15))
    (found,), _ = by_chain_rule(fit, [posed(*confounded())], 0.95)
    assert (found.value, found.test_mi, found.train_mi) == pytest.approx((0.5, 0.45, 0.55))


def test_traces_are_differences_at_common_steps():
    whole = {"train_mi": (np.array([10, 20, 30]), np.array([1.0, 2.0, 3.0])), "weight": (np.array([30]), np.array([1]))}
    part = {"train_mi": (np.array([10, 20]), np.array([0.5, 0.5]))}
    fit = Recorded(term(1, np.zeros(TEST), history=whole), term(0, np.zeros(TEST), history=part))
    history = by_chain_rule(fit, [posed(*confounded())], 0.95)[0][0].history
    assert [side.tolist() for side in history["train_mi"]] == [[10, 20], [0.5, 1.5]]
    assert history["weight"][1].tolist() == [1]


def test_pointwise_mi_is_a_difference_and_has_the_columns_as_they_came():
    x, y, z = confounded()
    rows = posed(x, y, z).test
    one, other = (Pointwise.of(np.arange(TEST) * factor, rows) for factor in (3.0, 1.0))
    fit = Recorded(term(0.5, np.zeros(TEST), pointwise=one), term(0.1, np.zeros(TEST), pointwise=other))
    (found,), _ = by_chain_rule(fit, [posed(x, y, z)], 0.95)
    assert found.pointwise.nats.mean() == pytest.approx(0.4)
    np.testing.assert_allclose(np.diff(found.pointwise.nats), 2.0)
    np.testing.assert_allclose(found.pointwise.x, x[-TEST:])


def test_a_term_that_failed_is_named():
    bad = Estimate("lower bound", status="diverged", reason="scores are not finite")
    fit = Recorded(term(0.5, np.zeros(TEST)), bad)
    (found,), _ = by_chain_rule(fit, [posed(*confounded())], 0.95)
    assert (found.status, found.reason) == ("diverged", "MI of z and y: scores are not finite")


def test_rows_that_cannot_be_used_do_not_stop_the_others():
    x, y, z = confounded()
    fit = Recorded(term(0.5, np.zeros(TEST)), term(0.1, np.zeros(TEST)))
    determined, sound, infinite = by_chain_rule(
        fit, [posed(3 * z, y, z), posed(x, y, z), posed(np.where(x > 1, np.inf, x), y, z)], 0.95
    )[0]
    assert determined.reason == "column 0 of x is a function of z; it must vary where z does not"
    assert sound.value == pytest.approx(0.4)
    assert "not finite" in infinite.reason
    assert [found.status for found in (determined, sound, infinite)] == ["failed", "ok", "failed"]


def test_without_z_it_is_the_estimator():
    fit = Recorded(term(0.5, np.zeros(TEST)))
    posing = posed(*confounded())
    parts = {name: replace(getattr(posing, name), z=None) for name in ("train", "val", "test")}
    (found,), state = by_chain_rule(fit, [replace(posing, **parts)], 0.95, "start")
    assert (found.kind, found.value, state, fit.calls[0][1]) == ("lower bound", 0.5, "state 1", "start")


def test_a_stack_is_of_equal_columns():
    x, y, z = confounded()
    both = np.column_stack([z, np.roll(z, 1)])
    lost = np.column_stack([z, np.ones(N)])
    fit = Recorded(*[term(0.5, np.zeros(TEST)), term(0.1, np.zeros(TEST))] * 2)
    found, _ = by_chain_rule(fit, [posed(x, y, both), posed(x, y, lost), posed(y, x, both)], 0.95)
    assert [one.value for one in found] == pytest.approx([0.4] * 3)
    assert [len(problems) for problems, _ in fit.calls] == [2, 2, 1, 1]


def test_columns_of_classes_stay_and_a_class_that_a_fold_has_lost_does_no_harm():
    random = np.random.default_rng(3)
    label = random.integers(0, 2, N)
    x = np.column_stack([label, random.normal(size=N), np.zeros(N)])
    z = np.column_stack([random.normal(size=N), np.ones(N)])
    fit = Recorded(term(0.5, np.zeros(TEST)), term(0.1, np.zeros(TEST)))
    by_chain_rule(fit, [posed(x, random.normal(size=N), z)], 0.95)
    ((whole,), _), _ = fit.calls
    assert whole.dim_x == 4  # the constant column of z is left out
    assert len(torch.unique(whole.rows.x[:, 0])) == 2
    assert not whole.rows.x[:, 2].any()


def test_classes_of_y_are_given_beside_z():
    """What z leaves of x hardly depends on z, and classes of y may depend on it much."""
    x, _, z = confounded()
    fit = Recorded(term(0.5, np.zeros(TEST)), term(0.1, np.zeros(TEST)))
    by_chain_rule(fit, [posed(np.column_stack([x, z**3 + x]), z > 0, z)], 0.95)
    ((whole,), _), ((part,), _) = fit.calls
    assert (whole.dim_x, whole.dim_y, part.dim_x, part.dim_y) == (2, 2, 1, 2)
    assert len(torch.unique(whole.rows.x[:, 0])) == 2


def test_classes_of_z_leave_no_mean_and_no_scale():
    random = np.random.default_rng(4)
    label = random.integers(0, 3, N)
    x = label * 2.0 + random.normal(size=N) * (1 + label)
    fit = Recorded(term(0.5, np.zeros(TEST)), term(0.1, np.zeros(TEST)))
    by_chain_rule(fit, [posed(x, random.normal(size=N), label)], 0.95)
    left = fit.calls[0][0][0].rows.x[:, 0].numpy()
    spreads = [left[label == one].std() for one in range(3)]
    assert np.ptp([left[label == one].mean() for one in range(3)]) < 0.1
    assert max(spreads) < 1.2 * min(spreads)


@pytest.mark.parametrize("kind", [DonskerVaradhan, InfoNce])
def test_critics_given_z(kind):
    """Within 4.9 standard errors and .05 nats: a false alarm in a million, beside what few steps leave."""
    estimator, training = kind(hidden=(16,), embedding=8), Training(steps=80, batch=64)
    (found,), _ = estimator.estimate([posed(*confounded())], training, Evaluation(shifts=32), context())
    assert found.status == "ok"
    assert abs(found.value - 0.2231) < 4.9 * found.stderr + 0.05
    assert found.influence.shape == (TEST,)
