"""The section ``search`` of a config, and the ranges that a search may choose from. Nothing here imports optuna."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from mi_cli.errors import ConfigError, Fault, plain
from mi_cli.fields import Count, Number, Rule, Section, Switch

__all__ = ["OBJECTIVES", "Objective", "Range", "Search", "searches"]

Objective = Literal["val_mi", "val_mse", "split_mse"]
OBJECTIVES: tuple[Objective, ...] = ("val_mi", "val_mse", "split_mse")


class Range(Section):
    """Numbers from ``low`` to ``high``, drawn uniformly.

    Attributes:
        log: draw the logarithm uniformly instead.
        int: draw whole numbers, ``high`` included.
    """

    low: Number
    high: Number
    log: Switch = False
    int: Switch = False

    @model_validator(mode="after")
    def _has_numbers(self) -> Range:
        if not self.low < self.high:
            raise ConfigError(Fault("low", plain(self.low), accepted=f"below high={plain(self.high)}"))
        if self.log and self.low <= 0:
            raise ConfigError(Fault("low", plain(self.low), "has no logarithm", "a number above 0, or log: false"))
        if self.int:
            for name in ("low", "high"):
                if not (end := getattr(self, name)).is_integer():
                    raise ConfigError(Fault(name, end, accepted="a whole number where int is true"))
        return self

    @property
    def ends(self) -> list[Any]:
        """The smallest and the largest number."""
        return [round(self.low), round(self.high)] if self.int else [self.low, self.high]


class Search(Section):
    """How the points of a space are chosen.

    Attributes:
        name: ``optuna``, or ``none``: every combination of the sweep's axes is run.
        space: lists and ranges by the path of a value, as in ``sweep``.
        repeat: axes that every point is run over; null takes all but those of estimator, representation and training.
        objective: what is optimised, as a mean over the repeated axes; null takes the first
            one of the procedure.
        direction: null maximises the ``val_mi`` of lower bounds and minimises errors.
        trials: how many points there are.
        batch: how many points are chosen and trained together.
        pruner: ``median`` stops a point that is behind the median of those before it at a rung.
        rungs: shares of ``training.steps`` at which points are pruned; each is a training of its own.
        storage: a file or a database that holds the search; null is a file in the run's folder.
    """

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
    storage: Annotated[
        Annotated[str, Field(pattern=r"\S", description="a file or the address of a database")] | None,
        Rule.RESUME | Rule.AGAIN | Rule.NOT_COMPARED,
    ] = None

    @model_validator(mode="after")
    def _has_rungs(self) -> Search:
        if list(self.rungs) != sorted(set(self.rungs)):
            raise ConfigError(Fault("search.rungs", self.rungs, accepted="in ascending order, each share once"))
        if self.pruner != "none" and not self.rungs:
            problem = f"search.pruner={self.pruner} needs at least one"
            raise ConfigError(Fault("search.rungs", (), problem, "shares of training.steps, such as [0.25]"))
        return self


def searches(values: Mapping[str, Any]) -> bool:
    """Whether a config asks for a search."""
    section = values.get("search")
    return isinstance(section, Mapping) and section.get("name", "none") != "none"
