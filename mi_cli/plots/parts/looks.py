"""Colours and markers: the same look for a method in every figure."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import Any

__all__ = [
    "BLACK",
    "BLUE",
    "DASHES",
    "FEW",
    "GREY",
    "MARKERS",
    "PALETTE",
    "PURPLE",
    "SKY",
    "TRUTH",
    "VERMILLION",
    "Look",
    "look",
    "palette_look",
    "rank",
]

# Okabe and Ito (2008), without yellow, which is hard to see on white.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILLION, PURPLE, GREY = "#0072B2", "#D55E00", "#CC79A7", "#7F7F7F"
PALETTE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK)
# Tol (2021), "muted": for methods beyond these.
INDIGO, WINE, OLIVE, TEAL = "#332288", "#882255", "#999933", "#44AA99"
ROSE, SAND, CYAN = "#CC6677", "#DDCC77", "#88CCEE"
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

FEW = 4  # a line through fewer points has markers

DASHES = ((0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)), (0, (9, 3)))
TRUTH: dict[str, Any] = {"color": BLACK, "linestyle": DASHES[0], "linewidth": 1.1, "zorder": 4}

_FINETUNED = "_finetuned"  # suffix of an encoder that was trained on, on labels
_TRAINING = "_training"  # suffix of the method whose value is that on training rows


@dataclass(frozen=True)
class Look:
    """Label, colour and marker of a series."""

    label: str
    colour: str
    marker: str
    filled: bool = True

    def among(self, setting: str, index: int) -> Look:
        """Return the look for one of several settings: the same colour, and a marker for the setting."""
        return replace(self, label=f"{self.label}, {setting}", marker=MARKERS[index % len(MARKERS)])


_METHODS = {
    "mine": Look("MINE", BLUE, "o"),
    "dv": Look("DV", ORANGE, "s"),
    "linear": Look("discriminator", GREEN, "D"),
    "auto": Look("auto", BLUE, "o"),
    "nearest": Look("nearest", VERMILLION, "D"),
    "copula": Look("copula", GREEN, "^"),
    "o_information": Look("O-information", BLUE, "o"),
    "total_correlation": Look("total correlation", ORANGE, "s"),
    "dual_total_correlation": Look("dual total correlation", GREEN, "D"),
    "linear_regression": Look("linear regression", BLACK, "o"),
    "ridge": Look("ridge regression", SKY, "s"),
    "kernel_ridge": Look("kernel ridge", BLUE, "D"),
    "supervised_network": Look("supervised network", ORANGE, "P"),
    "pca": Look("PCA code", GREEN, "^"),
    "random_encoder": Look("untrained encoder", PURPLE, "v"),
    "mi_encoder": Look("MI encoder", VERMILLION, "X"),
    "no_columns": Look("no columns", GREY, "_"),
    "raw_columns": Look("raw columns", BLACK, "o"),
    "gradient_boosting": Look("gradient-boosted trees", BLUE, "D"),
    "pls": Look("PLS", SKY, "s"),
    "cca": Look("CCA", TEAL, "<"),
    "untrained": Look("untrained encoder", PURPLE, "v"),
    "autoencoder": Look("autoencoder", WINE, ">"),
    "denoising": Look("denoising autoencoder", SAND, "h"),
    "infomax": Look("InfoMax", VERMILLION, "X"),
    "two_view": Look("two views", INDIGO, "*"),
    "two_table": Look("two tables", ROSE, "p"),
    "vicreg": Look("VICReg", OLIVE, "d"),
    "barlow_twins": Look("Barlow Twins", CYAN, "8"),
}


def look(method: str) -> Look:
    """Return the look of a method; that of a method which is not listed follows from its name."""
    if method.endswith(_TRAINING):
        base = look(method.removesuffix(_TRAINING))
        return replace(base, label=f"{base.label}, training value", filled=False)
    if method.endswith(_FINETUNED):
        base = look(method.removesuffix(_FINETUNED))
        return replace(base, label=f"{base.label}, fine-tuned", filled=not base.filled)
    if method in _METHODS:
        return _METHODS[method]
    code = zlib.crc32(method.encode())
    return Look(method.replace("_", " "), PALETTE[code % len(PALETTE)], MARKERS[code // len(PALETTE) % len(MARKERS)])


def rank(method: str) -> int:
    """Return the place of a method in legends: that in the list above, or after all of them."""
    return list(_METHODS).index(method) if method in _METHODS else len(_METHODS)


def palette_look(label: str, index: int) -> Look:
    """Return the look of the ``index``-th of some series that are not methods."""
    return Look(label, PALETTE[index % len(PALETTE)], MARKERS[index % len(MARKERS)], index < len(PALETTE))
