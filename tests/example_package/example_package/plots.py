"""Histograms of x and y."""

from __future__ import annotations

from matplotlib.figure import Figure

from mi_cli.records.results import Records

__all__ = ["histograms"]


def histograms(records: Records) -> Figure:
    """Draw a histogram of x and one of y, over the recorded rows of all trials with the first seed."""
    figure = Figure(figsize=(6, 3), layout="constrained")
    for ax, side in zip(figure.subplots(1, 2, sharey=True), ("x", "y"), strict=True):
        ax.hist(records.samples[side].to_numpy(), bins=30)
        ax.set_xlabel(side)
    return figure


histograms.needs_rows = True  # so that a run with this plot records rows
