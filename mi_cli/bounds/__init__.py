"""Bounds on MI as pure functions of scores, with their standard errors."""
