"""Estimates from ever more rows, extrapolated to infinitely many."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from mi_cli.analysis.rows import Row, Traces, grouped
from mi_cli.lazy import np, special

__all__ = ["FEWEST", "extrapolated"]

FEWEST = 3  # different numbers of rows, with fewer of which a line fits whatever the estimates are
_AXES = ("dataset.share", "dataset.n_samples")
_POOR_FIT = 0.05


def extrapolated(rows: Iterable[Row], axes: Sequence[str], level: float, traces: Traces) -> list[dict[str, Any]]:
    r"""A row for each setting and method: the line of estimates in 1/n, and where it ends at 1/n = 0.

    .. math:: \hat I_n ≈ I_∞ + b / n,

    by least squares on the means over seeds, weighted by their spread. Subsamples of one table share rows, so the
    spread at n of N rows is too small by the factor \sqrt{1 - n/N}. The error of a mean is therefore at least that
    which the estimates' own errors give. Strong, Koberle, de Ruyter van Steveninck & Bialek (1998, Physical Review
    Letters 80, 197).

    Args:
        rows: result rows; the column ``rows`` has the number of rows of each estimate.
        axes: the sweep's axes other than the seed.
        level: of the interval.
        traces: not used.

    Returns:
        Values of the other axes and ``method``; ``sizes``, how many different numbers of rows there are; ``largest``,
        the estimate from most rows; ``limit`` with ``limit_low`` and ``limit_high``, in nats; ``slope``, in nats times
        rows; ``misfit``, the p-value of the deviations from the line; ``warning`` where they are too large.
    """
    del traces
    rest = [axis for axis in axes if axis not in _AXES]
    sized = [row for row in rows if row["status"] == "ok" and row.get("stderr") and row.get("rows")]
    return [
        {axis: group[0][axis] for axis in rest} | {"method": group[0]["method"]} | _line(group, level)
        for group in grouped(sized, (*rest, "method"))
    ]


def _line(group: Sequence[Row], level: float) -> dict[str, Any]:
    sizes: dict[float, list[Row]] = defaultdict(list)
    for row in group:
        sizes[float(row["rows"])].append(row)
    n = np.array(sorted(sizes))
    means = np.array([np.mean([row["estimate"] for row in sizes[size]]) for size in n])
    errors = np.array([_error(sizes[size]) for size in n])
    result = {"sizes": len(n), "largest": float(means[-1])}
    if len(n) < FEWEST:
        return (
            result
            | dict.fromkeys(("limit", "limit_low", "limit_high", "slope", "misfit"))
            | {"warning": f"{len(n)} numbers of rows; a line needs {FEWEST}"}
        )
    design = np.stack([np.ones_like(n), 1 / n], 1) / errors[:, None]
    covariance = np.linalg.inv(design.T @ design)
    limit, slope = covariance @ design.T @ (means / errors)
    chi2 = float((((means - limit - slope / n) / errors) ** 2).sum())
    misfit = float(special.chdtrc(len(n) - 2, chi2))
    half = float(special.ndtri(0.5 + level / 2)) * math.sqrt(covariance[0, 0] * max(1.0, chi2 / (len(n) - 2)))
    return result | {
        "limit": float(limit),
        "limit_low": float(limit) - half,
        "limit_high": float(limit) + half,
        "slope": float(slope),
        "misfit": misfit,
        "warning": "the line does not fit: the bias is not one of 1/n" if misfit < _POOR_FIT else "",
    }


def _error(rows: Sequence[Row]) -> float:
    """Standard error of a mean over subsamples: from their spread, or from their own errors where that is more."""
    values = [row["estimate"] for row in rows]
    own = math.sqrt(sum(row["stderr"] ** 2 for row in rows)) / len(rows)
    spread = float(np.std(values, ddof=1)) / math.sqrt(len(rows)) if len(rows) > 1 else 0.0
    return max(own, spread)
