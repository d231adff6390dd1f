"""Configs of each kind of training, and whether two outcomes are equal."""

from __future__ import annotations

from typing import Any

from examples import MAXIMISE, PLAIN, SMALL, same_trace

FEW: dict[str, Any] = {
    "dataset": {"name": "gaussian", "rho": 0.5, "n_samples": 300},
    "training": {"steps": 20, "batch": 64, "validate_every": 10},
    "split": {"val": 60, "test": 101},
}
SHORT: dict[str, Any] = {"training": {"steps": 20, "batch": 200, "validate_every": 10}}
RAW = {"preprocess": "none", "norms": False}  # so that x and y are one column
BASES = {
    "estimate": SMALL | {"training": {"steps": 40, "batch": 200, "validate_every": 10, "schedule": "cosine"}},
    "odd rows, tanh": SMALL | {
        "estimator": {"name": "dv", "hidden": [7, 5], "activation": "tanh", **PLAIN},
        "training": {"steps": 20, "batch": 333, "validate_every": 10},
        "split": {"val": 201, "test": 501},
    },
    "gelu": SMALL | SHORT | {"estimator": {"name": "mine", "hidden": [9], "activation": "gelu", **PLAIN}},
    "elu": SMALL | SHORT | {"estimator": {"name": "dv", "hidden": [9], "activation": "elu", **PLAIN}},
    "two columns": SMALL | SHORT | {"dataset": {"name": "gaussian", "rho": 0.5, "dim": 2}},
    "fixed rows": SMALL | {
        "dataset": {"name": "gaussian", "rho": 0.5, "n_samples": 450},
        "estimator": {"name": "mine", "hidden": [8], "n_product": 3, "ema_rate": 0.1}
        | PLAIN | {"product": "shuffle"},
        "training": {"steps": 40, "batch": 100, "validate_every": 10, "ema": 0.9, "patience": 1},
    },
    "separable, every pair": SMALL | {"estimator": {"name": "nwj", "hidden": [9], "embedding": 5}, **FEW},
    "separable, one column": SMALL | {"estimator": {"name": "infonce", "hidden": [9], "embedding": 1}, **FEW},
    "separable, partners": SMALL | {
        "estimator": {"name": "smile", "hidden": [9], "product": "derangement", "n_product": 2}, **FEW},
    "concat, every pair": SMALL | {"estimator": {"name": "js", "critic": "concat", "hidden": [9]}, **FEW},
    "bilinear": SMALL | {"estimator": {"name": "fdime", "critic": "bilinear"} | RAW, **FEW},
    "quadratic": SMALL | {"estimator": {"name": "dv", "critic": "quadratic"} | RAW, **FEW},
    "quadratic, partners": SMALL | {
        "estimator": {"name": "dv", "critic": "quadratic", "product": "derangement"}, **FEW},
    "hybrid": SMALL | {"estimator": {"name": "mine", "critic": "hybrid", "hidden": [9], "embedding": 5} | RAW, **FEW},
    "hybrid, partners": SMALL | {
        "estimator": {"name": "mine", "critic": "hybrid", "hidden": [9], "product": "shuffle"}, **FEW},
    "baseline": SMALL | {"estimator": {"name": "tuba", "hidden": [9], "embedding": 5, "baseline": [6]}, **FEW},
    "second network": SMALL | {"estimator": {"name": "flo", "hidden": [9], "embedding": 5, "dual": [6]}, **FEW},
    "maximise, every pair": MAXIMISE | {"estimator": {"name": "infonce", "hidden": [9], "embedding": 5},
                                        "training": {"steps": 20, "batch": 90, "validate_every": 10}},
    "maximise": MAXIMISE | {"training": {"steps": 20, "batch": "full", "validate_every": 10}},
    "maximise, many columns": MAXIMISE | {
        "dataset": {"name": "polynomial_differences", "terms": 12, "n_samples": 450},
        "representation": {"dim": 1, "hidden": [7]},
    },
    "maximise, minibatches": MAXIMISE | {"training": {"steps": 20, "batch": 90, "validate_every": 10},
                                         "representation": {"dim": 1, "hidden": [6], "noise": 0.1}},
}  # fmt: skip
# Where a product of matrices becomes one with a vector, for which torch takes another kernel if it is the only one.
TO_ROUNDING = {"separable, one column"}


def agree(one, other):
    """Whether two outcomes are the same, bit for bit, but for the time they took."""
    plain, expected = (
        {method: fields | {"seconds": 0} for method, fields in outcome.methods.items()} for outcome in (one, other)
    )
    return plain == expected and same_trace(one.history, other.history)
