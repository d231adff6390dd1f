"""Experiment runner for mutual information: estimate it, maximise it, compare what it is worth."""

__version__ = "0.1.0"
