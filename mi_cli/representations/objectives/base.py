"""The base class of objectives: what an encoder is trained to do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from mi_cli.errors import Fault
from mi_cli.fields import Section
from mi_cli.representations.shape import Sizes

if TYPE_CHECKING:
    from torch import Tensor

    from mi_cli.representations.step import Step

__all__ = ["Objective"]


class Objective(Section, ABC):
    """What an encoder is trained to do, configured by its fields.

    Attributes:
        learns_from_labels: whether it needs labels.
        trains: whether there is anything to train.
    """

    learns_from_labels: ClassVar[bool] = False
    trains: ClassVar[bool] = True
    name: str

    def head(self, sizes: Sizes) -> Any:
        """The networks that are trained beside the encoder, for one stack; None without any.

        They have ``shapes``, the shapes of the parameters of one trial, and ``initial(generator)``, its parameters in
        one row. :meth:`loss` applies them.
        """
        del sizes

    @abstractmethod
    def loss(self, step: Step) -> tuple[Tensor, Tensor]:
        """The loss of each trial, which is minimised, and its score, which is better the higher it is: ``(K,)`` each.

        The score is recorded, and on validation rows it chooses the checkpoint.
        """

    def parts(self, sizes: Sizes) -> list[list[bool]]:
        """The groups of encoded columns that a row is encoded by; its code is the mean of their codes.

        Each is a flag for each encoded column. A group sees the other columns as 0. The default is one group of all.
        """
        return [[True] * sizes.columns]

    def faults(self, names: Sequence[str]) -> list[Fault]:
        """Settings that do not fit a table with the columns ``names``."""
        del names
        return []
