"""A collider: x and y are independent, and depend on each other given what they cause."""

from __future__ import annotations

import math
from typing import Literal

from mi_cli.bounds.interaction import normal_interactions
from mi_cli.datasets.conditional import Triple, Triples
from mi_cli.fields import Positive
from mi_cli.lazy import np, torch

__all__ = ["Collider"]


class Collider(Triples):
    r"""Independent standard normal x and y, and z = x + y + σe with standard normal e.

    .. math:: I(X; Y) = 0, \qquad I(X; Y | Z) = \ln\frac{1 + σ^2}{σ \sqrt{2 + σ^2}}

    from :math:`I = \tfrac12 \ln \frac{\det Σ_{xz} \det Σ_{yz}}{\det Σ_z \det Σ_{xyz}}` (Cover & Thomas 2006, *Elements
    of Information Theory*, theorem 8.4.1); Pearl 2009, *Causality*, section 1.2.3, for colliders.
    """

    name: Literal["collider"] = "collider"
    sigma: Positive = 0.5

    def triples(self, n: int, generator: torch.Generator, dtype: torch.dtype) -> Triple:
        """Draw ``n`` rows; shapes ``(n, 1)`` each."""
        x, y, e = torch.empty((3, n, 1), dtype=dtype).normal_(generator=generator)
        return x, y, x + y + self.sigma * e

    def true_interactions(self) -> dict[str, float] | None:
        """From the covariance of x, y and z."""
        return normal_interactions(np.array([[1, 0, 1], [0, 1, 1], [1, 1, 2 + self.sigma**2]]))

    def true_mi(self, noise: float = 0.0) -> float | None:
        """I(x; y | z) in closed form; independent noise on x has z depend on x without it."""
        unexplained, n2 = self.sigma**2, noise**2
        of_z = 2 + unexplained
        of_xz = (1 + n2) * of_z - 1
        of_yz = 1 + unexplained
        of_xyz = (1 + n2) * of_z - 1 - (1 + n2)
        return 0.5 * math.log(of_xz * of_yz / (of_z * of_xyz))
