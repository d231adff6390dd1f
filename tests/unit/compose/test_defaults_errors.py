"""What is wrong with a defaults list, and in which file."""

from __future__ import annotations

import pytest

from mi_cli.compose.defaults_errors import is_about_defaults, list_fault

UNNAMED = ValueError("Unsupported type in defaults : int")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "experiment").mkdir()
    for name, entries in {"one": "3", "other": "[a, {b: 2}]", "fine": "[a, {b: c}, {d: [e]}, {f: null}]"}.items():
        (tmp_path / "experiment" / f"{name}.yaml").write_text(f"defaults: {entries}\n")
    (tmp_path / "experiment" / "a_broken.yaml").write_text("defaults: [\n")
    return tmp_path


@pytest.mark.parametrize(
    ("error", "overrides", "name", "key", "value"),
    [
        (UNNAMED, ["experiment=one"], "one", "defaults", 3),
        (UNNAMED, ["experiment=other"], "other", "defaults.1", {"b": 2}),
        (ValueError("In 'experiment/other': ..."), [], "other", "defaults.1", {"b": 2}),
        (UNNAMED, ["experiment=fine"], "one", "defaults", 3),  # the first that is wrong
    ],
)
def test_the_file_that_was_chosen_is_named(folder, error, overrides, name, key, value):
    fault = list_fault(error, overrides, [folder])
    assert (fault.key, fault.value) == (f"{folder / 'experiment' / name}.yaml: {key}", value)


def test_where_no_file_is_wrong_the_error_is_told(tmp_path):
    fault = list_fault(UNNAMED, [], [tmp_path])
    assert (fault.key, fault.problem) == ("defaults", str(UNNAMED))


def test_other_errors_are_not_about_defaults():
    assert is_about_defaults(UNNAMED)
    assert not is_about_defaults(ValueError("something else"))
    assert not is_about_defaults(KeyError("Unsupported type in defaults"))
