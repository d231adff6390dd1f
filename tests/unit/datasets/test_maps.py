"""Maps that keep MI: each can be undone, which is why they do."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from mi_cli.datasets import maps

LINE = torch.linspace(-5, 5, 4001, dtype=torch.float64).unsqueeze(1)
UNIT = torch.linspace(0, 1, 4001, dtype=torch.float64).unsqueeze(1)


def test_powers_and_asinh_are_undone_by_their_inverses():
    torch.testing.assert_close(maps.cube(LINE).sign() * maps.cube(LINE).abs() ** (1 / 3), LINE)
    torch.testing.assert_close(maps.half_cube(LINE).sign() * maps.half_cube(LINE).abs() ** (2 / 3), LINE)
    torch.testing.assert_close(maps.asinh(LINE).sinh(), LINE)


def test_normal_cdf_is_that_of_scipy():
    np.testing.assert_allclose(maps.normal_cdf(LINE).numpy(), stats.norm.cdf(LINE.numpy()), rtol=1e-12)


@pytest.mark.parametrize("wiggly", [maps.wiggly_x, maps.wiggly_y])
def test_wiggles_increase(wiggly):
    wide = torch.linspace(-50, 50, 100_001, dtype=torch.float64)
    assert (wiggly(wide).diff() > 0.1 * wide.diff()).all()


def test_wiggles_have_their_published_coefficients():
    t = 1.3
    assert maps.wiggly_x(torch.tensor(t)).item() == pytest.approx(
        t + 0.4 * math.sin(t) + 0.2 * math.sin(1.7 * t + 1) + 0.03 * math.sin(3.3 * t - 2.5), abs=1e-6
    )
    assert maps.wiggly_y(torch.tensor(t)).item() == pytest.approx(
        t - 0.4 * math.sin(0.4 * t) + 0.17 * math.sin(1.3 * t + 3.5) + 0.02 * math.sin(4.3 * t - 2.5), abs=1e-6
    )


def test_swiss_roll_lies_in_planes_and_its_radius_says_where():
    both = torch.cat([UNIT, UNIT.flip(0)], 1)
    rolled = maps.swiss_roll(both)
    assert rolled.shape == (4001, 4)
    radius = (rolled[:, :2] ** 2 + rolled[:, 2:] ** 2).sqrt()
    torch.testing.assert_close((radius * 21 / (1.5 * math.pi) - 1) / 2, both, rtol=0, atol=1e-12)
    np.testing.assert_allclose(rolled[0, ::2].numpy(), [0, -1.5 * math.pi / 21], atol=1e-12)


def test_spiral_turns_a_plane_by_the_squared_norm():
    spiral = maps.Spiral(0, 1, speed=math.pi / 2)
    torch.testing.assert_close(spiral(torch.tensor([[1.0, 0.0]])), torch.tensor([[0.0, 1.0]]), rtol=0, atol=1e-6)
    rows = torch.randn(100, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    spiral, back = maps.Spiral(1, 3, speed=0.7), maps.Spiral(1, 3, speed=-0.7)
    assert torch.equal(spiral(rows)[:, [0, 2]], rows[:, [0, 2]])
    torch.testing.assert_close(spiral(rows).norm(dim=1), rows.norm(dim=1))
    torch.testing.assert_close(back(spiral(rows)), rows)


def test_quantiles_of_a_mixture_have_its_distribution():
    quantile = maps.MixtureQuantile((0.3, 0.7), (0.0, 5.0))
    probability = torch.linspace(1e-9, 1 - 1e-9, 4001, dtype=torch.float64).unsqueeze(1)
    found = quantile(probability)
    assert (found.diff(dim=0) > 0).all()
    back = 0.3 * stats.norm.cdf(found.numpy()) + 0.7 * stats.norm.cdf(found.numpy() - 5)
    np.testing.assert_allclose(back, probability.numpy(), rtol=1e-12)
    ends = quantile(torch.tensor([[0.0], [1.0]]))
    assert torch.isfinite(ends).all()
    assert ends.dtype == torch.float32


@pytest.mark.parametrize("name", maps.PAIR_MAPS)
def test_pair_maps_keep_type_and_tell_different_rows_apart(name):
    chosen = maps.PAIR_MAPS[name]
    for dtype in (torch.float32, torch.float64):
        rows = torch.linspace(-4, 4, 501, dtype=dtype).unsqueeze(1).expand(-1, 2)
        x, y = chosen(rows, rows)
        assert x.shape == (501, 2 * chosen.widening)
        assert y.shape == (501, 2)
        assert x.dtype == y.dtype == dtype
        assert len(x.unique(dim=0)) == 501
        assert (y.diff(dim=0) > 0).all()
