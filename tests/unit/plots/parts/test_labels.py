"""Labels of settings and axes."""

from __future__ import annotations

from mi_cli.plots.parts import labels
from mi_cli.plots.parts.settings import Setting


def test_settings_in_words() -> None:
    setting = Setting((("dataset.rho", 0.6), ("estimator.critic", "linear"), ("training.ema", None)))
    assert labels.setting_label(setting) == "ρ = 0.6, critic = linear, training.ema = none"


def test_shares_and_numbers_of_labelled_rows() -> None:
    assert labels.axis_label("split.labelled", [0.05, 0.1]) == "share of rows that are labelled"
    assert labels.axis_label("split.labelled", [20.0, 500.0]) == "labelled rows"
