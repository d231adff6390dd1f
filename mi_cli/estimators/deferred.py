"""Estimates whose p-value is computed when it is first read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mi_cli import bounds
from mi_cli.problems import Array, Estimate

__all__ = ["DeferredEstimate"]


class DeferredEstimate(Estimate):
    """An estimate that computes ``null``, and ``p_value`` from it, when one of them is first read.

    Re-pairing the rows 99 times takes tens of times as long as the estimate itself. Whoever calls an estimator from
    Python and wants no p-value does not wait for it. The values do not depend on when they are computed.
    """

    def __getattribute__(self, name: str) -> Any:
        if name in ("null", "p_value"):
            self._settle()
        return super().__getattribute__(name)

    def __getstate__(self) -> dict[str, Any]:
        """A copy or a pickle holds the values, not how to compute them."""
        self._settle()
        return vars(self)

    @classmethod
    def from_estimate(
        cls,
        estimate: Estimate,
        null: Callable[[], Array],
        p_value: Callable[[Array], float | None] = bounds.p_value,
    ) -> DeferredEstimate:
        """The same estimate with another statistic of the re-pairings.

        Args:
            estimate: the estimate.
            null: returns the statistic of the rows, then of each re-pairing, ``(1 + m,)``.
            p_value: from this to the p-value.
        """
        deferred = object.__new__(cls)
        vars(deferred).update(vars(estimate) | {"_compute": (null, p_value)})
        return deferred

    def _settle(self) -> None:
        """Compute the values, unless that was done."""
        compute = vars(self).pop("_compute", None)
        if compute is not None:
            null = compute[0]()
            vars(self).update(null=null, p_value=compute[1](null))
