"""The settings of a selection of columns."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from mi_cli.fields import Count, Natural, Number, Section, Switch

__all__ = ["Method", "Selection"]

Method: TypeAlias = Literal["forward", "mrmr", "jmi", "cmim"]


class Selection(Section):
    """How columns are selected.

    Attributes:
        method: ``forward`` adds the column with the largest MI with y given those before it, and stops by its p-value;
            ``mrmr``, ``jmi`` and ``cmim`` rank columns by their criterion.
        columns: the most that are chosen.
        alpha: the level at which ``forward`` stops, and from which pairs are looked for where no column is significant.
        bins: of a column of numbers; ``auto`` takes about (n / 10)^⅓, from 2 to 6.
        permutations: of y among rows with like chosen columns, for the p-values of ``forward``.
        pairs: whether pairs are screened where no single column is significant.
        subsamples: of half the rows, on which the selection is repeated; 0 leaves stability out.
    """

    method: Method = "forward"
    columns: Count = 20
    alpha: Annotated[Number, Field(gt=0, lt=1)] = 0.05
    bins: Annotated[Count, Field(ge=2, le=20)] | Literal["auto"] = "auto"
    permutations: Annotated[Count, Field(ge=19)] = 99
    pairs: Switch = True
    subsamples: Natural = 20
