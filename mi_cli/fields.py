"""What the sections of a config share: types of settings, and what is said of a setting on its field.

Nothing here imports torch.
"""

from __future__ import annotations

from enum import Enum, Flag, auto
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict
from pydantic_core import PydanticCustomError

__all__ = [
    "Activation",
    "Affects",
    "Count",
    "Fraction",
    "Natural",
    "NonNegative",
    "Number",
    "Positive",
    "Preprocess",
    "Rule",
    "Section",
    "Switch",
    "Widths",
]


class Affects(Enum):
    """What a setting affects, said on its field: ``seed: Annotated[int, Affects.NUMBERS]``.

    The effect of a section is that of its settings, except for those with an effect of their own. A setting without an
    annotation has the effect ``SHAPES``: trials that differ in it are trained apart, which is correct for any setting.

    Attributes:
        NOTHING: no number of any trial. Fingerprints leave it out, and it is the same in all trials of a run.
        NUMBERS: the numbers of its own trial. Trials that differ in it can still be trained as one stack.
        SHAPES: the numbers, and the stack that a trial fits into. Trials of one stack agree on it.
    """

    NOTHING = auto()
    NUMBERS = auto()
    SHAPES = auto()


class Rule(Flag):
    """What holds for a setting and does not follow from what it affects, said on its field as well.

    Attributes:
        NO_AXIS: it is the same in all trials of a run, although their numbers depend on it.
        RESUME: it may change when a run goes on (``resume=``).
        AGAIN: it may change when a run is repeated (``again=``), since the results then are still expected to agree.
        NOT_COMPARED: runs that differ in it only are not said to differ.
    """

    NO_AXIS = auto()
    RESUME = auto()
    AGAIN = auto()
    NOT_COMPARED = auto()


class Section(BaseModel):
    """A section of the config. It is immutable, and a key that it does not declare is a fault."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _not_bool(value: Any) -> Any:
    if isinstance(value, bool):  # Python has True for 1 and False for 0
        raise PydanticCustomError("bool_for_number", "must be a number")
    return value


Switch = Annotated[bool, Strict()]  # true or false, and no word or number that may be meant for them
Number = Annotated[float, BeforeValidator(_not_bool)]
Count = Annotated[int, BeforeValidator(_not_bool), Field(ge=1)]
Natural = Annotated[int, BeforeValidator(_not_bool), Field(ge=0)]
NonNegative = Annotated[float, BeforeValidator(_not_bool), Field(ge=0)]
Positive = Annotated[float, BeforeValidator(_not_bool), Field(gt=0)]
Fraction = Annotated[float, BeforeValidator(_not_bool), Field(ge=0, lt=1)]
# Widths of the layers of a network.
Widths = Annotated[tuple[Count, ...], Field(max_length=16)]
Activation = Literal["relu", "gelu", "tanh", "elu"]
Preprocess = Literal["none", "standardise", "rank_gaussianise"]
