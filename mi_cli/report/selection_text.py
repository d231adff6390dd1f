"""Which columns to keep, as lines of text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mi_cli.report.smoke_text import NO_VERDICT, is_smoke

__all__ = ["selection_lines"]

_STABLE = 0.8  # share of subsamples from which a column is called stable


def selection_lines(summary: Mapping[str, Any]) -> list[str]:
    """The columns to keep, and how stable they are; no lines for a run without a table ``selected``."""
    if summary["tables"].get("selected") and is_smoke(summary):
        return [NO_VERDICT]
    rows, axes = summary["tables"].get("selected") or (), summary["axes"]
    settings: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        settings.setdefault((*(f"{axis}={row[axis]}" for axis in axes), f"seed={row['seed']}"), []).append(row)
    lines = []
    for key, of_setting in settings.items():
        said = _line(of_setting)
        lines.append(f"{', '.join(key)}: {said}" if len(settings) > 1 else said)
    return lines


def _line(rows: list[Mapping[str, Any]]) -> str:
    whole, *columns = rows
    if whole["status"] != "ok":
        return f"Cannot tell: {whole['reason']}"
    chosen = [row for row in columns if row["rank"] is not None]
    why = whole["reason"].rpartition("; ")[2]
    why = f" ({why})" if why else ""
    if not chosen:
        return f"Keep none: no column and no pair tells of y by more than chance{why}"
    unstable = [row["method"] for row in chosen if row["frequency"] is not None and row["frequency"] < _STABLE]
    line = f"Keep {', '.join(row['method'] for row in chosen)}{why}."
    if unstable:
        line += f" Less than {100 * _STABLE:.0f} % of the subsamples choose {', '.join(unstable)}."
    return line
