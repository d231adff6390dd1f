"""Settings of Python as overrides."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mi_cli.compose.composer import Composer
from mi_cli.compose.overrides import as_overrides
from mi_cli.errors import ConfigError
from mi_cli.estimators.mine import Mine

TEXTS = ["", "null", "a b", "it's", '"', "[1, 2]", "{a: b}", "a,b", "${seed}", "\\", "1e3", "ä", "a=b", "~", "$", "a:b"]
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.sampled_from(TEXTS)


def read(settings):
    """The values that Hydra's grammar reads."""
    return [override.value() for override in Composer.of_folder().parse(as_overrides(settings))]


@pytest.mark.parametrize("text", TEXTS)
def test_text_is_text_whatever_characters_it_has(text):
    (value,) = read({"summary": text})
    assert value.replace("\\${", "${") == text


@given(LEAVES.filter(lambda value: not isinstance(value, str)))
def test_values_are_what_they_were(value):
    assert read({"training.lr": value}) == [value]


def test_sections_are_mappings_and_dotted_keys():
    settings = {"training": {"steps": 5, "lr": 0.1}, "sweep": {"dataset": {"rho": [0.0, 0.5]}}, "dataset.rho": 0}
    assert as_overrides(settings) == [
        "training.steps=5",
        "training.lr=0.1",
        "sweep.dataset.rho=[0.0,0.5]",
        "dataset.rho=0",
    ]


def test_a_section_with_a_name_chooses_an_option():
    assert as_overrides({"estimator": {"name": "mine", "hidden": [8]}}) == ["estimator=mine", "estimator.hidden=[8]"]
    assert as_overrides({"estimator": Mine(hidden=(8,))})[:1] == ["estimator=mine"]
    assert as_overrides({"estimator": "mine"}) == ["estimator=mine"]


def test_values_of_other_libraries():
    settings = {"seed": np.int64(3), "sweep.seed": np.arange(2), "sweep.x": range(2), "dataset.path": Path("a b.csv")}
    assert as_overrides(settings) == ["seed=3", "sweep.seed=[0,1]", "sweep.x=[0,1]", "dataset.path='a b.csv'"]


def test_options_in_a_list_may_be_sections():
    assert as_overrides({"sweep.estimator": ["mine", {"name": "dv", "hidden": [8]}]}) == [
        "sweep.estimator=[mine,{name:dv,hidden:[8]}]"
    ]


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"seed": object()}, "seed=object: must be a number, text, a truth value, None, a path, or lists and mappings"),
        ({"sweep.seed": [{1: 2}]}, "sweep.seed=list: must be"),
        ({"++seed": 1}, "++seed: is no key; accepted: a dotted path, such as training.steps"),
        ({"seed=1 budget": 1}, "seed=1 budget: is no key"),
        ({3: 1}, "3: is no key"),
        ({"estimator/mine": 1}, "estimator/mine: is no key"),
    ],
)
def test_what_no_config_has_is_refused(settings, line):
    with pytest.raises(ConfigError) as caught:
        as_overrides(settings)
    assert str(caught.value).startswith(line)
