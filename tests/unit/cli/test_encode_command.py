import logging

import numpy as np
import polars as pl
import pytest
import torch

from mi_cli.cli.main import main
from mi_cli.representations import ColumnEncoder, EncoderShape, EncodingTask, fit_encoders, load_encoder, save_encoder
from mi_cli.representations.objectives.untrained import Untrained
from mi_cli.tabular.in_memory import named_columns
from mi_cli.training.context import Context
from mi_cli.training.settings import Training


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a run that has an encoder, and with a table."""
    frame = pl.DataFrame({"a": np.random.default_rng(0).normal(size=50), "c": ["x", "y"] * 25, "label": [0, 1] * 25})
    encoding = ColumnEncoder.fit(named_columns(frame), ["a", "c"])
    x = encoding.transform(named_columns(frame))
    task, context = EncodingTask(x, encoding.groups, x[:0]), Context(torch.device("cpu"))
    (encoder,) = fit_encoders(Untrained(), EncoderShape(dim=3), [task], Training(), context)
    save_encoder(tmp_path / "run", encoder, encoding, Untrained())
    frame.select("a", "c").write_csv(tmp_path / "rows.csv")
    frame.write_csv(tmp_path / "more.csv")
    frame.clear().write_parquet(tmp_path / "empty.parquet")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(path):
    readers = {".parquet": pl.read_parquet, ".feather": pl.read_ipc, ".csv": pl.read_csv}
    return np.load(path) if path.suffix == ".npy" else readers[path.suffix](path).to_numpy()


@pytest.mark.parametrize("suffix", [".parquet", ".feather", ".csv", ".npy"])
def test_codes_are_written(here, capsys, suffix):
    assert main(["encode", "run=run", "data=rows.csv", f"output=codes{suffix}"]) == 0
    assert (read(here / f"codes{suffix}") == load_encoder("run").transform("rows.csv")).all()
    printed = capsys.readouterr()
    assert printed.out == f"mi-run: 50 rows with 3 columns: codes{suffix}\n"
    assert printed.err == ""
    assert not [path for path in here.iterdir() if path.name.startswith(".")]


def test_columns_have_names(here):
    main(["encode", "run=run", "data=rows.csv", "output=codes.parquet"])
    assert pl.read_parquet("codes.parquet").columns == ["z_0", "z_1", "z_2"]


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".npy"])
def test_batches_are_written_one_after_the_other(here, monkeypatch, suffix):
    pl.concat([pl.read_csv("rows.csv")] * 50).write_csv("many.csv")
    monkeypatch.setattr("mi_cli.representations.kept._MOST_NUMBERS", 1)
    assert main(["encode", "run=run", "data=many.csv", f"output=codes{suffix}"]) == 0
    expected = np.tile(load_encoder("run").transform("rows.csv"), (50, 1))
    assert read(here / f"codes{suffix}") == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".npy"])
def test_table_without_rows_has_codes_without_rows(here, suffix):
    assert main(["encode", "run=run", "data=empty.parquet", f"output=codes{suffix}"]) == 0
    assert read(here / f"codes{suffix}").shape == (0, 3)


def test_other_columns_are_a_line_or_refused(here, capsys):
    before = list(logging.getLogger("mi_cli").handlers)
    assert main(["encode", "run=run", "data=more.csv", "output=codes.csv"]) == 0
    assert capsys.readouterr().err == "mi-run: columns that the encoder does not take are ignored: label\n"
    assert main(["encode", "run=run", "data=more.csv", "output=other.csv", "extra=refuse"]) == 2
    assert "label" in capsys.readouterr().err
    assert logging.getLogger("mi_cli").handlers == before


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "run: is not given; use mi-run encode run=FOLDER data=new.csv output=codes.parquet"),
        (["run=run", "run=run"], "run=run: is given twice; accepted: one value"),
        (["run=", "data=rows.csv", "output=codes.csv"], "run: is not given"),
        (["runs=run"], "runs=run: is no setting; accepted: run, data, output, extra, trust"),
        (["run=run", "data=rows.csv", "output=codes.xls"], "output=codes.xls: is of no known format"),
        (["run=run", "data=rows.csv", "output=rows.csv"], "output=rows.csv: exists; accepted: a new file"),
        (["run=run", "data=rows.csv", "output=no/codes.csv"], "output=no/codes.csv: is in no folder that exists"),
        (["run=.", "data=rows.csv", "output=codes.csv"], ".: has no encoder (encoder.json)"),
        (["run=run", "data=no.csv", "output=codes.csv"], "data=no.csv: no such file"),
        (["run=run", "data=rows.csv", "output=codes.csv", "extra=maybe"], "extra=maybe: must be ignore or refuse"),
        (["run=run", "data=bad.csv", "output=codes.csv"], "data=bad.csv: column a has the text low in row 2"),
        (["run=run", "data=other.csv", "output=codes.csv"], "data=other.csv: column c holds numbers (3.5), and none"),
        (["run=run", "data=more.csv", "output=codes.csv", "extra=refuse"], "data=more.csv: columns that the training"),
        (["run=run", "data=short.csv", "output=codes.csv"], "data=short.csv: column a is absent (1 column missing)"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(here, capsys, words, line):
    (here / "bad.csv").write_text("a,c\n1,x\nlow,y\n3,x\n4,x\n")
    (here / "other.csv").write_text("a,c\n1,3.5\n2,3.5\n")
    (here / "short.csv").write_text("c,d\nx,1\ny,2\n")
    before = sorted(path.name for path in here.iterdir())
    assert main(["encode", *words]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f"mi-run: {line}")
    assert printed.count("\n") == 1
    assert sorted(path.name for path in here.iterdir()) == before


def test_interruption_leaves_nothing(here, monkeypatch, capsys):
    before = sorted(path.name for path in here.iterdir())

    def interrupted(self, x):
        raise KeyboardInterrupt

    monkeypatch.setattr("mi_cli.representations.training.TrainedEncoder.codes", interrupted)
    assert main(["encode", "run=run", "data=rows.csv", "output=codes.csv"]) == 130
    assert capsys.readouterr().err == "mi-run: interrupted\n"
    assert sorted(path.name for path in here.iterdir()) == before


def test_full_disk_is_one_line(here, monkeypatch, capsys):
    def full(*arguments, **more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mi_cli.cli.encode_command.np.save", full)
    assert main(["encode", "run=run", "data=rows.csv", "output=codes.csv"]) == 2
    assert capsys.readouterr().err.startswith("mi-run: output=codes.csv: cannot be written (No space left on device)")
    assert not [path for path in here.iterdir() if "codes" in path.name]
