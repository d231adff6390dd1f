"""What is in a table: kinds, roles, and the columns that are likely a target or a time."""

from __future__ import annotations

import pytest

from mi_cli.tabular.files import table_file
from mi_cli.tabular.overview import overview

ROWS = 60


def table(tmp_path, columns):
    path = tmp_path / "t.csv"
    lines = [",".join(columns), *(",".join(str(make(i)) for make in columns.values()) for i in range(ROWS))]
    path.write_text("\n".join(lines) + "\n")
    return overview(table_file(str(path)))


def noise(i):
    return round((i * 7919 % 61) / 7, 3)


@pytest.mark.parametrize(
    ("name", "make", "kind", "role"),
    [
        ("a", noise, "number", ""),
        ("Target", noise, "number", "target?"),
        ("site", lambda i: "abc"[i % 3], "class", ""),
        ("label", lambda i: "abc"[i % 3], "class", "target?"),
        ("stage", lambda i: i % 4, "class", ""),
        ("treated", lambda i: ["true", "false"][i % 2], "boolean", ""),
        ("date", lambda i: f"2024-{1 + i // 28:02}-{1 + i % 28:02}", "time", "time?"),
        ("born", lambda i: f"2024-01-{1 + i * 11 % 28:02}", "time", "not usable"),
        ("year", lambda i: 1900 + 2 * i, "number", "time?"),
        ("id", lambda i: i, "number", "index"),
        ("name", lambda i: f"person {i}", "class", "index"),
        ("remark", lambda i: f"text {i % 50}", "class", "free text"),
        ("one", lambda i: 3, "number", "constant"),
        ("none", lambda i: "", "empty", "empty"),
        ("mostly", lambda i: "oops" if i == 3 else i / 7, "class", "not usable"),
    ],
)
def test_kind_and_role_of_a_column(tmp_path, name, make, kind, role):
    found = table(tmp_path, {"other": noise, name: make})
    assert (found.columns[1].kind, found.columns[1].role) == (kind, role)
    assert found.rows == ROWS


def test_target_is_the_column_with_such_a_name_and_else_the_last_that_can_be_used(tmp_path):
    columns = {"id": lambda i: i, "outcome": noise, "a": lambda i: noise(i + 3), "one": lambda i: 1}
    assert table(tmp_path, columns).target == "outcome"
    del columns["outcome"]
    assert table(tmp_path, columns).target == "a"
    assert table(tmp_path, columns | {"t": lambda i: i / 2}).target == "a"
    assert table(tmp_path, {"id": lambda i: i, "one": lambda i: 1}).target is None


@pytest.mark.parametrize(
    ("times", "equal"),
    [(lambda i: i / 2, True), (lambda i: i // 2, False), (lambda i: i + 3 * (i > 9), False), (lambda i: -i, False)],
)
def test_equal_steps_of_time(tmp_path, times, equal):
    assert table(tmp_path, {"t": times, "a": noise}).has_equal_steps is equal


def test_values_and_missing_ones_are_counted(tmp_path):
    found = table(tmp_path, {"a": lambda i: "" if i % 10 == 0 else i / 2, "site": lambda i: "xxyz"[i % 4]})
    assert (found.columns[0].missing, found.columns[0].values) == (6, "0.5 to 29.5")
    assert found.columns[1].values == "x, y, z"
