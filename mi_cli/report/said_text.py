"""What a summary says before its tables: answer, verdicts and choices, as lines for the terminal and for the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mi_cli.report.answer_text import answer_lines
from mi_cli.report.pair_text import pair_lines
from mi_cli.report.selection_text import selection_lines
from mi_cli.report.smoke_text import NO_VERDICT, is_smoke
from mi_cli.report.time_text import time_lines
from mi_cli.report.verdict_text import verdict_lines

__all__ = ["said_lines"]


def said_lines(summary: Mapping[str, Any]) -> list[str]:
    """All that a run says in words, claims aside; at ``budget=smoke`` the one line that it gives no verdict.

    Args:
        summary: of a run, with infinities as numbers.
    """
    if is_smoke(summary):
        return [NO_VERDICT]
    parts = (answer_lines, verdict_lines, time_lines, selection_lines, pair_lines)
    return [line for part in parts for line in part(summary)]
