"""Whether estimates obey the laws of MI: 0 for shuffled rows, no gain by a function of y, twice for two copies."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mi_cli.analysis.rows import Row, Traces, grouped
from mi_cli.lazy import special

__all__ = ["AXIS", "self_consistency"]

AXIS = "dataset.transform"
_ABSOLUTE, _RELATIVE = 0.02, 0.1  # nats, or a share of the expected value: differences that count as none

_Means = Mapping[str, tuple[float, float]]


def self_consistency(rows: Iterable[Row], axes: Sequence[str], level: float, traces: Traces) -> list[dict[str, Any]]:
    """A row for each test, setting and method, from the axis ``dataset.transform``.

    Args:
        rows: result rows.
        axes: the sweep's axes other than the seed.
        level: of the intervals.
        traces: not used.

    Returns:
        Values of the other axes, ``method``, ``test``; the ``estimate`` of the transformed rows, with ``error``, and
        what was ``expected``, in nats; ``passes``: yes, no, or undecided where its interval allows either. Tests:
        *independence* (y shuffled: 0), *data processing* (a function of y: at most as much), *additivity* (two
        independent copies side by side: twice as much). Song & Ermon 2020 (arXiv 1910.06222), section 5.
    """
    del traces
    z = float(special.ndtri(0.5 + level / 2))
    rest = [axis for axis in axes if axis != AXIS]
    ok = [row for row in rows if row["status"] == "ok" and None not in (row.get("stderr"), row.get(AXIS))]
    return [
        {axis: group[0][axis] for axis in rest} | {"method": group[0]["method"]} | test
        for group in grouped(ok, (*rest, "method"))
        for test in _tests(_means(group), z)
    ]


def _means(rows: Sequence[Row]) -> _Means:
    """By transform: the mean estimate and the mean standard error, since every seed has the same rows."""
    by: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by[row[AXIS]].append(row)
    return {
        name: (
            math.fsum(row["estimate"] for row in members) / len(members),
            math.fsum(row["stderr"] for row in members) / len(members),
        )
        for name, members in by.items()
    }


def _tests(means: _Means, z: float) -> Iterable[dict[str, Any]]:
    if "shuffle" in means:
        yield _test("independence", *means["shuffle"], 0.0, 0.0, z)
    if "none" not in means:
        return
    plain, error = means["none"]
    if "function" in means:
        yield _test("data processing", *means["function"], plain, error, z, at_most=True)
    if "two_copies" in means:
        yield _test("additivity", *means["two_copies"], 2 * plain, 2 * error, z)


def _test(
    name: str, estimate: float, error: float, expected: float, expected_error: float, z: float, *, at_most: bool = False
) -> dict[str, Any]:
    tolerance, difference = max(_ABSOLUTE, _RELATIVE * abs(expected)), estimate - expected
    reach = z * math.hypot(error, expected_error)
    if difference - reach > tolerance or (not at_most and difference + reach < -tolerance):
        passes = "no"
    elif difference + reach <= tolerance and (at_most or difference - reach >= -tolerance):
        passes = "yes"
    else:
        passes = "undecided"
    return {"test": name, "estimate": estimate, "error": error, "expected": expected, "passes": passes}
