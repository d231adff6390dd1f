"""Gaussian mixtures: their MI by Monte Carlo against integrals on a grid, and their rows once they are unbent."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from mi_cli.datasets.gaussian_mixture import GaussianMixture

torch.set_num_threads(1)  # as a trial has; waiting for a second thread costs more than these sums

FORMS = ("x", "ai", "galaxy", "waves", "concentric", "inliers")
AI = 0.95 * math.sqrt(0.04 * 0.2)
# Weight, means and variances of two columns, and their covariance: whole, or the two columns that matter. Of the galaxy
# the sum of x's columns does, of the waves the first.
PLANE = {
    "x": [(1, 0, 0, 1, 1, -0.9), (1, 0, 0, 1, 1, 0.9)],
    "ai": [
        (1, 1, 0, 0.01, 0.2, 0), (1, 1, 1, 0.05, 0.001, 0), (1, 1, -1, 0.05, 0.001, 0),
        (1, -0.8, -0.2, 0.03, 0.001, 0), (1, -1.2, 0, 0.04, 0.2, AI), (1, -0.4, 0, 0.04, 0.2, -AI),
    ],
    "galaxy": [(1, 1.5 * s * math.sqrt(2), 1.5 * s, 1, 1, 0) for s in (-1, 1)],
    "waves": [(1, 1.5 * i, 1.5 * (i % 4), 0.1, 0.1, 0) for i in range(12)],
    "inliers": [(4, 0, 0, 1, 1, 0.8), (1, 0, 0, 1, 1, 0)],
}  # fmt: skip


def on_a_grid(components, noise=0.0):
    """MI of two columns by summing their density over a grid, finer than any component is wide."""
    weights, mean_x, mean_y, of_x, of_y, both = (np.array(column, float) for column in zip(*components, strict=True))
    of_x = of_x + noise**2
    xs, ys = (
        np.linspace((mean - 7 * variance**0.5).min(), (mean + 7 * variance**0.5).max(), 1001)
        for mean, variance in ((mean_x, of_x), (mean_y, of_y))
    )
    slope = both / of_x
    given = [
        stats.norm.pdf(ys, (m_y + s * (xs - m_x))[:, None], (v_y - s * c) ** 0.5)
        for m_x, m_y, v_y, c, s in zip(mean_x, mean_y, of_y, both, slope, strict=True)
    ]
    density = sum(
        w * stats.norm.pdf(xs, m, v**0.5)[:, None] * g
        for w, m, v, g in zip(weights / weights.sum(), mean_x, of_x, given, strict=True)
    )
    cells = density * (xs[1] - xs[0]) * (ys[1] - ys[0])
    assert cells.sum() == pytest.approx(1, abs=1e-6)
    product = cells.sum(1, keepdims=True) * cells.sum(0, keepdims=True)
    inside = cells > 1e-100
    return float((cells[inside] * np.log(cells[inside] / product[inside])).sum())


@pytest.mark.parametrize(("form", "noise"), [*((form, 0.0) for form in PLANE), ("x", 0.5), ("ai", 0.3)])
def test_information_is_the_integral(form, noise):
    # False alarms: 1e-5 (4.4 standard errors) each; the grid is good to 1e-4.
    dataset = GaussianMixture(form=form, dim=1)
    assert abs(dataset.true_mi(noise) - on_a_grid(PLANE[form], noise)) < 4.4 * dataset.true_mi_stderr(noise) + 1e-4
    assert 0 < dataset.true_mi_stderr(noise) < 0.002


def test_of_concentric_ones_y_is_the_label():
    # h(x) − h(x | label), by the radius: x is isotropic, and the labels hardly overlap in y.
    r, dim = np.linspace(1e-9, 40, 400_001), 3
    density = sum(stats.norm.pdf(r, scale=s) * stats.norm.pdf(0, scale=s) ** (dim - 1) for s in (1, 2, 3)) / 3
    shell = 4 * np.pi * r**2 * density
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.trapezoid(np.where(shell > 0, shell * np.log(density), 0), r)
    conditional = 0.5 * dim * math.log(2 * math.pi * math.e) + dim * math.log(6) / 3
    dataset = GaussianMixture(form="concentric")
    assert abs(dataset.true_mi() - (entropy - conditional)) < 4.4 * dataset.true_mi_stderr()  # false alarms: 1e-5


@pytest.mark.parametrize("form", FORMS)
def test_rows_have_the_moments_of_their_mixture(form):
    # Of the columns that matter, with the maps undone; false alarms: 1e-5 (4.4 standard errors) each.
    x, y = unbent(form)
    if form == "concentric":
        expected = ((0, (1 + 4 + 9) / 3), (2, 2 / 3 + 1e-4), 0)
    else:
        weights, *rest = (np.array(column, float) for column in zip(*PLANE[form], strict=True))
        mean_x, mean_y, of_x, of_y, both = rest
        w = weights / weights.sum()
        means = w @ mean_x, w @ mean_y
        expected = (
            (means[0], w @ (of_x + mean_x**2) - means[0] ** 2),
            (means[1], w @ (of_y + mean_y**2) - means[1] ** 2),
            w @ (both + mean_x * mean_y) - means[0] * means[1],
        )
    for column, (mean, variance) in ((x, expected[0]), (y, expected[1])):
        near(column, mean)
        near((column - mean) ** 2, variance)
    near((x - expected[0][0]) * (y - expected[1][0]), expected[2])


def near(values, mean):
    assert abs(values.mean() - mean) < 4.4 * values.std() / len(values) ** 0.5


def unbent(form):
    x, y = GaussianMixture(form=form, dim=1 if form in ("inliers", "concentric") else 3).sample(
        20_000, torch.Generator().manual_seed(0), torch.float64
    )
    x, y = x.numpy(), y[:, 0].numpy()
    if form == "galaxy":
        angle = -0.5 * (x**2).sum(1)
        turned = np.cos(angle) * x[:, 0] - np.sin(angle) * x[:, 1], np.sin(angle) * x[:, 0] + np.cos(angle) * x[:, 1]
        return sum(turned) / math.sqrt(2), y
    if form == "waves":
        return 10 * (x[:, 0] + 0.8) - 5 * np.sin(3 * 2 * x[:, 1]), y
    return x[:, 0], y


@pytest.mark.parametrize("form", FORMS)
def test_noise_is_part_of_the_mixture_where_x_is_not_bent(form):
    dataset = GaussianMixture(form=form, dim=1)
    noisy, bent = dataset.true_mi(1.0), form in ("galaxy", "waves")
    assert noisy is None if bent else 0 < noisy < dataset.true_mi()
    assert (dataset.true_mi_stderr(1.0) == 0) == bent
