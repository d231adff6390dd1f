"""Looks of methods."""

from __future__ import annotations

from plotted import (
    METHODS,
)

from mi_cli.plots.parts import looks


def test_methods_differ_in_colour_and_marker() -> None:
    own = [looks.look(method) for method in METHODS]
    assert len({look.colour for look in own}) == len({look.marker for look in own}) == len(METHODS)


def test_arms_of_a_comparison_of_representations_differ_in_colour_and_marker() -> None:
    encoders = ["untrained", "autoencoder", "denoising", "infomax", "two_view", "two_table", "vicreg", "barlow_twins"]
    others = ["no_columns", "raw_columns", "gradient_boosting", "supervised_network", "pca", "pls", "cca"]
    own = [looks.look(method) for method in (*others, *encoders)]
    assert len({look.colour for look in own}) == len({look.marker for look in own}) == len(own)


def test_a_method_that_is_not_listed_has_one_look() -> None:
    assert looks.look("boosted_trees") == looks.look("boosted_trees")
    assert looks.look("boosted_trees").label == "boosted trees"


def test_training_values_are_hollow() -> None:
    held_out, training = looks.look("mine"), looks.look("mine_training")
    assert (training.colour, training.marker) == (held_out.colour, held_out.marker)
    assert held_out.filled
    assert not training.filled
