"""Rows of results into numbers and verdicts: claims, task scores, agreement, coverage, intervals."""
