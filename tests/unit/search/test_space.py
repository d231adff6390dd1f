"""The space of a search: what is chosen, what is repeated, and the trials of a point."""

from __future__ import annotations

from searches import LR, SWEEP, prepared

from mi_cli.search.space import Space


def test_axes_of_the_method_are_chosen_and_the_others_repeated():
    space = Space.from_config(prepared(sweep=SWEEP | {"dataset": {"rho": [0.2, 0.4]}}, space={"training": {"lr": LR}}))
    assert list(space.lists) == ["estimator.hidden"]
    assert list(space.ranges) == ["training.lr"]
    assert space.repeated == {"seed": [0, 1], "dataset.rho": [0.2, 0.4]}
    assert space.size is None
    found = space.trials({"estimator.hidden": [4, 4], "training.lr": 0.02}, number=3)
    assert [trial.index for trial in found] == [12, 13, 14, 15]
    assert found[1].axes == {"estimator.hidden": [4, 4], "training.lr": 0.02, "seed": 0, "dataset.rho": 0.4}
    assert (found[1].config.training.lr, found[1].config.search.name) == (0.02, "none")


def test_options_of_a_group_are_chosen_with_their_values():
    options = [{"option": "dv", "name": "dv", "hidden": [8]}, {"name": "mine", "hidden": [4]}]
    space = Space.from_config(prepared(sweep={"estimator": options}))
    (trial,) = space.trials({"estimator": options[1]})
    assert (trial.axes, trial.config.estimator.name) == ({"estimator": "mine"}, "mine")
