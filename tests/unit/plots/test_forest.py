"""The plot ``forest``: a line for each estimate."""

from __future__ import annotations

import math
from typing import Any

from plotted import Fields, Write, draw


def infinite(setting: dict[str, Any], seed: int) -> Fields:
    fields = {"status": "ok", "true_mi": None, "estimate": math.inf, "ci_low": math.inf, "ci_high": math.inf}
    finite = fields | {"estimate": 3.0 + seed, "ci_low": 2.9 + seed, "ci_high": 3.1 + seed}
    return {"copula": fields, "auto": finite}


def test_infinite_estimate_has_a_sign_in_place_of_a_mark(write: Write) -> None:
    ax = draw("forest", write(infinite, seeds=(0,))).axes[0]
    assert [(text.get_text(), text.get_position()[1]) for text in ax.texts] == [("∞ →", 0)]
    assert math.isfinite(ax.get_xlim()[1])


def test_given_z_the_figure_says_so(write: Write) -> None:
    dataset = {"name": "confounded"}
    estimated = {"status": "ok", "true_mi": 0.2, "estimate": 0.21, "ci_low": 0.1, "ci_high": 0.3}
    run = write(lambda *_: {"copula": estimated}, seeds=(0,), dataset=dataset, estimator={"name": "copula"})
    figure = draw("forest", run)
    assert figure.axes[0].get_xlabel() == "I(x; y | z) (nats)"
    assert figure.get_suptitle().startswith("Estimates of I(x; y | z)\n")
    assert "true I(x; y | z)" in [text.get_text() for text in figure.legends[0].get_texts()]
