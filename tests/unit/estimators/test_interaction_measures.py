"""Samples of systems whose measures are exact. Rates of false alarm are those of a fresh seed."""

from itertools import combinations

import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtri
from scipy.stats import rankdata

from mi_cli.bounds.interaction import MEASURES, normal_interactions, table_interactions
from mi_cli.estimators.interaction_measures import (
    counted_measures,
    neighbour_measures,
    normal_measures,
    normal_triples,
    related_columns,
    relations,
)

ROWS = 2000
COLLIDER = np.array([[1, 0, 1], [0, 1, 1], [1, 1, 2.25]])


def equal(d, rho=0.5):
    return np.full((d, d), rho) + (1 - rho) * np.eye(d)


def scores(rows):
    normal = stats.norm.ppf((stats.rankdata(rows, axis=0) - 0.5) / len(rows))
    return (normal - normal.mean(0)) / normal.std(0)


def drawn(covariance, n=ROWS, seed=0):
    return scores(np.random.default_rng(seed).normal(size=(n, len(covariance))) @ np.linalg.cholesky(covariance).T)


def bits(n=ROWS, seed=0):
    a, b = np.random.default_rng(seed).integers(2, size=(2, n))
    return a, b


@pytest.mark.parametrize("covariance", [equal(3), equal(5), COLLIDER], ids=["3", "5", "collider"])
def test_normal_measures_are_near_the_truth(covariance):
    """Within .02 nats + 5 %; errors are .006 to .034. False alarms: 5 to 7 % of total correlations, 1 % of the rest."""
    found, truth = normal_measures(drawn(covariance)), normal_interactions(covariance)
    for name in MEASURES:
        assert abs(found[name].value - truth[name]) < 0.02 + 0.05 * abs(truth[name])


@pytest.mark.parametrize("d", [3, 10])
def test_o_information_of_equicorrelated_normals_is_within_a_twentieth(d):
    """The mean of 20 samples of 2,000 rows, whose error is .0014 for 3 columns and .014 for 10; false alarms: 4e-4."""
    values = [normal_measures(drawn(equal(d), seed=seed))["o_information"].value for seed in range(20)]
    assert abs(np.mean(values) - normal_interactions(equal(d))["o_information"]) < 0.05


def test_total_correlation_of_ten_normals_is_near_the_truth():
    """Within .02 + 5 % of one sample of 2,000 rows, whose error is .074; false alarms: 7 %."""
    found = normal_measures(drawn(equal(10)))["total_correlation"].value
    assert abs(found - 2.266788) < 0.02 + 0.05 * 2.266788


def test_errors_are_the_spread_of_estimates():
    """Of 200 samples the spread is known to 5 %; false alarms: 1e-4."""
    found = [normal_measures(drawn(equal(3), 500, seed))["o_information"] for seed in range(200)]
    spread, error = np.std([one.value for one in found]), np.mean([one.stderr for one in found])
    assert 0.8 < error / spread < 1.25


def test_intervals_hold_the_truth_where_measures_are_flat():
    """Independent columns, where the influence of rows vanishes; 95 % intervals cover in at least 90 % of 200."""
    found = [normal_measures(drawn(np.eye(3), 300, seed)) for seed in range(200)]
    for name in MEASURES:
        assert np.mean([abs(one[name].value) < 1.96 * one[name].stderr for one in found]) > 0.9


def test_blocks_widen_errors():
    rows = np.repeat(drawn(equal(3), 300), 4, 0)
    alone, together = normal_measures(rows), normal_measures(rows, np.repeat(np.arange(300), 4))
    assert together["total_correlation"].stderr > 1.8 * alone["total_correlation"].stderr
    assert together["total_correlation"].freedom == 299


def test_columns_that_determine_each_other_are_found():
    rows = drawn(equal(4), 100)
    related = np.corrcoef(np.column_stack([rows, rows[:, 0] - 2 * rows[:, 2]]).T)
    assert relations(np.stack([related[:4, :4], related[1:, 1:]])).tolist() == [False, False]
    assert relations(related)
    assert related_columns(related) == [0, 2, 4]


