"""Student's t: its MI by scipy's densities, and by the MI that is asked for."""

from __future__ import annotations

import pytest
import torch
from examples import pointwise
from hypothesis import given
from hypothesis import strategies as st

from mi_cli.datasets.beyond_normal import BeyondNormal
from mi_cli.datasets.sources import Normal, Student, student_correction
from mi_cli.datasets.student import StudentT

ROWS = 20_000


@pytest.mark.parametrize(("df", "dim", "rho"), [(0.5, 1, 0.0), (1, 2, 0.5), (2.5, 3, -0.8), (30, 2, 0.9)])
def test_log_density_ratio_of_the_rows_has_that_mean(df, dim, rho):
    # False alarms: 1e-5 (4.4 standard errors) each.
    dataset = StudentT(df=df, dim=dim, rho=rho)
    x, y = dataset.sample(ROWS, torch.Generator().manual_seed(0), torch.float64)
    ratios = pointwise(Student(Normal(dim, dim, pairs=dim, paired=rho), df), x.numpy(), y.numpy())
    assert abs(ratios.mean() - dataset.true_mi()) < 4.4 * ratios.std() / ROWS**0.5


@pytest.mark.parametrize(("dim", "df"), [(1, 1), (2, 2), (5, 3)])
def test_uncorrelated_is_the_task_of_beyond_normal(dim, df):
    task = BeyondNormal(task=f"student-identity-{dim}-{dim}-{df}")
    assert StudentT(df=df, dim=dim).true_mi() == pytest.approx(task.true_mi(), rel=1e-12)


@given(st.floats(0.5, 50), st.integers(1, 5), st.floats(0.01, 8))
def test_correlation_makes_the_information_that_is_asked_for(df, dim, more):
    mi = student_correction(df, dim, dim) + more * dim
    dataset = StudentT(df=df, dim=dim, mi=mi)
    assert dataset.true_mi() == pytest.approx(mi, rel=1e-9)
    assert StudentT(df=df, dim=dim, rho=dataset.correlation).true_mi() == pytest.approx(mi, rel=1e-4)


@given(st.floats(0.5, 50), st.integers(1, 5))
def test_many_degrees_of_freedom_are_normal(df, dim):
    assert student_correction(df, dim, dim) > student_correction(2 * df, dim, dim) > 0
    assert student_correction(1e6, dim, dim) == pytest.approx(0, abs=1e-4)


def test_less_than_the_common_divisor_says_is_out_of_reach():
    with pytest.raises(ValueError, match=r"dataset\.mi=0\.1: must be between 0\.2985 and 60\.3 with these settings"):
        StudentT(df=3, dim=5, mi=0.1)
    with pytest.raises(ValueError, match=r"dataset\.mi=2: makes dataset\.rho=0\.7\d+, not dataset\.rho=0\.5"):
        StudentT(df=3, dim=5, mi=2, rho=0.5)


def test_asinh_is_applied_to_the_same_rows_and_keeps_their_information():
    plain, mapped = (StudentT(map=name).sample(50, torch.Generator().manual_seed(0)) for name in ("none", "asinh"))
    assert all(torch.equal(a.asinh(), b) for a, b in zip(plain, mapped, strict=True))
    assert StudentT(map="asinh").true_mi() == StudentT().true_mi()
    assert StudentT().true_mi(noise=0.1) is None
