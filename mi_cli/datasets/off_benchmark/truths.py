"""The MI of tasks without a closed form, in nats.

Quadratures are integrals of densities on grids. Monte-Carlo means are of two million log density ratios.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mi_cli.datasets.off_benchmark.task import Truth

__all__ = ["TRUTHS"]

_QUADRATURES = {
    "sine_2": 1.15424,
    "sine_4": 1.15424,
    "sine_6": 1.15424,
    "sine_trend": 1.27137,
    "product_of_waves": 1.58696,
    "two_waves": 1.22131,
    "steps": 1.58842,
    "spread": 0.29348,
    "trend_and_spread": 0.96831,
    "product": 1.49803,
    "cauchy_noise": 0.64068,
    "outliers": 0.50560,
    "outliers_both": 0.58982,
    "counts": 0.47739,
    "counts_3": 0.62510,
    "small_counts": 0.11830,
    "count_of_rate": 0.59232,
    "zero_inflated_count": 0.35270,
    "censored": 0.38870,
    "both_censored": 0.34642,
    "rounded": 0.44678,
    "both_rounded": 0.47615,
    "classes_1": 1.03142,
    "rare_1": 0.27245,
    "forty_codes": 0.41851,
    "class_spreads": 0.48093,
    "ring": 0.67397,
    "radius_2": 1.19844,
    "radius_5": 1.26624,
    "spiral": 0.64625,
    "lissajous": 0.67758,
}

# Means and standard errors.
_MONTE_CARLO = {
    "classes_10": (1.01768, 0.00062),
    "classes_20": (1.02337, 0.00062),
    "classes_50": (1.02085, 0.00062),
    "rare_10": (0.26820, 0.00053),
    "rare_50": (0.28841, 0.00054),
    "two_classes_20": (0.30064, 0.00039),
    "rare_of_two_20": (0.09432, 0.00036),
}

TRUTHS: Mapping[str, Truth] = MappingProxyType(
    {name: Truth(mi, "quadrature") for name, mi in _QUADRATURES.items()}
    | {name: Truth(mi, "Monte Carlo", stderr) for name, (mi, stderr) in _MONTE_CARLO.items()}
)
