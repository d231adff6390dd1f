"""Log-ratios of elliptical distributions, against scipy's densities and known information."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from scipy import stats

from mi_cli.bounds.variational import donsker_varadhan, donsker_varadhan_error
from mi_cli.networks import elliptical
from mi_cli.networks.elliptical import LogRatio, fit_elliptical
from mi_cli.problems import Rows
from mi_cli.training.batches import stacked

D_X, D_Y = 2, 3
NUS = pytest.mark.parametrize("nu", [math.inf, 3.0, 10.0])


def covariance(seed=0):
    factor = torch.randn(D_X + D_Y, D_X + D_Y, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return factor @ factor.T + 0.5 * torch.eye(D_X + D_Y, dtype=torch.float64)


def drawn(n, nu, seed=1, shift=0.0):
    """Rows of a Student distribution, or of a normal one, with the covariance or shape of :func:`covariance`."""
    generator = torch.Generator().manual_seed(seed)
    normal = torch.randn(n, D_X + D_Y, generator=generator, dtype=torch.float64)
    rows = normal @ torch.linalg.cholesky(covariance()).T
    if not math.isinf(nu):
        chi2 = torch.randn(n, int(nu), generator=generator, dtype=torch.float64).square().sum(1)
        rows = rows / (chi2 / nu).sqrt().unsqueeze(1)
    rows = rows + shift
    return Rows(rows[:, :D_X], rows[:, D_X:])


def density(nu, mean, scatter):
    if math.isinf(nu):
        return stats.multivariate_normal(mean.numpy(), scatter.numpy())
    return stats.multivariate_t(mean.numpy(), scatter.numpy(), df=nu)


def log_ratio(rows, nu, mean, scatter):
    """ln p(x, y) / p(x) p(y) by scipy, of joint rows."""
    both = torch.cat([rows.x, rows.y], 1).numpy()
    joint = density(nu, mean, scatter).logpdf(both)
    of_x = density(nu, mean[:D_X], scatter[:D_X, :D_X]).logpdf(rows.x.numpy())
    of_y = density(nu, mean[D_X:], scatter[D_X:, D_X:]).logpdf(rows.y.numpy())
    return torch.from_numpy(joint - of_x - of_y)


def made(rows, nu):
    return LogRatio([fit_elliptical(rows.x, rows.y, nu)], nu)


@NUS
def test_log_ratio_is_that_of_scipys_densities(nu):
    rows = drawn(200_000, nu, shift=2.0)
    mean, scatter = elliptical._scatter(torch.cat([rows.x, rows.y], 1), nu)
    few = drawn(300, nu, seed=2, shift=2.0)
    found = made(rows, nu).shifted(*stacked([few], torch.device("cpu")), 0)[0, 0].double()
    # Of so many rows the shrinkage takes some 1e-5 off the correlations; the rest is float32.
    torch.testing.assert_close(found, log_ratio(few, nu, mean, scatter), rtol=2e-3, atol=2e-3)


@NUS
def test_scatter_is_the_truth_within_sampling_error_and_solves_its_equation(nu):
    rows = drawn(100_000, nu, shift=2.0)
    both = torch.cat([rows.x, rows.y], 1)
    mean, scatter = elliptical._scatter(both, nu)
    # False alarms: below 1e-6; 100,000 rows know a covariance of size 10 to 0.05 (one sigma).
    torch.testing.assert_close(scatter, covariance(), rtol=0.05, atol=0.25)
    torch.testing.assert_close(mean, torch.full_like(mean, 2.0), rtol=0, atol=0.07)
    if not math.isinf(nu):
        centred = both - mean
        weights = (nu + D_X + D_Y) / (nu + (torch.linalg.solve(scatter, centred.T) * centred.T).sum(0))
        torch.testing.assert_close((weights * centred.T) @ centred / len(both), scatter, rtol=1e-3, atol=1e-3)


@NUS
def test_every_pair_partners_and_shifts_agree(nu):
    samples = [drawn(500, nu, seed) for seed in (1, 2)]
    ratios = LogRatio([fit_elliptical(rows.x, rows.y, nu) for rows in samples], nu)
    x, y = stacked([drawn(7, nu, seed) for seed in (3, 4)], torch.device("cpu"))
    pairs, shifts = ratios.every_pair(x, y), ratios.shifted(x, y, 6)
    rows = torch.arange(7)
    for shift in range(7):
        torch.testing.assert_close(shifts[:, shift], pairs[:, rows, (rows + shift) % 7], rtol=1e-4, atol=1e-4)
    partnered = torch.stack([y.roll(-shift, 2) for shift in range(7)], 2)
    torch.testing.assert_close(ratios.partners(x, partnered), shifts, rtol=1e-4, atol=1e-4)


@NUS
def test_ratio_does_not_change_with_affine_maps_of_x_and_of_y(nu):
    rows, few = drawn(2000, nu), drawn(50, nu, seed=2)
    a, b = covariance(3)[:D_X, :D_X], covariance(4)[:D_Y, :D_Y]

    def mapped(part):
        return Rows(part.x @ a + 5, part.y @ b - 1)

    expected = made(rows, nu).shifted(*stacked([few], torch.device("cpu")), 3)
    found = made(mapped(rows), nu).shifted(*stacked([mapped(few)], torch.device("cpu")), 3)
    torch.testing.assert_close(found, expected, rtol=5e-3, atol=5e-3)


@NUS
def test_bound_of_the_fitted_ratio_is_the_information(nu):
    # That of the ratio by scipy on the same rows, so that what is left is the fit; and never above the truth but by
    # sampling. False alarms: 1e-6 (4.9 standard errors).
    test = drawn(40_000, nu, seed=5)
    scores = made(drawn(20_000, nu), nu).shifted(*stacked([test], torch.device("cpu")), 8)[0].double()
    found = donsker_varadhan(scores[0], scores[1:].flatten())
    error = donsker_varadhan_error(scores[0], scores[1:])
    truth = log_ratio(test, nu, torch.zeros(D_X + D_Y, dtype=torch.float64), covariance())
    slack = truth.std() / math.sqrt(len(truth))
    assert abs(found - truth.mean()) < 4.9 * (error**2 + slack**2) ** 0.5
    assert found > 0.95 * truth.mean()
    if math.isinf(nu):
        whole, x, y = (torch.logdet(part) for part in (covariance(), covariance()[:2, :2], covariance()[2:, 2:]))
        exact = 0.5 * (x + y - whole)
        assert abs(truth.mean() - exact) < 4.9 * slack


def test_student_ratio_is_worth_more_than_a_normal_one_on_student_rows():
    train, test = drawn(20_000, 3.0), drawn(20_000, 3.0, seed=5)
    values = []
    for nu in (3.0, math.inf):
        scores = made(train, nu).shifted(*stacked([test], torch.device("cpu")), 8)[0].double()
        values.append(donsker_varadhan(scores[0], scores[1:].flatten()))
    assert values[0] > values[1] + 0.1


@pytest.mark.parametrize(("dims", "n"), [((1, 1), 500), ((5, 5), 500), ((25, 25), 500), ((2, 20), 1000)])
def test_correlations_within_the_range_of_noise_become_zero(dims, n):
    # Of white noise the largest singular value lies within the range in four fifths of the cases or more. 40 cases;
    # fewer than half of them: 1e-5.
    none, found, raw = 0, 0.0, 0.0
    for seed in range(40):
        generator = torch.Generator().manual_seed(seed)
        x, y = (torch.randn(n, d, generator=generator, dtype=torch.float64) for d in dims)
        r = fit_elliptical(x, y).r
        none += int((r == 0).all())
        found += -0.5 * torch.log1p(-(r**2)).sum().item() / 40
        both = torch.corrcoef(torch.cat([x, y], 1).T)
        whole, of_x, of_y = (
            torch.logdet(part) for part in (both, both[: dims[0], : dims[0]], both[dims[0] :, dims[0] :])
        )
        raw += 0.5 * (of_x + of_y - whole).item() / 40
    assert none > 20
    assert found < 0.3 * raw


def test_shrinkage_keeps_large_correlations_and_never_enlarges():
    r = torch.linspace(0, 0.99, 100, dtype=torch.float64)
    found = elliptical._shrunk(r, 1000, 5, 20)
    assert ((found >= 0) & (found <= r)).all()
    assert (found.diff() >= -1e-12).all()
    assert (found[r < math.sqrt(20 / 1000) * 1.5] == 0).all()
    assert found[-1] > 0.96
    torch.testing.assert_close(elliptical._shrunk(r, 10**9, 5, 20), r, rtol=0, atol=2e-4)


def widened(part, side):
    """A repeated column in other units, a sum of two columns, and a constant one beside the columns of a side."""
    columns = getattr(part, side)
    extra = [1000 * columns[:, :1] + 7, columns[:, :1] - columns[:, 1:2], torch.full_like(columns[:, :1], 3.0)]
    return replace(part, **{side: torch.cat([columns, *extra], 1)})


@NUS
@pytest.mark.parametrize("side", ["x", "y"])
def test_columns_that_are_functions_of_others_leave_the_ratio_as_it_is(nu, side):
    rows, few = drawn(2000, nu), drawn(50, nu, seed=2)
    expected = made(rows, nu).shifted(*stacked([few], torch.device("cpu")), 3)
    found = made(widened(rows, side), nu).shifted(*stacked([widened(few, side)], torch.device("cpu")), 3)
    torch.testing.assert_close(found, expected, rtol=5e-3, atol=5e-3)


def test_all_columns_of_classes_leave_the_ratio_of_the_others_as_it_is():
    rows = drawn(20_000, math.inf)
    classes = torch.eye(4, dtype=torch.float64)[torch.randint(4, (20_000,), generator=torch.Generator().manual_seed(0))]
    plain = fit_elliptical(rows.x, rows.y)
    found = fit_elliptical(torch.cat([rows.x, classes], 1), rows.y)
    assert found.of_x.shape == (D_X + 3, D_X + 4 + 1)
    torch.testing.assert_close(found.r[:D_X], plain.r, rtol=0, atol=0.005)


@NUS
def test_stack_of_different_ranks_has_the_ratios_of_each(nu):
    samples = [widened(drawn(500, nu, 1), "x"), widened(drawn(500, nu, 2), "x")]
    samples[1].x[:, 2:] = torch.randn(500, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    parts = [fit_elliptical(rows.x, rows.y, nu) for rows in samples]
    assert [len(part.of_x) for part in parts] == [2, 5]
    x, y = stacked(samples, torch.device("cpu"))
    together = LogRatio(parts, nu).every_pair(x, y)
    for index, part in enumerate(parts):
        alone = LogRatio([part], nu).every_pair(x[[index]], y[[index]])
        torch.testing.assert_close(together[[index]], alone, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("side", ["x", "y"])
def test_side_of_constant_columns_is_an_error_that_says_so(side):
    rows = drawn(500, math.inf)
    getattr(rows, side)[:] = 0.1
    with pytest.raises(elliptical.SingularScatterError, match=f"no column of {side} varies"):
        fit_elliptical(rows.x, rows.y)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_rows_that_are_not_finite_are_an_error_that_says_so(value):
    rows = drawn(500, math.inf)
    rows.y[3, 1] = value
    with pytest.raises(ValueError, match="not finite"):
        fit_elliptical(rows.x, rows.y)


@NUS
def test_ratio_of_columns_that_determine_each_other_is_finite(nu):
    train, test = drawn(2000, nu), drawn(500, nu, seed=2)
    one, other = (Rows(part.x, 3 * part.x.flip(1)) for part in (train, test))
    found = made(one, nu).shifted(*stacked([other], torch.device("cpu")), 3)
    assert torch.isfinite(found).all()
    assert found[0, 0].mean() > 5
    assert found[0, 1:].mean() < -5
