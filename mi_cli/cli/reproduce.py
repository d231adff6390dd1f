"""``mi-run again=RUN_FOLDER``: a finished run once more, and whether its results come out again."""

from __future__ import annotations

import argparse
import csv
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mi_cli import schema
from mi_cli.compose.trust import typed
from mi_cli.errors import ConfigError, listed, shown

__all__ = ["ABSOLUTE", "RELATIVE", "Column", "Comparison", "compare", "earlier", "report"]

ABSOLUTE, RELATIVE = 1e-3, 1e-2  # what may differ elsewhere: nats, and a share of the value
_FILES = ("config.yaml", "results.csv", "provenance.json")
_A_RUN = "the folder of a finished run, such as outputs/<name>/<date>_<time>_<id>"
_TIMES = "seconds"
_HOST = ("name", "system", "processor", "cores")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_KEY = ("trial", "method")

Rows = dict[tuple[str, ...], dict[str, str]]


@dataclass(frozen=True)
class Column:
    """A column of both results: how many rows differ, and by how much (infinite where that is no number)."""

    name: str
    differing: int
    largest: float
    within: bool

    @property
    def told(self) -> str:
        """In a word or two."""
        if not self.differing:
            return "identical"
        return (
            f"{self.largest:.2g}"
            if math.isfinite(self.largest)
            else f"differs in {self.differing} row{'s' * (self.differing != 1)}"
        )


@dataclass(frozen=True)
class Comparison:
    """Results of a run and of the one that repeats it, and in what else the two differ (by path: before, now)."""

    run: Path
    rows: int
    columns: tuple[Column, ...]
    missing: tuple[str, ...]
    differs: Mapping[str, tuple[Any, Any]]

    @property
    def holds(self) -> bool:
        """Identical on the same machine with the same software, within the tolerance elsewhere."""
        return not self.missing and all(c.within if self.differs else not c.differing for c in self.columns)

    @property
    def verdict(self) -> str:
        """One line that says whether it holds, by what measure, and what differs besides."""
        other = ", ".join(f"{key} ({_brief(a)} before, {_brief(b)} now)" for key, (a, b) in self.differs.items())
        tolerance = f"{ABSOLUTE:g} + {RELATIVE:.0%} of the value"
        worst = max(self.columns, key=lambda c: (not c.within, c.largest, c.differing), default=None)
        if self.missing:
            are = "is" if len(self.missing) == 1 else "are"
            said = f"does not hold: {listed(self.missing, 'and')} {are} in one of the results only"
        elif worst is None or not worst.differing:
            said = "holds: identical, bit for bit"
        elif not self.differs:
            said = f"does not hold: {worst.name} is not identical ({worst.told})"
        elif self.holds:
            said = f"holds: within {tolerance} (largest difference: {worst.told}, {worst.name})"
        else:
            said = f"does not hold: {worst.name} differs by more than {tolerance} ({worst.told})"
        return f"{said}; {f'what else differs: {other}' if other else 'same machine, versions, threads and device'}"

    def lines(self) -> Iterator[str]:
        """A small table, and the verdict."""
        width = max((len(column.name) for column in self.columns), default=0) + 2
        yield f"{'column'.ljust(width)}largest difference in {self.rows} row{'s' * (self.rows != 1)}"
        for column in self.columns:
            yield column.name.ljust(width) + column.told
        yield f"again: {self.verdict}"

    def record(self) -> dict[str, Any]:
        """What ``comparison.json`` says."""
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


