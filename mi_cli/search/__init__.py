"""Hyper-parameter search: candidates, objective, loop, storage."""
