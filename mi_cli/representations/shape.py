"""The shape of an encoder, and the sizes of the networks beside it. Nothing here imports torch."""

from __future__ import annotations

from dataclasses import dataclass

from mi_cli.fields import Activation, Count, Section, Widths

__all__ = ["MLP", "EncoderShape", "Sizes"]

MLP = "mlp"


class EncoderShape(Section):
    """The shape of an encoder x → z.

    Attributes:
        name: ``mlp``, or an encoder of another package.
        dim: columns of z.
        hidden: widths of the hidden layers of ``mlp``; decoders have them, too, whatever the encoder is.
        activation: of the hidden layers of ``mlp``.
    """

    name: str = MLP
    dim: Count = 16
    hidden: Widths = (64, 64)
    activation: Activation = "gelu"


@dataclass(frozen=True)
class Sizes:
    """What the networks beside the encoder depend on.

    Attributes:
        columns: encoded columns of the table.
        dim: columns of the code.
        outputs: columns of the label, or its classes; 0 without a label.
        classes: whether the label is a class.
        hidden: widths of the encoder's hidden layers.
        names: columns of the table before they are encoded.
        groups: for each encoded column, the number of the column of the table.
    """

    columns: int
    dim: int
    outputs: int
    classes: bool
    hidden: tuple[int, ...]
    names: tuple[str, ...] = ()
    groups: tuple[int, ...] = ()
