"""How a page of many runs stays small: figures and rows are packed, and figures left out that have no room."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Sequence
from typing import Any

__all__ = ["MOST_BYTES", "choose_figures", "is_large", "packed"]

MOST_BYTES = 1_900_000  # of a page, which stays below 2 MB
_INLINE = 500_000  # bytes of figures and rows, up to which they are in the page as they are
_MARKUP = 400  # bytes around a figure


def packed(text: str) -> str:
    """Text as gzip in base64, which the page's script unpacks; equal texts have equal bytes."""
    return base64.b64encode(gzip.compress(text.encode("utf-8", "replace"), mtime=0)).decode()


def is_large(runs: Sequence[dict[str, Any]], more: int) -> bool:
    """Whether the page of several runs is so large that figures and rows are packed.

    Args:
        runs: as the template has them.
        more: bytes of what else may be packed.
    """
    figures = [figure for run in runs for figure in run["figures"]]
    return len(runs) > 1 and more + sum(len(figure["source"]) + _size_of_values(figure) for figure in figures) > _INLINE


def choose_figures(runs: Sequence[dict[str, Any]], room: int) -> None:
    """Mark the figures that there is room for; the first one of each run comes before the second one of any.

    Args:
        runs: as the template has them; ``left_out`` of each figure is set.
        room: bytes for packed figures.
    """
    for place in range(max(len(run["figures"]) for run in runs)):
        for figure in (run["figures"][place] for run in runs if place < len(run["figures"])):
            size = len(packed(figure["source"] + str(figure["numbers"]))) + _MARKUP
            figure["left_out"] = size > room
            room -= 0 if figure["left_out"] else size


def _size_of_values(figure: dict[str, Any]) -> int:
    return len(str(figure["numbers"]["rows"])) if figure["numbers"] else 0
