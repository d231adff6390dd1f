"""Pairs of classes from a table of probabilities."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field

from mi_cli.datasets.base import Dataset, Side
from mi_cli.fields import Count, Natural, Number
from mi_cli.lazy import np, torch
from mi_cli.problems import Array

__all__ = ["ClassTable"]

_CONCENTRATION = 0.5  # of the Dirichlet distribution of random rows: a few classes of y have most of a row

_Classes = Annotated[Count, Field(ge=2, le=200)]


class ClassTable(Dataset):
    r"""A class x of ``classes`` and a class y of ``y_classes`` (as many, unless given), dependent to a ``strength`` s.

    .. math:: P(x, y) = P(x) \left[(1 - s)\, P(y) + s\, Q(y | x)\right], \qquad P(y) = \sum_x P(x)\, Q(y | x)

    ``diagonal``: Q has y equal to x, up to multiples of the smaller number of classes, so that the rows off the
    diagonal are rare where s is near 1, and P(x) is equal for all x. ``uneven`` is the same with P(x) that falls as 1,
    1/2, 1/3, … ``random`` is uneven as well, and each row of Q is drawn from a Dirichlet distribution, the same for the
    same ``draw``.

    .. math:: I(X; Y) = \sum_{x, y} P(x, y) \ln \frac{P(x, y)}{P(x) P(y)}
    """

    name: Literal["class_table"] = "class_table"
    classes: _Classes = 5
    y_classes: _Classes | None = None
    form: Literal["diagonal", "uneven", "random"] = "diagonal"
    strength: Annotated[Number, Field(ge=0, le=1)] = 0.5
    draw: Natural = 0
    n_samples: Count | None = 2000

    @property
    def discrete(self) -> frozenset[Side]:
        """Both sides."""
        return frozenset({"x", "y"})

    @property
    def dim_x(self) -> int:
        """One column."""
        return 1

    @property
    def dim_y(self) -> int:
        """One column."""
        return 1

    def sample(
        self, n: int, generator: torch.Generator, dtype: torch.dtype | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw ``n`` rows of numbers of classes, from 0 on; shapes ``(n, 1)`` and ``(n, 1)``."""
        ends = torch.from_numpy(self.probabilities.ravel().cumsum())
        drawn = torch.rand((n, 1), generator=generator, dtype=torch.float64)
        cells = torch.searchsorted(ends, drawn, right=True).clamp(max=len(ends) - 1)
        x, y = cells // self._of_y, cells % self._of_y
        return x.to(dtype or torch.float32), y.to(dtype or torch.float32)

    def describe(self) -> dict[str, Any]:
        """``entropy``: of x and of y, in nats."""
        table = self.probabilities
        return {"entropy": {"x": _entropy(table.sum(1)), "y": _entropy(table.sum(0))}}

    def true_mi(self, noise: float = 0.0) -> float | None:
        """By the sum over all cells; not known with noise."""
        if noise:
            return None
        table = self.probabilities
        return max(0.0, _entropy(table.sum(1)) + _entropy(table.sum(0)) - _entropy(table.ravel()))

    @cached_property
    def probabilities(self) -> Array:
        """P(x, y), ``(classes, classes of y)``."""
        ranks = np.arange(1, self.classes + 1)
        of_x = np.ones(self.classes) if self.form == "diagonal" else 1 / ranks
        of_x = of_x / of_x.sum()
        dependent = of_x[:, None] * self._given_x
        independent = np.outer(of_x, dependent.sum(0))
        return np.asarray((1 - self.strength) * independent + self.strength * dependent)

    @property
    def _of_y(self) -> int:
        """Classes of y."""
        return self.y_classes or self.classes

    @property
    def _given_x(self) -> Array:
        """Q(y | x), ``(classes, classes of y)``."""
        if self.form == "random":
            alike = [_CONCENTRATION] * self._of_y
            return np.random.default_rng(self.draw).dirichlet(alike, self.classes)
        fewer = min(self.classes, self._of_y)
        same = np.arange(self.classes)[:, None] % fewer == np.arange(self._of_y) % fewer
        return np.asarray(same / same.sum(1, keepdims=True))


def _entropy(shares: Array) -> float:
    return -math.fsum(p * math.log(p) for p in shares.tolist() if p > 0)
