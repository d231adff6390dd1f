"""The command that says what representations of somebody's own table are worth: its run, and what it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mi_cli.cli.main import main
from mi_cli.representations import load_encoder

pytestmark = pytest.mark.usefixtures("here", "few_trees")

N = 80
COMMAND = ("experiment=represent", "dataset.path=../t.csv")
LABEL = "dataset.label=target"
SMALL = (
    *("training.steps=20", "sweep.split.labels=[12,1.0]", "sweep.seed=[0,1,2]", "threads=1"),
    *("representation.dim=2", "representation.hidden=[8]", "representation.objectives=[vicreg]"),
)


def columns(n: int = N, **more) -> dict[str, list]:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, n))
    kind = rng.choice(["u", "v"], n)
    return {"a": a.tolist(), "b": b.tolist(), "kind": kind.tolist(), "target": (a + 0.1 * b).tolist()} | more


def write(name: str = "t.csv", **made: list) -> None:
    pl.DataFrame(made).write_csv(Path("..") / name)


def test_run_leaves_a_verdict_a_figure_and_an_encoder_and_another_uses_it_again(capsys):
    write(**columns())
    assert main([*COMMAND, LABEL, *SMALL]) == 0
    out, err = capsys.readouterr()
    assert "target is predicted as a number" in err
    assert re.search(r"^Use the raw columns", out)
    assert "R² by number of labels, means over 3 seeds" in out
    (folder,) = Path("outputs/represent").iterdir()
    assert f"encoder: {folder / 'encoder'} (vicreg, trained on all rows (" in out
    assert {path.name for path in folder.iterdir()} >= {"config.yaml", "report.html", "results.csv", "tables"}
    assert {path.name for path in (folder / "plots").iterdir()} == {"label_efficiency.png", "label_efficiency.svg"}
    summary = json.loads((folder / "summary.json").read_text())
    (verdict,) = summary["verdicts"]
    assert (verdict["verdict"], verdict["encoder"]) == ("raw columns", "vicreg")
    assert {row["labels"] for row in summary["tables"]["label_efficiency"]} == {12, 60}
    page = (folder / "report.html").read_text()
    assert "Use the raw columns" in page
    assert "R² by number of labels" in page
    new = pl.DataFrame({name: columns()[name] for name in ("a", "b", "kind")})
    codes = load_encoder(folder).transform(new)
    assert codes.shape == (N, 2)
    assert main([*COMMAND, LABEL, *SMALL]) == 0
    (other,) = set(Path("outputs/represent").iterdir()) - {folder}
    for name in ("encoder/weights.safetensors", "results.csv"):  # with the seconds that training took
        assert (other / name).read_bytes() == (folder / name).read_bytes()


def missing(kept: int) -> list:
    return [float(i) if i < kept else None for i in range(N)]


BAD = [  # columns of the table, of a second file, overrides, and the line
    (columns(), None, (), r"label=null: is missing: which column is to be predicted\?; accepted: a, b, kind, target"),
    (columns(), None, ("dataset.label=absent",), r"label=\[absent\]: no such column: absent; accepted: a, b, kind"),
    (columns(target=["u"] * N), None, (LABEL,), r"label=\[target\]: column target is constant; accepted: columns that"),
    (columns(target=[None] * N), None, (LABEL,), r"label=\[target\]: column target has no values; accepted: columns"),
    (columns(target=missing(12)), None, (LABEL,), r"label=\[target\]: 12 rows have a label; accepted: at least 20"),
    (
        columns(**{f"c{i}": np.random.default_rng(i).normal(size=N).tolist() for i in range(90)}),
        *(None, (LABEL,), "x=null: 93 columns of x, with one for each class, are more than 80 rows; accepted: at most"),
    ),
    (columns(), {"a": [1.0, 2.0], "z": [1.0, 2.0]}, (LABEL,), r"unlabelled=../more.csv: lacks b, kind, which dataset"),
    (columns(), None, (LABEL, "dataset.x=[a,target]"), r"x=\[a, target\]: has the label target among the columns that"),
]


@pytest.mark.parametrize(("table", "more", "overrides", "line"), BAD, ids=[case[3] for case in BAD])
def test_what_cannot_be_learned_from_is_one_line_and_leaves_nothing(capsys, table, more, overrides, line):
    write(**table)
    if more:
        write("more.csv", **more)
        overrides = (*overrides, "dataset.unlabelled=../more.csv")
    assert main([*COMMAND, *overrides]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert re.match(f"mi-run: dataset.{line}", err), err
    assert list(Path().iterdir()) == []
