"""Two chaotic maps on a circle, of which one drives the other."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field

from mi_cli.datasets.conditional import Triple
from mi_cli.datasets.series import GeneratedSeries, History
from mi_cli.fields import Positive
from mi_cli.lazy import np, torch
from mi_cli.problems import Array

__all__ = ["CoupledMaps"]

_POINTS = 4096  # of the circle, at which the density of wrapped noise is summed


class CoupledMaps(GeneratedSeries):
    r"""Doubling maps :math:`x_t = 2 x_{t-1} + e_t` and :math:`y_t = 2 y_{t-1} + x_{t-1} + e'_t` modulo 1.

    e and e' are normal with standard deviation ``sd``. x and y are uniform on the torus and independent of each other
    at any one time, so that y tells nothing of x at any lag by itself; with its own past it does:

    .. math:: T_{X \to Y} = -h(W_σ) \; (k = 1), \qquad T_{Y \to X} = 0

    where h(W) is the differential entropy of normal noise that is wrapped around a circle of length 1 (Mardia & Jupp
    2000, *Directional Statistics*, section 3.5.7). With two past values of y, the newest x is known up to noise of
    variance 6 σ², and :math:`T_{X \to Y} = h(W_{\sqrt 6 σ}) - h(W_σ)`.
    """

    name: Literal["coupled_maps"] = "coupled_maps"
    sd: Annotated[Positive, Field(le=10)] = 0.1

    def path(self, n: int, generator: torch.Generator) -> Array:
        """One recording, which begins anywhere on the torus."""
        values = torch.rand((2,), generator=generator, dtype=torch.float64).tolist()
        noise = torch.empty((n, 2), dtype=torch.float64).normal_(0, self.sd, generator=generator).tolist()
        rows = []
        for e, other in noise:
            values = [(2 * values[0] + e) % 1, (2 * values[1] + values[0] + other) % 1]
            rows.append(values)
        return np.array(rows).reshape(n, 2)

    def windows(self, n: int, generator: torch.Generator, dtype: torch.dtype) -> Triple:
        """Draw ``n`` independent rows."""
        values = torch.rand((n, 2), generator=generator, dtype=torch.float64)
        path = [values]
        for _ in range(self.history):
            noise = torch.empty((n, 2), dtype=torch.float64).normal_(0, self.sd, generator=generator)
            values = torch.stack([2 * values[:, 0], 2 * values[:, 1] + values[:, 0]], 1).add(noise).remainder(1)
            path.append(values)
        older = torch.stack(path[-2::-1], 2)  # (n, 2, history), the newest first
        return older[:, 0].to(dtype), values[:, 1:].to(dtype), older[:, 1].to(dtype)

    def true_lagged_mi(self, lag: int) -> float:
        """0: y is uniform given x alone."""
        del lag
        return 0.0

    def true_transfer(self, source: str, target: str, history: History) -> float | None:
        """From x to y with up to two values of y and the value of x before; 0 from y to x."""
        del target
        if source == "y":
            return 0.0
        if history.lag != 1 or history.target > 2:
            return None
        without = 0.0 if history.target == 1 else _entropy(math.sqrt(6) * self.sd)
        return without - _entropy(self.sd)


def _entropy(sd: float) -> float:
    """The differential entropy of wrapped normal noise in nats, by a sum over the circle."""
    places = (np.arange(_POINTS) + 0.5) / _POINTS
    turns = np.arange(-math.ceil(8 * sd) - 1, math.ceil(8 * sd) + 2)
    density = np.exp(-((places[:, None] + turns) ** 2) / (2 * sd**2)).sum(1) / (sd * math.sqrt(2 * math.pi))
    inside = density[density > 0]
    return float(-(inside * np.log(inside)).sum() / _POINTS)
