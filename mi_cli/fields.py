"""Field types that every config section shares. Nothing here imports torch."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

__all__ = [
    "Activation",
    "Count",
    "Fraction",
    "Natural",
    "NonNegative",
    "Number",
    "Positive",
    "Section",
    "Widths",
]


class Section(BaseModel):
    """One section of the config: immutable, with no key but those it declares."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _not_bool(value: Any) -> Any:
    if isinstance(value, bool):  # which Python takes for 0 or 1
        raise PydanticCustomError("bool_for_number", "must be a number")
    return value


Number = Annotated[float, BeforeValidator(_not_bool)]
Count = Annotated[int, BeforeValidator(_not_bool), Field(ge=1)]
Natural = Annotated[int, BeforeValidator(_not_bool), Field(ge=0)]
NonNegative = Annotated[float, BeforeValidator(_not_bool), Field(ge=0)]
Positive = Annotated[float, BeforeValidator(_not_bool), Field(gt=0)]
Fraction = Annotated[float, BeforeValidator(_not_bool), Field(ge=0, lt=1)]
Widths = Annotated[tuple[Count, ...], Field(max_length=16)]
Activation = Literal["relu", "gelu", "tanh", "elu"]
