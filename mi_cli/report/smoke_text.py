"""What is said of a run at ``budget=smoke``: it trains a few steps only, so that nothing follows from its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["NOT_JUDGED", "NO_VERDICT", "is_smoke"]

NO_VERDICT = "No verdict: budget=smoke tries the run out, and its numbers prove nothing"
NOT_JUDGED = "not judged"  # of a claim


def is_smoke(summary: Mapping[str, Any]) -> bool:
    """Whether a summary is that of a run at ``budget=smoke``."""
    return bool(summary.get("budget") == "smoke")
