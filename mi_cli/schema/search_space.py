"""The section ``search`` of a config, and the ranges that a search may choose from beside lists. No optuna here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from mi_cli.fields import Count, Number, Rule, Section

__all__ = ["OBJECTIVES", "Objective", "Range", "Search", "searches"]

Objective = Literal["val_mi", "val_mse", "split_mse"]
OBJECTIVES: tuple[Objective, ...] = ("val_mi", "val_mse", "split_mse")


class Range(Section):
    """Numbers from ``low`` to ``high``, all of them alike likely, or (``log``) their logarithms."""

    low: Number
    high: Number
    log: bool = False
    int: bool = False

    @model_validator(mode="after")
    def _is_one(self) -> Range:
        if not self.low < self.high:
            raise ValueError("low must be below high")
        if self.log and self.low <= 0:
            raise ValueError("low must be above 0, to have a logarithm")
        if self.int and not (self.low.is_integer() and self.high.is_integer()):
            raise ValueError("low and high must be whole numbers where int is true")
        return self

    @property
    def ends(self) -> list[Any]:
        """The least and the greatest of them."""
        return [round(self.low), round(self.high)] if self.int else [self.low, self.high]


class Search(Section):
    """How the points of a space are chosen: not at all (``none``), or by optuna."""

    name: Literal["none", "optuna"] = "none"
    space: dict[str, Any] = Field(default_factory=dict)
    repeat: tuple[str, ...] | None = None
    objective: Objective | None = None
    direction: Literal["maximise", "minimise"] | None = None
    trials: Annotated[Count, Rule.RESUME] = 50
    batch: Count = 8
    sampler: Literal["tpe", "random"] = "tpe"
    pruner: Literal["none", "median"] = "none"
    rungs: tuple[Annotated[Number, Field(gt=0, lt=1)], ...] = (0.25,)
    storage: Annotated[str, Field(pattern=r"\S", description="a file or the address of a database")] | None = None

    @model_validator(mode="after")
    def _climbs(self) -> Search:
        if list(self.rungs) != sorted(set(self.rungs)):
            raise ValueError(f"search.rungs={list(self.rungs)}: must ascend")
        if self.pruner != "none" and not self.rungs:
            raise ValueError(f"search.rungs=[]: search.pruner={self.pruner} needs one; accepted: shares such as [0.25]")
        return self


def searches(values: Mapping[str, Any]) -> bool:
    """Whether a config asks for a search."""
    section = values.get("search")
    return isinstance(section, Mapping) and section.get("name", "none") != "none"