@pytest.mark.parametrize("block", [None, np.repeat(np.arange(60), 5)], ids=["rows", "blocks"])
def test_triples_are_those_measured_alone(block):
    rows = drawn(np.linalg.inv(equal(5, -0.1)), 300)
    rows = (rows - rows.mean(0)) / rows.std(0)
    found = normal_triples(rows, np.array([*combinations(range(5), 3)]), block)
    assert len(found) == 10
    for chosen, one in found.items():
        alone = normal_measures(rows[:, chosen], block)["o_information"]
        assert (one.value, one.stderr, one.freedom) == pytest.approx((alone.value, alone.stderr, alone.freedom))


@pytest.mark.parametrize(("form", "o"), [("xor", -0.693147), ("copies", 0.693147)])
def test_bits_by_counting_and_by_neighbours(form, o):
    """Within .02 nats, where errors are below .002; false alarms: below 1e-9."""
    a, b = bits()
    rows = np.stack([a, b, a ^ b] if form == "xor" else [a, a, a], 1)
    assert counted_measures(rows)["o_information"].value == pytest.approx(o, abs=0.02)
    of_neighbours = neighbour_measures(rows[:600].astype(float), [True] * 3, np.random.default_rng(0))
    assert of_neighbours["o_information"].value == pytest.approx(o, abs=0.02)


def test_intervals_of_counts_hold_the_truth():
    """A noisy xor; 95 % intervals of 200 samples cover in at least 90 %, whose error is 1.5 %."""
    random, table = np.random.default_rng(0), np.zeros((2, 2, 2))
    for a, b, e in np.ndindex(2, 2, 2):
        table[a, b, a ^ b ^ e] = 0.25 * (0.1 if e else 0.9)
    truth, covered = table_interactions(table)["o_information"], 0
    for _ in range(200):
        cells = random.choice(8, size=500, p=table.ravel())
        one = counted_measures(np.stack(np.unravel_index(cells, (2, 2, 2)), 1))["o_information"]
        covered += abs(one.value - truth) < 1.96 * one.stderr
    assert covered / 200 > 0.9


def test_classes_and_numbers_are_mixed():
    """x ~ N(2 (a xor b), 1): the O-information is −I(a xor b; x), here −.336 by quadrature; the error is .02."""
    a, b = bits(800)
    x = np.random.default_rng(1).normal(size=800) + 2 * (a ^ b)
    rows = np.stack([a, b, scores(x[:, None])[:, 0]], 1)
    found = neighbour_measures(rows, [True, True, False], np.random.default_rng(0))["o_information"]
    assert abs(found.value + 0.336) < 4 * 0.02


def test_neighbours_agree_with_normals():
    rows = drawn(equal(3), 500)
    exact, found = normal_measures(rows), neighbour_measures(rows, [False] * 3, np.random.default_rng(0))
    for name in MEASURES:
        assert abs(exact[name].value - found[name].value) < 4 * found[name].stderr


def test_neighbours_extrapolate_a_synergy_that_is_finer_than_they_see():
    """The sum of two uniform columns and a part of a third, modulo 1: any two are independent. The terms of the rows
    alone are .35 too near 0, the value is .11, with a spread of .06. False alarms: about 1e-3.
    """
    truth, errors, held = np.log(0.4), [], 0
    for seed in range(6):
        x, y, noise = np.random.default_rng(seed).random((3, 300))
        rows = scores(np.stack([x, y, (x + y + 0.4 * noise) % 1], 1))
        found = neighbour_measures(rows, [False] * 3, np.random.default_rng(seed))
        values = [found[name].value for name in MEASURES]
        assert values[0] == pytest.approx(values[1] - values[2])
        errors.append(values[0] - truth)
        held += abs(errors[-1]) < 2.262 * found["o_information"].stderr
    assert abs(np.mean(errors)) < 0.2
    assert held >= 5


@pytest.mark.parametrize("of_classes", [False, True])
def test_a_column_and_its_square_are_not_redundant_with_an_independent_one(of_classes):
    # Their O-information is 0. Without the drift of the total correlation, 18 of 32 samples are significant.
    for seed in range(4):
        random = np.random.default_rng(seed)
        x, other = random.normal(size=(2, 400))
        third = random.integers(0, 3, 400).astype(float) if of_classes else other
        columns = np.stack([*(ndtri((rankdata(side) - 0.5) / 400) for side in (x, x**2)), third], 1)
        found = neighbour_measures(columns, [False, False, of_classes], np.random.default_rng(seed))["o_information"]
        assert abs(found.value) < 1.96 * found.stderr
