"""The MI of the tasks, by integrals on grids that share no code with the densities of the tasks."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
from scipy import stats
from scipy.special import xlogy

from mi_cli.datasets.off_benchmark.tasks import TASKS
from mi_cli.datasets.off_benchmark.truths import TRUTHS


def of_cells(p):
    """MI of a table of probabilities."""
    p = p / p.sum()
    product = p.sum(1, keepdims=True) * p.sum(0, keepdims=True)
    inside = p > 1e-300
    return float((p[inside] * np.log(p[inside] / product[inside])).sum())


def entropy_on(grid, density):
    assert np.trapezoid(density, grid) == pytest.approx(1, abs=2e-4)
    return -np.trapezoid(xlogy(density, density), grid)


def noisy(values, weights, spread, low, high, n=4001):
    """h(value + noise) − h(noise), for values (m,) with weights and normal noise whose spread may depend on them."""
    grid = np.linspace(low, high, n)
    spread = np.broadcast_to(spread, values.shape)
    parts = [stats.norm.pdf(part[:, None], values, spread) @ weights for part in np.split(grid[:-1], 8)]
    density = np.append(np.concatenate(parts), 0)
    return entropy_on(grid, density) - weights @ np.log(spread) - 0.5 * math.log(2 * math.pi * math.e)


def even(m):
    return np.full(m, 1 / m)


def phases(m):
    return (np.arange(m) + 0.5) / m


def sine(trend=0.0):
    # One period is like all others without a trend.
    x = phases(1500)
    values = np.sin(2 * np.pi * (5 if trend else 1) * x) + trend * x
    return noisy(values, even(1500), 0.2, -2.5, 3.5, 2001)


def two_columns(values, spread):
    return noisy(values.ravel(), even(values.size), spread, -4.5, 4.5, 1601)


def product_of_waves():
    a = np.sin(2 * np.pi * phases(75))
    return two_columns(a[:, None] * a, 0.1)


def two_waves():
    a = np.sin(2 * np.pi * phases(75))
    return two_columns(a[:, None] + a, 0.3)


def normal_x(m=4001):
    x = np.linspace(-9, 9, m)
    weights = stats.norm.pdf(x)
    return x, weights / weights.sum()


def spread(least, slope, trend, wide):
    x, weights = normal_x(2001)
    return noisy(trend * x, weights, least + slope * np.abs(x), -wide, wide)


def product():
    logs = np.linspace(-25, 5, 6001)
    density = 2 * stats.norm.pdf(np.exp(logs)) * np.exp(logs)
    step = logs[1] - logs[0]
    kernel = stats.norm.pdf(np.arange(-800, 801) * step, scale=0.5) * step
    blurred = np.convolve(density, kernel)
    return math.log(2) + entropy_on(np.arange(len(blurred)) * step, blurred) - stats.norm(scale=0.5).entropy()


def cauchy_noise():
    x, weights = normal_x(601)
    angle = (np.arange(20_000) + 0.5) / 20_000 * math.pi - math.pi / 2
    y, step = np.tan(angle), math.pi / 20_000 / np.cos(angle) ** 2
    density = np.zeros_like(y)
    for at, weight in zip(x, weights, strict=True):
        density += weight * stats.cauchy.pdf(y, at, 0.3)
    return -(xlogy(density, density) * step).sum() - math.log(4 * math.pi * 0.3)


def radius(dim):
    r = np.linspace(1e-6, 9, 3001)
    weights = stats.chi(dim).pdf(r)
    return noisy(r, weights / weights.sum(), 0.2, -1.5, 10)


def contaminated(share, of_x, of_y):
    u = np.linspace(-10, 10, 1501)  # of arcsinh
    t, width = np.sinh(u), np.cosh(u)
    x, y = t[:, None], t
    density = (1 - share) * stats.norm.pdf(x) * stats.norm.pdf(y, 0.8 * x, 0.6)
    density += share * stats.norm.pdf(x, scale=of_x) * stats.norm.pdf(y, scale=of_y)
    return of_cells(density * width[:, None] * width)


def gamma_rates(shape):
    """Rates of mean 1, and their weights."""
    edges = np.linspace(0, 1, 4001) ** 3 * 25
    weights = np.diff(stats.gamma.cdf(edges, shape, scale=1 / shape))
    return (edges[1:] + edges[:-1]) / 2, weights / weights.sum()


def shared_rate(shape, mean):
    rates, weights = gamma_rates(shape)
    most = int(25 * mean)
    pmf = stats.poisson.pmf(np.arange(most), mean * rates[:, None])
    return of_cells(pmf.T @ (pmf * weights[:, None]))


def count_of_rate(shape, mean, zeros=0.0):
    rates, weights = gamma_rates(shape)
    pmf = (1 - zeros) * stats.poisson.pmf(np.arange(int(25 * mean)), mean * rates[:, None])
    pmf[:, 0] += zeros
    return of_cells(pmf * weights[:, None])


def censored(both):
    x, y = np.linspace(-8, 8, 1601), np.linspace(0, 8, 801)
    step = x[1] - x[0]
    x, y = x[:-1] + step / 2, y[:-1] + step / 2
    above = stats.norm.pdf(x)[:, None] * stats.norm.pdf(y, 0.8 * x[:, None], 0.6) * step**2
    below = stats.norm.pdf(x) * stats.norm.cdf(-0.8 * x / 0.6) * step
    cells = np.column_stack([below, above])
    if both:
        cells = np.vstack([cells[x < 0].sum(0), cells[x > 0]])
    return of_cells(cells)


def rounded(both):
    step = 0.5 if both else 1.0
    inside = 250 if both else 1
    x = np.linspace(-8.25, 8.25, 33 * 250 + 1)
    x, width = (x[1:] + x[:-1]) / 2, x[1] - x[0]
    edges = (np.arange(-17, 17) + 0.5) * step
    cells = np.diff(stats.norm.cdf(edges, 0.8 * x[:, None], 0.6), axis=1) * stats.norm.pdf(x)[:, None] * width
    return of_cells(cells.reshape(-1, inside, cells.shape[1]).sum(1))


def ring():
    t = np.linspace(-1.8, 1.8, 1202)
    r = np.hypot(t[:, None], t)
    return of_cells(stats.norm.pdf(r, 1, 0.1) / r)


def curve(x, y, spread):
    grid = np.linspace(-1.8, 1.8, 601)
    of_x, of_y = (stats.norm.pdf(grid, at[:, None], spread) for at in (x, y))
    return of_cells(of_x.T @ of_y)


def spiral():
    t = phases(2000)
    return curve((0.2 + t) * np.cos(4 * np.pi * t), (0.2 + t) * np.sin(4 * np.pi * t), 0.06)


def lissajous():
    t = phases(2000)
    return curve(np.sin(6 * np.pi * t), np.sin(4 * np.pi * t + 0.5), 0.08)


def classes_in_a_row(weights, distance):
    # The order of classes does not matter where all have the same weight.
    order = [0, 2, 1] if len(weights) == 3 else range(len(weights))
    grid = np.linspace(-9, 9 + distance * len(weights), 8001)
    return of_cells(
        np.array([w * stats.norm.pdf(grid, distance * at) for w, at in zip(weights, order, strict=True)]) * 1e-3
    )


def class_spreads():
    r = np.linspace(0, 30, 60_001)
    return of_cells(np.array([r / s**2 * np.exp(-0.5 * (r / s) ** 2) for s in (0.5, 1, 3)]))


INTEGRALS = {
    "sine_2": sine,
    "sine_4": sine,
    "sine_6": sine,
    "sine_trend": partial(sine, 1.0),
    "product_of_waves": product_of_waves,
    "two_waves": two_waves,
    "steps": partial(noisy, np.arange(6.0), even(6), 0.3, -3, 8),
    "spread": partial(spread, 0.1, 1.0, 0, 60),
    "trend_and_spread": partial(spread, 0.1, 0.5, 1, 40),
    "product": product,
    "cauchy_noise": cauchy_noise,
    "outliers": partial(contaminated, 0.01, 1, 1e3),
    "outliers_both": partial(contaminated, 0.02, 1e2, 1e2),
    "counts": partial(shared_rate, 2, 8),
    "counts_3": partial(shared_rate, 2, 12),  # sums of three counts say all
    "small_counts": partial(shared_rate, 1, 1),
    "count_of_rate": partial(count_of_rate, 2, 5),
    "zero_inflated_count": partial(count_of_rate, 2, 8, 0.5),
    "censored": partial(censored, both=False),
    "both_censored": partial(censored, both=True),
    "rounded": partial(rounded, both=False),
    "both_rounded": partial(rounded, both=True),
    "classes_1": partial(classes_in_a_row, even(5), 2),
    "rare_1": partial(classes_in_a_row, (0.9, 0.08, 0.02), 2),
    "forty_codes": partial(classes_in_a_row, even(40), 0.1),
    "class_spreads": class_spreads,
    "ring": ring,
    "radius_2": partial(radius, 2),
    "radius_5": partial(radius, 5),
    "spiral": spiral,
    "lissajous": lissajous,
}


@pytest.mark.parametrize("name", INTEGRALS)
def test_quadrature_is_that_of_another_grid(name):
    assert TASKS[name].truth == TRUTHS[name]
    assert TRUTHS[name].by == "quadrature"
    assert TRUTHS[name].mi == pytest.approx(INTEGRALS[name](), abs=1e-4)
