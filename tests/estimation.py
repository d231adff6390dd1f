"""Arrays posed as problems, and estimators called on them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
from examples import context, gaussian_rows, problem

from mi_cli.networks.product_samples import shifted
from mi_cli.problems import Estimate, Problem, Rows
from mi_cli.registry.builtin import ESTIMATORS
from mi_cli.registry.lookup import load
from mi_cli.training.context import Context
from mi_cli.training.settings import Evaluation, Training


def estimate(
    name: str,
    posed: Problem,
    level: float = 0.95,
    where: Context | None = None,
    permutations: int = 0,
    **fields: Any,
) -> Estimate:
    estimator = load(ESTIMATORS[name])(**fields)
    evaluation = Evaluation(level=level, permutations=permutations)
    (found,), _ = estimator.estimate([posed], Training(), evaluation, where or context())
    return found


def whole(x: Any, y: Any, seed: int = 0, block: Any = None) -> Problem:
    """All rows in one part."""
    rows = Rows(torch.as_tensor(x), torch.as_tensor(y), None if block is None else torch.as_tensor(block))
    empty, dims = rows.select(slice(0)), (rows.x.shape[1], rows.y.shape[1])
    return problem(seed=seed, dim_x=dims[0], dim_y=dims[1], train=rows, val=empty, test=empty)


def given(name: str, x: Any, y: Any, z: Any, permutations: int = 0, block: Any = None, **fields: Any) -> Estimate:
    """The estimate of the MI given z, of all rows in one part."""
    posed = whole(x, y, block=block)
    rows = replace(posed.rows, z=torch.as_tensor(z).double())
    posed = replace(posed, train=rows, val=rows.select(slice(0)), test=rows.select(slice(0)))
    return estimate(name, posed, permutations=permutations, **fields)


def value_given(name: str, x: Any, y: Any, z: Any, **fields: Any) -> float:
    found = given(name, x, y, z, **fields)
    assert found.status == "ok", found.reason
    return found.value


def value(name: str, x: Any, y: Any, seed: int = 0, **fields: Any) -> float:
    found = estimate(name, whole(x, y, seed), **fields)
    assert found.status == "ok", found.reason
    return found.value


def gaussian_sides(n: int, rho: float, seed: int = 0, dim: int = 1) -> tuple[Any, Any]:
    rows = gaussian_rows(n, rho, seed, dim)
    return rows.x.numpy(), rows.y.numpy()


def gaussian_mi(rho: float, dim: int = 1) -> float:
    return -0.5 * dim * math.log(1 - rho**2)


def log_ratio(x, y, rho):
    """ln p(x, y) / p(x) p(y) of standard normal pairs: the critic at which the bound is tight."""
    quadratic = rho * x * y - 0.5 * rho**2 * (x**2 + y**2)
    return (quadratic / (1 - rho**2) - 0.5 * math.log(1 - rho**2)).sum(-1)


def bayes_scores(n, rho, seed, shifts=8):
    """Joint ``(n,)`` and product ``(shifts, n)`` scores of the best critic on fresh rows."""
    rows = gaussian_rows(n, rho, seed)
    y = shifted(rows.y.T.unsqueeze(0), shifts)[0, 0]
    found = log_ratio(rows.x.T.expand_as(y).unsqueeze(-1), y.unsqueeze(-1), rho)
    return found[0], found[1:]
