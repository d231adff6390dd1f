"""The command that says which columns to keep: its run, and what it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mi_cli.cli.main import main

pytestmark = pytest.mark.usefixtures("here")

SMALL = ("selection.permutations=39", "selection.subsamples=3", "threads=1")


def write(**more) -> None:
    rng = np.random.default_rng(0)
    a, b, c = rng.normal(size=(3, 300))
    kind = rng.choice(["u", "v"], 300)
    y = a + (kind == "u") + 0.3 * rng.normal(size=300)
    columns = {"a": a, "b": b, "c": c, "kind": kind, "a_mg": 1000 * a, "target": y} | more
    pl.DataFrame(columns).write_csv(Path("..") / "t.csv")


def test_run_says_what_to_keep(capsys):
    write()
    assert main(["experiment=select", "dataset.path=../t.csv", "dataset.y=[target]", *SMALL]) == 0
    out = capsys.readouterr().out
    assert re.match(r"Keep (a, kind|kind, a) \(stopped: the next column has p = ", out)
    assert "a_mg: left out: parts the rows as a does" in out
    (folder,) = Path("outputs/select").iterdir()
    assert {path.name for path in (folder / "plots").iterdir()} == {"selection_path.png", "selection_path.svg"}
    table = json.loads((folder / "summary.json").read_text())["tables"]["selected"]
    assert [row["rank"] for row in table[:3]] == [None, 1, 2]
    assert "Keep " in (folder / "report.html").read_text()


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (["dataset.y=[target,b]"], r"dataset.y=\[b, target\]: is the target of a selection; accepted: one column"),
        (["dataset.y=[target]", "dataset.z=[b]"], "procedure=select: takes no z, and dataset.name=table has one"),
        (["dataset.y=[target]", "dataset.groups=kind"], "dataset.groups=kind: makes rows depend on each other"),
        (["dataset.y=[target]", "selection.method=best"], "selection.method=best: must be forward, mrmr, jmi or cmim"),
        (["dataset.y=[target]", "selection.columns=0"], "selection.columns=0: must be a whole number of at least 1"),
    ],
)
def test_what_cannot_be_selected_is_one_line(capsys, overrides, line):
    write()
    assert main(["experiment=select", "dataset.path=../t.csv", *overrides]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.match(f"mi-run: {line}", err), err
    assert len(err.splitlines()) == 1
