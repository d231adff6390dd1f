"""Normal columns whose correlation is another in each class of z."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from mi_cli.datasets.conditional import Triple, Triples
from mi_cli.errors import ConfigError, Fault
from mi_cli.fields import Number, Positive
from mi_cli.lazy import torch

__all__ = ["ClassMixture"]


class ClassMixture(Triples):
    r"""z is class c with probability p_c; given it, x and y are normal with correlation ρ_c and means c · ``shift``.

    .. math:: I(X; Y | Z) = -\tfrac12 \sum_c p_c \ln(1 - ρ_c^2)

    the mean of the MI of the classes (Cover & Thomas 2006, *Elements of Information Theory*, equation 2.61). With a
    shift, x and y tell of each other through the class as well, which the MI given z leaves out.
    """

    name: Literal["class_mixture"] = "class_mixture"
    shares: tuple[Positive, ...] = (0.3, 0.7)
    rhos: tuple[Annotated[Number, Field(gt=-1, lt=1)], ...] = (0.9, 0.0)
    shift: Number = 0.0

    @model_validator(mode="after")
    def _has_classes(self) -> ClassMixture:
        if len(self.shares) < 2 or not math.isclose(sum(self.shares), 1, rel_tol=1e-9):
            accepted = "probabilities of two or more classes, which sum to 1"
            raise ConfigError(Fault("dataset.shares", list(self.shares), accepted=accepted))
        if len(self.rhos) != len(self.shares):
            problem = f"has {len(self.rhos)} correlations for {len(self.shares)} classes"
            raise ConfigError(Fault("dataset.rhos", list(self.rhos), problem, "one for each of dataset.shares"))
        return self

    def triples(self, n: int, generator: torch.Generator, dtype: torch.dtype) -> Triple:
        """Draw ``n`` rows; shapes ``(n, 1)`` each, z being whole numbers from 0 on."""
        bounds = torch.tensor(self.shares, dtype=torch.float64).cumsum(0)[:-1]
        uniform = torch.rand((n, 1), generator=generator, dtype=torch.float64)
        z = torch.searchsorted(bounds, uniform, right=True)
        rho = torch.tensor(self.rhos, dtype=dtype)[z]
        a, b = torch.empty((2, n, 1), dtype=dtype).normal_(generator=generator)
        mean = self.shift * z.to(dtype)
        return mean + a, mean + rho * a + (1 - rho**2).sqrt() * b, z.to(dtype)

    def describe(self) -> dict[str, Any]:
        """``kind``, and ``entropy``: that of z in nats; None for x and y."""
        of_z = -math.fsum(p * math.log(p) for p in self.shares)
        return super().describe() | {"entropy": {"x": None, "y": None, "z": of_z}}

    def true_mi(self, noise: float = 0.0) -> float | None:
        """I(x; y | z) in closed form; independent noise on x divides each ρ² by 1 + noise²."""
        pairs = zip(self.shares, self.rhos, strict=True)
        return 0.0 - 0.5 * sum(share * math.log1p(-(rho**2) / (1 + noise**2)) for share, rho in pairs)
