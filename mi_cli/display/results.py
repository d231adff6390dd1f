"""Texts of results, in a line and in HTML. What comes from data, such as names of columns, is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from mi_cli.display.interval_svg import Drawn, intervals_svg

__all__ = ["columns_text", "html_of"]

_NAMED = 3  # columns of a side, of which more are counted


def columns_text(names: Sequence[str]) -> str:
    """The columns of a side, as prose.

    >>> columns_text(["a", "b"]), columns_text(["a", "b", "c", "d"])
    ('a and b', 'a, b and 2 more columns')
    """
    if len(names) > _NAMED:
        return f"{', '.join(names[: _NAMED - 1])} and {len(names) - _NAMED + 1} more columns"
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def html_of(title: str, rows: Sequence[Drawn], units: str, level: float, lines: Iterable[str]) -> str:
    """A result in HTML: a line in bold, its intervals as a picture, and further lines."""
    picture = intervals_svg(rows, units, level) if rows else ""
    said = "".join(f'<div style="max-width: 60em">{html.escape(line)}</div>' for line in lines if line)
    return f"<div><div><strong>{html.escape(title)}</strong></div>{picture}{said}</div>"
