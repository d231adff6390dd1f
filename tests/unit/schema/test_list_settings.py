"""Which settings are lists."""

from __future__ import annotations

import pytest

from mi_cli.schema.list_settings import takes_list


@pytest.mark.parametrize(
    "key",
    [
        *("dataset.x", "dataset.path", "dataset.pair", "dataset.classes"),
        *("estimator.hidden", "representation.objectives", "plots"),
    ],
)
def test_lists(key):
    assert takes_list(key)


@pytest.mark.parametrize("key", ["seed", "dataset", "dataset.share", "estimator.critic", "training.foo", "foo.bar", ""])
def test_what_is_no_list(key):
    assert not takes_list(key)
