"""The results of two runs, held against each other column by column."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mi_cli.errors import counted, listed, shown

__all__ = ["ABSOLUTE", "RELATIVE", "Column", "Comparison", "compare", "read_provenance", "read_rows"]

ABSOLUTE, RELATIVE = 1e-3, 1e-2  # tolerance on other machines: nats, and a share of the value
_TIMES = "seconds"  # columns whose names end so are not compared
_HOST = ("name", "system", "processor", "cores")
_DIGEST = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")  # of a commit, or of data
_KEY = ("trial", "method")

Rows = dict[tuple[str, ...], dict[str, str]]


@dataclass(frozen=True)
class Column:
    """A column that both results have.

    Args:
        name: of the column.
        differing: how many rows differ.
        largest: the largest difference; infinite where a value is no number.
        within: whether all differences are within the tolerance.
    """

    name: str
    differing: int
    largest: float
    within: bool

    @property
    def difference(self) -> str:
        """The largest difference in a word or two."""
        if not self.differing:
            return "identical"
        return f"{self.largest:.2g}" if math.isfinite(self.largest) else f"differs in {counted(self.differing, 'row')}"


@dataclass(frozen=True)
class Comparison:
    """The results of a run and of the run that repeats it.

    Args:
        run: the folder of the first run.
        rows: how many rows are compared.
        columns: what they have in common.
        missing: rows and columns that only one of the results has.
        differs: what else differs between the runs, by its path in the provenance: before and now.
    """

    run: Path
    rows: int
    columns: tuple[Column, ...]
    missing: tuple[str, ...]
    differs: Mapping[str, tuple[Any, Any]]

    @property
    def holds(self) -> bool:
        """Whether the results are identical or, where the machine or software differs, within the tolerance."""
        return not self.missing and all(c.within if self.differs else not c.differing for c in self.columns)

    @property
    def verdict(self) -> str:
        """One line: whether the results hold, by what measure, and what else differs."""
        pairs = {key: (_shortened(before), _shortened(now)) for key, (before, now) in self.differs.items()}
        other = ", ".join(f"{key} ({before} before, {now} now)" for key, (before, now) in pairs.items())
        tolerance = f"{ABSOLUTE:g} + {RELATIVE:.0%} of the value"
        worst = max(self.columns, key=lambda c: (not c.within, c.largest, c.differing), default=None)
        if self.missing:
            are = "is" if len(self.missing) == 1 else "are"
            verdict = f"does not hold: {listed(self.missing, 'and')} {are} in one of the results only"
        elif worst is None or not worst.differing:
            verdict = "holds: identical, bit for bit"
        elif not self.differs:
            verdict = f"does not hold: {worst.name} is not identical ({worst.difference})"
        elif self.holds:
            verdict = f"holds: within {tolerance} (largest difference: {worst.difference}, {worst.name})"
        else:
            verdict = f"does not hold: {worst.name} differs by more than {tolerance} ({worst.difference})"
        return f"{verdict}; {f'what else differs: {other}' if other else 'same machine, versions, threads and device'}"

    def lines(self) -> Iterator[str]:
        """A small table, and the verdict below it."""
        width = max((len(column.name) for column in self.columns), default=0) + 2
        yield f"{'column'.ljust(width)}largest difference in {self.rows} row{'s' * (self.rows != 1)}"
        for column in self.columns:
            yield column.name.ljust(width) + column.difference
        yield f"again: {self.verdict}"

    def record(self) -> dict[str, Any]:
        """The content of ``comparison.json``."""
        return {
            "run": str(self.run),
            "holds": self.holds,
            "verdict": self.verdict,
            "expected": "within the tolerance" if self.differs else "identical",
            "tolerance": {"absolute": ABSOLUTE, "relative": RELATIVE},
            "differs": {key: {"before": before, "now": now} for key, (before, now) in self.differs.items()},
            "rows": self.rows,
            "missing": list(self.missing),
            "columns": {
                column.name: {
                    "identical": not column.differing,
                    "rows_differing": column.differing,
                    "largest_difference": column.largest,
                    "within_tolerance": column.within,
                }
                for column in self.columns
            },
        }


def compare(run: Path, new: Path) -> Comparison:
    """Hold the results of ``new`` against those of ``run``, column by column. Times are not compared."""
    before, now = read_rows(run), read_rows(new)
    names = [list(next(iter(rows.values()), {})) for rows in (before, now)]
    rows = [f"trial {trial} {method}".strip() for trial, method in sorted(before.keys() ^ now.keys())]
    missing = [*rows, *(name for name in names[0] if name not in names[1])]  # what is new has no counterpart to miss
    shared = [key for key in before if key in now]
    columns = {
        name: [(before[key][name], now[key][name]) for key in shared]
        for name in names[0]
        if name in names[1] and not name.endswith(_TIMES)
    }
    # A column without any value does not apply to these trials.
    compared = [_column(name, pairs) for name, pairs in columns.items() if any(map(any, pairs))]
    return Comparison(run, len(shared), tuple(compared), tuple(missing), _differences(run, new))


def _shortened(value: Any) -> str:
    text = value if isinstance(value, str) else shown(value)
    return text[:10] if _DIGEST.fullmatch(text) else text


def read_rows(run: Path) -> Rows:
    """The rows of a run's results by trial and method."""
    with (run / "results.csv").open(encoding="utf-8", newline="") as file:
        return {tuple(row[name] for name in _KEY): row for row in csv.DictReader(file)}


def read_provenance(run: Path) -> dict[str, Any]:
    """The provenance of a run."""
    provenance: dict[str, Any] = json.loads((run / "provenance.json").read_text(encoding="utf-8"))
    return provenance


def _column(name: str, pairs: Sequence[tuple[str, str]]) -> Column:
    different = [(_number(a), _number(b)) for a, b in pairs if a != b]
    differences = [math.inf if a is None or b is None else abs(a - b) for a, b in different]
    within = all(
        a is not None and d <= ABSOLUTE + RELATIVE * abs(a) for (a, _), d in zip(different, differences, strict=True)
    )
    # Another machine may word the reason of a failure in other ways; the status says that the trial failed.
    return Column(name, len(different), max(differences, default=0.0), within or name == "reason")


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _differences(run: Path, new: Path) -> dict[str, tuple[Any, Any]]:
    """What differs between the provenance of two runs, of what may change results."""
    before, now = (dict(_flat(read_provenance(folder))) for folder in (run, new))
    data = [_digest_of_data(folder) for folder in (run, new)]
    if None not in data:
        before["data"], now["data"] = data
    return {
        key: (before.get(key), now.get(key))
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key)
    }


def _digest_of_data(run: Path) -> str | None:
    """The digest of the file or the query of a run; None where it has none, as runs of earlier versions."""
    try:
        data = json.loads((run / "summary.json").read_text(encoding="utf-8")).get("data")
    except (OSError, ValueError, AttributeError):
        return None
    return data.get("digest") if isinstance(data, dict) else None


def _flat(provenance: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for part in ("threads", "device", "plugins"):
        yield part, provenance.get(part)
    for part, keys in (("versions", None), ("host", _HOST), ("git", None)):
        section = provenance.get(part) or {}
        for key in section if keys is None else keys:
            yield f"{part}.{key}", section.get(key)
