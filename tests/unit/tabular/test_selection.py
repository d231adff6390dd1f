"""Which columns are x and which are y."""

from __future__ import annotations

import pytest

from mi_cli.errors import ConfigError
from mi_cli.tabular.files import table_file
from mi_cli.tabular.selection import columns_of_x_and_y, selected_sides

KINDS = {"id": "number", "gene_1": "number", "gene_2": "number", "dose": "class", "arm": "class", "sick": "boolean"}


@pytest.fixture
def table(tmp_path):
    (tmp_path / "t.csv").write_text(",".join(KINDS) + "\n1,2,3,4,a,true\n")
    return table_file(str(tmp_path / "t.csv"))


@pytest.mark.parametrize(
    ("x", "y", "selected"),
    [
        (["gene_1"], ["dose"], (["gene_1"], ["dose"])),
        (["dose", "gene_1", "dose"], ["arm"], (["gene_1", "dose"], ["arm"])),
        (["gene_*"], ["arm"], (["gene_1", "gene_2"], ["arm"])),
        (["gene_?", "gene_2"], ["arm"], (["gene_1", "gene_2"], ["arm"])),
        (["^gene_[2-9]$"], ["arm"], (["gene_2"], ["arm"])),
        (["^e|^i"], ["arm"], (["id"], ["arm"])),
        ([":numeric"], ["arm"], (["id", "gene_1", "gene_2"], ["arm"])),
        ([":categorical"], [":boolean"], (["dose", "arm"], ["sick"])),
        (["*"], ["dose"], (["id", "gene_1", "gene_2", "arm", "sick"], ["dose"])),
        (["gene_1"], ["gene_*"], (["gene_1"], ["gene_2"])),
        ([":categorical"], ["arm"], (["dose"], ["arm"])),
        ([], ["gene_*", "dose"], (["id", "arm", "sick"], ["gene_1", "gene_2", "dose"])),
        (["id"], [], (["id"], ["gene_1", "gene_2", "dose", "arm", "sick"])),
    ],
)
def test_names_globs_expressions_and_types(table, x, y, selected):
    assert columns_of_x_and_y(table, x, y, [], KINDS.__getitem__) == tuple(map(tuple, selected))


def test_some_columns_are_selected_by_name_only(table):
    x, y = columns_of_x_and_y(table, ["*"], ["arm"], ["id", "dose"], KINDS.__getitem__)
    assert (x, y) == (("gene_1", "gene_2", "sick"), ("arm",))
    assert columns_of_x_and_y(table, [], ["arm"], ["id", "dose"], KINDS.__getitem__) == (x, y)
    assert columns_of_x_and_y(table, ["id"], ["arm"], ["id"], KINDS.__getitem__) == (("id",), ("arm",))


def test_name_that_looks_like_a_pattern_is_a_name(tmp_path):
    (tmp_path / "t.csv").write_text("a*,ab,^c,:numeric\n1,2,3,4\n")
    table = table_file(str(tmp_path / "t.csv"))
    assert columns_of_x_and_y(table, ["a*", "^c"], [":numeric"], [], lambda name: "number") == (
        ("a*", "^c"),
        (":numeric",),
    )


@pytest.mark.parametrize(
    ("x", "y", "z", "selected"),
    [
        (["gene_1"], ["dose"], ["arm", "id"], (["gene_1"], ["dose"], ["id", "arm"])),
        (["gene_1"], ["dose"], ["gene_*"], (["gene_1"], ["dose"], ["gene_2"])),
        (["gene_*"], ["dose"], ["gene_2"], (["gene_1"], ["dose"], ["gene_2"])),
        ([], ["dose"], ["id", "arm"], (["gene_1", "gene_2", "sick"], ["dose"], ["id", "arm"])),
    ],
)
def test_columns_of_z_are_not_those_of_x_and_y(table, x, y, z, selected):
    sides = selected_sides(table, {"x": x, "y": y, "z": z}, [], KINDS.__getitem__)
    assert sides == dict(zip("xyz", map(tuple, selected), strict=True))


@pytest.mark.parametrize(
    ("z", "problem"),
    [
        (["dose"], "and dataset.y=[dose] both take dose: given z, nothing is left of it"),
        (["nothing"], "no such column: nothing"),
        (["gene_1", "gene_2"], "and dataset.x=[gene_1] both take gene_1: given z, nothing is left of it"),
    ],
)
def test_columns_of_z_that_x_or_y_name_are_refused(table, z, problem):
    with pytest.raises(ConfigError) as error:
        selected_sides(table, {"x": ["gene_1"], "y": ["dose"], "z": z}, [], KINDS.__getitem__)
    (fault,) = error.value.faults
    assert (fault.key, fault.value, fault.problem) == ("dataset.z", z, problem)
