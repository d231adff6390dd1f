"""What the fields of a config say of its settings, and what follows from it."""

from __future__ import annotations

import pytest
from examples import COMPARE, MAXIMISE, SMALL

from mi_cli.fields import Affects, Rule
from mi_cli.schema import effects, sweep
from mi_cli.schema.config import Config, validate

NOTHING = {
    *("name", "summary", "budget", "claims", "plots", "tables", "sweep", "units", "verbose", "device", "threads"),
    "progress",
    "output_root",
    *("plan", "reuse", "force", "trial_timeout", "checkpoint_every", "shards", "shard", "trust", "tracker", "search"),
    *("leave_out_unfit", "evaluation.pointwise", "questions"),
}
NUMBERS = {"seed", "dataset", "noise", "shift", "training.lr", "split", "variant"}
SHAPES = {"procedure", "estimator", "representation", "training", "fit", "folds", "evaluation", "selection", "time"}


@pytest.mark.parametrize(
    ("effect", "paths"), [(Affects.NOTHING, NOTHING), (Affects.NUMBERS, NUMBERS), (Affects.SHAPES, SHAPES)]
)
def test_what_each_setting_affects(effect, paths):
    assert set(effects.affecting(effect)) == paths


def test_every_setting_has_one_effect():
    assert {path.split(".")[0] for path in NOTHING | NUMBERS | SHAPES} == set(Config.model_fields)


@pytest.mark.parametrize(
    ("rule", "paths"),
    [
        (Rule.NO_AXIS, {"procedure", "variant"}),
        (
            Rule.RESUME,
            {
                *("threads", "device", "trial_timeout", "checkpoint_every", "search.trials", "plan", "output_root"),
                *("search.storage", "shards", "verbose", "progress"),
            },
        ),
        (Rule.AGAIN, {"search.storage", "threads", "device", "output_root", "trust", "verbose", "progress"}),
        (
            Rule.NOT_COMPARED,
            {
                *("summary", "questions", "output_root", "plan", "verbose", "progress", "units", "tracker", "trust"),
                *("reuse", "force", "trial_timeout", "checkpoint_every", "shards", "shard"),
                "search.storage",
            },
        ),
    ],
)
def test_the_settings_that_a_rule_holds_for(rule, paths):
    assert set(effects.ruled(rule)) == paths


def test_what_is_the_same_in_all_trials_of_a_run_is_no_axis():
    assert set(sweep.NOT_AXES) == NOTHING | {"procedure", "variant"}
    assert len(sweep.NOT_AXES) == len(set(sweep.NOT_AXES))


@pytest.mark.parametrize("values", [SMALL, MAXIMISE, COMPARE], ids=["estimate", "maximise", "compare"])
def test_fingerprints_leave_out_what_affects_nothing(values):
    (trial,) = sweep.expand(values)
    config = validate(values)
    expected = {k: v for k, v in config.model_dump(mode="json").items() if k not in NOTHING}
    del expected["evaluation"]["pointwise"]
    assert trial.science == expected


@pytest.mark.parametrize("values", [SMALL, MAXIMISE, COMPARE], ids=["estimate", "maximise", "compare"])
def test_stacks_agree_on_the_other_settings(values):
    config = validate(values)
    left = config.model_dump(mode="json", exclude=effects.excluding(Affects.NOTHING, Affects.NUMBERS))
    expected = {k: v for k, v in config.model_dump(mode="json").items() if k in SHAPES}
    del expected["training"]["lr"], expected["evaluation"]["pointwise"]
    assert left == expected


def test_a_section_is_left_out_whole_only_if_all_its_settings_are():
    assert effects.excluding(Affects.SHAPES)["training"] == {
        name: True for name in type(validate(SMALL).training).model_fields if name != "lr"
    }
    assert effects.excluding(Affects.NUMBERS, Affects.SHAPES)["training"] is True
