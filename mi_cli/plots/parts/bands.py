"""The bands that claims accept, as plots of estimates show them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from mi_cli.plots.parts.labels import plain
from mi_cli.plots.parts.settings import Setting
from mi_cli.records.results import Records

__all__ = ["Band", "bands", "draw_band"]

_OF_DIFFERENCE = {"equals_truth": True, "below_truth": True, "within": False}  # kinds of claims on estimates
_VERBS = {"holds": "holds", "fails": "fails", "undecided": "is undecided"}
_HALF_WIDTH = 0.4  # of the band at a value of an axis that has no numbers


@dataclass(frozen=True)
class Band:
    """What a claim accepts, in each setting that it is about.

    Args:
        label: for the legend.
        text: the claim and its verdict; none at ``budget=smoke``.
        of_difference: whether it is about the estimate less the true MI, and not about the estimate.
        method: that it is about; None for all.
        cells: triples of a setting and the ends of what is accepted, None where there is none.
    """

    label: str
    text: str
    of_difference: bool
    method: str | None
    cells: Sequence[tuple[Setting, float | None, float | None]]


def bands(records: Records) -> list[Band]:
    """Return the bands of the run's claims on the mean of ``estimate``."""
    judged = records.summary.get("claims", [])
    drawn = [
        (claim, verdict)
        for claim, verdict in zip(records.config.get("claims") or [], judged, strict=False)
        if verdict["cells"] and claim.get("kind") in _OF_DIFFERENCE and claim.get("column", "estimate") == "estimate"
    ]
    found = []
    for number, (claim, verdict) in enumerate(drawn, 1):
        name = f"claim {number}" if len(drawn) > 1 else "the claim"
        cells = [(Setting.from_pairs(cell["where"].items()), *cell["accepted"]) for cell in verdict["cells"]]
        judged = "is not judged" if records.summary["budget"] == "smoke" else _VERBS[verdict["verdict"]]
        text = f"{name} {judged}: {plain(claim['text'])}"
        found.append(Band(f"accepted by {name}", text, _OF_DIFFERENCE[claim["kind"]], claim.get("method"), cells))
    return found


def draw_band(
    ax: Axes, cells: Iterable[tuple[float, float | None, float | None]], label: str, colour: str, *, connect: bool
) -> None:
    """Draw what a claim accepts at some places of the horizontal axis, as far as the limits of the panel.

    Args:
        ax: panel, whose limits are set.
        cells: triples of a place and the ends of what is accepted there, None where there is none.
        label: for the legend.
        colour: of the band.
        connect: the places are numbers, and the band runs on between them.
    """
    bottom, top = ax.get_ylim()
    ends = sorted((at, bottom if low is None else low, top if high is None else high) for at, low, high in cells)
    if connect and len(ends) > 1:
        parts = [tuple(zip(*ends, strict=True))]
    else:
        parts = [((at - _HALF_WIDTH, at + _HALF_WIDTH), (low, low), (high, high)) for at, low, high in ends]
    for number, (at, low, high) in enumerate(parts):
        ax.fill_between(at, low, high, color=colour, alpha=0.2, linewidth=0, zorder=0.5, label="_" if number else label)
    ax.set_ylim(bottom, top)
