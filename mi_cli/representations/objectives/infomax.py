"""InfoMax: the MI of a row and its noisy code, maximised."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from mi_cli import networks
from mi_cli.fields import Activation, Count, Positive, Widths
from mi_cli.representations.objectives.base import Objective
from mi_cli.representations.objectives.contrast import Bound, maximised
from mi_cli.representations.shape import Sizes

if TYPE_CHECKING:
    from torch import Tensor

    from mi_cli.representations.step import Step

__all__ = ["InfoMax"]


class InfoMax(Objective):
    r"""A bound on I(x; z + ε), with z the code with columns of unit variance and ε normal noise.

    Without noise I(x; z) is infinite wherever x is continuous, and does not depend on the encoder. With it, the MI is
    at most that of ``dim`` normal channels, and it is largest where the columns of z are independent.

    Attributes:
        noise: standard deviation of ε.
        bound: which is maximised.
        hidden: widths of the hidden layers of the critic, which is separable.
        activation: of the critic.
        embedding: outputs of each network of the critic.
        clip: of ``smile``.

    Reference:
        Linsker 1988 (Computer 21, 105–117); Hjelm et al. 2019 (arXiv 1808.06670).
    """

    name: Literal["infomax"] = "infomax"
    noise: Positive = 0.5
    bound: Bound = "infonce"
    hidden: Widths = (128,)
    activation: Activation = "gelu"
    embedding: Count = 64
    clip: Positive = 5.0

    def head(self, sizes: Sizes) -> Any:
        """The critic."""
        shape = sizes.columns, sizes.dim, self.hidden, self.activation, self.embedding
        return networks.SeparableCritic(*shape)

    def loss(self, step: Step) -> tuple[Tensor, Tensor]:
        """Minus the bound, and the bound."""
        codes = step.encode(step.x)
        codes = (codes - codes.mean(2, keepdim=True)) / (codes.std(2, keepdim=True) + 1e-6)
        codes = codes + self.noise * step.draws.normal(*codes.shape[1:])
        scores = step.head.scores(step.head_layers, networks.with_ones(step.x), codes, None)
        return maximised(self.bound, scores, self.clip)
