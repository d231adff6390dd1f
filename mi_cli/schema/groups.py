"""The groups of options that a config chooses from."""

from __future__ import annotations

__all__ = ["CHOICES", "GROUPS"]

GROUPS = ("estimator", "dataset", "noise", "shift", "representation", "training", "variant", "budget", "search")
CHOICES = ("experiment", *GROUPS)
