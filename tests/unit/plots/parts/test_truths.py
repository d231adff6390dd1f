"""The true MI between the values of an axis."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from plotted import truth

from mi_cli.plots.parts.settings import Setting
from mi_cli.plots.parts.truths import truth_between
from mi_cli.records import results


class Run(results.Records):
    """Records with a config and the values of an axis."""

    def __init__(self, axis: str, values: list[float], **config: Any) -> None:
        super().__init__(Path())
        self.__dict__["config"] = {"dataset": {"name": "gaussian", "dim": 2, "n_samples": None}} | config
        self.__dict__["summary"] = {"cells": [{axis: value} for value in values]}


def test_a_closed_form_is_known_everywhere() -> None:
    known = [(rho, 2 * truth(rho)) for rho in (0.0, 0.5)]
    curve = truth_between(Run("dataset.rho", [0.0, 0.5, 1.0]), "dataset.rho", Setting(), known)
    assert len(curve) == 100  # at 1 it is infinite
    assert curve == [(rho, pytest.approx(2 * truth(rho))) for rho, _ in curve]


def test_other_axes_count() -> None:
    known = [(rho, 3 * truth(rho)) for rho in (0.0, 0.5)]
    run = Run("dataset.rho", [0.0, 0.5])
    assert truth_between(run, "dataset.rho", Setting((("dataset.dim", 3.0),)), known)[-1] == (
        0.5,
        pytest.approx(known[-1][1]),
    )
    assert truth_between(run, "dataset.rho", Setting(), known) == []  # which is not what was recorded


def test_noise_is_part_of_it() -> None:
    known = [(noise, -math.log(1 - 0.36 / (1 + noise**2))) for noise in (0.0, 1.0)]
    curve = truth_between(Run("noise.scale", [0.0, 1.0]), "noise.scale", Setting(), known)
    assert curve[50] == (0.5, pytest.approx(-math.log(1 - 0.36 / 1.25)))


def test_there_is_nothing_between_whole_numbers_or_beside_the_data() -> None:
    known = [(1.0, truth(0.6)), (2.0, 2 * truth(0.6))]
    assert truth_between(Run("dataset.dim", [1, 2]), "dataset.dim", Setting(), known) == []
    assert truth_between(Run("training.lr", [1, 2]), "training.lr", Setting(), known) == []


def test_what_is_known_by_monte_carlo_is_not_computed() -> None:
    run = Run("dataset.mi", [0.1, 0.2], dataset={"name": "gaussian_mixture"})
    assert truth_between(run, "dataset.mi", Setting(), [(0.1, 0.1), (0.2, 0.2)]) == []