def earlier(args: argparse.Namespace) -> tuple[Path, list[str]]:
    """The finished run that ``again=`` names, and what else was typed.

    Raises:
        ConfigError: it is none, or what else was typed would change its results.
    """
    overrides = [text for text in args.overrides if not text.startswith("again=")]
    named = [text for text in args.overrides if text.startswith("again=")]
    text = named[-1].partition("=")[2]
    allowed = (*schema.changeable("again"), "hydra.run.dir")
    strange = [key for key in typed(overrides) if key not in allowed]
    options = {"--multirun": args.multirun, "--config-path": args.config_path, "hydra's options": args.to_hydra}
    strange += [option for option, given in options.items() if given]
    if strange:
        accepted = listed(f"{key}=..." for key in allowed)
        raise ConfigError(
            f"again={text}: {listed(strange, 'and')} beside it may change the results; accepted: {accepted}"
        )
    if len(named) > 1:
        raise ConfigError(f"{' '.join(named)}: several runs; accepted: one")
    run = Path(text.strip("'\"")).expanduser()
    if not text or not run.is_dir():
        raise ConfigError(f"again={text}: no such folder; accepted: {_A_RUN}")
    if (run / "multirun.yaml").exists() and not (run / "config.yaml").exists():  # shards leave both
        raise ConfigError(f"again={text}: is a multirun; accepted: the folder of one of its jobs, such as {run / '0'}")
    if not (run / "config.yaml").is_file():
        raise ConfigError(f"again={text}: is no run (it has no config.yaml); accepted: {_A_RUN}")
    missing = [name for name in _FILES if not (run / name).is_file()]
    if missing:
        raise ConfigError(f"again={text}: is unfinished (it has no {listed(missing)}); accepted: {_A_RUN}")
    try:
        status = _provenance(run).get("status")
        _rows(run)
        readable = isinstance(yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8")), dict)
    except (OSError, ValueError, KeyError, AttributeError, csv.Error, yaml.YAMLError):
        readable = False
    if not readable:
        raise ConfigError(f"again={text}: is no run (its {', '.join(_FILES)} cannot be read); accepted: {_A_RUN}")
    if status != "finished":
        raise ConfigError(f"again={text}: is unfinished (provenance.json says {status}); accepted: {_A_RUN}")
    return run, [*overrides, "++force=true"]  # nothing is taken from what that run has recorded


def report(run: Path, new: Path) -> bool:
    """Compare, write ``comparison.json`` into the new folder, print it, and say whether it holds."""
    from mi_cli.records.results import write_json

    found = compare(run, new)
    write_json(new / "comparison.json", found.record())
    print(*found.lines(), sep="\n")
    return found.holds


def compare(run: Path, new: Path) -> Comparison:
    """Hold the results of ``new`` against those of ``run``, column by column; times are not compared."""
    before, now = _rows(run), _rows(new)
    names = [list(next(iter(rows.values()), {})) for rows in (before, now)]
    rows = [f"trial {trial} {method}".strip() for trial, method in sorted(before.keys() ^ now.keys())]
    missing = [*rows, *(name for name in names[0] if name not in names[1])]  # what is new has no counterpart to miss
    shared = [key for key in before if key in now]
    columns = {
        name: [(before[key][name], now[key][name]) for key in shared]
        for name in names[0]
        if name in names[1] and not name.endswith(_TIMES)
    }
    told = [_column(name, pairs) for name, pairs in columns.items() if any(map(any, pairs))]  # others do not apply
    return Comparison(run, len(shared), tuple(told), tuple(missing), _differences(run, new))


def _brief(value: Any) -> str:
    text = shown(value)
    return text[:10] if _COMMIT.fullmatch(text) else text


def _rows(run: Path) -> Rows:
    with (run / "results.csv").open(encoding="utf-8", newline="") as file:
        return {tuple(row[name] for name in _KEY): row for row in csv.DictReader(file)}


def _provenance(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "provenance.json").read_text(encoding="utf-8"))
    return found


def _column(name: str, pairs: Sequence[tuple[str, str]]) -> Column:
    apart = [(_number(a), _number(b)) for a, b in pairs if a != b]
    differences = [math.inf if a is None or b is None else abs(a - b) for a, b in apart]
    within = all(
        a is not None and d <= ABSOLUTE + RELATIVE * abs(a) for (a, _), d in zip(apart, differences, strict=True)
    )
    # What a trial failed of may be told in other words elsewhere; that it failed is its status.
    return Column(name, len(apart), max(differences, default=0.0), within or name == "reason")


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _differences(run: Path, new: Path) -> dict[str, tuple[Any, Any]]:
    """In what the two ran differently, of what may change the last digits or more."""
    before, now = (dict(_flat(_provenance(folder))) for folder in (run, new))
    return {
        key: (before.get(key), now.get(key))
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key)
    }


def _flat(provenance: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for part in ("threads", "device", "plugins"):
        yield part, provenance.get(part)
    for part, keys in (("versions", None), ("host", _HOST), ("git", None)):
        section = provenance.get(part) or {}
        for key in section if keys is None else keys:
            yield f"{part}.{key}", section.get(key)
