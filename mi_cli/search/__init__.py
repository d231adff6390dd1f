"""Hyper-parameter search: the space of points, their objective, the loop that evaluates them, and the stored study."""
