"""Arrays posed as problems, and estimators called on them."""

from __future__ import annotations

import math
from typing import Any

import torch
from examples import context, gaussian_rows, problem

from mi_cli.context import Context
from mi_cli.estimators import ESTIMATORS
from mi_cli.estimators.base import Estimate, Problem, Rows
from mi_cli.schema import Evaluation, Training, load


def estimate(name: str, posed: Problem, level: float = 0.95, where: Context | None = None, **fields: Any) -> Estimate:
    estimator = load(ESTIMATORS[name])(**fields)
    (found,), _ = estimator.estimate([posed], Training(), Evaluation(level=level), where or context())
    return found


def whole(x: Any, y: Any, seed: int = 0) -> Problem:
    """All rows in one part."""
    x, y = torch.as_tensor(x), torch.as_tensor(y)
    empty = Rows(x[:0], y[:0])
    return problem(seed=seed, dim_x=x.shape[1], dim_y=y.shape[1], train=Rows(x, y), val=empty, test=empty)


def value(name: str, x: Any, y: Any, seed: int = 0, **fields: Any) -> float:
    found = estimate(name, whole(x, y, seed), **fields)
    assert found.status == "ok", found.reason
    return found.value


def gaussian_sides(n: int, rho: float, seed: int = 0, dim: int = 1) -> tuple[Any, Any]:
    rows = gaussian_rows(n, rho, seed, dim)
    return rows.x.numpy(), rows.y.numpy()


def gaussian_mi(rho: float, dim: int = 1) -> float:
    return -0.5 * dim * math.log(1 - rho**2)
