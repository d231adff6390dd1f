import math

import numpy as np
import pytest

from mi_cli.bounds.interaction import MEASURES, normal_interactions, table_interactions

LN2 = math.log(2)


def equal(d, rho=0.5):
    return np.full((d, d), rho) + (1 - rho) * np.eye(d)


# By covariances, from a table that was computed apart from this code.
@pytest.mark.parametrize(
    ("d", "total", "o"), [(3, 0.346574, 0.084950), (5, 0.836988, 0.396912), (10, 2.266788, 1.544392)]
)
def test_equicorrelated_normals(d, total, o):
    found = normal_interactions(equal(d))
    assert found["total_correlation"] == pytest.approx(total, abs=1e-6)
    assert found["o_information"] == pytest.approx(o, abs=1e-6)


def test_collider_of_normals():
    covariance = np.array([[1, 0, 1], [0, 1, 1], [1, 1, 2.25]])
    assert normal_interactions(covariance)["o_information"] == pytest.approx(-0.510826, abs=1e-6)


@pytest.mark.parametrize("d", [3, 4, 6])
def test_parity_and_copies(d):
    bits = np.indices((2,) * d)
    parity = np.where(bits.sum(0) % 2 == 0, 0.5 ** (d - 1), 0.0)
    copies = np.where((bits == bits[0]).all(0), 0.5, 0.0)
    assert table_interactions(parity)["o_information"] == pytest.approx((2 - d) * LN2)
    assert table_interactions(copies)["o_information"] == pytest.approx((d - 2) * LN2)
    assert table_interactions(copies)["total_correlation"] == pytest.approx((d - 1) * LN2)


@pytest.mark.parametrize("seed", range(5))
def test_measures_add_up_and_do_not_depend_on_scales_or_order(seed):
    random = np.random.default_rng(seed)
    factor = random.normal(size=(4, 4))
    covariance = factor @ factor.T
    found = normal_interactions(covariance)
    assert found["o_information"] == pytest.approx(found["total_correlation"] - found["dual_total_correlation"])
    assert min(found["total_correlation"], found["dual_total_correlation"]) > 0
    scale, order = np.diag(random.uniform(0.1, 9, 4)), random.permutation(4)
    assert normal_interactions((scale @ covariance @ scale)[order][:, order]) == pytest.approx(found)


def test_independent_columns_have_none():
    assert normal_interactions(np.eye(4)) == pytest.approx(dict.fromkeys(MEASURES, 0.0))
    assert table_interactions(np.full((2, 3, 4), 1 / 24)) == pytest.approx(dict.fromkeys(MEASURES, 0.0))
